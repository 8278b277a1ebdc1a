//! Writing backups, and removing them.

use engine::{BackupRemoval, BackupTransfer};
use serde_json::json;
use store::Store;

use super::Runner;
use super::pages::pages;
use crate::backup::{Backup, BackupManifest, backup};
use crate::error::Error;
use crate::location::Location;
use crate::table::{TableDefinition, TableSettings};

/// For how long a backup whose place cannot be used is tried, before its table's log is let
/// go, in milliseconds.
const GIVE_UP_AFTER_MS: u64 = 60 * 60 * 1000;

impl<S: Store> Runner<S> {
    pub(super) async fn write_backup(&self, transfer: &BackupTransfer) -> Result<(), Error> {
        match self.write_backup_objects(transfer).await {
            Ok(manifest) => {
                self.engine
                    .finish_backup(&transfer.id, manifest.item_count, manifest.size_bytes)
                    .await?;
                tracing::info!(
                    table = manifest.table_name,
                    backup = transfer.id,
                    items = manifest.item_count,
                    "a backup is complete"
                );
                Ok(())
            }
            Err(error) if is_hopeless(&error, transfer, self.engine.now_ms()) => {
                tracing::error!(backup = transfer.id, %error, "a backup cannot be made and is given up");
                self.engine.give_up_backup(&transfer.id).await?;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn write_backup_objects(&self, transfer: &BackupTransfer) -> Result<BackupManifest, Error> {
        let description = &transfer.description;
        let table_name = description.table_name.clone().unwrap_or_default();
        let folder = self.backups(&folder_of(&table_name, &transfer.id))?;
        // It may have been completed right before the process ended.
        if BackupManifest::is_there(&folder).await? {
            return BackupManifest::read(&folder).await;
        }
        let settings = &transfer.settings;
        let tags = settings.tags.iter();
        let stream = description.stream_specification.as_ref();
        let subject = Backup {
            table_name,
            table_arn: description.table_arn.clone().unwrap_or_default(),
            table_id: description.table_id.clone().unwrap_or_default(),
            definition: TableDefinition::of_description(description),
            settings: TableSettings {
                time_to_live_attribute: settings.time_to_live_attribute.clone(),
                tags: tags
                    .map(|(key, value)| json!({ "Key": key, "Value": value }))
                    .collect(),
                stream_specification: stream.map(|stream| {
                    json!({
                        "StreamEnabled": stream.stream_enabled,
                        "StreamViewType": stream.stream_view_type.map(|view| view.as_str()),
                    })
                }),
                deletion_protection: description.deletion_protection_enabled.unwrap_or_default(),
            },
            time_ms: transfer.created_at_ms,
        };
        let pages = pages(|start| async move {
            let page = self.engine.read_table(&transfer.read, &start).await?;
            Ok(page.map(|page| (page.items, page.next)))
        });
        backup(&folder, &subject, pages, &mut |_| {}).await
    }

    pub(super) async fn remove_backup(&self, removal: &BackupRemoval) -> Result<(), Error> {
        let folder = self.backups(&folder_of(&removal.table_name, &removal.id))?;
        remove_objects(&folder).await?;
        self.engine.finish_removal(&removal.id).await?;
        tracing::info!(
            table = removal.table_name,
            backup = removal.id,
            "a backup is removed"
        );
        Ok(())
    }
}

/// The folder of a backup in the place of all backups.
pub(super) fn folder_of(table_name: &str, id: &str) -> String {
    format!("{table_name}/{id}")
}

/// Removes all objects of a folder, the manifest first: what is left of a removal that was interrupted
/// is no backup.
async fn remove_objects(folder: &Location) -> Result<(), Error> {
    BackupManifest::remove(folder).await?;
    let whole = folder.whole();
    for object in folder.list().await? {
        whole.remove(object.location.as_ref()).await?;
    }
    folder.remove_directory();
    Ok(())
}

/// Whether a backup is better given up: its place cannot be used, and while it is tried the log of its
/// table grows. That of a deleted table has no log that grows, and is not given up.
fn is_hopeless(error: &Error, transfer: &BackupTransfer, now_ms: u64) -> bool {
    let age_ms = now_ms.saturating_sub(transfer.created_at_ms);
    let is_place = !matches!(error, Error::Refused(_) | Error::Interrupted);
    is_place && !transfer.is_last_copy && age_ms > GIVE_UP_AFTER_MS
}
