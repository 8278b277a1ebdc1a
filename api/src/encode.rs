//! Responses as JSON, written once and straight into one buffer.

use indexmap::IndexMap;

use crate::json;
use crate::types::*;

/// What a response can hold.
pub(crate) trait Encode {
    /// Appends the value as JSON.
    fn encode(&self, out: &mut Vec<u8>);

    /// About how many bytes of JSON it comes to, where it may be many: room for a long list is made at
    /// once, not as it grows.
    fn size_hint_bytes(&self) -> usize {
        0
    }
}

impl Encode for String {
    fn encode(&self, out: &mut Vec<u8>) {
        json::append_string(out, self.as_bytes());
    }
}

impl Encode for bool {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

impl Encode for i32 {
    fn encode(&self, out: &mut Vec<u8>) {
        json::append_integer(out, i64::from(*self));
    }
}

impl Encode for i64 {
    fn encode(&self, out: &mut Vec<u8>) {
        json::append_integer(out, *self);
    }
}

impl Encode for f64 {
    fn encode(&self, out: &mut Vec<u8>) {
        json::append_double(out, *self);
    }
}

/// Seconds since 1970.
struct Timestamp(f64);

impl Encode for Timestamp {
    fn encode(&self, out: &mut Vec<u8>) {
        json::append_timestamp(out, self.0);
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        out.reserve(self.size_hint_bytes());
        out.push(b'[');
        for (index, element) in self.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            element.encode(out);
        }
        out.push(b']');
    }

    fn size_hint_bytes(&self) -> usize {
        self.iter().map(Encode::size_hint_bytes).sum()
    }
}

impl<T: Encode> Encode for IndexMap<String, T> {
    fn encode(&self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        for (name, value) in self {
            object.member(name, Some(value));
        }
        object.end();
    }
}

/// A JSON object being written.
pub(crate) struct Object<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

impl<'o> Object<'o> {
    /// Opens an object.
    pub fn begin(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Object { out, empty: true }
    }

    /// Writes a member where it is there.
    pub fn member<T: Encode>(&mut self, name: &str, value: Option<&T>) {
        if let Some(value) = value {
            value.encode(self.name(name));
        }
    }

    /// Writes a member's name; its value has to follow.
    pub fn name(&mut self, name: &str) -> &mut Vec<u8> {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        json::append_string(self.out, name.as_bytes());
        self.out.push(b':');
        self.out
    }

    /// Closes the object.
    pub fn end(self) {
        self.out.push(b'}');
    }
}

include!(concat!(env!("OUT_DIR"), "/encode.rs"));

/// The description of a table as DescribeTable's answer has it.
pub fn table_description_json(description: &TableDescription) -> Vec<u8> {
    let mut out = Vec::new();
    description.encode(&mut out);
    out
}

/// The answers of CloudWatch.
mod cloudwatch {
    use super::{Encode, Object, Timestamp, json};
    use crate::cloudwatch::types::*;

    include!(concat!(env!("OUT_DIR"), "/cloudwatch_encode.rs"));
}

/// The answers of Application Auto Scaling.
mod scaling {
    use super::{Encode, Object, Timestamp, json};
    use crate::scaling::types::*;

    include!(concat!(env!("OUT_DIR"), "/scaling_encode.rs"));
}
