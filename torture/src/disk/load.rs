//! Clients that write all kinds of things at once, and keep a ledger of it.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use harness::control;
use harness::failure::{Context, Failure, Result};
use harness::http::{Connection, request};
use serde_json::{Value, json};

use super::ledger::{INDEX, Ledger, TABLES, Target, Version, Write, is_indexed};
use super::shim::Shim;

/// How many items a client writes, over and over.
const ITEMS_PER_CLIENT: u32 = 60;
/// The most items in a batch.
const BATCH_MAX: u32 = 25;

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Load {
    pub seed: u64,
    pub clients: u32,
    /// How many changes of items or tables each client makes.
    pub changes_per_client: u64,
    /// No request is sent after this time.
    pub time: Duration,
    /// A client gives up after this many requests in a row that did not succeed.
    pub failures_max: u32,
}

/// Makes the tables that the load writes to.
pub fn create_tables(address: SocketAddr) -> Result<()> {
    let attribute = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
    let key = json!([{"AttributeName": "pk", "KeyType": "HASH"}]);
    control::create_table(
        address,
        &json!({
            "TableName": TABLES[0],
            "KeySchema": key,
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
        }),
    )?;
    control::create_table(address, &table(TABLES[1]))
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

/// Runs all clients to their end.
pub fn run(address: SocketAddr, load: &Load, shim: &Shim) -> Result<Vec<Ledger>> {
    thread::scope(|scope| {
        let clients: Vec<_> = (0..load.clients)
            .map(|client| scope.spawn(move || Client::new(address, load, client, shim)?.run()))
            .collect();
        let ledgers = clients.into_iter().map(|client| match client.join() {
            Ok(ledger) => ledger,
            Err(_) => Err(Failure::new("a client panicked")),
        });
        ledgers.collect()
    })
}

struct Client<'a> {
    address: SocketAddr,
    load: &'a Load,
    client: u32,
    random: fastrand::Rng,
    control: super::shim::Control,
    connection: Option<Connection>,
    last_version: u64,
    ledger: Ledger,
}

impl<'a> Client<'a> {
    fn new(address: SocketAddr, load: &'a Load, client: u32, shim: &Shim) -> Result<Self> {
        Ok(Client {
            address,
            load,
            client,
            random: fastrand::Rng::with_seed(load.seed ^ (u64::from(client) << 40)),
            control: shim.control()?,
            connection: None,
            last_version: 0,
            ledger: Ledger::default(),
        })
    }

    fn run(mut self) -> Result<Ledger> {
        let begun = Instant::now();
        let mut changes_left = self.load.changes_per_client;
        let mut failures = 0;
        while changes_left > 0 && failures < self.load.failures_max && begun.elapsed() < self.load.time {
            let (operation, body, mut write) = self.next(changes_left);
            changes_left = changes_left.saturating_sub(write.changes.len() as u64);
            write.started_at = self.control.operations()?;
            match self.ask(operation, &body) {
                Ok(()) => {
                    write.acknowledged_at = Some(self.control.operations()?);
                    failures = 0;
                }
                Err(refusal) => {
                    self.ledger.refusals.push(refusal.to_string());
                    failures += 1;
                }
            }
            self.ledger.writes.push(write);
        }
        Ok(self.ledger)
    }

    /// Sends a request; an answer that says that all of it was done is a success.
    fn ask(&mut self, operation: &str, body: &Value) -> Result<()> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(self.address, 0)?,
        };
        let answer = connection.ask(&request(operation, &body.to_string()))?;
        self.connection = Some(connection);
        let text = String::from_utf8_lossy(answer.body());
        match answer.status() {
            200 if operation == "BatchWriteItem" => {
                let answer: Value = serde_json::from_str(&text).context("the answer to a batch")?;
                match answer["UnprocessedItems"].as_object() {
                    Some(items) if items.is_empty() => Ok(()),
                    _ => Err(Failure::new("a batch was answered with unprocessed items")),
                }
            }
            200 => Ok(()),
            status => Err(Failure::new(format!("{operation} was answered with {status}: {text:.400}"))),
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
    fn next(&mut self, changes_max: u64) -> (&'static str, Value, Write) {
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
                    ("UpdateItem", update(item, version), true, vec![(item, Some(version))])
                }
                52..64 => {
                    let item = self.item();
                    let body = json!({"TableName": item.table(), "Key": item.key()});
                    ("DeleteItem", body, true, vec![(item, None)])
                }
                64..80 => {
                    let count = self.random.u32(2..=4).min(changes_max.max(2) as u32);
                    let items = self.items(count);
                    let puts = items.iter().map(|item| {
                        json!({"Put": {"TableName": item.table(), "Item": item.item(version)}})
                    });
                    let body = json!({"TransactItems": puts.collect::<Vec<_>>()});
                    let changes = items.iter().map(|item| (*item, Some(version)));
                    ("TransactWriteItems", body, true, changes.collect())
                }
                80..98 => {
                    let count = self.random.u32(2..=BATCH_MAX).min(changes_max.max(2) as u32);
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
        (operation, body, write)
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
