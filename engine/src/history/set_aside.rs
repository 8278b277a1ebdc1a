//! What items were before the first of their changes: learnt from the log, and set aside for the
//! pages that are still to come.
//!
//! ```text
//! set aside   0            there was no item
//!             1 | item     there was this item, in the stored form
//! ```

use std::collections::BTreeMap;

use api::Error;
use bytes::{BufMut, Bytes, BytesMut};
use store::{Batch, Decision, Declared, Direction, Held, Outcome, RangePage, RangeRequest, Read, Store};

use super::{PastTable, damaged};
use crate::error::from_store;
use crate::keys;
use crate::log::{ChangeKind, ChangeRecord};
use crate::read::end_of;

/// About how many bytes of the log are read at once.
const LOG_BYTES_MAX: usize = 1 << 20;

/// What there was before a change: an item in the stored form, or none.
pub(super) type Before = Option<Bytes>;

/// What items were before the first of some changes, by their keys without the table id.
pub(super) type FirstChanges = BTreeMap<Vec<u8>, Before>;

pub(super) fn to_stored(before: &Before) -> Bytes {
    let item = before.as_deref().unwrap_or_default();
    let mut stored = BytesMut::with_capacity(1 + item.len());
    stored.put_u8(u8::from(before.is_some()));
    stored.put_slice(item);
    stored.freeze()
}

/// Reads what was set aside.
pub(super) fn from_stored(mut stored: Bytes) -> Result<Before, Error> {
    match stored.first() {
        Some(0) if stored.len() == 1 => Ok(None),
        Some(1) => Ok(Some(stored.split_off(1))),
        _ => Err(from_store(damaged("what a job has set aside cannot be read"))),
    }
}

impl PastTable {
    /// The records that follow the log number `reached`, from the oldest on.
    pub(super) async fn log_behind<R: Read>(
        &self,
        read: &R,
        reached: u64,
        records_max: usize,
    ) -> Result<RangePage, Error> {
        let id = self.at.table_id;
        let request = RangeRequest {
            space: keys::LOG,
            start: &keys::log_record(id, reached.saturating_add(1)),
            end: &end_of(&keys::id_prefix(id)),
            direction: Direction::Forward,
            rows_max: records_max,
            bytes_max: LOG_BYTES_MAX,
        };
        read.range(request).await.map_err(from_store)
    }

    /// What the items were before the first of their changes in these records.
    pub(super) fn first_changes(&self, records: &RangePage) -> Result<FirstChanges, Error> {
        let mut found = FirstChanges::new();
        for row in 0..records.len() {
            let record = ChangeRecord::from_stored(records.value(row)).map_err(from_store)?;
            let (place, before) = self.before(&record)?;
            found.entry(place).or_insert(before);
        }
        Ok(found)
    }

    /// The key, without the table id, of the item that a record is about, and what the item was before.
    pub(super) fn before(&self, record: &ChangeRecord) -> Result<(Vec<u8>, Before), Error> {
        let key = keys::item(self.at.table_id, &self.at.key_schema, record.key.attributes());
        let Ok(key) = key else {
            return Err(from_store(damaged(
                "a record of a change log has another key than its table",
            )));
        };
        if record.kind != ChangeKind::Insert && record.old.is_none() {
            return Err(from_store(damaged(
                "a record of a change log lacks the item before the change",
            )));
        }
        let before = record.old.as_ref().map(|old| old.as_stored().clone());
        Ok((keys::place_of(&key.bytes).to_vec(), before))
    }

    /// Sets aside what these records tell, which follow `reached`, and notes how far the log has been
    /// read. Does nothing where somebody else has done it meanwhile, or the job has ended.
    pub(super) async fn set_aside<S: Store>(
        &self,
        store: &S,
        reached: u64,
        records: &RangePage,
    ) -> Result<(), Error> {
        let last = records.len().checked_sub(1).map(|last| records.key(last));
        let Some(last) = last.and_then(keys::parse_log_record) else {
            return Err(Error::internal());
        };
        let found = self.first_changes(records)?;
        // The first change of an item counts.
        let make = |before: &Before, known: Option<&Bytes>| Ok(known.is_none().then(|| to_stored(before)));
        self.keep(store, reached, last, found, make).await
    }

    /// Keeps what was found behind the log number `reached`, and that the log has been read up to `next`:
    /// for each key, which lacks the table id, what `make` makes of what was found and of what is kept
    /// there; `None` leaves that as it is. Does nothing where somebody else has done it meanwhile, or the
    /// job has ended.
    pub(super) async fn keep<S: Store, F: Send + 'static>(
        &self,
        store: &S,
        reached: u64,
        next: u64,
        found: BTreeMap<Vec<u8>, F>,
        make: impl Fn(&F, Option<&Bytes>) -> Result<Option<Bytes>, Error> + Send + 'static,
    ) -> Result<(), Error> {
        let job = self.clone();
        let reached_key = keys::job_reached(self.job_id);
        let mut declared = Declared {
            shared: vec![self.owner.descriptor_key.clone()],
            exclusive: vec![reached_key.clone()],
        };
        let places = found.keys().map(|place| keys::scratch(self.job_id, place));
        declared.exclusive.extend(places);
        let decide = move |held: &Held| {
            let is_current = job.owner.is_current(held.shared[0].as_ref());
            if !is_current || job.reached(held.exclusive[0].as_deref()) != reached {
                return Decision::Replan;
            }
            let mut batch = Batch::new();
            for ((place, found), known) in found.iter().zip(&held.exclusive[1..]) {
                match make(found, known.as_ref()) {
                    Ok(None) => {}
                    Ok(Some(stored)) => batch.put(keys::scratch(job.job_id, place), stored),
                    Err(error) => return Decision::Abort(error),
                }
            }
            batch.put(reached_key.clone(), next.to_be_bytes().to_vec());
            Decision::Commit(batch, ())
        };
        match store.commit(declared, decide).await.map_err(from_store)? {
            Outcome::Committed(()) | Outcome::Replan => Ok(()),
            Outcome::Aborted(error) => Err(error),
        }
    }
}
