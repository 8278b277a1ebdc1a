//! Primary keys and index keys: what they may be in an item, in a key to look up, in an update.

use serde_json::{Value, json};

use crate::database::{Database, global, local};

const MISMATCH: &str = "The provided key element does not match the schema";
const EMPTY: &str = "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain \
                     an empty string value. Key: pk";

fn put(item: Value) -> Value {
    json!({"TableName": "table", "Item": item})
}

fn key(key: Value) -> Value {
    json!({"TableName": "table", "Key": key})
}

fn batch_put(item: Value) -> Value {
    json!({"RequestItems": {"table": [{"PutRequest": {"Item": item}}]}})
}

#[test]
fn a_key_to_look_up_fits_the_schema() {
    let database = Database::with_table("pk:S sk:N");
    for bad in [
        json!({}),
        json!({"pk": {"S": "a"}}),
        json!({"pk": {"S": "a"}, "other": {"N": "1"}}),
        json!({"pk": {"S": "a"}, "sk": {"S": "1"}}),
        json!({"pk": {"S": "a"}, "sk": {"N": "1"}, "other": {"N": "1"}}),
    ] {
        for operation in ["GetItem", "UpdateItem", "DeleteItem"] {
            database.case(operation, key(bad.clone())).is_refused(MISMATCH);
        }
        database
            .case(
                "BatchGetItem",
                json!({"RequestItems": {"table": {"Keys": [bad]}}}),
            )
            .is_refused(MISMATCH);
        database
            .case(
                "BatchWriteItem",
                json!({"RequestItems": {"table": [{"DeleteRequest": {"Key": bad}}]}}),
            )
            .is_refused(MISMATCH);
    }
}

#[test]
fn an_item_has_the_keys_of_its_table() {
    let database = Database::with_table("pk:S sk:N");
    database
        .case("PutItem", put(json!({"pk": {"S": "a"}})))
        .is_refused("One or more parameter values were invalid: Missing the key sk in the item");
    database
        .case("PutItem", put(json!({"pk": {"N": "1"}, "sk": {"N": "1"}})))
        .is_refused(
            "One or more parameter values were invalid: Type mismatch for key pk expected: S actual: N",
        );
    // A batch words both as in a key to look up.
    database
        .case("BatchWriteItem", batch_put(json!({"pk": {"S": "a"}})))
        .is_refused(MISMATCH);
    database
        .case(
            "BatchWriteItem",
            batch_put(json!({"pk": {"N": "1"}, "sk": {"N": "1"}})),
        )
        .is_refused(MISMATCH);
}

#[test]
fn a_key_is_not_empty() {
    let database = Database::with_table("pk:S");
    let empty = json!({"pk": {"S": ""}});
    database.case("PutItem", put(empty.clone())).is_refused(EMPTY);
    database
        .case("BatchWriteItem", batch_put(empty.clone()))
        .is_refused(EMPTY);
    for operation in ["GetItem", "UpdateItem", "DeleteItem"] {
        database.case(operation, key(empty.clone())).is_refused(EMPTY);
    }
    database
        .case(
            "Query",
            json!({
                "TableName": "table", "KeyConditionExpression": "pk = :v",
                "ExpressionAttributeValues": {":v": {"S": ""}},
            }),
        )
        .is_refused(EMPTY);
    let database = Database::with_table("pk:B");
    database
        .case("PutItem", put(json!({"pk": {"B": ""}})))
        .is_refused(&EMPTY.replace("string", "binary"));
}

#[test]
fn keys_have_a_size_limit_on_reads_too() {
    let database = Database::with_table("pk:S sk:S");
    let of = |partition: usize, sort: usize| json!({"pk": {"S": "x".repeat(partition)}, "sk": {"S": "y".repeat(sort)}});
    let partition = "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit \
                     of2048 bytes";
    let sort = "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size \
                limit of 1024 bytes";
    database.case("PutItem", put(of(2048, 1024))).gives("{}");
    database.case("PutItem", put(of(2049, 1))).is_refused(partition);
    database.case("PutItem", put(of(1, 1025))).is_refused(sort);
    for operation in ["GetItem", "UpdateItem", "DeleteItem"] {
        database.case(operation, key(of(2048, 1024))).succeeds();
        database.case(operation, key(of(2049, 1))).is_refused(partition);
        database.case(operation, key(of(1, 1025))).is_refused(sort);
    }
    let query = json!({
        "TableName": "table", "KeyConditionExpression": "pk = :v",
        "ExpressionAttributeValues": {":v": {"S": "x".repeat(2049)}},
    });
    database.case("Query", query).is_refused(partition);
}

#[test]
fn an_item_without_an_index_key_stays_out_of_the_index() {
    let indexes = [global("byA", "a:S", "ALL"), local("byB", "pk:S b:N", "ALL")];
    let database = Database::with_indexes("pk:S sk:S,a:S,b:N", &indexes);
    database.put(json!({"pk": {"S": "p"}, "sk": {"S": "1"}, "a": {"S": "x"}}));
    database.put(json!({"pk": {"S": "p"}, "sk": {"S": "2"}, "b": {"N": "1"}}));
    database.put(json!({"pk": {"S": "p"}, "sk": {"S": "3"}}));
    for (index, sort_keys) in [("byA", vec!["1"]), ("byB", vec!["2"])] {
        let answer = database
            .case("Scan", json!({"TableName": "table", "IndexName": index}))
            .answer();
        let found: Vec<&str> = answer["Items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["sk"]["S"].as_str().unwrap())
            .collect();
        assert_eq!(found, sort_keys, "{index}");
    }
}

#[test]
fn an_index_key_of_the_wrong_type_refuses_the_write() {
    let database = Database::with_indexes("pk:S,a:S", &[global("byA", "a:S", "ALL")]);
    let mismatch = "One or more parameter values were invalid: Type mismatch for Index Key a Expected: S Actual: N \
                    IndexName: byA";
    let item = json!({"pk": {"S": "p"}, "a": {"N": "1"}});
    database.case("PutItem", put(item.clone())).is_refused(mismatch);
    database
        .case("BatchWriteItem", batch_put(item))
        .is_refused(mismatch);
    let update = json!({
        "TableName": "table", "Key": {"pk": {"S": "p"}}, "UpdateExpression": "SET a = :v",
        "ExpressionAttributeValues": {":v": {"N": "1"}},
    });
    database.case("UpdateItem", update).is_refused(mismatch);
}

#[test]
fn an_empty_index_key_refuses_the_write() {
    let database = Database::with_indexes("pk:S,a:S", &[global("byA", "a:S", "ALL")]);
    let item = json!({"pk": {"S": "p"}, "a": {"S": ""}});
    let in_item = "One or more parameter values are not valid. A value specified for a secondary index key is not \
                   supported. The AttributeValue for a key attribute cannot contain an empty string value. IndexName: \
                   byA, IndexKey: a";
    database.case("PutItem", put(item.clone())).is_refused(in_item);
    database
        .case("BatchWriteItem", batch_put(item))
        .is_refused(in_item);
    let update = json!({
        "TableName": "table", "Key": {"pk": {"S": "p"}}, "UpdateExpression": "SET a = :v",
        "ExpressionAttributeValues": {":v": {"S": ""}},
    });
    database.case("UpdateItem", update).is_refused(
        "One or more parameter values are not valid. The update expression attempted to update a secondary index key \
         to a value that is not supported. The AttributeValue for a key attribute cannot contain an empty string value.",
    );
}

#[test]
fn a_path_does_not_go_into_a_key() {
    let database = Database::with_table("pk:S");
    let message =
        "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: Key: pk";
    let mut request = key(json!({"pk": {"S": "a"}}));
    request["ProjectionExpression"] = json!("pk.x");
    database.case("GetItem", &request).is_refused(message);
    let condition = json!({
        "TableName": "table", "Key": {"pk": {"S": "a"}}, "ConditionExpression": "attribute_exists(pk[0])",
    });
    database.case("DeleteItem", condition).is_refused(message);
}
