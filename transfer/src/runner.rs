//! Carrying out what requests have asked for: an engine keeps what is open, and a [`Runner`] does it.
//!
//! There is a lane for each kind, which does one transfer at a time, oldest first, so that a long export
//! holds up no backup. Whoever hosts it gives it a thread of its own, for it compresses in it. All that a lane has done is lost with the process at any point without harm: what
//! is open is listed again at the next start, and goes on where the last step that was kept has left it.

mod backups;
mod exports;
mod imports;
mod pages;
mod restores;

use std::sync::Arc;
use std::time::Duration;

use api::Context;
use engine::{Engine, Transfer, TransferKind};
use store::Store;

use crate::error::Error;
use crate::location::{Location, S3Buckets};

/// How long to wait before something that did not succeed is tried again.
const RETRY: Duration = Duration::from_secs(10);
/// How long to wait before looking for what has expired.
const LOOK_AGAIN: Duration = Duration::from_secs(60 * 60);

/// Where objects go.
#[derive(Clone, Debug)]
pub struct Places {
    /// Where backups are kept, each in a folder of its own, and the logs of imports: a directory or
    /// `s3://bucket/prefix` of a store elsewhere.
    pub backups: String,
    /// What `s3://bucket` means there.
    pub backup_buckets: S3Buckets,
    /// What the buckets of exports and imports mean.
    pub buckets: S3Buckets,
}

/// Carries out the backups, exports and imports of an engine.
pub struct Runner<S> {
    engine: Arc<Engine<S>>,
    places: Places,
    /// What the ARNs in manifests are made of.
    context: Context,
}

impl<S: Store> Runner<S> {
    /// A runner for `engine`, whose settings say that it has one.
    pub fn new(engine: Arc<Engine<S>>, places: Places, context: Context) -> Self {
        Runner {
            engine,
            places,
            context,
        }
    }

    /// Carries out what there is and what will be. Ends only by being dropped, at any time.
    pub async fn run(&self) {
        tokio::join!(
            self.lane(TransferKind::Backup),
            self.lane(TransferKind::Restore),
            self.lane(TransferKind::Export),
            self.lane(TransferKind::Import),
        );
    }

    async fn lane(&self, kind: TransferKind) {
        let mut changes = self.engine.watch_transfers();
        loop {
            changes.borrow_and_update();
            let wait = match self.engine.open_transfers(kind, &self.context).await {
                Ok(open) => {
                    let mut wait = LOOK_AGAIN;
                    for transfer in open {
                        if !self.carry_out(&transfer).await {
                            wait = RETRY;
                        }
                    }
                    wait
                }
                Err(error) => {
                    tracing::warn!(error = %error.message, "backups, exports and imports cannot be listed");
                    RETRY
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                // Whoever raises the number lives as long as this.
                _ = changes.changed() => {}
            }
        }
    }

    /// Carries out one transfer; gives whether it has ended, well or not.
    async fn carry_out(&self, transfer: &Transfer) -> bool {
        let (what, done) = match transfer {
            Transfer::Backup(backup) => ("a backup", self.write_backup(backup).await),
            Transfer::Removal(removal) => ("the removal of a backup", self.remove_backup(removal).await),
            Transfer::Restore(restore) => ("the restore of a backup", self.restore(restore).await),
            Transfer::Export(export) => ("an export", self.write_export(export).await),
            Transfer::Import(import) => ("an import", self.import(import).await),
        };
        match done {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "{what} could not be finished; it is tried again");
                false
            }
        }
    }

    /// The place of backups, or one below it.
    fn backups(&self, name: &str) -> Result<Location, Error> {
        let place = Location::to_write(&self.places.backups, &self.places.backup_buckets)?;
        Ok(place.below(name))
    }
}
