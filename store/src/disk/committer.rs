//! The thread that makes commits durable.
//!
//! It takes all batches that wait as one group, writes them as one RocksDB batch (one log record,
//! one sync), publishes them, and then tells those who wait.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use histogram::Histogram;
use rocksdb::{WriteBatch, WriteOptions};

use super::database::{Database, Reach, ReadFailure};
use super::gather::{Gatherer, Gathering};
use super::health::Health;
use super::pipeline::{Decided, Pipeline, Taken};
use super::reclaim::Reclaim;
use crate::batch::Operation;
use crate::counters::CounterSums;
use crate::{Clock, Key, KeySpace, LOG_NUMBER_BYTES, LOG_TIME_BYTES, StoreError};
use tokio::sync::Semaphore;

/// The note of the newest log number and time, 8 big-endian bytes each. It outlives the records
/// themselves, so that neither ever goes back.
const LOG_END_NOTE: &[u8] = b"log end";

/// What RocksDB adds to each operation of a batch, roughly.
const OPERATION_OVERHEAD_BYTES: usize = 16;

/// What the committer works with; one thread runs [`Committer::run`].
pub(super) struct Committer {
    pub database: Arc<Database>,
    pub pipeline: Arc<Pipeline>,
    pub health: Arc<Health>,
    pub reclaim: Arc<Reclaim>,
    pub room: Arc<Semaphore>,
    pub published: Arc<Published>,
    pub write: WriteOptions,
    pub clock: Clock,
    pub log_end: LogEnd,
    pub gatherer: Gatherer,
}

/// What has been published.
#[derive(Debug, Default)]
pub(super) struct Published {
    pub log_end: AtomicU64,
    /// How long the groups took to write, in microseconds.
    pub write_us: Histogram,
    /// How many commits were in each group.
    pub group_commits: Histogram,
}

impl Published {
    /// Of a store whose newest log number is `log_end`.
    pub fn new(log_end: u64) -> Self {
        Published {
            log_end: AtomicU64::new(log_end),
            ..Published::default()
        }
    }
}

/// The newest log number, and the newest time that a record is stamped with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LogEnd {
    pub number: u64,
    pub time_ms: u64,
}

impl LogEnd {
    /// As it was when the database was last written.
    pub fn read(database: &Database) -> Result<Self, StoreError> {
        let stored = database.rocks.get_pinned_cf(database.notes(), LOG_END_NOTE);
        let stored = stored.map_err(|error| database.error("read", &error))?;
        let Some(stored) = stored else {
            return Ok(LogEnd::default());
        };
        let (numbers, rest) = stored.as_chunks::<8>();
        match (numbers, rest) {
            ([number, time_ms], []) => Ok(LogEnd {
                number: u64::from_be_bytes(*number),
                time_ms: u64::from_be_bytes(*time_ms),
            }),
            _ => Err(StoreError::Damaged {
                path: database.path(),
                offset: None,
                detail: "the note of the newest log number has the wrong length".to_owned(),
            }),
        }
    }

    fn bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.number.to_be_bytes());
        bytes[8..].copy_from_slice(&self.time_ms.to_be_bytes());
        bytes
    }
}

impl Committer {
    /// Writes group after group until the line is closed and empty.
    pub fn run(mut self) {
        let mut gathering = Gathering::default();
        while let Some(Taken {
            batches,
            group,
            gathered,
        }) = self.pipeline.take(gathering)
        {
            if !gathered {
                self.gatherer.missed();
            }
            let begun = Instant::now();
            let outcome = self.write_group(&batches);
            let took = begun.elapsed();
            // In this order: a reader finds a value in the database before it is no longer pending,
            // and who is told that the group is durable finds it in both.
            self.pipeline.forget(&batches, &group);
            let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            self.published.write_us.record(took_us);
            self.published.group_commits.record(batches.len() as u64);
            gathering = self.gatherer.next(batches.len(), took, self.pipeline.len());
            group.complete(outcome);
            let room: usize = batches.iter().map(|decided| decided.room as usize).sum();
            self.room.add_permits(room);
        }
    }

    /// Makes a group durable and visible; after a failure, nothing is written any more.
    fn write_group(&mut self, batches: &[Decided]) -> Result<(), StoreError> {
        if let Some(reason) = self.health.poisoned() {
            return Err(StoreError::Poisoned(reason.clone()));
        }
        let written = catch_unwind(AssertUnwindSafe(|| self.try_write_group(batches)));
        let reason = match written {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the program failed while writing".to_owned(),
        };
        self.health.poison(reason.clone());
        Err(StoreError::Poisoned(reason.into()))
    }

    fn try_write_group(&mut self, batches: &[Decided]) -> Result<(), StoreError> {
        let mut log_end = self.log_end;
        let batch = self.merge(batches, &mut log_end)?;
        let rows = &self.database.rows;
        let writing = rows.begin_writing(batches.iter().map(|decided| &decided.batch));
        let written = self.database.rocks.write_opt(batch, &self.write);
        written.map_err(|error| self.database.error("write", &error))?;
        rows.end_writing(writing, batches.iter().map(|decided| &decided.batch));
        self.log_end = log_end;
        self.published.log_end.store(log_end.number, Ordering::Release);
        for decided in batches {
            for operation in &decided.batch.operations {
                if let Operation::DeleteRange { space, start, end } = operation {
                    self.reclaim.note(*space, start.clone(), end.clone());
                }
            }
        }
        Ok(())
    }

    /// All batches as one, their log records numbered from `log_end` on.
    fn merge(&self, batches: &[Decided], log_end: &mut LogEnd) -> Result<WriteBatch, StoreError> {
        let size_bytes = batches.iter().map(|decided| {
            decided.batch.size_bytes() + OPERATION_OVERHEAD_BYTES * decided.batch.operations.len()
        });
        let mut merged = WriteBatch::with_capacity_bytes(size_bytes.sum());
        let counters = CounterSums::of(batches.iter().map(|decided| &decided.batch)).finish(
            |key| {
                let stored = self.database.get(None, key.space, &key.bytes, Reach::Disk);
                stored.map_err(ReadFailure::into_error)
            },
            |key| self.malformed_counter(key),
        )?;
        let mut has_appends = false;
        let mut record = Vec::new();
        for decided in batches {
            if decided.batch.has_appends && !has_appends {
                has_appends = true;
                log_end.time_ms = log_end.time_ms.max(self.clock.now_ms());
            }
            for operation in &decided.batch.operations {
                match operation {
                    Operation::Put { key, value } => {
                        merged.put_cf(self.database.space(key.space), &key.bytes, value)
                    }
                    Operation::Delete { key } => merged.delete_cf(self.database.space(key.space), &key.bytes),
                    Operation::DeleteRange { space, start, end } if start < end => {
                        merged.delete_range_cf(self.database.space(*space), start, end);
                    }
                    Operation::Append { space, log, value } => {
                        log_end.number += 1;
                        let numbered = [log.as_slice(), &log_end.number.to_be_bytes()].concat();
                        debug_assert_eq!(numbered.len(), log.len() + LOG_NUMBER_BYTES);
                        record.clear();
                        record.extend_from_slice(&log_end.time_ms.to_be_bytes());
                        debug_assert_eq!(record.len(), LOG_TIME_BYTES);
                        record.extend_from_slice(value);
                        merged.put_cf(self.database.space(*space), &numbered, &record);
                    }
                    // Summed up below; an empty range removes nothing.
                    Operation::Add { .. } | Operation::DeleteRange { .. } => {}
                }
            }
        }
        for (key, value) in counters {
            merged.put_cf(self.database.space(key.space), &key.bytes, value.to_be_bytes());
        }
        if has_appends {
            merged.put_cf(self.database.notes(), LOG_END_NOTE, log_end.bytes());
        }
        Ok(merged)
    }

    fn malformed_counter(&self, key: &Key) -> StoreError {
        let Key {
            space: KeySpace(space),
            bytes,
        } = key;
        StoreError::Damaged {
            path: self.database.path(),
            offset: None,
            detail: format!("key {bytes:02x?} of space {space} is added to and holds no counter"),
        }
    }
}
