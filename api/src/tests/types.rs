//! JSON of the wrong type.

use super::refuse;
use crate::ErrorKind;

fn check(name: &str, body: &str, message: &str) {
    let error = refuse(name, body);
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::SerializationException, message),
        "{name} {body}"
    );
}

/// PutItem refuses this attribute value.
fn check_value(value: &str, message: &str) {
    check(
        "PutItem",
        &format!(r#"{{"TableName":"","Item":{{"a":{value}}}}}"#),
        message,
    );
}

const NO_CAST: &str = "class sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl cannot be cast to class java.lang.Class (sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl and java.lang.Class are in module java.base of loader 'bootstrap')";
const STRUCTURE: &str = "Start of structure or map found where not expected";

#[test]
fn what_is_no_json_has_no_message() {
    for body in [
        "",
        "{",
        "{}x",
        "nul",
        "{\"TableName\":\"\\ud800\"}",
        "5",
        "\"a\"",
        "null",
        "true",
    ] {
        check("PutItem", body, "");
    }
    // A wrong type before the place where the JSON ends to be any does not matter.
    check("PutItem", r#"{"TableName":5,"#, "");
    check(
        "PutItem",
        "[]",
        "Unrecognized collection type class com.amazonaws.dynamodb.v20120810.PutItemInput",
    );
}

#[test]
fn scalars() {
    let cases = [
        (
            r#"{"TableName":true}"#,
            "TRUE_VALUE cannot be converted to String",
        ),
        (r#"{"TableName":5}"#, "NUMBER_VALUE cannot be converted to String"),
        (
            r#"{"TableName":5.5}"#,
            "DECIMAL_VALUE cannot be converted to String",
        ),
        (
            r#"{"TableName":[]}"#,
            "Unrecognized collection type class java.lang.String",
        ),
        (r#"{"TableName":{}}"#, STRUCTURE),
        (r#"{"Select":5}"#, "NUMBER_VALUE cannot be converted to String"),
        (r#"{"Limit":"5"}"#, "STRING_VALUE cannot be converted to Integer"),
        (r#"{"Limit":false}"#, "FALSE_VALUE cannot be converted to Integer"),
        (
            r#"{"ConsistentRead":"maybe"}"#,
            "Unexpected token received from parser",
        ),
        (
            r#"{"ConsistentRead":1}"#,
            "NUMBER_VALUE cannot be converted to Boolean",
        ),
        (
            r#"{"ConsistentRead":[]}"#,
            "Unrecognized collection type class java.lang.Boolean",
        ),
    ];
    for (body, message) in cases {
        check("Query", body, message);
    }
    check(
        "CreateTable",
        r#"{"ProvisionedThroughput":{"ReadCapacityUnits":"1"}}"#,
        "STRING_VALUE cannot be converted to Long",
    );
}

#[test]
fn containers() {
    let cases = [
        ("Query", r#"{"AttributesToGet":"a"}"#, "Unexpected field type"),
        ("Query", r#"{"AttributesToGet":{}}"#, STRUCTURE),
        (
            "Query",
            r#"{"ExpressionAttributeNames":1}"#,
            "Unexpected field type",
        ),
        (
            "Query",
            r#"{"ExpressionAttributeNames":[]}"#,
            "Unrecognized collection type java.util.Map<java.lang.String, java.lang.String>",
        ),
        (
            "Query",
            r#"{"ExclusiveStartKey":[]}"#,
            "Unrecognized collection type java.util.Map<java.lang.String, com.amazonaws.dynamodb.v20120810.AttributeValue>",
        ),
        (
            "Query",
            r#"{"QueryFilter":{"a":"b"}}"#,
            "Unexpected value type in payload",
        ),
        (
            "CreateTable",
            r#"{"ProvisionedThroughput":"a"}"#,
            "Unexpected field type",
        ),
        (
            "CreateTable",
            r#"{"ProvisionedThroughput":[]}"#,
            "Unrecognized collection type class com.amazonaws.dynamodb.v20120810.ProvisionedThroughput",
        ),
        (
            "CreateTable",
            r#"{"KeySchema":["a"]}"#,
            "Unexpected value type in payload",
        ),
        ("BatchWriteItem", r#"{"RequestItems":{"a":"b"}}"#, NO_CAST),
        ("BatchWriteItem", r#"{"RequestItems":{"a":{}}}"#, STRUCTURE),
        (
            "BatchWriteItem",
            r#"{"RequestItems":[]}"#,
            "Unrecognized collection type java.util.Map<java.lang.String, java.util.List<com.amazonaws.dynamodb.v20120810.WriteRequest>>",
        ),
        ("BatchGetItem", r#"{"RequestItems":{"a":{"Keys":[5]}}}"#, NO_CAST),
    ];
    for (name, body, message) in cases {
        check(name, body, message);
    }
}

#[test]
fn attribute_values() {
    let cases = [
        (r#""a""#, "Unexpected value type in payload"),
        (
            "[]",
            "Unrecognized collection type class com.amazonaws.dynamodb.v20120810.AttributeValue",
        ),
        (r#"{"S":5}"#, "NUMBER_VALUE cannot be converted to String"),
        (r#"{"N":5.5}"#, "DECIMAL_VALUE cannot be converted to String"),
        (r#"{"BOOL":5}"#, "NUMBER_VALUE cannot be converted to Boolean"),
        (r#"{"NULL":"x"}"#, "Unexpected token received from parser"),
        (
            r#"{"B":"abcde"}"#,
            "Base64 encoded length is expected a multiple of 4 bytes but found: 5",
        ),
        (
            r#"{"B":"YR=="}"#,
            "Invalid last non-pad Base64 character dectected",
        ),
        (
            r#"{"B":true}"#,
            "only base-64-encoded strings are convertible to bytes",
        ),
        (
            r#"{"B":[]}"#,
            "Unrecognized collection type class java.nio.ByteBuffer",
        ),
        (r#"{"SS":"a"}"#, "Unexpected field type"),
        (r#"{"SS":[1]}"#, "NUMBER_VALUE cannot be converted to String"),
        (r#"{"L":{}}"#, STRUCTURE),
        (r#"{"L":["a"]}"#, "Unexpected value type in payload"),
        (
            r#"{"L":[{"M":{"x":{"S":[]}}}]}"#,
            "Unrecognized collection type class java.lang.String",
        ),
        (
            r#"{"M":[]}"#,
            "Unrecognized collection type java.util.Map<java.lang.String, com.amazonaws.dynamodb.v20120810.AttributeValue>",
        ),
    ];
    for (value, message) in cases {
        check_value(value, message);
    }
}
