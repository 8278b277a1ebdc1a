//! Filling a table that is being restored, a page at a time, until it is complete and becomes ACTIVE.
//!
//! Nobody else reads or writes the table meanwhile. A page is one commit that writes the items with
//! all that belongs to them and moves the cursor, so that a restart goes on behind the last page.

use std::sync::Arc;

use api::Error;
use bytes::Bytes;
use model::Item;
use store::{Batch, Decision, Held, Key, Outcome, Store};

use crate::Engine;
use crate::background::Job;
use crate::catalog::{Restore, Table, TableState};
use crate::error::from_store;
use crate::history::{PageLimits, PastTable, TableAt};
use crate::keys;
use crate::log::Author;
use crate::read::just_above;
use crate::write::{Action, CommitPlan, ItemWrite};

/// How much one step restores.
const STEP: PageLimits = PageLimits {
    items_max: 256,
    bytes_max: 1 << 20,
    log_records_max: 1024,
};

impl Restore {
    /// The source as it is read, which has the key of the table that is restored.
    fn past_table(&self, table: &Arc<Table>) -> PastTable {
        let at = TableAt {
            table_id: self.source_id,
            key_schema: table.descriptor.key_schema.clone(),
            boundary: self.boundary,
        };
        PastTable::new(self.job_id, at, table.clone())
    }
}

impl<S: Store> Engine<S> {
    /// Restores one page of items, reads a part of the log for it, or ends the restore.
    pub(crate) async fn restore_step(&self, table: &Arc<Table>, restore: &Restore) -> Result<(), Error> {
        let cursor_key = keys::restore_cursor(restore.job_id);
        let cursor = self.store.get(cursor_key.space, &cursor_key.bytes).await;
        let cursor = cursor.map_err(from_store)?;
        let past = restore.past_table(table);
        let start = cursor.as_deref().unwrap_or_default();
        let Some(page) = past.read(&self.store, start, STEP).await? else {
            return Ok(());
        };
        let next = page.next.or_else(|| {
            let (last, _) = page.items.last()?;
            Some(just_above(last))
        });
        match next {
            None => self.end_restore_to_point(table, restore, past).await,
            Some(next) => {
                // A page that is out of date is made anew by the next step.
                let _is_put = self
                    .put_page(table, cursor_key, cursor, page.items, next.into())
                    .await?;
                Ok(())
            }
        }
    }

    /// Writes items, each with its key that lacks the table id and no two with the same, and moves the
    /// cursor from `cursor` to `next`. Gives whether that is done: it is not where the table has changed
    /// since it was looked at, or the cursor has been moved by somebody else.
    pub(crate) async fn put_page(
        &self,
        table: &Arc<Table>,
        cursor_key: Key,
        cursor: Option<Bytes>,
        items: Vec<(Vec<u8>, Item)>,
        next: Bytes,
    ) -> Result<bool, Error> {
        let writes = items.into_iter().map(|(place, item)| ItemWrite {
            table: table.clone(),
            // Nothing is logged of it.
            key_attributes: Item::empty(),
            key: Key::new(keys::ITEMS, keys::of_id(table.id(), &place)),
            condition: None,
            return_item_on_failure: false,
            action: Action::Put(item),
            author: Author::Request,
        });
        let plan = CommitPlan::new(writes.collect());
        let mut declared = plan.declared();
        declared.exclusive.push(cursor_key.clone());
        // A page may have no items.
        if plan.len() == 0 {
            declared.shared.push(table.descriptor_key.clone());
        }
        let version = table.clone();
        let decide = move |held: &Held| {
            // All writes are of one table.
            if !version.is_current(held.shared[0].as_ref()) || held.exclusive.last() != Some(&cursor) {
                return Decision::Replan;
            }
            let mut batch = Batch::new();
            let applied = (0..plan.len()).try_for_each(|position| {
                plan.apply(position, held, &mut batch)?;
                Ok(())
            });
            batch.put(cursor_key.clone(), next.clone());
            match applied {
                Ok(()) => Decision::Commit(batch, ()),
                Err(error) => Decision::Abort(error),
            }
        };
        match self.store.commit(declared, decide).await.map_err(from_store)? {
            Outcome::Committed(()) => Ok(true),
            Outcome::Replan => Ok(false),
            Outcome::Aborted(error) => Err(error),
        }
    }

    /// Makes the table ACTIVE, and lets the source's log go.
    async fn end_restore_to_point(
        &self,
        table: &Table,
        restore: &Restore,
        past: PastTable,
    ) -> Result<(), Error> {
        let (name, job) = (table.name().to_owned(), restore.clone());
        self.change_pair(&restore.source_name, &name, Vec::new(), move |pair| {
            let target = pair.target.as_mut();
            let Some(target) = target.filter(|target| target.restore.as_ref() == Some(&job)) else {
                return Ok(());
            };
            target.state = TableState::Created;
            target.restore = None;
            pair.batch.delete(keys::restore_cursor(job.job_id));
            past.discard(&mut pair.batch);
            if let Some(source) = pair.source.as_mut().filter(|source| source.id == job.source_id) {
                source.log_holds.retain(|hold| hold.job_id != job.job_id);
            }
            Ok(())
        })
        .await?;
        self.jobs.add(Job::garbage());
        tracing::info!(
            table = name,
            source = restore.source_name,
            "a table has been restored"
        );
        Ok(())
    }
}
