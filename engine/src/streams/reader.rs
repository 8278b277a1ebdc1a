//! Reading streams: one page of the records of a shard, from one snapshot.

use api::Error;
use store::{Direction, Key, RangeRequest, Read, Store};

use super::lifecycle::trimmed_number;
use super::{Shard, ShardId, StreamDescriptor, StreamState};
use crate::Engine;
use crate::error::from_store;
use crate::keys;
use crate::log::{self, ChangeRecord};
use crate::read::end_of;

/// How many records a page holds at most.
pub(crate) const PAGE_RECORDS_MAX: usize = 1000;
/// A page ends with the record that brings it to this size.
const PAGE_BYTES_MAX: usize = 1 << 20;
/// How many records of the log one page looks at, of this stream and shard or not.
const SCANNED_RECORDS_MAX: usize = 8 * PAGE_RECORDS_MAX;
/// How many records are read at once at least: not all need be of this stream and shard.
const READ_RECORDS_MIN: usize = 64;
/// About how many bytes of the log are read at once.
const READ_BYTES_MAX: usize = 1 << 20;
/// How many bytes of the log one page looks at.
const SCANNED_BYTES_MAX: usize = 8 << 20;

/// A stream and one of its shards, as they stand at one moment.
pub(crate) struct OpenShard<R> {
    snapshot: R,
    pub stream: StreamDescriptor,
    ordinal: u32,
    pub shard: Shard,
    /// Up to which number the log is trimmed.
    pub trimmed: u64,
    /// A number up to which the snapshot has every record.
    pub end: u64,
}

/// What is read of a shard.
pub(crate) struct RecordsPage {
    /// The records and their log numbers.
    pub records: Vec<(u64, ChangeRecord)>,
    /// Where to go on; `None` where the shard is closed and read to its end.
    pub next: Option<u64>,
}

impl<S: Store> Engine<S> {
    /// Finds a stream; `None` where there is none.
    pub(crate) async fn find_stream<R: Read>(
        &self,
        read: &R,
        table_name: &str,
        label_ms: u64,
    ) -> Result<Option<StreamDescriptor>, Error> {
        let key = keys::stream(table_name, label_ms);
        let stored = read.get(key.space, &key.bytes).await.map_err(from_store)?;
        let stream = stored.map(|stored| StreamDescriptor::from_stored(&stored));
        stream.transpose().map_err(from_store)
    }

    /// Opens a shard for reading, on a snapshot. `Ok(None)` where the stream has no such shard.
    pub(crate) async fn open_shard(
        &self,
        table_name: &str,
        label_ms: u64,
        id: ShardId,
    ) -> Result<Option<OpenShard<S::Snapshot>>, Error> {
        // Asked first, so that the snapshot has all of it.
        let end = self.store.log_end().await.map_err(from_store)?;
        let snapshot = self.store.snapshot().map_err(from_store)?;
        let Some(stream) = self.find_stream(&snapshot, table_name, label_ms).await? else {
            return Ok(None);
        };
        let wanted: [Key; 2] = [
            keys::shard(stream.id, id.ordinal),
            keys::log_trimmed(stream.table_id),
        ];
        let stored = snapshot.get_many(&wanted).await.map_err(from_store)?;
        let Some(shard) = &stored[0] else { return Ok(None) };
        let shard = Shard::from_stored(shard).map_err(from_store)?;
        Ok((shard.opened_ms == id.opened_ms).then(|| OpenShard {
            ordinal: id.ordinal,
            trimmed: trimmed_number(stored[1].as_deref()),
            snapshot,
            stream,
            shard,
            end,
        }))
    }
}

impl<R: Read> OpenShard<R> {
    /// The oldest number that can be read.
    pub fn oldest(&self) -> u64 {
        self.shard.after.max(self.trimmed).saturating_add(1)
    }

    /// The number behind the newest record.
    pub fn behind_newest(&self) -> u64 {
        let last = self.shard.last.unwrap_or(self.end);
        last.max(self.shard.after).saturating_add(1)
    }

    /// The first number that was written at `time_ms` or later: times never decrease along a log, so
    /// that it is found by halving.
    pub async fn first_since(&self, time_ms: u64) -> Result<u64, Error> {
        let (mut low, mut high) = (self.oldest(), self.behind_newest());
        while low < high {
            let middle = low + (high - low) / 2;
            let start = keys::log_record(self.stream.table_id, middle);
            let page = self.read_log(&start, 1, 1).await?;
            let found = match page.is_empty() {
                true => None,
                false => keys::parse_log_record(page.key(0)).zip(log::time_ms(page.value_bytes(0))),
            };
            match found {
                Some((number, written_ms)) if written_ms < time_ms => low = number.saturating_add(1),
                _ => high = middle,
            }
        }
        Ok(low)
    }

    async fn read_log(
        &self,
        start: &[u8],
        rows_max: usize,
        bytes_max: usize,
    ) -> Result<store::RangePage, Error> {
        let end = match self.shard.last {
            Some(last) => keys::log_record(self.stream.table_id, last.saturating_add(1)),
            None => end_of(&keys::id_prefix(self.stream.table_id)),
        };
        if start >= end.as_slice() {
            return Ok(store::RangePage::default());
        }
        let request = RangeRequest {
            space: keys::LOG,
            start,
            end: &end,
            direction: Direction::Forward,
            rows_max,
            bytes_max,
        };
        self.snapshot.range(request).await.map_err(from_store)
    }

    /// Whether what is written now may belong to the shard that follows: nothing can be said of an
    /// open shard until it is known where it ends.
    fn is_frozen(&self) -> bool {
        self.shard.last.is_none() && matches!(self.stream.state, StreamState::Rolling | StreamState::Closing)
    }

    /// Reads up to `limit` records from the log number `from` on. `size_bytes` says what a record
    /// counts towards the size of the page.
    pub async fn read(
        &self,
        from: u64,
        limit: usize,
        size_bytes: impl Fn(&ChangeRecord) -> usize,
    ) -> Result<RecordsPage, Error> {
        let mut page = RecordsPage {
            records: Vec::new(),
            next: Some(from),
        };
        if self.is_frozen() {
            return Ok(page);
        }
        let mut next = from;
        let (mut page_bytes, mut scanned_records, mut scanned_bytes) = (0, 0, 0);
        let mut is_full = false;
        while !is_full {
            let start = keys::log_record(self.stream.table_id, next);
            let rows_max = (limit - page.records.len()).max(READ_RECORDS_MIN);
            let rows = self.read_log(&start, rows_max, READ_BYTES_MAX).await?;
            for index in 0..rows.len() {
                let record = ChangeRecord::from_stored(rows.value(index)).map_err(from_store)?;
                let number = keys::parse_log_record(rows.key(index)).ok_or_else(Error::internal)?;
                scanned_records += 1;
                scanned_bytes += rows.value_bytes(index).len();
                next = number.saturating_add(1);
                let is_wanted = record.stream_id == self.stream.id
                    && self.stream.is_in_slice(self.ordinal, record.partition_hash);
                if is_wanted {
                    page_bytes += size_bytes(&record);
                    page.records.push((number, record));
                }
                is_full = page.records.len() >= limit
                    || page_bytes >= PAGE_BYTES_MAX
                    || scanned_records >= SCANNED_RECORDS_MAX
                    || scanned_bytes >= SCANNED_BYTES_MAX;
                if is_full {
                    break;
                }
            }
            if !is_full && (!rows.more || rows.is_empty()) {
                // Everything up to the end of the shard or of the log has been seen.
                next = next.max(self.behind_newest());
                break;
            }
        }
        let is_over = self.shard.last.is_some_and(|last| next > last);
        page.next = (!is_over).then_some(next);
        Ok(page)
    }
}
