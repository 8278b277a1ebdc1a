//! Tables to objects and back: backups, exports and imports.
//!
//! The engine knows no object store. It keeps what was asked for and what became of it
//! ([`record`]), and whoever hosts it carries that out: [`Engine::open_transfers`] says what there is to do,
//! [`reading`] gives the pages of a table as it was at the moment asked for, [`filling`] takes the pages
//! of one that is being made, and [`ending`] is told how it went. Everything may be interrupted at any
//! point and begun again: what is open stays listed until it has ended.
//!
//! A table that is read has its log held ([`crate::history`]), so that writes go on meanwhile; one that
//! is filled is seen by nobody else. Where nobody carries them out, [`crate::Settings::has_transfers`] is
//! off, and the operations say so.

mod ending;
mod filling;
mod listing;
mod reading;
pub(crate) mod record;
mod settling;

use api::{Error, ErrorKind};
use store::Store;
use tokio::sync::watch;

use self::record::Record;
use crate::Engine;
use crate::error::from_store;
use crate::keys;
use crate::read::Pages;

pub use ending::{ExportResult, ImportCounts, TransferFailure};
pub use filling::{FilledPage, TableFill};
pub use listing::{
    BackupRemoval, BackupTransfer, ExportTransfer, ImportTransfer, RestoreTransfer, SourceSettings, Transfer,
    TransferKind, TransferWindow,
};
pub use reading::{ChangedItem, ChangedPage, TablePage, TableRead};
pub use record::{ImportCompression, ImportFormat};

/// For how long exports and imports are listed, in milliseconds.
pub(crate) const LISTED_MS: u64 = 90 * 24 * 60 * 60 * 1000;

/// The error of an operation that nobody would carry out.
fn nobody_transfers() -> Error {
    Error::new(
        ErrorKind::ValidationException,
        "Backups, exports and imports are not available: this server was started without a place for them",
    )
}

impl<S: Store> Engine<S> {
    /// Refuses what nobody would carry out.
    pub(crate) fn check_transfers(&self) -> Result<(), Error> {
        match self.settings.has_transfers {
            true => Ok(()),
            false => Err(nobody_transfers()),
        }
    }

    /// A number that is raised when there are other transfers to carry out.
    pub fn watch_transfers(&self) -> watch::Receiver<u64> {
        self.transfers_changed.subscribe()
    }

    /// There are other transfers to carry out.
    pub(crate) fn raise_transfers(&self) {
        self.transfers_changed.send_modify(|changes| *changes += 1);
    }

    /// The id of a transfer that begins now: the time in 14 digits and 8 hexadecimal digits of chance.
    pub(crate) fn new_transfer_id(&self, now_ms: u64) -> String {
        format!("{now_ms:014}-{:08x}", self.random_u32())
    }

    /// The record with this id.
    pub(crate) async fn record<R: Record>(&self, id: &str) -> Result<Option<R>, Error> {
        let key = R::key(id);
        let stored = self.store.get(key.space, &key.bytes).await.map_err(from_store)?;
        stored.map(|stored| R::from_stored(&stored)).transpose()
    }

    /// All records of a kind, in the order of their ids, which is that of their times.
    pub(crate) async fn records<R: Record>(&self) -> Result<Vec<R>, Error> {
        let mut records = Vec::new();
        let mut pages = Pages::new(keys::CATALOG, keys::transfers_prefix(R::KIND));
        while let Some(page) = pages.next(&self.store).await.map_err(from_store)? {
            for (_, stored) in page.iter() {
                records.push(R::from_stored(stored)?);
            }
        }
        Ok(records)
    }
}
