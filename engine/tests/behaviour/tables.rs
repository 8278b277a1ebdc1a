//! Creating, changing and deleting tables: what is refused, and which states are shown.
//! The tests of `engine/tests/tables` hold the rest of these operations.

use serde_json::{Value, json};

use crate::database::{Database, global, local, table_request};

fn changed(mut request: Value, changes: Value) -> Value {
    request
        .as_object_mut()
        .unwrap()
        .extend(changes.as_object().unwrap().clone());
    request
}

fn key_schema(elements: &[(&str, &str)]) -> Value {
    elements
        .iter()
        .map(|(name, role)| json!({"AttributeName": name, "KeyType": role}))
        .collect()
}

fn definitions(names: &[&str]) -> Value {
    names
        .iter()
        .map(|name| json!({"AttributeName": name, "AttributeType": "S"}))
        .collect()
}

#[track_caller]
fn check_refused(request: Value, message: &str) {
    let database = Database::empty();
    database.case("CreateTable", request).is_refused(message);
    database.case("ListTables", "{}").gives(r#"{"TableNames":[]}"#);
}

#[test]
fn one_attribute_is_not_both_keys() {
    let request = changed(
        table_request("table", "pk:S", &[]),
        json!({"KeySchema": key_schema(&[("pk", "HASH"), ("pk", "RANGE")])}),
    );
    check_refused(
        request,
        "Invalid KeySchema: Some index key attribute have no definition",
    );
}

#[test]
fn a_key_schema_has_one_or_two_elements() {
    let request = table_request("table", "pk:S", &[]);
    let three = key_schema(&[("pk", "HASH"), ("a", "RANGE"), ("b", "RANGE")]);
    check_refused(
        changed(request.clone(), json!({"KeySchema": three})),
        "1 validation error detected: Value '[KeySchemaElement(attributeName=pk, keyType=HASH), \
         KeySchemaElement(attributeName=a, keyType=RANGE), KeySchemaElement(attributeName=b, keyType=RANGE)]' at \
         'keySchema' failed to satisfy constraint: Member must have length less than or equal to 2",
    );
    check_refused(
        changed(request, json!({"KeySchema": []})),
        "1 validation error detected: Value '[]' at 'keySchema' failed to satisfy constraint: Member must have length \
         greater than or equal to 1",
    );
}

#[test]
fn index_names_are_distinct() {
    let message = "One or more parameter values were invalid: Duplicate index name: same";
    let two = [global("same", "a:S", "ALL"), global("same", "b:S", "ALL")];
    check_refused(table_request("table", "pk:S,a:S,b:S", &two), message);
    let mixed = [local("same", "pk:S a:S", "ALL"), global("same", "b:S", "ALL")];
    check_refused(table_request("table", "pk:S sk:S,a:S,b:S", &mixed), message);
}

#[test]
fn a_local_index_needs_a_table_with_a_sort_key() {
    check_refused(
        table_request("table", "pk:S,a:S", &[local("byA", "pk:S a:S", "ALL")]),
        "One or more parameter values were invalid: Table KeySchema does not have a range key, which is required when \
         specifying a LocalSecondaryIndex",
    );
}

#[test]
fn a_new_table_defines_no_attribute_without_use() {
    let surplus = json!({"AttributeDefinitions": definitions(&["pk", "x"])});
    check_refused(
        changed(table_request("table", "pk:S", &[]), surplus),
        "One or more parameter values were invalid: Number of attributes in KeySchema does not exactly match number of \
         attributes defined in AttributeDefinitions",
    );
    let request = table_request("table", "pk:S,a:S", &[global("byA", "a:S", "ALL")]);
    let (_, message) = Database::empty()
        .case(
            "CreateTable",
            changed(
                request,
                json!({"AttributeDefinitions": definitions(&["pk", "a", "x"])}),
            ),
        )
        .error();
    let start = "One or more parameter values were invalid: Some AttributeDefinitions are not used.";
    assert!(message.starts_with(start), "{message}");
}

#[test]
fn a_new_index_may_define_more_than_it_uses() {
    let database = Database::with_table("pk:S");
    let create = json!({
        "IndexName": "byA", "KeySchema": key_schema(&[("a", "HASH")]), "Projection": {"ProjectionType": "ALL"},
    });
    let update = json!({
        "TableName": "table", "AttributeDefinitions": definitions(&["a", "x"]),
        "GlobalSecondaryIndexUpdates": [{"Create": create}],
    });
    database
        .case("UpdateTable", update)
        .gives_at("/TableDescription/TableStatus", "\"UPDATING\"");
    database.work();
    database
        .case("DescribeTable", r#"{"TableName":"table"}"#)
        .gives_at("/Table/AttributeDefinitions", definitions(&["a", "pk"]));
}

#[test]
fn a_deleted_index_takes_the_definitions_that_nothing_else_uses() {
    let indexes = [
        global("byA", "a:S shared:S", "ALL"),
        global("byB", "b:S shared:S", "ALL"),
    ];
    let database = Database::with_indexes("pk:S,a:S,b:S,shared:S", &indexes);
    let delete =
        json!({"TableName": "table", "GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "byA"}}]});
    database.case("UpdateTable", delete).succeeds();
    database.work();
    database
        .case("DescribeTable", r#"{"TableName":"table"}"#)
        .gives_at("/Table/AttributeDefinitions", definitions(&["b", "pk", "shared"]));
}

#[test]
fn answers_show_the_transition_and_descriptions_the_end_of_it() {
    let database = Database::empty();
    let name = r#"{"TableName":"table"}"#;
    database
        .case("CreateTable", table_request("table", "pk:S", &[]))
        .gives_at("/TableDescription/TableStatus", "\"CREATING\"");
    database
        .case("DescribeTable", name)
        .gives_at("/Table/TableStatus", "\"ACTIVE\"");
    database
        .case(
            "UpdateTable",
            r#"{"TableName":"table","TableClass":"STANDARD_INFREQUENT_ACCESS"}"#,
        )
        .gives_at("/TableDescription/TableStatus", "\"UPDATING\"");
    database
        .case("DescribeTable", name)
        .gives_at("/Table/TableStatus", "\"ACTIVE\"");
    database
        .case("DeleteTable", name)
        .gives_at("/TableDescription/TableStatus", "\"DELETING\"");
    database.case("DescribeTable", name).fails(
        "ResourceNotFoundException",
        "Requested resource not found: Table: table not found",
    );
}

#[test]
fn transitions_last_as_long_as_they_are_told_to() {
    let database = Database::with_transitions(1000);
    let name = r#"{"TableName":"table"}"#;
    database
        .case("CreateTable", table_request("table", "pk:S", &[]))
        .succeeds();
    database
        .case("DescribeTable", name)
        .gives_at("/Table/TableStatus", "\"CREATING\"");
    database
        .case("PutItem", r#"{"TableName":"table","Item":{"pk":{"S":"a"}}}"#)
        .fails("ResourceNotFoundException", "Requested resource not found");
    database.wait_ms(1000);
    database.work();
    database
        .case("DescribeTable", name)
        .gives_at("/Table/TableStatus", "\"ACTIVE\"");
    database.case("DeleteTable", name).succeeds();
    database
        .case("DescribeTable", name)
        .gives_at("/Table/TableStatus", "\"DELETING\"");
    database.wait_ms(1000);
    database.work();
    database.case("DescribeTable", name).fails(
        "ResourceNotFoundException",
        "Requested resource not found: Table: table not found",
    );
}

#[test]
fn a_name_is_taken_once() {
    let database = Database::with_table("pk:S");
    database
        .case("CreateTable", table_request("table", "pk:S", &[]))
        .fails("ResourceInUseException", "Table already exists: table");
    database
        .case("CreateTable", table_request("Table", "pk:S", &[]))
        .succeeds();
    // A request that is wrong in itself is refused as such, also when its name is taken.
    let wrong = changed(
        table_request("table", "pk:S", &[]),
        json!({"BillingMode": "PROVISIONED"}),
    );
    database.case("CreateTable", wrong).is_refused(
        "One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must both be specified \
         when BillingMode is PROVISIONED",
    );
}

#[test]
fn a_table_made_anew_is_empty() {
    let database = Database::with_table("pk:S");
    database.put(json!({"pk": {"S": "a"}}));
    database
        .case("DeleteTable", r#"{"TableName":"table"}"#)
        .succeeds();
    database.create(table_request("table", "pk:S", &[]));
    database
        .case("Scan", r#"{"TableName":"table"}"#)
        .gives(r#"{"Items":[],"Count":0,"ScannedCount":0}"#);
}

#[test]
fn a_protected_table_is_not_deleted() {
    let database = Database::empty();
    let protected = json!({"DeletionProtectionEnabled": true});
    database.create(changed(table_request("table", "pk:S", &[]), protected));
    database.case("DeleteTable", r#"{"TableName":"table"}"#).is_refused(
        "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.",
    );
    database
        .case(
            "UpdateTable",
            r#"{"TableName":"table","DeletionProtectionEnabled":false}"#,
        )
        .succeeds();
    database
        .case("DeleteTable", r#"{"TableName":"table"}"#)
        .succeeds();
}

#[test]
fn an_arn_stands_for_a_table_name() {
    let database = Database::with_table("pk:S");
    let arn = "arn:aws:dynamodb:eu-west-2:123456789012:table/table";
    database
        .case(
            "PutItem",
            json!({"TableName": arn, "Item": {"pk": {"S": "a"}}, "ReturnConsumedCapacity": "TOTAL"}),
        )
        .gives(r#"{"ConsumedCapacity":{"TableName":"table","CapacityUnits":1}}"#);
    database
        .case("DescribeTable", json!({"TableName": arn}))
        .gives_at("/Table/TableName", "\"table\"");
}

#[test]
fn a_clock_that_is_set_back_brings_no_transition_back() {
    let day_ms = 24 * 60 * 60 * 1000;
    let database = Database::with_table("pk:S");
    let status = |pointer: &str| {
        let answer = database
            .case("DescribeTable", json!({"TableName": "table"}))
            .answer();
        answer["Table"].pointer(pointer).cloned().unwrap_or_default()
    };
    database.set_back_ms(day_ms);
    assert_eq!(status("/TableStatus"), "ACTIVE");
    database.put(json!({"pk": {"S": "a"}, "other": {"S": "b"}}));
    assert_eq!(
        database.item(json!({"pk": {"S": "a"}}))["other"],
        json!({"S": "b"})
    );

    let index = json!({
        "IndexName": "index",
        "KeySchema": key_schema(&[("other", "HASH")]),
        "Projection": {"ProjectionType": "ALL"},
    });
    let request = json!({
        "TableName": "table",
        "AttributeDefinitions": definitions(&["pk", "other"]),
        "GlobalSecondaryIndexUpdates": [{"Create": index}],
    });
    let answer = database.case("UpdateTable", request).answer();
    assert_eq!(answer["TableDescription"]["TableStatus"], "UPDATING");
    database.set_back_ms(day_ms);
    database.work();
    assert_eq!(status("/TableStatus"), "ACTIVE");
    assert_eq!(status("/GlobalSecondaryIndexes/0/IndexStatus"), "ACTIVE");
    assert_eq!(status("/GlobalSecondaryIndexes/0/ItemCount"), 1);

    let answer = database
        .case("DeleteTable", json!({"TableName": "table"}))
        .answer();
    assert_eq!(answer["TableDescription"]["TableStatus"], "DELETING");
    database.set_back_ms(day_ms);
    database.work();
    database.case("ListTables", "{}").gives(r#"{"TableNames":[]}"#);
}
