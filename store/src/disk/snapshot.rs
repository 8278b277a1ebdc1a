//! A snapshot that keeps its database open.

use std::sync::Arc;

use rocksdb::Snapshot;

use super::database::Database;

/// A RocksDB snapshot together with the database that it is of.
pub(super) struct OwnedSnapshot {
    // Dropped before the database that it borrows.
    snapshot: Snapshot<'static>,
    _database: Arc<Database>,
}

impl OwnedSnapshot {
    pub fn new(database: Arc<Database>) -> Self {
        let snapshot = database.rocks.snapshot();
        // SAFETY: the snapshot borrows `database.rocks`, which lies behind an `Arc` and so does not
        // move. The same struct holds that `Arc` and drops it after the snapshot, as fields are
        // dropped in order. Nobody else gets the lengthened lifetime: `get` shortens it again.
        let snapshot = unsafe { std::mem::transmute::<Snapshot<'_>, Snapshot<'static>>(snapshot) };
        OwnedSnapshot {
            snapshot,
            _database: database,
        }
    }

    pub fn get(&self) -> &Snapshot<'_> {
        &self.snapshot
    }
}
