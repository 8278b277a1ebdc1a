//! The manifests of an export: what they say, and how those of an export that is there are read.

use serde::{Deserialize, Serialize};

use super::data_files::Totals;
use super::{Export, ExportView, ImageView};
use crate::location::Location;
use crate::times::text_of;

/// `manifest-summary.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    pub version: String,
    pub export_arn: String,
    pub start_time: String,
    pub end_time: String,
    pub table_arn: String,
    pub table_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export_time: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export_from_time: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export_to_time: Option<String>,
    pub s3_bucket: String,
    pub s3_prefix: Option<String>,
    pub s3_sse_algorithm: Option<String>,
    pub s3_sse_kms_key_id: Option<String>,
    #[serde(rename = "manifestFilesS3Key")]
    pub manifest_files_s3_key: String,
    pub billed_size_bytes: u64,
    pub item_count: u64,
    pub output_format: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_view: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export_type: Option<String>,
}

/// A line of `manifest-files.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileEntry {
    pub item_count: u64,
    pub md5_checksum: String,
    pub etag: String,
    #[serde(rename = "dataFileS3Key")]
    pub data_file_s3_key: String,
}

/// The manifests of an export that is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifests {
    pub(crate) summary: Summary,
    pub(crate) files: Vec<FileEntry>,
}

impl Manifests {
    /// How many items the export says to have.
    pub fn item_count(&self) -> u64 {
        self.summary.item_count
    }

    /// The ARN of the table that was exported.
    pub fn table_arn(&self) -> &str {
        &self.summary.table_arn
    }

    /// The format, as the API names it.
    pub fn output_format(&self) -> &str {
        &self.summary.output_format
    }
}

/// The versions of the two kinds of manifests.
const FULL_VERSION: &str = "2020-06-30";
const INCREMENTAL_VERSION: &str = "2023-08-01";

impl Summary {
    pub fn new(
        export: &Export,
        destination: &Location,
        manifest_files_s3_key: String,
        totals: &Totals,
        end_time: String,
    ) -> Self {
        let summary = Summary {
            version: FULL_VERSION.to_owned(),
            export_arn: format!("{}/export/{}", export.table_arn, export.id),
            start_time: text_of(export.start_time_ms),
            end_time,
            table_arn: export.table_arn.clone(),
            table_id: export.table_id.clone(),
            export_time: None,
            export_from_time: None,
            export_to_time: None,
            s3_bucket: destination.bucket().to_owned(),
            s3_prefix: Some(destination.prefix().to_owned()).filter(|prefix| !prefix.is_empty()),
            s3_sse_algorithm: export.sse_algorithm.clone(),
            s3_sse_kms_key_id: export.sse_kms_key_id.clone(),
            manifest_files_s3_key,
            billed_size_bytes: totals.item_bytes,
            item_count: totals.progress.items,
            output_format: export.format.name().to_owned(),
            output_view: None,
            export_type: None,
        };
        match export.view {
            ExportView::Full { time_ms } => Summary {
                export_time: Some(text_of(time_ms)),
                ..summary
            },
            ExportView::Incremental { period, images } => Summary {
                version: INCREMENTAL_VERSION.to_owned(),
                export_from_time: Some(text_of(period.from_ms)),
                export_to_time: Some(text_of(period.to_ms)),
                output_view: Some(
                    match images {
                        ImageView::NewImage => "NEW_IMAGE",
                        ImageView::NewAndOldImages => "NEW_AND_OLD_IMAGES",
                    }
                    .to_owned(),
                ),
                export_type: Some("INCREMENTAL_EXPORT".to_owned()),
                ..summary
            },
        }
    }
}
