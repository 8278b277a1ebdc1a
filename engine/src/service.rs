//! The engine as the service that [`api::dispatch`] leads requests to. An operation that is not
//! here answers that it is not supported, in the words of `api`.

use api::types::*;
use api::{Context, DynamoDb, Error, Operation};
use store::Store;

use crate::meter::Call;
use crate::{Engine, ops};

/// Answers a request as a [`Call`], which counts it.
macro_rules! counted {
    ($engine:expr, $context:expr, $operation:ident, $call:ident => $answer:expr) => {{
        let $call = Call::begin($engine, $context, Operation::$operation);
        let result = $answer.await;
        $call.end($engine, &result);
        result
    }};
}

/// The same for what is asked for rarely, or takes long. On the heap: the future of a request is as large as
/// that of the largest operation, and is moved with every request.
macro_rules! counted_apart {
    ($engine:expr, $context:expr, $operation:ident, $call:ident => $answer:expr) => {
        counted!($engine, $context, $operation, $call => Box::pin($answer))
    };
}

impl<S: Store> DynamoDb for Engine<S> {
    fn refused(&self, operation: Operation) {
        self.catalog.meters.count_malformed(operation);
    }

    async fn put_item(&self, context: &Context, input: PutItemInput) -> Result<PutItemOutput, Error> {
        counted!(self, context, PutItem, call => ops::put_item(self, &call, input))
    }

    async fn get_item(&self, context: &Context, input: GetItemInput) -> Result<GetItemOutput, Error> {
        counted!(self, context, GetItem, call => ops::get_item(self, &call, input))
    }

    async fn update_item(
        &self,
        context: &Context,
        input: UpdateItemInput,
    ) -> Result<UpdateItemOutput, Error> {
        counted!(self, context, UpdateItem, call => ops::update_item(self, &call, input))
    }

    async fn delete_item(
        &self,
        context: &Context,
        input: DeleteItemInput,
    ) -> Result<DeleteItemOutput, Error> {
        counted!(self, context, DeleteItem, call => ops::delete_item(self, &call, input))
    }

    async fn query(&self, context: &Context, input: QueryInput) -> Result<QueryOutput, Error> {
        counted!(self, context, Query, call => ops::query(self, &call, input))
    }

    async fn scan(&self, context: &Context, input: ScanInput) -> Result<ScanOutput, Error> {
        counted!(self, context, Scan, call => ops::scan(self, &call, input))
    }

    async fn batch_get_item(
        &self,
        context: &Context,
        input: BatchGetItemInput,
    ) -> Result<BatchGetItemOutput, Error> {
        counted_apart!(self, context, BatchGetItem, call => ops::batch_get_item(self, &call, input))
    }

    async fn batch_write_item(
        &self,
        context: &Context,
        input: BatchWriteItemInput,
    ) -> Result<BatchWriteItemOutput, Error> {
        counted_apart!(self, context, BatchWriteItem, call => ops::batch_write_item(self, &call, input))
    }

    async fn transact_write_items(
        &self,
        context: &Context,
        input: TransactWriteItemsInput,
    ) -> Result<TransactWriteItemsOutput, Error> {
        counted_apart!(self, context, TransactWriteItems, call => ops::transact_write_items(self, &call, input))
    }

    async fn transact_get_items(
        &self,
        context: &Context,
        input: TransactGetItemsInput,
    ) -> Result<TransactGetItemsOutput, Error> {
        counted_apart!(self, context, TransactGetItems, call => ops::transact_get_items(self, &call, input))
    }

    async fn execute_statement(
        &self,
        context: &Context,
        input: ExecuteStatementInput,
    ) -> Result<ExecuteStatementOutput, Error> {
        counted_apart!(self, context, ExecuteStatement, call => ops::execute_statement(self, &call, input))
    }

    async fn batch_execute_statement(
        &self,
        context: &Context,
        input: BatchExecuteStatementInput,
    ) -> Result<BatchExecuteStatementOutput, Error> {
        counted_apart!(self, context, BatchExecuteStatement, call => ops::batch_execute_statement(self, &call, input))
    }

    async fn execute_transaction(
        &self,
        context: &Context,
        input: ExecuteTransactionInput,
    ) -> Result<ExecuteTransactionOutput, Error> {
        counted_apart!(self, context, ExecuteTransaction, call => ops::execute_transaction(self, &call, input))
    }

    async fn create_table(
        &self,
        context: &Context,
        input: CreateTableInput,
    ) -> Result<CreateTableOutput, Error> {
        counted_apart!(self, context, CreateTable, call => ops::create_table(self, call.context, input))
    }

    async fn update_table(
        &self,
        context: &Context,
        input: UpdateTableInput,
    ) -> Result<UpdateTableOutput, Error> {
        counted_apart!(self, context, UpdateTable, call => ops::update_table(self, call.context, input))
    }

    async fn delete_table(
        &self,
        context: &Context,
        input: DeleteTableInput,
    ) -> Result<DeleteTableOutput, Error> {
        counted_apart!(self, context, DeleteTable, call => ops::delete_table(self, call.context, input))
    }

    async fn describe_table(
        &self,
        context: &Context,
        input: DescribeTableInput,
    ) -> Result<DescribeTableOutput, Error> {
        counted_apart!(self, context, DescribeTable, call => ops::describe_table(self, call.context, input))
    }

    async fn list_tables(
        &self,
        context: &Context,
        input: ListTablesInput,
    ) -> Result<ListTablesOutput, Error> {
        counted_apart!(self, context, ListTables, call => ops::list_tables(self, call.context, input))
    }

    async fn update_time_to_live(
        &self,
        context: &Context,
        input: UpdateTimeToLiveInput,
    ) -> Result<UpdateTimeToLiveOutput, Error> {
        counted_apart!(self, context, UpdateTimeToLive, call => ops::update_time_to_live(self, call.context, input))
    }

    async fn describe_time_to_live(
        &self,
        context: &Context,
        input: DescribeTimeToLiveInput,
    ) -> Result<DescribeTimeToLiveOutput, Error> {
        counted_apart!(self, context, DescribeTimeToLive, call => ops::describe_time_to_live(self, call.context, input))
    }

    async fn tag_resource(
        &self,
        context: &Context,
        input: TagResourceInput,
    ) -> Result<TagResourceOutput, Error> {
        counted_apart!(self, context, TagResource, call => ops::tag_resource(self, call.context, input))
    }

    async fn untag_resource(
        &self,
        context: &Context,
        input: UntagResourceInput,
    ) -> Result<UntagResourceOutput, Error> {
        counted_apart!(self, context, UntagResource, call => ops::untag_resource(self, call.context, input))
    }

    async fn list_tags_of_resource(
        &self,
        context: &Context,
        input: ListTagsOfResourceInput,
    ) -> Result<ListTagsOfResourceOutput, Error> {
        counted_apart!(self, context, ListTagsOfResource, call => ops::list_tags_of_resource(self, call.context, input))
    }

    async fn describe_limits(
        &self,
        context: &Context,
        input: DescribeLimitsInput,
    ) -> Result<DescribeLimitsOutput, Error> {
        counted_apart!(self, context, DescribeLimits, call => ops::describe_limits(self, call.context, input))
    }

    async fn describe_endpoints(
        &self,
        context: &Context,
        input: DescribeEndpointsRequest,
    ) -> Result<DescribeEndpointsResponse, Error> {
        counted_apart!(self, context, DescribeEndpoints, call => ops::describe_endpoints(self, call.context, input))
    }

    async fn list_backups(
        &self,
        context: &Context,
        input: ListBackupsInput,
    ) -> Result<ListBackupsOutput, Error> {
        counted_apart!(self, context, ListBackups, call => ops::list_backups(self, call.context, input))
    }

    async fn list_exports(
        &self,
        context: &Context,
        input: ListExportsInput,
    ) -> Result<ListExportsOutput, Error> {
        counted_apart!(self, context, ListExports, call => ops::list_exports(self, call.context, input))
    }

    async fn list_imports(
        &self,
        context: &Context,
        input: ListImportsInput,
    ) -> Result<ListImportsOutput, Error> {
        counted_apart!(self, context, ListImports, call => ops::list_imports(self, call.context, input))
    }

    async fn list_global_tables(
        &self,
        context: &Context,
        input: ListGlobalTablesInput,
    ) -> Result<ListGlobalTablesOutput, Error> {
        counted_apart!(self, context, ListGlobalTables, call => ops::not_built::list_global_tables(self, call.context, input))
    }

    async fn list_contributor_insights(
        &self,
        context: &Context,
        input: ListContributorInsightsInput,
    ) -> Result<ListContributorInsightsOutput, Error> {
        counted_apart!(self, context, ListContributorInsights, call => ops::list_contributor_insights(self, call.context, input))
    }

    async fn list_bulk_operations(
        &self,
        context: &Context,
        input: ListBulkOperationsInput,
    ) -> Result<ListBulkOperationsOutput, Error> {
        counted_apart!(self, context, ListBulkOperations, call => ops::not_built::list_bulk_operations(self, call.context, input))
    }

    async fn list_streams(
        &self,
        context: &Context,
        input: ListStreamsInput,
    ) -> Result<ListStreamsOutput, Error> {
        counted_apart!(self, context, ListStreams, call => ops::list_streams(self, call.context, input))
    }

    async fn describe_continuous_backups(
        &self,
        context: &Context,
        input: DescribeContinuousBackupsInput,
    ) -> Result<DescribeContinuousBackupsOutput, Error> {
        counted_apart!(self, context, DescribeContinuousBackups, call => ops::describe_continuous_backups(self, call.context, input))
    }

    async fn update_continuous_backups(
        &self,
        context: &Context,
        input: UpdateContinuousBackupsInput,
    ) -> Result<UpdateContinuousBackupsOutput, Error> {
        counted_apart!(self, context, UpdateContinuousBackups, call => ops::update_continuous_backups(self, call.context, input))
    }

    async fn restore_table_to_point_in_time(
        &self,
        context: &Context,
        input: RestoreTableToPointInTimeInput,
    ) -> Result<RestoreTableToPointInTimeOutput, Error> {
        counted_apart!(self, context, RestoreTableToPointInTime, call => ops::restore_table_to_point_in_time(self, call.context, input))
    }

    async fn update_contributor_insights(
        &self,
        context: &Context,
        input: UpdateContributorInsightsInput,
    ) -> Result<UpdateContributorInsightsOutput, Error> {
        counted_apart!(self, context, UpdateContributorInsights, call => ops::update_contributor_insights(self, call.context, input))
    }

    async fn describe_contributor_insights(
        &self,
        context: &Context,
        input: DescribeContributorInsightsInput,
    ) -> Result<DescribeContributorInsightsOutput, Error> {
        counted_apart!(self, context, DescribeContributorInsights, call => ops::describe_contributor_insights(self, call.context, input))
    }

    async fn describe_kinesis_streaming_destination(
        &self,
        context: &Context,
        input: DescribeKinesisStreamingDestinationInput,
    ) -> Result<DescribeKinesisStreamingDestinationOutput, Error> {
        counted_apart!(self, context, DescribeKinesisStreamingDestination, call => ops::not_built::describe_kinesis_streaming_destination(self, call.context, input))
    }

    async fn describe_backup(
        &self,
        context: &Context,
        input: DescribeBackupInput,
    ) -> Result<DescribeBackupOutput, Error> {
        counted_apart!(self, context, DescribeBackup, call => ops::describe_backup(self, call.context, input))
    }

    async fn describe_export(
        &self,
        context: &Context,
        input: DescribeExportInput,
    ) -> Result<DescribeExportOutput, Error> {
        counted_apart!(self, context, DescribeExport, call => ops::describe_export(self, call.context, input))
    }

    async fn describe_import(
        &self,
        context: &Context,
        input: DescribeImportInput,
    ) -> Result<DescribeImportOutput, Error> {
        counted_apart!(self, context, DescribeImport, call => ops::describe_import(self, call.context, input))
    }

    async fn describe_global_table(
        &self,
        context: &Context,
        input: DescribeGlobalTableInput,
    ) -> Result<DescribeGlobalTableOutput, Error> {
        counted_apart!(self, context, DescribeGlobalTable, call => ops::not_built::describe_global_table(self, call.context, input))
    }

    async fn describe_global_table_settings(
        &self,
        context: &Context,
        input: DescribeGlobalTableSettingsInput,
    ) -> Result<DescribeGlobalTableSettingsOutput, Error> {
        counted_apart!(self, context, DescribeGlobalTableSettings, call => ops::not_built::describe_global_table_settings(self, call.context, input))
    }

    async fn describe_bulk_operation(
        &self,
        context: &Context,
        input: DescribeBulkOperationInput,
    ) -> Result<DescribeBulkOperationOutput, Error> {
        counted_apart!(self, context, DescribeBulkOperation, call => ops::not_built::describe_bulk_operation(self, call.context, input))
    }

    async fn get_resource_policy(
        &self,
        context: &Context,
        input: GetResourcePolicyInput,
    ) -> Result<GetResourcePolicyOutput, Error> {
        counted_apart!(self, context, GetResourcePolicy, call => ops::not_built::get_resource_policy(self, call.context, input))
    }

    async fn describe_table_replica_auto_scaling(
        &self,
        context: &Context,
        input: DescribeTableReplicaAutoScalingInput,
    ) -> Result<DescribeTableReplicaAutoScalingOutput, Error> {
        counted_apart!(self, context, DescribeTableReplicaAutoScaling, call => ops::not_built::describe_table_replica_auto_scaling(self, call.context, input))
    }

    async fn describe_stream(
        &self,
        context: &Context,
        input: DescribeStreamInput,
    ) -> Result<DescribeStreamOutput, Error> {
        counted_apart!(self, context, DescribeStream, call => ops::describe_stream(self, call.context, input))
    }

    async fn get_shard_iterator(
        &self,
        context: &Context,
        input: GetShardIteratorInput,
    ) -> Result<GetShardIteratorOutput, Error> {
        counted!(self, context, GetShardIterator, call => ops::get_shard_iterator(self, call.context, input))
    }

    async fn get_records(
        &self,
        context: &Context,
        input: GetRecordsInput,
    ) -> Result<GetRecordsOutput, Error> {
        counted!(self, context, GetRecords, call => ops::get_records(self, call.context, input))
    }

    async fn create_backup(
        &self,
        context: &Context,
        input: CreateBackupInput,
    ) -> Result<CreateBackupOutput, Error> {
        counted_apart!(self, context, CreateBackup, call => ops::create_backup(self, call.context, input))
    }

    async fn delete_backup(
        &self,
        context: &Context,
        input: DeleteBackupInput,
    ) -> Result<DeleteBackupOutput, Error> {
        counted_apart!(self, context, DeleteBackup, call => ops::delete_backup(self, call.context, input))
    }

    async fn restore_table_from_backup(
        &self,
        context: &Context,
        input: RestoreTableFromBackupInput,
    ) -> Result<RestoreTableFromBackupOutput, Error> {
        counted_apart!(self, context, RestoreTableFromBackup, call => ops::restore_table_from_backup(self, call.context, input))
    }

    async fn export_table_to_point_in_time(
        &self,
        context: &Context,
        input: ExportTableToPointInTimeInput,
    ) -> Result<ExportTableToPointInTimeOutput, Error> {
        counted_apart!(self, context, ExportTableToPointInTime, call => ops::export_table_to_point_in_time(self, call.context, input))
    }

    async fn import_table(
        &self,
        context: &Context,
        input: ImportTableInput,
    ) -> Result<ImportTableOutput, Error> {
        counted_apart!(self, context, ImportTable, call => ops::import_table(self, call.context, input))
    }
}
