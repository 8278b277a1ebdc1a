//! The moment that a backup shows.
//!
//! From the commit on that holds the log, every change is logged with the item before it; what came
//! earlier may not be. So the moment is settled behind that commit: the newest number of the log then.

use api::Error;
use store::Store;

use super::record::{BackupRecord, Record};
use crate::Engine;
use crate::error::from_store;

impl<S: Store> Engine<S> {
    /// Settles the moment of a backup whose table's log is held, unless it is settled.
    pub(crate) async fn settle_backup(&self, id: &str, table_name: &str) -> Result<(), Error> {
        let newest = self.store.log_end().await.map_err(from_store)?;
        self.change_record(BackupRecord::key(id), table_name, Vec::new(), move |change| {
            let Some(stored) = &change.record else {
                return Ok(());
            };
            let mut record = BackupRecord::from_stored(stored)?;
            record.source.boundary.get_or_insert(newest);
            change.record = Some(record.to_stored());
            Ok(())
        })
        .await?;
        Ok(())
    }
}
