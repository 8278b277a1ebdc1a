//! ExportTableToPointInTime.
//!
//! Order of checks: the shape; what is not built; which moments are asked for; whether the table is
//! there and has recovery; and last whether these moments are known.

use api::types::{
    ExportFormat, ExportTableToPointInTimeInput, ExportTableToPointInTimeOutput, ExportType, ExportViewType,
    IncrementalExportSpecification,
};
use api::{Context, Error, ErrorKind};
use store::Store;

use super::check_readers;
use super::exports::description;
use crate::Engine;
use crate::arn::table_name_of;
use crate::catalog::{Recovery, Table, TableDescriptor};
use crate::error::from_store;
use crate::keys;
use crate::ops::continuous_backups::source_not_found;
use crate::ops::restore_table_to_point_in_time::{shown, unavailable};
use crate::ops::table_errors::not_supported;
use crate::recovery::{LogBegin, Restorable};
use crate::transfers::record::{ExportRecord, ExportTarget, Progress, Record, Source, WindowRecord};

const MINUTE_MS: u64 = 60 * 1000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
/// How long the period of an incremental export is at least and at most (developer guide, "Requesting a
/// table export in DynamoDB").
const PERIOD_MS: std::ops::RangeInclusive<u64> = 15 * MINUTE_MS..=24 * HOUR_MS;
/// For how long a request with the same token is the same request.
const TOKEN_MS: u64 = 8 * HOUR_MS;

pub(crate) async fn export_table_to_point_in_time<S: Store>(
    engine: &Engine<S>,
    context: &Context,
    input: ExportTableToPointInTimeInput,
) -> Result<ExportTableToPointInTimeOutput, Error> {
    engine.check_transfers()?;
    if input.filter_specification.is_some() {
        return Err(not_supported("FilterSpecification"));
    }
    let now_ms = engine.clock.now_ms();
    let wanted = Wanted::of(&input, now_ms)?;
    let name = table_name_of(&input.table_arn).to_owned();
    let table = engine.catalog.table(&engine.store, &name).await;
    let table = table
        .map_err(from_store)?
        .filter(|table| !table.descriptor.is_being_filled());
    let table = table.ok_or_else(|| source_not_found(&name))?;
    if let Some(record) = find_same(engine, &table, &input, &wanted, now_ms).await? {
        return Ok(ExportTableToPointInTimeOutput {
            export_description: Some(description(context, &record)),
        });
    }
    let recovery = table.descriptor.enabled_recovery();
    let recovery = recovery.ok_or_else(|| unavailable(&name))?.clone();
    let span = wanted.find(engine, &table, &recovery, now_ms).await?;
    let template = ExportRecord {
        id: engine.new_transfer_id(now_ms),
        progress: Progress::Running,
        start_ms: now_ms,
        source: Source {
            job_id: 0,
            boundary: Some(span.end),
            table: span.version,
        },
        time_ms: span.time_ms,
        window: None,
        target: target_of(&input),
        client_token: input.client_token,
        item_count: 0,
        billed_size_bytes: 0,
        manifest_key: None,
    };
    let id = template.id.clone();
    // The log's beginning is shared, so that what the export needs is there when its hold is.
    let shared = vec![keys::log_removed(table.id())];
    let table_id = table.id();
    let table_name = name.clone();
    let begun = engine.change_record(ExportRecord::key(&id), &table_name, shared, move |change| {
        let removed = LogBegin::from_stored(change.shared[0].as_deref()).removed;
        let (job_id, window_job_id) = (change.ids.take(), change.ids.take());
        let held = change.table.as_mut().filter(|table| {
            let enabled = table.enabled_recovery();
            table.id == table_id && enabled.is_some_and(|enabled| enabled.id == recovery.id)
        });
        let held = held.ok_or_else(|| unavailable(&name))?;
        check_readers(held)?;
        let least = span.begin.map_or(span.end, |begin| begin.min(span.end));
        if removed > least {
            return Err(invalid_time(wanted.earliest_ms(), &span.restorable));
        }
        held.hold_log(job_id, least, &mut change.ids);
        let mut record = template.clone();
        record.source.job_id = job_id;
        record.window = span.begin.map(|boundary| WindowRecord {
            job_id: window_job_id,
            boundary,
            from_ms: wanted.earliest_ms(),
            has_old_images: wanted.has_old_images,
        });
        change.record = Some(record.to_stored());
        Ok(())
    });
    begun.await?;
    engine.raise_transfers();
    let record: Option<ExportRecord> = engine.record(&id).await?;
    let record = record.ok_or_else(Error::internal)?;
    let mut shown = description(context, &record);
    shown.export_status = Some(api::types::ExportStatus::InProgress);
    Ok(ExportTableToPointInTimeOutput {
        export_description: Some(shown),
    })
}

fn target_of(input: &ExportTableToPointInTimeInput) -> ExportTarget {
    ExportTarget {
        bucket: input.s3_bucket.clone(),
        bucket_owner: input.s3_bucket_owner.clone(),
        prefix: input.s3_prefix.clone(),
        sse_algorithm: input
            .s3_sse_algorithm
            .map(|algorithm| algorithm.as_str().to_owned()),
        sse_kms_key_id: input.s3_sse_kms_key_id.clone(),
        is_ion: input.export_format == Some(ExportFormat::Ion),
    }
}

fn invalid_time(time_ms: u64, restorable: &Restorable) -> Error {
    Error::new(
        ErrorKind::InvalidExportTimeException,
        format!(
            "ExportTime '{}' must be within EarliestRestorableDateTime '{}' and LatestRestorableDateTime '{}'",
            shown(time_ms),
            shown(restorable.earliest_ms),
            shown(restorable.latest_ms()),
        ),
    )
}

/// The moments that a request names, in milliseconds since the Unix epoch.
#[derive(Clone, Copy)]
struct Wanted {
    /// The first moment of an incremental export.
    from_ms: Option<u64>,
    /// The moment of a full one, or the first moment behind an incremental one; `None`: now.
    time_ms: Option<u64>,
    /// Whether the lines of an incremental one have the images of the beginning.
    has_old_images: bool,
}

/// What an export reads.
struct Span {
    restorable: Restorable,
    /// The log number of the last change that is not in an incremental export.
    begin: Option<u64>,
    /// The log number of the last change that counts.
    end: u64,
    /// The moment of the end, in milliseconds since the Unix epoch.
    time_ms: u64,
    /// The table's descriptor at the end.
    version: TableDescriptor,
}

impl Wanted {
    fn of(input: &ExportTableToPointInTimeInput, now_ms: u64) -> Result<Self, Error> {
        // What is negative or no number at all becomes 0, which is too early.
        let milliseconds = |seconds: f64| (seconds * 1000.0).round() as u64;
        let period = input.incremental_export_specification.as_ref();
        if input.export_type != Some(ExportType::IncrementalExport) {
            if period.is_some() {
                return Err(Error::validation(
                    "IncrementalExportSpecification can only be specified when ExportType is INCREMENTAL_EXPORT",
                ));
            }
            return Ok(Wanted {
                from_ms: None,
                time_ms: input.export_time.map(milliseconds),
                has_old_images: false,
            });
        }
        if input.export_time.is_some() {
            return Err(Error::validation(
                "ExportTime can not be specified when ExportType is INCREMENTAL_EXPORT",
            ));
        }
        let Some(IncrementalExportSpecification {
            export_from_time: Some(from),
            export_to_time: to,
            export_view_type: view,
        }) = period
        else {
            return Err(Error::validation(
                "IncrementalExportSpecification with ExportFromTime must be specified when ExportType is \
                 INCREMENTAL_EXPORT",
            ));
        };
        let (from_ms, time_ms) = (milliseconds(*from), to.map(milliseconds));
        let length_ms = time_ms.unwrap_or(now_ms).checked_sub(from_ms);
        if !length_ms.is_some_and(|length_ms| PERIOD_MS.contains(&length_ms)) {
            return Err(Error::validation(
                "The period between ExportFromTime and ExportToTime must be at least 15 minutes and at most 24 hours",
            ));
        }
        Ok(Wanted {
            from_ms: Some(from_ms),
            time_ms,
            has_old_images: *view != Some(ExportViewType::NewImage),
        })
    }

    /// The earliest moment that counts; 0 where that is now.
    fn earliest_ms(&self) -> u64 {
        self.from_ms.or(self.time_ms).unwrap_or_default()
    }

    /// Finds the moments in the log. The moment of a full export counts to its end, and the end of an
    /// incremental one does not count any more. An export of now has all that was acknowledged before it.
    async fn find<S: Store>(
        &self,
        engine: &Engine<S>,
        table: &Table,
        recovery: &Recovery,
        now_ms: u64,
    ) -> Result<Span, Error> {
        let restorable = engine.restorable(table.id(), recovery).await?;
        for time_ms in self.from_ms.iter().chain(&self.time_ms) {
            if !restorable.contains(*time_ms) {
                return Err(invalid_time(*time_ms, &restorable));
            }
        }
        let at = |time_ms: u64| engine.boundary_at(table.id(), recovery, time_ms);
        let begin = match self.from_ms {
            None => None,
            Some(from_ms) => Some(at(from_ms.saturating_sub(1)).await?),
        };
        let end = match (self.time_ms, self.from_ms) {
            (None, _) => engine.store.log_end().await.map_err(from_store)?,
            (Some(time_ms), None) => at(time_ms).await?,
            (Some(time_ms), Some(_)) => at(time_ms.saturating_sub(1)).await?,
        };
        let time_ms = self.time_ms.unwrap_or(now_ms.max(restorable.earliest_ms));
        let version = engine.version_at(recovery, end).await?;
        Ok(Span {
            version: version.ok_or_else(|| invalid_time(time_ms, &restorable))?,
            restorable,
            begin,
            end,
            time_ms,
        })
    }
}

/// The export that an earlier request with the same token has begun; an error where it asked for
/// something else.
async fn find_same<S: Store>(
    engine: &Engine<S>,
    table: &Table,
    input: &ExportTableToPointInTimeInput,
    wanted: &Wanted,
    now_ms: u64,
) -> Result<Option<ExportRecord>, Error> {
    let Some(token) = &input.client_token else {
        return Ok(None);
    };
    let records: Vec<ExportRecord> = engine.records().await?;
    let mut recent = records.into_iter().filter(|record| {
        record.client_token.as_ref() == Some(token) && record.start_ms.saturating_add(TOKEN_MS) > now_ms
    });
    let Some(record) = recent.next() else {
        return Ok(None);
    };
    let is_same = record.source.table.id == table.id()
        && record.target == target_of(input)
        && record.window.as_ref().map(|window| window.from_ms) == wanted.from_ms
        && wanted.time_ms.is_none_or(|time_ms| time_ms == record.time_ms);
    match is_same {
        true => Ok(Some(record)),
        false => Err(Error::new(
            ErrorKind::ExportConflictException,
            format!(
                "An export with the same client token and other parameters was requested before: {token}"
            ),
        )),
    }
}
