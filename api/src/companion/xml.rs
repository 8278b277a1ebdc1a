//! Answers in XML, as the query protocol has them.

use std::io::{self, Write};

use jiff::Timestamp;
use quick_xml::Writer;
use quick_xml::events::BytesText;
use serde_json::Value;

use super::form::{Form, StructureForm};

/// The namespace of CloudWatch's answers.
const NAMESPACE: &str = "http://monitoring.amazonaws.com/doc/2010-08-01/";

type Out = Writer<Vec<u8>>;

/// The answer of an operation.
pub(super) fn answer(operation: &str, form: &StructureForm, tree: &Value, request_id: &str) -> Vec<u8> {
    document(&format!("{operation}Response"), |out| {
        out.create_element(format!("{operation}Result"))
            .write_inner_content(|out| structure(out, form, tree))?;
        out.create_element("ResponseMetadata")
            .write_inner_content(|out| text(out, "RequestId", request_id))?;
        Ok(())
    })
}

/// An error: whose fault it is, its name, and its message.
pub(super) fn refusal(fault: &str, code: &str, message: &str, request_id: &str) -> Vec<u8> {
    document("ErrorResponse", |out| {
        out.create_element("Error").write_inner_content(|out| {
            text(out, "Type", fault)?;
            text(out, "Code", code)?;
            text(out, "Message", message)
        })?;
        text(out, "RequestId", request_id)
    })
}

fn document(name: &str, content: impl FnOnce(&mut Out) -> io::Result<()>) -> Vec<u8> {
    let mut out = Writer::new(Vec::with_capacity(1024));
    out.create_element(name)
        .with_attribute(("xmlns", NAMESPACE))
        .write_inner_content(content)
        .expect("memory takes all that is written to it");
    let mut body = out.into_inner();
    body.write_all(b"\n")
        .expect("memory takes all that is written to it");
    body
}

fn structure(out: &mut Out, form: &StructureForm, tree: &Value) -> io::Result<()> {
    for member in form.members {
        match &tree[member.name] {
            Value::Null => {}
            value => {
                element(out, member.name, &member.form, value)?;
            }
        }
    }
    Ok(())
}

fn element(out: &mut Out, name: &str, form: &Form, value: &Value) -> io::Result<()> {
    match (form, value) {
        (Form::Structure(form), _) => {
            let element = out.create_element(name);
            element.write_inner_content(|out| structure(out, form, value))?;
        }
        (Form::List(entry), Value::Array(values)) => {
            out.create_element(name).write_inner_content(|out| {
                values
                    .iter()
                    .try_for_each(|value| element(out, "member", entry, value))
            })?;
        }
        (Form::Map(entry), Value::Object(values)) => {
            out.create_element(name).write_inner_content(|out| {
                for (key, value) in values {
                    out.create_element("entry").write_inner_content(|out| {
                        text(out, "key", key)?;
                        element(out, "value", entry, value)
                    })?;
                }
                Ok(())
            })?;
        }
        (Form::Timestamp, Value::Number(seconds)) => {
            text(out, name, &time_text(seconds.as_f64().unwrap_or_default()))?;
        }
        (_, Value::String(content)) => text(out, name, content)?,
        _ => text(out, name, &value.to_string())?,
    }
    Ok(())
}

fn text(out: &mut Out, name: &str, content: &str) -> io::Result<()> {
    out.create_element(name)
        .write_text_content(BytesText::new(content))?;
    Ok(())
}

/// A time as text: `2026-01-01T00:00:00Z`.
fn time_text(seconds: f64) -> String {
    match Timestamp::from_millisecond((seconds * 1000.0).round() as i64) {
        Ok(time) => time.to_string(),
        Err(_) => seconds.to_string(),
    }
}

/// A time from text, with any offset, or without one in UTC, or as a number: seconds since 1970.
pub(super) fn read_time(text: &str) -> Option<f64> {
    let time = text.parse::<Timestamp>().ok().or_else(|| {
        let local = text.parse::<jiff::civil::DateTime>().ok()?;
        Some(local.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    });
    match time {
        Some(time) => Some(time.as_millisecond() as f64 / 1000.0),
        None => text.parse().ok(),
    }
}
