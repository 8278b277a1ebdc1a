//! Workloads of single operations, on orders by customer.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{Call, Lengths, Plan, Scale, Step, get_body, put_body};
use crate::filling;
use crate::items::{self, ITEMS_PER_PARTITION, STAMP, TABLE};
use crate::requests::Requests;

/// Items of a page of a Scan.
const PAGE_ITEMS: usize = 50;

/// Items that a Query of an open range returns.
const OPEN_RANGE_ITEMS: usize = 10;

/// Keys of a BatchGetItem.
const BATCH_GET_KEYS: usize = 100;

/// Writes of a transaction.
const TRANSACTION_WRITES: usize = 4;

/// Requests of a kind whose answers are so long that few are sent.
const LONG_REQUESTS_MAX: usize = 2000;

/// About as long are the keys of an item.
const KEY_BYTES: usize = 60;

/// The table with indexes has this name.
const INDEXED_TABLE: &str = "indexed-orders";

/// What `order_id` adds to an item.
const ORDER_ID_BYTES: usize = 8 + STAMP.len();

pub fn get_item(scale: Scale) -> Plan {
    let body = |number| get_body(TABLE, items::key(number));
    let call = Call::gives(
        "GetItem",
        body(0),
        json!({"Item": items::item_of(0, scale.item_bytes)}),
    );
    Plan::uniform(Step::new(
        call,
        Requests::new("GetItem", scale.numbers(KEY_BYTES).map(body)),
    ))
}

pub fn query(scale: Scale) -> Plan {
    let body = |number| {
        json!({
            "TableName": TABLE,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": items::partition_key(number)}},
        })
    };
    let count = ITEMS_PER_PARTITION.min(scale.items);
    let expected = json!({
        "Count": count,
        "ScannedCount": count,
        "Items": (0..count).map(|number| items::item_of(number, scale.item_bytes)).collect::<Vec<_>>(),
    });
    // The last partition may not be whole.
    let whole = (scale.items / ITEMS_PER_PARTITION).max(1);
    let numbers = (0..whole.min(LONG_REQUESTS_MAX))
        .map(|index| index * whole / whole.min(LONG_REQUESTS_MAX) * ITEMS_PER_PARTITION);
    let requests = Requests::new("Query", numbers.map(body));
    Plan::uniform(Step::new(Call::gives("Query", body(0), expected), requests))
}

pub fn query_open(scale: Scale) -> Plan {
    let body = |number| {
        let key = items::key(number);
        json!({
            "TableName": TABLE,
            "KeyConditionExpression": "pk = :pk AND sk >= :sk",
            "ExpressionAttributeValues": {":pk": key["pk"], ":sk": key["sk"]},
            "Limit": OPEN_RANGE_ITEMS,
        })
    };
    // More than a page follows on each of these, so that all answers have a key to go on from.
    let starts = ITEMS_PER_PARTITION - OPEN_RANGE_ITEMS;
    let numbers = scale
        .numbers(KEY_BYTES)
        .map(|number| number - number % ITEMS_PER_PARTITION + number % ITEMS_PER_PARTITION % starts)
        .filter(|number| number + OPEN_RANGE_ITEMS < scale.items);
    let start = 3;
    let expected = json!({
        "Count": OPEN_RANGE_ITEMS,
        "ScannedCount": OPEN_RANGE_ITEMS,
        "Items": (start..start + OPEN_RANGE_ITEMS)
            .map(|number| items::item_of(number, scale.item_bytes))
            .collect::<Vec<_>>(),
        "LastEvaluatedKey": items::key(start + OPEN_RANGE_ITEMS - 1),
    });
    let requests = Requests::new("Query", numbers.map(body));
    Plan::uniform(Step::new(Call::gives("Query", body(start), expected), requests))
}

pub fn scan(scale: Scale) -> Plan {
    let first = json!({"TableName": TABLE, "Limit": PAGE_ITEMS});
    let body = |number| {
        let mut body = first.clone();
        body["ExclusiveStartKey"] = items::key(number);
        body
    };
    let requests = Requests::new("Scan", scale.numbers(KEY_BYTES).map(body));
    let call = Call::new("Scan", first.clone(), |answer| {
        let items = answer["Items"].as_array().map_or(&[] as &[Value], Vec::as_slice);
        let keys: HashSet<String> = items
            .iter()
            .map(|item| format!("{} {}", item["pk"], item["sk"]))
            .collect();
        keys.len() == PAGE_ITEMS && answer["Count"] == PAGE_ITEMS && answer["LastEvaluatedKey"].is_object()
    });
    Plan::uniform(Step::new(call, requests).with_lengths(Lengths::UpTo))
}

pub fn batch_get(scale: Scale) -> Plan {
    let keys = BATCH_GET_KEYS.min(scale.items);
    let numbers =
        move |first: usize| (0..keys).map(move |key| (first + key * scale.items / keys) % scale.items);
    let body = |first| {
        let keys: Vec<Value> = numbers(first).map(items::key).collect();
        json!({"RequestItems": {TABLE: {"Keys": keys}}})
    };
    let mut expected: Vec<String> = numbers(0)
        .map(|number| items::item_of(number, scale.item_bytes).to_string())
        .collect();
    expected.sort_unstable();
    // The order of the items is not promised.
    let call = Call::new("BatchGetItem", body(0), move |answer| {
        let items = answer["Responses"][TABLE].as_array();
        let mut items: Vec<String> = items.into_iter().flatten().map(Value::to_string).collect();
        items.sort_unstable();
        items == expected
    });
    let firsts = 0..scale.items.min(LONG_REQUESTS_MAX);
    Plan::uniform(Step::new(call, Requests::new("BatchGetItem", firsts.map(body))))
}

pub fn put_item(scale: Scale) -> Plan {
    let body = |number| put_body(TABLE, items::item_of(number, scale.item_bytes));
    let requests = Requests::new("PutItem", scale.numbers(scale.item_bytes).map(body)).stamped();
    Plan::uniform(Step::new(Call::gives("PutItem", body(0), json!({})), requests))
        .followed_by(reads_back(scale))
}

pub fn batch_write(scale: Scale) -> Plan {
    let (call, requests) = batches(scale, scale.items);
    Plan::uniform(Step::new(call, requests.stamped())).followed_by(reads_back(scale))
}

pub fn transact_write(scale: Scale) -> Plan {
    let apart = scale.items / TRANSACTION_WRITES;
    let body = |first: usize| {
        let puts: Vec<Value> = (0..TRANSACTION_WRITES)
            .map(|put| items::item_of(first + put * apart, scale.item_bytes))
            .map(|item| json!({"Put": put_body(TABLE, item)}))
            .collect();
        json!({"TransactItems": puts})
    };
    let firsts = Scale {
        items: apart.max(1),
        ..scale
    };
    let numbers = firsts.numbers(TRANSACTION_WRITES * scale.item_bytes);
    let requests = Requests::new("TransactWriteItems", numbers.map(body)).stamped();
    let call = Call::gives("TransactWriteItems", body(0), json!({}));
    Plan::uniform(Step::new(call, requests)).followed_by(reads_back(scale))
}

pub fn update_item(scale: Scale) -> Plan {
    counters(scale.numbers(KEY_BYTES))
}

pub fn hot_key(_scale: Scale) -> Plan {
    counters([0].into_iter())
}

/// Adds one to a counter of these items.
fn counters(numbers: impl Iterator<Item = usize>) -> Plan {
    let body = |number| {
        json!({
            "TableName": TABLE,
            "Key": items::key(number),
            "UpdateExpression": "ADD hits :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        })
    };
    let counted = Call::new("GetItem", get_body(TABLE, items::key(0)), |answer| {
        let hits = answer["Item"]["hits"]["N"].as_str();
        hits.and_then(|hits| hits.parse::<u64>().ok())
            .is_some_and(|hits| hits > 0)
    });
    let call = Call::gives("UpdateItem", body(0), json!({}));
    Plan::uniform(Step::new(call, Requests::new("UpdateItem", numbers.map(body)))).followed_by(counted)
}

pub fn delete_item(scale: Scale) -> Plan {
    let body = |number| get_body(TABLE, items::key(number));
    // Whatever is removed must be what the batches write, in the same order.
    let numbers = 0..scale.numbers(scale.item_bytes).len();
    let (refill, refills) = batches(scale, numbers.len());
    let call = Call::gives("DeleteItem", body(0), json!({}));
    let mut plan = Plan::uniform(Step::new(call, Requests::new("DeleteItem", numbers.map(body))));
    // The batch that is looked at has written the first item again; the second one is deleted.
    plan = plan
        .followed_by(Call::gives("DeleteItem", body(1), json!({})))
        .followed_by(Call::gives("GetItem", body(1), json!({})))
        .followed_by(Call::gives(
            "PutItem",
            put_body(TABLE, items::item_of(1, scale.item_bytes)),
            json!({}),
        ));
    plan.refills = Some((Step::new(refill, refills), filling::batch_items(scale.item_bytes)));
    plan
}

pub fn put_indexed(scale: Scale) -> Plan {
    let body = |number| {
        let mut item = indexed_item(number, scale.item_bytes);
        item["order_id"] = json!({"S": STAMP});
        put_body(INDEXED_TABLE, item)
    };
    let requests = Requests::new("PutItem", scale.numbers(scale.item_bytes).map(body)).stamped();
    let by_order = json!({
        "TableName": INDEXED_TABLE,
        "IndexName": "by_order",
        "KeyConditionExpression": "order_id = :id",
        "ExpressionAttributeValues": {":id": {"S": STAMP}},
    });
    let key = items::key(0);
    Plan::uniform(Step::new(Call::gives("PutItem", body(0), json!({})), requests)).followed_by(Call::new(
        "Query",
        by_order,
        move |answer| answer["Count"] == 1 && answer["Items"][0]["pk"] == key["pk"],
    ))
}

/// Batches that write the first `count` items.
fn batches(scale: Scale, count: usize) -> (Call, Requests) {
    let batch_items = filling::batch_items(scale.item_bytes);
    let body = |first: usize| {
        let numbers = first..scale.items.min(first + batch_items);
        filling::batch(
            TABLE,
            numbers.map(|number| items::item_of(number, scale.item_bytes)),
        )
    };
    let firsts = (0..count).step_by(batch_items);
    let fitting = super::REQUEST_BYTES_MAX / (batch_items * (scale.item_bytes + KEY_BYTES));
    let requests = Requests::new("BatchWriteItem", firsts.take(fitting.max(1)).map(body));
    let call = Call::gives("BatchWriteItem", body(0), json!({"UnprocessedItems": {}}));
    (call, requests)
}

/// The first item is as it was written.
fn reads_back(scale: Scale) -> Call {
    let expected = json!({"Item": items::item_of(0, scale.item_bytes)});
    Call::gives("GetItem", get_body(TABLE, items::key(0)), expected)
}

/// The table of orders with two indexes, one of them over an attribute that each write changes,
/// and a stream.
pub fn indexed_table() -> Value {
    let mut table = items::table();
    table["TableName"] = json!(INDEXED_TABLE);
    table["AttributeDefinitions"] = json!([
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "S"},
        {"AttributeName": "status", "AttributeType": "S"},
        {"AttributeName": "created_at", "AttributeType": "S"},
        {"AttributeName": "order_id", "AttributeType": "S"},
    ]);
    table["GlobalSecondaryIndexes"] = json!([
        {
            "IndexName": "by_status",
            "KeySchema": [
                {"AttributeName": "status", "KeyType": "HASH"},
                {"AttributeName": "created_at", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        },
        {
            "IndexName": "by_order",
            "KeySchema": [{"AttributeName": "order_id", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        },
    ]);
    table["StreamSpecification"] = json!({"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"});
    table
}

/// An order with an identifier.
pub fn indexed_item(number: usize, item_bytes: usize) -> Value {
    let mut item = items::item_of(number, item_bytes - ORDER_ID_BYTES);
    item["order_id"] = json!({"S": format!("{number:016x}")});
    item
}
