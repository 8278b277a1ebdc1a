//! The engine: a store, a cache of its catalog, a clock, chance, and the list of background work.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use api::Error;
use parking_lot::Mutex;
use store::Store;
use tokio::sync::watch;

use crate::arn::table_name_of;
use crate::background::{Jobs, Sweeps};
use crate::catalog::{Catalog, Table};
use crate::clock::Clock;
use crate::error::from_store;
use crate::expiry::Expired;
use crate::meter::{Call, Minutes, Partitions};
use crate::ops::resource_not_found;
use crate::write::ItemsInWork;

/// How the engine behaves where the service leaves it open.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long the transitional states CREATING, UPDATING and DELETING last, in milliseconds.
    /// Zero: the answer shows them, and the next description the final state.
    pub transition_ms: u64,
    /// How many shards a new stream has open at once; at least 1.
    pub open_shards: u32,
    /// How long the shards of a stream stay open before others follow them, in milliseconds.
    pub shard_rollover_ms: u64,
    /// How long the sweep of expired items rests between two looks at a table, in milliseconds.
    pub expiry_sweep_period_ms: u64,
    /// For how long the time to live of a table cannot be changed again, in milliseconds.
    pub time_to_live_change_ms: u64,
    /// Whether reads pass over items that have expired and are not swept yet.
    pub hides_expired: bool,
    /// Whether transactions and writes that meet on an item fail as the service lets them fail, where
    /// they would otherwise wait for each other.
    pub has_transaction_conflicts: bool,
    /// Whether requests beyond what is provisioned, or allowed on demand, are refused.
    pub throttles: bool,
    /// Whether single partition keys are limited to what a partition of the service bears, where requests
    /// are refused at all.
    pub limits_partitions: bool,
    /// Whether whoever hosts the engine carries out backups, exports and imports.
    pub has_transfers: bool,
}

const HOUR_MS: u64 = 60 * 60 * 1000;

/// When transitions end that last no time, in milliseconds since the Unix epoch: before any time that
/// a clock tells, so that one that is set back brings none of them back.
pub(crate) const LONG_AGO_MS: u64 = 1;

impl Settings {
    /// When a transition ends that begins at `now_ms`, in milliseconds since the Unix epoch.
    pub(crate) fn transition_until_ms(&self, now_ms: u64) -> u64 {
        match self.transition_ms {
            0 => LONG_AGO_MS,
            transition_ms => now_ms + transition_ms,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            transition_ms: 0,
            open_shards: 1,
            shard_rollover_ms: 4 * HOUR_MS,
            expiry_sweep_period_ms: 1000,
            time_to_live_change_ms: HOUR_MS,
            hides_expired: false,
            has_transaction_conflicts: false,
            throttles: false,
            limits_partitions: false,
            has_transfers: false,
        }
    }
}

/// DynamoDB over a store.
pub struct Engine<S> {
    pub(crate) store: S,
    pub(crate) catalog: Catalog,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: Settings,
    pub(crate) jobs: Jobs,
    pub(crate) sweeps: Sweeps,
    /// Whether a job to forget tokens is listed.
    pub(crate) token_sweep_scheduled: AtomicBool,
    /// The items that are being written, where conflicts are to be seen.
    pub(crate) items_in_work: Option<ItemsInWork>,
    /// What single partition keys have left, where they are limited.
    pub(crate) partitions: Option<Partitions>,
    /// What was counted when the minute began.
    pub(crate) minutes: Minutes,
    /// Raised when there are other backups, exports and imports to carry out.
    pub(crate) transfers_changed: watch::Sender<u64>,
    random: Mutex<fastrand::Rng>,
}

impl<S: Store> Engine<S> {
    /// Opens the database that `store` holds. The store must have been opened with the key spaces
    /// [`crate::KEY_SPACES`]. The same seed and the same requests give the same ids.
    pub async fn open(store: S, clock: Box<dyn Clock>, seed: u64, settings: Settings) -> Result<Self, Error> {
        let clock: Arc<dyn Clock> = clock.into();
        let engine = Engine {
            store,
            catalog: Catalog::new(clock.clone()),
            clock,
            settings,
            jobs: Jobs::default(),
            sweeps: Sweeps::default(),
            token_sweep_scheduled: AtomicBool::new(false),
            items_in_work: settings.has_transaction_conflicts.then(ItemsInWork::default),
            partitions: (settings.throttles && settings.limits_partitions).then(Partitions::default),
            minutes: Minutes::default(),
            transfers_changed: watch::Sender::new(0),
            random: Mutex::new(fastrand::Rng::with_seed(seed)),
        };
        engine.find_work().await?;
        Ok(engine)
    }

    /// The store, for its health and its figures.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// The table that a request for items names, by name or ARN; not while it is being created.
    pub(crate) async fn table_for_items(
        &self,
        call: &Call<'_>,
        name_or_arn: &str,
    ) -> Result<Arc<Table>, Error> {
        let name = table_name_of(name_or_arn);
        let table = self.catalog.table(&self.store, name).await.map_err(from_store)?;
        let table = table
            .filter(|table| table.is_usable(self.clock.now_ms()))
            .ok_or_else(resource_not_found)?;
        call.comes_to(&table);
        Ok(table)
    }

    /// Whether what requests consume is counted by key.
    pub(crate) fn counts_keys(&self, table: &Table) -> bool {
        table.insights.is_some() || self.partitions.is_some()
    }

    /// Which items of a table reads pass over; `None` where they show all.
    pub(crate) fn hidden<'t>(&self, table: &'t Table) -> Option<Expired<'t>> {
        if !self.settings.hides_expired {
            return None;
        }
        Expired::new(table, self.clock.now_ms())
    }

    /// The time by the engine's clock, in milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// A random number.
    pub(crate) fn random_u32(&self) -> u32 {
        self.random.lock().u32(..)
    }

    /// A random UUID, version 4.
    pub(crate) fn new_uuid(&self) -> String {
        let bits = self.random.lock().u128(..);
        // Version and variant stand at fixed places (RFC 9562, section 5.4).
        let bits = bits & !(0xF << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
        let hex = format!("{bits:032x}");
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }

    /// Counts how often a write is planned anew.
    pub(crate) fn write_attempts(&self) -> Attempts {
        Attempts(0)
    }
}

/// How often a write has been planned anew because its table had changed.
pub(crate) struct Attempts(u32);

/// A table that changes this often during one write is no table to write to.
const ATTEMPTS_MAX: u32 = 64;

impl Attempts {
    /// One more; an error where it has been enough.
    pub fn next(&mut self) -> Result<(), Error> {
        self.0 += 1;
        if self.0 < ATTEMPTS_MAX {
            Ok(())
        } else {
            Err(Error::internal())
        }
    }
}
