//! Imports: from the objects below a prefix, or from a whole export whose manifests are verified first.

mod error_log;
mod export_folder;

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt};

pub(crate) use self::error_log::ErrorLog;
use crate::compression::Compression;
use crate::error::Error;
use crate::location::Location;
use crate::progress::Progress;
use crate::rows::{InputFormat, Row, Rows};
use crate::table::ItemSink;

pub use self::export_folder::{ExportFolder, VerifiedExport};

/// How many items are put at once: enough to share the syncs of a disk.
const PUTS_AT_ONCE: usize = 256;

/// How the objects below a prefix are to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportOptions {
    /// What they hold.
    pub format: InputFormat,
    /// How they are compressed; `None`: as the end of each name says.
    pub compression: Option<Compression>,
}

/// Where rows that are refused are told of.
#[derive(Clone, Copy, Debug)]
pub struct ErrorLogTarget<'l> {
    /// The place of the log.
    pub location: &'l Location,
    /// Its name there.
    pub name: &'l str,
}

/// What an import has come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Rows that were read.
    pub processed_item_count: u64,
    /// Items that were put. Several rows with the same key each count.
    pub imported_item_count: u64,
    /// Rows that are no items or were refused.
    pub error_count: u64,
    /// How many bytes of objects were read.
    pub processed_size_bytes: u64,
    /// The log of refused rows, where there is one; it has the first thousand.
    pub error_log: Option<String>,
    /// The first refused row, in words.
    pub first_error: Option<String>,
}

/// An import that is going on.
struct Import<'i, S> {
    sink: &'i S,
    log: ErrorLog,
    done: Imported,
    on_progress: &'i mut (dyn FnMut(Progress) + Send),
}

/// Puts the items of all objects below `source` into `sink`. Rows that are refused are counted and
/// logged, and do not stop the import.
pub async fn import_objects<S: ItemSink>(
    source: &Location,
    options: &ImportOptions,
    sink: &S,
    error_log: Option<ErrorLogTarget<'_>>,
    on_progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Imported, Error> {
    let objects = source.list().await?;
    let whole = source.whole();
    if objects.is_empty() {
        return Err(Error::unusable(
            source.shown(""),
            "holds no object whose name begins so",
        ));
    }
    let mut import = Import::new(sink, on_progress);
    for object in objects {
        let name = object.location.as_ref();
        let read_before = import.done.processed_size_bytes;
        let compression = options.compression.unwrap_or_else(|| Compression::of_name(name));
        import.object(&whole, name, &options.format, compression).await?;
        import.done.processed_size_bytes = read_before + object.size;
    }
    import.finish(error_log).await
}

/// Puts the items of a whole export into `sink`.
pub async fn import_export<S: ItemSink>(
    export: &VerifiedExport,
    sink: &S,
    error_log: Option<ErrorLogTarget<'_>>,
    on_progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Imported, Error> {
    let mut import = Import::new(sink, on_progress);
    for file in export.files() {
        let before = import.done.processed_item_count;
        let read_before = import.done.processed_size_bytes;
        let name = file.name.as_str();
        import
            .object(
                export.location(),
                name,
                export.format(),
                Compression::of_name(name),
            )
            .await?;
        import.done.processed_size_bytes = read_before + file.size_bytes;
        let found = import.done.processed_item_count - before;
        if found != file.item_count {
            let told = format!("it has {found} items where the manifest says {}", file.item_count);
            return Err(Error::damaged(export.location().shown(name), told));
        }
    }
    import.finish(error_log).await
}

impl<'i, S: ItemSink> Import<'i, S> {
    fn new(sink: &'i S, on_progress: &'i mut (dyn FnMut(Progress) + Send)) -> Self {
        Import {
            sink,
            log: ErrorLog::default(),
            done: Imported::default(),
            on_progress,
        }
    }

    /// Puts what one object holds.
    async fn object(
        &mut self,
        location: &Location,
        name: &str,
        format: &InputFormat,
        compression: Compression,
    ) -> Result<(), Error> {
        let read_before = self.done.processed_size_bytes;
        let rows = Rows::open(location, name, format, compression).await?;
        let sink = self.sink;
        let results = stream::unfold(rows, |mut rows| async move {
            let batch = rows.next().await?;
            Some(((batch, rows.read_bytes()), rows))
        })
        .flat_map(|(batch, read_bytes)| stream::iter(batch).map(move |row| (row, read_bytes)))
        .map(|(row, read_bytes)| async move { (put(sink, row).await, read_bytes) })
        .buffer_unordered(PUTS_AT_ONCE);
        let mut results = std::pin::pin!(results);
        while let Some((result, read_bytes)) = results.next().await {
            self.done.processed_item_count += 1;
            self.done.processed_size_bytes = self.done.processed_size_bytes.max(read_before + read_bytes);
            match result {
                Ok(()) => self.done.imported_item_count += 1,
                Err(Refused::Row(index, reason)) => {
                    self.done.error_count += 1;
                    self.log.add(location, name, index, &reason);
                }
                Err(Refused::All(error)) => return Err(error.into()),
            }
            (self.on_progress)(Progress {
                items: self.done.processed_item_count,
                object_bytes: self.done.processed_size_bytes,
            });
        }
        Ok(())
    }

    async fn finish(mut self, error_log: Option<ErrorLogTarget<'_>>) -> Result<Imported, Error> {
        self.done.first_error = self.log.first().map(str::to_owned);
        if let Some(target) = error_log.filter(|_| self.done.error_count > 0) {
            let text = self.log.into_text(self.done.error_count);
            target.location.put(target.name, text).await?;
            self.done.error_log = Some(target.location.shown(target.name));
        }
        Ok(self.done)
    }
}

/// Why an item was not put.
enum Refused {
    /// Because of the row itself.
    Row(u64, String),
    /// Because of something that the next row would meet too.
    All(api::Error),
}

async fn put<S: ItemSink>(sink: &S, row: Row) -> Result<(), Refused> {
    let item = row.item.map_err(|reason| Refused::Row(row.index, reason))?;
    sink.put(item).await.map_err(|error| match error.kind {
        api::ErrorKind::ValidationException => Refused::Row(row.index, error.message),
        _ => Refused::All(error),
    })
}

/// The exports that lie below a place, each with its folder, by their ids.
pub async fn find_exports(source: &Location) -> Result<BTreeMap<String, ExportFolder>, Error> {
    export_folder::find(source).await
}
