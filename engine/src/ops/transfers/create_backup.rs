//! CreateBackup, and the backup that the deletion of a table leaves.

use api::types::{BackupDetails, CreateBackupInput, CreateBackupOutput, TableStatus};
use api::{Context, Error, ErrorKind};
use store::Store;

use super::backups::details;
use super::check_readers;
use crate::Engine;
use crate::arn::table_name_of;
use crate::catalog::{RecordChange, TableDescriptor};
use crate::error::from_store;
use crate::ops::continuous_backups::source_not_found;
use crate::ops::table_description::{Figures, Moment, table_status};
use crate::transfers::record::{BackupRecord, BackupState, Record, Source};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// For how long the backup of a deleted table is kept, in milliseconds.
const SYSTEM_BACKUP_MS: u64 = 35 * DAY_MS;

pub(crate) async fn create_backup<S: Store>(
    engine: &Engine<S>,
    context: &Context,
    input: CreateBackupInput,
) -> Result<CreateBackupOutput, Error> {
    engine.check_transfers()?;
    let table_name = table_name_of(&input.table_name).to_owned();
    let now_ms = engine.clock.now_ms();
    let id = engine.new_transfer_id(now_ms);
    let template = New::prepare(engine, &table_name, &id, now_ms).await?;
    let template = template.ok_or_else(|| source_not_found(&table_name))?;
    let name = table_name.clone();
    let created = engine.change_record(BackupRecord::key(&id), &table_name, Vec::new(), move |change| {
        let table = change.table.as_ref().ok_or_else(|| source_not_found(&name))?;
        check_active(table, now_ms)?;
        check_readers(table)?;
        template.begin(change, input.backup_name.clone(), None)
    });
    created.await?;
    engine.settle_backup(&id, &table_name).await?;
    engine.raise_transfers();
    let record: Option<BackupRecord> = engine.record(&id).await?;
    let details = match record {
        Some(record) => BackupDetails {
            // It may be complete by now; the service's answer never shows that.
            backup_status: api::types::BackupStatus::Creating,
            ..details(context, &record)
        },
        None => return Err(Error::internal()),
    };
    Ok(CreateBackupOutput {
        backup_details: Some(details),
    })
}

/// Refuses a table that is not there as a whole.
fn check_active(table: &TableDescriptor, now_ms: u64) -> Result<(), Error> {
    let name = &table.name;
    if table.is_being_filled() {
        return Err(source_not_found(name));
    }
    let in_use = |what| {
        Err(Error::new(
            ErrorKind::TableInUseException,
            format!("Table is being {what}: {name}"),
        ))
    };
    match table_status(table, Moment::description(now_ms)) {
        TableStatus::Creating => in_use("created"),
        TableStatus::Deleting => in_use("deleted"),
        _ => Ok(()),
    }
}

/// A backup that is about to be asked for.
pub(crate) struct New {
    id: String,
    now_ms: u64,
    log_end: u64,
    item_count: u64,
    size_bytes: u64,
}

impl New {
    /// `None` where there is no such table.
    async fn prepare<S: Store>(
        engine: &Engine<S>,
        table_name: &str,
        id: &str,
        now_ms: u64,
    ) -> Result<Option<Self>, Error> {
        let table = engine.catalog.table(&engine.store, table_name).await;
        let Some(table) = table.map_err(from_store)? else {
            return Ok(None);
        };
        let figures = Figures::read(engine, &table.descriptor).await?;
        let (item_count, size_bytes) = figures.of(table.id());
        Ok(Some(New {
            id: id.to_owned(),
            now_ms,
            log_end: engine.store.log_end().await.map_err(from_store)?,
            item_count: item_count.max(0).unsigned_abs(),
            size_bytes: size_bytes.max(0).unsigned_abs(),
        }))
    }

    /// Makes the record, and holds the log of the table that is being changed along with it.
    fn begin(
        &self,
        change: &mut RecordChange,
        name: String,
        expires_at_ms: Option<u64>,
    ) -> Result<(), Error> {
        let job_id = change.ids.take();
        let table = change.table.as_mut().ok_or_else(Error::internal)?;
        let record = BackupRecord {
            id: self.id.clone(),
            name,
            is_system: expires_at_ms.is_some(),
            state: BackupState::Creating,
            created_at_ms: self.now_ms,
            expires_at_ms,
            source: Source {
                job_id,
                boundary: None,
                table: table.clone(),
            },
            item_count: self.item_count,
            size_bytes: self.size_bytes,
            readers: Vec::new(),
        };
        table.hold_log(job_id, self.log_end, &mut change.ids);
        change.record = Some(record.to_stored());
        Ok(())
    }
}

/// The backup that the deletion of a table leaves whose recovery is enabled.
pub(crate) struct SystemBackup(New);

impl SystemBackup {
    /// Prepares the backup that the deletion of a table may have to leave; `None` where there is no such
    /// table, or nobody who would write the backup.
    pub async fn prepare<S: Store>(
        engine: &Engine<S>,
        table_name: &str,
        now_ms: u64,
    ) -> Result<Option<Self>, Error> {
        if !engine.settings.has_transfers {
            return Ok(None);
        }
        let id = engine.new_transfer_id(now_ms);
        let new = New::prepare(engine, table_name, &id, now_ms).await?;
        Ok(new.map(SystemBackup))
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Makes the record of the backup, where the table that is being deleted is to leave one.
    pub fn begin(&self, change: &mut RecordChange) -> Result<(), Error> {
        let kept = change.table.as_ref();
        let Some(table) = kept.filter(|table| table.enabled_recovery().is_some()) else {
            return Ok(());
        };
        let name = format!("{}$DeletedTableBackup", table.name);
        let expires_at_ms = self.0.now_ms.saturating_add(SYSTEM_BACKUP_MS);
        self.0.begin(change, name, Some(expires_at_ms))
    }
}
