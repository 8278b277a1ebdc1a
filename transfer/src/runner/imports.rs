//! Reading imports.
//!
//! How far an import has come is a number of an object in the order of their names, a number of a row in
//! it, and what it has come to by then: six numbers of eight bytes.

use bytes::Bytes;
use engine::{ImportCompression, ImportCounts, ImportFormat, ImportTransfer};
use store::Store;

use super::Runner;
use super::exports::failure_of;
use crate::compression::Compression;
use crate::error::Error;
use crate::import::ErrorLog;
use crate::location::Location;
use crate::rows::{CsvOptions, InputFormat, Rows};

/// How many pages are put before the record of the import is told how far it is.
const PAGES_BETWEEN_NOTES: u64 = 64;
/// The folder of the logs of refused rows, in the place of backups.
const LOGS_FOLDER: &str = "import-errors";

/// How far an import has come: all rows before this one of this object have been dealt with.
#[derive(Clone, Copy, Default)]
struct Position {
    object: u64,
    row: u64,
    counts: ImportCounts,
}

impl Position {
    fn to_bytes(self) -> Bytes {
        let counts = self.counts;
        let numbers = [
            self.object,
            self.row,
            counts.processed_item_count,
            counts.imported_item_count,
            counts.error_count,
            counts.processed_size_bytes,
        ];
        Bytes::from(numbers.map(u64::to_be_bytes).concat())
    }

    fn from_bytes(bytes: &[u8]) -> Self {
        let (numbers, _) = bytes.as_chunks::<8>();
        let [object, row, processed, imported, errors, size_bytes] = numbers else {
            return Position::default();
        };
        Position {
            object: u64::from_be_bytes(*object),
            row: u64::from_be_bytes(*row),
            counts: ImportCounts {
                processed_item_count: u64::from_be_bytes(*processed),
                imported_item_count: u64::from_be_bytes(*imported),
                error_count: u64::from_be_bytes(*errors),
                processed_size_bytes: u64::from_be_bytes(*size_bytes),
            },
        }
    }
}

/// An import that is going on.
struct Import<'t> {
    transfer: &'t ImportTransfer,
    format: InputFormat,
    compression: Compression,
    cursor: Option<Bytes>,
    position: Position,
    log: ErrorLog,
    pages: u64,
}

impl<S: Store> Runner<S> {
    pub(super) async fn import(&self, transfer: &ImportTransfer) -> Result<(), Error> {
        let cursor = self.engine.fill_cursor(&transfer.fill).await?;
        let mut import = Import {
            transfer,
            format: format_of(transfer),
            compression: match transfer.compression {
                ImportCompression::None => Compression::None,
                ImportCompression::Gzip => Compression::Gzip,
                ImportCompression::Zstd => Compression::Zstd,
            },
            position: cursor.as_deref().map(Position::from_bytes).unwrap_or_default(),
            cursor,
            log: ErrorLog::default(),
            pages: 0,
        };
        let table = transfer.fill.table_name();
        let read = match self.read_objects(&mut import).await {
            Ok(()) => self.write_log(&mut import).await,
            Err(error) => Err(error),
        };
        let counts = import.position.counts;
        match read {
            Ok(()) => {
                tracing::info!(
                    table,
                    import = transfer.id,
                    items = counts.imported_item_count,
                    refused = counts.error_count,
                    "an import is complete"
                );
                Ok(self.engine.finish_import(transfer, counts).await?)
            }
            Err(error @ (Error::Refused(_) | Error::Interrupted)) => Err(error),
            Err(error) => {
                tracing::warn!(
                    table,
                    import = transfer.id,
                    %error,
                    "an import has failed; the new table is removed"
                );
                let failure = failure_of(&error);
                Ok(self.engine.fail_import(transfer, counts, failure).await?)
            }
        }
    }

    async fn read_objects(&self, import: &mut Import<'_>) -> Result<(), Error> {
        let bucket = &import.transfer.bucket;
        let place = match &import.transfer.prefix {
            None => format!("s3://{bucket}"),
            Some(prefix) => format!("s3://{bucket}/{prefix}"),
        };
        let source = Location::to_read(&place, &self.places.buckets)?;
        let objects = source.list().await?;
        if objects.is_empty() {
            let told = "holds no object whose name begins so";
            return Err(Error::unusable(source.shown(""), told));
        }
        let whole = source.whole();
        let begun = import.position.object;
        for (number, object) in (0..).zip(&objects).skip(begun as usize) {
            let read_before = import.position.counts.processed_size_bytes;
            import.position.object = number;
            self.read_object(import, &whole, object.location.as_ref()).await?;
            import.position.object = number + 1;
            import.position.row = 0;
            import.position.counts.processed_size_bytes = read_before + object.size;
        }
        Ok(())
    }

    async fn read_object(
        &self,
        import: &mut Import<'_>,
        location: &Location,
        name: &str,
    ) -> Result<(), Error> {
        let mut rows = Rows::open(location, name, &import.format, import.compression).await?;
        let done = import.position.row;
        while let Some(batch) = rows.next().await {
            let mut page = Vec::with_capacity(batch.len());
            let mut places = Vec::with_capacity(batch.len());
            for row in batch {
                if row.index < done {
                    continue;
                }
                import.position.row = row.index + 1;
                import.position.counts.processed_item_count += 1;
                match row.item {
                    Ok(item) => {
                        page.push(item);
                        places.push(row.index);
                    }
                    Err(reason) => import.refuse(location, name, row.index, &reason),
                }
            }
            self.put_rows(import, location, name, page, &places).await?;
        }
        Ok(())
    }

    /// Puts the items of a batch, which stand in these rows.
    async fn put_rows(
        &self,
        import: &mut Import<'_>,
        location: &Location,
        name: &str,
        page: Vec<api::AttributeMap>,
        places: &[u64],
    ) -> Result<(), Error> {
        if page.is_empty() {
            return Ok(());
        }
        let (position, item_count) = (import.position, page.len());
        let next = move |refused: &[(usize, api::Error)]| {
            let mut next = position;
            next.counts.imported_item_count += (item_count - refused.len()) as u64;
            next.counts.error_count += refused.len() as u64;
            next.to_bytes()
        };
        let fill = &import.transfer.fill;
        let filled = self
            .engine
            .fill_page(fill, page, import.cursor.take(), next)
            .await?;
        import.position = Position::from_bytes(&filled.cursor);
        import.cursor = Some(filled.cursor);
        for (position, error) in filled.refused {
            import.log.add(location, name, places[position], &error.message);
        }
        import.pages += 1;
        if import.pages.is_multiple_of(PAGES_BETWEEN_NOTES) {
            self.engine
                .note_import(import.transfer, import.position.counts)
                .await?;
        }
        Ok(())
    }

    /// Writes the log of refused rows, where there are any.
    async fn write_log(&self, import: &mut Import<'_>) -> Result<(), Error> {
        if import.position.counts.error_count == 0 {
            return Ok(());
        }
        let folder = self.backups(LOGS_FOLDER)?;
        let name = format!("{}.jsonl", import.transfer.id);
        let text = std::mem::take(&mut import.log).into_text(import.position.counts.error_count);
        folder.put(&name, text).await?;
        tracing::warn!(
            import = import.transfer.id,
            log = folder.shown(&name),
            "rows of an import were refused; the log names them"
        );
        Ok(())
    }
}

impl Import<'_> {
    fn refuse(&mut self, location: &Location, name: &str, row: u64, reason: &str) {
        self.position.counts.error_count += 1;
        self.log.add(location, name, row, reason);
    }
}

fn format_of(transfer: &ImportTransfer) -> InputFormat {
    match &transfer.format {
        ImportFormat::DynamodbJson => InputFormat::DynamodbJson,
        ImportFormat::Ion => InputFormat::Ion,
        ImportFormat::Csv { delimiter, header } => {
            let delimiter = delimiter.and_then(|delimiter| u8::try_from(delimiter).ok());
            InputFormat::Csv(CsvOptions {
                delimiter: delimiter.unwrap_or(b','),
                header: header.clone(),
                key_attributes: transfer.key_attributes.clone(),
            })
        }
    }
}
