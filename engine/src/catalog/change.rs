//! Changing the catalog: a descriptor is written by a commit that holds it exclusively, so that no
//! write of an item runs beside it, and every later one sees it.

use std::sync::Arc;

use api::Error;
use bytes::Bytes;
use store::{Batch, Decision, Declared, Held, Key, Outcome, Store, StoreError};

use super::{Table, TableDescriptor};
use crate::Engine;
use crate::error::from_store;
use crate::keys;

/// A descriptor being changed, with all that is written along with it.
pub(crate) struct Change {
    /// The descriptor; its version is raised afterwards.
    pub descriptor: TableDescriptor,
    /// What else is written in the same commit.
    pub batch: Batch,
    /// The ids of what it makes.
    pub ids: NewIds,
}

/// The ids that a change takes for what it makes.
pub(crate) struct NewIds {
    next: u32,
    is_taken: bool,
}

impl NewIds {
    /// From what is stored as the next free one.
    fn read(stored: Option<&Bytes>) -> Result<Self, Error> {
        let from = |next| NewIds {
            next,
            is_taken: false,
        };
        let Some(stored) = stored else { return Ok(from(1)) };
        let bytes: Option<[u8; 4]> = stored.as_ref().try_into().ok();
        match bytes.map(u32::from_be_bytes) {
            // The last ids are never given: a key range must end below the highest key.
            Some(next) if next < u32::MAX - 1000 => Ok(from(next)),
            _ => Err(from_store(StoreError::Damaged {
                path: "catalog".into(),
                offset: None,
                detail: "the next table id cannot be read".to_owned(),
            })),
        }
    }

    /// A new id.
    pub fn take(&mut self) -> u32 {
        self.is_taken = true;
        self.next += 1;
        self.next - 1
    }

    /// Notes which is the next free one, where any was taken.
    fn put(&self, batch: &mut Batch) {
        if self.is_taken {
            batch.put(keys::next_id(), self.next.to_be_bytes().to_vec());
        }
    }
}

impl<S: Store> Engine<S> {
    /// Writes the descriptor of a new table, with ids that `make` takes for it, and what else `make`
    /// puts into the batch. `Ok(None)` where a table of that name exists.
    pub(crate) async fn create_descriptor<F>(
        &self,
        name: &str,
        mut make: F,
    ) -> Result<Option<Arc<Table>>, Error>
    where
        F: FnMut(&mut NewIds, &mut Batch) -> TableDescriptor + Send + 'static,
    {
        let key = keys::descriptor(name);
        let declared = Declared {
            shared: Vec::new(),
            exclusive: vec![key.clone(), keys::next_id()],
        };
        let decide = move |held: &Held| {
            if held.exclusive[0].is_some() {
                return Decision::Commit(Batch::new(), None);
            }
            let mut ids = match NewIds::read(held.exclusive[1].as_ref()) {
                Ok(ids) => ids,
                Err(error) => return Decision::Abort(error),
            };
            let mut batch = Batch::new();
            let descriptor = make(&mut ids, &mut batch);
            ids.put(&mut batch);
            batch.put(key.clone(), descriptor.to_stored());
            Decision::Commit(batch, Some(descriptor))
        };
        let created = self.commit_catalog(name, declared, decide).await?.flatten();
        Ok(created.map(|descriptor| self.adopt(descriptor)))
    }

    /// Changes the descriptor of a table. Its absence is the error of `missing`.
    pub(crate) async fn change_descriptor<F>(&self, name: &str, mut change: F) -> Result<Arc<Table>, Error>
    where
        F: FnMut(&mut Change) -> Result<(), Error> + Send + 'static,
    {
        let key = keys::descriptor(name);
        let missing = crate::ops::table_not_found(name);
        let declared = Declared {
            shared: Vec::new(),
            exclusive: vec![key.clone(), keys::next_id()],
        };
        let decide = move |held: &Held| match changed(&key, held, &missing, &mut change) {
            Ok((batch, descriptor)) => Decision::Commit(batch, descriptor),
            Err(error) => Decision::Abort(error),
        };
        let descriptor = self
            .commit_catalog(name, declared, decide)
            .await?
            .ok_or_else(Error::internal)?;
        Ok(self.adopt(descriptor))
    }

    async fn commit_catalog<T: Send + 'static>(
        &self,
        name: &str,
        declared: Declared,
        decide: impl FnMut(&Held) -> Decision<T, Error> + Send + 'static,
    ) -> Result<Option<T>, Error> {
        let outcome = self.store.commit(declared, decide).await;
        self.catalog.forget(name);
        match outcome.map_err(from_store)? {
            Outcome::Committed(value) => Ok(Some(value)),
            Outcome::Aborted(error) => Err(error),
            Outcome::Replan => Ok(None),
        }
    }

    fn adopt(&self, descriptor: TableDescriptor) -> Arc<Table> {
        let table = Arc::new(Table::new(descriptor));
        self.schedule(&table);
        table
    }
}

/// The batch and the descriptor that a change comes to.
fn changed(
    key: &Key,
    held: &Held,
    missing: &Error,
    change: &mut impl FnMut(&mut Change) -> Result<(), Error>,
) -> Result<(Batch, TableDescriptor), Error> {
    let stored = held.exclusive[0].as_ref().ok_or_else(|| missing.clone())?;
    let descriptor = TableDescriptor::from_stored(stored).map_err(from_store)?;
    let mut pending = Change {
        descriptor,
        batch: Batch::new(),
        ids: NewIds::read(held.exclusive[1].as_ref())?,
    };
    change(&mut pending)?;
    let Change {
        mut descriptor,
        mut batch,
        ids,
    } = pending;
    descriptor.version += 1;
    ids.put(&mut batch);
    put_descriptor(key, &descriptor, &mut batch);
    Ok((batch, descriptor))
}

/// Writes a changed descriptor, and records it where the table can be recovered: a restore has the
/// settings of its moment.
fn put_descriptor(key: &Key, descriptor: &TableDescriptor, batch: &mut Batch) {
    let stored = descriptor.to_stored();
    if let Some(recovery) = descriptor.enabled_recovery() {
        batch.append(keys::LOG, keys::id_prefix(recovery.id).to_vec(), stored.clone());
    }
    batch.put(key.clone(), stored);
}

/// The descriptors of a table that is being restored and of its source, being changed together.
pub(crate) struct PairChange {
    /// That of the source, where there is one.
    pub source: Option<TableDescriptor>,
    /// That of the restored table, where there is one.
    pub target: Option<TableDescriptor>,
    /// What the keys hold that are shared besides.
    pub shared: Vec<Option<Bytes>>,
    /// What else is written in the same commit.
    pub batch: Batch,
    /// The ids of what it makes.
    pub ids: NewIds,
}

impl PairChange {
    fn read(held: &Held) -> Result<Self, Error> {
        let descriptor = |stored: &Option<Bytes>| {
            let stored = stored.as_deref().map(TableDescriptor::from_stored);
            stored.transpose().map_err(from_store)
        };
        Ok(PairChange {
            source: descriptor(&held.exclusive[0])?,
            target: descriptor(&held.exclusive[1])?,
            shared: held.shared.clone(),
            batch: Batch::new(),
            ids: NewIds::read(held.exclusive[2].as_ref())?,
        })
    }
}

impl<S: Store> Engine<S> {
    /// Changes the descriptors of two tables in one commit, which also shares the keys `shared`. A
    /// descriptor that was not there is made, one that stays as it is stays the same version; none is
    /// removed. Gives the second, where it is there.
    pub(crate) async fn change_pair<F>(
        &self,
        source: &str,
        target: &str,
        shared: Vec<Key>,
        mut change: F,
    ) -> Result<Option<Arc<Table>>, Error>
    where
        F: FnMut(&mut PairChange) -> Result<(), Error> + Send + 'static,
    {
        let pair_keys = [keys::descriptor(source), keys::descriptor(target)];
        let declared = Declared {
            shared,
            exclusive: vec![pair_keys[0].clone(), pair_keys[1].clone(), keys::next_id()],
        };
        let decide = move |held: &Held| match changed_pair(&pair_keys, held, &mut change) {
            Ok((batch, pair)) => Decision::Commit(batch, pair),
            Err(error) => Decision::Abort(error),
        };
        let outcome = self.commit_catalog(source, declared, decide).await;
        self.catalog.forget(target);
        let (source, target) = outcome?.ok_or_else(Error::internal)?;
        if let Some(source) = source {
            self.adopt(source);
        }
        Ok(target.map(|target| self.adopt(target)))
    }
}

type Pair = (Option<TableDescriptor>, Option<TableDescriptor>);

fn changed_pair(
    pair_keys: &[Key; 2],
    held: &Held,
    change: &mut impl FnMut(&mut PairChange) -> Result<(), Error>,
) -> Result<(Batch, Pair), Error> {
    let mut pending = PairChange::read(held)?;
    let before = [pending.source.clone(), pending.target.clone()];
    change(&mut pending)?;
    let PairChange {
        mut source,
        mut target,
        mut batch,
        ids,
        ..
    } = pending;
    for ((key, before), after) in pair_keys.iter().zip(before).zip([&mut source, &mut target]) {
        match (&before, after) {
            (_, None) => {}
            (Some(before), Some(after)) if before == after => {}
            (before, Some(after)) => {
                after.version += u64::from(before.is_some());
                put_descriptor(key, after, &mut batch);
            }
        }
    }
    ids.put(&mut batch);
    Ok((batch, (source, target)))
}

/// A record of the catalog being changed, together with the descriptor of a table.
pub(crate) struct RecordChange {
    /// The record, in its stored form; `None` where there is none, or there is to be none.
    pub record: Option<Bytes>,
    /// The descriptor of the table, where there is one.
    pub table: Option<TableDescriptor>,
    /// What the keys hold that are shared besides.
    pub shared: Vec<Option<Bytes>>,
    /// What else is written in the same commit.
    pub batch: Batch,
    /// The ids of what it makes.
    pub ids: NewIds,
}

impl<S: Store> Engine<S> {
    /// Changes the record at `record_key` and the descriptor of a table in one commit, which also
    /// shares the keys `shared`. A descriptor that was not there is made, one that stays as it is stays
    /// the same version; none is removed. Gives the table, where it is there.
    pub(crate) async fn change_record<F>(
        &self,
        record_key: Key,
        table_name: &str,
        shared: Vec<Key>,
        mut change: F,
    ) -> Result<Option<Arc<Table>>, Error>
    where
        F: FnMut(&mut RecordChange) -> Result<(), Error> + Send + 'static,
    {
        let table_key = keys::descriptor(table_name);
        let declared = Declared {
            shared,
            exclusive: vec![record_key.clone(), table_key.clone(), keys::next_id()],
        };
        let decide = move |held: &Held| match changed_record(&record_key, &table_key, held, &mut change) {
            Ok((batch, table)) => Decision::Commit(batch, table),
            Err(error) => Decision::Abort(error),
        };
        let table = self.commit_catalog(table_name, declared, decide).await?;
        let table = table.ok_or_else(Error::internal)?;
        Ok(table.map(|table| self.adopt(table)))
    }
}

fn changed_record(
    record_key: &Key,
    table_key: &Key,
    held: &Held,
    change: &mut impl FnMut(&mut RecordChange) -> Result<(), Error>,
) -> Result<(Batch, Option<TableDescriptor>), Error> {
    let record = held.exclusive[0].clone();
    let table = held.exclusive[1].as_deref().map(TableDescriptor::from_stored);
    let table = table.transpose().map_err(from_store)?;
    let mut pending = RecordChange {
        record: record.clone(),
        table: table.clone(),
        shared: held.shared.clone(),
        batch: Batch::new(),
        ids: NewIds::read(held.exclusive[2].as_ref())?,
    };
    change(&mut pending)?;
    let mut batch = pending.batch;
    if pending.record != record {
        match pending.record {
            Some(record) => batch.put(record_key.clone(), record),
            None => batch.delete(record_key.clone()),
        }
    }
    if let Some(after) = pending
        .table
        .as_mut()
        .filter(|after| table.as_ref() != Some(after))
    {
        after.version += u64::from(table.is_some());
        put_descriptor(table_key, after, &mut batch);
    }
    pending.ids.put(&mut batch);
    Ok((batch, pending.table))
}
