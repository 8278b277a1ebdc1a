//! Making tables of backups.
//!
//! How far a restore has come is the number of a chunk and of an item in it, eight bytes each.

use bytes::Bytes;
use engine::RestoreTransfer;
use store::Store;

use super::Runner;
use super::backups::folder_of;
use crate::backup::{BackupManifest, chunk_items, verify};
use crate::error::Error;

/// How many items are put at once.
const PAGE_ITEMS_MAX: usize = 256;
/// About how many bytes of items are put at once.
const PAGE_BYTES_MAX: usize = 1 << 20;

/// How far a restore has come: all before this item of this chunk is in the table.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Position {
    chunk: u64,
    item: u64,
}

impl Position {
    fn to_bytes(self) -> Bytes {
        let bytes = [self.chunk.to_be_bytes(), self.item.to_be_bytes()].concat();
        Bytes::from(bytes)
    }

    fn from_bytes(bytes: &[u8]) -> Self {
        let (numbers, _) = bytes.as_chunks::<8>();
        match numbers {
            [chunk, item] => Position {
                chunk: u64::from_be_bytes(*chunk),
                item: u64::from_be_bytes(*item),
            },
            _ => Position::default(),
        }
    }
}

impl<S: Store> Runner<S> {
    pub(super) async fn restore(&self, transfer: &RestoreTransfer) -> Result<(), Error> {
        let table = transfer.fill.table_name();
        match self.fill_from_backup(transfer).await {
            Ok(()) => {
                self.engine.finish_restore(transfer).await?;
                tracing::info!(table, backup = transfer.backup_id, "a backup has been restored");
                Ok(())
            }
            // Nothing will mend what is damaged, and a part of the items is not to be taken for all.
            Err(error @ (Error::Damaged { .. } | Error::Missing { .. } | Error::Unusable { .. })) => {
                tracing::error!(
                    table,
                    backup = transfer.backup_id,
                    %error,
                    "a backup cannot be restored; the new table is removed"
                );
                self.engine.fail_restore(transfer).await?;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn fill_from_backup(&self, transfer: &RestoreTransfer) -> Result<(), Error> {
        let folder = self.backups(&folder_of(&transfer.source_name, &transfer.backup_id))?;
        let manifest = BackupManifest::read(&folder).await?;
        let mut cursor = self.engine.fill_cursor(&transfer.fill).await?;
        if cursor.is_none() {
            // All of it, before the first item is put.
            verify(&folder, &manifest, &mut |_| {}).await?;
        }
        let position = cursor.as_deref().map(Position::from_bytes).unwrap_or_default();
        for (number, entry) in (0..).zip(&manifest.chunks).skip(position.chunk as usize) {
            let mut done = if number == position.chunk {
                position.item
            } else {
                0
            };
            let mut items = chunk_items(&folder, entry).await?.into_iter().skip(done as usize);
            loop {
                let mut page = Vec::new();
                let mut page_bytes = 0;
                while page.len() < PAGE_ITEMS_MAX
                    && page_bytes < PAGE_BYTES_MAX
                    && let Some(item) = items.next()
                {
                    page_bytes += item.item.size_bytes();
                    page.push(item);
                }
                if page.is_empty() {
                    break;
                }
                done += page.len() as u64;
                let next = Position {
                    chunk: number,
                    item: done,
                }
                .to_bytes();
                let filled = self
                    .engine
                    .fill_page(&transfer.fill, page, cursor, move |_| next.clone())
                    .await?;
                if let Some((_, error)) = filled.refused.first() {
                    let told = format!("an item of it is refused: {}", error.message);
                    return Err(Error::damaged(folder.shown(&entry.name), told));
                }
                cursor = Some(filled.cursor);
            }
        }
        Ok(())
    }
}
