//! Attribute values in requests and responses: decoded into the stored form of items, and written
//! from it, without a tree between.

mod decode;
mod encode;
mod text;
mod value_error;

use model::{Item, Value};

pub use text::{append_item_json, items_from_json};
pub use value_error::ValueError;

/// A map of attribute values: an item, a key, or the values of an expression.
///
/// A value that is no value does not fail the request at once, for the service looks at other things
/// first: the first such value is kept as `error`, and a null stands in its place in `item`.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributeMap {
    /// The attributes.
    pub item: Item,
    /// What is wrong with the first value that is wrong.
    pub error: Option<ValueError>,
    /// The attribute (or, in an expression's values, the placeholder) whose value `error` is about.
    pub error_attribute: Option<String>,
}

impl Default for AttributeMap {
    fn default() -> Self {
        AttributeMap::from(Item::empty())
    }
}

impl From<Item> for AttributeMap {
    fn from(item: Item) -> Self {
        AttributeMap {
            item,
            error: None,
            error_attribute: None,
        }
    }
}

/// One attribute value, as legacy parameters have it.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributeValue {
    /// The value; null where it is none.
    pub value: Value,
    /// What is wrong with it.
    pub error: Option<ValueError>,
}

impl Default for AttributeValue {
    fn default() -> Self {
        AttributeValue::from(Value::Null)
    }
}

impl From<Value> for AttributeValue {
    fn from(value: Value) -> Self {
        AttributeValue { value, error: None }
    }
}
