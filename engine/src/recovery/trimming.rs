//! How long the log of a table is kept for recovery, and what becomes of it when that is disabled.
//!
//! While a log is kept for recovery or for a job, trimming for streams only moves the number up to
//! which they see it as trimmed; here the records go that nobody needs.

use api::Error;
use bytes::Bytes;
use store::{Batch, Decision, Declared, Direction, Held, Key, Outcome, RangePage, RangeRequest, Store};

use super::LogBegin;
use crate::Engine;
use crate::catalog::{Recovery, Table};
use crate::error::from_store;
use crate::keys;
use crate::log;
use crate::read::{Pages, end_of};
use crate::streams::StreamDescriptor;
use crate::streams::lifecycle::trimmed_number;

/// How many records one step removes at most.
const STEP_RECORDS_MAX: usize = 1024;
/// About how many bytes of records one step reads to remove them.
const STEP_BYTES_MAX: usize = 1 << 20;
/// How many versions of a descriptor one step looks at.
const STEP_VERSIONS_MAX: usize = 64;
/// A log that a job holds is looked at again after this time, in milliseconds, or when the job ends.
const HELD_MS: u64 = 60 * 60 * 1000;

/// Why a commit was not made: the table has changed, or somebody else has done it.
struct OutOfDate;

impl<S: Store> Engine<S> {
    /// Does one step for the log of the table of this name, and says when to look again; `None` where
    /// it is not kept for recovery any more.
    pub(crate) async fn log_step(&self, name: &str) -> Result<Option<u64>, Error> {
        let now_ms = self.clock.now_ms();
        let table = self.catalog.table(&self.store, name).await.map_err(from_store)?;
        let Some((table, recovery)) = table
            .as_ref()
            .and_then(|table| Some((table, table.descriptor.recovery.as_ref()?)))
        else {
            return Ok(None);
        };
        let done = if recovery.enabled {
            match self.trim_versions(table, recovery, now_ms).await? {
                Ok(()) => self.trim_history(table, recovery, now_ms).await?.map(Some),
                Err(out_of_date) => Err(out_of_date),
            }
        } else if table.descriptor.log_holds.is_empty() {
            self.end_history(table).await?.map(|()| None)
        } else {
            // The job's end lists this again.
            Ok(None)
        };
        done.or_else(|OutOfDate| {
            self.catalog.forget(name);
            Ok(Some(now_ms))
        })
    }

    async fn log_page(&self, start: &[u8], log_id: u32, rows_max: usize) -> Result<RangePage, Error> {
        let request = RangeRequest {
            space: keys::LOG,
            start,
            end: &end_of(&keys::id_prefix(log_id)),
            direction: Direction::Forward,
            rows_max,
            bytes_max: STEP_BYTES_MAX,
        };
        self.store.range(request).await.map_err(from_store)
    }

    /// Commits a batch where the table is still this version of it, and the keys that `expected` names
    /// hold what it says.
    async fn commit_trim<const KEYS: usize>(
        &self,
        table: &Table,
        expected: [(Key, Option<Bytes>); KEYS],
        make: impl Fn(&mut Batch) + Send + 'static,
    ) -> Result<Result<(), OutOfDate>, Error> {
        let declared = Declared {
            shared: vec![table.descriptor_key.clone()],
            exclusive: expected.iter().map(|(key, _)| key.clone()).collect(),
        };
        let version = Table::new(table.descriptor.clone());
        let decide = move |held: &Held| {
            let is_expected = expected.iter().map(|(_, stored)| stored).eq(&held.exclusive);
            if !version.is_current(held.shared[0].as_ref()) || !is_expected {
                return Decision::Replan;
            }
            let mut batch = Batch::new();
            batch.set_makes_room();
            make(&mut batch);
            Decision::<(), Error>::Commit(batch, ())
        };
        match self.store.commit(declared, decide).await.map_err(from_store)? {
            Outcome::Committed(()) => Ok(Ok(())),
            Outcome::Replan => Ok(Err(OutOfDate)),
            Outcome::Aborted(error) => Err(error),
        }
    }

    /// Removes descriptors that no moment needs which can be restored: all but the newest of those
    /// that are older than the recovery reaches back.
    async fn trim_versions(
        &self,
        table: &Table,
        recovery: &Recovery,
        now_ms: u64,
    ) -> Result<Result<(), OutOfDate>, Error> {
        let start = keys::id_prefix(recovery.id).to_vec();
        let page = self.log_page(&start, recovery.id, STEP_VERSIONS_MAX).await?;
        let is_old = |row: &usize| {
            log::time_ms(page.value_bytes(*row))
                .is_some_and(|time_ms| time_ms.saturating_add(recovery.period_ms()) <= now_ms)
        };
        let kept = (0..page.len()).take_while(is_old).last().unwrap_or_default();
        if kept == 0 {
            return Ok(Ok(()));
        }
        let end = page.key(kept).to_vec();
        let removed_key = keys::log_removed(table.id());
        let stored = self.store.get(removed_key.space, &removed_key.bytes).await;
        let expected = [(removed_key, stored.map_err(from_store)?)];
        self.commit_trim(table, expected, move |batch| {
            batch.delete_range(keys::LOG, start.clone(), end.clone());
        })
        .await
    }

    /// Removes changes that are older than the recovery reaches back and that no job needs, and says
    /// when to look again.
    async fn trim_history(
        &self,
        table: &Table,
        recovery: &Recovery,
        now_ms: u64,
    ) -> Result<Result<u64, OutOfDate>, Error> {
        let id = table.id();
        let removed_key = keys::log_removed(id);
        let stored = self.store.get(removed_key.space, &removed_key.bytes).await;
        let stored = stored.map_err(from_store)?;
        let begin = LogBegin::from_stored(stored.as_deref());
        let start = keys::log_record(id, begin.removed.saturating_add(1));
        let page = self.log_page(&start, id, STEP_RECORDS_MAX).await?;
        let held_from = table.descriptor.log_holds.iter().map(|hold| hold.boundary).min();
        let mut removed = None;
        let mut next_ms = (!page.more).then_some(now_ms.saturating_add(recovery.period_ms()));
        for (key, value) in page.iter() {
            let (Some(number), Some(time_ms)) = (keys::parse_log_record(key), log::time_ms(value)) else {
                tracing::error!(
                    table = table.name(),
                    "a record of a change log cannot be read; run `stator check`"
                );
                return Err(Error::internal());
            };
            let due_ms = time_ms.saturating_add(recovery.period_ms());
            if due_ms > now_ms {
                next_ms = Some(due_ms);
                break;
            }
            if held_from.is_some_and(|boundary| number > boundary) {
                next_ms = Some(now_ms.saturating_add(HELD_MS));
                break;
            }
            removed = Some(LogBegin {
                removed: number,
                time_ms,
            });
        }
        let next_ms = next_ms.unwrap_or(now_ms);
        let Some(removed) = removed else {
            return Ok(Ok(next_ms));
        };
        let key = removed_key.clone();
        let done = self.commit_trim(table, [(removed_key, stored)], move |batch| {
            let end = keys::log_record(id, removed.removed.saturating_add(1));
            batch.delete_range(keys::LOG, start.clone(), end);
            batch.put(key.clone(), removed.to_stored());
        });
        Ok(done.await?.map(|()| next_ms))
    }

    /// Removes what was kept for a recovery that is disabled: everything where no stream reads the
    /// log, or else what streams see as trimmed.
    async fn end_history(&self, table: &Table) -> Result<Result<(), OutOfDate>, Error> {
        let id = table.id();
        let removed_key = keys::log_removed(id);
        let trimmed_key = keys::log_trimmed(id);
        let stored = self
            .store
            .get_many(&[removed_key.clone(), trimmed_key.clone()])
            .await;
        let [removed, trimmed] = stored
            .map_err(from_store)?
            .try_into()
            .map_err(|_| Error::internal())?;
        let has_stream = self.stream_of_log(table.name(), id).await?.is_some();
        let start = keys::id_prefix(id).to_vec();
        let end = match has_stream {
            true => keys::log_record(id, trimmed_number(trimmed.as_deref()).saturating_add(1)),
            false => end_of(&start),
        };
        let first = self.log_page(&start, id, 1).await?;
        let has_records = !first.is_empty() && first.key(0) < end.as_slice();
        if !has_records && removed.is_none() {
            return Ok(Ok(()));
        }
        let expected = [(removed_key.clone(), removed), (trimmed_key.clone(), trimmed)];
        self.commit_trim(table, expected, move |batch| {
            batch.delete_range(keys::LOG, start.clone(), end.clone());
            batch.delete(removed_key.clone());
            if !has_stream {
                batch.delete(trimmed_key.clone());
            }
        })
        .await
    }

    /// The key of a stream that reads the log of the table of this name and id.
    pub(crate) async fn stream_of_log(&self, table_name: &str, table_id: u32) -> Result<Option<Key>, Error> {
        let mut pages = Pages::new(keys::CATALOG, keys::streams_prefix(table_name));
        let mut found = None;
        while let Some(page) = pages.next(&self.store).await.map_err(from_store)? {
            for (key, stored) in page.iter() {
                let stream = StreamDescriptor::from_stored(stored).map_err(from_store)?;
                if stream.table_id == table_id {
                    found = Some(Key::new(keys::CATALOG, key));
                }
            }
        }
        Ok(found)
    }
}
