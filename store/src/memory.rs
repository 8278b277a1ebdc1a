//! The store that forgets: everything in memory, nothing on disk.
//!
//! It is what `--in-memory` serves from, and what the other stores are compared with.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::RwLock;

use crate::batch::Operation;
use crate::counters::CounterSums;
use crate::latch::Latches;
use crate::page::PageBuilder;
use crate::tree::{Removed, Tree};
use crate::{
    Batch, Clock, Decision, Declared, Direction, Held, Key, KeySpace, LIMITS, LOG_NUMBER_BYTES,
    LOG_TIME_BYTES, Limits, Outcome, RangePage, RangeRequest, Read, Store, StoreError,
};

/// A store in memory. Clones are the same store.
#[derive(Clone, Debug)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

/// A [`MemoryStore`] at one moment. It costs as much memory as has been overwritten since.
#[derive(Clone, Debug)]
pub struct MemorySnapshot {
    state: State,
}

#[derive(Debug)]
struct Shared {
    latches: Arc<Latches>,
    state: RwLock<State>,
    clock: Clock,
}

#[derive(Clone, Debug)]
struct State {
    spaces: Box<[Tree]>,
    log_end: u64,
    time_ms: u64,
    /// Whether a batch has been written in part: true after a panic in the middle of one.
    is_torn: bool,
}

impl MemoryStore {
    /// An empty store of `spaces` key spaces.
    pub fn new(spaces: usize) -> Self {
        Self::with_clock(spaces, Clock::system())
    }

    /// An empty store whose log records are stamped by `clock`.
    pub fn with_clock(spaces: usize, clock: Clock) -> Self {
        MemoryStore {
            shared: Arc::new(Shared {
                latches: Arc::new(Latches::new()),
                state: RwLock::new(State {
                    spaces: (0..spaces).map(|_| Tree::default()).collect(),
                    log_end: 0,
                    time_ms: 0,
                    is_torn: false,
                }),
                clock,
            }),
        }
    }

    /// Makes the whole batch visible at once.
    fn write(&self, batch: &Batch) -> Result<(), StoreError> {
        // What is removed is freed after the lock is given back.
        let mut removed = Removed::default();
        let mut state = self.shared.state.write();
        let counters = CounterSums::of(std::iter::once(batch))
            .finish(|key| Ok(state.get(key.space, &key.bytes)), malformed_counter)?;
        if std::mem::replace(&mut state.is_torn, true) {
            return Err(StoreError::Poisoned("the program failed while writing".into()));
        }
        state.time_ms = state.time_ms.max(self.shared.clock.now_ms());
        for operation in &batch.operations {
            state.apply(operation, &mut removed);
        }
        for (key, value) in counters {
            let value = Bytes::copy_from_slice(&value.to_be_bytes());
            state.space(key.space).put(&key.bytes, value);
        }
        state.is_torn = false;
        drop(state);
        Ok(())
    }
}

fn malformed_counter(key: &Key) -> StoreError {
    StoreError::Damaged {
        path: PathBuf::from("memory"),
        offset: None,
        detail: format!("{key:?} is added to and holds no counter"),
    }
}

impl State {
    fn space(&mut self, space: KeySpace) -> &mut Tree {
        &mut self.spaces[usize::from(space.0)]
    }

    fn get(&self, space: KeySpace, key: &[u8]) -> Option<Bytes> {
        self.spaces[usize::from(space.0)].get(key).cloned()
    }

    fn get_all(&self, keys: &[Key]) -> Vec<Option<Bytes>> {
        keys.iter().map(|key| self.get(key.space, &key.bytes)).collect()
    }

    fn range(&self, request: &RangeRequest<'_>) -> RangePage {
        range(&self.spaces[usize::from(request.space.0)], request)
    }

    fn apply(&mut self, operation: &Operation, removed: &mut Removed) {
        match operation {
            Operation::Put { key, value } => {
                // A copy: `value` may be a small slice of something large.
                let value = Bytes::copy_from_slice(value);
                self.space(key.space).put(&key.bytes, value);
            }
            Operation::Delete { key } => self.space(key.space).delete(&key.bytes),
            Operation::DeleteRange { space, start, end } => {
                self.space(*space).delete_range(start, end, removed)
            }
            Operation::Add { .. } => {}
            Operation::Append { space, log, value } => {
                self.log_end += 1;
                let mut key = Vec::with_capacity(log.len() + LOG_NUMBER_BYTES);
                key.extend_from_slice(log);
                key.extend_from_slice(&self.log_end.to_be_bytes());
                let mut stamped = Vec::with_capacity(LOG_TIME_BYTES + value.len());
                stamped.extend_from_slice(&self.time_ms.to_be_bytes());
                stamped.extend_from_slice(value);
                self.space(*space).put(&key, stamped.into());
            }
        }
    }
}

fn range(space: &Tree, request: &RangeRequest<'_>) -> RangePage {
    let mut page = PageBuilder::new(request);
    let mut full = false;
    let mut more = false;
    // One row past a full page is looked at, to tell whether there is one.
    let mut visit = |key: &[u8], value: &Bytes| {
        if full {
            more = true;
            return ControlFlow::Break(());
        }
        full = page.push(key, value).is_break();
        ControlFlow::Continue(())
    };
    let _ = match request.direction {
        Direction::Forward => space.visit_forward(request.start, request.end, &mut visit),
        Direction::Reverse => space.visit_reverse(request.start, request.end, &mut visit),
    };
    page.finish(more)
}

impl Read for MemoryStore {
    async fn get(&self, space: KeySpace, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.shared.state.read().get(space, key))
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>, StoreError> {
        Ok(self.shared.state.read().get_all(keys))
    }

    async fn range(&self, request: RangeRequest<'_>) -> Result<RangePage, StoreError> {
        // Pages are long; writers need not wait for them.
        let space = self.shared.state.read().spaces[usize::from(request.space.0)].clone();
        Ok(range(&space, &request))
    }
}

impl Read for MemorySnapshot {
    async fn get(&self, space: KeySpace, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.state.get(space, key))
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>, StoreError> {
        Ok(self.state.get_all(keys))
    }

    async fn range(&self, request: RangeRequest<'_>) -> Result<RangePage, StoreError> {
        Ok(self.state.range(&request))
    }
}

impl Store for MemoryStore {
    type Snapshot = MemorySnapshot;

    fn limits(&self) -> Limits {
        LIMITS
    }

    fn snapshot(&self) -> Result<MemorySnapshot, StoreError> {
        let state = self.shared.state.read().clone();
        Ok(MemorySnapshot { state })
    }

    async fn commit<T, E, A>(&self, declared: Declared, mut apply: A) -> Result<Outcome<T, E>, StoreError>
    where
        T: Send + 'static,
        E: Send + 'static,
        A: FnMut(&Held) -> Decision<T, E> + Send + 'static,
    {
        declared.check(&LIMITS)?;
        let _latches = self.shared.latches.hold(&declared).await;
        let held = {
            let state = self.shared.state.read();
            Held {
                shared: state.get_all(&declared.shared),
                exclusive: state.get_all(&declared.exclusive),
            }
        };
        // From here on nothing is awaited, so a decision to commit is carried out.
        match apply(&held) {
            Decision::Commit(batch, value) => {
                batch.check(&LIMITS)?;
                self.write(&batch)?;
                Ok(Outcome::Committed(value))
            }
            Decision::Abort(error) => Ok(Outcome::Aborted(error)),
            Decision::Replan => Ok(Outcome::Replan),
        }
    }

    async fn log_end(&self) -> Result<u64, StoreError> {
        Ok(self.shared.state.read().log_end)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn a_panic_in_the_middle_of_a_write_refuses_all_later_ones() {
        static PANICS: AtomicBool = AtomicBool::new(true);
        // The clock is asked while a batch is being written.
        let clock = Clock::new(|| {
            assert!(!PANICS.load(Ordering::Relaxed), "planted");
            0
        });
        let store = MemoryStore::with_clock(1, clock);
        let mut batch = Batch::new();
        batch.put(Key::new(KeySpace(0), *b"key"), Bytes::from_static(b"value"));
        assert!(catch_unwind(AssertUnwindSafe(|| store.write(&batch))).is_err());
        PANICS.store(false, Ordering::Relaxed);
        assert!(matches!(store.write(&batch), Err(StoreError::Poisoned(_))));
        assert!(matches!(store.write(&batch), Err(StoreError::Poisoned(_))));
    }
}
