//! What a workload sends, once it is known how large the table is: its requests, which of them are
//! sent how often, and what the right answers are.

use std::ops::RangeInclusive;
use std::sync::Arc;

use serde_json::{Value, json};

use super::Probe;
use crate::requests::Requests;
use crate::rounds::{Removal, Traffics};
use crate::traffic::{Choice, Exchange, Frontier, Kind, Traffic};

/// Whether an answer is the right one.
pub type Check = Box<dyn Fn(&Value) -> bool>;

/// One call and what it must give.
pub struct Call {
    pub operation: &'static str,
    pub body: Value,
    pub is_right: Check,
}

/// How long answers may be, beside the one that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lengths {
    Equal,
    /// Pages at the end of a table are shorter.
    UpTo,
    /// As many items more as fewer.
    UpToTwice,
}

impl Lengths {
    fn range(self, body_bytes: usize) -> RangeInclusive<usize> {
        match self {
            Lengths::Equal => body_bytes..=body_bytes,
            Lengths::UpTo => 2..=body_bytes,
            Lengths::UpToTwice => 2..=2 * body_bytes,
        }
    }
}

/// Requests of one operation, with one call among them that is looked at.
pub struct Step {
    pub call: Call,
    pub requests: Arc<Requests>,
    pub lengths: Lengths,
}

/// Which of its requests a kind sends next; see [`Choice`].
pub enum Chosen {
    Uniform,
    Drawn(Arc<[u32]>),
    Insert,
    Latest { base: usize, draws: Arc<[u32]> },
}

/// Requests of one kind.
pub struct PlannedKind {
    pub weight: u32,
    pub chosen: Chosen,
    pub first: Step,
    pub then: Option<Step>,
}

/// Everything that a workload sends.
pub struct Plan {
    pub kinds: Vec<PlannedKind>,
    /// Calls after those that are looked at, which show that they have done what they say.
    pub after: Vec<Call>,
    /// Batches that write again what the requests remove, which can then be sent once each.
    pub refills: Option<(Step, usize)>,
}

impl Plan {
    /// Any of one kind of requests.
    pub(super) fn uniform(first: Step) -> Self {
        Plan::of(vec![PlannedKind {
            weight: 1,
            chosen: Chosen::Uniform,
            first,
            then: None,
        }])
    }

    pub(super) fn of(kinds: Vec<PlannedKind>) -> Self {
        Plan {
            kinds,
            after: Vec::new(),
            refills: None,
        }
    }

    /// The same with a look afterwards at what has become of it.
    pub(super) fn followed_by(mut self, call: Call) -> Self {
        self.after.push(call);
        self
    }

    /// The first operation.
    pub fn operation(&self) -> &'static str {
        self.kinds.first().map_or("", |kind| kind.first.call.operation)
    }

    pub(super) fn steps(&self) -> impl Iterator<Item = &Step> {
        self.kinds
            .iter()
            .flat_map(|kind| [Some(&kind.first), kind.then.as_ref()])
            .flatten()
            .chain(self.refills.iter().map(|(step, _)| step))
    }

    /// What is sent to a server whose answers are as long as those of `probe`.
    pub fn traffic(&self, probe: &Probe) -> Traffic {
        let inserts = self
            .kinds
            .iter()
            .find(|kind| matches!(kind.chosen, Chosen::Insert))
            .map_or(0, |kind| kind.first.requests.count());
        let frontier = Arc::new(Frontier::new(inserts));
        let kinds = self.kinds.iter().map(|kind| Kind {
            weight: kind.weight,
            choice: match &kind.chosen {
                Chosen::Uniform => Choice::Uniform,
                Chosen::Drawn(draws) => Choice::Drawn(draws.clone()),
                Chosen::Insert => Choice::Insert(frontier.clone()),
                Chosen::Latest { base, draws } => Choice::Latest {
                    frontier: frontier.clone(),
                    base: *base,
                    draws: draws.clone(),
                },
            },
            first: exchange(&kind.first, probe),
            then: kind.then.as_ref().map(|step| exchange(step, probe)),
        });
        Traffic::new(kinds.collect())
    }

    /// The same for rounds, where each may remove what the next one needs.
    pub fn traffics(&self, probe: &Probe) -> Traffics {
        match (&self.refills, self.kinds.first()) {
            (Some((refill, batch_items)), Some(kind)) => Traffics::Removing(Removal {
                removals: exchange(&kind.first, probe),
                refills: exchange(refill, probe),
                batch_items: *batch_items,
            }),
            _ => Traffics::Lasting(Arc::new(self.traffic(probe))),
        }
    }
}

fn exchange(step: &Step, probe: &Probe) -> Exchange {
    let body_bytes = probe.body_bytes_of(step.call.operation);
    Exchange {
        requests: step.requests.clone(),
        body_bytes: step.lengths.range(body_bytes),
    }
}

impl Call {
    pub(super) fn new(
        operation: &'static str,
        body: Value,
        is_right: impl Fn(&Value) -> bool + 'static,
    ) -> Self {
        Call {
            operation,
            body,
            is_right: Box::new(is_right),
        }
    }

    /// A call that must give exactly `expected`.
    pub(super) fn gives(operation: &'static str, body: Value, expected: Value) -> Self {
        Call::new(operation, body, move |answer| *answer == expected)
    }
}

impl Step {
    /// Requests whose answers are all as long as that to `call`.
    pub(super) fn new(call: Call, requests: Requests) -> Self {
        Step {
            call,
            requests: Arc::new(requests),
            lengths: Lengths::Equal,
        }
    }

    pub(super) fn with_lengths(mut self, lengths: Lengths) -> Self {
        self.lengths = lengths;
        self
    }
}

/// The body of a GetItem.
pub(super) fn get_body(table: &str, key: Value) -> Value {
    json!({"TableName": table, "Key": key})
}

/// The body of a PutItem.
pub(super) fn put_body(table: &str, item: Value) -> Value {
    json!({"TableName": table, "Item": item})
}
