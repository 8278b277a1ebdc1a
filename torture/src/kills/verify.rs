//! What must hold whenever the clients rest: the table is what they were told, its indexes and its
//! stream say the same.
//!
//! Items go on expiring meanwhile. So the table is read before the rest and after it, and what lies
//! between may be like either.

use std::collections::HashMap;
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use serde_json::{Value, json};

use super::caller::Caller;
use super::caller::Trouble;
use super::client::Shared;
use super::follower::{Follower, check_replica};
use super::schema::{COLOURS, GROUPS, HOT_GROUP, INDEXES, Index, Key, LEDGER};
use harness::failure::{Failure, Result};

/// How long the stream may take to show the last changes: where its shards are just being followed
/// by others, they come when that is done.
const STREAM_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait before the stream is read again.
const STREAM_PERIOD: Duration = Duration::from_millis(5);

type Items = HashMap<Key, Value>;

/// Checks everything that can be seen from outside, and settles the ledgers.
pub fn verify(shared: &Shared, caller: &mut Caller, follower: &mut Follower, random: &mut Rng) -> Result<()> {
    verify_all(shared, caller, follower, random).map_err(Trouble::into_failure)
}

fn verify_all(
    shared: &Shared,
    caller: &mut Caller,
    follower: &mut Follower,
    random: &mut Rng,
) -> std::result::Result<(), Trouble> {
    let before = table(caller)?;
    settle(shared, &before)?;
    let mut entries = Vec::new();
    for index in INDEXES {
        let found = match random.bool() {
            true => scan(caller, index)?,
            false => query(caller, index, &before)?,
        };
        entries.push((index, by_key(found)?));
    }
    follow(caller, follower, &before)?;
    let after = table(caller)?;
    settle(shared, &after)?;
    for (key, item) in &after {
        if before.get(key) != Some(item) {
            return Err(Failure::new(format!("an item has changed while all rest: {item}")).into());
        }
    }
    for (index, entries) in entries {
        check_index(index, &entries, &before, &after)?;
    }
    Ok(())
}

/// All items of the table.
pub fn table(caller: &mut Caller) -> std::result::Result<Items, Trouble> {
    let request = json!({"TableName": LEDGER, "ConsistentRead": true});
    by_key(caller.all_items("Scan", &request)?)
}

fn by_key(items: Vec<Value>) -> std::result::Result<Items, Trouble> {
    let count = items.len();
    let keyed = items.into_iter().filter_map(|item| Some((Key::of(&item)?, item)));
    let keyed: Items = keyed.collect();
    match keyed.len() == count {
        true => Ok(keyed),
        false => Err(Failure::new("an item is read twice, or has no key").into()),
    }
}

/// Compares what the clients were told with the table.
fn settle(shared: &Shared, found: &Items) -> Result<()> {
    let latest_s = shared.clock.latest_s();
    let mut owned: Vec<Items> = vec![Items::new(); shared.ledgers.len()];
    for (key, item) in found {
        let mut parts = key.partition.split('-');
        let owner = match (parts.next(), parts.next().and_then(|number| number.parse().ok())) {
            (Some("hot"), Some(_)) => continue,
            (Some("client"), Some(client)) => owned.get_mut::<usize>(client),
            _ => None,
        };
        let owner = owner.ok_or_else(|| Failure::new(format!("nobody wrote {item}")))?;
        owner.insert(key.clone(), item.clone());
    }
    for (ledger, found) in shared.ledgers.iter().zip(&owned) {
        let mut ledger = ledger.lock().unwrap_or_else(|poison| poison.into_inner());
        ledger.settle(found, latest_s)?;
    }
    Ok(())
}

fn scan(caller: &mut Caller, index: Index) -> std::result::Result<Vec<Value>, Trouble> {
    let request = json!({"TableName": LEDGER, "IndexName": index.name, "ConsistentRead": index.is_local});
    caller.all_items("Scan", &request)
}

/// All entries of an index, partition by partition, each of which must be in order.
fn query(caller: &mut Caller, index: Index, table: &Items) -> std::result::Result<Vec<Value>, Trouble> {
    let (hash, partitions) = match index.name {
        "by-group" => ("group", GROUPS.iter().copied().chain([HOT_GROUP]).collect()),
        "by-colour" => ("colour", COLOURS.to_vec()),
        _ => {
            let mut partitions: Vec<&str> = table.keys().map(|key| key.partition.as_str()).collect();
            partitions.sort_unstable();
            partitions.dedup();
            ("pk", partitions)
        }
    };
    let mut entries = Vec::new();
    for partition in partitions {
        let request = json!({
            "TableName": LEDGER,
            "IndexName": index.name,
            "ConsistentRead": index.is_local,
            "KeyConditionExpression": "#hash = :hash",
            "ExpressionAttributeNames": {"#hash": hash},
            "ExpressionAttributeValues": {":hash": {"S": partition}},
        });
        let found = caller.all_items("Query", &request)?;
        let number = |item: &Value| {
            item["number"]["N"]
                .as_str()
                .and_then(|text| text.parse::<u64>().ok())
        };
        if !found.iter().map(number).is_sorted() {
            return Err(Failure::new(format!("{} is out of order in {partition}", index.name)).into());
        }
        entries.extend(found);
    }
    Ok(entries)
}

fn check_index(index: Index, entries: &Items, before: &Items, after: &Items) -> Result<()> {
    let name = index.name;
    for (key, entry) in entries {
        let expected = before.get(key).and_then(|item| index.entry(item));
        if expected.as_ref() != Some(entry) {
            return Err(Failure::new(format!(
                "index {name} shows {entry}, and the table {:?}",
                before.get(key)
            )));
        }
    }
    for (key, item) in after {
        if index.entry(item).is_some() && !entries.contains_key(key) {
            return Err(Failure::new(format!("index {name} has lost the entry of {item}")));
        }
    }
    Ok(())
}

/// Reads the stream until it leads to what the table is, where items only expire meanwhile.
fn follow(caller: &mut Caller, follower: &mut Follower, before: &Items) -> std::result::Result<(), Trouble> {
    let start = Instant::now();
    loop {
        follower.advance(caller)?;
        let checked = check_replica(follower, before, &table(caller)?);
        if checked.is_ok() || start.elapsed() > STREAM_TIMEOUT {
            return Ok(checked?);
        }
        thread::sleep(STREAM_PERIOD);
    }
}
