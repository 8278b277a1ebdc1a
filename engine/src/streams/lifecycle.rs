//! Opening, rolling over, closing and forgetting streams, and trimming logs.

use api::Error;
use store::{Batch, Decision, Declared, Direction, Held, Key, Outcome, RangeRequest, Store};

use super::{RETENTION_MS, Shard, StreamDescriptor, StreamState};
use crate::Engine;
use crate::background::{Job, Work};
use crate::catalog::{HEADER_BYTES, StreamView, Table, TableDescriptor, TableStream};
use crate::error::from_store;
use crate::keys;
use crate::log;
use crate::read::{Pages, end_of};

/// How many records one step trims at most.
const TRIM_RECORDS_MAX: usize = 1024;
/// About how many bytes of records one step reads to trim them.
const TRIM_BYTES_MAX: usize = 1 << 20;
/// How many ended shards one step forgets at most.
const FORGET_SHARDS_MAX: usize = 256;

/// Writes to `batch` a new stream of a table, which `descriptor` names from then on.
///
/// `after` is a log number from before the commit: whatever the table logs for this stream is above
/// it.
pub(crate) fn open_stream(
    descriptor: &mut TableDescriptor,
    id: u32,
    label_ms: u64,
    view: StreamView,
    open_shards: u32,
    after: u64,
    batch: &mut Batch,
) {
    let (stream, shards) = StreamDescriptor::new(descriptor, id, label_ms, view, open_shards, after);
    batch.put(keys::stream(&stream.table_name, label_ms), stream.to_stored());
    for (ordinal, shard) in (0..).zip(shards) {
        batch.put(keys::shard(id, ordinal), shard.to_stored());
    }
    descriptor.stream = Some(TableStream {
        id,
        label_ms,
        view,
        enabled: true,
        transition_until_ms: 0,
    });
}

/// What one step is to do with a stream.
enum Next {
    Freeze(StreamState),
    Roll,
    Close,
    Forget,
    /// Nothing but trimming; when to look again, in milliseconds since the Unix epoch.
    Wait(u64),
}

impl<S: Store> Engine<S> {
    /// The label for a stream that a table named `table_name` is to have: now, or just after that of
    /// the newest stream that a table of this name has had.
    pub(crate) async fn next_stream_label_ms(&self, table_name: &str) -> Result<u64, Error> {
        let prefix = keys::streams_prefix(table_name);
        let newest = self
            .store
            .range(RangeRequest {
                space: keys::CATALOG,
                start: &prefix,
                end: &end_of(&prefix),
                direction: Direction::Reverse,
                rows_max: 1,
                bytes_max: 1,
            })
            .await
            .map_err(from_store)?;
        let now_ms = self.clock.now_ms();
        if newest.is_empty() {
            return Ok(now_ms);
        }
        let newest = StreamDescriptor::from_stored(newest.value_bytes(0)).map_err(from_store)?;
        Ok(now_ms.max(newest.label_ms + 1))
    }

    /// Lists the work of all streams, from the catalog: at start.
    pub(crate) async fn find_streams(&self) -> Result<(), Error> {
        let mut pages = Pages::new(keys::CATALOG, vec![keys::STREAM_PREFIX]);
        while let Some(page) = pages.next(&self.store).await.map_err(from_store)? {
            for (_, stored) in page.iter() {
                let stream = StreamDescriptor::from_stored(stored).map_err(from_store)?;
                self.schedule_stream(&stream.table_name, stream.label_ms);
            }
        }
        Ok(())
    }

    /// Lists the work that a stream has at once, after it was opened or its table changed.
    pub(crate) fn schedule_stream(&self, table_name: &str, label_ms: u64) {
        self.jobs.add(Job {
            due_ms: 0,
            work: Work::Stream(table_name.to_owned(), label_ms),
        });
    }

    /// Ends the shards of a stream that its table has just let go: without it the next background
    /// steps would do the same.
    pub(crate) async fn close_stream(&self, stream: &TableStream, table_name: &str) -> Result<(), Error> {
        // One step freezes, the next ends the shards; more where a rollover was under way.
        for _ in 0..4 {
            self.stream_step(table_name, stream.label_ms).await?;
            let found = self.find_stream(&self.store, table_name, stream.label_ms).await?;
            let Some(found) = found else {
                break;
            };
            if matches!(found.state, StreamState::Closed { .. }) {
                break;
            }
        }
        self.schedule_stream(table_name, stream.label_ms);
        Ok(())
    }

    /// Does one step for a stream, and says when to look again; `None` where it is no more.
    pub(crate) async fn stream_step(&self, table_name: &str, label_ms: u64) -> Result<Option<u64>, Error> {
        let now_ms = self.clock.now_ms();
        let stream_key = keys::stream(table_name, label_ms);
        let table_key = keys::descriptor(table_name);
        let stored = self
            .store
            .get_many(&[stream_key.clone(), table_key])
            .await
            .map_err(from_store)?;
        let Some(stream) = &stored[0] else { return Ok(None) };
        let stream = StreamDescriptor::from_stored(stream).map_err(from_store)?;
        let table = stored[1].as_deref().map(Table::from_stored).transpose();
        let table = table.map_err(from_store)?;
        match self.next_for(&stream, table.as_ref(), now_ms) {
            Next::Freeze(state) => self.freeze(&stream, table.as_ref(), state).await?,
            Next::Roll => self.end_shards(&stream, true, now_ms).await?,
            Next::Close => {
                self.end_shards(&stream, false, now_ms).await?;
                tracing::info!(table = table_name, "a change stream has been closed");
            }
            Next::Forget => {
                // Its records are as old as it is: a table that stays may have no other stream that would
                // trim them.
                let more = self.forget_shards(&stream, now_ms).await?;
                if more || self.trim_log(&stream, table.as_ref(), now_ms).await? <= now_ms {
                    return Ok(Some(now_ms));
                }
                self.forget_stream(&stream, table.as_ref()).await?;
                return Ok(None);
            }
            Next::Wait(due_ms) => {
                let more = self.forget_shards(&stream, now_ms).await?;
                let trim_ms = self.trim_log(&stream, table.as_ref(), now_ms).await?;
                return Ok(Some(if more { now_ms } else { due_ms.min(trim_ms) }));
            }
        }
        Ok(Some(now_ms))
    }

    fn next_for(&self, stream: &StreamDescriptor, table: Option<&Table>, now_ms: u64) -> Next {
        match stream.state {
            StreamState::Open if !is_live(stream, table) => Next::Freeze(StreamState::Closing),
            StreamState::Open => {
                let due_ms = stream.opened_ms.saturating_add(self.settings.shard_rollover_ms);
                if due_ms <= now_ms {
                    Next::Freeze(StreamState::Rolling)
                } else {
                    Next::Wait(due_ms)
                }
            }
            StreamState::Rolling => Next::Roll,
            StreamState::Closing => Next::Close,
            StreamState::Closed { since_ms } => {
                let due_ms = since_ms + RETENTION_MS;
                if due_ms <= now_ms {
                    Next::Forget
                } else {
                    Next::Wait(due_ms)
                }
            }
        }
    }

    /// The first of the two commits that end shards.
    async fn freeze(
        &self,
        stream: &StreamDescriptor,
        table: Option<&Table>,
        state: StreamState,
    ) -> Result<(), Error> {
        let mut frozen = stream.clone();
        frozen.state = state;
        // A table that is as it was has not let the stream go, or taken it back.
        let seen = table.map(|table| table.descriptor.header());
        let mut declared = declare_stream(stream);
        declared.shared.push(keys::descriptor(&stream.table_name));
        self.change_stream(stream, declared, move |held| {
            is_same_version(seen, held.shared[0].as_deref()).then(|| {
                let mut batch = Batch::new();
                put_stream(&frozen, &mut batch);
                batch
            })
        })
        .await
    }

    /// The second of the two commits that end shards: `with_children` opens those that follow.
    async fn end_shards(
        &self,
        stream: &StreamDescriptor,
        with_children: bool,
        now_ms: u64,
    ) -> Result<(), Error> {
        let last = self.store.log_end().await.map_err(from_store)?;
        let mut changed = stream.clone();
        let ordinals = stream.newest_shards();
        // The shards that end, and behind them those that follow.
        let touched = ordinals.start..ordinals.end + stream.open_shards;
        let mut declared = declare_stream(stream);
        declared
            .exclusive
            .extend(touched.map(|ordinal| keys::shard(stream.id, ordinal)));
        // A clock that was set back does not make a shard older than its parent.
        let opened_ms = now_ms.max(stream.opened_ms + 1);
        if with_children {
            changed.state = StreamState::Open;
            changed.shards += stream.open_shards;
            changed.opened_ms = opened_ms;
        } else {
            changed.state = StreamState::Closed { since_ms: now_ms };
        }
        let id = stream.id;
        self.change_stream(stream, declared, move |held| {
            let mut batch = Batch::new();
            put_stream(&changed, &mut batch);
            for (ordinal, stored) in ordinals.clone().zip(&held.exclusive[1..]) {
                let mut shard = Shard::from_stored(stored.as_deref()?).ok()?;
                shard.last = Some(last.max(shard.after));
                shard.closed_ms = Some(now_ms);
                batch.put(keys::shard(id, ordinal), shard.to_stored());
                if with_children {
                    let child = Shard {
                        opened_ms,
                        after: last.max(shard.after),
                        last: None,
                        closed_ms: None,
                        parent_opened_ms: Some(shard.opened_ms),
                    };
                    batch.put(keys::shard(id, ordinal + changed.open_shards), child.to_stored());
                }
            }
            Some(batch)
        })
        .await
    }

    /// Commits what `change` makes of a stream that is still as it was read; otherwise the next step
    /// looks again.
    async fn change_stream(
        &self,
        stream: &StreamDescriptor,
        declared: Declared,
        change: impl Fn(&Held) -> Option<Batch> + Send + 'static,
    ) -> Result<(), Error> {
        let expected = stream.to_stored();
        let decide = move |held: &Held| {
            if held.exclusive[0].as_deref() != Some(expected.as_slice()) {
                return Decision::Replan;
            }
            match change(held) {
                None => Decision::Replan,
                Some(batch) => Decision::<(), Error>::Commit(batch, ()),
            }
        };
        match self.store.commit(declared, decide).await.map_err(from_store)? {
            Outcome::Committed(()) | Outcome::Replan => Ok(()),
            Outcome::Aborted(error) => Err(error),
        }
    }

    /// Forgets shards that ended longer ago than records are kept, and tells whether there may be
    /// more.
    async fn forget_shards(&self, stream: &StreamDescriptor, now_ms: u64) -> Result<bool, Error> {
        let prefix = keys::shards_prefix(stream.id);
        let page = self
            .store
            .range(RangeRequest {
                space: keys::CATALOG,
                start: &prefix,
                end: &end_of(&prefix),
                direction: Direction::Forward,
                rows_max: FORGET_SHARDS_MAX,
                bytes_max: 1 << 20,
            })
            .await
            .map_err(from_store)?;
        let mut ended = Vec::new();
        for (key, stored) in page.iter() {
            let shard = Shard::from_stored(stored).map_err(from_store)?;
            if shard
                .closed_ms
                .is_none_or(|closed_ms| closed_ms + RETENTION_MS > now_ms)
            {
                break;
            }
            ended.push(Key::new(keys::CATALOG, key));
        }
        if ended.is_empty() {
            return Ok(false);
        }
        let is_page = ended.len() == page.len();
        let declared = Declared {
            shared: Vec::new(),
            exclusive: ended.clone(),
        };
        let decide = move |_: &Held| {
            let mut batch = Batch::new();
            ended.iter().for_each(|key| batch.delete(key.clone()));
            Decision::<(), Error>::Commit(batch, ())
        };
        match self.store.commit(declared, decide).await.map_err(from_store)? {
            Outcome::Committed(()) | Outcome::Replan => Ok(is_page),
            Outcome::Aborted(error) => Err(error),
        }
    }

    /// Forgets a stream without shards, and the log too where its table is gone and no other stream
    /// reads it.
    async fn forget_stream(&self, stream: &StreamDescriptor, table: Option<&Table>) -> Result<(), Error> {
        let table_id = stream.table_id;
        let is_last =
            table.is_none_or(|table| table.id() != table_id) && !self.has_other_stream(stream).await?;
        let key = keys::stream(&stream.table_name, stream.label_ms);
        let mut declared = declare_stream(stream);
        declared
            .exclusive
            .extend([keys::log_trimmed(table_id), keys::log_removed(table_id)]);
        // A table that goes meanwhile leaves its log to its last stream.
        declared.shared.push(keys::descriptor(&stream.table_name));
        let seen = table.map(|table| table.descriptor.header());
        self.change_stream(stream, declared, move |held| {
            if !is_same_version(seen, held.shared[0].as_deref()) {
                return None;
            }
            let mut batch = Batch::new();
            batch.delete(key.clone());
            if is_last {
                discard_log(table_id, &mut batch);
            }
            Some(batch)
        })
        .await?;
        if is_last {
            self.jobs.add(Job::garbage());
        }
        Ok(())
    }

    /// Whether another stream reads the log of the same table.
    async fn has_other_stream(&self, stream: &StreamDescriptor) -> Result<bool, Error> {
        let mut pages = Pages::new(keys::CATALOG, keys::streams_prefix(&stream.table_name));
        while let Some(page) = pages.next(&self.store).await.map_err(from_store)? {
            for (_, stored) in page.iter() {
                let other = StreamDescriptor::from_stored(stored).map_err(from_store)?;
                if other.table_id == stream.table_id && other.id != stream.id {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Removes records that are older than streams keep them from the front of a table's log, and says
    /// when to look again. Where the log is kept for other readers too, streams only cease to see them.
    async fn trim_log(
        &self,
        stream: &StreamDescriptor,
        table: Option<&Table>,
        now_ms: u64,
    ) -> Result<u64, Error> {
        let table_id = stream.table_id;
        let seen = table.map(|table| table.descriptor.header());
        let is_kept = table.is_some_and(|table| table.id() == table_id && table.descriptor.keeps_history());
        let trimmed_key = keys::log_trimmed(table_id);
        let stored = self
            .store
            .get(trimmed_key.space, &trimmed_key.bytes)
            .await
            .map_err(from_store)?;
        let trimmed = trimmed_number(stored.as_deref());
        let start = keys::log_record(table_id, trimmed.saturating_add(1));
        let page = self
            .store
            .range(RangeRequest {
                space: keys::LOG,
                start: &start,
                end: &end_of(&keys::id_prefix(table_id)),
                direction: Direction::Forward,
                rows_max: TRIM_RECORDS_MAX,
                bytes_max: TRIM_BYTES_MAX,
            })
            .await
            .map_err(from_store)?;
        let mut last = None;
        let mut next_ms = None;
        for (key, value) in page.iter() {
            let (Some(number), Some(time_ms)) = (keys::parse_log_record(key), log::time_ms(value)) else {
                tracing::error!(
                    table_id,
                    "a record of a change log cannot be read; run `stator check`"
                );
                return Err(Error::internal());
            };
            if time_ms + RETENTION_MS > now_ms {
                next_ms = Some(time_ms + RETENTION_MS);
                break;
            }
            last = Some(number);
        }
        let Some(last) = last else {
            return Ok(next_ms.unwrap_or(now_ms + RETENTION_MS));
        };
        let declared = Declared {
            shared: vec![keys::descriptor(&stream.table_name)],
            exclusive: vec![trimmed_key.clone()],
        };
        let decide = move |held: &Held| {
            if held.exclusive[0] != stored || !is_same_version(seen, held.shared[0].as_deref()) {
                return Decision::Replan;
            }
            let mut batch = Batch::new();
            batch.set_makes_room();
            if !is_kept {
                let end = keys::log_record(table_id, last.saturating_add(1));
                batch.delete_range(keys::LOG, start.clone(), end);
            }
            batch.put(trimmed_key.clone(), last.to_be_bytes().to_vec());
            Decision::<(), Error>::Commit(batch, ())
        };
        match self.store.commit(declared, decide).await.map_err(from_store)? {
            Outcome::Committed(()) | Outcome::Replan => Ok(next_ms.unwrap_or(now_ms)),
            Outcome::Aborted(error) => Err(error),
        }
    }
}

/// The number up to which a log has been trimmed: 0 where it never was.
pub(crate) fn trimmed_number(stored: Option<&[u8]>) -> u64 {
    stored
        .and_then(|stored| stored.try_into().ok())
        .map_or(0, u64::from_be_bytes)
}

/// Notes in `batch` that the log of a table is to be removed, with the table and its streams gone.
pub(crate) fn discard_log(table_id: u32, batch: &mut Batch) {
    batch.set_makes_room();
    batch.delete(keys::log_trimmed(table_id));
    batch.delete(keys::log_removed(table_id));
    batch.put(keys::garbage(keys::LOG, table_id), bytes::Bytes::new());
}

/// Whether the stored descriptor of a table is the version that was seen, or there still is none.
fn is_same_version(seen: Option<[u8; HEADER_BYTES]>, stored: Option<&[u8]>) -> bool {
    match (seen, stored) {
        (None, None) => true,
        (Some(header), Some(stored)) => stored.starts_with(&header),
        _ => false,
    }
}

/// Whether the table still records its changes for the stream.
fn is_live(stream: &StreamDescriptor, table: Option<&Table>) -> bool {
    let of_table = table.and_then(|table| table.descriptor.stream.as_ref());
    of_table.is_some_and(|of_table| of_table.enabled && of_table.id == stream.id)
}

fn declare_stream(stream: &StreamDescriptor) -> Declared {
    Declared {
        shared: Vec::new(),
        exclusive: vec![keys::stream(&stream.table_name, stream.label_ms)],
    }
}

fn put_stream(stream: &StreamDescriptor, batch: &mut Batch) {
    batch.set_makes_room();
    batch.put(
        keys::stream(&stream.table_name, stream.label_ms),
        stream.to_stored(),
    );
}
