//! When an item expires, and the entries that find those whose time has come.
//!
//! A table with a time to live keeps an entry for each item whose attribute holds a number, ordered
//! by that number: seconds since the Unix epoch. Entries are written in the batch that writes the
//! item, so that what stands here is true of the item at every moment; only while the time to live
//! is being enabled do older items lack theirs.
//!
//! What has expired is decided by the item alone, by [`Expired`]: entries only say where to look.

use std::ops::Range;

use bytes::Bytes;
use model::{Item, MapRef, ValueRef};
use store::{Batch, Key};

use crate::catalog::{Table, TimeToLive};
use crate::keys;

/// When an item expires: the whole seconds of its attribute. `None` where it is missing, no number,
/// negative or beyond what 64 bits hold: such an item never expires.
pub(crate) fn expires_seconds(time_to_live: &TimeToLive, attributes: MapRef<'_>) -> Option<u64> {
    match attributes.get(&time_to_live.attribute)? {
        ValueRef::Number(number) => number.whole_u64(),
        _ => None,
    }
}

/// The expiry entry of an item, where the table keeps them and the item expires.
pub(crate) fn expiry_entry(table: &Table, item_key: &[u8], attributes: MapRef<'_>) -> Option<Key> {
    let time_to_live = table.descriptor.time_to_live.as_ref()?;
    if !time_to_live.is_kept() {
        return None;
    }
    let expires_seconds = expires_seconds(time_to_live, attributes)?;
    Some(keys::expiry(time_to_live.id, expires_seconds, item_key))
}

/// What expired longer ago than this, in seconds, stays: five years of 365 days. The service takes
/// such a time for a mistake.
const EXPIRED_SECONDS_MAX: u64 = 5 * 365 * 24 * 60 * 60;

/// Which items of a table have expired at a moment.
#[derive(Clone, Debug)]
pub(crate) struct Expired<'t> {
    pub time_to_live: &'t TimeToLive,
    /// The times, in whole seconds, of what has expired.
    pub seconds: Range<u64>,
}

impl<'t> Expired<'t> {
    /// `None` where nothing of the table expires at that moment.
    pub fn new(table: &'t Table, now_ms: u64) -> Option<Self> {
        let time_to_live = table.descriptor.time_to_live.as_ref()?;
        let now_seconds = now_ms / 1000;
        time_to_live.is_heeded(now_ms).then(|| Expired {
            time_to_live,
            seconds: now_seconds.saturating_sub(EXPIRED_SECONDS_MAX)..now_seconds,
        })
    }

    /// Whether an item with these attributes has expired.
    pub fn has(&self, attributes: MapRef<'_>) -> bool {
        expires_seconds(self.time_to_live, attributes).is_some_and(|seconds| self.seconds.contains(&seconds))
    }
}

/// What a read shows of an item where it passes over `hidden`.
pub(crate) fn shown(item: Option<Item>, hidden: Option<&Expired<'_>>) -> Option<Item> {
    item.filter(|item| !hidden.is_some_and(|hidden| hidden.has(item.attributes())))
}

/// Writes to `batch` what turns the expiry entry of the old item at `item_key` into that of the new.
pub(crate) fn change_expiry(
    table: &Table,
    item_key: &[u8],
    old: Option<MapRef<'_>>,
    new: Option<MapRef<'_>>,
    batch: &mut Batch,
) {
    if table.descriptor.time_to_live.is_none() {
        return;
    }
    let old = old.and_then(|item| expiry_entry(table, item_key, item));
    let new = new.and_then(|item| expiry_entry(table, item_key, item));
    if old == new {
        return;
    }
    if let Some(old) = old {
        batch.delete(old);
    }
    if let Some(new) = new {
        batch.put(new, Bytes::new());
    }
}
