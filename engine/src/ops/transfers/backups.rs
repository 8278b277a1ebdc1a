//! DescribeBackup, ListBackups and DeleteBackup.

use api::types::{
    BackupDescription, BackupDetails, BackupStatus, BackupSummary, BackupType, BackupTypeFilter,
    DeleteBackupInput, DeleteBackupOutput, DescribeBackupInput, DescribeBackupOutput,
    GlobalSecondaryIndexInfo, ListBackupsInput, ListBackupsOutput, LocalSecondaryIndexInfo,
    ProvisionedThroughput, SourceTableDetails, SourceTableFeatureDetails, TimeToLiveDescription,
    TimeToLiveStatus,
};
use api::{Context, Error, ErrorKind};
use store::Store;

use super::{long, page_limit, page_of};
use crate::Engine;
use crate::arn::{parse_transfer_arn, table_arn, table_name_of, transfer_arn};
use crate::ops::table_description::{describe_as_active, seconds};
use crate::transfers::record::{BackupRecord, BackupState, Record};

/// How many backups a page of a list has at most.
const PAGE_MAX: usize = 100;

pub(super) fn not_found(arn: &str) -> Error {
    Error::new(
        ErrorKind::BackupNotFoundException,
        format!("Backup not found: {arn}"),
    )
}

pub(super) fn in_use(arn: &str, why: &str) -> Error {
    Error::new(
        ErrorKind::BackupInUseException,
        format!("Backup is being {why}: {arn}"),
    )
}

/// The backup that an ARN names.
pub(super) async fn find<S: Store>(engine: &Engine<S>, arn: &str) -> Result<BackupRecord, Error> {
    let (table_name, id) = parse_transfer_arn(arn, "backup").ok_or_else(|| not_found(arn))?;
    let record: Option<BackupRecord> = engine.record(id).await?;
    record
        .filter(|record| record.state != BackupState::Deleting && record.source.table.name == table_name)
        .ok_or_else(|| not_found(arn))
}

fn arn_of(context: &Context, record: &BackupRecord) -> String {
    transfer_arn(context, &record.source.table.name, "backup", &record.id)
}

fn status_of(record: &BackupRecord) -> BackupStatus {
    match record.state {
        BackupState::Creating => BackupStatus::Creating,
        BackupState::Available => BackupStatus::Available,
        BackupState::Deleting => BackupStatus::Deleted,
    }
}

fn type_of(record: &BackupRecord) -> BackupType {
    match record.is_system {
        true => BackupType::System,
        false => BackupType::User,
    }
}

/// What a backup says of itself.
pub(super) fn details(context: &Context, record: &BackupRecord) -> BackupDetails {
    BackupDetails {
        backup_arn: arn_of(context, record),
        backup_creation_date_time: seconds(record.created_at_ms),
        backup_expiry_date_time: record.expires_at_ms.map(seconds),
        backup_name: record.name.clone(),
        backup_size_bytes: Some(long(record.size_bytes)),
        backup_status: status_of(record),
        backup_type: type_of(record),
    }
}

async fn description<S: Store>(
    engine: &Engine<S>,
    context: &Context,
    record: &BackupRecord,
) -> Result<BackupDescription, Error> {
    let table = &record.source.table;
    let described = describe_as_active(engine, context, table).await?;
    let provisioned = |units: Option<api::types::ProvisionedThroughputDescription>| {
        let units = units.unwrap_or_default();
        ProvisionedThroughput {
            read_capacity_units: units.read_capacity_units.unwrap_or_default(),
            write_capacity_units: units.write_capacity_units.unwrap_or_default(),
        }
    };
    let locals = described.local_secondary_indexes.into_iter().flatten();
    let locals: Vec<_> = locals
        .map(|index| LocalSecondaryIndexInfo {
            index_name: index.index_name,
            key_schema: index.key_schema,
            projection: index.projection,
        })
        .collect();
    let globals = described.global_secondary_indexes.into_iter().flatten();
    let globals: Vec<_> = globals
        .map(|index| GlobalSecondaryIndexInfo {
            index_name: index.index_name,
            key_schema: index.key_schema,
            projection: index.projection,
            on_demand_throughput: index.on_demand_throughput,
            provisioned_throughput: Some(provisioned(index.provisioned_throughput)),
        })
        .collect();
    let time_to_live = table
        .time_to_live
        .as_ref()
        .filter(|time_to_live| time_to_live.is_kept());
    Ok(BackupDescription {
        backup_details: Some(details(context, record)),
        source_table_details: Some(SourceTableDetails {
            billing_mode: described
                .billing_mode_summary
                .and_then(|summary| summary.billing_mode)
                .or(Some(api::types::BillingMode::Provisioned)),
            item_count: Some(long(record.item_count)),
            key_schema: described.key_schema.unwrap_or_default(),
            on_demand_throughput: described.on_demand_throughput,
            provisioned_throughput: provisioned(described.provisioned_throughput),
            table_arn: Some(table_arn(context, &table.name)),
            table_creation_date_time: seconds(table.created_at_ms),
            table_id: table.uuid.clone(),
            table_name: table.name.clone(),
            table_size_bytes: Some(long(record.size_bytes)),
        }),
        source_table_feature_details: Some(SourceTableFeatureDetails {
            global_secondary_indexes: Some(globals),
            local_secondary_indexes: Some(locals),
            stream_description: described.stream_specification,
            time_to_live_description: time_to_live.map(|time_to_live| TimeToLiveDescription {
                attribute_name: Some(time_to_live.attribute.clone()),
                time_to_live_status: Some(TimeToLiveStatus::Enabled),
            }),
            ..SourceTableFeatureDetails::default()
        }),
    })
}

pub(crate) async fn describe_backup<S: Store>(
    engine: &Engine<S>,
    context: &Context,
    input: DescribeBackupInput,
) -> Result<DescribeBackupOutput, Error> {
    let record = find(engine, &input.backup_arn).await?;
    Ok(DescribeBackupOutput {
        backup_description: Some(description(engine, context, &record).await?),
    })
}

pub(crate) async fn delete_backup<S: Store>(
    engine: &Engine<S>,
    context: &Context,
    input: DeleteBackupInput,
) -> Result<DeleteBackupOutput, Error> {
    let arn = input.backup_arn;
    let record = find(engine, &arn).await?;
    let mut described = description(engine, context, &record).await?;
    let table_name = record.source.table.name;
    let deleted = engine.change_record(
        BackupRecord::key(&record.id),
        &table_name,
        Vec::new(),
        move |change| {
            let stored = change.record.as_ref().ok_or_else(|| not_found(&arn))?;
            let mut record = BackupRecord::from_stored(stored)?;
            match record.state {
                BackupState::Creating => return Err(in_use(&arn, "created")),
                BackupState::Deleting => return Err(not_found(&arn)),
                BackupState::Available if record.readers.is_empty() => {}
                BackupState::Available => return Err(in_use(&arn, "restored")),
            }
            record.state = BackupState::Deleting;
            change.batch.set_makes_room();
            change.record = Some(record.to_stored());
            Ok(())
        },
    );
    deleted.await?;
    engine.raise_transfers();
    if let Some(details) = &mut described.backup_details {
        details.backup_status = BackupStatus::Deleted;
    }
    Ok(DeleteBackupOutput {
        backup_description: Some(described),
    })
}

pub(crate) async fn list_backups<S: Store>(
    engine: &Engine<S>,
    context: &Context,
    input: ListBackupsInput,
) -> Result<ListBackupsOutput, Error> {
    let wanted_type = input.backup_type.unwrap_or(BackupTypeFilter::User);
    let table_name = input.table_name.as_deref().map(table_name_of);
    let after = match &input.exclusive_start_backup_arn {
        None => None,
        Some(arn) => {
            let parsed = parse_transfer_arn(arn, "backup");
            let invalid = || Error::validation(format!("Invalid ExclusiveStartBackupArn: {arn}"));
            Some(parsed.ok_or_else(invalid)?.1)
        }
    };
    let mut records: Vec<BackupRecord> = engine.records().await?;
    records.retain(|record| {
        let created = seconds(record.created_at_ms);
        let is_of_type = match wanted_type {
            BackupTypeFilter::User => !record.is_system,
            BackupTypeFilter::System => record.is_system,
            BackupTypeFilter::AwsBackup => false,
            BackupTypeFilter::All => true,
        };
        record.state != BackupState::Deleting
            && is_of_type
            && table_name.is_none_or(|name| record.source.table.name == name)
            && input.time_range_lower_bound.is_none_or(|bound| created >= bound)
            && input.time_range_upper_bound.is_none_or(|bound| created < bound)
    });
    let limit = page_limit(input.limit, PAGE_MAX);
    let (records, more) = page_of(records, after, limit, |record| &record.id);
    Ok(ListBackupsOutput {
        last_evaluated_backup_arn: records
            .last()
            .filter(|_| more)
            .map(|record| arn_of(context, record)),
        backup_summaries: Some(records.iter().map(|record| summary(context, record)).collect()),
    })
}

fn summary(context: &Context, record: &BackupRecord) -> BackupSummary {
    let table = &record.source.table;
    BackupSummary {
        backup_arn: Some(arn_of(context, record)),
        backup_creation_date_time: Some(seconds(record.created_at_ms)),
        backup_expiry_date_time: record.expires_at_ms.map(seconds),
        backup_name: Some(record.name.clone()),
        backup_size_bytes: Some(long(record.size_bytes)),
        backup_status: Some(status_of(record)),
        backup_type: Some(type_of(record)),
        table_arn: Some(table_arn(context, &table.name)),
        table_id: Some(table.uuid.clone()),
        table_name: Some(table.name.clone()),
    }
}
