//! One page of a table as it was: the items of a snapshot, with those taken back that have changed.

use std::collections::BTreeMap;

use api::Error;
use model::Item;
use store::{Direction, Key, KeySpace, RangePage, RangeRequest, Read, Store};

use super::PastTable;
use super::set_aside::{Before, FirstChanges, from_stored};
use crate::error::from_store;
use crate::keys;
use crate::read::{end_of, just_above};
use crate::write::stored_item;

/// How much a page may hold. A page ends a little behind the bound that it meets first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageLimits {
    /// How many items.
    pub items_max: usize,
    /// About how many bytes; a page with many changes may hold three times that.
    pub bytes_max: usize,
    /// How many records of the log are held in memory for a page; where there are more, they are set
    /// aside.
    pub log_records_max: usize,
}

/// Some of the items of a table as it was, in the order of their keys.
#[derive(Debug)]
pub(crate) struct PastPage {
    /// The items and their keys, which lack the table id at the beginning.
    pub items: Vec<(Vec<u8>, Item)>,
    /// Where to go on; `None` where the table ends. A page without items may have others behind it.
    pub next: Option<Vec<u8>>,
}

impl PastTable {
    /// Reads the items from the key `start` on, which lacks the table id: empty at the beginning,
    /// then [`PastPage::next`]. `Ok(None)` where instead of a page a part of the log was read, so that
    /// a call takes a bounded time: ask again.
    pub async fn read<S: Store>(
        &self,
        store: &S,
        start: &[u8],
        limits: PageLimits,
    ) -> Result<Option<PastPage>, Error> {
        let snapshot = store.bulk_snapshot().map_err(from_store)?;
        let newest = match self.newest(&snapshot, limits.log_records_max).await? {
            Newest::Known(newest) => newest,
            Newest::TooMany { reached, records } => {
                drop(snapshot);
                self.set_aside(store, reached, &records).await?;
                return Ok(None);
            }
        };
        let read = |space: KeySpace, id: u32| read_range(&snapshot, space, id, start, limits);
        let present = read(keys::ITEMS, self.at.table_id).await?;
        let set_aside = read(keys::SCRATCH, self.job_id).await?;
        // Up to where both pages know everything.
        let end = [&present, &set_aside].into_iter().filter_map(end_of_page).min();
        let is_known = |place: &[u8]| place >= start && end.as_deref().is_none_or(|end| place < end);

        // From what counts least to what counts most: the present, the newest changes, the oldest.
        let mut found: BTreeMap<Vec<u8>, Before> = BTreeMap::new();
        for row in 0..present.len() {
            found.insert(
                keys::place_of(present.key(row)).to_vec(),
                Some(present.value(row)),
            );
        }
        found.extend(newest);
        for row in 0..set_aside.len() {
            let before = from_stored(set_aside.value(row))?;
            found.insert(keys::place_of(set_aside.key(row)).to_vec(), before);
        }
        let mut items = Vec::with_capacity(found.len());
        for (place, stored) in found {
            if let Some(stored) = stored.filter(|_| is_known(&place)) {
                items.push((place, stored_item(stored)?));
            }
        }
        Ok(Some(PastPage { items, next: end }))
    }
}

impl PastTable {
    /// Reads the items with these keys, which lack the table id. `Ok(None)` where instead a part of the
    /// log was read: ask again.
    pub(super) async fn read_places<S: Store>(
        &self,
        store: &S,
        places: &[Vec<u8>],
        log_records_max: usize,
    ) -> Result<Option<Vec<Option<Item>>>, Error> {
        let snapshot = store.bulk_snapshot().map_err(from_store)?;
        let newest = match self.newest(&snapshot, log_records_max).await? {
            Newest::Known(newest) => newest,
            Newest::TooMany { reached, records } => {
                drop(snapshot);
                self.set_aside(store, reached, &records).await?;
                return Ok(None);
            }
        };
        let of = |key: fn(&Self, &[u8]) -> Key| -> Vec<Key> {
            places.iter().map(|place| key(self, place)).collect()
        };
        let present = of(|past, place| Key::new(keys::ITEMS, keys::of_id(past.at.table_id, place)));
        let present = snapshot.get_many(&present).await.map_err(from_store)?;
        let set_aside = of(|past, place| keys::scratch(past.job_id, place));
        let set_aside = snapshot.get_many(&set_aside).await.map_err(from_store)?;
        let mut items = Vec::with_capacity(places.len());
        for ((place, present), set_aside) in places.iter().zip(present).zip(set_aside) {
            // The oldest change counts first, then the newest ones, then the present.
            let stored = match (set_aside, newest.get(place)) {
                (Some(set_aside), _) => from_stored(set_aside)?,
                (None, Some(before)) => before.clone(),
                (None, None) => present,
            };
            items.push(stored.map(stored_item).transpose()?);
        }
        Ok(Some(items))
    }

    /// What a snapshot knows of the changes that are not set aside.
    async fn newest<R: Read>(&self, snapshot: &R, log_records_max: usize) -> Result<Newest, Error> {
        let reached_key = keys::job_reached(self.job_id);
        let reached = snapshot.get(reached_key.space, &reached_key.bytes).await;
        let reached = self.reached(reached.map_err(from_store)?.as_deref());
        let records = self.log_behind(snapshot, reached, log_records_max).await?;
        if records.more {
            return Ok(Newest::TooMany { reached, records });
        }
        self.first_changes(&records).map(Newest::Known)
    }
}

/// What a snapshot knows of the changes that are not set aside.
enum Newest {
    /// What the items were before the first of them.
    Known(FirstChanges),
    /// They are too many to be held in memory: the first of them, behind `reached`, have to be set aside.
    TooMany { reached: u64, records: RangePage },
}

/// The first key that the page says nothing about; `None` where there is none.
fn end_of_page(page: &RangePage) -> Option<Vec<u8>> {
    let last = page.len().checked_sub(1).filter(|_| page.more)?;
    Some(just_above(keys::place_of(page.key(last))))
}

async fn read_range<R: Read>(
    read: &R,
    space: KeySpace,
    id: u32,
    start: &[u8],
    limits: PageLimits,
) -> Result<RangePage, Error> {
    let request = RangeRequest {
        space,
        start: &keys::of_id(id, start),
        end: &end_of(&keys::id_prefix(id)),
        direction: Direction::Forward,
        rows_max: limits.items_max,
        bytes_max: limits.bytes_max,
    };
    read.range(request).await.map_err(from_store)
}
