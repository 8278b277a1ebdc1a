//! A store that breaks at a chosen write, for tests of what is built on stores.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;

use crate::{
    Decision, Declared, Held, Key, KeySpace, Limits, Outcome, RangePage, RangeRequest, Read, Store,
    StoreError,
};

/// What happens at the chosen write. After it, every commit that would write fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The write fails and leaves nothing behind.
    Lost,
    /// The write fails and yet is there when the store is looked at again.
    Unacknowledged,
    /// As [`Fault::Lost`], and nothing is answered any more, reads neither: the process is gone.
    Stop,
}

/// A store around another one that breaks at its n-th write, or never.
///
/// Commits that write nothing are not counted. [`FaultStore::inner`] is the store as it is found
/// after the fault.
#[derive(Debug)]
pub struct FaultStore<S> {
    inner: Arc<S>,
    plan: Option<(u64, Fault)>,
    progress: Arc<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    writes: AtomicU64,
    broken: AtomicBool,
}

/// Why a commit on the inner store was refused.
enum Refusal<E> {
    Asked(E),
    Broken,
}

impl<S: Store> FaultStore<S> {
    /// A store that does not break, and counts its writes.
    pub fn new(inner: Arc<S>) -> Self {
        FaultStore {
            inner,
            plan: None,
            progress: Arc::default(),
        }
    }

    /// A store that breaks at its write number `at`, the first being 1.
    pub fn breaking_at(inner: Arc<S>, at: u64, fault: Fault) -> Self {
        FaultStore {
            plan: Some((at, fault)),
            ..FaultStore::new(inner)
        }
    }

    /// The store inside, which does not break.
    pub fn inner(&self) -> &Arc<S> {
        &self.inner
    }

    /// How many writes were asked for, the broken one included.
    pub fn writes(&self) -> u64 {
        self.progress.writes.load(Ordering::SeqCst)
    }

    /// Whether the fault has happened.
    pub fn is_broken(&self) -> bool {
        self.progress.broken.load(Ordering::SeqCst)
    }

    fn check_reachable(&self) -> Result<(), StoreError> {
        match self.plan {
            Some((_, Fault::Stop)) if self.is_broken() => Err(StoreError::Closed),
            _ => Ok(()),
        }
    }

    fn failure(&self) -> StoreError {
        match self.plan {
            Some((_, Fault::Stop)) => StoreError::Closed,
            _ => StoreError::Poisoned("a fault was planned here".into()),
        }
    }
}

impl Progress {
    /// Counts a write; tells what becomes of it.
    fn count(&self, plan: Option<(u64, Fault)>) -> Option<Fault> {
        if self.broken.load(Ordering::SeqCst) {
            return Some(Fault::Lost);
        }
        let number = self.writes.fetch_add(1, Ordering::SeqCst) + 1;
        let (at, fault) = plan?;
        if number < at {
            return None;
        }
        self.broken.store(true, Ordering::SeqCst);
        Some(if number == at { fault } else { Fault::Lost })
    }
}

impl<S: Store> Read for FaultStore<S> {
    async fn get(&self, space: KeySpace, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.check_reachable()?;
        self.inner.get(space, key).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>, StoreError> {
        self.check_reachable()?;
        self.inner.get_many(keys).await
    }

    async fn range(&self, request: RangeRequest<'_>) -> Result<RangePage, StoreError> {
        self.check_reachable()?;
        self.inner.range(request).await
    }
}

impl<S: Store> Store for FaultStore<S> {
    type Snapshot = S::Snapshot;

    fn limits(&self) -> Limits {
        self.inner.limits()
    }

    fn snapshot(&self) -> Result<S::Snapshot, StoreError> {
        self.check_reachable()?;
        self.inner.snapshot()
    }

    fn bulk_snapshot(&self) -> Result<S::Snapshot, StoreError> {
        self.check_reachable()?;
        self.inner.bulk_snapshot()
    }

    async fn commit<T, E, A>(&self, declared: Declared, mut apply: A) -> Result<Outcome<T, E>, StoreError>
    where
        T: Send + 'static,
        E: Send + 'static,
        A: FnMut(&Held) -> Decision<T, E> + Send + 'static,
    {
        self.check_reachable()?;
        let (progress, plan) = (self.progress.clone(), self.plan);
        let outcome = self.inner.commit(declared, move |held| match apply(held) {
            Decision::Commit(batch, value) if !batch.is_empty() => match progress.count(plan) {
                None => Decision::Commit(batch, Some(value)),
                Some(Fault::Unacknowledged) => Decision::Commit(batch, None),
                Some(Fault::Lost | Fault::Stop) => Decision::Abort(Refusal::Broken),
            },
            Decision::Commit(batch, value) => Decision::Commit(batch, Some(value)),
            Decision::Abort(error) => Decision::Abort(Refusal::Asked(error)),
            Decision::Replan => Decision::Replan,
        });
        match outcome.await? {
            Outcome::Committed(Some(value)) => Ok(Outcome::Committed(value)),
            Outcome::Aborted(Refusal::Asked(error)) => Ok(Outcome::Aborted(error)),
            Outcome::Replan => Ok(Outcome::Replan),
            Outcome::Committed(None) | Outcome::Aborted(Refusal::Broken) => Err(self.failure()),
        }
    }

    async fn log_end(&self) -> Result<u64, StoreError> {
        self.check_reachable()?;
        self.inner.log_end().await
    }
}
