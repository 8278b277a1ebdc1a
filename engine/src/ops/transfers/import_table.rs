//! ImportTable.

use api::types::{
    CreateTableInput, ImportTableInput, ImportTableOutput, InputCompressionType, InputFormat,
    TableCreationParameters,
};
use api::{Context, Error, ErrorKind};
use store::Store;

use super::imports::description;
use crate::Engine;
use crate::catalog::{BillingMode, Fill, FillSource, TableState};
use crate::ops::create_table::new_table;
use crate::ops::table_errors::over_limit;
use crate::transfers::record::{
    ImportCompression, ImportFormat, ImportRecord, ImportSource, Progress, Record,
};

/// How many imports may be in progress at once, as the service allows an account.
const IMPORTS_MAX: usize = 50;
const HOUR_MS: u64 = 60 * 60 * 1000;
/// For how long a request with the same token is the same request.
const TOKEN_MS: u64 = 8 * HOUR_MS;

pub(crate) async fn import_table<S: Store>(
    engine: &Engine<S>,
    context: &Context,
    input: ImportTableInput,
) -> Result<ImportTableOutput, Error> {
    engine.check_transfers()?;
    let now_ms = engine.clock.now_ms();
    let source = source_of(&input)?;
    let until_ms = engine.settings.transition_until_ms(now_ms);
    let mut template = new_table(creation(input.table_creation_parameters))?;
    template.uuid = engine.new_uuid();
    template.created_at_ms = now_ms;
    template.state = TableState::Importing;
    template.transition_until_ms = until_ms;
    template.on_demand_since_ms = (template.billing_mode == BillingMode::OnDemand).then_some(now_ms);
    let name = template.name.clone();

    let records: Vec<ImportRecord> = engine.records().await?;
    let in_progress = |record: &&ImportRecord| record.progress == Progress::Running;
    if let Some(token) = &input.client_token {
        let mut recent = records.iter().filter(|record| {
            record.client_token.as_ref() == Some(token) && record.start_ms.saturating_add(TOKEN_MS) > now_ms
        });
        match recent.next() {
            Some(record) if record.table.name == name && record.source == source => {
                return Ok(ImportTableOutput {
                    import_table_description: description(context, record),
                });
            }
            Some(_) => {
                return Err(Error::new(
                    ErrorKind::ImportConflictException,
                    format!(
                        "An import with the same client token and other parameters was requested before: {token}"
                    ),
                ));
            }
            None => {}
        }
    }
    if records.iter().filter(in_progress).count() >= IMPORTS_MAX {
        return Err(over_limit(format_args!(
            "Only {IMPORTS_MAX} import operations can be in progress at once"
        )));
    }

    let record = ImportRecord {
        id: engine.new_transfer_id(now_ms),
        progress: Progress::Running,
        start_ms: now_ms,
        job_id: 0,
        table: template,
        source,
        client_token: input.client_token,
        processed_item_count: 0,
        imported_item_count: 0,
        error_count: 0,
        processed_size_bytes: 0,
    };
    let id = record.id.clone();
    let table_name = name.clone();
    let begun = engine.change_record(ImportRecord::key(&id), &table_name, Vec::new(), move |change| {
        if change.table.is_some() {
            return Err(Error::resource_in_use(format!("Table already exists: {name}")));
        }
        let mut record = record.clone();
        record.job_id = change.ids.take();
        record.table.id = change.ids.take();
        for index in &mut record.table.indexes {
            index.id = change.ids.take();
        }
        let mut table = record.table.clone();
        table.fill = Some(Fill {
            job_id: record.job_id,
            source: FillSource::Import {
                id: record.id.clone(),
            },
        });
        change.record = Some(record.to_stored());
        change.table = Some(table);
        Ok(())
    });
    begun.await?;
    let record: Option<ImportRecord> = engine.record(&id).await?;
    let record = record.ok_or_else(Error::internal)?;
    engine.raise_transfers();
    Ok(ImportTableOutput {
        import_table_description: description(context, &record),
    })
}

/// The request that makes the table.
fn creation(parameters: TableCreationParameters) -> CreateTableInput {
    CreateTableInput {
        table_name: parameters.table_name,
        attribute_definitions: Some(parameters.attribute_definitions),
        key_schema: Some(parameters.key_schema),
        billing_mode: parameters.billing_mode,
        provisioned_throughput: parameters.provisioned_throughput,
        on_demand_throughput: parameters.on_demand_throughput,
        sse_specification: parameters.sse_specification,
        global_secondary_indexes: parameters.global_secondary_indexes,
        vector_indexes: parameters.vector_indexes,
        ..CreateTableInput::default()
    }
}

fn source_of(input: &ImportTableInput) -> Result<ImportSource, Error> {
    let csv = input
        .input_format_options
        .as_ref()
        .and_then(|options| options.csv.as_ref());
    if csv.is_some() && input.input_format != InputFormat::Csv {
        return Err(Error::validation(
            "InputFormatOptions for Csv can only be specified when InputFormat is CSV",
        ));
    }
    let format = match input.input_format {
        InputFormat::DynamodbJson => ImportFormat::DynamodbJson,
        InputFormat::Ion => ImportFormat::Ion,
        InputFormat::Csv => ImportFormat::Csv {
            delimiter: csv
                .and_then(|csv| csv.delimiter.as_deref())
                .and_then(|delimiter| delimiter.chars().next()),
            header: csv.and_then(|csv| csv.header_list.clone()),
        },
    };
    let bucket = &input.s3_bucket_source;
    Ok(ImportSource {
        bucket: bucket.s3_bucket.clone(),
        bucket_owner: bucket.s3_bucket_owner.clone(),
        prefix: bucket.s3_key_prefix.clone(),
        format,
        compression: input.input_compression_type.map(|compression| match compression {
            InputCompressionType::None => ImportCompression::None,
            InputCompressionType::Gzip => ImportCompression::Gzip,
            InputCompressionType::Zstd => ImportCompression::Zstd,
        }),
    })
}
