//! Every option that RocksDB is opened with, and why.

use rocksdb::statistics::StatsLevel;
use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, ColumnFamilyDescriptor, CompactOptions, DBCompressionType,
    DBRecoveryMode, DataBlockIndexType, LogLevel, Options, WriteBufferManager,
};
use rocksdb::{InfoLogger, WriteOptions};

use super::merging::MergeSizes;
use super::options::{DiskOptions, Durability, SpaceKind};

/// The column family that every RocksDB database has; it holds the store's own notes.
pub(super) const NOTES: &str = "default";

/// RocksDB refuses write buffers below this.
const WRITE_BUFFER_BYTES_MIN: usize = 64 << 10;

/// Options of the database, and of each of its column families.
pub(super) struct Tuning {
    pub database: Options,
    pub families: Vec<ColumnFamilyDescriptor>,
    /// Tells how much stands in write buffers.
    pub buffers: WriteBufferManager,
    pub sizes: MergeSizes,
}

impl Tuning {
    /// Where `merges` is false, tables are merged only once that is turned on.
    pub fn new(options: &DiskOptions, may_create: bool, merges: bool) -> Result<Self, rocksdb::Error> {
        let cache = cache(options);
        // Memory is one number: write buffers are paid for by the cache, and writes wait rather than
        // outgrow it.
        let write_buffers = options.write_buffer_bytes.max(WRITE_BUFFER_BYTES_MIN);
        let buffers =
            WriteBufferManager::new_write_buffer_manager_with_cache(write_buffers, false, cache.clone());
        let sizes = MergeSizes::on(&options.path, options.background_threads);
        let family = |kind| {
            let mut family = family(options, kind, &cache, sizes);
            family.set_disable_auto_compactions(!merges);
            family
        };
        let mut families = vec![ColumnFamilyDescriptor::new(NOTES, family(SpaceKind::Counters))];
        families.extend(
            options
                .spaces
                .iter()
                .map(|space| ColumnFamilyDescriptor::new(space.name, family(space.kind))),
        );
        Ok(Tuning {
            database: database(options, &buffers, may_create)?,
            families,
            buffers,
            sizes,
        })
    }
}

/// How groups of commits are written.
pub(super) fn write_options(durability: Durability) -> WriteOptions {
    let mut write = WriteOptions::default();
    write.set_sync(durability == Durability::Sync);
    write
}

/// How the room of a removed range is given back.
pub(super) fn reclaim_options() -> CompactOptions {
    let mut compact = CompactOptions::default();
    // Ordinary compactions go on meanwhile.
    compact.set_exclusive_manual_compaction(false);
    compact
}

/// The one cache: of the kind that readers on many cores share without waiting for each other.
fn cache(options: &DiskOptions) -> Cache {
    Cache::new_hyper_clock_cache(options.cache_bytes - options.row_cache_bytes(), 0)
}

fn database(
    options: &DiskOptions,
    buffers: &WriteBufferManager,
    may_create: bool,
) -> Result<Options, rocksdb::Error> {
    // Retrying what failed in the background is off, as a failed sync must never turn into a
    // success; the option has no setter of its own.
    let mut database = Options::default()
        .get_options_from_string("max_bgerror_resume_count=0;strict_bytes_per_sync=true")?;

    // A database that exists is never created again over its remains, and new spaces of a newer
    // version are added.
    database.create_if_missing(may_create);
    database.create_missing_column_families(true);

    // Damage is an error as soon as it is seen. The tail that a crash may tear off the log was cut
    // before RocksDB opens it, so whatever is wrong with the log then is damage.
    database.set_paranoid_checks(true);
    database.set_wal_recovery_mode(DBRecoveryMode::AbsoluteConsistency);
    database.set_track_and_verify_wals_in_manifest(true);
    database.set_recycle_log_file_num(0);

    database.set_write_buffer_manager(buffers);
    // Logs are bounded, so that opening takes seconds at any size of the tables.
    database.set_max_total_wal_size(options.log_bytes_max);
    database.set_max_open_files(i32::try_from(options.open_files_max).unwrap_or(i32::MAX));
    database.set_table_cache_num_shard_bits(4);
    // Opening opens some of the table files ahead; each thread for that costs more than it brings.
    database.set_max_file_opening_threads(2);

    // All spaces are written out together, so that table files never hold one half of a commit
    // whose other half is still in a log file, which damage may take away.
    database.set_atomic_flush(true);

    // There is one writer, the committer: nothing needs to be arranged between several.
    database.set_allow_concurrent_memtable_write(false);
    database.set_enable_write_thread_adaptive_yield(false);

    // A manifest grows by little, and a new one with each opening must not need much room.
    database.set_manifest_preallocation_size(64 << 10);

    // Background work in small pieces, so that it neither floods the disk nor needs much spare room.
    database.set_max_background_jobs(i32::try_from(options.background_threads.max(2)).unwrap_or(i32::MAX));
    database.set_bytes_per_sync(1 << 20);
    // Files that a reader was the last to use are deleted by a background thread, not by the reader.
    database.set_avoid_unnecessary_blocking_io(true);

    // Counters of events, which are kept by core; times and sizes would cost a clock or a lock each.
    database.enable_statistics();
    database.set_statistics_level(StatsLevel::ExceptHistogramOrTimers);

    // Opening reads no table file that it does not need, and starts no thread for statistics.
    database.set_skip_stats_update_on_db_open(true);
    database.set_stats_dump_period_sec(0);
    database.set_stats_persist_period_sec(0);

    // RocksDB's own log goes where all logs go.
    database.set_info_logger(InfoLogger::new_callback_logger(
        LogLevel::Warn,
        |level, message| match level {
            LogLevel::Error | LogLevel::Fatal => tracing::error!(target: "rocksdb", "{message}"),
            LogLevel::Warn => tracing::warn!(target: "rocksdb", "{message}"),
            _ => tracing::debug!(target: "rocksdb", "{message}"),
        },
    ));
    Ok(database)
}

fn family(options: &DiskOptions, kind: SpaceKind, cache: &Cache, sizes: MergeSizes) -> Options {
    let mut family = Options::default();

    // One space may fill half of what all have; the manager writes out the largest before that.
    family.set_write_buffer_size((options.write_buffer_bytes / 2).max(WRITE_BUFFER_BYTES_MIN));
    family.set_max_write_buffer_number(4);
    // An idle space holds little memory.
    family.set_arena_block_size(64 << 10);

    family.set_compression_type(DBCompressionType::Lz4);
    family.set_target_file_size_base(sizes.table_bytes);
    family.set_max_bytes_for_level_base(sizes.level_bytes);
    // Bounds the spare room that most compactions need.
    family.set_max_compaction_bytes(sizes.merge_bytes);

    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    table.set_block_size(8 << 10);
    table.set_format_version(6);
    // Indexes and filters live in the cache, in pieces, so that a table of any size fits a cache of
    // any size.
    table.set_cache_index_and_filter_blocks(true);
    table.set_cache_index_and_filter_blocks_with_high_priority(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    table.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
    table.set_pin_top_level_index_and_filter(true);
    table.set_metadata_block_size(8 << 10);
    match kind {
        SpaceKind::Rows => {
            // Ten bits: one lookup in a hundred reads a block in vain.
            table.set_bloom_filter(10.0, false);
            table.set_partition_filters(true);
            table.set_data_block_index_type(DataBlockIndexType::BinaryAndHash);
            // Most rows that are read are not in the write buffer; this tells at once.
            family.set_memtable_prefix_bloom_ratio(0.02);
            family.set_memtable_whole_key_filtering(true);
        }
        // Logs are read in ranges only.
        SpaceKind::Log => {}
        SpaceKind::Counters => {
            table.set_bloom_filter(10.0, false);
            family.set_target_file_size_base(sizes.table_bytes.min(4 << 20));
        }
    }
    family.set_block_based_table_factory(&table);
    family
}
