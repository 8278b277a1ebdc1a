//! Attribute values as the plainest tree: what the naive tables hold, and how it becomes what the
//! engine is sent and is compared with what it answers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use api::AttributeMap;
use model::Item;

use crate::decimal::Decimal;

/// An attribute value. Values of one type are ordered as sort keys are.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    S(String),
    N(Decimal),
    B(Vec<u8>),
    Bool(bool),
    Null,
    L(Vec<Value>),
    M(Attributes),
    Ss(BTreeSet<String>),
    Ns(BTreeSet<Decimal>),
    Bs(BTreeSet<Vec<u8>>),
}

/// An item, a key, or a map.
pub type Attributes = BTreeMap<String, Value>;

impl Value {
    pub fn string(text: &str) -> Self {
        Value::S(text.to_owned())
    }

    pub fn number(spelling: &str) -> Self {
        Value::N(Decimal::parse(spelling))
    }

    /// The name that the API gives the type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::S(_) => "S",
            Value::N(_) => "N",
            Value::B(_) => "B",
            Value::Bool(_) => "BOOL",
            Value::Null => "NULL",
            Value::L(_) => "L",
            Value::M(_) => "M",
            Value::Ss(_) => "SS",
            Value::Ns(_) => "NS",
            Value::Bs(_) => "BS",
        }
    }

    /// Whether it is of one of the types that have an order, and that keys can have.
    pub fn is_ordered(&self) -> bool {
        matches!(self, Value::S(_) | Value::N(_) | Value::B(_))
    }

    pub fn is_empty_scalar(&self) -> bool {
        match self {
            Value::S(text) => text.is_empty(),
            Value::B(bytes) => bytes.is_empty(),
            _ => false,
        }
    }

    /// What it costs in an item, without its name.
    pub fn size_bytes(&self) -> usize {
        match self {
            Value::S(text) => text.len(),
            Value::N(number) => number.size_bytes(),
            Value::B(bytes) => bytes.len(),
            Value::Bool(_) | Value::Null => 1,
            Value::L(elements) => {
                3 + elements
                    .iter()
                    .map(|element| 1 + element.size_bytes())
                    .sum::<usize>()
            }
            Value::M(entries) => 3 + entries.len() + size_bytes(entries),
            Value::Ss(members) => members.iter().map(String::len).sum(),
            Value::Ns(members) => members.iter().map(Decimal::size_bytes).sum(),
            Value::Bs(members) => members.iter().map(Vec::len).sum(),
        }
    }

    /// How many levels deep it nests: 1 for a scalar or a set.
    pub fn levels(&self) -> usize {
        match self {
            Value::L(elements) => 1 + elements.iter().map(Value::levels).max().unwrap_or(0),
            Value::M(entries) => 1 + entries.values().map(Value::levels).max().unwrap_or(0),
            _ => 1,
        }
    }

    /// The same value with every number spelled canonically.
    pub fn canonical(&self) -> Self {
        match self {
            Value::N(number) => Value::N(number.canonical()),
            Value::L(elements) => Value::L(elements.iter().map(Value::canonical).collect()),
            Value::M(entries) => Value::M(canonical(entries)),
            Value::Ns(members) => Value::Ns(members.iter().map(Decimal::canonical).collect()),
            other => other.clone(),
        }
    }

    /// The value as the engine takes it, its numbers read from their spelling.
    pub fn to_model(&self) -> model::Value {
        let number = |number: &Decimal| {
            model::Number::parse(number.spelling()).expect("the test writes valid numbers")
        };
        match self {
            Value::S(text) => model::Value::String(text.clone()),
            Value::N(decimal) => model::Value::Number(number(decimal)),
            Value::B(bytes) => model::Value::Binary(bytes.clone()),
            Value::Bool(value) => model::Value::Bool(*value),
            Value::Null => model::Value::Null,
            Value::L(elements) => model::Value::List(elements.iter().map(Value::to_model).collect()),
            Value::M(entries) => model::Value::Map(to_tree(entries)),
            Value::Ss(members) => model::Value::StringSet(members.iter().cloned().collect()),
            Value::Ns(members) => model::Value::NumberSet(members.iter().map(number).collect()),
            Value::Bs(members) => model::Value::BinarySet(members.iter().cloned().collect()),
        }
    }

    fn from_model(value: &model::Value) -> Self {
        let number = |number: &model::Number| {
            let mut text = Vec::new();
            number.append_decimal(&mut text);
            Decimal::parse(std::str::from_utf8(&text).expect("a number is written in ASCII"))
        };
        match value {
            model::Value::String(text) => Value::S(text.clone()),
            model::Value::Number(value) => Value::N(number(value)),
            model::Value::Binary(bytes) => Value::B(bytes.clone()),
            model::Value::Bool(value) => Value::Bool(*value),
            model::Value::Null => Value::Null,
            model::Value::List(elements) => Value::L(elements.iter().map(Value::from_model).collect()),
            model::Value::Map(entries) => Value::M(from_tree(entries)),
            model::Value::StringSet(members) => Value::Ss(members.iter().cloned().collect()),
            model::Value::NumberSet(members) => Value::Ns(members.iter().map(number).collect()),
            model::Value::BinarySet(members) => Value::Bs(members.iter().cloned().collect()),
        }
    }
}

/// The size of an item: of all names and values.
pub fn size_bytes(attributes: &Attributes) -> usize {
    attributes
        .iter()
        .map(|(name, value)| name.len() + value.size_bytes())
        .sum()
}

/// The attributes with every number spelled canonically, as the naive tables keep them.
pub fn canonical(attributes: &Attributes) -> Attributes {
    attributes
        .iter()
        .map(|(name, value)| (name.clone(), value.canonical()))
        .collect()
}

fn to_tree(attributes: &Attributes) -> BTreeMap<String, model::Value> {
    attributes
        .iter()
        .map(|(name, value)| (name.clone(), value.to_model()))
        .collect()
}

fn from_tree(tree: &BTreeMap<String, model::Value>) -> Attributes {
    tree.iter()
        .map(|(name, value)| (name.clone(), Value::from_model(value)))
        .collect()
}

/// The attributes as a request has them.
pub fn to_map(attributes: &Attributes) -> AttributeMap {
    AttributeMap::from(Item::from_tree(&to_tree(attributes)))
}

/// What an answer of the engine holds.
pub fn from_map(map: &AttributeMap) -> Attributes {
    from_item(&map.item)
}

/// What an item of the engine holds.
pub fn from_item(item: &Item) -> Attributes {
    from_tree(&item.attributes().to_tree())
}

/// Text longer than this is cut short where it is printed.
const PRINTED_MAX: usize = 48;

impl fmt::Debug for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::S(text) if text.len() > PRINTED_MAX => {
                write!(formatter, "\"{:.8}...{} bytes\"", text, text.len())
            }
            Value::S(text) => write!(formatter, "{text:?}"),
            Value::N(number) => write!(formatter, "{number:?}"),
            Value::B(bytes) if bytes.len() > PRINTED_MAX => {
                write!(formatter, "b\"...{} bytes\"", bytes.len())
            }
            Value::B(bytes) => write!(formatter, "b\"{}\"", bytes.escape_ascii()),
            Value::Bool(value) => write!(formatter, "{value}"),
            Value::Null => formatter.write_str("null"),
            Value::L(elements) => formatter.debug_list().entries(elements).finish(),
            Value::M(entries) => formatter.debug_map().entries(entries).finish(),
            Value::Ss(members) => write!(formatter, "SS{members:?}"),
            Value::Ns(members) => write!(formatter, "NS{members:?}"),
            Value::Bs(members) => {
                let members: Vec<String> = members
                    .iter()
                    .map(|member| member.escape_ascii().to_string())
                    .collect();
                write!(formatter, "BS{members:?}")
            }
        }
    }
}
