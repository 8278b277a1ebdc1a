//! INSERT, UPDATE, DELETE and EXISTS as writes of one item.

use std::sync::Arc;

use api::Error;
use api::types::ReturnValuesOnConditionCheckFailure;
use expr::Condition;
use expr::partiql::{KeyProblem, Returning, Select, Statement};
use model::limits::{IN_OPERANDS_MAX, ITEM_BYTES_MAX};
use model::{Encoder, Item};

use super::super::write_request::{Requested, WriteRequest};
use super::refuse_keys;
use crate::catalog::Table;
use crate::write::Written;

/// What of the item a statement returns.
#[derive(Clone, Debug)]
pub(in super::super) struct ReturnedImage {
    returning: Returning,
    /// Of an UPDATE.
    update: Option<Arc<expr::Update>>,
}

/// A statement that writes, as the write of one item of its table, and what it returns.
///
/// `Err` of the inner result is about the key that the statement names.
pub(in super::super) fn planned_write(
    table: &Table,
    statement: Statement,
    on_failure: Option<ReturnValuesOnConditionCheckFailure>,
) -> Result<(Result<WriteRequest, Error>, Option<ReturnedImage>), Error> {
    let partition = &table.descriptor.key_schema.partition[0].name;
    let request = |requested, condition: Option<Condition>| WriteRequest {
        table_name: table.name().to_owned(),
        requested,
        condition: condition.map(Arc::new),
        on_failure,
        capacity: None,
        metrics: None,
    };
    Ok(match statement {
        Statement::Insert(insert) => {
            if insert.item.size_bytes() > ITEM_BYTES_MAX {
                return Err(Error::validation(
                    "Item size has exceeded the maximum allowed size",
                ));
            }
            (Ok(request(Requested::Insert(insert.item), None)), None)
        }
        Statement::Update(update) => {
            refuse_index(update.target.index.as_deref())?;
            let condition = required(update.condition)?;
            check_in_lists(table, &condition)?;
            let written = Arc::new(update.update);
            let image = update.returning.map(|returning| ReturnedImage {
                returning,
                update: Some(written.clone()),
            });
            let request = required_key(table, &condition).map(|key| {
                request(
                    Requested::Update(key, written),
                    Some(condition.and_exists(partition)),
                )
            });
            (request, image)
        }
        Statement::Delete(delete) => {
            refuse_index(delete.target.index.as_deref())?;
            let condition = required(delete.condition)?;
            check_in_lists(table, &condition)?;
            let image = delete.returning.map(|returning| ReturnedImage {
                returning,
                update: None,
            });
            let request = required_key(table, &condition).map(|key| {
                // What is not there is deleted whatever else is required of it.
                request(Requested::Delete(key), Some(condition.if_exists(partition)))
            });
            (request, image)
        }
        Statement::Exists(select) => (
            key_of_check(table, &select).map(|key| request(Requested::Check(key), select.condition.clone())),
            None,
        ),
        Statement::Select(_) => return Err(Error::internal()),
    })
}

fn refuse_index(index: Option<&str>) -> Result<(), Error> {
    match index {
        None => Ok(()),
        Some(_) => Err(Error::validation("This operation is not supported on an index")),
    }
}

fn no_key() -> Error {
    Error::validation("Where clause does not contain a mandatory equality on all key attributes")
}

fn required(condition: Option<Condition>) -> Result<Condition, Error> {
    condition.ok_or_else(no_key)
}

/// IN takes only so many operands, but for keys, which are looked up.
pub(super) fn check_in_lists(table: &Table, condition: &Condition) -> Result<(), Error> {
    check_in_lists_except(&key_names(table), condition)
}

pub(super) fn check_in_lists_except(keys: &[&str], condition: &Condition) -> Result<(), Error> {
    let longest = condition.longest_in_list(keys);
    if longest > IN_OPERANDS_MAX {
        return Err(Error::validation(format!(
            "The IN operator is provided with too many operands; number of operands: {longest}"
        )));
    }
    Ok(())
}

fn key_names(table: &Table) -> Vec<&str> {
    let schema = &table.descriptor.key_schema;
    schema
        .attributes()
        .map(|attribute| attribute.name.as_str())
        .collect()
}

/// The key that a condition requires.
fn required_key(table: &Table, condition: &Condition) -> Result<Item, Error> {
    let (mut encoder, open) = Encoder::item(64);
    for attribute in table.descriptor.key_schema.attributes() {
        let value = condition
            .required_value(&attribute.name, false)
            .map_err(refuse_keys)?
            .ok_or_else(no_key)?;
        if value.value().value_type() != attribute.key_type.value_type() {
            return Err(refuse_keys(KeyProblem::Type(attribute.name.clone())));
        }
        encoder.name(attribute.name.as_bytes());
        encoder.raw(value.raw());
    }
    Ok(encoder.finish(open))
}

/// Refuses the item of an INSERT that has not the table's key. Transactions word it otherwise.
pub(in super::super) fn check_inserted_key(table: &Table, statement: &Statement) -> Result<(), Error> {
    let Statement::Insert(insert) = statement else {
        return Ok(());
    };
    for attribute in table.descriptor.key_schema.attributes() {
        match insert.item.get(&attribute.name) {
            None => {
                return Err(Error::validation(format!(
                    "Key attribute should be present in the item: Key {}",
                    attribute.name
                )));
            }
            Some(value) if value.value_type() != attribute.key_type.value_type() => {
                return Err(refuse_keys(KeyProblem::Type(attribute.name.clone())));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// The key of an EXISTS, which also requires something else of its item. Of two values for one key
/// attribute the first is the key.
fn key_of_check(table: &Table, select: &Select) -> Result<Item, Error> {
    let refuse = || Error::validation("EXISTS() must contain a single item read with additional condition");
    let condition = select.condition.as_ref().ok_or_else(refuse)?;
    let names = key_names(table);
    let (mut encoder, open) = Encoder::item(64);
    let mut values_differ = false;
    for name in &names {
        let mut values = condition.required_values(name, false);
        let value = values.next().ok_or_else(refuse)?;
        values_differ |= values.any(|other| other.value() != value.value());
        encoder.name(name.as_bytes());
        encoder.raw(value.raw());
    }
    if condition.requires_only(&names, false) && !values_differ {
        return Err(refuse());
    }
    Ok(encoder.finish(open))
}

/// What a write returns by RETURNING; none where there is nothing to return.
pub(in super::super) fn returned(image: Option<&ReturnedImage>, written: &Written) -> Option<Item> {
    let ReturnedImage { returning, update } = image?;
    let found = match returning {
        Returning::AllOld | Returning::ModifiedOld => written.old.clone(),
        Returning::AllNew | Returning::ModifiedNew => written.new.clone(),
    }?;
    match (returning, update) {
        (Returning::ModifiedOld | Returning::ModifiedNew, Some(update)) => {
            Some(update.changed(found.attributes())).filter(|changed| !changed.is_empty())
        }
        _ => Some(found),
    }
}
