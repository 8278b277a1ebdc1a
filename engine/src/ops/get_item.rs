//! GetItem.

use api::types::{GetItemInput, GetItemOutput};
use api::{Error, Operation};
use model::Item;
use store::Store;

use super::read_request;
use super::request::{self, Placeholders};
use crate::Engine;
use crate::capacity::{Consumed, read_units};
use crate::error::from_store;
use crate::expiry::shown;
use crate::meter::{Call, Direction};
use crate::write::{check_key, check_key_paths, key_of, stored_item};

const OPERATION: Operation = Operation::GetItem;

pub(crate) async fn get_item<S: Store>(
    engine: &Engine<S>,
    call: &Call<'_>,
    input: GetItemInput,
) -> Result<GetItemOutput, Error> {
    request::check_not_mixed(
        OPERATION,
        &[("AttributesToGet", input.attributes_to_get.is_some())],
        &[("ProjectionExpression", input.projection_expression.is_some())],
    )?;
    let placeholders = Placeholders::new(input.expression_attribute_names, None);
    placeholders.check_wanted(OPERATION, input.projection_expression.is_some(), false)?;
    request::check_values(OPERATION, &input.key)?;
    let mut attributes = placeholders.open(OPERATION)?;
    let projection = read_request::projection(
        OPERATION,
        input.projection_expression.as_deref(),
        input.attributes_to_get.as_deref(),
        &mut attributes,
    )?;
    attributes
        .check_all_used()
        .map_err(request::refuse_expression(OPERATION))?;
    let table = engine.table_for_items(call, &input.table_name).await?;
    let key_attributes = input.key.item;
    check_key(&table.descriptor.key_schema, &key_attributes)?;
    if let Some(projection) = &projection {
        check_key_paths(&table, projection.paths())?;
    }
    let key = key_of(&table, key_attributes.attributes())?;
    call.admit_read(engine, &table, None, Some(key_attributes.attributes()))?;
    let stored = engine
        .store
        .get(key.space, &key.bytes)
        .await
        .map_err(from_store)?;
    let item = stored.map(stored_item).transpose()?;
    let size_bytes = item.as_ref().map_or(0, Item::size_bytes);
    let consumed = Consumed::of_table(read_units(size_bytes, input.consistent_read.unwrap_or(false)));
    call.charge(&table, Direction::Read, &consumed);
    let key = key_attributes.attributes();
    call.accessed(engine, &table, key, Direction::Read, consumed.table_units);
    let item = shown(item, engine.hidden(&table).as_ref());
    let item = match projection {
        None => item,
        Some(projection) => item.map(|item| projection.apply(item.attributes())),
    };
    Ok(GetItemOutput {
        consumed_capacity: consumed.report(table.name(), input.return_consumed_capacity),
        item: item.map(Into::into),
    })
}
