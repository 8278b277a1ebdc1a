//! Attribute values as a tree, for what changes them: update expressions and legacy parameters.
//!
//! Reading needs no tree: see [`ValueRef`].

use std::collections::BTreeMap;

use crate::encoder::Encoder;
use crate::number::Number;
use crate::stored::{Item, MapRef, ValueRef};

/// The ten types of attribute values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ValueType {
    /// S
    String,
    /// N
    Number,
    /// B
    Binary,
    /// BOOL
    Bool,
    /// NULL
    Null,
    /// L
    List,
    /// M
    Map,
    /// SS
    StringSet,
    /// NS
    NumberSet,
    /// BS
    BinarySet,
}

impl ValueType {
    /// The name that the API gives the type.
    pub fn as_str(self) -> &'static str {
        match self {
            ValueType::String => "S",
            ValueType::Number => "N",
            ValueType::Binary => "B",
            ValueType::Bool => "BOOL",
            ValueType::Null => "NULL",
            ValueType::List => "L",
            ValueType::Map => "M",
            ValueType::StringSet => "SS",
            ValueType::NumberSet => "NS",
            ValueType::BinarySet => "BS",
        }
    }

    /// The type that the API names `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        use ValueType::*;
        [
            String, Number, Binary, Bool, Null, List, Map, StringSet, NumberSet, BinarySet,
        ]
        .into_iter()
        .find(|value_type| value_type.as_str() == name)
    }

    /// Whether it is one of the three set types.
    pub fn is_set(self) -> bool {
        matches!(
            self,
            ValueType::StringSet | ValueType::NumberSet | ValueType::BinarySet
        )
    }
}

/// An attribute value as a tree. Set members are ascending, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A string.
    String(String),
    /// A number.
    Number(Number),
    /// A binary.
    Binary(Vec<u8>),
    /// A boolean.
    Bool(bool),
    /// Null.
    Null,
    /// A list.
    List(Vec<Value>),
    /// A map.
    Map(BTreeMap<String, Value>),
    /// A set of strings.
    StringSet(Vec<String>),
    /// A set of numbers.
    NumberSet(Vec<Number>),
    /// A set of binaries.
    BinarySet(Vec<Vec<u8>>),
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl From<ValueRef<'_>> for Value {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::String(bytes) => Value::String(text(bytes)),
            ValueRef::Number(number) => Value::Number(number),
            ValueRef::Binary(bytes) => Value::Binary(bytes.to_vec()),
            ValueRef::Bool(value) => Value::Bool(value),
            ValueRef::Null => Value::Null,
            ValueRef::List(list) => Value::List(list.iter().map(Value::from).collect()),
            ValueRef::Map(map) => Value::Map(map.to_tree()),
            ValueRef::Set(set) => {
                let bytes = |member: ValueRef<'_>| match member {
                    ValueRef::String(bytes) | ValueRef::Binary(bytes) => Some(bytes.to_vec()),
                    _ => None,
                };
                match set.set_type() {
                    ValueType::StringSet => {
                        Value::StringSet(set.iter().filter_map(bytes).map(|member| text(&member)).collect())
                    }
                    ValueType::NumberSet => Value::NumberSet(
                        set.iter()
                            .filter_map(|member| match member {
                                ValueRef::Number(number) => Some(number),
                                _ => None,
                            })
                            .collect(),
                    ),
                    _ => Value::BinarySet(set.iter().filter_map(bytes).collect()),
                }
            }
        }
    }
}

impl MapRef<'_> {
    /// The entries as a tree.
    pub fn to_tree(&self) -> BTreeMap<String, Value> {
        self.entries()
            .map(|entry| (text(entry.name), Value::from(entry.value())))
            .collect()
    }
}

impl Value {
    /// The value's type.
    pub fn value_type(&self) -> ValueType {
        match self {
            Value::String(_) => ValueType::String,
            Value::Number(_) => ValueType::Number,
            Value::Binary(_) => ValueType::Binary,
            Value::Bool(_) => ValueType::Bool,
            Value::Null => ValueType::Null,
            Value::List(_) => ValueType::List,
            Value::Map(_) => ValueType::Map,
            Value::StringSet(_) => ValueType::StringSet,
            Value::NumberSet(_) => ValueType::NumberSet,
            Value::BinarySet(_) => ValueType::BinarySet,
        }
    }

    /// Writes the value in its stored form.
    pub fn encode(&self, encoder: &mut Encoder) {
        match self {
            Value::String(text) => encoder.string(text.as_bytes()),
            Value::Number(number) => encoder.number(*number),
            Value::Binary(bytes) => encoder.binary(bytes),
            Value::Bool(value) => encoder.bool(*value),
            Value::Null => encoder.null(),
            Value::List(elements) => {
                let open = encoder.begin_list();
                elements.iter().for_each(|element| element.encode(encoder));
                encoder.end_list(open, elements.len());
            }
            Value::Map(entries) => {
                let open = encoder.begin_map();
                encode_entries(entries, encoder);
                encoder.end_map(open);
            }
            Value::StringSet(members) => encoder.string_set(members.iter().map(String::as_bytes)),
            Value::NumberSet(members) => encoder.number_set(members.iter().copied()),
            Value::BinarySet(members) => encoder.binary_set(members.iter().map(Vec::as_slice)),
        }
    }

    /// How many levels deep the value nests: 1 for a scalar or a set.
    pub fn nesting_levels(&self) -> usize {
        match self {
            Value::List(elements) => 1 + elements.iter().map(Value::nesting_levels).max().unwrap_or(0),
            Value::Map(entries) => 1 + entries.values().map(Value::nesting_levels).max().unwrap_or(0),
            _ => 1,
        }
    }
}

fn encode_entries(entries: &BTreeMap<String, Value>, encoder: &mut Encoder) {
    for (name, value) in entries {
        encoder.name(name.as_bytes());
        value.encode(encoder);
    }
}

impl Item {
    /// The item of a tree of attributes.
    pub fn from_tree(attributes: &BTreeMap<String, Value>) -> Self {
        let (mut encoder, open) = Encoder::item(64 * attributes.len() + 16);
        encode_entries(attributes, &mut encoder);
        encoder.finish(open)
    }
}
