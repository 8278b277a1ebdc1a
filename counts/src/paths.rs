//! The paths that are counted: each a request that is sent again and again to a database that is
//! made for it.

use api::{Context, Operation, dispatch};
use engine::{Engine, KEY_SPACES, ManualClock, Settings};
use serde_json::{Value, json};
use store::{Clock, MemoryStore};
use tokio::runtime::Runtime;

/// The names of all paths.
pub const NAMES: &[&str] = &[
    "GetItem",
    "PutItem",
    "PutItem stream",
    "PutItem 2 GSI stream",
    "UpdateItem counter",
    "DeleteItem",
    "Query 50",
    "Scan page",
    "BatchGetItem 100",
    "BatchWriteItem 25",
    "TransactWriteItems 4",
];

/// When everything happens, in milliseconds since the Unix epoch.
const NOW_MS: u64 = 1_767_225_600_000;
/// How many items the table has: 20 partitions of 50.
const ITEMS: usize = 1000;
const ITEMS_PER_PARTITION: usize = 50;
/// What fills an item up to a kilobyte.
const FILLING_BYTES: usize = 930;

/// Runs a path so often.
pub fn run(path: &str, repeats: u64) -> Result<(), String> {
    let requests = requests(path).ok_or_else(|| format!("there is no path named {path}"))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|error| format!("a runtime cannot be started: {error}"))?;
    let database = Database::new(runtime, path.contains("GSI"), path.contains("stream"))?;
    let requests: Vec<(Operation, Vec<Vec<u8>>)> = requests
        .into_iter()
        .map(|(operation, variants)| {
            (
                operation,
                variants
                    .iter()
                    .map(|body| body.to_string().into_bytes())
                    .collect(),
            )
        })
        .collect();
    for repeat in 0..repeats {
        for (operation, variants) in &requests {
            // Two variants in turn, so that each write changes something.
            let body = &variants[repeat as usize % variants.len()];
            database.ask(*operation, body)?;
        }
    }
    Ok(())
}

/// The requests that one repeat of a path sends, each in the variants that take turns.
fn requests(path: &str) -> Option<Vec<(Operation, Vec<Value>)>> {
    let put = |filling: char| json!({"TableName": "table", "Item": item(7, filling)});
    let one = |operation, body: Value| vec![(operation, vec![body])];
    Some(match path {
        "GetItem" => one(Operation::GetItem, json!({"TableName": "table", "Key": key(7)})),
        "PutItem" | "PutItem stream" | "PutItem 2 GSI stream" => {
            vec![(Operation::PutItem, vec![put('a'), put('b')])]
        }
        "UpdateItem counter" => one(
            Operation::UpdateItem,
            json!({
                "TableName": "table", "Key": key(7), "UpdateExpression": "ADD #n :one",
                "ExpressionAttributeNames": {"#n": "total"}, "ExpressionAttributeValues": {":one": {"N": "1"}},
            }),
        ),
        "DeleteItem" => vec![
            (
                Operation::PutItem,
                vec![json!({"TableName": "table", "Item": {"pk": {"S": "x"}, "sk": {"S": "y"}}})],
            ),
            (
                Operation::DeleteItem,
                vec![json!({"TableName": "table", "Key": {"pk": {"S": "x"}, "sk": {"S": "y"}}})],
            ),
        ],
        "Query 50" => one(
            Operation::Query,
            json!({
                "TableName": "table", "KeyConditionExpression": "pk = :pk",
                "ExpressionAttributeValues": {":pk": {"S": partition(7)}},
            }),
        ),
        "Scan page" => one(Operation::Scan, json!({"TableName": "table", "Limit": 100})),
        "BatchGetItem 100" => {
            let keys: Vec<Value> = (0..100).map(|number| key(number * 7)).collect();
            one(
                Operation::BatchGetItem,
                json!({"RequestItems": {"table": {"Keys": keys}}}),
            )
        }
        "BatchWriteItem 25" => {
            let puts = |filling: char| {
                let puts = (0..25).map(|number| json!({"PutRequest": {"Item": item(number * 7, filling)}}));
                json!({"RequestItems": {"table": puts.collect::<Vec<_>>()}})
            };
            vec![(Operation::BatchWriteItem, vec![puts('a'), puts('b')])]
        }
        "TransactWriteItems 4" => {
            let puts = |filling: char| {
                let put =
                    |number: usize| json!({"Put": {"TableName": "table", "Item": item(number * 7, filling)}});
                json!({"TransactItems": (0..4).map(put).collect::<Vec<_>>()})
            };
            vec![(Operation::TransactWriteItems, vec![puts('a'), puts('b')])]
        }
        _ => return None,
    })
}

fn partition(number: usize) -> String {
    format!("customer#{:06}", number / ITEMS_PER_PARTITION)
}

fn key(number: usize) -> Value {
    json!({"pk": {"S": partition(number)}, "sk": {"S": format!("order#{:06}", number % ITEMS_PER_PARTITION)}})
}

/// An item of a kilobyte.
fn item(number: usize, filling: char) -> Value {
    let mut item = key(number);
    item["created_at"] = json!({"S": "2026-01-01T00:00:00Z"});
    item["note"] = json!({"S": filling.to_string().repeat(FILLING_BYTES)});
    item["paid"] = json!({"BOOL": true});
    item["status"] = json!({"S": "shipped"});
    item["total"] = json!({"N": "123.5"});
    item
}

struct Database {
    engine: Engine<MemoryStore>,
    context: Context,
    runtime: Runtime,
}

impl Database {
    /// A database with the table, filled.
    fn new(runtime: Runtime, is_indexed: bool, has_stream: bool) -> Result<Self, String> {
        let store = MemoryStore::with_clock(KEY_SPACES.len(), Clock::new(|| NOW_MS));
        let clock = Box::new(ManualClock::new(NOW_MS));
        let engine = runtime
            .block_on(Engine::open(store, clock, 1, Settings::default()))
            .map_err(|error| error.message)?;
        let database = Database {
            engine,
            context: Context::default(),
            runtime,
        };
        let attribute = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
        let key = |name: &str, role: &str| json!({"AttributeName": name, "KeyType": role});
        let mut table = json!({
            "TableName": "table", "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [attribute("pk"), attribute("sk")],
            "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
        });
        if is_indexed {
            table["AttributeDefinitions"] = json!([
                attribute("pk"),
                attribute("sk"),
                attribute("status"),
                attribute("created_at")
            ]);
            table["GlobalSecondaryIndexes"] = json!([
                {"IndexName": "by-status", "KeySchema": [key("status", "HASH"), key("created_at", "RANGE")],
                 "Projection": {"ProjectionType": "ALL"}},
                {"IndexName": "by-time", "KeySchema": [key("created_at", "HASH")],
                 "Projection": {"ProjectionType": "ALL"}},
            ]);
        }
        if has_stream {
            table["StreamSpecification"] =
                json!({"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"});
        }
        database.ask(Operation::CreateTable, table.to_string().as_bytes())?;
        for number in 0..ITEMS {
            let put = json!({"TableName": "table", "Item": item(number, '-')});
            database.ask(Operation::PutItem, put.to_string().as_bytes())?;
        }
        Ok(database)
    }

    fn ask(&self, operation: Operation, body: &[u8]) -> Result<(), String> {
        let response = self
            .runtime
            .block_on(dispatch(&self.engine, &self.context, operation, body));
        match response.status {
            200 => Ok(()),
            _ => Err(format!(
                "{} was refused: {}",
                operation.name(),
                String::from_utf8_lossy(&response.body)
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_runs() {
        for path in NAMES {
            assert_eq!(run(path, 2), Ok(()), "{path}");
        }
        assert!(run("nothing", 1).is_err());
    }
}
