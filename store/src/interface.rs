//! The border between the engine and whatever keeps its bytes.
//!
//! Read in this order: [`Key`] and [`KeySpace`] name a place, [`Read`] looks at places, [`Batch`]
//! describes a change, and [`Store::commit`] is the only way to make one. Nothing here knows what
//! the bytes mean.

use std::future::Future;

use bytes::Bytes;

use crate::{Batch, StoreError};

/// One of the fixed set of key spaces that a store is opened with, by its position in that set.
///
/// Keys are ordered within a space; nothing is ordered across spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeySpace(pub u8);

/// A place in the store: a space and a key of at most [`Limits::key_bytes_max`] bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The space that the key is ordered in.
    pub space: KeySpace,
    /// The key itself, ordered as unsigned bytes.
    pub bytes: Vec<u8>,
}

impl Key {
    /// A key of `space`.
    pub fn new(space: KeySpace, bytes: impl Into<Vec<u8>>) -> Self {
        Key {
            space,
            bytes: bytes.into(),
        }
    }
}

/// What a store can hold. The engine reads it at start and sizes what it sends by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest key, in bytes.
    pub key_bytes_max: usize,
    /// The largest value, in bytes.
    pub value_bytes_max: usize,
    /// The largest batch, in bytes as [`Batch::size_bytes`] counts them.
    pub batch_bytes_max: usize,
}

/// The limits that every store at least meets.
pub const LIMITS: Limits = Limits {
    key_bytes_max: 8 * 1024,
    value_bytes_max: 1024 * 1024,
    batch_bytes_max: 160 * 1024 * 1024,
};

/// The order in which a range is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Smallest key first.
    Forward,
    /// Largest key first.
    Reverse,
}

/// A request for one page of the keys in `start <= key < end`.
#[derive(Clone, Copy, Debug)]
pub struct RangeRequest<'a> {
    /// The space to read.
    pub space: KeySpace,
    /// The smallest key that may be returned.
    pub start: &'a [u8],
    /// The first key above the range.
    pub end: &'a [u8],
    /// Which end to start from.
    pub direction: Direction,
    /// The page ends after this many rows. At least 1.
    pub rows_max: usize,
    /// The page ends after the row that brings keys and values to this many bytes or more; a page
    /// holds at least one row where the range holds one.
    pub bytes_max: usize,
}

/// One page of a range: its rows in the order asked for, and whether the range goes on.
///
/// To go on, ask again with `start` just above the last key returned (forward) or with `end` equal
/// to it (reverse).
#[derive(Clone, Debug, Default)]
pub struct RangePage {
    /// All keys and values, one after the other, so that a page costs one allocation.
    pub(crate) buffer: Bytes,
    /// Where each row's key and value lie in `buffer`.
    pub(crate) rows: Vec<RowSpan>,
    /// Whether the page ended before the range did. May be true where nothing follows.
    pub more: bool,
}

/// Where a row lies in its page's buffer: the key is `start..key_end`, the value `key_end..end`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowSpan {
    pub start: u32,
    pub key_end: u32,
    pub end: u32,
}

impl RangePage {
    /// How many rows the page holds.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether the page holds no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The key of row `index`. Panics where there is no such row.
    pub fn key(&self, index: usize) -> &[u8] {
        let row = self.rows[index];
        &self.buffer[row.start as usize..row.key_end as usize]
    }

    /// The value of row `index`, sharing the page's memory. Panics where there is no such row.
    pub fn value(&self, index: usize) -> Bytes {
        let row = self.rows[index];
        self.buffer.slice(row.key_end as usize..row.end as usize)
    }

    /// The value of row `index`, borrowed. Panics where there is no such row.
    pub fn value_bytes(&self, index: usize) -> &[u8] {
        let row = self.rows[index];
        &self.buffer[row.key_end as usize..row.end as usize]
    }

    /// All rows in order, as key and value.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> + DoubleEndedIterator + '_ {
        (0..self.len()).map(|index| (self.key(index), self.value_bytes(index)))
    }
}

/// Reading: of the newest published state (a [`Store`]) or of one moment (a snapshot).
///
/// Each call alone is consistent over all the keys that it names.
pub trait Read: Send + Sync {
    /// The value of a key, or `None` where there is none.
    fn get(
        &self,
        space: KeySpace,
        key: &[u8],
    ) -> impl Future<Output = Result<Option<Bytes>, StoreError>> + Send;

    /// The values of several keys, in the order asked for, all of one moment.
    fn get_many(&self, keys: &[Key]) -> impl Future<Output = Result<Vec<Option<Bytes>>, StoreError>> + Send;

    /// One page of a range, of one moment.
    fn range(&self, request: RangeRequest<'_>) -> impl Future<Output = Result<RangePage, StoreError>> + Send;
}

/// The keys that a commit holds while it runs.
///
/// A key that is ever declared must be written only by commits that declare it exclusively.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    /// Keys that must not change meanwhile; other commits may share them.
    pub shared: Vec<Key>,
    /// Keys that no other commit may declare meanwhile, in either way.
    pub exclusive: Vec<Key>,
}

/// What the declared keys hold, each list in the order in which its keys were declared.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// The values of [`Declared::shared`].
    pub shared: Vec<Option<Bytes>>,
    /// The values of [`Declared::exclusive`].
    pub exclusive: Vec<Option<Bytes>>,
}

/// What `apply` decides after it has seen the values of the declared keys.
#[derive(Debug)]
pub enum Decision<T, E> {
    /// Make the batch durable, all of it or nothing, then answer with the value.
    Commit(Batch, T),
    /// Change nothing and answer with the error.
    Abort(E),
    /// Change nothing: the plan that the keys were declared by is out of date, make a new one.
    Replan,
}

/// How a commit ended. Whatever it read was durable before this was returned.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome<T, E> {
    /// The batch is durable as the store's durability setting promises.
    Committed(T),
    /// `apply` refused; nothing was changed.
    Aborted(E),
    /// `apply` asked for a new plan; nothing was changed.
    Replan,
}

/// How long a log number is, in bytes: the number that ends a log record's key.
pub const LOG_NUMBER_BYTES: usize = 8;

/// How many bytes of commit time the store writes in front of a log record's value: milliseconds
/// since the Unix epoch, big-endian.
pub const LOG_TIME_BYTES: usize = 8;

/// Ordered bytes with atomic, isolated and durable commits.
pub trait Store: Read + 'static {
    /// A consistent view of all spaces, to be dropped within five seconds.
    type Snapshot: Read + 'static;

    /// What the store can hold.
    fn limits(&self) -> Limits;

    /// The newest published state, held still.
    fn snapshot(&self) -> Result<Self::Snapshot, StoreError>;

    /// The same for who reads much of the store once, as a backup does: what it reads does not take
    /// the place in memory of what requests read again and again.
    fn bulk_snapshot(&self) -> Result<Self::Snapshot, StoreError> {
        self.snapshot()
    }

    /// Holds the declared keys, shows `apply` what they hold, and does what it decides.
    ///
    /// `apply` is pure: it may run more than once, and on any thread. Once it has decided to
    /// commit, the commit runs to its end even where the returned future is dropped.
    fn commit<T, E, A>(
        &self,
        declared: Declared,
        apply: A,
    ) -> impl Future<Output = Result<Outcome<T, E>, StoreError>> + Send
    where
        T: Send + 'static,
        E: Send + 'static,
        A: FnMut(&Held) -> Decision<T, E> + Send + 'static;

    /// The newest log number that is published, or 0: every record of every log up to here can be
    /// read, and every later record will be above it.
    fn log_end(&self) -> impl Future<Output = Result<u64, StoreError>> + Send;
}
