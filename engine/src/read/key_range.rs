//! The slice of a table or index that a key condition names.

use expr::{KeyOperator, ResolvedKeyCondition, SortRange};
use model::ValueRef;
use model::key::{append_escaped, append_last_sort_value, append_sort_value, prefix_end};

use crate::keys;

/// The keys `start <= key < end` of one space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyRange {
    pub start: Vec<u8>,
    pub end: Vec<u8>,
}

/// How the sort value stands in a key: at its end, or with something behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SortPlace {
    /// In an item's key, nothing follows.
    Last,
    /// In an index entry's key, the base key follows.
    Followed,
}

/// The first key above all keys with a prefix that begins with an id.
pub(crate) fn end_of(prefix: &[u8]) -> Vec<u8> {
    prefix_end(prefix).expect("ids are handed out from below and never are all ones")
}

/// The first key above `key`.
pub(crate) fn just_above(key: &[u8]) -> Vec<u8> {
    let mut above = Vec::with_capacity(key.len() + 1);
    above.extend_from_slice(key);
    above.push(0);
    above
}

/// The slice of the table or index `id` that a condition names; `None` where it can hold nothing.
pub(crate) fn key_range(id: u32, place: SortPlace, condition: &ResolvedKeyCondition) -> Option<KeyRange> {
    let partition: Vec<ValueRef<'_>> = condition
        .partition
        .iter()
        .map(|literal| literal.value())
        .collect();
    let mut prefix = keys::partition_prefix(id, &partition)?;
    if place == SortPlace::Last
        && let [value] = condition.sort_equal.as_slice()
    {
        append_last_sort_value(&mut prefix, &value.value()).ok()?;
        return Some(KeyRange {
            end: just_above(&prefix),
            start: prefix,
        });
    }
    for value in &condition.sort_equal {
        append_sort_value(&mut prefix, &value.value()).ok()?;
    }
    let range = match &condition.range {
        None => KeyRange {
            end: end_of(&prefix),
            start: prefix,
        },
        Some(range) => sort_range(prefix, place, range)?,
    };
    (range.start < range.end).then_some(range)
}

fn sort_range(prefix: Vec<u8>, place: SortPlace, range: &SortRange) -> Option<KeyRange> {
    let at = |operand: usize| -> Option<Vec<u8>> {
        let mut key = prefix.clone();
        let value = range.operands.get(operand)?.value();
        match place {
            SortPlace::Last => append_last_sort_value(&mut key, &value).ok()?,
            SortPlace::Followed => append_sort_value(&mut key, &value).ok()?,
        }
        Some(key)
    };
    let above = |operand: usize| -> Option<Vec<u8>> {
        at(operand).map(|key| match place {
            SortPlace::Last => just_above(&key),
            SortPlace::Followed => end_of(&key),
        })
    };
    let all = || KeyRange {
        start: prefix.clone(),
        end: end_of(&prefix),
    };
    Some(match range.operator {
        KeyOperator::Equal => KeyRange {
            start: at(0)?,
            end: above(0)?,
        },
        KeyOperator::Less => KeyRange { end: at(0)?, ..all() },
        KeyOperator::LessOrEqual => KeyRange {
            end: above(0)?,
            ..all()
        },
        KeyOperator::Greater => KeyRange {
            start: above(0)?,
            ..all()
        },
        KeyOperator::GreaterOrEqual => KeyRange {
            start: at(0)?,
            ..all()
        },
        KeyOperator::Between => KeyRange {
            start: at(0)?,
            end: above(1)?,
        },
        KeyOperator::BeginsWith => {
            let mut start = prefix.clone();
            match (range.operands.first()?.value(), place) {
                (ValueRef::String(bytes) | ValueRef::Binary(bytes), SortPlace::Last) => {
                    start.extend_from_slice(bytes)
                }
                (ValueRef::String(bytes) | ValueRef::Binary(bytes), SortPlace::Followed) => {
                    append_escaped(&mut start, bytes);
                }
                _ => return None,
            }
            KeyRange {
                end: end_of(&start),
                start,
            }
        }
        KeyOperator::NotIndexable => return None,
    })
}
