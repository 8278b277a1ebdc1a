//! Items, index entries and expiry entries of no table, and ids that are used twice.

use std::collections::{BTreeMap, BTreeSet};

use store::{Direction, Key, KeySpace, RangeRequest, Read, Store, StoreError};

use super::CheckReport;
use super::recovery::version_logs;
use crate::catalog::Table;
use crate::keys;
use crate::read::Pages;

/// Checks that every id in use belongs to one table, index or time to live, or waits to be removed.
pub(super) async fn check_ids<S: Store>(
    store: &S,
    tables: &BTreeMap<u32, Table>,
    report: &mut CheckReport,
) -> Result<(), StoreError> {
    let mut index_ids = BTreeSet::new();
    for table in tables.values() {
        for index in &table.descriptor.indexes {
            if !index_ids.insert(index.id) || tables.contains_key(&index.id) {
                let (table, index_name, id) = (table.name(), &index.name, index.id);
                report.problem(format_args!(
                    "table {table}: the id {id} of index {index_name} is used twice"
                ));
            }
        }
    }
    let mut time_to_live_ids = BTreeSet::new();
    let mut kept_ids = BTreeSet::new();
    for table in tables.values() {
        let Some(time_to_live) = &table.descriptor.time_to_live else {
            continue;
        };
        let id = time_to_live.id;
        if !time_to_live_ids.insert(id) || tables.contains_key(&id) || index_ids.contains(&id) {
            let table = table.name();
            report.problem(format_args!(
                "table {table}: the id {id} of its time to live is used twice"
            ));
        }
        if time_to_live.is_kept() {
            kept_ids.insert(id);
        }
    }
    let mut garbage = BTreeSet::new();
    let mut pages = Pages::new(keys::CATALOG, vec![keys::GARBAGE_PREFIX]);
    while let Some(page) = pages.next(store).await? {
        garbage.extend(page.iter().filter_map(|(key, _)| keys::parse_garbage(key)));
    }
    for (space, what) in [
        (keys::ITEMS, "items"),
        (keys::INDEXES, "index entries"),
        (keys::EXPIRY, "expiry entries"),
    ] {
        for id in ids_in(store, space).await? {
            let known = match space {
                keys::ITEMS => tables.contains_key(&id),
                keys::INDEXES => index_ids.contains(&id),
                _ => kept_ids.contains(&id),
            };
            if !known && !garbage.contains(&(space, id)) {
                report.problem(format_args!("there are {what} of the unknown id {id}"));
            }
        }
    }
    let next_id = keys::next_id();
    let next = store.get(next_id.space, &next_id.bytes).await?;
    let next = next
        .and_then(|stored| stored.as_ref().try_into().ok())
        .map_or(1, u32::from_be_bytes);
    let job_ids: BTreeSet<u32> = tables
        .values()
        .filter_map(|table| table.descriptor.restore.as_ref())
        .map(|restore| restore.job_id)
        .collect();
    let recovery_ids = version_logs(tables);
    let ids = tables.keys().chain(&index_ids).chain(&time_to_live_ids);
    let ids = ids.chain(&job_ids).chain(&recovery_ids);
    if let Some(&id) = ids.max().filter(|&&id| id >= next) {
        report.problem(format_args!(
            "the id {id} is in use and the next free id is {next}"
        ));
    }
    Ok(())
}

/// The ids whose keys a space holds, found by stepping from one to the next.
pub(super) async fn ids_in<S: Read>(store: &S, space: KeySpace) -> Result<Vec<u32>, StoreError> {
    let mut ids = Vec::new();
    let mut start = Key::new(space, Vec::new());
    loop {
        let request = RangeRequest {
            space,
            start: &start.bytes,
            end: &[0xFF; 5],
            direction: Direction::Forward,
            rows_max: 1,
            bytes_max: 1,
        };
        let page = store.range(request).await?;
        if page.is_empty() {
            return Ok(ids);
        }
        let Some(id) = page.key(0).first_chunk::<4>().map(|id| u32::from_be_bytes(*id)) else {
            return Ok(ids);
        };
        ids.push(id);
        let Some(next) = id.checked_add(1) else {
            return Ok(ids);
        };
        start.bytes = next.to_be_bytes().to_vec();
    }
}
