//! UpdateItem.

use std::sync::Arc;

use api::types::{AttributeAction, AttributeValueUpdate, ReturnValue, UpdateItemInput, UpdateItemOutput};
use api::{Error, Operation};
use expr::{ExpressionKind, Update, legacy};
use indexmap::IndexMap;
use model::Item;
use store::Store;

use super::request::{self, Placeholders};
use super::write_request::{Requested, WriteRequest};
use crate::Engine;
use crate::catalog::Table;
use crate::meter::Call;
use crate::write::Written;

const OPERATION: Operation = Operation::UpdateItem;

pub(crate) async fn update_item<S: Store>(
    engine: &Engine<S>,
    call: &Call<'_>,
    input: UpdateItemInput,
) -> Result<UpdateItemOutput, Error> {
    let has_expression = input.update_expression.is_some() || input.condition_expression.is_some();
    request::check_not_mixed(
        OPERATION,
        &[
            ("AttributeUpdates", input.attribute_updates.is_some()),
            ("Expected", input.expected.is_some()),
        ],
        &[
            ("UpdateExpression", input.update_expression.is_some()),
            ("ConditionExpression", input.condition_expression.is_some()),
        ],
    )?;
    let placeholders = Placeholders::new(
        input.expression_attribute_names,
        input.expression_attribute_values,
    );
    placeholders.check_wanted(OPERATION, has_expression, has_expression)?;
    request::check_values(OPERATION, &input.key)?;
    let legacy_update = legacy_update(input.attribute_updates)?;
    let legacy = request::expected_condition(OPERATION, input.expected, input.conditional_operator)?;
    let mut attributes = placeholders.open(OPERATION)?;
    let update = input
        .update_expression
        .as_deref()
        .map(|text| Update::parse(text, &mut attributes))
        .transpose()
        .map_err(request::refuse_expression(OPERATION))?;
    let text = input.condition_expression.as_deref();
    let condition = request::parse_condition(OPERATION, ExpressionKind::Condition, text, &mut attributes)?;
    attributes
        .check_all_used()
        .map_err(request::refuse_expression(OPERATION))?;
    let update = Arc::new(update.unwrap_or(legacy_update));
    let answer = WriteRequest {
        table_name: input.table_name,
        requested: Requested::Update(input.key.item, update.clone()),
        condition: condition.or(legacy),
        on_failure: input.return_values_on_condition_check_failure,
        capacity: input.return_consumed_capacity,
        metrics: input.return_item_collection_metrics,
    }
    .run(engine, call)
    .await?;
    Ok(UpdateItemOutput {
        consumed_capacity: answer.consumed_capacity,
        item_collection_metrics: answer.item_collection_metrics,
        attributes: returned(input.return_values, &update, answer.written).map(Into::into),
    })
}

/// The update that AttributeUpdates means; without them, one that only makes the item.
fn legacy_update(updates: Option<IndexMap<String, AttributeValueUpdate>>) -> Result<Update, Error> {
    let mut entries = Vec::new();
    for (attribute, update) in updates.into_iter().flatten() {
        entries.push(legacy::AttributeUpdate {
            attribute,
            action: match update.action {
                None | Some(AttributeAction::Put) => legacy::UpdateAction::Put,
                Some(AttributeAction::Add) => legacy::UpdateAction::Add,
                Some(AttributeAction::Delete) => legacy::UpdateAction::Delete,
            },
            value: update
                .value
                .map(|value| request::legacy_value(OPERATION, value))
                .transpose()?,
        });
    }
    legacy::attribute_updates(&entries).map_err(request::refuse_expression(OPERATION))
}

/// Refuses an update of a primary key attribute (AWS-FACTS 14: never in an envelope).
pub(crate) fn check_updates_no_key(table: &Table, update: &Update) -> Result<(), Error> {
    let schema = &table.descriptor.key_schema;
    match update.top_level_attributes().find(|name| schema.contains(name)) {
        None => Ok(()),
        Some(name) => Err(Error::validation(format!(
            "One or more parameter values were invalid: Cannot update attribute {name}. This attribute is part of \
             the key"
        ))),
    }
}

/// The attributes that ReturnValues asks for; none where there is nothing to return.
fn returned(return_values: Option<ReturnValue>, update: &Update, written: Written) -> Option<Item> {
    let changed = |image: Option<Item>| {
        image
            .map(|image| update.changed(image.attributes()))
            .filter(|changed| !changed.is_empty())
    };
    match return_values {
        None | Some(ReturnValue::None) => None,
        Some(ReturnValue::AllOld) => written.old,
        Some(ReturnValue::AllNew) => written.new,
        Some(ReturnValue::UpdatedOld) => changed(written.old),
        Some(ReturnValue::UpdatedNew) => changed(written.new),
    }
}
