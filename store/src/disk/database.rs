//! RocksDB as the store uses it: its spaces, and reads with or without going to the disk.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rocksdb::statistics::Ticker;
use rocksdb::{ColumnFamily, DB, ErrorKind, LiveFile, Options, ReadOptions, ReadTier, Snapshot};

use super::directory::DataDirectory;
use super::options::{SpaceKind, SpaceOptions};
use super::recovery::CURRENT_FILE;
use super::row_cache::RowCache;
use super::suspect::Suspects;
use super::tuning::NOTES;
use crate::page::PageBuilder;
use crate::{Direction, Key, KeySpace, RangePage, RangeRequest, StoreError};

/// The open database and the lock on its directory.
pub(super) struct Database {
    // Closed before the lock on the directory is given back.
    pub rocks: DB,
    pub directory: DataDirectory,
    spaces: &'static [SpaceOptions],
    in_memory: ReadOptions,
    anywhere: ReadOptions,
    /// What it was opened with; RocksDB's counters are read through them.
    options: Options,
    /// The newest values, as far as they have been asked for.
    pub rows: RowCache,
    suspects: Suspects,
}

/// How far a read goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// What is in memory, so that the read takes no time.
    Memory,
    /// The disk.
    Disk,
    /// The disk, and what is read from it is not kept in memory.
    DiskInBulk,
}

/// How much is read ahead in bulk, in bytes.
const BULK_READAHEAD_BYTES: usize = 256 << 10;

/// Why a read gave no answer.
#[derive(Debug)]
pub(super) enum ReadFailure {
    /// It has to go to the disk.
    NotInMemory,
    Error(StoreError),
}

impl Database {
    pub fn new(
        rocks: DB,
        options: Options,
        directory: DataDirectory,
        spaces: &'static [SpaceOptions],
        row_cache_bytes: usize,
    ) -> Self {
        let is_kept = spaces.iter().map(|space| space.kind == SpaceKind::Rows);
        Database {
            rows: RowCache::new(row_cache_bytes, is_kept.collect()),
            rocks,
            options,
            directory,
            spaces,
            in_memory: read_options(Reach::Memory, None),
            anywhere: read_options(Reach::Disk, None),
            suspects: Suspects::default(),
        }
    }

    pub fn path(&self) -> PathBuf {
        self.directory.database()
    }

    pub fn space(&self, space: KeySpace) -> &ColumnFamily {
        self.family(self.space_name(space))
    }

    /// All column families.
    pub fn families(&self) -> Vec<&ColumnFamily> {
        let spaces = self.spaces.iter().map(|space| self.family(space.name));
        std::iter::once(self.notes()).chain(spaces).collect()
    }

    /// The name of a space, as its tables bear it.
    pub fn space_name(&self, space: KeySpace) -> &'static str {
        self.spaces[usize::from(space.0)].name
    }

    /// All tables.
    pub fn tables(&self) -> Result<Vec<LiveFile>, rocksdb::Error> {
        self.rocks.live_files()
    }

    /// The bytes of all tables.
    pub fn tables_bytes(&self) -> u64 {
        let sizes = self.families().into_iter().map(|family| {
            self.rocks
                .property_int_value_cf(family, "rocksdb.live-sst-files-size")
        });
        sizes.map(|size| size.ok().flatten().unwrap_or(0)).sum()
    }

    pub fn notes(&self) -> &ColumnFamily {
        self.family(NOTES)
    }

    fn family(&self, name: &str) -> &ColumnFamily {
        let family = self.rocks.cf_handle(name);
        family.expect("a database is opened with all its spaces")
    }

    /// What RocksDB has counted under this name since it was opened.
    pub fn ticker(&self, ticker: Ticker) -> u64 {
        self.options.get_ticker_count(ticker)
    }

    /// What an error of RocksDB means. Where it names no damaged file, the tables are searched for it,
    /// which takes its time.
    pub fn error(&self, what: &str, error: &rocksdb::Error) -> StoreError {
        let path = self.path();
        self.suspects.name(&path, engine_error(path.clone(), what, error))
    }

    pub fn get(
        &self,
        snapshot: Option<&Snapshot<'_>>,
        space: KeySpace,
        key: &[u8],
        reach: Reach,
    ) -> Result<Option<Bytes>, ReadFailure> {
        if let Some(snapshot) = snapshot {
            return self.read(space, key, &read_options(reach, Some(snapshot)));
        }
        if let Some(value) = self.rows.get(space, key) {
            return Ok(Some(value));
        }
        let options = match reach {
            Reach::Memory => &self.in_memory,
            Reach::Disk | Reach::DiskInBulk => &self.anywhere,
        };
        let visit = self.rows.visit(space, key);
        let value = self.read(space, key, options)?;
        if let (Some(visit), Some(value)) = (visit, &value) {
            self.rows.keep(&visit, space, key, value);
        }
        Ok(value)
    }

    fn read(&self, space: KeySpace, key: &[u8], options: &ReadOptions) -> Result<Option<Bytes>, ReadFailure> {
        match self.rocks.get_pinned_cf_opt(self.space(space), key, options) {
            Ok(value) => Ok(value.map(|value| Bytes::copy_from_slice(&value))),
            Err(error) => Err(self.read_failure(&error)),
        }
    }

    /// Several keys at one moment: that of the snapshot, or now.
    pub fn get_many(
        &self,
        snapshot: Option<&Snapshot<'_>>,
        keys: &[Key],
        reach: Reach,
    ) -> Result<Vec<Option<Bytes>>, ReadFailure> {
        if let ([key], None) = (keys, snapshot) {
            return Ok(vec![self.get(None, key.space, &key.bytes, reach)?]);
        }
        let now;
        let snapshot = match snapshot {
            None if keys.len() > 1 => {
                now = self.rocks.snapshot();
                Some(&now)
            }
            snapshot => snapshot,
        };
        let own_options = snapshot.map(|snapshot| read_options(reach, Some(snapshot)));
        let options = match (&own_options, reach) {
            (Some(options), _) => options,
            (None, Reach::Memory) => &self.in_memory,
            (None, Reach::Disk | Reach::DiskInBulk) => &self.anywhere,
        };
        keys.iter()
            .map(|key| self.read(key.space, &key.bytes, options))
            .collect()
    }

    pub fn range(
        &self,
        snapshot: Option<&Snapshot<'_>>,
        request: &RangeRequest<'_>,
        reach: Reach,
    ) -> Result<RangePage, ReadFailure> {
        let mut page = PageBuilder::new(request);
        if request.start >= request.end {
            return Ok(page.finish(false));
        }
        let mut options = read_options(reach, snapshot);
        options.set_iterate_range(request.start.to_vec()..request.end.to_vec());
        let mut rows = self.rocks.raw_iterator_cf_opt(self.space(request.space), options);
        match request.direction {
            Direction::Forward => rows.seek_to_first(),
            Direction::Reverse => rows.seek_to_last(),
        }
        let mut full = false;
        while let Some((key, value)) = rows.item() {
            if full {
                return Ok(page.finish(true));
            }
            full = page.push(key, value) == ControlFlow::Break(());
            match request.direction {
                Direction::Forward => rows.next(),
                Direction::Reverse => rows.prev(),
            }
        }
        match rows.status() {
            Ok(()) => Ok(page.finish(false)),
            // The page itself is complete; what follows it is not in memory.
            Err(error) if full && error.kind() == ErrorKind::Incomplete => Ok(page.finish(true)),
            Err(error) => Err(self.read_failure(&error)),
        }
    }

    fn read_failure(&self, error: &rocksdb::Error) -> ReadFailure {
        match error.kind() {
            ErrorKind::Incomplete => ReadFailure::NotInMemory,
            _ => ReadFailure::Error(self.error("read", error)),
        }
    }
}

impl ReadFailure {
    /// The error of a read that was allowed to go to the disk.
    pub fn into_error(self) -> StoreError {
        match self {
            ReadFailure::Error(error) => error,
            ReadFailure::NotInMemory => StoreError::Io {
                what: "read".to_owned(),
                detail: "the read was cut short".to_owned(),
            },
        }
    }
}

/// What an error of the database at `path` means.
pub(super) fn engine_error(path: PathBuf, what: &str, error: &rocksdb::Error) -> StoreError {
    match error.kind() {
        ErrorKind::Corruption => StoreError::Damaged {
            detail: corruption_detail(&path, error),
            path,
            offset: None,
        },
        _ => StoreError::Io {
            what: format!("{what} {}", path.display()),
            detail: error.to_string(),
        },
    }
}

/// What RocksDB says, and where it speaks of a log that is long gone, that the manifest may have
/// lost its end, which says so.
fn corruption_detail(database: &Path, error: &rocksdb::Error) -> String {
    let detail = error.to_string();
    match fs::read_to_string(database.join(CURRENT_FILE)) {
        Ok(manifest) if detail.contains("Missing WAL") => {
            format!(
                "{detail} Either that log or the end of {} is missing.",
                manifest.trim_end()
            )
        }
        _ => detail,
    }
}

fn read_options(reach: Reach, snapshot: Option<&Snapshot<'_>>) -> ReadOptions {
    let mut options = ReadOptions::default();
    match reach {
        Reach::Memory => options.set_read_tier(ReadTier::BlockCache),
        Reach::Disk => {}
        Reach::DiskInBulk => {
            options.fill_cache(false);
            options.set_readahead_size(BULK_READAHEAD_BYTES);
        }
    }
    if let Some(snapshot) = snapshot {
        options.set_snapshot(snapshot);
    }
    options
}
