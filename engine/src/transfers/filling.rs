//! Filling a table that is being made from objects: by a restore of a backup, or by an import.
//!
//! Nobody else reads or writes the table meanwhile. A page is one commit that writes the items with all
//! that belongs to them and moves the cursor, whose meaning is that of whoever fills; so a restart goes
//! on behind the last page.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::{AttributeMap, Error, ErrorKind, Operation};
use bytes::Bytes;
use model::Item;
use model::limits::ITEM_BYTES_MAX;
use store::Store;

use crate::Engine;
use crate::catalog::{Fill, Table};
use crate::error::from_store;
use crate::keys;
use crate::ops::check_values;
use crate::write::{check_index_keys, check_item_key, key_of};

/// A table that is being filled.
#[derive(Clone, Debug)]
pub struct TableFill {
    pub(super) table_name: String,
    pub(super) job_id: u32,
}

/// What became of a page of items.
#[derive(Debug)]
pub struct FilledPage {
    /// For each item that was refused its position in the page, and why.
    pub refused: Vec<(usize, Error)>,
    /// Where the cursor is now.
    pub cursor: Bytes,
}

impl TableFill {
    /// The name of the table.
    pub fn table_name(&self) -> &str {
        &self.table_name
    }
}

impl<S: Store> Engine<S> {
    /// How far the table has been filled: the `next` of the last page; `None` at the beginning.
    pub async fn fill_cursor(&self, fill: &TableFill) -> Result<Option<Bytes>, Error> {
        let key = keys::restore_cursor(fill.job_id);
        self.store.get(key.space, &key.bytes).await.map_err(from_store)
    }

    /// Puts a page of items, as PutItem does, and moves the cursor from `cursor` to what `next` makes of
    /// the items that are refused: both or neither. Of several items with the same key the last one
    /// counts. An item that PutItem would refuse is refused by itself; any other error is one of the
    /// whole page, of which nothing is there then.
    pub async fn fill_page(
        &self,
        fill: &TableFill,
        items: Vec<AttributeMap>,
        cursor: Option<Bytes>,
        next: impl Fn(&[(usize, Error)]) -> Bytes + Send,
    ) -> Result<FilledPage, Error> {
        let mut attempts = self.write_attempts();
        loop {
            let table = self.filled_table(fill).await?;
            let mut refused = Vec::new();
            let mut found: BTreeMap<Vec<u8>, Item> = BTreeMap::new();
            for (position, attributes) in items.iter().enumerate() {
                match checked(&table, attributes) {
                    Ok(key) => {
                        found.insert(keys::place_of(&key).to_vec(), attributes.item.clone());
                    }
                    Err(error) => refused.push((position, error)),
                }
            }
            let cursor_key = keys::restore_cursor(fill.job_id);
            let page = found.into_iter().collect();
            let next = next(&refused);
            if self
                .put_page(&table, cursor_key, cursor.clone(), page, next.clone())
                .await?
            {
                return Ok(FilledPage {
                    refused,
                    cursor: next,
                });
            }
            // The table may have been changed, or the page be there already.
            self.catalog.forget(&fill.table_name);
            if self.fill_cursor(fill).await? != cursor {
                return Err(Error::new(
                    ErrorKind::InternalServerError,
                    "somebody else fills the same table",
                ));
            }
            attempts.next()?;
        }
    }

    /// The table that is being filled.
    async fn filled_table(&self, fill: &TableFill) -> Result<Arc<Table>, Error> {
        let table = self.catalog.table(&self.store, &fill.table_name).await;
        let table = table.map_err(from_store)?;
        let is_it = |found: &Fill| found.job_id == fill.job_id;
        table
            .filter(|table| table.descriptor.fill.as_ref().is_some_and(is_it))
            .ok_or_else(|| Error::validation("The table is not being filled any more"))
    }
}

/// Checks an item as PutItem does; gives its key.
fn checked(table: &Table, attributes: &AttributeMap) -> Result<Vec<u8>, Error> {
    check_values(Operation::PutItem, attributes)?;
    let item = &attributes.item;
    if item.size_bytes() > ITEM_BYTES_MAX {
        return Err(Error::validation(
            "Item size has exceeded the maximum allowed size",
        ));
    }
    check_item_key(&table.descriptor.key_schema, item)?;
    check_index_keys(table, item)?;
    Ok(key_of(table, item.attributes())?.bytes)
}
