//! The end of DELETING: removing a table or an index whose shown transition is over.

use api::Error;
use store::{Batch, Decision, Declared, Held, Outcome, Store};

use super::Job;
use super::garbage::{discard_index, discard_table};
use crate::Engine;
use crate::catalog::{Change, IndexState, Table};
use crate::error::from_store;
use crate::keys;
use crate::streams::lifecycle::discard_log;

impl<S: Store> Engine<S> {
    /// Removes a table that is DELETING: its descriptor at once, its data later.
    ///
    /// Not while a job reads it as it was: its end changes the descriptor, and so lists this again.
    pub(crate) async fn finish_deleting_table(&self, table: &Table) -> Result<(), Error> {
        if !table.descriptor.log_holds.is_empty() {
            return Ok(());
        }
        let key = table.descriptor_key.clone();
        // A log that streams read goes with the last of them, which must be there for it.
        let stream = match table.descriptor.recovery {
            None => None,
            Some(_) => self.stream_of_log(table.name(), table.id()).await?,
        };
        let discards_log = table.descriptor.recovery.is_some() && stream.is_none();
        let mut declared = Declared {
            shared: stream.into_iter().collect(),
            exclusive: vec![key.clone()],
        };
        if discards_log {
            let log_keys = [keys::log_trimmed(table.id()), keys::log_removed(table.id())];
            declared.exclusive.extend(log_keys);
        }
        let table_version = Table::new(table.descriptor.clone());
        let decide = move |held: &Held| {
            let has_streams = held.shared.iter().all(Option::is_some);
            if !table_version.is_current(held.exclusive[0].as_ref()) || !has_streams {
                return Decision::Replan;
            }
            let mut batch = Batch::new();
            batch.delete(key.clone());
            discard_table(&table_version.descriptor, &mut batch);
            if discards_log {
                discard_log(table_version.id(), &mut batch);
            }
            Decision::<(), Error>::Commit(batch, ())
        };
        let outcome = self.store.commit(declared, decide).await.map_err(from_store)?;
        self.catalog.forget(table.name());
        if let Outcome::Committed(()) = outcome {
            self.catalog.meters.forget(table.id());
            self.jobs.add(Job::garbage());
            if let Some(stream) = table.descriptor.stream.as_ref().filter(|stream| stream.enabled) {
                self.close_stream(stream, table.name()).await?;
            }
        } else {
            self.schedule(table);
        }
        Ok(())
    }

    /// Removes an index that is DELETING: from the descriptor at once, its entries later.
    pub(crate) async fn finish_deleting_index(&self, table: &Table, index_id: u32) -> Result<(), Error> {
        self.change_descriptor(table.name(), move |change| {
            remove_index(change, index_id);
            Ok(())
        })
        .await?;
        self.jobs.add(Job::garbage());
        Ok(())
    }
}

/// Takes an index that is DELETING out of its table's descriptor, with the attribute definitions
/// that nothing else uses.
fn remove_index(change: &mut Change, index_id: u32) {
    let descriptor = &mut change.descriptor;
    let position = descriptor
        .indexes
        .iter()
        .position(|index| index.id == index_id && index.state == IndexState::Deleting);
    if let Some(position) = position {
        descriptor.indexes.remove(position);
        descriptor.forget_unused_definitions();
        discard_index(index_id, &mut change.batch);
    }
}
