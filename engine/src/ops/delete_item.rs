//! DeleteItem.

use api::types::{DeleteItemInput, DeleteItemOutput, ReturnValue};
use api::{Error, Operation};
use expr::ExpressionKind;
use store::Store;

use super::put_item::check_return_values;
use super::request::{self, Placeholders};
use super::write_request::{Requested, WriteRequest};
use crate::Engine;
use crate::meter::Call;

const OPERATION: Operation = Operation::DeleteItem;

pub(crate) async fn delete_item<S: Store>(
    engine: &Engine<S>,
    call: &Call<'_>,
    input: DeleteItemInput,
) -> Result<DeleteItemOutput, Error> {
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
    request::check_values(OPERATION, &input.key)?;
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
        requested: Requested::Delete(input.key.item),
        condition: condition.or(legacy),
        on_failure: input.return_values_on_condition_check_failure,
        capacity: input.return_consumed_capacity,
        metrics: input.return_item_collection_metrics,
    }
    .run(engine, call)
    .await?;
    Ok(DeleteItemOutput {
        consumed_capacity: answer.consumed_capacity,
        item_collection_metrics: answer.item_collection_metrics,
        attributes: match input.return_values {
            Some(ReturnValue::AllOld) => answer.written.old.map(Into::into),
            _ => None,
        },
    })
}
