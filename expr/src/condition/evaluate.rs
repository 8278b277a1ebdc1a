//! Asking a condition of a stored item: nothing is copied.

use std::cmp::Ordering;

use memchr::memmem;
use model::{MapRef, Number, ValueRef};

use super::{Node, Operand};
use crate::syntax::Comparator;

impl Node {
    /// Whether the item, or its absence, satisfies this part.
    pub(super) fn matches(&self, item: Option<MapRef<'_>>) -> bool {
        match self {
            Node::And(parts) => parts.iter().all(|part| part.matches(item)),
            Node::Or(parts) => parts.iter().any(|part| part.matches(item)),
            Node::Not(inner) => !inner.matches(item),
            Node::Compare(comparator, left, right) => holds(*comparator, left.value(item), right.value(item)),
            Node::Between(operands) => {
                let [value, lower, upper] = operands.as_ref();
                let value = value.value(item);
                holds(Comparator::GreaterOrEqual, value, lower.value(item))
                    && holds(Comparator::LessOrEqual, value, upper.value(item))
            }
            Node::In(operand, list) => {
                let value = operand.value(item);
                value.is_some() && list.iter().any(|candidate| candidate.value(item) == value)
            }
            Node::Exists(path) => item.and_then(|item| path.find(item)).is_some(),
            Node::NotExists(path) => item.and_then(|item| path.find(item)).is_none(),
            Node::HasType(path, value_type) => item
                .and_then(|item| path.find(item))
                .is_some_and(|value| value.value_type() == *value_type),
            Node::BeginsWith(value, prefix) => match (value.value(item), prefix.value(item)) {
                (Some(ValueRef::String(value)), Some(ValueRef::String(prefix)))
                | (Some(ValueRef::Binary(value)), Some(ValueRef::Binary(prefix))) => {
                    value.starts_with(prefix)
                }
                _ => false,
            },
            Node::Contains(whole, part) => match (whole.value(item), part.value(item)) {
                (Some(whole), Some(part)) => contains(whole, part),
                _ => false,
            },
        }
    }
}

impl Operand {
    /// The operand's value; `None` where the item has no such attribute, or the attribute no size.
    fn value<'v>(&'v self, item: Option<MapRef<'v>>) -> Option<ValueRef<'v>> {
        match self {
            Operand::Path(path) => path.find(item?),
            Operand::Literal(literal) => Some(literal.value()),
            Operand::Size(inner) => {
                let count = inner.value(item)?.element_count()?;
                Some(ValueRef::Number(Number::from(count as i64)))
            }
            Operand::Truth(condition) => Some(ValueRef::Bool(condition.matches(item))),
        }
    }
}

/// A missing operand, or two of different types, are unequal and not ordered.
fn holds(comparator: Comparator, left: Option<ValueRef<'_>>, right: Option<ValueRef<'_>>) -> bool {
    let (Some(left), Some(right)) = (left, right) else {
        return comparator == Comparator::NotEqual;
    };
    let ordered = |wanted: fn(Ordering) -> bool| compare(left, right).is_some_and(wanted);
    match comparator {
        Comparator::Equal => left == right,
        Comparator::NotEqual => left != right,
        Comparator::Less => ordered(Ordering::is_lt),
        Comparator::LessOrEqual => ordered(Ordering::is_le),
        Comparator::Greater => ordered(Ordering::is_gt),
        Comparator::GreaterOrEqual => ordered(Ordering::is_ge),
    }
}

/// The order of two strings, numbers or binaries; no other values are ordered.
pub(crate) fn compare(left: ValueRef<'_>, right: ValueRef<'_>) -> Option<Ordering> {
    match (left, right) {
        (ValueRef::String(left), ValueRef::String(right))
        | (ValueRef::Binary(left), ValueRef::Binary(right)) => Some(left.cmp(right)),
        (ValueRef::Number(left), ValueRef::Number(right)) => Some(left.cmp(&right)),
        _ => None,
    }
}

/// A part of a string or binary, a member of a set, or an element of a list.
fn contains(whole: ValueRef<'_>, part: ValueRef<'_>) -> bool {
    match (whole, part) {
        (ValueRef::String(whole), ValueRef::String(part))
        | (ValueRef::Binary(whole), ValueRef::Binary(part)) => memmem::find(whole, part).is_some(),
        (ValueRef::Set(set), member) => set.contains(&member),
        (ValueRef::List(list), element) => list.iter().any(|candidate| candidate == element),
        _ => false,
    }
}
