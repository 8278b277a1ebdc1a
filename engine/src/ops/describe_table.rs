//! DescribeTable, and how operations on tables find theirs.

use std::sync::Arc;

use api::types::{DescribeTableInput, DescribeTableOutput};
use api::{Context, Error};
use store::Store;

use super::table_description::{Moment, describe};
use super::table_not_found;
use crate::Engine;
use crate::arn::table_name_of;
use crate::catalog::Table;
use crate::error::from_store;

/// The table that a request names, by name or ARN, whatever its state.
pub(super) async fn find_table<S: Store>(engine: &Engine<S>, name_or_arn: &str) -> Result<Arc<Table>, Error> {
    let name = table_name_of(name_or_arn);
    let table = engine
        .catalog
        .table(&engine.store, name)
        .await
        .map_err(from_store)?;
    table.ok_or_else(|| table_not_found(name))
}

pub(crate) async fn describe_table<S: Store>(
    engine: &Engine<S>,
    context: &Context,
    input: DescribeTableInput,
) -> Result<DescribeTableOutput, Error> {
    let table = find_table(engine, &input.table_name).await?;
    let moment = Moment::description(engine.clock.now_ms());
    let description = describe(engine, context, &table.descriptor, moment).await?;
    Ok(DescribeTableOutput {
        table: Some(description),
    })
}
