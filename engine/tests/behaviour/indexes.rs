//! What indexes give back, keys of several attributes, and indexes made on a table with data.

use serde_json::{Value, json};

use crate::database::{Database, global, local};

fn with(mut request: Value, changes: Value) -> Value {
    request
        .as_object_mut()
        .unwrap()
        .extend(changes.as_object().unwrap().clone());
    request
}

/// A table with one item, and one index of each kind that has its keys alone.
fn sparse() -> (Database, Value) {
    let indexes = [
        global("global", "a:S", "KEYS_ONLY"),
        local("local", "pk:S b:N", "KEYS_ONLY"),
    ];
    let database = Database::with_indexes("pk:S sk:S,a:S,b:N", &indexes);
    let item = json!({
        "pk": {"S": "p"}, "sk": {"S": "s"}, "a": {"S": "x"}, "b": {"N": "1"}, "rest": {"S": "more"},
    });
    database.put(item.clone());
    (database, item)
}

fn on_global(changes: Value) -> Value {
    let request = json!({
        "TableName": "table", "IndexName": "global", "KeyConditionExpression": "a = :v",
        "ExpressionAttributeValues": {":v": {"S": "x"}},
    });
    with(request, changes)
}

fn on_local(changes: Value) -> Value {
    let request = json!({
        "TableName": "table", "IndexName": "local", "KeyConditionExpression": "pk = :v",
        "ExpressionAttributeValues": {":v": {"S": "p"}},
    });
    with(request, changes)
}

#[test]
fn a_global_index_gives_what_it_projects_and_no_more() {
    let (database, _) = sparse();
    database.case("Query", on_global(json!({}))).gives(json!({
        "Items": [{"pk": {"S": "p"}, "sk": {"S": "s"}, "a": {"S": "x"}}], "Count": 1, "ScannedCount": 1,
    }));
    database.case("Query", on_global(json!({"ProjectionExpression": "rest"}))).is_refused(
        "One or more parameter values were invalid: Global secondary index global does not project [rest]",
    );
    database.case("Query", on_global(json!({"Select": "ALL_ATTRIBUTES"}))).is_refused(
        "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global secondary \
         index global because its projection type is not ALL",
    );
}

#[test]
fn a_local_index_fetches_what_it_lacks_from_the_table() {
    let (database, item) = sparse();
    database.case("Query", on_local(json!({}))).gives(json!({
        "Items": [{"pk": {"S": "p"}, "sk": {"S": "s"}, "b": {"N": "1"}}], "Count": 1, "ScannedCount": 1,
    }));
    database
        .case("Query", on_local(json!({"Select": "ALL_ATTRIBUTES"})))
        .gives_at("/Items", json!([item]));
    database
        .case("Query", on_local(json!({"ProjectionExpression": "rest"})))
        .gives_at("/Items", json!([{"rest": {"S": "more"}}]));
}

#[test]
fn an_included_projection_has_its_attributes_and_the_keys() {
    let database = Database::with_indexes("pk:S,a:S", &[global("byA", "a:S", "INCLUDE x y")]);
    database.put(json!({"pk": {"S": "p"}, "a": {"S": "a"}, "x": {"N": "1"}, "z": {"N": "3"}}));
    database
        .case("Scan", r#"{"TableName":"table","IndexName":"byA"}"#)
        .gives(json!({
            "Items": [{"pk": {"S": "p"}, "a": {"S": "a"}, "x": {"N": "1"}}], "Count": 1, "ScannedCount": 1,
        }));
}

#[test]
fn an_item_moves_in_its_index_when_its_key_changes() {
    let (database, _) = sparse();
    let set = |a: Value| {
        json!({
            "TableName": "table", "Key": {"pk": {"S": "p"}, "sk": {"S": "s"}}, "UpdateExpression": "SET a = :a",
            "ExpressionAttributeValues": {":a": a},
        })
    };
    let found = |a: &str| {
        let values = json!({"ExpressionAttributeValues": {":v": {"S": a}}, "Select": "COUNT"});
        database.case("Query", on_global(values)).answer()["Count"]
            .as_i64()
            .unwrap()
    };
    database.case("UpdateItem", set(json!({"S": "y"}))).gives("{}");
    assert_eq!((found("x"), found("y")), (0, 1));
    let remove = json!({
        "TableName": "table", "Key": {"pk": {"S": "p"}, "sk": {"S": "s"}}, "UpdateExpression": "REMOVE a",
    });
    database.case("UpdateItem", remove).gives("{}");
    assert_eq!((found("x"), found("y")), (0, 0));
}

#[test]
fn the_last_evaluated_key_of_an_index_has_both_keys() {
    let (database, _) = sparse();
    database.case("Query", on_global(json!({"Limit": 1}))).gives_at(
        "/LastEvaluatedKey",
        json!({"a": {"S": "x"}, "pk": {"S": "p"}, "sk": {"S": "s"}}),
    );
    database.case("Query", on_local(json!({"Limit": 1}))).gives_at(
        "/LastEvaluatedKey",
        json!({"b": {"N": "1"}, "pk": {"S": "p"}, "sk": {"S": "s"}}),
    );
}

/// A table with an index on two partition and three sort attributes, and one item.
fn composite() -> Database {
    let database = Database::with_indexes(
        "pk:S,h1:S,h2:N,a:S,b:N,c:S",
        &[global("many", "h1:S+h2:N a:S+b:N+c:S", "KEYS_ONLY")],
    );
    for (pk, a, b, c) in [
        ("1", "x", "2", "y"),
        ("2", "x", "10", "z"),
        ("3", "x", "10", "a"),
        ("4", "w", "1", "q"),
    ] {
        database.put(json!({
            "pk": {"S": pk}, "h1": {"S": "h"}, "h2": {"N": "7"}, "a": {"S": a}, "b": {"N": b}, "c": {"S": c},
        }));
    }
    // Without one of the attributes an item is not in the index.
    database
        .put(json!({"pk": {"S": "5"}, "h1": {"S": "h"}, "h2": {"N": "7"}, "a": {"S": "x"}, "b": {"N": "1"}}));
    database
}

fn on_many(condition: &str) -> Value {
    let all = json!({
        ":h1": {"S": "h"}, ":h2": {"N": "7"}, ":a": {"S": "x"}, ":b": {"N": "10"}, ":c": {"S": "b"},
    });
    let used: serde_json::Map<String, Value> = all
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| condition.contains(name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    json!({
        "TableName": "table", "IndexName": "many", "KeyConditionExpression": condition,
        "ExpressionAttributeValues": used,
    })
}

fn partition_keys(answer: &Value) -> Vec<&str> {
    answer["Items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["pk"]["S"].as_str().unwrap())
        .collect()
}

#[test]
fn an_index_key_of_several_attributes_orders_by_them_in_turn() {
    let database = composite();
    for (condition, expected) in [
        ("h1 = :h1 AND h2 = :h2", vec!["4", "1", "3", "2"]),
        ("h1 = :h1 AND h2 = :h2 AND a = :a", vec!["1", "3", "2"]),
        ("h1 = :h1 AND h2 = :h2 AND a = :a AND b = :b", vec!["3", "2"]),
        ("h1 = :h1 AND h2 = :h2 AND a = :a AND b < :b", vec!["1"]),
        (
            "h1 = :h1 AND h2 = :h2 AND a = :a AND b = :b AND c > :c",
            vec!["2"],
        ),
    ] {
        let answer = database.case("Query", on_many(condition)).answer();
        assert_eq!(partition_keys(&answer), expected, "{condition}");
    }
}

#[test]
fn conditions_on_several_sort_attributes_have_no_gap() {
    let database = composite();
    for (condition, missing, present) in [
        ("h1 = :h1 AND h2 = :h2 AND a = :a AND c = :c", "b", "c"),
        ("h1 = :h1 AND h2 = :h2 AND a = :a AND b > :b AND c = :c", "b", "c"),
        ("h1 = :h1 AND h2 = :h2 AND b = :b", "a", "b"),
    ] {
        database.case("Query", on_many(condition)).is_refused(&format!(
            "RANGE key attributes {missing} must have equality conditions specified in the query because a condition \
             is present on key attribute {present}"
        ));
    }
    database
        .case("Query", on_many("h1 = :h1"))
        .is_refused("Query condition missed key schema element: h2");
    // The order in which they are written is free.
    let answer = database
        .case("Query", on_many("b = :b AND h2 = :h2 AND a = :a AND h1 = :h1"))
        .answer();
    assert_eq!(partition_keys(&answer), ["3", "2"]);
}

#[test]
fn the_last_evaluated_key_has_every_attribute_of_the_key() {
    let database = composite();
    let request = with(on_many("h1 = :h1 AND h2 = :h2"), json!({"Limit": 2}));
    let last = json!({
        "pk": {"S": "1"}, "h1": {"S": "h"}, "h2": {"N": "7"}, "a": {"S": "x"}, "b": {"N": "2"}, "c": {"S": "y"},
    });
    database
        .case("Query", &request)
        .gives_at("/LastEvaluatedKey", &last);
    let answer = database
        .case("Query", with(request, json!({"ExclusiveStartKey": last})))
        .answer();
    assert_eq!(partition_keys(&answer), ["3", "2"]);
}

#[test]
fn an_index_key_has_at_most_four_attributes_of_each_kind() {
    let database = Database::empty();
    let request = |partition: usize, sort: usize| {
        let half = |letter: char, count: usize| {
            (0..count)
                .map(|number| format!("{letter}{number}:S"))
                .collect::<Vec<_>>()
        };
        let (partition, sort) = (half('h', partition), half('r', sort));
        let key = format!("{} {}", partition.join("+"), sort.join("+"));
        let types = [partition, sort].concat().join(",");
        crate::database::table_request(
            "table",
            &format!("pk:S,{types}"),
            &[global("many", key.trim_end(), "ALL")],
        )
    };
    for (partition, sort, kind) in [(5, 1, "HASH"), (1, 5, "RANGE")] {
        let (name, message) = database.case("CreateTable", request(partition, sort)).error();
        let end = format!("The KeySchema exceeds the maximum allowed number of {kind} key attributes");
        assert!(
            name == "ValidationException" && message.ends_with(&end),
            "{message}"
        );
    }
    database.case("CreateTable", request(4, 4)).succeeds();
}

#[test]
fn an_index_made_later_has_the_items_that_were_there() {
    let database = Database::with_table("pk:S");
    for number in 0..50 {
        database.put(json!({"pk": {"S": number.to_string()}, "a": {"N": (number % 5).to_string()}}));
    }
    database.put(json!({"pk": {"S": "other"}, "a": {"S": "a string"}}));
    let create = json!({
        "TableName": "table",
        "AttributeDefinitions": [{"AttributeName": "a", "AttributeType": "N"}],
        "GlobalSecondaryIndexUpdates": [{"Create": {
            "IndexName": "byA", "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }}],
    });
    let describe = || database.case("DescribeTable", r#"{"TableName":"table"}"#);
    database.case("UpdateTable", create).gives_at(
        "/TableDescription/GlobalSecondaryIndexes/0/IndexStatus",
        "\"CREATING\"",
    );
    describe().gives_at("/Table/GlobalSecondaryIndexes/0/Backfilling", "true");
    database.work();
    describe().gives_at("/Table/GlobalSecondaryIndexes/0/IndexStatus", "\"ACTIVE\"");
    describe().gives_at("/Table/GlobalSecondaryIndexes/0/ItemCount", "50");
    database
        .case("Query", json!({
            "TableName": "table", "IndexName": "byA", "KeyConditionExpression": "a = :v", "Select": "COUNT",
            "ExpressionAttributeValues": {":v": {"N": "3"}},
        }))
        .gives(r#"{"Count":10,"ScannedCount":10}"#);
}
