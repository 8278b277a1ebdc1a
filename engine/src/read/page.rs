//! One page of a Query or Scan: reading a slice in order until it ends, the limit is reached or a
//! megabyte has been read, and keeping what the filter lets through.

use std::sync::Arc;

use api::Error;
use expr::{Condition, Projection};
use model::Item;
use store::{Direction, KeySpace, RangePage, RangeRequest, Read};

use super::key_range::{KeyRange, just_above};
use crate::capacity::read_units;
use crate::catalog::{Index, Table};
use crate::error::from_store;
use crate::expiry::Expired;
use crate::keys;
use crate::write::stored_item;

/// What is kept of an item that the filter lets through.
#[derive(Clone, Debug)]
pub(crate) enum Keep {
    /// Nothing but the fact.
    Count,
    /// What the table or the index keeps, also where more was fetched for the filter.
    Entry,
    /// The whole item.
    Item,
    /// Some attributes.
    Projection(Arc<Projection>),
}

/// What to read and what to keep of it.
pub(crate) struct PageRequest<'t> {
    pub table: &'t Table,
    pub index: Option<Index<'t>>,
    /// Whether the items that a local index names are fetched from the table.
    pub fetch: bool,
    /// The slice; `None` where it is known to hold nothing.
    pub range: Option<KeyRange>,
    pub direction: Direction,
    /// How many items are read at most, before the filter.
    pub limit: Option<usize>,
    /// How many bytes are read before the page ends: at least one item is.
    pub bytes_max: usize,
    pub filter: Option<Arc<Condition>>,
    /// Items that are passed over as if the filter did not let them through.
    pub hidden: Option<Expired<'t>>,
    pub keep: Keep,
}

impl PageRequest<'_> {
    /// Whether the table tells what is hidden, as the index does not keep the attribute.
    fn looks_up_hidden(&self) -> bool {
        !self.fetch
            && self.hidden.as_ref().is_some_and(|hidden| {
                let attribute = &hidden.time_to_live.attribute;
                self.index.is_some_and(|index| !index.projects(attribute))
            })
    }

    /// Whether the table is read beside an index, so that both must be of one moment.
    pub fn reads_table(&self) -> bool {
        self.fetch || self.looks_up_hidden()
    }
}

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// The items kept, in order.
    pub items: Vec<Item>,
    /// How many items the filter let through.
    pub count: usize,
    /// How many items were read.
    pub scanned_count: usize,
    /// The last item read, where the page ended before the slice did.
    pub last: Option<Item>,
    /// The bytes read in the table or, of an index query, in the index.
    pub size_bytes: usize,
    /// Read units, at full consistency, of the items that were fetched from the table.
    pub fetched_units: f64,
}

/// How many rows are asked of the store at once: enough for a page of small items.
const ROWS_MAX: usize = 4096;

/// Reads one page.
pub(crate) async fn read_page<R: Read>(store: &R, request: &PageRequest<'_>) -> Result<Page, Error> {
    let mut page = Page::default();
    let Some(mut range) = request.range.clone() else {
        return Ok(page);
    };
    let space: KeySpace = if request.index.is_some() {
        keys::INDEXES
    } else {
        keys::ITEMS
    };
    let limit = request.limit.unwrap_or(usize::MAX);
    loop {
        let rows = store
            .range(RangeRequest {
                space,
                start: &range.start,
                end: &range.end,
                direction: request.direction,
                rows_max: (limit - page.scanned_count).min(ROWS_MAX),
                bytes_max: (request.bytes_max.saturating_sub(page.size_bytes)).max(1),
            })
            .await
            .map_err(from_store)?;
        if page.keep_rows(store, request, &rows, limit).await? {
            return Ok(page);
        }
        if !rows.more || rows.is_empty() {
            page.last = None;
            return Ok(page);
        }
        let last_key = rows.key(rows.len() - 1);
        match request.direction {
            Direction::Forward => range.start = just_above(last_key),
            Direction::Reverse => range.end = last_key.to_vec(),
        }
    }
}

impl Page {
    /// Takes rows into the page and tells whether it is full.
    async fn keep_rows<R: Read>(
        &mut self,
        store: &R,
        request: &PageRequest<'_>,
        rows: &RangePage,
        limit: usize,
    ) -> Result<bool, Error> {
        let mut fetched = if request.fetch {
            fetch_items(store, request.table, rows).await?.into_iter()
        } else {
            vec![].into_iter()
        };
        // Looked up for what they tell alone: they are neither paid for nor shown.
        let looked_up = if request.looks_up_hidden() {
            fetch_items(store, request.table, rows).await?
        } else {
            Vec::new()
        };
        for row in 0..rows.len() {
            let entry = stored_item(rows.value(row))?;
            let fetched = fetched.next();
            let item = fetched.as_ref().unwrap_or(&entry);
            if let Some(item) = &fetched {
                self.fetched_units += read_units(item.size_bytes(), true);
            }
            self.scanned_count += 1;
            self.size_bytes += entry.size_bytes();
            let is_hidden = request.hidden.as_ref().is_some_and(|hidden| {
                let item = looked_up.get(row).unwrap_or(item);
                hidden.has(item.attributes())
            });
            let is_let_through = |filter: &Arc<Condition>| filter.matches(Some(item.attributes()));
            let is_counted = !is_hidden && request.filter.as_ref().is_none_or(is_let_through);
            let is_full = self.scanned_count >= limit || self.size_bytes >= request.bytes_max;
            if is_full {
                self.last = Some(item.clone());
            }
            if is_counted {
                self.count += 1;
                match &request.keep {
                    Keep::Count => {}
                    Keep::Entry => self.items.push(entry),
                    Keep::Item => self.items.push(fetched.unwrap_or(entry)),
                    Keep::Projection(projection) => self.items.push(projection.apply(item.attributes())),
                }
            }
            if is_full {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The items that entries of an index stand for, in their order, of the same moment.
async fn fetch_items<R: Read>(store: &R, table: &Table, rows: &RangePage) -> Result<Vec<Item>, Error> {
    let mut item_keys = Vec::with_capacity(rows.len());
    for row in 0..rows.len() {
        let entry = stored_item(rows.value(row))?;
        item_keys.push(crate::write::key_of(table, entry.attributes())?);
    }
    let found = store.get_many(&item_keys).await.map_err(from_store)?;
    found
        .into_iter()
        .map(|stored| {
            let Some(stored) = stored else {
                tracing::error!(
                    table = table.name(),
                    "an index entry has no item; run `stator check`"
                );
                return Err(Error::internal());
            };
            stored_item(stored)
        })
        .collect()
}
