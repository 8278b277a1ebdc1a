//! What an update does to an item, what it returns, and what it refuses with the item at hand.

use serde_json::{Value, json};

use crate::database::Database;

fn update(expression: &str, values: Value) -> Value {
    let mut request =
        json!({"TableName": "table", "Key": {"pk": {"S": "a"}}, "UpdateExpression": expression});
    if values != json!({}) {
        request["ExpressionAttributeValues"] = values;
    }
    request
}

fn returning(mut request: Value, mode: &str) -> Value {
    request["ReturnValues"] = json!(mode);
    request
}

/// Asserts what an update makes of an item; the key aside.
#[track_caller]
fn check(before: Value, expression: &str, values: Value, after: Value) {
    let database = Database::with_table("pk:S");
    let with_key = |attributes: Value| {
        let mut item = json!({"pk": {"S": "a"}});
        item.as_object_mut()
            .unwrap()
            .extend(attributes.as_object().unwrap().clone());
        item
    };
    database.put(with_key(before));
    database
        .case("UpdateItem", update(expression, values))
        .gives("{}");
    assert_eq!(
        database.item(json!({"pk": {"S": "a"}})),
        with_key(after),
        "{expression}"
    );
}

#[test]
fn a_key_is_not_updated_and_its_error_has_no_envelope() {
    let database = Database::with_table("pk:S sk:N");
    let key = json!({"pk": {"S": "a"}, "sk": {"N": "1"}});
    let request = |changes: Value| {
        let mut request = json!({"TableName": "table", "Key": key});
        request
            .as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        request
    };
    let of = |name: &str| {
        format!(
            "One or more parameter values were invalid: Cannot update attribute {name}. This attribute is part of the key"
        )
    };
    let values = json!({":v": {"S": "x"}});
    database
        .case(
            "UpdateItem",
            request(json!({"UpdateExpression": "SET pk = :v", "ExpressionAttributeValues": values})),
        )
        .is_refused(&of("pk"));
    database
        .case("UpdateItem", request(json!({"UpdateExpression": "REMOVE sk"})))
        .is_refused(&of("sk"));
    database
        .case(
            "UpdateItem",
            request(json!({"AttributeUpdates": {"pk": {"Value": {"S": "x"}}}})),
        )
        .is_refused(&of("pk"));
    database
        .case(
            "UpdateItem",
            request(json!({
                "UpdateExpression": "SET #k = :v", "ExpressionAttributeValues": values,
                "ExpressionAttributeNames": {"#k": "pk"},
            })),
        )
        .is_refused(&of("pk"));
}

#[test]
fn a_set_beyond_the_end_of_a_list_appends() {
    check(
        json!({"l": {"L": [{"N": "1"}]}}),
        "SET l[9] = :v",
        json!({":v": {"N": "2"}}),
        json!({"l": {"L": [{"N": "1"}, {"N": "2"}]}}),
    );
    check(
        json!({"l": {"L": []}}),
        "SET l[7] = :b, l[3] = :a",
        json!({":a": {"S": "a"}, ":b": {"S": "b"}}),
        json!({"l": {"L": [{"S": "a"}, {"S": "b"}]}}),
    );
}

#[test]
fn a_delete_that_empties_a_set_removes_the_attribute() {
    check(
        json!({"s": {"SS": ["a", "b"]}}),
        "DELETE s :v",
        json!({":v": {"SS": ["a", "b", "c"]}}),
        json!({}),
    );
    check(
        json!({"s": {"SS": ["a", "b"]}}),
        "DELETE s :v",
        json!({":v": {"SS": ["a"]}}),
        json!({"s": {"SS": ["b"]}}),
    );
    check(json!({}), "DELETE s :v", json!({":v": {"SS": ["a"]}}), json!({}));
}

#[test]
fn every_clause_reads_the_item_as_it_was() {
    let numbers =
        |list: &[&str]| -> Value { json!({"L": list.iter().map(|n| json!({"N": n})).collect::<Vec<_>>()}) };
    check(
        json!({"l": numbers(&["0", "1", "2", "3"])}),
        "REMOVE l[0], l[1]",
        json!({}),
        json!({"l": numbers(&["2", "3"])}),
    );
    check(
        json!({"a": {"N": "1"}, "b": {"N": "2"}}),
        "SET a = b, b = a",
        json!({}),
        json!({"a": {"N": "2"}, "b": {"N": "1"}}),
    );
    check(
        json!({"a": {"N": "1"}}),
        "SET b = a REMOVE a",
        json!({}),
        json!({"b": {"N": "1"}}),
    );
}

#[test]
fn an_update_without_a_change_makes_the_item() {
    let database = Database::with_table("pk:S");
    let key = json!({"pk": {"S": "a"}});
    database
        .case("UpdateItem", json!({"TableName": "table", "Key": key}))
        .gives("{}");
    assert_eq!(database.item(key.clone()), key);
    database
        .case(
            "UpdateItem",
            json!({"TableName": "table", "Key": {"pk": {"S": "b"}}, "UpdateExpression": "REMOVE x"}),
        )
        .gives("{}");
    assert_eq!(
        database.item(json!({"pk": {"S": "b"}})),
        json!({"pk": {"S": "b"}})
    );
}

#[test]
fn a_failed_condition_makes_no_item() {
    let database = Database::with_table("pk:S");
    let mut request = update("SET v = :v", json!({":v": {"N": "1"}}));
    request["ConditionExpression"] = json!("attribute_exists(pk)");
    database.case("UpdateItem", request).fails(
        "ConditionalCheckFailedException",
        "The conditional request failed",
    );
    database
        .case("GetItem", r#"{"TableName":"table","Key":{"pk":{"S":"a"}}}"#)
        .gives("{}");
}

#[test]
fn a_failed_condition_returns_the_item_that_is_asked_for() {
    let database = Database::with_table("pk:S");
    let mut request = update("SET v = :v", json!({":v": {"N": "1"}}));
    request["ConditionExpression"] = json!("v = :v");
    request["ReturnValuesOnConditionCheckFailure"] = json!("ALL_OLD");
    let failed = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
        "message": "The conditional request failed",
    });
    assert_eq!(
        database.case("UpdateItem", &request).response(),
        (400, failed.clone())
    );
    let item = json!({"pk": {"S": "a"}, "v": {"N": "2"}});
    database.put(item.clone());
    let mut with_item = failed.clone();
    with_item["Item"] = item;
    assert_eq!(database.case("UpdateItem", &request).response(), (400, with_item));
    request["ReturnValuesOnConditionCheckFailure"] = json!("NONE");
    assert_eq!(database.case("UpdateItem", &request).response(), (400, failed));
}

#[test]
fn a_missing_attribute_differs_from_every_value() {
    let database = Database::with_table("pk:S");
    let conditional = |operation: &str, condition: &str| {
        let mut request = json!({
            "TableName": "table", "ConditionExpression": condition, "ExpressionAttributeValues": {":v": {"N": "1"}},
        });
        request[if operation == "PutItem" { "Item" } else { "Key" }] = json!({"pk": {"S": "a"}});
        request
    };
    database
        .case("PutItem", conditional("PutItem", "v <> :v"))
        .gives("{}");
    database
        .case("PutItem", conditional("PutItem", "v <> :v"))
        .gives("{}");
    for condition in [
        "v = :v",
        "v < :v",
        "v >= :v",
        "v BETWEEN :v AND :v",
        "v IN (:v)",
        "contains(v, :v)",
    ] {
        database
            .case("DeleteItem", conditional("DeleteItem", condition))
            .fails(
                "ConditionalCheckFailedException",
                "The conditional request failed",
            );
    }
    database
        .case("DeleteItem", conditional("DeleteItem", "NOT v = :v"))
        .gives("{}");
}

#[test]
fn updated_new_returns_every_changed_part_and_nothing_else() {
    let database = Database::with_table("pk:S");
    database.put(json!({
        "pk": {"S": "a"},
        "m": {"M": {"x": {"N": "1"}, "y": {"N": "2"}, "z": {"N": "3"}}},
        "n": {"N": "7"},
    }));
    let request = update(
        "SET m.x = :v, m.y = :w ADD n :v",
        json!({":v": {"N": "5"}, ":w": {"N": "6"}}),
    );
    let images = |n: &str, x: &str, y: &str| {
        json!({
            "Attributes": {"m": {"M": {"x": {"N": x}, "y": {"N": y}}}, "n": {"N": n}},
        })
    };
    database
        .case("UpdateItem", returning(request.clone(), "UPDATED_NEW"))
        .gives(images("12", "5", "6"));
    database
        .case("UpdateItem", returning(request, "UPDATED_OLD"))
        .gives(images("12", "5", "6"));
}

#[test]
fn there_is_nothing_to_return_of_what_was_not_there() {
    let database = Database::with_table("pk:S");
    let set = update("SET v = :v", json!({":v": {"N": "1"}}));
    database
        .case("UpdateItem", returning(set.clone(), "UPDATED_OLD"))
        .gives("{}");
    database
        .case(
            "UpdateItem",
            returning(update("REMOVE v", json!({})), "UPDATED_NEW"),
        )
        .gives("{}");
    let gone = json!({"TableName": "table", "Key": {"pk": {"S": "b"}}, "ReturnValues": "ALL_OLD"});
    database.case("DeleteItem", &gone).gives("{}");
    database.case("UpdateItem", &gone).gives("{}");
    database
        .case("UpdateItem", returning(set, "ALL_NEW"))
        .gives(json!({"Attributes": {"pk": {"S": "a"}, "v": {"N": "1"}}}));
}

#[test]
fn put_and_delete_return_the_old_item() {
    let database = Database::with_table("pk:S");
    let put = |v: &str| {
        json!({
            "TableName": "table", "Item": {"pk": {"S": "a"}, "v": {"N": v}}, "ReturnValues": "ALL_OLD",
        })
    };
    database.case("PutItem", put("1")).gives("{}");
    database
        .case("PutItem", put("2"))
        .gives(json!({"Attributes": {"pk": {"S": "a"}, "v": {"N": "1"}}}));
    database
        .case(
            "DeleteItem",
            json!({"TableName": "table", "Key": {"pk": {"S": "a"}}, "ReturnValues": "ALL_OLD"}),
        )
        .gives(json!({"Attributes": {"pk": {"S": "a"}, "v": {"N": "2"}}}));
}

#[test]
fn an_update_that_does_not_fit_the_item_is_refused() {
    let database = Database::with_table("pk:S");
    database.put(json!({"pk": {"S": "a"}, "s": {"S": "x"}, "l": {"L": []}}));
    let one = json!({":v": {"N": "1"}});
    let bad_type = "An operand in the update expression has an incorrect data type";
    let bad_path = "The document path provided in the update expression is invalid for update";
    let missing = "The provided expression refers to an attribute that does not exist in the item";
    for (expression, values, message) in [
        ("ADD s :v", one.clone(), bad_type),
        ("SET s = s + :v", one.clone(), bad_type),
        ("SET l = list_append(s, l)", json!({}), bad_type),
        ("SET s.x = :v", one.clone(), bad_path),
        ("SET m.x = :v", one.clone(), bad_path),
        ("SET l.x = :v", one.clone(), bad_path),
        ("REMOVE m.x", json!({}), bad_path),
        ("SET v = m + :v", one.clone(), missing),
        ("SET v = l[0]", json!({}), missing),
    ] {
        database
            .case("UpdateItem", update(expression, values))
            .is_refused(message);
    }
    assert_eq!(
        database.item(json!({"pk": {"S": "a"}})),
        json!({"pk": {"S": "a"}, "s": {"S": "x"}, "l": {"L": []}})
    );
}

#[test]
fn an_update_may_touch_each_path_once() {
    let database = Database::empty();
    let one = json!({":v": {"N": "1"}});
    let invalid = "1 validation error detected: Invalid UpdateExpression: ";
    for (expression, message) in [
        (
            "SET a = :v, a.b = :v",
            "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path \
             two: [a, b]",
        ),
        (
            "SET a = :v SET b = :v",
            "The \"SET\" section can only be used once in an update expression;",
        ),
        (
            "SET a[0] = :v, a.b = :v",
            "Two document paths conflict with each other; must remove or rewrite one of these paths; path one: [a, [0]], \
             path two: [a, b]",
        ),
    ] {
        database
            .case("UpdateItem", update(expression, one.clone()))
            .is_refused(&format!("{invalid}{message}"));
    }
}
