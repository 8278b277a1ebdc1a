//! One request on its way: what it is, which tables it comes to, whether there is capacity for it,
//! and how it ends.

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use api::types::ThrottlingReason;
use api::{Context, Error, ErrorKind, Operation};
use model::MapRef;
use parking_lot::Mutex;
use store::Store;

use super::table_meter::ThroughputMeter;
use super::{Direction, Ending, IndexMeter, Partition, Partitions, TableMeter};
use crate::Engine;
use crate::arn::table_arn;
use crate::capacity::Consumed;
use crate::catalog::{BillingMode, IndexDescriptor, IndexKind, Table};
use crate::insights::Contributors;
use crate::keys::hash_of_partition;
use crate::write::Written;

/// A request.
pub(crate) struct Call<'c> {
    pub context: &'c Context,
    operation: Operation,
    began_us: u64,
    /// The table that it has come to; most come to one.
    table: OnceLock<Arc<TableMeter>>,
    more_tables: Mutex<Vec<Arc<TableMeter>>>,
}

impl<'c> Call<'c> {
    /// A request that begins now.
    pub fn begin<S: Store>(engine: &Engine<S>, context: &'c Context, operation: Operation) -> Self {
        Call {
            context,
            operation,
            began_us: engine.clock.monotonic_us(),
            table: OnceLock::new(),
            more_tables: Mutex::default(),
        }
    }

    /// Notes that the request is about this table, too.
    pub fn comes_to(&self, table: &Table) {
        let first = self.table.get_or_init(|| table.meter.clone());
        if Arc::ptr_eq(first, &table.meter) {
            return;
        }
        let mut more = self.more_tables.lock();
        if !more.iter().any(|known| Arc::ptr_eq(known, &table.meter)) {
            more.push(table.meter.clone());
        }
    }

    fn each_table(&self, mut visit: impl FnMut(&TableMeter)) {
        if let Some(table) = self.table.get() {
            visit(table);
            self.more_tables.lock().iter().for_each(|table| visit(table));
        }
    }

    /// Counts how the request ended.
    pub fn end<S: Store, T>(self, engine: &Engine<S>, result: &Result<T, Error>) {
        let lasted_us = engine.clock.monotonic_us().saturating_sub(self.began_us);
        let ending = match result {
            Ok(_) => Ending::Success,
            Err(error) => Ending::of(error.kind),
        };
        engine
            .catalog
            .meters
            .requests_of(self.operation)
            .count(ending, lasted_us);
        if ending == Ending::Refused {
            if let Err(error) = result {
                self.each_table(|table| count_refusal(table, error.kind));
                if error.kind != ErrorKind::ConditionalCheckFailedException {
                    let user_errors = &engine.catalog.meters.user_errors;
                    user_errors.fetch_add(1, Ordering::Relaxed);
                }
            }
            return;
        }
        self.each_table(|table| {
            let meter = table.operation(self.operation);
            match ending {
                Ending::Success => meter.latency_us.record(lasted_us),
                Ending::Throttled => drop(meter.throttled.fetch_add(1, Ordering::Relaxed)),
                Ending::Failed => drop(meter.failed.fetch_add(1, Ordering::Relaxed)),
                Ending::Refused => {}
            }
        });
    }

    /// Counts why a transaction was cancelled, by the tables of its actions.
    pub fn cancelled(&self, tables: &[Arc<Table>], error: &Error) {
        let reasons = error.cancellation_reasons.iter().flatten();
        for (table, reason) in tables.iter().zip(reasons) {
            match reason.code.as_deref() {
                Some("ConditionalCheckFailed") => {
                    count_refusal(&table.meter, ErrorKind::ConditionalCheckFailedException);
                }
                Some("TransactionConflict") => {
                    count_refusal(&table.meter, ErrorKind::TransactionConflictException);
                }
                _ => {}
            }
        }
    }

    /// Counts items that came back from a table.
    pub fn returned(&self, table: &Table, items: usize) {
        let meter = table.meter.operation(self.operation);
        meter.returned_items.add(items as u64);
    }

    /// Counts what the request consumed of a table and its indexes, and takes it from what there is.
    pub fn charge(&self, table: &Table, direction: Direction, consumed: &Consumed) {
        let mut table_units = consumed.table_units;
        for (name, kind, units) in &consumed.indexes {
            match (kind, table.index_meter(name)) {
                (IndexKind::Global, Some(meter)) => meter.capacity.of(direction).charge(*units),
                _ => table_units += units,
            }
        }
        if table_units > 0.0 {
            table.meter.capacity.of(direction).charge(table_units);
        }
    }

    /// Counts what a request consumed by the key of its item, where that is counted. Requests in PartiQL
    /// are not: the service does not either.
    #[inline]
    pub fn accessed<S: Store>(
        &self,
        engine: &Engine<S>,
        table: &Table,
        key: MapRef<'_>,
        direction: Direction,
        table_units: f64,
    ) {
        if let Some(partitions) = &engine.partitions {
            charge_partition(engine, partitions, table, None, key, direction, table_units);
        }
        if let Some(insights) = &table.insights
            && let Some(contributors) = &insights.table
            && !self.is_statement()
        {
            contributors.accessed(key, direction, table_units, engine.clock.now_ms());
        }
    }

    /// As [`Call::accessed`], of a write and of what it changed in the table's indexes.
    #[inline]
    pub fn written<S: Store>(
        &self,
        engine: &Engine<S>,
        table: &Table,
        key: MapRef<'_>,
        written: &Written,
        consumed: &Consumed,
    ) {
        self.accessed(engine, table, key, Direction::Write, consumed.table_units);
        if let Some(partitions) = &engine.partitions
            && let Some(item) = written.new.as_ref().or(written.old.as_ref())
        {
            let item = item.attributes();
            for (name, _, units) in &consumed.indexes {
                let index = table.descriptor.indexes.iter().find(|index| index.name == *name);
                charge_partition(engine, partitions, table, index, item, Direction::Write, *units);
            }
        }
        if let Some(insights) = &table.insights
            && !self.is_statement()
        {
            let now_ms = engine.clock.now_ms();
            for (name, _, units) in &consumed.indexes {
                // An entry that moves counts for where it is afterwards.
                if let Some(contributors) = insights.index(name)
                    && let Some(item) = written.new.as_ref().or(written.old.as_ref())
                {
                    contributors.accessed(item.attributes(), Direction::Write, *units, now_ms);
                }
            }
        }
    }

    /// As [`Call::accessed`], of a Query, whose partition this is, of a table or of one of its indexes.
    pub fn queried<S: Store>(
        &self,
        engine: &Engine<S>,
        table: &Table,
        index: Option<&IndexDescriptor>,
        partition: MapRef<'_>,
        units: f64,
    ) {
        if let Some(partitions) = &engine.partitions {
            charge_partition(
                engine,
                partitions,
                table,
                index,
                partition,
                Direction::Read,
                units,
            );
        }
        if let Some(contributors) = contributors(table, index)
            && !self.is_statement()
        {
            contributors.accessed(partition, Direction::Read, units, engine.clock.now_ms());
        }
    }

    /// Counts the key of a request that is not admitted, where that is counted.
    pub fn refused_key<S: Store>(
        &self,
        engine: &Engine<S>,
        table: &Table,
        index: Option<&IndexDescriptor>,
        key: Option<MapRef<'_>>,
    ) {
        if let Some(key) = key
            && let Some(contributors) = contributors(table, index)
            && !self.is_statement()
        {
            contributors.throttled(key, engine.clock.now_ms());
        }
    }

    fn is_statement(&self) -> bool {
        matches!(
            self.operation,
            Operation::ExecuteStatement | Operation::BatchExecuteStatement | Operation::ExecuteTransaction
        )
    }

    /// Admits a read of a table or of one of its indexes; `key` has the attributes of the key that is read,
    /// at least those of the partition key, where the request names one.
    pub fn admit_read<S: Store>(
        &self,
        engine: &Engine<S>,
        table: &Table,
        index: Option<&IndexDescriptor>,
        key: Option<MapRef<'_>>,
    ) -> Result<(), Error> {
        if !engine.settings.throttles {
            return Ok(());
        }
        let now_ms = engine.clock.now_ms();
        let global = index.filter(|index| index.kind == IndexKind::Global);
        let closed = match global.and_then(|index| table.index_meter(&index.name)) {
            Some(meter) => Closed::find(Part::Index(meter), Direction::Read, now_ms),
            None => Closed::find(Part::Table(&table.meter), Direction::Read, now_ms),
        };
        match closed {
            None => self.admit_partition(engine, table, index, key, Direction::Read),
            Some(closed) => {
                self.refused_key(engine, table, index, key);
                Err(self.throttled(table, &[closed]))
            }
        }
    }

    /// Admits a write to a table, which may change each of its global indexes.
    pub fn admit_write<S: Store>(
        &self,
        engine: &Engine<S>,
        table: &Table,
        key: MapRef<'_>,
    ) -> Result<(), Error> {
        if !engine.settings.throttles {
            return Ok(());
        }
        let now_ms = engine.clock.now_ms();
        let of_table = Closed::find(Part::Table(&table.meter), Direction::Write, now_ms);
        let of_indexes = table
            .index_meters()
            .filter_map(|meter| Closed::find(Part::Index(meter), Direction::Write, now_ms));
        let closed: Vec<Closed<'_>> = of_table.into_iter().chain(of_indexes).collect();
        if closed.is_empty() {
            return self.admit_partition(engine, table, None, Some(key), Direction::Write);
        }
        // Writes that an index throttles are not counted by key: the service does not either.
        if matches!(closed[0].part, Part::Table(_)) {
            self.refused_key(engine, table, None, Some(key));
        }
        Err(self.throttled(table, &closed))
    }

    /// Admits a request to the partition of its key, where single keys are limited.
    fn admit_partition<S: Store>(
        &self,
        engine: &Engine<S>,
        table: &Table,
        index: Option<&IndexDescriptor>,
        key: Option<MapRef<'_>>,
        direction: Direction,
    ) -> Result<(), Error> {
        let Some(partitions) = &engine.partitions else {
            return Ok(());
        };
        let Some(partition) = key.and_then(|key| partition_of(table, index, key)) else {
            return Ok(());
        };
        if partitions.is_open(partition, direction, engine.clock.now_ms()) {
            return Ok(());
        }
        let global = index.filter(|index| index.kind == IndexKind::Global);
        let meter = match global.and_then(|index| table.index_meter(&index.name)) {
            Some(meter) => &meter.capacity,
            None => &table.meter.capacity,
        };
        meter.of(direction).throttled.fetch_add(1, Ordering::Relaxed);
        self.refused_key(engine, table, index, key);
        Err(self.hot_partition(table, global, direction))
    }

    /// The service's error where one key is asked for more than a partition bears.
    fn hot_partition(&self, table: &Table, index: Option<&IndexDescriptor>, direction: Direction) -> Error {
        let (kind, message) = match table.descriptor.billing_mode {
            BillingMode::Provisioned => (
                ErrorKind::ProvisionedThroughputExceededException,
                "The level of configured provisioned throughput for the table was exceeded. Consider increasing your \
                 provisioning level with the UpdateTable API.",
            ),
            BillingMode::OnDemand => (
                ErrorKind::ThrottlingException,
                "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling \
                 your table or index so please try again shortly. If exceptions persist, check if you have a hot key: \
                 https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html",
            ),
        };
        let direction = match direction {
            Direction::Read => "Read",
            Direction::Write => "Write",
        };
        let arn = table_arn(self.context, table.name());
        let (part, resource) = match index {
            None => ("Table", arn),
            Some(index) => ("Index", format!("{arn}/index/{}", index.name)),
        };
        Error {
            throttling_reasons: Some(vec![ThrottlingReason {
                reason: Some(format!("{part}{direction}KeyRangeThroughputExceeded")),
                resource: Some(resource),
            }]),
            ..Error::new(kind, message)
        }
    }

    /// The service's error where there is no capacity left.
    fn throttled(&self, table: &Table, closed: &[Closed<'_>]) -> Error {
        let is_provisioned = table.descriptor.billing_mode == BillingMode::Provisioned;
        let is_table = closed.iter().any(|closed| matches!(closed.part, Part::Table(_)));
        let (kind, message, limit) = match (is_provisioned, is_table) {
            (true, true) => (
                ErrorKind::ProvisionedThroughputExceededException,
                "The level of configured provisioned throughput for the table was exceeded. Consider increasing your \
                 provisioning level with the UpdateTable API.",
                "ProvisionedThroughputExceeded",
            ),
            (true, false) => (
                ErrorKind::ProvisionedThroughputExceededException,
                "The level of configured provisioned throughput for one or more global secondary indexes of the table \
                 was exceeded. Consider increasing your provisioning level for the under-provisioned global secondary \
                 indexes with the UpdateTable API",
                "ProvisionedThroughputExceeded",
            ),
            (false, _) => (
                ErrorKind::ThrottlingException,
                "Throughput exceeds the maximum OnDemandThroughput configured on table or index",
                "MaxOnDemandThroughputExceeded",
            ),
        };
        let arn = table_arn(self.context, table.name());
        let reasons = closed.iter().map(|closed| {
            let direction = match closed.direction {
                Direction::Read => "Read",
                Direction::Write => "Write",
            };
            let (part, resource) = match closed.part {
                Part::Table(_) => ("Table", arn.clone()),
                Part::Index(meter) => ("Index", format!("{arn}/index/{}", meter.name)),
            };
            ThrottlingReason {
                reason: Some(format!("{part}{direction}{limit}")),
                resource: Some(resource),
            }
        });
        Error {
            throttling_reasons: Some(reasons.collect()),
            ..Error::new(kind, message)
        }
    }
}

/// Who counts the keys of a table, or of one of its indexes; `None` where nobody does. A local index belongs
/// to its table.
fn contributors<'t>(table: &'t Table, index: Option<&IndexDescriptor>) -> Option<&'t Contributors> {
    let insights = table.insights.as_ref()?;
    match index.filter(|index| index.kind == IndexKind::Global) {
        None => insights.table.as_deref(),
        Some(index) => insights.index(&index.name),
    }
}

/// The partition of an item or a key; a local index shares those of its table.
fn partition_of(table: &Table, index: Option<&IndexDescriptor>, key: MapRef<'_>) -> Option<Partition> {
    let (id, schema) = match index.filter(|index| index.kind == IndexKind::Global) {
        None => (table.id(), &table.descriptor.key_schema),
        Some(index) => (index.id, &index.key_schema),
    };
    let hash = hash_of_partition(schema, key)?;
    Some(Partition { id, hash })
}

fn charge_partition<S: Store>(
    engine: &Engine<S>,
    partitions: &Partitions,
    table: &Table,
    index: Option<&IndexDescriptor>,
    key: MapRef<'_>,
    direction: Direction,
    units: f64,
) {
    if let Some(partition) = partition_of(table, index, key) {
        partitions.charge(partition, direction, units, engine.clock.now_ms());
    }
}

/// Counts those errors that a table has a counter for.
fn count_refusal(table: &TableMeter, kind: ErrorKind) {
    let counter = match kind {
        ErrorKind::ConditionalCheckFailedException => &table.failed_conditions,
        ErrorKind::TransactionConflictException => &table.transaction_conflicts,
        _ => return,
    };
    counter.fetch_add(1, Ordering::Relaxed);
}

/// A table or one of its global indexes.
#[derive(Clone, Copy)]
enum Part<'t> {
    Table(&'t TableMeter),
    Index(&'t IndexMeter),
}

/// What has no capacity left.
struct Closed<'t> {
    part: Part<'t>,
    direction: Direction,
}

impl<'t> Closed<'t> {
    /// `None` where there is some left. Counts the event where there is none.
    fn find(part: Part<'t>, direction: Direction, now_ms: u64) -> Option<Self> {
        let capacity = match part {
            Part::Table(meter) => &meter.capacity,
            Part::Index(meter) => &meter.capacity,
        };
        let meter: &ThroughputMeter = capacity.of(direction);
        if meter.is_open(now_ms) {
            return None;
        }
        meter.throttled.fetch_add(1, Ordering::Relaxed);
        Some(Closed { part, direction })
    }
}
