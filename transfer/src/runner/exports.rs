//! Writing exports.
//!
//! An export that was interrupted begins anew. It shows the same moment and its files get the same names,
//! so that what was written before is written over.

use engine::{ExportResult, ExportTransfer, TransferFailure, TransferWindow};
use store::Store;

use super::Runner;
use super::pages::pages;
use crate::error::Error;
use crate::export::{
    Change, Export, ExportId, ExportView, Exported, ImageView, OutputFormat, Period, export,
};
use crate::location::Location;

impl<S: Store> Runner<S> {
    pub(super) async fn write_export(&self, transfer: &ExportTransfer) -> Result<(), Error> {
        match self.write_export_objects(transfer).await {
            Ok(exported) => {
                tracing::info!(
                    export = transfer.id,
                    items = exported.item_count,
                    folder = exported.folder,
                    "an export is complete"
                );
                let result = ExportResult {
                    manifest_key: exported.manifest_key,
                    item_count: exported.item_count,
                    billed_size_bytes: exported.billed_size_bytes,
                };
                Ok(self.engine.finish_export(transfer, result).await?)
            }
            Err(error @ (Error::Refused(_) | Error::Interrupted)) => Err(error),
            Err(error) => {
                tracing::warn!(export = transfer.id, %error, "an export has failed");
                Ok(self.engine.fail_export(transfer, failure_of(&error)).await?)
            }
        }
    }

    async fn write_export_objects(&self, transfer: &ExportTransfer) -> Result<Exported, Error> {
        let bucket = &transfer.bucket;
        let place = match &transfer.prefix {
            None => format!("s3://{bucket}"),
            Some(prefix) => format!("s3://{bucket}/{prefix}"),
        };
        let destination = Location::to_write(&place, &self.places.buckets)?;
        let subject = Export {
            id: ExportId::from_text(&transfer.id),
            table_arn: transfer.table_arn.clone(),
            table_id: transfer.table_id.clone(),
            view: match &transfer.window {
                None => ExportView::Full {
                    time_ms: transfer.time_ms,
                },
                Some(window) => ExportView::Incremental {
                    period: Period {
                        from_ms: window.from_ms,
                        to_ms: transfer.time_ms,
                    },
                    images: match window.has_old_images {
                        true => ImageView::NewAndOldImages,
                        false => ImageView::NewImage,
                    },
                },
            },
            format: match transfer.is_ion {
                true => OutputFormat::Ion,
                false => OutputFormat::DynamodbJson,
            },
            start_time_ms: transfer.start_ms,
            sse_algorithm: transfer.sse_algorithm.clone(),
            sse_kms_key_id: transfer.sse_kms_key_id.clone(),
        };
        let mut names = fastrand::Rng::with_seed(seed_of(&transfer.id));
        let (read, engine) = (&transfer.read, &self.engine);
        let now_ms = || engine.now_ms();
        match &transfer.window {
            None => {
                let pages = pages(|start| async move {
                    let page = engine.read_table(read, &start).await?;
                    Ok(page.map(|page| (page.items, page.next)))
                });
                export(&destination, &subject, pages, &now_ms, &mut names, &mut |_| {}).await
            }
            Some(window) => {
                let pages = pages(|start| async move {
                    let page = engine.read_changes(read, window, &start).await?;
                    Ok(page.map(|page| {
                        let changes = page
                            .changes
                            .into_iter()
                            .filter_map(|change| line_of(window, change));
                        (changes.collect(), page.next)
                    }))
                });
                export(&destination, &subject, pages, &now_ms, &mut names, &mut |_| {}).await
            }
        }
    }
}

/// The line for an item that has changed; `None` for one that came and went in between.
fn line_of(window: &TransferWindow, change: engine::ChangedItem) -> Option<Change> {
    if change.old.is_none() && change.new.is_none() {
        return None;
    }
    Some(Change {
        keys: change.key,
        write_time_micros: change.time_ms.saturating_mul(1000),
        old_image: change.old.filter(|_| window.has_old_images),
        new_image: change.new,
    })
}

/// A number of an id, the same each time.
fn seed_of(id: &str) -> u64 {
    id.bytes().fold(0, |seed: u64, byte| {
        seed.wrapping_mul(131).wrapping_add(u64::from(byte))
    })
}

/// What a failure is called. The words for what the service can meet are its own.
pub(super) fn failure_of(error: &Error) -> TransferFailure {
    let code = match error {
        Error::Missing { .. } => "S3NoSuchBucket",
        Error::Unreachable { .. } => "S3Unavailable",
        Error::Damaged { .. } => "DamagedObject",
        Error::Unusable { .. } => "UnusableLocation",
        Error::Refused(_) | Error::Interrupted => "InternalServerError",
    };
    TransferFailure {
        code: code.to_owned(),
        message: error.to_string(),
    }
}
