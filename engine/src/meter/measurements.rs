//! What has been counted, as it is at one moment: for those who show it.

use std::sync::atomic::Ordering;

use api::Operation;
use store::Store;

use super::table_meter::{CapacityMeter, OperationMeter, ThroughputMeter, Values};
use super::{RequestMeter, TableMeter};
use crate::Engine;
use histogram::Counts;

/// All that has been counted since the engine was opened. Everything in it only grows.
#[derive(Clone, Debug, Default)]
pub struct Measurements {
    /// By operation, of those that have been asked for.
    pub operations: Vec<OperationMeasurement>,
    /// By table, of those that have been used.
    pub tables: Vec<TableMeasurement>,
    /// Requests that were wrong, beside those whose condition did not hold.
    pub user_errors: u64,
}

/// What requests for one operation came to.
#[derive(Clone, Debug)]
pub struct OperationMeasurement {
    /// The operation.
    pub operation: Operation,
    /// How long requests took: all of them, or where this is about a table those that succeeded, in
    /// microseconds.
    pub latency_us: Counts,
    /// Items that came back; where this is about a table.
    pub returned_items: ValuesMeasurement,
    /// Requests that were wrong; zero where this is about a table.
    pub refused: u64,
    /// Requests that were so wrong that nothing was done for them, not even measuring their time; zero
    /// where this is about a table.
    pub malformed: u64,
    /// Requests for which there was no capacity.
    pub throttled: u64,
    /// Requests that failed without being wrong.
    pub failed: u64,
}

/// What has been counted of a table.
#[derive(Clone, Debug, Default)]
pub struct TableMeasurement {
    /// Its id; never another table's.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// What was consumed of the table itself.
    pub capacity: CapacityMeasurement,
    /// What was consumed of each global index, by its name.
    pub indexes: Vec<(String, CapacityMeasurement)>,
    /// By operation, of those that have been used.
    pub operations: Vec<OperationMeasurement>,
    /// Writes whose condition did not hold.
    pub failed_conditions: u64,
    /// Requests that met a transaction.
    pub transaction_conflicts: u64,
    /// Items that time to live has deleted.
    pub expired_items: u64,
}

/// What was consumed of a table or an index.
#[derive(Clone, Debug, Default)]
pub struct CapacityMeasurement {
    /// By reads.
    pub reads: ThroughputMeasurement,
    /// By writes.
    pub writes: ThroughputMeasurement,
}

/// What was consumed by reads or by writes.
#[derive(Clone, Debug, Default)]
pub struct ThroughputMeasurement {
    /// Capacity units in halves, by request.
    pub consumed_halves: ValuesMeasurement,
    /// How often a request was not admitted.
    pub throttled: u64,
    /// What is provisioned, in units per second; zero where nothing is.
    pub units_per_second: u64,
}

/// Values that came in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ValuesMeasurement {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
}

impl From<&Values> for ValuesMeasurement {
    fn from(values: &Values) -> Self {
        let (count, sum) = values.totals();
        ValuesMeasurement { count, sum }
    }
}

impl From<&ThroughputMeter> for ThroughputMeasurement {
    fn from(meter: &ThroughputMeter) -> Self {
        ThroughputMeasurement {
            consumed_halves: (&meter.consumed).into(),
            throttled: meter.throttled.load(Ordering::Relaxed),
            units_per_second: meter.units_per_second.load(Ordering::Relaxed),
        }
    }
}

impl From<&CapacityMeter> for CapacityMeasurement {
    fn from(meter: &CapacityMeter) -> Self {
        CapacityMeasurement {
            reads: (&meter.reads).into(),
            writes: (&meter.writes).into(),
        }
    }
}

impl OperationMeasurement {
    fn of_table(operation: Operation, meter: &OperationMeter) -> Self {
        OperationMeasurement {
            operation,
            latency_us: meter.latency_us.counts(),
            returned_items: (&meter.returned_items).into(),
            refused: 0,
            malformed: 0,
            throttled: meter.throttled.load(Ordering::Relaxed),
            failed: meter.failed.load(Ordering::Relaxed),
        }
    }

    fn of_requests(operation: Operation, meter: &RequestMeter) -> Self {
        OperationMeasurement {
            operation,
            latency_us: meter.latency_us.counts(),
            returned_items: ValuesMeasurement::default(),
            refused: meter.refused.load(Ordering::Relaxed),
            malformed: meter.malformed.load(Ordering::Relaxed),
            throttled: meter.throttled.load(Ordering::Relaxed),
            failed: meter.failed.load(Ordering::Relaxed),
        }
    }
}

impl TableMeasurement {
    fn new(id: u32, meter: &TableMeter) -> Self {
        let indexes = meter.indexes();
        TableMeasurement {
            id,
            name: meter.name.clone(),
            capacity: (&meter.capacity).into(),
            indexes: indexes
                .iter()
                .map(|index| (index.name.clone(), (&index.capacity).into()))
                .collect(),
            operations: meter
                .operations()
                .map(|(operation, meter)| OperationMeasurement::of_table(operation, meter))
                .collect(),
            failed_conditions: meter.failed_conditions.load(Ordering::Relaxed),
            transaction_conflicts: meter.transaction_conflicts.load(Ordering::Relaxed),
            expired_items: meter.expired_items.load(Ordering::Relaxed),
        }
    }
}

impl<S: Store> Engine<S> {
    /// What has been counted since the engine was opened.
    pub fn measurements(&self) -> Measurements {
        let operations = Operation::all()
            .map(|operation| {
                OperationMeasurement::of_requests(operation, self.catalog.meters.requests_of(operation))
            })
            .filter(|measured| measured.latency_us.count() + measured.malformed > 0);
        let mut tables: Vec<TableMeasurement> = self
            .catalog
            .meters
            .tables()
            .iter()
            .map(|(id, meter)| TableMeasurement::new(*id, meter))
            .collect();
        tables.sort_by(|left, right| left.name.cmp(&right.name));
        Measurements {
            operations: operations.collect(),
            tables,
            user_errors: self.catalog.meters.user_errors.load(Ordering::Relaxed),
        }
    }
}
