//! Items as lines of Amazon Ion text, with the documented mapping of types: numbers are decimals, sets
//! are lists with the annotations `$dynamodb_SS`, `$dynamodb_NS` and `$dynamodb_BS`.
//!
//! Written here, not by the library that reads it: that one leaves control characters in texts as they
//! are, which neither it nor others then read.

use std::io::Write;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ion_rs::Decimal;
use model::{Item, MapRef, Number, SetRef, ValueRef, ValueType};

use super::line::Change;

/// Appends `$ion_1_0 {Item:{...}}`.
pub fn append_item(item: &Item, out: &mut Vec<u8>) {
    out.extend_from_slice(b"$ion_1_0 {Item:");
    append_struct(&item.attributes(), out);
    out.extend_from_slice(b"}\n");
}

/// Appends `$ion_1_0 {Record:{Keys:{...},Metadata:{...},OldImage:{...},NewImage:{...}}}`.
pub fn append_change(change: &Change, out: &mut Vec<u8>) {
    out.extend_from_slice(b"$ion_1_0 {Record:{Keys:");
    append_struct(&change.keys.attributes(), out);
    let metadata = format!(",Metadata:{{WriteTimestampMicros:{}.}}", change.write_time_micros);
    out.extend_from_slice(metadata.as_bytes());
    for (name, image) in [("OldImage", &change.old_image), ("NewImage", &change.new_image)] {
        if let Some(image) = image {
            out.extend_from_slice(format!(",{name}:").as_bytes());
            append_struct(&image.attributes(), out);
        }
    }
    out.extend_from_slice(b"}}\n");
}

fn append_struct(map: &MapRef<'_>, out: &mut Vec<u8>) {
    out.push(b'{');
    for (index, (name, value)) in map.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        match is_identifier(name) {
            true => out.extend_from_slice(name),
            false => append_text(name, out),
        }
        out.push(b':');
        append_value(&value, out);
    }
    out.push(b'}');
}

/// Whether a name can stand without quotes. `$` begins names that mean something to Ion.
fn is_identifier(name: &[u8]) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let begins = name.first().is_some_and(|first| !first.is_ascii_digit());
    begins && name.iter().all(is_word) && !matches!(name, b"null" | b"true" | b"false" | b"nan")
}

fn append_value(value: &ValueRef<'_>, out: &mut Vec<u8>) {
    match value {
        ValueRef::String(text) => append_text(text, out),
        ValueRef::Number(number) => append_number(*number, out),
        ValueRef::Binary(bytes) => {
            out.extend_from_slice(format!("{{{{{}}}}}", BASE64_STANDARD.encode(bytes)).as_bytes());
        }
        ValueRef::Bool(true) => out.extend_from_slice(b"true"),
        ValueRef::Bool(false) => out.extend_from_slice(b"false"),
        ValueRef::Null => out.extend_from_slice(b"null"),
        ValueRef::List(list) => append_list(list.iter(), out),
        ValueRef::Map(map) => append_struct(map, out),
        ValueRef::Set(set) => append_set(set, out),
    }
}

fn append_list<'v>(members: impl Iterator<Item = ValueRef<'v>>, out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, member) in members.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        append_value(&member, out);
    }
    out.push(b']');
}

fn append_set(set: &SetRef<'_>, out: &mut Vec<u8>) {
    let annotation: &[u8] = match set.set_type() {
        ValueType::StringSet => b"$dynamodb_SS::",
        ValueType::NumberSet => b"$dynamodb_NS::",
        _ => b"$dynamodb_BS::",
    };
    out.extend_from_slice(annotation);
    append_list(set.iter(), out);
}

fn append_number(number: Number, out: &mut Vec<u8>) {
    let (coefficient, exponent) = number.parts();
    let decimal = Decimal::new(coefficient, i64::from(exponent));
    write!(out, "{decimal}").expect("memory takes what is written");
}

/// Appends a string in quotes; `text` is UTF-8.
fn append_text(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..0x20 | 0x7F => out.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}
