//! Query: key conditions, what is selected, and where pages end.

use serde_json::{Value, json};

use crate::database::{Database, global, local};

/// A query of the table, with the values that the expression names.
fn query(condition: &str, values: Value) -> Value {
    let mut request = json!({"TableName": "table", "KeyConditionExpression": condition});
    if values != json!({}) {
        request["ExpressionAttributeValues"] = values;
    }
    request
}

fn with(mut request: Value, changes: Value) -> Value {
    request
        .as_object_mut()
        .unwrap()
        .extend(changes.as_object().unwrap().clone());
    request
}

/// The string values `:a` and `:b`, and the number `:n`.
fn all_of(names: &[&str]) -> Value {
    let values = json!({":a": {"S": "a"}, ":b": {"S": "b"}, ":n": {"N": "1"}});
    names
        .iter()
        .map(|name| ((*name).to_owned(), values[*name].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[track_caller]
fn check_refused(database: &Database, condition: &str, values: &[&str], message: &str) {
    database
        .case("Query", query(condition, all_of(values)))
        .is_refused(message);
}

/// A table with a partition `p` of so many items, their sort keys counting from zero.
fn filled(count: usize) -> Database {
    let database = Database::with_table("pk:S sk:N");
    for sort in 0..count {
        database.put(
            json!({"pk": {"S": "p"}, "sk": {"N": sort.to_string()}, "v": {"N": (sort % 2).to_string()}}),
        );
    }
    database
}

fn sort_keys(answer: &Value) -> Vec<String> {
    let items = answer["Items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["sk"]["N"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn key_conditions_are_read_as_written_before_the_table() {
    let database = Database::empty();
    let undefined = "Invalid KeyConditionExpression: An expression attribute value used in expression is not defined; \
                     attribute value: ";
    let operand = "Invalid KeyConditionExpression: Incorrect operand type for operator or function; operator or \
                   function: begins_with, operand type: N";
    check_refused(
        &database,
        "pk = :x AND begins_with(sk, :n)",
        &[":n"],
        &format!("{undefined}:x"),
    );
    check_refused(&database, "begins_with(sk, :n) AND pk = :x", &[":n"], operand);
    check_refused(
        &database,
        "pk = :a AND sk = :a AND begins_with(v, :n)",
        &[":a", ":n"],
        operand,
    );
}

#[test]
fn a_query_names_the_partition_key() {
    let database = Database::with_table("pk:S sk:N");
    let missed = "Query condition missed key schema element: pk";
    check_refused(&database, "sk = :n", &[":n"], missed);
    check_refused(&database, "x = :a", &[":a"], missed);
    check_refused(&database, "pk > :a", &[":a"], "Query key condition not supported");
    check_refused(
        &database,
        "pk = :a AND x = :n",
        &[":a", ":n"],
        "Query condition missed key schema element: sk",
    );
}

#[test]
fn a_query_has_no_more_conditions_than_keys() {
    let database = Database::with_table("pk:S sk:N");
    check_refused(
        &database,
        "pk = :a AND sk > :n AND x = :n",
        &[":a", ":n"],
        "The number of query conditions (3) exceeds the number of key attributes defined in the schema (2)",
    );
    check_refused(
        &database,
        "pk = :a AND pk = :b",
        &[":a", ":b"],
        "Invalid KeyConditionExpression: KeyConditionExpressions must only contain one condition per key",
    );
}

#[test]
fn a_key_of_another_type_matches_no_schema() {
    let database = Database::with_table("pk:S sk:N");
    let mismatch =
        "One or more parameter values were invalid: Condition parameter type does not match schema type";
    check_refused(&database, "pk = :n", &[":n"], mismatch);
    check_refused(&database, "pk = :a AND sk = :b", &[":a", ":b"], mismatch);
    check_refused(
        &database,
        "pk = :a AND begins_with(sk, :b)",
        &[":a", ":b"],
        mismatch,
    );
}

#[test]
fn key_conditions_know_few_operators() {
    let database = Database::empty();
    for (condition, operator) in [
        ("pk = :a OR sk = :b", "OR"),
        ("NOT pk = :a", "NOT"),
        ("pk <> :a", "<>"),
        ("pk IN (:a)", "IN"),
        ("attribute_exists(pk)", "attribute_exists"),
        ("contains(pk, :a)", "contains"),
    ] {
        let values: Vec<&str> = [":a", ":b"]
            .into_iter()
            .filter(|name| condition.contains(name))
            .collect();
        check_refused(
            &database,
            condition,
            &values,
            &format!("Invalid operator used in KeyConditionExpression: {operator}"),
        );
    }
}

#[test]
fn a_query_needs_a_key_condition() {
    Database::empty()
        .case("Query", r#"{"TableName":"table"}"#)
        .is_refused(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.",
        );
}

#[test]
fn a_filter_does_not_name_keys() {
    let database = Database::with_table("pk:S sk:N");
    let request = with(
        query("pk = :a", all_of(&[":a", ":n"])),
        json!({"FilterExpression": "sk > :n"}),
    );
    database.case("Query", request).is_refused(
        "Filter Expression can only contain non-primary key attributes: Primary key attribute: sk",
    );
}

#[test]
fn the_sort_key_orders_by_its_type() {
    let numbers = Database::with_table("pk:S sk:N");
    for sort in ["10", "-1", "9", "-10", "0.5", "1E2"] {
        numbers.put(json!({"pk": {"S": "a"}, "sk": {"N": sort}}));
    }
    let answer = numbers.case("Query", query("pk = :a", all_of(&[":a"]))).answer();
    assert_eq!(sort_keys(&answer), ["-10", "-1", "0.5", "9", "10", "100"]);
    let backward = with(
        query("pk = :a AND sk > :n", all_of(&[":a", ":n"])),
        json!({"ScanIndexForward": false}),
    );
    assert_eq!(
        sort_keys(&numbers.case("Query", backward).answer()),
        ["100", "10", "9"]
    );

    let strings = Database::with_table("pk:S sk:S");
    for sort in ["b", "B", "é", "a", "aa", "\u{10000}", "\u{ffff}"] {
        strings.put(json!({"pk": {"S": "a"}, "sk": {"S": sort}}));
    }
    let answer = strings.case("Query", query("pk = :a", all_of(&[":a"]))).answer();
    let found: Vec<&str> = answer["Items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["sk"]["S"].as_str().unwrap())
        .collect();
    assert_eq!(found, ["B", "a", "aa", "b", "é", "\u{ffff}", "\u{10000}"]);
}

#[test]
fn a_page_that_stops_at_its_limit_says_where_though_nothing_follows() {
    let database = filled(2);
    let limited = |limit: u32| {
        with(
            query("pk = :p", json!({":p": {"S": "p"}})),
            json!({"Limit": limit}),
        )
    };
    let last = json!({"pk": {"S": "p"}, "sk": {"N": "1"}});
    database
        .case("Query", limited(2))
        .gives_at("/LastEvaluatedKey", &last);
    database
        .case("Query", with(limited(2), json!({"ExclusiveStartKey": last})))
        .gives(r#"{"Items":[],"Count":0,"ScannedCount":0}"#);
    database
        .case("Query", limited(3))
        .gives_at("/LastEvaluatedKey", "null");
}

#[test]
fn a_limit_counts_what_is_read_and_not_what_passes_the_filter() {
    let database = filled(4);
    let request = with(
        query("pk = :p", json!({":p": {"S": "p"}, ":one": {"N": "1"}})),
        json!({"Limit": 3, "FilterExpression": "v = :one", "Select": "COUNT"}),
    );
    database.case("Query", request).gives(json!({
        "Count": 1, "ScannedCount": 3, "LastEvaluatedKey": {"pk": {"S": "p"}, "sk": {"N": "2"}},
    }));
}

#[test]
fn a_page_holds_a_megabyte_of_items() {
    let database = Database::with_table("pk:S sk:N");
    for sort in 0..12 {
        database
            .put(json!({"pk": {"S": "p"}, "sk": {"N": sort.to_string()}, "v": {"S": "x".repeat(100_000)}}));
    }
    // The filter lets nothing through, and yet the page ends.
    let request = with(
        query("pk = :p", json!({":p": {"S": "p"}, ":no": {"S": "no"}})),
        json!({"FilterExpression": "v = :no"}),
    );
    let answer = database.case("Query", request).answer();
    assert_eq!(
        (answer["Count"].as_i64(), answer["ScannedCount"].as_i64()),
        (Some(0), Some(11))
    );
    assert_eq!(
        answer["LastEvaluatedKey"],
        json!({"pk": {"S": "p"}, "sk": {"N": "10"}})
    );
}

#[test]
fn a_start_key_stands_inside_the_query() {
    let database = filled(3);
    let from = |start: Value| {
        with(
            query("pk = :p AND sk < :n", json!({":p": {"S": "p"}, ":n": {"N": "2"}})),
            json!({"ExclusiveStartKey": start}),
        )
    };
    for (start, message) in [
        (
            json!({"pk": {"S": "p"}}),
            "The provided starting key is invalid: The provided key element does not match the schema",
        ),
        (
            json!({"pk": {"S": "p"}, "sk": {"S": "1"}}),
            "The provided starting key is invalid: The provided key element does not match the schema",
        ),
        (
            json!({"pk": {"S": "q"}, "sk": {"N": "1"}}),
            "The provided starting key is outside query boundaries based on provided conditions",
        ),
        (
            json!({"pk": {"S": "p"}, "sk": {"N": "5"}}),
            "The provided starting key does not match the range key predicate",
        ),
    ] {
        database.case("Query", from(start)).is_refused(message);
    }
    // It need not be the key of an item.
    let answer = database
        .case("Query", from(json!({"pk": {"S": "p"}, "sk": {"N": "0.5"}})))
        .answer();
    assert_eq!(sort_keys(&answer), ["1"]);
}

#[test]
fn what_is_selected_fits_the_other_parameters() {
    let database = Database::empty();
    let select = |mode: &str, more: Value| {
        with(
            with(query("pk = :a", all_of(&[":a"])), json!({"Select": mode})),
            more,
        )
    };
    let projected = json!({"ProjectionExpression": "v"});
    database.refuses(
        "Query",
        &[
            (
                select("SPECIFIC_ATTRIBUTES", json!({})),
                "1 validation error detected: Must specify the AttributesToGet or ProjectionExpression when choosing to \
                 get SPECIFIC_ATTRIBUTES",
            ),
            (
                select("ALL_ATTRIBUTES", projected.clone()),
                "Cannot specify the ProjectionExpression when choosing to get ALL_ATTRIBUTES",
            ),
            (select("COUNT", projected), "Cannot specify the ProjectionExpression when choosing to get only the Count"),
            (
                select("ALL_PROJECTED_ATTRIBUTES", json!({})),
                "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
            ),
        ],
    );
}

#[test]
fn an_unknown_index_is_reported_before_its_consistency() {
    let database = Database::with_indexes("pk:S,a:S", &[global("byA", "a:S", "ALL")]);
    let on = |index: &str| {
        with(
            query("a = :a", all_of(&[":a"])),
            json!({"IndexName": index, "ConsistentRead": true}),
        )
    };
    database
        .case("Query", on("none"))
        .is_refused("The table does not have the specified index: none");
    database
        .case("Query", on("byA"))
        .is_refused("Consistent reads are not supported on global secondary indexes");
    database
        .case(
            "Scan",
            json!({"TableName": "table", "IndexName": "byA", "ConsistentRead": true}),
        )
        .is_refused("Consistent reads are not supported on global secondary indexes");
}

#[test]
fn a_local_index_is_read_consistently() {
    let database = Database::with_indexes("pk:S sk:S,b:N", &[local("byB", "pk:S b:N", "ALL")]);
    let item = json!({"pk": {"S": "a"}, "sk": {"S": "s"}, "b": {"N": "1"}});
    database.put(item.clone());
    let request = with(
        query("pk = :a", all_of(&[":a"])),
        json!({"IndexName": "byB", "ConsistentRead": true}),
    );
    database
        .case("Query", request)
        .gives(json!({"Items": [item], "Count": 1, "ScannedCount": 1}));
}
