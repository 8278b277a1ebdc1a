//! Whole requests to a small database: each is answered in the API's words, and nothing that they do
//! leaves the database in disorder.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;

use api::{Context, Response, dispatch};
use engine::{Engine, KEY_SPACES, ManualClock, Settings, Step};
use serde_json::Value;
use store::MemoryStore;
use tokio::runtime::Runtime;

use crate::json;

/// When everything begins, in milliseconds since the Unix epoch.
const BEGIN_MS: u64 = 1_767_225_600_000;
/// How many requests of one input are sent at most.
const REQUESTS_MAX: usize = 12;
/// How far one line moves the clock at most.
const ADVANCE_MAX_MS: u64 = 48 * 60 * 60 * 1000;
/// After how many steps all background work must be done.
const STEPS_MAX: usize = 500;

/// The requests that make the database.
const PREPARATION: &str = include_str!("requests/preparation.txt");

/// What of earlier answers a request may name, as `"$NextToken"`.
const REMEMBERED: [&str; 6] = [
    "LastEvaluatedKey",
    "LatestStreamArn",
    "NextShardIterator",
    "NextToken",
    "ShardId",
    "ShardIterator",
];

thread_local! {
    static RUNTIME: OnceCell<Runtime> = const { OnceCell::new() };
}

/// Takes lines: an operation's name, an empty place and a body; or a plus sign and the milliseconds
/// that pass, after which background work is done.
pub fn check(input: &[u8]) {
    RUNTIME.with(|runtime| {
        let runtime = runtime.get_or_init(|| {
            tokio::runtime::Builder::new_current_thread()
                .build()
                .expect("a runtime starts")
        });
        runtime.block_on(async {
            let mut database = Database::new().await;
            for line in PREPARATION.lines() {
                let answer = database.take_line(line.as_bytes()).await;
                assert_eq!(answer.map(|answer| answer.status), Some(200), "{line}");
            }
            let lines = input.split(|&byte| byte == b'\n');
            for line in lines.take(REQUESTS_MAX) {
                database.take_line(line).await;
            }
            database.check().await;
        });
    });
}

struct Database {
    engine: Engine<MemoryStore>,
    clock: Arc<ManualClock>,
    context: Context,
    remembered: HashMap<&'static str, Value>,
}

impl Database {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::new(BEGIN_MS));
        let store_clock = clock.clone();
        let store_clock = store::Clock::new(move || engine::Clock::now_ms(&*store_clock));
        let store = MemoryStore::with_clock(KEY_SPACES.len(), store_clock);
        let engine = Engine::open(store, Box::new(clock.clone()), 1, Settings::default());
        Database {
            engine: engine.await.expect("an empty store opens"),
            clock,
            context: Context::default(),
            remembered: HashMap::new(),
        }
    }

    async fn take_line(&mut self, line: &[u8]) -> Option<Response> {
        if let Some(advance) = line.strip_prefix(b"+") {
            let advance = std::str::from_utf8(advance)
                .ok()
                .and_then(|text| text.parse().ok());
            self.clock.advance_ms(advance.unwrap_or(0).min(ADVANCE_MAX_MS));
            self.settle().await;
            return None;
        }
        let end = line.iter().position(|&byte| byte == b' ')?;
        let operation = json::operation(&line[..end]);
        let body = self.filled_in(&line[end + 1..]);
        let answer = dispatch(&self.engine, &self.context, operation, &body).await;
        json::check_answer(&answer, &body);
        if let Ok(document) = serde_json::from_slice(&answer.body) {
            self.remember(&document);
        }
        Some(answer)
    }

    /// The body with what it names of earlier answers.
    fn filled_in(&self, body: &[u8]) -> Vec<u8> {
        let Ok(text) = std::str::from_utf8(body) else {
            return body.to_vec();
        };
        let mut text = text.to_owned();
        for (name, value) in &self.remembered {
            let placeholder = format!("\"${name}\"");
            if text.contains(&placeholder) {
                text = text.replace(&placeholder, &value.to_string());
            }
        }
        text.into_bytes()
    }

    fn remember(&mut self, answer: &Value) {
        match answer {
            Value::Array(elements) => elements.iter().for_each(|element| self.remember(element)),
            Value::Object(members) => {
                for (name, value) in members {
                    match REMEMBERED.iter().find(|remembered| *remembered == name) {
                        Some(name) => drop(self.remembered.insert(name, value.clone())),
                        None => self.remember(value),
                    }
                }
            }
            _ => {}
        }
    }

    async fn settle(&self) {
        for _ in 0..STEPS_MAX {
            let step = self.engine.background_step().await;
            if let Step::Idle { .. } = step.expect("background work succeeds") {
                return;
            }
        }
        panic!("background work does not end");
    }

    /// The database is in order, before background work and after it.
    async fn check(&self) {
        self.check_once().await;
        self.settle().await;
        self.check_once().await;
    }

    async fn check_once(&self) {
        let report = engine::check(self.engine.store(), |_| {}).await;
        let report = report.expect("the store can be read");
        assert!(report.is_clean(), "the check finds {:#?}", report.problems);
    }
}
