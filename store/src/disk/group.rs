//! A group of commits that become durable together, and those who wait for that.

use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use crate::StoreError;

/// One log write: the batches that are in it share its fate, and so do those who read from them.
#[derive(Debug, Default)]
pub(super) struct Group {
    outcome: OnceLock<Result<(), StoreError>>,
    waiting: Mutex<Vec<Waker>>,
}

/// Waits until a group is durable or has failed.
pub(super) struct Durable<'a> {
    group: &'a Group,
    /// Where this waiter's waker lies in `Group::waiting`.
    place: Option<usize>,
}

impl Group {
    /// Tells everybody who waits how it ended. What is told first stays: a group that was given up
    /// may still be written.
    pub fn complete(&self, outcome: Result<(), StoreError>) {
        let waiting = {
            let mut waiting = self.waiting.lock();
            let _known = self.outcome.set(outcome);
            std::mem::take(&mut *waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Waits for the end of the group.
    pub fn durable(&self) -> Durable<'_> {
        Durable {
            group: self,
            place: None,
        }
    }
}

impl Future for Durable<'_> {
    type Output = Result<(), StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(outcome) = self.group.outcome.get() {
            return Poll::Ready(outcome.clone());
        }
        let mut waiting = self.group.waiting.lock();
        // The outcome is set under this lock, so it cannot be missed from here on.
        if let Some(outcome) = self.group.outcome.get() {
            return Poll::Ready(outcome.clone());
        }
        match self.place {
            Some(place) => waiting[place].clone_from(context.waker()),
            None => {
                waiting.push(context.waker().clone());
                let place = waiting.len() - 1;
                drop(waiting);
                self.place = Some(place);
            }
        }
        Poll::Pending
    }
}
