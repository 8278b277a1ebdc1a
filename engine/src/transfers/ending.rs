//! How transfers end: well, or not.

use api::Error;
use store::{Batch, Store};

use super::filling::TableFill;
use super::listing::{ExportTransfer, ImportTransfer, RestoreTransfer};
use super::record::{BackupRecord, BackupState, ExportRecord, ImportRecord, Progress, Record};
use crate::Engine;
use crate::background::Job;
use crate::catalog::{RecordChange, TableDescriptor, TableState};
use crate::engine::LONG_AGO_MS;
use crate::history::discard_job;
use crate::keys;

/// What an export has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportResult {
    /// The full name of its summary in the bucket.
    pub manifest_key: String,
    /// How many lines it has.
    pub item_count: u64,
    /// What the items measure, in bytes.
    pub billed_size_bytes: u64,
}

/// What an import has come to, so far or at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportCounts {
    /// How many rows were read.
    pub processed_item_count: u64,
    /// How many items were put.
    pub imported_item_count: u64,
    /// How many rows were refused.
    pub error_count: u64,
    /// How many bytes of objects were read.
    pub processed_size_bytes: u64,
}

/// Why a transfer has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferFailure {
    /// As a word.
    pub code: String,
    /// In words, with what it is about.
    pub message: String,
}

/// Changes a record where it is there.
fn change<R: Record>(
    change: &mut RecordChange,
    with: impl FnOnce(&mut R, &mut RecordChange) -> Option<()>,
) -> Result<(), Error> {
    let Some(stored) = &change.record else {
        return Ok(());
    };
    let mut record = R::from_stored(stored)?;
    let kept = with(&mut record, change);
    change.record = kept.map(|()| record.to_stored());
    Ok(())
}

/// Lets go of a table's log, and of what the job has set aside.
fn release(table: Option<&mut TableDescriptor>, table_id: u32, job_id: u32, batch: &mut Batch) {
    if let Some(table) = table.filter(|table| table.id == table_id) {
        table.release_log(job_id);
    }
    discard_job(job_id, batch);
}

/// The table that a job fills.
fn filled(table: &mut Option<TableDescriptor>, job_id: u32) -> Option<&mut TableDescriptor> {
    table
        .as_mut()
        .filter(|table| table.fill.as_ref().is_some_and(|fill| fill.job_id == job_id))
}

/// Ends the filling of a table: it becomes ACTIVE, or is to be deleted.
fn end_fill(table: &mut TableDescriptor, state: TableState, batch: &mut Batch) {
    if let Some(fill) = table.fill.take() {
        batch.delete(keys::restore_cursor(fill.job_id));
    }
    table.state = state;
    if state == TableState::Deleting {
        batch.set_makes_room();
        table.transition_until_ms = LONG_AGO_MS;
    }
}

impl<S: Store> Engine<S> {
    /// A backup is complete: its objects are there.
    pub async fn finish_backup(&self, id: &str, item_count: u64, size_bytes: u64) -> Result<(), Error> {
        self.end_backup(id, move |record| {
            record.state = BackupState::Available;
            (record.item_count, record.size_bytes) = (item_count, size_bytes);
            Some(())
        })
        .await
    }

    /// A backup cannot be made: it is forgotten.
    pub async fn give_up_backup(&self, id: &str) -> Result<(), Error> {
        self.end_backup(id, |_| None).await
    }

    async fn end_backup(
        &self,
        id: &str,
        end: impl Fn(&mut BackupRecord) -> Option<()> + Send + 'static,
    ) -> Result<(), Error> {
        let Some(record) = self.record::<BackupRecord>(id).await? else {
            return Ok(());
        };
        let name = record.source.table.name.clone();
        self.change_record(BackupRecord::key(id), &name, Vec::new(), move |pending| {
            change::<BackupRecord>(pending, |record, pending| {
                let source = &record.source;
                release(
                    pending.table.as_mut(),
                    source.table.id,
                    source.job_id,
                    &mut pending.batch,
                );
                end(record)
            })
        })
        .await?;
        self.jobs.add(Job::garbage());
        Ok(())
    }

    /// A backup is to be removed: nobody sees it any more.
    pub(crate) async fn begin_removal(&self, id: &str, table_name: &str) -> Result<(), Error> {
        self.change_record(BackupRecord::key(id), table_name, Vec::new(), |pending| {
            change::<BackupRecord>(pending, |record, _| {
                if record.readers.is_empty() {
                    record.state = BackupState::Deleting;
                }
                Some(())
            })
        })
        .await?;
        Ok(())
    }

    /// The objects of a backup are gone.
    pub async fn finish_removal(&self, id: &str) -> Result<(), Error> {
        let Some(record) = self.record::<BackupRecord>(id).await? else {
            return Ok(());
        };
        let name = record.source.table.name;
        self.change_record(BackupRecord::key(id), &name, Vec::new(), |pending| {
            pending.record = None;
            Ok(())
        })
        .await?;
        Ok(())
    }

    /// All items of a backup are in the table.
    pub async fn finish_restore(&self, restore: &RestoreTransfer) -> Result<(), Error> {
        self.end_restore(restore, TableState::Created).await
    }

    /// The table cannot be made of the backup: it goes.
    pub async fn fail_restore(&self, restore: &RestoreTransfer) -> Result<(), Error> {
        self.end_restore(restore, TableState::Deleting).await
    }

    async fn end_restore(&self, restore: &RestoreTransfer, state: TableState) -> Result<(), Error> {
        let key = BackupRecord::key(&restore.backup_id);
        let TableFill { table_name, job_id } = restore.fill.clone();
        self.change_record(key, &table_name, Vec::new(), move |pending| {
            if let Some(table) = filled(&mut pending.table, job_id) {
                end_fill(table, state, &mut pending.batch);
            }
            change::<BackupRecord>(pending, |record, _| {
                record.readers.retain(|reader| *reader != job_id);
                Some(())
            })
        })
        .await?;
        Ok(())
    }

    /// An export is complete.
    pub async fn finish_export(&self, export: &ExportTransfer, result: ExportResult) -> Result<(), Error> {
        let end_ms = self.clock.now_ms();
        self.end_export(export, move |record| {
            record.progress = Progress::Completed { end_ms };
            record.manifest_key = Some(result.manifest_key.clone());
            record.item_count = result.item_count;
            record.billed_size_bytes = result.billed_size_bytes;
        })
        .await
    }

    /// An export has failed.
    pub async fn fail_export(&self, export: &ExportTransfer, failure: TransferFailure) -> Result<(), Error> {
        let failed = self.failed(failure);
        self.end_export(export, move |record| record.progress = failed.clone())
            .await
    }

    fn failed(&self, failure: TransferFailure) -> Progress {
        Progress::Failed {
            end_ms: self.clock.now_ms(),
            code: failure.code,
            message: failure.message,
        }
    }

    async fn end_export(
        &self,
        export: &ExportTransfer,
        end: impl Fn(&mut ExportRecord) + Send + 'static,
    ) -> Result<(), Error> {
        let Some(record) = self.record::<ExportRecord>(&export.id).await? else {
            return Ok(());
        };
        let name = record.source.table.name.clone();
        self.change_record(ExportRecord::key(&export.id), &name, Vec::new(), move |pending| {
            change::<ExportRecord>(pending, |record, pending| {
                let source = &record.source;
                release(
                    pending.table.as_mut(),
                    source.table.id,
                    source.job_id,
                    &mut pending.batch,
                );
                if let Some(window) = &record.window {
                    discard_job(window.job_id, &mut pending.batch);
                }
                end(record);
                Some(())
            })
        })
        .await?;
        self.jobs.add(Job::garbage());
        Ok(())
    }

    /// How far an import has come.
    pub async fn note_import(&self, import: &ImportTransfer, counts: ImportCounts) -> Result<(), Error> {
        self.change_import(import, move |record, _| note(record, counts))
            .await
    }

    /// All items of an import are in the table.
    pub async fn finish_import(&self, import: &ImportTransfer, counts: ImportCounts) -> Result<(), Error> {
        let end_ms = self.clock.now_ms();
        self.change_import(import, move |record, pending| {
            note(record, counts);
            record.progress = Progress::Completed { end_ms };
            if let Some(table) = filled(&mut pending.table, record.job_id) {
                end_fill(table, TableState::Created, &mut pending.batch);
            }
        })
        .await
    }

    /// An import has failed: nobody is to take a part for the whole, so the table goes.
    pub async fn fail_import(
        &self,
        import: &ImportTransfer,
        counts: ImportCounts,
        failure: TransferFailure,
    ) -> Result<(), Error> {
        let failed = self.failed(failure);
        self.change_import(import, move |record, pending| {
            note(record, counts);
            record.progress = failed.clone();
            if let Some(table) = filled(&mut pending.table, record.job_id) {
                end_fill(table, TableState::Deleting, &mut pending.batch);
            }
        })
        .await
    }

    async fn change_import(
        &self,
        import: &ImportTransfer,
        with: impl Fn(&mut ImportRecord, &mut RecordChange) + Send + 'static,
    ) -> Result<(), Error> {
        let key = ImportRecord::key(&import.id);
        self.change_record(key, import.fill.table_name(), Vec::new(), move |pending| {
            change::<ImportRecord>(pending, |record, pending| {
                with(record, pending);
                Some(())
            })
        })
        .await?;
        Ok(())
    }
}

fn note(record: &mut ImportRecord, counts: ImportCounts) {
    record.processed_item_count = counts.processed_item_count;
    record.imported_item_count = counts.imported_item_count;
    record.error_count = counts.error_count;
    record.processed_size_bytes = counts.processed_size_bytes;
}
