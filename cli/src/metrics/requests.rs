//! What is shown of requests: by operation, and by table.

use std::fmt;

use engine::{
    CapacityMeasurement, Measurements, OperationMeasurement, TableMeasurement, ThroughputMeasurement,
};

use super::TABLES_MAX;
use super::families::{Families, Unit};

/// A name, its explanation, and the figure that is shown under it.
type Shown<M, F> = (&'static str, &'static str, fn(&M) -> F);

/// Capacity is counted in halves of a unit.
const HALF: f64 = 0.5;

pub fn show(measurements: &Measurements, families: &mut Families<'_, '_>) -> fmt::Result {
    by_operation(measurements, families)?;
    // The oldest tables, so that the same ones are shown each time.
    let mut tables: Vec<&TableMeasurement> = measurements.tables.iter().collect();
    tables.sort_by_key(|table| table.id);
    let omitted = tables.len().saturating_sub(TABLES_MAX);
    tables.truncate(TABLES_MAX);
    families.gauge(
        "tables_omitted",
        "Tables that have no samples here, since there are too many",
        omitted as u64,
    )?;
    by_table_and_operation(&tables, families)?;
    capacity(&tables, families)?;
    by_table(&tables, families)
}

fn by_operation(measurements: &Measurements, families: &mut Families<'_, '_>) -> fmt::Result {
    let operations = &measurements.operations;
    families.histograms(
        "request_duration_seconds",
        "From a request's being decoded to its answer, however it ended",
        Unit::Time,
        |show| {
            operations.iter().try_for_each(|measured| {
                show(&[("operation", measured.operation.name())], &measured.latency_us)
            })
        },
    )?;
    families.counters("requests", "Requests by how they ended", |show| {
        for measured in operations {
            let failed = measured.refused + measured.throttled + measured.failed;
            // The counters are read one after the other, while requests end.
            let succeeded = measured.latency_us.count().saturating_sub(failed);
            for (result, count) in [
                ("success", succeeded),
                ("user_error", measured.refused + measured.malformed),
                ("throttled", measured.throttled),
                ("system_error", measured.failed),
            ] {
                let labels = [("operation", measured.operation.name()), ("result", result)];
                show(&labels, count as f64)?;
            }
        }
        Ok(())
    })?;
    families.counter(
        "user_errors",
        "Requests that were wrong, beside those whose condition did not hold: UserErrors",
        measurements.user_errors,
    )
}

fn by_table_and_operation(tables: &[&TableMeasurement], families: &mut Families<'_, '_>) -> fmt::Result {
    families.histograms(
        "table_request_duration_seconds",
        "How long requests took that succeeded: SuccessfulRequestLatency",
        Unit::Time,
        |show| {
            each_operation(tables, |table, measured| {
                show(&labels(table, measured), &measured.latency_us)
            })
        },
    )?;
    let figures: [Shown<OperationMeasurement, u64>; 3] = [
        (
            "table_throttled_requests",
            "Requests that were not admitted: ThrottledRequests",
            |measured| measured.throttled,
        ),
        (
            "table_system_errors",
            "Requests that failed without being wrong: SystemErrors",
            |measured| measured.failed,
        ),
        (
            "table_returned_items",
            "Items that came back: ReturnedItemCount",
            |measured| measured.returned_items.sum,
        ),
    ];
    for (name, help, figure) in figures {
        families.counters(name, help, |show| {
            each_operation(tables, |table, measured| {
                show(&labels(table, measured), figure(measured) as f64)
            })
        })?;
    }
    Ok(())
}

fn labels<'t>(table: &'t TableMeasurement, measured: &OperationMeasurement) -> [(&'static str, &'t str); 2] {
    [("table", &table.name), ("operation", measured.operation.name())]
}

fn each_operation<'t>(
    tables: &[&'t TableMeasurement],
    mut visit: impl FnMut(&'t TableMeasurement, &'t OperationMeasurement) -> fmt::Result,
) -> fmt::Result {
    for table in tables {
        table
            .operations
            .iter()
            .try_for_each(|measured| visit(table, measured))?;
    }
    Ok(())
}

fn capacity(tables: &[&TableMeasurement], families: &mut Families<'_, '_>) -> fmt::Result {
    let figures: [Shown<ThroughputMeasurement, f64>; 2] = [
        (
            "consumed_capacity_units",
            "Capacity units that were consumed: ConsumedReadCapacityUnits and ConsumedWriteCapacityUnits",
            |measured| measured.consumed_halves.sum as f64 * HALF,
        ),
        (
            "throttle_events",
            "How often there was no capacity: ReadThrottleEvents and WriteThrottleEvents",
            |measured| measured.throttled as f64,
        ),
    ];
    for (name, help, figure) in figures {
        families.counters(name, help, |show| {
            each_direction(tables, |labels, measured| show(&labels, figure(measured)))
        })?;
    }
    families.gauges(
        "provisioned_capacity_units",
        "Capacity units per second that are provisioned; 0 on demand",
        |show| {
            each_direction(tables, |labels, measured| {
                show(&labels, measured.units_per_second as f64)
            })
        },
    )
}

/// Each table and each of its global indexes, by reads and by writes. What is of the table itself has an
/// empty index.
fn each_direction<'t>(
    tables: &[&'t TableMeasurement],
    mut visit: impl FnMut([(&'static str, &'t str); 3], &'t ThroughputMeasurement) -> fmt::Result,
) -> fmt::Result {
    let mut both = |table: &'t str, index: &'t str, capacity: &'t CapacityMeasurement| -> fmt::Result {
        for (direction, measured) in [("read", &capacity.reads), ("write", &capacity.writes)] {
            visit(
                [("table", table), ("index", index), ("direction", direction)],
                measured,
            )?;
        }
        Ok(())
    };
    for table in tables {
        both(&table.name, "", &table.capacity)?;
        for (index, capacity) in &table.indexes {
            both(&table.name, index, capacity)?;
        }
    }
    Ok(())
}

fn by_table(tables: &[&TableMeasurement], families: &mut Families<'_, '_>) -> fmt::Result {
    let figures: [Shown<TableMeasurement, u64>; 3] = [
        (
            "conditional_check_failures",
            "Writes whose condition did not hold: ConditionalCheckFailedRequests",
            |table| table.failed_conditions,
        ),
        (
            "transaction_conflicts",
            "Requests that met a transaction: TransactionConflict",
            |table| table.transaction_conflicts,
        ),
        (
            "time_to_live_deletions",
            "Items that have expired and were deleted: TimeToLiveDeletedItemCount",
            |table| table.expired_items,
        ),
    ];
    for (name, help, figure) in figures {
        families.counters(name, help, |show| {
            tables
                .iter()
                .try_for_each(|table| show(&[("table", &table.name)], figure(table) as f64))
        })?;
    }
    Ok(())
}
