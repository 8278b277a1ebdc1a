//! The core workloads of YCSB, A to F: mixes of reads and writes in which few items are asked for
//! often.
//!
//! An item is a user with ten fields. A short scan is a Query within a group of users, as a Scan of
//! DynamoDB has no order; all writes change one field or put a whole item. A read-modify-write
//! counts as one request.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Call, Chosen, Lengths, Plan, PlannedKind, Scale, Step, get_body, put_body};
use crate::items::{self, Random};
use crate::requests::Requests;
use crate::zipf;

const TABLE: &str = "users";

/// Users of one group: one partition.
const GROUP_USERS: usize = 1000;

/// The longest scan; they are of all lengths up to this.
const SCAN_ITEMS_MAX: usize = 100;

/// The scan that is looked at, and the length that the bare server's answers have: the mean.
const SCAN_ITEMS_USUAL: usize = SCAN_ITEMS_MAX / 2;

/// Fields of a user.
const FIELDS: usize = 10;

/// What keys and names come to.
const FIXED_SIZE_BYTES: usize = 28 + FIELDS * 6;

/// Inserts that are made; further ones write these again.
const INSERTS: usize = 30_000;

/// About as long is a request for one item.
const KEY_BYTES: usize = 60;

pub fn table() -> Value {
    let mut table = items::table();
    table["TableName"] = json!(TABLE);
    table
}

fn key(number: usize) -> Value {
    json!({
        "pk": {"S": format!("group#{:05}", number / GROUP_USERS)},
        "sk": {"S": format!("user#{number:08}")},
    })
}

fn field_bytes(item_bytes: usize, field: usize) -> usize {
    let bytes = item_bytes - FIXED_SIZE_BYTES;
    match field {
        0 => bytes / FIELDS + bytes % FIELDS,
        _ => bytes / FIELDS,
    }
}

pub fn item(number: usize, item_bytes: usize) -> Value {
    let mut random = Random::new(number as u64);
    let mut item = key(number);
    for field in 0..FIELDS {
        let filling = items::filling(field_bytes(item_bytes, field), &mut random);
        item[format!("field{field}")] = json!({"S": filling});
    }
    item
}

pub fn ycsb_a(scale: Scale) -> Plan {
    mix(scale, 50, update(scale), None)
}

pub fn ycsb_b(scale: Scale) -> Plan {
    mix(scale, 95, update(scale), None)
}

pub fn ycsb_c(scale: Scale) -> Plan {
    Plan::of(vec![PlannedKind {
        weight: 100,
        chosen: Chosen::Drawn(zipf::spread(scale.numbers(KEY_BYTES).len())),
        first: read(scale),
        then: None,
    }])
}

pub fn ycsb_f(scale: Scale) -> Plan {
    mix(scale, 50, read(scale), Some(update(scale)))
}

/// Reads, as many in a hundred, and another kind; often of the same items.
fn mix(scale: Scale, reads: u32, other: Step, then: Option<Step>) -> Plan {
    let draws = zipf::spread(scale.numbers(KEY_BYTES).len());
    Plan::of(vec![
        PlannedKind {
            weight: reads,
            chosen: Chosen::Drawn(draws.clone()),
            first: read(scale),
            then: None,
        },
        PlannedKind {
            weight: 100 - reads,
            chosen: Chosen::Drawn(draws),
            first: other,
            then,
        },
    ])
}

pub fn ycsb_d(scale: Scale) -> Plan {
    let base = scale.numbers(KEY_BYTES).len();
    let body = |number| get_body(TABLE, key(number));
    let numbers = scale.items - base..scale.items + INSERTS;
    let draws = zipf::ranks(base);
    Plan::of(vec![
        PlannedKind {
            weight: 95,
            chosen: Chosen::Latest { base, draws },
            first: Step::new(reads_user(scale), Requests::new("GetItem", numbers.map(body))),
            then: None,
        },
        insert(scale),
    ])
}

pub fn ycsb_e(scale: Scale) -> Plan {
    let body = |number: usize, limit: usize| {
        let key = key(number);
        json!({
            "TableName": TABLE,
            "KeyConditionExpression": "pk = :pk AND sk >= :sk",
            "ExpressionAttributeValues": {":pk": key["pk"], ":sk": key["sk"]},
            "Limit": limit,
        })
    };
    let numbers: Vec<usize> = scale.numbers(KEY_BYTES).collect();
    let draws: Arc<[u32]> = zipf::spread(numbers.len());
    let mut random = Random::new(0);
    // A scan begins so far before the end of a group that it can have its whole length.
    let bodies = numbers.into_iter().map(|number| {
        let place = number % GROUP_USERS * (GROUP_USERS - SCAN_ITEMS_MAX) / GROUP_USERS;
        body(
            number - number % GROUP_USERS + place,
            1 + random.below(SCAN_ITEMS_MAX),
        )
    });
    let requests = Requests::new("Query", bodies);
    let call = Call::new("Query", body(0, SCAN_ITEMS_USUAL), move |answer| {
        let items = answer["Items"].as_array().map_or(&[] as &[Value], Vec::as_slice);
        let expected = (0..SCAN_ITEMS_USUAL).map(|number| key(number)["sk"].clone());
        items.iter().map(|item| item["sk"].clone()).eq(expected)
    });
    Plan::of(vec![
        PlannedKind {
            weight: 95,
            chosen: Chosen::Drawn(draws),
            first: Step::new(call, requests).with_lengths(Lengths::UpToTwice),
            then: None,
        },
        insert(scale),
    ])
}

fn read(scale: Scale) -> Step {
    let body = |number| get_body(TABLE, key(number));
    Step::new(
        reads_user(scale),
        Requests::new("GetItem", scale.numbers(KEY_BYTES).map(body)),
    )
}

/// Reads the first user, one of whose fields others may have written.
fn reads_user(scale: Scale) -> Call {
    let expected = item(0, scale.item_bytes);
    let length = field_bytes(scale.item_bytes, 0);
    Call::new("GetItem", get_body(TABLE, key(0)), move |answer| {
        let written = &answer["Item"]["field0"];
        let has_length = written["S"].as_str().is_some_and(|text| text.len() == length);
        let mut expected = expected.clone();
        expected["field0"] = written.clone();
        has_length && answer["Item"] == expected
    })
}

fn update(scale: Scale) -> Step {
    let body = |number| {
        let mut random = Random::new(number as u64);
        let filling = items::filling(field_bytes(scale.item_bytes, 0), &mut random);
        json!({
            "TableName": TABLE,
            "Key": key(number),
            "UpdateExpression": "SET field0 = :value",
            "ExpressionAttributeValues": {":value": {"S": filling}},
        })
    };
    let requests = Requests::new("UpdateItem", scale.numbers(KEY_BYTES).map(body)).stamped();
    Step::new(Call::gives("UpdateItem", body(0), json!({})), requests)
}

fn insert(scale: Scale) -> PlannedKind {
    let body = |number| put_body(TABLE, item(number, scale.item_bytes));
    let numbers = scale.items..scale.items + INSERTS;
    PlannedKind {
        weight: 5,
        chosen: Chosen::Insert,
        first: Step::new(
            Call::gives("PutItem", body(scale.items), json!({})),
            Requests::new("PutItem", numbers.map(body)),
        ),
        then: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::items::STAMP;

    #[test]
    fn users_fill_their_groups() {
        assert_eq!(key(999)["pk"], key(0)["pk"]);
        assert_ne!(key(1000)["pk"], key(0)["pk"]);
        assert!(
            item(5, 1024)["field0"]["S"]
                .as_str()
                .is_some_and(|field| field.starts_with(STAMP))
        );
    }
}
