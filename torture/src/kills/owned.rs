//! Work on the keys that one client owns: every way to write, each with what it must leave.

use std::sync::{Arc, Mutex, MutexGuard};

use fastrand::Rng;
use serde_json::{Value, json};

use super::caller::{Caller, Trouble};
use super::clock::Clock;
use super::ledger::{Ledger, Pending, State, Tokened, Write, agrees};
use super::schema::{COLOURS, EXPIRY, GROUPS, Key, LEDGER, PARTITIONS, SORT_KEYS, expiry_seconds};
use harness::failure::Failure;

/// The longest text in an item.
const TEXT_BYTES_MAX: usize = 300;
/// How many items a batch writes at most.
const BATCH_MAX: usize = 25;
/// The first keys of a partition never expire, so that there is always a key that lasts.
const LASTING_KEYS: u32 = 3;
/// How many seconds an item that expires is there.
const LIFE_SECONDS: std::ops::Range<u64> = 1..4;

type Step = Result<(), Trouble>;

/// One client's keys.
#[derive(Debug)]
pub struct Owned {
    client: u32,
    ledger: Arc<Mutex<Ledger>>,
    clock: Arc<Clock>,
    /// Counts the writes, so that no two leave the same item.
    version: u64,
}

impl Owned {
    pub fn new(client: u32, ledger: Arc<Mutex<Ledger>>, clock: Arc<Clock>) -> Self {
        Owned {
            client,
            ledger,
            clock,
            version: 0,
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(|poison| poison.into_inner())
    }

    /// Does one thing.
    pub fn step(&mut self, caller: &mut Caller, random: &mut Rng) -> Step {
        let clock = self.clock.clone();
        let unanswered = self.ledger().unanswered.take();
        if let Some(tokened) = unanswered {
            let jumps = clock.jumps();
            // After a jump of the clock it may be made a second time.
            if tokened.jumps == *jumps {
                return self.send_with_token(caller, tokened);
            }
        }
        match random.u32(..100) {
            0..25 => self.put(caller, random),
            25..45 => self.update(caller, random),
            45..52 => self.delete(caller, random),
            52..60 => self.put_if(caller, random),
            60..70 => self.write_batch(caller, random),
            70..85 => self.transact(caller, random),
            85..90 => self.send_again(caller, random),
            90..96 => self.get(caller, random),
            _ => self.query(caller, random),
        }
    }

    fn random_key(&self, random: &mut Rng) -> Key {
        Key::owned(self.client, random.u32(..PARTITIONS), random.u32(..SORT_KEYS))
    }

    fn state(&self, key: &Key) -> State {
        self.ledger().get(key).cloned()
    }

    /// A key whose item does not go by itself, so that what a write finds is known.
    fn lasting_key(&self, random: &mut Rng) -> (Key, State) {
        loop {
            let key = self.random_key(random);
            let state = self.state(&key);
            if state.as_ref().and_then(expiry_seconds).is_none() {
                return (key, state);
            }
        }
    }

    fn random_item(&mut self, random: &mut Rng, key: &Key) -> Value {
        let mut item = key.to_json();
        self.version += 1;
        item["version"] = number(self.version);
        if random.u8(..4) > 0 {
            item["group"] = text(random.choice(GROUPS).unwrap_or_default());
        }
        if random.u8(..4) > 0 {
            item["number"] = number(random.u64(..50));
        }
        if random.u8(..4) > 0 {
            item["colour"] = text(random.choice(COLOURS).unwrap_or_default());
        }
        if key.sort >= LASTING_KEYS && random.u8(..8) == 0 {
            item[EXPIRY] = number(self.clock.now_s() + random.u64(LIFE_SECONDS));
        }
        item["text"] = text(&"x".repeat(random.usize(..TEXT_BYTES_MAX)));
        item
    }

    /// Sends a write, which must be refused if its condition does not hold.
    fn send(
        &mut self,
        caller: &mut Caller,
        operation: &str,
        request: &Value,
        pending: Pending,
        must_hold: bool,
    ) -> Step {
        self.ledger().begin(pending);
        let reply = caller.call(operation, request)?;
        match (reply.error(), must_hold) {
            (None, true) if reply.status == 200 => self.ledger().acknowledge(),
            (Some("ConditionalCheckFailedException"), false) => self.ledger().refuse(),
            _ => return reply.unexpected(request),
        }
        let is_left = reply.body["UnprocessedItems"]
            .as_object()
            .is_some_and(|left| !left.is_empty());
        match is_left {
            true => reply.unexpected(request),
            false => Ok(()),
        }
    }

    fn put(&mut self, caller: &mut Caller, random: &mut Rng) -> Step {
        let key = self.random_key(random);
        let item = self.random_item(random, &key);
        let request = json!({"TableName": LEDGER, "Item": item});
        let pending = single(key.clone(), self.state(&key), Some(item));
        self.send(caller, "PutItem", &request, pending, true)
    }

    fn put_if(&mut self, caller: &mut Caller, random: &mut Rng) -> Step {
        let (key, before) = self.lasting_key(random);
        let item = self.random_item(random, &key);
        let wants_absent = random.bool();
        let condition = match wants_absent {
            true => "attribute_not_exists(pk)",
            false => "attribute_exists(pk)",
        };
        let request = json!({"TableName": LEDGER, "Item": item, "ConditionExpression": condition});
        let holds = before.is_none() == wants_absent;
        let after = if holds { Some(item) } else { before.clone() };
        self.send(caller, "PutItem", &request, single(key, before, after), holds)
    }

    fn delete(&mut self, caller: &mut Caller, random: &mut Rng) -> Step {
        let (key, before) = self.lasting_key(random);
        let request = json!({"TableName": LEDGER, "Key": key.to_json()});
        self.send(caller, "DeleteItem", &request, single(key, before, None), true)
    }

    fn update(&mut self, caller: &mut Caller, random: &mut Rng) -> Step {
        let (key, before) = self.lasting_key(random);
        let (update, after) = self.random_update(random, &key, before.as_ref());
        self.send(
            caller,
            "UpdateItem",
            &update,
            single(key, before, Some(after)),
            true,
        )
    }

    /// An update as requests have it, and what it makes of an item.
    fn random_update(&mut self, random: &mut Rng, key: &Key, before: Option<&Value>) -> (Value, Value) {
        self.version += 1;
        let mut after = before.cloned().unwrap_or_else(|| key.to_json());
        let hits: u64 = after["hits"]["N"]
            .as_str()
            .and_then(|hits| hits.parse().ok())
            .unwrap_or(0);
        after["hits"] = number(hits + 1);
        after["version"] = number(self.version);
        let mut names = json!({"#version": "version", "#hits": "hits"});
        let mut values = json!({":version": number(self.version), ":one": number(1)});
        let (mut sets, mut removes) = (String::from("SET #version = :version"), String::new());
        let group = random.choice(GROUPS).unwrap_or_default();
        let colour = random.choice(COLOURS).unwrap_or_default();
        let changes = [
            ("group", text(group)),
            ("number", number(random.u64(..50))),
            ("colour", text(colour)),
        ];
        for (name, value) in changes {
            match random.u8(..4) {
                0 => {
                    sets += &format!(", #{name} = :{name}");
                    values[format!(":{name}")] = value.clone();
                    after[name] = value;
                }
                1 => {
                    removes += if removes.is_empty() { " REMOVE " } else { ", " };
                    removes += &format!("#{name}");
                    if let Some(attributes) = after.as_object_mut() {
                        attributes.remove(name);
                    }
                }
                _ => continue,
            }
            names[format!("#{name}")] = json!(name);
        }
        let update = json!({
            "TableName": LEDGER,
            "Key": key.to_json(),
            "UpdateExpression": format!("{sets}{removes} ADD #hits :one"),
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        });
        (update, after)
    }

    /// Some keys of different names whose items do not go by themselves.
    fn lasting_keys(&self, random: &mut Rng, count: usize) -> Vec<(Key, State)> {
        let mut keys: Vec<(Key, State)> = Vec::new();
        for _ in 0..count {
            let (key, state) = self.lasting_key(random);
            if keys.iter().all(|(other, _)| *other != key) {
                keys.push((key, state));
            }
        }
        keys
    }

    fn write_batch(&mut self, caller: &mut Caller, random: &mut Rng) -> Step {
        let count = random.usize(2..=BATCH_MAX);
        let (mut requests, mut writes) = (Vec::new(), Vec::new());
        for (key, before) in self.lasting_keys(random, count) {
            let after = (random.u8(..4) > 0).then(|| self.random_item(random, &key));
            requests.push(match &after {
                Some(item) => json!({"PutRequest": {"Item": item}}),
                None => json!({"DeleteRequest": {"Key": key.to_json()}}),
            });
            writes.push(Write { key, before, after });
        }
        let pending = Pending {
            writes,
            is_atomic: false,
            tokened: None,
        };
        let request = json!({"RequestItems": {LEDGER: requests}});
        self.send(caller, "BatchWriteItem", &request, pending, true)
    }

    fn transact(&mut self, caller: &mut Caller, random: &mut Rng) -> Step {
        let count = random.usize(2..=5);
        let (mut actions, mut writes) = (Vec::new(), Vec::new());
        for (key, before) in self.lasting_keys(random, count) {
            let (action, after) = match random.u8(..4) {
                0 => (
                    json!({"Delete": {"TableName": LEDGER, "Key": key.to_json()}}),
                    None,
                ),
                1 => {
                    let mut item = self.random_item(random, &key);
                    if let Some(attributes) = item.as_object_mut() {
                        attributes.remove(EXPIRY);
                    }
                    (json!({"Put": {"TableName": LEDGER, "Item": item}}), Some(item))
                }
                _ => {
                    let (update, after) = self.random_update(random, &key, before.as_ref());
                    (json!({"Update": update}), Some(after))
                }
            };
            actions.push(action);
            writes.push(Write { key, before, after });
        }
        let mut request = json!({"TransactItems": actions});
        if random.u8(..4) == 0 {
            let pending = Pending {
                writes,
                is_atomic: true,
                tokened: None,
            };
            return self.send(caller, "TransactWriteItems", &request, pending, true);
        }
        self.version += 1;
        request["ClientRequestToken"] = json!(format!("{}-{}", self.client, self.version));
        let tokened = Tokened {
            request,
            jumps: *self.clock.jumps(),
            writes,
        };
        self.send_with_token(caller, tokened)
    }

    /// Sends a transaction that may have been made already, and then must not be made again.
    fn send_with_token(&mut self, caller: &mut Caller, tokened: Tokened) -> Step {
        let mut writes = tokened.writes.clone();
        for write in &mut writes {
            write.before = self.state(&write.key);
        }
        let request = tokened.request.clone();
        let pending = Pending {
            writes,
            is_atomic: true,
            tokened: Some(tokened),
        };
        self.send(caller, "TransactWriteItems", &request, pending, true)
    }

    /// Sends a transaction again that was acknowledged: it has no effect; with other content it is
    /// refused.
    fn send_again(&mut self, caller: &mut Caller, random: &mut Rng) -> Step {
        let jumps = self.clock.jumps();
        let Some(tokened) = self.ledger().answered(random, *jumps).cloned() else {
            return Ok(());
        };
        let mut request = tokened.request;
        let mut is_other = false;
        if let Some(actions) = request["TransactItems"]
            .as_array_mut()
            .filter(|_| random.u8(..3) == 0)
        {
            is_other = actions.len() > 1;
            actions.truncate(1);
        }
        let reply = caller.call("TransactWriteItems", &request)?;
        match (reply.error(), is_other) {
            (None, false) | (Some("IdempotentParameterMismatchException"), true) => Ok(()),
            _ => reply.unexpected(&request),
        }
    }

    fn get(&mut self, caller: &mut Caller, random: &mut Rng) -> Step {
        let key = self.random_key(random);
        let request = json!({"TableName": LEDGER, "Key": key.to_json(), "ConsistentRead": true});
        let mut answer = caller.expect("GetItem", &request)?;
        self.compare(&key, Some(answer["Item"].take()).filter(|item| !item.is_null()))
    }

    /// Reads one partition whole.
    fn query(&mut self, caller: &mut Caller, random: &mut Rng) -> Step {
        let partition = random.u32(..PARTITIONS);
        let request = json!({
            "TableName": LEDGER,
            "ConsistentRead": true,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": Key::owned(self.client, partition, 0).partition}},
        });
        let items = caller.all_items("Query", &request)?;
        let keys: Vec<Option<Key>> = items.iter().map(Key::of).collect();
        if !keys.is_sorted() {
            return Err(Failure::new(format!("a partition is out of order: {keys:?}")).into());
        }
        for sort in 0..SORT_KEYS {
            let key = Key::owned(self.client, partition, sort);
            let place = keys.iter().position(|found| found.as_ref() == Some(&key));
            self.compare(&key, place.map(|place| items[place].clone()))?;
        }
        Ok(())
    }

    fn compare(&self, key: &Key, found: State) -> Step {
        let expected = self.state(key);
        match agrees(expected.as_ref(), found.as_ref(), self.clock.latest_s()) {
            true => Ok(()),
            false => Err(Failure::new(format!(
                "{key:?} must be {expected:?}, and a consistent read shows {found:?}"
            ))
            .into()),
        }
    }
}

fn single(key: Key, before: State, after: State) -> Pending {
    Pending {
        writes: vec![Write { key, before, after }],
        is_atomic: true,
        tokened: None,
    }
}

fn number(number: u64) -> Value {
    json!({"N": number.to_string()})
}

fn text(text: &str) -> Value {
    json!({"S": text})
}
