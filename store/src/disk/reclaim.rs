//! Giving back the room of removed ranges.
//!
//! A removed range is only marked as removed; its bytes go when RocksDB next merges those files,
//! which may be never when writes are refused for want of room. So some time after a large removal
//! the files that lie inside the range are deleted and the rest is merged.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rocksdb::{Range, WriteBatch, WriteOptions};

use super::database::Database;
use super::free_space::FreeSpace;
use super::health::Health;
use super::merging::{MergeSizes, most_of_a_merge};
use super::tuning::reclaim_options;
use crate::KeySpace;

/// Ranges that hold fewer bytes on disk are left to ordinary merging.
const WORTHWHILE_BYTES: u64 = 8 << 20;
/// How often the ranges are looked at.
const PERIOD: Duration = Duration::from_secs(1);
/// More ranges than this are not remembered; they are left to ordinary merging.
const RANGES_MAX: usize = 10_000;

/// The ranges whose room is to be given back.
#[derive(Debug)]
pub(super) struct Reclaim {
    delay: Duration,
    state: Mutex<State>,
    closing: Condvar,
}

#[derive(Debug, Default)]
struct State {
    ranges: Vec<RemovedRange>,
    closed: bool,
}

#[derive(Debug)]
struct RemovedRange {
    space: KeySpace,
    start: Vec<u8>,
    end: Vec<u8>,
    removed: Instant,
}

impl Reclaim {
    pub fn new(delay: Duration) -> Self {
        Reclaim {
            delay,
            state: Mutex::default(),
            closing: Condvar::new(),
        }
    }

    /// Remembers a range whose removal is durable.
    pub fn note(&self, space: KeySpace, start: Vec<u8>, end: Vec<u8>) {
        let mut state = self.state.lock();
        if start < end && state.ranges.len() < RANGES_MAX {
            state.ranges.push(RemovedRange {
                space,
                start,
                end,
                removed: Instant::now(),
            });
        }
    }

    /// Works until [`Reclaim::close`].
    pub fn run(&self, database: &Database, health: &Health, room: &RoomToMerge, write: &WriteOptions) {
        loop {
            let due = {
                let mut state = self.state.lock();
                if !state.closed {
                    self.closing.wait_for(&mut state, PERIOD);
                }
                if state.closed {
                    return;
                }
                let delay = self.delay;
                let is_due = |range: &mut RemovedRange| range.removed.elapsed() >= delay;
                state.ranges.extract_if(.., is_due).collect::<Vec<_>>()
            };
            for range in due {
                if health.check().is_err() {
                    return;
                }
                match range.reclaim(database, room, write) {
                    Ok(Reclaimed::All) => {}
                    // Later there may be more room.
                    Ok(Reclaimed::Part) => self.note(range.space, range.start, range.end),
                    Err(error) => {
                        tracing::warn!(%error, "cannot give back the room of a removed range");
                    }
                }
            }
        }
    }

    pub fn close(&self) {
        self.state.lock().closed = true;
        self.closing.notify_all();
    }
}

/// How much of the room of a range was given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reclaimed {
    All,
    /// What a merge gives back has to wait until there is room for the merge.
    Part,
}

impl RemovedRange {
    fn reclaim(
        &self,
        database: &Database,
        room: &RoomToMerge,
        write: &WriteOptions,
    ) -> Result<Reclaimed, rocksdb::Error> {
        let space = database.space(self.space);
        if self.size_bytes(database) < WORTHWHILE_BYTES {
            return Ok(Reclaimed::All);
        }
        database
            .rocks
            .delete_file_in_range_cf(space, &self.start, &self.end)?;
        // The mark of the removal may have been in one of these files, and older values in files
        // that reach beyond the range.
        let mut again = WriteBatch::default();
        again.delete_range_cf(space, &self.start, &self.end);
        database.rocks.write_opt(again, write)?;
        if !self.may_merge(database, room)? {
            return Ok(Reclaimed::Part);
        }
        database
            .rocks
            .compact_range_cf_opt(space, Some(&self.start), Some(&self.end), &reclaim_options());
        Ok(Reclaimed::All)
    }

    /// The bytes that tables have of the range, about.
    fn size_bytes(&self, database: &Database) -> u64 {
        let range = [Range::new(&self.start, &self.end)];
        let sizes = database
            .rocks
            .get_approximate_sizes_cf(database.space(self.space), &range);
        sizes.iter().sum()
    }

    /// Whether there is room for the merge. Nothing of the range itself is written by it.
    fn may_merge(&self, database: &Database, room: &RoomToMerge) -> Result<bool, rocksdb::Error> {
        let mut tables = database.tables()?;
        let name = database.space_name(self.space);
        tables.retain(|table| table.column_family_name == name);
        let kept_bytes = tables.iter().map(|table| table.size as u64).sum::<u64>();
        let kept_bytes = kept_bytes.saturating_sub(self.size_bytes(database));
        let needed_bytes = most_of_a_merge(&tables, room.sizes.merge_bytes).min(kept_bytes);
        let spare_bytes = room.free_space.ask_now();
        Ok(spare_bytes >= needed_bytes + room.free_space.beside_merging_bytes())
    }
}

/// What tells whether there is room for a merge.
pub(super) struct RoomToMerge {
    pub free_space: Arc<FreeSpace>,
    pub sizes: MergeSizes,
}
