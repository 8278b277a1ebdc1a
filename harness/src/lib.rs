//! What `bench` and `torture` have in common: starting servers as processes, calling them over raw
//! HTTP, a place for their data, and ending early when somebody has had enough.
//!
//! Nothing here links the database: it is looked at from outside, as its users see it.

pub mod control;
pub mod directory;
pub mod failure;
pub mod http;
pub mod interrupt;
pub mod server_process;
