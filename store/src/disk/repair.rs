//! Mending a data directory whose log is damaged, at the price of what the damage took.

use std::path::Path;

use rocksdb::DB;

use super::directory::DataDirectory;
use super::opening::opening_error;
use super::options::DiskOptions;
use super::recovery::{self, LogLoss};
use super::tuning::Tuning;
use crate::StoreError;

/// What [`repair_log`] would take away from the store at `path`; nothing where it can be opened as
/// it is.
pub fn find_log_losses(path: &Path) -> Result<Vec<LogLoss>, StoreError> {
    let directory = DataDirectory::lock_existing(path)?;
    recovery::losses(&directory.database())
}

/// Cuts the log of a store at its first damage, and says what was lost. The bytes that are cut off
/// are kept in the directory `lost` inside the data directory.
///
/// Every commit before the damage stays, every commit behind it is gone.
pub fn repair_log(options: &DiskOptions) -> Result<Vec<LogLoss>, StoreError> {
    let directory = DataDirectory::lock_existing(&options.path)?;
    let database = directory.database();
    let losses = recovery::cut_damage(&database, &directory.lost()?)?;

    // RocksDB keeps a list of its log files; opened once without it, it makes a new one.
    let failure = |error: rocksdb::Error| opening_error(&database, &error);
    let mut tuning = Tuning::new(options, false, false).map_err(failure)?;
    tuning.database.set_track_and_verify_wals_in_manifest(false);
    let open = || {
        let rocks = DB::open_cf_descriptors(&tuning.database, &database, tuning.families)?;
        rocks.flush_wal(true)
    };
    open().map_err(failure)?;
    Ok(losses)
}
