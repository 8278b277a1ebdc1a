//! A database to ask, and cases: a request in JSON and the answer or the error that it gets.

use std::sync::Arc;

use api::companion::{Companion, CompanionRequest, Protocol};
use api::{Context, Operation};
use engine::{Clock, Engine, KEY_SPACES, ManualClock, Measurements, Samples, Series, Settings, Step, check};
use serde_json::{Value, json};
use store::{Direction, KeySpace, MemoryStore, RangeRequest, Read};

/// When every test begins, in milliseconds since the Unix epoch: 2026-01-01.
pub const START_MS: u64 = 1_767_225_600_000;

/// An engine over the store in memory.
pub struct Database {
    engine: Engine<MemoryStore>,
    clock: Arc<ManualClock>,
    runtime: tokio::runtime::Runtime,
}

/// An index of a table to create.
pub struct Index(pub &'static str, pub Value);

fn index(list: &'static str, name: &str, key: &str, projection: &str) -> Index {
    let mut words = projection.split(' ');
    let mut projection = json!({"ProjectionType": words.next()});
    let included: Vec<&str> = words.collect();
    if !included.is_empty() {
        projection["NonKeyAttributes"] = json!(included);
    }
    Index(
        list,
        json!({"IndexName": name, "KeySchema": key_schema(key), "Projection": projection}),
    )
}

/// A global index: its key is written as a table's, its projection `ALL`, `KEYS_ONLY` or
/// `INCLUDE` and the names.
pub fn global(name: &str, key: &str, projection: &str) -> Index {
    index("GlobalSecondaryIndexes", name, key, projection)
}

/// A local index, written as a global one.
pub fn local(name: &str, key: &str, projection: &str) -> Index {
    index("LocalSecondaryIndexes", name, key, projection)
}

/// The attributes of a key: a blank parts its halves, a plus the attributes of a half.
fn key_parts(key: &str) -> impl Iterator<Item = (&str, &str, &'static str)> {
    key.split(' ').zip(["HASH", "RANGE"]).flat_map(|(half, role)| {
        half.split('+')
            .filter_map(|part| part.split_once(':'))
            .map(move |(name, kind)| (name, kind, role))
    })
}

fn key_schema(key: &str) -> Value {
    key_parts(key)
        .map(|(name, _, role)| json!({"AttributeName": name, "KeyType": role}))
        .collect()
}

/// A request for a table, billed by request. Its key is written `pk:S` or `pk:S sk:N`, the keys of
/// indexes likewise; the types of `key` count for all of them.
pub fn table_request(name: &str, key: &str, indexes: &[Index]) -> Value {
    let mut types: Vec<(&str, &str)> = Vec::new();
    for (name, kind, _) in key.split(',').flat_map(key_parts) {
        if !types.iter().any(|(known, _)| *known == name) {
            types.push((name, kind));
        }
    }
    let definitions: Vec<Value> = types
        .iter()
        .map(|(name, kind)| json!({"AttributeName": name, "AttributeType": kind}))
        .collect();
    let mut request = json!({
        "TableName": name,
        "AttributeDefinitions": definitions,
        "KeySchema": key_schema(key.split(',').next().unwrap()),
        "BillingMode": "PAY_PER_REQUEST",
    });
    for Index(list, index) in indexes {
        match &mut request[*list] {
            Value::Array(known) => known.push(index.clone()),
            none => *none = json!([index]),
        }
    }
    request
}

impl Database {
    /// An empty one, in which tables are ready at once.
    pub fn empty() -> Self {
        Self::with_transitions(0)
    }

    /// An empty one in which transitional states last so long.
    pub fn with_transitions(transition_ms: u64) -> Self {
        Self::with_settings(Settings {
            transition_ms,
            ..Settings::default()
        })
    }

    /// An empty one that behaves so.
    pub fn with_settings(settings: Settings) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let clock = Arc::new(ManualClock::new(START_MS));
        let stamps = clock.clone();
        let store = MemoryStore::with_clock(KEY_SPACES.len(), store::Clock::new(move || stamps.now_ms()));
        let shared = Box::new(clock.clone());
        let engine = runtime
            .block_on(Engine::open(store, shared, 1, settings))
            .unwrap();
        Database {
            engine,
            clock,
            runtime,
        }
    }

    /// One with a table `table` of this key, written as for [`table_request`].
    pub fn with_table(key: &str) -> Self {
        Self::with_indexes(key, &[])
    }

    /// One with a table `table` that has indexes. The attributes of their keys that the table's key
    /// does not have follow it behind a comma: `pk:S sk:N,a:S`.
    pub fn with_indexes(key: &str, indexes: &[Index]) -> Self {
        let database = Self::empty();
        database.create(table_request("table", key, indexes));
        database
    }

    /// Creates a table.
    #[track_caller]
    pub fn create(&self, request: Value) {
        self.case("CreateTable", request).succeeds();
    }

    /// Puts an item into the table `table`.
    #[track_caller]
    pub fn put(&self, item: Value) {
        self.case("PutItem", json!({"TableName": "table", "Item": item}))
            .gives("{}");
    }

    /// The item with this key in the table `table`.
    #[track_caller]
    pub fn item(&self, key: Value) -> Value {
        self.case("GetItem", json!({"TableName": "table", "Key": key}))
            .answer()["Item"]
            .clone()
    }

    /// A request to look at.
    pub fn case(&self, operation: &str, request: impl ToString) -> Case<'_> {
        Case {
            database: self,
            operation: operation_of(operation),
            request: request.to_string(),
        }
    }

    /// The status and the body of the answer to a request to a companion.
    pub fn ask_companion(&self, companion: Companion, operation: &str, request: &Value) -> (u16, Value) {
        let context = Context::default();
        let body = request.to_string();
        let request = CompanionRequest {
            companion,
            protocol: Protocol::Json,
            operation: Some(operation),
            body: body.as_bytes(),
        };
        let answer = self
            .runtime
            .block_on(api::companion::answer(&self.engine, &context, request));
        (answer.status, serde_json::from_slice(&answer.body).unwrap())
    }

    /// Keeps what was seen of metrics in the minute that began so long after the test.
    pub fn keep_minute(&self, after_ms: u64, seen: Vec<(Series, Samples)>) {
        let kept = self.engine.keep_minute(START_MS + after_ms, seen);
        self.runtime.block_on(kept).unwrap();
    }

    /// Asserts that each request is refused as invalid, with this message.
    #[track_caller]
    pub fn refuses(&self, operation: &str, cases: &[(Value, &str)]) {
        for (request, message) in cases {
            self.case(operation, request).is_refused(message);
        }
    }

    /// Lets time pass.
    pub fn wait_ms(&self, by_ms: u64) {
        self.clock.advance_ms(by_ms);
    }

    /// Sets the clock back.
    pub fn set_back_ms(&self, by_ms: u64) {
        self.clock.set_ms(self.clock.now_ms() - by_ms);
    }

    /// Does one step of background work that is due.
    pub fn step(&self) {
        let step = self.runtime.block_on(self.engine.background_step()).unwrap();
        assert_eq!(step, Step::Worked);
    }

    /// Does background work until nothing is due.
    pub fn work(&self) {
        while self.runtime.block_on(self.engine.background_step()).unwrap() == Step::Worked {}
    }

    /// What has been counted.
    pub fn measurements(&self) -> Measurements {
        self.engine.measurements()
    }

    /// What is stored, opened again as after a crash.
    pub fn reopened(self, settings: Settings) -> Self {
        let store = self.engine.store().clone();
        let shared = Box::new(self.clock.clone());
        let opening = Engine::open(store, shared, 2, settings);
        Database {
            engine: self.runtime.block_on(opening).unwrap(),
            ..self
        }
    }

    /// How many keys a space of the store holds.
    pub fn stored_keys(&self, space: &str) -> usize {
        let position = KEY_SPACES.iter().position(|name| *name == space).unwrap();
        let request = RangeRequest {
            space: KeySpace(position as u8),
            start: &[],
            end: &[0xFF; 8],
            direction: Direction::Forward,
            rows_max: 10_000,
            bytes_max: 16 << 20,
        };
        let range = self.engine.store().range(request);
        self.runtime.block_on(range).unwrap().len()
    }

    /// Asserts that everything stored agrees.
    #[track_caller]
    pub fn is_sound(&self) {
        let report = self.runtime.block_on(check(self.engine.store(), |_| {})).unwrap();
        assert!(report.is_clean(), "{report:#?}");
    }
}

/// The operation of that name, of either service.
pub fn operation_of(name: &str) -> Operation {
    Operation::all()
        .find(|operation| operation.name() == name)
        .unwrap_or_else(|| panic!("no operation {name}"))
}

/// A request and what it is expected to be answered with.
#[must_use]
pub struct Case<'d> {
    database: &'d Database,
    operation: Operation,
    request: String,
}

impl Case<'_> {
    /// The status and the body of the response.
    pub fn response(&self) -> (u16, Value) {
        let context = Context::default();
        let database = self.database;
        let future = api::dispatch(
            &database.engine,
            &context,
            self.operation,
            self.request.as_bytes(),
        );
        let response = database.runtime.block_on(future);
        let body = match response.body.as_slice() {
            b"" => json!({}),
            body => serde_json::from_slice(body).unwrap(),
        };
        (response.status, body)
    }

    /// What the request is answered with; it succeeds.
    #[track_caller]
    pub fn answer(&self) -> Value {
        let (status, body) = self.response();
        assert_eq!(status, 200, "{}\n{body}", self.shown());
        body
    }

    /// Asserts that the request succeeds.
    #[track_caller]
    pub fn succeeds(&self) {
        self.answer();
    }

    /// Asserts that the answer is this.
    #[track_caller]
    pub fn gives(&self, expected: impl ToString) {
        assert_same(&self.answer(), &expected.to_string(), &self.shown());
    }

    /// Asserts that the answer has this at the JSON pointer; `null` where there is nothing.
    #[track_caller]
    pub fn gives_at(&self, pointer: &str, expected: impl ToString) {
        let answer = self.answer();
        let found = answer.pointer(pointer).unwrap_or(&Value::Null);
        assert_same(
            found,
            &expected.to_string(),
            &format!("{} at {pointer}\n{answer}", self.shown()),
        );
    }

    /// The name and the message of the error; the request fails.
    #[track_caller]
    pub fn error(&self) -> (String, String) {
        let (status, body) = self.response();
        assert_ne!(status, 200, "{}\n{body}", self.shown());
        let name = body["__type"].as_str().unwrap_or_default();
        let message = body["message"]
            .as_str()
            .or(body["Message"].as_str())
            .unwrap_or_default();
        (
            name.rsplit('#').next().unwrap_or_default().to_owned(),
            message.to_owned(),
        )
    }

    /// Asserts that the request fails so.
    #[track_caller]
    pub fn fails(&self, name: &str, message: &str) {
        let (found, found_message) = self.error();
        assert_eq!(
            (found.as_str(), found_message.as_str()),
            (name, message),
            "{}",
            self.shown()
        );
    }

    /// Asserts that the request is refused as invalid.
    #[track_caller]
    pub fn is_refused(&self, message: &str) {
        self.fails("ValidationException", message);
    }

    fn shown(&self) -> String {
        let end = (0..=600.min(self.request.len()))
            .rev()
            .find(|&end| self.request.is_char_boundary(end));
        format!(
            "{} {}",
            self.operation.name(),
            &self.request[..end.unwrap_or_default()]
        )
    }
}

/// Asserts that two JSON values are the same; `1` and `1.0` are.
#[track_caller]
fn assert_same(found: &Value, expected: &str, what: &str) {
    let expected: Value = serde_json::from_str(expected).unwrap_or_else(|_| panic!("no JSON: {expected}"));
    assert_eq!(levelled(found), levelled(&expected), "{what}");
}

fn levelled(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(values) => values.iter().map(levelled).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), levelled(value)))
            .collect(),
        other => other.clone(),
    }
}
