//! Reads that pass over items that have expired and are not swept yet: Stator's own, and off unless set.

use engine::Settings;
use serde_json::{Value, json};

use crate::database::{Database, Index, START_MS, global, local, table_request};

const START_SECONDS: u64 = START_MS / 1000;

/// A table with time to live by `ttl`, of two items of which `gone` has expired, in one partition.
fn with_items(hides_expired: bool, indexes: &[Index]) -> Database {
    let database = Database::with_settings(Settings {
        hides_expired,
        ..Settings::default()
    });
    let key = if indexes.is_empty() {
        "pk:S sk:S"
    } else {
        "pk:S sk:S,g:S"
    };
    database.create(table_request("table", key, indexes));
    let specification = json!({"Enabled": true, "AttributeName": "ttl"});
    let request = json!({"TableName": "table", "TimeToLiveSpecification": specification});
    database.case("UpdateTimeToLive", request).succeeds();
    for (key, seconds) in [("gone", START_SECONDS - 1), ("here", START_SECONDS)] {
        let mut item = key_of(key);
        item["g"] = json!({"S": "g"});
        item["ttl"] = json!({"N": seconds.to_string()});
        database.put(item);
    }
    database
}

fn key_of(key: &str) -> Value {
    json!({"pk": {"S": "p"}, "sk": {"S": key}})
}

#[test]
fn reads_by_key_find_no_expired_item() {
    let database = with_items(true, &[]);
    assert_eq!(database.item(key_of("gone")), Value::Null);
    assert_eq!(database.item(key_of("here"))["sk"], json!({"S": "here"}));
    let keys = json!([key_of("gone"), key_of("here")]);
    let batch = database
        .case("BatchGetItem", json!({"RequestItems": {"table": {"Keys": keys}}}))
        .answer();
    assert_eq!(
        batch["Responses"]["table"].as_array().unwrap().len(),
        1,
        "{batch}"
    );
    assert_eq!(batch["UnprocessedKeys"], json!({}));
    let gets = ["gone", "here"].map(|key| json!({"Get": {"TableName": "table", "Key": key_of(key)}}));
    let transaction = database
        .case("TransactGetItems", json!({"TransactItems": gets}))
        .answer();
    assert_eq!(transaction["Responses"][0], json!({}));
    assert_eq!(transaction["Responses"][1]["Item"]["sk"], json!({"S": "here"}));
    // It was read, and is paid for.
    let request = json!({"TableName": "table", "Key": key_of("gone"), "ReturnConsumedCapacity": "TOTAL"});
    database
        .case("GetItem", request)
        .gives(r#"{"ConsumedCapacity":{"TableName":"table","CapacityUnits":0.5}}"#);
}

#[test]
fn pages_pass_over_expired_items_as_a_filter_does() {
    let indexes = [
        global("global-all", "g:S sk:S", "ALL"),
        global("global-keys", "g:S sk:S", "KEYS_ONLY"),
        local("local-all", "pk:S g:S", "ALL"),
        local("local-keys", "pk:S g:S", "KEYS_ONLY"),
    ];
    let database = with_items(true, &indexes);
    for (index, partition) in [
        (None, "pk"),
        (Some("global-all"), "g"),
        (Some("global-keys"), "g"),
        (Some("local-all"), "pk"),
        (Some("local-keys"), "pk"),
    ] {
        let value = if partition == "pk" { "p" } else { "g" };
        let query = json!({
            "TableName": "table", "IndexName": index, "KeyConditionExpression": "#k = :value",
            "ExpressionAttributeNames": {"#k": partition}, "ExpressionAttributeValues": {":value": {"S": value}},
            "ReturnConsumedCapacity": "INDEXES",
        });
        let scan = json!({"TableName": "table", "IndexName": index, "ReturnConsumedCapacity": "INDEXES"});
        for (operation, mut request) in [("Query", query), ("Scan", scan)] {
            let page = database.case(operation, &request).answer();
            let what = format!("{operation} {index:?}: {page}");
            assert_eq!(
                (&page["Count"], &page["ScannedCount"]),
                (&json!(1), &json!(2)),
                "{what}"
            );
            assert_eq!(page["Items"].as_array().unwrap().len(), 1, "{what}");
            assert_eq!(page["Items"][0]["sk"], json!({"S": "here"}), "{what}");
            // What is looked up in the table for it costs nothing.
            assert_eq!(page["ConsumedCapacity"]["CapacityUnits"], 0.5, "{what}");
            // A page may hold nothing and still go on.
            request["Limit"] = json!(1);
            let page = database.case(operation, &request).answer();
            assert_eq!(page["ScannedCount"], 1, "{what}");
            assert!(page["LastEvaluatedKey"].is_object(), "{what}");
            request["Limit"] = json!(2);
            request["Select"] = json!("COUNT");
            assert_eq!(database.case(operation, &request).answer()["Count"], 1, "{what}");
        }
    }
}

#[test]
fn statements_read_no_expired_item() {
    let database = with_items(true, &[global("global-keys", "g:S sk:S", "KEYS_ONLY")]);
    for (condition, expected) in [
        ("pk = 'p' AND sk = 'gone'", ""),
        ("pk = 'p' AND sk = 'here'", "here"),
        ("pk = 'p'", "here"),
        ("sk > 'a'", "here"),
    ] {
        database.selects(
            &format!("SELECT * FROM \"table\" WHERE {condition}"),
            "sk",
            expected,
        );
    }
    database.selects(
        "SELECT * FROM \"table\".\"global-keys\" WHERE g = 'g'",
        "sk",
        "here",
    );
    let one = json!([{"Statement": "SELECT sk FROM \"table\" WHERE pk = 'p' AND sk = 'gone'"}]);
    database
        .case("BatchExecuteStatement", json!({"Statements": one}))
        .gives_at("/Responses", r#"[{"TableName":"table"}]"#);
    database
        .case("ExecuteTransaction", json!({"TransactStatements": one}))
        .gives_at("/Responses", "[{}]");
    // Writes meet it.
    let (name, _) = database
        .statement("INSERT INTO \"table\" VALUE {'pk': 'p', 'sk': 'gone'}")
        .error();
    assert_eq!(name, "DuplicateItemException");
}

#[test]
fn writes_still_meet_what_is_hidden() {
    let database = with_items(true, &[]);
    let mut item = key_of("gone");
    item["new"] = json!({"BOOL": true});
    let request = json!({
        "TableName": "table", "Item": item, "ConditionExpression": "attribute_not_exists(pk)",
    });
    let (name, _) = database.case("PutItem", &request).error();
    assert_eq!(name, "ConditionalCheckFailedException");
    database.work();
    database.case("PutItem", &request).succeeds();
}

#[test]
fn nothing_is_hidden_unless_it_is_set() {
    let database = with_items(false, &[]);
    assert_eq!(database.item(key_of("gone"))["sk"], json!({"S": "gone"}));
    database
        .case("Scan", r#"{"TableName":"table"}"#)
        .gives_at("/Count", 2);
}
