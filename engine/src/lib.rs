//! The database: DynamoDB's semantics over any [`store::Store`].
//!
//! An [`Engine`] answers the operations of [`api::DynamoDb`] and does its background work one
//! [`Step`] at a time when asked. It knows no HTTP, no JSON and no wall clock: time comes from a
//! [`Clock`], chance from a seed.
//!
//! Read in this order: `keys` (what is stored where), `catalog` (tables), `write` (the one way to
//! write an item), `read` (the one way to read a slice), then any file of `ops`; `log` and `streams`
//! for what becomes of a change, `expiry` for how items end by themselves, `history` and `recovery` for
//! what a table was, `transfers` for tables that become objects and objects that become tables.

mod answer_bytes;
mod arn;
mod background;
mod capacity;
mod catalog;
mod check;
mod clock;
mod engine;
mod error;
mod expiry;
mod history;
mod insights;
mod keys;
mod log;
mod meter;
mod metrics;
mod ops;
mod read;
mod recovery;
mod scaling;
mod schema;
mod service;
mod streams;
mod transfers;
mod write;

pub use answer_bytes::{AnswerBytes, answer_bytes};
pub use background::Step;
pub use check::{CheckReport, check};
pub use clock::{Clock, ManualClock};
pub use engine::{Engine, Settings};
pub use keys::KEY_SPACES;
pub use meter::{
    CapacityMeasurement, Measurements, OperationMeasurement, TableMeasurement, ThroughputMeasurement,
    ValuesMeasurement,
};
pub use metrics::{Metric, Samples, Series};
pub use transfers::{
    BackupRemoval, BackupTransfer, ChangedItem, ChangedPage, ExportResult, ExportTransfer, FilledPage,
    ImportCompression, ImportCounts, ImportFormat, ImportTransfer, RestoreTransfer, SourceSettings,
    TableFill, TablePage, TableRead, Transfer, TransferFailure, TransferKind, TransferWindow,
};
