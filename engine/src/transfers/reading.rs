//! The pages of a table as it was, for who writes them to objects.

use std::sync::Arc;

use api::Error;
use model::Item;
use store::Store;

use super::record::Source;
use crate::Engine;
use crate::catalog::Table;
use crate::error::from_store;
use crate::history::{PageLimits, PastTable, PastWindow, TableAt};
use crate::schema::KeySchema;

/// How much a page holds.
const PAGE: PageLimits = PageLimits {
    items_max: 1024,
    bytes_max: 1 << 20,
    log_records_max: 1024,
};

/// A table at a moment, to be read page by page.
#[derive(Clone, Debug)]
pub struct TableRead {
    table_name: String,
    table_id: u32,
    job_id: u32,
    key_schema: KeySchema,
    boundary: u64,
}

/// Some of the items of a table, in the order of their keys.
#[derive(Debug)]
pub struct TablePage {
    /// The items.
    pub items: Vec<Item>,
    /// Where to go on; `None` at the end. A page without items may have others behind it.
    pub next: Option<Vec<u8>>,
}

/// What became of an item between two moments.
#[derive(Debug)]
pub struct ChangedItem {
    /// Its primary key attributes.
    pub key: Item,
    /// When it was last written, in milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// The item at the beginning, where there was one.
    pub old: Option<Item>,
    /// The item at the end, where there is one.
    pub new: Option<Item>,
}

/// Some of the items that have changed, in the order of their keys.
#[derive(Debug)]
pub struct ChangedPage {
    /// What became of them.
    pub changes: Vec<ChangedItem>,
    /// Where to go on; `None` at the end.
    pub next: Option<Vec<u8>>,
}

impl TableRead {
    /// What a transfer reads; `None` where its moment is not settled.
    pub(super) fn of(source: &Source) -> Option<Self> {
        Some(TableRead {
            table_name: source.table.name.clone(),
            table_id: source.table.id,
            job_id: source.job_id,
            key_schema: source.table.key_schema.clone(),
            boundary: source.boundary?,
        })
    }

    fn past(&self, job_id: u32, boundary: u64, owner: Arc<Table>) -> PastTable {
        let at = TableAt {
            table_id: self.table_id,
            key_schema: self.key_schema.clone(),
            boundary,
        };
        PastTable::new(job_id, at, owner)
    }
}

impl<S: Store> Engine<S> {
    /// The items of a table as it was, from `start` on: empty at the beginning, then
    /// [`TablePage::next`]. `Ok(None)` where instead a part of the log was read, so that a call takes a
    /// bounded time: ask again.
    pub async fn read_table(&self, read: &TableRead, start: &[u8]) -> Result<Option<TablePage>, Error> {
        let owner = self.held_table(read).await?;
        let past = read.past(read.job_id, read.boundary, owner);
        let page = past.read(&self.store, start, PAGE).await?;
        Ok(page.map(|page| TablePage {
            next: page.next,
            items: page.items.into_iter().map(|(_, item)| item).collect(),
        }))
    }

    /// What changed in a table between two moments, as [`Engine::read_table`] gives items. The
    /// window's job and beginning come from the same transfer as `read`, which tells the end.
    pub async fn read_changes(
        &self,
        read: &TableRead,
        window: &super::TransferWindow,
        start: &[u8],
    ) -> Result<Option<ChangedPage>, Error> {
        let owner = self.held_table(read).await?;
        let past = PastWindow {
            from: read.past(window.job_id, window.boundary, owner.clone()),
            to: read.past(read.job_id, read.boundary, owner),
        };
        let page = past.read(&self.store, start, PAGE).await?;
        Ok(page.map(|page| ChangedPage {
            next: page.next,
            changes: page
                .changes
                .into_iter()
                .map(|change| ChangedItem {
                    key: change.key,
                    time_ms: change.time_ms,
                    old: change.old,
                    new: change.new,
                })
                .collect(),
        }))
    }

    /// The table whose log is held for this read. Looked at anew each time: it may change meanwhile.
    async fn held_table(&self, read: &TableRead) -> Result<Arc<Table>, Error> {
        let table = self.catalog.table(&self.store, &read.table_name).await;
        let table = table.map_err(from_store)?.filter(|table| {
            let mut holds = table.descriptor.log_holds.iter();
            table.id() == read.table_id && holds.any(|hold| hold.job_id == read.job_id)
        });
        table.ok_or_else(|| {
            Error::validation("The transfer has ended: the log of its table is not kept for it any more")
        })
    }
}
