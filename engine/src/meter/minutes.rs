//! What has been counted, minute by minute, as CloudWatch's series: the difference between what the
//! counters say now and what they said when the minute began.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use api::{Error, Operation};
use parking_lot::Mutex;
use store::Store;

use super::TableMeter;
use super::table_meter::{CapacityMeter, Direction, Values};
use crate::Engine;
use crate::metrics::{MINUTE_MS, Metric, Samples, Series};
use histogram::Counts;

/// How often the capacity of a table is told that nobody uses: each time so many minutes are over.
const QUIET_MINUTES: u64 = 5;

/// Capacity is counted in halves of a unit.
const HALF: f64 = 0.5;
/// Latencies are counted in microseconds and told in milliseconds.
const MILLISECONDS_PER_MICROSECOND: f64 = 0.001;

/// What a counter says.
#[derive(Clone, Debug)]
enum Reading {
    /// Values: how many, their sum, and the extremes since the minute began.
    Values {
        count: u64,
        sum: f64,
        extremes: Option<(f64, f64)>,
    },
    /// Latencies in microseconds.
    Latency(Box<Counts>),
    /// Something that happens.
    Events(u64),
    /// Something that has a level, and whether it is used.
    Level(f64),
}

impl Reading {
    fn of_values(values: &Values, unit: f64) -> Self {
        let (count, sum) = values.totals();
        let extremes = values.extremes();
        Reading::Values {
            count,
            sum: sum as f64 * unit,
            extremes: extremes.map(|(least, largest)| (least as f64 * unit, largest as f64 * unit)),
        }
    }

    /// What was seen since the same counter said `earlier`; `None` where it was nothing.
    fn since(&self, earlier: Option<&Reading>) -> Option<Samples> {
        match (self, earlier) {
            (Reading::Values { count, sum, extremes }, earlier) => {
                let (count_before, sum_before) = match earlier {
                    Some(Reading::Values { count, sum, .. }) => (*count, *sum),
                    _ => (0, 0.0),
                };
                let seen = count - count_before;
                // A request that is being counted may be in one of the two.
                let (minimum, maximum) = extremes.filter(|_| seen > 0)?;
                Some(Samples {
                    count: seen as f64,
                    sum: sum - sum_before,
                    minimum,
                    maximum,
                    distribution: Vec::new(),
                })
            }
            (Reading::Latency(counts), earlier) => match earlier {
                Some(Reading::Latency(before)) => latencies(&counts.since(before)),
                _ => latencies(counts),
            },
            (Reading::Events(count), earlier) => {
                let before = match earlier {
                    Some(Reading::Events(before)) => *before,
                    _ => 0,
                };
                (count > &before).then(|| Samples::repeated(1.0, (count - before) as f64))
            }
            (Reading::Level(level), _) => Some(Samples::of(*level)),
        }
    }
}

/// Latencies as samples: each is taken to be in the middle of its bucket.
fn latencies(counts: &Counts) -> Option<Samples> {
    let filled: Vec<(u64, u64, u64)> = counts.filled().collect();
    let ((least, ..), (_, end, _)) = (filled.first()?, filled.last()?);
    let distribution = filled.iter().map(|(start, end, count)| {
        let middle_us = (start + end) as f64 / 2.0;
        (middle_us * MILLISECONDS_PER_MICROSECOND, *count as f64)
    });
    Some(Samples {
        count: counts.count() as f64,
        sum: counts.sum as f64 * MILLISECONDS_PER_MICROSECOND,
        minimum: *least as f64 * MILLISECONDS_PER_MICROSECOND,
        maximum: *end as f64 * MILLISECONDS_PER_MICROSECOND,
        distribution: distribution.collect(),
    })
}

/// What is known of the minute under way.
#[derive(Default)]
pub(crate) struct Minutes(Mutex<Minute>);

#[derive(Default)]
struct Minute {
    /// When it began, in milliseconds since the Unix epoch; zero before the first.
    start_ms: u64,
    /// What the counters said then, by the table's id (zero for what is no table's) and the series.
    before: HashMap<(u32, Series), Reading>,
}

fn start_of_minute(now_ms: u64) -> u64 {
    now_ms - now_ms % MINUTE_MS
}

impl<S: Store> Engine<S> {
    /// What all counters say.
    fn readings(&self) -> Vec<((u32, Series), Reading)> {
        let mut readings = Vec::new();
        let user_errors = self.catalog.meters.user_errors.load(Ordering::Relaxed);
        readings.push(((0, Series::of(Metric::UserErrors)), Reading::Events(user_errors)));
        for (id, meter) in self.catalog.meters.tables() {
            read_table(&meter, |series, reading| readings.push(((id, series), reading)));
        }
        readings
    }

    /// What has been seen in the minute that is not over.
    pub(crate) fn current_minute(&self) -> Vec<(Series, Samples)> {
        let readings = self.readings();
        let minute = self.minutes.0.lock();
        seen(readings, &minute.before, true).0
    }

    /// Keeps what was seen in the minute that is over, where one is, and says when the next will be.
    pub(crate) async fn minute_step(&self) -> Result<u64, Error> {
        let now_ms = self.clock.now_ms();
        let (start_ms, seen) = {
            let readings = self.readings();
            let mut minute = self.minutes.0.lock();
            let start_ms = minute.start_ms;
            // A clock that is set back begins another minute, too.
            if start_ms == start_of_minute(now_ms) {
                return Ok(start_ms + MINUTE_MS);
            }
            minute.start_ms = start_of_minute(now_ms);
            if start_ms == 0 {
                return Ok(minute.start_ms + MINUTE_MS);
            }
            let is_told_anyway = (start_ms / MINUTE_MS).is_multiple_of(QUIET_MINUTES);
            let (seen, before) = seen(readings, &minute.before, is_told_anyway);
            minute.before = before;
            (start_ms, seen)
        };
        for (_, meter) in self.catalog.meters.tables() {
            forget_extremes(&meter);
        }
        self.keep_minute(start_ms, seen).await?;
        Ok(start_of_minute(now_ms) + MINUTE_MS)
    }

    /// Keeps what has been seen in the minute under way: before the engine is closed. What is seen
    /// of it after that is added.
    pub async fn keep_current_minute(&self) -> Result<(), Error> {
        let (start_ms, seen) = {
            let readings = self.readings();
            let mut minute = self.minutes.0.lock();
            let (seen, before) = seen(readings, &minute.before, false);
            minute.before = before;
            (minute.start_ms, seen)
        };
        match start_ms {
            0 => Ok(()),
            start_ms => self.keep_minute(start_ms, seen).await,
        }
    }
}

type Readings = HashMap<(u32, Series), Reading>;

/// What was seen since `before`, and what is to be compared with next. Levels are told of tables that
/// were used, or of all.
fn seen(
    readings: Vec<((u32, Series), Reading)>,
    before: &Readings,
    tells_all_levels: bool,
) -> (Vec<(Series, Samples)>, Readings) {
    let mut seen = Vec::new();
    let mut used = Vec::new();
    for (key, reading) in &readings {
        if matches!(reading, Reading::Level(_)) {
            continue;
        }
        if let Some(samples) = reading.since(before.get(key)) {
            used.push(key.0);
            seen.push((key.1.clone(), samples));
        }
    }
    for (key, reading) in &readings {
        if let Reading::Level(level) = reading
            && *level > 0.0
            && (tells_all_levels || used.contains(&key.0))
        {
            seen.push((key.1.clone(), Samples::of(*level)));
        }
    }
    (seen, readings.into_iter().collect())
}

/// Shows what the counters of a table say, by series.
fn read_table(meter: &TableMeter, mut show: impl FnMut(Series, Reading)) {
    let of_table = |metric| Series::of_table(metric, meter.name.as_str());
    read_capacity(&meter.capacity, &of_table, &mut show);
    for index in meter.indexes() {
        let of_index = |metric| Series {
            index: Some(index.name.clone()),
            ..of_table(metric)
        };
        read_capacity(&index.capacity, &of_index, &mut show);
    }
    for (metric, count) in [
        (Metric::ConditionalCheckFailedRequests, &meter.failed_conditions),
        (Metric::TransactionConflict, &meter.transaction_conflicts),
        (Metric::TimeToLiveDeletedItemCount, &meter.expired_items),
    ] {
        show(of_table(metric), Reading::Events(count.load(Ordering::Relaxed)));
    }
    for (operation, counted) in meter.operations() {
        let of_operation = |metric| Series {
            operation: Some(operation.name().to_owned()),
            ..of_table(metric)
        };
        let latency = Reading::Latency(Box::new(counted.latency_us.counts()));
        show(of_operation(Metric::SuccessfulRequestLatency), latency);
        if returns_items(operation) {
            let returned = Reading::of_values(&counted.returned_items, 1.0);
            show(of_operation(Metric::ReturnedItemCount), returned);
        }
        for (metric, count) in [
            (Metric::ThrottledRequests, &counted.throttled),
            (Metric::SystemErrors, &counted.failed),
        ] {
            show(
                of_operation(metric),
                Reading::Events(count.load(Ordering::Relaxed)),
            );
        }
    }
}

fn returns_items(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::Query | Operation::Scan | Operation::ExecuteStatement
    )
}

fn read_capacity(
    capacity: &CapacityMeter,
    series: &impl Fn(Metric) -> Series,
    show: &mut impl FnMut(Series, Reading),
) {
    for (direction, consumed, throttled, provisioned) in [
        (
            Direction::Read,
            Metric::ConsumedReadCapacityUnits,
            Metric::ReadThrottleEvents,
            Metric::ProvisionedReadCapacityUnits,
        ),
        (
            Direction::Write,
            Metric::ConsumedWriteCapacityUnits,
            Metric::WriteThrottleEvents,
            Metric::ProvisionedWriteCapacityUnits,
        ),
    ] {
        let meter = capacity.of(direction);
        show(series(consumed), Reading::of_values(&meter.consumed, HALF));
        let events = meter.throttled.load(Ordering::Relaxed);
        show(series(throttled), Reading::Events(events));
        let level = meter.units_per_second.load(Ordering::Relaxed);
        show(series(provisioned), Reading::Level(level as f64));
    }
}

fn forget_extremes(meter: &Arc<TableMeter>) {
    let indexes = meter.indexes();
    let capacities = std::iter::once(&meter.capacity).chain(indexes.iter().map(|index| &index.capacity));
    for capacity in capacities {
        capacity.reads.consumed.forget_extremes();
        capacity.writes.consumed.forget_extremes();
    }
    for (_, counted) in meter.operations() {
        counted.returned_items.forget_extremes();
    }
}
