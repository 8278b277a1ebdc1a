//! Consumers, which follow streams page by page for as long as the session lasts.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use api::types::{
    DescribeStreamInput, GetRecordsOutput, Record, Shard, ShardFilter, ShardFilterType, ShardIteratorType,
};
use api::{DynamoDb, Error, ErrorKind};

use super::streams::Place;
use super::{Home, Session};
use crate::random::{chance, pick};
use crate::stream::{Reader, SharedStream};

/// How long an iterator is good for.
const ITERATOR_MS: u64 = 15 * 60 * 1000;
/// How many consumers there are at most.
const CONSUMERS_MAX: usize = 6;

/// Where a consumer stands in a shard.
struct Cursor {
    iterator: String,
    issued_ms: u64,
    /// The sequence number of the last record that it has seen in the shard.
    last: Option<String>,
    /// Whether it began behind what the shard had then.
    is_latest: bool,
}

/// A reader of a stream from a moment on, through all its shards.
pub(super) struct Consumer {
    stream: SharedStream,
    reader: Reader,
    active: BTreeMap<String, Cursor>,
    done: BTreeSet<String>,
    reopened: bool,
}

/// Whether a consumer goes on.
#[derive(PartialEq)]
enum Course {
    GoesOn,
    IsOver,
}

/// Why a shard cannot be read from a place.
#[derive(Debug, PartialEq)]
pub(super) enum Lost {
    Expired,
    Trimmed,
    NotFound,
}

impl Lost {
    #[track_caller]
    pub fn of(error: &Error) -> Self {
        let (lost, message) = match error.kind {
            ErrorKind::ExpiredIteratorException => (
                Lost::Expired,
                "The provided iterator exceeds the maximum age allowed.",
            ),
            ErrorKind::TrimmedDataAccessException => (
                Lost::Trimmed,
                "The data you are trying to access has been trimmed",
            ),
            ErrorKind::ResourceNotFoundException => {
                assert!(
                    error.message.starts_with("Requested resource not found: S"),
                    "{error}"
                );
                return Lost::NotFound;
            }
            _ => panic!("a shard cannot be read: {error}"),
        };
        assert_eq!(message, error.message);
        lost
    }
}

fn id_of(shard: &Shard) -> String {
    shard.shard_id.clone().expect("a shard has an id")
}

impl<H: Home> Session<H> {
    /// Notes that the store has been opened again while consumers were under way.
    pub(super) fn note_reopening(&mut self) {
        for consumer in &mut self.consumers {
            consumer.reopened = true;
        }
    }

    pub async fn consume(&mut self) {
        let percent = if self.consumers.is_empty() { 100 } else { 5 };
        if self.consumers.len() < CONSUMERS_MAX && chance(&mut self.rng, percent) {
            self.start_consumer().await;
        }
        if self.consumers.is_empty() {
            return;
        }
        let place = self.rng.usize(..self.consumers.len());
        let mut consumer = self.consumers.swap_remove(place);
        let arn = consumer.stream.borrow().arn.clone();
        self.log(format!("consume {arn}: {:?}", consumer.active.keys()));
        self.mix.count("steps of consumers");
        let course = if chance(&mut self.rng, 25) {
            self.catch_up(&mut consumer).await
        } else {
            self.consume_some(&mut consumer).await
        };
        if course == Course::GoesOn {
            self.consumers.push(consumer);
        }
    }

    /// Begins to follow a stream, from its oldest record or behind its newest one.
    async fn start_consumer(&mut self) {
        let open = self
            .streams
            .iter()
            .filter(|stream| stream.borrow().closed_ms.is_none());
        let open: Vec<SharedStream> = open.cloned().collect();
        let any = if chance(&mut self.rng, 90) {
            &open
        } else {
            &self.streams
        };
        if any.is_empty() {
            return;
        }
        let stream = pick(&mut self.rng, any).clone();
        if stream.borrow().may_be_trimmed(self.now_ms()) {
            // So that it is certain where the stream begins.
            self.log("all background steps".to_owned());
            self.settle().await;
        }
        let is_latest = self.rng.bool();
        self.log(format!(
            "a consumer of {}, latest: {is_latest}",
            stream.borrow().arn
        ));
        let Some(shards) = self.shards(&stream).await else {
            return;
        };
        let base = if is_latest {
            stream.borrow().changes.len()
        } else {
            stream.borrow().aged(self.now_ms())
        };
        let mut consumer = Consumer {
            stream: stream.clone(),
            reader: Reader::new(base),
            active: BTreeMap::new(),
            done: BTreeSet::new(),
            reopened: false,
        };
        if is_latest {
            for shard in &shards {
                let id = id_of(shard);
                consumer.reader.start_shard(&id, shard.parent_shard_id.as_deref());
                let range = shard.sequence_number_range.as_ref();
                if range.is_some_and(|range| range.ending_sequence_number.is_some()) {
                    consumer.done.insert(id);
                    continue;
                }
                let place = Place::of(ShardIteratorType::Latest);
                let iterator = self.shard_iterator(&stream, &id, place).await;
                let cursor = Cursor {
                    iterator: iterator.expect("the shard is there"),
                    issued_ms: self.now_ms(),
                    last: None,
                    is_latest,
                };
                consumer.active.insert(id, cursor);
            }
        }
        self.mix.count("consumers");
        self.consumers.push(consumer);
    }

    /// Begins with the shards whose parents are read to their ends, or forgotten.
    async fn find_shards(&mut self, consumer: &mut Consumer) -> Course {
        let Some(shards) = self.shards(&consumer.stream).await else {
            return Course::IsOver;
        };
        let listed: BTreeSet<String> = shards.iter().map(id_of).collect();
        for shard in &shards {
            let id = id_of(shard);
            if consumer.active.contains_key(&id) || consumer.done.contains(&id) {
                continue;
            }
            let parent = shard.parent_shard_id.as_ref();
            if parent.is_some_and(|parent| !consumer.done.contains(parent) && listed.contains(parent)) {
                continue;
            }
            consumer.reader.start_shard(&id, parent.map(String::as_str));
            let place = Place::of(ShardIteratorType::TrimHorizon);
            let iterator = self.shard_iterator(&consumer.stream, &id, place).await;
            let cursor = Cursor {
                iterator: iterator.expect("the shard is there"),
                issued_ms: self.now_ms(),
                last: None,
                is_latest: false,
            };
            consumer.active.insert(id, cursor);
        }
        Course::GoesOn
    }

    /// Reads a page or a few of some of the shards.
    async fn consume_some(&mut self, consumer: &mut Consumer) -> Course {
        if self.gives_up(consumer).await || self.find_shards(consumer).await == Course::IsOver {
            return Course::IsOver;
        }
        for shard in consumer.active.keys().cloned().collect::<Vec<_>>() {
            for _ in 0..self.rng.usize(1..4) {
                let limit = self.draw_limit();
                match self.read_page(consumer, &shard, limit).await {
                    None => return Course::IsOver,
                    Some(false) => break,
                    Some(true) => {}
                }
            }
        }
        Course::GoesOn
    }

    /// Reads all that there is, and compares it with the whole history.
    async fn catch_up(&mut self, consumer: &mut Consumer) -> Course {
        for is_settled in [false, true] {
            loop {
                if self.gives_up(consumer).await || self.find_shards(consumer).await == Course::IsOver {
                    return Course::IsOver;
                }
                let mut may_be_more = false;
                for shard in consumer.active.keys().cloned().collect::<Vec<_>>() {
                    let limit = self.draw_limit().filter(|limit| *limit > 5);
                    match self.read_page(consumer, &shard, limit).await {
                        None => return Course::IsOver,
                        Some(more) => may_be_more |= more,
                    }
                }
                if !may_be_more {
                    break;
                }
            }
            let is_complete = consumer.reader.is_complete(&consumer.stream.borrow());
            if is_complete || !self.is_in_work || is_settled {
                break;
            }
            // In the middle of a rollover the newest records cannot be read.
            self.log("all background steps".to_owned());
            self.settle().await;
        }
        let first_unseen = consumer.reader.first_unseen();
        let stream = consumer.stream.borrow();
        assert!(
            consumer.reader.is_complete(&stream),
            "a consumer of {} has seen {} of {} changes, not that of change {}",
            stream.arn,
            consumer.reader.seen_count,
            stream.changes.len(),
            first_unseen
        );
        self.mix.count("consumers that caught up");
        if consumer.reopened {
            self.mix.count("consumers over a reopening");
        }
        if stream.closed_ms.is_some() {
            assert!(consumer.active.is_empty(), "{} is closed and goes on", stream.arn);
            self.mix.count("streams followed to their ends");
            return Course::IsOver;
        }
        Course::GoesOn
    }

    /// Whether a consumer is so late that what it has not seen may be trimmed, or its stream
    /// forgotten.
    async fn gives_up(&mut self, consumer: &mut Consumer) -> bool {
        let is_forgotten = !self
            .streams
            .iter()
            .any(|known| Rc::ptr_eq(known, &consumer.stream));
        let now_ms = self.now_ms();
        let is_late = consumer.reader.first_unseen() < consumer.stream.borrow().aged(now_ms);
        if is_late || is_forgotten {
            self.mix.count("consumers that came too late");
            for cursor in consumer.active.values() {
                if let Err(error) = self.records(&cursor.iterator, None).await {
                    let is_expired = cursor.issued_ms + ITERATOR_MS < now_ms;
                    assert_eq!(is_expired, Lost::of(&error) == Lost::Expired, "{error}");
                }
            }
        }
        is_late || is_forgotten
    }

    /// Reads a page of a shard, and tells whether there may be more to read. `None` where the consumer
    /// is over.
    async fn read_page(&mut self, consumer: &mut Consumer, shard: &str, limit: Option<i32>) -> Option<bool> {
        let Some(cursor) = consumer.active.get_mut(shard) else {
            return Some(false);
        };
        let now_ms = self.now_ms();
        let is_expired = cursor.issued_ms + ITERATOR_MS < now_ms;
        let page: GetRecordsOutput = match self.records(&cursor.iterator, limit).await {
            Ok(page) => {
                assert!(
                    !is_expired,
                    "an iterator of {} is good at {now_ms}",
                    cursor.issued_ms
                );
                page
            }
            Err(error) => {
                let lost = Lost::of(&error);
                assert_eq!(is_expired, lost == Lost::Expired, "{error}");
                return self.renew(consumer, shard, lost).await;
            }
        };
        let records = page.records.expect("there is a list");
        {
            let mut stream = consumer.stream.borrow_mut();
            for record in &records {
                consumer.reader.take(&mut stream, shard, record);
            }
        }
        if let Some(last) = records.last() {
            cursor.last = number_of(last).cloned();
        }
        records.iter().for_each(|_| self.mix.count("records"));
        match page.next_shard_iterator {
            Some(iterator) => {
                cursor.iterator = iterator;
                cursor.issued_ms = now_ms;
            }
            None => {
                consumer.active.remove(shard);
                consumer.done.insert(shard.to_owned());
                self.same_children(&consumer.stream, shard).await;
            }
        }
        Some(!records.is_empty() || consumer.done.contains(shard))
    }

    /// Takes a new iterator behind the last record that was seen.
    async fn renew(&mut self, consumer: &mut Consumer, shard: &str, lost: Lost) -> Option<bool> {
        let now_ms = self.now_ms();
        let cursor = consumer.active.get_mut(shard).expect("is read");
        let stream = consumer.stream.clone();
        let mut lost = lost;
        if lost == Lost::Expired {
            self.mix.count("expired iterators");
            if let Some(last) = &cursor.last {
                let place = Place {
                    number: Some(last),
                    ..Place::of(ShardIteratorType::AfterSequenceNumber)
                };
                match self.shard_iterator(&stream, shard, place).await {
                    Ok(iterator) => {
                        (cursor.iterator, cursor.issued_ms) = (iterator, now_ms);
                        return Some(true);
                    }
                    Err(error) => lost = Lost::of(&error),
                }
                assert!(lost != Lost::Expired);
            } else if cursor.is_latest {
                // Nobody knows where it stood.
                self.mix.count("consumers without a place");
                return None;
            }
        }
        match lost {
            Lost::Trimmed => {
                assert!(stream.borrow().may_be_trimmed(now_ms), "nothing can be trimmed");
                self.mix.count("trimmed places");
            }
            Lost::NotFound => {
                assert!(
                    stream.borrow().may_have_forgotten(shard, now_ms),
                    "{shard} is not found"
                );
                consumer.active.remove(shard);
                consumer.done.insert(shard.to_owned());
                return Some(true);
            }
            Lost::Expired => {}
        }
        // What is trimmed was seen: what is left was not.
        let place = Place::of(ShardIteratorType::TrimHorizon);
        match self.shard_iterator(&stream, shard, place).await {
            Ok(iterator) => {
                (cursor.iterator, cursor.issued_ms) = (iterator, now_ms);
                cursor.is_latest = false;
            }
            Err(error) => {
                assert_eq!(Lost::of(&error), Lost::NotFound);
                assert!(
                    stream.borrow().may_have_forgotten(shard, now_ms),
                    "{shard} is not found"
                );
                consumer.active.remove(shard);
                consumer.done.insert(shard.to_owned());
            }
        }
        Some(true)
    }

    /// Compares the children of a shard that has been read to its end with those that are listed: a
    /// reader who comes to the end finds where to go on.
    async fn same_children(&mut self, stream: &SharedStream, shard: &str) {
        let Some(shards) = self.shards(stream).await else {
            return;
        };
        let is_child = |other: &&Shard| other.parent_shard_id.as_deref() == Some(shard);
        let expected: Vec<String> = shards.iter().filter(is_child).map(id_of).collect();
        self.mix.count("DescribeStream");
        let filter = ShardFilter {
            r#type: Some(ShardFilterType::ChildShards),
            shard_id: Some(shard.to_owned()),
        };
        let input = DescribeStreamInput {
            stream_arn: stream.borrow().arn.clone(),
            shard_filter: Some(filter),
            ..Default::default()
        };
        let answer = self.engine().describe_stream(&self.context, input).await;
        let description = answer.expect("the stream is there").stream_description;
        let children = description.and_then(|description| description.shards);
        let children: Vec<String> = children.iter().flatten().map(id_of).collect();
        assert_eq!(expected, children, "children of {shard}");
        self.mix.count("ends of shards");
    }
}

pub(super) fn number_of(record: &Record) -> Option<&String> {
    record.dynamodb.as_ref()?.sequence_number.as_ref()
}
