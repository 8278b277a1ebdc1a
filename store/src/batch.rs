//! A change to the store, described before it is made.

use bytes::Bytes;

use crate::{Declared, Key, KeySpace, LOG_NUMBER_BYTES, Limits, StoreError};

/// What a commit writes: all of it becomes visible and durable at once, or none.
///
/// Operations on one key are applied in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub(crate) operations: Vec<Operation>,
    size_bytes: usize,
    pub(crate) has_adds: bool,
    pub(crate) has_appends: bool,
    makes_room: bool,
}

/// One step of a [`Batch`].
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Put {
        key: Key,
        value: Bytes,
    },
    Delete {
        key: Key,
    },
    /// Deletes `start <= key < end`; only for keys that nothing reads or writes any more.
    DeleteRange {
        space: KeySpace,
        start: Vec<u8>,
        end: Vec<u8>,
    },
    /// Adds to a counter: an 8-byte big-endian two's complement integer, absent meaning zero.
    Add {
        key: Key,
        delta: i64,
    },
    /// Puts `value` behind the commit's time at `log` followed by a new log number.
    Append {
        space: KeySpace,
        log: Vec<u8>,
        value: Bytes,
    },
}

impl Batch {
    /// A batch that changes nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the batch changes nothing.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// The bytes of all keys and values, as [`crate::Limits::batch_bytes_max`] counts them.
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// Sets the value of a key.
    pub fn put(&mut self, key: Key, value: impl Into<Bytes>) {
        let value = value.into();
        self.size_bytes += key.bytes.len() + value.len();
        self.operations.push(Operation::Put { key, value });
    }

    /// Removes a key, if it is there.
    pub fn delete(&mut self, key: Key) {
        self.size_bytes += key.bytes.len();
        self.operations.push(Operation::Delete { key });
    }

    /// Removes every key in `start <= key < end`. Only for spaces of keys that no live plan can
    /// name: a dropped table's data, expired log.
    pub fn delete_range(&mut self, space: KeySpace, start: Vec<u8>, end: Vec<u8>) {
        self.size_bytes += start.len() + end.len();
        self.operations.push(Operation::DeleteRange { space, start, end });
    }

    /// Adds `delta` to the counter at `key` without declaring it, so that two writers never wait
    /// for each other. Read a counter with [`counter_value`].
    pub fn add(&mut self, key: Key, delta: i64) {
        self.size_bytes += key.bytes.len() + 8;
        self.has_adds = true;
        self.operations.push(Operation::Add { key, delta });
    }

    /// Appends a record to the log named `log` in `space`. The store gives it the next number:
    /// its key is `log` followed by [`crate::LOG_NUMBER_BYTES`] bytes, its value the commit's time
    /// in [`crate::LOG_TIME_BYTES`] bytes followed by `value`.
    pub fn append(&mut self, space: KeySpace, log: Vec<u8>, value: impl Into<Bytes>) {
        let value = value.into();
        self.size_bytes += log.len() + value.len() + crate::LOG_NUMBER_BYTES + crate::LOG_TIME_BYTES;
        self.has_appends = true;
        self.operations.push(Operation::Append { space, log, value });
    }

    /// Says that the batch is a step towards removing more than it writes, so that it is admitted
    /// where room is short: a table that is dropped must not need room to go.
    pub fn set_makes_room(&mut self) {
        self.makes_room = true;
    }

    /// Whether the batch may be written where room is short: it makes room, or only takes away.
    #[cfg(feature = "disk")]
    pub(crate) fn makes_room(&self) -> bool {
        let takes_away = |operation: &Operation| {
            matches!(
                operation,
                Operation::Delete { .. } | Operation::DeleteRange { .. }
            )
        };
        self.makes_room || self.operations.iter().all(takes_away)
    }

    /// Refuses what is over `limits`.
    pub(crate) fn check(&self, limits: &Limits) -> Result<(), StoreError> {
        for operation in &self.operations {
            let (key_bytes, value_bytes) = match operation {
                Operation::Put { key, value } => (key.bytes.len(), value.len()),
                Operation::Delete { key } | Operation::Add { key, .. } => (key.bytes.len(), 0),
                // An end just above the longest key is one byte longer than it.
                Operation::DeleteRange { start, end, .. } => {
                    (start.len().max(end.len().saturating_sub(1)), 0)
                }
                Operation::Append { log, value, .. } => (log.len() + LOG_NUMBER_BYTES, value.len()),
            };
            check_size("key", key_bytes, limits.key_bytes_max)?;
            check_size("value", value_bytes, limits.value_bytes_max)?;
        }
        check_size("batch", self.size_bytes, limits.batch_bytes_max)
    }
}

impl Declared {
    /// Refuses keys over `limits`.
    pub(crate) fn check(&self, limits: &Limits) -> Result<(), StoreError> {
        let mut keys = self.shared.iter().chain(&self.exclusive);
        keys.try_for_each(|key| check_size("key", key.bytes.len(), limits.key_bytes_max))
    }
}

fn check_size(what: &'static str, size_bytes: usize, max_bytes: usize) -> Result<(), StoreError> {
    if size_bytes <= max_bytes {
        return Ok(());
    }
    Err(StoreError::TooLarge {
        what,
        size_bytes,
        max_bytes,
    })
}

/// What the value stored at a counter key means; an absent counter is zero.
///
/// Returns `None` for bytes that are no counter.
pub fn counter_value(stored: Option<&[u8]>) -> Option<i64> {
    match stored {
        None => Some(0),
        Some(bytes) => Some(i64::from_be_bytes(bytes.try_into().ok()?)),
    }
}
