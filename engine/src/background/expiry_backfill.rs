//! Giving the items of a table their expiry entries when its time to live has been enabled, while
//! writes go on.
//!
//! The backfill reads the table in key order, a page at a time, and keeps in the catalog the key up
//! to which it has come. From the moment of enabling every write keeps the entry of its item, so
//! that only items that have not been written since lack theirs. A page is one commit that holds
//! the items and the cursor: each entry is put as the item is then, which changes nothing where a
//! writer has put it already.

use api::Error;
use bytes::Bytes;
use store::{Batch, Decision, Declared, Held, Key, Outcome, Store};

use crate::Engine;
use crate::catalog::{Table, TimeToLive, TimeToLiveState};
use crate::error::from_store;
use crate::expiry::expiry_entry;
use crate::keys;
use crate::read::just_above;
use crate::write::stored_item;

/// How many items one step reads at most.
const STEP_ITEMS_MAX: usize = 64;

impl<S: Store> Engine<S> {
    /// Gives one page of items their expiry entries, or ends ENABLING where there are no more.
    pub(crate) async fn expiry_backfill_step(
        &self,
        table: &Table,
        time_to_live: &TimeToLive,
    ) -> Result<(), Error> {
        let cursor_key = keys::backfill_cursor(time_to_live.id);
        let (cursor, page) = self.next_items(table, &cursor_key, STEP_ITEMS_MAX).await?;
        if page.is_empty() {
            return self.finish_expiry_backfill(table, time_to_live.id).await;
        }
        let item_keys = page.iter().map(|(key, _)| Key::new(keys::ITEMS, key)).collect();
        self.put_expiry_entries(table, cursor_key, cursor, item_keys)
            .await
    }

    async fn put_expiry_entries(
        &self,
        table: &Table,
        cursor_key: Key,
        cursor: Option<Bytes>,
        item_keys: Vec<Key>,
    ) -> Result<(), Error> {
        let declared = Declared {
            shared: vec![table.descriptor_key.clone()],
            exclusive: [std::slice::from_ref(&cursor_key), item_keys.as_slice()].concat(),
        };
        let table = Table::new(table.descriptor.clone());
        let decide = move |held: &Held| {
            let (seen_cursor, items) = held.exclusive.split_first().expect("the cursor is declared");
            if !table.is_current(held.shared[0].as_ref()) || *seen_cursor != cursor {
                return Decision::Replan;
            }
            let mut batch = Batch::new();
            for (key, stored) in item_keys.iter().zip(items) {
                let Some(stored) = stored else { continue };
                match stored_item(stored.clone()) {
                    Ok(item) => {
                        if let Some(entry) = expiry_entry(&table, &key.bytes, item.attributes()) {
                            batch.put(entry, Bytes::new());
                        }
                    }
                    Err(error) => return Decision::Abort(error),
                }
            }
            let last = item_keys.last().expect("a page with nothing in it ends ENABLING");
            batch.put(cursor_key.clone(), just_above(&last.bytes));
            Decision::Commit(batch, ())
        };
        match self.store.commit(declared, decide).await.map_err(from_store)? {
            // A plan that is out of date is made anew by the next step.
            Outcome::Committed(()) | Outcome::Replan => Ok(()),
            Outcome::Aborted(error) => Err(error),
        }
    }

    /// Ends ENABLING: every item that expires has its entry.
    async fn finish_expiry_backfill(&self, table: &Table, time_to_live_id: u32) -> Result<(), Error> {
        self.change_descriptor(table.name(), move |change| {
            let time_to_live = change.descriptor.time_to_live.as_mut().filter(|time_to_live| {
                time_to_live.id == time_to_live_id && time_to_live.state == TimeToLiveState::Enabling
            });
            if let Some(time_to_live) = time_to_live {
                time_to_live.state = TimeToLiveState::Enabled;
                change.batch.delete(keys::backfill_cursor(time_to_live_id));
            }
            Ok(())
        })
        .await?;
        Ok(())
    }
}
