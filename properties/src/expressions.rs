//! Expressions: whatever their text, they are refused or evaluated; what they write is an item; and
//! a negated condition is the opposite.

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};
use expr::{Condition, ExpressionAttributes, ExpressionKind, KeyCondition, KeyOperator, Projection, Update};
use model::{Item, MapRef, Number, Value, ValueType};

use crate::values;

const NAMES: [(&str, &str); 6] = [
    ("#a", "a"),
    ("#b", "b"),
    ("#c", "c.d"),
    ("#k", "pk"),
    ("#s", "sk"),
    ("#size", "size"),
];

/// Takes lines, each a letter, an empty place and an expression; after a zero byte follow the bytes
/// that make the item and two of the values.
pub fn check(input: &[u8]) {
    let (lines, drawn) = match input.iter().position(|&byte| byte == 0) {
        Some(end) => (&input[..end], &input[end + 1..]),
        None => (input, &input[..0]),
    };
    let Ok(lines) = std::str::from_utf8(lines) else {
        return;
    };
    let drawn = draw(&mut Unstructured::new(drawn)).unwrap_or_else(|_| Drawn::fixed());
    for line in lines.lines() {
        if let Some((kind, text)) = line.split_once(' ') {
            check_expression(kind, text, &drawn);
        }
    }
}

/// What expressions are evaluated over.
struct Drawn {
    item: Item,
    key: Item,
    values: Item,
}

fn draw(bytes: &mut Unstructured<'_>) -> Result<Drawn> {
    if bytes.is_empty() {
        return Ok(Drawn::fixed());
    }
    let (x, y) = (values::value(bytes)?, values::value(bytes)?);
    Ok(Drawn::new(values::attributes(bytes)?, x, y))
}

impl Drawn {
    fn new(mut item: BTreeMap<String, Value>, x: Value, y: Value) -> Self {
        let number = |text: &str| Value::Number(Number::parse(text).expect("a number"));
        item.insert("pk".to_owned(), Value::String("key".to_owned()));
        item.insert("sk".to_owned(), number("7"));
        let key = |name: &str| (name.to_owned(), item[name].clone());
        let key = BTreeMap::from([key("pk"), key("sk")]);
        let texts = |members: &[&str]| members.iter().map(|&member| member.to_owned()).collect();
        let values = BTreeMap::from(
            [
                (":s", Value::String("ab".to_owned())),
                (":e", Value::String(String::new())),
                (":n", number("1.5")),
                (":one", number("1")),
                (":big", number("99999999999999999999999999999999999999E87")),
                (":b", Value::Binary(vec![0xFF, 0])),
                (":t", Value::Bool(true)),
                (":z", Value::Null),
                (
                    ":l",
                    Value::List(vec![Value::Null, Value::String("x".to_owned())]),
                ),
                (":m", Value::Map(BTreeMap::from([("a".to_owned(), number("0"))]))),
                (":ss", Value::StringSet(texts(&["a", "b"]))),
                (":ns", Value::NumberSet(vec![Number::from(1), Number::from(2)])),
                (":bs", Value::BinarySet(vec![vec![1]])),
                (":type", Value::String("SS".to_owned())),
                (":x", x),
                (":y", y),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        Drawn {
            item: Item::from_tree(&item),
            key: Item::from_tree(&key),
            values: Item::from_tree(&values),
        }
    }

    /// The item where no bytes are left for another.
    fn fixed() -> Self {
        let number = |value: i64| Value::Number(Number::from(value));
        let inner = BTreeMap::from([
            ("a".to_owned(), number(3)),
            (
                "b".to_owned(),
                Value::List(vec![number(1), Value::Map(BTreeMap::new())]),
            ),
        ]);
        let item = BTreeMap::from([
            ("a".to_owned(), number(1)),
            (
                "b".to_owned(),
                Value::List(vec![Value::Map(inner.clone()), Value::Bool(false)]),
            ),
            ("c".to_owned(), Value::Map(inner)),
            ("d".to_owned(), Value::StringSet(vec!["a".to_owned()])),
        ]);
        Drawn::new(item, number(1), Value::String("a".to_owned()))
    }

    fn attributes<'d>(&'d self, names: &'d [(String, String)]) -> ExpressionAttributes<'d> {
        ExpressionAttributes::new(Some(names), Some(&self.values)).expect("names and values are right")
    }
}

fn check_expression(kind: &str, text: &str, drawn: &Drawn) {
    let names = NAMES.map(|(placeholder, name)| (placeholder.to_owned(), name.to_owned()));
    let mut attributes = drawn.attributes(&names);
    let item = drawn.item.attributes();
    match kind {
        "k" => {
            if let Ok(condition) = KeyCondition::parse(text, &mut attributes) {
                check_key_condition(&condition);
            }
        }
        "p" => {
            if let Ok(projection) = Projection::parse(text, &mut attributes) {
                check_projection(&projection, item);
            }
        }
        "u" => {
            if let Ok(update) = Update::parse(text, &mut attributes) {
                check_update(&update, &drawn.key, Some(item));
                check_update(&update, &drawn.key, None);
            }
        }
        _ => {
            let kind = match kind {
                "f" => ExpressionKind::Filter,
                _ => ExpressionKind::Condition,
            };
            if let Ok(condition) = Condition::parse(kind, text, &mut attributes) {
                let negated = format!("NOT ({text})");
                let negated = Condition::parse(kind, &negated, &mut attributes).ok();
                for item in [Some(item), Some(drawn.key.attributes()), None] {
                    check_condition(&condition, item);
                    // Redundant parentheses and too many operators are refused.
                    if let Some(negated) = &negated {
                        assert_ne!(condition.matches(item), negated.matches(item), "NOT ({text})");
                    }
                }
            }
        }
    }
}

/// Evaluates a condition, and follows what it says about itself.
pub fn check_condition(condition: &Condition, item: Option<MapRef<'_>>) {
    let matches = condition.matches(item);
    assert_eq!(condition.matches(item), matches, "a condition is a function");
    assert_eq!(
        condition.paths().count(),
        condition.top_level_attributes().count()
    );
    // What it does not read is nothing to it.
    let Some(item) = item else { return };
    let read: Vec<&str> = condition.top_level_attributes().collect();
    let mut tree = item.to_tree();
    tree.retain(|name, _| read.contains(&name.as_str()));
    let narrowed = Item::from_tree(&tree);
    assert_eq!(condition.matches(Some(narrowed.attributes())), matches);
}

fn check_key_condition(condition: &KeyCondition) {
    for clause in &condition.clauses {
        let operands = match clause.operator {
            KeyOperator::Between => 2,
            _ => 1,
        };
        assert_eq!(clause.operands.len(), operands);
    }
    use ValueType::{Binary, Number, String};
    for partition in [("pk", String), ("a", Number)] {
        for sort in [&[("sk", Number)] as &[_], &[], &[("b", Binary), ("sk", Number)]] {
            let Ok(resolved) = condition.resolve(&[partition], sort) else {
                continue;
            };
            assert_eq!(resolved.partition.len(), 1);
            let ranges = usize::from(resolved.range.is_some());
            assert!(resolved.sort_equal.len() + ranges <= sort.len());
        }
    }
}

/// Projects an item: the result is an item, with nothing that was not there.
pub fn check_projection(projection: &Projection, item: MapRef<'_>) {
    let projected = projection.apply(item);
    assert_eq!(projected.check(), Ok(()));
    assert_eq!(Item::from_tree(&projected.attributes().to_tree()), projected);
    assert_eq!(
        projection.paths().count(),
        projection.top_level_attributes().count()
    );
}

/// Updates an item: the result is an item, and what the update does not write stays.
pub fn check_update(update: &Update, key: &Item, old: Option<MapRef<'_>>) {
    let Ok(new) = update.apply(key, old) else {
        return;
    };
    assert_eq!(new.check(), Ok(()));
    assert_eq!(
        Item::from_tree(&new.attributes().to_tree()),
        new,
        "an item has one form"
    );
    let base = old.unwrap_or(key.attributes());
    let written: Vec<&str> = update.top_level_attributes().collect();
    let is_kept = |name: &[u8]| !written.iter().any(|written| written.as_bytes() == name);
    for entry in base.entries().filter(|entry| is_kept(entry.name)) {
        let kept = new.attributes().entry(entry.name);
        assert_eq!(
            kept.map(|kept| kept.raw()),
            Some(entry.raw()),
            "nobody wrote {:?}",
            entry.name
        );
    }
    for entry in new.attributes().entries().filter(|entry| is_kept(entry.name)) {
        assert!(base.entry(entry.name).is_some(), "nobody wrote {:?}", entry.name);
    }
    for image in [base, new.attributes()] {
        assert_eq!(update.changed(image).check(), Ok(()));
    }
    assert!(update.read_paths().count() <= 1000, "an expression is bounded");
}
