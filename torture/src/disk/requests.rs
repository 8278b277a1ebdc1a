//! Requests of all kinds, from chance, each with what it changes.

use serde_json::{Value, json};

use super::ledger::{INDEX, TABLES, Target, Version, Write, is_indexed};

/// How many items a client writes, over and over.
const ITEMS_PER_CLIENT: u32 = 60;
/// The most items in a batch.
const BATCH_MAX: u32 = 25;

/// The tables that the requests write to, as requests to make them.
pub fn tables() -> [Value; 2] {
    let attribute = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
    let indexed = json!({
        "TableName": TABLES[0],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [attribute("pk"), attribute("group")],
        "BillingMode": "PAY_PER_REQUEST",
        "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        "GlobalSecondaryIndexes": [{
            "IndexName": INDEX,
            "KeySchema": [
                {"AttributeName": "group", "KeyType": "HASH"},
                {"AttributeName": "pk", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        }],
    });
    [indexed, table(TABLES[1])]
}

/// A table with nothing but a key.
fn table(name: &str) -> Value {
    json!({
        "TableName": name,
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    })
}

/// One request.
pub struct Request {
    pub operation: &'static str,
    pub body: Value,
    /// What it changes; not yet sent.
    pub write: Write,
}

/// The requests of one client.
pub struct Requests {
    client: u32,
    random: fastrand::Rng,
    last_version: u64,
}

impl Requests {
    pub fn new(seed: u64, client: u32, versions_from: u64) -> Self {
        Requests {
            client,
            random: fastrand::Rng::with_seed(seed ^ (u64::from(client) << 40) ^ (versions_from << 20)),
            last_version: versions_from,
        }
    }

    fn item(&mut self) -> Target {
        Target::Item {
            client: self.client,
            number: self.random.u32(..ITEMS_PER_CLIENT),
        }
    }

    /// So many items, none of them twice.
    fn items(&mut self, count: u32) -> Vec<Target> {
        let first = self.random.u32(..ITEMS_PER_CLIENT);
        let numbers = (first..first + count).map(|number| number % ITEMS_PER_CLIENT);
        let client = self.client;
        numbers.map(|number| Target::Item { client, number }).collect()
    }

    /// The next request, and what it changes.
    pub fn next(&mut self, changes_max: u64) -> Request {
        self.last_version += 1;
        let version = self.last_version;
        let (operation, body, is_atomic, changes): (_, _, _, Vec<(Target, Version)>) =
            match self.random.u32(..100) {
                0..30 => {
                    let item = self.item();
                    let body = json!({"TableName": item.table(), "Item": item.item(version)});
                    ("PutItem", body, true, vec![(item, Some(version))])
                }
                30..52 => {
                    let item = self.item();
                    (
                        "UpdateItem",
                        update(item, version),
                        true,
                        vec![(item, Some(version))],
                    )
                }
                52..64 => {
                    let item = self.item();
                    let body = json!({"TableName": item.table(), "Key": item.key()});
                    ("DeleteItem", body, true, vec![(item, None)])
                }
                64..80 => {
                    let count = self
                        .random
                        .u32(2..=4)
                        .min(u32::try_from(changes_max.max(2)).unwrap_or(u32::MAX));
                    let items = self.items(count);
                    let puts = items
                        .iter()
                        .map(|item| json!({"Put": {"TableName": item.table(), "Item": item.item(version)}}));
                    let body = json!({"TransactItems": puts.collect::<Vec<_>>()});
                    let changes = items.iter().map(|item| (*item, Some(version)));
                    ("TransactWriteItems", body, true, changes.collect())
                }
                80..98 => {
                    let count = self
                        .random
                        .u32(2..=BATCH_MAX)
                        .min(u32::try_from(changes_max.max(2)).unwrap_or(u32::MAX));
                    let (body, changes) = self.batch(count, version);
                    ("BatchWriteItem", body, false, changes)
                }
                _ => {
                    let made = Target::Table {
                        client: self.client,
                        number: version as u32,
                    };
                    ("CreateTable", table(&made.table()), true, vec![(made, Some(0))])
                }
            };
        let write = Write {
            started_at: 0,
            acknowledged_at: None,
            is_atomic,
            changes,
        };
        Request {
            operation,
            body,
            write,
        }
    }

    fn batch(&mut self, count: u32, version: u64) -> (Value, Vec<(Target, Version)>) {
        let mut requests = json!({});
        let mut changes = Vec::new();
        for item in self.items(count) {
            let is_put = self.random.u32(..4) > 0;
            let request = match is_put {
                true => json!({"PutRequest": {"Item": item.item(version)}}),
                false => json!({"DeleteRequest": {"Key": item.key()}}),
            };
            match requests[item.table()].as_array_mut() {
                Some(requests) => requests.push(request),
                None => requests[item.table()] = json!([request]),
            }
            changes.push((item, is_put.then_some(version)));
        }
        (json!({"RequestItems": requests}), changes)
    }
}

/// An UpdateItem that leaves the item as [`Target::item`] has it, whatever was there.
fn update(item: Target, version: u64) -> Value {
    let new = item.item(version);
    let mut values = json!({":version": new["version"], ":filler": new["filler"]});
    let expression = match is_indexed(version) {
        true => {
            values[":group"] = new["group"].clone();
            "SET version = :version, filler = :filler, #group = :group"
        }
        false => "SET version = :version, filler = :filler REMOVE #group",
    };
    json!({
        "TableName": item.table(),
        "Key": item.key(),
        "UpdateExpression": expression,
        "ExpressionAttributeNames": {"#group": "group"},
        "ExpressionAttributeValues": values,
    })
}
