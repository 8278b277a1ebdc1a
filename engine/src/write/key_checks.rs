//! The checks of key attributes, in items that are written and in keys that are looked up.
//!
//! Wording: AWS-FACTS 14 to 16 and 34.

use api::Error;
use expr::Path;
use model::limits::{PARTITION_KEY_BYTES_MAX, SORT_KEY_BYTES_MAX};
use model::{Item, ValueRef};

use crate::catalog::Table;
use crate::schema::{KeyAttribute, KeySchema};

/// The words for an empty key attribute: "string" or "binary"; `None` where it is not empty.
fn empty_kind(value: &ValueRef<'_>) -> Option<&'static str> {
    match value {
        ValueRef::String([]) => Some("string"),
        ValueRef::Binary([]) => Some("binary"),
        _ => None,
    }
}

fn check_not_empty(attribute: &KeyAttribute, value: &ValueRef<'_>) -> Result<(), Error> {
    match empty_kind(value) {
        None => Ok(()),
        Some(kind) => Err(Error::validation(format!(
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an \
             empty {kind} value. Key: {}",
            attribute.name
        ))),
    }
}

/// Refuses key attributes that are there and empty.
pub(crate) fn check_no_empty_key(schema: &KeySchema, attributes: &Item) -> Result<(), Error> {
    schema
        .attributes()
        .filter_map(|attribute| attributes.get(&attribute.name).map(|value| (attribute, value)))
        .filter(|(attribute, value)| value.value_type() == attribute.key_type.value_type())
        .try_for_each(|(attribute, value)| check_not_empty(attribute, &value))
}

/// Checks the lengths of a key's values; each half is measured together.
fn check_lengths(schema: &KeySchema, item: &Item) -> Result<(), Error> {
    check_lengths_where(schema, item, |_, _| true)
}

/// Checks the lengths of those halves of a key of which `is_checked` picks a value.
fn check_lengths_where(
    schema: &KeySchema,
    item: &Item,
    is_checked: impl Fn(&str, &ValueRef<'_>) -> bool,
) -> Result<(), Error> {
    let is_longer = |attributes: &[KeyAttribute], bytes_max: usize| {
        let values = || {
            attributes
                .iter()
                .filter_map(|attribute| Some((attribute.name.as_str(), item.get(&attribute.name)?)))
        };
        let size_bytes: usize = values().map(|(_, value)| value.size_bytes()).sum();
        size_bytes > bytes_max && values().any(|(name, value)| is_checked(name, &value))
    };
    if is_longer(&schema.partition, PARTITION_KEY_BYTES_MAX) {
        return Err(Error::validation(format!(
            "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit \
             of{PARTITION_KEY_BYTES_MAX} bytes"
        )));
    }
    if is_longer(&schema.sort, SORT_KEY_BYTES_MAX) {
        return Err(Error::validation(format!(
            "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size \
             limit of {SORT_KEY_BYTES_MAX} bytes"
        )));
    }
    Ok(())
}

/// Whether the values of an index's key are neither empty nor too long. They can be in an item that
/// was written before the index was made; it stays out of the index.
pub(super) fn fit_index(schema: &KeySchema, item: &Item) -> bool {
    let mut values = schema
        .attributes()
        .filter_map(|attribute| item.get(&attribute.name));
    values.all(|value| empty_kind(&value).is_none()) && check_lengths(schema, item).is_ok()
}

/// The error for a key that does not name exactly the key attributes, each of its type.
pub(crate) fn key_mismatch() -> Error {
    Error::validation("The provided key element does not match the schema")
}

/// Checks a key to look up: exactly the key attributes, each of its type, not empty, not too long.
pub(crate) fn check_key(schema: &KeySchema, key: &Item) -> Result<(), Error> {
    if key.attributes().len() != schema.len() {
        return Err(key_mismatch());
    }
    for attribute in schema.attributes() {
        match key.get(&attribute.name) {
            Some(value) if value.value_type() == attribute.key_type.value_type() => {}
            _ => return Err(key_mismatch()),
        }
    }
    for attribute in schema.attributes() {
        check_not_empty(attribute, &key.get(&attribute.name).expect("was just seen"))?;
    }
    check_lengths(schema, key)
}

/// Checks the primary key attributes of an item to put.
pub(crate) fn check_item_key(schema: &KeySchema, item: &Item) -> Result<(), Error> {
    for attribute in schema.attributes() {
        let Some(value) = item.get(&attribute.name) else {
            return Err(Error::validation(format!(
                "One or more parameter values were invalid: Missing the key {} in the item",
                attribute.name
            )));
        };
        if value.value_type() != attribute.key_type.value_type() {
            return Err(Error::validation(format!(
                "One or more parameter values were invalid: Type mismatch for key {} expected: {} actual: {}",
                attribute.name,
                attribute.key_type.as_str(),
                value.value_type().as_str()
            )));
        }
        check_not_empty(attribute, &value)?;
    }
    check_lengths(schema, item)
}

/// Refuses paths that lead into a key attribute: keys of the table and of its indexes are scalars.
pub(crate) fn check_key_paths<'p>(table: &Table, paths: impl Iterator<Item = &'p Path>) -> Result<(), Error> {
    for path in paths.filter(|path| !path.steps.is_empty()) {
        let name = &path.attribute;
        let kind = if table.descriptor.key_schema.contains(name) {
            "Key"
        } else if table
            .descriptor
            .indexes
            .iter()
            .any(|index| index.key_schema.contains(name))
        {
            "IndexKey"
        } else {
            continue;
        };
        return Err(Error::validation(format!(
            "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: {kind}: {name}"
        )));
    }
    Ok(())
}

/// Checks the index key attributes of an item to put: a missing one keeps the item out of the
/// index, a wrong one refuses the write.
pub(crate) fn check_index_keys(table: &Table, item: &Item) -> Result<(), Error> {
    check_index_keys_where(
        table,
        item,
        |_, _| true,
        |index_name, attribute, kind| {
            format!(
                "One or more parameter values are not valid. A value specified for a secondary index key is not \
             supported. The AttributeValue for a key attribute cannot contain an empty {kind} value. IndexName: \
             {index_name}, IndexKey: {}",
                attribute.name
            )
        },
    )
}

/// Checks the index key attributes that an update has changed.
pub(crate) fn check_updated_index_keys(table: &Table, old: Option<&Item>, new: &Item) -> Result<(), Error> {
    let is_changed = |name: &str, value: &ValueRef<'_>| old.and_then(|old| old.get(name)) != Some(*value);
    check_index_keys_where(table, new, is_changed, |_, _, kind| {
        format!(
            "One or more parameter values are not valid. The update expression attempted to update a secondary index \
             key to a value that is not supported. The AttributeValue for a key attribute cannot contain an empty \
             {kind} value."
        )
    })
}

/// Checks those index key attributes of `item` that `is_checked` picks by name and value, the
/// indexes in the order of their names; `empty` words the error for an empty one.
fn check_index_keys_where(
    table: &Table,
    item: &Item,
    is_checked: impl Fn(&str, &ValueRef<'_>) -> bool,
    empty: impl Fn(&str, &KeyAttribute, &str) -> String,
) -> Result<(), Error> {
    for descriptor in table.indexes_by_name() {
        for attribute in descriptor.key_schema.attributes() {
            let value = item
                .get(&attribute.name)
                .filter(|value| is_checked(&attribute.name, value));
            let Some(value) = value else { continue };
            check_index_type(&descriptor.name, attribute, &value)?;
            if let Some(kind) = empty_kind(&value) {
                return Err(Error::validation(empty(&descriptor.name, attribute, kind)));
            }
        }
        check_lengths_where(&descriptor.key_schema, item, &is_checked)?;
    }
    Ok(())
}

fn check_index_type(index_name: &str, attribute: &KeyAttribute, value: &ValueRef<'_>) -> Result<(), Error> {
    let actual = value.value_type();
    if actual != attribute.key_type.value_type() {
        return Err(Error::validation(format!(
            "One or more parameter values were invalid: Type mismatch for Index Key {} Expected: {} Actual: {} \
             IndexName: {index_name}",
            attribute.name,
            attribute.key_type.as_str(),
            actual.as_str()
        )));
    }
    Ok(())
}
