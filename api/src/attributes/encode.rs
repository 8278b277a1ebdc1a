//! Stored attribute values as JSON, walked in place.

use std::collections::BTreeMap;

use model::{Item, MapRef, ValueRef, ValueType};

use super::{AttributeMap, AttributeValue};
use crate::encode::Encode;
use crate::json;

/// What JSON puts around a name and a value, about.
const ATTRIBUTE_SYNTAX_BYTES: usize = 12;

impl Encode for AttributeMap {
    fn encode(&self, out: &mut Vec<u8>) {
        self.item.encode(out);
    }

    fn size_hint_bytes(&self) -> usize {
        self.item.size_hint_bytes()
    }
}

impl Encode for Item {
    fn encode(&self, out: &mut Vec<u8>) {
        out.reserve(self.size_hint_bytes());
        append_entries(out, &self.attributes());
    }

    fn size_hint_bytes(&self) -> usize {
        let attributes = self.attributes();
        self.as_stored().len() + ATTRIBUTE_SYNTAX_BYTES * attributes.len()
    }
}

impl Encode for AttributeValue {
    fn encode(&self, out: &mut Vec<u8>) {
        // Seldom needed, so it takes the way through an item.
        let item = Item::from_tree(&BTreeMap::from([(String::new(), self.value.clone())]));
        if let Some(value) = item.get("") {
            append_value(out, &value);
        }
    }
}

fn append_entries(out: &mut Vec<u8>, map: &MapRef<'_>) {
    let mut is_first = true;
    for (name, value) in map.iter() {
        match is_first {
            true => json::append_enclosed(out, b"{\"", name, b"\":"),
            false => json::append_enclosed(out, b",\"", name, b"\":"),
        }
        is_first = false;
        append_value(out, &value);
    }
    out.extend_from_slice(if is_first { b"{}" } else { b"}" });
}

fn append_value(out: &mut Vec<u8>, value: &ValueRef<'_>) {
    match value {
        ValueRef::String(text) => {
            return json::append_enclosed(out, b"{\"S\":\"", text, b"\"}");
        }
        ValueRef::Number(number) => {
            out.extend_from_slice(br#"{"N":""#);
            number.append_decimal(out);
            out.push(b'"');
        }
        ValueRef::Binary(bytes) => {
            out.extend_from_slice(br#"{"B":"#);
            json::append_binary(out, bytes);
        }
        ValueRef::Bool(true) => return out.extend_from_slice(br#"{"BOOL":true}"#),
        ValueRef::Bool(false) => return out.extend_from_slice(br#"{"BOOL":false}"#),
        ValueRef::Null => return out.extend_from_slice(br#"{"NULL":true}"#),
        ValueRef::List(list) => {
            out.extend_from_slice(br#"{"L":["#);
            for (index, element) in list.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                append_value(out, &element);
            }
            out.push(b']');
        }
        ValueRef::Map(map) => {
            out.extend_from_slice(br#"{"M":"#);
            append_entries(out, map);
        }
        ValueRef::Set(set) => {
            let name: &[u8] = match set.set_type() {
                ValueType::NumberSet => br#"{"NS":["#,
                ValueType::BinarySet => br#"{"BS":["#,
                _ => br#"{"SS":["#,
            };
            out.extend_from_slice(name);
            for (index, member) in set.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                match member {
                    ValueRef::Number(number) => {
                        out.push(b'"');
                        number.append_decimal(out);
                        out.push(b'"');
                    }
                    ValueRef::Binary(bytes) => json::append_binary(out, bytes),
                    ValueRef::String(text) => json::append_string(out, text),
                    // A set has members of these three types alone.
                    _ => {}
                }
            }
            out.push(b']');
        }
    }
    out.push(b'}');
}
