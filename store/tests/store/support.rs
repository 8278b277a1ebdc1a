//! Stores to test and short ways to use them.

use std::sync::Arc;

use bytes::Bytes;
use store::{
    Batch, Decision, Declared, Direction, FaultStore, Key, KeySpace, MemoryStore, Outcome, RangeRequest,
    Read, Store,
};
#[cfg(feature = "disk")]
use store::{DiskOptions, DiskStore, Durability, SpaceKind, SpaceOptions};

pub const ROWS: KeySpace = KeySpace(0);
pub const OTHERS: KeySpace = KeySpace(1);
pub const LOGS: KeySpace = KeySpace(2);
pub const COUNTERS: KeySpace = KeySpace(3);
pub const SPACE_COUNT: usize = 4;

#[cfg(feature = "disk")]
pub static SPACES: [SpaceOptions; SPACE_COUNT] = [
    SpaceOptions {
        name: "rows",
        kind: SpaceKind::Rows,
    },
    SpaceOptions {
        name: "others",
        kind: SpaceKind::Rows,
    },
    SpaceOptions {
        name: "logs",
        kind: SpaceKind::Log,
    },
    SpaceOptions {
        name: "counters",
        kind: SpaceKind::Counters,
    },
];

pub fn memory() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(SPACE_COUNT))
}

pub fn without_faults() -> Arc<FaultStore<MemoryStore>> {
    Arc::new(FaultStore::new(memory()))
}

#[cfg(feature = "disk")]
pub fn disk_sync(directory: &Directory) -> Arc<DiskStore> {
    Arc::new(DiskStore::open(&directory.options()).expect("it opens"))
}

#[cfg(feature = "disk")]
pub fn disk_os(directory: &Directory) -> Arc<DiskStore> {
    let mut options = directory.options();
    options.durability = Durability::Os;
    Arc::new(DiskStore::open(&options).expect("it opens"))
}

/// A directory that is removed with the test.
#[cfg(feature = "disk")]
pub struct Directory(pub std::path::PathBuf);

#[cfg(feature = "disk")]
impl Directory {
    pub fn new() -> Self {
        let name = format!("{}-{:x}", std::process::id(), fastrand::u64(..));
        Directory(std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name))
    }

    pub fn options(&self) -> DiskOptions {
        small_options(&self.0)
    }
}

/// Options that make a store small and its files change often.
#[cfg(feature = "disk")]
pub fn small_options(path: &std::path::Path) -> DiskOptions {
    let mut options = DiskOptions::new(path, &SPACES);
    options.min_free_bytes = 1 << 20;
    options.write_buffer_bytes = 1 << 20;
    options.cache_bytes = 4 << 20;
    options.log_bytes_max = 2 << 20;
    options.read_threads = 2;
    options
}

#[cfg(feature = "disk")]
impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn key(space: KeySpace, bytes: impl AsRef<[u8]>) -> Key {
    Key::new(space, bytes.as_ref())
}

pub fn exclusive(keys: impl IntoIterator<Item = Key>) -> Declared {
    Declared {
        shared: Vec::new(),
        exclusive: keys.into_iter().collect(),
    }
}

pub fn number(value: &Option<Bytes>) -> u64 {
    value.as_ref().map_or(0, |bytes| {
        u64::from_be_bytes(bytes[..].try_into().expect("8 bytes"))
    })
}

pub fn number_bytes(number: u64) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

/// Commits a batch that depends on nothing.
pub async fn write<S: Store>(store: &S, declared: Declared, batch: Batch) {
    let outcome = store.commit(declared, move |_| Decision::<(), ()>::Commit(batch.clone(), ()));
    assert_eq!(outcome.await.expect("it is written"), Outcome::Committed(()));
}

pub async fn put<S: Store>(store: &S, space: KeySpace, bytes: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
    let key = key(space, bytes);
    let mut batch = Batch::new();
    batch.put(key.clone(), value.as_ref().to_vec());
    write(store, exclusive([key]), batch).await;
}

/// Adds one to the number at `key` and returns it, as a commit that declares the key.
pub async fn increment<S: Store>(store: &S, key: Key) -> u64 {
    let target = key.clone();
    let commit = store.commit(exclusive([key]), move |held| {
        let next = number(&held.exclusive[0]) + 1;
        let mut batch = Batch::new();
        batch.put(target.clone(), number_bytes(next));
        Decision::<u64, ()>::Commit(batch, next)
    });
    match commit.await.expect("it is written") {
        Outcome::Committed(next) => next,
        other => panic!("{other:?}"),
    }
}

/// Everything in `start..end`, read in pages.
pub async fn read_all<R: Read>(
    reader: &R,
    space: KeySpace,
    start: &[u8],
    end: &[u8],
) -> Vec<(Vec<u8>, Vec<u8>)> {
    read_pages(reader, space, start, end, Direction::Forward, 100, 10_000).await
}

pub async fn read_pages<R: Read>(
    reader: &R,
    space: KeySpace,
    start: &[u8],
    end: &[u8],
    direction: Direction,
    rows_max: usize,
    bytes_max: usize,
) -> Vec<(Vec<u8>, Vec<u8>)> {
    let (mut start, mut end) = (start.to_vec(), end.to_vec());
    let mut rows: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    loop {
        let request = RangeRequest {
            space,
            start: &start,
            end: &end,
            direction,
            rows_max,
            bytes_max,
        };
        let page = reader.range(request).await.expect("it is read");
        assert!(page.len() <= rows_max);
        let sizes: Vec<usize> = page.iter().map(|(key, value)| key.len() + value.len()).collect();
        let before_last: usize = sizes.iter().rev().skip(1).sum();
        assert!(page.len() <= 1 || before_last < bytes_max);
        if page.more {
            let total: usize = sizes.iter().sum();
            assert!(page.len() == rows_max || total >= bytes_max, "the page is full");
        }
        rows.extend(page.iter().map(|(key, value)| (key.to_vec(), value.to_vec())));
        if !page.more {
            return rows;
        }
        let last = page.key(page.len() - 1).to_vec();
        match direction {
            Direction::Forward => start = [last.as_slice(), &[0]].concat(),
            Direction::Reverse => end = last,
        }
    }
}
