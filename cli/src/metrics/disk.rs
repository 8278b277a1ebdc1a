//! What is shown of the store on disk.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use store::{DiskMeasurements, DiskStore};

use super::MeasuredStore;
use super::families::{Families, Unit};

const SECONDS_PER_MICROSECOND: f64 = 1e-6;

/// What the store has counted.
#[derive(Debug)]
struct DiskFigures(DiskMeasurements);

impl MeasuredStore for DiskStore {
    fn figures(&self) -> Option<Box<dyn Collector>> {
        Some(Box::new(DiskFigures(self.measurements())))
    }
}

impl Collector for DiskFigures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut families = Families::new(&mut encoder);
        commits(&self.0, &mut families)?;
        caches(&self.0, &mut families)?;
        tables(&self.0, &mut families)
    }
}

fn commits(disk: &DiskMeasurements, families: &mut Families<'_, '_>) -> fmt::Result {
    families.histogram(
        "store_sync_duration_seconds",
        "How long groups of commits took to get to disk: with durability sync, a sync each",
        Unit::Time,
        &disk.write_us,
    )?;
    families.histogram(
        "store_group_commits",
        "How many commits shared a write, and a sync",
        Unit::Number,
        &disk.group_commits,
    )?;
    for (name, help, value) in [
        (
            "store_queued_commits",
            "Commits that wait for the committer",
            disk.queued_commits as u64,
        ),
        (
            "store_queued_bytes",
            "What the commits take that wait or are written",
            disk.queued_bytes as u64,
        ),
        (
            "store_queue_limit_bytes",
            "What they may take before others wait in front of them",
            disk.queue_bytes_max as u64,
        ),
        (
            "store_waiting_reads",
            "Reads that wait for a thread that goes to the disk",
            disk.waiting_reads as u64,
        ),
        (
            "store_writes_refused",
            "1 where a write has failed and no other is taken until a restart",
            u64::from(disk.is_poisoned),
        ),
        ("store_free_bytes", "Room on the file system", disk.free_bytes),
        (
            "store_min_free_bytes",
            "The room below which writes are refused",
            disk.min_free_bytes,
        ),
    ] {
        families.gauge(name, help, value)?;
    }
    Ok(())
}

fn caches(disk: &DiskMeasurements, families: &mut Families<'_, '_>) -> fmt::Result {
    families.counters("store_cache_hits", "What was found in a cache", |show| {
        show(&[("cache", "items")], disk.row_cache_hits as f64)?;
        show(&[("cache", "blocks")], disk.block_cache_hits as f64)
    })?;
    families.counters("store_cache_misses", "What was not", |show| {
        show(&[("cache", "items")], disk.row_cache_misses as f64)?;
        show(&[("cache", "blocks")], disk.block_cache_misses as f64)
    })?;
    families.gauges(
        "store_cache_bytes",
        "What a cache holds; that of blocks pays for write buffers too",
        |show| {
            show(&[("cache", "items")], disk.row_cache_bytes as f64)?;
            show(&[("cache", "blocks")], disk.block_cache_bytes as f64)
        },
    )?;
    families.gauge(
        "store_block_cache_limit_bytes",
        "What the cache of blocks may hold",
        disk.block_cache_bytes_max,
    )
}

fn tables(disk: &DiskMeasurements, families: &mut Families<'_, '_>) -> fmt::Result {
    for (name, help, count) in [
        (
            "store_compaction_read_bytes",
            "What compactions have read",
            disk.compaction_read_bytes,
        ),
        (
            "store_compaction_written_bytes",
            "What compactions have written",
            disk.compaction_written_bytes,
        ),
        (
            "store_flushed_bytes",
            "What write buffers were written out as",
            disk.flushed_bytes,
        ),
    ] {
        families.counter(name, help, count)?;
    }
    families.counters(
        "store_stall_seconds",
        "How long writes were held up for compactions to catch up",
        |show| show(&[], disk.stalled_us as f64 * SECONDS_PER_MICROSECOND),
    )?;
    for (name, help, value) in [
        (
            "store_stalled",
            "1 where writes are held up now",
            u64::from(disk.is_stalled),
        ),
        (
            "store_compaction_pending_bytes",
            "What is to be rewritten before each level has its size; an estimate",
            disk.compaction_pending_bytes,
        ),
        (
            "store_compactions_pending",
            "Spaces that want a compaction",
            disk.compactions_pending,
        ),
        (
            "store_compactions_running",
            "Compactions that are running",
            disk.compactions_running,
        ),
        (
            "store_flushes_running",
            "Write buffers that are being written out",
            disk.flushes_running,
        ),
        (
            "store_memtable_bytes",
            "What write buffers hold",
            disk.memtable_bytes,
        ),
        ("store_table_bytes", "What all table files take", disk.table_bytes),
    ] {
        families.gauge(name, help, value)?;
    }
    families.gauges("store_level_files", "Table files of a level", |show| {
        let levels = disk.level_files.iter().enumerate();
        levels
            .map(|(level, files)| (level.to_string(), *files))
            .try_for_each(|(level, files)| show(&[("level", &level)], files as f64))
    })
}
