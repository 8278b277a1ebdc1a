//! The engine as a client sees it, and requests that the tests share.

use std::sync::Arc;

use api::{Context, Operation, Service as ApiService};
use engine::{Engine, KEY_SPACES, ManualClock, Settings, Step, check};
use serde_json::{Value, json};
use store::{
    Batch, Decision, Declared, Direction, Held, Key, KeySpace, MemoryStore, Outcome, RangeRequest, Read,
    Store,
};
use tokio::runtime::Runtime;

/// When every test begins, in milliseconds since the Unix epoch: 2026-01-01 and a quarter of a second.
pub const START_MS: u64 = 1_767_225_600_250;

/// How the service begins most messages about parameters.
pub const INVALID: &str = "One or more parameter values were invalid: ";

/// An error's name and message.
pub type Failure = (String, String);

/// An engine with nothing in it, and the clock that it goes by.
pub struct Service {
    engine: Engine<MemoryStore>,
    pub clock: Arc<ManualClock>,
    runtime: Runtime,
}

impl Service {
    /// One whose transitional states last no time.
    pub fn new() -> Self {
        Self::with_transitions(0)
    }

    /// One whose transitional states last so long.
    pub fn with_transitions(transition_ms: u64) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let clock = Arc::new(ManualClock::new(START_MS));
        let store = MemoryStore::new(KEY_SPACES.len());
        let shared = Box::new(clock.clone());
        let engine = runtime
            .block_on(Engine::open(
                store,
                shared,
                1,
                Settings {
                    transition_ms,
                    ..Settings::default()
                },
            ))
            .unwrap();
        Service {
            engine,
            clock,
            runtime,
        }
    }

    /// Sends a request to the operation of that name.
    pub fn call(&self, name: &str, request: Value) -> Result<Value, Failure> {
        let operation = Operation::from_name(ApiService::DynamoDb, name)
            .or_else(|| Operation::from_name(ApiService::DynamoDbStreams, name))
            .unwrap();
        let body = request.to_string();
        let answer = self.runtime.block_on(api::dispatch(
            &self.engine,
            &Context::default(),
            operation,
            body.as_bytes(),
        ));
        let body: Value = match answer.body.as_slice() {
            b"" => json!({}),
            body => serde_json::from_slice(body).unwrap(),
        };
        if answer.status == 200 {
            return Ok(body);
        }
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        let name = text("__type").unwrap();
        let message = text("message").or(text("Message")).unwrap_or_default();
        Err((name.rsplit('#').next().unwrap().to_owned(), message))
    }

    /// What a request that succeeds is answered with.
    pub fn answer(&self, name: &str, request: Value) -> Value {
        self.call(name, request.clone())
            .unwrap_or_else(|error| panic!("{name} {request}: {error:?}"))
    }

    /// The error of a request that fails.
    pub fn error(&self, name: &str, request: Value) -> Failure {
        self.call(name, request.clone())
            .expect_err(&format!("{name} {request}"))
    }

    /// The message of a request that is refused as invalid.
    pub fn refusal(&self, name: &str, request: Value) -> String {
        let (kind, message) = self.error(name, request.clone());
        assert_eq!(kind, "ValidationException", "{name} {request}: {message}");
        message
    }

    /// What DescribeTable shows.
    pub fn describe(&self, table_name: &str) -> Value {
        self.answer("DescribeTable", json!({"TableName": table_name}))["Table"].clone()
    }

    /// How many keys the store holds.
    pub fn stored_keys(&self) -> usize {
        let spaces = 0..u8::try_from(KEY_SPACES.len()).unwrap();
        let keys_of = |space| {
            let request = RangeRequest {
                space: KeySpace(space),
                start: &[],
                end: &[0xFF; 8],
                direction: Direction::Forward,
                rows_max: 1000,
                bytes_max: 1 << 20,
            };
            self.runtime
                .block_on(self.engine.store().range(request))
                .unwrap()
                .len()
        };
        spaces.map(keys_of).sum()
    }

    /// The first keys of a space, up to ten thousand.
    pub fn keys_of(&self, space: u8) -> Vec<Vec<u8>> {
        let request = RangeRequest {
            space: KeySpace(space),
            start: &[],
            end: &[0xFF; 8],
            direction: Direction::Forward,
            rows_max: 10_000,
            bytes_max: 16 << 20,
        };
        let page = self.runtime.block_on(self.engine.store().range(request)).unwrap();
        page.iter().map(|(key, _)| key.to_vec()).collect()
    }

    /// Puts a value past the engine, or removes the key.
    pub fn plant(&self, space: u8, key: &[u8], value: Option<&[u8]>) {
        let value = value.map(<[u8]>::to_vec);
        let key = Key::new(KeySpace(space), key);
        let declared = Declared {
            shared: Vec::new(),
            exclusive: vec![key.clone()],
        };
        let decide = move |_: &Held| {
            let mut batch = Batch::new();
            match &value {
                Some(value) => batch.put(key.clone(), value.clone()),
                None => batch.delete(key.clone()),
            }
            Decision::<(), ()>::Commit(batch, ())
        };
        let outcome = self
            .runtime
            .block_on(self.engine.store().commit(declared, decide))
            .unwrap();
        assert_eq!(outcome, Outcome::Committed(()));
    }

    /// The value of a key that is there.
    pub fn value_of(&self, space: u8, key: &[u8]) -> Vec<u8> {
        let read = self.engine.store().get(KeySpace(space), key);
        self.runtime.block_on(read).unwrap().unwrap().to_vec()
    }

    /// What a check of everything stored finds wrong.
    pub fn problems(&self) -> Vec<String> {
        let report = self.runtime.block_on(check(self.engine.store(), |_| {})).unwrap();
        assert_eq!(report.problem_count, report.problems.len() as u64);
        report.problems
    }

    /// Asserts that a check finds one thing wrong, and says this of it.
    #[track_caller]
    pub fn finds(&self, what: &str) {
        let problems = self.problems();
        assert!(
            problems.len() == 1 && problems[0].contains(what),
            "{what}: {problems:#?}"
        );
    }

    /// Does one step of background work, and tells whether it was due.
    pub fn step(&self) -> bool {
        self.runtime.block_on(self.engine.background_step()).unwrap() == Step::Worked
    }

    /// Does background work until nothing is due.
    pub fn work(&self) {
        while self.step() {}
    }
}

/// A request for a table with the string key `pk`, billed by request, changed by the members of `changes`.
pub fn table(name: &str, changes: Value) -> Value {
    let request = json!({
        "TableName": name,
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    });
    changed(request, changes)
}

/// A request for a table with the string key `pk` and provisioned throughput 5/5.
pub fn provisioned_table(name: &str, changes: Value) -> Value {
    let request = json!({"BillingMode": null, "ProvisionedThroughput": throughput(5, 5)});
    changed(table(name, request), changes)
}

/// The members of `request`, replaced and joined by those of `changes`.
pub fn changed(mut request: Value, changes: Value) -> Value {
    let Value::Object(changes) = changes else {
        panic!("{changes} is no object")
    };
    request.as_object_mut().unwrap().extend(changes);
    request
}

/// Provisioned throughput.
pub fn throughput(read: i64, write: i64) -> Value {
    json!({"ReadCapacityUnits": read, "WriteCapacityUnits": write})
}

/// Attribute definitions, each `name:type`.
pub fn definitions(list: &[&str]) -> Value {
    list.iter()
        .map(|definition| {
            let (name, attribute_type) = definition.split_once(':').unwrap();
            json!({"AttributeName": name, "AttributeType": attribute_type})
        })
        .collect()
}

/// A key schema, each element `name:HASH` or `name:RANGE`.
pub fn key(list: &[&str]) -> Value {
    list.iter()
        .map(|element| {
            let (name, role) = element.split_once(':').unwrap();
            json!({"AttributeName": name, "KeyType": role})
        })
        .collect()
}

/// An index that projects everything.
pub fn index(name: &str, elements: &[&str]) -> Value {
    json!({"IndexName": name, "KeySchema": key(elements), "Projection": {"ProjectionType": "ALL"}})
}
