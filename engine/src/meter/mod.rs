//! What requests do, counted once: how many, how long, how much they consume, and what is refused.
//!
//! Counters are atomic and belong to tables ([`TableMeter`]), which the catalog's [`crate::catalog::Table`]
//! points to, so that counting needs no look-up. They only grow; whoever shows them
//! ([`Engine::measurements`]) compares. A request carries a [`Call`], which learns the tables that it
//! comes to, admits it where capacity is limited, and counts how it ended.

mod bucket;
mod call;
mod measurements;
mod minutes;
mod partitions;
mod table_meter;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use api::{ErrorKind, Operation};
use parking_lot::RwLock;

pub(crate) use call::Call;
pub use measurements::{
    CapacityMeasurement, Measurements, OperationMeasurement, TableMeasurement, ThroughputMeasurement,
    ValuesMeasurement,
};
pub(crate) use minutes::Minutes;
pub(crate) use partitions::{Partition, Partitions};
pub(crate) use table_meter::{Direction, IndexMeter, TableMeter};

use crate::catalog::TableDescriptor;
use histogram::Histogram;

/// What is counted of requests by their operation alone.
#[derive(Debug, Default)]
pub(crate) struct RequestMeter {
    /// How long requests took, however they ended, in microseconds.
    pub latency_us: Histogram,
    /// How many ended with an error of the client's.
    pub refused: AtomicU64,
    /// How many were throttled.
    pub throttled: AtomicU64,
    /// How many failed without being wrong.
    pub failed: AtomicU64,
    /// How many were so wrong that they did not become a [`Call`]; they are in none of the others.
    pub malformed: AtomicU64,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Success,
    /// The client's error.
    Refused,
    /// There was no capacity.
    Throttled,
    /// The service's error.
    Failed,
}

impl Ending {
    pub fn of(error: ErrorKind) -> Self {
        match error {
            ErrorKind::ProvisionedThroughputExceededException
            | ErrorKind::ThrottlingException
            | ErrorKind::RequestLimitExceeded => Ending::Throttled,
            error if error.status() >= 500 => Ending::Failed,
            _ => Ending::Refused,
        }
    }
}

/// All that is counted.
pub(crate) struct Meters {
    tables: RwLock<HashMap<u32, Arc<TableMeter>>>,
    requests: [RequestMeter; Operation::COUNT],
    /// Requests that were wrong, beside those whose condition did not hold.
    user_errors: AtomicU64,
}

impl Default for Meters {
    fn default() -> Self {
        Meters {
            tables: RwLock::default(),
            requests: std::array::from_fn(|_| RequestMeter::default()),
            user_errors: AtomicU64::new(0),
        }
    }
}

impl Meters {
    /// What is counted of a table and of each of its indexes, which from now on have the rates of
    /// this descriptor.
    pub fn follow(
        &self,
        descriptor: &TableDescriptor,
        now_ms: u64,
    ) -> (Arc<TableMeter>, Vec<Option<Arc<IndexMeter>>>) {
        let meter = {
            let mut tables = self.tables.write();
            let new = || Arc::new(TableMeter::new(&descriptor.name));
            tables.entry(descriptor.id).or_insert_with(new).clone()
        };
        let indexes = meter.follow(descriptor, now_ms);
        (meter, indexes)
    }

    /// Forgets a table that is no more.
    pub fn forget(&self, table_id: u32) {
        self.tables.write().remove(&table_id);
    }

    /// Counts a request that was wrong before it was looked at.
    pub fn count_malformed(&self, operation: Operation) {
        let malformed = &self.requests_of(operation).malformed;
        malformed.fetch_add(1, Ordering::Relaxed);
        self.user_errors.fetch_add(1, Ordering::Relaxed);
    }

    fn requests_of(&self, operation: Operation) -> &RequestMeter {
        &self.requests[operation as usize]
    }

    /// The tables that are counted, by id.
    fn tables(&self) -> Vec<(u32, Arc<TableMeter>)> {
        let tables = self.tables.read();
        tables.iter().map(|(id, meter)| (*id, meter.clone())).collect()
    }
}

impl RequestMeter {
    fn count(&self, ending: Ending, lasted_us: u64) {
        self.latency_us.record(lasted_us);
        let counter = match ending {
            Ending::Success => return,
            Ending::Refused => &self.refused,
            Ending::Throttled => &self.throttled,
            Ending::Failed => &self.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
