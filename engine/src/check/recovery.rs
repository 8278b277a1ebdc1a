//! What is kept of the past: the logs of tables' descriptors, logs that lack nothing which a moment
//! needs, and jobs that hold logs and set items aside.

use std::collections::{BTreeMap, BTreeSet};

use store::{Store, StoreError};

use super::CheckReport;
use super::orphans::ids_in;
use crate::catalog::{Recovery, Table};
use crate::keys;
use crate::log::{self, ChangeKind, ChangeRecord};
use crate::read::Pages;
use crate::recovery::{LogBegin, read_version};
use crate::transfers::record::{BackupRecord, BackupState, ExportRecord, Progress, Record};

/// What the log of a table must hold, and must not.
pub(super) struct KeptLog {
    table_id: u32,
    /// Records up to this number are gone.
    removed: u64,
    /// From this number on no record lacks the item before the change.
    history_from: Option<u64>,
}

impl KeptLog {
    /// What holds of the log of a table. `trimmed` is the number up to which streams see it so.
    pub async fn of<S: Store>(
        store: &S,
        table_id: u32,
        table: Option<&Table>,
        trimmed: u64,
    ) -> Result<Self, StoreError> {
        let descriptor = table.map(|table| &table.descriptor);
        let key = keys::log_removed(table_id);
        let begin = LogBegin::from_stored(store.get(key.space, &key.bytes).await?.as_deref());
        // What streams do not see may still be there for recovery, or wait to be removed after it.
        let is_kept = descriptor
            .is_some_and(|descriptor| descriptor.recovery.is_some() || !descriptor.log_holds.is_empty());
        let enabled = descriptor.and_then(|descriptor| descriptor.enabled_recovery());
        let enabling = match enabled {
            None => None,
            Some(recovery) => first_number(store, recovery.id).await?,
        };
        let holds = descriptor
            .into_iter()
            .flat_map(|descriptor| &descriptor.log_holds);
        Ok(KeptLog {
            table_id,
            removed: if is_kept {
                begin.removed
            } else {
                trimmed.max(begin.removed)
            },
            history_from: holds.map(|hold| hold.boundary).chain(enabling).min(),
        })
    }

    /// Checks a record of the log.
    pub fn check(&self, number: u64, record: &ChangeRecord, report: &mut CheckReport) {
        let (id, removed) = (self.table_id, self.removed);
        if number <= removed {
            report.problem(format_args!(
                "the change log of id {id} has the record {number}, and is trimmed up to {removed}"
            ));
        }
        let has_history = self.history_from.is_some_and(|from| number > from);
        if has_history && record.kind != ChangeKind::Insert && record.old.is_none() {
            report.problem(format_args!(
                "the change log of id {id}: the record {number} lacks the item before the change"
            ));
        }
    }
}

async fn first_number<S: Store>(store: &S, log_id: u32) -> Result<Option<u64>, StoreError> {
    let mut pages = Pages::new(keys::LOG, keys::id_prefix(log_id).to_vec()).of_rows(1);
    let page = pages.next(store).await?;
    Ok(page.and_then(|page| keys::parse_log_record(page.key(0))))
}

/// The ids of the logs of tables' descriptors.
pub(super) fn version_logs(tables: &BTreeMap<u32, Table>) -> BTreeSet<u32> {
    let recoveries = tables
        .values()
        .filter_map(|table| table.descriptor.recovery.as_ref());
    recoveries.map(|recovery| recovery.id).collect()
}

/// Checks the logs of descriptors, and the jobs that read tables as they were.
pub(super) async fn check_recovery<S: Store>(
    store: &S,
    tables: &BTreeMap<u32, Table>,
    report: &mut CheckReport,
) -> Result<(), StoreError> {
    for table in tables.values() {
        if let Some(recovery) = table.descriptor.enabled_recovery() {
            check_versions(store, table, recovery, report).await?;
        }
    }
    let mut jobs = BTreeSet::new();
    for table in tables.values() {
        let Some(restore) = &table.descriptor.restore else {
            continue;
        };
        let is_held = tables.get(&restore.source_id).is_some_and(|source| {
            let mut holds = source.descriptor.log_holds.iter();
            holds.any(|hold| (hold.job_id, hold.boundary) == (restore.job_id, restore.boundary))
        });
        if !is_held {
            report.problem(format_args!(
                "table {}: it is being restored, and its source does not keep its log for it",
                table.name()
            ));
        }
        if !jobs.insert(restore.job_id) {
            report.problem(format_args!(
                "table {}: the id {} of its restore is used twice",
                table.name(),
                restore.job_id
            ));
        }
    }
    jobs.extend(transfer_jobs(store, report).await?);
    for table in tables.values() {
        for hold in &table.descriptor.log_holds {
            if !jobs.contains(&hold.job_id) {
                let (table, job_id) = (table.name(), hold.job_id);
                report.problem(format_args!(
                    "table {table}: its log is kept for the job {job_id}, which there is not"
                ));
            }
        }
    }
    for id in ids_in(store, keys::SCRATCH).await? {
        let garbage = keys::garbage(keys::SCRATCH, id);
        if !jobs.contains(&id) && store.get(garbage.space, &garbage.bytes).await?.is_none() {
            report.problem(format_args!("items are set aside for the unknown job {id}"));
        }
    }
    Ok(())
}

/// Checks that the log of a table's descriptors ends with the one that is.
async fn check_versions<S: Store>(
    store: &S,
    table: &Table,
    recovery: &Recovery,
    report: &mut CheckReport,
) -> Result<(), StoreError> {
    let name = table.name();
    let (mut newest, mut newest_ms) = (None, 0);
    let mut pages = Pages::new(keys::LOG, keys::id_prefix(recovery.id).to_vec());
    while let Some(page) = pages.next(store).await? {
        for (_, stored) in page.iter() {
            let time_ms = log::time_ms(stored).unwrap_or_default();
            match read_version(stored) {
                Ok(version) if version.id == table.id() && time_ms >= newest_ms => newest = Some(version),
                _ => report.problem(format_args!(
                    "table {name}: a version of its descriptor cannot be read, or is not its own, or not in order"
                )),
            }
            newest_ms = newest_ms.max(time_ms);
        }
    }
    if newest.as_ref() != Some(&table.descriptor) {
        report.problem(format_args!(
            "table {name}: the newest version of its descriptor is not recorded"
        ));
    }
    Ok(())
}

/// The jobs of backups and exports that are being written, which hold logs and set items aside.
async fn transfer_jobs<S: Store>(store: &S, report: &mut CheckReport) -> Result<BTreeSet<u32>, StoreError> {
    let mut jobs = BTreeSet::new();
    let mut pages = Pages::new(keys::CATALOG, keys::transfers_prefix(BackupRecord::KIND));
    while let Some(page) = pages.next(store).await? {
        for (_, stored) in page.iter() {
            match BackupRecord::from_stored(stored) {
                Ok(record) if record.state == BackupState::Creating => {
                    jobs.insert(record.source.job_id);
                }
                Ok(_) => {}
                Err(_) => report.problem("the record of a backup cannot be read"),
            }
        }
    }
    let mut pages = Pages::new(keys::CATALOG, keys::transfers_prefix(ExportRecord::KIND));
    while let Some(page) = pages.next(store).await? {
        for (_, stored) in page.iter() {
            match ExportRecord::from_stored(stored) {
                Ok(record) if record.progress == Progress::Running => {
                    jobs.insert(record.source.job_id);
                    jobs.extend(record.window.map(|window| window.job_id));
                }
                Ok(_) => {}
                Err(_) => report.problem("the record of an export cannot be read"),
            }
        }
    }
    Ok(jobs)
}
