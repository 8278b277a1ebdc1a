//! Restores while many writers go on: amounts are moved between items by transactions, so that the
//! table of every moment has the same sum; and what a writer was told before a restore began is in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use api::{Context, Operation, Service};
use engine::{Engine, Settings, Step};
use fastrand::Rng;
use serde_json::{Value, json};
use store::Store;

use crate::homes::MemoryHome;
use crate::session::Home;
use crate::{on_disk, seed};

const WRITERS: usize = 4;
const ACCOUNTS: usize = 400;
const RESTORES: usize = 6;

struct Shared<S> {
    engine: Engine<S>,
    is_over: AtomicBool,
    /// How many transfers each writer has begun, and how many were acknowledged.
    begun: [AtomicU64; WRITERS],
    done: [AtomicU64; WRITERS],
}

impl<S: Store> Shared<S> {
    async fn call(&self, operation: &str, request: Value) -> Value {
        let found = Operation::from_name(Service::DynamoDb, operation).expect("exists");
        let body = request.to_string();
        let response = api::dispatch(&self.engine, &Context::default(), found, body.as_bytes()).await;
        let body: Value = serde_json::from_slice(&response.body).expect("answers are JSON");
        assert_eq!(response.status, 200, "{operation} {request}: {body}");
        body
    }

    async fn write(&self, writer: usize, mut rng: Rng) {
        while !self.is_over.load(Ordering::SeqCst) {
            let (from, to) = (rng.usize(..ACCOUNTS), rng.usize(..ACCOUNTS));
            let amount = rng.i64(1..100);
            let change = |key: String, by: i64| {
                json!({"Update": {
                    "TableName": "table", "Key": {"pk": {"S": key}}, "UpdateExpression": "ADD n :by",
                    "ExpressionAttributeValues": {":by": {"N": by.to_string()}},
                }})
            };
            if from != to {
                self.begun[writer].fetch_add(1, Ordering::SeqCst);
                let actions = json!([
                    change(format!("account-{from}"), -amount),
                    change(format!("account-{to}"), amount),
                    change(format!("writer-{writer}"), 1),
                ]);
                self.call("TransactWriteItems", json!({"TransactItems": actions}))
                    .await;
                self.done[writer].fetch_add(1, Ordering::SeqCst);
            }
            tokio::task::yield_now().await;
        }
    }

    async fn items(&self, table: &str) -> Vec<(String, i64)> {
        let page = self.call("Scan", json!({"TableName": table})).await;
        assert!(page["LastEvaluatedKey"].is_null());
        let items = page["Items"].as_array().expect("is a list").iter().map(|item| {
            let number = item["n"]["N"].as_str().and_then(|number| number.parse().ok());
            (
                item["pk"]["S"].as_str().expect("is a string").to_owned(),
                number.expect("is a number"),
            )
        });
        items.collect()
    }

    /// Restores the present moment, and checks what is there.
    async fn restore(&self, target: &str) {
        let load = |counters: &[AtomicU64; WRITERS]| {
            counters.each_ref().map(|counter| counter.load(Ordering::SeqCst))
        };
        let done_before = load(&self.done);
        let request =
            json!({"SourceTableName": "table", "TargetTableName": target, "UseLatestRestorableTime": true});
        self.call("RestoreTableToPointInTime", request).await;
        let begun_after = load(&self.begun);
        let mut steps = 0;
        while self.call("DescribeTable", json!({"TableName": target})).await["Table"]["TableStatus"]
            != "ACTIVE"
        {
            assert_eq!(self.engine.background_step().await.expect("works"), Step::Worked);
            steps += 1;
            assert!(steps < 100_000, "writers keep the restore from its end");
            tokio::task::yield_now().await;
        }
        let items = self.items(target).await;
        let accounts = items.iter().filter(|(key, _)| key.starts_with("account-"));
        assert_eq!(
            accounts.map(|(_, amount)| amount).sum::<i64>(),
            0,
            "{target} is of no one moment"
        );
        for writer in 0..WRITERS {
            let name = format!("writer-{writer}");
            let found = items.iter().find(|(key, _)| *key == name);
            let found = found.map_or(0, |(_, count)| *count as u64);
            assert!(
                (done_before[writer]..=begun_after[writer]).contains(&found),
                "{name} of {target}: {found} of {done_before:?} to {begun_after:?}"
            );
        }
    }
}

fn run(mut home: impl Home, seed: u64) {
    eprintln!("STATOR_SEED={seed}");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build();
    runtime.expect("a runtime starts").block_on(async move {
        let clock = Box::new(home.clock());
        let engine = Engine::open(home.open(), clock, seed, Settings::default())
            .await
            .expect("opens");
        let shared = Arc::new(Shared {
            engine,
            is_over: AtomicBool::new(false),
            begun: Default::default(),
            done: Default::default(),
        });
        let table = json!({
            "TableName": "table", "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        });
        shared.call("CreateTable", table).await;
        let recovery = json!({"PointInTimeRecoveryEnabled": true});
        let request = json!({"TableName": "table", "PointInTimeRecoverySpecification": recovery});
        shared.call("UpdateContinuousBackups", request).await;
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (shared, rng) = (shared.clone(), Rng::with_seed(seed + writer as u64));
                tokio::spawn(async move { shared.write(writer, rng).await })
            })
            .collect();
        while shared
            .done
            .iter()
            .map(|done| done.load(Ordering::SeqCst))
            .sum::<u64>()
            < 500
        {
            tokio::task::yield_now().await;
        }
        let restores = tokio::spawn({
            let shared = shared.clone();
            async move {
                for restore in 0..RESTORES {
                    shared.restore(&format!("restore-{restore}")).await;
                }
            }
        });
        let restored = restores.await;
        shared.is_over.store(true, Ordering::SeqCst);
        for writer in writers {
            writer.await.expect("writes");
        }
        restored.expect("restores");
        while shared.engine.background_step().await.expect("works") == Step::Worked {}
        let report = engine::check(shared.engine.store(), |_| {})
            .await
            .expect("can be read");
        assert!(report.is_clean(), "{:#?}", report.problems);
    });
}

#[test]
fn restores_beside_writers_are_of_one_moment() {
    let first = seed();
    for seed in [first, first + 1] {
        run(MemoryHome::new(), seed);
    }
}

#[test]
fn restores_beside_writers_are_of_one_moment_on_disk() {
    on_disk("recovery-concurrent", |home| run(home, seed()));
}
