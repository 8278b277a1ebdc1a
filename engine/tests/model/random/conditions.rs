//! Random conditions about an item, of which most are to hold.

use api::types::ComparisonOperator;
use fastrand::Rng;

use super::{chance, path, pick, scalar, set, value};
use crate::evaluate::{find, holds};
use crate::expression::{Comparator, Condition, Operand, Path};
use crate::legacy::{LegacyCondition, LegacyConditions};
use crate::table::Table;
use crate::value::{Attributes, Value};

const TYPE_NAMES: [&str; 10] = ["S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS"];

/// How often a condition is drawn anew until it holds.
const TRIES: usize = 6;

/// A condition that `item` satisfies with good chance, whose paths pass `allows`.
pub fn condition(
    rng: &mut Rng,
    table: &Table,
    item: &Attributes,
    allows: impl Fn(&Path) -> bool,
) -> Condition {
    let wanted = chance(rng, 70);
    let mut drawn = None;
    for _ in 0..TRIES {
        let condition = any_condition(rng, table, item, 2);
        if !condition.paths().into_iter().all(&allows) {
            continue;
        }
        let fits = holds(&condition, item) == wanted;
        drawn = Some(condition);
        if fits {
            break;
        }
    }
    // A condition that every item satisfies, and that names an attribute that is no key.
    drawn.unwrap_or_else(|| Condition::NotExists(Path::attribute("not_there")))
}

fn any_condition(rng: &mut Rng, table: &Table, item: &Attributes, levels: u8) -> Condition {
    let parts = |rng: &mut Rng| -> Vec<Condition> {
        let count = rng.usize(2..=3);
        (0..count)
            .map(|_| any_condition(rng, table, item, levels - 1))
            .collect()
    };
    match rng.u8(..20) {
        0..3 if levels > 0 => Condition::And(parts(rng)),
        3..6 if levels > 0 => Condition::Or(parts(rng)),
        6..8 if levels > 0 => Condition::Not(Box::new(any_condition(rng, table, item, levels - 1))),
        _ => simple_condition(rng, table, item),
    }
}

/// A value to compare with what stands at a path: mostly that itself, or a neighbour of its type.
fn literal_near(rng: &mut Rng, path: &Path, item: &Attributes) -> Value {
    match find(path, item) {
        Some(found) if chance(rng, 60) => found.clone(),
        Some(Value::S(_)) if chance(rng, 70) => super::string(rng),
        Some(Value::N(_)) if chance(rng, 70) => super::number(rng),
        Some(Value::B(_)) if chance(rng, 70) => super::binary(rng),
        _ => value(rng, 1),
    }
}

fn ordered_near(rng: &mut Rng, path: &Path, item: &Attributes) -> Value {
    let value = literal_near(rng, path, item);
    if value.is_ordered() { value } else { scalar(rng) }
}

/// An operand that may stand beside a path: a value, or another path.
fn operand_beside(
    rng: &mut Rng,
    table: &Table,
    item: &Attributes,
    first: &Path,
    is_ordered: bool,
) -> Operand {
    if chance(rng, 12) {
        let other = path(rng, table, item);
        if other != *first {
            return Operand::Path(other);
        }
    }
    Operand::Literal(if is_ordered {
        ordered_near(rng, first, item)
    } else {
        literal_near(rng, first, item)
    })
}

/// Two values of one type, ascending.
fn bounds(rng: &mut Rng, path: &Path, item: &Attributes) -> (Value, Value) {
    let first = ordered_near(rng, path, item);
    for _ in 0..TRIES {
        let second = scalar(rng);
        if second.type_name() == first.type_name() {
            return if first <= second {
                (first, second)
            } else {
                (second, first)
            };
        }
    }
    (first.clone(), first)
}

/// A part of what stands at a path, for `contains`.
fn part_of(rng: &mut Rng, path: &Path, item: &Attributes) -> Value {
    match find(path, item) {
        Some(Value::S(text)) if !text.is_empty() => {
            let letters: Vec<char> = text.chars().collect();
            let start = rng.usize(..letters.len());
            Value::S(
                letters[start..rng.usize(start..letters.len()) + 1]
                    .iter()
                    .collect(),
            )
        }
        Some(Value::B(bytes)) if !bytes.is_empty() => {
            let start = rng.usize(..bytes.len());
            Value::B(bytes[start..].to_vec())
        }
        Some(Value::Ss(members)) => Value::S(members.first().cloned().unwrap_or_default()),
        Some(Value::Ns(members)) => members.last().cloned().map_or(Value::Null, Value::N),
        Some(Value::Bs(members)) => Value::B(members.first().cloned().unwrap_or_default()),
        Some(Value::L(elements)) if !elements.is_empty() => pick(rng, elements).clone(),
        _ => scalar(rng),
    }
}

/// The beginning of what stands at a path.
fn prefix_of(rng: &mut Rng, path: &Path, item: &Attributes) -> Value {
    match find(path, item) {
        Some(Value::S(text)) if chance(rng, 85) => {
            let length = rng.usize(..=text.chars().count());
            Value::S(text.chars().take(length).collect())
        }
        Some(Value::B(bytes)) if chance(rng, 85) => Value::B(bytes[..rng.usize(..=bytes.len())].to_vec()),
        _ if rng.bool() => super::string(rng),
        _ => super::binary(rng),
    }
}

fn simple_condition(rng: &mut Rng, table: &Table, item: &Attributes) -> Condition {
    let path = path(rng, table, item);
    let operand = Operand::Path(path.clone());
    match rng.u8(..20) {
        0..5 => {
            let comparator = *pick(rng, &Comparator::ALL);
            let is_ordered = !matches!(comparator, Comparator::Equal | Comparator::NotEqual);
            let other = operand_beside(rng, table, item, &path, is_ordered);
            if chance(rng, 10) {
                return Condition::Compare(comparator.mirrored(), other, operand);
            }
            Condition::Compare(comparator, operand, other)
        }
        5..7 => {
            let (lower, upper) = bounds(rng, &path, item);
            Condition::Between(operand, Operand::Literal(lower), Operand::Literal(upper))
        }
        7..9 => {
            let count = rng.usize(1..=4);
            let list = (0..count)
                .map(|_| operand_beside(rng, table, item, &path, false))
                .collect();
            Condition::In(operand, list)
        }
        9..11 => Condition::Exists(path),
        11..13 => Condition::NotExists(path),
        13..15 => {
            let actual = find(&path, item)
                .map(Value::type_name)
                .filter(|_| chance(rng, 70));
            Condition::HasType(path, actual.unwrap_or_else(|| *pick(rng, &TYPE_NAMES)))
        }
        15 => {
            let prefix = prefix_of(rng, &path, item);
            Condition::BeginsWith(operand, Operand::Literal(prefix))
        }
        16..18 => {
            let part = if chance(rng, 80) {
                part_of(rng, &path, item)
            } else {
                value(rng, 1)
            };
            Condition::Contains(operand, Operand::Literal(part))
        }
        _ => {
            let size = Operand::Size(path);
            let comparator = *pick(rng, &Comparator::ALL);
            let number = Operand::Literal(Value::number(&rng.u8(..4).to_string()));
            match rng.u8(..4) {
                0 => Condition::Compare(comparator, number, size),
                1 => Condition::Between(
                    size,
                    Operand::Literal(Value::number("1")),
                    Operand::Literal(Value::number("3")),
                ),
                _ => Condition::Compare(comparator, size, number),
            }
        }
    }
}

/// Legacy conditions that `item` satisfies with good chance, on attributes that pass `allows`.
pub fn legacy_conditions(
    rng: &mut Rng,
    table: &Table,
    item: &Attributes,
    allows: impl Fn(&Path) -> bool,
) -> Option<LegacyConditions> {
    let wanted = chance(rng, 70);
    let mut drawn = None;
    for _ in 0..TRIES {
        let mut conditions: Vec<LegacyCondition> = Vec::new();
        for _ in 0..rng.usize(1..=3) {
            let path = Path::attribute(&path(rng, table, item).root);
            let is_known = conditions
                .iter()
                .any(|condition| condition.attribute == path.root);
            if !is_known && allows(&path) {
                conditions.push(legacy_condition(rng, &path, item));
            }
        }
        if conditions.is_empty() {
            continue;
        }
        let any = conditions.len() > 1 && rng.bool();
        let conditions = LegacyConditions { conditions, any };
        let fits = holds(&conditions.condition(), item) == wanted;
        drawn = Some(conditions);
        if fits {
            break;
        }
    }
    drawn
}

fn legacy_condition(rng: &mut Rng, path: &Path, item: &Attributes) -> LegacyCondition {
    use ComparisonOperator::*;
    let (operator, values) = match rng.u8(..13) {
        0 => (Null, vec![]),
        1 => (NotNull, vec![]),
        2 => (Eq, vec![literal_near(rng, path, item)]),
        3 => (Ne, vec![literal_near(rng, path, item)]),
        4 => (Lt, vec![ordered_near(rng, path, item)]),
        5 => (Le, vec![ordered_near(rng, path, item)]),
        6 => (Gt, vec![ordered_near(rng, path, item)]),
        7 => (Ge, vec![ordered_near(rng, path, item)]),
        8 => {
            let (lower, upper) = bounds(rng, path, item);
            (Between, vec![lower, upper])
        }
        9 => {
            let (first, second) = bounds(rng, path, item);
            (In, vec![second, first])
        }
        10 => (BeginsWith, vec![prefix_of(rng, path, item)]),
        operator => {
            let part = part_of(rng, path, item);
            let part = if part.is_ordered() { part } else { scalar(rng) };
            (if operator == 11 { Contains } else { NotContains }, vec![part])
        }
    };
    LegacyCondition {
        attribute: path.root.clone(),
        operator,
        values,
    }
}

/// A set of the type of what stands at a path, or of any type.
pub(super) fn set_near(rng: &mut Rng, path: &Path, item: &Attributes) -> Value {
    for _ in 0..TRIES {
        let drawn = set(rng);
        match find(path, item) {
            Some(found @ (Value::Ss(_) | Value::Ns(_) | Value::Bs(_)))
                if found.type_name() != drawn.type_name() => {}
            _ => return drawn,
        }
    }
    set(rng)
}
