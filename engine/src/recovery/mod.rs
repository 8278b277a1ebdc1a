//! Point-in-time recovery: which moments a table can be restored to, what its settings were then, and
//! how long its log is kept.
//!
//! A table whose recovery is enabled logs every change with the item before it (`log.rs`), and every
//! version of its descriptor in a second log, under the id of the recovery; the first record there is
//! the enabling. Log numbers and commit times of both logs are of one order, so that a moment is one
//! number for both: that of the last change committed by then. [`trimming`] removes what is older than
//! the recovery reaches back; [`restoring`] fills a new table, with [`crate::history`] as its source.

pub(crate) mod restoring;
mod trimming;

use api::Error;
use store::{Direction, RangeRequest, Store};

use crate::Engine;
use crate::catalog::{Recovery, TableDescriptor};
use crate::error::from_store;
use crate::keys;
use crate::log;
use crate::read::end_of;

/// The moments that a table can be restored to, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Restorable {
    /// The earliest one.
    pub earliest_ms: u64,
    /// Now.
    pub now_ms: u64,
}

impl Restorable {
    /// The latest whole second that has begun, or the earliest moment where that comes later.
    pub fn latest_ms(&self) -> u64 {
        (self.now_ms / 1000 * 1000).max(self.earliest_ms)
    }

    /// Whether the table can be restored to this moment.
    pub fn contains(&self, time_ms: u64) -> bool {
        (self.earliest_ms..=self.now_ms.max(self.earliest_ms)).contains(&time_ms)
    }
}

/// Where a log begins that is kept for recovery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogBegin {
    /// Records up to this number are gone.
    pub removed: u64,
    /// The commit time of the newest of them, in milliseconds since the Unix epoch.
    pub time_ms: u64,
}

impl LogBegin {
    fn to_stored(self) -> Vec<u8> {
        [self.removed.to_be_bytes(), self.time_ms.to_be_bytes()].concat()
    }

    /// Reads what is kept under [`keys::log_removed`].
    pub fn from_stored(stored: Option<&[u8]>) -> Self {
        let (numbers, _) = stored.unwrap_or_default().as_chunks::<8>();
        match numbers {
            [removed, time_ms] => LogBegin {
                removed: u64::from_be_bytes(*removed),
                time_ms: u64::from_be_bytes(*time_ms),
            },
            _ => LogBegin::default(),
        }
    }
}

impl<S: Store> Engine<S> {
    /// Where the log of a table begins that is kept for recovery.
    pub(crate) async fn log_begin(&self, table_id: u32) -> Result<LogBegin, Error> {
        let key = keys::log_removed(table_id);
        let stored = self.store.get(key.space, &key.bytes).await.map_err(from_store)?;
        Ok(LogBegin::from_stored(stored.as_deref()))
    }

    /// The moments that a table with this recovery can be restored to.
    pub(crate) async fn restorable(&self, table_id: u32, recovery: &Recovery) -> Result<Restorable, Error> {
        let now_ms = self.clock.now_ms();
        let begin = self.log_begin(table_id).await?;
        // The enabling, or where that is trimmed away a version from before all that is kept.
        let prefix = keys::id_prefix(recovery.id);
        let oldest = self
            .first_record_time(recovery.id, &prefix)
            .await?
            .ok_or_else(Error::internal)?;
        Ok(Restorable {
            earliest_ms: oldest
                .max(begin.time_ms)
                .max(now_ms.saturating_sub(recovery.period_ms())),
            now_ms,
        })
    }

    /// The commit time of the first record at `start` or behind it.
    async fn first_record_time(&self, log_id: u32, start: &[u8]) -> Result<Option<u64>, Error> {
        let request = RangeRequest {
            space: keys::LOG,
            start,
            end: &end_of(&keys::id_prefix(log_id)),
            direction: Direction::Forward,
            rows_max: 1,
            bytes_max: 1,
        };
        let page = self.store.range(request).await.map_err(from_store)?;
        if page.is_empty() {
            return Ok(None);
        }
        let time_ms = log::time_ms(page.value_bytes(0));
        time_ms.map(Some).ok_or_else(Error::internal)
    }

    /// The number of the last change, of the table's items or its descriptor, that was committed at
    /// `time_ms` or earlier.
    pub(crate) async fn boundary_at(
        &self,
        table_id: u32,
        recovery: &Recovery,
        time_ms: u64,
    ) -> Result<u64, Error> {
        let removed = self.log_begin(table_id).await?.removed;
        let item = self.last_record(table_id, removed, time_ms).await?;
        let version = self.last_record(recovery.id, 0, time_ms).await?;
        Ok(item.max(version))
    }

    /// The number of the last record of a log that was committed at `time_ms` or earlier, or `least`
    /// where there is none above it. Times never decrease along a log, so that it is found by halving.
    async fn last_record(&self, log_id: u32, least: u64, time_ms: u64) -> Result<u64, Error> {
        let mut high = self.store.log_end().await.map_err(from_store)?.saturating_add(1);
        let mut low = least.saturating_add(1);
        while low < high {
            let middle = low + (high - low) / 2;
            let start = keys::log_record(log_id, middle);
            // No record before the next one behind the middle is later than that one.
            match self.first_record_time(log_id, &start).await? {
                Some(found_ms) if found_ms <= time_ms => low = middle + 1,
                _ => high = middle,
            }
        }
        Ok(low - 1)
    }

    /// The descriptor of a table as it was after the change with this number; `None` where that is no
    /// longer known.
    pub(crate) async fn version_at(
        &self,
        recovery: &Recovery,
        boundary: u64,
    ) -> Result<Option<TableDescriptor>, Error> {
        let request = RangeRequest {
            space: keys::LOG,
            start: &keys::id_prefix(recovery.id),
            end: &keys::log_record(recovery.id, boundary.saturating_add(1)),
            direction: Direction::Reverse,
            rows_max: 1,
            bytes_max: 1,
        };
        let page = self.store.range(request).await.map_err(from_store)?;
        if page.is_empty() {
            return Ok(None);
        }
        read_version(page.value_bytes(0)).map(Some).map_err(from_store)
    }
}

/// Reads a record of the log of a table's descriptors.
pub(crate) fn read_version(stored: &[u8]) -> Result<TableDescriptor, store::StoreError> {
    let descriptor = stored.get(store::LOG_TIME_BYTES..).unwrap_or_default();
    TableDescriptor::from_stored(descriptor)
}
