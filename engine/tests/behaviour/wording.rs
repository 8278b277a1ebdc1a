//! The two wordings of the service: which operation speaks which, and what each says about values.

use serde_json::{Value, json};

use crate::database::Database;

/// Every way to send a value: the operation, the request around it, and whether its errors are put
/// into an envelope.
fn surfaces(value: &Value) -> Vec<(&'static str, Value, bool)> {
    let key = json!({"pk": {"S": "a"}});
    let item = json!({"pk": {"S": "a"}, "v": value});
    vec![
        ("PutItem", json!({"TableName": "table", "Item": item}), true),
        (
            "PutItem",
            json!({
                "TableName": "table", "Item": key, "ConditionExpression": "v = :v",
                "ExpressionAttributeValues": {":v": value},
            }),
            true,
        ),
        (
            "UpdateItem",
            json!({
                "TableName": "table", "Key": key, "UpdateExpression": "SET v = :v",
                "ExpressionAttributeValues": {":v": value},
            }),
            true,
        ),
        (
            "DeleteItem",
            json!({
                "TableName": "table", "Key": key, "ConditionExpression": "v = :v",
                "ExpressionAttributeValues": {":v": value},
            }),
            true,
        ),
        (
            "GetItem",
            json!({"TableName": "table", "Key": {"pk": value}}),
            false,
        ),
        (
            "BatchGetItem",
            json!({"RequestItems": {"table": {"Keys": [{"pk": value}]}}}),
            false,
        ),
        (
            "Query",
            json!({
                "TableName": "table", "KeyConditionExpression": "pk = :v",
                "ExpressionAttributeValues": {":v": value},
            }),
            false,
        ),
        (
            "Scan",
            json!({
                "TableName": "table", "FilterExpression": "v = :v",
                "ExpressionAttributeValues": {":v": value},
            }),
            false,
        ),
    ]
}

/// Asserts what the operations of the current and of the older wording say about a value.
#[track_caller]
fn check(value: Value, current: &str, older: &str) {
    let database = Database::empty();
    for (operation, request, enveloped) in surfaces(&value) {
        let envelope = if enveloped {
            "1 validation error detected: "
        } else {
            ""
        };
        database
            .case(operation, request)
            .is_refused(&format!("{envelope}{current}"));
    }
    let put = json!({"PutRequest": {"Item": {"pk": {"S": "a"}, "v": value}}});
    database
        .case("BatchWriteItem", json!({"RequestItems": {"table": [put]}}))
        .is_refused(older);
}

#[test]
fn each_operation_has_its_wording() {
    let message =
        "One or more parameter values were invalid: Null attribute value types must have the value of true";
    check(json!({"NULL": false}), message, message);
}

#[test]
fn what_is_no_number_is_repeated_after_a_colon() {
    let message = "The parameter cannot be converted to a numeric value";
    let of = |text: &str| format!("{message}: {text}");
    check(json!({"N": "abc"}), &of("abc"), &of("abc"));
    check(json!({"NS": ["1", "x"]}), &of("x"), &of("x"));
    // The older wording of an empty number has no colon.
    check(json!({"N": ""}), &of(""), message);
}

#[test]
fn the_wordings_disagree_about_an_exponent_beyond_32_bits() {
    let overflow = "Number overflow. Attempting to store a number with magnitude larger than supported range";
    let underflow =
        "Number underflow. Attempting to store a number with magnitude smaller than supported range";
    check(json!({"N": "1e126"}), overflow, overflow);
    check(json!({"N": "1e-131"}), underflow, underflow);
    check(json!({"N": "1e2147483647"}), overflow, underflow);
}

#[test]
fn repeated_strings_are_listed_up_to_the_repeat() {
    check(
        json!({"SS": ["b", "a", "b"]}),
        r#"One or more parameter values were invalid: Input collection ["a", "b", "b"] contains duplicates."#,
        "One or more parameter values were invalid: Input collection [b, a, b] contains duplicates.",
    );
    check(
        json!({"SS": ["a", "a"]}),
        r#"One or more parameter values were invalid: Input collection ["a", "a"] contains duplicates."#,
        "One or more parameter values were invalid: Input collection [a, a] contains duplicates.",
    );
}

#[test]
fn repeated_binaries_are_listed_without_a_blank() {
    check(
        json!({"BS": ["/w==", "AA==", "AA=="]}),
        r#"One or more parameter values were invalid: Input collection ["AA==","/w==","AA=="]of type BS contains duplicates."#,
        "One or more parameter values were invalid: Input collection [/w==, AA==, AA==]of type BS contains duplicates.",
    );
}

#[test]
fn repeated_numbers_are_not_listed() {
    check(
        json!({"NS": ["1", "2", "1.0"]}),
        "One or more parameter values were invalid: Input collection contains duplicates.",
        "Input collection contains duplicates",
    );
}

#[test]
fn empty_sets_are_refused_in_three_sentences() {
    for (value, message) in [
        (
            json!({"SS": []}),
            "One or more parameter values were invalid: An string set  may not be empty",
        ),
        (
            json!({"NS": []}),
            "One or more parameter values were invalid: An number set  may not be empty",
        ),
        (
            json!({"BS": []}),
            "One or more parameter values were invalid: Binary sets should not be empty",
        ),
    ] {
        check(value, message, message);
    }
}

#[test]
fn a_value_without_a_type_or_with_two_is_never_put_into_the_envelope() {
    let database = Database::empty();
    let empty = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes";
    let both = "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported \
                datatypes";
    for (value, message) in [
        (json!({}), empty),
        (json!({"X": "a"}), empty),
        (json!({"S": "a", "N": "1"}), both),
    ] {
        for (operation, request, _) in surfaces(&value) {
            database.case(operation, request).is_refused(message);
        }
    }
}

#[test]
fn the_items_own_checks_of_put_item_are_in_the_envelope() {
    let database = Database::with_table("pk:S");
    let put = |changes: Value| {
        let mut request = json!({"TableName": "table", "Item": {"pk": {"S": "a"}}});
        request
            .as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        request
    };
    let expected = json!({"a": {"Exists": false}});
    database.refuses(
        "PutItem",
        &[
            (
                put(json!({"Expected": expected, "ConditionExpression": "attribute_not_exists(a)"})),
                "1 validation error detected: Can not use both expression and non-expression parameters in the same \
                 request: Non-expression parameters: {Expected} Expression parameters: {ConditionExpression}",
            ),
            (
                put(json!({"ExpressionAttributeValues": {":a": {"S": "a"}}})),
                "1 validation error detected: ExpressionAttributeValues can only be specified when using expressions",
            ),
            (
                put(json!({"ExpressionAttributeNames": {"#a": "a"}})),
                "1 validation error detected: ExpressionAttributeNames can only be specified when using expressions",
            ),
        ],
    );
}

#[test]
fn values_of_a_delete_need_an_expression() {
    let database = Database::with_table("pk:S");
    let request = json!({
        "TableName": "table", "Key": {"pk": {"S": "a"}}, "ExpressionAttributeValues": {":a": {"S": "a"}},
    });
    database.case("DeleteItem", request).is_refused(
        "1 validation error detected: ExpressionAttributeValues can only be specified when using expressions",
    );
}

#[test]
fn expression_errors_of_update_item_are_in_the_envelope() {
    let database = Database::with_table("pk:S");
    let update = |changes: Value| {
        let mut request = json!({"TableName": "table", "Key": {"pk": {"S": "a"}}});
        request
            .as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        request
    };
    let values = json!({":v": {"N": "1"}});
    database.refuses(
        "UpdateItem",
        &[
            (
                update(json!({"UpdateExpression": "INVALID SYNTAX HERE"})),
                "1 validation error detected: Invalid UpdateExpression: Syntax error; token: \"INVALID\", near: \
                 \"INVALID SYNTAX\"",
            ),
            (
                update(json!({"UpdateExpression": ""})),
                "1 validation error detected: Invalid UpdateExpression: The expression can not be empty;",
            ),
            (
                update(json!({"UpdateExpression": "SET a = :w", "ExpressionAttributeValues": values})),
                "1 validation error detected: Invalid UpdateExpression: An expression attribute value used in \
                 expression is not defined; attribute value: :w",
            ),
            (
                update(json!({
                    "UpdateExpression": "SET a = :v",
                    "ExpressionAttributeValues": {":v": {"N": "1"}, ":w": {"N": "1"}},
                })),
                "1 validation error detected: Value provided in ExpressionAttributeValues unused in expressions: keys: \
                 {:w}",
            ),
            (
                update(json!({
                    "UpdateExpression": "SET a = :v",
                    "ExpressionAttributeValues": values,
                    "ExpressionAttributeNames": {"#b": "b"},
                })),
                "1 validation error detected: Value provided in ExpressionAttributeNames unused in expressions: keys: \
                 {#b}",
            ),
            (
                update(json!({
                    "UpdateExpression": "SET a = :v",
                    "ExpressionAttributeValues": values,
                    "AttributeUpdates": {"a": {"Value": {"N": "1"}}},
                })),
                "1 validation error detected: Can not use both expression and non-expression parameters in the same \
                 request: Non-expression parameters: {AttributeUpdates} Expression parameters: {UpdateExpression}",
            ),
        ],
    );
}
