//! The settings of the commands that move tables to files and back.

use std::path::PathBuf;

use ::transfer::S3Buckets;
use clap::{Args, ValueEnum};

use crate::arguments::{DataDirectory, parse_account_id, parse_region};

/// What all four have.
#[derive(Debug, Args)]
pub struct TransferArguments {
    #[command(flatten)]
    pub data_dir: DataDirectory,

    /// Take `s3://bucket/prefix` for this directory's subdirectory `bucket`; else it is a bucket of the
    /// store that AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY tell of
    #[arg(long, value_name = "DIR")]
    pub s3_directory: Option<PathBuf>,

    /// The region that ARNs name
    #[arg(long, value_parser = parse_region, default_value = "us-east-1")]
    pub region: String,

    /// The account that ARNs name
    #[arg(long, value_parser = parse_account_id, default_value = "000000000000")]
    pub account_id: String,
}

impl TransferArguments {
    /// What `s3://bucket` means.
    pub fn s3_buckets(&self) -> S3Buckets {
        match &self.s3_directory {
            Some(directory) => S3Buckets::Directory(directory.clone()),
            None => S3Buckets::Remote,
        }
    }
}

/// The settings of `stator export`.
#[derive(Debug, Args)]
pub struct ExportArguments {
    #[command(flatten)]
    pub transfer: TransferArguments,

    /// The table to export
    #[arg(long, value_name = "NAME")]
    pub table: String,

    /// Where to: a directory, or s3://bucket/prefix; the export gets a folder below it
    #[arg(long, value_name = "URL")]
    pub to: String,

    /// How items are written
    #[arg(long, value_enum, default_value_t = ExportFormat::DynamodbJson)]
    pub format: ExportFormat,
}

/// How the items of an export are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// A line of DynamoDB JSON for each item
    DynamodbJson,
    /// A line of Amazon Ion text for each item
    Ion,
}

/// The settings of `stator import`.
#[derive(Debug, Args)]
pub struct ImportArguments {
    #[command(flatten)]
    pub transfer: TransferArguments,

    /// The table to import into; created from the options below where it does not exist
    #[arg(long, value_name = "NAME")]
    pub table: String,

    /// Where from: a file, a directory or s3://bucket/prefix, holding an export or any objects
    #[arg(long, value_name = "URL")]
    pub from: String,

    /// What the objects hold [default: that of the export whose manifests are there]
    #[arg(long, value_enum)]
    pub format: Option<ImportFormat>,

    /// How the objects are compressed [default: as the ends of their names say]
    #[arg(long, value_enum)]
    pub compression: Option<ImportCompression>,

    /// What stands between two columns of CSV; `tab` for a tab
    #[arg(long, value_name = "CHARACTER", value_parser = parse_delimiter, default_value = ",")]
    pub csv_delimiter: u8,

    /// The names of the columns of CSV, in order [default: the first line of each object]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub csv_header: Option<Vec<String>>,

    /// The table's partition key where it is to be created: name and type, such as `pk:S`
    #[arg(long, value_name = "NAME:TYPE", value_parser = parse_key)]
    pub partition_key: Option<KeyAttribute>,

    /// The table's sort key where it is to be created
    #[arg(long, value_name = "NAME:TYPE", value_parser = parse_key, requires = "partition_key")]
    pub sort_key: Option<KeyAttribute>,

    /// A file with the JSON of a CreateTable request, for a table with indexes or other settings
    #[arg(long, value_name = "FILE", conflicts_with = "partition_key")]
    pub table_definition: Option<PathBuf>,

    /// The file that names refused rows, where there are any
    #[arg(long, value_name = "FILE", default_value = "./stator-import-errors.jsonl")]
    pub error_log: PathBuf,
}

/// What the objects of an import hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ImportFormat {
    /// A line for each item: {"Item":{...}}
    DynamodbJson,
    /// Amazon Ion, text or binary
    Ion,
    /// Columns with names
    Csv,
}

/// How the objects of an import are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ImportCompression {
    None,
    Gzip,
    Zstd,
}

/// The settings of `stator backup`.
#[derive(Debug, Args)]
pub struct BackupArguments {
    #[command(flatten)]
    pub transfer: TransferArguments,

    /// The table to back up
    #[arg(long, value_name = "NAME")]
    pub table: String,

    /// The folder that the backup is to be: a directory or s3://bucket/prefix. A backup that was
    /// interrupted there goes on
    #[arg(long, value_name = "URL")]
    pub to: String,
}

/// The settings of `stator restore`.
#[derive(Debug, Args)]
pub struct RestoreArguments {
    #[command(flatten)]
    pub transfer: TransferArguments,

    /// The folder with the backup: a directory or s3://bucket/prefix
    #[arg(long, value_name = "URL")]
    pub from: String,

    /// The table to create [default: the name of the one that was backed up]
    #[arg(long, value_name = "NAME")]
    pub table: Option<String>,

    /// Leave the secondary indexes out
    #[arg(long)]
    pub without_indexes: bool,

    /// Restore time to live, tags, the change stream and deletion protection, too; the service's restores
    /// leave them out
    #[arg(long)]
    pub all_settings: bool,

    /// Only verify the backup
    #[arg(long)]
    pub verify_only: bool,
}

/// An attribute of a key and its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAttribute {
    pub name: String,
    pub key_type: String,
}

fn parse_key(text: &str) -> Result<KeyAttribute, String> {
    match text.rsplit_once(':') {
        Some((name, key_type @ ("S" | "N" | "B"))) if !name.is_empty() => Ok(KeyAttribute {
            name: name.to_owned(),
            key_type: key_type.to_owned(),
        }),
        _ => Err("a key is written like pk:S, with one of the types S, N and B".to_owned()),
    }
}

/// The delimiters that the service's ImportTable takes.
fn parse_delimiter(text: &str) -> Result<u8, String> {
    match text {
        "tab" | "\t" => Ok(b'\t'),
        "," | ":" | ";" | "|" | " " => Ok(text.as_bytes()[0]),
        _ => Err("one of , : ; | a space, or `tab` is wanted".to_owned()),
    }
}
