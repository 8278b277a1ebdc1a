//! Tables in files: exports and imports in the service's formats, backups in one of our own, and the
//! object stores that hold them. Knows the API and, to carry out what its requests ask for, the engine; no
//! HTTP of the server and no storage.
//!
//! Everything streams: a table is pages of items ([`Table::pages`], or any other stream of pages), an
//! import gives its items to an [`ItemSink`], and what is in memory at one time does not grow with
//! either. Read in this order: [`Location`] (a place for objects), [`export()`], [`import`], [`backup`], and
//! [`runner`] for what a server does of it.

pub mod backup;
mod compression;
mod error;
mod export;
pub mod import;
mod location;
mod object_reader;
mod object_writer;
mod progress;
mod rows;
pub mod runner;
mod table;
mod times;

pub use compression::Compression;
pub use error::Error;
pub use export::{
    Change, Export, ExportId, ExportView, Exported, ImageView, Line, Manifests, OutputFormat, Period, export,
};
pub use location::{Location, Memory, S3Buckets};
pub use progress::Progress;
pub use rows::{CsvOptions, InputFormat};
pub use table::{ItemSink, Table, TableDefinition, TableSettings};
