//! A consumer of the table's stream that keeps a replica, and checks each record against it.

use std::collections::HashMap;

use fastrand::Rng;
use serde_json::{Value, json};

use super::caller::{Caller, Trouble};
use super::schema::{Key, LEDGER, expiry_seconds};
use harness::failure::{Failure, Result};

/// How many pages are read of a shard before the next shard has its turn.
const PAGES_MAX: usize = 200;

/// The stream as far as it was read.
#[derive(Debug, Default)]
pub struct Follower {
    stream: String,
    shards: HashMap<String, Shard>,
    forgotten_shards: usize,
    /// The table, as its records have made it.
    pub items: HashMap<Key, Value>,
    pub records: u64,
    /// How many of them say that an item expired.
    pub expired: u64,
    /// Whether the server's clock may jump.
    does_clock_jump: bool,
}

#[derive(Debug, Default)]
struct Shard {
    /// The number of the last record that was read.
    last: Option<u128>,
    iterator: Option<String>,
    has_ended: bool,
    /// Whether records that were read have been removed since; then reading goes on with the oldest.
    is_trimmed: bool,
}

impl Follower {
    /// Finds the stream of the table.
    pub fn new(caller: &mut Caller, does_clock_jump: bool) -> std::result::Result<Self, Trouble> {
        let description = caller.expect("DescribeTable", &json!({"TableName": LEDGER}))?;
        let stream = description["Table"]["LatestStreamArn"].as_str();
        let stream = stream.ok_or_else(|| Failure::new("the table has no stream"))?;
        Ok(Follower {
            stream: stream.to_owned(),
            does_clock_jump,
            ..Follower::default()
        })
    }

    /// How many shards have been seen.
    pub fn shard_count(&self) -> usize {
        self.shards.len() + self.forgotten_shards
    }

    /// Forgets some of its iterators, as a consumer does that was started anew.
    pub fn restart(&mut self, random: &mut Rng) {
        for shard in self.shards.values_mut().filter(|_| random.bool()) {
            shard.iterator = None;
        }
    }

    /// Reads each shard that may be read, parents before their children; gives how many records
    /// there were.
    pub fn advance(&mut self, caller: &mut Caller) -> std::result::Result<usize, Trouble> {
        let mut records = 0;
        let descriptions = self.describe_shards(caller)?;
        let ids = descriptions.iter().filter_map(|shard| shard["ShardId"].as_str());
        let mut described: HashMap<String, Shard> = ids
            .map(|id| (id.to_owned(), self.shards.remove(id).unwrap_or_default()))
            .collect();
        // Those that are not described any more are too old, and so are all of their records.
        self.forgotten_shards += self.shards.len();
        std::mem::swap(&mut self.shards, &mut described);
        for description in descriptions {
            let (Some(id), parent) = (
                description["ShardId"].as_str(),
                description["ParentShardId"].as_str(),
            ) else {
                return Err(Failure::new(format!("a shard without a name: {description}")).into());
            };
            let parent = parent.and_then(|parent| self.shards.get(parent));
            let may_begin = parent.is_none_or(|parent| parent.has_ended);
            let mut shard = self.shards.remove(id).unwrap_or_default();
            let is_ready = !shard.has_ended && may_begin;
            let read = match is_ready {
                true => self.read_shard(caller, id, &mut shard),
                false => Ok(0),
            };
            self.shards.insert(id.to_owned(), shard);
            records += read?;
        }
        Ok(records)
    }

    fn describe_shards(&self, caller: &mut Caller) -> std::result::Result<Vec<Value>, Trouble> {
        let mut request = json!({"StreamArn": self.stream});
        let mut shards = Vec::new();
        loop {
            let mut answer = caller.expect("DescribeStream", &request)?;
            let description = &mut answer["StreamDescription"];
            if let Value::Array(more) = description["Shards"].take() {
                shards.extend(more);
            }
            match description["LastEvaluatedShardId"].take() {
                Value::Null => return Ok(shards),
                last => request["ExclusiveStartShardId"] = last,
            }
        }
    }

    fn read_shard(
        &mut self,
        caller: &mut Caller,
        id: &str,
        shard: &mut Shard,
    ) -> std::result::Result<usize, Trouble> {
        let mut count = 0;
        for _ in 0..PAGES_MAX {
            let iterator = match shard.iterator.take() {
                Some(iterator) => iterator,
                None => match self.open_shard(caller, id, shard)? {
                    Some(iterator) => iterator,
                    None => continue,
                },
            };
            let request = json!({"ShardIterator": iterator});
            let reply = caller.call("GetRecords", &request)?;
            let mut page = match (reply.status, reply.error()) {
                (200, _) => reply.body,
                (_, Some("ExpiredIteratorException")) if self.does_clock_jump => continue,
                // All of its records were read before the clock jumped.
                (_, Some("TrimmedDataAccessException")) if self.does_clock_jump => {
                    shard.is_trimmed = true;
                    continue;
                }
                (_, Some("ResourceNotFoundException")) if self.does_clock_jump => return Ok(count),
                _ => return reply.unexpected(&request),
            };
            let Value::Array(records) = page["Records"].take() else {
                return Err(Failure::new("GetRecords' answer has no Records").into());
            };
            for record in &records {
                self.apply(record, shard)
                    .map_err(|found| Failure::new(format!("the stream is wrong: {found}: {record}")))?;
            }
            count += records.len();
            shard.iterator = page["NextShardIterator"].as_str().map(str::to_owned);
            shard.has_ended = shard.iterator.is_none();
            if shard.has_ended || records.is_empty() {
                break;
            }
        }
        Ok(count)
    }

    fn open_shard(
        &self,
        caller: &mut Caller,
        id: &str,
        shard: &mut Shard,
    ) -> std::result::Result<Option<String>, Trouble> {
        let mut request = json!({"StreamArn": self.stream, "ShardId": id});
        match shard.last.filter(|_| !shard.is_trimmed) {
            Some(number) => {
                request["ShardIteratorType"] = json!("AFTER_SEQUENCE_NUMBER");
                request["SequenceNumber"] = json!(format!("{number:021}"));
            }
            None => request["ShardIteratorType"] = json!("TRIM_HORIZON"),
        }
        let reply = caller.call("GetShardIterator", &request)?;
        match (reply.body["ShardIterator"].as_str(), reply.error()) {
            (Some(iterator), None) => Ok(Some(iterator.to_owned())),
            (_, Some("TrimmedDataAccessException")) if self.does_clock_jump => {
                shard.is_trimmed = true;
                Ok(None)
            }
            (_, Some("ResourceNotFoundException")) if self.does_clock_jump => Ok(None),
            _ => reply.unexpected(&request),
        }
    }

    /// Takes one record over into the replica, which it must fit.
    fn apply(&mut self, record: &Value, shard: &mut Shard) -> std::result::Result<(), String> {
        let change = &record["dynamodb"];
        let number: Option<u128> = change["SequenceNumber"]
            .as_str()
            .and_then(|text| text.parse().ok());
        let number = number.ok_or("it has no number")?;
        if shard.last.is_some_and(|last| last >= number) {
            return Err("its number is not higher than that of the record before".to_owned());
        }
        shard.last = Some(number);
        let key = Key::of(&change["Keys"]).ok_or("it has no key")?;
        let old = Some(&change["OldImage"]).filter(|image| !image.is_null());
        let new = Some(&change["NewImage"]).filter(|image| !image.is_null());
        let event = match (old, new) {
            (None, Some(_)) => "INSERT",
            (Some(_), Some(_)) => "MODIFY",
            (Some(_), None) => "REMOVE",
            (None, None) => return Err("it has no image".to_owned()),
        };
        if record["eventName"] != event {
            return Err(format!("it is a {event}"));
        }
        let before = self.items.get(&key);
        if old != before {
            return Err(format!("the item was {before:?} before it"));
        }
        self.check_who(record, old, new.is_none())?;
        match new {
            Some(item) if Key::of(item).as_ref() != Some(&key) => {
                return Err("it is of another key".to_owned());
            }
            Some(item) => self.items.insert(key, item.clone()),
            None => self.items.remove(&key),
        };
        self.records += 1;
        Ok(())
    }

    /// The service deletes what has expired, and clients only what never expires.
    fn check_who(
        &mut self,
        record: &Value,
        old: Option<&Value>,
        is_removal: bool,
    ) -> std::result::Result<(), String> {
        let identity = &record["userIdentity"];
        let expires_s = old.and_then(expiry_seconds).filter(|_| is_removal);
        let (Some(expires_s), false) = (expires_s, identity.is_null()) else {
            return match (expires_s, identity.is_null()) {
                (None, true) => Ok(()),
                (Some(_), _) => Err("nobody but the service deletes an item that expires".to_owned()),
                (None, false) => Err("the item did not expire".to_owned()),
            };
        };
        let service = ["Service", "dynamodb.amazonaws.com"];
        if [&identity["Type"], &identity["PrincipalId"]] != service {
            return Err("the service has another identity".to_owned());
        }
        let created_s = record["dynamodb"]["ApproximateCreationDateTime"].as_f64();
        // Between a look at the clock and the next it may have jumped back.
        if !self.does_clock_jump && created_s.is_none_or(|created_s| created_s < expires_s as f64) {
            return Err("the item was deleted before it expired".to_owned());
        }
        self.expired += 1;
        Ok(())
    }
}

/// Whether what a replica has of a key may be, given the table before and after it was read: items
/// only expire meanwhile.
pub fn check_replica(
    follower: &Follower,
    before: &HashMap<Key, Value>,
    after: &HashMap<Key, Value>,
) -> Result<()> {
    for key in before.keys().chain(follower.items.keys()) {
        let replica = follower.items.get(key);
        if replica != after.get(key) && (replica != before.get(key) || after.contains_key(key)) {
            return Err(Failure::new(format!(
                "the stream leads to another item than the table has: {}, {}",
                shown(replica),
                shown(after.get(key))
            )));
        }
    }
    Ok(())
}

fn shown(item: Option<&Value>) -> String {
    item.map_or_else(|| "none".to_owned(), Value::to_string)
}
