//! Whether the file system has room for a write.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::{Batch, StoreError};

/// The file system is asked again after this long.
const STALE_MS: u64 = 1000;
/// It is asked at most this often when it seems full.
const STALE_WHEN_FULL_MS: u64 = 20;
/// Each byte of a batch is written to the log and then to a table.
const WRITTEN_PER_BYTE: u64 = 2;

/// An estimate of the free space: the last answer of the file system less what was written since.
#[derive(Debug)]
pub(super) struct FreeSpace {
    path: PathBuf,
    min_free_bytes: u64,
    free_bytes: AtomicU64,
    asked_ms: AtomicU64,
    opened: Instant,
}

impl FreeSpace {
    pub fn of(path: &Path, min_free_bytes: u64) -> Self {
        let space = FreeSpace {
            path: path.to_path_buf(),
            min_free_bytes,
            free_bytes: AtomicU64::new(u64::MAX),
            asked_ms: AtomicU64::new(0),
            opened: Instant::now(),
        };
        space.ask(0);
        space
    }

    /// Free bytes, and how many must stay free.
    pub fn bytes(&self) -> (u64, u64) {
        self.ask(self.now_ms());
        (self.free_bytes.load(Ordering::Relaxed), self.min_free_bytes)
    }

    /// Refuses a batch that there is no room for. What makes room goes on.
    pub fn admit(&self, batch: &Batch) -> Result<(), StoreError> {
        let written = WRITTEN_PER_BYTE * batch.size_bytes() as u64;
        let now_ms = self.now_ms();
        let age_ms = now_ms.saturating_sub(self.asked_ms.load(Ordering::Relaxed));
        if age_ms > STALE_MS || (age_ms > STALE_WHEN_FULL_MS && !self.has_room(written)) {
            self.ask(now_ms);
        }
        if !self.has_room(written) && !batch.makes_room() {
            return Err(StoreError::NoSpace {
                free_bytes: self.free_bytes.load(Ordering::Relaxed),
                min_free_bytes: self.min_free_bytes,
            });
        }
        let _ = self
            .free_bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| {
                Some(free.saturating_sub(written))
            });
        Ok(())
    }

    fn has_room(&self, written: u64) -> bool {
        let free = self.free_bytes.load(Ordering::Relaxed);
        free >= self.min_free_bytes.saturating_add(written)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn ask(&self, now_ms: u64) {
        self.asked_ms.store(now_ms, Ordering::Relaxed);
        match fs4::available_space(&self.path) {
            Ok(free) => self.free_bytes.store(free, Ordering::Relaxed),
            // Not knowing is no reason to refuse; a write that fails says so itself.
            Err(error) => {
                tracing::warn!(path = %self.path.display(), %error, "cannot tell the free space");
                self.free_bytes.store(u64::MAX, Ordering::Relaxed);
            }
        }
    }
}
