//! Values other than numbers: what may be empty, how deep they nest, how large an item may be.

use serde_json::{Value, json};

use crate::database::Database;

const TOO_DEEP: &str = "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond \
                        supported limit";

/// A string inside so many maps.
fn nested(wrappers: usize) -> Value {
    (0..wrappers).fold(json!({"S": "leaf"}), |value, _| json!({"M": {"m": value}}))
}

fn put(value: Value) -> Value {
    json!({"TableName": "table", "Item": {"pk": {"S": "a"}, "v": value}})
}

#[test]
fn values_nest_to_32_levels() {
    let database = Database::with_table("pk:S");
    database.case("PutItem", put(nested(31))).gives("{}");
    assert_eq!(database.item(json!({"pk": {"S": "a"}}))["v"], nested(31));
    database
        .case("PutItem", put(nested(32)))
        .is_refused(&format!("1 validation error detected: {TOO_DEEP}"));
    let in_list = (0..32).fold(json!({"S": "leaf"}), |value, _| json!({"L": [value]}));
    database
        .case("PutItem", put(in_list))
        .is_refused(&format!("1 validation error detected: {TOO_DEEP}"));
}

#[test]
fn values_of_expressions_nest_as_deep_as_items() {
    let database = Database::with_table("pk:S");
    let update = |wrappers: usize| {
        json!({
            "TableName": "table", "Key": {"pk": {"S": "a"}}, "UpdateExpression": "SET v = :v",
            "ExpressionAttributeValues": {":v": nested(wrappers)},
        })
    };
    database.case("UpdateItem", update(31)).gives("{}");
    database
        .case("UpdateItem", update(32))
        .is_refused(&format!("1 validation error detected: {TOO_DEEP}"));
    let scan = json!({
        "TableName": "table", "FilterExpression": "v = :v", "ExpressionAttributeValues": {":v": nested(32)},
    });
    database.case("Scan", scan).is_refused(TOO_DEEP);
}

#[test]
fn empty_strings_and_binaries_are_values() {
    let database = Database::with_table("pk:S");
    let item = json!({
        "pk": {"S": "a"},
        "s": {"S": ""},
        "b": {"B": ""},
        "l": {"L": [{"S": ""}, {"B": ""}]},
        "m": {"M": {"x": {"S": ""}}},
        "ss": {"SS": ["", "a"]},
        "bs": {"BS": ["", "AA=="]},
    });
    database.put(item.clone());
    assert_eq!(database.item(json!({"pk": {"S": "a"}})), item);
}

#[test]
fn empty_lists_and_maps_are_values() {
    let database = Database::with_table("pk:S");
    let item = json!({"pk": {"S": "a"}, "l": {"L": []}, "m": {"M": {}}});
    database.put(item.clone());
    assert_eq!(database.item(json!({"pk": {"S": "a"}})), item);
}

#[test]
fn sets_come_back_in_order() {
    let database = Database::with_table("pk:S");
    database.put(json!({
        "pk": {"S": "a"}, "ss": {"SS": ["b", "B", "a"]}, "ns": {"NS": ["10", "-1", "9"]}, "bs": {"BS": ["/w==", "AA=="]},
    }));
    let item = database.item(json!({"pk": {"S": "a"}}));
    assert_eq!(item["ss"], json!({"SS": ["B", "a", "b"]}));
    assert_eq!(item["ns"], json!({"NS": ["-1", "9", "10"]}));
    assert_eq!(item["bs"], json!({"BS": ["AA==", "/w=="]}));
}

/// An item of so many bytes: two for each name, one for the key.
fn item_of(size_bytes: usize) -> Value {
    json!({"pk": {"S": "a"}, "vv": {"S": "x".repeat(size_bytes - 5)}})
}

#[test]
fn an_item_has_at_most_409_600_bytes() {
    let database = Database::with_table("pk:S");
    let too_large = "Item size has exceeded the maximum allowed size";
    let put = |size_bytes| json!({"TableName": "table", "Item": item_of(size_bytes)});
    let batch =
        |size_bytes| json!({"RequestItems": {"table": [{"PutRequest": {"Item": item_of(size_bytes)}}]}});
    database.case("PutItem", put(409_600)).gives("{}");
    database.case("PutItem", put(409_601)).is_refused(too_large);
    database.case("BatchWriteItem", batch(409_600)).succeeds();
    database
        .case("BatchWriteItem", batch(409_601))
        .is_refused(too_large);
}

#[test]
fn a_put_is_too_large_before_its_table_is_missing() {
    let database = Database::empty();
    database
        .case(
            "PutItem",
            json!({"TableName": "nowhere", "Item": item_of(409_601)}),
        )
        .is_refused("Item size has exceeded the maximum allowed size");
}

#[test]
fn an_updated_item_has_the_same_limit() {
    let database = Database::with_table("pk:S");
    let update = |length: usize| {
        json!({
            "TableName": "table", "Key": {"pk": {"S": "a"}}, "UpdateExpression": "SET w = :w",
            "ExpressionAttributeValues": {":w": {"S": "x".repeat(length)}},
        })
    };
    let half = 200_000;
    database.put(item_of(half));
    database
        .case("UpdateItem", update(409_600 - half - 1))
        .gives("{}");
    database
        .case("UpdateItem", update(409_600 - half))
        .is_refused("Item size to update has exceeded the maximum allowed size");
}

#[test]
fn an_update_is_measured_by_the_item_that_it_makes() {
    // Many regions measure the statement too, and would refuse this SET of the last bytes.
    let database = Database::with_table("pk:S");
    let request = json!({
        "TableName": "table", "Key": {"pk": {"S": "a"}}, "UpdateExpression": "SET vv = :v",
        "ExpressionAttributeValues": {":v": {"S": "x".repeat(409_600 - 5)}},
    });
    database.case("UpdateItem", request).gives("{}");
    assert_eq!(database.item(json!({"pk": {"S": "a"}})), item_of(409_600));
}
