//! What a write of an item changes in the indexes of its table.

use bytes::Bytes;
use model::{Encoder, Item};
use store::{Batch, Key};

use crate::capacity::write_units;
use crate::catalog::{Index, IndexKind, IndexState, Table};
use crate::keys;
use crate::write::key_checks::fit_index;

/// What a write did to one index, for its capacity and for the item collection's size.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct IndexChange {
    /// The index's name.
    pub name: String,
    /// Whether it is a local index.
    pub kind: IndexKind,
    /// The write capacity units that the change costs; never zero.
    pub units: f64,
    /// How much the index has grown, in bytes.
    pub growth_bytes: i64,
}

/// An item's entry in an index.
pub(crate) struct IndexEntry {
    pub key: Key,
    /// The attributes that the index keeps, in the stored form.
    pub value: Bytes,
    /// The size of those attributes.
    pub size_bytes: usize,
}

/// The part of `item` that an index keeps.
fn projected_item(index: Index<'_>, item: &Item) -> Item {
    let Some(names) = index.projected else {
        return item.clone();
    };
    let (mut encoder, open) = Encoder::item(item.as_stored().len().min(256 * names.len()));
    for entry in item.attributes().entries() {
        if names
            .binary_search_by(|name| name.as_bytes().cmp(entry.name))
            .is_ok()
        {
            encoder.name(entry.name);
            encoder.raw(entry.raw());
        }
    }
    encoder.finish(open)
}

/// The entry of `item` in an index; `None` where the item lacks an attribute of the index's key
/// or has one that cannot be a key, and so does not belong in the index.
pub(crate) fn index_entry(table: &Table, index: Index<'_>, item: &Item) -> Option<IndexEntry> {
    let descriptor = index.descriptor;
    let schema = &table.descriptor.key_schema;
    let key = keys::index_entry(descriptor.id, &descriptor.key_schema, schema, item.attributes()).ok()?;
    if !fit_index(&descriptor.key_schema, item) {
        return None;
    }
    let projected = projected_item(index, item);
    Some(IndexEntry {
        key,
        size_bytes: projected.size_bytes(),
        value: projected.as_stored().clone(),
    })
}

/// Writes to `batch` what turns the entries of `old` into those of `new`, and says what it costs.
///
/// `indexed` names the indexes being created that have the entry of `old` already; any other index
/// being created has none yet.
pub(crate) fn change_indexes(
    table: &Table,
    old: Option<&Item>,
    new: Option<&Item>,
    indexed: &[u32],
    batch: &mut Batch,
) -> Vec<IndexChange> {
    let mut changes = Vec::new();
    for index in table.indexes() {
        let descriptor = index.descriptor;
        let has_old_entry = match descriptor.state {
            IndexState::Active => true,
            IndexState::Creating => indexed.contains(&descriptor.id),
            IndexState::Deleting => continue,
        };
        let old = old
            .filter(|_| has_old_entry)
            .and_then(|item| index_entry(table, index, item));
        let new = new.and_then(|item| index_entry(table, index, item));
        let change = change_entry(descriptor.id, old, new, batch);
        if let Some((units, growth_bytes)) = change {
            let name = descriptor.name.clone();
            changes.push(IndexChange {
                name,
                kind: descriptor.kind,
                units,
                growth_bytes,
            });
        }
    }
    changes
}

/// Replaces one entry by another, and tells units and growth; `None` where nothing changes.
fn change_entry(
    index_id: u32,
    old: Option<IndexEntry>,
    new: Option<IndexEntry>,
    batch: &mut Batch,
) -> Option<(f64, i64)> {
    let size = |entry: &Option<IndexEntry>| entry.as_ref().map_or(0, |entry| entry.size_bytes as i64);
    let growth_bytes = size(&new) - size(&old);
    let growth_count = i64::from(new.is_some()) - i64::from(old.is_some());
    let units = match (old, new) {
        (None, None) => return None,
        (Some(old), Some(new)) if old.key == new.key => {
            if old.value == new.value {
                return None;
            }
            let units = write_units(old.size_bytes.max(new.size_bytes));
            batch.put(new.key, new.value);
            units
        }
        // A moved entry is deleted in one place and inserted in another (AWS-FACTS 35).
        (old, new) => {
            let mut units = 0.0;
            if let Some(old) = old {
                units += write_units(old.size_bytes);
                batch.delete(old.key);
            }
            if let Some(new) = new {
                units += write_units(new.size_bytes);
                batch.put(new.key, new.value);
            }
            units
        }
    };
    if growth_count != 0 {
        batch.add(keys::count(index_id), growth_count);
    }
    if growth_bytes != 0 {
        batch.add(keys::size_bytes(index_id), growth_bytes);
    }
    Some((units, growth_bytes))
}
