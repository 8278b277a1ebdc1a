//! Amazon Ion, text or binary, to DynamoDB JSON (developer guide, "Amazon S3 import formats for
//! DynamoDB"): string S, bool BOOL, decimal N, blob B, list L or a set by its annotation, struct M, null
//! NULL.

use std::cell::RefCell;
use std::io::{self, BufReader, Read};
use std::rc::Rc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ion_rs::{Annotations, Decimal, Element, Int, Sequence, Struct, Value};
use model::limits::NESTING_LEVELS_MAX;

use super::limited::Limited;
use super::nesting::Nesting;
use super::{Output, Stopped};

/// The same reader for the parser, which owns it, and for us, who tell it where a row begins.
struct Shared<R>(Rc<RefCell<Nesting<Limited<R>>>>);

impl<R: Read> Read for Shared<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.borrow_mut().read(buffer)
    }
}

pub fn read(source: Limited<impl Read>, output: &mut Output) -> Result<(), Stopped> {
    let source = Rc::new(RefCell::new(Nesting::new(source)));
    let elements =
        Element::iter(BufReader::new(Shared(source.clone()))).map_err(|error| error.to_string())?;
    for element in elements {
        let element = element.map_err(|error| error.to_string())?;
        source.borrow_mut().get_mut().next_row();
        match element.value() {
            // All items may stand in one list.
            Value::List(rows) => rows.iter().try_for_each(|row| push(row, output))?,
            _ => push(&element, output)?,
        }
    }
    Ok(())
}

fn push(row: &Element, output: &mut Output) -> Result<(), Stopped> {
    let item = row.as_struct().and_then(|row| row.get("Item"));
    let Some(item) = item.and_then(Element::as_struct) else {
        return output.push(
            Err("it is no struct with a field `Item` that is a struct".to_owned()),
            0,
        );
    };
    let mut text = b"{\"Item\":".to_vec();
    match append_attributes(item, 1, &mut text) {
        Ok(()) => {
            text.push(b'}');
            output.push_json(&text)
        }
        Err(reason) => output.push(Err(reason), text.len()),
    }
}

fn append_attributes(attributes: &Struct, level: usize, out: &mut Vec<u8>) -> Result<(), String> {
    out.push(b'{');
    for (index, (name, value)) in attributes.fields().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let name = name.text().ok_or("the name of an attribute is not known")?;
        append_text(name, out);
        out.push(b':');
        append_value(value, level, out)?;
    }
    out.push(b'}');
    Ok(())
}

/// Appends a value, with its type; `level` is how many values it lies within, and itself.
fn append_value(element: &Element, level: usize, out: &mut Vec<u8>) -> Result<(), String> {
    if level > NESTING_LEVELS_MAX + 1 {
        // What is this deep is refused whatever it holds.
        out.extend_from_slice(b"{\"NULL\":true}");
        return Ok(());
    }
    match element.value() {
        Value::Null(_) => out.extend_from_slice(b"{\"NULL\":true}"),
        Value::Bool(value) => out.extend_from_slice(format!("{{\"BOOL\":{value}}}").as_bytes()),
        Value::Int(_) | Value::Decimal(_) => {
            append_typed("N", out, |out| append_number(element, out))?;
        }
        Value::String(text) => append_typed("S", out, |out| {
            append_text(text.text(), out);
            Ok(())
        })?,
        Value::Symbol(symbol) => append_typed("S", out, |out| {
            append_text(symbol.text().ok_or("the text of a symbol is not known")?, out);
            Ok(())
        })?,
        Value::Blob(bytes) => append_typed("B", out, |out| {
            append_binary(bytes.as_ref(), out);
            Ok(())
        })?,
        Value::List(members) => append_list(element.annotations(), members, level, out)?,
        Value::Struct(attributes) => {
            append_typed("M", out, |out| append_attributes(attributes, level + 1, out))?;
        }
        other => {
            return Err(format!(
                "it has a value of the Ion type {}, which no attribute has",
                other.ion_type()
            ));
        }
    }
    Ok(())
}

fn append_list(
    annotations: &Annotations,
    members: &Sequence,
    level: usize,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let set_type = annotations.iter().find_map(|annotation| match annotation.text() {
        Some("$dynamodb_SS") => Some("SS"),
        Some("$dynamodb_NS") => Some("NS"),
        Some("$dynamodb_BS") => Some("BS"),
        _ => None,
    });
    append_typed(set_type.unwrap_or("L"), out, |out| {
        out.push(b'[');
        for (index, member) in members.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            match (set_type, member.value()) {
                (None, _) => append_value(member, level + 1, out)?,
                (Some("SS"), Value::String(text)) => append_text(text.text(), out),
                (Some("NS"), Value::Int(_) | Value::Decimal(_)) => append_number(member, out)?,
                (Some("BS"), Value::Blob(bytes)) => append_binary(bytes.as_ref(), out),
                (Some(set_type), other) => {
                    return Err(format!(
                        "a set of the type {set_type} has a member of the Ion type {}",
                        other.ion_type()
                    ));
                }
            }
        }
        out.push(b']');
        Ok(())
    })
}

fn append_typed(
    value_type: &str,
    out: &mut Vec<u8>,
    append: impl FnOnce(&mut Vec<u8>) -> Result<(), String>,
) -> Result<(), String> {
    out.extend_from_slice(format!("{{\"{value_type}\":").as_bytes());
    append(out)?;
    out.push(b'}');
    Ok(())
}

fn append_text(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("text can always be written to memory");
}

fn append_binary(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(BASE64_STANDARD.encode(bytes).as_bytes());
    out.push(b'"');
}

/// Writes a number as text that keeps every digit; what is out of range is judged by whoever reads it.
fn append_number(element: &Element, out: &mut Vec<u8>) -> Result<(), String> {
    let text = match element.value() {
        Value::Int(value) => value.to_string(),
        Value::Decimal(decimal) => decimal_text(decimal)?,
        _ => return Err("a number is expected".to_owned()),
    };
    append_text(&text, out);
    Ok(())
}

fn decimal_text(decimal: &Decimal) -> Result<String, String> {
    let coefficient = decimal.coefficient();
    // Minus zero is no integer, and zero here.
    let digits = match Int::try_from(coefficient) {
        Ok(digits) => digits.to_string(),
        Err(_) => "0".to_owned(),
    };
    Ok(format!("{digits}E{}", decimal.exponent()))
}
