//! What two readings come to: rates, percentiles, and what is as it is.

use std::collections::BTreeMap;
use std::time::Duration;

use super::page::Sample;
use super::reading::{HotKey, Reading};

/// All that is shown.
#[derive(Clone, Debug, Default)]
pub struct View {
    pub endpoint: String,
    pub version: String,
    pub connections: f64,
    pub in_flight: f64,
    /// Requests per second, whatever they are about.
    pub requests: f64,
    /// Requests per second that were wrong.
    pub user_errors: f64,
    /// Tables that the server does not show.
    pub tables_omitted: f64,
    pub tables: Vec<TableRow>,
    pub hot_keys: Vec<HotKey>,
    /// What the store is doing, in words; empty for a store in memory.
    pub store: Vec<(&'static str, String)>,
    /// Why there is nothing newer.
    pub trouble: Option<String>,
}

/// One table, by second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableRow {
    pub name: String,
    pub requests: f64,
    /// Latencies of those that succeeded, in seconds: none is above it of half of them, and of 99 of 100.
    pub p50: Option<f64>,
    pub p99: Option<f64>,
    pub read_units: f64,
    pub write_units: f64,
    pub throttles: f64,
    pub errors: f64,
}

/// By what the tables are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    Name,
    #[default]
    Requests,
    Latency,
    Consumed,
    Throttles,
}

impl Order {
    /// All of them, each with the key to press for it and the name of what it orders by.
    pub const ALL: [(Order, char, &'static str); 5] = [
        (Order::Name, 'n', "name"),
        (Order::Requests, 'r', "requests"),
        (Order::Latency, 'l', "latency"),
        (Order::Consumed, 'c', "consumed"),
        (Order::Throttles, 't', "throttles"),
    ];

    /// The order that a key stands for.
    pub fn of_key(key: char) -> Option<Order> {
        let found = Order::ALL.into_iter().find(|(_, letter, _)| *letter == key);
        found.map(|(order, ..)| order)
    }

    fn figure(self, row: &TableRow) -> f64 {
        match self {
            Order::Name => 0.0,
            Order::Requests => row.requests,
            Order::Latency => row.p99.unwrap_or(0.0),
            Order::Consumed => row.read_units + row.write_units,
            Order::Throttles => row.throttles,
        }
    }
}

impl View {
    /// What has happened in the time between two readings.
    pub fn between(endpoint: &str, before: &Reading, now: &Reading, apart: Duration) -> View {
        let rates = Rates {
            before,
            now,
            seconds: apart.as_secs_f64(),
        };
        let build = now.named("stator_build_info").next();
        View {
            endpoint: endpoint.to_owned(),
            version: build
                .map(|build| build.label("version").to_owned())
                .unwrap_or_default(),
            connections: now.total("stator_connections"),
            in_flight: now.total("stator_requests_in_flight"),
            requests: rates.all("stator_requests_total"),
            user_errors: rates.all("stator_user_errors_total"),
            tables_omitted: now.total("stator_tables_omitted"),
            tables: tables(&rates),
            hot_keys: now.hot_keys.clone(),
            store: store(&rates),
            trouble: None,
        }
    }

    /// The tables in an order; those that are alike in it by their names.
    pub fn ordered(&self, order: Order) -> Vec<&TableRow> {
        let mut tables: Vec<&TableRow> = self.tables.iter().collect();
        tables.sort_by(|left, right| {
            let by_figure = order.figure(right).total_cmp(&order.figure(left));
            by_figure.then_with(|| left.name.cmp(&right.name))
        });
        tables
    }
}

/// Two readings to compare.
struct Rates<'r> {
    before: &'r Reading,
    now: &'r Reading,
    seconds: f64,
}

impl Rates<'_> {
    /// A server that has begun anew counts from zero again.
    fn rate(&self, before: f64, now: f64) -> f64 {
        match self.seconds > 0.0 && now >= before {
            true => (now - before) / self.seconds,
            false => 0.0,
        }
    }

    fn all(&self, name: &str) -> f64 {
        self.rate(self.before.total(name), self.now.total(name))
    }

    fn of_table(&self, name: &str, table: &str, is_wanted: impl Fn(&Sample) -> bool) -> f64 {
        let sum = |reading: &Reading| {
            let samples = reading.named(name);
            let wanted = samples.filter(|sample| sample.label("table") == table && is_wanted(sample));
            wanted.map(|sample| sample.value).sum::<f64>()
        };
        self.rate(sum(self.before), sum(self.now))
    }

    /// By the ends of the buckets of a histogram: how many values there are up to each that came between the
    /// readings.
    fn buckets(&self, name: &str, is_wanted: impl Fn(&Sample) -> bool) -> Vec<(f64, f64)> {
        let sums = |reading: &Reading| {
            let mut sums: BTreeMap<String, f64> = BTreeMap::new();
            for sample in reading.named(name).filter(|sample| is_wanted(sample)) {
                *sums.entry(sample.label("le").to_owned()).or_default() += sample.value;
            }
            sums
        };
        let before = sums(self.before);
        let mut buckets: Vec<(f64, f64)> = sums(self.now)
            .into_iter()
            .filter_map(|(end, count)| {
                let earlier = before.get(&end).copied().unwrap_or_default();
                Some((end.parse().ok()?, (count - earlier).max(0.0)))
            })
            .collect();
        buckets.sort_by(|left, right| left.0.total_cmp(&right.0));
        buckets
    }
}

/// The end of the bucket that a part of all values is up to; `None` where there are none.
fn percentile(buckets: &[(f64, f64)], part: f64) -> Option<f64> {
    let (_, count) = *buckets.last().filter(|(_, count)| *count > 0.0)?;
    let (end, _) = buckets.iter().find(|(_, up_to)| *up_to >= part * count)?;
    Some(*end)
}

fn tables(rates: &Rates<'_>) -> Vec<TableRow> {
    let names = rates.now.by_table("stator_conditional_check_failures_total");
    names
        .into_keys()
        .map(|name| {
            let latencies = rates.buckets("stator_table_request_duration_seconds_bucket", |sample| {
                sample.label("table") == name
            });
            let consumed = |direction: &str| {
                rates.of_table("stator_consumed_capacity_units_total", name, |sample| {
                    sample.label("direction") == direction
                })
            };
            let any = |metric: &str| rates.of_table(metric, name, |_| true);
            let (throttles, errors) = (
                any("stator_table_throttled_requests_total"),
                any("stator_table_system_errors_total"),
            );
            TableRow {
                name: name.to_owned(),
                requests: any("stator_table_request_duration_seconds_count") + throttles + errors,
                p50: percentile(&latencies, 0.5),
                p99: percentile(&latencies, 0.99),
                read_units: consumed("read"),
                write_units: consumed("write"),
                throttles,
                errors,
            }
        })
        .collect()
}

fn store(rates: &Rates<'_>) -> Vec<(&'static str, String)> {
    let now = rates.now;
    if now.named("stator_store_free_bytes").next().is_none() {
        return Vec::new();
    }
    let syncs = rates.buckets("stator_store_sync_duration_seconds_bucket", |_| true);
    let groups = rates.all("stator_store_group_commits_count");
    let commits = rates.all("stator_store_group_commits_sum");
    let hits = |cache: &str| {
        let of = |name: &str| {
            let value = |reading: &Reading| {
                let mut samples = reading.named(name);
                samples
                    .find(|sample| sample.label("cache") == cache)
                    .map_or(0.0, |sample| sample.value)
            };
            value(now) - value(rates.before)
        };
        let (hits, misses) = (
            of("stator_store_cache_hits_total"),
            of("stator_store_cache_misses_total"),
        );
        match hits + misses > 0.0 {
            true => format!("{:.0} %", 100.0 * hits / (hits + misses)),
            false => "-".to_owned(),
        }
    };
    let levels: Vec<String> = now
        .named("stator_store_level_files")
        .map(|sample| format!("{:.0}", sample.value))
        .collect();
    let state = match (
        now.total("stator_store_writes_refused") > 0.0,
        now.total("stator_store_stalled") > 0.0,
    ) {
        (true, _) => "writes are refused until a restart",
        (false, true) => "writes wait for compactions",
        (false, false) => "takes writes",
    };
    vec![
        ("state", state.to_owned()),
        (
            "syncs",
            format!(
                "{}/s, p50 {}, p99 {}",
                number(groups),
                time(percentile(&syncs, 0.5)),
                time(percentile(&syncs, 0.99))
            ),
        ),
        (
            "commits",
            format!(
                "{}/s, {} a sync",
                number(commits),
                number(commits / groups.max(f64::MIN_POSITIVE))
            ),
        ),
        (
            "queue",
            format!(
                "{} commits, {} reads",
                number(now.total("stator_store_queued_commits")),
                number(now.total("stator_store_waiting_reads"))
            ),
        ),
        (
            "hits",
            format!("items {}, blocks {}", hits("items"), hits("blocks")),
        ),
        (
            "compaction",
            format!(
                "{} running, {} pending, {}/s written",
                number(now.total("stator_store_compactions_running")),
                bytes(now.total("stator_store_compaction_pending_bytes")),
                bytes(rates.all("stator_store_compaction_written_bytes_total"))
            ),
        ),
        ("memtables", bytes(now.total("stator_store_memtable_bytes"))),
        (
            "tables",
            format!(
                "{} in files by level {}",
                bytes(now.total("stator_store_table_bytes")),
                levels.join(" ")
            ),
        ),
        ("free", bytes(now.total("stator_store_free_bytes"))),
    ]
}

/// A figure with as many digits as say something.
pub fn number(value: f64) -> String {
    match value {
        value if value >= 1e6 => format!("{:.1}M", value / 1e6),
        value if value >= 1e4 => format!("{:.1}k", value / 1e3),
        value if value.fract() == 0.0 || value >= 100.0 => format!("{value:.0}"),
        value => format!("{value:.1}"),
    }
}

/// A time in seconds, in the unit that fits; `-` where there is none.
pub fn time(seconds: Option<f64>) -> String {
    match seconds {
        None => "-".to_owned(),
        Some(seconds) if seconds.is_infinite() => ">8 s".to_owned(),
        Some(seconds) if seconds >= 1.0 => format!("{seconds:.1} s"),
        Some(seconds) if seconds >= 0.001 => format!("{:.1} ms", seconds * 1e3),
        Some(seconds) => format!("{:.0} µs", seconds * 1e6),
    }
}

fn bytes(count: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = UNITS
        .iter()
        .enumerate()
        .rfind(|(power, _)| count >= 1024_f64.powi(*power as i32));
    match unit {
        None | Some((0, _)) => format!("{count:.0} B"),
        Some((power, unit)) => format!("{:.1} {unit}", count / 1024_f64.powi(power as i32)),
    }
}
