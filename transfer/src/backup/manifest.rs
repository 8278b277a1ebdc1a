//! What a backup says of itself.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::location::Location;
use crate::object_writer::hex;
use crate::table::{TableDefinition, TableSettings};

/// The format that is written; a larger number is refused.
pub const FORMAT_VERSION: u32 = 1;
const FORMAT: &str = "stator-backup";
const MANIFEST: &str = "backup.json";
const CHECKSUM: &str = "backup.sha256";
pub const PROGRESS: &str = "progress.json";

/// `backup.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupManifest {
    format: String,
    format_version: u32,
    /// The name of the table.
    pub table_name: String,
    /// Its ARN.
    pub table_arn: String,
    /// Its id.
    pub table_id: String,
    /// When the backup was begun, as text.
    pub created_at: String,
    /// How many items there are.
    pub item_count: u64,
    /// What they measure, in bytes.
    pub size_bytes: u64,
    /// What it takes to make a table like it.
    pub table_definition: TableDefinition,
    /// The settings that it had beside.
    pub table_settings: TableSettings,
    /// The chunks, in key order.
    pub chunks: Vec<ChunkEntry>,
}

/// A chunk of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChunkEntry {
    /// Its name in the backup's folder.
    pub name: String,
    /// How many items it has.
    pub item_count: u64,
    /// How large the object is.
    pub object_bytes: u64,
    /// The object's SHA-256 checksum, in hexadecimal digits.
    pub sha256: String,
}

/// `progress.json`: what has been written of a backup that is not complete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupProgress {
    pub format_version: u32,
    pub table_id: String,
    pub created_at: String,
    pub chunks: Vec<ChunkEntry>,
}

/// The fields of a manifest that are known before its chunks are.
pub struct ManifestHead {
    pub table_name: String,
    pub table_arn: String,
    pub table_id: String,
    pub created_at: String,
    pub table_definition: TableDefinition,
    pub table_settings: TableSettings,
}

impl BackupManifest {
    pub(super) fn new(head: ManifestHead, chunks: Vec<ChunkEntry>, size_bytes: u64) -> Self {
        BackupManifest {
            format: FORMAT.to_owned(),
            format_version: FORMAT_VERSION,
            table_name: head.table_name,
            table_arn: head.table_arn,
            table_id: head.table_id,
            created_at: head.created_at,
            item_count: chunks.iter().map(|chunk| chunk.item_count).sum(),
            size_bytes,
            table_definition: head.table_definition,
            table_settings: head.table_settings,
            chunks,
        }
    }

    /// Whether the folder has a manifest.
    pub async fn is_there(folder: &Location) -> Result<bool, Error> {
        Ok(folder.size_bytes(MANIFEST).await?.is_some())
    }

    /// Reads and verifies the manifest of the backup in a folder.
    pub async fn read(folder: &Location) -> Result<Self, Error> {
        let Some(text) = folder.find(MANIFEST).await? else {
            let reason = match folder.find(PROGRESS).await? {
                Some(_) => "the backup was begun and not finished; run the same backup again to finish it",
                None => "this is no backup",
            };
            return Err(Error::missing(folder.shown(MANIFEST), reason));
        };
        let checksum = folder.get(CHECKSUM).await?;
        let expected = checksum.split(|byte| *byte == b' ').next().unwrap_or_default();
        if expected.trim_ascii() != sha256(&text).as_bytes() {
            let told = format!("its SHA-256 checksum is not the one in {CHECKSUM}");
            return Err(Error::damaged(folder.shown(MANIFEST), told));
        }
        let damaged = |reason: String| Error::damaged(folder.shown(MANIFEST), reason);
        let manifest: BackupManifest = serde_json::from_slice(&text)
            .map_err(|error| damaged(format!("it is no manifest of a backup: {error}")))?;
        if manifest.format != FORMAT {
            return Err(damaged(format!(
                "it names the format {}, not {FORMAT}",
                manifest.format
            )));
        }
        if manifest.format_version > FORMAT_VERSION {
            return Err(Error::unusable(
                folder.shown(MANIFEST),
                format!(
                    "was written by a newer Stator: it has the format version {}, and {FORMAT_VERSION} is known",
                    manifest.format_version
                ),
            ));
        }
        Ok(manifest)
    }

    /// Removes the manifest; without it there is no backup.
    pub(crate) async fn remove(folder: &Location) -> Result<(), Error> {
        folder.remove(MANIFEST).await?;
        folder.remove(CHECKSUM).await
    }

    /// Writes the manifest; with this the backup is complete.
    pub(super) async fn write(&self, folder: &Location) -> Result<(), Error> {
        let text = serde_json::to_vec_pretty(self).expect("JSON can always be written to memory");
        let checksum = format!("{}  {MANIFEST}\n", sha256(&text));
        folder.put(CHECKSUM, checksum).await?;
        folder.put(MANIFEST, text).await?;
        folder.remove(PROGRESS).await
    }
}

/// The SHA-256 checksum in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}
