//! Writes of several items as one commit: which keys it declares, and where their values are found
//! when it runs.

use api::{Error, ErrorKind};
use bytes::Bytes;
use model::Item;
use store::{Batch, Declared, Held, Key};

use super::{ItemWrite, Written, apply, stored_item};
use crate::background::backfill;
use crate::capacity::{Consumed, write_units};
use crate::catalog::IndexState;
use crate::keys;

/// Writes of different items, planned together.
#[derive(Debug)]
pub(crate) struct CommitPlan {
    writes: Vec<Placed>,
    shared: Vec<Key>,
    exclusive: Vec<Key>,
}

/// A write, and where what it declares stands among all that is declared.
#[derive(Debug)]
struct Placed {
    write: ItemWrite,
    /// The table's descriptor, among the shared keys.
    descriptor: usize,
    /// The item, among the exclusive keys.
    item: usize,
    /// The indexes being created.
    creating: Vec<Creating>,
}

/// What a write declares of an index that is being created.
#[derive(Debug)]
struct Creating {
    index_id: u32,
    /// How far the backfill has come, among the shared keys.
    cursor: usize,
    /// The item's mark, among the exclusive keys.
    mark: usize,
}

/// The position of `key` in `keys`, where it is put if it is not there.
fn position_of(keys: &mut Vec<Key>, key: Key) -> usize {
    keys.iter().position(|known| *known == key).unwrap_or_else(|| {
        keys.push(key);
        keys.len() - 1
    })
}

impl CommitPlan {
    /// Plans writes, no two of the same item.
    pub fn new(writes: Vec<ItemWrite>) -> Self {
        let mut plan = CommitPlan {
            shared: Vec::with_capacity(1),
            exclusive: Vec::with_capacity(writes.len() + 1),
            writes: Vec::with_capacity(writes.len()),
        };
        for write in writes {
            let descriptor = position_of(&mut plan.shared, write.table.descriptor_key.clone());
            plan.exclusive.push(write.key.clone());
            let item = plan.exclusive.len() - 1;
            let mut creating = Vec::new();
            for index in &write.table.descriptor.indexes {
                if index.state == IndexState::Creating {
                    plan.exclusive
                        .push(keys::backfill_mark(index.id, &write.key.bytes));
                    creating.push(Creating {
                        index_id: index.id,
                        cursor: position_of(&mut plan.shared, keys::backfill_cursor(index.id)),
                        mark: plan.exclusive.len() - 1,
                    });
                }
            }
            plan.writes.push(Placed {
                write,
                descriptor,
                item,
                creating,
            });
        }
        plan
    }

    /// The keys to declare. A caller may add its own behind them.
    pub fn declared(&self) -> Declared {
        Declared {
            shared: self.shared.clone(),
            exclusive: self.exclusive.clone(),
        }
    }

    /// How many writes there are.
    pub fn len(&self) -> usize {
        self.writes.len()
    }

    /// The write at `position`.
    pub fn write(&self, position: usize) -> &ItemWrite {
        &self.writes[position].write
    }

    /// Whether every table still is the version that its writes were planned with.
    pub fn is_current(&self, held: &Held) -> bool {
        self.writes.iter().all(|placed| {
            placed
                .write
                .table
                .is_current(held.shared[placed.descriptor].as_ref())
        })
    }

    /// What the write at `position` consumes that is refused with `error`: a condition is looked at in
    /// the item as it is, which costs as much as writing that (developer guide, "Capacity unit
    /// consumption for writes").
    pub fn refused_consumed(&self, position: usize, held: &Held, error: &Error) -> Consumed {
        let is_condition = matches!(
            error.kind,
            ErrorKind::ConditionalCheckFailedException | ErrorKind::DuplicateItemException
        );
        match is_condition {
            true => self.condition_consumed(position, held),
            false => Consumed::default(),
        }
    }

    /// What looking at the item of the write at `position` consumes.
    pub fn condition_consumed(&self, position: usize, held: &Held) -> Consumed {
        let stored = held.exclusive[self.writes[position].item].clone();
        let item = stored.and_then(|stored| stored_item(stored).ok());
        Consumed::of_table(write_units(item.as_ref().map_or(0, Item::size_bytes)))
    }

    /// Decides the write at `position` and adds its consequences to `batch`.
    pub fn apply(&self, position: usize, held: &Held, batch: &mut Batch) -> Result<Written, Error> {
        let Placed {
            write,
            item,
            creating,
            ..
        } = &self.writes[position];
        let old = held.exclusive[*item].clone().map(stored_item).transpose()?;
        let mut indexed = Vec::with_capacity(creating.len());
        let mut marks = Vec::new();
        for Creating {
            index_id,
            cursor,
            mark,
        } in creating
        {
            let passed = backfill::is_passed(held.shared[*cursor].as_deref(), &write.key.bytes);
            if passed || held.exclusive[*mark].is_some() {
                indexed.push(*index_id);
            } else {
                marks.push(*mark);
            }
        }
        let written = apply(write, old, &indexed, batch)?;
        // An item that stays as it is gets no entry here, so the backfill must still see it.
        if written.is_change() {
            for mark in marks {
                batch.put(self.exclusive[mark].clone(), Bytes::new());
            }
        }
        Ok(written)
    }
}
