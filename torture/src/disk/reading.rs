//! Everything that a server holds, read from outside, each byte compared.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use harness::control;
use harness::failure::Result;
use serde_json::{Map, Value, json};

use super::ledger::{INDEX, Observed, TABLES, Target, is_indexed};

/// How often a stream is read again that does not show everything, and when.
const ROLLOVER_RETRIES: u32 = 20;
const ROLLOVER_PAUSE: Duration = Duration::from_millis(25);

/// The two APIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    Tables,
    Streams,
}

/// What can be asked: a server, or an engine in this process.
pub trait Database {
    /// Asks, and gives the answer where it is a success.
    fn ask(&self, service: Service, operation: &str, body: &Value) -> Result<Value>;
}

impl Database for SocketAddr {
    fn ask(&self, service: Service, operation: &str, body: &Value) -> Result<Value> {
        match service {
            Service::Tables => control::call(*self, operation, body),
            Service::Streams => control::call_streams(*self, operation, body),
        }
    }
}

/// Why reading did not give what was written.
#[derive(Debug)]
pub enum Trouble {
    /// A request was answered with an error, or not at all.
    Refused(String),
    /// What was read cannot be.
    Wrong(String),
}

type Read<T> = std::result::Result<T, Trouble>;

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Refused(said) | Trouble::Wrong(said) => f.write_str(said),
        }
    }
}

/// Reads all tables, the index and the stream, and compares them with each other.
///
/// A table that is not there holds nothing: the machine may have stopped before it was made.
pub fn read_all(database: &impl Database) -> Read<Observed> {
    let tables = list_tables(database)?;
    let mut observed = Observed::new();
    for name in &tables {
        match Target::of_table(name) {
            Some(table) => drop(observed.insert(table, 0)),
            None if TABLES.contains(&name.as_str()) => read_items(database, name, &mut observed)?,
            None => {
                return Err(Trouble::Wrong(format!(
                    "there is a table {name}, which nobody made"
                )));
            }
        }
    }
    if tables.iter().any(|name| name == TABLES[0]) {
        compare_index(database, &observed)?;
        // While the shards of a stream are being ended, the open ones show nothing for a moment.
        let mut compared = compare_stream(database, &observed);
        for _ in 0..ROLLOVER_RETRIES {
            if !matches!(compared, Err(Trouble::Wrong(_))) {
                break;
            }
            thread::sleep(ROLLOVER_PAUSE);
            compared = compare_stream(database, &observed);
        }
        compared?;
    }
    Ok(observed)
}

fn call(database: &impl Database, operation: &str, body: &Value) -> Read<Value> {
    let answer = database.ask(Service::Tables, operation, body);
    answer.map_err(|failure| Trouble::Refused(failure.to_string()))
}

fn call_streams(database: &impl Database, operation: &str, body: &Value) -> Read<Value> {
    let answer = database.ask(Service::Streams, operation, body);
    answer.map_err(|failure| Trouble::Refused(failure.to_string()))
}

/// All pages of an operation: `next` is the member that one answer has for the next request's
/// member `start`.
fn pages(
    database: &impl Database,
    operation: &str,
    body: &Value,
    next: &str,
    start: &str,
) -> Read<Vec<Value>> {
    let mut body = body.clone();
    let mut pages = Vec::new();
    loop {
        let page = call(database, operation, &body)?;
        let more = page[next].clone();
        pages.push(page);
        match more.is_null() {
            true => return Ok(pages),
            false => body[start] = more,
        }
    }
}

fn list_tables(database: &impl Database) -> Read<Vec<String>> {
    let pages = pages(
        database,
        "ListTables",
        &json!({}),
        "LastEvaluatedTableName",
        "ExclusiveStartTableName",
    )?;
    let names = pages
        .iter()
        .flat_map(|page| page["TableNames"].as_array())
        .flatten();
    Ok(names.filter_map(|name| Some(name.as_str()?.to_owned())).collect())
}

fn scan(database: &impl Database, table: &str, index: Option<&str>) -> Read<Vec<Value>> {
    let mut body = json!({"TableName": table, "ConsistentRead": index.is_none()});
    if let Some(index) = index {
        body["IndexName"] = json!(index);
    }
    let pages = pages(database, "Scan", &body, "LastEvaluatedKey", "ExclusiveStartKey")?;
    let items = pages
        .into_iter()
        .filter_map(|mut page| match page["Items"].take() {
            Value::Array(items) => Some(items),
            _ => None,
        });
    Ok(items.flatten().collect())
}

/// The target and the version of an item that is exactly what a client wrote.
fn recognise(table: &str, item: &Value) -> Read<(Target, u64)> {
    let found = || {
        let target = Target::of_key(item["pk"]["S"].as_str()?)?;
        let version = item["version"]["N"].as_str()?.parse().ok()?;
        (target.table() == table && target.item(version) == *item).then_some((target, version))
    };
    found().ok_or_else(|| {
        Trouble::Wrong(format!(
            "table {table} holds what nobody wrote: {:.300}",
            item.to_string()
        ))
    })
}

fn read_items(database: &impl Database, table: &str, observed: &mut Observed) -> Read<()> {
    for item in scan(database, table, None)? {
        let (target, version) = recognise(table, &item)?;
        if observed.insert(target, version).is_some() {
            return Err(Trouble::Wrong(format!("{target} is there twice")));
        }
    }
    Ok(())
}

fn items_of_first_table(observed: &Observed) -> BTreeMap<Target, u64> {
    let items = observed.iter().filter(|(target, _)| target.table() == TABLES[0]);
    items.map(|(target, version)| (*target, *version)).collect()
}

fn compare_index(database: &impl Database, observed: &Observed) -> Read<()> {
    let mut indexed = BTreeMap::new();
    for item in scan(database, TABLES[0], Some(INDEX))? {
        let (target, version) = recognise(TABLES[0], &item)?;
        indexed.insert(target, version);
    }
    let mut expected = items_of_first_table(observed);
    expected.retain(|_, version| is_indexed(*version));
    match indexed == expected {
        true => Ok(()),
        false => Err(Trouble::Wrong(format!(
            "the index has {} entries and its table {} items for it, or they differ",
            indexed.len(),
            expected.len()
        ))),
    }
}

/// The records of the stream, one after the other, must lead to what the table holds.
fn compare_stream(database: &impl Database, observed: &Observed) -> Read<()> {
    let wrong = |what: &str, record: &Value| Trouble::Wrong(format!("{what}: {:.300}", record.to_string()));
    let mut items: BTreeMap<String, Value> = BTreeMap::new();
    for record in read_stream(database)? {
        let change = &record["dynamodb"];
        let key = change["Keys"]["pk"]["S"].as_str();
        let key = key.ok_or_else(|| wrong("a record of the stream has no key", &record))?;
        let old = change["OldImage"]
            .as_object()
            .map(|image| Value::Object(Map::clone(image)));
        if items.remove(key) != old {
            return Err(wrong("a record does not follow the one before it", &record));
        }
        if let Some(new) = change["NewImage"].as_object() {
            items.insert(key.to_owned(), Value::Object(new.clone()));
        }
    }
    let mut at_the_end = BTreeMap::new();
    for item in items.values() {
        let (target, version) = recognise(TABLES[0], item)?;
        at_the_end.insert(target, version);
    }
    let held = items_of_first_table(observed);
    let targets = held.keys().chain(at_the_end.keys());
    let mut differing = targets.filter(|target| held.get(target) != at_the_end.get(target));
    match differing.next() {
        None => Ok(()),
        Some(target) => Err(Trouble::Wrong(format!(
            "the stream's records do not lead to what its table holds: {target} has version {:?}, the last record of it {:?}, \
             and so have {} others",
            held.get(target),
            at_the_end.get(target),
            differing.count()
        ))),
    }
}

/// All records of the first table's stream, in the order of its shards.
fn read_stream(database: &impl Database) -> Read<Vec<Value>> {
    let description = call(database, "DescribeTable", &json!({"TableName": TABLES[0]}))?;
    let stream = &description["Table"]["LatestStreamArn"];
    let mut shards = Vec::new();
    let mut question = json!({"StreamArn": stream});
    loop {
        let description = call_streams(database, "DescribeStream", &question)?["StreamDescription"].take();
        shards.extend(description["Shards"].as_array().cloned().unwrap_or_default());
        match description["LastEvaluatedShardId"].is_null() {
            true => break,
            false => question["ExclusiveStartShardId"] = description["LastEvaluatedShardId"].clone(),
        }
    }
    let mut records = Vec::new();
    for shard in &shards {
        let question = json!({
            "StreamArn": stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON",
        });
        let mut iterator = call_streams(database, "GetShardIterator", &question)?["ShardIterator"].take();
        while !iterator.is_null() {
            let mut page = call_streams(database, "GetRecords", &json!({"ShardIterator": iterator}))?;
            iterator = page["NextShardIterator"].take();
            let found = page["Records"].as_array().cloned().unwrap_or_default();
            // An open shard never ends; what is there comes without gaps.
            if found.is_empty() && shard["SequenceNumberRange"]["EndingSequenceNumber"].is_null() {
                break;
            }
            records.extend(found);
        }
    }
    Ok(records)
}
