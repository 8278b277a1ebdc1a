//! A short notation for items, so that a test is one line:
//! `{a: 'text', n: -1.5, b: x0aff, t: true, z: null, l: [1, 'x'], m: {k: 1}, s: <'a', 'b'>}`.

use std::collections::BTreeMap;

use expr::{ExpressionAttributes, ExpressionError};
use model::{Item, Number, Value};

struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    fn take(&mut self, sign: char) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn until(&mut self, ends: impl Fn(char) -> bool) -> &'t str {
        self.rest = self.rest.trim_start();
        let end = self.rest.find(ends).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn several<T>(&mut self, end: char, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let mut several = Vec::new();
        while !self.take(end) {
            several.push(one(self));
            self.take(',');
        }
        several
    }

    fn entries(&mut self) -> BTreeMap<String, Value> {
        let entries = self.several('}', |reader| {
            // A name may begin with the colon of a placeholder.
            let colon = if reader.take(':') { ":" } else { "" };
            let name = format!("{colon}{}", reader.until(|end| end == ':'));
            assert!(reader.take(':'));
            (name, reader.value())
        });
        entries.into_iter().collect()
    }

    fn value(&mut self) -> Value {
        if self.take('\'') {
            let text = self.until(|end| end == '\'').to_owned();
            assert!(self.take('\''));
            return Value::String(text);
        }
        if self.take('[') {
            return Value::List(self.several(']', Self::value));
        }
        if self.take('{') {
            return Value::Map(self.entries());
        }
        if self.take('<') {
            return set(self.several('>', Self::value));
        }
        match self.until(|end| !end.is_ascii_alphanumeric() && !"+-.".contains(end)) {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            word => match word.strip_prefix('x') {
                Some(digits) => Value::Binary(
                    (0..digits.len() / 2)
                        .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap())
                        .collect(),
                ),
                None => Value::Number(Number::parse(word).unwrap_or_else(|_| panic!("{word:?} is no value"))),
            },
        }
    }
}

fn set(members: Vec<Value>) -> Value {
    match members.first() {
        Some(Value::Number(_)) => {
            let mut numbers: Vec<Number> = members
                .into_iter()
                .map(|member| match member {
                    Value::Number(number) => number,
                    other => panic!("{other:?} among numbers"),
                })
                .collect();
            numbers.sort_unstable();
            Value::NumberSet(numbers)
        }
        Some(Value::Binary(_)) => {
            let mut binaries: Vec<Vec<u8>> = members
                .into_iter()
                .map(|member| match member {
                    Value::Binary(binary) => binary,
                    other => panic!("{other:?} among binaries"),
                })
                .collect();
            binaries.sort_unstable();
            Value::BinarySet(binaries)
        }
        _ => {
            let mut strings: Vec<String> = members
                .into_iter()
                .map(|member| match member {
                    Value::String(string) => string,
                    other => panic!("{other:?} among strings"),
                })
                .collect();
            strings.sort_unstable();
            Value::StringSet(strings)
        }
    }
}

/// One value.
pub fn value(text: &str) -> Value {
    Reader { rest: text }.value()
}

/// An item.
pub fn item(text: &str) -> Item {
    match value(text) {
        Value::Map(entries) => Item::from_tree(&entries),
        other => panic!("{other:?} is no item"),
    }
}

/// Names of the form `#a=name #b=other`.
pub fn names(text: &str) -> Vec<(String, String)> {
    text.split_whitespace()
        .map(|pair| {
            let (placeholder, name) = pair.split_once('=').unwrap();
            (placeholder.to_owned(), name.to_owned())
        })
        .collect()
}

/// Runs `parse` with the names and values that the texts write; an empty text is none. All must be used.
pub fn with_attributes<T>(
    names_text: &str,
    values_text: &str,
    parse: impl FnOnce(&mut ExpressionAttributes<'_>) -> Result<T, ExpressionError>,
) -> Result<T, ExpressionError> {
    let names = names(names_text);
    let values = (!values_text.is_empty()).then(|| item(values_text));
    let mut attributes = ExpressionAttributes::new(
        (!names_text.is_empty()).then_some(names.as_slice()),
        values.as_ref(),
    )?;
    let parsed = parse(&mut attributes)?;
    attributes.check_all_used()?;
    Ok(parsed)
}
