//! Writing items: every write of an item, from PutItem to a transaction, is a [`ItemWrite`] that
//! [`apply`] turns into puts and deletes of one batch.
//!
//! A commit declares the item's key exclusively and shares the table's descriptor; it refuses to run
//! on another version of the table than the one that the write was planned with. For every index
//! that is being created it also declares how far the backfill has come, and the item's mark: see
//! [`crate::background::backfill`].

mod commit_plan;
mod conflicts;
mod index_changes;
mod key_checks;
mod transaction;

use std::sync::Arc;

use api::{Error, ErrorKind};
use bytes::Bytes;
use expr::{Condition, Update};
use model::limits::ITEM_BYTES_MAX;
use model::{Item, MapRef};
use store::{Batch, Decision, Held, Key, Outcome, Store};

pub(crate) use commit_plan::CommitPlan;
pub(crate) use conflicts::ItemsInWork;
pub(crate) use index_changes::index_entry;
pub(crate) use key_checks::{
    check_index_keys, check_item_key, check_key, check_key_paths, check_no_empty_key, key_mismatch,
};

pub(crate) use transaction::{TOKEN_MS, Token, TokenRecord, Transacted};

use crate::Engine;
use crate::capacity::{Consumed, write_units};
use crate::catalog::{IndexKind, Table};
use crate::error::from_store;
use crate::expiry::{Expired, change_expiry};
use crate::keys;
use crate::log::{Author, append_change};
use crate::write::index_changes::{IndexChange, change_indexes};
use crate::write::key_checks::check_updated_index_keys;

/// What a write does to its item.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// Replaces the item.
    Put(Item),
    /// Makes the item, which must not be there.
    Insert(Item),
    /// Changes the item, or makes it from its key.
    Update(Arc<Update>),
    /// Removes the item.
    Delete,
    /// Leaves the item as it is: only the condition counts.
    Check,
    /// Removes the item where it has expired, as it is now, at this moment in milliseconds since the
    /// Unix epoch.
    Expire { now_ms: u64 },
}

/// One write of one item.
#[derive(Clone, Debug)]
pub(crate) struct ItemWrite {
    /// The table, in the version that the write was planned with.
    pub table: Arc<Table>,
    /// The item's primary key attributes; empty for [`Action::Expire`], which takes them from the item.
    pub key_attributes: Item,
    /// The item's key.
    pub key: Key,
    /// What must hold of the item as it is.
    pub condition: Option<Arc<Condition>>,
    /// Whether a failed condition answers with the item.
    pub return_item_on_failure: bool,
    /// What happens to it.
    pub action: Action,
    /// Who wants it.
    pub author: Author,
}

/// What a write did.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    /// The item as it was.
    pub old: Option<Item>,
    /// The item as it is.
    pub new: Option<Item>,
    changes: Vec<IndexChange>,
}

impl Written {
    /// Whether the item is another than before.
    pub fn is_change(&self) -> bool {
        self.old != self.new
    }

    /// What the write consumed: the larger of the old and the new item, and each index by the
    /// change of its own entry (AWS-FACTS 35).
    pub fn consumed(&self) -> Consumed {
        let size = |item: &Option<Item>| item.as_ref().map_or(0, Item::size_bytes);
        let mut consumed = Consumed::of_table(write_units(size(&self.old).max(size(&self.new))));
        for change in &self.changes {
            consumed.add_index(&change.name, change.kind, change.units);
        }
        consumed
    }
}

/// A write that was not made, and what it consumed all the same.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub error: Error,
    pub consumed: Consumed,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Refused {
            error,
            consumed: Consumed::default(),
        }
    }
}

/// The keys of an item.
pub(crate) fn key_of(table: &Table, attributes: MapRef<'_>) -> Result<Key, Error> {
    keys::item(table.id(), &table.descriptor.key_schema, attributes).map_err(|_| key_mismatch())
}

/// The primary key attributes of an item.
pub(crate) fn key_attributes_of(table: &Table, item: &Item) -> Item {
    let schema = &table.descriptor.key_schema;
    let (mut encoder, open) = model::Encoder::item(64);
    for entry in item.attributes().entries() {
        if schema
            .attributes()
            .any(|attribute| attribute.name.as_bytes() == entry.name)
        {
            encoder.name(entry.name);
            encoder.raw(entry.raw());
        }
    }
    encoder.finish(open)
}

/// Decides a write from the item as it is, and writes its consequences to `batch`.
///
/// `indexed` names the indexes being created that have the entry of the old item already.
fn apply(write: &ItemWrite, old: Option<Item>, indexed: &[u32], batch: &mut Batch) -> Result<Written, Error> {
    let attributes = old.as_ref().map(Item::attributes);
    if let Some(condition) = &write.condition
        && !condition.matches(attributes)
    {
        return Err(Error::conditional_check_failed(
            old.filter(|_| write.return_item_on_failure),
        ));
    }
    let table = &write.table;
    let new = match &write.action {
        Action::Insert(_) if old.is_some() => {
            return Err(Error {
                item: old.filter(|_| write.return_item_on_failure),
                ..Error::new(
                    ErrorKind::DuplicateItemException,
                    "Duplicate primary key exists in table",
                )
            });
        }
        Action::Put(item) | Action::Insert(item) => Some(item.clone()),
        Action::Delete => None,
        Action::Check => old.clone(),
        Action::Expire { now_ms } => {
            let expired = Expired::new(table, *now_ms);
            let has_expired = |item: &Item| {
                expired
                    .as_ref()
                    .is_some_and(|expired| expired.has(item.attributes()))
            };
            old.clone().filter(|item| !has_expired(item))
        }
        Action::Update(update) => {
            let new = update
                .apply(&write.key_attributes, attributes)
                .map_err(|error| Error::validation(error.to_string()))?;
            check_updated_index_keys(table, old.as_ref(), &new)?;
            if new.size_bytes() > ITEM_BYTES_MAX {
                return Err(Error::validation(
                    "Item size to update has exceeded the maximum allowed size",
                ));
            }
            Some(new)
        }
    };
    if old == new {
        return Ok(Written {
            old,
            new,
            changes: Vec::new(),
        });
    }
    let changes = change_indexes(table, old.as_ref(), new.as_ref(), indexed, batch);
    let size = |item: &Option<Item>| item.as_ref().map_or(0, Item::size_bytes) as i64;
    let growth_bytes = size(&new) - size(&old);
    let growth_count = i64::from(new.is_some()) - i64::from(old.is_some());
    match &new {
        Some(item) => batch.put(write.key.clone(), item.as_stored().clone()),
        None => batch.delete(write.key.clone()),
    }
    let new_attributes = new.as_ref().map(Item::attributes);
    change_expiry(table, &write.key.bytes, attributes, new_attributes, batch);
    append_change(write, old.as_ref(), new.as_ref(), batch);
    if growth_count != 0 {
        batch.add(keys::count(table.id()), growth_count);
    }
    if growth_bytes != 0 {
        batch.add(keys::size_bytes(table.id()), growth_bytes);
    }
    if table.has_local_indexes {
        let local = changes.iter().filter(|change| change.kind == IndexKind::Local);
        let growth_bytes = growth_bytes + local.map(|change| change.growth_bytes).sum::<i64>();
        if growth_bytes != 0 {
            batch.add(collection_key(table, &write.key), growth_bytes);
        }
    }
    Ok(Written { old, new, changes })
}

/// The key of the size of the item collection that the item at `key` belongs to.
pub(crate) fn collection_key(table: &Table, key: &Key) -> Key {
    let values = &key.bytes[keys::PARTITION_AT..];
    let length = usize::from(u16::from_be_bytes([values[0], values[1]]));
    keys::collection_size(table.id(), &values[..2 + length])
}

/// Reads a stored item.
pub(crate) fn stored_item(stored: Bytes) -> Result<Item, Error> {
    Item::from_stored(stored).map_err(|malformed| {
        tracing::error!(
            what = malformed.0,
            "a stored item cannot be read; run `stator check`"
        );
        Error::internal()
    })
}

impl<S: Store> Engine<S> {
    /// Commits one write. `Ok(None)` where the table has changed since the write was planned.
    pub(crate) async fn commit_write(&self, write: ItemWrite) -> Result<Option<Written>, Refused> {
        let name = write.table.name().to_owned();
        // Held until the commit is done.
        let _in_work = match &self.items_in_work {
            None => None,
            Some(items) => Some(items.take_for_write(&write.key)?),
        };
        let plan = CommitPlan::new(vec![write]);
        let declared = plan.declared();
        let decide = move |held: &Held| {
            if !plan.is_current(held) {
                return Decision::Replan;
            }
            let mut batch = Batch::new();
            match plan.apply(0, held, &mut batch) {
                Ok(written) => Decision::Commit(batch, written),
                Err(error) => Decision::Abort(Refused {
                    consumed: plan.refused_consumed(0, held, &error),
                    error,
                }),
            }
        };
        match self.store.commit(declared, decide).await.map_err(from_store)? {
            Outcome::Committed(written) => Ok(Some(written)),
            Outcome::Aborted(refused) => Err(refused),
            Outcome::Replan => {
                self.catalog.forget(&name);
                Ok(None)
            }
        }
    }
}
