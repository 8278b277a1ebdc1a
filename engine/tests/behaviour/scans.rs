//! Scan: segments, pages and filters.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::database::Database;

fn filled(count: usize) -> Database {
    let database = Database::with_table("pk:S");
    for number in 0..count {
        database.put(json!({"pk": {"S": number.to_string()}, "v": {"N": number.to_string()}}));
    }
    database
}

fn found(answer: &Value) -> Vec<String> {
    let items = answer["Items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["pk"]["S"].as_str().unwrap().to_owned())
        .collect()
}

/// All keys of a scan, page by page.
fn all_pages(database: &Database, mut request: Value) -> Vec<String> {
    let mut keys = Vec::new();
    loop {
        let answer = database.case("Scan", &request).answer();
        keys.extend(found(&answer));
        match answer.get("LastEvaluatedKey") {
            None => return keys,
            Some(last) => request["ExclusiveStartKey"] = last.clone(),
        }
    }
}

#[test]
fn segments_share_the_table_between_them() {
    let database = filled(100);
    for total in [1, 2, 7, 1000] {
        let mut seen = BTreeSet::new();
        for segment in 0..total {
            let request =
                json!({"TableName": "table", "Segment": segment, "TotalSegments": total, "Limit": 9});
            for key in all_pages(&database, request) {
                assert!(seen.insert(key.clone()), "{key} is in two segments of {total}");
            }
        }
        assert_eq!(seen.len(), 100, "{total} segments");
    }
}

#[test]
fn a_segment_is_one_of_the_total() {
    let database = Database::empty();
    let scan = |changes: Value| {
        let mut request = json!({"TableName": "table"});
        request
            .as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        request
    };
    database.refuses(
        "Scan",
        &[
            (
                scan(json!({"Segment": 5, "TotalSegments": 5})),
                "The Segment parameter is zero-based and must be less than parameter TotalSegments",
            ),
            (
                scan(json!({"Segment": 0})),
                "The TotalSegments parameter is required but was not present in the request when Segment parameter is \
                 present",
            ),
            (
                scan(json!({"TotalSegments": 2})),
                "The Segment parameter is required but was not present in the request when parameter TotalSegments is \
                 present",
            ),
            (
                scan(json!({"Segment": 0, "TotalSegments": 1_000_001})),
                "1 validation error detected: Value '1000001' at 'totalSegments' failed to satisfy constraint: Member \
                 must have value less than or equal to 1000000",
            ),
        ],
    );
}

#[test]
fn a_start_key_belongs_to_its_segment() {
    let database = filled(20);
    let scan = |segment: u32| json!({"TableName": "table", "Segment": segment, "TotalSegments": 2});
    let first = database.case("Scan", scan(0)).answer();
    let mut request = scan(1);
    request["ExclusiveStartKey"] = json!({"pk": first["Items"][0]["pk"]});
    database.case("Scan", request).is_refused(
        "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct \
         Segment. TotalSegments: 2 Segment: 1",
    );
}

#[test]
fn a_page_that_stops_at_its_limit_says_where() {
    let database = filled(2);
    let answer = database
        .case("Scan", r#"{"TableName":"table","Limit":2}"#)
        .answer();
    assert_eq!(found(&answer).len(), 2);
    assert_eq!(
        answer["LastEvaluatedKey"]["pk"]["S"].as_str(),
        found(&answer).last().map(String::as_str)
    );
    assert_eq!(
        all_pages(&database, json!({"TableName": "table", "Limit": 1})).len(),
        2
    );
}

#[test]
fn a_filter_may_name_keys() {
    let database = filled(3);
    let request = json!({
        "TableName": "table", "FilterExpression": "pk > :v", "ExpressionAttributeValues": {":v": {"S": "0"}},
        "Select": "COUNT",
    });
    database
        .case("Scan", request)
        .gives(r#"{"Count":2,"ScannedCount":3}"#);
}

#[test]
fn a_selection_without_a_projection_is_refused_without_an_envelope() {
    Database::empty()
        .case("Scan", r#"{"TableName":"table","Select":"SPECIFIC_ATTRIBUTES"}"#)
        .is_refused("Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES");
}

#[test]
fn a_repeated_attribute_to_get_is_refused() {
    Database::empty()
        .case("Scan", r#"{"TableName":"table","AttributesToGet":["a","a"]}"#)
        .is_refused("One or more parameter values were invalid: Duplicate value in attribute name: a");
}
