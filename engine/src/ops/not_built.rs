//! Operations that only ask about features that are not built: nothing is listed, everything is
//! disabled, and no named thing is found. Tools ask such things at every start.

use api::types::*;
use api::{Context, Error, ErrorKind};
use store::Store;

use super::describe_table::find_table;
use super::table_description::{Moment, table_status};
use super::tags::Resource;
use crate::Engine;

fn status<S: Store>(engine: &Engine<S>, table: &crate::catalog::Table) -> TableStatus {
    table_status(&table.descriptor, Moment::description(engine.clock.now_ms()))
}

pub(crate) async fn list_global_tables<S: Store>(
    _: &Engine<S>,
    _: &Context,
    _: ListGlobalTablesInput,
) -> Result<ListGlobalTablesOutput, Error> {
    Ok(ListGlobalTablesOutput {
        global_tables: Some(Vec::new()),
        ..Default::default()
    })
}

pub(crate) async fn list_bulk_operations<S: Store>(
    _: &Engine<S>,
    _: &Context,
    _: ListBulkOperationsInput,
) -> Result<ListBulkOperationsOutput, Error> {
    Ok(ListBulkOperationsOutput {
        bulk_operations_summary_list: Some(Vec::new()),
        ..Default::default()
    })
}

pub(crate) async fn describe_kinesis_streaming_destination<S: Store>(
    engine: &Engine<S>,
    _: &Context,
    input: DescribeKinesisStreamingDestinationInput,
) -> Result<DescribeKinesisStreamingDestinationOutput, Error> {
    let table = find_table(engine, &input.table_name).await?;
    Ok(DescribeKinesisStreamingDestinationOutput {
        table_name: Some(table.name().to_owned()),
        kinesis_data_stream_destinations: Some(Vec::new()),
    })
}

/// A table without replicas is described without any.
pub(crate) async fn describe_table_replica_auto_scaling<S: Store>(
    engine: &Engine<S>,
    _: &Context,
    input: DescribeTableReplicaAutoScalingInput,
) -> Result<DescribeTableReplicaAutoScalingOutput, Error> {
    let table = find_table(engine, &input.table_name).await?;
    Ok(DescribeTableReplicaAutoScalingOutput {
        table_auto_scaling_description: Some(TableAutoScalingDescription {
            table_name: Some(table.name().to_owned()),
            table_status: Some(status(engine, &table)),
            replicas: Some(Vec::new()),
        }),
    })
}

pub(crate) async fn get_resource_policy<S: Store>(
    engine: &Engine<S>,
    _: &Context,
    input: GetResourcePolicyInput,
) -> Result<GetResourcePolicyOutput, Error> {
    let arn = &input.resource_arn;
    match Resource::parse(arn)?.table_name {
        Some(name) => find_table(engine, name).await?,
        None => {
            return Err(Error::resource_not_found(format!(
                "Requested resource not found: ResourceArn: {arn} not found"
            )));
        }
    };
    Err(Error::new(
        ErrorKind::PolicyNotFoundException,
        format!("Resource-based policy not found for the provided ResourceArn: {arn}"),
    ))
}

fn global_table_not_found(name: &str) -> Error {
    Error::new(
        ErrorKind::GlobalTableNotFoundException,
        format!("Global table with name: '{name}' does not exist."),
    )
}

pub(crate) async fn describe_global_table<S: Store>(
    _: &Engine<S>,
    _: &Context,
    input: DescribeGlobalTableInput,
) -> Result<DescribeGlobalTableOutput, Error> {
    Err(global_table_not_found(&input.global_table_name))
}

pub(crate) async fn describe_global_table_settings<S: Store>(
    _: &Engine<S>,
    _: &Context,
    input: DescribeGlobalTableSettingsInput,
) -> Result<DescribeGlobalTableSettingsOutput, Error> {
    Err(global_table_not_found(&input.global_table_name))
}

pub(crate) async fn describe_bulk_operation<S: Store>(
    _: &Engine<S>,
    _: &Context,
    input: DescribeBulkOperationInput,
) -> Result<DescribeBulkOperationOutput, Error> {
    Err(Error::resource_not_found(format!(
        "Requested resource not found: BulkOperation: {} not found",
        input.bulk_operation_arn
    )))
}
