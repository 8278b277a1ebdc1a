//! The change log: one record for each change of an item, written in the batch that changes the
//! item, in the order of the commits.
//!
//! A table has one log, whose readers each take from a record what they need: a stream's records
//! are made from it when they are read, and [`crate::history`] finds in it what items were. Nothing is
//! logged for a table that has no reader, and a record has the images that one of its readers wants.
//!
//! ```text
//! record   time (the store's) | format: 1 | flags | stream id | partition hash | key | old | new
//! key      length: u32 | the primary key attributes in the stored form
//! stream   its id; 0: the record belongs to no stream
//! old      length: u32 | the item before the change in the stored form; length 0: not kept
//! new      the item after the change in the stored form; empty: not kept
//! ```
//!
//! Numbers are big-endian; the stream id has four bytes, the hash eight. The flags tell whether
//! there was an item before and whether there is one after, kept or not.

use bytes::{BufMut, Bytes, BytesMut};
use model::Item;
use store::{Batch, LOG_TIME_BYTES, StoreError};

use crate::catalog::{Table, TableDescriptor};
use crate::keys;
use crate::write::{Action, ItemWrite, key_attributes_of};

/// Who made a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Author {
    /// A request.
    Request,
    /// The sweep of expired items.
    TimeToLive,
}

/// What a change was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    /// There was no item.
    Insert,
    /// There was another item.
    Modify,
    /// There is no item any more.
    Remove,
}

/// A change of an item, as far as the log keeps it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ChangeRecord {
    /// When it was committed, in milliseconds since the Unix epoch; never decreases along a log.
    pub time_ms: u64,
    pub kind: ChangeKind,
    pub author: Author,
    /// The stream that was enabled; 0 where none was.
    pub stream_id: u32,
    /// The hash of the item's partition value, by which open shards share the records.
    pub partition_hash: u64,
    /// The item's primary key attributes.
    pub key: Item,
    /// The item before the change, where it is kept and there was one.
    pub old: Option<Item>,
    /// The item after the change, where it is kept and there is one.
    pub new: Option<Item>,
}

const FORMAT: u8 = 1;
const HAS_OLD: u8 = 1;
const HAS_NEW: u8 = 2;
const BY_TIME_TO_LIVE: u8 = 4;
/// Format, flags, stream id and hash.
const HEAD_BYTES: usize = 1 + 1 + 4 + 8;

/// What the readers of a table's log together want of its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogPlan {
    stream_id: u32,
    keeps_old: bool,
    keeps_new: bool,
}

impl LogPlan {
    /// `None` where nothing is logged.
    pub fn of(descriptor: &TableDescriptor) -> Option<Self> {
        let stream = descriptor.stream.as_ref().filter(|stream| stream.enabled);
        let keeps_history = descriptor.keeps_history();
        (stream.is_some() || keeps_history).then(|| LogPlan {
            stream_id: stream.map_or(0, |stream| stream.id),
            keeps_old: keeps_history || stream.is_some_and(|stream| stream.view.has_old_image()),
            keeps_new: stream.is_some_and(|stream| stream.view.has_new_image()),
        })
    }
}

/// Appends to the table's log what `write` has done, where the table has a reader.
pub(crate) fn append_change(write: &ItemWrite, old: Option<&Item>, new: Option<&Item>, batch: &mut Batch) {
    let table: &Table = &write.table;
    if let Some(plan) = table.log_plan {
        let key = match (&write.action, old) {
            (Action::Expire { .. }, Some(old)) => key_attributes_of(table, old),
            _ => write.key_attributes.clone(),
        };
        let record = encode(write, &key, plan, old, new);
        batch.append(keys::LOG, keys::id_prefix(table.id()).to_vec(), record);
    }
}

fn encode(write: &ItemWrite, key: &Item, plan: LogPlan, old: Option<&Item>, new: Option<&Item>) -> Bytes {
    let mut flags = 0;
    if old.is_some() {
        flags |= HAS_OLD;
    }
    if new.is_some() {
        flags |= HAS_NEW;
    }
    if write.author == Author::TimeToLive {
        flags |= BY_TIME_TO_LIVE;
    }
    let key = key.as_stored();
    let old = old.filter(|_| plan.keeps_old).map(Item::as_stored);
    let new = new.filter(|_| plan.keeps_new).map(Item::as_stored);
    let old = old.map_or(&[][..], |stored| stored);
    let new = new.map_or(&[][..], |stored| stored);
    let mut record = BytesMut::with_capacity(HEAD_BYTES + 8 + key.len() + old.len() + new.len());
    record.put_u8(FORMAT);
    record.put_u8(flags);
    record.put_u32(plan.stream_id);
    record.put_u64(keys::partition_hash(&write.key.bytes));
    for part in [key.as_ref(), old] {
        // Items are far below 4 GB.
        record.put_u32(part.len() as u32);
        record.put_slice(part);
    }
    record.put_slice(new);
    record.freeze()
}

/// When the record with this stored value was committed, in milliseconds since the Unix epoch.
pub(crate) fn time_ms(stored: &[u8]) -> Option<u64> {
    stored
        .first_chunk::<LOG_TIME_BYTES>()
        .map(|time| u64::from_be_bytes(*time))
}

impl ChangeRecord {
    /// Reads a record from its stored value. The items share its memory.
    pub fn from_stored(stored: Bytes) -> Result<Self, StoreError> {
        Self::read(stored).ok_or_else(|| StoreError::Damaged {
            path: "log".into(),
            offset: None,
            detail: "a record of a change log cannot be read".to_owned(),
        })
    }

    fn read(mut stored: Bytes) -> Option<Self> {
        let time_ms = time_ms(&stored)?;
        let rest = stored.split_off(LOG_TIME_BYTES);
        let (head, _) = rest.split_at_checked(HEAD_BYTES)?;
        let ([FORMAT, flags], numbers) = head.split_first_chunk()? else {
            return None;
        };
        let (stream_id, partition_hash) = numbers.split_first_chunk()?;
        let (stream_id, flags) = (u32::from_be_bytes(*stream_id), *flags);
        let partition_hash = u64::from_be_bytes(partition_hash.try_into().ok()?);
        let mut rest = rest.slice(HEAD_BYTES..);
        let mut part = || {
            let length = u32::from_be_bytes(*rest.first_chunk()?);
            let end = 4 + usize::try_from(length).ok()?;
            let part = (end <= rest.len()).then(|| rest.slice(4..end))?;
            rest = rest.slice(end..);
            Some(part)
        };
        let (key, old) = (part()?, part()?);
        let image = |stored: Bytes| match stored.is_empty() {
            true => Some(None),
            false => Item::from_stored(stored).ok().map(Some),
        };
        Some(ChangeRecord {
            time_ms,
            kind: match (flags & HAS_OLD != 0, flags & HAS_NEW != 0) {
                (false, true) => ChangeKind::Insert,
                (true, true) => ChangeKind::Modify,
                (true, false) => ChangeKind::Remove,
                (false, false) => return None,
            },
            author: match flags & BY_TIME_TO_LIVE {
                0 => Author::Request,
                _ => Author::TimeToLive,
            },
            stream_id,
            partition_hash,
            key: Item::from_stored(key).ok()?,
            old: image(old)?,
            new: image(rest)?,
        })
    }
}
