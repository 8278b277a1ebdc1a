//! `torture kills`: a server under mixed load, killed at random moments and started again on the
//! same data.
//!
//! Sixteen clients write and read; `owned` says what each does to keys of its own, `hot_items` and
//! `hot_lists` what all do to a few keys at once. When the server was killed and listens again, they
//! rest until `verify` has compared everything with what they were told; `histories` keeps what
//! they did to the hot keys for the checkers of [`crate::history`].
//!
//! What the page cache holds survives the end of a process. So a sync that is left out is not found
//! here; cutting the power finds it.

mod arguments;
mod caller;
mod client;
mod clock;
mod follower;
mod histories;
mod hot_items;
mod hot_lists;
mod ledger;
mod owned;
mod plant;
mod run;
mod schema;
mod server;
mod site;
mod verify;

#[cfg(test)]
mod tests;

pub use arguments::KillsArguments;
pub use run::run;
