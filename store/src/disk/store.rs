//! The way of a read and of a commit through the disk store.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Instant;

use bytes::Bytes;
use parking_lot::Mutex;
use rocksdb::{DB, FlushOptions};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::committer::{Committer, LogEnd, Published};
use super::database::{Database, Reach, ReadFailure};
use super::directory::DataDirectory;
use super::free_space::FreeSpace;
use super::gather::Gatherer;
use super::group::Group;
use super::health::Health;
use super::measurements::DiskMeasurements;
use super::merging::MergeSizes;
use super::opening::{has_room_for_anything, opening_error};
use super::options::{DiskOptions, Durability};
use super::pipeline::{Decided, Pipeline, effects};
use super::readers::{Readers, spawn};
use super::reclaim::{Reclaim, RoomToMerge};
use super::recovery::{check_current, prepare_log};
use super::seal;
use super::source::Source;
use super::tuning::{Tuning, write_options};
use super::watch::{Closing, Merging, Watch};
use crate::latch::{self, Latches};
use crate::{
    Batch, Decision, Declared, Held, Key, KeySpace, LIMITS, Limits, Outcome, RangePage, RangeRequest, Read,
    Store, StoreError,
};

/// A store in a directory.
///
/// Dropping it, or [`DiskStore::close`], finishes what is decided and gives the directory back as
/// soon as the last snapshot is dropped.
pub struct DiskStore {
    source: Source,
    latches: Arc<Latches>,
    pipeline: Arc<Pipeline>,
    /// One permit for each byte that may stand in line for the committer.
    room: Arc<Semaphore>,
    room_max: u32,
    health: Arc<Health>,
    free_space: Arc<FreeSpace>,
    published: Arc<Published>,
    reclaim: Arc<Reclaim>,
    closing: Arc<Closing>,
    threads: Mutex<Threads>,
}

#[derive(Default)]
struct Threads {
    committer: Option<JoinHandle<()>>,
    reclaim: Option<JoinHandle<()>>,
    watch: Option<JoinHandle<()>>,
}

/// A [`DiskStore`] at one moment.
#[derive(Clone)]
pub struct DiskSnapshot {
    source: Source,
}

/// How a [`DiskStore`] is doing.
#[derive(Clone, Debug)]
pub struct DiskStatus {
    /// Why writes are refused until the store is reopened, if they are.
    pub poisoned: Option<Arc<str>>,
    /// Room left on the file system once write buffers are written out, in bytes.
    pub free_bytes: u64,
    /// Below this room, writes are refused: what was asked for, or more while a merge may need it.
    pub min_free_bytes: u64,
    /// Groups of commits written since the store was opened: log writes, and syncs where
    /// durability is [`crate::Durability::Sync`].
    pub groups: u64,
    /// Commits written since the store was opened.
    pub commits: u64,
}

impl DiskStore {
    /// Opens the store in a directory, or makes a new one where there is none.
    pub fn open(options: &DiskOptions) -> Result<Self, StoreError> {
        let mut directory = DataDirectory::lock_or_create(&options.path)?;
        let path = directory.database();
        if !directory.is_new() {
            check_current(&path)?;
            seal::take_off(directory.path(), &path)?;
            prepare_log(&path)?;
        }
        let failure = |error: rocksdb::Error| opening_error(&path, &error);
        let merges = has_room_for_anything(&path, options.min_free_bytes);
        let tuning = Tuning::new(options, directory.is_new(), merges).map_err(failure)?;
        let options_kept = tuning.database;
        let rocks = DB::open_cf_descriptors(&options_kept, &path, tuning.families).map_err(failure)?;
        directory.finish()?;

        let database = Arc::new(Database::new(
            rocks,
            options_kept,
            directory,
            options.spaces,
            options.row_cache_bytes(),
        ));
        let log_end = LogEnd::read(&database)?;
        let room_max = options.queue_bytes_max.max(1);
        let store = DiskStore {
            latches: Arc::new(Latches::new()),
            pipeline: Arc::default(),
            room: Arc::new(Semaphore::new(room_max as usize)),
            room_max,
            health: Arc::default(),
            free_space: Arc::new(FreeSpace::of(options, tuning.buffers)),
            published: Arc::new(Published::new(log_end.number)),
            reclaim: Arc::new(Reclaim::new(options.reclaim_delay)),
            closing: Arc::default(),
            threads: Mutex::default(),
            source: Source {
                database,
                snapshot: None,
                is_bulk: false,
                readers: Arc::new(Readers::start(options.read_threads, options.read_queue_max)?),
            },
        };
        let merging = match merges {
            true => Merging::On,
            false => Merging::OffSince(Instant::now()),
        };
        store.start_threads(options, log_end, tuning.sizes, merging)?;
        Ok(store)
    }

    fn start_threads(
        &self,
        options: &DiskOptions,
        log_end: LogEnd,
        sizes: MergeSizes,
        merging: Merging,
    ) -> Result<(), StoreError> {
        let committer = Committer {
            database: self.source.database.clone(),
            pipeline: self.pipeline.clone(),
            health: self.health.clone(),
            reclaim: self.reclaim.clone(),
            room: self.room.clone(),
            published: self.published.clone(),
            write: write_options(options.durability),
            clock: options.clock.clone(),
            log_end,
            gatherer: Gatherer::new(options.durability == Durability::Sync),
        };
        let mut threads = self.threads.lock();
        threads.committer = Some(spawn("store-commit".to_owned(), || committer.run())?);

        let (reclaim, database) = (self.reclaim.clone(), self.source.database.clone());
        let (health, write) = (self.health.clone(), write_options(options.durability));
        let room = RoomToMerge {
            free_space: self.free_space.clone(),
            sizes,
        };
        let give_back = move || reclaim.run(&database, &health, &room, &write);
        threads.reclaim = Some(spawn("store-reclaim".to_owned(), give_back)?);

        let watch = Watch {
            database: self.source.database.clone(),
            health: self.health.clone(),
            pipeline: self.pipeline.clone(),
            room: self.room.clone(),
            free_space: self.free_space.clone(),
            sizes,
            merging,
            closing: self.closing.clone(),
        };
        threads.watch = Some(spawn("store-watch".to_owned(), || watch.run())?);
        Ok(())
    }

    /// How the store is doing.
    pub fn status(&self) -> DiskStatus {
        let group_commits = self.published.group_commits.counts();
        DiskStatus {
            poisoned: self.health.poisoned().cloned(),
            free_bytes: self.free_space.ask_now(),
            min_free_bytes: self.free_space.kept_bytes(),
            groups: group_commits.count(),
            commits: group_commits.sum,
        }
    }

    /// What the store has counted, and what it is doing.
    pub fn measurements(&self) -> DiskMeasurements {
        DiskMeasurements {
            is_poisoned: self.health.poisoned().is_some(),
            free_bytes: self.free_space.ask_now(),
            min_free_bytes: self.free_space.kept_bytes(),
            write_us: self.published.write_us.counts(),
            group_commits: self.published.group_commits.counts(),
            queued_commits: self.pipeline.len(),
            queued_bytes: self.room_max as usize - self.room.available_permits().min(self.room_max as usize),
            queue_bytes_max: self.room_max as usize,
            waiting_reads: self.source.readers.jobs_in_line(),
            ..self.source.database.measurements()
        }
    }

    /// Finishes the commits that are decided, refuses all others, and makes the next opening quick.
    ///
    /// It blocks the thread meanwhile. What was acknowledged is durable without it.
    pub fn close(&self) -> Result<(), StoreError> {
        self.health.close();
        self.pipeline.close();
        let mut threads = self.threads.lock();
        let Some(committer) = threads.committer.take() else {
            return Ok(());
        };
        if self.health.poisoned().is_some() {
            // RocksDB may hold up the committer until there is room again, or until this.
            self.source.database.rocks.cancel_all_background_work(false);
        }
        // The committer catches its own panics.
        let _ = committer.join();
        let flushed = match self.health.poisoned() {
            // What is in memory may be more than what is on disk; the log alone decides.
            Some(_) => Ok(()),
            None => self.flush(),
        };
        // Merging goes on when the store is next opened.
        self.source.database.rocks.cancel_all_background_work(false);
        self.reclaim.close();
        self.closing.close();
        for thread in [threads.reclaim.take(), threads.watch.take()]
            .into_iter()
            .flatten()
        {
            // What they do is tried again when the store is next opened.
            let _ = thread.join();
        }
        self.source.readers.close();
        if flushed.is_ok() && self.health.poisoned().is_none() {
            self.source.database.directory.set_closed();
        }
        flushed
    }

    fn flush(&self) -> Result<(), StoreError> {
        let rocks = &self.source.database.rocks;
        let flush = || {
            rocks.flush_wal(true)?;
            rocks.flush_cfs_opt(&self.source.database.families(), &FlushOptions::default())
        };
        flush().map_err(|error| self.source.database.error("write", &error))
    }

    /// What the declared keys hold for the one who has their latches, and the group that it is
    /// from where that is not durable yet.
    async fn read_held(&self, declared: &Declared) -> Result<(Held, Option<Arc<Group>>), StoreError> {
        // First what is pending: once it is no longer, it is in the database.
        let pending = self.pipeline.read(declared);
        let mut missing = Vec::new();
        let mut values = Vec::with_capacity(pending.values.len());
        let keys = declared.shared.iter().chain(&declared.exclusive);
        for (key, value) in keys.zip(pending.values) {
            let value = match value {
                Some(value) => value,
                None => match self
                    .source
                    .database
                    .get(None, key.space, &key.bytes, Reach::Memory)
                {
                    Ok(value) => value,
                    Err(ReadFailure::NotInMemory) => {
                        missing.push((values.len(), key.clone()));
                        None
                    }
                    Err(ReadFailure::Error(error)) => return Err(error),
                },
            };
            values.push(value);
        }
        if !missing.is_empty() {
            let database = self.source.database.clone();
            let read = move || {
                missing
                    .into_iter()
                    .map(|(index, key)| {
                        let value = database.get(None, key.space, &key.bytes, Reach::Disk);
                        Ok((index, value.map_err(ReadFailure::into_error)?))
                    })
                    .collect::<Result<Vec<_>, StoreError>>()
            };
            for (index, value) in self.source.readers.run(read).await?? {
                values[index] = value;
            }
        }
        let exclusive = values.split_off(declared.shared.len());
        let held = Held {
            shared: values,
            exclusive,
        };
        Ok((held, pending.group))
    }

    /// Sends a decided batch on its way, and gives the latches back as soon as it stands in line.
    async fn enter(
        &self,
        batch: Batch,
        exclusive: Vec<Key>,
        held: Held,
        latches: latch::Held,
    ) -> Result<Arc<Group>, StoreError> {
        let room = u32::try_from(batch.size_bytes()).unwrap_or(u32::MAX);
        let room = room.clamp(1, self.room_max);
        let entry = Entry {
            decided: Decided {
                effects: effects(&batch, exclusive, &held.exclusive),
                batch,
                room,
            },
            pipeline: self.pipeline.clone(),
            _latches: latches,
        };
        if let Ok(permit) = self.room.clone().try_acquire_many_owned(room) {
            return entry.enter(permit);
        }
        // The line is full. The decision is made, so from here on a task of its own carries it out,
        // whether its caller waits or not.
        let waiting = self.room.clone();
        let (answer, entered) = oneshot::channel();
        let carry_out = async move {
            if let Ok(permit) = waiting.acquire_many_owned(room).await {
                // Nobody listens where the caller is gone.
                let _ = answer.send(entry.enter(permit));
            }
        };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(carry_out)),
            // Not inside of a runtime, so nobody drops the future half way but on purpose.
            Err(_) => carry_out.await,
        }
        // The line is given up where the store has failed.
        let gone = |_| self.health.check().err().unwrap_or(StoreError::Closed);
        entered.await.map_err(gone)?
    }
}

/// All that it takes to carry out a decision.
struct Entry {
    decided: Decided,
    pipeline: Arc<Pipeline>,
    _latches: latch::Held,
}

impl Entry {
    fn enter(self, permit: OwnedSemaphorePermit) -> Result<Arc<Group>, StoreError> {
        let group = self.pipeline.enter(self.decided)?;
        // The committer gives the room back.
        permit.forget();
        Ok(group)
    }
}

impl Drop for DiskStore {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!(%error, "the store did not close cleanly; it is recovered when next opened");
        }
    }
}

impl fmt::Debug for DiskStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.source.database.directory.path();
        f.debug_struct("DiskStore")
            .field("path", &path)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for DiskSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskSnapshot").finish_non_exhaustive()
    }
}

impl Read for DiskStore {
    async fn get(&self, space: KeySpace, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.source.get(space, key).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>, StoreError> {
        self.source.get_many(keys).await
    }

    async fn range(&self, request: RangeRequest<'_>) -> Result<RangePage, StoreError> {
        self.source.range(request).await
    }
}

impl Read for DiskSnapshot {
    async fn get(&self, space: KeySpace, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.source.get(space, key).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>, StoreError> {
        self.source.get_many(keys).await
    }

    async fn range(&self, request: RangeRequest<'_>) -> Result<RangePage, StoreError> {
        self.source.range(request).await
    }
}

impl Store for DiskStore {
    type Snapshot = DiskSnapshot;

    fn limits(&self) -> Limits {
        LIMITS
    }

    fn snapshot(&self) -> Result<DiskSnapshot, StoreError> {
        Ok(DiskSnapshot {
            source: self.source.held_still(false),
        })
    }

    fn bulk_snapshot(&self) -> Result<DiskSnapshot, StoreError> {
        Ok(DiskSnapshot {
            source: self.source.held_still(true),
        })
    }

    async fn commit<T, E, A>(&self, declared: Declared, mut apply: A) -> Result<Outcome<T, E>, StoreError>
    where
        T: Send + 'static,
        E: Send + 'static,
        A: FnMut(&Held) -> Decision<T, E> + Send + 'static,
    {
        declared.check(&LIMITS)?;
        self.health.check()?;
        let latches = self.latches.hold(&declared).await;
        let (held, read_from) = self.read_held(&declared).await?;
        let (group, outcome) = match apply(&held) {
            Decision::Commit(batch, value) if !batch.is_empty() => {
                batch.check(&LIMITS)?;
                self.free_space.admit(&batch)?;
                let group = self.enter(batch, declared.exclusive, held, latches).await?;
                (Some(group), Outcome::Committed(value))
            }
            // Nothing is written, but what was read has to be durable before it is told.
            decision => {
                drop(latches);
                let outcome = match decision {
                    Decision::Commit(_, value) => Outcome::Committed(value),
                    Decision::Abort(error) => Outcome::Aborted(error),
                    Decision::Replan => Outcome::Replan,
                };
                (read_from, outcome)
            }
        };
        if let Some(group) = group {
            group.durable().await?;
        }
        Ok(outcome)
    }

    async fn log_end(&self) -> Result<u64, StoreError> {
        Ok(self.published.log_end.load(Ordering::Acquire))
    }
}
