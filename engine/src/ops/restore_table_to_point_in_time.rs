//! RestoreTableToPointInTime.
//!
//! Order of checks, as the service has it: the shape; whether the source has recovery; the moment; the
//! overrides; and last whether there is a table of the new name.

use api::types::{RestoreTableToPointInTimeInput, RestoreTableToPointInTimeOutput, TableDescription};
use api::{Context, Error, ErrorKind};
use jiff::Timestamp;
use store::Store;

use super::continuous_backups::source_not_found;
use super::restored_table::{self, Overrides};
use super::table_description::{Moment, describe};
use super::table_errors::over_limit;
use crate::Engine;
use crate::arn::table_name_of;
use crate::catalog::{LogHold, Recovery, Restore, Table, TableDescriptor};
use crate::error::from_store;
use crate::keys;
use crate::recovery::{LogBegin, Restorable};

/// How many restores of one table may run at once; the service allows an account as many.
const RESTORES_MAX: usize = 50;

pub(crate) async fn restore_table_to_point_in_time<S: Store>(
    engine: &Engine<S>,
    context: &Context,
    input: RestoreTableToPointInTimeInput,
) -> Result<RestoreTableToPointInTimeOutput, Error> {
    let source_name = source_name(&input)?.to_owned();
    let wanted_ms = wanted_time_ms(&input)?;
    let source = engine.catalog.table(&engine.store, &source_name).await;
    let source = source
        .map_err(from_store)?
        .filter(|source| !source.descriptor.is_being_filled())
        .ok_or_else(|| source_not_found(&source_name))?;
    let recovery = source.descriptor.enabled_recovery();
    let recovery = recovery.ok_or_else(|| unavailable(&source_name))?.clone();
    let point = find_point(engine, &source, &recovery, wanted_ms).await?;

    let now_ms = engine.clock.now_ms();
    let until_ms = engine.settings.transition_until_ms(now_ms);
    let overrides = Overrides {
        billing_mode: input.billing_mode_override,
        global_indexes: input.global_secondary_index_override,
        local_indexes: input.local_secondary_index_override,
        provisioned: input.provisioned_throughput_override,
        on_demand: input.on_demand_throughput_override,
        encryption: input.sse_specification_override,
        vector_indexes: input.vector_index_override,
    };
    let target_name = input.target_table_name;
    let mut template = restored_table::new_table(&point.version, &target_name, overrides, now_ms)?;
    template.uuid = engine.new_uuid();
    template.transition_until_ms = until_ms;
    if target_name == source_name {
        return Err(already_exists(&target_name, &source.descriptor));
    }
    let restore = Restore {
        job_id: 0,
        source_name: source_name.clone(),
        source_id: source.id(),
        boundary: point.boundary,
        time_ms: point.time_ms,
    };
    let begin = Begin {
        recovery,
        restorable: point.restorable,
        template,
        restore,
    };
    // The log's beginning is shared, so that what the restore needs is there when its hold is.
    let shared = vec![keys::log_removed(source.id())];
    let target = engine
        .change_pair(&source_name, &target_name, shared, move |pair| {
            let job_id = pair.ids.take();
            let source = pair.source.as_mut();
            let source = source.ok_or_else(|| source_not_found(&begin.restore.source_name))?;
            let log = LogBegin::from_stored(pair.shared[0].as_deref());
            begin.check(source, log)?;
            if let Some(target) = &pair.target {
                return Err(already_exists(&target.name, target));
            }
            source.log_holds.push(LogHold {
                job_id,
                boundary: begin.restore.boundary,
            });
            let mut target = begin.template.clone();
            target.restore = Some(Restore {
                job_id,
                ..begin.restore.clone()
            });
            target.id = pair.ids.take();
            for index in &mut target.indexes {
                index.id = pair.ids.take();
            }
            pair.target = Some(target);
            Ok(())
        })
        .await?;
    let target = target.ok_or_else(Error::internal)?;
    Ok(RestoreTableToPointInTimeOutput {
        table_description: Some(describe_restored(engine, context, &target, now_ms, until_ms).await?),
    })
}

/// The answer's description of a table that is being restored.
pub(super) async fn describe_restored<S: Store>(
    engine: &Engine<S>,
    context: &Context,
    target: &Table,
    now_ms: u64,
    until_ms: u64,
) -> Result<TableDescription, Error> {
    let moment = Moment::answer(now_ms, until_ms);
    let mut description = describe(engine, context, &target.descriptor, moment).await?;
    description.warm_throughput = None;
    for index in description.global_secondary_indexes.iter_mut().flatten() {
        index.warm_throughput = None;
    }
    Ok(description)
}

/// What a restore begins with, unless the source has changed since it was looked at.
struct Begin {
    recovery: Recovery,
    restorable: Restorable,
    template: TableDescriptor,
    restore: Restore,
}

impl Begin {
    fn check(&self, source: &TableDescriptor, log: LogBegin) -> Result<(), Error> {
        let is_recorded = source
            .enabled_recovery()
            .is_some_and(|recovery| recovery.id == self.recovery.id);
        if source.id != self.restore.source_id || !is_recorded {
            return Err(unavailable(&source.name));
        }
        if log.removed > self.restore.boundary {
            return Err(invalid_time(self.restore.time_ms, &self.restorable));
        }
        if source.log_holds.len() >= RESTORES_MAX {
            return Err(over_limit(format_args!(
                "Only {RESTORES_MAX} restore operations can be in progress at once"
            )));
        }
        Ok(())
    }
}

/// The name of the source table, which is given once.
fn source_name(input: &RestoreTableToPointInTimeInput) -> Result<&str, Error> {
    match (&input.source_table_name, &input.source_table_arn) {
        (Some(name), None) | (None, Some(name)) => Ok(table_name_of(name)),
        (Some(_), Some(_)) => Err(Error::validation(
            "Must provide exactly one of: sourceTableArn, sourceTableName",
        )),
        (None, None) => Err(Error::validation(
            "The parameter 'TableName' is required but was not present in the request",
        )),
    }
}

/// The moment that the request names, in milliseconds since the Unix epoch; `None` for the latest.
fn wanted_time_ms(input: &RestoreTableToPointInTimeInput) -> Result<Option<f64>, Error> {
    match (input.use_latest_restorable_time, input.restore_date_time) {
        (Some(true), None) => Ok(None),
        (Some(true), Some(_)) => Err(Error::validation(
            "Invalid Request: Both RestoreDateTime and UseLatestRestorableTime cannot be set for point-in-time \
             restore request. Please specify either RestoreDateTime time or UseLatestRestorableTime",
        )),
        (_, Some(seconds)) => Ok(Some((seconds * 1000.0).round())),
        (_, None) => Err(Error::validation(
            "Invalid Request: Either one of RestoreDateTime or UseLatestRestorableTime must be specified, but not both",
        )),
    }
}

pub(super) fn unavailable(name: &str) -> Error {
    Error::new(
        ErrorKind::PointInTimeRecoveryUnavailableException,
        format!("Point in time recovery is not enabled for table '{name}'"),
    )
}

pub(super) fn already_exists(name: &str, descriptor: &TableDescriptor) -> Error {
    match descriptor.is_being_filled() {
        true => Error::new(
            ErrorKind::TableInUseException,
            format!("Table: {name} is already being restored"),
        ),
        false => Error::new(
            ErrorKind::TableAlreadyExistsException,
            format!("Table already exists: {name}"),
        ),
    }
}

/// A time as messages show it: to the second, in UTC.
pub(super) fn shown(time_ms: u64) -> String {
    let time_ms = i64::try_from(time_ms).unwrap_or(i64::MAX);
    let time = Timestamp::from_millisecond(time_ms).unwrap_or(Timestamp::MAX);
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn invalid_time(time_ms: u64, restorable: &Restorable) -> Error {
    Error::new(
        ErrorKind::InvalidRestoreTimeException,
        format!(
            "RestoreDateTime '{}' must be within EarliestRestorableDateTime '{}' and LatestRestorableDateTime '{}'",
            shown(time_ms),
            shown(restorable.earliest_ms),
            shown(restorable.latest_ms()),
        ),
    )
}

/// The moment that a table is restored to.
struct Point {
    restorable: Restorable,
    time_ms: u64,
    boundary: u64,
    /// The table's descriptor at that moment.
    version: TableDescriptor,
}

/// A moment counts to its end: what was committed in its last millisecond is in. The latest moment is
/// that of the request, with everything that was acknowledged before it.
async fn find_point<S: Store>(
    engine: &Engine<S>,
    source: &Table,
    recovery: &Recovery,
    wanted_ms: Option<f64>,
) -> Result<Point, Error> {
    let restorable = engine.restorable(source.id(), recovery).await?;
    let (time_ms, boundary) = match wanted_ms {
        None => {
            let boundary = engine.store.log_end().await.map_err(from_store)?;
            (restorable.now_ms.max(restorable.earliest_ms), boundary)
        }
        Some(wanted_ms) => {
            // What is negative or no number at all becomes 0, which is too early.
            let time_ms = wanted_ms as u64;
            if !restorable.contains(time_ms) {
                return Err(invalid_time(time_ms, &restorable));
            }
            (time_ms, engine.boundary_at(source.id(), recovery, time_ms).await?)
        }
    };
    let version = engine.version_at(recovery, boundary).await?;
    Ok(Point {
        version: version.ok_or_else(|| invalid_time(time_ms, &restorable))?,
        restorable,
        time_ms,
        boundary,
    })
}
