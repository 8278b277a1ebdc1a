//! The checks of a request's members, before anything is looked up: their order and their words.

use serde_json::{Value, json};

use crate::database::Database;

const NOT_NULL: &str = "failed to satisfy constraint: Member must not be null";
const BAD_CAPACITY: &str = "Value 'BAD' at 'returnConsumedCapacity' failed to satisfy constraint: Member must satisfy \
                            enum value set: [INDEXES, TOTAL, NONE]";
const BAD_METRICS: &str = "Value 'BAD' at 'returnItemCollectionMetrics' failed to satisfy constraint: Member must \
                           satisfy enum value set: [SIZE, NONE]";
const BAD_RETURN_VALUES: &str = "Failed to satisfy constraint: Member must satisfy enum value set: [ALL_OLD, \
                                 UPDATED_OLD, ALL_NEW, UPDATE_NEW, NONE]";

/// A request that is sound but for its table, for each operation on items.
fn requests(table: &str) -> [(&'static str, Value); 8] {
    let key = json!({"pk": {"S": "a"}});
    [
        ("PutItem", json!({"TableName": table, "Item": key})),
        ("GetItem", json!({"TableName": table, "Key": key})),
        ("UpdateItem", json!({"TableName": table, "Key": key})),
        ("DeleteItem", json!({"TableName": table, "Key": key})),
        (
            "Query",
            json!({
                "TableName": table,
                "KeyConditionExpression": "pk = :a",
                "ExpressionAttributeValues": {":a": {"S": "a"}},
            }),
        ),
        ("Scan", json!({"TableName": table})),
        ("BatchGetItem", json!({"RequestItems": {table: {"Keys": [key]}}})),
        (
            "BatchWriteItem",
            json!({"RequestItems": {table: [{"DeleteRequest": {"Key": key}}]}}),
        ),
    ]
}

fn with(mut request: Value, changes: Value) -> Value {
    let Value::Object(changes) = changes else {
        panic!("{changes}")
    };
    request.as_object_mut().unwrap().extend(changes);
    request
}

fn put(changes: Value) -> Value {
    with(json!({"TableName": "table", "Item": {"pk": {"S": "a"}}}), changes)
}

fn keyed(changes: Value) -> Value {
    with(json!({"TableName": "table", "Key": {"pk": {"S": "a"}}}), changes)
}

#[test]
fn members_are_checked_before_the_table_is_looked_up() {
    let database = Database::empty();
    for (operation, request) in requests("nowhere") {
        let request = with(request, json!({"ReturnConsumedCapacity": "BAD"}));
        database
            .case(operation, request)
            .is_refused(&format!("1 validation error detected: {BAD_CAPACITY}"));
    }
}

#[test]
fn a_missing_table_is_worded_alike_by_every_operation_on_items() {
    let database = Database::empty();
    for (operation, request) in requests("nowhere") {
        database
            .case(operation, request)
            .fails("ResourceNotFoundException", "Requested resource not found");
    }
}

#[test]
fn an_operation_on_the_table_itself_names_the_missing_table() {
    let database = Database::empty();
    for operation in ["DescribeTable", "DeleteTable", "DescribeTimeToLive"] {
        database.case(operation, r#"{"TableName":"nowhere"}"#).fails(
            "ResourceNotFoundException",
            "Requested resource not found: Table: nowhere not found",
        );
    }
}

#[test]
fn bad_members_are_reported_together() {
    let database = Database::empty();
    let bad =
        json!({"ReturnConsumedCapacity": "BAD", "ReturnItemCollectionMetrics": "BAD", "ReturnValues": "BAD"});
    database.case("PutItem", put(bad.clone())).is_refused(&format!(
        "3 validation errors detected: {BAD_CAPACITY}; {BAD_RETURN_VALUES}; {BAD_METRICS}"
    ));
    let two = json!({"ReturnConsumedCapacity": "BAD", "ReturnValues": "BAD"});
    database.case("DeleteItem", keyed(two)).is_refused(&format!(
        "2 validation errors detected: {BAD_CAPACITY}; {BAD_RETURN_VALUES}"
    ));
    database.case("PutItem", "{}").is_refused(&format!(
        "2 validation errors detected: Value null at 'tableName' {NOT_NULL}; Value null at 'item' {NOT_NULL}"
    ));
}

#[test]
fn an_empty_table_name_is_reported_alone() {
    let database = Database::empty();
    let empty = json!({"TableName": "", "ReturnValues": "BAD", "ReturnConsumedCapacity": "BAD"});
    let alone = "1 validation error detected: Value at 'TableName' failed to satisfy constraint: Member must have \
                 length greater than or equal to 1";
    database.case("PutItem", put(empty.clone())).is_refused(alone);
    database
        .case("UpdateItem", keyed(empty.clone()))
        .is_refused(alone);
    database.case("DeleteItem", keyed(empty)).is_refused(alone);
}

#[test]
fn update_item_stops_at_the_first_bad_enum() {
    let database = Database::empty();
    let alone = |message: &str| format!("1 validation error detected: {message}");
    for (bad, expected) in [
        (
            json!({"ReturnValues": "BAD", "ReturnConsumedCapacity": "BAD"}),
            BAD_RETURN_VALUES,
        ),
        (
            json!({"ReturnConsumedCapacity": "BAD", "ReturnItemCollectionMetrics": "BAD"}),
            BAD_CAPACITY,
        ),
        (json!({"ReturnItemCollectionMetrics": "BAD"}), BAD_METRICS),
    ] {
        database
            .case("UpdateItem", keyed(bad))
            .is_refused(&alone(expected));
    }
}

#[test]
fn update_item_without_a_key_speaks_the_older_wording() {
    let database = Database::empty();
    database
        .case("UpdateItem", json!({"TableName": "table", "ReturnValues": "BAD", "ReturnConsumedCapacity": "BAD"}))
        .is_refused(&format!(
            "3 validation errors detected: {BAD_CAPACITY}; Value 'BAD' at 'returnValues' failed to satisfy \
             constraint: Member must satisfy enum value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]; \
             Value null at 'key' {NOT_NULL}"
        ));
}

#[test]
fn a_bad_return_values_is_worded_without_name_and_with_the_services_slip() {
    let database = Database::empty();
    let expected = format!("1 validation error detected: {BAD_RETURN_VALUES}");
    for (operation, request) in [
        ("PutItem", put(json!({}))),
        ("UpdateItem", keyed(json!({}))),
        ("DeleteItem", keyed(json!({}))),
    ] {
        let request = with(request, json!({"ReturnValues": "INVALID"}));
        database.case(operation, request).is_refused(&expected);
    }
}

#[test]
fn put_and_delete_return_old_values_or_none() {
    let database = Database::with_table("pk:S");
    let message = "1 validation error detected: ReturnValues can only be ALL_OLD or NONE";
    for mode in ["ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"] {
        database
            .case("PutItem", put(json!({"ReturnValues": mode})))
            .is_refused(message);
        database
            .case("DeleteItem", keyed(json!({"ReturnValues": mode})))
            .is_refused(message);
    }
}

#[test]
fn a_missing_table_name_is_worded_by_the_kind_of_operation() {
    let database = Database::empty();
    let null = format!("1 validation error detected: Value null at 'tableName' {NOT_NULL}");
    database
        .case("PutItem", json!({"Item": {"pk": {"S": "a"}}}))
        .is_refused(&null);
    database
        .case("GetItem", json!({"Key": {"pk": {"S": "a"}}}))
        .is_refused(&null);
    database.case("Scan", "{}").is_refused(&null);
    for operation in [
        "CreateTable",
        "UpdateTable",
        "DeleteTable",
        "DescribeTable",
        "DescribeTimeToLive",
    ] {
        database
            .case(operation, "{}")
            .is_refused("The parameter 'TableName' is required but was not present in the request");
    }
}

#[test]
fn table_names_have_lengths_and_letters() {
    let database = Database::empty();
    let create = |name: &str| {
        json!({
            "TableName": name,
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
        })
    };
    let refused = |constraint: &str, name: &str| {
        format!(
            "1 validation error detected: Value '{name}' at 'tableName' failed to satisfy constraint: {constraint}"
        )
    };
    let short = "Member must have length greater than or equal to 3";
    let long = "Member must have length less than or equal to 255";
    let pattern = "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+";
    let longest = "x".repeat(255);
    let too_long = "x".repeat(256);
    database
        .case("CreateTable", create("ab"))
        .is_refused(&refused(short, "ab"));
    database
        .case("CreateTable", create(&too_long))
        .is_refused(&refused(long, &too_long));
    database
        .case("CreateTable", create("a b!"))
        .is_refused(&refused(pattern, "a b!"));
    database.case("CreateTable", create(&longest)).succeeds();
    database.case("CreateTable", create("a.B_c-1")).succeeds();

    let get = |name: &str| json!({"TableName": name, "Key": {"pk": {"S": "a"}}});
    database
        .case("GetItem", get("a"))
        .fails("ResourceNotFoundException", "Requested resource not found");
    database
        .case("GetItem", get(&too_long))
        .is_refused(&refused(long, &too_long));
    database
        .case("GetItem", get("a!"))
        .is_refused(&refused(pattern, "a!"));
}

#[test]
fn enum_members_are_listed_in_the_services_order() {
    let database = Database::empty();
    let query = |changes| {
        with(
            json!({"TableName": "table", "KeyConditionExpression": "pk = :a"}),
            changes,
        )
    };
    database.case("Query", query(json!({"Select": "BAD"}))).is_refused(
        "1 validation error detected: Value 'BAD' at 'select' failed to satisfy constraint: Member must satisfy enum \
         value set: [SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES]",
    );
    let create = |kind: &str, role: &str| {
        json!({
            "TableName": "table",
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": kind}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": role}],
            "BillingMode": "PAY_PER_REQUEST",
        })
    };
    database.case("CreateTable", create("BOOL", "HASH")).is_refused(
        "1 validation error detected: Value 'BOOL' at 'attributeDefinitions.1.member.attributeType' failed to satisfy \
         constraint: Member must satisfy enum value set: [B, N, S]",
    );
    database.case("CreateTable", create("S", "KEY")).is_refused(
        "1 validation error detected: Value 'KEY' at 'keySchema.1.member.keyType' failed to satisfy constraint: \
         Member must satisfy enum value set: [HASH, RANGE]",
    );
}

#[test]
fn a_limit_of_zero_is_reported_without_its_value() {
    let database = Database::empty();
    let message = "1 validation error detected: Value at 'Limit' failed to satisfy constraint: Member must have value \
                   greater than or equal to 1";
    database
        .case(
            "Query",
            json!({"TableName": "table", "KeyConditionExpression": "pk = :a", "Limit": 0}),
        )
        .is_refused(message);
    database
        .case("Scan", json!({"TableName": "table", "Limit": 0}))
        .is_refused(message);
}

#[test]
fn a_number_where_a_string_belongs_is_no_request() {
    let database = Database::empty();
    for (item, message) in [
        (
            json!({"pk": {"N": 5}}),
            "NUMBER_VALUE cannot be converted to String",
        ),
        (
            json!({"pk": {"S": true}}),
            "TRUE_VALUE cannot be converted to String",
        ),
        (
            json!({"pk": {"S": 1.5}}),
            "DECIMAL_VALUE cannot be converted to String",
        ),
        (
            json!([]),
            "Unrecognized collection type java.util.Map<java.lang.String, \
                     com.amazonaws.dynamodb.v20120810.AttributeValue>",
        ),
    ] {
        let request = json!({"TableName": "table", "Item": item});
        database
            .case("PutItem", request)
            .fails("SerializationException", message);
    }
}

#[test]
fn errors_name_their_type_with_its_namespace() {
    let database = Database::with_table("pk:S");
    database.put(json!({"pk": {"S": "a"}}));
    let condition = json!({"ConditionExpression": "attribute_not_exists(pk)"});
    for (operation, request, name, member) in [
        (
            "PutItem",
            json!({}),
            "com.amazon.coral.validate#ValidationException",
            "message",
        ),
        (
            "PutItem",
            json!({"Item": 1}),
            "com.amazon.coral.service#SerializationException",
            "Message",
        ),
        (
            "DescribeTable",
            json!({"TableName": "nowhere"}),
            "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException",
            "message",
        ),
        (
            "PutItem",
            put(condition),
            "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
            "message",
        ),
        (
            "EnableKinesisStreamingDestination",
            json!({}),
            "com.amazon.coral.service#UnknownOperationException",
            "message",
        ),
    ] {
        let (status, body) = database.case(operation, request).response();
        assert_eq!((status, body["__type"].as_str()), (400, Some(name)), "{body}");
        assert!(body[member].is_string(), "{body}");
    }
}
