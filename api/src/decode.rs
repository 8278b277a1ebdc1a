//! Requests from JSON, with the checks on their shape.
//!
//! Decoding only tells *whether* a request is well formed: it stops at the first thing that is not.
//! What to say about it, [`crate::report`] finds out. Unknown members are skipped, and a member that is
//! null counts as absent.

use std::fmt;
use std::marker::PhantomData;

use indexmap::IndexMap;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::attributes::{AttributeMap, AttributeValue};
use crate::limits::{Limits, Pattern};
use crate::types::*;

/// What a request can hold.
pub(crate) trait Decode: Sized {
    /// Reads the value.
    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

/// Reads a whole request.
pub(crate) fn decode<T: Decode>(body: &[u8]) -> Result<T, serde_json::Error> {
    // Once for the whole, several times as fast as string by string.
    let text = simdutf8::basic::from_utf8(body).map_err(|_| refused::<serde_json::Error>())?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = T::decode(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// The error of a value that is not what belongs there. Nobody reads it: see the module's beginning.
pub(crate) fn refused<E: Error>() -> E {
    E::custom("refused")
}

/// Reads a `T` wherever serde wants to know how.
pub(crate) struct Seed<T>(PhantomData<T>);

impl<T> Seed<T> {
    pub fn new() -> Self {
        Seed(PhantomData)
    }
}

impl<'de, T: Decode> DeserializeSeed<'de> for Seed<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::decode(deserializer)
    }
}

/// Reads a `T` or null.
struct Nullable<T>(PhantomData<T>);

impl<'de, T: Decode> DeserializeSeed<'de> for Nullable<T> {
    type Value = Option<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, T: Decode> Visitor<'de> for Nullable<T> {
    type Value = Option<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value or null")
    }

    fn visit_none<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        T::decode(deserializer).map(Some)
    }
}

/// Reads the value of a member; `None` where it is null.
fn value<'de, A: MapAccess<'de>, T: Decode>(map: &mut A) -> Result<Option<T>, A::Error> {
    map.next_value_seed(Nullable::<T>(PhantomData))
}

/// Skips the value of a member that nobody knows.
fn skip<'de, A: MapAccess<'de>>(map: &mut A) -> Result<bool, A::Error> {
    map.next_value::<IgnoredAny>().map(|_| false)
}

/// A structure of the API. What stands here is a structure without members.
trait Structure: Default {
    /// The number of the member of that name.
    fn member(_name: &str) -> Option<u8> {
        None
    }

    /// Reads a member's value, and tells whether it was there and not null.
    fn decode_member<'de, A: MapAccess<'de>>(&mut self, _member: u8, map: &mut A) -> Result<bool, A::Error> {
        skip(map)
    }

    /// Whether all required members are among those given, a bit for each member.
    fn complete(_given: u64) -> bool {
        true
    }
}

struct StructureVisitor<T>(PhantomData<T>);

impl<'de, T: Structure> Visitor<'de> for StructureVisitor<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut structure = T::default();
        let mut given = 0_u64;
        while let Some(member) = map.next_key_seed(MemberName::<T>(PhantomData))? {
            let Some(member) = member else {
                skip(&mut map)?;
                continue;
            };
            // Of a member that comes twice, the last one counts.
            if structure.decode_member(member, &mut map)? {
                given |= 1 << member;
            } else {
                given &= !(1 << member);
            }
        }
        if T::complete(given) {
            Ok(structure)
        } else {
            Err(refused())
        }
    }
}

/// Reads the name of a member of `T` as its number.
struct MemberName<T>(PhantomData<T>);

impl<'de, T: Structure> DeserializeSeed<'de> for MemberName<T> {
    type Value = Option<u8>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<u8>, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl<T: Structure> Visitor<'_> for MemberName<T> {
    type Value = Option<u8>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a member's name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Option<u8>, E> {
        Ok(T::member(name))
    }
}

fn decode_structure<'de, T: Structure, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_map(StructureVisitor(PhantomData))
}

/// Implements [`Decode`] for a [`Structure`]; for all of them at once, it would meet itself in lists.
macro_rules! decode_structure {
    ($name:ident) => {
        impl Decode for $name {
            fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                decode_structure(deserializer)
            }
        }
    };
}

/// An enum of the API.
trait Named: Sized {
    /// The value of that name.
    fn named(name: &str) -> Option<Self>;
}

struct NamedVisitor<T>(PhantomData<T>);

impl<T: Named> Visitor<'_> for NamedVisitor<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<T, E> {
        T::named(name).ok_or_else(refused)
    }
}

macro_rules! decode_named {
    ($name:ident) => {
        impl Decode for $name {
            fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(NamedVisitor(PhantomData))
            }
        }
    };
}

impl Decode for String {
    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <String as serde::Deserialize>::deserialize(deserializer)
    }
}

/// Reads a scalar that JSON may hold in several ways, each with a function that may refuse it.
macro_rules! decode_scalar {
    ($type:ty, $( $visit:ident($from:ty) => $convert:expr ),+) => {
        impl Decode for $type {
            fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Scalar;
                impl Visitor<'_> for Scalar {
                    type Value = $type;

                    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                        formatter.write_str(stringify!($type))
                    }

                    $( fn $visit<E: Error>(self, value: $from) -> Result<$type, E> {
                        let convert: fn($from) -> Option<$type> = $convert;
                        convert(value).ok_or_else(refused)
                    } )+
                }
                deserializer.deserialize_any(Scalar)
            }
        }
    };
}

/// A number of JSON as an integer, cut to what 64 bits hold.
pub(crate) fn floor(value: f64) -> i64 {
    value.floor() as i64
}

/// An integer cut to what 32 bits hold.
fn narrow(value: i64) -> i32 {
    value.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}

/// An unsigned integer of JSON, cut to what 63 bits hold.
pub(crate) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A text that the service takes for a boolean.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    let is = |known: &str| text.eq_ignore_ascii_case(known);
    if is("true") || is("yes") || is("1") {
        Some(true)
    } else if is("false") || is("no") || is("0") {
        Some(false)
    } else {
        None
    }
}

decode_scalar!(bool, visit_bool(bool) => Some, visit_str(&str) => boolean);
decode_scalar!(
    i64,
    visit_i64(i64) => Some,
    visit_u64(u64) => |value| Some(signed(value)),
    visit_f64(f64) => |value| Some(floor(value))
);
decode_scalar!(
    i32,
    visit_i64(i64) => |value| Some(narrow(value)),
    visit_u64(u64) => |value| Some(narrow(signed(value))),
    visit_f64(f64) => |value| Some(narrow(floor(value)))
);
decode_scalar!(
    f64,
    visit_i64(i64) => |value| Some(value as f64),
    visit_u64(u64) => |value| Some(value as f64),
    visit_f64(f64) => Some
);

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: Decode> Visitor<'de> for ListVisitor<T> {
    type Value = Vec<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Vec<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = sequence.next_element_seed(Seed::<T>::new())? {
            list.push(element);
        }
        Ok(list)
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor(PhantomData))
    }
}

struct MapVisitor<T>(PhantomData<T>);

impl<'de, T: Decode> Visitor<'de> for MapVisitor<T> {
    type Value = IndexMap<String, T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<IndexMap<String, T>, A::Error> {
        let mut entries = IndexMap::new();
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value_seed(Seed::<T>::new())?;
            entries.insert(name, value);
        }
        Ok(entries)
    }
}

impl<T: Decode> Decode for IndexMap<String, T> {
    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MapVisitor(PhantomData))
    }
}

include!(concat!(env!("OUT_DIR"), "/decode.rs"));

/// The requests of CloudWatch.
pub(crate) mod cloudwatch {
    use serde::de::{Deserializer, MapAccess};

    use super::{
        Decode, Limits, Named, NamedVisitor, Pattern, PhantomData, Structure, decode_structure, refused,
        skip, value,
    };
    use crate::cloudwatch::types::*;

    include!(concat!(env!("OUT_DIR"), "/cloudwatch_decode.rs"));
}

/// The requests of Application Auto Scaling.
pub(crate) mod scaling {
    use serde::de::{Deserializer, MapAccess};

    use super::{
        Decode, IndexMap, Limits, Named, NamedVisitor, Pattern, PhantomData, Structure, decode_structure,
        refused, skip, value,
    };
    use crate::scaling::types::*;

    include!(concat!(env!("OUT_DIR"), "/scaling_decode.rs"));
}
