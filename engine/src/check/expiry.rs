//! The expiry entries of a table: each item that expires has its entry, and there are no others.

use bytes::Bytes;
use model::Item;
use store::{Key, Store, StoreError};

use super::CheckReport;
use crate::background::backfill;
use crate::catalog::{Table, TimeToLiveState};
use crate::expiry::expiry_entry;
use crate::keys;
use crate::read::Pages;

/// Which items of a table must have their expiry entries.
pub(super) enum ExpiryCheck {
    /// All that expire, where the table has a time to live at all.
    All,
    /// Those that the backfill has passed.
    Passed(Option<Bytes>),
}

impl ExpiryCheck {
    pub async fn new<S: Store>(store: &S, table: &Table) -> Result<Self, StoreError> {
        let enabling = table.descriptor.time_to_live.as_ref();
        match enabling.filter(|time_to_live| time_to_live.state == TimeToLiveState::Enabling) {
            None => Ok(ExpiryCheck::All),
            Some(time_to_live) => {
                let cursor = keys::backfill_cursor(time_to_live.id);
                Ok(ExpiryCheck::Passed(store.get(cursor.space, &cursor.bytes).await?))
            }
        }
    }

    /// The entry that must be there for an item.
    pub fn wanted_entry(&self, table: &Table, key: &Key, item: &Item) -> Option<Key> {
        let is_wanted = match self {
            ExpiryCheck::All => true,
            ExpiryCheck::Passed(cursor) => backfill::is_passed(cursor.as_deref(), &key.bytes),
        };
        is_wanted
            .then(|| expiry_entry(table, &key.bytes, item.attributes()))
            .flatten()
    }
}

/// Checks that every expiry entry of a table is that of an item as it is.
pub(super) async fn check_expiry_entries<S: Store>(
    store: &S,
    table: &Table,
    report: &mut CheckReport,
    progress: &mut impl FnMut(&CheckReport),
) -> Result<(), StoreError> {
    let kept = table.descriptor.time_to_live.as_ref();
    let Some(time_to_live) = kept.filter(|time_to_live| time_to_live.is_kept()) else {
        return Ok(());
    };
    let mut pages = Pages::new(keys::EXPIRY, keys::id_prefix(time_to_live.id).to_vec());
    while let Some(page) = pages.next(store).await? {
        let item_keys: Vec<Key> = page
            .iter()
            .map(|(key, _)| {
                let item_key = keys::parse_expiry(key).map_or(&[][..], |(_, item_key)| item_key);
                Key::new(keys::ITEMS, item_key)
            })
            .collect();
        let found = store.get_many(&item_keys).await?;
        for ((row, item_key), stored) in item_keys.into_iter().enumerate().zip(found) {
            report.expiry_entries += 1;
            let is_of_table = item_key.bytes.starts_with(&keys::id_prefix(table.id()));
            let item = stored
                .filter(|_| is_of_table)
                .and_then(|stored| Item::from_stored(stored).ok());
            let entry = item.and_then(|item| expiry_entry(table, &item_key.bytes, item.attributes()));
            let shown = page.key(row).escape_ascii();
            if entry.is_none_or(|entry| entry.bytes != page.key(row)) {
                report.problem(format_args!(
                    "table {}: the expiry entry at {shown} belongs to no item",
                    table.name()
                ));
            } else if !page.value_bytes(row).is_empty() {
                report.problem(format_args!(
                    "table {}: the expiry entry at {shown} has a value",
                    table.name()
                ));
            }
        }
        progress(report);
    }
    Ok(())
}
