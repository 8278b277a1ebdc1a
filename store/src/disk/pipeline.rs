//! What is decided and not yet durable: the batches in line for the committer, and the values that
//! they give to declared keys.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};

use super::gather::Gathering;
use super::group::Group;
use crate::batch::Operation;
use crate::{Batch, Declared, Key, StoreError, counter_value};

/// The line in front of the committer.
///
/// A batch enters while its commit still holds its latches, so batches stand in line in the order
/// in which they read each other. The values that wait to be written are entered under the same
/// lock, so whoever holds a latch finds the newest value either here or in the database.
#[derive(Debug, Default)]
pub(super) struct Pipeline {
    state: Mutex<State>,
    /// Told when there is something to do for the committer.
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct State {
    batches: Vec<Decided>,
    /// The group that `batches` will be.
    group: Arc<Group>,
    pending: HashMap<Arc<Key>, Pending>,
    /// The group that the committer is writing.
    writing: Option<Arc<Group>>,
    /// How many batches the committer sleeps for; 0 while it works.
    awaited: usize,
    closed: bool,
}

/// What a key will hold once its group is durable.
#[derive(Debug)]
struct Pending {
    value: Option<Bytes>,
    group: Arc<Group>,
}

/// A batch that is on its way.
#[derive(Debug)]
pub(super) struct Decided {
    pub batch: Batch,
    /// What it gives to the keys that its commit declared exclusively.
    pub effects: Vec<(Arc<Key>, Option<Bytes>)>,
    /// How much of the line's room it takes.
    pub room: u32,
}

/// A group as the committer takes it out of the line.
#[derive(Debug)]
pub(super) struct Taken {
    pub batches: Vec<Decided>,
    pub group: Arc<Group>,
    /// Whether as many batches came as were waited for.
    pub gathered: bool,
}

/// Declared values as far as they are pending.
pub(super) struct PendingReads {
    /// In the order of the shared and then the exclusive keys; `None` where nothing is pending.
    pub values: Vec<Option<Option<Bytes>>>,
    /// The newest group that a value is from.
    pub group: Option<Arc<Group>>,
}

impl Pipeline {
    /// Looks up what is pending for the declared keys, whose latches the caller holds.
    pub fn read(&self, declared: &Declared) -> PendingReads {
        let state = self.state.lock();
        let mut group: Option<&Arc<Group>> = None;
        let values = declared
            .shared
            .iter()
            .chain(&declared.exclusive)
            .map(|key| {
                let pending = state.pending.get(key)?;
                // A value is of the group in line or of the one before it, which ends first.
                if group.is_none() || Arc::ptr_eq(&pending.group, &state.group) {
                    group = Some(&pending.group);
                }
                Some(pending.value.clone())
            })
            .collect();
        PendingReads {
            values,
            group: group.cloned(),
        }
    }

    /// Puts a batch in line; the caller still holds the latches of its declared keys.
    pub fn enter(&self, decided: Decided) -> Result<Arc<Group>, StoreError> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(StoreError::Closed);
        }
        let group = state.group.clone();
        for (key, value) in &decided.effects {
            let pending = Pending {
                value: value.clone(),
                group: group.clone(),
            };
            state.pending.insert(key.clone(), pending);
        }
        state.batches.push(decided);
        if state.awaited > 0 && state.batches.len() >= state.awaited {
            state.awaited = 0;
            drop(state);
            self.arrived.notify_one();
        }
        Ok(group)
    }

    /// Takes all that is in line as one group, waiting for the first one, and then for more as
    /// `gathering` says. `None` when the line is closed and empty.
    pub fn take(&self, gathering: Gathering) -> Option<Taken> {
        let mut state = self.state.lock();
        while state.batches.is_empty() {
            if state.closed {
                return None;
            }
            state.awaited = 1;
            self.arrived.wait(&mut state);
        }
        let deadline = Instant::now() + gathering.patience;
        while state.batches.len() < gathering.batches && !state.closed {
            state.awaited = gathering.batches;
            if self.arrived.wait_until(&mut state, deadline).timed_out() {
                break;
            }
        }
        state.awaited = 0;
        let group = std::mem::take(&mut state.group);
        state.writing = Some(group.clone());
        Some(Taken {
            gathered: state.batches.len() >= gathering.batches,
            batches: std::mem::take(&mut state.batches),
            group,
        })
    }

    /// How many batches are in line.
    pub fn len(&self) -> usize {
        self.state.lock().batches.len()
    }

    /// Forgets what a group had pending, when readers find it in the database or it has failed.
    pub fn forget(&self, batches: &[Decided], group: &Arc<Group>) {
        let mut state = self.state.lock();
        state.writing = None;
        for (key, _) in batches.iter().flat_map(|decided| &decided.effects) {
            let is_newest = state
                .pending
                .get(key)
                .is_some_and(|pending| Arc::ptr_eq(&pending.group, group));
            if is_newest {
                state.pending.remove(key);
            }
        }
    }

    /// Tells all who wait that their writes have failed, though the committer may be held up for ever.
    pub fn give_up(&self, error: &StoreError) {
        let state = self.state.lock();
        for group in state.writing.iter().chain([&state.group]) {
            group.complete(Err(error.clone()));
        }
    }

    /// Lets nothing in any more.
    pub fn close(&self) {
        self.state.lock().closed = true;
        self.arrived.notify_all();
    }
}

/// What `batch` leaves at each of the exclusively declared keys that it changes.
pub(super) fn effects(
    batch: &Batch,
    keys: Vec<Key>,
    held: &[Option<Bytes>],
) -> Vec<(Arc<Key>, Option<Bytes>)> {
    struct Effect<'a> {
        key: Key,
        held: &'a Option<Bytes>,
        value: Option<Option<Bytes>>,
    }
    fn find<'a, 'b>(effects: &'a mut [Effect<'b>], key: &Key) -> Option<&'a mut Effect<'b>> {
        let index = effects.binary_search_by(|effect| effect.key.cmp(key)).ok()?;
        Some(&mut effects[index])
    }
    let mut effects: Vec<Effect<'_>> = keys
        .into_iter()
        .zip(held)
        .map(|(key, held)| Effect {
            key,
            held,
            value: None,
        })
        .collect();
    effects.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    effects.dedup_by(|a, b| a.key == b.key);
    for operation in &batch.operations {
        match operation {
            Operation::Put { key, value } => {
                if let Some(effect) = find(&mut effects, key) {
                    effect.value = Some(Some(value.clone()));
                }
            }
            Operation::Delete { key } => {
                if let Some(effect) = find(&mut effects, key) {
                    effect.value = Some(None);
                }
            }
            Operation::DeleteRange { space, start, end } => {
                for effect in &mut effects {
                    let key = &effect.key;
                    if key.space == *space && *start <= key.bytes && key.bytes < *end {
                        effect.value = Some(None);
                    }
                }
            }
            Operation::Add { key, delta } => {
                if let Some(effect) = find(&mut effects, key) {
                    let before = effect.value.as_ref().unwrap_or(effect.held);
                    // What is no counter is refused by the committer, with all that follows from it.
                    let before = counter_value(before.as_deref()).unwrap_or_default();
                    let after = before.wrapping_add(*delta).to_be_bytes();
                    effect.value = Some(Some(Bytes::copy_from_slice(&after)));
                }
            }
            // A log's keys are made by the committer.
            Operation::Append { .. } => {}
        }
    }
    effects
        .into_iter()
        .filter_map(|effect| Some((Arc::new(effect.key), effect.value?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn enter(pipeline: &Pipeline) -> Arc<Group> {
        let decided = Decided {
            batch: Batch::new(),
            effects: Vec::new(),
            room: 1,
        };
        pipeline.enter(decided).expect("it is open")
    }

    fn outcome(group: &Group) -> Poll<Result<(), StoreError>> {
        pin!(group.durable()).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn what_is_given_up_has_failed_though_it_is_still_being_written() {
        let pipeline = Pipeline::default();
        let written = enter(&pipeline);
        let taken = pipeline.take(Gathering::default()).expect("one is in line");
        let waiting = enter(&pipeline);
        assert!(outcome(&written).is_pending() && outcome(&waiting).is_pending());

        pipeline.give_up(&StoreError::Poisoned("a flush failed".into()));
        for group in [&written, &waiting] {
            assert!(matches!(
                outcome(group),
                Poll::Ready(Err(StoreError::Poisoned(_)))
            ));
        }
        // The committer may come back and have written it.
        pipeline.forget(&taken.batches, &taken.group);
        taken.group.complete(Ok(()));
        assert!(matches!(outcome(&written), Poll::Ready(Err(_))));
        assert!(
            matches!(outcome(&enter(&pipeline)), Poll::Ready(Err(_))),
            "who comes later is of the group that was given up"
        );
    }
}
