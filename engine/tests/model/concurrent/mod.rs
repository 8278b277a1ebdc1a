//! Many writers at once on few items: no update is lost, none is seen before it is made or after it
//! is undone, and every index and count agrees at the end.

mod transfers;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use api::types::{
    BatchWriteItemInput, CreateTableInput, DeleteGlobalSecondaryIndexAction, DeleteItemInput,
    DescribeTableInput, GetItemInput, GlobalSecondaryIndexUpdate, IndexStatus, PutItemInput, PutRequest,
    QueryInput, ReturnValue, ScanInput, UpdateItemInput, UpdateItemOutput, UpdateTableInput, WriteRequest,
};
use api::{AttributeMap, Context, DynamoDb, Error, ErrorKind};
use engine::{Engine, ManualClock, Settings, Step};
use fastrand::Rng;
use indexmap::IndexMap;
use parking_lot::Mutex;
use store::Store;

use crate::random::chance;
use crate::schema::{self, Index, IndexState, KeyAttribute, KeySchema, Projection};
use crate::session::Home;
use crate::value::{Attributes, Value, from_map, to_map};

const TABLE: &str = "counters";
const WRITERS: u64 = 8;
/// The operations of each writer.
const OPERATIONS: usize = 2500;
const PARTITIONS: [&str; 2] = ["a", "a\0"];
/// The sort keys of the items that are counted in; those above are put and deleted.
const COUNTED: i64 = 3;
const NOISE: i64 = 4;
const GROUPS: [&str; 3] = ["red", "green", "blue"];

/// What is known of one counted item while the writers run.
#[derive(Default)]
struct Ledger {
    /// Every sum that an addition has answered with.
    sums: Mutex<Vec<i64>>,
    /// The largest of them: what is answered or read from now on is not below it.
    newest_sum: AtomicI64,
    /// What transfers have given it, less what they have taken.
    balance: AtomicI64,
    /// How many conditional increments have passed.
    versions: AtomicI64,
}

struct Shared<S> {
    engine: Engine<S>,
    context: Context,
    ledgers: Vec<Ledger>,
    /// For each item that comes and goes: how often it has come, less how often it has gone.
    presence: Vec<AtomicI64>,
    is_over: AtomicBool,
}

fn schema() -> KeySchema {
    KeySchema {
        partition: vec![KeyAttribute::new("pk", "S")],
        sort: vec![KeyAttribute::new("sk", "N")],
    }
}

fn global_index(name: &str) -> Index {
    Index {
        name: name.to_owned(),
        is_local: false,
        schema: KeySchema {
            partition: vec![KeyAttribute::new("group", "S")],
            sort: vec![KeyAttribute::new("tally", "N")],
        },
        projection: Projection::All,
        state: IndexState::Active,
    }
}

fn table() -> CreateTableInput {
    let local = Index {
        name: "by-version".to_owned(),
        is_local: true,
        schema: KeySchema {
            sort: vec![KeyAttribute::new("version", "N")],
            ..schema()
        },
        projection: Projection::KeysOnly,
        state: IndexState::Active,
    };
    schema::create_table(TABLE, &schema(), &[global_index("by-group"), local], false)
}

fn integer(number: i64) -> Value {
    Value::number(&number.to_string())
}

fn key(partition: usize, sort: i64) -> Attributes {
    Attributes::from([
        ("pk".to_owned(), Value::string(PARTITIONS[partition])),
        ("sk".to_owned(), integer(sort)),
    ])
}

/// The whole number that an attribute holds; zero where it is not there.
fn number_of(item: Option<&AttributeMap>, name: &str) -> i64 {
    let Some(value) = item.and_then(|item| item.item.get(name)) else {
        return 0;
    };
    let model::ValueRef::Number(number) = value else {
        panic!("{name} is {value:?}")
    };
    number.to_string().parse().expect("counts are whole numbers")
}

impl<S: Store> Shared<S> {
    fn ledger(&self, partition: usize, sort: i64) -> &Ledger {
        &self.ledgers[partition * COUNTED as usize + sort as usize]
    }

    async fn update(
        &self,
        key: &Attributes,
        update: &str,
        condition: Option<&str>,
        values: &[(&str, Value)],
    ) -> Result<UpdateItemOutput, Error> {
        let values: Attributes = values
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        let input = UpdateItemInput {
            table_name: TABLE.to_owned(),
            key: to_map(key),
            update_expression: Some(update.to_owned()),
            condition_expression: condition.map(str::to_owned),
            expression_attribute_names: update
                .contains("#g")
                .then(|| [("#g".to_owned(), "group".to_owned())].into()),
            expression_attribute_values: Some(to_map(&values)),
            return_values: Some(ReturnValue::UpdatedNew),
            ..Default::default()
        };
        self.engine.update_item(&self.context, input).await
    }

    async fn get(&self, key: &Attributes) -> Option<AttributeMap> {
        let input = GetItemInput {
            table_name: TABLE.to_owned(),
            key: to_map(key),
            consistent_read: Some(true),
            ..Default::default()
        };
        self.engine
            .get_item(&self.context, input)
            .await
            .expect("reads")
            .item
    }

    async fn write(&self, rng: &mut Rng) {
        let (partition, sort) = (rng.usize(..PARTITIONS.len()), rng.i64(0..COUNTED));
        let counted = key(partition, sort);
        match rng.u8(..25) {
            0..7 => self.add(partition, sort).await,
            7..10 => {
                let values = [
                    (":group", Value::string(GROUPS[rng.usize(..GROUPS.len())])),
                    (":pad", Value::S("p".repeat(rng.usize(..2000)))),
                ];
                let update = if rng.bool() {
                    "SET #g = :group, pad0 = :pad"
                } else {
                    "SET pad0 = :pad, #g = :group"
                };
                self.update(&counted, update, None, &values).await.expect("moves");
            }
            10..13 => self.increment_version(partition, sort).await,
            13 | 14 => self.come_or_go(partition, COUNTED + rng.i64(0..NOISE), rng).await,
            15 => {
                let removed = self.update(
                    &counted,
                    "REMOVE #g, pad0 SET seen = :yes",
                    None,
                    &[(":yes", Value::Bool(true))],
                );
                removed.await.expect("leaves the index");
            }
            16 => self.read_group(rng).await,
            17 | 18 => self.read_versions(partition).await,
            19 => self.put_batch(rng).await,
            20..23 => self.transfer(rng).await,
            23 => self.read_balances().await,
            _ => {
                let newest = self.ledger(partition, sort).newest_sum.load(Ordering::SeqCst);
                let item = self.get(&counted).await;
                let total = number_of(item.as_ref(), "tally");
                assert!(newest <= total, "{total} is read after {newest} was answered");
            }
        }
    }

    /// Adds one. The sum is above all that were answered before.
    async fn add(&self, partition: usize, sort: i64) {
        let ledger = self.ledger(partition, sort);
        let newest = ledger.newest_sum.load(Ordering::SeqCst);
        let answer = self
            .update(
                &key(partition, sort),
                "ADD tally :one",
                None,
                &[(":one", integer(1))],
            )
            .await;
        let sum = number_of(answer.expect("adds").attributes.as_ref(), "tally");
        assert!(newest < sum, "{sum} is answered after {newest} was");
        ledger.newest_sum.fetch_max(sum, Ordering::SeqCst);
        ledger.sums.lock().push(sum);
    }

    /// Raises the version that was read, if it still is that.
    async fn increment_version(&self, partition: usize, sort: i64) {
        let counted = key(partition, sort);
        let version = number_of(self.get(&counted).await.as_ref(), "version");
        let condition = if version == 0 {
            "attribute_not_exists(version)"
        } else {
            "version = :old"
        };
        let mut values = vec![(":new", integer(version + 1))];
        if version > 0 {
            values.push((":old", integer(version)));
        }
        match self
            .update(&counted, "SET version = :new", Some(condition), &values)
            .await
        {
            Ok(_) => drop(
                self.ledger(partition, sort)
                    .versions
                    .fetch_add(1, Ordering::SeqCst),
            ),
            Err(error) => assert_eq!(error.kind, ErrorKind::ConditionalCheckFailedException, "{error}"),
        }
    }

    /// Puts an item that must not be there, or deletes one that must be.
    async fn come_or_go(&self, partition: usize, sort: i64, rng: &mut Rng) {
        let presence = &self.presence[partition * NOISE as usize + (sort - COUNTED) as usize];
        let mut item = key(partition, sort);
        let table_name = TABLE.to_owned();
        let outcome = if rng.bool() {
            item.insert(
                "group".to_owned(),
                Value::string(GROUPS[rng.usize(..GROUPS.len())]),
            );
            item.insert("tally".to_owned(), integer(rng.i64(0..5)));
            item.insert("version".to_owned(), integer(rng.i64(0..200)));
            let input = PutItemInput {
                table_name,
                item: to_map(&item),
                condition_expression: Some("attribute_not_exists(pk)".to_owned()),
                ..Default::default()
            };
            self.engine.put_item(&self.context, input).await.map(|_| 1)
        } else {
            let input = DeleteItemInput {
                table_name,
                key: to_map(&item),
                condition_expression: Some("attribute_exists(pk)".to_owned()),
                ..Default::default()
            };
            self.engine.delete_item(&self.context, input).await.map(|_| -1)
        };
        match outcome {
            Ok(change) => drop(presence.fetch_add(change, Ordering::SeqCst)),
            Err(error) => assert_eq!(error.kind, ErrorKind::ConditionalCheckFailedException, "{error}"),
        }
    }

    /// Puts items that nobody else writes conditionally.
    async fn put_batch(&self, rng: &mut Rng) {
        let puts = (0..10).map(|number| {
            let mut item = key(rng.usize(..PARTITIONS.len()), 1000 + 20 * number + rng.i64(0..20));
            item.insert(
                "group".to_owned(),
                Value::string(GROUPS[rng.usize(..GROUPS.len())]),
            );
            item.insert("tally".to_owned(), integer(rng.i64(0..1000)));
            WriteRequest {
                put_request: Some(PutRequest { item: to_map(&item) }),
                delete_request: None,
            }
        });
        let request_items: IndexMap<String, Vec<WriteRequest>> = [(TABLE.to_owned(), puts.collect())].into();
        let input = BatchWriteItemInput {
            request_items,
            ..Default::default()
        };
        self.engine
            .batch_write_item(&self.context, input)
            .await
            .expect("writes");
    }

    /// Reads a slice of the global index: its items are of the group, each once, in order.
    async fn read_group(&self, rng: &mut Rng) {
        let group = Value::string(GROUPS[rng.usize(..GROUPS.len())]);
        let items = self.query("by-group", "#g = :v", group.clone(), false).await;
        assert!(items.iter().all(|item| item["group"] == group), "{items:?}");
        assert!(
            items.windows(2).all(|pair| pair[0]["tally"] <= pair[1]["tally"]),
            "{items:?}"
        );
        let mut keys: Vec<_> = items.iter().map(|item| (&item["pk"], &item["sk"])).collect();
        keys.sort();
        assert!(keys.windows(2).all(|pair| pair[0] != pair[1]), "twice: {keys:?}");
    }

    /// Reads a slice of the local index with all attributes: index and table are of one moment.
    async fn read_versions(&self, partition: usize) {
        let items = self
            .query(
                "by-version",
                "pk = :v",
                Value::string(PARTITIONS[partition]),
                true,
            )
            .await;
        assert!(items.iter().all(|item| item.contains_key("version")), "{items:?}");
        assert!(
            items
                .windows(2)
                .all(|pair| pair[0]["version"] <= pair[1]["version"]),
            "{items:?}"
        );
    }

    async fn query(&self, index: &str, condition: &str, value: Value, is_whole: bool) -> Vec<Attributes> {
        let input = QueryInput {
            table_name: TABLE.to_owned(),
            index_name: Some(index.to_owned()),
            key_condition_expression: Some(condition.to_owned()),
            expression_attribute_names: condition
                .contains("#g")
                .then(|| [("#g".to_owned(), "group".to_owned())].into()),
            expression_attribute_values: Some(to_map(&Attributes::from([(":v".to_owned(), value)]))),
            select: is_whole.then_some(api::types::Select::AllAttributes),
            ..Default::default()
        };
        let answer = self.engine.query(&self.context, input).await.expect("queries");
        answer.items.iter().flatten().map(from_map).collect()
    }

    /// Makes an index, lets it be filled while the writers write, and drops it, again and again.
    async fn remake_indexes(&self, rng: &mut Rng) -> u64 {
        let mut made = 0;
        while !self.is_over.load(Ordering::SeqCst) || made == 0 {
            let index = global_index(&format!("made{made}"));
            let create = GlobalSecondaryIndexUpdate {
                create: Some(index.create_action(false)),
                ..Default::default()
            };
            let definitions = schema::definitions(index.schema.attributes());
            self.update_indexes(create, Some(definitions)).await;
            let waits = chance(rng, 80);
            for _ in 0..200 {
                self.engine.background_step().await.expect("works");
                tokio::task::yield_now().await;
                if !waits || self.status(&index.name).await == Some(IndexStatus::Active) {
                    break;
                }
            }
            let delete = DeleteGlobalSecondaryIndexAction {
                index_name: index.name,
            };
            let delete = GlobalSecondaryIndexUpdate {
                delete: Some(delete),
                ..Default::default()
            };
            if !self.is_over.load(Ordering::SeqCst) {
                self.update_indexes(delete, None).await;
            }
            made += 1;
        }
        made
    }

    async fn update_indexes(
        &self,
        update: GlobalSecondaryIndexUpdate,
        definitions: Option<Vec<api::types::AttributeDefinition>>,
    ) {
        let input = UpdateTableInput {
            table_name: TABLE.to_owned(),
            attribute_definitions: definitions,
            global_secondary_index_updates: Some(vec![update]),
            ..Default::default()
        };
        self.engine
            .update_table(&self.context, input)
            .await
            .expect("changes the table");
    }

    async fn status(&self, index_name: &str) -> Option<IndexStatus> {
        let input = DescribeTableInput {
            table_name: TABLE.to_owned(),
        };
        let table = self
            .engine
            .describe_table(&self.context, input)
            .await
            .expect("describes")
            .table?;
        let mut indexes = table.global_secondary_indexes.into_iter().flatten();
        indexes
            .find(|index| index.index_name.as_deref() == Some(index_name))?
            .index_status
    }

    /// Compares what is there with what the writers were told.
    async fn check(&self) {
        while self.engine.background_step().await.expect("works") == Step::Worked {}
        let input = ScanInput {
            table_name: TABLE.to_owned(),
            ..Default::default()
        };
        let scanned = self.engine.scan(&self.context, input).await.expect("scans");
        let items: Vec<AttributeMap> = scanned.items.unwrap_or_default();
        let find = |wanted: &Attributes| {
            items.iter().find(|item| {
                let item = from_map(item);
                wanted.iter().all(|(name, value)| item.get(name) == Some(value))
            })
        };
        for partition in 0..PARTITIONS.len() {
            for sort in 0..COUNTED {
                let ledger = self.ledger(partition, sort);
                let item = find(&key(partition, sort));
                let mut sums = ledger.sums.lock().clone();
                sums.sort_unstable();
                assert_eq!(
                    sums,
                    (1..=sums.len() as i64).collect::<Vec<_>>(),
                    "each sum is answered once"
                );
                assert_eq!(number_of(item, "tally"), sums.len() as i64, "no addition is lost");
                self.check_balance(partition, sort, item);
                let versions = ledger.versions.load(Ordering::SeqCst);
                assert_eq!(number_of(item, "version"), versions, "no increment is lost");
            }
            for sort in 0..NOISE {
                let presence =
                    self.presence[partition * NOISE as usize + sort as usize].load(Ordering::SeqCst);
                let is_there = find(&key(partition, COUNTED + sort)).is_some();
                assert_eq!(presence, i64::from(is_there), "an item comes as often as it goes");
            }
        }
        let report = engine::check(self.engine.store(), |_| {})
            .await
            .expect("the store can be read");
        assert!(report.is_clean(), "the check finds {:#?}", report.problems);
        assert_eq!(report.items, items.len() as u64);
    }
}

/// Lets many writers loose on a store. Returns how many indexes were made meanwhile.
pub fn run(mut home: impl Home, seed: u64) -> u64 {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build();
    runtime.expect("a runtime starts").block_on(async move {
        let clock = Box::new(ManualClock::new(1_700_000_000_000));
        let engine = Engine::open(home.open(), clock, seed, Settings::default())
            .await
            .expect("the store opens");
        let context = Context::default();
        engine
            .create_table(&context, table())
            .await
            .expect("makes the table");
        let shared = Arc::new(Shared {
            engine,
            context,
            ledgers: (0..PARTITIONS.len() * COUNTED as usize)
                .map(|_| Ledger::default())
                .collect(),
            presence: (0..PARTITIONS.len() * NOISE as usize)
                .map(|_| AtomicI64::new(0))
                .collect(),
            is_over: AtomicBool::new(false),
        });
        let remaking = tokio::spawn({
            let (shared, mut rng) = (shared.clone(), Rng::with_seed(seed));
            async move { shared.remake_indexes(&mut rng).await }
        });
        let writers: Vec<_> = (1..=WRITERS)
            .map(|writer| {
                let (shared, mut rng) = (shared.clone(), Rng::with_seed(seed.wrapping_add(writer)));
                tokio::spawn(async move {
                    for _ in 0..OPERATIONS {
                        shared.write(&mut rng).await;
                    }
                })
            })
            .collect();
        let mut has_failed = false;
        for writer in writers {
            has_failed |= writer.await.is_err();
        }
        shared.is_over.store(true, Ordering::SeqCst);
        let made = remaking.await.expect("makes indexes");
        assert!(!has_failed, "a writer failed");
        shared.check().await;
        made
    })
}
