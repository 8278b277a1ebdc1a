//! What the catalog keeps of backups, exports and imports: MessagePack with member names, so that a
//! member can be added later and old ones be read.

use api::Error;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::{Key, StoreError};

use crate::catalog::TableDescriptor;
use crate::error::from_store;
use crate::keys;

/// A record of a transfer.
pub(crate) trait Record: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What the keys of its kind have in front.
    const KIND: u8;

    /// The key of the one with this id.
    fn key(id: &str) -> Key {
        keys::transfer(Self::KIND, id)
    }

    /// The stored form.
    fn to_stored(&self) -> Bytes {
        let stored = rmp_serde::to_vec_named(self);
        Bytes::from(stored.expect("a record can always be written"))
    }

    /// Reads the stored form.
    fn from_stored(stored: &[u8]) -> Result<Self, Error> {
        rmp_serde::from_slice(stored).map_err(|error| {
            from_store(StoreError::Damaged {
                path: "catalog".into(),
                offset: None,
                detail: format!("the record of a backup, an export or an import cannot be read: {error}"),
            })
        })
    }
}

/// A table that a transfer reads, and the moment that it reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Source {
    /// The id of the job that holds the table's log, from the same sequence as table ids.
    pub job_id: u32,
    /// The log number of the last change that counts; `None` until it is settled.
    pub boundary: Option<u64>,
    /// The table as it was at that moment.
    pub table: TableDescriptor,
}

/// A backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BackupRecord {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether the deletion of a table made it, not a request.
    pub is_system: bool,
    /// How far it has come.
    pub state: BackupState,
    /// When it was asked for, in milliseconds since the Unix epoch.
    pub created_at_ms: u64,
    /// When it is removed by itself, in milliseconds since the Unix epoch.
    pub expires_at_ms: Option<u64>,
    /// What it shows.
    pub source: Source,
    /// How many items it has: while it is being made, how many the table had.
    pub item_count: u64,
    /// What they measure, in bytes.
    pub size_bytes: u64,
    /// The jobs that make tables of it.
    pub readers: Vec<u32>,
}

/// How far a backup has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum BackupState {
    /// Its objects are being written.
    Creating,
    /// It is complete.
    Available,
    /// Its objects are being removed; nobody sees it any more.
    Deleting,
}

impl Record for BackupRecord {
    const KIND: u8 = b'b';
}

/// How a transfer ended, or that it has not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Progress {
    /// It is being carried out.
    Running,
    /// It is complete since then, in milliseconds since the Unix epoch.
    Completed { end_ms: u64 },
    /// It has failed.
    Failed {
        /// When, in milliseconds since the Unix epoch.
        end_ms: u64,
        /// What for, as a word.
        code: String,
        /// What for, in words.
        message: String,
    },
}

/// An export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExportRecord {
    /// Its id.
    pub id: String,
    /// How far it has come.
    pub progress: Progress,
    /// When it was asked for, in milliseconds since the Unix epoch.
    pub start_ms: u64,
    /// What it shows, or the end of what it shows.
    pub source: Source,
    /// The moment that it shows, or the end of what it shows, in milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// The beginning of what an incremental one shows.
    pub window: Option<WindowRecord>,
    /// Where it goes, and how it is written.
    pub target: ExportTarget,
    /// The token of the request.
    pub client_token: Option<String>,
    /// How many lines it has.
    pub item_count: u64,
    /// What they measure, in bytes.
    pub billed_size_bytes: u64,
    /// The name of its summary in the bucket.
    pub manifest_key: Option<String>,
}

/// The beginning of what an incremental export shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WindowRecord {
    /// The id of the job that gathers the changes, from the same sequence as table ids.
    pub job_id: u32,
    /// The log number of the last change that is not in it.
    pub boundary: u64,
    /// The first moment of it, in milliseconds since the Unix epoch.
    pub from_ms: u64,
    /// Whether lines have the images of the beginning.
    pub has_old_images: bool,
}

/// Where an export goes, and how it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExportTarget {
    /// The bucket.
    pub bucket: String,
    /// The account that owns it, as the request says.
    pub bucket_owner: Option<String>,
    /// What stands in front of the names of objects.
    pub prefix: Option<String>,
    /// How the bucket encrypts, as the request says.
    pub sse_algorithm: Option<String>,
    /// The key that it encrypts with, as the request says.
    pub sse_kms_key_id: Option<String>,
    /// Whether items are written as Ion.
    pub is_ion: bool,
}

impl Record for ExportRecord {
    const KIND: u8 = b'e';
}

/// An import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ImportRecord {
    /// Its id.
    pub id: String,
    /// How far it has come.
    pub progress: Progress,
    /// When it was asked for, in milliseconds since the Unix epoch.
    pub start_ms: u64,
    /// The id of the job that fills the table.
    pub job_id: u32,
    /// The table as it was made.
    pub table: TableDescriptor,
    /// What is imported.
    pub source: ImportSource,
    /// The token of the request.
    pub client_token: Option<String>,
    /// How many rows were read.
    pub processed_item_count: u64,
    /// How many items were put.
    pub imported_item_count: u64,
    /// How many rows were refused.
    pub error_count: u64,
    /// How many bytes of objects were read.
    pub processed_size_bytes: u64,
}

/// What an import reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ImportSource {
    /// The bucket.
    pub bucket: String,
    /// The account that owns it, as the request says.
    pub bucket_owner: Option<String>,
    /// What the names of the objects begin with.
    pub prefix: Option<String>,
    /// How rows are written.
    pub format: ImportFormat,
    /// How objects are compressed; `None` where the request does not say.
    pub compression: Option<ImportCompression>,
}

/// How the rows of an import are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImportFormat {
    /// A line of DynamoDB JSON for each item.
    DynamodbJson,
    /// Amazon Ion.
    Ion,
    /// Columns with names.
    Csv {
        /// What stands between two columns; `None` where the request does not say.
        delimiter: Option<char>,
        /// The names of the columns; `None`: the first line of each object.
        header: Option<Vec<String>>,
    },
}

/// How the objects of an import are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImportCompression {
    /// Not at all.
    None,
    /// With gzip.
    Gzip,
    /// With Zstandard.
    Zstd,
}

impl Record for ImportRecord {
    const KIND: u8 = b'i';
}
