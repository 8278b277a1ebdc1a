//! Backups, in a format of our own: a folder with the items in chunks and a manifest that says what they
//! are.
//!
//! ```text
//! <folder>/chunks/000001.json.zst     lines of DynamoDB JSON, `{"Item":{...}}`, compressed
//! <folder>/progress.json              while it is being written: the chunks so far
//! <folder>/backup.sha256              the checksum of backup.json, as `sha256sum` writes it
//! <folder>/backup.json                the manifest, written last: without it there is no backup
//! ```
//!
//! A backup that was interrupted goes on where it stopped: chunks are cut at the same items each time, and
//! one that is there already, with the same content, is not written again.

mod chunk;
mod manifest;
mod restore;
mod write;

pub(crate) use chunk::chunk_items;
pub use manifest::{BackupManifest, ChunkEntry};
pub use restore::{restore, verify};
pub use write::{Backup, backup};
