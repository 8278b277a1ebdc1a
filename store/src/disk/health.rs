//! Whether the store still takes writes, and why not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crate::StoreError;

/// Shared by all parts of a store. Both ways to stop taking writes are for good.
#[derive(Debug, Default)]
pub(super) struct Health {
    poisoned: OnceLock<Arc<str>>,
    closed: AtomicBool,
}

impl Health {
    /// Refuses all further writes, since what the disk holds is unknown. The first reason stays.
    pub fn poison(&self, reason: impl Into<Arc<str>>) {
        let reason = reason.into();
        if self.poisoned.set(reason.clone()).is_ok() {
            tracing::error!(%reason, "a write failed; the store refuses writes until it is reopened");
        }
    }

    pub fn poisoned(&self) -> Option<&Arc<str>> {
        self.poisoned.get()
    }

    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Refuses where writes are refused.
    pub fn check(&self) -> Result<(), StoreError> {
        match self.poisoned.get() {
            Some(reason) => Err(StoreError::Poisoned(reason.clone())),
            None if self.is_closed() => Err(StoreError::Closed),
            None => Ok(()),
        }
    }
}
