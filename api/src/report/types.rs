//! JSON of the wrong type: what the service says where a string stands in place of a list, and the
//! like. Its messages show the Java beneath.

use base64::DecodeError;

use super::member;
use super::tables::{Shape, StructureShape};
use super::tree::Json;
use crate::decode::boolean;
use crate::json;

const UNEXPECTED_STRUCTURE: &str = "Start of structure or map found where not expected";
const UNEXPECTED_FIELD: &str = "Unexpected field type";
const UNEXPECTED_VALUE: &str = "Unexpected value type in payload";
const NO_CAST: &str = "class sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl cannot be cast to class \
    java.lang.Class (sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl and java.lang.Class are in module \
    java.base of loader 'bootstrap')";

/// Where a value stands, which its message depends on.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Member,
    /// An element of a list, or the value of a map's entry.
    Element,
}

/// The message about the first value of a wrong type.
pub(super) fn check(input: &'static StructureShape, request: &Json) -> Result<(), String> {
    match request {
        Json::Map(_) | Json::Skipped => structure(input, request),
        Json::List(_) => Err(unrecognized(&class(input.name))),
        // Without a message, as for what is no JSON.
        _ => Err(String::new()),
    }
}

fn structure(shape: &'static StructureShape, object: &Json) -> Result<(), String> {
    for known in shape.members {
        if let Some(value) = member(object, known.name) {
            check_value(&known.shape, value, Place::Member)?;
        }
    }
    Ok(())
}

fn check_value(shape: &'static Shape, value: &Json, place: Place) -> Result<(), String> {
    if matches!(value, Json::Null | Json::Skipped) {
        return Ok(());
    }
    match shape {
        Shape::Text(_) | Shape::Enum { .. } => scalar("String", value),
        Shape::Integer(_) => scalar("Integer", value),
        Shape::Long(_) => scalar("Long", value),
        Shape::Double => scalar("Double", value),
        Shape::Boolean => scalar("Boolean", value),
        Shape::Structure(structure_shape) => {
            container(value, place, false, &class(structure_shape.name))?;
            structure(structure_shape, value)
        }
        Shape::AttributeValue => attribute_value(value, place),
        Shape::List { element, .. } => list(element, value, place),
        Shape::Map { value: entry, .. } => map(entry, value, place),
        Shape::AttributeMap => map(&Shape::AttributeValue, value, place),
    }
}

fn list(element: &'static Shape, value: &Json, place: Place) -> Result<(), String> {
    match value {
        Json::List(elements) => elements
            .iter()
            .try_for_each(|value| check_value(element, value, Place::Element)),
        Json::Map(_) => Err(UNEXPECTED_STRUCTURE.to_owned()),
        _ if place == Place::Member => Err(UNEXPECTED_FIELD.to_owned()),
        _ => Err(NO_CAST.to_owned()),
    }
}

fn map(entry: &'static Shape, value: &Json, place: Place) -> Result<(), String> {
    container(
        value,
        place,
        true,
        &format!("java.util.Map<java.lang.String, {}>", type_name(entry)),
    )?;
    let Json::Map(entries) = value else {
        return Ok(());
    };
    entries
        .values()
        .try_for_each(|value| check_value(entry, value, Place::Element))
}

/// Whether the value of a structure or map is an object.
fn container(value: &Json, place: Place, is_map: bool, name: &str) -> Result<(), String> {
    match (value, place) {
        (Json::Map(_), _) => Ok(()),
        (Json::List(_), _) => Err(unrecognized(name)),
        (_, Place::Member) => Err(UNEXPECTED_FIELD.to_owned()),
        (_, Place::Element) if is_map => Err(NO_CAST.to_owned()),
        (_, Place::Element) => Err(UNEXPECTED_VALUE.to_owned()),
    }
}

fn attribute_value(value: &Json, place: Place) -> Result<(), String> {
    container(value, place, false, &class("AttributeValue"))?;
    let content = |name| member(value, name).unwrap_or(&Json::Null);
    for name in ["S", "N"] {
        check_value(
            &Shape::Text(crate::limits::Limits::NONE),
            content(name),
            Place::Member,
        )?;
    }
    binary(content("B"))?;
    for name in ["SS", "NS", "BS"] {
        let elements = match content(name) {
            Json::Null | Json::Skipped => continue,
            Json::List(elements) => elements,
            Json::Map(_) => return Err(UNEXPECTED_STRUCTURE.to_owned()),
            _ => return Err(UNEXPECTED_FIELD.to_owned()),
        };
        for element in elements {
            match name {
                // The service has no message of its own for a null here.
                _ if *element == Json::Null => return Err(UNEXPECTED_VALUE.to_owned()),
                "BS" => binary(element)?,
                _ => scalar("String", element)?,
            }
        }
    }
    match content("M") {
        Json::Null => {}
        entries => map(&Shape::AttributeValue, entries, Place::Member)?,
    }
    match content("L") {
        Json::Null => {}
        elements => list(&Shape::AttributeValue, elements, Place::Member)?,
    }
    for name in ["NULL", "BOOL"] {
        check_value(&Shape::Boolean, content(name), Place::Member)?;
    }
    Ok(())
}

fn scalar(class: &str, value: &Json) -> Result<(), String> {
    let cannot = |token: &str| Err(format!("{token} cannot be converted to {class}"));
    let is_number = matches!(class, "Integer" | "Long" | "Double");
    match value {
        Json::Null | Json::Skipped => Ok(()),
        Json::Text(_) if class == "String" => Ok(()),
        Json::Text(text) if class == "Boolean" => match boolean(text) {
            Some(_) => Ok(()),
            None => Err("Unexpected token received from parser".to_owned()),
        },
        Json::Text(_) => cannot("STRING_VALUE"),
        Json::Bool(_) if class == "Boolean" => Ok(()),
        Json::Bool(true) => cannot("TRUE_VALUE"),
        Json::Bool(false) => cannot("FALSE_VALUE"),
        Json::Integer(_) | Json::Decimal(_) if is_number => Ok(()),
        Json::Integer(_) => cannot("NUMBER_VALUE"),
        Json::Decimal(_) => cannot("DECIMAL_VALUE"),
        Json::List(_) => Err(unrecognized(&format!("class java.lang.{class}"))),
        Json::Map(_) => Err(UNEXPECTED_STRUCTURE.to_owned()),
    }
}

fn binary(value: &Json) -> Result<(), String> {
    match value {
        Json::Null | Json::Skipped => Ok(()),
        Json::Text(text) => match json::read_binary(text) {
            Ok(_) => Ok(()),
            Err(_) if !text.len().is_multiple_of(4) => Err(format!(
                "Base64 encoded length is expected a multiple of 4 bytes but found: {}",
                text.len()
            )),
            // The misspelling is the service's.
            Err(DecodeError::InvalidLastSymbol(..)) => {
                Err("Invalid last non-pad Base64 character dectected".to_owned())
            }
            Err(_) => Err("Invalid Base64 character".to_owned()),
        },
        Json::List(_) => Err(unrecognized("class java.nio.ByteBuffer")),
        Json::Map(_) => Err(UNEXPECTED_STRUCTURE.to_owned()),
        _ => Err("only base-64-encoded strings are convertible to bytes".to_owned()),
    }
}

fn unrecognized(name: &str) -> String {
    format!("Unrecognized collection type {name}")
}

fn class(structure: &str) -> String {
    format!("class {}", qualified(structure))
}

fn qualified(structure: &str) -> String {
    format!("com.amazonaws.dynamodb.v20120810.{structure}")
}

/// A shape's type as the service's Java names it.
fn type_name(shape: &Shape) -> String {
    match shape {
        Shape::Structure(structure) => qualified(structure.name),
        Shape::List { element, .. } => format!("java.util.List<{}>", type_name(element)),
        Shape::Map { value, .. } => format!("java.util.Map<java.lang.String, {}>", type_name(value)),
        Shape::AttributeMap => format!(
            "java.util.Map<java.lang.String, {}>",
            type_name(&Shape::AttributeValue)
        ),
        Shape::AttributeValue => qualified("AttributeValue"),
        Shape::Text(_) | Shape::Enum { .. } => "java.lang.String".to_owned(),
        Shape::Integer(_) => "java.lang.Integer".to_owned(),
        Shape::Long(_) => "java.lang.Long".to_owned(),
        Shape::Double => "java.lang.Double".to_owned(),
        Shape::Boolean => "java.lang.Boolean".to_owned(),
    }
}
