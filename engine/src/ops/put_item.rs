//! PutItem.

use api::types::{PutItemInput, PutItemOutput, ReturnValue};
use api::{Error, Operation};
use expr::ExpressionKind;
use model::limits::ITEM_BYTES_MAX;
use store::Store;

use super::request::{self, Placeholders, refuse};
use super::write_request::{Requested, WriteRequest};
use crate::Engine;
use crate::meter::Call;

const OPERATION: Operation = Operation::PutItem;

pub(crate) async fn put_item<S: Store>(
    engine: &Engine<S>,
    call: &Call<'_>,
    input: PutItemInput,
) -> Result<PutItemOutput, Error> {
    let has_expression = input.condition_expression.is_some();
    request::check_not_mixed(
        OPERATION,
        &[("Expected", input.expected.is_some())],
        &[("ConditionExpression", has_expression)],
    )?;
    let placeholders = Placeholders::new(
        input.expression_attribute_names,
        input.expression_attribute_values,
    );
    placeholders.check_wanted(OPERATION, has_expression, has_expression)?;
    request::check_values(OPERATION, &input.item)?;
    let item = input.item.item;
    if item.size_bytes() > ITEM_BYTES_MAX {
        return Err(Error::validation(
            "Item size has exceeded the maximum allowed size",
        ));
    }
    check_return_values(OPERATION, input.return_values)?;
    let legacy = request::expected_condition(OPERATION, input.expected, input.conditional_operator)?;
    let mut attributes = placeholders.open(OPERATION)?;
    let text = input.condition_expression.as_deref();
    let condition = request::parse_condition(OPERATION, ExpressionKind::Condition, text, &mut attributes)?;
    attributes
        .check_all_used()
        .map_err(request::refuse_expression(OPERATION))?;

    let answer = WriteRequest {
        table_name: input.table_name,
        requested: Requested::Put(item),
        condition: condition.or(legacy),
        on_failure: input.return_values_on_condition_check_failure,
        capacity: input.return_consumed_capacity,
        metrics: input.return_item_collection_metrics,
    }
    .run(engine, call)
    .await?;
    Ok(PutItemOutput {
        consumed_capacity: answer.consumed_capacity,
        item_collection_metrics: answer.item_collection_metrics,
        attributes: match input.return_values {
            Some(ReturnValue::AllOld) => answer.written.old.map(Into::into),
            _ => None,
        },
    })
}

/// Refuses the modes of ReturnValues that only UpdateItem has.
pub(super) fn check_return_values(
    operation: Operation,
    return_values: Option<ReturnValue>,
) -> Result<(), Error> {
    match return_values {
        None | Some(ReturnValue::None | ReturnValue::AllOld) => Ok(()),
        Some(_) => Err(refuse(operation, "ReturnValues can only be ALL_OLD or NONE")),
    }
}
