//! The workloads: what each sends, and what the right answers are.
//!
//! A [`Workload`] is a line of a table. For a table of some size it makes a [`Plan`]: its requests
//! as bytes, made once for all servers. Each server is asked first, each kind of request once
//! ([`Plan::probe`]), and must answer rightly; how long its answers are is what the load generator
//! then checks all others by.

mod orders;
mod probe;
mod users;

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::items;
use crate::requests::Requests;
use crate::rounds::{Removal, Traffics};
use crate::traffic::{Choice, Exchange, Frontier, Kind, Traffic};
use harness::failure::Result;

pub use probe::Probe;

/// Most bytes of requests that a workload makes.
const REQUEST_BYTES_MAX: usize = 512 << 20;

/// Most requests of one kind.
const REQUESTS_MAX: usize = 1_000_000;

/// About how many bytes of a request are not its item.
const REQUEST_OVERHEAD_BYTES: usize = 700;

/// How large the table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    pub items: usize,
    pub item_bytes: usize,
}

impl Scale {
    /// As many items of 1 KB.
    pub fn of_items(items: usize) -> Self {
        Scale {
            items,
            item_bytes: items::ITEM_SIZE_BYTES,
        }
    }

    /// The numbers of items that requests of `body_bytes` bytes each are made for: all, or as many
    /// as memory allows, from all parts of the table.
    fn numbers(self, body_bytes: usize) -> impl ExactSizeIterator<Item = usize> {
        let most = REQUEST_BYTES_MAX / (body_bytes + REQUEST_OVERHEAD_BYTES);
        let count = self.items.min(most.clamp(1, REQUESTS_MAX));
        (0..count).map(move |index| index * self.items / count)
    }
}

/// Workloads that are shown together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Reads,
    Writes,
    Mixes,
}

/// The table that a workload is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data {
    /// Orders by customer.
    Orders,
    /// The same with two indexes and a stream.
    IndexedOrders,
    /// What YCSB is run on.
    Users,
}

impl Data {
    /// All of them, in the order in which they are measured.
    pub const ALL: [Data; 3] = [Data::Orders, Data::IndexedOrders, Data::Users];

    /// What CreateTable is asked for.
    pub fn table(self) -> Value {
        match self {
            Data::Orders => items::table(),
            Data::IndexedOrders => orders::indexed_table(),
            Data::Users => users::table(),
        }
    }

    /// The item with this number.
    pub fn item(self, number: usize, item_bytes: usize) -> Value {
        match self {
            Data::Orders => items::item_of(number, item_bytes),
            Data::IndexedOrders => orders::indexed_item(number, item_bytes),
            Data::Users => users::item(number, item_bytes),
        }
    }

    /// The smallest items that there can be.
    pub fn item_bytes_min(self) -> usize {
        match self {
            Data::Orders => items::SIZE_BYTES_MIN,
            Data::IndexedOrders | Data::Users => 512,
        }
    }
}

/// Something to measure.
#[derive(Debug)]
pub struct Workload {
    /// The name that the command line and results know.
    pub name: &'static str,
    /// The name for people.
    pub title: &'static str,
    pub group: Group,
    pub data: Data,
    plan: fn(Scale) -> Plan,
}

/// A line of the table below.
macro_rules! workload {
    ($constant:ident, $name:literal, $title:literal, $group:ident, $data:ident, $plan:path) => {
        #[doc = $title]
        pub static $constant: Workload = Workload {
            name: $name,
            title: $title,
            group: Group::$group,
            data: Data::$data,
            plan: $plan,
        };
    };
}

workload!(
    GET_ITEM,
    "get-item",
    "GetItem of 1 KB",
    Reads,
    Orders,
    orders::get_item
);
workload!(
    QUERY,
    "query-50",
    "Query of 50 x 1 KB",
    Reads,
    Orders,
    orders::query
);
workload!(
    QUERY_OPEN,
    "query-open",
    "Query of an open range, Limit 10",
    Reads,
    Orders,
    orders::query_open
);
workload!(SCAN, "scan", "Scan in pages of 50", Reads, Orders, orders::scan);
workload!(
    BATCH_GET,
    "batch-get-100",
    "BatchGetItem of 100",
    Reads,
    Orders,
    orders::batch_get
);
workload!(
    PUT_ITEM,
    "put-item",
    "PutItem of 1 KB",
    Writes,
    Orders,
    orders::put_item
);
workload!(
    BATCH_WRITE,
    "batch-write-25",
    "BatchWriteItem of 25",
    Writes,
    Orders,
    orders::batch_write
);
workload!(
    TRANSACT_WRITE,
    "transact-write-4",
    "TransactWriteItems of 4",
    Writes,
    Orders,
    orders::transact_write
);
workload!(
    UPDATE_ITEM,
    "update-item",
    "UpdateItem, a counter",
    Writes,
    Orders,
    orders::update_item
);
workload!(
    HOT_KEY,
    "hot-key",
    "UpdateItem of one single item",
    Writes,
    Orders,
    orders::hot_key
);
workload!(
    DELETE_ITEM,
    "delete-item",
    "DeleteItem of an item that is there",
    Writes,
    Orders,
    orders::delete_item
);
workload!(
    PUT_INDEXED,
    "put-indexed",
    "PutItem with 2 GSIs and a stream",
    Writes,
    IndexedOrders,
    orders::put_indexed
);
workload!(
    YCSB_A,
    "ycsb-a",
    "YCSB A: 50 % reads, 50 % updates",
    Mixes,
    Users,
    users::ycsb_a
);
workload!(
    YCSB_B,
    "ycsb-b",
    "YCSB B: 95 % reads, 5 % updates",
    Mixes,
    Users,
    users::ycsb_b
);
workload!(YCSB_C, "ycsb-c", "YCSB C: reads", Mixes, Users, users::ycsb_c);
workload!(
    YCSB_D,
    "ycsb-d",
    "YCSB D: 95 % reads of the latest, 5 % inserts",
    Mixes,
    Users,
    users::ycsb_d
);
workload!(
    YCSB_E,
    "ycsb-e",
    "YCSB E: 95 % short scans, 5 % inserts",
    Mixes,
    Users,
    users::ycsb_e
);
workload!(
    YCSB_F,
    "ycsb-f",
    "YCSB F: 50 % reads, 50 % read-modify-writes",
    Mixes,
    Users,
    users::ycsb_f
);

/// All workloads, in the order in which they run on a server: reads before what changes the
/// length of items.
pub static ALL: [&Workload; 18] = [
    &GET_ITEM,
    &QUERY,
    &QUERY_OPEN,
    &SCAN,
    &BATCH_GET,
    &PUT_ITEM,
    &BATCH_WRITE,
    &TRANSACT_WRITE,
    &UPDATE_ITEM,
    &HOT_KEY,
    &DELETE_ITEM,
    &PUT_INDEXED,
    &YCSB_C,
    &YCSB_A,
    &YCSB_B,
    &YCSB_F,
    &YCSB_D,
    &YCSB_E,
];

/// The workload that bears this name.
pub fn by_name(name: &str) -> Option<&'static Workload> {
    ALL.into_iter().find(|workload| workload.name == name)
}

/// Puts an item that is there already, and gives the length of the answer's body.
pub fn put_item_answer_bytes(address: SocketAddr) -> Result<usize> {
    let plan = PUT_ITEM.plan(Scale::of_items(1));
    Ok(plan.probe(address)?.body_bytes())
}

impl Workload {
    /// Its requests, and what the right answers are, for a table of this size.
    pub fn plan(&self, scale: Scale) -> Plan {
        (self.plan)(scale)
    }
}

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
    fn uniform(first: Step) -> Self {
        Plan::of(vec![PlannedKind {
            weight: 1,
            chosen: Chosen::Uniform,
            first,
            then: None,
        }])
    }

    fn of(kinds: Vec<PlannedKind>) -> Self {
        Plan {
            kinds,
            after: Vec::new(),
            refills: None,
        }
    }

    /// The same with a look afterwards at what has become of it.
    fn followed_by(mut self, call: Call) -> Self {
        self.after.push(call);
        self
    }

    /// The first operation.
    pub fn operation(&self) -> &'static str {
        self.kinds.first().map_or("", |kind| kind.first.call.operation)
    }

    fn steps(&self) -> impl Iterator<Item = &Step> {
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
    fn new(operation: &'static str, body: Value, is_right: impl Fn(&Value) -> bool + 'static) -> Self {
        Call {
            operation,
            body,
            is_right: Box::new(is_right),
        }
    }

    /// A call that must give exactly `expected`.
    fn gives(operation: &'static str, body: Value, expected: Value) -> Self {
        Call::new(operation, body, move |answer| *answer == expected)
    }
}

impl Step {
    /// Requests whose answers are all as long as that to `call`.
    fn new(call: Call, requests: Requests) -> Self {
        Step {
            call,
            requests: Arc::new(requests),
            lengths: Lengths::Equal,
        }
    }

    fn with_lengths(mut self, lengths: Lengths) -> Self {
        self.lengths = lengths;
        self
    }
}

/// The body of a GetItem.
fn get_body(table: &str, key: Value) -> Value {
    json!({"TableName": table, "Key": key})
}

/// The body of a PutItem.
fn put_body(table: &str, item: Value) -> Value {
    json!({"TableName": table, "Item": item})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_workload_can_be_planned_and_has_a_name_of_its_own() {
        for workload in ALL {
            for items in [1000, 2500] {
                let plan = workload.plan(Scale::of_items(items));
                assert!(!plan.kinds.is_empty());
                for step in plan.steps() {
                    assert!(step.requests.count() > 0, "{}", workload.name);
                    for index in 0..step.requests.count() {
                        let text = std::str::from_utf8(step.requests.get(index)).expect("text");
                        assert!(text.contains(step.call.operation), "{}", workload.name);
                    }
                }
            }
            let named = by_name(workload.name).expect("a workload");
            assert!(std::ptr::eq(named, workload));
        }
    }

    #[test]
    fn items_of_each_table_have_the_size_that_is_asked_for() {
        for data in Data::ALL {
            for size in [data.item_bytes_min().max(600), 1024, 10_240] {
                let item = data.item(7, size);
                let attributes = item.as_object().expect("an object");
                let texts = attributes.iter().map(|(name, value)| {
                    let text = value["S"].as_str().map(str::len);
                    // Beside texts there is a number of four digits and a Boolean.
                    name.len() + text.unwrap_or(if value.get("N").is_some() { 3 } else { 1 })
                });
                assert_eq!(texts.sum::<usize>(), size, "{data:?}");
            }
        }
    }

    #[test]
    fn requests_come_from_all_parts_of_a_table_that_is_too_large_for_them() {
        let scale = Scale::of_items(100_000_000);
        let numbers: Vec<usize> = scale.numbers(100).collect();
        assert!(numbers.len() <= REQUESTS_MAX);
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(numbers.last().is_some_and(|&last| last > 99_000_000));
        assert_eq!(
            Scale::of_items(50).numbers(100).collect::<Vec<_>>(),
            (0..50).collect::<Vec<_>>()
        );
    }
}
