//! Writers that move the times of items while the sweep deletes what has expired, and while time to
//! live is disabled and enabled: what a writer has moved away is never deleted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use api::{Context, Operation, Service};
use engine::{Clock, Engine, ManualClock, Settings, Step};
use fastrand::Rng;
use serde_json::{Value, json};
use store::Store;

use crate::homes::MemoryHome;
use crate::session::Home;
use crate::{on_disk, seed};

const WRITERS: u64 = 8;
/// The operations of each writer.
const OPERATIONS: usize = 1500;
/// The items of each writer: no other writes them, so that it knows how they are.
const ITEMS: usize = 4;
const START_MS: u64 = 1_700_000_000_000;
const PERIOD_MS: u64 = 1000;
/// Later than the clock comes in any run.
const NEVER_SECONDS: u64 = START_MS / 1000 + 1_000_000_000;

struct Shared<S> {
    engine: Engine<S>,
    clock: Arc<ManualClock>,
    is_over: AtomicBool,
    /// How often an item was moved away after its time had come.
    moved: AtomicU64,
    /// How often an item was gone before it could be moved.
    swept: AtomicU64,
}

/// What a writer knows of an item of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// It never expires.
    Stays,
    /// It has expired: there or not.
    Expired,
}

impl<S: Store> Shared<S> {
    /// The answer to a request, or the name of the error.
    async fn call(&self, operation: &str, request: Value) -> Result<Value, String> {
        let operation = Operation::from_name(Service::DynamoDb, operation).expect("exists");
        let body = request.to_string();
        let response = api::dispatch(&self.engine, &Context::default(), operation, body.as_bytes()).await;
        let body: Value = serde_json::from_slice(&response.body).expect("answers are JSON");
        match response.status {
            200 => Ok(body),
            _ => Err(body["__type"].as_str().unwrap_or_default().to_owned()),
        }
    }

    async fn put(&self, key: &str, seconds: u64) {
        let item = json!({"pk": {"S": key}, "g": {"S": "all"}, "ttl": {"N": seconds.to_string()}});
        let put = self.call("PutItem", json!({"TableName": "table", "Item": item}));
        put.await.expect("puts");
    }

    /// Sets an item's time where the item is still there, and tells whether it was.
    async fn move_to(&self, key: &str, seconds: u64) -> bool {
        let request = json!({
            "TableName": "table", "Key": {"pk": {"S": key}}, "UpdateExpression": "SET #t = :seconds",
            "ConditionExpression": "attribute_exists(pk)", "ExpressionAttributeNames": {"#t": "ttl"},
            "ExpressionAttributeValues": {":seconds": {"N": seconds.to_string()}},
        });
        match self.call("UpdateItem", request).await {
            Ok(_) => true,
            Err(name) => {
                assert!(name.ends_with("#ConditionalCheckFailedException"), "{name}");
                false
            }
        }
    }

    async fn is_there(&self, key: &str) -> bool {
        let request = json!({"TableName": "table", "Key": {"pk": {"S": key}}, "ConsistentRead": true});
        let answer = self.call("GetItem", request).await.expect("reads");
        answer["Item"].is_object()
    }

    async fn write(&self, writer: u64, mut rng: Rng) -> Vec<(String, Known)> {
        let mut items = Vec::new();
        for item in 0..ITEMS {
            let key = format!("{writer}-{item}");
            self.put(&key, NEVER_SECONDS).await;
            items.push((key, Known::Stays));
        }
        for _ in 0..OPERATIONS {
            let (key, known) = &mut items[rng.usize(..ITEMS)];
            let past_seconds = self.clock.now_ms() / 1000 - rng.u64(1..100);
            match (*known, rng.u8(..4)) {
                (Known::Stays, 0) => {
                    assert!(
                        self.move_to(key, past_seconds).await,
                        "{key} was deleted before its time"
                    );
                    *known = Known::Expired;
                }
                (Known::Stays, _) => {
                    assert!(self.is_there(key).await, "{key} was deleted before its time");
                }
                (Known::Expired, 0) => self.put(key, past_seconds).await,
                (Known::Expired, 1) => tokio::task::yield_now().await,
                (Known::Expired, _) => {
                    for _ in 0..rng.usize(..100) {
                        tokio::task::yield_now().await;
                    }
                    if self.move_to(key, NEVER_SECONDS).await {
                        self.moved.fetch_add(1, Ordering::Relaxed);
                    } else {
                        self.swept.fetch_add(1, Ordering::Relaxed);
                        self.put(key, NEVER_SECONDS).await;
                    }
                    *known = Known::Stays;
                }
            }
        }
        items
    }

    async fn sweep(&self) {
        while !self.is_over.load(Ordering::SeqCst) {
            if self.engine.background_step().await.expect("works") != Step::Worked {
                self.clock.advance_ms(PERIOD_MS);
            }
            tokio::task::yield_now().await;
        }
    }

    async fn switch(&self, mut rng: Rng) {
        let mut is_enabled = false;
        while !self.is_over.load(Ordering::SeqCst) || !is_enabled {
            is_enabled = !is_enabled;
            let specification = json!({"Enabled": is_enabled, "AttributeName": "ttl"});
            let request = json!({"TableName": "table", "TimeToLiveSpecification": specification});
            self.call("UpdateTimeToLive", request).await.expect("changes");
            // Disabled for a short time, so that much is swept.
            for _ in 0..rng.usize(..if is_enabled { 5000 } else { 100 }) {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Compares what is left with what the writers know.
    async fn check(&self, items: Vec<(String, Known)>) {
        for _ in 0..3 {
            while self.engine.background_step().await.expect("works") == Step::Worked {}
            self.clock.advance_ms(PERIOD_MS);
        }
        for (key, known) in items {
            assert_eq!(self.is_there(&key).await, known == Known::Stays, "{key}");
        }
        let report = engine::check(self.engine.store(), |_| {})
            .await
            .expect("the store can be read");
        assert!(report.is_clean(), "the check finds {:#?}", report.problems);
        assert_eq!(report.expiry_entries, report.items);
    }
}

fn run(mut home: impl Home, seed: u64) {
    eprintln!("STATOR_SEED={seed}");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build();
    runtime.expect("a runtime starts").block_on(async move {
        let clock = Arc::new(ManualClock::new(START_MS));
        let settings = Settings {
            expiry_sweep_period_ms: PERIOD_MS,
            time_to_live_change_ms: 0,
            ..Settings::default()
        };
        let engine = Engine::open(home.open(), Box::new(clock.clone()), seed, settings)
            .await
            .expect("the store opens");
        let shared = Arc::new(Shared {
            engine,
            clock,
            is_over: AtomicBool::new(false),
            moved: AtomicU64::new(0),
            swept: AtomicU64::new(0),
        });
        let table = json!({
            "TableName": "table", "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                {"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "g", "AttributeType": "S"},
                {"AttributeName": "ttl", "AttributeType": "N"},
            ],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "GlobalSecondaryIndexes": [{
                "IndexName": "by-time", "Projection": {"ProjectionType": "KEYS_ONLY"},
                "KeySchema": [
                    {"AttributeName": "g", "KeyType": "HASH"}, {"AttributeName": "ttl", "KeyType": "RANGE"},
                ],
            }],
        });
        shared.call("CreateTable", table).await.expect("makes the table");
        let sweeping = tokio::spawn({
            let shared = shared.clone();
            async move { shared.sweep().await }
        });
        let switching = tokio::spawn({
            let (shared, rng) = (shared.clone(), Rng::with_seed(seed));
            async move { shared.switch(rng).await }
        });
        let writers: Vec<_> = (1..=WRITERS)
            .map(|writer| {
                let (shared, rng) = (shared.clone(), Rng::with_seed(seed.wrapping_add(writer)));
                tokio::spawn(async move { shared.write(writer, rng).await })
            })
            .collect();
        let mut items = Some(Vec::new());
        for writer in writers {
            match (writer.await, &mut items) {
                (Ok(of_writer), Some(items)) => items.extend(of_writer),
                _ => items = None,
            }
        }
        shared.is_over.store(true, Ordering::SeqCst);
        sweeping.await.expect("sweeps");
        switching.await.expect("switches");
        shared.check(items.expect("no writer fails")).await;
        let (moved, swept) = (
            shared.moved.load(Ordering::Relaxed),
            shared.swept.load(Ordering::Relaxed),
        );
        eprintln!("{moved} items were moved in time, {swept} were gone");
        assert!(moved > 100 && swept > 100, "{moved} {swept}");
    });
}

#[test]
fn what_is_moved_while_the_sweep_runs_stays() {
    let first = seed();
    for seed in [first, first + 1] {
        run(MemoryHome::new(), seed);
    }
}

#[test]
fn what_is_moved_while_the_sweep_runs_stays_on_disk() {
    on_disk("expiry", |home| run(home, seed()));
}
