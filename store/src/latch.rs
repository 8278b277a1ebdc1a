//! Who may work on a key: reader-writer latches that are waited for in line.
//!
//! A commit takes the latches of all its declared keys, one after the other in one fixed order, so
//! that no two commits ever wait for each other. Each latch grants in the order of arrival: a
//! writer waits for those before it and for nobody after it.
//!
//! A latch is known by a 64-bit hash of its key. Two keys of one hash share a latch, which makes
//! their commits take turns and does no other harm.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::hash::{BuildHasherDefault, Hasher};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::{Declared, Key};

/// How many independently locked parts the latches are spread over.
const SHARDS: usize = 64;

/// All latches of a store.
#[derive(Debug)]
pub(crate) struct Latches {
    shards: [Mutex<Shard>; SHARDS],
    seed: u64,
}

type Shard = HashMap<u64, Latch, BuildHasherDefault<KeepHash>>;

/// A latch that is held or waited for; others take no room.
#[derive(Debug, Default)]
struct Latch {
    readers: usize,
    writer: bool,
    line: VecDeque<Arc<Waiter>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Shared,
    Exclusive,
}

#[derive(Debug)]
struct Waiter {
    mode: Mode,
    /// Changed only under the lock of the latch's shard.
    state: Mutex<WaiterState>,
}

#[derive(Debug, Default)]
struct WaiterState {
    granted: bool,
    waker: Option<Waker>,
}

/// Latches that are held, until this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    latches: Arc<Latches>,
    /// All latches that are wanted, sorted, each once.
    wanted: Vec<(u64, Mode)>,
    /// How many of `wanted` are held, from the first on.
    held: usize,
}

/// Waits in line for the latch behind those that `held` has.
struct Wait<'a> {
    held: &'a mut Held,
    waiter: Arc<Waiter>,
    /// Whether the latch has gone over to `held`.
    done: bool,
}

/// The keys are hashes already.
#[derive(Default)]
struct KeepHash(u64);

impl Hasher for KeepHash {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only u64 keys are hashed")
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

impl Latch {
    fn grants(&self, mode: Mode) -> bool {
        !self.writer && (mode == Mode::Shared || self.readers == 0)
    }

    fn take(&mut self, mode: Mode) {
        match mode {
            Mode::Shared => self.readers += 1,
            Mode::Exclusive => self.writer = true,
        }
    }

    fn give_back(&mut self, mode: Mode) {
        match mode {
            Mode::Shared => self.readers -= 1,
            Mode::Exclusive => self.writer = false,
        }
    }

    /// Lets in those at the head of the line who can go in now; returns whom to wake.
    fn admit(&mut self, woken: &mut Vec<Waker>) {
        while let Some(first) = self.line.front() {
            if !self.grants(first.mode) {
                return;
            }
            self.take(first.mode);
            let first = self.line.pop_front().expect("the line has a front");
            let mut state = first.state.lock();
            state.granted = true;
            woken.extend(state.waker.take());
        }
    }

    fn is_idle(&self) -> bool {
        self.readers == 0 && !self.writer && self.line.is_empty()
    }
}

impl Latches {
    pub fn new() -> Self {
        Latches {
            shards: std::array::from_fn(|_| Mutex::default()),
            // Keys are chosen by clients; which of them meet in one latch is not.
            seed: fastrand::u64(..),
        }
    }

    fn hash(&self, key: &Key) -> u64 {
        xxh3_64_with_seed(&key.bytes, self.seed ^ u64::from(key.space.0))
    }

    /// Holds all declared keys, those in both lists exclusively.
    ///
    /// Dropping the future gives back what it had and leaves the line.
    pub async fn hold(self: &Arc<Self>, declared: &Declared) -> Held {
        let mut wanted = Vec::with_capacity(declared.shared.len() + declared.exclusive.len());
        wanted.extend(
            declared
                .exclusive
                .iter()
                .map(|key| (self.hash(key), Mode::Exclusive)),
        );
        wanted.extend(declared.shared.iter().map(|key| (self.hash(key), Mode::Shared)));
        // The sort is stable, so of two entries for one latch the exclusive one stays.
        wanted.sort_by_key(|(hash, _)| *hash);
        wanted.dedup_by_key(|(hash, _)| *hash);

        let mut held = Held {
            latches: self.clone(),
            wanted,
            held: 0,
        };
        while held.held < held.wanted.len() {
            if let Some(waiter) = held.take_next() {
                Wait {
                    held: &mut held,
                    waiter,
                    done: false,
                }
                .await;
            }
        }
        held
    }

    fn shard(&self, hash: u64) -> &Mutex<Shard> {
        // The map inside uses the low and the very high bits.
        &self.shards[(hash >> 32) as usize % SHARDS]
    }

    fn release(&self, hash: u64, mode: Mode) {
        let mut woken = Vec::new();
        self.change(hash, |latch| {
            latch.give_back(mode);
            latch.admit(&mut woken);
        });
        // Woken tasks find the shard unlocked.
        woken.into_iter().for_each(Waker::wake);
    }

    /// Changes a latch that exists, and forgets it if nobody holds it or waits for it any more.
    fn change(&self, hash: u64, change: impl FnOnce(&mut Latch)) {
        let mut shard = self.shard(hash).lock();
        let latch = shard
            .get_mut(&hash)
            .expect("a latch that is held or waited for exists");
        change(latch);
        if latch.is_idle() {
            shard.remove(&hash);
        }
    }

    #[cfg(test)]
    fn in_use(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }
}

impl Held {
    /// Takes the next latch, or its place in line.
    fn take_next(&mut self) -> Option<Arc<Waiter>> {
        let (hash, mode) = self.wanted[self.held];
        let mut shard = self.latches.shard(hash).lock();
        let latch = shard.entry(hash).or_default();
        if latch.line.is_empty() && latch.grants(mode) {
            latch.take(mode);
            self.held += 1;
            return None;
        }
        let waiter = Arc::new(Waiter {
            mode,
            state: Mutex::default(),
        });
        latch.line.push_back(waiter.clone());
        Some(waiter)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        for (hash, mode) in &self.wanted[..self.held] {
            self.latches.release(*hash, *mode);
        }
    }
}

impl Future for Wait<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.waiter.state.lock();
        if !state.granted {
            match &mut state.waker {
                Some(waker) => waker.clone_from(context.waker()),
                none => *none = Some(context.waker().clone()),
            }
            return Poll::Pending;
        }
        drop(state);
        self.held.held += 1;
        self.done = true;
        Poll::Ready(())
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let (hash, mode) = self.held.wanted[self.held.held];
        let mut woken = Vec::new();
        self.held.latches.change(hash, |latch| {
            if self.waiter.state.lock().granted {
                latch.give_back(mode);
            } else {
                latch.line.retain(|waiter| !Arc::ptr_eq(waiter, &self.waiter));
            }
            latch.admit(&mut woken);
        });
        woken.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
#[path = "latch_tests.rs"]
mod tests;
