//! Attribute values: there and back, and what is wrong with those that are none.

use model::NumberError;

use crate::decode::decode;
use crate::encode::Encode;
use crate::types::{PutItemInput, UpdateItemInput};
use crate::{AttributeMap, Layer, Operation, ValueError};

fn item(attributes: &str) -> AttributeMap {
    let body = format!(r#"{{"TableName":"t","Item":{attributes}}}"#);
    match decode::<PutItemInput>(body.as_bytes()) {
        Ok(input) => input.item,
        Err(error) => panic!("{attributes}: {error}"),
    }
}

fn encoded(map: &AttributeMap) -> String {
    let mut out = Vec::new();
    map.encode(&mut out);
    String::from_utf8(out).expect("JSON is UTF-8")
}

/// Attributes are answered as `expected`.
fn check_answer(attributes: &str, expected: &str) {
    let map = item(attributes);
    assert_eq!(map.error, None, "{attributes}");
    assert_eq!(map.item.check(), Ok(()), "{attributes}");
    assert_eq!(encoded(&map), expected);
}

#[test]
fn values_come_back() {
    for same in [
        "{}",
        r#"{"a":{"S":""}}"#,
        r#"{"a":{"S":"\"\\/\n\u0001ü😀"},"b":{"BOOL":true},"c":{"NULL":true}}"#,
        r#"{"a":{"N":"-0.5"},"b":{"B":"AP8="},"c":{"B":""}}"#,
        r#"{"a":{"L":[{"S":"x"},{"L":[]},{"M":{}}]},"b":{"M":{"k":{"M":{"l":{"N":"1"}}}}}}"#,
        r#"{"a":{"SS":["","a"]},"b":{"NS":["-1","0","10"]},"c":{"BS":["AA==","/w=="]}}"#,
    ] {
        check_answer(same, same);
    }
    check_answer(
        r#"{"b":{"N":"1"},"a":{"N":"1.50e2"}}"#,
        r#"{"a":{"N":"150"},"b":{"N":"1"}}"#,
    );
    check_answer(r#"{"a":{"NS":["3","2.0"]}}"#, r#"{"a":{"NS":["2","3"]}}"#);
    check_answer(
        r#"{"a":{"N":"1E125"}}"#,
        &format!(r#"{{"a":{{"N":"1{}"}}}}"#, "0".repeat(125)),
    );
    // Of a name that comes twice the last one counts; null and unknown members don't.
    check_answer(
        r#"{"a":{"S":"x"},"a":{"S":null,"X":[1],"N":"2"}}"#,
        r#"{"a":{"N":"2"}}"#,
    );
    check_answer(r#"{"\u0061":{"\u0053":"x"}}"#, r#"{"a":{"S":"x"}}"#);
    check_answer(
        r#"{"a":{"BOOL":"Yes"},"b":{"BOOL":"0"},"c":{"NULL":"true"}}"#,
        r#"{"a":{"BOOL":true},"b":{"BOOL":false},"c":{"NULL":true}}"#,
    );
}

fn wrapped(levels: usize) -> String {
    format!(
        r#"{{"a":{}{{"S":"x"}}{}}}"#,
        r#"{"M":{"n":"#.repeat(levels),
        "}}".repeat(levels)
    )
}

#[test]
fn nesting_is_bounded() {
    check_answer(&wrapped(31), &wrapped(31));
    for levels in [32, 33, 60, 100, 100_000] {
        assert_eq!(
            item(&wrapped(levels)).error,
            Some(ValueError::TooDeep),
            "{levels}"
        );
    }
    let lists = format!(
        r#"{{"a":{}{{"S":"x"}}{}}}"#,
        r#"{"L":["#.repeat(50_000),
        "]}".repeat(50_000)
    );
    assert_eq!(item(&lists).error, Some(ValueError::TooDeep));
}

/// The first thing that is wrong with the attributes is this, and with that attribute.
fn check_error(attributes: &str, attribute: &str, error: ValueError) {
    let map = item(attributes);
    assert_eq!(map.item.check(), Ok(()), "{attributes}");
    assert_eq!(
        (map.error_attribute.as_deref(), map.error),
        (Some(attribute), Some(error)),
        "{attributes}"
    );
}

#[test]
fn what_is_no_value_is_kept_as_error() {
    let not_a_number = |text: &str| ValueError::Number(NumberError::NotANumber, text.to_owned());
    for (value, error) in [
        ("null", ValueError::Empty),
        ("{}", ValueError::Empty),
        (r#"{"X":"a"}"#, ValueError::Empty),
        (r#"{"S":null}"#, ValueError::Empty),
        (r#"{"L":[null]}"#, ValueError::Empty),
        (r#"{"S":"a","N":"1"}"#, ValueError::SeveralTypes),
        (
            r#"{"L":[{"S":"x"}],"M":{"a":{"S":"y"}}}"#,
            ValueError::SeveralTypes,
        ),
        (r#"{"S":"a","N":""}"#, not_a_number("")),
        (r#"{"N":" 1"}"#, not_a_number(" 1")),
        (
            r#"{"N":"1e126"}"#,
            ValueError::Number(NumberError::Overflow, "1e126".to_owned()),
        ),
        (r#"{"NS":["1","x"]}"#, not_a_number("x")),
        (r#"{"NULL":false}"#, ValueError::NullFalse),
        (r#"{"SS":[]}"#, ValueError::EmptyStringSet),
        (r#"{"NS":[]}"#, ValueError::EmptyNumberSet),
        (r#"{"BS":[]}"#, ValueError::EmptyBinarySet),
        (
            r#"{"SS":["a","a"]}"#,
            ValueError::DuplicateStrings(vec!["a".to_owned(); 2]),
        ),
        (r#"{"NS":["1","1.0"]}"#, ValueError::DuplicateNumbers),
        (
            r#"{"BS":["AA==","AA=="]}"#,
            ValueError::DuplicateBinaries(vec![vec![0]; 2]),
        ),
        (r#"{"M":{"":{"S":"x"}}}"#, ValueError::EmptyName),
    ] {
        check_error(
            &format!(r#"{{"z":{{"S":"ok"}},"a":{value},"b":{{"S":"ok"}}}}"#),
            "a",
            error,
        );
    }
    check_error(r#"{"":{"S":"x"}}"#, "", ValueError::EmptyName);
}

#[test]
fn the_first_error_counts_but_depth_comes_later_and_inner_names_last() {
    let deep = wrapped(40);
    let deep = &deep[5..deep.len() - 1];
    let not_a_number = ValueError::Number(NumberError::NotANumber, "x".to_owned());
    check_error(r#"{"a":{"N":"x"},"b":{"SS":[]}}"#, "a", not_a_number.clone());
    check_error(&format!(r#"{{"a":{deep},"b":{{"N":"x"}}}}"#), "b", not_a_number);
    check_error(
        &format!(r#"{{"a":{{"M":{{"":{{"S":"x"}}}}}},"b":{deep}}}"#),
        "b",
        ValueError::TooDeep,
    );
    check_error(
        &format!(r#"{{"a":{deep},"":{{"S":"x"}}}}"#),
        "",
        ValueError::EmptyName,
    );
}

#[test]
fn wrong_values_leave_the_names_and_the_other_values() {
    let map = item(r#"{"b":{"S":"x","N":"1"},"a":{"NS":[]},"c":{"L":[{},{"S":"y"}]}}"#);
    assert_eq!(
        encoded(&map),
        r#"{"a":{"NULL":true},"b":{"S":"x"},"c":{"L":[{"NULL":true},{"S":"y"}]}}"#
    );
}

#[test]
fn legacy_values() {
    let body = br#"{"TableName":"t","Key":{},"AttributeUpdates":{"b":{"Value":{"SS":["b","a"]},"Action":"ADD"},"a":{"Value":{"N":""}}}}"#;
    let input = decode::<UpdateItemInput>(body).expect("the request is well formed");
    let updates = input.attribute_updates.expect("there are updates");
    let names: Vec<_> = updates.keys().map(String::as_str).collect();
    assert_eq!(names, ["b", "a"]);
    let value = updates["b"].value.as_ref().expect("there is a value");
    assert_eq!(
        value.value,
        model::Value::StringSet(vec!["a".to_owned(), "b".to_owned()])
    );
    let mut out = Vec::new();
    value.encode(&mut out);
    assert_eq!(out, br#"{"SS":["a","b"]}"#);
    let error = updates["a"].value.as_ref().and_then(|value| value.error.as_ref());
    assert!(matches!(error, Some(ValueError::Number(NumberError::NotANumber, text)) if text.is_empty()));
}

#[test]
fn operations_wrap_what_they_say() {
    assert_eq!(Operation::PutItem.layer(), Layer::Current);
    assert_eq!(Operation::BatchWriteItem.layer(), Layer::Older);
    assert_eq!(Operation::UpdateItem.wrap("x"), "1 validation error detected: x");
    assert_eq!(Operation::Query.wrap("x"), "x");
    let number = ValueError::Number(NumberError::NotANumber, String::new());
    let text = "The parameter cannot be converted to a numeric value";
    for (operation, message) in [
        (
            Operation::PutItem,
            format!("1 validation error detected: {text}: "),
        ),
        (Operation::GetItem, format!("{text}: ")),
        (Operation::BatchWriteItem, text.to_owned()),
    ] {
        assert_eq!(operation.value_error(&number).message, message);
    }
    assert!(
        Operation::PutItem
            .value_error(&ValueError::Empty)
            .message
            .starts_with("Supplied")
    );
    assert_eq!(
        Operation::BatchWriteItem
            .expression_value_error(":v", &number)
            .message,
        format!("ExpressionAttributeValues contains invalid value: {text} for key :v")
    );
    assert_eq!(
        Operation::UpdateItem
            .expression_value_error(":v", &number)
            .message,
        format!("1 validation error detected: {text}: ")
    );
}
