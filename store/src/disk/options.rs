//! How a disk store is opened: what its host chooses, and nothing of RocksDB.

use std::path::PathBuf;
use std::time::Duration;

use crate::Clock;

/// What an acknowledged commit survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Loss of power: every group of commits is synced before it is acknowledged.
    Sync,
    /// The end of this process, however it comes; not the end of the operating system.
    Os,
}

/// What a key space is used for, so that it is stored well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpaceKind {
    /// Keys in any order, read one by one and in ranges.
    Rows,
    /// Keys that are appended, read in ranges, and removed in ranges from the oldest on.
    Log,
    /// Few and small values that change all the time.
    Counters,
}

/// One key space: [`crate::KeySpace`] is its position in [`DiskOptions::spaces`].
#[derive(Clone, Copy, Debug)]
pub struct SpaceOptions {
    /// The name that the space is stored under; it must never change.
    pub name: &'static str,
    /// What it is used for.
    pub kind: SpaceKind,
}

/// How a [`crate::DiskStore`] is opened. Start from [`DiskOptions::new`].
#[derive(Clone, Debug)]
pub struct DiskOptions {
    /// The data directory; created where it is missing.
    pub path: PathBuf,
    /// The key spaces. A later version may add some at the end, and must not take any away.
    pub spaces: &'static [SpaceOptions],
    /// What an acknowledged commit survives. Default: [`Durability::Sync`].
    pub durability: Durability,
    /// Memory for single values, blocks, indexes, filters and write buffers together, in bytes.
    /// Default: 256 MiB.
    pub cache_bytes: usize,
    /// How much of it the write buffers of all spaces may take together, in bytes. Default: 64 MiB.
    pub write_buffer_bytes: usize,
    /// The log of what the write buffers hold may grow to this, in bytes; replaying it is most of
    /// the time that opening takes. Default: 192 MiB.
    pub log_bytes_max: u64,
    /// Writes are refused while the file system has fewer bytes free. Default: 512 MiB.
    pub min_free_bytes: u64,
    /// Batches that are decided and not yet written may take this many bytes together; further
    /// commits wait. Default: 64 MiB. One larger batch goes alone.
    pub queue_bytes_max: u32,
    /// Threads that read what is not in memory. Default: 8.
    pub read_threads: usize,
    /// Reads that may wait for one of these threads; further ones wait before they queue.
    /// Default: 512.
    pub read_queue_max: usize,
    /// Files that are held open at once. Default: 1000.
    pub open_files_max: u32,
    /// Threads that write out buffers and merge files. Default: 2.
    pub background_threads: u32,
    /// The room of a removed range is given back this long after its removal, when no snapshot can
    /// see it any more. Default: 10 seconds.
    pub reclaim_delay: Duration,
    /// What log records are stamped by.
    pub clock: Clock,
}

impl DiskOptions {
    /// The defaults for a data directory.
    pub fn new(path: impl Into<PathBuf>, spaces: &'static [SpaceOptions]) -> Self {
        DiskOptions {
            path: path.into(),
            spaces,
            durability: Durability::Sync,
            cache_bytes: 256 << 20,
            write_buffer_bytes: 64 << 20,
            log_bytes_max: 192 << 20,
            min_free_bytes: 512 << 20,
            queue_bytes_max: 64 << 20,
            read_threads: 8,
            read_queue_max: 512,
            open_files_max: 1000,
            background_threads: 2,
            reclaim_delay: Duration::from_secs(10),
            clock: Clock::system(),
        }
    }

    /// How much of the cache keeps single values, in bytes.
    pub(super) fn row_cache_bytes(&self) -> usize {
        self.cache_bytes / 4
    }
}
