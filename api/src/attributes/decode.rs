//! Attribute values from JSON, straight into the stored form.
//!
//! What is no JSON of an attribute value (a number where a string belongs) refuses the request; what
//! is, but is no value (a number that is none, an empty set), is kept as the map's error.

use std::borrow::Cow;
use std::fmt;

use model::limits::NESTING_LEVELS_MAX;
use model::{Encoder, Item, Number, Value};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{AttributeMap, AttributeValue, ValueError};
use crate::decode::{Decode, Seed, boolean, refused};
use crate::json;

/// Where the stored form of a new item begins to grow from, in bytes.
const CAPACITY_BYTES: usize = 128;

/// Writes values, and remembers the first that is wrong.
struct Writer {
    encoder: Encoder,
    error: Option<ValueError>,
    /// The stage of `error`; that of an earlier stage counts, whatever comes first.
    stage: Stage,
    /// Whether `error` is about the attribute that is being read.
    is_error_fresh: bool,
    /// How many of the values around are extra ones, of which nothing is written.
    discarding: usize,
}

/// When the service finds what is wrong with a value: it looks through the request several times.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Content,
    Depth,
    InnerNames,
}

impl Writer {
    fn new(encoder: Encoder) -> Self {
        Writer {
            encoder,
            error: None,
            stage: Stage::InnerNames,
            is_error_fresh: false,
            discarding: 0,
        }
    }

    fn write(&mut self, write: impl FnOnce(&mut Encoder)) {
        if self.discarding == 0 {
            write(&mut self.encoder);
        }
    }

    /// Remembers what is wrong.
    fn fail(&mut self, stage: Stage, error: ValueError) {
        if self.error.is_none() || stage < self.stage {
            self.error = Some(error);
            self.stage = stage;
            self.is_error_fresh = true;
        }
    }

    /// Remembers what is wrong and writes a null in place of the value.
    fn replace(&mut self, error: ValueError) {
        let stage = match error {
            ValueError::TooDeep => Stage::Depth,
            _ => Stage::Content,
        };
        self.fail(stage, error);
        self.write(Encoder::null);
    }
}

impl Decode for AttributeMap {
    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ItemVisitor)
    }
}

struct ItemVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = AttributeMap;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map of attribute values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AttributeMap, A::Error> {
        let (encoder, attributes) = Encoder::item(CAPACITY_BYTES);
        let mut writer = Writer::new(encoder);
        let mut error_attribute = None;
        while let Some(name) = map.next_key_seed(Name)? {
            writer.encoder.name(name.as_bytes());
            if name.is_empty() {
                writer.fail(Stage::Content, ValueError::EmptyName);
            }
            map.next_value_seed(OneValue {
                writer: &mut writer,
                level: 1,
            })?;
            if writer.is_error_fresh {
                writer.is_error_fresh = false;
                error_attribute = Some(name.into_owned());
            }
        }
        Ok(AttributeMap {
            item: writer.encoder.finish(attributes),
            error: writer.error,
            error_attribute,
        })
    }
}

impl Decode for AttributeValue {
    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (encoder, attributes) = Encoder::item(CAPACITY_BYTES);
        let mut writer = Writer::new(encoder);
        writer.encoder.name(b"");
        OneValue {
            writer: &mut writer,
            level: 1,
        }
        .deserialize(deserializer)?;
        let item: Item = writer.encoder.finish(attributes);
        Ok(AttributeValue {
            value: item.get("").map_or(Value::Null, Value::from),
            error: writer.error,
        })
    }
}

/// Reads a name without copying it where JSON has it without escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

/// Reads one attribute value and writes exactly one.
struct OneValue<'w> {
    writer: &'w mut Writer,
    /// 1 for an attribute's own value.
    level: usize,
}

impl<'de> DeserializeSeed<'de> for OneValue<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.level > NESTING_LEVELS_MAX {
            // Skipping does not recurse, so that no depth of nesting overflows the stack.
            self.writer.replace(ValueError::TooDeep);
            <IgnoredAny as serde::Deserialize>::deserialize(deserializer)?;
            return Ok(());
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for OneValue<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an attribute value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.writer.replace(ValueError::Empty);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut is_written = false;
        while let Some(datatype) = map.next_key_seed(DatatypeName)? {
            let Some(datatype) = datatype else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            // A second datatype is looked at, for it may be wrong in itself, but not written.
            let discarded = usize::from(is_written);
            self.writer.discarding += discarded;
            let is_given = map.next_value_seed(Content {
                writer: self.writer,
                datatype,
                level: self.level,
            })?;
            self.writer.discarding -= discarded;
            if is_given && is_written {
                self.writer.fail(Stage::Content, ValueError::SeveralTypes);
            }
            is_written |= is_given;
        }
        if !is_written {
            self.writer.replace(ValueError::Empty);
        }
        Ok(())
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Datatype {
    String,
    Number,
    Binary,
    Bool,
    Null,
    List,
    Map,
    StringSet,
    NumberSet,
    BinarySet,
}

struct DatatypeName;

impl<'de> DeserializeSeed<'de> for DatatypeName {
    type Value = Option<Datatype>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for DatatypeName {
    type Value = Option<Datatype>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a datatype")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Some(match name {
            "S" => Datatype::String,
            "N" => Datatype::Number,
            "B" => Datatype::Binary,
            "BOOL" => Datatype::Bool,
            "NULL" => Datatype::Null,
            "L" => Datatype::List,
            "M" => Datatype::Map,
            "SS" => Datatype::StringSet,
            "NS" => Datatype::NumberSet,
            "BS" => Datatype::BinarySet,
            _ => return Ok(None),
        }))
    }
}

/// Reads what stands behind a datatype's name and writes the value; tells whether it was there and
/// not null.
struct Content<'w> {
    writer: &'w mut Writer,
    datatype: Datatype,
    level: usize,
}

impl<'de> DeserializeSeed<'de> for Content<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Content<'_> {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the content of an attribute value")
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<bool, E> {
        match self.datatype {
            Datatype::Bool => self.writer.write(|encoder| encoder.bool(value)),
            Datatype::Null if value => self.writer.write(Encoder::null),
            Datatype::Null => self.writer.replace(ValueError::NullFalse),
            _ => return Err(refused()),
        }
        Ok(true)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<bool, E> {
        match self.datatype {
            Datatype::String => self.writer.write(|encoder| encoder.string(text.as_bytes())),
            Datatype::Number => match Number::parse(text) {
                Ok(number) => self.writer.write(|encoder| encoder.number(number)),
                Err(error) => self.writer.replace(ValueError::Number(error, text.to_owned())),
            },
            Datatype::Binary => {
                let bytes = json::read_binary(text).map_err(|_| refused())?;
                self.writer.write(|encoder| encoder.binary(&bytes));
            }
            Datatype::Bool | Datatype::Null => {
                return self.visit_bool(boolean(text).ok_or_else(refused)?);
            }
            _ => return Err(refused()),
        }
        Ok(true)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<bool, A::Error> {
        match self.datatype {
            Datatype::List => self.list(sequence)?,
            Datatype::StringSet => self.string_set(sequence)?,
            Datatype::NumberSet => self.number_set(sequence)?,
            Datatype::BinarySet => self.binary_set(sequence)?,
            _ => return Err(refused()),
        }
        Ok(true)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        if self.datatype != Datatype::Map {
            return Err(refused());
        }
        let writer = self.writer;
        let open = (writer.discarding == 0).then(|| writer.encoder.begin_map());
        while let Some(name) = map.next_key_seed(Name)? {
            writer.write(|encoder| encoder.name(name.as_bytes()));
            map.next_value_seed(OneValue {
                writer,
                level: self.level + 1,
            })?;
            if name.is_empty() {
                writer.fail(Stage::InnerNames, ValueError::EmptyName);
            }
        }
        if let Some(open) = open {
            writer.encoder.end_map(open);
        }
        Ok(true)
    }
}

impl Content<'_> {
    fn list<'de, A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        let writer = self.writer;
        let open = (writer.discarding == 0).then(|| writer.encoder.begin_list());
        let mut count = 0;
        while let Some(()) = sequence.next_element_seed(OneValue {
            writer,
            level: self.level + 1,
        })? {
            count += 1;
        }
        if let Some(open) = open {
            writer.encoder.end_list(open, count);
        }
        Ok(())
    }

    fn string_set<'de, A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        let mut members: Vec<Cow<'de, str>> = Vec::new();
        while let Some(member) = sequence.next_element_seed(Name)? {
            members.push(member);
        }
        let writer = self.writer;
        if members.is_empty() {
            writer.replace(ValueError::EmptyStringSet);
        } else if has_repeat(&members) {
            let members = members.into_iter().map(Cow::into_owned).collect();
            writer.replace(ValueError::DuplicateStrings(members));
        } else {
            writer.write(|encoder| encoder.string_set(members.iter().map(|member| member.as_bytes())));
        }
        Ok(())
    }

    fn number_set<'de, A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        let mut members: Vec<Number> = Vec::new();
        let mut error = None;
        while let Some(member) = sequence.next_element_seed(Name)? {
            match Number::parse(&member) {
                Ok(number) => members.push(number),
                Err(reason) => {
                    error.get_or_insert_with(|| ValueError::Number(reason, member.into_owned()));
                }
            }
        }
        let writer = self.writer;
        if let Some(error) = error {
            writer.replace(error);
        } else if members.is_empty() {
            writer.replace(ValueError::EmptyNumberSet);
        } else if has_repeat(&members) {
            writer.replace(ValueError::DuplicateNumbers);
        } else {
            writer.write(|encoder| encoder.number_set(members));
        }
        Ok(())
    }

    fn binary_set<'de, A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        let mut members: Vec<Vec<u8>> = Vec::new();
        while let Some(member) = sequence.next_element_seed(Seed::<Binary>::new())? {
            members.push(member.0);
        }
        let writer = self.writer;
        if members.is_empty() {
            writer.replace(ValueError::EmptyBinarySet);
        } else if has_repeat(&members) {
            writer.replace(ValueError::DuplicateBinaries(members));
        } else {
            writer.write(|encoder| encoder.binary_set(members.iter().map(Vec::as_slice)));
        }
        Ok(())
    }
}

/// A binary in base 64.
struct Binary(Vec<u8>);

impl Decode for Binary {
    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Name.deserialize(deserializer)?;
        json::read_binary(&text).map(Binary).map_err(|_| refused())
    }
}

fn has_repeat<T: Ord>(members: &[T]) -> bool {
    let mut sorted: Vec<&T> = members.iter().collect();
    sorted.sort_unstable();
    sorted.windows(2).any(|pair| pair[0] == pair[1])
}
