//! The engine as the service that [`api::dispatch`] leads requests to. An operation that is not
//! here answers that it is not supported, in the words of `api`.

use api::types::*;
use api::{Context, DynamoDb, Error};
use store::Store;

use crate::{Engine, ops};

impl<S: Store> DynamoDb for Engine<S> {
    async fn put_item(&self, _: &Context, input: PutItemInput) -> Result<PutItemOutput, Error> {
        ops::put_item(self, input).await
    }

    async fn get_item(&self, _: &Context, input: GetItemInput) -> Result<GetItemOutput, Error> {
        ops::get_item(self, input).await
    }

    async fn update_item(&self, _: &Context, input: UpdateItemInput) -> Result<UpdateItemOutput, Error> {
        ops::update_item(self, input).await
    }

    async fn delete_item(&self, _: &Context, input: DeleteItemInput) -> Result<DeleteItemOutput, Error> {
        ops::delete_item(self, input).await
    }

    async fn query(&self, _: &Context, input: QueryInput) -> Result<QueryOutput, Error> {
        ops::query(self, input).await
    }

    async fn scan(&self, _: &Context, input: ScanInput) -> Result<ScanOutput, Error> {
        ops::scan(self, input).await
    }

    async fn batch_get_item(
        &self,
        _: &Context,
        input: BatchGetItemInput,
    ) -> Result<BatchGetItemOutput, Error> {
        ops::batch_get_item(self, input).await
    }

    async fn batch_write_item(
        &self,
        _: &Context,
        input: BatchWriteItemInput,
    ) -> Result<BatchWriteItemOutput, Error> {
        ops::batch_write_item(self, input).await
    }

    async fn transact_write_items(
        &self,
        _: &Context,
        input: TransactWriteItemsInput,
    ) -> Result<TransactWriteItemsOutput, Error> {
        ops::transact_write_items(self, input).await
    }

    async fn transact_get_items(
        &self,
        _: &Context,
        input: TransactGetItemsInput,
    ) -> Result<TransactGetItemsOutput, Error> {
        ops::transact_get_items(self, input).await
    }

    async fn execute_statement(
        &self,
        _: &Context,
        input: ExecuteStatementInput,
    ) -> Result<ExecuteStatementOutput, Error> {
        ops::execute_statement(self, input).await
    }

    async fn batch_execute_statement(
        &self,
        _: &Context,
        input: BatchExecuteStatementInput,
    ) -> Result<BatchExecuteStatementOutput, Error> {
        ops::batch_execute_statement(self, input).await
    }

    async fn execute_transaction(
        &self,
        _: &Context,
        input: ExecuteTransactionInput,
    ) -> Result<ExecuteTransactionOutput, Error> {
        ops::execute_transaction(self, input).await
    }

    async fn create_table(
        &self,
        context: &Context,
        input: CreateTableInput,
    ) -> Result<CreateTableOutput, Error> {
        ops::create_table(self, context, input).await
    }

    async fn update_table(
        &self,
        context: &Context,
        input: UpdateTableInput,
    ) -> Result<UpdateTableOutput, Error> {
        ops::update_table(self, context, input).await
    }

    async fn delete_table(
        &self,
        context: &Context,
        input: DeleteTableInput,
    ) -> Result<DeleteTableOutput, Error> {
        ops::delete_table(self, context, input).await
    }

    async fn describe_table(
        &self,
        context: &Context,
        input: DescribeTableInput,
    ) -> Result<DescribeTableOutput, Error> {
        ops::describe_table(self, context, input).await
    }

    async fn list_tables(
        &self,
        context: &Context,
        input: ListTablesInput,
    ) -> Result<ListTablesOutput, Error> {
        ops::list_tables(self, context, input).await
    }

    async fn update_time_to_live(
        &self,
        context: &Context,
        input: UpdateTimeToLiveInput,
    ) -> Result<UpdateTimeToLiveOutput, Error> {
        ops::update_time_to_live(self, context, input).await
    }

    async fn describe_time_to_live(
        &self,
        context: &Context,
        input: DescribeTimeToLiveInput,
    ) -> Result<DescribeTimeToLiveOutput, Error> {
        ops::describe_time_to_live(self, context, input).await
    }

    async fn tag_resource(
        &self,
        context: &Context,
        input: TagResourceInput,
    ) -> Result<TagResourceOutput, Error> {
        ops::tag_resource(self, context, input).await
    }

    async fn untag_resource(
        &self,
        context: &Context,
        input: UntagResourceInput,
    ) -> Result<UntagResourceOutput, Error> {
        ops::untag_resource(self, context, input).await
    }

    async fn list_tags_of_resource(
        &self,
        context: &Context,
        input: ListTagsOfResourceInput,
    ) -> Result<ListTagsOfResourceOutput, Error> {
        ops::list_tags_of_resource(self, context, input).await
    }

    async fn describe_limits(
        &self,
        context: &Context,
        input: DescribeLimitsInput,
    ) -> Result<DescribeLimitsOutput, Error> {
        ops::describe_limits(self, context, input).await
    }

    async fn describe_endpoints(
        &self,
        context: &Context,
        input: DescribeEndpointsRequest,
    ) -> Result<DescribeEndpointsResponse, Error> {
        ops::describe_endpoints(self, context, input).await
    }

    async fn list_backups(
        &self,
        context: &Context,
        input: ListBackupsInput,
    ) -> Result<ListBackupsOutput, Error> {
        ops::not_built::list_backups(self, context, input).await
    }

    async fn list_exports(
        &self,
        context: &Context,
        input: ListExportsInput,
    ) -> Result<ListExportsOutput, Error> {
        ops::not_built::list_exports(self, context, input).await
    }

    async fn list_imports(
        &self,
        context: &Context,
        input: ListImportsInput,
    ) -> Result<ListImportsOutput, Error> {
        ops::not_built::list_imports(self, context, input).await
    }

    async fn list_global_tables(
        &self,
        context: &Context,
        input: ListGlobalTablesInput,
    ) -> Result<ListGlobalTablesOutput, Error> {
        ops::not_built::list_global_tables(self, context, input).await
    }

    async fn list_contributor_insights(
        &self,
        context: &Context,
        input: ListContributorInsightsInput,
    ) -> Result<ListContributorInsightsOutput, Error> {
        ops::not_built::list_contributor_insights(self, context, input).await
    }

    async fn list_bulk_operations(
        &self,
        context: &Context,
        input: ListBulkOperationsInput,
    ) -> Result<ListBulkOperationsOutput, Error> {
        ops::not_built::list_bulk_operations(self, context, input).await
    }

    async fn list_streams(
        &self,
        context: &Context,
        input: ListStreamsInput,
    ) -> Result<ListStreamsOutput, Error> {
        ops::list_streams(self, context, input).await
    }

    async fn describe_continuous_backups(
        &self,
        context: &Context,
        input: DescribeContinuousBackupsInput,
    ) -> Result<DescribeContinuousBackupsOutput, Error> {
        ops::describe_continuous_backups(self, context, input).await
    }

    async fn update_continuous_backups(
        &self,
        context: &Context,
        input: UpdateContinuousBackupsInput,
    ) -> Result<UpdateContinuousBackupsOutput, Error> {
        ops::update_continuous_backups(self, context, input).await
    }

    async fn restore_table_to_point_in_time(
        &self,
        context: &Context,
        input: RestoreTableToPointInTimeInput,
    ) -> Result<RestoreTableToPointInTimeOutput, Error> {
        ops::restore_table_to_point_in_time(self, context, input).await
    }

    async fn describe_contributor_insights(
        &self,
        context: &Context,
        input: DescribeContributorInsightsInput,
    ) -> Result<DescribeContributorInsightsOutput, Error> {
        ops::not_built::describe_contributor_insights(self, context, input).await
    }

    async fn describe_kinesis_streaming_destination(
        &self,
        context: &Context,
        input: DescribeKinesisStreamingDestinationInput,
    ) -> Result<DescribeKinesisStreamingDestinationOutput, Error> {
        ops::not_built::describe_kinesis_streaming_destination(self, context, input).await
    }

    async fn describe_backup(
        &self,
        context: &Context,
        input: DescribeBackupInput,
    ) -> Result<DescribeBackupOutput, Error> {
        ops::not_built::describe_backup(self, context, input).await
    }

    async fn describe_export(
        &self,
        context: &Context,
        input: DescribeExportInput,
    ) -> Result<DescribeExportOutput, Error> {
        ops::not_built::describe_export(self, context, input).await
    }

    async fn describe_import(
        &self,
        context: &Context,
        input: DescribeImportInput,
    ) -> Result<DescribeImportOutput, Error> {
        ops::not_built::describe_import(self, context, input).await
    }

    async fn describe_global_table(
        &self,
        context: &Context,
        input: DescribeGlobalTableInput,
    ) -> Result<DescribeGlobalTableOutput, Error> {
        ops::not_built::describe_global_table(self, context, input).await
    }

    async fn describe_global_table_settings(
        &self,
        context: &Context,
        input: DescribeGlobalTableSettingsInput,
    ) -> Result<DescribeGlobalTableSettingsOutput, Error> {
        ops::not_built::describe_global_table_settings(self, context, input).await
    }

    async fn describe_bulk_operation(
        &self,
        context: &Context,
        input: DescribeBulkOperationInput,
    ) -> Result<DescribeBulkOperationOutput, Error> {
        ops::not_built::describe_bulk_operation(self, context, input).await
    }

    async fn get_resource_policy(
        &self,
        context: &Context,
        input: GetResourcePolicyInput,
    ) -> Result<GetResourcePolicyOutput, Error> {
        ops::not_built::get_resource_policy(self, context, input).await
    }

    async fn describe_table_replica_auto_scaling(
        &self,
        context: &Context,
        input: DescribeTableReplicaAutoScalingInput,
    ) -> Result<DescribeTableReplicaAutoScalingOutput, Error> {
        ops::not_built::describe_table_replica_auto_scaling(self, context, input).await
    }

    async fn describe_stream(
        &self,
        context: &Context,
        input: DescribeStreamInput,
    ) -> Result<DescribeStreamOutput, Error> {
        ops::describe_stream(self, context, input).await
    }

    async fn get_shard_iterator(
        &self,
        context: &Context,
        input: GetShardIteratorInput,
    ) -> Result<GetShardIteratorOutput, Error> {
        ops::get_shard_iterator(self, context, input).await
    }

    async fn get_records(
        &self,
        context: &Context,
        input: GetRecordsInput,
    ) -> Result<GetRecordsOutput, Error> {
        ops::get_records(self, context, input).await
    }
}
