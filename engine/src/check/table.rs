//! One table: its items, their entries in its indexes, and its counters.

use std::collections::BTreeMap;

use bytes::Bytes;
use model::Item;
use store::{Direction, Key, RangeRequest, Read, Store, StoreError, counter_value};

use super::CheckReport;
use super::expiry::{ExpiryCheck, check_expiry_entries};
use crate::background::backfill;
use crate::catalog::{Index, IndexKind, IndexState, Table};
use crate::keys;
use crate::read::Pages;
use crate::read::end_of;
use crate::write::{collection_key, index_entry};

/// How many things there are, and their size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    count: i64,
    size_bytes: i64,
}

impl Tally {
    fn add(&mut self, size_bytes: usize) {
        self.count += 1;
        self.size_bytes += size_bytes as i64;
    }
}

/// What the items of a table say about everything else.
#[derive(Default)]
struct Expected {
    items: Tally,
    /// Entries by index id.
    indexes: BTreeMap<u32, Tally>,
    /// The item collection being read: the key of its counter, and its size.
    collection: Option<(Key, i64)>,
}

/// Checks a table.
pub(super) async fn check_table<S: Store>(
    store: &S,
    table: &Table,
    report: &mut CheckReport,
    progress: &mut impl FnMut(&CheckReport),
) -> Result<(), StoreError> {
    let mut expected = Expected::default();
    let mut cursors = BTreeMap::new();
    for index in &table.descriptor.indexes {
        expected.indexes.insert(index.id, Tally::default());
        if index.state == IndexState::Creating {
            let cursor = keys::backfill_cursor(index.id);
            cursors.insert(index.id, store.get(cursor.space, &cursor.bytes).await?);
        }
    }
    let expiry = ExpiryCheck::new(store, table).await?;
    let mut pages = Pages::new(keys::ITEMS, keys::id_prefix(table.id()).to_vec());
    while let Some(page) = pages.next(store).await? {
        for row in 0..page.len() {
            let checking = CheckedItem {
                store,
                table,
                cursors: &cursors,
                expiry: &expiry,
                key: page.key(row),
                report,
            };
            checking.check(page.value(row), &mut expected).await?;
        }
        progress(report);
    }
    finish_collection(store, table, &mut expected, report).await?;
    check_counters(
        store,
        table.id(),
        expected.items,
        || format!("table {}", table.name()),
        report,
    )
    .await?;
    for index in table
        .indexes()
        .filter(|index| index.descriptor.state != IndexState::Deleting)
    {
        let tally = expected.indexes[&index.descriptor.id];
        check_index(store, table, index, tally, report, progress).await?;
    }
    check_expiry_entries(store, table, report, progress).await?;
    check_collections(store, table, report).await
}

struct CheckedItem<'c, S> {
    store: &'c S,
    table: &'c Table,
    cursors: &'c BTreeMap<u32, Option<Bytes>>,
    expiry: &'c ExpiryCheck,
    key: &'c [u8],
    report: &'c mut CheckReport,
}

impl<S: Store> CheckedItem<'_, S> {
    fn problem(&mut self, problem: &str) {
        let (table, key) = (self.table.name(), self.key.escape_ascii());
        self.report
            .problem(format_args!("table {table}: the item at {key} {problem}"));
    }

    async fn check(mut self, stored: Bytes, expected: &mut Expected) -> Result<(), StoreError> {
        self.report.items += 1;
        let item = match Item::from_stored(stored).and_then(|item| item.check().map(|()| item)) {
            Ok(item) => item,
            Err(malformed) => {
                self.problem(&format!("cannot be read: {}", malformed.0));
                return Ok(());
            }
        };
        let schema = &self.table.descriptor.key_schema;
        let key = match keys::item(self.table.id(), schema, item.attributes()) {
            Ok(key) if key.bytes == self.key => key,
            _ => {
                self.problem("has another primary key than the one that it is stored at");
                return Ok(());
            }
        };
        let size_bytes = item.size_bytes();
        expected.items.add(size_bytes);
        let mut collection_bytes = size_bytes as i64;
        let mut entries = Vec::new();
        for index in self.table.indexes() {
            if !self.is_indexed(index, &key).await? {
                continue;
            }
            if let Some(entry) = index_entry(self.table, index, &item) {
                expected
                    .indexes
                    .entry(index.descriptor.id)
                    .or_default()
                    .add(entry.size_bytes);
                if index.descriptor.kind == IndexKind::Local {
                    collection_bytes += entry.size_bytes as i64;
                }
                entries.push((index.descriptor.name.as_str(), entry));
            }
        }
        let entry_keys: Vec<Key> = entries.iter().map(|(_, entry)| entry.key.clone()).collect();
        let found = self.store.get_many(&entry_keys).await?;
        for ((index_name, entry), found) in entries.into_iter().zip(found) {
            match found {
                None => self.problem(&format!("has no entry in index {index_name}")),
                Some(found) if found != entry.value => {
                    self.problem(&format!(
                        "has an entry in index {index_name} that differs from it"
                    ));
                }
                Some(_) => {}
            }
        }
        if let Some(entry) = self.expiry.wanted_entry(self.table, &key, &item)
            && self.store.get(entry.space, &entry.bytes).await?.is_none()
        {
            self.problem("expires and has no expiry entry");
        }
        if self.table.has_local_indexes {
            let counter = collection_key(self.table, &key);
            match &mut expected.collection {
                Some((current, sum_bytes)) if *current == counter => *sum_bytes += collection_bytes,
                _ => {
                    finish_collection(self.store, self.table, expected, self.report).await?;
                    expected.collection = Some((counter, collection_bytes));
                }
            }
        }
        Ok(())
    }

    /// Whether the item must have its entry in the index, if it belongs there.
    async fn is_indexed(&self, index: Index<'_>, key: &Key) -> Result<bool, StoreError> {
        match index.descriptor.state {
            IndexState::Active => Ok(true),
            IndexState::Deleting => Ok(false),
            IndexState::Creating => {
                let id = index.descriptor.id;
                let cursor = self.cursors.get(&id).and_then(|cursor| cursor.as_deref());
                let mark = keys::backfill_mark(id, &key.bytes);
                Ok(backfill::is_passed(cursor, &key.bytes)
                    || self.store.get(mark.space, &mark.bytes).await?.is_some())
            }
        }
    }
}

async fn read_counter<S: Read>(store: &S, key: &Key) -> Result<Option<i64>, StoreError> {
    Ok(counter_value(store.get(key.space, &key.bytes).await?.as_deref()))
}

async fn check_counters<S: Store>(
    store: &S,
    id: u32,
    expected: Tally,
    whose: impl Fn() -> String,
    report: &mut CheckReport,
) -> Result<(), StoreError> {
    for (what, key, expected) in [
        ("count", keys::count(id), expected.count),
        ("size in bytes", keys::size_bytes(id), expected.size_bytes),
    ] {
        match read_counter(store, &key).await? {
            Some(kept) if kept == expected => {}
            Some(kept) => report.problem(format_args!(
                "{}: its {what} is kept as {kept} and is {expected}",
                whose()
            )),
            None => report.problem(format_args!("{}: its {what} cannot be read", whose())),
        }
    }
    Ok(())
}

/// Compares the size of the item collection that has been read with what is kept.
async fn finish_collection<S: Store>(
    store: &S,
    table: &Table,
    expected: &mut Expected,
    report: &mut CheckReport,
) -> Result<(), StoreError> {
    let Some((key, sum_bytes)) = expected.collection.take() else {
        return Ok(());
    };
    match read_counter(store, &key).await? {
        Some(kept) if kept == sum_bytes => {}
        kept => {
            let (table, key) = (table.name(), key.bytes.escape_ascii());
            report.problem(format_args!(
                "table {table}: the item collection at {key} is kept as {kept:?} bytes and has {sum_bytes}"
            ));
        }
    }
    Ok(())
}

/// Checks that every entry of an index belongs to an item that says so.
async fn check_index<S: Store>(
    store: &S,
    table: &Table,
    index: Index<'_>,
    expected: Tally,
    report: &mut CheckReport,
    progress: &mut impl FnMut(&CheckReport),
) -> Result<(), StoreError> {
    let name = &index.descriptor.name;
    let whose = || format!("index {name} of table {}", table.name());
    let mut tally = Tally::default();
    let mut pages = Pages::new(keys::INDEXES, keys::id_prefix(index.descriptor.id).to_vec());
    while let Some(page) = pages.next(store).await? {
        let mut item_keys = Vec::with_capacity(page.len());
        for row in 0..page.len() {
            report.index_entries += 1;
            let projected = Item::from_stored(page.value(row)).and_then(|item| item.check().map(|()| item));
            let item_key = projected.ok().and_then(|projected| {
                tally.add(projected.size_bytes());
                keys::item(table.id(), &table.descriptor.key_schema, projected.attributes()).ok()
            });
            if item_key.is_none() {
                report.problem(format_args!(
                    "{}: the entry at {} cannot be read",
                    whose(),
                    page.key(row).escape_ascii()
                ));
            }
            item_keys.push(item_key.unwrap_or_else(|| Key::new(keys::ITEMS, Vec::new())));
        }
        for (row, stored) in store.get_many(&item_keys).await?.into_iter().enumerate() {
            let item = stored.and_then(|stored| Item::from_stored(stored).ok());
            let entry = item.and_then(|item| index_entry(table, index, &item));
            if entry.is_none_or(|entry| entry.key.bytes != page.key(row)) {
                let key = page.key(row).escape_ascii();
                report.problem(format_args!("{}: the entry at {key} belongs to no item", whose()));
            }
        }
        progress(report);
    }
    if tally != expected {
        report.problem(format_args!(
            "{}: it holds {tally:?} and its table says {expected:?}",
            whose()
        ));
    }
    check_counters(store, index.descriptor.id, tally, whose, report).await
}

/// Checks that no item collection without items is kept as if it had a size.
async fn check_collections<S: Store>(
    store: &S,
    table: &Table,
    report: &mut CheckReport,
) -> Result<(), StoreError> {
    let prefix = keys::collection_sizes_prefix(table.id());
    let mut pages = Pages::new(keys::COUNTERS, prefix.clone());
    while let Some(page) = pages.next(store).await? {
        for (key, stored) in page.iter() {
            if counter_value(Some(stored)) == Some(0) {
                continue;
            }
            let partition = keys::partition_bytes_prefix(table.id(), &key[prefix.len()..]);
            let request = RangeRequest {
                space: keys::ITEMS,
                start: &partition,
                end: &end_of(&partition),
                direction: Direction::Forward,
                rows_max: 1,
                bytes_max: 1,
            };
            if store.range(request).await?.is_empty() {
                let (table, key) = (table.name(), key.escape_ascii());
                report.problem(format_args!(
                    "table {table}: the item collection at {key} has a size and no items"
                ));
            }
        }
    }
    Ok(())
}
