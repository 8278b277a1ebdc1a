//! Giving back the room of removed ranges, and watching the database meanwhile.
//!
//! A removed range is only marked as removed; its bytes go when RocksDB next merges those files,
//! which may be never when writes are refused for want of room. So some time after a large removal
//! the files that lie inside the range are deleted and the rest is merged.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rocksdb::{Range, WriteBatch, WriteOptions};

use super::database::Database;
use super::health::Health;
use super::pipeline::Pipeline;
use super::tuning::reclaim_options;
use crate::KeySpace;
use tokio::sync::Semaphore;

/// Ranges that hold fewer bytes on disk are left to ordinary merging.
const WORTHWHILE_BYTES: u64 = 8 << 20;
/// How often the database is asked whether its background work has failed.
const WATCH_PERIOD: Duration = Duration::from_secs(1);
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
    pub fn run(&self, database: &Arc<Database>, watch: &Watch, write: &WriteOptions) {
        let health = &watch.health;
        loop {
            let due = {
                let mut state = self.state.lock();
                if !state.closed {
                    self.closing.wait_for(&mut state, WATCH_PERIOD);
                }
                if state.closed {
                    return;
                }
                let delay = self.delay;
                let is_due = |range: &mut RemovedRange| range.removed.elapsed() >= delay;
                state.ranges.extract_if(.., is_due).collect::<Vec<_>>()
            };
            watch.check_background_work(database);
            for range in due {
                if health.check().is_err() {
                    return;
                }
                if let Err(error) = range.reclaim(database, write) {
                    tracing::warn!(%error, "cannot give back the room of a removed range");
                }
            }
        }
    }

    pub fn close(&self) {
        self.state.lock().closed = true;
        self.closing.notify_all();
    }
}

impl RemovedRange {
    fn reclaim(&self, database: &Database, write: &WriteOptions) -> Result<(), rocksdb::Error> {
        let space = database.space(self.space);
        let sizes = database
            .rocks
            .get_approximate_sizes_cf(space, &[Range::new(&self.start, &self.end)]);
        if sizes.iter().sum::<u64>() < WORTHWHILE_BYTES {
            return Ok(());
        }
        database
            .rocks
            .delete_file_in_range_cf(space, &self.start, &self.end)?;
        // The mark of the removal may have been in one of these files, and older values in files
        // that reach beyond the range.
        let mut again = WriteBatch::default();
        again.delete_range_cf(space, &self.start, &self.end);
        database.rocks.write_opt(again, write)?;
        database
            .rocks
            .compact_range_cf_opt(space, Some(&self.start), Some(&self.end), &reclaim_options());
        Ok(())
    }
}

/// Who is told when background work has failed.
pub(super) struct Watch {
    pub health: Arc<Health>,
    pub pipeline: Arc<Pipeline>,
    pub room: Arc<Semaphore>,
}

impl Watch {
    /// A failure of a flush or a merge counts as a failed write. RocksDB may hold up the write that is
    /// under way until there is room again, which nobody should wait for: it is given up, with all
    /// that stand in line.
    fn check_background_work(&self, database: &Database) {
        let errors = database.rocks.property_int_value("rocksdb.background-errors");
        if let Ok(Some(errors @ 1..)) = errors {
            self.health.poison(format!(
                "{errors} background writes to {} failed; the log says why",
                database.path().display()
            ));
            if let Err(error) = self.health.check() {
                self.pipeline.give_up(&error);
                self.room.close();
            }
        }
    }
}
