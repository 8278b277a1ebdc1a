//! DescribeExport and ListExports.

use api::types::{
    DescribeExportInput, DescribeExportOutput, ExportDescription, ExportFormat, ExportStatus, ExportSummary,
    ExportType, ExportViewType, IncrementalExportSpecification, ListExportsInput, ListExportsOutput,
    S3SseAlgorithm,
};
use api::{Context, Error, ErrorKind};
use store::Store;

use super::{long, page_limit, page_of, tokens};
use crate::Engine;
use crate::arn::{parse_transfer_arn, table_arn, table_name_of, transfer_arn};
use crate::ops::table_description::seconds;
use crate::transfers::record::{ExportRecord, Progress};

/// How many exports a page of a list has at most.
const PAGE_MAX: usize = 25;

fn arn_of(context: &Context, record: &ExportRecord) -> String {
    transfer_arn(context, &record.source.table.name, "export", &record.id)
}

fn status_of(record: &ExportRecord) -> ExportStatus {
    match record.progress {
        Progress::Running => ExportStatus::InProgress,
        Progress::Completed { .. } => ExportStatus::Completed,
        Progress::Failed { .. } => ExportStatus::Failed,
    }
}

fn type_of(record: &ExportRecord) -> ExportType {
    match record.window {
        None => ExportType::FullExport,
        Some(_) => ExportType::IncrementalExport,
    }
}

/// What an export says of itself. How much there is shows once it has ended.
pub(super) fn description(context: &Context, record: &ExportRecord) -> ExportDescription {
    let table = &record.source.table;
    let target = &record.target;
    let mut description = ExportDescription {
        client_token: record.client_token.clone(),
        export_arn: Some(arn_of(context, record)),
        export_format: Some(match target.is_ion {
            true => ExportFormat::Ion,
            false => ExportFormat::DynamodbJson,
        }),
        export_manifest: record.manifest_key.clone(),
        export_status: Some(status_of(record)),
        export_type: Some(type_of(record)),
        s3_bucket: Some(target.bucket.clone()),
        s3_bucket_owner: target.bucket_owner.clone(),
        s3_prefix: target.prefix.clone(),
        s3_sse_algorithm: target
            .sse_algorithm
            .as_deref()
            .and_then(S3SseAlgorithm::from_name),
        s3_sse_kms_key_id: target.sse_kms_key_id.clone(),
        start_time: Some(seconds(record.start_ms)),
        table_arn: Some(table_arn(context, &table.name)),
        table_id: Some(table.uuid.clone()),
        ..ExportDescription::default()
    };
    match &record.window {
        None => description.export_time = Some(seconds(record.time_ms)),
        Some(window) => {
            description.incremental_export_specification = Some(IncrementalExportSpecification {
                export_from_time: Some(seconds(window.from_ms)),
                export_to_time: Some(seconds(record.time_ms)),
                export_view_type: Some(match window.has_old_images {
                    true => ExportViewType::NewAndOldImages,
                    false => ExportViewType::NewImage,
                }),
            });
        }
    }
    match &record.progress {
        Progress::Running => {}
        Progress::Completed { end_ms } => {
            description.end_time = Some(seconds(*end_ms));
            description.item_count = Some(long(record.item_count));
            description.billed_size_bytes = Some(long(record.billed_size_bytes));
        }
        Progress::Failed {
            end_ms,
            code,
            message,
        } => {
            description.end_time = Some(seconds(*end_ms));
            description.failure_code = Some(code.clone());
            description.failure_message = Some(message.clone());
        }
    }
    description
}

pub(crate) async fn describe_export<S: Store>(
    engine: &Engine<S>,
    context: &Context,
    input: DescribeExportInput,
) -> Result<DescribeExportOutput, Error> {
    let arn = &input.export_arn;
    let not_found = || {
        Error::new(
            ErrorKind::ExportNotFoundException,
            format!("Export not found: {arn}"),
        )
    };
    let (table_name, id) = parse_transfer_arn(arn, "export").ok_or_else(not_found)?;
    let record: Option<ExportRecord> = engine.record(id).await?;
    let record = record
        .filter(|record| record.source.table.name == table_name)
        .ok_or_else(not_found)?;
    Ok(DescribeExportOutput {
        export_description: Some(description(context, &record)),
    })
}

pub(crate) async fn list_exports<S: Store>(
    engine: &Engine<S>,
    context: &Context,
    input: ListExportsInput,
) -> Result<ListExportsOutput, Error> {
    let after = input.next_token.as_deref().map(tokens::parse).transpose()?;
    let table_name = input.table_arn.as_deref().map(table_name_of);
    let mut records: Vec<ExportRecord> = engine.records().await?;
    records.retain(|record| table_name.is_none_or(|name| record.source.table.name == name));
    let limit = page_limit(input.max_results, PAGE_MAX);
    let (records, more) = page_of(records, after.as_deref(), limit, |record| &record.id);
    let summaries = records.iter().map(|record| ExportSummary {
        export_arn: Some(arn_of(context, record)),
        export_status: Some(status_of(record)),
        export_type: Some(type_of(record)),
    });
    Ok(ListExportsOutput {
        next_token: records
            .last()
            .filter(|_| more)
            .map(|record| tokens::next_token(&record.id)),
        export_summaries: Some(summaries.collect()),
    })
}
