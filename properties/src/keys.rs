//! Keys: their bytes sort as their values do, whatever follows, and hold the whole value.

use std::cmp::Ordering;

use arbitrary::{Result, Unstructured};
use model::{Encoder, Item, Number, Value, ValueRef, key};

use crate::values;

/// Writes a value as key bytes: `model::key` itself, or what a test puts in its place.
pub type Append = fn(&mut Vec<u8>, &ValueRef<'_>) -> std::result::Result<(), key::NotAKeyType>;

/// Takes two key values and what follows them.
pub fn check(input: &[u8]) {
    check_with(input, key::append_sort_value, key::append_last_sort_value);
}

/// The property for any two ways of writing a sort key value: one that something follows, and one
/// that ends its key.
pub fn check_with(input: &[u8], append: Append, append_last: Append) {
    // Too few bytes are no case.
    let _drawn = try_check(&mut Unstructured::new(input), append, append_last);
}

fn try_check(bytes: &mut Unstructured<'_>, append: Append, append_last: Append) -> Result<()> {
    let left = values::key_value(bytes)?;
    // Often the same type, for only then is there an order.
    let right = match bytes.ratio(1, 2)? {
        true => neighbour(&left, bytes)?,
        false => values::key_value(bytes)?,
    };
    let (left_item, right_item) = (holder(&left), holder(&right));
    let (left_ref, right_ref) = (in_place(&left_item), in_place(&right_item));

    for value in [&left_ref, &right_ref] {
        let mut bytes = Vec::new();
        assert_eq!(append(&mut bytes, value), Ok(()), "{value:?} is a key");
        bytes.extend_from_slice(b"tail");
        let (read, rest) = decode(value, &bytes);
        assert_eq!(rest, b"tail", "{value:?} ends where it ends");
        assert_eq!(read, Value::from(*value), "{value:?} is read back");
        let mut last = Vec::new();
        assert_eq!(append_last(&mut last, value), Ok(()), "{value:?} is a key");
        let mut partition = Vec::new();
        assert_eq!(key::append_partition_value(&mut partition, value), Ok(()));
        assert_eq!(partition[2..], last, "a partition value is the value");
        assert_eq!(
            usize::from(u16::from_be_bytes([partition[0], partition[1]])),
            last.len()
        );
    }

    let Some(expected) = order(&left, &right) else {
        return Ok(());
    };
    for (left_tail, right_tail) in [(0x00, 0xFF), (0xFF, 0x00)] {
        let written = |value: &ValueRef<'_>, tail: u8| {
            let mut bytes = Vec::new();
            assert_eq!(append(&mut bytes, value), Ok(()));
            bytes.push(tail);
            bytes
        };
        let seen = written(&left_ref, left_tail).cmp(&written(&right_ref, right_tail));
        let expected = expected.then(left_tail.cmp(&right_tail));
        assert_eq!(seen, expected, "{left:?} and {right:?}, followed by something");
    }
    let written = |value: &ValueRef<'_>| {
        let mut bytes = Vec::new();
        assert_eq!(append_last(&mut bytes, value), Ok(()));
        bytes
    };
    assert_eq!(
        written(&left_ref).cmp(&written(&right_ref)),
        expected,
        "{left:?} and {right:?} at the end of a key"
    );
    Ok(())
}

/// A value close to another: the same, longer by a bit, or shorter.
fn neighbour(value: &Value, bytes: &mut Unstructured<'_>) -> Result<Value> {
    Ok(match value {
        Value::String(text) => {
            let added: u8 = bytes.arbitrary()?;
            Value::String(format!("{text}{}", char::from(added)))
        }
        Value::Binary(original) => {
            let mut changed = original.clone();
            match bytes.arbitrary()? {
                true => changed.push(bytes.arbitrary()?),
                false => drop(changed.pop()),
            }
            Value::Binary(changed)
        }
        Value::Number(number) => {
            let added = values::number(bytes)?;
            Value::Number(number.checked_add(added).unwrap_or(added))
        }
        other => other.clone(),
    })
}

/// The order of two values of one type, found without the bytes of keys and without the order that
/// numbers have by themselves.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => Some(left.as_bytes().cmp(right.as_bytes())),
        (Value::Binary(left), Value::Binary(right)) => Some(left.cmp(right)),
        (Value::Number(left), Value::Number(right)) => {
            let expected = decimal_order(&decimal(*left), &decimal(*right));
            assert_eq!(left.cmp(right), expected, "{left:?} and {right:?}");
            Some(expected)
        }
        _ => None,
    }
}

fn decimal(number: Number) -> String {
    let mut text = Vec::new();
    number.append_decimal(&mut text);
    let text = String::from_utf8(text).expect("decimals are text");
    assert_eq!(Number::parse(&text), Ok(number), "{text} is read back");
    text
}

/// Compares two decimals without exponents as a person does: signs, then the whole parts by length
/// and digits, then the fractions digit by digit.
fn decimal_order(left: &str, right: &str) -> Ordering {
    let parts = |text: &'_ str| {
        let is_negative = text.starts_with('-');
        let text = text.trim_start_matches('-');
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let whole = whole.trim_start_matches('0').to_owned();
        (
            is_negative,
            whole.len(),
            whole,
            fraction.trim_end_matches('0').to_owned(),
        )
    };
    let (left, right) = (parts(left), parts(right));
    let magnitudes = (left.1, &left.2, &left.3).cmp(&(right.1, &right.2, &right.3));
    match (left.0, right.0) {
        (false, false) => magnitudes,
        (true, true) => magnitudes.reverse(),
        (left, right) => right.cmp(&left),
    }
}

fn holder(value: &Value) -> Item {
    let (mut encoder, open) = Encoder::item(64);
    encoder.name(b"v");
    value.encode(&mut encoder);
    encoder.finish(open)
}

fn in_place(holder: &Item) -> ValueRef<'_> {
    holder.get("v").expect("a holder has its value")
}

/// Reads a sort key value of the same type as `like` back, and gives what follows it.
fn decode<'b>(like: &ValueRef<'_>, bytes: &'b [u8]) -> (Value, &'b [u8]) {
    match like {
        ValueRef::Number(_) => {
            let (number, rest) = decode_number(bytes);
            (Value::Number(number), rest)
        }
        ValueRef::String(_) => {
            let (text, rest) = unescape(bytes);
            let text = String::from_utf8(text).expect("strings are UTF-8");
            (Value::String(text), rest)
        }
        _ => {
            let (binary, rest) = unescape(bytes);
            (Value::Binary(binary), rest)
        }
    }
}

/// Reads up to the end mark `00 01`; `00 FF` stands for a zero byte.
fn unescape(mut bytes: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut value = Vec::new();
    loop {
        match bytes {
            [0, 0xFF, rest @ ..] => {
                value.push(0);
                bytes = rest;
            }
            [0, 1, rest @ ..] => return (value, rest),
            [0, ..] | [] => panic!("an escaped value has no end"),
            [byte, rest @ ..] => {
                value.push(*byte);
                bytes = rest;
            }
        }
    }
}

/// Reads sign, exponent, and pairs of digits up to the end mark.
fn decode_number(bytes: &[u8]) -> (Number, &[u8]) {
    let (sign, flip) = match bytes[0] {
        0x80 => return (Number::ZERO, &bytes[1..]),
        0xC0 => ("", 0x00),
        0x40 => ("-", 0xFF),
        other => panic!("{other} is no sign"),
    };
    let exponent = i32::from(bytes[1] ^ flip) - 130;
    let pairs = bytes[2..]
        .iter()
        .position(|&byte| byte ^ flip == 0)
        .expect("digits end");
    let digits: String = bytes[2..2 + pairs]
        .iter()
        .map(|&pair| format!("{:02}", (pair ^ flip) - 1))
        .collect();
    // The first digit is the one of that power of ten.
    let (first, rest) = digits.split_at(1);
    let text = format!("{sign}{first}.{rest}E{exponent}");
    let number = Number::parse(&text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    (number, &bytes[2 + pairs + 1..])
}
