//! In what pieces RocksDB merges tables, and how much room that may take before it gives back more.
//!
//! A merge writes its output in full before its input is removed. What it takes at most follows from
//! the tables that there are: those of level 0 are merged all at once, with the whole level below
//! them; a table of any other level with those of the next level that it overlaps, and some more
//! where the whole stays small.

use std::collections::HashMap;
use std::path::Path;

use rocksdb::LiveFile;

/// How large the pieces are that tables are merged in.
///
/// On a small disk they are smaller: room for the largest merge must stay free, or nothing is merged
/// any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MergeSizes {
    /// The size of a table.
    pub table_bytes: u64,
    /// The size of the first level that is not merged as a whole.
    pub level_bytes: u64,
    /// Merges of more tables than overlap stay below this.
    pub merge_bytes: u64,
    /// How many merges go on at once.
    pub merges_at_once: u64,
}

/// Of disks smaller than 4 GiB, the largest merge takes so large a part, about.
const DISK_PART: u64 = 16;
const MERGE_BYTES_MIN: u64 = 4 << 20;
const MERGE_BYTES_MAX: u64 = 256 << 20;
const TABLES_PER_MERGE: u64 = 8;

impl MergeSizes {
    /// For the disk that `path` is on, with so many threads for flushes and merges.
    pub fn on(path: &Path, background_threads: u32) -> Self {
        // Where the size cannot be told, the disk is as large as most.
        Self::for_disk(fs4::total_space(path).unwrap_or(u64::MAX), background_threads)
    }

    fn for_disk(disk_bytes: u64, background_threads: u32) -> Self {
        let merge_bytes = (disk_bytes / DISK_PART).clamp(MERGE_BYTES_MIN, MERGE_BYTES_MAX);
        // A quarter of the threads, one at least, does nothing but flushes.
        let flushes = (background_threads / 4).max(1);
        MergeSizes {
            table_bytes: merge_bytes / TABLES_PER_MERGE,
            level_bytes: merge_bytes,
            merge_bytes,
            merges_at_once: u64::from(background_threads.saturating_sub(flushes).max(1)),
        }
    }
}

/// The most that any one merge of `tables` takes, in bytes. Merges of more tables than overlap stay
/// below `merge_bytes_max`.
pub(super) fn most_of_a_merge(tables: &[LiveFile], merge_bytes_max: u64) -> u64 {
    let mut families: HashMap<&str, Vec<&LiveFile>> = HashMap::new();
    for table in tables {
        families.entry(&table.column_family_name).or_default().push(table);
    }
    let most = families
        .values()
        .map(|tables| most_in_family(tables, merge_bytes_max));
    // Room is set aside for a tenth more than is thought to be written.
    most.max().unwrap_or(0) / 10 * 11
}

fn most_in_family(tables: &[&LiveFile], merge_bytes_max: u64) -> u64 {
    let deepest = tables.iter().map(|table| table.level).max().unwrap_or(0);
    let level = |number: i32| tables.iter().filter(move |table| table.level == number);
    let size_of = |number: i32| level(number).map(|table| table.size as u64).sum::<u64>();
    // Levels between the first and the base level are empty.
    let base = (1..=deepest).find(|number| size_of(*number) > 0);
    let first = size_of(0) + base.map_or(0, size_of);
    let others = (1..=deepest).map(|number| {
        let next: Vec<_> = level(number + 1).collect();
        let overlapping = level(number).map(|table| {
            let overlapped = next.iter().filter(|other| overlap(table, other));
            table.size as u64 + overlapped.map(|other| other.size as u64).sum::<u64>()
        });
        let widened = merge_bytes_max.min(size_of(number) + size_of(number + 1));
        overlapping.max().unwrap_or(0).max(widened)
    });
    others.max().unwrap_or(0).max(first)
}

/// Whether two tables may have keys in common; those that say nothing of their keys may.
fn overlap(one: &LiveFile, other: &LiveFile) -> bool {
    let ends_before = |one: &LiveFile, other: &LiveFile| matches!((&one.end_key, &other.start_key), (Some(end), Some(start)) if end < start);
    !ends_before(one, other) && !ends_before(other, one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(family: &str, level: i32, size: usize, keys: (&str, &str)) -> LiveFile {
        LiveFile {
            column_family_name: family.to_owned(),
            name: String::new(),
            size,
            level,
            start_key: Some(keys.0.into()),
            end_key: Some(keys.1.into()),
            num_entries: 1,
            num_deletions: 0,
        }
    }

    #[test]
    fn pieces_are_smaller_on_a_small_disk() {
        let sizes = |disk_bytes, threads| {
            let sizes = MergeSizes::for_disk(disk_bytes, threads);
            (sizes.table_bytes, sizes.level_bytes, sizes.merges_at_once)
        };
        assert_eq!(sizes(1 << 40, 2), (32 << 20, 256 << 20, 1));
        assert_eq!(sizes(4 << 30, 8), (32 << 20, 256 << 20, 6));
        assert_eq!(sizes(64 << 20, 2), (512 << 10, 4 << 20, 1));
        assert_eq!(sizes(0, 0), (512 << 10, 4 << 20, 1));
    }

    #[test]
    fn the_first_level_is_merged_as_a_whole() {
        let tables = [
            table("rows", 0, 100, ("a", "z")),
            table("rows", 0, 200, ("a", "b")),
            table("rows", 4, 1000, ("a", "m")),
            table("rows", 4, 2000, ("n", "z")),
            table("rows", 5, 50_000, ("a", "b")),
            table("log", 0, 400, ("a", "z")),
        ];
        assert_eq!(most_of_a_merge(&tables[..4], 0), 3630);
        assert_eq!(most_of_a_merge(&tables[5..], 0), 440);
        // The largest of all: one table and what it overlaps.
        assert_eq!(most_of_a_merge(&tables, 0), 51_000 / 10 * 11);
        assert_eq!(most_of_a_merge(&[], 1 << 20), 0);
    }

    #[test]
    fn further_tables_join_while_the_whole_stays_small() {
        let tables = [
            table("rows", 1, 10, ("a", "b")),
            table("rows", 1, 10, ("c", "d")),
            table("rows", 2, 100, ("a", "a")),
            table("rows", 2, 200, ("d", "f")),
        ];
        assert_eq!(most_of_a_merge(&tables, 0), 210 / 10 * 11);
        assert_eq!(most_of_a_merge(&tables, 300), 300 / 10 * 11);
        assert_eq!(most_of_a_merge(&tables, 1 << 30), 320 / 10 * 11);
    }
}
