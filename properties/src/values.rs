//! Attribute values made of arbitrary bytes.

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};
use model::{Number, Value, limits};

/// How many members a container has at most.
const MEMBERS_MAX: usize = 6;
/// How many levels deep values nest at most.
const LEVELS_MAX: usize = limits::NESTING_LEVELS_MAX;

/// A tree of attributes. Names are mostly short, so that expressions meet them.
pub fn attributes(bytes: &mut Unstructured<'_>) -> Result<BTreeMap<String, Value>> {
    entries(bytes, 0)
}

fn entries(bytes: &mut Unstructured<'_>, level: usize) -> Result<BTreeMap<String, Value>> {
    let mut entries = BTreeMap::new();
    for _ in 0..bytes.int_in_range(0..=MEMBERS_MAX)? {
        let name = match bytes.ratio(7, 8)? {
            true => (*bytes.choose(&["a", "b", "c", "d", "pk", "sk"])?).to_owned(),
            // No name is empty.
            false => text(bytes)? + "x",
        };
        entries.insert(name, value_at(bytes, level + 1)?);
    }
    Ok(entries)
}

/// A value of any type.
pub fn value(bytes: &mut Unstructured<'_>) -> Result<Value> {
    value_at(bytes, 1)
}

/// A value that can be a key's.
pub fn key_value(bytes: &mut Unstructured<'_>) -> Result<Value> {
    Ok(match bytes.int_in_range(0..=2)? {
        0 => Value::String(text(bytes)?),
        1 => Value::Number(number(bytes)?),
        _ => Value::Binary(binary(bytes)?),
    })
}

fn value_at(bytes: &mut Unstructured<'_>, level: usize) -> Result<Value> {
    // Containers only where they may be.
    let kinds = if level < LEVELS_MAX { 10 } else { 7 };
    Ok(match bytes.int_in_range(0..=kinds)? {
        0 => Value::String(text(bytes)?),
        1 => Value::Number(number(bytes)?),
        2 => Value::Binary(binary(bytes)?),
        3 => Value::Bool(bytes.arbitrary()?),
        4 => Value::Null,
        5 => Value::StringSet(set(bytes, text)?),
        6 => Value::NumberSet(set(bytes, number)?),
        7 => Value::BinarySet(set(bytes, binary)?),
        8 => Value::Map(entries(bytes, level)?),
        _ => {
            let count = bytes.int_in_range(0..=MEMBERS_MAX)?;
            Value::List(
                (0..count)
                    .map(|_| value_at(bytes, level + 1))
                    .collect::<Result<_>>()?,
            )
        }
    })
}

fn set<T: Ord>(
    bytes: &mut Unstructured<'_>,
    mut member: impl FnMut(&mut Unstructured<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let count = bytes.int_in_range(1..=MEMBERS_MAX)?;
    let mut members = (0..count).map(|_| member(bytes)).collect::<Result<Vec<T>>>()?;
    members.sort();
    members.dedup();
    Ok(members)
}

fn text(bytes: &mut Unstructured<'_>) -> Result<String> {
    let taken = binary(bytes)?;
    Ok(String::from_utf8_lossy(&taken).into_owned())
}

/// Mostly short, now and then long enough for a length of two bytes.
fn binary(bytes: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let length = match bytes.ratio(15, 16)? {
        true => bytes.int_in_range(0..=6)?,
        false => bytes.int_in_range(0..=300)?,
    };
    let taken = bytes.bytes(length.min(bytes.len()))?;
    let mut result = taken.to_vec();
    result.resize(length, 0);
    Ok(result)
}

/// A number of up to 38 digits anywhere in the range.
pub fn number(bytes: &mut Unstructured<'_>) -> Result<Number> {
    let is_negative: bool = bytes.arbitrary()?;
    let digits: u128 = match bytes.int_in_range(0..=2)? {
        0 => u128::from(bytes.arbitrary::<u8>()?),
        1 => u128::from(bytes.arbitrary::<u64>()?),
        _ => bytes.arbitrary::<u128>()? % 10_u128.pow(limits::NUMBER_DIGITS_MAX),
    };
    let exponent = match bytes.arbitrary()? {
        true => bytes.int_in_range(-4..=4)?,
        false => bytes.int_in_range(limits::NUMBER_EXPONENT_MIN..=limits::NUMBER_EXPONENT_MAX)?,
    };
    let sign = if is_negative { "-" } else { "" };
    // What is out of range is none.
    Ok(Number::parse(&format!("{sign}{digits}E{exponent}")).unwrap_or(Number::ZERO))
}
