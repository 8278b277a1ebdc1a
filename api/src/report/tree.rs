//! A request as a tree, of bounded depth and size.

use std::fmt;

use indexmap::IndexMap;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::decode::signed;

/// How deep a tree goes; deeper than any request whose members are known.
const DEPTH_MAX: usize = 100;
/// How many values a tree holds.
const VALUES_MAX: usize = 200_000;

/// A value of JSON.
#[derive(Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Integer(i64),
    Decimal(f64),
    Text(String),
    List(Vec<Json>),
    /// An object's members in order. Of a name that comes twice, the last value counts.
    Map(IndexMap<String, Json>),
    /// Something beyond the bounds, about which nothing is said.
    Skipped,
}

/// Reads a whole text as a tree.
pub(super) fn read(text: &[u8]) -> Result<Json, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let mut left = VALUES_MAX;
    let tree = Node {
        left: &mut left,
        depth: 0,
    }
    .deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(tree)
}

struct Node<'n> {
    /// How many values may still be kept.
    left: &'n mut usize,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        if self.depth > DEPTH_MAX || *self.left == 0 {
            <IgnoredAny as serde::Deserialize>::deserialize(deserializer)?;
            return Ok(Json::Skipped);
        }
        *self.left -= 1;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Integer(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Integer(signed(value)))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Decimal(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Json, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = sequence.next_element_seed(Node {
            left: &mut *self.left,
            depth: self.depth + 1,
        })? {
            elements.push(element);
            // The length of a list matters, but not beyond what is kept.
            if *self.left == 0 {
                while sequence.next_element::<IgnoredAny>()?.is_some() {}
            }
        }
        Ok(Json::List(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut members = IndexMap::new();
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value_seed(Node {
                left: &mut *self.left,
                depth: self.depth + 1,
            })?;
            members.insert(name, value);
            if *self.left == 0 {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            }
        }
        Ok(Json::Map(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_are_bounded() {
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(read(deep.as_bytes()).is_ok());
        let long = format!("[{}1]", "1,".repeat(2 * VALUES_MAX));
        match read(long.as_bytes()) {
            Ok(Json::List(elements)) => assert!(elements.len() <= VALUES_MAX),
            other => panic!("{other:?}"),
        }
        for malformed in ["", "{", "{} 1", "{\"a\":1e999}", "\"\\ud800\"", "nul"] {
            assert!(read(malformed.as_bytes()).is_err(), "{malformed}");
        }
    }
}
