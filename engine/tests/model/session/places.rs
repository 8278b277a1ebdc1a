//! Reading from places in shards that somebody has seen before.

use api::ErrorKind;
use api::types::{Record, ShardIteratorType};

use super::consumers::{Lost, number_of};
use super::streams::Place;
use super::{Home, Session};
use crate::random::{chance, pick};
use crate::stream::{Seen, SharedStream, sequence};

impl<H: Home> Session<H> {
    /// Reads from a record that somebody has seen before.
    pub async fn read_place(&mut self) {
        let Some((stream, place, seen)) = self.draw_place() else {
            return;
        };
        let now_ms = self.now_ms();
        let (change_ms, is_aged) = {
            let known = stream.borrow();
            (known.changes[place].moment.time_ms, place < known.aged(now_ms))
        };
        let number = seen.sequence.to_string();
        self.log(format!(
            "read {number} of {} in {}",
            seen.shard,
            stream.borrow().arn
        ));
        if chance(&mut self.rng, 25) {
            self.read_elsewhere(&stream, &seen).await;
        }
        let at = Place {
            number: Some(&number),
            ..Place::of(ShardIteratorType::AtSequenceNumber)
        };
        let limit = self.rng.i32(1..8);
        let page = match self.shard_iterator(&stream, &seen.shard, at).await {
            Ok(iterator) => self.records(&iterator, Some(limit + 1)).await,
            Err(error) => Err(error),
        };
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                assert!(is_aged, "the record of {change_ms} is young: {error}");
                match Lost::of(&error) {
                    Lost::Trimmed => self.mix.count("trimmed places"),
                    lost => assert_eq!(lost, Lost::NotFound),
                }
                return;
            }
        };
        assert!(
            !(is_aged && self.is_settled()),
            "the record of {change_ms} is old"
        );
        let records = page.records.expect("there is a list");
        let Some(first) = records.first() else {
            assert!(self.is_in_work, "{number} is not there");
            return;
        };
        stream.borrow_mut().same_record(place, &seen.shard, first);

        let after = Place {
            number: Some(&number),
            ..Place::of(ShardIteratorType::AfterSequenceNumber)
        };
        let rest = self.read_some(&stream, &seen.shard, after, Some(limit)).await;
        // Either page may have ended at a megabyte.
        let behind = &records[1..];
        let common = behind.len().min(rest.len());
        assert_eq!(behind[..common], rest[..common], "behind {number}");
        assert!(
            behind.is_empty() || !rest.is_empty(),
            "nothing is behind {number}"
        );

        let time = (change_ms / 1000) as f64;
        let since = Place {
            time: Some(time),
            ..Place::of(ShardIteratorType::AtTimestamp)
        };
        let records = self.read_some(&stream, &seen.shard, since, None).await;
        let written = |record: &Record| record.dynamodb.as_ref()?.approximate_creation_date_time;
        let first = records.first().expect("there is a record");
        assert!(written(first) >= Some(time), "{first:?} since {time}");
        assert!(
            sequence(number_of(first)) <= seen.sequence,
            "{first:?} comes first"
        );
    }

    async fn read_some(
        &mut self,
        stream: &SharedStream,
        shard: &str,
        place: Place<'_>,
        limit: Option<i32>,
    ) -> Vec<Record> {
        let iterator = self.shard_iterator(stream, shard, place).await;
        let page = self.records(&iterator.expect("the place is there"), limit).await;
        page.expect("the shard is there")
            .records
            .expect("there is a list")
    }

    /// Asks another shard for the place of a record.
    async fn read_elsewhere(&mut self, stream: &SharedStream, seen: &Seen) {
        let now_ms = self.now_ms();
        let others: Vec<String> = {
            let stream = stream.borrow();
            let is_other =
                |shard: &&String| **shard != seen.shard && !stream.may_have_forgotten(shard, now_ms);
            stream.shards.keys().filter(is_other).cloned().collect()
        };
        // Shards that are open at once have numbers between each other's.
        if others.is_empty() || self.settings.open_shards > 1 {
            return;
        }
        let other = pick(&mut self.rng, &others).clone();
        let number = seen.sequence.to_string();
        let place = Place {
            number: Some(&number),
            ..Place::of(*pick(
                &mut self.rng,
                &[
                    ShardIteratorType::AtSequenceNumber,
                    ShardIteratorType::AfterSequenceNumber,
                ],
            ))
        };
        let error = self
            .shard_iterator(stream, &other, place)
            .await
            .expect_err("the record is not in that shard");
        assert_eq!(
            (error.kind, error.message.as_str()),
            (
                ErrorKind::ValidationException,
                "Invalid SequenceNumber for the shard"
            )
        );
        self.mix.count("places outside of the shard");
    }

    /// A change whose record has been seen; `None` where a few tries find none.
    fn draw_place(&mut self) -> Option<(SharedStream, usize, Seen)> {
        for _ in 0..4 {
            if self.streams.is_empty() {
                return None;
            }
            let stream = pick(&mut self.rng, &self.streams).clone();
            let known = stream.borrow();
            if known.changes.is_empty() {
                continue;
            }
            let place = self.rng.usize(..known.changes.len());
            if let Some(seen) = known.changes[place].seen.clone() {
                drop(known);
                return Some((stream, place, seen));
            }
        }
        None
    }
}
