//! UpdateContinuousBackups and DescribeContinuousBackups: point-in-time recovery of a table.

use std::sync::Arc;

use api::types::{
    ContinuousBackupsDescription, ContinuousBackupsStatus, DescribeContinuousBackupsInput,
    DescribeContinuousBackupsOutput, PointInTimeRecoveryDescription, PointInTimeRecoverySpecification,
    PointInTimeRecoveryStatus, TableStatus, UpdateContinuousBackupsInput, UpdateContinuousBackupsOutput,
};
use api::{Context, Error, ErrorKind};
use store::Store;

use super::table_description::{Moment, seconds, table_status};
use crate::Engine;
use crate::arn::table_name_of;
use crate::background::{Job, discard_versions};
use crate::catalog::{Change, Recovery, Table};
use crate::error::from_store;

/// How far back recovery reaches where the request does not say, in days.
const PERIOD_DAYS: u32 = 35;

/// The error of a table that is not there, as operations on backups word it.
pub(super) fn source_not_found(name: &str) -> Error {
    Error::new(
        ErrorKind::TableNotFoundException,
        format!("Table not found: {name}"),
    )
}

/// The table of this name. One that is being restored is not there yet.
async fn find_table<S: Store>(engine: &Engine<S>, name: &str) -> Result<Arc<Table>, Error> {
    let table = engine.catalog.table(&engine.store, name).await;
    let table = table.map_err(from_store)?;
    table
        .filter(|table| !table.descriptor.is_being_filled())
        .ok_or_else(|| source_not_found(name))
}

pub(crate) async fn describe_continuous_backups<S: Store>(
    engine: &Engine<S>,
    _: &Context,
    input: DescribeContinuousBackupsInput,
) -> Result<DescribeContinuousBackupsOutput, Error> {
    let table = find_table(engine, table_name_of(&input.table_name)).await?;
    Ok(DescribeContinuousBackupsOutput {
        continuous_backups_description: Some(description(engine, &table).await?),
    })
}

pub(crate) async fn update_continuous_backups<S: Store>(
    engine: &Engine<S>,
    _: &Context,
    input: UpdateContinuousBackupsInput,
) -> Result<UpdateContinuousBackupsOutput, Error> {
    let wanted = input.point_in_time_recovery_specification;
    if !wanted.point_in_time_recovery_enabled && wanted.recovery_period_in_days.is_some() {
        return Err(Error::validation(
            "Invalid Request: Cannot specify RecoveryPeriodInDays when disabling point-in-time recovery.",
        ));
    }
    let name = table_name_of(&input.table_name);
    find_table(engine, name).await?;
    let now_ms = engine.clock.now_ms();
    let changed = engine
        .change_descriptor(name, move |change| apply(change, &wanted, now_ms))
        .await;
    let table = changed.map_err(|error| match error.kind {
        ErrorKind::ResourceNotFoundException => source_not_found(name),
        _ => error,
    })?;
    engine.jobs.add(Job::garbage());
    Ok(UpdateContinuousBackupsOutput {
        continuous_backups_description: Some(description(engine, &table).await?),
    })
}

fn apply(change: &mut Change, wanted: &PointInTimeRecoverySpecification, now_ms: u64) -> Result<(), Error> {
    let name = &change.descriptor.name;
    match table_status(&change.descriptor, Moment::description(now_ms)) {
        _ if change.descriptor.is_being_filled() => return Err(source_not_found(name)),
        TableStatus::Creating => {
            return Err(Error::new(
                ErrorKind::ContinuousBackupsUnavailableException,
                format!("Backups are being enabled for the table: {name}. Please retry later"),
            ));
        }
        _ => {}
    }
    // The shape allows 1 to 35.
    let period_days = wanted
        .recovery_period_in_days
        .and_then(|days| u32::try_from(days).ok());
    let enabled = change.descriptor.enabled_recovery().cloned();
    change.descriptor.recovery = match (enabled, wanted.point_in_time_recovery_enabled) {
        (None, false) => return Ok(()),
        (Some(recovery), false) => {
            discard_versions(&recovery, &mut change.batch);
            Some(Recovery {
                enabled: false,
                ..recovery
            })
        }
        // What is enabled already stays so, from when it was.
        (Some(recovery), true) => Some(Recovery {
            period_days: period_days.unwrap_or(recovery.period_days),
            ..recovery
        }),
        (None, true) => Some(Recovery {
            id: change.ids.take(),
            enabled: true,
            period_days: period_days.unwrap_or(PERIOD_DAYS),
        }),
    };
    Ok(())
}

/// Continuous backups are ENABLED for every table; recovery says whether there are any.
async fn description<S: Store>(
    engine: &Engine<S>,
    table: &Table,
) -> Result<ContinuousBackupsDescription, Error> {
    let recovery = match table.descriptor.enabled_recovery() {
        None => PointInTimeRecoveryDescription {
            point_in_time_recovery_status: Some(PointInTimeRecoveryStatus::Disabled),
            ..Default::default()
        },
        Some(recovery) => {
            let restorable = engine.restorable(table.id(), recovery).await?;
            PointInTimeRecoveryDescription {
                point_in_time_recovery_status: Some(PointInTimeRecoveryStatus::Enabled),
                recovery_period_in_days: i32::try_from(recovery.period_days).ok(),
                earliest_restorable_date_time: Some(seconds(restorable.earliest_ms)),
                latest_restorable_date_time: Some(seconds(restorable.latest_ms())),
            }
        }
    };
    Ok(ContinuousBackupsDescription {
        continuous_backups_status: ContinuousBackupsStatus::Enabled,
        point_in_time_recovery_description: Some(recovery),
    })
}
