//! Reading a backup back.

use api::DynamoDb;
use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::chunk::{chunk_items, verify_chunk};
use super::manifest::BackupManifest;
use crate::error::Error;
use crate::location::Location;
use crate::progress::Progress;
use crate::table::{ItemSink, Table, TableDefinition};

/// How many items are put at once: enough to share the syncs of a disk.
const PUTS_AT_ONCE: usize = 256;

/// Verifies every chunk of a backup; the error names the one that is damaged or missing.
pub async fn verify(
    folder: &Location,
    manifest: &BackupManifest,
    on_progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), Error> {
    let mut progress = Progress::default();
    for entry in &manifest.chunks {
        verify_chunk(folder, entry).await?;
        progress.items += entry.item_count;
        progress.object_bytes += entry.object_bytes;
        on_progress(progress);
    }
    Ok(())
}

/// Makes `table` as `definition` says and puts all items of a verified backup into it. Where that does not
/// succeed, the table is removed again.
pub async fn restore<D: DynamoDb>(
    folder: &Location,
    manifest: &BackupManifest,
    definition: &TableDefinition,
    table: &Table<'_, D>,
    on_progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), Error> {
    table.create(definition).await?;
    let filled = fill(folder, manifest, table, on_progress).await;
    if filled.is_err() {
        // What went wrong first is the thing to tell.
        let _deleted = table.delete().await;
    }
    filled
}

async fn fill<S: ItemSink>(
    folder: &Location,
    manifest: &BackupManifest,
    sink: &S,
    on_progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), Error> {
    let mut progress = Progress::default();
    for entry in &manifest.chunks {
        let items = chunk_items(folder, entry).await?;
        stream::iter(items)
            .map(|item| sink.put(item))
            .buffer_unordered(PUTS_AT_ONCE)
            .try_for_each(|()| {
                progress.items += 1;
                on_progress(progress);
                std::future::ready(Ok(()))
            })
            .await?;
        progress.object_bytes += entry.object_bytes;
    }
    on_progress(progress);
    Ok(())
}
