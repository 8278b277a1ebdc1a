//! Scan.

use api::types::{ScanInput, ScanOutput};
use api::{Error, Operation};
use expr::ExpressionKind;
use store::{Direction, Store};

use super::read_request::{self, ReadParameters, Selection, Target};
use super::request::{self, Placeholders, refuse_expression};
use crate::Engine;
use crate::keys;
use crate::meter::Call;
use crate::read::KeyRange;

const OPERATION: Operation = Operation::Scan;

pub(crate) async fn scan<S: Store>(
    engine: &Engine<S>,
    call: &Call<'_>,
    input: ScanInput,
) -> Result<ScanOutput, Error> {
    request::check_not_mixed(
        OPERATION,
        &[
            ("AttributesToGet", input.attributes_to_get.is_some()),
            ("ScanFilter", input.scan_filter.is_some()),
            ("ConditionalOperator", input.conditional_operator.is_some()),
        ],
        &[
            ("ProjectionExpression", input.projection_expression.is_some()),
            ("FilterExpression", input.filter_expression.is_some()),
        ],
    )?;
    let placeholders = Placeholders::new(
        input.expression_attribute_names,
        input.expression_attribute_values,
    );
    let filtered = input.filter_expression.is_some();
    placeholders.check_wanted(
        OPERATION,
        filtered || input.projection_expression.is_some(),
        filtered,
    )?;
    let start_key = read_request::start_key(OPERATION, input.exclusive_start_key)?;
    let (segment, total_segments) = segments(input.segment, input.total_segments)?;
    let legacy_filter = request::legacy_filter(OPERATION, input.scan_filter, input.conditional_operator)?;
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
    attributes
        .check_all_used()
        .map_err(refuse_expression(OPERATION))?;

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
    let (start, end) = keys::segment_range(target.id(), segment, total_segments);
    let mut range = Some(KeyRange { start, end });
    if let Some(start_key) = start_key {
        let position = target.position_of_start_key(&start_key)?;
        let inside = range
            .as_ref()
            .is_some_and(|range| range.start <= position && position < range.end);
        if !inside {
            return Err(Error::validation(format!(
                "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with \
                 correct Segment. TotalSegments: {total_segments} Segment: {segment}"
            )));
        }
        range = range.and_then(|range| read_request::after(range, position, Direction::Forward));
    }
    parameters.check_selection(&target)?;
    let answer = parameters
        .read(engine, call, &target, range, Direction::Forward, None)
        .await?;
    Ok(ScanOutput {
        items: answer.items,
        count: Some(answer.count),
        scanned_count: Some(answer.scanned_count),
        last_evaluated_key: answer.last_evaluated_key,
        consumed_capacity: answer.consumed_capacity,
    })
}

/// The segment to read and of how many; the whole table is the one segment of one.
fn segments(segment: Option<i32>, total_segments: Option<i32>) -> Result<(u32, u32), Error> {
    match (segment, total_segments) {
        (None, None) => Ok((0, 1)),
        (Some(_), None) => Err(Error::validation(
            "The TotalSegments parameter is required but was not present in the request when Segment parameter is \
             present",
        )),
        (None, Some(_)) => Err(Error::validation(
            "The Segment parameter is required but was not present in the request when parameter TotalSegments is \
             present",
        )),
        // Both have been checked to be in range by the shape of the request.
        (Some(segment), Some(total)) if segment < total => Ok((segment.unsigned_abs(), total.unsigned_abs())),
        // AWS-FACTS, "The newer wording" 10: the numbers are no longer named.
        (Some(_), Some(_)) => Err(Error::validation(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments",
        )),
    }
}
