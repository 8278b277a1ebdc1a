//! What became of the items of a table between two moments: which have changed, what they were before,
//! and when they changed last.
//!
//! ```text
//! gathered   time of the last change: u64 | key | 0            there was no item at the beginning
//!            time of the last change: u64 | key | 1 | item     there was this item, in the stored form
//! key        length: u32 | the primary key attributes in the stored form
//! ```
//!
//! The changes are gathered from the log first, under an id of their own beside the one under which the
//! end is read, so that the pages come in the order of keys and each item once.

use std::collections::BTreeMap;

use api::Error;
use bytes::{BufMut, Bytes, BytesMut};
use model::Item;
use store::{Direction, RangeRequest, Store};

use super::set_aside::{Before, from_stored, to_stored};
use super::{PageLimits, PastTable, damaged};
use crate::error::from_store;
use crate::keys;
use crate::log::ChangeRecord;
use crate::read::{end_of, just_above};
use crate::write::stored_item;

/// A job that reads what changed in a table between two moments.
#[derive(Clone, Debug)]
pub(crate) struct PastWindow {
    /// Gathers the changes from its boundary on.
    pub from: PastTable,
    /// Reads the end.
    pub to: PastTable,
}

/// What became of an item.
#[derive(Debug)]
pub(crate) struct WindowChange {
    /// The item's primary key attributes.
    pub key: Item,
    /// When it was last written, in milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// The item at the beginning.
    pub old: Option<Item>,
    /// The item at the end.
    pub new: Option<Item>,
}

/// Some of the items that have changed, in the order of their keys.
#[derive(Debug)]
pub(crate) struct WindowPage {
    /// What became of them.
    pub changes: Vec<WindowChange>,
    /// Where to go on; `None` at the end.
    pub next: Option<Vec<u8>>,
}

/// What is gathered of an item.
struct Gathered {
    time_ms: u64,
    key: Item,
    before: Before,
}

fn gathered_to_stored(gathered: &Gathered) -> Bytes {
    let key = gathered.key.as_stored();
    let before = to_stored(&gathered.before);
    let mut stored = BytesMut::with_capacity(12 + key.len() + before.len());
    stored.put_u64(gathered.time_ms);
    // Keys are far below 4 GB.
    stored.put_u32(key.len() as u32);
    stored.put_slice(key);
    stored.put_slice(&before);
    stored.freeze()
}

fn gathered_from_stored(mut stored: Bytes) -> Result<Gathered, Error> {
    let unreadable = || from_store(damaged("what a job has gathered cannot be read"));
    if stored.len() < 12 {
        return Err(unreadable());
    }
    let head = stored.split_to(12);
    let (time_ms, length) = head.split_at(8);
    let time_ms = u64::from_be_bytes(time_ms.try_into().map_err(|_| unreadable())?);
    let length = u32::from_be_bytes(length.try_into().map_err(|_| unreadable())?) as usize;
    if stored.len() < length {
        return Err(unreadable());
    }
    let key = stored.split_to(length);
    Ok(Gathered {
        time_ms,
        key: stored_item(key)?,
        before: from_stored(stored)?,
    })
}

impl PastWindow {
    /// Reads what changed, from the key `start` on, which lacks the table id: empty at the beginning,
    /// then [`WindowPage::next`]. `Ok(None)` where instead a part of the log was read, so that a call
    /// takes a bounded time: ask again.
    pub async fn read<S: Store>(
        &self,
        store: &S,
        start: &[u8],
        limits: PageLimits,
    ) -> Result<Option<WindowPage>, Error> {
        if !self.gather(store, limits.log_records_max).await? {
            return Ok(None);
        }
        let id = self.from.job_id;
        let request = RangeRequest {
            space: keys::SCRATCH,
            start: &keys::of_id(id, start),
            end: &end_of(&keys::id_prefix(id)),
            direction: Direction::Forward,
            rows_max: limits.items_max,
            bytes_max: limits.bytes_max,
        };
        let page = store.range(request).await.map_err(from_store)?;
        let places: Vec<Vec<u8>> = (0..page.len())
            .map(|row| keys::place_of(page.key(row)).to_vec())
            .collect();
        let Some(ends) = self
            .to
            .read_places(store, &places, limits.log_records_max)
            .await?
        else {
            return Ok(None);
        };
        let mut changes = Vec::with_capacity(places.len());
        for (row, new) in ends.into_iter().enumerate() {
            let gathered = gathered_from_stored(page.value(row))?;
            changes.push(WindowChange {
                key: gathered.key,
                time_ms: gathered.time_ms,
                old: gathered.before.map(stored_item).transpose()?,
                new,
            });
        }
        let next = places.last().filter(|_| page.more).map(|last| just_above(last));
        Ok(Some(WindowPage { changes, next }))
    }

    /// Gathers a part of the changes, and tells whether all are gathered.
    async fn gather<S: Store>(&self, store: &S, records_max: usize) -> Result<bool, Error> {
        let reached_key = keys::job_reached(self.from.job_id);
        let stored = store.get(reached_key.space, &reached_key.bytes).await;
        let reached = self.from.reached(stored.map_err(from_store)?.as_deref());
        let end = self.to.at.boundary;
        if reached >= end {
            return Ok(true);
        }
        let records = self.from.log_behind(store, reached, records_max).await?;
        let mut found: BTreeMap<Vec<u8>, Gathered> = BTreeMap::new();
        let mut last = None;
        for row in 0..records.len() {
            let number = keys::parse_log_record(records.key(row)).ok_or_else(Error::internal)?;
            if number > end {
                break;
            }
            last = Some(number);
            let record = ChangeRecord::from_stored(records.value(row)).map_err(from_store)?;
            let (place, before) = self.from.before(&record)?;
            let gathered = found.entry(place).or_insert_with(|| Gathered {
                time_ms: 0,
                key: record.key.clone(),
                before,
            });
            gathered.time_ms = record.time_ms;
        }
        // Behind the last record that counts there is nothing to gather.
        let is_last = !records.more || last != keys::parse_log_record(records.key(records.len() - 1));
        let next = if is_last { end } else { last.unwrap_or(end) };
        // The first change tells what was before, the last one when.
        let make = |gathered: &Gathered, known: Option<&Bytes>| {
            let stored = match known {
                None => gathered_to_stored(gathered),
                Some(known) => gathered_to_stored(&Gathered {
                    time_ms: gathered.time_ms,
                    ..gathered_from_stored(known.clone())?
                }),
            };
            Ok(Some(stored))
        };
        self.from.keep(store, reached, next, found, make).await?;
        Ok(false)
    }
}
