//! A session: one engine, the naive tables beside it, and one random operation after the other on
//! both, whose answers must agree.

mod agree;
mod batches;
mod consumers;
mod control;
mod items;
mod places;
mod slices;
mod streams;
mod time_to_live;
mod transactions;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use api::Context;
use engine::{Clock, Engine, ManualClock, Settings};
use fastrand::Rng;
use store::Store;

use crate::mix::Mix;
use crate::random::{chance, pick};
use crate::stream::{Moment, SharedStream};
use crate::table::Table;
use consumers::Consumer;
use transactions::Remembered;

/// Where a store lives: it can be closed and opened again.
pub trait Home {
    type Store: Store;

    /// Opens the store, whose last opening is over.
    fn open(&mut self) -> Self::Store;

    /// The clock that its log records are stamped by.
    fn clock(&self) -> Arc<ManualClock>;
}

/// How many of the last operations are printed where a session fails.
const LOGGED_MAX: usize = 12;
/// How much is printed of each.
const LOGGED_CHARACTERS_MAX: usize = 4000;

/// Whether a session has failed: the others stop, so that what it prints is not lost among theirs.
static FAILED: AtomicBool = AtomicBool::new(false);

/// An engine and the naive tables.
pub struct Session<H: Home> {
    home: H,
    engine: Option<Engine<H::Store>>,
    clock: Arc<ManualClock>,
    context: Context,
    rng: Rng,
    seed: u64,
    transition_ms: u64,
    settings: Settings,
    /// How much time passes with each operation, on average; nothing where time passes in jumps.
    pace_ms: Option<u64>,
    tables: BTreeMap<String, Table>,
    indexes_made: u64,
    /// Transactions that can be sent again under their tokens.
    tokens: VecDeque<Remembered>,
    /// The streams that are not forgotten, also those of tables that are gone.
    streams: Vec<SharedStream>,
    consumers: Vec<Consumer>,
    /// How many requests have written something, at most.
    requests: u64,
    /// When nothing was left for background work to do.
    idle_at_ms: Option<u64>,
    /// Whether background work was left in the middle, where a rollover may be.
    is_in_work: bool,
    log: VecDeque<String>,
    pub mix: Mix,
}

/// What a random operation is, and its weight.
#[derive(Clone, Copy)]
enum Kind {
    Put,
    Update,
    Delete,
    Get,
    Query,
    Scan,
    BatchGet,
    BatchWrite,
    TransactWrite,
    TransactGet,
    Fill,
    Describe,
    ListTables,
    Tags,
    Limits,
    SetStream,
    ListStreams,
    ReadStream,
    ReadPlace,
    Consume,
    SetTimeToLive,
    DescribeTimeToLive,
    Touch,
    CreateTable,
    DeleteTable,
    CreateIndex,
    DropIndex,
    Background,
    Advance,
    Reopen,
    Check,
}

const KINDS: [(Kind, u32); 31] = [
    (Kind::Put, 1700),
    (Kind::Update, 2300),
    (Kind::Delete, 600),
    (Kind::Get, 900),
    (Kind::Query, 2000),
    (Kind::Scan, 350),
    (Kind::BatchGet, 300),
    (Kind::BatchWrite, 300),
    (Kind::TransactWrite, 500),
    (Kind::TransactGet, 150),
    (Kind::Fill, 60),
    (Kind::Describe, 250),
    (Kind::ListTables, 60),
    (Kind::Tags, 140),
    (Kind::Limits, 60),
    (Kind::SetStream, 100),
    (Kind::ListStreams, 60),
    (Kind::ReadStream, 120),
    (Kind::ReadPlace, 200),
    (Kind::Consume, 700),
    (Kind::SetTimeToLive, 150),
    (Kind::DescribeTimeToLive, 40),
    (Kind::Touch, 200),
    (Kind::CreateTable, 90),
    (Kind::DeleteTable, 50),
    (Kind::CreateIndex, 90),
    (Kind::DropIndex, 80),
    (Kind::Background, 500),
    (Kind::Advance, 150),
    (Kind::Reopen, 40),
    (Kind::Check, 40),
];

/// How many tables there are at most.
const TABLES_MAX: usize = 6;

impl<H: Home> Session<H> {
    /// A session over an empty store. The same seed gives the same session.
    pub async fn new(home: H, seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let transition_ms = if chance(&mut rng, 30) { 50 } else { 0 };
        let settings = Settings {
            transition_ms,
            open_shards: *pick(&mut rng, &[1, 1, 2, 3]),
            expiry_sweep_period_ms: *pick(&mut rng, &[200, 3000]),
            time_to_live_change_ms: *pick(&mut rng, &[0, 0, 1000, 60 * 60 * 1000]),
            shard_rollover_ms: *pick(&mut rng, &[50, 500, 10 * 60 * 1000, 4 * 60 * 60 * 1000]),
            ..Settings::default()
        };
        Self::with_settings(home, seed, rng, settings, None).await
    }

    /// A session in which time passes steadily, so much with each operation on average, and that has
    /// the settings that a server has by default.
    pub async fn steady(home: H, seed: u64, pace_ms: u64) -> Self {
        let rng = Rng::with_seed(seed);
        Self::with_settings(home, seed, rng, Settings::default(), Some(pace_ms)).await
    }

    async fn with_settings(
        mut home: H,
        seed: u64,
        rng: Rng,
        settings: Settings,
        pace_ms: Option<u64>,
    ) -> Self {
        let clock = home.clock();
        let store = home.open();
        let mut session = Session {
            home,
            engine: None,
            clock,
            context: Context::default(),
            rng,
            seed,
            transition_ms: settings.transition_ms,
            settings,
            pace_ms,
            tables: BTreeMap::new(),
            indexes_made: 0,
            tokens: VecDeque::new(),
            streams: Vec::new(),
            consumers: Vec::new(),
            requests: 0,
            idle_at_ms: None,
            is_in_work: false,
            log: VecDeque::new(),
            mix: Mix::default(),
        };
        session.engine = Some(session.open_engine(store).await);
        session
    }

    async fn open_engine(&mut self, store: H::Store) -> Engine<H::Store> {
        let clock = Box::new(self.clock.clone());
        Engine::open(store, clock, self.rng.u64(..), self.settings)
            .await
            .expect("the store opens")
    }

    fn engine(&self) -> &Engine<H::Store> {
        self.engine.as_ref().expect("is open between operations")
    }

    fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// When what is written now is written.
    fn moment(&self) -> Moment {
        Moment {
            time_ms: self.now_ms(),
            request: self.requests,
        }
    }

    /// Lets time pass.
    fn pass(&mut self, by_ms: u64) {
        self.clock.advance_ms(by_ms);
        let now_ms = self.now_ms();
        for table in self.tables.values_mut() {
            table.now_ms = now_ms;
        }
    }

    /// Whether all background work is done that is due now.
    fn is_settled(&self) -> bool {
        self.idle_at_ms == Some(self.now_ms())
    }

    /// Notes an operation, to be printed where the session fails.
    fn log(&mut self, operation: String) {
        if self.log.len() == LOGGED_MAX {
            self.log.pop_front();
        }
        self.log.push_back(operation);
    }

    /// Runs so many random operations, and checks the store at the end.
    pub async fn run(&mut self, steps: u64) {
        for _ in 0..3 {
            self.create_table().await;
        }
        for _ in 0..steps {
            if FAILED.load(Ordering::Relaxed) {
                return;
            }
            self.step().await;
        }
        self.check().await;
        self.check_all_tables().await;
        self.read_all_streams().await;
    }

    async fn step(&mut self) {
        self.mix.steps += 1;
        self.requests += 1;
        if let Some(pace_ms) = self.pace_ms {
            let by_ms = self.rng.u64(0..=2 * pace_ms);
            self.pass(by_ms);
        }
        if self.transition_ms > 0 && chance(&mut self.rng, 5) {
            self.advance().await;
        }
        let total: u32 = KINDS.iter().map(|(_, weight)| weight).sum();
        let mut drawn = self.rng.u32(..total);
        let (kind, _) = KINDS
            .into_iter()
            .find(|(_, weight)| {
                let is_it = drawn < *weight;
                drawn = drawn.wrapping_sub(*weight);
                is_it
            })
            .expect("the weights sum up to the total");
        match kind {
            Kind::Put => self.put_item().await,
            Kind::Update => self.update_item().await,
            Kind::Delete => self.delete_item().await,
            Kind::Get => self.get_item().await,
            Kind::Query => self.query().await,
            Kind::Scan => self.scan().await,
            Kind::BatchGet => self.batch_get_item().await,
            Kind::BatchWrite => self.batch_write_item().await,
            Kind::TransactWrite => self.transact_write_items().await,
            Kind::TransactGet => self.transact_get_items().await,
            Kind::Fill => self.fill_table().await,
            Kind::Describe => self.describe_table().await,
            Kind::ListTables => self.list_tables().await,
            Kind::Tags => self.tags().await,
            Kind::Limits => self.limits().await,
            Kind::SetStream => self.set_stream().await,
            Kind::ListStreams => self.list_streams().await,
            Kind::ReadStream => self.read_any_stream().await,
            Kind::ReadPlace => self.read_place().await,
            Kind::Consume => self.consume().await,
            Kind::SetTimeToLive => self.set_time_to_live().await,
            Kind::DescribeTimeToLive => self.describe_time_to_live().await,
            Kind::Touch => self.touch().await,
            Kind::CreateTable => self.create_table().await,
            Kind::DeleteTable => self.delete_table().await,
            Kind::CreateIndex => self.create_index().await,
            Kind::DropIndex => self.drop_index().await,
            Kind::Background => self.background().await,
            Kind::Advance => self.advance().await,
            Kind::Reopen => self.reopen().await,
            Kind::Check => self.check().await,
        }
    }

    /// A table that is there, by name.
    fn any_table(&mut self) -> Option<String> {
        let place = self.rng.usize(..self.tables.len().max(1));
        self.tables.keys().nth(place).cloned()
    }

    /// A table's name, or now and then one that no table has.
    fn table_name(&mut self) -> String {
        let missing = chance(&mut self.rng, 1);
        self.any_table()
            .filter(|_| !missing)
            .unwrap_or_else(|| "missing".to_owned())
    }

    /// How a request names a table: by its name, or by an ARN, which counts by its end alone.
    fn named(&mut self, name: &str) -> String {
        if chance(&mut self.rng, 5) {
            format!("arn:aws:dynamodb:eu-west-2:123456789012:table/{name}")
        } else {
            name.to_owned()
        }
    }

    /// The table of that name, if its items can be reached.
    fn usable(&self, name: &str) -> Option<&Table> {
        self.tables
            .get(name)
            .filter(|table| table.is_usable(self.now_ms()))
    }
}

impl<H: Home> Drop for Session<H> {
    fn drop(&mut self) {
        if !std::thread::panicking() || FAILED.swap(true, Ordering::Relaxed) {
            return;
        }
        for operation in &self.log {
            let shown: String = operation.chars().take(LOGGED_CHARACTERS_MAX).collect();
            eprintln!("{shown}\n");
        }
        eprintln!(
            "the last of {} operations stands above; STATOR_SEED={} repeats them",
            self.mix.steps, self.seed
        );
    }
}
