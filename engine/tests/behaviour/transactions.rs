//! TransactWriteItems and TransactGetItems: all or none, why not, and what a token is good for.

use serde_json::{Value, json};

use crate::database::{Database, global};

fn put(key: &str) -> Value {
    json!({"Put": {"TableName": "table", "Item": {"pk": {"S": key}}}})
}

fn put_new(key: &str) -> Value {
    let mut action = put(key);
    action["Put"]["ConditionExpression"] = json!("attribute_not_exists(pk)");
    action
}

fn add(key: &str, amount: i64) -> Value {
    json!({"Update": {
        "TableName": "table",
        "Key": {"pk": {"S": key}},
        "UpdateExpression": "ADD balance :amount",
        "ConditionExpression": "balance >= :least",
        "ExpressionAttributeValues": {":amount": {"N": amount.to_string()}, ":least": {"N": (-amount).to_string()}},
    }})
}

fn check(key: &str) -> Value {
    json!({"ConditionCheck": {
        "TableName": "table", "Key": {"pk": {"S": key}}, "ConditionExpression": "attribute_exists(pk)",
    }})
}

fn write(actions: &[Value]) -> Value {
    json!({"TransactItems": actions})
}

fn get(keys: &[&str]) -> Value {
    let gets: Vec<Value> = keys
        .iter()
        .map(|key| json!({"Get": {"TableName": "table", "Key": {"pk": {"S": key}}}}))
        .collect();
    json!({"TransactItems": gets})
}

fn with_accounts() -> Database {
    let database = Database::with_table("pk:S");
    for key in ["a", "b"] {
        database.put(json!({"pk": {"S": key}, "balance": {"N": "10"}}));
    }
    database
}

fn balance(database: &Database, key: &str) -> Value {
    database.item(json!({"pk": {"S": key}}))["balance"]["N"].clone()
}

#[test]
fn a_transaction_does_all_of_its_actions() {
    let database = with_accounts();
    let delete = json!({"Delete": {"TableName": "table", "Key": {"pk": {"S": "gone"}}}});
    database.put(json!({"pk": {"S": "gone"}}));
    database
        .case(
            "TransactWriteItems",
            write(&[add("a", -4), add("b", 4), put_new("c"), delete]),
        )
        .gives("{}");
    assert_eq!(balance(&database, "a"), "6");
    assert_eq!(balance(&database, "b"), "14");
    database
        .case("TransactGetItems", get(&["c", "gone"]))
        .gives(r#"{"Responses":[{"Item":{"pk":{"S":"c"}}},{}]}"#);
}

#[test]
fn a_transaction_does_none_of_its_actions_where_one_fails() {
    let database = with_accounts();
    let actions = [add("a", -4), put_new("b"), check("missing")];
    let (status, body) = database.case("TransactWriteItems", write(&actions)).response();
    assert_eq!(status, 400);
    assert_eq!(
        body["__type"],
        "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"
    );
    assert_eq!(
        body["Message"],
        "Transaction cancelled, please refer cancellation reasons for specific reasons [None, \
         ConditionalCheckFailed, ConditionalCheckFailed]"
    );
    assert_eq!(
        body["CancellationReasons"],
        json!([
            {"Code": "None"},
            {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"},
            {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"},
        ])
    );
    assert_eq!(balance(&database, "a"), "10");
}

#[test]
fn a_cancelled_transaction_shows_the_item_that_was_in_the_way() {
    let database = with_accounts();
    let mut action = put_new("b");
    action["Put"]["ReturnValuesOnConditionCheckFailure"] = json!("ALL_OLD");
    let (_, body) = database.case("TransactWriteItems", write(&[action])).response();
    assert_eq!(
        body["CancellationReasons"][0]["Item"],
        json!({"pk": {"S": "b"}, "balance": {"N": "10"}})
    );
}

#[test]
fn one_item_is_in_a_transaction_once() {
    let database = with_accounts();
    let message = "Transaction request cannot include multiple operations on one item";
    database
        .case("TransactWriteItems", write(&[add("a", 1), check("a")]))
        .is_refused(message);
    database
        .case("TransactGetItems", get(&["a", "a"]))
        .is_refused(message);
}

#[test]
fn an_empty_key_fails_a_transaction_and_a_mistyped_one_cancels_it() {
    let database = with_accounts();
    database.case("TransactWriteItems", write(&[put("")])).is_refused(
        "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty \
         string value. Key: pk",
    );
    let mistyped = json!({"Put": {"TableName": "table", "Item": {"pk": {"N": "1"}}}});
    let (_, body) = database
        .case("TransactWriteItems", write(&[put("new"), mistyped]))
        .response();
    let codes: Vec<&str> = body["CancellationReasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reason| reason["Code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["None", "ValidationError"]);
    let (_, body) = database
        .case(
            "TransactGetItems",
            r#"{"TransactItems":[{"Get":{"TableName":"table","Key":{}}}]}"#,
        )
        .response();
    assert_eq!(body["CancellationReasons"][0]["Code"], "ValidationError");
}

#[test]
fn expressions_of_any_action_come_before_tables() {
    let database = Database::empty();
    let mut broken = put("b");
    broken["Put"]["ConditionExpression"] = json!("broken broken");
    database
        .case("TransactWriteItems", write(&[put("a"), broken]))
        .is_refused("Invalid ConditionExpression: Syntax error; token: \"broken\", near: \"broken broken\"");
    database
        .case("TransactWriteItems", write(&[put("a")]))
        .fails("ResourceNotFoundException", "Requested resource not found");
}

#[test]
fn an_action_does_exactly_one_thing() {
    let database = with_accounts();
    database.case("TransactWriteItems", r#"{"TransactItems":[{}]}"#).is_refused(
        "1 validation error detected: Value '' at 'transactItems' failed to satisfy constraint: TransactWriteRequest \
         should contain Delete or Put or Update or ConditionCheck",
    );
    let mut two = put("c");
    two["ConditionCheck"] = check("a")["ConditionCheck"].clone();
    database
        .case("TransactWriteItems", write(&[two]))
        .is_refused("TransactItems can only contain one of Check, Put, Update or Delete");
}

#[test]
fn a_transaction_holds_four_megabytes() {
    let database = Database::with_table("pk:S");
    let large = |count: usize| -> Vec<Value> {
        let text = "x".repeat(400_000);
        let item = |key: usize| json!({"pk": {"S": key.to_string()}, "text": {"S": text}});
        (0..count)
            .map(|key| json!({"Put": {"TableName": "table", "Item": item(key)}}))
            .collect()
    };
    database.case("TransactWriteItems", write(&large(10))).succeeds();
    let (name, _) = database.case("TransactWriteItems", write(&large(11))).error();
    assert_eq!(name, "ValidationException");
}

#[test]
fn transactions_cost_double() {
    let database = Database::with_indexes("pk:S,a:S", &[global("index", "a:S", "ALL")]);
    let mut request = write(&[
        json!({"Put": {"TableName": "table", "Item": {"pk": {"S": "1"}, "a": {"S": "x"}}}}),
        json!({"Put": {"TableName": "table", "Item": {"pk": {"S": "2"}}}}),
    ]);
    request["ReturnConsumedCapacity"] = json!("INDEXES");
    database.case("TransactWriteItems", &request).gives(
        r#"{"ConsumedCapacity":[{"TableName":"table","CapacityUnits":6,"WriteCapacityUnits":6,
            "Table":{"CapacityUnits":4,"WriteCapacityUnits":4},
            "GlobalSecondaryIndexes":{"index":{"CapacityUnits":2,"WriteCapacityUnits":2}}}]}"#,
    );
    let mut request = get(&["1", "none"]);
    request["ReturnConsumedCapacity"] = json!("TOTAL");
    database.case("TransactGetItems", &request).gives_at(
        "/ConsumedCapacity",
        r#"[{"TableName":"table","CapacityUnits":4,"ReadCapacityUnits":4}]"#,
    );
}

#[test]
fn a_token_repeats_an_answer_and_writes_nothing() {
    let database = with_accounts();
    let mut request = write(&[add("a", -1), add("b", 1)]);
    request["ClientRequestToken"] = json!("token");
    request["ReturnConsumedCapacity"] = json!("TOTAL");
    database
        .case("TransactWriteItems", &request)
        .gives_at("/ConsumedCapacity/0/WriteCapacityUnits", "4");
    database
        .case("TransactWriteItems", &request)
        .gives_at("/ConsumedCapacity/0/ReadCapacityUnits", "4");
    assert_eq!(balance(&database, "a"), "9");

    let mut other = write(&[add("a", -2), add("b", 2)]);
    other["ClientRequestToken"] = json!("token");
    let (name, _) = database.case("TransactWriteItems", &other).error();
    assert_eq!(name, "IdempotentParameterMismatchException");
    assert_eq!(balance(&database, "a"), "9");
}

#[test]
fn a_token_is_forgotten_after_ten_minutes() {
    let database = with_accounts();
    let mut request = write(&[add("a", -1)]);
    request["ClientRequestToken"] = json!("token");
    database.case("TransactWriteItems", &request).succeeds();
    database.wait_ms(10 * 60 * 1000 - 1);
    database.work();
    database.case("TransactWriteItems", &request).succeeds();
    assert_eq!(balance(&database, "a"), "9", "one millisecond before its time");
    database.wait_ms(1);
    database.case("TransactWriteItems", &request).succeeds();
    assert_eq!(
        balance(&database, "a"),
        "8",
        "the time alone counts, not the sweep"
    );
    database.work();
    database.case("TransactWriteItems", &request).succeeds();
    assert_eq!(
        balance(&database, "a"),
        "8",
        "the sweep leaves a token that was used again"
    );
    database.wait_ms(10 * 60 * 1000);
    database.work();
    database.case("TransactWriteItems", &request).succeeds();
    assert_eq!(balance(&database, "a"), "7");
}

#[test]
fn a_cancelled_transaction_leaves_no_token() {
    let database = with_accounts();
    let mut request = write(&[add("a", -20)]);
    request["ClientRequestToken"] = json!("token");
    let (name, _) = database.case("TransactWriteItems", &request).error();
    assert_eq!(name, "TransactionCanceledException");
    database.put(json!({"pk": {"S": "a"}, "balance": {"N": "30"}}));
    database.case("TransactWriteItems", &request).gives("{}");
    assert_eq!(balance(&database, "a"), "10");
}

#[test]
fn an_update_that_grows_too_large_cancels_its_transaction() {
    let database = with_accounts();
    let update = json!({"Update": {
        "TableName": "table", "Key": {"pk": {"S": "a"}}, "UpdateExpression": "SET t = :t",
        "ExpressionAttributeValues": {":t": {"S": "x".repeat(409_600)}},
    }});
    let (_, body) = database.case("TransactWriteItems", write(&[update])).response();
    assert_eq!(
        body["CancellationReasons"],
        json!([{"Code": "ValidationError", "Message": "Item size to update has exceeded the maximum allowed size"}])
    );
}
