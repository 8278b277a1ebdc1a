//! What has been done, and how often: the mix of a run.

use std::collections::BTreeMap;
use std::fmt::Write;

/// Everything that a run must do: a title, how often each must be done, and what.
const REQUIRED: &[(&str, u64, &[&str])] = &[
    (
        "operations",
        TIMES_MIN,
        &[
            "PutItem",
            "GetItem",
            "UpdateItem",
            "DeleteItem",
            "Query",
            "Scan",
            "BatchGetItem",
            "BatchWriteItem",
            "TransactWriteItems",
            "TransactGetItems",
            "CreateTable",
            "UpdateTable",
            "DeleteTable",
            "DescribeTable",
            "ListTables",
            "TagResource",
            "UntagResource",
            "ListTagsOfResource",
            "DescribeLimits",
            "DescribeEndpoints",
        ],
    ),
    (
        "expressions",
        TIMES_MIN,
        &[
            "attribute_exists",
            "attribute_not_exists",
            "attribute_type",
            "begins_with",
            "contains",
            "size",
            "if_not_exists",
            "list_append",
            "=",
            "<>",
            "<",
            "<=",
            ">",
            ">=",
            "BETWEEN",
            "IN",
            "AND",
            "OR",
            "NOT",
            "+",
            "-",
            "SET",
            "REMOVE",
            "ADD",
            "DELETE",
        ],
    ),
    (
        "life",
        TIMES_MIN,
        &[
            "index created",
            "index dropped",
            "index filled",
            "table deleted",
            "reopened",
            "checked",
        ],
    ),
    (
        "streams",
        TIMES_MIN,
        &[
            "ListStreams",
            "DescribeStream",
            "GetShardIterator",
            "GetRecords",
            "TRIM_HORIZON",
            "LATEST",
            "AT_SEQUENCE_NUMBER",
            "AFTER_SEQUENCE_NUMBER",
            "AT_TIMESTAMP",
            "stream enabled",
            "stream closed",
            "stream rolled over",
            "ends of shards",
            "whole streams",
            "consumers",
            "consumers that caught up",
            "expired iterators",
        ],
    ),
    (
        "time to live",
        TIMES_MIN,
        &[
            "UpdateTimeToLive",
            "DescribeTimeToLive",
            "time to live enabled",
            "time to live disabled",
            "times moved",
            "expired items",
            "expired items in streams",
            "expired items kept till swept",
        ],
    ),
    (
        "rarer",
        RARE_TIMES_MIN,
        &[
            "KEYS_ONLY",
            "NEW_IMAGE",
            "OLD_IMAGE",
            "NEW_AND_OLD_IMAGES",
            "refused changes of streams",
            "stream forgotten",
            "streams followed to their ends",
            "whole streams after a rollover",
            "settled streams with trimmed records",
            "consumers over a reopening",
            "consumers that came too late",
            "trimmed places",
            "places outside of the shard",
            "transactions repeated",
            "transactions repeated too late",
            "refused changes of times to live",
            "reopened while enabling",
            "expired items moved in time",
            "sweeps finished",
        ],
    ),
];

/// What must happen in each day that passes steadily.
pub const IN_A_DAY: &[&str] = &[
    "reopened",
    "consumers over a reopening",
    "checked",
    "stream rolled over",
    "settled streams with trimmed records",
    "expired iterators",
    "expired items",
    "expired items in streams",
    "transactions repeated",
    "transactions repeated too late",
    "index filled",
    "table deleted",
];

/// How often what is rare must be done.
const RARE_TIMES_MIN: u64 = 15;
/// How often the rest must be done.
const TIMES_MIN: u64 = 500;

/// How often what was done.
#[derive(Debug, Default)]
pub struct Mix {
    counts: BTreeMap<&'static str, u64>,
    /// Random operations, each of which may have taken several requests.
    pub steps: u64,
}

impl Mix {
    pub fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    pub fn count_all(&mut self, what: impl IntoIterator<Item = &'static str>) {
        what.into_iter().for_each(|what| self.count(what));
    }

    /// Counts something, and whether it hit.
    pub fn hit(&mut self, what: &'static str, hits: &'static str, does_hit: bool) {
        self.count(what);
        if does_hit {
            self.count(hits);
        }
    }

    pub fn add(&mut self, other: &Mix) {
        self.steps += other.steps;
        for (what, count) in &other.counts {
            *self.counts.entry(what).or_default() += count;
        }
    }

    fn of(&self, what: &str) -> u64 {
        self.counts.get(what).copied().unwrap_or_default()
    }

    /// Which of these have not been done at all.
    pub fn missing(&self, wanted: &[&'static str]) -> Vec<&'static str> {
        wanted.iter().copied().filter(|what| self.of(what) == 0).collect()
    }

    /// The mix as text.
    pub fn report(&self) -> String {
        let mut report = format!("{} random operations\n", self.steps);
        let mut rest = self.counts.clone();
        let mut line = |title: &str, counts: &mut dyn Iterator<Item = (&str, u64)>| {
            let counts: Vec<String> = counts.map(|(what, count)| format!("{what} {count}")).collect();
            writeln!(report, "  {title}: {}", counts.join(", ")).expect("a string takes all");
        };
        for (title, _, required) in REQUIRED {
            line(
                title,
                &mut required
                    .iter()
                    .map(|what| (*what, rest.remove(what).unwrap_or_default())),
            );
        }
        line("more", &mut rest.iter().map(|(what, count)| (*what, *count)));
        report
    }

    /// What a run has not done often enough.
    pub fn gaps(&self) -> Vec<String> {
        let required = REQUIRED
            .iter()
            .flat_map(|(_, times_min, required)| required.iter().map(move |what| (*what, *times_min)));
        let mut gaps: Vec<String> = required
            .filter(|(what, times_min)| self.of(what) < *times_min)
            .map(|(what, times_min)| format!("{what}: only {} of {times_min}", self.of(what)))
            .collect();
        for (all, hits) in [
            ("conditional writes", "conditional writes that passed"),
            ("queries", "queries that found something"),
        ] {
            if self.of(hits) * 2 <= self.of(all) {
                gaps.push(format!("{hits}: only {} of {}", self.of(hits), self.of(all)));
            }
        }
        gaps
    }
}
