//! What a store on disk has counted and what it is doing, for those who show it.

use histogram::Counts;
use rocksdb::ColumnFamily;
use rocksdb::properties::{self, PropName};
use rocksdb::statistics::Ticker;

use super::database::Database;

/// How many levels of tables RocksDB has.
const LEVELS: usize = 7;

/// All that a [`crate::DiskStore`] has counted since it was opened, and what it holds now. What is counted
/// only grows.
#[derive(Clone, Debug, Default)]
pub struct DiskMeasurements {
    /// Whether writes are refused until the store is reopened.
    pub is_poisoned: bool,
    /// Room left on the file system, in bytes.
    pub free_bytes: u64,
    /// Below this room, writes are refused.
    pub min_free_bytes: u64,
    /// How long groups of commits took from the line to the disk, in microseconds: where durability is
    /// [`crate::Durability::Sync`], the time of a sync and little more.
    pub write_us: Counts,
    /// How many commits each group had.
    pub group_commits: Counts,
    /// Commits in line for the committer.
    pub queued_commits: usize,
    /// What these take, in bytes.
    pub queued_bytes: usize,
    /// What they may take.
    pub queue_bytes_max: usize,
    /// Reads in line for a thread that goes to the disk.
    pub waiting_reads: usize,
    /// Single values that were found in the cache of items.
    pub row_cache_hits: u64,
    /// Those that were not.
    pub row_cache_misses: u64,
    /// What that cache holds, in bytes.
    pub row_cache_bytes: u64,
    /// Blocks that were found in the cache of blocks.
    pub block_cache_hits: u64,
    /// Those that were read from a file.
    pub block_cache_misses: u64,
    /// What that cache holds, write buffers included, in bytes.
    pub block_cache_bytes: u64,
    /// What it may hold.
    pub block_cache_bytes_max: u64,
    /// Bytes that compactions have read.
    pub compaction_read_bytes: u64,
    /// Bytes that compactions have written.
    pub compaction_written_bytes: u64,
    /// Bytes that are to be rewritten before every level has its size; an estimate.
    pub compaction_pending_bytes: u64,
    /// How many spaces want a compaction.
    pub compactions_pending: u64,
    /// How many compactions are running.
    pub compactions_running: u64,
    /// Bytes of tables that write buffers were written out to.
    pub flushed_bytes: u64,
    /// How many write buffers are being written out.
    pub flushes_running: u64,
    /// What the write buffers hold, in bytes.
    pub memtable_bytes: u64,
    /// How long writes were held up for compactions to catch up, in microseconds.
    pub stalled_us: u64,
    /// Whether writes are held up now.
    pub is_stalled: bool,
    /// How many table files each level has, over all spaces.
    pub level_files: [u64; LEVELS],
    /// What all table files take, in bytes.
    pub table_bytes: u64,
}

impl Database {
    /// What RocksDB and the cache of items have counted; the rest is left at its default.
    pub fn measurements(&self) -> DiskMeasurements {
        let families = self.families();
        let sum = |name: &PropName| -> u64 {
            let values = families.iter().map(|family| self.property(family, name));
            values.sum()
        };
        // Of the whole database, whichever family is asked.
        let whole = |name: &PropName| self.property(self.notes(), name);
        let (row_cache_hits, row_cache_misses, row_cache_bytes) = self.rows.figures();
        DiskMeasurements {
            row_cache_hits,
            row_cache_misses,
            row_cache_bytes,
            block_cache_hits: self.ticker(Ticker::BlockCacheHit),
            block_cache_misses: self.ticker(Ticker::BlockCacheMiss),
            block_cache_bytes: whole(properties::BLOCK_CACHE_USAGE),
            block_cache_bytes_max: whole(properties::BLOCK_CACHE_CAPACITY),
            compaction_read_bytes: self.ticker(Ticker::CompactReadBytes),
            compaction_written_bytes: self.ticker(Ticker::CompactWriteBytes),
            compaction_pending_bytes: sum(properties::ESTIMATE_PENDING_COMPACTION_BYTES),
            compactions_pending: sum(properties::COMPACTION_PENDING),
            compactions_running: whole(properties::NUM_RUNNING_COMPACTIONS),
            flushed_bytes: self.ticker(Ticker::FlushWriteBytes),
            flushes_running: whole(properties::NUM_RUNNING_FLUSHES),
            memtable_bytes: sum(properties::SIZE_ALL_MEM_TABLES),
            stalled_us: self.ticker(Ticker::StallMicros),
            is_stalled: whole(properties::IS_WRITE_STOPPED) > 0,
            level_files: std::array::from_fn(|level| {
                let name = properties::num_files_at_level(level);
                families.iter().map(|family| self.number(family, &name)).sum()
            }),
            table_bytes: sum(properties::TOTAL_SST_FILES_SIZE),
            ..DiskMeasurements::default()
        }
    }

    /// A figure of RocksDB's; zero where it does not know.
    fn property(&self, family: &ColumnFamily, name: &PropName) -> u64 {
        let value = self.rocks.property_int_value_cf(family, name);
        value.ok().flatten().unwrap_or(0)
    }

    /// As [`Database::property`], of a figure that RocksDB gives as text.
    fn number(&self, family: &ColumnFamily, name: &PropName) -> u64 {
        let text = self.rocks.property_value_cf(family, name).ok().flatten();
        text.and_then(|text| text.parse().ok()).unwrap_or(0)
    }
}
