//! The end of DELETING: removing a table or an index whose shown transition is over.

use api::Error;
use store::{Batch, Decision, Declared, Held, Outcome, Store};

use super::Job;
use super::garbage::{discard_index, discard_table};
use crate::Engine;
use crate::catalog::{Change, IndexState, Table};
use crate::error::from_store;

impl<S: Store> Engine<S> {
    /// Removes a table that is DELETING: its descriptor at once, its data later.
    pub(crate) async fn finish_deleting_table(&self, table: &Table) -> Result<(), Error> {
        let key = table.descriptor_key.clone();
        let declared = Declared {
            shared: Vec::new(),
            exclusive: vec![key.clone()],
        };
        let table_version = Table::new(table.descriptor.clone());
        let decide = move |held: &Held| {
            if !table_version.is_current(held.exclusive[0].as_ref()) {
                return Decision::Replan;
            }
            let mut batch = Batch::new();
            batch.delete(key.clone());
            discard_table(&table_version.descriptor, &mut batch);
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
