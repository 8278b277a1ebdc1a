//! An export that is there: its manifests read and verified, and its data files found.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use md5::{Digest, Md5};
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::export::{EXPORTS_FOLDER, FileEntry, Manifests, Summary};
use crate::location::Location;
use crate::object_reader::md5_of;
use crate::object_writer::hex;
use crate::rows::InputFormat;

/// An export that is there, its manifests verified.
#[derive(Clone, Debug)]
pub struct ExportFolder {
    /// The whole bucket.
    location: Location,
    /// The folder with the manifests, in the bucket.
    folder: String,
    manifests: Manifests,
    format: InputFormat,
}

/// An export whose manifests and data files all have the checksums that they should have.
#[derive(Clone, Debug)]
pub struct VerifiedExport {
    export: ExportFolder,
    files: Vec<DataFile>,
}

/// A data file of an export.
#[derive(Clone, Debug)]
pub(super) struct DataFile {
    /// Its full name in the bucket.
    pub name: String,
    /// How many items the manifest says that it has.
    pub item_count: u64,
    pub size_bytes: u64,
}

const SUMMARY: &str = "manifest-summary";
const FILES: &str = "manifest-files";
/// What the names of the manifests' checksums end in: the first is the documented one.
const CHECKSUM_EXTENSIONS: [&str; 2] = ["checksum", "md5"];

/// All exports below a place.
pub async fn find(source: &Location) -> Result<BTreeMap<String, ExportFolder>, Error> {
    let location = source.whole();
    let mut found = BTreeMap::new();
    let mut unfinished = None;
    for object in source.list().await? {
        let Some((folder, file)) = object
            .location
            .as_ref()
            .rsplit_once('/')
            .or(Some(("", object.location.as_ref())))
        else {
            continue;
        };
        if file == "_started" {
            unfinished.get_or_insert_with(|| folder.to_owned());
        }
        if file == format!("{SUMMARY}.json") {
            let export = ExportFolder::open(&location, folder).await?;
            let id = folder.rsplit('/').next().unwrap_or_default();
            found.insert(id.to_owned(), export);
        }
    }
    match unfinished {
        Some(folder) if found.is_empty() => Err(Error::missing(
            location.shown(&format!("{folder}/{SUMMARY}.json")),
            "the export was begun and not finished",
        )),
        _ => Ok(found),
    }
}

impl ExportFolder {
    /// Reads and verifies the manifests.
    async fn open(location: &Location, folder: &str) -> Result<Self, Error> {
        let summary_name = in_folder(folder, &format!("{SUMMARY}.json"));
        let summary = read_manifest(location, folder, SUMMARY).await?;
        let summary: Summary = parse(location, &summary_name, &summary)?;
        if summary.export_type.as_deref() == Some("INCREMENTAL_EXPORT") {
            return Err(Error::unusable(
                location.shown(folder),
                "is an incremental export, which has changes and no whole items; import a full one",
            ));
        }
        let format = match summary.output_format.as_str() {
            "DYNAMODB_JSON" => InputFormat::DynamodbJson,
            "ION" => InputFormat::Ion,
            other => {
                let told = format!("it names the format {other}, which is not known");
                return Err(Error::damaged(location.shown(&summary_name), told));
            }
        };
        let files_name = in_folder(folder, &format!("{FILES}.json"));
        let lines = read_manifest(location, folder, FILES).await?;
        let files = lines
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::trim_ascii)
            .filter(|line| !line.is_empty())
            .map(|line| parse(location, &files_name, line))
            .collect::<Result<Vec<FileEntry>, Error>>()?;
        let listed: u64 = files.iter().map(|file| file.item_count).sum();
        if listed != summary.item_count {
            let told = format!(
                "its files have {listed} items together where {SUMMARY}.json says {}",
                summary.item_count
            );
            return Err(Error::damaged(location.shown(&files_name), told));
        }
        Ok(ExportFolder {
            location: location.clone(),
            folder: folder.to_owned(),
            manifests: Manifests { summary, files },
            format,
        })
    }

    /// What its manifests say.
    pub fn manifests(&self) -> &Manifests {
        &self.manifests
    }

    /// Finds the data files and verifies their checksums; an error names the one that is damaged or
    /// missing.
    pub async fn verify(self) -> Result<VerifiedExport, Error> {
        let mut files = Vec::new();
        for entry in &self.manifests.files {
            let (name, size_bytes) = self.find_data_file(&entry.data_file_s3_key).await?;
            let sum = md5_of(&self.location, &name).await?;
            if entry.md5_checksum != BASE64_STANDARD.encode(sum) {
                let told = format!(
                    "its MD5 checksum is not {}, as {FILES}.json says",
                    entry.md5_checksum
                );
                return Err(Error::damaged(self.location.shown(&name), told));
            }
            files.push(DataFile {
                name,
                item_count: entry.item_count,
                size_bytes,
            });
        }
        Ok(VerifiedExport { export: self, files })
    }

    /// Where a data file is. An export may have been copied elsewhere since: then the file is where it
    /// was in relation to the manifests.
    async fn find_data_file(&self, key: &str) -> Result<(String, u64), Error> {
        let marker = format!("{EXPORTS_FOLDER}/");
        let base = key.rsplit('/').next().unwrap_or(key);
        let beside = in_folder(&self.folder, &format!("data/{base}"));
        let moved = match (self.folder.rfind(&marker), key.rfind(&marker)) {
            (Some(here), Some(there)) => format!("{}{}", &self.folder[..here], &key[there..]),
            _ => beside.clone(),
        };
        for name in [&moved, &beside, &key.to_owned()] {
            if let Some(size_bytes) = self.location.size_bytes(name).await? {
                return Ok((name.clone(), size_bytes));
            }
        }
        Err(Error::missing(
            self.location.shown(&moved),
            format!("{FILES}.json names it"),
        ))
    }
}

impl VerifiedExport {
    /// What its manifests say.
    pub fn manifests(&self) -> &Manifests {
        self.export.manifests()
    }

    /// What its data files hold.
    pub(super) fn format(&self) -> &InputFormat {
        &self.export.format
    }

    /// The whole bucket, which names of data files are of.
    pub(super) fn location(&self) -> &Location {
        &self.export.location
    }

    pub(super) fn files(&self) -> &[DataFile] {
        &self.files
    }
}

fn in_folder(folder: &str, name: &str) -> String {
    match folder {
        "" => name.to_owned(),
        folder => format!("{folder}/{name}"),
    }
}

/// Reads a manifest and compares it with its checksum.
async fn read_manifest(location: &Location, folder: &str, manifest: &str) -> Result<Vec<u8>, Error> {
    let name = in_folder(folder, &format!("{manifest}.json"));
    let content = location.get(&name).await?;
    let mut expected = None;
    for extension in CHECKSUM_EXTENSIONS {
        let found = location
            .find(&in_folder(folder, &format!("{manifest}.{extension}")))
            .await?;
        expected = expected.or(found);
    }
    let Some(expected) = expected else {
        let checksum = in_folder(folder, &format!("{manifest}.{}", CHECKSUM_EXTENSIONS[0]));
        return Err(Error::missing(
            location.shown(&checksum),
            format!("{manifest}.json is to be verified with it"),
        ));
    };
    let sum = Md5::digest(&content);
    let expected = expected.trim_ascii();
    let is_sum = expected == BASE64_STANDARD.encode(sum).as_bytes()
        || expected.eq_ignore_ascii_case(hex(&sum).as_bytes());
    match is_sum {
        true => Ok(content.to_vec()),
        false => Err(Error::damaged(
            location.shown(&name),
            "its MD5 checksum is not the one that lies beside it",
        )),
    }
}

fn parse<T: DeserializeOwned>(location: &Location, name: &str, text: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(text)
        .map_err(|error| Error::damaged(location.shown(name), format!("it is no such manifest: {error}")))
}
