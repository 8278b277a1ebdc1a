//! The program as it is started: what it prints, what it listens on, how it ends.

#[cfg(feature = "disk")]
mod damage;
mod failures;
mod process;
mod serving;
#[cfg(feature = "disk")]
mod transfers;
