//! Stored items: what is written is read back and has one form, and bytes that are no item are found
//! to be none before anybody trusts them.

use arbitrary::{Result, Unstructured};
use bytes::Bytes;
use model::{Encoder, Item, MapRef, Value, ValueRef, key};

use crate::json;
use crate::values;

/// The first byte says whether the rest is a stored item, a tree to write, or a tree whose stored
/// form is damaged.
pub fn check(input: &[u8]) {
    let Some((kind, rest)) = input.split_first() else {
        return;
    };
    // Too few bytes are no case.
    let _drawn = match kind % 3 {
        0 => {
            check_stored(rest);
            Ok(())
        }
        1 => check_written(&mut Unstructured::new(rest)),
        _ => check_damaged(&mut Unstructured::new(rest)),
    };
}

/// Reads bytes as an item, and all of it if they pass for one.
fn check_stored(stored: &[u8]) {
    let Ok(item) = Item::from_stored(Bytes::copy_from_slice(stored)) else {
        return;
    };
    if item.check().is_ok() {
        read_all(&item);
        // Equal values are equal bytes, so that there is no second form of the same item.
        let again = Item::from_tree(&item.attributes().to_tree());
        assert_eq!(again.attributes(), item.attributes(), "the item has another form");
    }
}

fn check_written(bytes: &mut Unstructured<'_>) -> Result<()> {
    let tree = values::attributes(bytes)?;
    let item = Item::from_tree(&tree);
    assert_eq!(item.check(), Ok(()), "{tree:?}");
    assert_eq!(item.attributes().to_tree(), tree);
    let stored = Item::from_stored(item.as_stored().clone());
    assert_eq!(stored.as_ref(), Ok(&item));
    // Written backwards and value by value, it is the same item.
    let (mut encoder, open) = Encoder::item(16);
    let entries: Vec<_> = item.attributes().entries().collect();
    for entry in entries.iter().rev() {
        encoder.name(entry.name);
        encoder.value(&entry.value());
    }
    assert_eq!(encoder.finish(open), item);
    read_all(&item);
    json::check_round_trip(&item);
    Ok(())
}

fn check_damaged(bytes: &mut Unstructured<'_>) -> Result<()> {
    let damage: Vec<(u16, u8)> = bytes.arbitrary()?;
    let length: u16 = bytes.arbitrary()?;
    let mut stored = Item::from_tree(&values::attributes(bytes)?).as_stored().to_vec();
    for (at, flip) in damage {
        let at = usize::from(at) % stored.len();
        stored[at] ^= flip;
    }
    stored.truncate(usize::from(length));
    check_stored(&stored);
    Ok(())
}

/// Reads everything of an item in every way that there is.
fn read_all(item: &Item) {
    let attributes = item.attributes();
    let mut size_bytes = 0;
    for entry in attributes.entries() {
        let value = entry.value();
        size_bytes += entry.name.len() + value.size_bytes();
        let name = std::str::from_utf8(entry.name).expect("names are UTF-8");
        assert_eq!(item.get(name), Some(value), "{name} is found");
        read_value(&value);
    }
    assert_eq!(item.size_bytes(), size_bytes);
    assert_eq!(attributes.iter().count(), attributes.len());
}

fn read_map(map: MapRef<'_>) {
    assert_eq!(map.iter().count(), map.len());
    map.iter().for_each(|(_, value)| read_value(&value));
}

fn read_value(value: &ValueRef<'_>) {
    match value {
        ValueRef::Map(map) => read_map(*map),
        ValueRef::List(list) => {
            assert_eq!(list.iter().count(), list.len());
            list.iter().for_each(|element| read_value(&element));
        }
        ValueRef::Set(set) => {
            assert_eq!(set.iter().count(), set.len());
            for member in set.iter() {
                assert!(set.contains(&member), "a set contains its members");
                read_value(&member);
            }
        }
        ValueRef::String(text) => {
            std::str::from_utf8(text).expect("strings are UTF-8");
        }
        ValueRef::Number(number) => {
            let mut text = Vec::new();
            number.append_decimal(&mut text);
            assert!(number.size_bytes() <= 22, "{number:?} has its size");
        }
        ValueRef::Binary(_) | ValueRef::Bool(_) | ValueRef::Null => {}
    }
    if let ValueRef::Number(_) | ValueRef::String(_) | ValueRef::Binary(_) = value {
        assert_eq!(key::append_sort_value(&mut Vec::new(), value), Ok(()));
    }
    assert_eq!(Value::from(*value).value_type(), value.value_type());
}
