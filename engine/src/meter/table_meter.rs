//! What is counted of a table and of its global indexes, and how much more they may consume.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use api::Operation;
use parking_lot::RwLock;

use super::bucket::{BURST_SECONDS, Bucket};
use crate::catalog::{BillingMode, IndexKind, OnDemandThroughput, ProvisionedCapacity, TableDescriptor};
use crate::insights::KnownInsights;
use histogram::Histogram;

/// How many operations there are.
const OPERATIONS: usize = Operation::COUNT;

/// For how long an on-demand table's maximum keeps what is unused, in seconds.
const ON_DEMAND_BURST_SECONDS: f64 = 1.0;

/// Capacity units are counted in halves, the smallest that anything costs.
const COUNTED_PER_UNIT: f64 = 2.0;

/// Values that come in: how many, their sum, and the least and the largest of the minute.
#[derive(Debug)]
pub(crate) struct Values {
    count: AtomicU64,
    sum: AtomicU64,
    least: AtomicU64,
    largest: AtomicU64,
}

impl Default for Values {
    fn default() -> Self {
        Values {
            count: AtomicU64::new(0),
            sum: AtomicU64::new(0),
            least: AtomicU64::new(u64::MAX),
            largest: AtomicU64::new(0),
        }
    }
}

impl Values {
    pub fn add(&self, value: u64) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
        // As a rule neither is a new extreme, and reading costs less than writing.
        if value < self.least.load(Ordering::Relaxed) {
            self.least.fetch_min(value, Ordering::Relaxed);
        }
        if value > self.largest.load(Ordering::Relaxed) {
            self.largest.fetch_max(value, Ordering::Relaxed);
        }
    }

    /// How many there were, and their sum.
    pub fn totals(&self) -> (u64, u64) {
        (
            self.count.load(Ordering::Relaxed),
            self.sum.load(Ordering::Relaxed),
        )
    }

    /// The least and the largest since they were last forgotten; `None` where there was none.
    pub fn extremes(&self) -> Option<(u64, u64)> {
        let least = self.least.load(Ordering::Relaxed);
        let largest = self.largest.load(Ordering::Relaxed);
        (least <= largest).then_some((least, largest))
    }

    /// Begins anew to look for the least and the largest.
    pub fn forget_extremes(&self) {
        self.least.store(u64::MAX, Ordering::Relaxed);
        self.largest.store(0, Ordering::Relaxed);
    }
}

/// Whether something is read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

/// One direction of a table or of an index.
#[derive(Debug, Default)]
pub(crate) struct ThroughputMeter {
    /// Consumed units, in halves of a unit, by request.
    pub consumed: Values,
    /// How often a request was not admitted here.
    pub throttled: AtomicU64,
    /// Whether there is a bucket, so that most requests need not look.
    is_limited: AtomicBool,
    bucket: RwLock<Option<Bucket>>,
    /// What is provisioned, in units per second; zero where nothing is.
    pub units_per_second: AtomicU64,
}

impl ThroughputMeter {
    /// Counts what a request consumed, and takes it from what there is.
    pub fn charge(&self, units: f64) {
        self.consumed.add((units * COUNTED_PER_UNIT) as u64);
        if self.is_limited.load(Ordering::Relaxed)
            && let Some(bucket) = &*self.bucket.read()
        {
            bucket.charge(units);
        }
    }

    /// Whether a request may begin that will consume something here.
    pub fn is_open(&self, now_ms: u64) -> bool {
        if !self.is_limited.load(Ordering::Relaxed) {
            return true;
        }
        self.bucket
            .read()
            .as_ref()
            .is_none_or(|bucket| bucket.is_open(now_ms))
    }

    /// Sets the rate; `None` is no limit.
    fn limit(&self, units_per_second: Option<i64>, burst_seconds: f64, now_ms: u64) {
        let mut bucket = self.bucket.write();
        match (units_per_second, &*bucket) {
            (None, _) => *bucket = None,
            (Some(units), Some(bucket)) => bucket.set_rate(units as f64, burst_seconds, now_ms),
            (Some(units), None) => *bucket = Some(Bucket::new(units as f64, burst_seconds, now_ms)),
        }
        self.is_limited.store(bucket.is_some(), Ordering::Relaxed);
    }
}

/// Both directions of a table or of an index.
#[derive(Debug, Default)]
pub(crate) struct CapacityMeter {
    pub reads: ThroughputMeter,
    pub writes: ThroughputMeter,
}

impl CapacityMeter {
    pub fn of(&self, direction: Direction) -> &ThroughputMeter {
        match direction {
            Direction::Read => &self.reads,
            Direction::Write => &self.writes,
        }
    }

    fn limit(
        &self,
        billing_mode: BillingMode,
        provisioned: &ProvisionedCapacity,
        on_demand: Option<&OnDemandThroughput>,
        now_ms: u64,
    ) {
        let shown = |units: i64| u64::try_from(units).unwrap_or(0);
        let provisions = [
            (&self.reads, provisioned.read_units),
            (&self.writes, provisioned.write_units),
        ];
        for (meter, units) in provisions {
            meter.units_per_second.store(shown(units), Ordering::Relaxed);
        }
        let (reads, writes, burst_seconds) = match billing_mode {
            BillingMode::Provisioned => (
                Some(provisioned.read_units),
                Some(provisioned.write_units),
                BURST_SECONDS,
            ),
            BillingMode::OnDemand => (
                on_demand.and_then(|maximum| maximum.max_read_units),
                on_demand.and_then(|maximum| maximum.max_write_units),
                ON_DEMAND_BURST_SECONDS,
            ),
        };
        self.reads.limit(reads, burst_seconds, now_ms);
        self.writes.limit(writes, burst_seconds, now_ms);
    }
}

/// What is counted of a global index.
#[derive(Debug)]
pub(crate) struct IndexMeter {
    pub id: u32,
    pub name: String,
    pub capacity: CapacityMeter,
}

/// What is counted of one operation on one table.
#[derive(Debug, Default)]
pub(crate) struct OperationMeter {
    /// How long requests took that succeeded, in microseconds.
    pub latency_us: Histogram,
    /// Items that came back, by request.
    pub returned_items: Values,
    /// Requests that were not admitted.
    pub throttled: AtomicU64,
    /// Requests that failed without being wrong.
    pub failed: AtomicU64,
}

/// What is counted of a table.
#[derive(Debug)]
pub(crate) struct TableMeter {
    pub name: String,
    pub capacity: CapacityMeter,
    /// Writes whose condition did not hold.
    pub failed_conditions: AtomicU64,
    /// Requests that met a transaction.
    pub transaction_conflicts: AtomicU64,
    /// Items that time to live has deleted.
    pub expired_items: AtomicU64,
    /// What is counted by key, through all versions of the table.
    pub insights: KnownInsights,
    indexes: RwLock<Vec<Arc<IndexMeter>>>,
    operations: [OnceLock<Box<OperationMeter>>; OPERATIONS],
}

impl TableMeter {
    pub fn new(name: &str) -> Self {
        TableMeter {
            name: name.to_owned(),
            capacity: CapacityMeter::default(),
            failed_conditions: AtomicU64::new(0),
            transaction_conflicts: AtomicU64::new(0),
            expired_items: AtomicU64::new(0),
            insights: KnownInsights::default(),
            indexes: RwLock::default(),
            operations: [const { OnceLock::new() }; OPERATIONS],
        }
    }

    /// What is counted of an operation.
    pub fn operation(&self, operation: Operation) -> &OperationMeter {
        self.operations[operation as usize].get_or_init(Box::default)
    }

    /// The operations of which something has been counted.
    pub fn operations(&self) -> impl Iterator<Item = (Operation, &OperationMeter)> {
        Operation::all().filter_map(|operation| {
            let meter = self.operations[operation as usize].get()?;
            Some((operation, &**meter))
        })
    }

    /// The meters of the global indexes.
    pub fn indexes(&self) -> Vec<Arc<IndexMeter>> {
        self.indexes.read().clone()
    }

    /// Follows a change of the table: its rates and its indexes. Gives the meter of each index of
    /// the descriptor, `None` for a local one, which consumes its table's capacity.
    pub fn follow(&self, descriptor: &TableDescriptor, now_ms: u64) -> Vec<Option<Arc<IndexMeter>>> {
        let mode = descriptor.billing_mode;
        let on_demand = descriptor.on_demand.as_ref();
        self.capacity
            .limit(mode, &descriptor.provisioned, on_demand, now_ms);
        let mut known = self.indexes.write();
        known.retain(|meter| descriptor.indexes.iter().any(|index| index.id == meter.id));
        let meters = descriptor.indexes.iter().map(|index| {
            if index.kind == IndexKind::Local {
                return None;
            }
            let meter = match known.iter().find(|meter| meter.id == index.id) {
                Some(meter) => meter.clone(),
                None => {
                    let meter = Arc::new(IndexMeter {
                        id: index.id,
                        name: index.name.clone(),
                        capacity: CapacityMeter::default(),
                    });
                    known.push(meter.clone());
                    meter
                }
            };
            let on_demand = index.on_demand.as_ref();
            meter.capacity.limit(mode, &index.provisioned, on_demand, now_ms);
            Some(meter)
        });
        meters.collect()
    }
}
