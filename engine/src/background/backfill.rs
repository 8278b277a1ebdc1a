//! Filling a new index from its table while writes go on, so that no entry is lost, doubled or
//! counted twice.
//!
//! The backfill reads the table in key order, a page at a time, and keeps in the catalog the key up
//! to which it has come. A write of an item that it has passed maintains the index as always. A
//! write ahead of it indexes the new item at once, as if the old one had no entry, and leaves a
//! mark; an item with a mark is maintained as always, and the backfill steps over it. A page is
//! one commit that holds the items, their marks and the cursor: an item written since the page was
//! read is seen as it is then, and an item inserted since then has a mark.

use api::Error;
use bytes::Bytes;
use store::{Batch, Decision, Declared, Held, Key, Outcome, Store};

use crate::Engine;
use crate::catalog::{IndexDescriptor, IndexState, Table};
use crate::error::from_store;
use crate::keys;
use crate::read::{end_of, just_above};
use crate::write::{index_entry, stored_item};

/// How many items one step indexes at most.
const STEP_ITEMS_MAX: usize = 256;

/// Whether a backfill whose cursor is `cursor` has passed the item at `item_key`: the cursor is
/// the first key that it has not seen.
pub(crate) fn is_passed(cursor: Option<&[u8]>, item_key: &[u8]) -> bool {
    cursor.is_some_and(|cursor| item_key < cursor)
}

impl<S: Store> Engine<S> {
    /// Indexes one page of items, or finishes the index where there are no more.
    pub(super) async fn backfill_step(&self, table: &Table, index: &IndexDescriptor) -> Result<(), Error> {
        let cursor_key = keys::backfill_cursor(index.id);
        let (cursor, page) = self.next_items(table, &cursor_key, STEP_ITEMS_MAX).await?;
        if page.is_empty() {
            return self.finish_backfill(table, index.id).await;
        }
        let item_keys: Vec<Vec<u8>> = page.iter().map(|(key, _)| key.to_vec()).collect();
        self.index_page(table, index.id, cursor, item_keys).await
    }

    async fn index_page(
        &self,
        table: &Table,
        index_id: u32,
        cursor: Option<Bytes>,
        item_keys: Vec<Vec<u8>>,
    ) -> Result<(), Error> {
        let mut declared = Declared {
            shared: vec![table.descriptor_key.clone()],
            exclusive: vec![keys::backfill_cursor(index_id)],
        };
        declared
            .exclusive
            .extend(item_keys.iter().map(|key| Key::new(keys::ITEMS, key.as_slice())));
        declared
            .shared
            .extend(item_keys.iter().map(|key| keys::backfill_mark(index_id, key)));
        let table = Table::new(table.descriptor.clone());
        let decide = move |held: &Held| {
            if !table.is_current(held.shared[0].as_ref()) || held.exclusive[0] != cursor {
                return Decision::Replan;
            }
            let mut batch = Batch::new();
            let index = table.indexes().find(|index| index.descriptor.id == index_id);
            let index = index.expect("this version of the table has the index");
            let (mut count, mut size_bytes) = (0, 0);
            for (stored, mark) in held.exclusive[1..].iter().zip(&held.shared[1..]) {
                if mark.is_some() {
                    continue;
                }
                let Some(stored) = stored else { continue };
                let item = match stored_item(stored.clone()) {
                    Ok(item) => item,
                    Err(error) => return Decision::Abort(error),
                };
                if let Some(entry) = index_entry(&table, index, &item) {
                    count += 1;
                    size_bytes += entry.size_bytes as i64;
                    batch.put(entry.key, entry.value);
                }
            }
            if count != 0 {
                batch.add(keys::count(index_id), count);
                batch.add(keys::size_bytes(index_id), size_bytes);
            }
            let last = item_keys.last().expect("a page that is indexed holds an item");
            batch.put(keys::backfill_cursor(index_id), just_above(last));
            Decision::Commit(batch, ())
        };
        match self.store.commit(declared, decide).await.map_err(from_store)? {
            // A plan that is out of date is made anew by the next step.
            Outcome::Committed(()) | Outcome::Replan => Ok(()),
            Outcome::Aborted(error) => Err(error),
        }
    }

    /// Makes the index active: it has every item.
    async fn finish_backfill(&self, table: &Table, index_id: u32) -> Result<(), Error> {
        let name = table.name().to_owned();
        self.change_descriptor(&name, move |change| {
            let index = change
                .descriptor
                .indexes
                .iter_mut()
                .find(|index| index.id == index_id && index.state == IndexState::Creating);
            if let Some(index) = index {
                index.state = IndexState::Active;
                remove_progress(index_id, &mut change.batch);
            }
            Ok(())
        })
        .await?;
        tracing::info!(table = name, "an index has been filled");
        Ok(())
    }
}

/// Removes what a backfill keeps in the catalog, with the index's descriptor changed or gone.
pub(crate) fn remove_progress(index_id: u32, batch: &mut Batch) {
    batch.delete(keys::backfill_cursor(index_id));
    let marks = keys::backfill_marks_prefix(index_id);
    let end = end_of(&marks);
    batch.delete_range(keys::CATALOG, marks, end);
}
