//! Numbers: what is one, how it comes back, and how large it counts.

use serde_json::{Value, json};

use crate::database::Database;

const NO_NUMBER: &str = "The parameter cannot be converted to a numeric value: ";
const OVERFLOW: &str =
    "Number overflow. Attempting to store a number with magnitude larger than supported range";
const UNDERFLOW: &str =
    "Number underflow. Attempting to store a number with magnitude smaller than supported range";
const TOO_PRECISE: &str = "Attempting to store more than 38 significant digits in a Number";

fn put(number: &str) -> Value {
    json!({"TableName": "table", "Item": {"pk": {"S": "a"}, "n": {"N": number}}})
}

/// Asserts how numbers come back.
#[track_caller]
fn check_stored(cases: &[(&str, &str)]) {
    let database = Database::with_table("pk:S");
    for (sent, stored) in cases {
        database.case("PutItem", put(sent)).gives("{}");
        let item = database.item(json!({"pk": {"S": "a"}}));
        assert_eq!(item["n"], json!({"N": stored}), "{sent}");
    }
}

/// Asserts why numbers are refused.
#[track_caller]
fn check_refused(cases: &[(&str, &str)]) {
    let database = Database::empty();
    for (sent, message) in cases {
        database
            .case("PutItem", put(sent))
            .is_refused(&format!("1 validation error detected: {message}"));
    }
}

#[test]
fn a_number_has_at_most_38_significant_digits() {
    let longest = "12345678901234567890123456789012345678";
    let padded = format!("000{longest}00000");
    let padded_out = format!("{longest}00000");
    check_stored(&[(longest, longest), (&padded, &padded_out)]);
    check_refused(&[
        (&format!("{longest}9"), TOO_PRECISE),
        (&format!("0.{longest}1"), TOO_PRECISE),
    ]);
}

#[test]
fn a_number_has_a_largest_and_a_smallest_magnitude() {
    let nines = "9".repeat(38);
    let largest = format!("{nines}{}", "0".repeat(88));
    let smallest = format!("0.{}1", "0".repeat(129));
    check_stored(&[
        ("9.9999999999999999999999999999999999999E+125", &largest),
        (
            "-9.9999999999999999999999999999999999999e125",
            &format!("-{largest}"),
        ),
        ("1E-130", &smallest),
        ("-1e-130", &format!("-{smallest}")),
    ]);
    check_refused(&[
        ("1E126", OVERFLOW),
        ("-1E126", OVERFLOW),
        ("1E-131", UNDERFLOW),
        ("9e-131", UNDERFLOW),
    ]);
}

#[test]
fn a_number_comes_back_as_a_plain_decimal() {
    let googol = format!("1{}", "0".repeat(125));
    assert_eq!(googol.len(), 126);
    check_stored(&[
        ("1E125", &googol),
        ("1.0", "1"),
        ("00042", "42"),
        ("-0", "0"),
        ("0.000", "0"),
        ("1.50", "1.5"),
        ("-12e-1", "-1.2"),
        ("1e2", "100"),
    ]);
}

#[test]
fn a_zero_is_judged_by_its_exponent() {
    check_stored(&[("0e125", "0"), ("0e-130", "0")]);
    check_refused(&[("0e126", OVERFLOW), ("0e-131", UNDERFLOW)]);
}

#[test]
fn numbers_are_written_loosely_but_not_anyhow() {
    check_stored(&[
        ("+5", "5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1.e5", "100000"),
        ("1E+2", "100"),
    ]);
    let texts = [
        " 1",
        "1 ",
        "0x10",
        "NaN",
        "Infinity",
        "1e",
        "1.2.3",
        "--1",
        ".",
        "1e99999999999999999999",
    ];
    let messages = texts.map(|text| format!("{NO_NUMBER}{text}"));
    let cases: Vec<(&str, &str)> = texts
        .into_iter()
        .zip(messages.iter().map(String::as_str))
        .collect();
    check_refused(&cases);
}

#[test]
fn a_number_counts_by_its_digits_on_each_side_of_the_point() {
    let database = Database::with_table("pk:S");
    let units = |number: &str, padding: usize| {
        let item = json!({"pk": {"S": "a"}, "n": {"N": number}, "p": {"S": "x".repeat(padding)}});
        let request = json!({"TableName": "table", "Item": item, "ReturnConsumedCapacity": "TOTAL"});
        database.case("PutItem", request).answer()["ConsumedCapacity"]["CapacityUnits"]
            .as_f64()
            .unwrap()
    };
    for (number, size_bytes) in [
        ("0", 1),
        ("-0", 1),
        ("1", 2),
        ("-1", 3),
        ("15", 2),
        ("100", 2),
        ("1.5", 3),
        ("100.5", 4),
        ("0.001", 2),
        ("1E125", 2),
        ("1E-130", 2),
        ("12345678901234567890123456789012345678", 20),
        ("-1234567890123456789012345678901234567.8", 22),
    ] {
        // The names and the key have five bytes: this item has just 1,024.
        let padding = 1024 - 5 - size_bytes;
        database
            .case("DeleteItem", r#"{"TableName":"table","Key":{"pk":{"S":"a"}}}"#)
            .gives("{}");
        assert_eq!(
            units(number, padding),
            1.0,
            "{number} is larger than {size_bytes} bytes"
        );
        assert_eq!(
            units(number, padding + 1),
            2.0,
            "{number} is smaller than {size_bytes} bytes"
        );
    }
}

#[test]
fn numbers_are_equal_by_value() {
    let database = Database::with_table("pk:N");
    database.put(json!({"pk": {"N": "1.50"}, "v": {"S": "first"}}));
    database.put(json!({"pk": {"N": "15e-1"}, "v": {"S": "second"}}));
    database
        .case("Scan", r#"{"TableName":"table"}"#)
        .gives(json!({"Items": [{"pk": {"N": "1.5"}, "v": {"S": "second"}}], "Count": 1, "ScannedCount": 1}));
}

#[test]
fn the_results_of_arithmetic_are_checked_as_what_is_sent() {
    let database = Database::with_table("pk:S");
    let add = |number: &str| {
        json!({
            "TableName": "table", "Key": {"pk": {"S": "a"}}, "UpdateExpression": "SET n = n + :v",
            "ExpressionAttributeValues": {":v": {"N": number}},
        })
    };
    let set = |number: &str| database.put(json!({"pk": {"S": "a"}, "n": {"N": number}}));
    set("9E125");
    database.case("UpdateItem", add("1E125")).is_refused(OVERFLOW);
    set("1");
    database.case("UpdateItem", add("1E-40")).is_refused(TOO_PRECISE);
    database.case("UpdateItem", add("0.1")).gives("{}");
    assert_eq!(database.item(json!({"pk": {"S": "a"}}))["n"], json!({"N": "1.1"}));
}
