//! Reading a table as it was, exactly, while writes to it go on.
//!
//! A [`TableAt`] is the state of a table after the change with a certain number of its log, the
//! *boundary*. A key that has changed since takes what the first of these changes found there, every
//! other key its present value; so nothing is copied before, and reading costs what the table and
//! the changes since cost. Backups, exports and restores read by this alone.
//!
//! [`PastTable`] is one job of reading, which outlives a restart: it has an id, under which it sets
//! aside in a key space of its own what it has learnt from the log, and notes how far it has read
//! there. The items come in pages, in the order of their keys; where a page ended is for the reader
//! to keep, best in the commit that makes use of the page.
//!
//! # Why a page is exact
//!
//! A page is read from one snapshot. What the log of the snapshot holds beyond what the job has set
//! aside is read from the same snapshot: where it is short it is held in memory for this page, and
//! where it is long the first of it is set aside and the page is put off. So every change between the
//! boundary and the snapshot is known, and the items of the snapshot are taken back by exactly these.
//! Pages of different snapshots fit together, as each shows the same moment.
//!
//! # What a reader must see to
//!
//! Every change above the boundary must be in the log with the item before it, and stay there until
//! the job has ended: the table's descriptor must have had its recovery enabled, or a
//! [`crate::catalog::LogHold`], from the boundary on, and a hold for as long as the job lasts. When it
//! ends, [`PastTable::discard`] removes what it has set aside.

mod page;
mod set_aside;
mod window;

#[cfg(test)]
mod tests;

pub(crate) use page::PageLimits;
pub(crate) use window::PastWindow;

use std::sync::Arc;

use bytes::Bytes;
use store::{Batch, StoreError};

use crate::catalog::Table;
use crate::keys;
use crate::schema::KeySchema;

/// The state of a table after the change with a certain number of its log.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TableAt {
    /// The table's id.
    pub table_id: u32,
    /// The table's key.
    pub key_schema: KeySchema,
    /// The log number of the last change that counts: all up to it do, and no later one.
    pub boundary: u64,
}

/// A job that reads a table as it was.
#[derive(Clone, Debug)]
pub(crate) struct PastTable {
    job_id: u32,
    at: TableAt,
    /// The table whose descriptor names the job, in the version that was seen.
    owner: Arc<Table>,
}

impl PastTable {
    /// The job of this id, which reads the table so. The same id always names the same state; the
    /// job begins or goes on where it was. `owner` is the table whose descriptor names the job: while
    /// that changes, nothing is set aside.
    pub fn new(job_id: u32, at: TableAt, owner: Arc<Table>) -> Self {
        PastTable { job_id, at, owner }
    }

    /// Notes in `batch` that what the job has set aside is to be removed: it has ended. The batch
    /// changes the descriptor of the owner, so that nothing is set aside behind it.
    pub fn discard(&self, batch: &mut Batch) {
        discard_job(self.job_id, batch);
    }

    /// The log number up to which changes have been set aside.
    fn reached(&self, stored: Option<&[u8]>) -> u64 {
        let reached = stored.and_then(|stored| stored.try_into().ok());
        reached.map_or(self.at.boundary, u64::from_be_bytes)
    }
}

/// Notes in `batch` that what the job of this id has set aside is to be removed: see
/// [`PastTable::discard`].
pub(crate) fn discard_job(job_id: u32, batch: &mut Batch) {
    batch.set_makes_room();
    batch.delete(keys::job_reached(job_id));
    batch.put(keys::garbage(keys::SCRATCH, job_id), Bytes::new());
}

fn damaged(detail: &str) -> StoreError {
    StoreError::Damaged {
        path: "log".into(),
        offset: None,
        detail: detail.to_owned(),
    }
}
