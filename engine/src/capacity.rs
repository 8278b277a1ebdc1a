//! Capacity units: what reads and writes cost, and how an answer reports it.
//!
//! Source: developer guide, "Read and write operations"; AWS-FACTS 35 to 37.

use api::types::{Capacity, ConsumedCapacity, ReturnConsumedCapacity};
use indexmap::IndexMap;
use model::limits::{READ_UNIT_BYTES, WRITE_UNIT_BYTES};

use crate::catalog::IndexKind;

/// What writing this many bytes costs: at least one unit.
pub(crate) fn write_units(size_bytes: usize) -> f64 {
    size_bytes.div_ceil(WRITE_UNIT_BYTES).max(1) as f64
}

/// What reading this many bytes at once costs: at least one unit, half of it where the read may
/// be eventually consistent.
pub(crate) fn read_units(size_bytes: usize, consistent: bool) -> f64 {
    let units = size_bytes.div_ceil(READ_UNIT_BYTES).max(1) as f64;
    if consistent { units } else { units / 2.0 }
}

/// What a request consumed of a table and its indexes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Consumed {
    /// Units of the table itself.
    pub table_units: f64,
    /// Units by index, in the order in which they were consumed.
    pub indexes: Vec<(String, IndexKind, f64)>,
}

impl Consumed {
    /// Units of the table alone.
    pub fn of_table(units: f64) -> Self {
        Consumed {
            table_units: units,
            indexes: Vec::new(),
        }
    }

    /// Adds units of an index.
    pub fn add_index(&mut self, name: &str, kind: IndexKind, units: f64) {
        match self.indexes.iter_mut().find(|(known, ..)| known == name) {
            Some((.., sum)) => *sum += units,
            None => self.indexes.push((name.to_owned(), kind, units)),
        }
    }

    /// Twice as much: what the same costs in a transaction.
    pub fn doubled(mut self) -> Self {
        self.table_units *= 2.0;
        self.indexes.iter_mut().for_each(|(.., units)| *units *= 2.0);
        self
    }

    /// What the same costs in a transaction of PartiQL statements: only the table's units double.
    pub fn table_doubled(mut self) -> Self {
        self.table_units *= 2.0;
        self
    }

    /// Adds what another request of the same table consumed.
    pub fn add(&mut self, other: &Consumed) {
        self.table_units += other.table_units;
        for (name, kind, units) in &other.indexes {
            self.add_index(name, *kind, *units);
        }
    }

    /// All units together.
    pub fn total_units(&self) -> f64 {
        self.table_units + self.indexes.iter().map(|(.., units)| units).sum::<f64>()
    }

    /// The report that a request asked for; `None` where it asked for none.
    pub fn report(
        &self,
        table_name: &str,
        wanted: Option<ReturnConsumedCapacity>,
    ) -> Option<ConsumedCapacity> {
        let wanted = wanted.unwrap_or(ReturnConsumedCapacity::None);
        if wanted == ReturnConsumedCapacity::None {
            return None;
        }
        let mut report = ConsumedCapacity {
            table_name: Some(table_name.to_owned()),
            capacity_units: Some(self.total_units()),
            ..Default::default()
        };
        if wanted == ReturnConsumedCapacity::Indexes {
            report.table = Some(units(self.table_units));
            report.global_secondary_indexes = self.index_report(IndexKind::Global);
            report.local_secondary_indexes = self.index_report(IndexKind::Local);
        }
        Some(report)
    }

    /// As [`Consumed::report`], for a transaction, which also says that the units are of reads.
    pub fn report_reads(
        &self,
        table_name: &str,
        wanted: Option<ReturnConsumedCapacity>,
    ) -> Option<ConsumedCapacity> {
        let mut report = self.report(table_name, wanted)?;
        report.read_capacity_units = report.capacity_units;
        each_capacity(&mut report, |capacity| {
            capacity.read_capacity_units = capacity.capacity_units
        });
        Some(report)
    }

    /// As [`Consumed::report`], for a transaction, which also says that the units are of writes.
    pub fn report_writes(
        &self,
        table_name: &str,
        wanted: Option<ReturnConsumedCapacity>,
    ) -> Option<ConsumedCapacity> {
        let mut report = self.report(table_name, wanted)?;
        report.write_capacity_units = report.capacity_units;
        each_capacity(&mut report, |capacity| {
            capacity.write_capacity_units = capacity.capacity_units
        });
        Some(report)
    }

    fn index_report(&self, wanted: IndexKind) -> Option<IndexMap<String, Capacity>> {
        let report: IndexMap<String, Capacity> = self
            .indexes
            .iter()
            .filter(|(_, kind, _)| *kind == wanted)
            .map(|(name, _, index_units)| (name.clone(), units(*index_units)))
            .collect();
        (!report.is_empty()).then_some(report)
    }
}

/// Changes the parts of a report that speak of a table or an index alone.
fn each_capacity(report: &mut ConsumedCapacity, change: impl Fn(&mut Capacity)) {
    report.table.iter_mut().for_each(&change);
    report
        .global_secondary_indexes
        .iter_mut()
        .flat_map(IndexMap::values_mut)
        .for_each(&change);
    report
        .local_secondary_indexes
        .iter_mut()
        .flat_map(IndexMap::values_mut)
        .for_each(&change);
}

fn units(capacity_units: f64) -> Capacity {
    Capacity {
        capacity_units: Some(capacity_units),
        ..Default::default()
    }
}
