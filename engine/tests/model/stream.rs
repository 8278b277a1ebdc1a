//! Naive streams: what has been changed, in the order of the requests, and how what shards hold is
//! compared with it.

mod reader;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use api::types::{OperationType, Record, Shard, StreamViewType};

use crate::schema::KeySchema;
use crate::table::PrimaryKey;
use crate::value::{Attributes, from_map, size_bytes};

pub use reader::Reader;

/// How long records, ended shards and closed streams are kept.
pub const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// When something was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    pub time_ms: u64,
    /// The request, counted over the session. What one request does to several items has no order.
    pub request: u64,
}

/// A change of an item.
#[derive(Debug)]
pub struct Change {
    pub moment: Moment,
    pub is_expiry: bool,
    key: PrimaryKey,
    old: Option<Rc<Attributes>>,
    new: Option<Rc<Attributes>>,
    /// Where it was read for the first time.
    pub seen: Option<Seen>,
}

/// What must be the same whenever a record is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub shard: String,
    pub sequence: u128,
    event_id: Option<String>,
}

/// What is known of a shard.
#[derive(Clone, Debug)]
pub struct KnownShard {
    parent: Option<String>,
    opened_ms: u64,
    start: u128,
    end: Option<u128>,
}

/// A stream, which outlives its being disabled and its table.
#[derive(Debug)]
pub struct Stream {
    pub arn: String,
    pub label: String,
    pub label_ms: u64,
    pub table_name: String,
    pub schema: KeySchema,
    pub view: StreamViewType,
    pub closed_ms: Option<u64>,
    pub changes: Vec<Change>,
    by_item: BTreeMap<PrimaryKey, Vec<usize>>,
    pub shards: BTreeMap<String, KnownShard>,
    /// The images of so many of the first changes have been dropped: they are trimmed.
    trimmed: usize,
}

/// A stream that its table, the session and consumers have.
pub type SharedStream = Rc<RefCell<Stream>>;

/// Reads a sequence number, which must have as many digits as clients take.
pub fn sequence(text: Option<&String>) -> u128 {
    let text = text.expect("there is a sequence number");
    assert!((21..=40).contains(&text.len()), "{text}");
    text.parse().expect("a sequence number is a number")
}

impl Stream {
    pub fn new(table_name: &str, schema: &KeySchema, view: StreamViewType, label_ms: u64) -> Self {
        Stream {
            arn: String::new(),
            label: String::new(),
            label_ms,
            table_name: table_name.to_owned(),
            schema: schema.clone(),
            view,
            closed_ms: None,
            changes: Vec::new(),
            by_item: BTreeMap::new(),
            shards: BTreeMap::new(),
            trimmed: 0,
        }
    }

    /// Notes a change, where it is one and the stream is enabled.
    pub fn record(
        &mut self,
        moment: Moment,
        is_expiry: bool,
        key: &PrimaryKey,
        old: &Option<Rc<Attributes>>,
        new: &Option<Rc<Attributes>>,
    ) {
        if self.closed_ms.is_some() || old == new {
            return;
        }
        let places = self.by_item.entry(key.clone()).or_default();
        places.push(self.changes.len());
        self.changes.push(Change {
            moment,
            is_expiry,
            key: key.clone(),
            old: old.clone(),
            new: new.clone(),
            seen: None,
        });
    }

    /// How many of the changes may be trimmed.
    pub fn aged(&self, now_ms: u64) -> usize {
        self.changes
            .partition_point(|change| change.moment.time_ms + DAY_MS <= now_ms)
    }

    /// Whether the stream may be forgotten.
    pub fn may_be_forgotten(&self, now_ms: u64) -> bool {
        self.closed_ms
            .is_some_and(|closed_ms| closed_ms + DAY_MS <= now_ms)
    }

    /// Whether a reader may come too late for something of the table's log.
    pub fn may_be_trimmed(&self, now_ms: u64) -> bool {
        self.aged(now_ms) > 0 || self.may_be_forgotten(now_ms)
    }

    /// Drops the images of what is trimmed for certain.
    pub fn drop_trimmed(&mut self, now_ms: u64) {
        let aged = self.aged(now_ms);
        for change in &mut self.changes[self.trimmed..aged] {
            (change.old, change.new) = (None, None);
        }
        self.trimmed = aged;
    }

    /// Panics where the record is not that of the change at `place`.
    #[track_caller]
    pub fn same_record(&mut self, place: usize, shard: &str, record: &Record) {
        let change = &self.changes[place];
        let dynamodb = record.dynamodb.as_ref().expect("a record has a change");
        let name = match (&change.old, &change.new) {
            (None, _) => OperationType::Insert,
            (Some(_), Some(_)) => OperationType::Modify,
            (Some(_), None) => OperationType::Remove,
        };
        use StreamViewType as View;
        let shows_old = matches!(self.view, View::OldImage | View::NewAndOldImages);
        let shows_new = matches!(self.view, View::NewImage | View::NewAndOldImages);
        let old = change.old.as_deref().filter(|_| shows_old);
        let new = change.new.as_deref().filter(|_| shows_new);
        let mut keys = Attributes::new();
        let values = std::iter::once(&change.key.0).chain(&change.key.1);
        for (attribute, value) in self.schema.attributes().zip(values) {
            keys.insert(attribute.name.clone(), value.clone());
        }
        let sizes = [Some(&keys), old, new].into_iter().flatten().map(size_bytes);
        let expected = (
            (Some(name), change.is_expiry, Some(self.view)),
            Some(sizes.sum::<usize>() as i64),
            Some((change.moment.time_ms / 1000) as f64),
            (Some(keys), old.cloned(), new.cloned()),
        );
        let is_expiry = record.user_identity.as_ref().is_some_and(|identity| {
            identity.r#type.as_deref() == Some("Service")
                && identity.principal_id.as_deref() == Some("dynamodb.amazonaws.com")
        });
        assert!(is_expiry || record.user_identity.is_none(), "{record:?}");
        let answered = (
            (record.event_name, is_expiry, dynamodb.stream_view_type),
            dynamodb.size_bytes,
            dynamodb.approximate_creation_date_time,
            (
                dynamodb.keys.as_ref().map(from_map),
                dynamodb.old_image.as_ref().map(from_map),
                dynamodb.new_image.as_ref().map(from_map),
            ),
        );
        if expected != answered {
            panic!(
                "the record of change {place} of {}, {:?}\n  expected: {expected:?}\n  answered: {answered:?}",
                self.arn, change.moment
            );
        }
        let constants = (
            record.event_version.as_deref(),
            record.event_source.as_deref(),
            record.aws_region.as_deref(),
        );
        assert_eq!(constants, (Some("1.1"), Some("aws:dynamodb"), Some("us-east-1")));
        let found = Seen {
            shard: shard.to_owned(),
            sequence: sequence(dynamodb.sequence_number.as_ref()),
            event_id: record.event_id.clone(),
        };
        let known = self.changes[place].seen.get_or_insert_with(|| found.clone());
        assert_eq!(*known, found, "a record is the same whenever it is read");
    }

    /// Compares the list of all shards with what was known of them, and takes it over.
    ///
    /// `is_settled`: whether all background work is done that is due now.
    pub fn learn_shards(
        &mut self,
        shards: &[Shard],
        settings: &engine::Settings,
        now_ms: u64,
        is_settled: bool,
    ) {
        let mut listed: BTreeMap<String, KnownShard> = BTreeMap::new();
        for shard in shards {
            let id = shard.shard_id.clone().expect("a shard has an id");
            let opened_ms = id["shardId-".len()..].split('-').next().expect("there is one");
            let range = shard.sequence_number_range.as_ref().expect("a shard has a range");
            let ending = range.ending_sequence_number.as_ref();
            let known = KnownShard {
                parent: shard.parent_shard_id.clone(),
                opened_ms: opened_ms.parse().expect("a time"),
                start: sequence(range.starting_sequence_number.as_ref()),
                end: ending.map(|ending| sequence(Some(ending))),
            };
            let last = listed.last_key_value();
            assert!(
                last.is_none_or(|(last, _)| *last < id),
                "shards are listed in order"
            );
            let parent = known.parent.as_ref().and_then(|parent| listed.get(parent));
            if let Some(parent) = parent {
                assert!(parent.opened_ms < known.opened_ms, "{id} is as old as its parent");
                assert_eq!(parent.end, Some(known.start), "{id} begins where its parent ends");
            }
            if let Some(before) = self.shards.get(&id) {
                let is_same = (&before.parent, before.start, before.opened_ms)
                    == (&known.parent, known.start, known.opened_ms)
                    && (before.end.is_none() || before.end == known.end);
                assert!(is_same, "{id} was {before:?} and is {known:?}");
            } else if known.parent.is_none() {
                assert_eq!(
                    known.opened_ms, self.label_ms,
                    "only the first shards have no parent"
                );
            }
            listed.insert(id, known);
        }
        let mut children: BTreeSet<&String> = BTreeSet::new();
        for (id, shard) in &listed {
            let is_only = shard.parent.as_ref().is_none_or(|parent| children.insert(parent));
            assert!(is_only, "{id} is the second child of its parent");
        }
        let mut open = 0;
        for (id, shard) in &listed {
            let has_child = children.contains(id);
            assert!(!has_child || shard.end.is_some(), "{id} is open and has a child");
            open += usize::from(shard.end.is_none());
            assert!(
                has_child || shard.end.is_none() || self.closed_ms.is_some(),
                "{id} has ended without a child"
            );
            let is_overdue = shard.end.is_none() && shard.opened_ms + settings.shard_rollover_ms <= now_ms;
            assert!(!(is_overdue && is_settled), "{id} was not rolled over");
        }
        let expected = if self.closed_ms.is_some() {
            0
        } else {
            settings.open_shards as usize
        };
        assert_eq!(open, expected, "open shards of {}", self.arn);
        for shard in listed.values() {
            let parent = shard
                .parent
                .as_ref()
                .filter(|parent| listed.contains_key(*parent));
            // They are looked at when shards are rolled over.
            let is_old = shard.opened_ms + DAY_MS + settings.shard_rollover_ms <= now_ms;
            let is_due = is_old && is_settled && self.closed_ms.is_none();
            assert!(!(parent.is_some() && is_due), "{parent:?} was not forgotten");
        }
        for (id, shard) in &self.shards {
            let may_be_gone = shard.opened_ms + DAY_MS <= now_ms;
            assert!(
                may_be_gone || listed.contains_key(id),
                "{id} was forgotten too early"
            );
        }
        self.shards = listed;
    }

    /// Whether a shard that was there may be forgotten.
    pub fn may_have_forgotten(&self, shard: &str, now_ms: u64) -> bool {
        self.may_be_forgotten(now_ms)
            || self
                .shards
                .get(shard)
                .is_none_or(|shard| shard.opened_ms + DAY_MS <= now_ms)
    }
}
