//! Walking through all items of a table in steps, with a cursor in the catalog that outlives a
//! restart.

use api::Error;
use bytes::Bytes;
use store::{Direction, Key, RangePage, RangeRequest, Store};

use crate::Engine;
use crate::catalog::Table;
use crate::error::from_store;
use crate::keys;
use crate::read::end_of;

/// About how many bytes of items one step reads at most.
const STEP_BYTES_MAX: usize = 1 << 20;

impl<S: Store> Engine<S> {
    /// The cursor at `cursor_key`, which is the first key that no step has seen, and the items from
    /// there on, at most `items_max` of them.
    pub(super) async fn next_items(
        &self,
        table: &Table,
        cursor_key: &Key,
        items_max: usize,
    ) -> Result<(Option<Bytes>, RangePage), Error> {
        let cursor = self.store.get(cursor_key.space, &cursor_key.bytes).await;
        let cursor = cursor.map_err(from_store)?;
        let prefix = keys::id_prefix(table.id());
        let page = self
            .store
            .range(RangeRequest {
                space: keys::ITEMS,
                start: cursor.as_deref().unwrap_or(&prefix),
                end: &end_of(&prefix),
                direction: Direction::Forward,
                rows_max: items_max,
                bytes_max: STEP_BYTES_MAX,
            })
            .await
            .map_err(from_store)?;
        Ok((cursor, page))
    }
}
