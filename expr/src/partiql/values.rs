//! Literals of a statement as attribute values.

use std::collections::BTreeMap;

use model::limits::NESTING_LEVELS_MAX;
use model::{Encoder, Item, Number, NumberError, Value};

use super::tree::{Term, TermKind};
use crate::literal::Literal;

/// The place of the value itself in messages; what is inside of it follows.
const ROOT: &str = "root";

/// The value of a literal; `None` for a term that is none.
pub(super) fn literal(term: &Term) -> Result<Option<Literal>, String> {
    let is_literal = matches!(
        term.kind,
        TermKind::Null
            | TermKind::Bool(_)
            | TermKind::String(_)
            | TermKind::Number(_)
            | TermKind::List(_)
            | TermKind::Bag(_)
            | TermKind::Struct(_)
    );
    if !is_literal {
        return Ok(None);
    }
    let value = value(term, &mut vec![ROOT.to_owned()])?;
    Ok(Some(Literal::from(&value)))
}

/// The item of an INSERT.
pub(super) fn item(term: &Term, parameters: &[Literal]) -> Result<Item, String> {
    let TermKind::Struct(entries) = &term.kind else {
        return Err(match &term.kind {
            TermKind::Bag(_) => MULTIPLE_ITEMS.to_owned(),
            _ => "Unsupported format in item expression. Please use struct format {...} to express item values \
                  for insert statement."
                .to_owned(),
        });
    };
    let mut attributes: BTreeMap<String, Literal> = BTreeMap::new();
    for (key, term) in entries {
        let name = entry_name(key, ROOT)?;
        if name.is_empty() {
            return Err("One or more parameter values were invalid: Empty attribute name".to_owned());
        }
        let value = match &term.kind {
            TermKind::Parameter(number) => parameter(parameters, *number)?,
            _ => match literal(term)? {
                Some(value) => value,
                None => return Err(unsupported(term, ROOT)),
            },
        };
        if attributes.insert(name.clone(), value).is_some() {
            return Err(duplicate_key(&name, ROOT));
        }
    }
    let (mut encoder, open) = Encoder::item(256);
    for (name, value) in &attributes {
        encoder.name(name.as_bytes());
        encoder.raw(value.raw());
    }
    Ok(encoder.finish(open))
}

pub(super) const MULTIPLE_ITEMS: &str = "Unsupported operation: Inserting multiple items in a single statement is \
     not supported, use \"INSERT INTO tableName VALUE item\" instead";

pub(super) const PARAMETER_COUNT: &str = "Number of parameters in request and statement don't match.";

pub(super) fn parameter(parameters: &[Literal], number: usize) -> Result<Literal, String> {
    parameters
        .get(number)
        .cloned()
        .ok_or_else(|| PARAMETER_COUNT.to_owned())
}

fn entry_name(key: &Term, under: &str) -> Result<String, String> {
    match &key.kind {
        TermKind::String(name) => Ok(name.clone()),
        other => Err(format!(
            "Tuple keys must be of type String. Actual type: {} under {under}",
            other.class_name()
        )),
    }
}

fn duplicate_key(name: &str, under: &str) -> String {
    format!("Duplicate keys in tuple. Key: {name} under {under}")
}

/// A term that can't be a part of a value.
fn unsupported(term: &Term, under: &str) -> String {
    let name = match &term.kind {
        TermKind::Call(call) => call.name.as_str(),
        other => other.class_name(),
    };
    format!(
        "Unsupported data type: {name} under key {under} at {}",
        term.place
    )
}

/// The value of a literal. `path` leads to it, one element for each level.
fn value(term: &Term, path: &mut Vec<String>) -> Result<Value, String> {
    if path.len() > NESTING_LEVELS_MAX {
        return Err(format!(
            "Nesting Levels have exceeded supported limits under {}",
            path.concat()
        ));
    }
    Ok(match &term.kind {
        TermKind::Null => Value::Null,
        TermKind::Bool(value) => Value::Bool(*value),
        TermKind::String(text) => Value::String(text.clone()),
        TermKind::Number(text) => Value::Number(number(text, path)?),
        TermKind::List(terms) => {
            let mut elements = Vec::with_capacity(terms.len());
            for (index, term) in terms.iter().enumerate() {
                path.push(format!("[{index}]"));
                elements.push(value(term, path)?);
                path.pop();
            }
            Value::List(elements)
        }
        TermKind::Struct(terms) => {
            let mut entries = BTreeMap::new();
            for (key, term) in terms {
                let name = entry_name(key, &path.concat())?;
                path.push(format!(".{name}"));
                let value = value(term, path)?;
                path.pop();
                if entries.insert(name.clone(), value).is_some() {
                    return Err(duplicate_key(&name, &path.concat()));
                }
            }
            Value::Map(entries)
        }
        TermKind::Bag(terms) => set(terms, path)?,
        _ => return Err(unsupported(term, &path.concat())),
    })
}

fn number(text: &str, path: &[String]) -> Result<Number, String> {
    Number::parse(text).map_err(|error| {
        let problem = match error {
            NumberError::Overflow => {
                "Number overflow. Attempting to store a number with magnitude larger than supported range"
            }
            NumberError::Underflow => {
                "Number underflow. Attempting to store a number with magnitude smaller than supported range"
            }
            NumberError::TooManyDigits | NumberError::NotANumber => {
                "Attempting to store more than 38 significant digits in a Number"
            }
        };
        format!("{problem} under {}", path.concat())
    })
}

/// A bag of strings or of numbers.
fn set(terms: &[Term], path: &[String]) -> Result<Value, String> {
    let mut strings = Vec::new();
    let mut numbers = Vec::new();
    let mut written = Vec::with_capacity(terms.len());
    for term in terms {
        match &term.kind {
            TermKind::String(text) => {
                written.push(text.as_str());
                strings.push(text.clone());
            }
            TermKind::Number(text) => {
                written.push(text);
                numbers.push(number(text, path)?);
            }
            _ => return Err(MIXED_BAG.to_owned()),
        }
    }
    let duplicates = |end: &str| {
        Err(format!(
            "One or more parameter values were invalid: Input collection [{}] contains duplicates{end}",
            written.join(", ")
        ))
    };
    match (strings.len(), numbers.len()) {
        (0, 0) => Err("Empty bags are not supported".to_owned()),
        (count, 0) => {
            strings.sort_unstable();
            strings.dedup();
            if strings.len() < count {
                return duplicates(".");
            }
            Ok(Value::StringSet(strings))
        }
        (0, count) => {
            numbers.sort_unstable();
            numbers.dedup();
            if numbers.len() < count {
                return duplicates(&format!("! under {}", path.concat()));
            }
            Ok(Value::NumberSet(numbers))
        }
        _ => Err(MIXED_BAG.to_owned()),
    }
}

const MIXED_BAG: &str =
    "Unsupported data type in Bag. DynamoDB only supports either numbers or strings in bags";
