//! What a disk may do to Stator: lose what was not synced, fail, fill up, and rot.
//!
//! `ledger` keeps what clients asked for and what they were told, `requests` and `load` are those
//! clients, `reading` reads everything back from outside. `shim` preloads the library that stands between
//! the server and its files, `trace` reads what that recorded, `replay` is a disk that can be cut
//! off at any of those operations. The rest are the runs: `power_cuts`, `faults`, `damage`.

pub mod damage;
pub mod faults;
mod ledger;
mod load;
#[allow(dead_code, reason = "the library knows more names than this program uses")]
#[path = "../../shim/src/names.rs"]
pub mod names;
pub mod power_cuts;
mod program;
mod reading;
mod replay;
mod requests;
mod setting;
pub mod shim;
mod trace;
