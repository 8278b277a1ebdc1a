//! Tables as they were after each of their changes, compared with what the test has seen; and faults
//! that are planted, which the comparison must find.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::{Context, Operation, Service};
use bytes::Bytes;
use fastrand::Rng;
use serde_json::{Value, json};
use store::{Batch, Decision, Declared, Held, Key, MemoryStore, Store};

use super::{PageLimits, PastTable, TableAt};
use crate::catalog::Table;
use crate::read::Pages;
use crate::{Engine, KEY_SPACES, ManualClock, Settings, keys};

/// Small, so that a few items make many pages and a few changes are set aside.
const LIMITS: PageLimits = PageLimits {
    items_max: 3,
    bytes_max: 1 << 20,
    log_records_max: 4,
};
const JOB_IDS: u32 = 1_000_000;

/// The stored items by their keys without the table id.
type Items = BTreeMap<Vec<u8>, Bytes>;

struct Past {
    engine: Engine<MemoryStore>,
    table: Arc<Table>,
    rng: Rng,
    /// The table after each change, and the log's end then.
    seen: Vec<(u64, Items)>,
}

fn seed() -> u64 {
    let seed = std::env::var("STATOR_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or(20_261_121);
    eprintln!("STATOR_SEED={seed}");
    seed
}

impl Past {
    /// A table with a history of so many changes.
    async fn new(changes: usize) -> Self {
        let store = MemoryStore::with_clock(KEY_SPACES.len(), store::Clock::new(|| 1_000));
        let clock = Box::new(ManualClock::new(1_000));
        let engine = Engine::open(store, clock, 1, Settings::default())
            .await
            .expect("opens");
        let call = |operation, request| call(&engine, operation, request);
        call(
            "CreateTable",
            json!({
                "TableName": "table", "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            }),
        )
        .await;
        // Items from before the log.
        for key in 0..8 {
            call("PutItem", json!({"TableName": "table", "Item": item(key, 0)})).await;
        }
        let recovery = json!({"PointInTimeRecoveryEnabled": true});
        let request = json!({"TableName": "table", "PointInTimeRecoverySpecification": recovery});
        call("UpdateContinuousBackups", request).await;
        let table = engine.catalog.table(&engine.store, "table").await;
        let table = table.expect("reads").expect("exists");
        let mut past = Past {
            engine,
            table,
            rng: Rng::with_seed(seed()),
            seen: Vec::new(),
        };
        past.see().await;
        for change in 0..changes {
            past.change(change).await;
            past.see().await;
        }
        past
    }

    async fn change(&mut self, change: usize) {
        let key = self.rng.usize(..16);
        let request = match self.rng.u8(..3) {
            0 => (
                "DeleteItem",
                json!({"TableName": "table", "Key": {"pk": {"S": key.to_string()}}}),
            ),
            _ => (
                "PutItem",
                json!({"TableName": "table", "Item": item(key, change + 1)}),
            ),
        };
        call(&self.engine, request.0, request.1).await;
    }

    async fn see(&mut self) {
        let end = self.engine.store.log_end().await.expect("reads");
        let mut items = Items::new();
        let mut pages = Pages::new(keys::ITEMS, keys::id_prefix(self.table.id()).to_vec());
        while let Some(page) = pages.next(&self.engine.store).await.expect("reads") {
            items
                .extend((0..page.len()).map(|row| (keys::place_of(page.key(row)).to_vec(), page.value(row))));
        }
        self.seen.push((end, items));
    }

    fn job(&self, number: usize, boundary: u64) -> PastTable {
        let at = TableAt {
            table_id: self.table.id(),
            key_schema: self.table.descriptor.key_schema.clone(),
            boundary,
        };
        PastTable::new(JOB_IDS + number as u32, at, self.table.clone())
    }

    /// Reads the table as the job sees it, with changes between the pages where `changes` says so.
    async fn read(&mut self, job: &PastTable, changes: bool) -> Items {
        let mut items = Items::new();
        let mut next = Some(Vec::new());
        while let Some(start) = next {
            let page = job.read(&self.engine.store, &start, LIMITS).await.expect("reads");
            next = match page {
                None => Some(start),
                Some(page) => {
                    for (place, item) in page.items {
                        assert!(place >= start, "a page has an item from before it");
                        let twice = items.insert(place, item.as_stored().clone());
                        assert_eq!(twice, None, "an item is there twice");
                    }
                    page.next
                }
            };
            if changes && self.rng.bool() {
                let number = self.rng.usize(1000..2000);
                self.change(number).await;
            }
        }
        items
    }

    /// Writes to the store what nobody should.
    async fn plant(&self, make: impl Fn(&mut Batch) + Send + 'static) {
        let decide = move |_: &Held| {
            let mut batch = Batch::new();
            make(&mut batch);
            Decision::<(), ()>::Commit(batch, ())
        };
        self.engine
            .store
            .commit(Declared::default(), decide)
            .await
            .expect("plants");
    }
}

fn item(key: usize, value: usize) -> Value {
    json!({"pk": {"S": key.to_string()}, "value": {"N": value.to_string()}})
}

async fn call(engine: &Engine<MemoryStore>, operation: &str, request: Value) {
    let found = Operation::from_name(Service::DynamoDb, operation).expect("exists");
    let response = api::dispatch(engine, &Context::default(), found, request.to_string().as_bytes()).await;
    assert_eq!(
        response.status,
        200,
        "{operation}: {}",
        String::from_utf8_lossy(&response.body)
    );
}

fn run<F: Future<Output = ()>>(test: F) {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime starts").block_on(test);
}

#[test]
fn a_table_is_read_as_it_was_after_each_change() {
    run(async {
        let mut past = Past::new(120).await;
        for (number, (boundary, expected)) in past.seen.clone().into_iter().enumerate() {
            let job = past.job(number, boundary);
            assert_eq!(past.read(&job, false).await, expected, "after {boundary}");
            // Once more, with what was set aside.
            assert_eq!(past.read(&job, false).await, expected, "after {boundary}");
        }
    });
}

#[test]
fn writers_between_the_pages_change_nothing() {
    run(async {
        let mut past = Past::new(40).await;
        for (number, (boundary, expected)) in past.seen.clone().into_iter().enumerate() {
            let job = past.job(number, boundary);
            assert_eq!(past.read(&job, true).await, expected, "after {boundary}");
        }
    });
}

#[test]
fn what_was_set_aside_goes() {
    run(async {
        let mut past = Past::new(40).await;
        let job = past.job(0, past.seen[0].0);
        past.read(&job, false).await;
        let prefix = keys::id_prefix(JOB_IDS).to_vec();
        let scratch = || Pages::new(keys::SCRATCH, prefix.clone());
        let store = past.engine.store.clone();
        assert!(scratch().next(&store).await.expect("reads").is_some());
        past.plant(move |batch| job.discard(batch)).await;
        past.engine.jobs.add(crate::background::Job::garbage());
        while past.engine.background_step().await.expect("works") == crate::Step::Worked {}
        assert!(scratch().next(&store).await.expect("reads").is_none());
    });
}

/// How many of the states that the test has seen are read otherwise.
async fn differences(past: &mut Past, boundary_of: impl Fn(u64) -> u64) -> usize {
    let mut count = 0;
    for (number, (boundary, expected)) in past.seen.clone().into_iter().enumerate() {
        let job = past.job(number, boundary_of(boundary));
        count += usize::from(past.read(&job, false).await != expected);
    }
    count
}

#[test]
fn a_lost_record_is_noticed() {
    run(async {
        let mut past = Past::new(120).await;
        assert_eq!(differences(&mut past, |boundary| boundary).await, 0);
        for number in 0..121 {
            past.plant(move |batch| past_jobs_discarded(number, batch)).await;
        }
        while past.engine.background_step().await.expect("works") == crate::Step::Worked {}
        let lost = keys::log_record(past.table.id(), past.seen[60].0);
        past.plant(move |batch| batch.delete(Key::new(keys::LOG, lost.clone())))
            .await;
        assert!(differences(&mut past, |boundary| boundary).await > 0);
    });
}

/// Forgets what a job of an earlier comparison has set aside.
fn past_jobs_discarded(number: u32, batch: &mut Batch) {
    let id = JOB_IDS + number;
    batch.delete(keys::job_reached(id));
    batch.delete_range(
        keys::SCRATCH,
        keys::id_prefix(id).to_vec(),
        keys::id_prefix(id + 1).to_vec(),
    );
}

#[test]
fn a_boundary_that_is_off_by_one_is_noticed() {
    run(async {
        let mut past = Past::new(120).await;
        assert!(differences(&mut past, |boundary| boundary + 1).await > 0);
        let mut past = Past::new(120).await;
        assert!(differences(&mut past, |boundary| boundary - 1).await > 0);
    });
}

#[test]
fn the_last_change_instead_of_the_first_is_noticed() {
    run(async {
        let mut past = Past::new(120).await;
        let (boundary, expected) = past.seen[0].clone();
        let job = past.job(0, boundary);
        // As if what was set aside first had been overwritten by what came last.
        let records = job
            .log_behind(&past.engine.store, boundary, usize::MAX)
            .await
            .expect("reads");
        let mut last = BTreeMap::new();
        for row in 0..records.len() {
            let record = crate::log::ChangeRecord::from_stored(records.value(row)).expect("reads");
            let schema = &past.table.descriptor.key_schema;
            let key = keys::item(past.table.id(), schema, record.key.attributes()).expect("has its key");
            last.insert(
                keys::scratch(JOB_IDS, keys::place_of(&key.bytes)),
                record
                    .old
                    .map_or(vec![0], |old| [&[1], old.as_stored().as_ref()].concat()),
            );
        }
        past.plant(move |batch| {
            for (key, stored) in &last {
                batch.put(key.clone(), stored.clone());
            }
        })
        .await;
        assert_ne!(past.read(&job, false).await, expected);
    });
}

#[test]
fn a_record_without_the_item_before_is_refused() {
    run(async {
        let past = Past::new(120).await;
        let (boundary, _) = past.seen[0];
        let job = past.job(0, boundary);
        let records = job
            .log_behind(&past.engine.store, boundary, usize::MAX)
            .await
            .expect("reads");
        let row = (0..records.len())
            .find(|row| {
                let record = crate::log::ChangeRecord::from_stored(records.value(*row)).expect("reads");
                record.old.is_some() && record.new.is_none()
            })
            .expect("an item is changed");
        let mut stored = records.value_bytes(row).to_vec();
        let old = crate::log::ChangeRecord::from_stored(records.value(row))
            .expect("reads")
            .old;
        let old_bytes = old.expect("was just seen").as_stored().len();
        stored.truncate(stored.len() - old_bytes - 4);
        stored.extend_from_slice(&[0; 4]);
        let key = Key::new(keys::LOG, records.key(row));
        past.plant(move |batch| batch.put(key.clone(), stored.clone()))
            .await;
        let limits = PageLimits {
            log_records_max: usize::MAX,
            ..LIMITS
        };
        assert!(job.read(&past.engine.store, &[], limits).await.is_err());
    });
}
