//! GetItem and what all reads share: projections, and the attributes that come back.

use serde_json::{Value, json};

use crate::database::Database;

fn database() -> Database {
    let database = Database::with_table("pk:S");
    database.put(json!({
        "pk": {"S": "a"},
        "l": {"L": [{"N": "0"}, {"N": "1"}, {"N": "2"}]},
        "m": {"M": {"x": {"S": "x"}, "y": {"S": "y"}}},
    }));
    database
}

fn get(projection: &str) -> Value {
    json!({"TableName": "table", "Key": {"pk": {"S": "a"}}, "ProjectionExpression": projection})
}

#[test]
fn a_projection_does_not_add_the_keys() {
    database()
        .case("GetItem", get("m"))
        .gives(r#"{"Item":{"m":{"M":{"x":{"S":"x"},"y":{"S":"y"}}}}}"#);
}

#[test]
fn a_projection_that_finds_nothing_gives_an_empty_item() {
    database()
        .case("GetItem", get("nothing, m.nothing"))
        .gives(r#"{"Item":{}}"#);
    let database = database();
    let absent = json!({"TableName": "table", "Key": {"pk": {"S": "b"}}, "ProjectionExpression": "m"});
    database.case("GetItem", absent).gives("{}");
    database
        .case(
            "Scan",
            r#"{"TableName":"table","ProjectionExpression":"nothing"}"#,
        )
        .gives(r#"{"Items":[{}],"Count":1,"ScannedCount":1}"#);
}

#[test]
fn projected_list_elements_close_up_in_their_order() {
    database()
        .case("GetItem", get("l[2], l[0], m.y"))
        .gives(r#"{"Item":{"l":{"L":[{"N":"0"},{"N":"2"}]},"m":{"M":{"y":{"S":"y"}}}}}"#);
}

#[test]
fn an_absent_item_is_an_empty_answer() {
    database()
        .case("GetItem", r#"{"TableName":"table","Key":{"pk":{"S":"b"}}}"#)
        .gives("{}");
}

#[test]
fn a_written_item_is_read_at_once() {
    let database = database();
    for value in ["1", "2", "3"] {
        let item = json!({"pk": {"S": "b"}, "v": {"N": value}});
        database.put(item.clone());
        for consistent in [true, false] {
            database
                .case(
                    "GetItem",
                    json!({
                        "TableName": "table", "Key": {"pk": {"S": "b"}}, "ConsistentRead": consistent,
                    }),
                )
                .gives(json!({"Item": item}));
        }
    }
}

#[test]
fn legacy_and_expression_parameters_do_not_mix() {
    let database = Database::empty();
    let mixed = |legacy: &str, expressions: &str| {
        format!(
            "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: \
             {{{legacy}}} Expression parameters: {{{expressions}}}"
        )
    };
    let mut request = get("a");
    request["AttributesToGet"] = json!(["a"]);
    database
        .case("GetItem", request)
        .is_refused(&mixed("AttributesToGet", "ProjectionExpression"));
    database
        .case("Query", json!({
            "TableName": "table", "KeyConditionExpression": "pk = :v", "QueryFilter": {}, "KeyConditions": {},
        }))
        .is_refused(&mixed("QueryFilter, KeyConditions", "KeyConditionExpression"));
    database
        .case("Scan", json!({
            "TableName": "table", "FilterExpression": "a = :v", "ScanFilter": {}, "AttributesToGet": ["a"],
        }))
        .is_refused(&mixed("AttributesToGet, ScanFilter", "FilterExpression"));
}
