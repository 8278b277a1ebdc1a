//! The stored form: what is written is read back, in order, and damage is found.

use std::collections::BTreeMap;

use bytes::Bytes;
use model::{Encoder, Item, Number, Value, ValueRef};

/// A tree with every type in it, at two levels.
fn every_type() -> BTreeMap<String, Value> {
    let number = |text| Number::parse(text).unwrap();
    let leaves = BTreeMap::from([
        ("s".to_owned(), Value::String("ä€😀".to_owned())),
        ("n".to_owned(), Value::Number(number("-1234567890.0987654321"))),
        ("b".to_owned(), Value::Binary(vec![0, 255, 7])),
        ("t".to_owned(), Value::Bool(true)),
        ("f".to_owned(), Value::Bool(false)),
        ("z".to_owned(), Value::Null),
        (
            "ss".to_owned(),
            Value::StringSet(vec!["".to_owned(), "a".to_owned()]),
        ),
        (
            "ns".to_owned(),
            Value::NumberSet(vec![number("-1"), number("2.5")]),
        ),
        ("bs".to_owned(), Value::BinarySet(vec![vec![], vec![1]])),
    ]);
    let mut tree = leaves.clone();
    tree.insert("list".to_owned(), Value::List(leaves.values().cloned().collect()));
    tree.insert("map".to_owned(), Value::Map(leaves));
    tree.insert("long".repeat(100), Value::String("x".repeat(70_000)));
    tree
}

#[test]
fn every_type_is_read_back() {
    let tree = every_type();
    let item = Item::from_tree(&tree);
    assert_eq!(item.check(), Ok(()));
    assert_eq!(item.attributes().to_tree(), tree);
    let again = Item::from_stored(item.as_stored().clone()).unwrap();
    assert_eq!(again, item);
    let (mut encoder, open) = Encoder::item(16);
    for entry in item.attributes().entries() {
        encoder.name(entry.name);
        encoder.value(&entry.value());
    }
    assert_eq!(encoder.finish(open), item, "copied value by value");
}

#[test]
fn names_come_in_any_order_and_the_last_of_a_name_counts() {
    let (mut encoder, open) = Encoder::item(16);
    for (name, text) in [("b", "1"), ("a", "2"), ("b", "3"), ("c", "4"), ("a", "5")] {
        encoder.name(name.as_bytes());
        if name == "c" {
            let inner = encoder.begin_map();
            for name in ["y", "x", "y"] {
                encoder.name(name.as_bytes());
                encoder.string(text.as_bytes());
            }
            encoder.end_map(inner);
        } else {
            encoder.string(text.as_bytes());
        }
    }
    let item = encoder.finish(open);
    assert_eq!(item.check(), Ok(()));
    assert_eq!(item.attributes().len(), 3);
    assert_eq!(item.get("a"), Some(ValueRef::String(b"5")));
    assert_eq!(item.get("b"), Some(ValueRef::String(b"3")));
    let Some(ValueRef::Map(inner)) = item.get("c") else {
        panic!("c is a map")
    };
    assert_eq!(
        inner.entries().map(|entry| entry.name).collect::<Vec<_>>(),
        [b"x", b"y"]
    );
}

#[test]
fn sizes_are_counted_as_the_service_counts() {
    for (value, size_bytes) in [
        (Value::String("ä".to_owned()), 2),
        (Value::Bool(true), 1),
        (Value::Null, 1),
        (Value::List(vec![]), 3),
        (
            Value::List(vec![Value::Null, Value::String("ab".to_owned())]),
            3 + 2 + 3,
        ),
        (
            Value::Map(BTreeMap::from([("key".to_owned(), Value::Bool(true))])),
            3 + 1 + 3 + 1,
        ),
        (Value::NumberSet(vec![Number::from(1), Number::from(100)]), 2 + 2),
        (Value::BinarySet(vec![vec![1, 2], vec![3]]), 3),
    ] {
        let item = Item::from_tree(&BTreeMap::from([("name".to_owned(), value.clone())]));
        assert_eq!(item.size_bytes(), 4 + size_bytes, "{value:?}");
    }
}

#[test]
fn a_check_of_damaged_bytes_never_panics() {
    let stored = Item::from_tree(&every_type()).as_stored().to_vec();
    let stored = &stored[..400.min(stored.len())];
    let check = |bytes: Vec<u8>| Item::from_stored(Bytes::from(bytes)).and_then(|item| item.check());
    for end in 0..stored.len() {
        assert!(check(stored[..end].to_vec()).is_err(), "cut at {end}");
    }
    for at in 0..stored.len() {
        for flip in [1, 0x80, 0xFF] {
            let mut damaged = stored.to_vec();
            damaged[at] ^= flip;
            let _ = check(damaged);
        }
    }
}

/// An item whose one attribute `a` has these stored bytes.
fn check_value(value: &[u8]) -> Result<(), model::Malformed> {
    let stored = [&[1, 0, 1, 1, b'a'][..], value].concat();
    Item::from_stored(Bytes::from(stored)).and_then(|item| item.check())
}

#[test]
fn what_no_encoder_writes_is_found() {
    assert_eq!(check_value(&[2, 0, 2]), Ok(()), "the number 1");
    // A coefficient of 39 digits, which no key has room for.
    let mut wide = vec![2, 0];
    wide.extend([0xFF; 18]);
    wide.push(0x03);
    assert!(check_value(&wide).is_err(), "too many digits");
    assert!(check_value(&[2, 0, 20]).is_err(), "10, which is written as 1E1");
    assert!(check_value(&[2, 0xFE, 0x7F, 2]).is_err(), "out of range");
    assert!(check_value(&[2, 2, 0]).is_err(), "zero has one form");
    assert!(
        check_value(&[2, 0x80, 0, 2]).is_err(),
        "an exponent that is too long"
    );
    assert!(check_value(&[1, 0x80, 0]).is_err(), "a length that is too long");
    assert_eq!(check_value(&[9, 5, 0, 0, 0, 2, 1, b'a', 1, b'b']), Ok(()));
    assert!(
        check_value(&[9, 5, 0, 0, 0, 2, 1, b'b', 1, b'a']).is_err(),
        "out of order"
    );
    assert!(
        check_value(&[9, 5, 0, 0, 0, 2, 1, b'a', 1, b'a']).is_err(),
        "twice"
    );
    assert!(check_value(&[9, 3, 0, 0, 0, 1, 1, 0xFF]).is_err(), "no UTF-8");
    assert_eq!(check_value(&[11, 3, 0, 0, 0, 1, 1, 0xFF]), Ok(()), "a binary");
    assert!(
        check_value(&[10, 5, 0, 0, 0, 2, 0, 4, 0, 2]).is_err(),
        "2 before 1"
    );
}

#[test]
fn a_header_of_any_length_is_no_panic() {
    for last in [1, 0x7F] {
        let mut stored = vec![1];
        stored.extend([0xFF; 9]);
        stored.push(last);
        stored.extend([0; 20]);
        assert!(Item::from_stored(Bytes::from(stored)).is_err());
    }
}

#[test]
fn an_item_tells_its_size_and_one_that_does_not_is_walked() {
    let item = Item::from_tree(&every_type());
    let body = &item.as_stored()[8..];
    let silent = Item::from_stored([&[1, 0][..], body].concat().into()).unwrap();
    assert_eq!(silent.size_bytes(), item.size_bytes());
    assert_eq!(silent.size_bytes(), item.attributes().size_bytes());
    assert_eq!(silent, item, "what the header tells is no attribute");
    assert_eq!((item.check(), silent.check()), (Ok(()), Ok(())));

    let mut wrong = item.as_stored().to_vec();
    wrong[4] ^= 1;
    let wrong = Item::from_stored(wrong.into()).unwrap();
    assert_eq!(wrong.size_bytes(), item.size_bytes() ^ 1);
    assert!(wrong.check().is_err());

    // Fields that this version does not know, in front of the size and without it.
    for header in [&[7, 0, 1, 4, 9, 9, 9, 9][..], &[9, 6, 1, 2, 3, 4, 5, 6]] {
        let length = [1, header.len() as u8];
        let other = Item::from_stored([&length[..], header, body].concat().into()).unwrap();
        assert_eq!((other.size_bytes(), other.check()), (item.size_bytes(), Ok(())));
    }
    assert_eq!((Item::empty().size_bytes(), Item::empty().check()), (0, Ok(())));
}
