//! Recovery to a second: mixed load on a table with indexes and a time to live, with a copy of the
//! table kept for every second; then restores to random seconds, beside writers, across restarts and
//! through failed writes, each of which must give the copy.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::{Context, Operation, Service};
use engine::{Clock, Engine, ManualClock, Settings, Step};
use fastrand::Rng;
use serde_json::{Value, json};
use store::{Fault, FaultStore, MemoryStore, Store};

use crate::homes::MemoryHome;
use crate::session::Home;
use crate::{on_disk, seed};

/// How long the load lasts, and how often an operation comes on average.
const SECONDS: u64 = 60;
const PACE_MS: u64 = 40;
/// How many seconds are restored.
const RESTORES: usize = 20;
const PARTITIONS: u64 = 6;
const SORTS: u64 = 8;

/// The table at the end of a moment: its items by their keys, and the names of its indexes.
#[derive(Clone, Debug, Default, PartialEq)]
struct Copy {
    items: BTreeMap<String, Value>,
    indexes: Vec<String>,
}

fn settings() -> Settings {
    Settings {
        time_to_live_change_ms: 0,
        expiry_sweep_period_ms: 1,
        ..Settings::default()
    }
}

struct Load<S> {
    engine: Engine<S>,
    clock: Arc<ManualClock>,
    rng: Rng,
    /// What the table held when the clock left each second: all that was committed by then.
    copies: BTreeMap<u64, Copy>,
    /// The items as the requests have left them.
    items: BTreeMap<String, Value>,
    expired: usize,
}

fn text(value: impl ToString) -> Value {
    json!({"S": value.to_string()})
}

fn number(value: impl ToString) -> Value {
    json!({"N": value.to_string()})
}

/// What tells items apart.
fn name_of(item: &Value) -> String {
    format!(
        "{}/{}",
        item["pk"]["S"].as_str().unwrap_or_default(),
        item["sk"]["N"].as_str().unwrap_or_default()
    )
}

async fn call<S: Store>(engine: &Engine<S>, operation: &str, request: Value) -> Result<Value, Value> {
    let found = Operation::from_name(Service::DynamoDb, operation).expect("exists");
    let response = api::dispatch(engine, &Context::default(), found, request.to_string().as_bytes()).await;
    let body = serde_json::from_slice(&response.body).expect("answers are JSON");
    if response.status == 200 {
        Ok(body)
    } else {
        Err(body)
    }
}

async fn answer<S: Store>(engine: &Engine<S>, operation: &str, request: Value) -> Value {
    let answer = call(engine, operation, request.clone()).await;
    answer.unwrap_or_else(|error| panic!("{operation} {request}: {error}"))
}

async fn work<S: Store>(engine: &Engine<S>) {
    while engine.background_step().await.expect("works") == Step::Worked {}
}

/// Everything that a table or an index of it holds, page by page.
async fn scan<S: Store>(engine: &Engine<S>, table: &str, index: Option<&str>) -> BTreeMap<String, Value> {
    let mut items = BTreeMap::new();
    let mut start = Value::Null;
    loop {
        let mut request = json!({"TableName": table, "Limit": 50});
        if let Some(index) = index {
            request["IndexName"] = json!(index);
        }
        if start.is_object() {
            request["ExclusiveStartKey"] = start;
        }
        let page = answer(engine, "Scan", request).await;
        for item in page["Items"].as_array().expect("is a list") {
            let twice = items.insert(name_of(item), item.clone());
            assert_eq!(twice, None, "an item is there twice");
        }
        start = page["LastEvaluatedKey"].clone();
        if start.is_null() {
            return items;
        }
    }
}

async fn describe<S: Store>(engine: &Engine<S>, table: &str) -> Value {
    answer(engine, "DescribeTable", json!({"TableName": table})).await["Table"].clone()
}

fn index_names(description: &Value) -> Vec<String> {
    let indexes = description["GlobalSecondaryIndexes"]
        .as_array()
        .into_iter()
        .flatten();
    let names = indexes.filter_map(|index| index["IndexName"].as_str());
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    names.sort_unstable();
    names
}

fn index(name: &str) -> Value {
    json!({
        "IndexName": name, "Projection": {"ProjectionType": "ALL"},
        "KeySchema": [{"AttributeName": name, "KeyType": "HASH"}],
    })
}

impl<S: Store> Load<S> {
    async fn new(store: S, clock: Arc<ManualClock>, seed: u64) -> Self {
        let engine = open(store, &clock, seed).await;
        let mut load = Load {
            engine,
            clock,
            rng: Rng::with_seed(seed),
            copies: BTreeMap::new(),
            items: BTreeMap::new(),
            expired: 0,
        };
        load.call("CreateTable", json!({
            "TableName": "table", "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                {"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "N"},
                {"AttributeName": "a", "AttributeType": "S"},
            ],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            "LocalSecondaryIndexes": [{
                "IndexName": "local", "Projection": {"ProjectionType": "ALL"},
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "a", "KeyType": "RANGE"}],
            }],
        }))
        .await;
        let time_to_live = json!({"Enabled": true, "AttributeName": "ttl"});
        load.call(
            "UpdateTimeToLive",
            json!({"TableName": "table", "TimeToLiveSpecification": time_to_live}),
        )
        .await;
        for _ in 0..100 {
            load.write().await;
        }
        let recovery = json!({"PointInTimeRecoveryEnabled": true});
        let request = json!({"TableName": "table", "PointInTimeRecoverySpecification": recovery});
        load.call("UpdateContinuousBackups", request).await;
        load
    }

    async fn call(&self, operation: &str, request: Value) -> Value {
        answer(&self.engine, operation, request).await
    }

    fn key(&mut self) -> Value {
        let (pk, sk) = (self.rng.u64(..PARTITIONS), self.rng.u64(..SORTS));
        json!({"pk": text(pk), "sk": number(sk)})
    }

    /// An item, some of which are in indexes, and some of which expire soon.
    fn item(&mut self) -> Value {
        let mut item = self.key();
        item["value"] = number(self.rng.u32(..));
        for name in ["a", "bbb"] {
            if self.rng.bool() {
                item[name] = text(self.rng.u8(..4));
            }
        }
        if self.rng.u8(..4) == 0 {
            item["ttl"] = number(self.clock.now_ms() / 1000 + self.rng.u64(..20));
        }
        item
    }

    /// One write, of one of all the kinds that there are.
    async fn write(&mut self) {
        match self.rng.u8(..8) {
            0..3 => {
                let item = self.item();
                self.call("PutItem", json!({"TableName": "table", "Item": item}))
                    .await;
                self.items.insert(name_of(&item), item);
            }
            3 => {
                let key = self.key();
                self.call("DeleteItem", json!({"TableName": "table", "Key": key}))
                    .await;
                self.items.remove(&name_of(&key));
            }
            4 => {
                let (key, value) = (self.key(), number(self.rng.u32(..)));
                let request = json!({
                    "TableName": "table", "Key": key, "UpdateExpression": "SET #v = :v REMOVE a",
                    "ExpressionAttributeNames": {"#v": "value"}, "ExpressionAttributeValues": {":v": value},
                });
                self.call("UpdateItem", request).await;
                let item = self.items.entry(name_of(&key)).or_insert(key);
                item["value"] = value;
                item.as_object_mut().expect("is one").remove("a");
            }
            5 => {
                let statement = "INSERT INTO \"table\" VALUE {'pk': ?, 'sk': ?, 'a': ?}";
                let mut item = self.key();
                item["a"] = text("p");
                let request =
                    json!({"Statement": statement, "Parameters": [item["pk"], item["sk"], item["a"]]});
                if call(&self.engine, "ExecuteStatement", request).await.is_ok() {
                    self.items.insert(name_of(&item), item);
                }
            }
            6 => {
                let (first, second) = (self.item(), self.item());
                if name_of(&first) != name_of(&second) {
                    let requests = json!([{"PutRequest": {"Item": first}}, {"PutRequest": {"Item": second}}]);
                    self.call("BatchWriteItem", json!({"RequestItems": {"table": requests}}))
                        .await;
                    self.items.insert(name_of(&first), first);
                    self.items.insert(name_of(&second), second);
                }
            }
            _ => {
                let (put, delete) = (self.item(), self.key());
                if name_of(&put) != name_of(&delete) {
                    let actions = json!([
                        {"Put": {"TableName": "table", "Item": put}},
                        {"Delete": {"TableName": "table", "Key": delete}},
                    ]);
                    self.call("TransactWriteItems", json!({"TransactItems": actions}))
                        .await;
                    self.items.insert(name_of(&put), put);
                    self.items.remove(&name_of(&delete));
                }
            }
        }
    }

    /// Makes the index `bbb` or drops it.
    async fn change_indexes(&mut self) {
        self.sweep().await;
        let has_index = !index_names(&describe(&self.engine, "table").await).is_empty();
        let change = if has_index {
            json!({"Delete": {"IndexName": "bbb"}})
        } else {
            json!({"Create": index("bbb")})
        };
        let request = json!({
            "TableName": "table", "GlobalSecondaryIndexUpdates": [change],
            "AttributeDefinitions": [{"AttributeName": "bbb", "AttributeType": "S"}],
        });
        self.call("UpdateTable", request).await;
    }

    /// Sweeps what has expired.
    async fn sweep(&mut self) {
        work(&self.engine).await;
        let now_seconds = self.clock.now_ms() / 1000;
        let before = self.items.len();
        self.items.retain(|_, item| {
            let seconds = item["ttl"]["N"]
                .as_str()
                .and_then(|seconds| seconds.parse::<u64>().ok());
            seconds.is_none_or(|seconds| seconds >= now_seconds)
        });
        self.expired += before - self.items.len();
    }

    /// Lets time pass, and keeps a copy for each second whose end it is.
    async fn pass(&mut self, by_ms: u64) {
        let now_ms = self.clock.now_ms();
        let passed = now_ms.div_ceil(1000)..(now_ms + by_ms).div_ceil(1000);
        if !passed.is_empty() {
            let copy = Copy {
                items: scan(&self.engine, "table", None).await,
                indexes: index_names(&describe(&self.engine, "table").await),
            };
            assert_eq!(copy.items, self.items, "the table differs from the naive one");
            self.copies.extend(passed.map(|second| (second, copy.clone())));
        }
        self.clock.advance_ms(by_ms);
    }

    async fn run(&mut self) {
        for _ in 0..SECONDS * 1000 / PACE_MS {
            // Often several in one millisecond.
            for _ in 0..self.rng.usize(..3) {
                self.write().await;
            }
            match self.rng.u8(..30) {
                0 => self.change_indexes().await,
                // At the very first millisecond of a second too.
                1 => self.pass(1000 - self.clock.now_ms() % 1000).await,
                2..5 => self.sweep().await,
                _ => {}
            }
            let by_ms = self.rng.u64(..2 * PACE_MS);
            self.pass(by_ms).await;
        }
        self.sweep().await;
        self.pass(2000).await;
        assert!(self.expired > 5, "only {} items have expired", self.expired);
    }

    fn random_second(&mut self) -> u64 {
        let seconds: Vec<u64> = self.copies.keys().copied().collect();
        seconds[self.rng.usize(..seconds.len())]
    }

    async fn begin(&self, target: &str, second: u64) {
        let request =
            json!({"SourceTableName": "table", "TargetTableName": target, "RestoreDateTime": second});
        self.call("RestoreTableToPointInTime", request).await;
    }

    async fn is_done(&self, target: &str) -> bool {
        describe(&self.engine, target).await["TableStatus"] == "ACTIVE"
    }

    /// Compares a restored table with the copy of its second.
    async fn compare(&self, target: &str, second: u64) {
        let description = describe(&self.engine, target).await;
        let found = Copy {
            items: scan(&self.engine, target, None).await,
            indexes: index_names(&description),
        };
        assert_eq!(found, self.copies[&second], "the table of second {second}");
        for name in found.indexes {
            let of_index = scan(&self.engine, target, Some(&name)).await;
            let mut expected = found.items.clone();
            expected.retain(|_, item| item[&name].is_object());
            assert_eq!(of_index, expected, "index {name} of second {second}");
        }
    }

    async fn is_sound(&self) {
        let report = engine::check(self.engine.store(), |_| {})
            .await
            .expect("can be read");
        assert!(report.is_clean(), "{:#?}", report.problems);
    }

    async fn drop_table(&self, name: &str) {
        self.call("DeleteTable", json!({"TableName": name})).await;
    }
}

async fn open<S: Store>(store: S, clock: &Arc<ManualClock>, seed: u64) -> Engine<S> {
    let clock = Box::new(clock.clone());
    Engine::open(store, clock, seed, settings())
        .await
        .expect("the store opens")
}

fn block_on<R>(future: impl Future<Output = R>) -> R {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime starts").block_on(future)
}

/// Restores random seconds, with writes between the steps and the store closed and opened half way.
fn restores_agree(mut home: impl Home, seed: u64) {
    eprintln!("STATOR_SEED={seed}");
    block_on(async move {
        let clock = home.clock();
        let mut load = Load::new(home.open(), clock.clone(), seed).await;
        load.run().await;
        let with_index = load
            .copies
            .values()
            .filter(|copy| !copy.indexes.is_empty())
            .count();
        assert!(
            with_index > 0 && with_index < load.copies.len(),
            "the index never changes"
        );
        for restore in 0..RESTORES {
            let (second, target) = (load.random_second(), format!("restore-{restore}"));
            load.begin(&target, second).await;
            let mut steps = 0;
            while !load.is_done(&target).await {
                load.engine.background_step().await.expect("works");
                for _ in 0..load.rng.usize(..20) {
                    load.write().await;
                }
                load.clock.advance_ms(10);
                steps += 1;
                if steps == 2 && restore % 4 == 0 {
                    let Load {
                        engine,
                        clock,
                        rng,
                        copies,
                        items,
                        expired,
                    } = load;
                    drop(engine);
                    let engine = open(home.open(), &clock, seed + restore as u64).await;
                    load = Load {
                        engine,
                        clock,
                        rng,
                        copies,
                        items,
                        expired,
                    };
                }
            }
            load.compare(&target, second).await;
            if restore % 5 == 0 {
                load.is_sound().await;
            }
            load.drop_table(&target).await;
        }
        work(&load.engine).await;
        load.is_sound().await;
    });
}

#[test]
fn restores_to_random_seconds_agree_with_the_copies() {
    let first = seed();
    for seed in [first, first + 1, first + 2] {
        restores_agree(MemoryHome::new(), seed);
    }
}

#[test]
fn restores_to_random_seconds_agree_with_the_copies_on_disk() {
    on_disk("recovery", |home| restores_agree(home, seed()));
}

/// Restores with a store that breaks at one write after the other, and is opened again behind it.
fn restores_survive(fault: Fault) {
    let seed = seed();
    eprintln!("STATOR_SEED={seed} {fault:?}");
    block_on(async move {
        let mut home = MemoryHome::new();
        let clock = home.clock();
        let store = home.open();
        let mut load = Load::new(store.clone(), clock.clone(), seed).await;
        load.run().await;
        let second = load.random_second();
        for at in 1.. {
            // Opening lists the work anew, so that what the fault has broken off is found again.
            let broken = FaultStore::breaking_at(Arc::new(store.clone()), at, fault);
            let engine = open(broken, &clock, seed).await;
            let request =
                json!({"SourceTableName": "table", "TargetTableName": "then", "RestoreDateTime": second});
            let begun = call(&engine, "RestoreTableToPointInTime", request).await;
            let mut has_failed = begun.is_err();
            while !has_failed {
                match engine.background_step().await {
                    Err(_) => has_failed = true,
                    Ok(Step::Worked) => {}
                    Ok(Step::Idle { .. }) => break,
                }
            }
            drop(engine);
            load.engine = open(store.clone(), &clock, seed).await;
            load.is_sound().await;
            if !is_there(&load.engine).await {
                assert!(has_failed);
                continue;
            }
            work(&load.engine).await;
            load.compare("then", second).await;
            load.drop_table("then").await;
            work(&load.engine).await;
            load.is_sound().await;
            if !has_failed {
                assert!(at > 3, "only {at} writes");
                return;
            }
        }
    });
}

async fn is_there(engine: &Engine<MemoryStore>) -> bool {
    call(engine, "DescribeTable", json!({"TableName": "then"}))
        .await
        .is_ok()
}

#[test]
fn restores_survive_lost_writes() {
    restores_survive(Fault::Lost);
}

#[test]
fn restores_survive_unacknowledged_writes() {
    restores_survive(Fault::Unacknowledged);
}

#[test]
fn restores_survive_the_end_of_the_process() {
    restores_survive(Fault::Stop);
}
