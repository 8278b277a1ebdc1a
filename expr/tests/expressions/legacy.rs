//! The legacy parameters: what they mean, and how they are refused.

use expr::UpdateError;
use expr::legacy::{
    self, AttributeUpdate, ComparisonOperator as Operator, ConditionalOperator, Expected, LegacyCondition,
    UpdateAction,
};
use model::Value;

use crate::notation::{item, value};

const ITEM: &str =
    "{n: 10, s: 'banana', b: x010203, ss: <'green', 'red'>, ns: <1, 5>, l: ['a', 3], m: {k: 1}, z: null}";

fn values(texts: &str) -> Vec<Value> {
    match value(&format!("[{texts}]")) {
        Value::List(values) => values,
        other => panic!("{other:?}"),
    }
}

fn condition(attribute: &str, operator: Operator, texts: &str) -> LegacyCondition {
    LegacyCondition {
        attribute: attribute.to_owned(),
        operator,
        values: values(texts),
    }
}

#[test]
fn filters() {
    for (attribute, operator, texts, expected) in [
        ("n", Operator::Eq, "10", true),
        ("n", Operator::Eq, "'10'", false),
        ("m", Operator::Eq, "{k: 1}", true),
        ("ss", Operator::Eq, "<'red', 'green'>", true),
        ("absent", Operator::Eq, "1", false),
        ("n", Operator::Ne, "11", true),
        ("absent", Operator::Ne, "11", true),
        ("n", Operator::Le, "10", true),
        ("n", Operator::Lt, "10", false),
        ("s", Operator::Ge, "'a'", true),
        ("s", Operator::Gt, "'c'", false),
        ("s", Operator::Gt, "1", false),
        ("n", Operator::Between, "10, 20", true),
        ("n", Operator::Between, "11, 20", false),
        ("n", Operator::In, "1, 10", true),
        ("n", Operator::In, "1", false),
        ("z", Operator::NotNull, "", true),
        ("absent", Operator::NotNull, "", false),
        ("z", Operator::Null, "", false),
        ("absent", Operator::Null, "", true),
        ("s", Operator::Contains, "'nan'", true),
        ("ss", Operator::Contains, "'red'", true),
        ("ns", Operator::Contains, "5", true),
        ("l", Operator::Contains, "3", true),
        ("l", Operator::Contains, "4", false),
        ("s", Operator::NotContains, "'nan'", false),
        ("s", Operator::NotContains, "1", true),
        ("absent", Operator::NotContains, "'nan'", true),
        ("s", Operator::BeginsWith, "'ban'", true),
        ("b", Operator::BeginsWith, "x0102", true),
        ("n", Operator::BeginsWith, "'1'", false),
    ] {
        let filter =
            legacy::filter(&[condition(attribute, operator, texts)], ConditionalOperator::And).unwrap();
        let found = filter.matches(Some(item(ITEM).attributes()));
        assert_eq!(found, expected, "{attribute} {operator:?} {texts}");
        assert_eq!(filter.top_level_attributes().collect::<Vec<_>>(), [attribute]);
    }
}

#[test]
fn conditions_are_joined() {
    let entries = [
        condition("n", Operator::Eq, "10"),
        condition("s", Operator::Eq, "'x'"),
    ];
    for (operator, expected) in [(ConditionalOperator::And, false), (ConditionalOperator::Or, true)] {
        let filter = legacy::filter(&entries, operator).unwrap();
        assert_eq!(filter.matches(Some(item(ITEM).attributes())), expected);
    }
    assert!(
        legacy::filter(&[], ConditionalOperator::Or)
            .unwrap()
            .matches(None)
    );
}

#[test]
fn refused_conditions() {
    let count = |name: &str| format!("Invalid number of argument(s) for the {name} ComparisonOperator");
    let unfit = |name: &str, found: &str| {
        format!("ComparisonOperator {name} is not valid for {found} AttributeValue type")
    };
    for (operator, texts, expected) in [
        (Operator::Eq, "", count("EQ")),
        (Operator::Eq, "1, 2", count("EQ")),
        (Operator::In, "", count("IN")),
        (Operator::Null, "1", count("NULL")),
        (Operator::NotNull, "1", count("NOT_NULL")),
        (Operator::Between, "1", count("BETWEEN")),
        (Operator::Between, "1, 2, 3", count("BETWEEN")),
        (Operator::NotContains, "", count("NOT_CONTAINS")),
        (Operator::BeginsWith, "'a', 'b'", count("BEGINS_WITH")),
        (
            Operator::In,
            "'b', 1",
            "AttributeValues inside AttributeValueList must be of same type".to_owned(),
        ),
        (Operator::Lt, "true", unfit("LT", "BOOL")),
        (Operator::Ge, "[]", unfit("GE", "L")),
        (Operator::In, "<'a'>", unfit("IN", "SS")),
        (Operator::Between, "{}, {}", unfit("BETWEEN", "M")),
        (Operator::BeginsWith, "1", unfit("BEGINS_WITH", "N")),
        (Operator::Contains, "<x00>", unfit("CONTAINS", "BS")),
        (Operator::NotContains, "[]", unfit("NOT_CONTAINS", "L")),
    ] {
        let error = legacy::filter(&[condition("a", operator, texts)], ConditionalOperator::And).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("One or more parameter values were invalid: {expected}")
        );
    }
    let error = legacy::filter(
        &[condition("a", Operator::Between, "'b', 'a'")],
        ConditionalOperator::And,
    );
    assert_eq!(
        error.unwrap_err().to_string(),
        "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound"
    );
    for accepted in ["true", "null"] {
        assert!(
            legacy::filter(
                &[condition("a", Operator::Contains, accepted)],
                ConditionalOperator::And
            )
            .is_ok()
        );
    }
}

fn expected(
    operator: Option<Operator>,
    list: Option<&str>,
    one: Option<&str>,
    exists: Option<bool>,
) -> Expected {
    Expected {
        attribute: "n".to_owned(),
        operator,
        values: list.map(values),
        value: one.map(value),
        exists,
    }
}

#[test]
fn expected_conditions() {
    for (entry, with_item, without) in [
        (expected(None, None, Some("10"), None), true, false),
        (expected(None, None, Some("10"), Some(true)), true, false),
        (expected(None, None, Some("11"), None), false, false),
        (expected(None, None, None, Some(false)), false, true),
        (expected(Some(Operator::Eq), Some("10"), None, None), true, false),
        (expected(Some(Operator::Ge), None, Some("10"), None), true, false),
        (expected(Some(Operator::Null), None, None, None), false, true),
        (
            expected(Some(Operator::NotNull), Some(""), None, None),
            true,
            false,
        ),
        (expected(Some(Operator::Ne), Some("10"), None, None), false, true),
    ] {
        let condition = legacy::expected(std::slice::from_ref(&entry), ConditionalOperator::And).unwrap();
        assert_eq!(
            condition.matches(Some(item(ITEM).attributes())),
            with_item,
            "{entry:?}"
        );
        assert_eq!(condition.matches(None), without, "{entry:?}");
    }
}

#[test]
fn refused_expected_conditions() {
    for (entry, problem) in [
        (
            expected(Some(Operator::Eq), Some("1"), Some("1"), None),
            "Value and AttributeValueList cannot be used together for Attribute: n",
        ),
        (
            expected(Some(Operator::Eq), None, Some("1"), Some(true)),
            "Exists and ComparisonOperator cannot be used together for Attribute: n",
        ),
        (
            expected(None, Some("1"), None, None),
            "AttributeValueList can only be used with a ComparisonOperator for Attribute: n",
        ),
        (
            expected(Some(Operator::Lt), None, None, None),
            "Value or AttributeValueList must be used with ComparisonOperator: LT for Attribute: n",
        ),
        (
            expected(None, None, None, None),
            "Value must be provided when Exists is null for Attribute: n",
        ),
        (
            expected(None, None, None, Some(true)),
            "Value must be provided when Exists is true for Attribute: n",
        ),
        (
            expected(None, None, Some("1"), Some(false)),
            "Value cannot be used when Exists is false for Attribute: n",
        ),
        (
            expected(Some(Operator::Between), None, Some("1"), None),
            "Invalid number of argument(s) for the BETWEEN ComparisonOperator",
        ),
    ] {
        let error = legacy::expected(&[entry], ConditionalOperator::And).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("One or more parameter values were invalid: {problem}")
        );
    }
}

fn update(attribute: &str, action: UpdateAction, text: Option<&str>) -> AttributeUpdate {
    AttributeUpdate {
        attribute: attribute.to_owned(),
        action,
        value: text.map(value),
    }
}

#[test]
fn attribute_updates() {
    use UpdateAction::{Add, Delete, Put};
    let updates = [
        update("n", Add, Some("5")),
        update("s", Put, Some("{k: 1}")),
        update("b", Delete, None),
        update("ss", Delete, Some("<'red', 'x'>")),
        update("ns", Add, Some("<5, 6>")),
        update("l", Add, Some("['z']")),
        update("m", Delete, None),
        update("count", Add, Some("1")),
        update("absent", Delete, Some("<1>")),
    ];
    let update = legacy::attribute_updates(&updates).unwrap();
    let key = item("{pk: 'p'}");
    assert_eq!(
        update.apply(&key, Some(item(ITEM).attributes())),
        Ok(item(
            "{n: 15, s: {k: 1}, ss: <'green'>, ns: <1, 5, 6>, l: ['a', 3, 'z'], z: null, count: 1}"
        ))
    );
    assert_eq!(
        update.apply(&key, None),
        Ok(item("{pk: 'p', n: 5, s: {k: 1}, ns: <5, 6>, l: ['z'], count: 1}"))
    );
    let nothing = legacy::attribute_updates(&[]).unwrap();
    assert_eq!(nothing.apply(&key, None), Ok(key));
}

#[test]
fn refused_attribute_updates() {
    use UpdateAction::{Add, Delete, Put};
    for (action, text, problem) in [
        (
            Put,
            None,
            "Only DELETE action is allowed when no attribute value is specified",
        ),
        (
            Add,
            None,
            "Only DELETE action is allowed when no attribute value is specified",
        ),
        (
            Delete,
            Some("1"),
            "DELETE action with value is not supported for the type N",
        ),
        (
            Delete,
            Some("[]"),
            "DELETE action with value is not supported for the type L",
        ),
        (Add, Some("'a'"), "ADD action is not supported for the type S"),
        (Add, Some("{}"), "ADD action is not supported for the type M"),
    ] {
        let error = legacy::attribute_updates(&[update("a", action, text)]).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("One or more parameter values were invalid: {problem}")
        );
    }
    let mismatch = legacy::attribute_updates(&[update("s", Add, Some("1"))]).unwrap();
    let error = mismatch
        .apply(&item("{}"), Some(item(ITEM).attributes()))
        .unwrap_err();
    assert_eq!(error, UpdateError::LegacyOperandType);
    assert_eq!(error.to_string(), "Type mismatch for attribute to update");
}
