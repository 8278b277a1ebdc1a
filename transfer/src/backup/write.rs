//! Writing a backup, and going on with one that was interrupted.

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use model::Item;

use super::chunk::ChunkText;
use super::manifest::{BackupManifest, BackupProgress, ChunkEntry, FORMAT_VERSION, ManifestHead, PROGRESS};
use crate::error::Error;
use crate::location::Location;
use crate::object_reader::blocking;
use crate::progress::Progress;
use crate::table::{TableDefinition, TableSettings};
use crate::times::text_of;

/// What is backed up.
#[derive(Clone, Debug, PartialEq)]
pub struct Backup {
    /// The name of the table.
    pub table_name: String,
    /// Its ARN.
    pub table_arn: String,
    /// Its id: a backup that was interrupted goes on only for the same table.
    pub table_id: String,
    /// What it takes to make a table like it.
    pub definition: TableDefinition,
    /// The settings that it has beside.
    pub settings: TableSettings,
    /// When the backup begins, in milliseconds since the Unix epoch.
    pub time_ms: u64,
}

/// How many chunks are written before progress is noted again, once there are many: so that noting it
/// costs little, whatever the size of the table.
const CHUNKS_BETWEEN_NOTES: usize = 64;

/// Writes a backup of `pages`, which give the same items in the same order each time that they are asked
/// for the same state of the table. A folder that holds a complete backup is refused.
pub async fn backup(
    folder: &Location,
    backup: &Backup,
    pages: impl Stream<Item = Result<Vec<Item>, Error>> + Send,
    on_progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<BackupManifest, Error> {
    if BackupManifest::is_there(folder).await? {
        return Err(Error::unusable(
            folder.shown(""),
            "holds a complete backup already; choose another place",
        ));
    }
    let mut chunks = Chunks::begin(folder, backup, on_progress).await?;
    let mut pages = std::pin::pin!(pages);
    let mut text = ChunkText::default();
    while let Some(page) = pages.next().await {
        let mut page = page?;
        // Writing JSON takes long enough to hold up whoever shares the thread.
        while !page.is_empty() {
            let work = blocking(move || {
                let fitting = page.iter().take_while(|item| {
                    let is_wanted = !text.is_full();
                    if is_wanted {
                        text.push(item);
                    }
                    is_wanted
                });
                let count = fitting.count();
                let rest = page.split_off(count);
                (text, rest)
            });
            (text, page) = work.await.map_err(|_| Error::Interrupted)?;
            if text.is_full() {
                chunks.write(std::mem::take(&mut text)).await?;
            }
        }
    }
    if text.item_count > 0 {
        chunks.write(text).await?;
    }
    chunks.finish(backup).await
}

/// The chunks of a backup that is being written.
struct Chunks<'b> {
    folder: &'b Location,
    progress: BackupProgress,
    /// Those that an earlier run wrote.
    earlier: Vec<ChunkEntry>,
    item_bytes: u64,
    told: Progress,
    on_progress: &'b mut (dyn FnMut(Progress) + Send),
}

impl<'b> Chunks<'b> {
    async fn begin(
        folder: &'b Location,
        backup: &Backup,
        on_progress: &'b mut (dyn FnMut(Progress) + Send),
    ) -> Result<Self, Error> {
        let progress = BackupProgress {
            format_version: FORMAT_VERSION,
            table_id: backup.table_id.clone(),
            created_at: text_of(backup.time_ms),
            chunks: Vec::new(),
        };
        let mut earlier = Vec::new();
        if let Some(noted) = folder.find(PROGRESS).await? {
            let noted: BackupProgress = serde_json::from_slice(&noted).map_err(|error| {
                let told = format!("it is no progress of a backup: {error}; remove it to begin anew");
                Error::damaged(folder.shown(PROGRESS), told)
            })?;
            if noted.table_id != backup.table_id || noted.format_version != FORMAT_VERSION {
                return Err(Error::unusable(
                    folder.shown(""),
                    "holds the beginning of a backup of another table; choose another place",
                ));
            }
            earlier = noted.chunks;
        }
        let mut chunks = Chunks {
            folder,
            progress,
            earlier,
            item_bytes: 0,
            told: Progress::default(),
            on_progress,
        };
        if chunks.earlier.is_empty() {
            chunks.note().await?;
        }
        Ok(chunks)
    }

    async fn write(&mut self, text: ChunkText) -> Result<(), Error> {
        let number = self.progress.chunks.len() + 1;
        self.item_bytes += text.item_bytes;
        let compressed = blocking(move || text.compress(number)).await;
        let (object, entry) = compressed
            .map_err(|_| Error::Interrupted)?
            .map_err(|error| Error::unusable("a chunk", format!("cannot be compressed: {error}")))?;
        if !self.is_there(&entry).await? {
            self.put(&entry, object).await?;
        }
        self.told.items += entry.item_count;
        self.told.object_bytes += entry.object_bytes;
        self.progress.chunks.push(entry);
        let is_earlier = number <= self.earlier.len();
        if !is_earlier && (number < CHUNKS_BETWEEN_NOTES || number.is_multiple_of(CHUNKS_BETWEEN_NOTES)) {
            self.note().await?;
        }
        (self.on_progress)(self.told);
        Ok(())
    }

    /// Whether an earlier run wrote the same chunk, and it is still there.
    async fn is_there(&mut self, entry: &ChunkEntry) -> Result<bool, Error> {
        let index = self.progress.chunks.len();
        if self.earlier.get(index) != Some(entry) {
            return Ok(false);
        }
        Ok(self.folder.size_bytes(&entry.name).await? == Some(entry.object_bytes))
    }

    async fn put(&mut self, entry: &ChunkEntry, object: Bytes) -> Result<(), Error> {
        self.folder.put(&entry.name, object).await
    }

    async fn note(&mut self) -> Result<(), Error> {
        let text = serde_json::to_vec(&self.progress).expect("JSON can always be written to memory");
        self.folder.put(PROGRESS, text).await
    }

    async fn finish(self, backup: &Backup) -> Result<BackupManifest, Error> {
        let count = self.progress.chunks.len();
        // An earlier run, of the table as it was then, may have had more chunks.
        for entry in self.earlier.iter().skip(count) {
            self.folder.remove(&entry.name).await?;
        }
        let head = ManifestHead {
            table_name: backup.table_name.clone(),
            table_arn: backup.table_arn.clone(),
            table_id: backup.table_id.clone(),
            created_at: self.progress.created_at,
            table_definition: backup.definition.clone(),
            table_settings: backup.settings.clone(),
        };
        let manifest = BackupManifest::new(head, self.progress.chunks, self.item_bytes);
        manifest.write(self.folder).await?;
        Ok(manifest)
    }
}
