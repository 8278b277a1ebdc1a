//! Item collections: all items of one partition key in a table with local indexes, measured
//! together with their index entries.

use api::Error;
use api::types::{ItemCollectionMetrics, ReturnItemCollectionMetrics};
use model::limits::ITEM_COLLECTION_BYTES_MAX;
use model::{Encoder, Item};
use store::{Key, Store, counter_value};

use crate::Engine;
use crate::catalog::Table;
use crate::error::from_store;
use crate::write::{Action, ItemWrite, collection_key};

/// Whether a write's answer reports the size of its item collection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CollectionMetrics(bool);

impl CollectionMetrics {
    /// Reported where it is asked for and the table has local indexes.
    pub fn wanted(table: &Table, asked: Option<ReturnItemCollectionMetrics>) -> Self {
        CollectionMetrics(table.has_local_indexes && asked == Some(ReturnItemCollectionMetrics::Size))
    }

    /// Where to measure after a write; `None` where no report is wanted.
    pub fn place_of(self, write: &ItemWrite) -> Option<CollectionPlace> {
        self.0.then(|| CollectionPlace {
            key: write.key.clone(),
            key_attributes: write.key_attributes.clone(),
        })
    }
}

/// An item whose collection is measured.
pub(crate) struct CollectionPlace {
    key: Key,
    key_attributes: Item,
}

impl CollectionPlace {
    /// The report.
    pub async fn measure<S: Store>(
        self,
        engine: &Engine<S>,
        table: &Table,
    ) -> Result<ItemCollectionMetrics, Error> {
        let partition = &table.descriptor.key_schema.partition[0].name;
        let (mut encoder, open) = Encoder::item(64);
        if let Some(entry) = self.key_attributes.attributes().entry(partition.as_bytes()) {
            encoder.name(entry.name);
            encoder.raw(entry.raw());
        }
        // The service estimates in whole gigabytes.
        let lower = (engine.collection_bytes(table, &self.key).await? / (1 << 30)) as f64;
        Ok(ItemCollectionMetrics {
            item_collection_key: Some(encoder.finish(open).into()),
            size_estimate_range_gb: Some(vec![lower, lower + 1.0]),
        })
    }
}

impl<S: Store> Engine<S> {
    async fn collection_bytes(&self, table: &Table, key: &Key) -> Result<u64, Error> {
        let counter = collection_key(table, key);
        let stored = self
            .store
            .get(counter.space, &counter.bytes)
            .await
            .map_err(from_store)?;
        Ok(counter_value(stored.as_deref()).unwrap_or(0).max(0) as u64)
    }

    /// Refuses a write that makes an item collection larger which is at its limit already.
    pub(crate) async fn check_collection_room(&self, write: &ItemWrite) -> Result<(), Error> {
        if !write.table.has_local_indexes || matches!(write.action, Action::Delete) {
            return Ok(());
        }
        if self.collection_bytes(&write.table, &write.key).await? >= ITEM_COLLECTION_BYTES_MAX {
            return Err(Error::new(
                api::ErrorKind::ItemCollectionSizeLimitExceededException,
                "Collection size exceeded.",
            ));
        }
        Ok(())
    }
}
