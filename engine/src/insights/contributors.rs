//! What is counted by key of one table or one global index, minute by minute.

use std::collections::VecDeque;

use model::{Encoder, Item, MapRef};
use parking_lot::Mutex;

use super::sketch::{Sketch, Summary, Weight};
use crate::catalog::InsightsMode;
use crate::meter::Direction;
use crate::metrics::MINUTE_MS;
use crate::schema::{KeyAttribute, KeySchema};

/// How many minutes are kept: a little more than the three hours that consoles show.
const MINUTES_MAX: usize = 190;

/// How much more a written unit weighs than a read one: DynamoDB developer guide, "CloudWatch contributor
/// insights for DynamoDB: How it works", ConsumedThroughputUnits.
const WRITTEN_WEIGHT: f64 = 3.0;
/// Weights are counted in halves.
const COUNTED_PER_UNIT: f64 = 2.0;

/// What a rule tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RuleKind {
    /// Throttled requests; else what was consumed.
    pub is_throttled: bool,
    /// By partition key and sort key; else by partition key alone.
    pub has_sort_key: bool,
}

impl RuleKind {
    /// All kinds, in the order in which the service lists their rules.
    pub const ALL: [RuleKind; 4] = [
        RuleKind {
            is_throttled: false,
            has_sort_key: false,
        },
        RuleKind {
            is_throttled: true,
            has_sort_key: false,
        },
        RuleKind {
            is_throttled: false,
            has_sort_key: true,
        },
        RuleKind {
            is_throttled: true,
            has_sort_key: true,
        },
    ];

    fn position(self) -> usize {
        usize::from(self.is_throttled) + 2 * usize::from(self.has_sort_key)
    }
}

/// One minute that is over: a summary for each kind of rule that saw something.
type Minute = [Option<Box<Summary>>; 4];

/// What is counted of a table or an index. Its memory does not grow with the number of keys: some hundred
/// keys of the minute under way, and at most a hundred of each minute that is kept.
#[derive(Debug)]
pub(crate) struct Contributors {
    key_schema: KeySchema,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    counts_accesses: bool,
    /// The minute under way, in milliseconds since the Unix epoch.
    minute_ms: u64,
    current: [Option<Box<Sketch>>; 4],
    past: VecDeque<(u64, Minute)>,
}

impl State {
    /// Ends the minute under way where it is over. A clock that is set back begins another one, too.
    fn enter(&mut self, now_ms: u64) {
        let minute_ms = now_ms - now_ms % MINUTE_MS;
        if minute_ms == self.minute_ms {
            return;
        }
        let over_ms = std::mem::replace(&mut self.minute_ms, minute_ms);
        let over = std::mem::take(&mut self.current);
        if over.iter().any(Option::is_some) {
            let summaries = over.map(|sketch| Some(Box::new(sketch?.summary())));
            self.past.push_back((over_ms, summaries));
        }
        let old_ms = minute_ms.saturating_sub(MINUTES_MAX as u64 * MINUTE_MS);
        while let Some((first_ms, _)) = self.past.front()
            && (*first_ms < old_ms || self.past.len() > MINUTES_MAX)
        {
            self.past.pop_front();
        }
    }

    fn add(&mut self, kind: RuleKind, key: Option<Item>, weight: Weight) {
        if let Some(key) = key {
            let sketch = self.current[kind.position()].get_or_insert_default();
            sketch.add(key.as_stored(), weight);
        }
    }

    fn forget(&mut self, is_forgotten: impl Fn(RuleKind) -> bool) {
        for kind in RuleKind::ALL.into_iter().filter(|kind| is_forgotten(*kind)) {
            self.current[kind.position()] = None;
            for (_, minute) in &mut self.past {
                minute[kind.position()] = None;
            }
        }
    }
}

impl Contributors {
    /// Of what has this key.
    pub fn new(key_schema: &KeySchema, mode: InsightsMode) -> Self {
        Contributors {
            key_schema: key_schema.clone(),
            state: Mutex::new(State {
                counts_accesses: mode == InsightsMode::AccessedAndThrottled,
                minute_ms: 0,
                current: Default::default(),
                past: VecDeque::new(),
            }),
        }
    }

    /// Changes what is counted. What was counted of throttled keys stays, in either mode.
    pub fn set_mode(&self, mode: InsightsMode) {
        let mut state = self.state.lock();
        state.counts_accesses = mode == InsightsMode::AccessedAndThrottled;
        if !state.counts_accesses {
            state.forget(|kind| !kind.is_throttled);
        }
    }

    /// Counts what a request has consumed for an item, or for a partition where the attributes have no sort
    /// key.
    pub fn accessed(&self, attributes: MapRef<'_>, direction: Direction, units: f64, now_ms: u64) {
        let weight = match direction {
            Direction::Read => units,
            Direction::Write => WRITTEN_WEIGHT * units,
        };
        let mut state = self.state.lock();
        if state.counts_accesses {
            self.count(
                &mut state,
                false,
                attributes,
                (weight * COUNTED_PER_UNIT) as Weight,
                now_ms,
            );
        }
    }

    /// Counts a request that was not admitted.
    pub fn throttled(&self, attributes: MapRef<'_>, now_ms: u64) {
        let mut state = self.state.lock();
        self.count(&mut state, true, attributes, COUNTED_PER_UNIT as Weight, now_ms);
    }

    fn count(
        &self,
        state: &mut State,
        is_throttled: bool,
        attributes: MapRef<'_>,
        weight: Weight,
        now_ms: u64,
    ) {
        state.enter(now_ms);
        let KeySchema { partition, sort } = &self.key_schema;
        let by_partition = RuleKind {
            is_throttled,
            has_sort_key: false,
        };
        state.add(by_partition, key_item(attributes, partition, &[]), weight);
        if !sort.is_empty() {
            let by_item = RuleKind {
                is_throttled,
                has_sort_key: true,
            };
            state.add(by_item, key_item(attributes, partition, sort), weight);
        }
    }

    /// Shows what was counted for a kind of rule in each minute of a range of time, in milliseconds since the
    /// Unix epoch.
    pub(super) fn each_minute(
        &self,
        kind: RuleKind,
        minutes_ms: std::ops::Range<u64>,
        mut see: impl FnMut(u64, &Summary),
    ) {
        let state = self.state.lock();
        for (minute_ms, minute) in &state.past {
            if let Some(summary) = &minute[kind.position()]
                && minutes_ms.contains(minute_ms)
            {
                see(*minute_ms, summary);
            }
        }
        if let Some(sketch) = &state.current[kind.position()]
            && minutes_ms.contains(&state.minute_ms)
        {
            see(state.minute_ms, &sketch.summary());
        }
    }
}

/// The key attributes among these, as an item whose stored form tells keys from each other; `None` where one
/// is missing.
fn key_item(attributes: MapRef<'_>, partition: &[KeyAttribute], sort: &[KeyAttribute]) -> Option<Item> {
    let (mut encoder, open) = Encoder::item(64);
    let mut missing = partition.len() + sort.len();
    // In the order of their names, as an item has them.
    for entry in attributes.entries() {
        let mut wanted = partition.iter().chain(sort);
        if wanted.any(|attribute| attribute.name.as_bytes() == entry.name) {
            encoder.name(entry.name);
            encoder.raw(entry.raw());
            missing -= 1;
        }
    }
    let item = encoder.finish(open);
    (missing == 0).then_some(item)
}
