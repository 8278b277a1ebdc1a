//! The sweep: items that have expired are deleted, a batch at a time, each only if it has still
//! expired when the commit holds it.
//!
//! A look at a table reads its expiry entries in the order of their times, up to now; nothing else
//! is read where nothing is due. Entries that a store has deleted can still cost their reader time,
//! so that the next look begins where the last one ended. An item may also be written with a time
//! that lies before that: now and then a look begins at the earliest time, and the longer that
//! takes, the rarer it is.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use api::Error;
use model::Item;
use parking_lot::Mutex;
use store::{Batch, Decision, Direction, Held, Key, Outcome, RangeRequest, Store};

use crate::Engine;
use crate::catalog::{Table, TimeToLiveState};
use crate::error::from_store;
use crate::expiry::Expired;
use crate::keys;
use crate::log::Author;
use crate::read::just_above;
use crate::write::{Action, CommitPlan, ItemWrite};

/// How many items one step deletes at most: one commit, for which writers of these items wait, and
/// which any other commit may have to share its sync with. Of the largest items it holds 13 MB, and
/// twice that where a stream keeps both images.
const STEP_ITEMS_MAX: usize = 32;
/// About how many bytes of entries one step reads.
const STEP_BYTES_MAX: usize = 1 << 20;
/// A look from the earliest time rests this many times as long as it has taken.
const WHOLE_LOOK_RESTS: u64 = 64;

/// How far the sweep of each table has come. Lost without harm: it begins anew.
#[derive(Debug, Default)]
pub(crate) struct Sweeps(Mutex<HashMap<String, Progress>>);

/// How far the sweep of a table has come.
#[derive(Clone, Debug)]
struct Progress {
    /// The id of the time to live that is swept.
    time_to_live_id: u32,
    /// The key to go on from, in the middle of a look.
    next: Option<Vec<u8>>,
    /// Times before this one were looked at, in seconds since the Unix epoch.
    looked_until_seconds: u64,
    /// When a look begins at the earliest time again, in milliseconds since the Unix epoch.
    whole_look_due_ms: u64,
}

impl Progress {
    fn new(time_to_live_id: u32) -> Self {
        Progress {
            time_to_live_id,
            next: None,
            looked_until_seconds: 0,
            whole_look_due_ms: 0,
        }
    }
}

/// When the sweep wants to look at a table; `None` where nothing expires.
pub(super) fn sweep_due_ms(table: &Table) -> Option<u64> {
    let time_to_live = table.descriptor.time_to_live.as_ref()?;
    (time_to_live.state == TimeToLiveState::Enabled).then_some(time_to_live.transition_until_ms)
}

impl<S: Store> Engine<S> {
    /// Deletes a batch of a table's expired items, and says when to look again; `None` where nothing
    /// of the table expires.
    pub(super) async fn sweep_step(&self, name: &str) -> Result<Option<u64>, Error> {
        let now_ms = self.clock.now_ms();
        let table = self.catalog.table(&self.store, name).await.map_err(from_store)?;
        let swept = table
            .as_ref()
            .filter(|table| table.is_usable(now_ms))
            .and_then(|table| Some((table, sweep_due_ms(table)?)));
        let Some((table, due_ms)) = swept else {
            self.sweeps.0.lock().remove(name);
            return Ok(None);
        };
        let Some(expired) = Expired::new(table, now_ms) else {
            return Ok(Some(due_ms));
        };
        let id = expired.time_to_live.id;
        let mut progress = self
            .sweeps
            .0
            .lock()
            .get(name)
            .filter(|progress| progress.time_to_live_id == id)
            .cloned()
            .unwrap_or_else(|| Progress::new(id));
        let is_whole_look = progress.next.is_none() && progress.whole_look_due_ms <= now_ms;
        let start = progress.next.take().unwrap_or_else(|| {
            let earliest = expired.seconds.start;
            keys::expiry_start(
                id,
                if is_whole_look {
                    earliest
                } else {
                    earliest.max(progress.looked_until_seconds)
                },
            )
        });
        let end = keys::expiry_start(id, expired.seconds.end);
        let mut entries = Vec::new();
        let mut is_over = true;
        if start < end {
            let page = self
                .store
                .range(RangeRequest {
                    space: keys::EXPIRY,
                    start: &start,
                    end: &end,
                    direction: Direction::Forward,
                    rows_max: STEP_ITEMS_MAX,
                    bytes_max: STEP_BYTES_MAX,
                })
                .await
                .map_err(from_store)?;
            is_over = !page.more || page.is_empty();
            entries.extend(page.iter().map(|(key, _)| key.to_vec()));
        }
        if is_whole_look {
            let took_ms = self.clock.now_ms().saturating_sub(now_ms);
            progress.whole_look_due_ms = now_ms + took_ms * WHOLE_LOOK_RESTS;
        }
        if !self.expire(table, &entries, now_ms).await? {
            // The table has changed: the same entries are looked at again.
            self.catalog.forget(name);
            return Ok(Some(now_ms));
        }
        let next_ms = if is_over {
            progress.looked_until_seconds = expired.seconds.end;
            now_ms + self.settings.expiry_sweep_period_ms
        } else {
            progress.next = entries.last().map(|last| just_above(last));
            now_ms
        };
        self.sweeps.0.lock().insert(name.to_owned(), progress);
        Ok(Some(next_ms))
    }

    /// Deletes those items that have expired of `entries`. `Ok(false)` where the table is another
    /// version than the one given.
    async fn expire(&self, table: &Arc<Table>, entries: &[Vec<u8>], now_ms: u64) -> Result<bool, Error> {
        let writes: Vec<ItemWrite> = entries
            .iter()
            .filter_map(|entry| keys::parse_expiry(entry))
            .map(|(_, item_key)| ItemWrite {
                table: table.clone(),
                // The item is read by the commit alone, which takes them from it.
                key_attributes: Item::empty(),
                key: Key::new(keys::ITEMS, item_key),
                condition: None,
                return_item_on_failure: false,
                action: Action::Expire { now_ms },
                author: Author::TimeToLive,
            })
            .collect();
        if writes.is_empty() {
            return Ok(true);
        }
        let plan = CommitPlan::new(writes);
        let declared = plan.declared();
        let decide = move |held: &Held| {
            if !plan.is_current(held) {
                return Decision::Replan;
            }
            let mut batch = Batch::new();
            let applied = (0..plan.len()).try_fold(0, |expired, position| {
                let written = plan.apply(position, held, &mut batch)?;
                Ok(expired + u64::from(written.is_change()))
            });
            match applied {
                Ok(expired) => Decision::Commit(batch, expired),
                Err(error) => Decision::Abort(error),
            }
        };
        match self.store.commit(declared, decide).await.map_err(from_store)? {
            Outcome::Committed(expired) => {
                table.meter.expired_items.fetch_add(expired, Ordering::Relaxed);
                Ok(true)
            }
            Outcome::Aborted(error) => Err(error),
            Outcome::Replan => Ok(false),
        }
    }
}
