//! Values that are read again and again, by key: a hit costs a tenth of what RocksDB's own
//! structures take to find the same value.
//!
//! A value in the cache is the newest published one, whoever reads beside whoever writes. The only
//! writer, the committer, takes out what a group writes before it does so, and until it is done
//! nothing is put in under these keys; who reads meanwhile reads the database. A reader that misses
//! notes the state of the key's slot before it reads, and puts in what it has read only if the slot
//! has not seen a write since. So a value that was read before a write never gets in after it.

use bytes::Bytes;
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Weighter};
use std::hash::{Hash, Hasher};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::batch::Operation;
use crate::{Batch, KeySpace};

/// Over how many slots the keys are spread that are being written.
const SLOTS: usize = 1024;

/// What an entry takes beside its key and its value, about, in bytes.
const ENTRY_OVERHEAD_BYTES: usize = 128;

/// Larger values cost more to copy than to find.
const VALUE_BYTES_MAX: usize = 64 << 10;

/// How large an entry is thought to be when room for the table of entries is set aside.
const ENTRY_BYTES_ESTIMATE: usize = 1024;

/// The cache of single values.
pub(super) struct RowCache {
    rows: Cache<RowKey, Bytes, RowWeight>,
    slots: Box<[Mutex<Slot>]>,
    /// Whether values of a space are kept, by its position.
    is_kept: Vec<bool>,
}

/// What is known of the writes to some keys.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// How many writes have begun.
    begun: u64,
    /// How many of them are not yet done.
    unfinished: u32,
}

/// What a reader notes before it reads the database; `None` where what it reads must not be kept.
pub(super) struct Visit {
    slot: usize,
    begun: u64,
}

/// A group that is being written.
pub(super) enum Writing {
    /// These slots, one for each single key that it writes in the order of the operations, and whether
    /// the key was here: its new value is likely to be asked for as well.
    Keys(Vec<(usize, bool)>),
    /// Whatever there is.
    Everything,
}

#[derive(Clone, PartialEq, Eq)]
struct RowKey {
    space: KeySpace,
    bytes: Box<[u8]>,
}

struct BorrowedKey<'k> {
    space: KeySpace,
    bytes: &'k [u8],
}

impl Hash for RowKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (space, bytes) = (self.space, &*self.bytes);
        BorrowedKey { space, bytes }.hash(state);
    }
}

impl Hash for BorrowedKey<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u8(self.space.0);
        state.write(self.bytes);
    }
}

impl Equivalent<RowKey> for BorrowedKey<'_> {
    fn equivalent(&self, key: &RowKey) -> bool {
        self.space == key.space && *self.bytes == *key.bytes
    }
}

#[derive(Clone)]
struct RowWeight;

impl Weighter<RowKey, Bytes> for RowWeight {
    fn weight(&self, key: &RowKey, value: &Bytes) -> u64 {
        (key.bytes.len() + value.len() + ENTRY_OVERHEAD_BYTES) as u64
    }
}

impl RowCache {
    /// A cache of at most `size_bytes` bytes for the spaces, by position, that `is_kept` says.
    pub fn new(size_bytes: usize, is_kept: Vec<bool>) -> Self {
        let entries = size_bytes / ENTRY_BYTES_ESTIMATE;
        RowCache {
            rows: Cache::with_weighter(entries, size_bytes as u64, RowWeight),
            slots: (0..SLOTS).map(|_| Mutex::default()).collect(),
            is_kept,
        }
    }

    fn keeps(&self, space: KeySpace) -> bool {
        self.is_kept.get(usize::from(space.0)) == Some(&true)
    }

    /// The value of a key, where it is here.
    pub fn get(&self, space: KeySpace, key: &[u8]) -> Option<Bytes> {
        self.rows.get(&BorrowedKey { space, bytes: key })
    }

    /// How often a value was here, how often not, and how many bytes the values take.
    pub fn figures(&self) -> (u64, u64, u64) {
        (self.rows.hits(), self.rows.misses(), self.rows.weight())
    }

    /// Notes that the database is about to be read.
    pub fn visit(&self, space: KeySpace, key: &[u8]) -> Option<Visit> {
        if !self.keeps(space) {
            return None;
        }
        let number = slot_of(space, key);
        let slot = *self.slots[number].lock();
        (slot.unfinished == 0).then_some(Visit {
            slot: number,
            begun: slot.begun,
        })
    }

    /// Keeps what was read since `visit`, unless a write has begun meanwhile.
    pub fn keep(&self, visit: &Visit, space: KeySpace, key: &[u8], value: &Bytes) {
        if value.len() > VALUE_BYTES_MAX {
            return;
        }
        let slot = self.slots[visit.slot].lock();
        if slot.begun == visit.begun {
            self.insert(space, key, value.clone());
        }
    }

    fn insert(&self, space: KeySpace, key: &[u8], value: Bytes) {
        let bytes = Box::from(key);
        self.rows.insert(RowKey { space, bytes }, value);
    }

    /// Takes out what the batches are about to write.
    pub fn begin_writing<'b>(&self, batches: impl Iterator<Item = &'b Batch> + Clone) -> Writing {
        let mut operations = batches.clone().flat_map(|batch| &batch.operations);
        let removes_range = operations
            .any(|operation| matches!(operation, Operation::DeleteRange { space, .. } if self.keeps(*space)));
        if removes_range {
            // Seldom, and nobody knows whose keys are in the range.
            self.slots.iter().for_each(|slot| begin(&mut slot.lock()));
            self.rows.clear();
            return Writing::Everything;
        }
        let keys = self.keys_written(batches).map(|(space, key, _)| {
            let number = slot_of(space, key);
            begin(&mut self.slots[number].lock());
            (
                number,
                self.rows.remove(&BorrowedKey { space, bytes: key }).is_some(),
            )
        });
        Writing::Keys(keys.collect())
    }

    /// What was written can be read. Not called where writing failed: then nothing is known, and
    /// what was to be written is not kept any more.
    pub fn end_writing<'b>(&self, writing: Writing, batches: impl Iterator<Item = &'b Batch>) {
        let keys = match writing {
            Writing::Everything => {
                self.slots.iter().for_each(|slot| slot.lock().unfinished -= 1);
                return;
            }
            Writing::Keys(keys) => keys,
        };
        for ((number, was_here), (space, key, value)) in keys.into_iter().zip(self.keys_written(batches)) {
            let mut slot = self.slots[number].lock();
            // Where the group has written the slot twice, it may have been this key, and a later value.
            if was_here
                && slot.unfinished == 1
                && let Some(value) = value.filter(|value| value.len() <= VALUE_BYTES_MAX)
            {
                self.insert(space, key, Bytes::copy_from_slice(value));
            }
            slot.unfinished -= 1;
        }
    }

    /// The single keys that batches write and that would be kept, each with its new value where it is
    /// known.
    fn keys_written<'b>(
        &self,
        batches: impl Iterator<Item = &'b Batch>,
    ) -> impl Iterator<Item = (KeySpace, &'b [u8], Option<&'b Bytes>)> {
        batches
            .flat_map(|batch| &batch.operations)
            .filter_map(|operation| match operation {
                Operation::Put { key, value } => Some((key.space, key.bytes.as_slice(), Some(value))),
                Operation::Delete { key } | Operation::Add { key, .. } => {
                    Some((key.space, key.bytes.as_slice(), None))
                }
                Operation::DeleteRange { .. } | Operation::Append { .. } => None,
            })
            .filter(|(space, ..)| self.keeps(*space))
    }
}

fn begin(slot: &mut Slot) {
    slot.begun += 1;
    slot.unfinished += 1;
}

fn slot_of(space: KeySpace, key: &[u8]) -> usize {
    xxh3_64_with_seed(key, u64::from(space.0)) as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Key;

    const ROWS: KeySpace = KeySpace(0);
    const LOG: KeySpace = KeySpace(1);

    fn cache() -> RowCache {
        RowCache::new(1 << 20, vec![true, false])
    }

    fn put(key: &[u8], value: &'static [u8]) -> Batch {
        let mut batch = Batch::new();
        batch.put(Key::new(ROWS, key), Bytes::from_static(value));
        batch
    }

    fn read(cache: &RowCache, key: &[u8], value: &'static [u8]) {
        let visit = cache.visit(ROWS, key).expect("nobody writes");
        cache.keep(&visit, ROWS, key, &Bytes::from_static(value));
    }

    #[test]
    fn what_was_read_is_kept_and_what_is_written_follows() {
        let cache = cache();
        assert_eq!(cache.get(ROWS, b"a"), None);
        read(&cache, b"a", b"1");
        assert_eq!(cache.get(ROWS, b"a").as_deref(), Some(&b"1"[..]));
        assert_eq!(cache.get(LOG, b"a"), None);
        assert!(cache.visit(LOG, b"a").is_none());

        let batches = [put(b"a", b"2"), put(b"b", b"3")];
        let writing = cache.begin_writing(batches.iter());
        assert_eq!(cache.get(ROWS, b"a"), None);
        assert!(
            cache.visit(ROWS, b"a").is_none(),
            "a read beside the write is not kept"
        );
        cache.end_writing(writing, batches.iter());
        assert_eq!(cache.get(ROWS, b"a").as_deref(), Some(&b"2"[..]));
        assert_eq!(cache.get(ROWS, b"b"), None, "nobody has asked for it");
        read(&cache, b"b", b"3");
        assert_eq!(cache.get(ROWS, b"b").as_deref(), Some(&b"3"[..]));
    }

    #[test]
    fn what_was_read_before_a_write_does_not_get_in_after_it() {
        let cache = cache();
        let visit = cache.visit(ROWS, b"a").expect("nobody writes");
        let batches = [put(b"a", b"2")];
        let writing = cache.begin_writing(batches.iter());
        cache.end_writing(writing, batches.iter());
        cache.keep(&visit, ROWS, b"a", &Bytes::from_static(b"1"));
        assert_eq!(cache.get(ROWS, b"a"), None);
    }

    #[test]
    fn of_two_writes_in_a_group_the_first_is_not_kept() {
        let cache = cache();
        read(&cache, b"a", b"1");
        let mut batch = put(b"a", b"2");
        batch.put(Key::new(ROWS, *b"a"), Bytes::from_static(b"3"));
        let batches = [batch, put(b"a", b"4")];
        let writing = cache.begin_writing(batches.iter());
        cache.end_writing(writing, batches.iter());
        assert_eq!(cache.get(ROWS, b"a"), None);
        read(&cache, b"a", b"4");
        assert_eq!(cache.get(ROWS, b"a").as_deref(), Some(&b"4"[..]));
    }

    #[test]
    fn deleted_and_removed_values_are_gone() {
        let cache = cache();
        read(&cache, b"a", b"1");
        read(&cache, b"b", b"1");
        let mut delete = Batch::new();
        delete.delete(Key::new(ROWS, *b"a"));
        let batches = [delete];
        let writing = cache.begin_writing(batches.iter());
        cache.end_writing(writing, batches.iter());
        assert_eq!(cache.get(ROWS, b"a"), None);
        assert!(cache.get(ROWS, b"b").is_some());

        let mut range = Batch::new();
        range.delete_range(ROWS, b"a".to_vec(), b"z".to_vec());
        let batches = [range];
        let writing = cache.begin_writing(batches.iter());
        assert!(cache.visit(ROWS, b"q").is_none());
        cache.end_writing(writing, batches.iter());
        assert_eq!(cache.get(ROWS, b"b"), None);
        assert!(cache.visit(ROWS, b"q").is_some());
    }

    #[test]
    fn large_values_are_not_kept_and_the_whole_stays_within_its_bound() {
        let cache = cache();
        let large = Bytes::from(vec![0; VALUE_BYTES_MAX + 1]);
        let visit = cache.visit(ROWS, b"a").expect("nobody writes");
        cache.keep(&visit, ROWS, b"a", &large);
        assert_eq!(cache.get(ROWS, b"a"), None);
        for number in 0..10_000_u32 {
            read(&cache, &number.to_be_bytes(), &[7; 1000]);
        }
        assert!(cache.rows.weight() <= 1 << 20, "{}", cache.rows.weight());
        assert!(cache.rows.len() > 500, "{}", cache.rows.len());
    }
}
