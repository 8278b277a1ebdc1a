//! Every write of an engine breaks once in every way that the fault store has.
//!
//! A request is sent again and again, each time to an engine that has just been opened over what
//! the time before has left, and that breaks one write later; when it has run to its end unbroken
//! the next request follows. Background work is done after each request, and breaks likewise.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use api::{Context as RequestContext, Operation, dispatch};
use engine::{Engine, KEY_SPACES, ManualClock, Settings, Step};
use harness::failure::{Context, Failure, Result};
use harness::interrupt;
use serde_json::{Value, json};
use store::{Clock, Fault, FaultStore, MemoryStore};
use tokio::runtime::{Builder, Runtime};

use crate::disk::ledger::{Ledger, TABLES, check_all};
use crate::disk::reading::{Database, Service, read_all};
use crate::disk::requests::{Request, Requests, tables};

/// When everything begins, in milliseconds since the Unix epoch.
const NOW_MS: u64 = 1_767_225_600_000;
/// So many requests are sent to one database; then another one is begun, since each is read whole
/// after each fault.
const REQUESTS_PER_DATABASE: u64 = 100;
/// How long the shards of a stream stay open.
const SHARD_MS: u64 = 1000;
/// No request takes more writes than this.
const WRITES_MAX: u64 = 200;

/// Runs so many requests.
pub fn run(count: u64, parallel: usize, seed: u64) -> Result<()> {
    let databases = count.div_ceil(REQUESTS_PER_DATABASE);
    let next = AtomicU64::new(0);
    let faults = AtomicU64::new(0);
    let work = || -> Result<()> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= databases {
                return Ok(());
            }
            interrupt::check()?;
            let done = Trial::new(seed.wrapping_add(number))?.run()?;
            faults.fetch_add(done, Ordering::Relaxed);
        }
    };
    let outcomes: Vec<Result<()>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..parallel).map(|_| scope.spawn(work)).collect();
        let panicked = || Err(Failure::new("a worker panicked"));
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|_| panicked()))
            .collect()
    });
    outcomes.into_iter().collect::<Result<()>>()?;
    println!(
        "Engine: {} requests to {databases} databases; each write broken in each of 3 ways, {} faults; nothing was lost.",
        databases * REQUESTS_PER_DATABASE,
        faults.into_inner()
    );
    Ok(())
}

/// An engine in this process.
struct InProcess {
    runtime: Arc<Runtime>,
    engine: Engine<FaultStore<MemoryStore>>,
}

impl InProcess {
    fn open(runtime: &Arc<Runtime>, store: FaultStore<MemoryStore>, now_ms: u64) -> Result<Self> {
        let settings = Settings {
            shard_rollover_ms: SHARD_MS,
            ..Settings::default()
        };
        let opened = Engine::open(store, Box::new(ManualClock::new(now_ms)), 1, settings);
        let engine = runtime
            .block_on(opened)
            .map_err(|error| Failure::new(error.message))?;
        Ok(InProcess {
            runtime: runtime.clone(),
            engine,
        })
    }

    /// Does what is due in the background, until a step fails or nothing is due.
    fn work(&self) -> Result<()> {
        for _ in 0..WRITES_MAX {
            match self.runtime.block_on(self.engine.background_step()) {
                Ok(Step::Worked) => {}
                Ok(Step::Idle { .. }) => return Ok(()),
                Err(error) => return Err(Failure::new(error.message)),
            }
        }
        Err(Failure::new("background work does not come to an end"))
    }
}

impl Database for InProcess {
    fn ask(&self, service: Service, operation: &str, body: &Value) -> Result<Value> {
        let service = match service {
            Service::Tables => api::Service::DynamoDb,
            Service::Streams => api::Service::DynamoDbStreams,
        };
        let operation = Operation::from_name(service, operation)
            .ok_or_else(|| Failure::new(format!("there is no operation {operation}")))?;
        let context = RequestContext::default();
        let body = body.to_string();
        let answered = dispatch(&self.engine, &context, operation, body.as_bytes());
        let answer = self.runtime.block_on(answered);
        match answer.status {
            200 => serde_json::from_slice(&answer.body).context("an answer"),
            status => Err(Failure::new(format!(
                "{status}: {}",
                String::from_utf8_lossy(&answer.body)
            ))),
        }
    }
}

/// One database and its requests.
struct Trial {
    seed: u64,
    runtime: Arc<Runtime>,
    store: Arc<MemoryStore>,
    now_ms: u64,
    ledger: Ledger,
    faults: u64,
}

impl Trial {
    fn new(seed: u64) -> Result<Self> {
        let runtime = Builder::new_current_thread().build().context("a runtime")?;
        Ok(Trial {
            seed,
            runtime: Arc::new(runtime),
            store: Arc::new(MemoryStore::with_clock(KEY_SPACES.len(), Clock::new(|| NOW_MS))),
            now_ms: NOW_MS,
            ledger: Ledger::default(),
            faults: 0,
        })
    }

    /// Gives the number of faults.
    fn run(mut self) -> Result<u64> {
        let seed = self.seed;
        let around = |body: &Value| format!("seed {seed}, {:.200}", body.to_string());
        for table in tables() {
            self.break_each_write("CreateTable", &table, None)
                .context(&around(&table))?;
        }
        let mut requests = Requests::new(self.seed, 0, 0);
        for number in 0..REQUESTS_PER_DATABASE {
            let request = requests.next(u64::MAX);
            if number.is_multiple_of(10) {
                // The shards of the stream are to end and others to follow.
                self.now_ms += SHARD_MS;
            }
            self.break_each_write(request.operation, &request.body, Some(&request))
                .context(&around(&request.body))?;
        }
        for (operation, body) in changes_of_tables() {
            self.break_each_write(operation, &body, None)
                .context(&around(&body))?;
        }
        Ok(self.faults)
    }

    /// Sends a request until it has run unbroken, after each of its writes has broken in each way.
    fn break_each_write(&mut self, operation: &str, body: &Value, request: Option<&Request>) -> Result<()> {
        for fault in [Fault::Lost, Fault::Unacknowledged, Fault::Stop] {
            for at in 1.. {
                if at > WRITES_MAX {
                    return Err(Failure::new("a request takes more and more writes"));
                }
                let store = FaultStore::breaking_at(self.store.clone(), at, fault);
                if !self.attempt(store, operation, body, request)? {
                    break;
                }
                self.faults += 1;
                self.check()
                    .context(&format!("after write {at} of {operation} broke ({fault:?})"))?;
            }
        }
        let unbroken = FaultStore::new(self.store.clone());
        self.attempt(unbroken, operation, body, request)?;
        self.check().context(&format!("after {operation}"))
    }

    /// Sends the request once; tells whether the store broke.
    fn attempt(
        &mut self,
        store: FaultStore<MemoryStore>,
        operation: &str,
        body: &Value,
        request: Option<&Request>,
    ) -> Result<bool> {
        let database = InProcess::open(&self.runtime, store, self.now_ms)?;
        let answer = database.ask(Service::Tables, operation, body);
        let broke_request = database.engine.store().is_broken();
        match &answer {
            // What the request itself asked for was durable before the fault, or it lies.
            Ok(_) => {}
            Err(refusal) if broke_request => check_refusal(&refusal.to_string())?,
            // An earlier attempt was not acknowledged and yet is there.
            Err(refusal) if is_done_already(&refusal.to_string()) => {}
            Err(refusal) => {
                return Err(Failure::new(format!(
                    "{operation} failed without a fault: {refusal}"
                )));
            }
        }
        if let Some(request) = request {
            let mut write = request.write.clone();
            write.acknowledged_at = answer.is_ok().then_some(0);
            self.ledger.writes.push(write);
        }
        let worked = database.work();
        let is_broken = database.engine.store().is_broken();
        match worked {
            Err(failure) if !is_broken => Err(failure),
            _ => Ok(is_broken),
        }
    }

    /// What a restart finds.
    fn check(&self) -> Result<()> {
        let report = engine::check(&*self.store, |_| {});
        let report = self.runtime.block_on(report).context("the check")?;
        if let Some(problem) = report.problems.first() {
            return Err(Failure::new(format!(
                "{problem}, and {} more",
                report.problem_count - 1
            )));
        }
        let reopened = InProcess::open(&self.runtime, FaultStore::new(self.store.clone()), self.now_ms)?;
        // What was begun is ended first, as the shards of a stream.
        reopened.work()?;
        let observed = read_all(&reopened).map_err(|trouble| Failure::new(trouble.to_string()))?;
        check_all(std::slice::from_ref(&self.ledger), &observed, 0)
    }
}

/// Changes of tables that take several writes, in the request and behind it.
fn changes_of_tables() -> [(&'static str, Value); 3] {
    let index = json!({
        "IndexName": "late", "KeySchema": [{"AttributeName": "group", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    });
    [
        (
            "UpdateTable",
            json!({
                "TableName": TABLES[1],
                "AttributeDefinitions": [{"AttributeName": "group", "AttributeType": "S"}],
                "GlobalSecondaryIndexUpdates": [{"Create": index}],
            }),
        ),
        (
            "UpdateTimeToLive",
            json!({
                "TableName": TABLES[1],
                "TimeToLiveSpecification": {"Enabled": true, "AttributeName": "expires"},
            }),
        ),
        (
            "UpdateTable",
            json!({
                "TableName": TABLES[1],
                "GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "late"}}],
            }),
        ),
    ]
}

/// A refusal says why.
fn check_refusal(refusal: &str) -> Result<()> {
    let says_why = refusal.contains("InternalServerError") && refusal.contains("message");
    match says_why {
        true => Ok(()),
        false => Err(Failure::new(format!(
            "a refusal that does not say why: {refusal}"
        ))),
    }
}

/// Whether a request was refused since it has been carried out before.
fn is_done_already(refusal: &str) -> bool {
    ["ResourceInUseException", "already", "ResourceNotFoundException"]
        .iter()
        .any(|part| refusal.contains(part))
}

#[cfg(test)]
mod tests {
    use store::{Batch, Decision, Declared, Direction, Key, KeySpace, RangeRequest, Read, Store};

    use super::*;

    #[test]
    fn nothing_is_lost_when_writes_break() {
        let seed = harness_seed();
        run(100, 1, seed).unwrap_or_else(|failure| panic!("{failure}; STATOR_SEED={seed} repeats it"));
    }

    fn harness_seed() -> u64 {
        let given = std::env::var("STATOR_SEED")
            .ok()
            .and_then(|seed| seed.parse().ok());
        given.unwrap_or_else(|| fastrand::u64(..1 << 32))
    }

    /// Every key that is taken out of a store is missed.
    #[test]
    fn a_lost_key_is_noticed() {
        let mut trial = Trial::new(7).expect("a trial");
        let mut requests = Requests::new(7, 0, 0);
        let unbroken = |trial: &Trial| FaultStore::new(trial.store.clone());
        for table in tables() {
            trial
                .attempt(unbroken(&trial), "CreateTable", &table, None)
                .expect("made");
        }
        for _ in 0..60 {
            let request = requests.next(1000);
            trial
                .attempt(unbroken(&trial), request.operation, &request.body, Some(&request))
                .expect("done");
        }
        trial.check().expect("it is whole");
        let mut noticed = 0;
        for space in ["catalog", "items", "indexes", "log"] {
            let found = KEY_SPACES.iter().position(|name| name.contains(space));
            let space = KeySpace(found.unwrap_or_else(|| panic!("{KEY_SPACES:?}")) as u8);
            let range = RangeRequest {
                space,
                start: &[],
                end: &[0xff; 40],
                direction: Direction::Forward,
                rows_max: 1000,
                bytes_max: 1 << 24,
            };
            let page = trial.runtime.block_on(trial.store.range(range)).expect("a page");
            for row in (0..page.len()).step_by(page.len() / 8 + 1) {
                let key = Key::new(space, page.key(row));
                let set = |value: Option<Vec<u8>>| {
                    let key = key.clone();
                    let change = trial.store.commit(Declared::default(), move |_| {
                        let mut batch = Batch::new();
                        match &value {
                            Some(value) => batch.put(key.clone(), value.clone()),
                            None => batch.delete(key.clone()),
                        }
                        Decision::<(), ()>::Commit(batch, ())
                    });
                    trial.runtime.block_on(change).expect("committed");
                };
                set(None);
                assert!(trial.check().is_err(), "{key:?} was taken out");
                set(Some(page.value_bytes(row).to_vec()));
                noticed += 1;
            }
        }
        assert!(noticed > 12);
        trial.check().expect("it is whole again");
    }
}
