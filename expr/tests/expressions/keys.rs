//! Key conditions, alone and against key schemas.

use expr::{ErrorKind, ExpressionError, KeyCondition, KeyOperator, ResolvedKeyCondition};
use model::{Value, ValueType};

use crate::notation::{value, with_attributes};

const S: ValueType = ValueType::String;
const N: ValueType = ValueType::Number;
type Schema = (
    &'static [(&'static str, ValueType)],
    &'static [(&'static str, ValueType)],
);
const HASH: Schema = (&[("pk", S)], &[]);
const COMPOSITE: Schema = (&[("pk", S)], &[("sk", N)]);
const STRINGS: Schema = (&[("pk", S)], &[("sk", S)]);
const MULTIPLE: Schema = (&[("h", S), ("i", S)], &[("a", S), ("b", S), ("c", S), ("d", S)]);

fn resolve(schema: Schema, text: &str, values: &str) -> Result<ResolvedKeyCondition, ExpressionError> {
    let condition = with_attributes("", values, |attributes| KeyCondition::parse(text, attributes))?;
    condition.resolve(schema.0, schema.1)
}

/// Values and range as text: `partition | equal | operator operands`.
fn shown(resolved: &ResolvedKeyCondition) -> String {
    let literals = |literals: &[expr::Literal]| {
        let values: Vec<String> = literals
            .iter()
            .map(|literal| match Value::from(literal.value()) {
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                other => format!("{other:?}"),
            })
            .collect();
        values.join(" ")
    };
    let mut text = format!(
        "{} | {}",
        literals(&resolved.partition),
        literals(&resolved.sort_equal)
    );
    if let Some(range) = &resolved.range {
        text += &format!(" | {:?} {}", range.operator, literals(&range.operands));
    }
    text
}

#[test]
fn conditions_that_resolve() {
    for (schema, text, values, expected) in [
        (HASH, "pk = :p", "{:p: 'p'}", "p | "),
        (HASH, "(pk = :p)", "{:p: 'p'}", "p | "),
        (HASH, ":p = pk", "{:p: 'p'}", "p | "),
        (COMPOSITE, "pk = :p", "{:p: 'p'}", "p | "),
        (COMPOSITE, "pk = :p AND sk = :s", "{:p: 'p', :s: 1}", "p | 1"),
        (COMPOSITE, "sk = :s AND pk = :p", "{:p: 'p', :s: 1}", "p | 1"),
        (
            COMPOSITE,
            "(pk = :p) and (sk < :s)",
            "{:p: 'p', :s: 1}",
            "p |  | Less 1",
        ),
        (
            COMPOSITE,
            "(pk = :p AND (sk <= :s))",
            "{:p: 'p', :s: 1}",
            "p |  | LessOrEqual 1",
        ),
        (
            COMPOSITE,
            "pk = :p AND sk > :s",
            "{:p: 'p', :s: 1}",
            "p |  | Greater 1",
        ),
        (
            COMPOSITE,
            "pk = :p AND :s <= sk",
            "{:p: 'p', :s: 1}",
            "p |  | GreaterOrEqual 1",
        ),
        (
            COMPOSITE,
            "pk = :p AND :s > sk",
            "{:p: 'p', :s: 1}",
            "p |  | Less 1",
        ),
        (
            COMPOSITE,
            "pk = :p AND sk BETWEEN :s AND :t",
            "{:p: 'p', :s: 1, :t: 2}",
            "p |  | Between 1 2",
        ),
        (
            STRINGS,
            "begins_with(sk, :s) AND pk = :p",
            "{:p: 'p', :s: 'x'}",
            "p |  | BeginsWith x",
        ),
        (
            MULTIPLE,
            "b >= :b AND i = :i AND a = :a AND h = :h",
            "{:h: 'H', :i: 'I', :a: 'A', :b: 'B'}",
            "H I | A | GreaterOrEqual B",
        ),
        (
            MULTIPLE,
            "h = :x AND i = :x AND a = :x AND b = :x AND c = :x AND begins_with(d, :x)",
            "{:x: 'x'}",
            "x x | x x x | BeginsWith x",
        ),
    ] {
        let resolved = resolve(schema, text, values).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(shown(&resolved), expected, "{text}");
    }
}

#[test]
fn conditions_that_no_schema_fits() {
    let operator = |operator: &str| format!("Invalid operator used in KeyConditionExpression: {operator}");
    let condition = |problem: &str| format!("Invalid condition in KeyConditionExpression: {problem}");
    let whole = |problem: &str| format!("Invalid KeyConditionExpression: KeyConditionExpressions {problem}");
    for (text, values, expected) in [
        ("a > b and size(b) > c or a > c", "", operator("OR")),
        ("a in (b, size(c), d)", "", operator("IN")),
        ("attribute_exists(a)", "", operator("attribute_exists")),
        ("attribute_not_exists(a)", "", operator("attribute_not_exists")),
        ("contains(a.d, b)", "", operator("contains")),
        ("not a > b", "", operator("NOT")),
        ("not not a > b", "", operator("NOT")),
        ("a <> b", "", operator("<>")),
        ("attribute_type(a, :a)", "{:a: 'S'}", operator("attribute_type")),
        (
            ":a between size(b) and size(a) and b > :a",
            "{:a: 1}",
            condition("BETWEEN operator must have the key attribute as its first operand"),
        ),
        (
            "begins_with(:a, b) and a > :b",
            "{:a: '1', :b: '1'}",
            condition("begins_with operator must have the key attribute as its first operand"),
        ),
        ("size(b) > a AND a.b > b AND b > c", "", whole("cannot contain nested operations")),
        ("a > size(b.d)", "", whole("cannot contain nested operations")),
        ("a between size(b) and size(a)", "", whole("cannot contain nested operations")),
        ("b > a.b", "", condition("Multiple attribute names used in one condition")),
        ("b between c[1] and d", "", condition("Multiple attribute names used in one condition")),
        ("begins_with(a, b)", "", condition("Multiple attribute names used in one condition")),
        ("b.d > a AND c.d > e.f", "", whole("cannot have conditions on nested attributes")),
        ("b[0] > a", "", whole("cannot have conditions on nested attributes")),
        (":b > :a AND a < :b", "{:a: 1, :b: 1}", condition("No key attribute specified")),
        (
            "b > :a AND b < :a and c = :a and d = :a",
            "{:a: 1}",
            whole("must only contain one condition per key"),
        ),
        (
            "(a > :a and b > :a) and (b > :a and c > :a)",
            "{:a: 1}",
            whole("must only contain one condition per key"),
        ),
        (
            "a between :b and :a",
            "{:a: 'a', :b: 'b'}",
            "Invalid KeyConditionExpression: The BETWEEN operator requires upper bound to be greater than or \
             equal to lower bound; lower bound operand: AttributeValue: {S:b}, upper bound operand: \
             AttributeValue: {S:a}"
                .to_owned(),
        ),
        (
            "pk = :p AND begins_with(sk, :s)",
            "{:p: 'p', :s: 1}",
            "Invalid KeyConditionExpression: Incorrect operand type for operator or function; operator or \
             function: begins_with, operand type: N"
                .to_owned(),
        ),
        // Clause by clause as written, the first problem wins (AWS-FACTS 8).
        (
            "begins_with(sk, :s) AND pk = :undefined",
            "{:s: 1}",
            "Invalid KeyConditionExpression: Incorrect operand type for operator or function; operator or \
             function: begins_with, operand type: N"
                .to_owned(),
        ),
        (
            "pk = :undefined AND begins_with(sk, :s)",
            "{:s: 1}",
            "Invalid KeyConditionExpression: An expression attribute value used in expression is not defined; \
             attribute value: :undefined"
                .to_owned(),
        ),
        ("", "", "Invalid KeyConditionExpression: The expression can not be empty;".to_owned()),
    ] {
        let error = resolve(COMPOSITE, text, values).unwrap_err();
        assert_eq!(error.to_string(), expected, "{text}");
        assert_eq!(error.kind(), ErrorKind::Request);
    }
}

#[test]
fn conditions_that_miss_the_schema() {
    const TYPES: &str =
        "One or more parameter values were invalid: Condition parameter type does not match schema type";
    const NOT_SUPPORTED: &str = "Query key condition not supported";
    for (schema, text, values, expected) in [
        (
            COMPOSITE,
            "sk = :v",
            "{:v: 1}",
            "Query condition missed key schema element: pk",
        ),
        (
            COMPOSITE,
            "attr1 = :v",
            "{:v: 'x'}",
            "Query condition missed key schema element: pk",
        ),
        (
            COMPOSITE,
            "pk = :v AND attr1 = :v",
            "{:v: 'x'}",
            "Query condition missed key schema element: sk",
        ),
        (
            HASH,
            "pk = :v AND sk = :v",
            "{:v: 'x'}",
            "The number of query conditions (2) exceeds the number of key attributes defined in the schema (1)",
        ),
        (
            COMPOSITE,
            "pk = :p AND sk > :a AND extra = :a",
            "{:p: 'q', :a: 1}",
            "The number of query conditions (3) exceeds the number of key attributes defined in the schema (2)",
        ),
        (COMPOSITE, "pk > :v", "{:v: 'x'}", NOT_SUPPORTED),
        (COMPOSITE, "begins_with(pk, :v)", "{:v: 'x'}", NOT_SUPPORTED),
        (COMPOSITE, "pk = :v", "{:v: 1}", TYPES),
        (COMPOSITE, "pk = :v", "{:v: true}", TYPES),
        (COMPOSITE, "pk > :v", "{:v: 1}", TYPES),
        (
            COMPOSITE,
            "pk = :p AND begins_with(sk, :s)",
            "{:p: 'p', :s: '1'}",
            TYPES,
        ),
        (COMPOSITE, "pk = :p AND sk = :p", "{:p: 'p'}", TYPES),
        (
            MULTIPLE,
            "h = :h",
            "{:h: 'h'}",
            "Query condition missed key schema element: i",
        ),
        (
            MULTIPLE,
            "h = :x AND i = :x AND a = :x AND c = :x",
            "{:x: 'x'}",
            "RANGE key attributes b must have equality conditions specified in the query because a condition is \
             present on key attribute c",
        ),
        (
            MULTIPLE,
            "h = :x AND i = :x AND a = :x AND b > :x AND c = :x",
            "{:x: 'x'}",
            "RANGE key attributes b must have equality conditions specified in the query because a condition is \
             present on key attribute c",
        ),
        (
            MULTIPLE,
            "h = :x AND i = :x AND b = :x",
            "{:x: 'x'}",
            "RANGE key attributes a must have equality conditions specified in the query because a condition is \
             present on key attribute b",
        ),
    ] {
        let error = resolve(schema, text, values).unwrap_err();
        assert_eq!(error.to_string(), expected, "{text}");
        assert_eq!(error.kind(), ErrorKind::Schema);
    }
}

#[test]
fn legacy_key_conditions() {
    use expr::legacy::{ComparisonOperator as Operator, LegacyCondition, key_conditions};
    let entry = |attribute: &str, operator, values: &[&str]| LegacyCondition {
        attribute: attribute.to_owned(),
        operator,
        values: values.iter().map(|text| value(text)).collect(),
    };
    let found = key_conditions(&[
        entry("sk", Operator::Between, &["1", "3"]),
        entry("pk", Operator::Eq, &["'p'"]),
    ]);
    let resolved = found.unwrap().resolve(COMPOSITE.0, COMPOSITE.1).unwrap();
    assert_eq!(shown(&resolved), "p |  | Between 1 3");
    assert_eq!(resolved.range.unwrap().operator, KeyOperator::Between);

    for (entries, expected) in [
        (vec![], "Conditions can be of length 1 or 2 only"),
        (
            vec![
                entry("a", Operator::Null, &[]),
                entry("b", Operator::Null, &[]),
                entry("c", Operator::Null, &[]),
            ],
            "Conditions can be of length 1 or 2 only",
        ),
        (
            vec![entry("pk", Operator::Eq, &[])],
            "One or more parameter values were invalid: Invalid number of argument(s) for the EQ ComparisonOperator",
        ),
    ] {
        assert_eq!(key_conditions(&entries).unwrap_err().to_string(), expected);
    }
    for (operator, values) in [
        (Operator::Ne, &["'a'"] as &[&str]),
        (Operator::In, &["'a'", "'b'"]),
        (Operator::Null, &[]),
        (Operator::NotNull, &[]),
        (Operator::Contains, &["'a'"]),
        (Operator::NotContains, &["'a'"]),
    ] {
        let condition = key_conditions(&[entry("pk", operator, values)]).unwrap();
        assert_eq!(
            condition.resolve(HASH.0, HASH.1).unwrap_err().to_string(),
            "Attempted conditional constraint is not an indexable operation"
        );
    }
}
