//! Comparing what the engine answers with what it should have.

use std::fmt::Debug;

use api::types::{
    Capacity, ConsumedCapacity, ItemCollectionMetrics, ReturnConsumedCapacity, ReturnItemCollectionMetrics,
};
use api::{AttributeMap, Error};
use fastrand::Rng;
use indexmap::IndexMap;

use crate::schema::IndexState;
use crate::table::{Consumed, Refusal, Table};
use crate::value::{Attributes, from_item, from_map, to_map};

/// Panics where the two differ.
#[track_caller]
pub fn same<T: PartialEq + Debug>(what: &str, expected: T, answered: T) {
    if expected != answered {
        panic!("{what}\n  expected: {expected:?}\n  answered: {answered:?}");
    }
}

/// Panics where an answer's item is not the expected one.
#[track_caller]
pub fn same_item(what: &str, expected: Option<&Attributes>, answered: Option<&AttributeMap>) {
    let is_same = match (expected, answered) {
        (None, None) => true,
        (Some(expected), Some(answered)) => to_map(expected).item == answered.item,
        _ => false,
    };
    if !is_same {
        panic!(
            "{what}\n  expected: {expected:?}\n  answered: {:?}",
            answered.map(from_map)
        );
    }
}

/// The answer and what it should be, where neither is a refusal. Panics where only one is, or where
/// they refuse for different reasons.
#[track_caller]
pub fn agreed<A: Debug, P: Debug>(answer: Result<A, Error>, predicted: Result<P, Refusal>) -> Option<(A, P)> {
    match (answer, predicted) {
        (Ok(answer), Ok(predicted)) => Some((answer, predicted)),
        (Ok(answer), Err(refusal)) => {
            panic!("must be refused\n  expected: {refusal:?}\n  answered: {answer:?}")
        }
        (Err(error), Ok(predicted)) => panic!("must succeed\n  expected: {predicted:?}\n  answered: {error}"),
        (Err(error), Err(refusal)) => {
            let is_same = error.kind == refusal.kind
                && (refusal.messages.is_empty() || refusal.messages.contains(&error.message))
                && error.item.as_ref().map(from_item).as_ref() == refusal.item.as_deref();
            if !is_same {
                panic!(
                    "refused for another reason\n  expected: {refusal:?}\n  answered: {error} with {:?}",
                    error.item.as_ref().map(from_item)
                );
            }
            None
        }
    }
}

/// What ReturnConsumedCapacity asks for.
pub fn capacity_mode(rng: &mut Rng) -> Option<ReturnConsumedCapacity> {
    match rng.u8(..4) {
        0 => None,
        1 => Some(ReturnConsumedCapacity::None),
        2 => Some(ReturnConsumedCapacity::Total),
        _ => Some(ReturnConsumedCapacity::Indexes),
    }
}

/// What consumed units are units of, where an answer says so: transactions do.
#[derive(Clone, Copy, PartialEq)]
pub enum UnitsOf {
    Unsaid,
    Reads,
    Writes,
}

impl UnitsOf {
    /// Read units and write units, of so many units in all.
    fn split(self, units: Option<f64>) -> (Option<f64>, Option<f64>) {
        match self {
            UnitsOf::Unsaid => (None, None),
            UnitsOf::Reads => (units, None),
            UnitsOf::Writes => (None, units),
        }
    }
}

fn of_arms(arms: &Option<IndexMap<String, Capacity>>, units_of: UnitsOf) -> Vec<(String, f64)> {
    let mut arms: Vec<(String, f64)> = arms
        .iter()
        .flatten()
        .map(|(name, capacity)| {
            assert_eq!(
                (capacity.read_capacity_units, capacity.write_capacity_units),
                units_of.split(capacity.capacity_units)
            );
            (name.clone(), capacity.capacity_units.expect("an index has units"))
        })
        .collect();
    arms.sort_by(|left, right| left.0.cmp(&right.0));
    arms
}

/// Panics where the answer reports other units than were consumed.
#[track_caller]
pub fn same_capacity(
    answer: Option<&ConsumedCapacity>,
    mode: Option<ReturnConsumedCapacity>,
    table: &Table,
    consumed: &Consumed,
) {
    same_capacity_of(answer, mode, table, consumed, UnitsOf::Unsaid);
}

/// As [`same_capacity`], where the answer may say what the units are units of.
#[track_caller]
pub fn same_capacity_of(
    answer: Option<&ConsumedCapacity>,
    mode: Option<ReturnConsumedCapacity>,
    table: &Table,
    consumed: &Consumed,
    units_of: UnitsOf,
) {
    let shows_indexes = match mode {
        None | Some(ReturnConsumedCapacity::None) => return same("consumed capacity", None, answer),
        Some(ReturnConsumedCapacity::Total) => false,
        Some(ReturnConsumedCapacity::Indexes) => true,
    };
    let answer = answer.expect("consumed capacity was asked for");
    same(
        "table of the consumed capacity",
        Some(table.name.as_str()),
        answer.table_name.as_deref(),
    );
    same(
        "read and write units",
        units_of.split(answer.capacity_units),
        (answer.read_capacity_units, answer.write_capacity_units),
    );
    // What writes cost an index that is being filled depends on how far that has come.
    let is_sure = |name: &str| {
        table
            .index(name)
            .is_none_or(|index| index.state != IndexState::Creating)
    };
    if !table.is_building_index() {
        same("consumed units", Some(consumed.total()), answer.capacity_units);
    }
    if !shows_indexes {
        same("units of the table alone", None, answer.table.as_ref());
        same(
            "units of indexes",
            (true, true),
            (
                answer.global_secondary_indexes.is_none(),
                answer.local_secondary_indexes.is_none(),
            ),
        );
        return;
    }
    let units = answer.table.as_ref().and_then(|units| units.capacity_units);
    same("units of the table alone", Some(consumed.table), units);
    for (what, expected, answered) in [
        (
            "units of global indexes",
            &consumed.global,
            &answer.global_secondary_indexes,
        ),
        (
            "units of local indexes",
            &consumed.local,
            &answer.local_secondary_indexes,
        ),
    ] {
        let expected: Vec<(String, f64)> = expected
            .iter()
            .map(|(name, units)| (name.clone(), *units))
            .collect();
        let mut answered = of_arms(answered, units_of);
        answered.retain(|(name, _)| is_sure(name));
        same(what, expected, answered);
    }
}

/// Panics where the answer reports other item collections than it should.
#[track_caller]
pub fn same_metrics(
    answer: Option<&ItemCollectionMetrics>,
    mode: Option<ReturnItemCollectionMetrics>,
    table: &Table,
    key: &Attributes,
) {
    if mode != Some(ReturnItemCollectionMetrics::Size) || !table.has_local_indexes() {
        return same("item collection metrics", None, answer);
    }
    let answer = answer.expect("item collection metrics were asked for");
    let name = &table.schema.partition[0].name;
    let collection = Attributes::from([(name.clone(), key[name].canonical())]);
    same_item(
        "item collection",
        Some(&collection),
        answer.item_collection_key.as_ref(),
    );
    same(
        "item collection size",
        Some(&vec![0.0, 1.0]),
        answer.size_estimate_range_gb.as_ref(),
    );
}
