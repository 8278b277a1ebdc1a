//! What there is to carry out, from the catalog.

use api::types::TableDescription;
use api::{Context, Error};
use store::Store;

use super::LISTED_MS;
use super::filling::TableFill;
use super::reading::TableRead;
use super::record::{
    BackupRecord, BackupState, ExportRecord, ImportCompression, ImportFormat, ImportRecord, Progress, Record,
};
use crate::Engine;
use crate::arn::table_arn;
use crate::catalog::{FillSource, TableDescriptor};
use crate::error::from_store;
use crate::keys;
use crate::ops::describe_as_active;
use crate::read::Pages;

/// The kinds of what there may be to carry out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferKind {
    /// Writing and removing backups.
    Backup,
    /// Making tables of backups.
    Restore,
    /// Writing exports.
    Export,
    /// Reading imports.
    Import,
}

/// Something to carry out.
#[derive(Debug)]
pub enum Transfer {
    /// Writing a backup.
    Backup(Box<BackupTransfer>),
    /// Removing the objects of a backup.
    Removal(BackupRemoval),
    /// Making a table of a backup.
    Restore(RestoreTransfer),
    /// Writing an export.
    Export(Box<ExportTransfer>),
    /// Reading an import.
    Import(Box<ImportTransfer>),
}

/// A backup to write.
#[derive(Clone, Debug)]
pub struct BackupTransfer {
    /// Its id.
    pub id: String,
    /// The table, at the moment that it is to show.
    pub read: TableRead,
    /// What DescribeTable said of the table.
    pub description: TableDescription,
    /// What else the table had.
    pub settings: SourceSettings,
    /// When it was asked for, in milliseconds since the Unix epoch.
    pub created_at_ms: u64,
    /// Whether it is the last that is kept of a deleted table, which is there until it is complete.
    pub is_last_copy: bool,
}

/// Settings of a table that DescribeTable does not show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSettings {
    /// The attribute that says when an item expires.
    pub time_to_live_attribute: Option<String>,
    /// Its tags.
    pub tags: Vec<(String, String)>,
}

/// A backup whose objects are to be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupRemoval {
    /// The backup's id.
    pub id: String,
    /// The name of the table that it is of.
    pub table_name: String,
}

/// A table to make of a backup.
#[derive(Clone, Debug)]
pub struct RestoreTransfer {
    /// The table.
    pub fill: TableFill,
    /// The backup's id.
    pub backup_id: String,
    /// The name of the table that was backed up.
    pub source_name: String,
}

/// An export to write.
#[derive(Clone, Debug)]
pub struct ExportTransfer {
    /// Its id.
    pub id: String,
    /// The table, at the moment that it is to show or at the end of what it is to show.
    pub read: TableRead,
    /// The beginning of what an incremental one is to show.
    pub window: Option<TransferWindow>,
    /// The ARN of the table.
    pub table_arn: String,
    /// The table's id, as the API shows it.
    pub table_id: String,
    /// The moment that it shows, or the end of what it shows, in milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// When it was asked for, in milliseconds since the Unix epoch.
    pub start_ms: u64,
    /// The bucket.
    pub bucket: String,
    /// What stands in front of the names of objects.
    pub prefix: Option<String>,
    /// How the bucket encrypts, as the request says.
    pub sse_algorithm: Option<String>,
    /// The key that it encrypts with, as the request says.
    pub sse_kms_key_id: Option<String>,
    /// Whether items are written as Ion, not as DynamoDB JSON.
    pub is_ion: bool,
}

/// The beginning of what an incremental export shows.
#[derive(Clone, Debug)]
pub struct TransferWindow {
    pub(super) job_id: u32,
    pub(super) boundary: u64,
    /// The first moment of it, in milliseconds since the Unix epoch.
    pub from_ms: u64,
    /// Whether lines have the images of the beginning.
    pub has_old_images: bool,
}

/// An import to read.
#[derive(Clone, Debug)]
pub struct ImportTransfer {
    /// Its id.
    pub id: String,
    /// The table to put the items into.
    pub fill: TableFill,
    /// The attributes of keys, and the types (S, N, B) that they have.
    pub key_attributes: Vec<(String, String)>,
    /// The bucket.
    pub bucket: String,
    /// What the names of the objects begin with.
    pub prefix: Option<String>,
    /// How rows are written.
    pub format: ImportFormat,
    /// How objects are compressed.
    pub compression: ImportCompression,
}

impl<S: Store> Engine<S> {
    /// All that there is to carry out of a kind, oldest first. `context` is what ARNs are made of.
    ///
    /// Also ends what has had its time: backups that expire, and records that are listed no longer.
    pub async fn open_transfers(
        &self,
        kind: TransferKind,
        context: &Context,
    ) -> Result<Vec<Transfer>, Error> {
        let now_ms = self.clock.now_ms();
        let mut open = Vec::new();
        match kind {
            TransferKind::Backup => {
                for record in self.records::<BackupRecord>().await? {
                    open.extend(self.open_backup(context, record, now_ms).await?);
                }
            }
            TransferKind::Restore => open = self.open_restores().await?,
            TransferKind::Export => {
                for record in self.records::<ExportRecord>().await? {
                    open.extend(self.open_export(context, record, now_ms).await?);
                }
            }
            TransferKind::Import => {
                for record in self.records::<ImportRecord>().await? {
                    open.extend(self.open_import(record, now_ms).await?);
                }
            }
        }
        Ok(open)
    }

    async fn open_backup(
        &self,
        context: &Context,
        record: BackupRecord,
        now_ms: u64,
    ) -> Result<Option<Transfer>, Error> {
        let (id, table_name) = (record.id.clone(), record.source.table.name.clone());
        let has_expired = record
            .expires_at_ms
            .is_some_and(|expires_at_ms| expires_at_ms <= now_ms);
        match record.state {
            BackupState::Available if has_expired && record.readers.is_empty() => {
                self.begin_removal(&id, &table_name).await?;
                Ok(Some(Transfer::Removal(BackupRemoval { id, table_name })))
            }
            BackupState::Available => Ok(None),
            BackupState::Deleting => Ok(Some(Transfer::Removal(BackupRemoval { id, table_name }))),
            BackupState::Creating => {
                let record = match record.source.boundary {
                    Some(_) => record,
                    None => {
                        self.settle_backup(&id, &table_name).await?;
                        match self.record::<BackupRecord>(&id).await? {
                            Some(record) => record,
                            None => return Ok(None),
                        }
                    }
                };
                let read = TableRead::of(&record.source).ok_or_else(Error::internal)?;
                let table = &record.source.table;
                let description = describe_as_active(self, context, table).await?;
                Ok(Some(Transfer::Backup(Box::new(BackupTransfer {
                    id,
                    read,
                    description,
                    settings: settings_of(table),
                    created_at_ms: record.created_at_ms,
                    is_last_copy: record.is_system,
                }))))
            }
        }
    }

    /// The tables that are being made of backups.
    async fn open_restores(&self) -> Result<Vec<Transfer>, Error> {
        let mut open = Vec::new();
        let mut pages = Pages::new(keys::CATALOG, vec![keys::DESCRIPTOR_PREFIX]);
        while let Some(page) = pages.next(&self.store).await.map_err(from_store)? {
            for (_, stored) in page.iter() {
                let descriptor = TableDescriptor::from_stored(stored).map_err(from_store)?;
                let Some(fill) = descriptor.fill else {
                    continue;
                };
                if let FillSource::Backup { id, source_name, .. } = fill.source {
                    open.push(Transfer::Restore(RestoreTransfer {
                        fill: TableFill {
                            table_name: descriptor.name,
                            job_id: fill.job_id,
                        },
                        backup_id: id,
                        source_name,
                    }));
                }
            }
        }
        Ok(open)
    }

    async fn open_export(
        &self,
        context: &Context,
        record: ExportRecord,
        now_ms: u64,
    ) -> Result<Option<Transfer>, Error> {
        if record.progress != Progress::Running {
            if record.start_ms.saturating_add(LISTED_MS) <= now_ms {
                self.forget::<ExportRecord>(&record.id).await?;
            }
            return Ok(None);
        }
        let read = TableRead::of(&record.source).ok_or_else(Error::internal)?;
        let table = record.source.table;
        let target = record.target;
        Ok(Some(Transfer::Export(Box::new(ExportTransfer {
            id: record.id,
            read,
            window: record.window.map(|window| TransferWindow {
                job_id: window.job_id,
                boundary: window.boundary,
                from_ms: window.from_ms,
                has_old_images: window.has_old_images,
            }),
            table_arn: table_arn(context, &table.name),
            table_id: table.uuid,
            time_ms: record.time_ms,
            start_ms: record.start_ms,
            bucket: target.bucket,
            prefix: target.prefix,
            sse_algorithm: target.sse_algorithm,
            sse_kms_key_id: target.sse_kms_key_id,
            is_ion: target.is_ion,
        }))))
    }

    async fn open_import(&self, record: ImportRecord, now_ms: u64) -> Result<Option<Transfer>, Error> {
        if record.progress != Progress::Running {
            if record.start_ms.saturating_add(LISTED_MS) <= now_ms {
                self.forget::<ImportRecord>(&record.id).await?;
            }
            return Ok(None);
        }
        let definitions = &record.table.attribute_definitions;
        let key_attributes = definitions
            .iter()
            .map(|(name, key_type)| (name.clone(), key_type.as_str().to_owned()));
        Ok(Some(Transfer::Import(Box::new(ImportTransfer {
            id: record.id,
            fill: TableFill {
                table_name: record.table.name.clone(),
                job_id: record.job_id,
            },
            key_attributes: key_attributes.collect(),
            bucket: record.source.bucket,
            prefix: record.source.prefix,
            format: record.source.format,
            compression: record.source.compression.unwrap_or(ImportCompression::None),
        }))))
    }

    /// Forgets a transfer that has ended.
    async fn forget<R: Record>(&self, id: &str) -> Result<(), Error> {
        // No table has an empty name: none is changed.
        self.change_record(R::key(id), "", Vec::new(), |change| {
            change.record = None;
            Ok(())
        })
        .await?;
        Ok(())
    }
}

fn settings_of(table: &TableDescriptor) -> SourceSettings {
    let time_to_live = table
        .time_to_live
        .as_ref()
        .filter(|time_to_live| time_to_live.is_kept());
    let tags = table.tags.iter();
    SourceSettings {
        time_to_live_attribute: time_to_live.map(|time_to_live| time_to_live.attribute.clone()),
        tags: tags.map(|(key, value)| (key.clone(), value.clone())).collect(),
    }
}
