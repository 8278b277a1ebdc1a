//! BatchGetItem and BatchWriteItem: limits, what is echoed, duplicates, and what is left over.

use serde_json::{Value, json};

use crate::database::{Database, table_request};

fn keys(numbers: std::ops::Range<usize>) -> Vec<Value> {
    numbers
        .map(|number| json!({"pk": {"S": number.to_string()}}))
        .collect()
}

fn get(table: &str, keys: Vec<Value>) -> Value {
    json!({"RequestItems": {table: {"Keys": keys}}})
}

fn write(table: &str, requests: Vec<Value>) -> Value {
    json!({"RequestItems": {table: requests}})
}

fn puts(items: Vec<Value>) -> Vec<Value> {
    items
        .into_iter()
        .map(|item| json!({"PutRequest": {"Item": item}}))
        .collect()
}

#[test]
fn an_empty_batch_is_refused_by_each_in_its_own_words() {
    let database = Database::empty();
    database.case("BatchGetItem", r#"{"RequestItems":{}}"#).is_refused(
        "1 validation error detected: Value at 'RequestItems' failed to satisfy constraint: Member must have length \
         greater than or equal to 1",
    );
    database
        .case("BatchWriteItem", r#"{"RequestItems":{}}"#)
        .is_refused("The requestItems parameter is required for BatchWriteItem");
}

#[test]
fn a_batch_gets_at_most_100_items() {
    let database = Database::with_table("pk:S");
    database
        .case("BatchGetItem", get("table", keys(0..100)))
        .succeeds();
    database.case("BatchGetItem", get("table", keys(0..101))).is_refused(
        "1 validation error detected: Value at 'RequestItems.table.member.Keys' failed to satisfy constraint: Member \
         must have length less than or equal to 100",
    );
    let two = json!({"RequestItems": {"table": {"Keys": keys(0..60)}, "other": {"Keys": keys(0..60)}}});
    database
        .case("BatchGetItem", two)
        .is_refused("Too many items requested for the BatchGetItem call");
}

#[test]
fn a_batch_that_writes_more_than_25_items_is_shown_whole() {
    let database = Database::with_table("pk:S");
    database
        .case("BatchWriteItem", write("table", puts(keys(0..25))))
        .gives(r#"{"UnprocessedItems":{}}"#);
    let shown: Vec<String> = (0..26)
        .map(|number| {
            format!(
                "WriteRequest(putRequest=PutRequest(item={{pk=AttributeValue(s={number}, n=null, b=null, iNT=null, \
                 dECIMAL=null, dOUBLE=null, sS=null, nS=null, bS=null, iNTSET=null, dECIMALSET=null, dOUBLESET=null, \
                 m=null, l=null, nULL=null, bOOL=null)}}, workloadProfileName=null), deleteRequest=null)"
            )
        })
        .collect();
    database.case("BatchWriteItem", write("table", puts(keys(0..26)))).is_refused(&format!(
        "1 validation error detected: Value '{{table=[{}]}}' at 'requestItems' failed to satisfy constraint: Map value \
         must satisfy constraint: [Member must have length less than or equal to 25, Member must have length greater \
         than or equal to 1]",
        shown.join(", ")
    ));
    database.case("BatchWriteItem", write("table", Vec::new())).is_refused(
        "1 validation error detected: Value '{table=[]}' at 'requestItems' failed to satisfy constraint: Map value must \
         satisfy constraint: [Member must have length less than or equal to 25, Member must have length greater than or \
         equal to 1]",
    );
}

#[test]
fn a_batch_names_each_item_once() {
    let database = Database::with_table("pk:S");
    let duplicates = "Provided list of item keys contains duplicates";
    let twice = vec![json!({"pk": {"S": "a"}}), json!({"pk": {"S": "a"}})];
    database
        .case("BatchGetItem", get("table", twice.clone()))
        .is_refused(duplicates);
    database
        .case("BatchWriteItem", write("table", puts(twice.clone())))
        .is_refused(duplicates);
    let put_and_delete = vec![
        json!({"PutRequest": {"Item": {"pk": {"S": "a"}, "v": {"N": "1"}}}}),
        json!({"DeleteRequest": {"Key": {"pk": {"S": "a"}}}}),
    ];
    database
        .case("BatchWriteItem", write("table", put_and_delete))
        .is_refused(duplicates);
    // Reading finds them before the missing table, writing after it.
    database
        .case("BatchGetItem", get("nowhere", twice.clone()))
        .is_refused(duplicates);
    database
        .case("BatchWriteItem", write("nowhere", puts(twice)))
        .fails("ResourceNotFoundException", "Requested resource not found");
}

#[test]
fn a_batch_is_refused_as_a_whole_before_anything_is_written() {
    let database = Database::with_table("pk:S");
    let requests = puts(vec![json!({"pk": {"S": "good"}}), json!({"pk": {"N": "1"}})]);
    database
        .case("BatchWriteItem", write("table", requests))
        .is_refused("The provided key element does not match the schema");
    database
        .case("Scan", r#"{"TableName":"table"}"#)
        .gives_at("/Count", "0");
}

#[test]
fn a_batch_leaves_out_what_is_not_there() {
    let database = Database::with_table("pk:S");
    database.create(table_request("other", "pk:S", &[]));
    database.put(json!({"pk": {"S": "1"}, "v": {"N": "1"}, "w": {"N": "2"}}));
    let request = json!({"RequestItems": {
        "table": {"Keys": keys(0..3), "ProjectionExpression": "v"},
        "other": {"Keys": keys(0..3)},
    }});
    database.case("BatchGetItem", request).gives(json!({
        "Responses": {"table": [{"v": {"N": "1"}}], "other": []}, "UnprocessedKeys": {},
    }));
}

#[test]
fn a_batch_answers_16_megabytes_and_returns_the_other_keys() {
    let database = Database::with_table("pk:S");
    let value = "x".repeat(390_000);
    for number in 0..50 {
        database.put(json!({"pk": {"S": number.to_string()}, "v": {"S": value}}));
    }
    let request = json!({"RequestItems": {"table": {
        "Keys": keys(0..50), "ProjectionExpression": "pk", "ConsistentRead": true,
    }}});
    let answer = database.case("BatchGetItem", request).answer();
    let got = answer["Responses"]["table"].as_array().unwrap().len();
    let rest = &answer["UnprocessedKeys"]["table"];
    assert_eq!(got, (16 << 20) / 390_004, "{rest}");
    assert_eq!(rest["Keys"].as_array().map(Vec::len), Some(50 - got));
    assert_eq!(
        (&rest["ProjectionExpression"], &rest["ConsistentRead"]),
        (&json!("pk"), &json!(true))
    );
    let again = database
        .case("BatchGetItem", json!({"RequestItems": answer["UnprocessedKeys"]}))
        .answer();
    assert_eq!(
        again["Responses"]["table"].as_array().map(Vec::len),
        Some(50 - got)
    );
    assert_eq!(again["UnprocessedKeys"], json!({}));
}

#[test]
fn a_write_request_is_a_put_or_a_delete() {
    let database = Database::with_table("pk:S");
    let both =
        json!({"PutRequest": {"Item": {"pk": {"S": "a"}}}, "DeleteRequest": {"Key": {"pk": {"S": "a"}}}});
    database.case("BatchWriteItem", write("table", vec![both])).is_refused(
        "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
    );
    database
        .case("BatchWriteItem", write("table", vec![json!({})]))
        .is_refused("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes");
}
