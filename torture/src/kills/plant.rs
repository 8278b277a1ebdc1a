//! Faults put between the clients and the server, which a run must find: what a database would show
//! that had the fault.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::ValueEnum;
use serde_json::{Value, json};

use super::caller::Reply;
use super::schema;

/// One in so many of the calls that a fault could be put in has it.
const PERIOD: u64 = 20;

/// A fault to be planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Plant {
    /// A consistent read of a hot item shows what was read long before
    StaleRead,
    /// A PutItem is acknowledged and not made
    LostWrite,
    /// Of a transaction only the first write is made
    HalfTransaction,
    /// An index shows one entry less
    LostIndexEntry,
    /// Two records of one item change places in its stream
    StreamDisorder,
    /// A record comes twice
    DoubledRecord,
}

/// Where the fault is put, if one is.
#[derive(Debug, Default)]
pub struct Planter {
    plant: Option<Plant>,
    chances: AtomicU64,
    /// What was first read of each hot item.
    first_reads: Mutex<HashMap<String, Value>>,
}

impl Planter {
    pub fn new(plant: Option<Plant>) -> Self {
        Planter {
            plant,
            ..Planter::default()
        }
    }

    /// Whether it is time again.
    fn is_due(&self) -> bool {
        self.chances.fetch_add(1, Ordering::Relaxed) % PERIOD == PERIOD - 1
    }

    /// Changes a request on its way, or answers it without the server.
    pub fn spoil_request(&self, operation: &str, request: &mut Value) -> Option<Reply> {
        match (self.plant?, operation) {
            (Plant::LostWrite, "PutItem") => {
                let is_plain = request["ReturnValues"].is_null() && request["ConditionExpression"].is_null();
                (is_plain && self.is_due()).then(|| Reply {
                    status: 200,
                    body: json!({}),
                })
            }
            // Those with a token would be found by their being sent again.
            (Plant::HalfTransaction, "TransactWriteItems") if request["ClientRequestToken"].is_null() => {
                let actions = request["TransactItems"].as_array_mut()?;
                let appends = actions.iter().filter(|action| !action["Update"].is_null());
                if appends.count() > 1 && self.is_due() {
                    actions.truncate(1);
                }
                None
            }
            _ => None,
        }
    }

    /// Changes an answer on its way.
    pub fn spoil_reply(&self, operation: &str, request: &Value, reply: &mut Reply) {
        let Some(plant) = self.plant.filter(|_| reply.status == 200) else {
            return;
        };
        match (plant, operation) {
            (Plant::StaleRead, "GetItem") if schema::is_hot(&request["Key"]) => {
                self.age_read(request, &mut reply.body);
            }
            (Plant::LostIndexEntry, "Query" | "Scan") if !request["IndexName"].is_null() => {
                if let Some(items) = reply.body["Items"].as_array_mut() {
                    items.pop();
                }
            }
            (Plant::StreamDisorder, "GetRecords") => self.disorder(&mut reply.body["Records"]),
            (Plant::DoubledRecord, "GetRecords") => {
                if let Some(records) = reply.body["Records"].as_array_mut()
                    && let Some(record) = records.last().cloned()
                    && self.is_due()
                {
                    records.push(record);
                }
            }
            _ => {}
        }
    }

    fn age_read(&self, request: &Value, answer: &mut Value) {
        let mut first_reads = self
            .first_reads
            .lock()
            .unwrap_or_else(|poison| poison.into_inner());
        let first = first_reads.entry(request["Key"].to_string());
        let first = first.or_insert_with(|| answer.clone());
        if self.is_due() {
            *answer = first.clone();
        }
    }

    /// Two records next to each other of one item's records change places, and keep their numbers.
    fn disorder(&self, records: &mut Value) {
        let Some(records) = records.as_array_mut() else {
            return;
        };
        let mut places: HashMap<String, usize> = HashMap::new();
        for place in 0..records.len() {
            let earlier = places.insert(records[place]["dynamodb"]["Keys"].to_string(), place);
            if let Some(earlier) = earlier.filter(|_| self.is_due()) {
                let (head, tail) = records.split_at_mut(place);
                let (one, other) = (&mut head[earlier], &mut tail[0]);
                std::mem::swap(one, other);
                let number = one["dynamodb"]["SequenceNumber"].take();
                one["dynamodb"]["SequenceNumber"] = other["dynamodb"]["SequenceNumber"].take();
                other["dynamodb"]["SequenceNumber"] = number;
                return;
            }
        }
    }
}
