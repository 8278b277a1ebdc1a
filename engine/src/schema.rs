//! The key schema of a table or an index, and what an index projects.

use model::ValueType;
use serde::{Deserialize, Serialize};

/// The types that a key attribute can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum KeyType {
    /// A string.
    S,
    /// A number.
    N,
    /// A binary.
    B,
}

impl KeyType {
    /// The attribute value type that it stands for.
    pub fn value_type(self) -> ValueType {
        match self {
            KeyType::S => ValueType::String,
            KeyType::N => ValueType::Number,
            KeyType::B => ValueType::Binary,
        }
    }

    /// The name that the API gives it.
    pub fn as_str(self) -> &'static str {
        self.value_type().as_str()
    }
}

/// One attribute of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyAttribute {
    /// The attribute's name.
    pub name: String,
    /// The type that it must have.
    pub key_type: KeyType,
}

/// The attributes that make up a key, in order. A table has one partition key attribute and at
/// most one sort key attribute; a global secondary index has up to four of each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySchema {
    /// The partition key attributes (HASH).
    pub partition: Vec<KeyAttribute>,
    /// The sort key attributes (RANGE).
    pub sort: Vec<KeyAttribute>,
}

impl KeySchema {
    /// All attributes, partition key first.
    pub fn attributes(&self) -> impl Iterator<Item = &KeyAttribute> {
        self.partition.iter().chain(&self.sort)
    }

    /// Whether `name` is one of the attributes.
    pub fn contains(&self, name: &str) -> bool {
        self.attributes().any(|attribute| attribute.name == name)
    }

    /// How many attributes there are.
    pub fn len(&self) -> usize {
        self.partition.len() + self.sort.len()
    }
}

/// What an index keeps of an item besides the keys of index and table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IndexProjection {
    /// Everything.
    All,
    /// Nothing more.
    KeysOnly,
    /// The named attributes.
    Include(Vec<String>),
}

impl IndexProjection {
    /// Whether both keep the same, in whatever order the attributes are named.
    pub fn has_same(&self, other: &Self) -> bool {
        match (self, other) {
            (IndexProjection::Include(names), IndexProjection::Include(others)) => {
                names.len() == others.len() && names.iter().all(|name| others.contains(name))
            }
            (own, other) => own == other,
        }
    }
}
