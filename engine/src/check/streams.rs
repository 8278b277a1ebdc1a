//! Streams: their shards form lines without gaps, tables name streams that are there, and every
//! change log has a reader and can be read.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use store::{Store, StoreError};

use super::CheckReport;
use super::orphans::ids_in;
use super::recovery::{KeptLog, version_logs};
use crate::catalog::Table;
use crate::keys;
use crate::log::ChangeRecord;
use crate::read::Pages;
use crate::streams::lifecycle::trimmed_number;
use crate::streams::{Shard, StreamDescriptor, StreamState};

/// Checks all streams and change logs.
pub(super) async fn check_streams<S: Store>(
    store: &S,
    tables: &BTreeMap<u32, Table>,
    report: &mut CheckReport,
    progress: &mut impl FnMut(&CheckReport),
) -> Result<(), StoreError> {
    let mut streams: BTreeMap<u32, StreamDescriptor> = BTreeMap::new();
    let mut pages = Pages::new(keys::CATALOG, vec![keys::STREAM_PREFIX]);
    while let Some(page) = pages.next(store).await? {
        for (key, stored) in page.iter() {
            match StreamDescriptor::from_stored(stored) {
                Ok(stream) if keys::stream(&stream.table_name, stream.label_ms).bytes == key => {
                    check_shards(store, &stream, report).await?;
                    streams.insert(stream.id, stream);
                }
                Ok(stream) => report.problem(format_args!(
                    "the stream of {} labelled {} stands at another key",
                    stream.table_name, stream.label_ms
                )),
                Err(error) => report.problem(format_args!("a stream: {error}")),
            }
        }
    }
    for table in tables.values() {
        check_table_stream(table, &streams, report);
    }
    check_logs(store, tables, &streams, report, progress).await
}

fn check_table_stream(table: &Table, streams: &BTreeMap<u32, StreamDescriptor>, report: &mut CheckReport) {
    let Some(of_table) = table.descriptor.stream.as_ref().filter(|stream| stream.enabled) else {
        return;
    };
    let is_found = streams.get(&of_table.id).is_some_and(|stream| {
        stream.table_id == table.id()
            && stream.label_ms == of_table.label_ms
            && matches!(stream.state, StreamState::Open | StreamState::Rolling)
    });
    if !is_found {
        report.problem(format_args!(
            "table {}: the stream that it records its changes for is missing or closed",
            table.name()
        ));
    }
}

/// Checks that each shard begins where the one before it in its slice ended, and that those are open
/// that the stream says.
async fn check_shards<S: Store>(
    store: &S,
    stream: &StreamDescriptor,
    report: &mut CheckReport,
) -> Result<(), StoreError> {
    let whose = format!("the stream of {} labelled {}", stream.table_name, stream.label_ms);
    let is_closed = matches!(stream.state, StreamState::Closed { .. });
    let mut shards: BTreeMap<u32, Shard> = BTreeMap::new();
    let mut pages = Pages::new(keys::CATALOG, keys::shards_prefix(stream.id));
    while let Some(page) = pages.next(store).await? {
        for (key, stored) in page.iter() {
            let shard = keys::parse_shard(key).zip(Shard::from_stored(stored).ok());
            let Some((ordinal, shard)) = shard else {
                report.problem(format_args!("{whose}: a shard cannot be read"));
                continue;
            };
            let is_newest = stream.newest_shards().contains(&ordinal);
            if shard.last.is_none() != (is_newest && !is_closed) || ordinal >= stream.shards {
                report.problem(format_args!(
                    "{whose}: shard {ordinal} is open and should not be, or the other way"
                ));
            }
            let parent = ordinal.checked_sub(stream.open_shards);
            if let Some(parent) = parent.and_then(|parent| shards.get(&parent))
                && (parent.last != Some(shard.after) || shard.parent_opened_ms != Some(parent.opened_ms))
            {
                report.problem(format_args!(
                    "{whose}: shard {ordinal} does not begin where the one before it ended"
                ));
            }
            shards.insert(ordinal, shard);
        }
    }
    // Those of a closed stream may be forgotten already, before the stream itself.
    if !is_closed
        && !stream
            .newest_shards()
            .all(|ordinal| shards.contains_key(&ordinal))
    {
        report.problem(format_args!("{whose}: a shard that is open is missing"));
    }
    Ok(())
}

/// Checks that each change log has a reader or waits to be removed, that its records can be read,
/// that none is older than what was trimmed, and that their times do not decrease.
async fn check_logs<S: Store>(
    store: &S,
    tables: &BTreeMap<u32, Table>,
    streams: &BTreeMap<u32, StreamDescriptor>,
    report: &mut CheckReport,
    progress: &mut impl FnMut(&CheckReport),
) -> Result<(), StoreError> {
    let readers: BTreeSet<u32> = streams.values().map(|stream| stream.table_id).collect();
    let versions = version_logs(tables);
    for table_id in ids_in(store, keys::LOG).await? {
        if versions.contains(&table_id) {
            continue;
        }
        let garbage = keys::garbage(keys::LOG, table_id);
        let is_garbage = store.get(garbage.space, &garbage.bytes).await?.is_some();
        if is_garbage {
            continue;
        }
        if !readers.contains(&table_id) && !tables.contains_key(&table_id) {
            report.problem(format_args!("there is a change log of the unknown id {table_id}"));
            continue;
        }
        let trimmed = keys::log_trimmed(table_id);
        let trimmed: Option<Bytes> = store.get(trimmed.space, &trimmed.bytes).await?;
        let trimmed = trimmed_number(trimmed.as_deref());
        let kept = KeptLog::of(store, table_id, tables.get(&table_id), trimmed).await?;
        let mut newest_ms = 0;
        let mut pages = Pages::new(keys::LOG, keys::id_prefix(table_id).to_vec());
        while let Some(page) = pages.next(store).await? {
            for row in 0..page.len() {
                report.log_records += 1;
                let number = keys::parse_log_record(page.key(row));
                let record = ChangeRecord::from_stored(page.value(row));
                let (Some(number), Ok(record)) = (number, record) else {
                    report.problem(format_args!(
                        "the change log of id {table_id} has a record that cannot be read"
                    ));
                    continue;
                };
                kept.check(number, &record, report);
                if record.time_ms < newest_ms {
                    report.problem(format_args!(
                        "the change log of id {table_id}: the record {number} is older than the one before it"
                    ));
                }
                newest_ms = newest_ms.max(record.time_ms);
            }
            progress(report);
        }
    }
    Ok(())
}
