//! Query.

use api::types::{QueryInput, QueryOutput};
use api::{Error, Operation};
use expr::{ExpressionKind, KeyCondition, Literal, legacy};
use model::{Encoder, Item, ValueType};
use store::{Direction, Store};

use super::read_request::{self, ReadParameters, Selection, Target};
use super::request::{self, Placeholders, refuse_expression};
use crate::Engine;
use crate::meter::Call;
use crate::read::{SortPlace, key_range};
use crate::schema::KeySchema;

const OPERATION: Operation = Operation::Query;

pub(crate) async fn query<S: Store>(
    engine: &Engine<S>,
    call: &Call<'_>,
    input: QueryInput,
) -> Result<QueryOutput, Error> {
    let key_expression = input.key_condition_expression.as_deref();
    request::check_not_mixed(
        OPERATION,
        &[
            ("AttributesToGet", input.attributes_to_get.is_some()),
            ("QueryFilter", input.query_filter.is_some()),
            ("ConditionalOperator", input.conditional_operator.is_some()),
            (
                "KeyConditions",
                input.key_conditions.is_some() && key_expression.is_some(),
            ),
        ],
        &[
            ("ProjectionExpression", input.projection_expression.is_some()),
            ("FilterExpression", input.filter_expression.is_some()),
            ("KeyConditionExpression", key_expression.is_some()),
        ],
    )?;
    let placeholders = Placeholders::new(
        input.expression_attribute_names,
        input.expression_attribute_values,
    );
    let values_wanted = input.filter_expression.is_some() || key_expression.is_some();
    placeholders.check_wanted(
        OPERATION,
        values_wanted || input.projection_expression.is_some(),
        values_wanted,
    )?;
    let start_key = read_request::start_key(OPERATION, input.exclusive_start_key)?;
    let legacy_keys = match input.key_conditions {
        None => None,
        Some(conditions) => {
            let entries = request::legacy_conditions(OPERATION, conditions)?;
            Some(legacy::key_conditions(&entries).map_err(refuse_expression(OPERATION))?)
        }
    };
    let legacy_filter = request::legacy_filter(OPERATION, input.query_filter, input.conditional_operator)?;
    let selection = Selection::new(
        OPERATION,
        input.select,
        input.index_name.is_some(),
        input.projection_expression.is_some(),
        input.attributes_to_get.is_some(),
    )?;
    let mut attributes = placeholders.open(OPERATION)?;
    let filter = input.filter_expression.as_deref();
    let filter = request::parse_condition(OPERATION, ExpressionKind::Filter, filter, &mut attributes)?;
    let projection = read_request::projection(
        OPERATION,
        input.projection_expression.as_deref(),
        input.attributes_to_get.as_deref(),
        &mut attributes,
    )?;
    let keys = key_expression
        .map(|text| KeyCondition::parse(text, &mut attributes))
        .transpose()
        .map_err(refuse_expression(OPERATION))?;
    attributes
        .check_all_used()
        .map_err(refuse_expression(OPERATION))?;
    let is_legacy = legacy_keys.is_some() || legacy_filter.is_some();
    let Some(keys) = keys.or(legacy_keys) else {
        return Err(Error::validation(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.",
        ));
    };

    let table = engine.table_for_items(call, &input.table_name).await?;
    let target = Target::find(&table, input.index_name.as_deref(), input.consistent_read)?;
    let parameters = ReadParameters {
        filter: filter.or(legacy_filter),
        projection,
        selection,
        consistent: input.consistent_read.unwrap_or(false),
        limit: input.limit.map(|limit| limit as usize),
        capacity: input.return_consumed_capacity,
    };
    let schema = target.key_schema();
    let resolved = keys
        .resolve(
            &typed(schema, |schema| &schema.partition),
            &typed(schema, |schema| &schema.sort),
        )
        .map_err(|error| Error::validation(error.to_string()))?;
    read_request::check_key_values(schema, &resolved)?;
    let place = if target.index.is_some() {
        SortPlace::Followed
    } else {
        SortPlace::Last
    };
    let mut range = key_range(target.id(), place, &resolved);
    let direction = match input.scan_index_forward {
        Some(false) => Direction::Reverse,
        _ => Direction::Forward,
    };
    if let Some(start_key) = start_key {
        let position = target.position_of_start_key(&start_key)?;
        target.check_start_key_matches(&start_key, &resolved, &position, range.as_ref())?;
        range = range.and_then(|range| read_request::after(range, position, direction));
    }
    parameters.check_filter_avoids_key(
        schema,
        if is_legacy {
            "QueryFilter"
        } else {
            "Filter Expression"
        },
    )?;
    parameters.check_selection(&target)?;
    let partition = engine
        .counts_keys(&table)
        .then(|| partition_item(schema, &resolved.partition));
    let answer = parameters
        .read(engine, call, &target, range, direction, partition.as_ref())
        .await?;
    Ok(QueryOutput {
        items: answer.items,
        count: Some(answer.count),
        scanned_count: Some(answer.scanned_count),
        last_evaluated_key: answer.last_evaluated_key,
        consumed_capacity: answer.consumed_capacity,
    })
}

/// The partition key that is read, as an item.
fn partition_item(schema: &KeySchema, values: &[Literal]) -> Item {
    let mut attributes: Vec<(&str, &Literal)> = schema
        .partition
        .iter()
        .map(|attribute| attribute.name.as_str())
        .zip(values)
        .collect();
    attributes.sort_unstable_by_key(|(name, _)| *name);
    let (mut encoder, open) = Encoder::item(64);
    for (name, value) in attributes {
        encoder.name(name.as_bytes());
        encoder.value(&value.value());
    }
    encoder.finish(open)
}

fn typed<'s>(
    schema: &'s KeySchema,
    half: impl Fn(&'s KeySchema) -> &'s Vec<crate::schema::KeyAttribute>,
) -> Vec<(&'s str, ValueType)> {
    half(schema)
        .iter()
        .map(|attribute| (attribute.name.as_str(), attribute.key_type.value_type()))
        .collect()
}
