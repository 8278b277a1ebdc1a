//! A database as a server has it: requests in JSON, and a runner that carries out what they ask for.

use std::sync::Arc;
use std::time::Duration;

use api::{Context, Operation, dispatch};
use engine::{Clock, Engine, KEY_SPACES, ManualClock, Settings, Step, check};
use serde_json::{Value, json};
use store::MemoryStore;
use transfer::S3Buckets;
use transfer::runner::{Places, Runner};

use crate::database::{Directory, NOW_MS};

/// For how long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Server {
    pub engine: Arc<Engine<MemoryStore>>,
    pub clock: Arc<ManualClock>,
    store: MemoryStore,
    /// Where backups and buckets are.
    pub directory: Directory,
    context: Context,
}

async fn open(store: &MemoryStore, clock: &Arc<ManualClock>) -> Arc<Engine<MemoryStore>> {
    let settings = Settings {
        has_transfers: true,
        ..Settings::default()
    };
    let engine = Engine::open(store.clone(), Box::new(clock.clone()), 1, settings).await;
    Arc::new(engine.expect("an engine"))
}

impl Server {
    pub async fn new() -> Self {
        let clock = Arc::new(ManualClock::new(NOW_MS));
        let stamps = clock.clone();
        let store = MemoryStore::with_clock(KEY_SPACES.len(), store::Clock::new(move || stamps.now_ms()));
        Server {
            engine: open(&store, &clock).await,
            clock,
            store,
            directory: Directory::new(),
            context: Context::default(),
        }
    }

    /// Another engine over the same store, which tells this one nothing.
    pub async fn other_engine(&self) -> Arc<Engine<MemoryStore>> {
        open(&self.store, &self.clock).await
    }

    /// What carries out what is open.
    pub fn runner(&self) -> Runner<MemoryStore> {
        self.runner_of(self.engine.clone())
    }

    pub fn runner_of(&self, engine: Arc<Engine<MemoryStore>>) -> Runner<MemoryStore> {
        let places = Places {
            backups: self
                .directory
                .path()
                .join("backups")
                .to_string_lossy()
                .into_owned(),
            backup_buckets: S3Buckets::Remote,
            buckets: S3Buckets::Directory(self.directory.path().join("s3")),
        };
        Runner::new(engine, places, self.context.clone())
    }

    /// The answer to a request, or the error's name and message.
    pub async fn try_call(&self, operation: Operation, request: Value) -> Result<Value, (String, String)> {
        let body = request.to_string();
        let response = dispatch(self.engine.as_ref(), &self.context, operation, body.as_bytes()).await;
        let answer: Value = serde_json::from_slice(&response.body).expect("JSON");
        if response.status == 200 {
            return Ok(answer);
        }
        let name = answer["__type"].as_str().unwrap_or_default();
        let name = name.rsplit('#').next().unwrap_or_default().to_owned();
        let message = answer["message"].as_str().or(answer["Message"].as_str());
        Err((name, message.unwrap_or_default().to_owned()))
    }

    pub async fn call(&self, operation: Operation, request: Value) -> Value {
        let answer = self.try_call(operation, request.clone()).await;
        answer.unwrap_or_else(|error| panic!("{operation:?} {request}: {error:?}"))
    }

    /// A table with the partition key `pk`, a string, and an index by `group`, a number.
    pub async fn create(&self, name: &str) {
        let request = json!({
            "TableName": name,
            "AttributeDefinitions": [
                {"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "group", "AttributeType": "N"},
            ],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "GlobalSecondaryIndexes": [{
                "IndexName": "by-group",
                "KeySchema": [{"AttributeName": "group", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }],
            "BillingMode": "PAY_PER_REQUEST",
        });
        self.call(Operation::CreateTable, request).await;
    }

    pub async fn enable_recovery(&self, name: &str) {
        let request = json!({
            "TableName": name,
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true},
        });
        self.call(Operation::UpdateContinuousBackups, request).await;
    }

    pub async fn put(&self, name: &str, key: &str, value: u32) {
        let item =
            json!({"pk": {"S": key}, "group": {"N": (value % 7).to_string()}, "v": {"N": value.to_string()}});
        self.call(Operation::PutItem, json!({"TableName": name, "Item": item}))
            .await;
    }

    pub async fn delete(&self, name: &str, key: &str) {
        let request = json!({"TableName": name, "Key": {"pk": {"S": key}}});
        self.call(Operation::DeleteItem, request).await;
    }

    /// All items of a table or, with an index, of that, sorted.
    pub async fn items(&self, name: &str, index: Option<&str>) -> Vec<String> {
        let mut items = Vec::new();
        let mut request = json!({"TableName": name});
        if let Some(index) = index {
            request["IndexName"] = index.into();
        }
        loop {
            let page = self.call(Operation::Scan, request.clone()).await;
            items.extend(
                page["Items"]
                    .as_array()
                    .expect("items")
                    .iter()
                    .map(Value::to_string),
            );
            match page.get("LastEvaluatedKey") {
                Some(key) => request["ExclusiveStartKey"] = key.clone(),
                None => break,
            }
        }
        items.sort();
        items
    }

    /// Does all background work that is due.
    pub async fn work(&self) {
        while self.engine.background_step().await.expect("a step") == Step::Worked {}
    }

    /// Runs the runner and background work until `done` finds what it waits for.
    pub async fn run_until<T, F: Future<Output = Option<T>>>(&self, done: impl Fn() -> F) -> T {
        let runner = self.runner();
        let wait = async {
            loop {
                self.work().await;
                if let Some(found) = done().await {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::select! {
            () = runner.run() => unreachable!("it runs for ever"),
            found = tokio::time::timeout(PATIENCE, wait) => found.expect("in time"),
        }
    }

    /// Waits for a table to become ACTIVE.
    pub async fn wait_for_table(&self, name: &str) {
        self.run_until(|| async {
            let described = self
                .try_call(Operation::DescribeTable, json!({"TableName": name}))
                .await;
            described
                .ok()
                .filter(|answer| answer["Table"]["TableStatus"] == "ACTIVE")
        })
        .await;
    }

    /// Waits for a table to be gone.
    pub async fn wait_until_gone(&self, name: &str) {
        self.run_until(|| async {
            let described = self
                .try_call(Operation::DescribeTable, json!({"TableName": name}))
                .await;
            described.is_err().then_some(())
        })
        .await;
    }

    /// Makes a backup of a table, as far as the request; gives its ARN.
    pub async fn create_backup(&self, name: &str) -> String {
        let request = json!({"TableName": name, "BackupName": "a-backup"});
        let answer = self.call(Operation::CreateBackup, request).await;
        assert_eq!(answer["BackupDetails"]["BackupStatus"], "CREATING");
        answer["BackupDetails"]["BackupArn"]
            .as_str()
            .expect("an ARN")
            .to_owned()
    }

    pub async fn wait_for_backup(&self, arn: &str) -> Value {
        self.run_until(|| async {
            let answer = self
                .call(Operation::DescribeBackup, json!({"BackupArn": arn}))
                .await;
            let described = answer["BackupDescription"].clone();
            (described["BackupDetails"]["BackupStatus"] == "AVAILABLE").then_some(described)
        })
        .await
    }

    pub async fn begin_restore(&self, arn: &str, name: &str) -> Value {
        let request = json!({"BackupArn": arn, "TargetTableName": name});
        self.call(Operation::RestoreTableFromBackup, request).await
    }

    /// Finds nothing wrong in what is stored.
    pub async fn check(&self) {
        self.work().await;
        let report = check(self.engine.store(), |_| {}).await.expect("a check");
        assert!(report.problems.is_empty(), "{:?}", report.problems);
    }
}
