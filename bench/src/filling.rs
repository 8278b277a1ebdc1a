//! Tables are filled before they are measured: in batches, over many connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::load::{self, Shape, Span};
use crate::requests::Requests;
use crate::rounds;
use crate::traffic::Traffic;
use harness::failure::{Context, Result};
use harness::http;

/// How long it may take to fill a table that is as large as one likes.
pub const TIME_MAX: Duration = Duration::from_secs(4 * 3600);

/// Items that one BatchWriteItem can write.
pub const BATCH_ITEMS_MAX: usize = 25;

/// The size that a batch is kept below where its items are large.
const BATCH_BYTES_MAX: usize = 1 << 20;

/// The size of the requests that are made and sent before the next ones are made: a bound on
/// memory.
const LOADED_BYTES_AT_ONCE: usize = 64 << 20;

/// Connections that fill the table.
const LOADING_CONNECTIONS: usize = 32;

/// Items of this size that one batch writes.
pub fn batch_items(item_bytes: usize) -> usize {
    (BATCH_BYTES_MAX / item_bytes.max(1)).clamp(1, BATCH_ITEMS_MAX)
}

/// The body of a BatchWriteItem that puts `items`.
pub fn batch(table: &str, items: impl Iterator<Item = Value>) -> Value {
    let puts: Vec<Value> = items.map(|item| json!({"PutRequest": {"Item": item}})).collect();
    json!({"RequestItems": {table: puts}})
}

/// Writes `count` items of about `item_bytes` bytes each, in `time` at most.
pub fn fill(
    address: SocketAddr,
    table: &str,
    count: usize,
    item_bytes: usize,
    time: Duration,
    item: impl Fn(usize) -> Value,
) -> Result<()> {
    let begun_at = Instant::now();
    let batch_items = batch_items(item_bytes);
    let answer = http::call(
        address,
        "BatchWriteItem",
        &batch(table, [item(0)].into_iter()).to_string(),
    )?;
    let shape = Shape {
        connections: LOADING_CONNECTIONS,
        threads: rounds::default_threads(),
    };
    let at_once = (LOADED_BYTES_AT_ONCE / item_bytes.max(1)).next_multiple_of(batch_items);
    for start in (0..count).step_by(at_once) {
        let end = count.min(start + at_once);
        let bodies = (start..end)
            .step_by(batch_items)
            .map(|first| batch(table, (first..end.min(first + batch_items)).map(&item)));
        let requests = Arc::new(Requests::new("BatchWriteItem", bodies));
        let traffic = Arc::new(Traffic::each_once(&requests, answer.body().len()));
        let span = Span::ToTheEnd {
            time: time.saturating_sub(begun_at.elapsed()),
        };
        load::run(address, &traffic, shape, span).context("the table cannot be filled")?;
    }
    Ok(())
}
