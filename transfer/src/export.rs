//! Exports in the service's layout (developer guide, "DynamoDB table export output format"):
//!
//! ```text
//! <prefix>/AWSDynamoDB/<export id>/_started
//! <prefix>/AWSDynamoDB/<export id>/data/<random>.json.gz        of an incremental export: AWSDynamoDB/data/
//! <prefix>/AWSDynamoDB/<export id>/manifest-files.json          a line for each data file
//! <prefix>/AWSDynamoDB/<export id>/manifest-files.checksum
//! <prefix>/AWSDynamoDB/<export id>/manifest-summary.json        the last to be written
//! <prefix>/AWSDynamoDB/<export id>/manifest-summary.checksum
//! ```

mod data_files;
mod ion;
mod line;
mod manifest;

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::{Stream, StreamExt};
use md5::{Digest, Md5};

use self::data_files::DataFiles;
use crate::error::Error;
use crate::location::Location;
use crate::progress::Progress;
use crate::times::text_of;

pub use self::line::{Change, Line};
pub use self::manifest::Manifests;
pub(crate) use self::manifest::{FileEntry, Summary};

/// The folder that all exports to one place share.
pub(crate) const EXPORTS_FOLDER: &str = "AWSDynamoDB";

/// How the items of an export are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputFormat {
    /// Lines of DynamoDB JSON.
    DynamodbJson,
    /// Lines of Amazon Ion text.
    Ion,
}

impl OutputFormat {
    /// As the API names it.
    pub fn name(self) -> &'static str {
        match self {
            OutputFormat::DynamodbJson => "DYNAMODB_JSON",
            OutputFormat::Ion => "ION",
        }
    }

    /// What the names of data files end in.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            OutputFormat::DynamodbJson => "json.gz",
            OutputFormat::Ion => "ion.gz",
        }
    }
}

/// The id of an export: the time of its start and chance, such as `01695353076000-a1b2c3d4`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportId(String);

impl ExportId {
    /// The id of an export that starts at `time_ms`, in milliseconds since the Unix epoch.
    pub fn new(time_ms: u64, chance: u32) -> Self {
        ExportId(format!("{time_ms:014}-{chance:08x}"))
    }

    /// The id that this is the text of.
    pub fn from_text(text: &str) -> Self {
        ExportId(text.to_owned())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ExportId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Which images the lines of an incremental export have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageView {
    /// The item as it is at the end.
    NewImage,
    /// That, and as it was at the beginning.
    NewAndOldImages,
}

/// The part of a table's past that an incremental export covers, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The first moment of it.
    pub from_ms: u64,
    /// The first moment after it.
    pub to_ms: u64,
}

/// What is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportView {
    /// All items of one moment, in milliseconds since the Unix epoch.
    Full {
        /// The moment.
        time_ms: u64,
    },
    /// What has changed in a period.
    Incremental {
        /// The period.
        period: Period,
        /// Which images the lines have.
        images: ImageView,
    },
}

/// What the manifests of an export say of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Export {
    /// Its id.
    pub id: ExportId,
    /// The ARN of its table.
    pub table_arn: String,
    /// The id of its table.
    pub table_id: String,
    /// What it shows.
    pub view: ExportView,
    /// How it is written.
    pub format: OutputFormat,
    /// When it started, in milliseconds since the Unix epoch.
    pub start_time_ms: u64,
    /// How the bucket encrypts, as the request names it.
    pub sse_algorithm: Option<String>,
    /// The key that it encrypts with.
    pub sse_kms_key_id: Option<String>,
}

/// What an export has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The full name in its bucket of `manifest-summary.json`.
    pub manifest_key: String,
    /// The folder of the export, as a person would write it.
    pub folder: String,
    /// How many lines there are.
    pub item_count: u64,
    /// What the items measure, in bytes.
    pub billed_size_bytes: u64,
    /// How many data files there are.
    pub file_count: usize,
}

/// Writes an export. `pages` are items ([`model::Item`]) for a full one and [`Change`]s for an incremental
/// one; `now_ms` is the clock, `random` names the data files. The export is complete when this returns;
/// one that is not has no `manifest-summary.json`.
pub async fn export<L: Line>(
    destination: &Location,
    export: &Export,
    pages: impl Stream<Item = Result<Vec<L>, Error>> + Send,
    now_ms: &(dyn Fn() -> u64 + Sync),
    random: &mut fastrand::Rng,
    on_progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Exported, Error> {
    let folder = format!("{EXPORTS_FOLDER}/{}", export.id);
    let name = |file: &str| format!("{folder}/{file}");
    destination.put(&name("_started"), "").await?;
    let data_folder = match export.view {
        ExportView::Full { .. } => name("data"),
        ExportView::Incremental { .. } => format!("{EXPORTS_FOLDER}/data"),
    };
    let mut files = DataFiles::new(destination, data_folder, export.format);
    let mut pages = std::pin::pin!(pages);
    while let Some(page) = pages.next().await {
        let written = match page {
            Ok(page) => files.write(page, random).await,
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            files.abort().await;
            return Err(error);
        }
        on_progress(files.progress());
    }
    let (entries, totals) = files.finish(random).await?;
    on_progress(totals.progress);

    let mut lines = Vec::new();
    for entry in &entries {
        serde_json::to_writer(&mut lines, entry).expect("JSON can always be written to memory");
        lines.push(b'\n');
    }
    let manifest_files = destination.name_of(&name("manifest-files.json"));
    put_with_checksum(destination, &folder, "manifest-files", lines).await?;
    let summary = Summary::new(export, destination, manifest_files, &totals, text_of(now_ms()));
    let summary = serde_json::to_vec(&summary).expect("JSON can always be written to memory");
    put_with_checksum(destination, &folder, "manifest-summary", summary).await?;
    Ok(Exported {
        manifest_key: destination.name_of(&name("manifest-summary.json")),
        folder: destination.shown(&folder),
        item_count: totals.progress.items,
        billed_size_bytes: totals.item_bytes,
        file_count: entries.len(),
    })
}

/// Writes a manifest, and before it the checksum that it is to have.
async fn put_with_checksum(
    destination: &Location,
    folder: &str,
    manifest: &str,
    content: Vec<u8>,
) -> Result<(), Error> {
    let checksum = BASE64_STANDARD.encode(Md5::digest(&content));
    destination
        .put(&format!("{folder}/{manifest}.checksum"), checksum)
        .await?;
    destination
        .put(&format!("{folder}/{manifest}.json"), content)
        .await
}
