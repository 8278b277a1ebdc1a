//! What is to be reached, as data, and whether it is.

use crate::figures::{Case, Figures};
use crate::report;
use crate::sections;
use crate::table::{Table, with_commas};

/// Connections at which rates are compared.
pub const CONNECTIONS: u64 = 32;

/// What `--cache-bytes` is by default.
const CACHE_BYTES: f64 = 256.0 * 1024.0 * 1024.0;

const BYTES_PER_MB: f64 = 1e6;

/// A figure that is held against a bound.
#[derive(Clone, Copy, Debug)]
pub enum Figure {
    /// A rate as a part of another, in one run.
    Ratio {
        of: (&'static str, &'static str),
        to: (&'static str, &'static str),
    },
    /// How many times as long the same takes with the largest table as with the smallest.
    Slowdown { workload: &'static str },
    /// A percentile of the open loop at half of what the server can do.
    LatencyMs {
        workload: &'static str,
        member: &'static str,
    },
    /// The longest time from the start after a kill to the first answer, of all table sizes.
    RecoverySeconds,
    /// Memory beyond the caches, the most of all table sizes.
    MemoryMb,
}

/// Where a figure must lie.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self {
            Bound::AtLeast(least) => value >= least,
            Bound::AtMost(most) => value <= most,
        }
    }

    fn text(self) -> String {
        match self {
            Bound::AtLeast(least) => format!(">= {least:.2}"),
            Bound::AtMost(most) => format!("<= {most:.2}"),
        }
    }
}

/// Something that is to be reached.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    pub what: &'static str,
    pub figure: Figure,
    pub bound: Bound,
}

const fn ratio(
    what: &'static str,
    workload: &'static str,
    server: &'static str,
    to: &'static str,
    least: f64,
) -> Target {
    Target {
        what,
        figure: Figure::Ratio {
            of: (workload, server),
            to: (workload, to),
        },
        bound: Bound::AtLeast(least),
    }
}

const fn slowdown(what: &'static str, workload: &'static str, most: f64) -> Target {
    Target {
        what,
        figure: Figure::Slowdown { workload },
        bound: Bound::AtMost(most),
    }
}

const fn latency(what: &'static str, workload: &'static str, member: &'static str, most: f64) -> Target {
    Target {
        what,
        figure: Figure::LatencyMs { workload, member },
        bound: Bound::AtMost(most),
    }
}

/// All of them.
pub const TARGETS: [Target; 24] = [
    ratio(
        "GetItem, memory, of the bare server",
        "get-item",
        "stator-memory",
        "bare",
        0.75,
    ),
    ratio(
        "GetItem, os, of the bare server",
        "get-item",
        "stator-os",
        "bare",
        0.75,
    ),
    ratio(
        "GetItem, sync, of the bare server",
        "get-item",
        "stator-sync",
        "bare",
        0.75,
    ),
    ratio(
        "Query of 50, memory, of the bare server",
        "query-50",
        "stator-memory",
        "bare",
        0.60,
    ),
    ratio(
        "Query of 50, os, of the bare server",
        "query-50",
        "stator-os",
        "bare",
        0.60,
    ),
    ratio(
        "Query of 50, sync, of the bare server",
        "query-50",
        "stator-sync",
        "bare",
        0.60,
    ),
    ratio(
        "PutItem, sync, of the bare server",
        "put-item",
        "stator-sync",
        "bare",
        0.50,
    ),
    ratio(
        "UpdateItem, sync, of the bare server",
        "update-item",
        "stator-sync",
        "bare",
        0.50,
    ),
    ratio(
        "PutItem, os, of the bare server",
        "put-item",
        "stator-os",
        "bare",
        0.65,
    ),
    ratio(
        "UpdateItem, os, of the bare server",
        "update-item",
        "stator-os",
        "bare",
        0.65,
    ),
    ratio(
        "GetItem in memory, times dynoxide's",
        "get-item",
        "stator-memory",
        "dynoxide-memory",
        2.0,
    ),
    ratio(
        "Query in memory, times dynoxide's",
        "query-50",
        "stator-memory",
        "dynoxide-memory",
        3.0,
    ),
    ratio(
        "PutItem, sync, times dynoxide's with a file",
        "put-item",
        "stator-sync",
        "dynoxide-file",
        20.0,
    ),
    Target {
        what: "UpdateItem of one hot item, sync, of distinct items",
        figure: Figure::Ratio {
            of: ("hot-key", "stator-sync"),
            to: ("update-item", "stator-sync"),
        },
        bound: Bound::AtLeast(0.5),
    },
    slowdown(
        "GetItem, largest table, times the smallest's cost",
        "get-item",
        1.5,
    ),
    slowdown(
        "PutItem, largest table, times the smallest's cost",
        "put-item",
        2.0,
    ),
    slowdown("Query of an open range, likewise (the same)", "query-open", 1.1),
    latency(
        "GetItem p99 at half of capacity, sync, ms",
        "get-item",
        "p99_us",
        1.0,
    ),
    latency(
        "Query p99 at half of capacity, sync, ms",
        "query-50",
        "p99_us",
        1.0,
    ),
    latency(
        "PutItem p99 at half of capacity, sync, ms",
        "put-item",
        "p99_us",
        5.0,
    ),
    latency(
        "GetItem, longest at half of capacity, sync, ms",
        "get-item",
        "max_us",
        50.0,
    ),
    latency(
        "PutItem, longest at half of capacity, sync, ms",
        "put-item",
        "max_us",
        50.0,
    ),
    Target {
        what: "kill -9 to the first answer, any table size, s",
        figure: Figure::RecoverySeconds,
        bound: Bound::AtMost(2.0),
    },
    Target {
        what: "memory beyond the caches, any table size, MB",
        figure: Figure::MemoryMb,
        bound: Bound::AtMost(64.0),
    },
];

impl Figure {
    /// The figure, where it was measured.
    pub fn value(self, figures: &Figures) -> Option<f64> {
        match self {
            Figure::Ratio { of, to } => {
                let case = |(workload, server)| Case {
                    section: Some(sections::THROUGHPUT),
                    workload,
                    server,
                    connections: Some(CONNECTIONS),
                    ..Case::default()
                };
                Some(figures.ratio(case(of), case(to))?.median)
            }
            Figure::Slowdown { workload } => {
                let sizes = figures.values(sections::TABLE_SIZE, workload, "items");
                let (smallest, largest) = (*sizes.first()?, *sizes.last()?);
                let case = |items| Case {
                    section: Some(sections::TABLE_SIZE),
                    workload,
                    server: "stator-sync",
                    items: Some(items),
                    ..Case::default()
                };
                Some(figures.ratio(case(smallest), case(largest))?.median)
            }
            Figure::LatencyMs { workload, member } => {
                Some(figures.open(workload, "stator-sync", 50.0, member)? / 1e3)
            }
            Figure::RecoverySeconds => [sections::DURABILITY, sections::TABLE_SIZE]
                .into_iter()
                .flat_map(|section| figures.rows("recovery", section))
                .filter(|row| row["server"] == "stator-sync")
                .flat_map(|row| row["seconds"].as_array().into_iter().flatten())
                .filter_map(|seconds| seconds.as_f64())
                .max_by(f64::total_cmp),
            Figure::MemoryMb => figures
                .rows("memory", sections::TABLE_SIZE)
                .filter_map(|row| row["resident_bytes"].as_f64())
                .map(|bytes| (bytes - CACHE_BYTES) / BYTES_PER_MB)
                .max_by(f64::total_cmp),
        }
    }
}

/// What was reached and what was missed.
pub fn table(figures: &Figures) -> Table {
    let mut table = Table::new(&["target", "measured", "asked", ""]);
    for target in &TARGETS {
        let value = target.figure.value(figures);
        table.line([
            target.what.to_owned(),
            value.map_or_else(report::not_measured, |value| match value.abs() < 100.0 {
                true => format!("{value:.2}"),
                false => with_commas(value),
            }),
            target.bound.text(),
            report::verdict(value.map(|value| target.bound.holds(value))),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::servers::Server;
    use crate::workloads;

    #[test]
    fn targets_name_what_there_is() {
        for target in TARGETS {
            let names = match target.figure {
                Figure::Ratio { of, to } => vec![of, to],
                Figure::Slowdown { workload } | Figure::LatencyMs { workload, .. } => {
                    vec![(workload, "stator-sync")]
                }
                Figure::RecoverySeconds | Figure::MemoryMb => Vec::new(),
            };
            for (workload, server) in names {
                assert!(workloads::by_name(workload).is_some(), "{workload}");
                assert!(Server::by_name(server).is_some(), "{server}");
            }
        }
    }

    fn row(kind: &str, section: &str, members: Value) -> Value {
        let mut row = json!({"kind": kind, "section": section, "server": "stator-sync"});
        crate::results::extend(&mut row, members);
        row
    }

    fn rate(section: &str, server: &str, items: u64, rate: f64) -> Value {
        row(
            "round",
            section,
            json!({
                "workload": "get-item", "server": server, "items": items, "connections": 32,
                "pass": 0, "round": 0, "requests_per_second": rate,
            }),
        )
    }

    /// The word that the table has for the target whose text begins like this.
    fn verdict(rows: &[Value], what: &str) -> String {
        let text = table(&Figures::of(rows)).render();
        let line = text.lines().find(|line| line.trim().starts_with(what));
        let line = line.unwrap_or_else(|| panic!("no {what} in {text}"));
        line.split_whitespace().last().unwrap_or_default().to_owned()
    }

    #[test]
    fn what_is_missed_is_called_so() {
        let ratio = |own| {
            [
                rate("throughput", "bare", 9, 100.0),
                rate("throughput", "stator-sync", 9, own),
            ]
        };
        assert_eq!(verdict(&ratio(75.0), "GetItem, sync"), "reached");
        assert_eq!(verdict(&ratio(74.0), "GetItem, sync"), "MISSED");
        let sizes = |large| {
            [
                rate("table-size", "stator-sync", 10, 150.0),
                rate("table-size", "stator-sync", 1000, large),
            ]
        };
        assert_eq!(verdict(&sizes(100.0), "GetItem, largest"), "reached");
        assert_eq!(verdict(&sizes(99.0), "GetItem, largest"), "MISSED");
        let open = |p99: f64| {
            let members = json!({"workload": "put-item", "load_percent": 50.0, "p99_us": p99});
            [row("open", "load", members)]
        };
        assert_eq!(verdict(&open(5000.0), "PutItem p99"), "reached");
        assert_eq!(verdict(&open(5001.0), "PutItem p99"), "MISSED");
        let recovery = |slow| [row("recovery", "table-size", json!({"seconds": [0.1, slow]}))];
        assert_eq!(verdict(&recovery(2.0), "kill -9"), "reached");
        assert_eq!(verdict(&recovery(2.1), "kill -9"), "MISSED");
        let memory = |bytes: f64| [row("memory", "table-size", json!({"resident_bytes": bytes}))];
        assert_eq!(verdict(&memory(CACHE_BYTES + 64e6), "memory"), "reached");
        assert_eq!(verdict(&memory(CACHE_BYTES + 65e6), "memory"), "MISSED");
    }
}
