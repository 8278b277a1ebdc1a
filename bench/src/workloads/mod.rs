//! The workloads: what each sends, and what the right answers are.
//!
//! A [`Workload`] is a line of a table. For a table of some size it makes a [`Plan`]: its requests
//! as bytes, made once for all servers. Each server is asked first, each kind of request once
//! ([`Plan::probe`]), and must answer rightly; how long its answers are is what the load generator
//! then checks all others by.

mod orders;
mod plan;
mod probe;
mod users;

use std::net::SocketAddr;

use serde_json::Value;

use crate::items;
use harness::failure::Result;

use plan::{Call, Chosen, Lengths, PlannedKind, Step, get_body, put_body};

pub use plan::Plan;
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
