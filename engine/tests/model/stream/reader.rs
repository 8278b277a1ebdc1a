//! Comparing what is read of a stream, record by record, with its history.

use std::collections::BTreeMap;

use api::types::Record;

use super::Stream;
use crate::schema::KeyAttribute;
use crate::table::PrimaryKey;
use crate::value::from_map;

/// Where a reader of a stream stands: which changes it has seen.
#[derive(Debug)]
pub struct Reader {
    /// The first change that it is to see.
    base: usize,
    /// How many changes of each item it is done with.
    passed: BTreeMap<PrimaryKey, usize>,
    /// Which of the changes from the first one on it has seen.
    seen: Vec<bool>,
    first_unseen: usize,
    pub seen_count: usize,
    /// How many changes it is not to see.
    skipped_count: usize,
    /// The last sequence number and request in each shard or, before there is one, in its parent.
    last: BTreeMap<String, (u128, u64)>,
    /// The first shard of the line that each shard and each item belongs to.
    roots: BTreeMap<String, String>,
    roots_of_items: BTreeMap<PrimaryKey, String>,
}

impl Reader {
    /// One that is to see the changes from `base` on.
    pub fn new(base: usize) -> Self {
        Reader {
            base,
            passed: BTreeMap::new(),
            seen: Vec::new(),
            first_unseen: base,
            seen_count: 0,
            skipped_count: base,
            last: BTreeMap::new(),
            roots: BTreeMap::new(),
            roots_of_items: BTreeMap::new(),
        }
    }

    /// One that is to see these records, the last of their items, of whose changes before only such
    /// are missing as may be trimmed.
    pub fn of_last(stream: &Stream, records: &[(String, Record)], now_ms: u64) -> Self {
        let mut reader = Reader::new(0);
        let mut counts: BTreeMap<PrimaryKey, usize> = BTreeMap::new();
        for (_, record) in records {
            *counts.entry(key_of(stream, record)).or_default() += 1;
        }
        let aged = stream.aged(now_ms);
        for (key, places) in &stream.by_item {
            let count = counts.remove(key).unwrap_or_default();
            let Some(trimmed) = places.len().checked_sub(count) else {
                panic!(
                    "{count} records of {key:?} in {}, which was changed {} times",
                    stream.arn,
                    places.len()
                );
            };
            if let Some(place) = places[..trimmed].iter().find(|place| **place >= aged) {
                panic!(
                    "{count} of {} records of {key:?} in {}; that of change {place} cannot be trimmed",
                    places.len(),
                    stream.arn
                );
            }
            reader.passed.insert(key.clone(), trimmed);
            reader.skipped_count += trimmed;
        }
        assert!(
            counts.is_empty(),
            "records of items that were not changed: {counts:?}"
        );
        reader
    }

    /// Begins with a shard. `parent` is the one before it, where that was read too.
    pub fn start_shard(&mut self, shard: &str, parent: Option<&str>) {
        let parent = parent.filter(|parent| self.roots.contains_key(*parent));
        let (last, root) = match parent {
            Some(parent) => (self.last[parent], self.roots[parent].clone()),
            None => {
                // After a gap nothing is known of which items belong where.
                self.roots_of_items.clear();
                ((0, 0), shard.to_owned())
            }
        };
        self.last.insert(shard.to_owned(), last);
        self.roots.insert(shard.to_owned(), root);
    }

    /// Panics where the record is not the next one of its item, or comes before one that was read
    /// from the shard already.
    #[track_caller]
    pub fn take(&mut self, stream: &mut Stream, shard: &str, record: &Record) {
        let key = key_of(stream, record);
        let Some(places) = stream.by_item.get(&key) else {
            panic!("a record of {key:?}, which was not changed: {record:?}");
        };
        let base = self.base;
        let passed = self
            .passed
            .entry(key.clone())
            .or_insert_with(|| places.partition_point(|place| *place < base));
        let Some(place) = places.get(*passed).copied() else {
            panic!(
                "one record more of {key:?} than changes in {}: {record:?}",
                stream.arn
            );
        };
        *passed += 1;
        stream.same_record(place, shard, record);
        let moment = stream.changes[place].moment;
        let number = stream.changes[place]
            .seen
            .as_ref()
            .expect("was just seen")
            .sequence;
        let last = self.last.get_mut(shard).expect("the shard was begun with");
        assert!(
            last.0 < number && last.1 <= moment.request,
            "change {place} of {} comes with {number} of request {} behind {last:?} in {shard}",
            stream.arn,
            moment.request
        );
        *last = (number, moment.request);
        let known = &stream.shards[shard];
        assert!(
            known.start < number && known.end.is_none_or(|end| number < end),
            "{number} in {shard}: {known:?}"
        );
        let root = self.roots[shard].clone();
        let of_item = self.roots_of_items.entry(key).or_insert_with(|| root.clone());
        assert_eq!(*of_item, root, "an item's changes are in one line of shards");
        if self.seen.len() < stream.changes.len() - base {
            self.seen.resize(stream.changes.len() - base, false);
        }
        self.seen[place - base] = true;
        self.seen_count += 1;
    }

    /// The first change that was not seen.
    pub fn first_unseen(&mut self) -> usize {
        while self.seen.get(self.first_unseen - self.base) == Some(&true) {
            self.first_unseen += 1;
        }
        self.first_unseen
    }

    /// Whether everything was seen that was to be.
    pub fn is_complete(&self, stream: &Stream) -> bool {
        self.skipped_count + self.seen_count == stream.changes.len()
    }
}

/// The key of the item that a record tells of.
fn key_of(stream: &Stream, record: &Record) -> PrimaryKey {
    let keys = record.dynamodb.as_ref().and_then(|change| change.keys.as_ref());
    let keys = from_map(keys.expect("a record has keys"));
    let value = |attribute: &KeyAttribute| keys[&attribute.name].canonical();
    (
        value(&stream.schema.partition[0]),
        stream.schema.sort.first().map(value),
    )
}
