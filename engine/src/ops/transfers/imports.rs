//! DescribeImport and ListImports.

use api::types::{
    BillingMode as BillingModeName, CsvOptions, DescribeImportInput, DescribeImportOutput,
    GlobalSecondaryIndex, ImportStatus, ImportSummary, ImportTableDescription, InputCompressionType,
    InputFormat, InputFormatOptions, ListImportsInput, ListImportsOutput, ProvisionedThroughput,
    S3BucketSource, TableCreationParameters,
};
use api::{Context, Error, ErrorKind};
use store::Store;

use super::{long, page_limit, page_of, tokens};
use crate::Engine;
use crate::arn::{parse_transfer_arn, table_arn, table_name_of, transfer_arn};
use crate::catalog::{BillingMode, IndexDescriptor, IndexKind, ProvisionedCapacity, TableDescriptor};
use crate::ops::table_description::{attribute_definitions, key_schema, projection, seconds};
use crate::ops::throughput::described_on_demand;
use crate::transfers::record::{ImportCompression, ImportFormat, ImportRecord, Progress};

/// How many imports a page of a list has at most.
const PAGE_MAX: usize = 25;

fn arn_of(context: &Context, record: &ImportRecord) -> String {
    transfer_arn(context, &record.table.name, "import", &record.id)
}

/// Where the service tells of rows that it refuses. Stator writes them to a file and names that in its
/// log.
fn log_group_arn(context: &Context) -> String {
    format!(
        "arn:aws:logs:{}:{}:log-group:/aws-dynamodb/imports:*",
        context.region, context.account_id
    )
}

fn status_of(record: &ImportRecord) -> ImportStatus {
    match record.progress {
        Progress::Running => ImportStatus::InProgress,
        Progress::Completed { .. } => ImportStatus::Completed,
        Progress::Failed { .. } => ImportStatus::Failed,
    }
}

fn end_ms(record: &ImportRecord) -> Option<u64> {
    match record.progress {
        Progress::Running => None,
        Progress::Completed { end_ms } | Progress::Failed { end_ms, .. } => Some(end_ms),
    }
}

fn format_of(record: &ImportRecord) -> InputFormat {
    match record.source.format {
        ImportFormat::DynamodbJson => InputFormat::DynamodbJson,
        ImportFormat::Ion => InputFormat::Ion,
        ImportFormat::Csv { .. } => InputFormat::Csv,
    }
}

fn source_of(record: &ImportRecord) -> S3BucketSource {
    let source = &record.source;
    S3BucketSource {
        s3_bucket: source.bucket.clone(),
        s3_bucket_owner: source.bucket_owner.clone(),
        s3_key_prefix: source.prefix.clone(),
    }
}

/// What an import says of itself.
pub(super) fn description(context: &Context, record: &ImportRecord) -> ImportTableDescription {
    let source = &record.source;
    let csv = match &source.format {
        ImportFormat::Csv { delimiter, header } if delimiter.is_some() || header.is_some() => {
            Some(InputFormatOptions {
                csv: Some(CsvOptions {
                    delimiter: delimiter.map(String::from),
                    header_list: header.clone(),
                }),
            })
        }
        _ => None,
    };
    let (failure_code, failure_message) = match &record.progress {
        Progress::Failed { code, message, .. } => (Some(code.clone()), Some(message.clone())),
        _ => (None, None),
    };
    ImportTableDescription {
        client_token: record.client_token.clone(),
        cloud_watch_log_group_arn: Some(log_group_arn(context)),
        end_time: end_ms(record).map(seconds),
        error_count: Some(long(record.error_count)),
        failure_code,
        failure_message,
        import_arn: Some(arn_of(context, record)),
        import_status: Some(status_of(record)),
        imported_item_count: Some(long(record.imported_item_count)),
        input_compression_type: Some(match source.compression {
            None | Some(ImportCompression::None) => InputCompressionType::None,
            Some(ImportCompression::Gzip) => InputCompressionType::Gzip,
            Some(ImportCompression::Zstd) => InputCompressionType::Zstd,
        }),
        input_format: Some(format_of(record)),
        input_format_options: csv,
        processed_item_count: Some(long(record.processed_item_count)),
        processed_size_bytes: Some(long(record.processed_size_bytes)),
        s3_bucket_source: Some(source_of(record)),
        start_time: Some(seconds(record.start_ms)),
        table_arn: Some(table_arn(context, &record.table.name)),
        table_creation_parameters: Some(creation_parameters(&record.table)),
        table_id: Some(record.table.uuid.clone()),
    }
}

fn capacity_of(provisioned: &ProvisionedCapacity, mode: BillingMode) -> Option<ProvisionedThroughput> {
    (mode == BillingMode::Provisioned).then_some(ProvisionedThroughput {
        read_capacity_units: provisioned.read_units,
        write_capacity_units: provisioned.write_units,
    })
}

/// What the table was made with.
fn creation_parameters(table: &TableDescriptor) -> TableCreationParameters {
    let global = |index: &IndexDescriptor| GlobalSecondaryIndex {
        index_name: index.name.clone(),
        key_schema: key_schema(&index.key_schema),
        projection: projection(&index.projection),
        on_demand_throughput: described_on_demand(index.on_demand.as_ref(), None),
        provisioned_throughput: capacity_of(&index.provisioned, table.billing_mode),
        ..GlobalSecondaryIndex::default()
    };
    let globals = table
        .indexes
        .iter()
        .filter(|index| index.kind == IndexKind::Global);
    let globals: Vec<_> = globals.map(global).collect();
    TableCreationParameters {
        attribute_definitions: attribute_definitions(table),
        billing_mode: Some(match table.billing_mode {
            BillingMode::Provisioned => BillingModeName::Provisioned,
            BillingMode::OnDemand => BillingModeName::PayPerRequest,
        }),
        global_secondary_indexes: (!globals.is_empty()).then_some(globals),
        key_schema: key_schema(&table.key_schema),
        on_demand_throughput: described_on_demand(table.on_demand.as_ref(), None),
        provisioned_throughput: capacity_of(&table.provisioned, table.billing_mode),
        table_name: table.name.clone(),
        ..TableCreationParameters::default()
    }
}

/// Lets the next request read the table's descriptor where the import has ended: whoever has ended it may
/// not have come to say that it is another now, and who is told of the end may use the table at once.
fn look_anew<S: Store>(engine: &Engine<S>, record: &ImportRecord) {
    if record.progress != Progress::Running {
        engine.catalog.forget(&record.table.name);
    }
}

pub(crate) async fn describe_import<S: Store>(
    engine: &Engine<S>,
    context: &Context,
    input: DescribeImportInput,
) -> Result<DescribeImportOutput, Error> {
    let arn = &input.import_arn;
    let not_found = || {
        Error::new(
            ErrorKind::ImportNotFoundException,
            format!("Import not found: {arn}"),
        )
    };
    let (table_name, id) = parse_transfer_arn(arn, "import").ok_or_else(not_found)?;
    let record: Option<ImportRecord> = engine.record(id).await?;
    let record = record
        .filter(|record| record.table.name == table_name)
        .ok_or_else(not_found)?;
    look_anew(engine, &record);
    Ok(DescribeImportOutput {
        import_table_description: description(context, &record),
    })
}

pub(crate) async fn list_imports<S: Store>(
    engine: &Engine<S>,
    context: &Context,
    input: ListImportsInput,
) -> Result<ListImportsOutput, Error> {
    let after = input.next_token.as_deref().map(tokens::parse).transpose()?;
    let table_name = input.table_arn.as_deref().map(table_name_of);
    let mut records: Vec<ImportRecord> = engine.records().await?;
    records.retain(|record| table_name.is_none_or(|name| record.table.name == name));
    let limit = page_limit(input.page_size, PAGE_MAX);
    let (records, more) = page_of(records, after.as_deref(), limit, |record| &record.id);
    records.iter().for_each(|record| look_anew(engine, record));
    let summaries = records.iter().map(|record| ImportSummary {
        cloud_watch_log_group_arn: Some(log_group_arn(context)),
        end_time: end_ms(record).map(seconds),
        import_arn: Some(arn_of(context, record)),
        import_status: Some(status_of(record)),
        input_format: Some(format_of(record)),
        s3_bucket_source: Some(source_of(record)),
        start_time: Some(seconds(record.start_ms)),
        table_arn: Some(table_arn(context, &record.table.name)),
    });
    Ok(ListImportsOutput {
        next_token: records
            .last()
            .filter(|_| more)
            .map(|record| tokens::next_token(&record.id)),
        import_summary_list: Some(summaries.collect()),
    })
}
