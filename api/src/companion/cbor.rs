//! Requests and answers in CBOR (RFC 8949). Times have the tag of seconds since 1970.

use ciborium::Value as Cbor;
use serde_json::{Map, Number, Value};

use super::form::{Form, StructureForm};

/// The tag of a time in seconds since 1970.
const EPOCH_TIME: u64 = 1;

/// A request as a tree of JSON; an error is a message.
pub(super) fn read(body: &[u8]) -> Result<Value, String> {
    if body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    let mut rest = body;
    let value = ciborium::from_reader(&mut rest).map_err(|_| "The body is not valid CBOR".to_owned())?;
    if !rest.is_empty() {
        return Err("Something follows the value in the body".to_owned());
    }
    from_cbor(value)
}

fn from_cbor(value: Cbor) -> Result<Value, String> {
    Ok(match value {
        Cbor::Null => Value::Null,
        Cbor::Bool(value) => Value::Bool(value),
        Cbor::Text(text) => Value::String(text),
        Cbor::Integer(number) => match i64::try_from(number) {
            Ok(number) => Value::from(number),
            Err(_) => return Err("An integer is out of range".to_owned()),
        },
        Cbor::Float(number) => match Number::from_f64(number) {
            Some(number) => Value::Number(number),
            None => return Err("A number is not finite".to_owned()),
        },
        Cbor::Tag(EPOCH_TIME, value) => match *value {
            Cbor::Integer(_) | Cbor::Float(_) => from_cbor(*value)?,
            _ => return Err("A timestamp is no number".to_owned()),
        },
        Cbor::Array(values) => Value::Array(values.into_iter().map(from_cbor).collect::<Result<_, _>>()?),
        Cbor::Map(entries) => {
            let mut members = Map::new();
            for (name, value) in entries {
                let Cbor::Text(name) = name else {
                    return Err("The key of a map is no text".to_owned());
                };
                members.insert(name, from_cbor(value)?);
            }
            Value::Object(members)
        }
        _ => return Err("A value is of a type that no member has".to_owned()),
    })
}

/// An answer of this form.
pub(super) fn write(form: &StructureForm, tree: &Value) -> Vec<u8> {
    bytes(&structure(form, tree))
}

/// A document without times.
pub(super) fn write_plain(tree: &Value) -> Vec<u8> {
    bytes(&plain(tree))
}

fn bytes(value: &Cbor) -> Vec<u8> {
    let mut body = Vec::with_capacity(1024);
    ciborium::into_writer(value, &mut body).expect("memory takes all that is written to it");
    body
}

fn structure(form: &StructureForm, tree: &Value) -> Cbor {
    let Value::Object(values) = tree else {
        return plain(tree);
    };
    let entries = values.iter().map(|(name, value)| {
        let value = match form.member(name) {
            Some(member) => formed(&member.form, value),
            None => plain(value),
        };
        (Cbor::Text(name.clone()), value)
    });
    Cbor::Map(entries.collect())
}

fn formed(form: &Form, tree: &Value) -> Cbor {
    match (form, tree) {
        (Form::Structure(form), _) => structure(form, tree),
        (Form::List(element), Value::Array(values)) => {
            Cbor::Array(values.iter().map(|value| formed(element, value)).collect())
        }
        (Form::Map(entry), Value::Object(values)) => Cbor::Map(
            values
                .iter()
                .map(|(name, value)| (Cbor::Text(name.clone()), formed(entry, value)))
                .collect(),
        ),
        (Form::Double, Value::Number(number)) => Cbor::Float(number.as_f64().unwrap_or_default()),
        (Form::Timestamp, Value::Number(_)) => Cbor::Tag(EPOCH_TIME, Box::new(plain(tree))),
        _ => plain(tree),
    }
}

fn plain(tree: &Value) -> Cbor {
    match tree {
        Value::Null => Cbor::Null,
        Value::Bool(value) => Cbor::Bool(*value),
        Value::String(text) => Cbor::Text(text.clone()),
        Value::Number(number) => match number.as_i64() {
            Some(number) => Cbor::Integer(number.into()),
            None => Cbor::Float(number.as_f64().unwrap_or_default()),
        },
        Value::Array(values) => Cbor::Array(values.iter().map(plain).collect()),
        Value::Object(values) => Cbor::Map(
            values
                .iter()
                .map(|(name, value)| (Cbor::Text(name.clone()), plain(value)))
                .collect(),
        ),
    }
}
