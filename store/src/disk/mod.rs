//! The store on disk, over RocksDB.
//!
//! Read in this order: [`store`] is the way of a read and of a commit; `pipeline` is what stands
//! between a decision and its durability, `group` the wait for it, `committer` the thread that
//! brings it about; `tuning` is how RocksDB is set up. `directory`, `recovery`, `seal`, `wal` and
//! `manifest` are about opening: whose directory it is, and whether its log and its manifest are whole.
//! `free_space`, `merging` and `watch` keep it going on a disk that becomes full.

mod committer;
mod crc32c;
mod database;
mod directory;
mod free_space;
mod gather;
mod group;
mod health;
mod manifest;
mod measurements;
mod merging;
mod opening;
mod options;
mod pipeline;
mod readers;
mod reclaim;
mod recovery;
mod repair;
mod row_cache;
mod seal;
mod snapshot;
mod source;
mod store;
mod suspect;
mod tuning;
mod wal;
mod watch;

pub use measurements::DiskMeasurements;
pub use options::{DiskOptions, Durability, SpaceKind, SpaceOptions};
pub use recovery::LogLoss;
pub use repair::{find_log_losses, repair_log};
pub use store::{DiskSnapshot, DiskStatus, DiskStore};
