//! Removing what dropped tables and indexes leave. Their ids are never used again, so that it
//! does not matter when.

use api::Error;
use store::{Batch, Decision, Declared, Direction, Held, Key, KeySpace, Outcome, RangeRequest, Store};

use crate::Engine;
use crate::catalog::{IndexKind, Recovery, TableDescriptor, TimeToLive};
use crate::error::from_store;
use crate::keys;
use crate::read::end_of;

/// Notes in `batch` that a table's items, indexes and counters are to be removed.
pub(crate) fn discard_table(descriptor: &TableDescriptor, batch: &mut Batch) {
    batch.set_makes_room();
    batch.put(keys::garbage(keys::ITEMS, descriptor.id), bytes::Bytes::new());
    batch.delete(keys::count(descriptor.id));
    batch.delete(keys::size_bytes(descriptor.id));
    for index in &descriptor.indexes {
        discard_index(index.id, batch);
    }
    if let Some(time_to_live) = &descriptor.time_to_live {
        discard_expiry(time_to_live, batch);
    }
    if let Some(recovery) = &descriptor.recovery {
        discard_versions(recovery, batch);
    }
    if descriptor
        .indexes
        .iter()
        .any(|index| index.kind == IndexKind::Local)
    {
        batch.put(keys::garbage(keys::COUNTERS, descriptor.id), bytes::Bytes::new());
    }
}

/// Notes in `batch` that an index's entries and counters are to be removed.
pub(crate) fn discard_index(index_id: u32, batch: &mut Batch) {
    batch.set_makes_room();
    batch.put(keys::garbage(keys::INDEXES, index_id), bytes::Bytes::new());
    batch.delete(keys::count(index_id));
    batch.delete(keys::size_bytes(index_id));
    super::backfill::remove_progress(index_id, batch);
}

/// Notes in `batch` that the expiry entries of a table are to be removed, with its time to live
/// disabled or gone.
pub(crate) fn discard_expiry(time_to_live: &TimeToLive, batch: &mut Batch) {
    if time_to_live.is_kept() {
        batch.set_makes_room();
        batch.put(keys::garbage(keys::EXPIRY, time_to_live.id), bytes::Bytes::new());
        batch.delete(keys::backfill_cursor(time_to_live.id));
    }
}

/// Notes in `batch` that the log of a table's descriptors is to be removed, with its recovery disabled
/// or gone.
pub(crate) fn discard_versions(recovery: &Recovery, batch: &mut Batch) {
    if recovery.enabled {
        batch.set_makes_room();
        batch.put(keys::garbage(keys::LOG, recovery.id), bytes::Bytes::new());
    }
}

/// The keys that a note in the catalog means.
fn garbage_range(space: KeySpace, id: u32) -> (Vec<u8>, Vec<u8>) {
    let prefix = if space == keys::COUNTERS {
        keys::collection_sizes_prefix(id)
    } else {
        keys::id_prefix(id).to_vec()
    };
    let end = end_of(&prefix);
    (prefix, end)
}

impl<S: Store> Engine<S> {
    /// Removes one thing, and tells whether there may be more.
    pub(super) async fn remove_garbage(&self) -> Result<bool, Error> {
        let page = self
            .store
            .range(RangeRequest {
                space: keys::CATALOG,
                start: &[keys::GARBAGE_PREFIX],
                end: &[keys::GARBAGE_PREFIX + 1],
                direction: Direction::Forward,
                rows_max: 1,
                bytes_max: 1,
            })
            .await
            .map_err(from_store)?;
        if page.is_empty() {
            return Ok(false);
        }
        let key = Key::new(keys::CATALOG, page.key(0));
        let Some((space, id)) = keys::parse_garbage(&key.bytes) else {
            tracing::error!("a catalog entry cannot be read; run `stator check`");
            return Err(Error::internal());
        };
        let declared = Declared {
            shared: Vec::new(),
            exclusive: vec![key.clone()],
        };
        let decide = move |_: &Held| {
            let mut batch = Batch::new();
            let (start, end) = garbage_range(space, id);
            batch.delete_range(space, start, end);
            batch.delete(key.clone());
            Decision::<(), Error>::Commit(batch, ())
        };
        match self.store.commit(declared, decide).await.map_err(from_store)? {
            Outcome::Aborted(error) => Err(error),
            Outcome::Committed(()) | Outcome::Replan => Ok(true),
        }
    }
}
