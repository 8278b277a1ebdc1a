//! What requests cost, and how their answers report it.

use serde_json::{Value, json};

use crate::database::{Database, global, local, table_request};

/// The ConsumedCapacity of an answer to a request that asks for it.
fn consumed(database: &Database, operation: &str, mut request: Value, report: &str) -> Value {
    request["ReturnConsumedCapacity"] = json!(report);
    database.case(operation, request).answer()["ConsumedCapacity"].clone()
}

#[track_caller]
fn check_units(database: &Database, operation: &str, request: Value, units: f64) {
    let report = consumed(database, operation, request.clone(), "TOTAL");
    assert_eq!(
        report,
        json!({"TableName": "table", "CapacityUnits": units}),
        "{operation} {request:.200}"
    );
}

/// An item of so many bytes: two for each name, one for the key.
fn item(size_bytes: usize) -> Value {
    json!({"pk": {"S": "a"}, "vv": {"S": "x".repeat(size_bytes - 5)}})
}

fn put(item: Value) -> Value {
    json!({"TableName": "table", "Item": item})
}

fn get(consistent: bool) -> Value {
    json!({"TableName": "table", "Key": {"pk": {"S": "a"}}, "ConsistentRead": consistent})
}

#[test]
fn a_read_unit_is_4_kilobytes_and_half_where_it_need_not_be_consistent() {
    let database = Database::with_table("pk:S");
    for (size_bytes, units) in [(10, 1.0), (4096, 1.0), (4097, 2.0), (8193, 3.0)] {
        database.put(item(size_bytes));
        check_units(&database, "GetItem", get(true), units);
        check_units(&database, "GetItem", get(false), units / 2.0);
    }
}

#[test]
fn a_read_of_nothing_costs_the_least_unit() {
    let database = Database::with_table("pk:S");
    check_units(&database, "GetItem", get(true), 1.0);
    check_units(&database, "GetItem", get(false), 0.5);
    check_units(&database, "Scan", json!({"TableName": "table"}), 0.5);
    let query = json!({
        "TableName": "table", "KeyConditionExpression": "pk = :v", "ExpressionAttributeValues": {":v": {"S": "a"}},
        "ConsistentRead": true,
    });
    check_units(&database, "Query", query, 1.0);
}

#[test]
fn a_read_is_charged_before_its_filter_and_projection() {
    let database = Database::with_table("pk:S");
    database.put(item(9000));
    let mut projected = get(true);
    projected["ProjectionExpression"] = json!("pk");
    check_units(&database, "GetItem", projected, 3.0);
    let scan = json!({
        "TableName": "table", "FilterExpression": "attribute_exists(nothing)", "ConsistentRead": true,
        "Select": "COUNT",
    });
    check_units(&database, "Scan", scan, 3.0);
}

#[test]
fn query_and_scan_round_the_sum_and_a_batch_each_item() {
    let database = Database::with_table("pk:S sk:N");
    for sort in 0..4 {
        database.put(json!({"pk": {"S": "p"}, "sk": {"N": sort.to_string()}, "v": {"S": "x".repeat(1000)}}));
    }
    let query = json!({
        "TableName": "table", "KeyConditionExpression": "pk = :v", "ExpressionAttributeValues": {":v": {"S": "p"}},
        "ConsistentRead": true,
    });
    check_units(&database, "Query", query, 1.0);
    check_units(&database, "Scan", json!({"TableName": "table"}), 0.5);
    let keys: Vec<Value> = (0..5)
        .map(|sort| json!({"pk": {"S": "p"}, "sk": {"N": sort.to_string()}}))
        .collect();
    let batch = json!({"RequestItems": {"table": {"Keys": keys, "ConsistentRead": true}}});
    assert_eq!(
        consumed(&database, "BatchGetItem", batch, "TOTAL"),
        json!([{"TableName": "table", "CapacityUnits": 5.0}])
    );
}

#[test]
fn a_write_unit_is_a_kilobyte_of_the_larger_of_the_old_and_the_new_item() {
    let database = Database::with_table("pk:S");
    check_units(&database, "PutItem", put(item(1024)), 1.0);
    check_units(&database, "PutItem", put(item(2500)), 3.0);
    check_units(&database, "PutItem", put(item(10)), 3.0);
    check_units(&database, "PutItem", put(item(10)), 1.0);
    let update = json!({
        "TableName": "table", "Key": {"pk": {"S": "a"}}, "UpdateExpression": "SET vv = :v",
        "ExpressionAttributeValues": {":v": {"S": "x".repeat(1500)}},
    });
    check_units(&database, "UpdateItem", update, 2.0);
    let delete = json!({"TableName": "table", "Key": {"pk": {"S": "a"}}});
    check_units(&database, "DeleteItem", delete.clone(), 2.0);
    check_units(&database, "DeleteItem", delete, 1.0);
}

#[test]
fn operations_on_one_item_report_no_split_into_reads_and_writes() {
    let database = Database::with_table("pk:S");
    let report = consumed(&database, "PutItem", put(item(10)), "INDEXES");
    assert_eq!(
        report,
        json!({"TableName": "table", "CapacityUnits": 1.0, "Table": {"CapacityUnits": 1.0}})
    );
    let report = consumed(&database, "GetItem", get(true), "INDEXES");
    assert_eq!(
        report,
        json!({"TableName": "table", "CapacityUnits": 1.0, "Table": {"CapacityUnits": 1.0}})
    );
    assert_eq!(consumed(&database, "GetItem", get(true), "NONE"), Value::Null);
}

/// A table with an index of each kind, both with one projected attribute.
fn indexed() -> Database {
    let indexes = [
        global("global", "a:S", "INCLUDE x"),
        local("local", "pk:S b:N", "INCLUDE x"),
    ];
    Database::with_indexes("pk:S sk:S,a:S,b:N", &indexes)
}

fn indexed_item(changes: Value) -> Value {
    let mut item = json!({"pk": {"S": "p"}, "sk": {"S": "s"}});
    item.as_object_mut()
        .unwrap()
        .extend(changes.as_object().unwrap().clone());
    put(item)
}

#[test]
fn a_write_pays_for_each_index_whose_view_of_the_item_changes() {
    let database = indexed();
    let check = |item: Value, global: f64, local: f64| {
        let report = consumed(&database, "PutItem", indexed_item(item.clone()), "INDEXES");
        let mut expected = json!({
            "TableName": "table", "CapacityUnits": 1.0 + global + local, "Table": {"CapacityUnits": 1.0},
        });
        // An index that costs nothing is not there, rather than zero.
        for (list, name, units) in [
            ("GlobalSecondaryIndexes", "global", global),
            ("LocalSecondaryIndexes", "local", local),
        ] {
            if units > 0.0 {
                expected[list] = json!({name: {"CapacityUnits": units}});
            }
        }
        assert_eq!(report, expected, "{item}");
    };
    let s = |text: &str| json!({"S": text});
    let one = json!({"N": "1"});
    check(json!({}), 0.0, 0.0);
    check(json!({"a": s("a")}), 1.0, 0.0);
    check(json!({"a": s("a"), "b": one}), 0.0, 1.0);
    check(json!({"a": s("a"), "b": one, "x": s("x")}), 1.0, 1.0);
    check(json!({"a": s("a"), "b": one, "x": s("x"), "y": s("y")}), 0.0, 0.0);
    check(json!({"a": s("b"), "b": one, "x": s("x"), "y": s("y")}), 2.0, 0.0);
    check(json!({"a": s("b"), "b": one, "x": s("x"), "y": s("y")}), 0.0, 0.0);
    check(json!({"b": one, "x": s("x")}), 1.0, 0.0);
    check(json!({}), 0.0, 1.0);
}

#[test]
fn an_index_query_is_charged_to_the_index() {
    let database = indexed();
    let long = "x".repeat(5000);
    database
        .put(json!({"pk": {"S": "p"}, "sk": {"S": "s"}, "a": {"S": "a"}, "x": {"S": "x"}, "y": {"S": long}}));
    let query = json!({
        "TableName": "table", "IndexName": "global", "KeyConditionExpression": "a = :v",
        "ExpressionAttributeValues": {":v": {"S": "a"}},
    });
    assert_eq!(
        consumed(&database, "Query", query, "INDEXES"),
        json!({
            "TableName": "table", "CapacityUnits": 0.5, "Table": {"CapacityUnits": 0.0},
            "GlobalSecondaryIndexes": {"global": {"CapacityUnits": 0.5}},
        })
    );
}

#[test]
fn what_a_local_index_fetches_is_charged_to_the_table() {
    let database = indexed();
    let long = "x".repeat(5000);
    for sort in ["1", "2"] {
        database.put(json!({"pk": {"S": "p"}, "sk": {"S": sort}, "b": {"N": sort}, "y": {"S": long}}));
    }
    let query = |projection: &str| {
        json!({
            "TableName": "table", "IndexName": "local", "KeyConditionExpression": "pk = :v", "ConsistentRead": true,
            "ExpressionAttributeValues": {":v": {"S": "p"}}, "ProjectionExpression": projection,
        })
    };
    let report = |table: f64| {
        json!({
            "TableName": "table", "CapacityUnits": 1.0 + table, "Table": {"CapacityUnits": table},
            "LocalSecondaryIndexes": {"local": {"CapacityUnits": 1.0}},
        })
    };
    assert_eq!(consumed(&database, "Query", query("x"), "INDEXES"), report(0.0));
    assert_eq!(consumed(&database, "Query", query("y"), "INDEXES"), report(4.0));
}

#[test]
fn a_batch_reports_each_table() {
    let database = Database::with_table("pk:S");
    database.create(table_request("other", "pk:S", &[]));
    let puts: Vec<Value> = ["a", "b"]
        .iter()
        .map(|key| json!({"PutRequest": {"Item": {"pk": {"S": key}}}}))
        .collect();
    let request = json!({"RequestItems": {"other": [puts[0]], "table": puts}});
    let mut report = consumed(&database, "BatchWriteItem", request, "TOTAL")
        .as_array()
        .unwrap()
        .clone();
    report.sort_by_key(|table| table["TableName"].to_string());
    assert_eq!(
        report,
        [
            json!({"TableName": "other", "CapacityUnits": 1.0}),
            json!({"TableName": "table", "CapacityUnits": 2.0})
        ]
    );
}

#[test]
fn item_collections_are_reported_of_tables_with_local_indexes() {
    let asked = |mut request: Value| {
        request["ReturnItemCollectionMetrics"] = json!("SIZE");
        request
    };
    indexed().case("PutItem", asked(indexed_item(json!({})))).gives(json!({
        "ItemCollectionMetrics": {"ItemCollectionKey": {"pk": {"S": "p"}}, "SizeEstimateRangeGB": [0.0, 1.0]},
    }));
    Database::with_table("pk:S")
        .case("PutItem", asked(put(item(10))))
        .gives("{}");
}
