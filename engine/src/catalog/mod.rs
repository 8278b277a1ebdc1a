//! The tables that exist, and a cache of their descriptors.
//!
//! The store is the truth: every write of an item shares its table's descriptor and compares the
//! version, so that the cache can be out of date without harm. [`Catalog`] is that cache; it reads
//! [`Table`]s, each a version of a [`TableDescriptor`].

mod change;
mod descriptor;
mod insights;
mod recovery;
mod table;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use store::{Read, StoreError};

pub(crate) use change::{Change, NewIds, RecordChange};
pub(crate) use descriptor::{
    BillingMode, HEADER_BYTES, IndexDescriptor, IndexKind, IndexState, OnDemandThroughput,
    ProvisionedCapacity, StreamView, TableClass, TableDescriptor, TableState, TableStream, TimeToLive,
    TimeToLiveState, WarmThroughput,
};
pub(crate) use insights::{ContributorInsights, InsightsMode};
pub(crate) use recovery::{Fill, FillSource, LogHold, Recovery, Restore};
pub(crate) use table::{Index, Table};

use crate::clock::Clock;
use crate::keys;
use crate::meter::Meters;

/// A cache of table descriptors.
pub(crate) struct Catalog {
    /// What is counted of the tables.
    pub meters: Meters,
    clock: Arc<dyn Clock>,
    tables: RwLock<HashMap<String, Arc<Table>>>,
    /// Raised whenever a descriptor may have changed, so that a look-up that began before does not
    /// put what it found into the cache.
    changes: AtomicU64,
}

/// How many descriptors are cached; beyond it the cache starts anew.
const CACHED_TABLES_MAX: usize = 10_000;

impl Catalog {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Catalog {
            meters: Meters::default(),
            clock,
            tables: RwLock::default(),
            changes: AtomicU64::new(0),
        }
    }

    /// The newest known version of the table named `name`.
    pub async fn table<R: Read>(&self, store: &R, name: &str) -> Result<Option<Arc<Table>>, StoreError> {
        if let Some(table) = self.tables.read().get(name) {
            return Ok(Some(table.clone()));
        }
        let changes = self.changes.load(Ordering::Acquire);
        let key = keys::descriptor(name);
        let Some(stored) = store.get(key.space, &key.bytes).await? else {
            return Ok(None);
        };
        let table = Table::from_stored(&stored)?;
        let table = Arc::new(table.counted_by(&self.meters, self.clock.now_ms()));
        let mut tables = self.tables.write();
        if self.changes.load(Ordering::Acquire) == changes {
            if tables.len() >= CACHED_TABLES_MAX {
                tables.clear();
            }
            tables.insert(name.to_owned(), table.clone());
        }
        Ok(Some(table))
    }

    /// Forgets what is known of the table named `name`: it has changed.
    pub fn forget(&self, name: &str) {
        let mut tables = self.tables.write();
        self.changes.fetch_add(1, Ordering::AcqRel);
        tables.remove(name);
    }
}
