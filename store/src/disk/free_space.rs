//! Whether the file system has room for a write.
//!
//! What is in write buffers is in the log already and still to be written to tables, so it counts as
//! written. What is kept free is for that which nobody admits: new logs and manifests, and merges.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use rocksdb::WriteBufferManager;

use super::options::DiskOptions;
use crate::{Batch, StoreError};

/// The file system is asked again after this long.
const STALE_MS: u64 = 1000;
/// It is asked after this long where room is short.
const STALE_WHEN_SHORT_MS: u64 = 20;
/// Each byte of a batch is written to the log and then to a table.
const WRITTEN_PER_BYTE: u64 = 2;

/// What a new manifest, a new file of options and small tables of all spaces take at most.
const SMALL_FILES_BYTES: u64 = 1 << 20;

/// An estimate of the free space: the last answer of the file system less what was written since.
pub(super) struct FreeSpace {
    path: PathBuf,
    min_free_bytes: u64,
    /// Tells how much is still to be written to tables.
    buffers: WriteBufferManager,
    write_buffer_bytes: u64,
    /// What must stay free as long as a merge may take it.
    merging_bytes: AtomicU64,
    free_bytes: AtomicU64,
    asked_ms: AtomicU64,
    opened: Instant,
}

impl FreeSpace {
    pub fn of(options: &DiskOptions, buffers: WriteBufferManager) -> Self {
        let space = FreeSpace {
            path: options.path.clone(),
            min_free_bytes: options.min_free_bytes,
            buffers,
            write_buffer_bytes: options.write_buffer_bytes as u64,
            merging_bytes: AtomicU64::new(0),
            free_bytes: AtomicU64::new(u64::MAX),
            asked_ms: AtomicU64::new(0),
            opened: Instant::now(),
        };
        space.ask_now();
        space
    }

    /// Bytes that must stay free where nothing is merged.
    pub fn min_free_bytes(&self) -> u64 {
        self.min_free_bytes
    }

    /// Bytes that must stay free.
    pub fn kept_bytes(&self) -> u64 {
        self.min_free_bytes
            .max(self.merging_bytes.load(Ordering::Relaxed))
    }

    /// What a merge must leave of the free bytes: room for a log, which is set aside in one piece, and
    /// for small files.
    pub fn beside_merging_bytes(&self) -> u64 {
        self.write_buffer_bytes + SMALL_FILES_BYTES
    }

    /// Keeps so many bytes free at least, since a merge may take them.
    pub fn keep_for_merging(&self, bytes: u64) {
        self.merging_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Refuses a batch that there is no room for. What makes room goes on.
    pub fn admit(&self, batch: &Batch) -> Result<(), StoreError> {
        let written = WRITTEN_PER_BYTE * batch.size_bytes() as u64;
        let kept = self.kept_bytes();
        let age_ms = self
            .now_ms()
            .saturating_sub(self.asked_ms.load(Ordering::Relaxed));
        // While that much is free, nothing that goes on in the background can take the rest between
        // two questions.
        let is_short = !self.has_room(kept.saturating_add(written));
        if age_ms > STALE_MS || (age_ms > STALE_WHEN_SHORT_MS && is_short) {
            self.ask_now();
        }
        if !self.has_room(written) && !batch.makes_room() {
            return Err(StoreError::NoSpace {
                free_bytes: self.free_bytes.load(Ordering::Relaxed),
                min_free_bytes: kept,
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
        free >= self.kept_bytes().saturating_add(written)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Asks the file system: the bytes that are free and not yet spoken for.
    pub fn ask_now(&self) -> u64 {
        self.asked_ms.store(self.now_ms(), Ordering::Relaxed);
        // Before the question, so that what is written to a table meanwhile is not left out.
        let buffered_bytes = self.buffers.get_usage() as u64;
        let free_bytes = match fs4::available_space(&self.path) {
            Ok(free_bytes) => free_bytes.saturating_sub(buffered_bytes),
            // Not knowing is no reason to refuse; a write that fails says so itself.
            Err(error) => {
                tracing::warn!(path = %self.path.display(), %error, "cannot tell the free space");
                u64::MAX
            }
        };
        self.free_bytes.store(free_bytes, Ordering::Relaxed);
        free_bytes
    }
}
