//! The names and values that a request's expressions share.

use model::{Entry, Item, limits};

use crate::error::ExpressionError;
use crate::java_order::sort_in_java_order;
use crate::literal::Literal;

/// The longest placeholder, in bytes ("Quotas in Amazon DynamoDB", expression parameters).
const PLACEHOLDER_BYTES_MAX: usize = 255;

/// A placeholder for an attribute's name.
struct Name<'a> {
    placeholder: &'a str,
    target: &'a str,
    used: bool,
}

/// A placeholder for a value.
struct Value<'a> {
    entry: Entry<'a>,
    /// The value, once an expression has used it.
    literal: Option<Literal>,
}

/// The names and values of a request's expressions; counts which of them are used.
pub struct ExpressionAttributes<'a> {
    /// Ascending by placeholder.
    names: Vec<Name<'a>>,
    /// Ascending by placeholder.
    values: Vec<Value<'a>>,
    values_item: Option<&'a Item>,
}

impl<'a> ExpressionAttributes<'a> {
    /// Checks the keys of ExpressionAttributeNames and ExpressionAttributeValues, where the request
    /// has them, and their total size. The keys of `values` are its attribute names; the values
    /// themselves have been checked already.
    pub fn new(
        names: Option<&'a [(String, String)]>,
        values: Option<&'a Item>,
    ) -> Result<Self, ExpressionError> {
        let mut size_bytes = 0;
        let mut checked_names = Vec::new();
        if let Some(names) = names {
            const PARAMETER: &str = "ExpressionAttributeNames";
            if names.is_empty() {
                return Err(ExpressionError::request(format!("{PARAMETER} must not be empty")));
            }
            for (placeholder, target) in names {
                if placeholder.len() > PLACEHOLDER_BYTES_MAX {
                    return Err(ExpressionError::request(format!(
                        "{PARAMETER} contains invalid key: The expression attribute map contains a key that \
                         is too long; size of key: {}",
                        placeholder.len()
                    )));
                }
                check_placeholder(PARAMETER, '#', placeholder)?;
                if target.is_empty() {
                    return Err(ExpressionError::request(format!(
                        "{PARAMETER} contains invalid value: Empty attribute name for key {placeholder}"
                    )));
                }
                size_bytes += placeholder.len() + target.len();
            }
            checked_names.extend(names.iter().map(|(placeholder, target)| Name {
                placeholder,
                target,
                used: false,
            }));
            checked_names.sort_by_key(|name| name.placeholder);
        }
        let mut checked_values = Vec::new();
        if let Some(values) = values {
            const PARAMETER: &str = "ExpressionAttributeValues";
            if values.is_empty() {
                return Err(ExpressionError::request(format!("{PARAMETER} must not be empty")));
            }
            for entry in values.attributes().entries() {
                let placeholder = String::from_utf8_lossy(entry.name);
                if placeholder.len() > PLACEHOLDER_BYTES_MAX {
                    return Err(ExpressionError::request(format!(
                        "{PARAMETER} contains invalid key: The expression attribute map contains a key that \
                         is too long;"
                    )));
                }
                check_placeholder(PARAMETER, ':', &placeholder)?;
                size_bytes += entry.name.len() + entry.raw().len();
                checked_values.push(Value { entry, literal: None });
            }
        }
        if size_bytes > limits::EXPRESSION_ATTRIBUTES_BYTES_MAX {
            return Err(ExpressionError::request(format!(
                "The total size of ExpressionAttributeNames and ExpressionAttributeValues has exceeded the \
                 maximum allowed size; size: {size_bytes}"
            )));
        }
        Ok(ExpressionAttributes {
            names: checked_names,
            values: checked_values,
            values_item: values,
        })
    }

    /// The attribute's name that `placeholder` (with its `#`) stands for.
    pub(crate) fn name(&mut self, placeholder: &str) -> Result<&'a str, String> {
        match self
            .names
            .binary_search_by_key(&placeholder, |name| name.placeholder)
        {
            Ok(index) => {
                self.names[index].used = true;
                Ok(self.names[index].target)
            }
            Err(_) => Err(format!(
                "An expression attribute name used in the document path is not defined; attribute name: \
                 {placeholder}"
            )),
        }
    }

    /// The value that `placeholder` (with its `:`) stands for.
    pub(crate) fn value(&mut self, placeholder: &str) -> Result<Literal, String> {
        let found = self
            .values
            .binary_search_by_key(&placeholder.as_bytes(), |value| value.entry.name);
        let Ok(index) = found else {
            return Err(format!(
                "An expression attribute value used in expression is not defined; attribute value: \
                 {placeholder}"
            ));
        };
        let single = self.values.len() == 1;
        let value = &mut self.values[index];
        let literal = value
            .literal
            .get_or_insert_with(|| match (single, self.values_item) {
                // The whole item is the value's holder: nothing to copy.
                (true, Some(item)) => Literal::from_holder(item.clone()),
                _ => Literal::from_raw(value.entry.raw()),
            });
        Ok(literal.clone())
    }

    /// Refuses names and values that no expression has used.
    pub fn check_all_used(&self) -> Result<(), ExpressionError> {
        let names = self.names.iter().filter(|name| !name.used);
        check_none(
            "ExpressionAttributeNames",
            names.map(|name| name.placeholder).collect(),
            self.names.len(),
        )?;
        let values = self.values.iter().filter(|value| value.literal.is_none());
        check_none(
            "ExpressionAttributeValues",
            values
                .filter_map(|value| std::str::from_utf8(value.entry.name).ok())
                .collect(),
            self.values.len(),
        )
    }
}

fn check_placeholder(parameter: &str, sign: char, placeholder: &str) -> Result<(), ExpressionError> {
    let well_formed = placeholder.strip_prefix(sign).is_some_and(|name| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    });
    if well_formed {
        return Ok(());
    }
    Err(ExpressionError::request(format!(
        "{parameter} contains invalid key: Syntax error; key: \"{placeholder}\""
    )))
}

fn check_none(parameter: &str, mut unused: Vec<&str>, map_len: usize) -> Result<(), ExpressionError> {
    if unused.is_empty() {
        return Ok(());
    }
    sort_in_java_order(&mut unused, map_len);
    Err(ExpressionError::request(format!(
        "Value provided in {parameter} unused in expressions: keys: {{{}}}",
        unused.join(", ")
    )))
}
