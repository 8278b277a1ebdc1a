//! Watching the open database: whether its background work has failed, and whether there is room for
//! merging.
//!
//! RocksDB merges tables whenever it sees fit, and knows nothing of the room that it must leave to
//! logs and write buffers; where it takes that too, a write fails, and with it all that follow. So
//! merging is turned off in good time while there is no room for the largest merge that may come,
//! and on again when there is. Without merging, tables are smaller and more.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::Semaphore;

use super::database::Database;
use super::free_space::FreeSpace;
use super::health::Health;
use super::merging::{MergeSizes, most_of_a_merge};
use super::pipeline::Pipeline;

/// How often the database is looked at.
const PERIOD: Duration = Duration::from_secs(1);
/// How often where room is short.
const PERIOD_WHEN_SHORT: Duration = Duration::from_millis(100);
/// Merging stays off for so long at least, for every change of it is noted on the disk.
const OFF_MIN: Duration = Duration::from_secs(2);

/// What the watching thread works with.
pub(super) struct Watch {
    pub database: Arc<Database>,
    pub health: Arc<Health>,
    pub pipeline: Arc<Pipeline>,
    pub room: Arc<Semaphore>,
    pub free_space: Arc<FreeSpace>,
    pub sizes: MergeSizes,
    pub merging: Merging,
    pub closing: Arc<Closing>,
}

/// Whether RocksDB merges tables by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Merging {
    On,
    OffSince(Instant),
}

/// Ends the watch.
#[derive(Debug, Default)]
pub(super) struct Closing {
    is_closing: Mutex<bool>,
    told: Condvar,
}

impl Closing {
    pub fn close(&self) {
        *self.is_closing.lock() = true;
        self.told.notify_all();
    }

    /// False when the time is over.
    fn comes_within(&self, time: Duration) -> bool {
        let mut is_closing = self.is_closing.lock();
        if !*is_closing {
            self.told.wait_for(&mut is_closing, time);
        }
        *is_closing
    }
}

impl Watch {
    /// Watches until [`Closing::close`].
    pub fn run(mut self) {
        loop {
            self.check_background_work();
            let period = match self.health.poisoned() {
                // Nothing is merged any more.
                Some(_) => PERIOD,
                None => self.look_after_merging(),
            };
            if self.closing.comes_within(period) {
                return;
            }
        }
    }

    /// A failure of a flush or a merge counts as a failed write. RocksDB may hold up the write that is
    /// under way until there is room again, which nobody should wait for: it is given up, with all
    /// that stand in line.
    fn check_background_work(&self) {
        let errors = self
            .database
            .rocks
            .property_int_value("rocksdb.background-errors");
        if let Ok(Some(errors @ 1..)) = errors {
            self.health.poison(format!(
                "{errors} background writes to {} failed; the log says why",
                self.database.path().display()
            ));
            if let Err(error) = self.health.check() {
                self.pipeline.give_up(&error);
                self.room.close();
            }
        }
    }

    /// Turns merging on or off, and says when to look again.
    fn look_after_merging(&mut self) -> Duration {
        let free_bytes = self.free_space.ask_now();
        if self.merging == Merging::On && free_bytes > self.bytes_for_anything() {
            self.free_space.keep_for_merging(0);
            return PERIOD;
        }
        let tables = match self.database.tables() {
            Ok(tables) => tables,
            Err(error) => {
                tracing::warn!(%error, "cannot tell how much room merging takes");
                return PERIOD;
            }
        };
        let needed_bytes = self.free_space.beside_merging_bytes()
            + most_of_a_merge(&tables, self.sizes.merge_bytes) * self.sizes.merges_at_once;
        // A merge that runs takes what it needs. Where that is more than writes leave to it, they are
        // refused meanwhile; so that this is rare, merging ends before and begins after.
        let is_covered = needed_bytes <= self.free_space.min_free_bytes();
        let (off_below, on_from) = match is_covered {
            true => (needed_bytes, needed_bytes / 8 * 9),
            false => (needed_bytes / 4 * 5, needed_bytes / 2 * 3),
        };
        match self.merging {
            Merging::On if free_bytes < off_below => self.turn_off(free_bytes, needed_bytes),
            Merging::OffSince(begun) if free_bytes >= on_from && begun.elapsed() >= OFF_MIN => {
                self.free_space.keep_for_merging(needed_bytes);
                self.turn_on(free_bytes, needed_bytes);
            }
            Merging::On | Merging::OffSince(_) => {}
        }
        let may_merge = self.merging == Merging::On || self.is_merging();
        self.free_space
            .keep_for_merging(if may_merge { needed_bytes } else { 0 });
        PERIOD_WHEN_SHORT
    }

    /// With more room than this, any merge has enough: it takes no more than all tables have.
    fn bytes_for_anything(&self) -> u64 {
        let tables_bytes = self.database.tables_bytes();
        let others = self.free_space.beside_merging_bytes() + self.free_space.min_free_bytes();
        2 * others + 2 * tables_bytes * self.sizes.merges_at_once
    }

    fn is_merging(&self) -> bool {
        let running = self
            .database
            .rocks
            .property_int_value("rocksdb.num-running-compactions");
        // What cannot be told may be so.
        !matches!(running, Ok(Some(0)))
    }

    fn turn_off(&mut self, free_bytes: u64, needed_bytes: u64) {
        tracing::warn!(
            free_bytes,
            needed_bytes,
            "there is too little room to merge tables; merging waits until there is more"
        );
        if self.set("true") {
            self.merging = Merging::OffSince(Instant::now());
        }
    }

    fn turn_on(&mut self, free_bytes: u64, needed_bytes: u64) {
        tracing::info!(
            free_bytes,
            needed_bytes,
            "there is room to merge tables; merging goes on"
        );
        if self.set("false") {
            self.merging = Merging::On;
        }
    }

    /// Whether it was possible in all spaces; what was not is tried again.
    fn set(&self, is_off: &str) -> bool {
        let families = self.database.families();
        let set = families.into_iter().try_for_each(|family| {
            let options = [("disable_auto_compactions", is_off)];
            self.database.rocks.set_options_cf(family, &options)
        });
        if let Err(error) = &set {
            tracing::warn!(%error, "cannot turn merging on or off");
        }
        set.is_ok()
    }
}
