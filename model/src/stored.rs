//! The stored form of attribute values: one run of bytes that is read in place.
//!
//! ```text
//! item   = format byte | varint header length | header | map body
//! map    = varint count | (varint name length | name | value)*      names ascending, each once
//! value  = tag | payload
//!   S, B           varint length | bytes
//!   N              exponent | coefficient                           signed varints
//!   true false NULL    nothing
//!   L, M           u32 body length | list or map body               list: varint count | value*
//!   SS, NS, BS     u32 body length | varint count | member*         members ascending, each once
//! ```
//!
//! A container carries its length, so that a reader steps over what it does not want. Equal values
//! are equal bytes. The item's header holds system fields that no size, projection or answer counts:
//! `(tag, varint length, bytes)*`, of which a reader skips those that it does not know. The first is
//! the item's own size (tag 1, four bytes), since every item that is read or written is measured; an
//! item that does not say its size is walked.
//!
//! Read [`Item`] first, then [`ValueRef`] and [`MapRef`]; [`crate::Encoder`] writes what they read.
//! Readers trust the bytes: what comes from disk is checksummed there, and [`Item::check`] walks an
//! item that is not trusted.

use std::cmp::Ordering;

use bytes::Bytes;

use crate::number::{Number, read_variable};
use crate::value::ValueType;

/// The first byte of a stored item: the version of the form described above.
pub(crate) const ITEM_FORMAT: u8 = 1;

/// The header field that tells an item's size in bytes, as the service counts it: a `u32`.
const SIZE_FIELD: u8 = 1;
const SIZE_FIELD_BYTES: usize = 4;

/// What an item begins with: its format, the header's length, and the header, whose size is filled
/// in when the item is complete.
pub(crate) const HEADER: [u8; 8] = [
    ITEM_FORMAT,
    2 + SIZE_FIELD_BYTES as u8,
    SIZE_FIELD,
    SIZE_FIELD_BYTES as u8,
    0,
    0,
    0,
    0,
];
const SIZE_AT: usize = HEADER.len() - SIZE_FIELD_BYTES;

/// An item without attributes: the header, and a map of none.
const EMPTY: [u8; HEADER.len() + 1] = {
    let mut bytes = [0; HEADER.len() + 1];
    let mut at = 0;
    while at < HEADER.len() {
        bytes[at] = HEADER[at];
        at += 1;
    }
    bytes
};

pub(crate) const TAG_STRING: u8 = 1;
pub(crate) const TAG_NUMBER: u8 = 2;
pub(crate) const TAG_BINARY: u8 = 3;
pub(crate) const TAG_TRUE: u8 = 4;
pub(crate) const TAG_FALSE: u8 = 5;
pub(crate) const TAG_NULL: u8 = 6;
pub(crate) const TAG_LIST: u8 = 7;
pub(crate) const TAG_MAP: u8 = 8;
pub(crate) const TAG_STRING_SET: u8 = 9;
pub(crate) const TAG_NUMBER_SET: u8 = 10;
pub(crate) const TAG_BINARY_SET: u8 = 11;

#[inline]
fn read_length(bytes: &[u8]) -> (usize, usize) {
    // Lengths below 128 are most of all lengths, those below 16,384 nearly all of the others.
    match *bytes {
        [byte, ..] if byte < 0x80 => (usize::from(byte), 1),
        [low, high, ..] if high < 0x80 => (usize::from(low & 0x7F) | usize::from(high) << 7, 2),
        _ => {
            let (value, used) = read_variable(bytes);
            (value as usize, used)
        }
    }
}

/// Splits `varint length | bytes` off the front.
#[inline]
fn split_prefixed(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (length, used) = read_length(bytes);
    bytes[used..].split_at(length)
}

/// Splits `u32 length | body` off the front.
#[inline]
fn split_body(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (length, rest) = bytes.split_at(4);
    let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]) as usize;
    rest.split_at(length)
}

/// A value in its stored form, read in place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ValueRef<'a> {
    /// A string: UTF-8 bytes.
    String(&'a [u8]),
    /// A number.
    Number(Number),
    /// A binary.
    Binary(&'a [u8]),
    /// A boolean.
    Bool(bool),
    /// Null.
    Null,
    /// A list.
    List(ListRef<'a>),
    /// A map.
    Map(MapRef<'a>),
    /// A set of strings, numbers or binaries.
    Set(SetRef<'a>),
}

/// Splits one value off the front, as its own bytes and the rest.
fn split_value(bytes: &[u8]) -> (&[u8], &[u8]) {
    let payload = &bytes[1..];
    let payload_bytes = match bytes[0] {
        TAG_STRING | TAG_BINARY => {
            let (length, used) = read_length(payload);
            used + length
        }
        TAG_NUMBER => Number::read_stored(payload).1,
        TAG_TRUE | TAG_FALSE | TAG_NULL => 0,
        _ => 4 + split_body(payload).0.len(),
    };
    bytes.split_at(1 + payload_bytes)
}

impl<'a> ValueRef<'a> {
    /// Reads the value at the start of `bytes`, which [`crate::Encoder`] wrote.
    pub(crate) fn read(bytes: &'a [u8]) -> Self {
        Self::split_first(bytes).0
    }

    /// Reads the value at the start of `bytes`, and tells what follows it.
    #[inline(always)]
    fn split_first(bytes: &'a [u8]) -> (Self, &'a [u8]) {
        let payload = &bytes[1..];
        match bytes[0] {
            TAG_STRING => {
                let (text, rest) = split_prefixed(payload);
                (ValueRef::String(text), rest)
            }
            TAG_NUMBER => {
                let (number, used) = Number::read_stored(payload);
                (ValueRef::Number(number), &payload[used..])
            }
            TAG_BINARY => {
                let (bytes, rest) = split_prefixed(payload);
                (ValueRef::Binary(bytes), rest)
            }
            TAG_TRUE => (ValueRef::Bool(true), payload),
            TAG_FALSE => (ValueRef::Bool(false), payload),
            TAG_NULL => (ValueRef::Null, payload),
            tag => {
                let (body, rest) = split_body(payload);
                let container = match tag {
                    TAG_LIST => ValueRef::List(ListRef { body }),
                    TAG_MAP => ValueRef::Map(MapRef { body }),
                    TAG_STRING_SET => ValueRef::Set(SetRef::new(ValueType::StringSet, body)),
                    TAG_NUMBER_SET => ValueRef::Set(SetRef::new(ValueType::NumberSet, body)),
                    TAG_BINARY_SET => ValueRef::Set(SetRef::new(ValueType::BinarySet, body)),
                    tag => panic!("a stored value has the unknown tag {tag}"),
                };
                (container, rest)
            }
        }
    }

    /// The value's type.
    pub fn value_type(&self) -> ValueType {
        match self {
            ValueRef::String(_) => ValueType::String,
            ValueRef::Number(_) => ValueType::Number,
            ValueRef::Binary(_) => ValueType::Binary,
            ValueRef::Bool(_) => ValueType::Bool,
            ValueRef::Null => ValueType::Null,
            ValueRef::List(_) => ValueType::List,
            ValueRef::Map(_) => ValueType::Map,
            ValueRef::Set(set) => set.set_type,
        }
    }

    /// What the value costs in an item, in bytes, without its name: the length of strings and
    /// binaries, [`Number::size_bytes`], 1 for booleans and null, and for lists and maps 3, and 1
    /// more for each member (developer guide, "DynamoDB item sizes and formats"; AWS-FACTS 28).
    pub fn size_bytes(&self) -> usize {
        match self {
            ValueRef::String(bytes) | ValueRef::Binary(bytes) => bytes.len(),
            ValueRef::Number(number) => number.size_bytes(),
            ValueRef::Bool(_) | ValueRef::Null => 1,
            ValueRef::List(list) => 3 + list.iter().map(|value| 1 + value.size_bytes()).sum::<usize>(),
            ValueRef::Map(map) => 3 + map.len() + map.size_bytes(),
            ValueRef::Set(set) => set.iter().map(|member| member.size_bytes()).sum(),
        }
    }

    /// The number of elements or bytes that the function `size` of expressions counts; `None` for
    /// numbers, booleans and null, which have none.
    pub fn element_count(&self) -> Option<usize> {
        match self {
            ValueRef::String(bytes) | ValueRef::Binary(bytes) => Some(bytes.len()),
            ValueRef::List(list) => Some(list.len()),
            ValueRef::Map(map) => Some(map.len()),
            ValueRef::Set(set) => Some(set.len()),
            ValueRef::Number(_) | ValueRef::Bool(_) | ValueRef::Null => None,
        }
    }
}

/// A list in its stored form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListRef<'a> {
    body: &'a [u8],
}

impl<'a> ListRef<'a> {
    /// How many elements there are.
    pub fn len(&self) -> usize {
        read_length(self.body).0
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The element at `index`, where there is one.
    pub fn get(&self, index: usize) -> Option<ValueRef<'a>> {
        self.iter().nth(index)
    }

    /// The elements in order.
    pub fn iter(&self) -> impl Iterator<Item = ValueRef<'a>> + use<'a> {
        let (count, used) = read_length(self.body);
        let mut rest = &self.body[used..];
        (0..count).map(move |_| {
            let (value, after) = ValueRef::split_first(rest);
            rest = after;
            value
        })
    }
}

/// A map in its stored form: an item's attributes, or a value of type M.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapRef<'a> {
    body: &'a [u8],
}

/// One entry of a map: its name (UTF-8), and its value's bytes, not yet read.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The name.
    pub name: &'a [u8],
    value: &'a [u8],
}

impl<'a> Entry<'a> {
    /// The value.
    pub fn value(&self) -> ValueRef<'a> {
        ValueRef::read(self.value)
    }

    /// The value's stored bytes, as [`crate::Encoder::raw`] takes them.
    pub fn raw(&self) -> &'a [u8] {
        self.value
    }
}

impl<'a> MapRef<'a> {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        read_length(self.body).0
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entries, ascending by name.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'a>> + use<'a> {
        let (count, used) = read_length(self.body);
        let mut rest = &self.body[used..];
        (0..count).map(move |_| {
            let (name, after) = split_prefixed(rest);
            let (value, after) = split_value(after);
            rest = after;
            Entry { name, value }
        })
    }

    /// The names and values, ascending by name: for those who want them all, where [`Self::entries`]
    /// only steps over values.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], ValueRef<'a>)> + use<'a> {
        let (count, used) = read_length(self.body);
        let mut rest = &self.body[used..];
        (0..count).map(move |_| {
            let (name, after) = split_prefixed(rest);
            let (value, after) = ValueRef::split_first(after);
            rest = after;
            (name, value)
        })
    }

    /// The entry named `name`, where there is one.
    pub fn entry(&self, name: &[u8]) -> Option<Entry<'a>> {
        let (name, rest) = self.find(name)?;
        let (value, _) = split_value(rest);
        Some(Entry { name, value })
    }

    /// The entry named `name`, and what begins with its value.
    fn find(&self, name: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
        let (count, used) = read_length(self.body);
        let mut rest = &self.body[used..];
        for _ in 0..count {
            let (found, after) = split_prefixed(rest);
            match found.cmp(name) {
                Ordering::Less => rest = split_value(after).1,
                Ordering::Equal => return Some((found, after)),
                Ordering::Greater => return None,
            }
        }
        None
    }

    /// The value of the entry named `name`, where there is one.
    pub fn get(&self, name: &str) -> Option<ValueRef<'a>> {
        self.find(name.as_bytes()).map(|(_, value)| ValueRef::read(value))
    }

    /// The sizes of all names and values, in bytes.
    pub fn size_bytes(&self) -> usize {
        let (count, used) = read_length(self.body);
        let mut rest = &self.body[used..];
        let mut size_bytes = 0;
        for _ in 0..count {
            let (name, after) = split_prefixed(rest);
            size_bytes += name.len();
            // Every item that is read is measured, and most of what it holds are strings.
            if matches!(after[0], TAG_STRING | TAG_BINARY) {
                let (bytes, after) = split_prefixed(&after[1..]);
                size_bytes += bytes.len();
                rest = after;
            } else {
                let (value, after) = ValueRef::split_first(after);
                size_bytes += value.size_bytes();
                rest = after;
            }
        }
        size_bytes
    }
}

/// A set in its stored form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetRef<'a> {
    set_type: ValueType,
    body: &'a [u8],
}

impl<'a> SetRef<'a> {
    fn new(set_type: ValueType, body: &'a [u8]) -> Self {
        SetRef { set_type, body }
    }

    /// Which of the three set types it is.
    pub fn set_type(&self) -> ValueType {
        self.set_type
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        read_length(self.body).0
    }

    /// Whether there are none. A valid value never is empty; the difference of two sets can be.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The members, ascending, each as the scalar that it is.
    pub fn iter(&self) -> impl Iterator<Item = ValueRef<'a>> + use<'a> {
        let set_type = self.set_type;
        let (count, used) = read_length(self.body);
        let mut rest = &self.body[used..];
        (0..count).map(move |_| {
            if set_type == ValueType::NumberSet {
                let (number, used) = Number::read_stored(rest);
                rest = &rest[used..];
                return ValueRef::Number(number);
            }
            let (member, after) = split_prefixed(rest);
            rest = after;
            if set_type == ValueType::StringSet {
                ValueRef::String(member)
            } else {
                ValueRef::Binary(member)
            }
        })
    }

    /// Whether `member` is in the set; false for a value of another type.
    pub fn contains(&self, member: &ValueRef<'_>) -> bool {
        self.iter().any(|candidate| candidate == *member)
    }
}

/// An item (or another map of attribute values) in its stored form: cheap to clone, read in place.
#[derive(Clone, Debug)]
pub struct Item {
    bytes: Bytes,
    /// Where the map body begins, after format byte and header.
    body_start: u32,
}

/// Stored bytes that are no item: damaged, or written by a newer version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl Item {
    /// An item without attributes.
    pub fn empty() -> Self {
        Item {
            bytes: Bytes::from_static(&EMPTY),
            body_start: HEADER.len() as u32,
        }
    }

    /// Takes an item that has just been written behind a [`HEADER`], and puts its size there.
    pub(crate) fn from_encoded(mut encoded: Vec<u8>) -> Self {
        let attributes = MapRef {
            body: &encoded[HEADER.len()..],
        };
        // What is larger is refused before it is stored.
        let size_bytes = attributes.size_bytes() as u32;
        encoded[SIZE_AT..HEADER.len()].copy_from_slice(&size_bytes.to_le_bytes());
        Item {
            bytes: Bytes::from(encoded),
            body_start: HEADER.len() as u32,
        }
    }

    /// Takes stored bytes. Looks at the format byte and header only; see [`Item::check`].
    pub fn from_stored(bytes: Bytes) -> Result<Self, Malformed> {
        match bytes.first() {
            Some(&ITEM_FORMAT) => {}
            Some(_) => return Err(Malformed("a stored item has an unknown format")),
            None => return Err(Malformed("a stored item is empty")),
        }
        if bytes.len() < 3 || (bytes[1] >= 0x80 && bytes.len() < 21) {
            return Err(Malformed("a stored item is cut short"));
        }
        let (header_bytes, used) = read_length(&bytes[1..]);
        // A damaged length can be as large as any.
        let body_start = (1 + used).saturating_add(header_bytes);
        if body_start >= bytes.len() {
            return Err(Malformed("a stored item is cut short"));
        }
        Ok(Item {
            bytes,
            body_start: body_start as u32,
        })
    }

    /// The stored bytes.
    pub fn as_stored(&self) -> &Bytes {
        &self.bytes
    }

    /// The attributes.
    pub fn attributes(&self) -> MapRef<'_> {
        MapRef {
            body: &self.bytes[self.body_start as usize..],
        }
    }

    /// The value of the attribute named `name`, where there is one.
    pub fn get(&self, name: &str) -> Option<ValueRef<'_>> {
        self.attributes().get(name)
    }

    /// Whether there are no attributes.
    pub fn is_empty(&self) -> bool {
        self.attributes().is_empty()
    }

    /// The item's size as the service counts it, in bytes: names and values.
    pub fn size_bytes(&self) -> usize {
        match self.told_size_bytes() {
            Some(size_bytes) => size_bytes,
            None => self.attributes().size_bytes(),
        }
    }

    /// The size that the header tells.
    fn told_size_bytes(&self) -> Option<usize> {
        let header = self.bytes.first_chunk::<{ HEADER.len() }>()?;
        let (start, size) = header.split_at(SIZE_AT);
        let is_told = self.body_start as usize >= HEADER.len() && start[2..] == HEADER[2..SIZE_AT];
        let size_bytes = u32::from_le_bytes(*size.first_chunk()?);
        is_told.then_some(size_bytes as usize)
    }

    /// Walks the whole item and tells whether it could be read without a panic, is in order, ends
    /// where its bytes end, and is written in the one form that its attributes have.
    pub fn check(&self) -> Result<(), Malformed> {
        let rest = check_map(&self.bytes[self.body_start as usize..], 0)?;
        if !rest.is_empty() {
            return Err(Malformed("bytes follow the end of a stored item"));
        }
        match self.told_size_bytes() {
            Some(told) if told != self.attributes().size_bytes() => {
                Err(Malformed("a stored item is not as large as it says"))
            }
            _ => Ok(()),
        }
    }
}

/// Items are equal that have the same attributes, whatever their headers say.
impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.attributes() == other.attributes()
    }
}

impl Eq for Item {}

const CUT: Malformed = Malformed("a stored item is cut short");

fn check_length(bytes: &[u8]) -> Result<(usize, &[u8]), Malformed> {
    let end = bytes.iter().take(10).position(|&byte| byte < 0x80).ok_or(CUT)?;
    if end > 0 && bytes[end] == 0 {
        return Err(Malformed("a stored length is longer than it need be"));
    }
    let (value, used) = read_variable(&bytes[..=end]);
    Ok((usize::try_from(value).map_err(|_| CUT)?, &bytes[used..]))
}

fn check_prefixed(bytes: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let (length, rest) = check_length(bytes)?;
    rest.split_at_checked(length).ok_or(CUT)
}

fn check_number(bytes: &[u8]) -> Result<(Number, &[u8]), Malformed> {
    let exponent_end = bytes.iter().take(3).position(|&byte| byte < 0x80).ok_or(CUT)? + 1;
    bytes[exponent_end..]
        .iter()
        .take(19)
        .position(|&byte| byte < 0x80)
        .ok_or(CUT)?;
    let (number, used) = Number::read_stored(bytes);
    let mut again = Vec::with_capacity(used);
    number.append_stored(&mut again);
    if !number.is_normal() || again != bytes[..used] {
        return Err(Malformed("a stored number is none of the service's"));
    }
    Ok((number, &bytes[used..]))
}

/// Checks a member of a set, which must be above the one before.
fn check_member<T: Ord>(previous: &mut Option<T>, member: T) -> Result<(), Malformed> {
    if previous.as_ref().is_some_and(|previous| *previous >= member) {
        return Err(Malformed("members of a stored set are out of order"));
    }
    *previous = Some(member);
    Ok(())
}

fn check_text(text: &[u8]) -> Result<(), Malformed> {
    match std::str::from_utf8(text) {
        Ok(_) => Ok(()),
        Err(_) => Err(Malformed("a stored string is not UTF-8")),
    }
}

fn check_body(bytes: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or(CUT)?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
        .ok_or(CUT)
}

fn check_end(rest: &[u8]) -> Result<(), Malformed> {
    if rest.is_empty() {
        Ok(())
    } else {
        Err(Malformed("a stored container is longer than its members"))
    }
}

fn check_map(bytes: &[u8], depth: usize) -> Result<&[u8], Malformed> {
    let (count, mut rest) = check_length(bytes)?;
    let mut previous: Option<&[u8]> = None;
    for _ in 0..count {
        let (name, after) = check_prefixed(rest)?;
        std::str::from_utf8(name).map_err(|_| Malformed("a stored name is not UTF-8"))?;
        if previous.is_some_and(|previous| previous >= name) {
            return Err(Malformed("stored names are out of order"));
        }
        previous = Some(name);
        rest = check_value(after, depth + 1)?;
    }
    Ok(rest)
}

fn check_value(bytes: &[u8], depth: usize) -> Result<&[u8], Malformed> {
    if depth > crate::limits::NESTING_LEVELS_MAX + 1 {
        return Err(Malformed("a stored value nests too deep"));
    }
    let (&tag, payload) = bytes.split_first().ok_or(CUT)?;
    match tag {
        TAG_STRING => {
            let (text, rest) = check_prefixed(payload)?;
            check_text(text)?;
            Ok(rest)
        }
        TAG_BINARY => Ok(check_prefixed(payload)?.1),
        TAG_NUMBER => Ok(check_number(payload)?.1),
        TAG_TRUE | TAG_FALSE | TAG_NULL => Ok(payload),
        TAG_LIST | TAG_MAP => {
            let (body, rest) = check_body(payload)?;
            if tag == TAG_MAP {
                check_end(check_map(body, depth)?)?;
            } else {
                let (count, mut inner) = check_length(body)?;
                for _ in 0..count {
                    inner = check_value(inner, depth + 1)?;
                }
                check_end(inner)?;
            }
            Ok(rest)
        }
        TAG_STRING_SET | TAG_NUMBER_SET | TAG_BINARY_SET => {
            let (body, rest) = check_body(payload)?;
            let (count, mut inner) = check_length(body)?;
            let (mut previous_number, mut previous) = (None, None);
            for _ in 0..count {
                if tag == TAG_NUMBER_SET {
                    let (number, after) = check_number(inner)?;
                    check_member(&mut previous_number, number)?;
                    inner = after;
                    continue;
                }
                let (member, after) = check_prefixed(inner)?;
                if tag == TAG_STRING_SET {
                    check_text(member)?;
                }
                check_member(&mut previous, member)?;
                inner = after;
            }
            check_end(inner)?;
            Ok(rest)
        }
        _ => Err(Malformed("a stored value has an unknown tag")),
    }
}
