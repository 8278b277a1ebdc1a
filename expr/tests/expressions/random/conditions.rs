//! Random conditions.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use expr::{Condition, ExpressionKind};
use fastrand::Rng;
use model::{Item, Number, Value, ValueType};

use super::{TestPath, Writer, attributes, for_seeds, path, pick, scalar, value};

#[derive(Debug)]
enum Operand {
    Path(TestPath),
    Value(Value),
    Size(TestPath),
}

#[derive(Debug)]
enum Tree {
    And(Vec<Tree>),
    Or(Vec<Tree>),
    Not(Box<Tree>),
    Compare(&'static str, Operand, Operand),
    Between(Operand, Operand, Operand),
    In(Operand, Vec<Operand>),
    Exists(TestPath),
    NotExists(TestPath),
    HasType(TestPath, ValueType),
    BeginsWith(Operand, Operand),
    Contains(Operand, Operand),
}

fn any_operand(rng: &mut Rng) -> Operand {
    match rng.u8(..8) {
        0..=3 => Operand::Path(path(rng)),
        4..=6 => Operand::Value(value(rng, 2)),
        _ => Operand::Size(path(rng)),
    }
}

/// An operand that `fits` does not refuse.
fn operand(rng: &mut Rng, fits: impl Fn(&Operand) -> bool) -> Operand {
    loop {
        let operand = any_operand(rng);
        if fits(&operand) {
            return operand;
        }
    }
}

fn ordered(operand: &Operand) -> bool {
    match operand {
        Operand::Value(value) => {
            matches!(value, Value::String(_) | Value::Number(_) | Value::Binary(_))
        }
        _ => true,
    }
}

fn same_path(left: &Operand, right: &Operand) -> bool {
    matches!((left, right), (Operand::Path(left), Operand::Path(right)) if left == right)
}

fn tree(rng: &mut Rng, depth: usize) -> Tree {
    if depth > 0 && rng.u8(..5) < 3 {
        let several = |rng: &mut Rng| (0..2 + rng.usize(..2)).map(|_| tree(rng, depth - 1)).collect();
        return match rng.u8(..3) {
            0 => Tree::And(several(rng)),
            1 => Tree::Or(several(rng)),
            _ => Tree::Not(Box::new(tree(rng, depth - 1))),
        };
    }
    match rng.u8(..12) {
        0..=3 => {
            let comparator = pick(rng, &["=", "<>", "<", "<=", ">", ">="]);
            let fits = |operand: &Operand| matches!(comparator, "=" | "<>") || ordered(operand);
            let left = operand(rng, fits);
            let right = operand(rng, |right| fits(right) && !same_path(&left, right));
            Tree::Compare(comparator, left, right)
        }
        4 => {
            let checked = operand(rng, ordered);
            let lower = operand(rng, |lower| ordered(lower) && !same_path(&checked, lower));
            let upper = operand(rng, |upper| {
                let bounded = match (&lower, upper) {
                    (Operand::Value(lower), Operand::Value(upper)) => {
                        matches!(compare(lower, upper), Some(Ordering::Less | Ordering::Equal))
                    }
                    _ => true,
                };
                ordered(upper) && bounded && !same_path(&checked, upper)
            });
            Tree::Between(checked, lower, upper)
        }
        5 => {
            let checked = any_operand(rng);
            let list = (0..1 + rng.usize(..4))
                .map(|_| operand(rng, |candidate| !same_path(&checked, candidate)))
                .collect();
            Tree::In(checked, list)
        }
        6 => Tree::Exists(path(rng)),
        7 => Tree::NotExists(path(rng)),
        8 => {
            let value_type = value(rng, 1).value_type();
            Tree::HasType(path(rng), value_type)
        }
        9 => {
            let fits = |operand: &Operand| match operand {
                Operand::Value(value) => matches!(value, Value::String(_) | Value::Binary(_)),
                Operand::Path(_) => true,
                Operand::Size(_) => false,
            };
            let whole = operand(rng, fits);
            let prefix = operand(rng, |prefix| fits(prefix) && !same_path(&whole, prefix));
            Tree::BeginsWith(whole, prefix)
        }
        _ => {
            let whole = any_operand(rng);
            let part = match rng.bool() {
                true => Operand::Value(scalar(rng)),
                false => operand(rng, |part| !same_path(&whole, part)),
            };
            Tree::Contains(whole, part)
        }
    }
}

/// A condition's text, and how tight it binds: 0 for OR, 1 for AND, 2 for what needs no parentheses.
fn write(rng: &mut Rng, writer: &mut Writer, tree: &Tree) -> (String, u8) {
    let operand = |rng: &mut Rng, writer: &mut Writer, operand: &Operand| {
        let text = match operand {
            Operand::Path(path) => writer.path(rng, path),
            Operand::Value(value) => writer.value(value),
            Operand::Size(path) => format!("size({})", writer.path(rng, path)),
        };
        if rng.u8(..6) == 0 {
            format!("({text})")
        } else {
            text
        }
    };
    let text = match tree {
        Tree::And(parts) | Tree::Or(parts) => {
            let (word, binds) = match tree {
                Tree::And(_) => (pick(rng, &[" AND ", " and "]), 1),
                _ => (pick(rng, &[" OR ", " Or\n"]), 0),
            };
            let parts: Vec<String> = parts.iter().map(|part| inner(rng, writer, part, binds)).collect();
            return (parts.join(word), binds);
        }
        Tree::Not(part) => format!("NOT {}", inner(rng, writer, part, 2)),
        Tree::Compare(comparator, left, right) => {
            let left = operand(rng, writer, left);
            format!("{left} {comparator} {}", operand(rng, writer, right))
        }
        Tree::Between(checked, lower, upper) => {
            let checked = operand(rng, writer, checked);
            let lower = operand(rng, writer, lower);
            format!("{checked} BETWEEN {lower} AND {}", operand(rng, writer, upper))
        }
        Tree::In(checked, list) => {
            let checked = operand(rng, writer, checked);
            let list: Vec<String> = list
                .iter()
                .map(|candidate| operand(rng, writer, candidate))
                .collect();
            format!("{checked} IN ({})", list.join(", "))
        }
        Tree::Exists(path) => format!("attribute_exists({})", writer.path(rng, path)),
        Tree::NotExists(path) => format!("attribute_not_exists ( {} )", writer.path(rng, path)),
        Tree::HasType(path, value_type) => {
            let path = writer.path(rng, path);
            let name = Value::String(value_type.as_str().to_owned());
            format!("attribute_type({path}, {})", writer.value(&name))
        }
        Tree::BeginsWith(whole, prefix) => {
            let whole = operand(rng, writer, whole);
            format!("begins_with({whole}, {})", operand(rng, writer, prefix))
        }
        Tree::Contains(whole, part) => {
            let whole = operand(rng, writer, whole);
            format!("contains({whole}, {})", operand(rng, writer, part))
        }
    };
    (text, 2)
}

/// A part's text, in parentheses where it binds too loosely, and sometimes where it does not.
fn inner(rng: &mut Rng, writer: &mut Writer, part: &Tree, binds: u8) -> String {
    let (text, inner_binds) = write(rng, writer, part);
    if inner_binds < binds || rng.u8(..5) == 0 {
        format!("({text})")
    } else {
        text
    }
}

type Attributes = BTreeMap<String, Value>;

fn evaluate(tree: &Tree, item: &Attributes) -> bool {
    let found = |operand: &Operand| -> Option<Value> {
        match operand {
            Operand::Path(path) => path.find(item).cloned(),
            Operand::Value(value) => Some(value.clone()),
            Operand::Size(path) => size(path.find(item)?),
        }
    };
    match tree {
        Tree::And(parts) => !parts.iter().any(|part| !evaluate(part, item)),
        Tree::Or(parts) => parts.iter().any(|part| evaluate(part, item)),
        Tree::Not(part) => !evaluate(part, item),
        Tree::Compare(comparator, left, right) => holds(comparator, found(left), found(right)),
        Tree::Between(checked, lower, upper) => {
            holds(">=", found(checked), found(lower)) && holds("<=", found(checked), found(upper))
        }
        Tree::In(checked, list) => list
            .iter()
            .any(|candidate| holds("=", found(checked), found(candidate))),
        Tree::Exists(path) => path.find(item).is_some(),
        Tree::NotExists(path) => path.find(item).is_none(),
        Tree::HasType(path, value_type) => path
            .find(item)
            .is_some_and(|value| value.value_type() == *value_type),
        Tree::BeginsWith(whole, prefix) => match (found(whole), found(prefix)) {
            (Some(Value::String(whole)), Some(Value::String(prefix))) => whole.starts_with(&prefix),
            (Some(Value::Binary(whole)), Some(Value::Binary(prefix))) => whole.starts_with(&prefix),
            _ => false,
        },
        Tree::Contains(whole, part) => match (found(whole), found(part)) {
            (Some(Value::String(whole)), Some(Value::String(part))) => whole.contains(&part),
            (Some(Value::Binary(whole)), Some(Value::Binary(part))) => {
                part.is_empty() || whole.windows(part.len()).any(|window| window == part)
            }
            (Some(Value::StringSet(set)), Some(Value::String(part))) => set.contains(&part),
            (Some(Value::NumberSet(set)), Some(Value::Number(part))) => set.contains(&part),
            (Some(Value::BinarySet(set)), Some(Value::Binary(part))) => set.contains(&part),
            (Some(Value::List(list)), Some(part)) => list.contains(&part),
            _ => false,
        },
    }
}

fn size(value: &Value) -> Option<Value> {
    let count = match value {
        Value::String(text) => text.len(),
        Value::Binary(bytes) => bytes.len(),
        Value::StringSet(set) => set.len(),
        Value::NumberSet(set) => set.len(),
        Value::BinarySet(set) => set.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        _ => return None,
    };
    Some(Value::Number(Number::from(count as i64)))
}

fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => Some(left.as_bytes().cmp(right.as_bytes())),
        (Value::Number(left), Value::Number(right)) => Some(left.cmp(right)),
        (Value::Binary(left), Value::Binary(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

fn holds(comparator: &str, left: Option<Value>, right: Option<Value>) -> bool {
    let (Some(left), Some(right)) = (left, right) else {
        return comparator == "<>";
    };
    let order = compare(&left, &right);
    match comparator {
        "=" => left == right,
        "<>" => left != right,
        "<" => order == Some(Ordering::Less),
        "<=" => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        ">" => order == Some(Ordering::Greater),
        _ => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    }
}

#[test]
fn conditions_agree_with_a_naive_evaluator() {
    for_seeds(20_000, |rng| {
        let tree = tree(rng, 3);
        let mut writer = Writer::default();
        let text = inner(rng, &mut writer, &tree, 0);
        let condition = writer
            .parse(|attributes| Condition::parse(ExpressionKind::Condition, &text, attributes))
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        for _ in 0..5 {
            let attributes = attributes(rng, 2);
            let item = Item::from_tree(&attributes);
            assert_eq!(
                condition.matches(Some(item.attributes())),
                evaluate(&tree, &attributes),
                "{text}\n{:?}\n{attributes:?}",
                writer.values
            );
        }
        assert_eq!(
            condition.matches(None),
            evaluate(&tree, &Attributes::new()),
            "{text}"
        );
    });
}
