//! The workloads: what each asks, as bytes that are made before the clock starts.

use serde_json::{Value, json};

use crate::items::{self, ITEMS_PER_PARTITION, STAMP, TABLE};
use harness::failure::{Failure, Result};
use harness::http::{self, Answer};

/// Requests of one kind, back to back in one piece of memory.
#[derive(Debug)]
pub struct Requests {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Where in each request the stamp is, where each sending of it must differ from all others.
    stamp_positions: Vec<usize>,
}

impl Requests {
    /// One request for each of `bodies`, all of the same operation.
    pub fn new(operation: &str, bodies: impl Iterator<Item = Value>) -> Self {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for body in bodies {
            bytes.extend_from_slice(&http::request(operation, &body.to_string()));
            ends.push(bytes.len());
        }
        Requests {
            bytes,
            ends,
            stamp_positions: Vec::new(),
        }
    }

    /// PutItem of every item.
    pub fn put_every_item(item_count: usize) -> Self {
        let bodies = (0..item_count).map(|number| json!({"TableName": TABLE, "Item": items::item(number)}));
        Requests::new("PutItem", bodies)
    }

    /// The same requests, with a number of its own in each sending.
    pub fn stamped(mut self) -> Self {
        let stamp = STAMP.as_bytes();
        let positions = (0..self.count()).filter_map(|index| {
            let request = self.get(index);
            request.windows(stamp.len()).position(|window| window == stamp)
        });
        self.stamp_positions = positions.collect();
        self
    }

    /// Writes the stamp of a sending into `request`, a copy of the request at `index`. Nothing
    /// happens where a request may be repeated as it is.
    pub fn stamp(&self, index: usize, request: &mut [u8], number: u64) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let Some(&position) = self.stamp_positions.get(index) else {
            return;
        };
        let places = request[position..][..STAMP.len()].iter_mut().rev();
        for (place, byte) in places.enumerate() {
            *byte = DIGITS[(number >> (4 * place) & 0xf) as usize];
        }
    }

    pub fn count(&self) -> usize {
        self.ends.len()
    }

    pub fn get(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[index]]
    }
}

/// What is measured under load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// One item by its key.
    GetItem,
    /// One partition of 50 items.
    Query,
    /// One item over an existing one.
    PutItem,
}

impl Workload {
    /// In the order in which they run: what writes comes last.
    pub const ALL: [Workload; 3] = [Workload::GetItem, Workload::Query, Workload::PutItem];

    /// The operation's name.
    pub fn operation(self) -> &'static str {
        match self {
            Workload::GetItem => "GetItem",
            Workload::Query => "Query",
            Workload::PutItem => "PutItem",
        }
    }

    /// The name for people.
    pub fn title(self) -> &'static str {
        match self {
            Workload::GetItem => "GetItem of 1 KB",
            Workload::Query => "Query of 50 x 1 KB",
            Workload::PutItem => "PutItem of 1 KB",
        }
    }

    /// All requests of this workload on a table of `item_count` items.
    pub fn requests(self, item_count: usize) -> Requests {
        match self {
            Workload::GetItem => Requests::new(
                self.operation(),
                (0..item_count).map(|number| json!({"TableName": TABLE, "Key": items::key(number)})),
            ),
            Workload::Query => Requests::new(
                self.operation(),
                (0..item_count)
                    .step_by(ITEMS_PER_PARTITION)
                    .map(|number| query(&items::partition_key(number))),
            ),
            Workload::PutItem => Requests::put_every_item(item_count).stamped(),
        }
    }

    /// Asks once, and gives the answer if it is the right one.
    pub fn probe(self, address: std::net::SocketAddr) -> Result<Answer> {
        let (body, expected) = match self {
            Workload::GetItem => (
                json!({"TableName": TABLE, "Key": items::key(0)}),
                json!({"Item": items::item(0)}),
            ),
            Workload::Query => (
                query(&items::partition_key(0)),
                json!({
                    "Count": ITEMS_PER_PARTITION,
                    "ScannedCount": ITEMS_PER_PARTITION,
                    "Items": (0..ITEMS_PER_PARTITION).map(items::item).collect::<Vec<_>>(),
                }),
            ),
            Workload::PutItem => (json!({"TableName": TABLE, "Item": items::item(0)}), json!({})),
        };
        let answer = http::call(address, self.operation(), &body.to_string())?;
        match serde_json::from_slice::<Value>(answer.body()) {
            Ok(body) if body == expected => Ok(answer),
            _ => Err(Failure::new(format!(
                "{} gives a wrong answer, so its speed is of no interest: {:.300}",
                self.operation(),
                String::from_utf8_lossy(answer.body())
            ))),
        }
    }
}

fn query(partition_key: &str) -> Value {
    json!({
        "TableName": TABLE,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": partition_key}},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_is_whole() {
        for workload in Workload::ALL {
            let requests = workload.requests(100);
            for index in 0..requests.count() {
                let text = std::str::from_utf8(requests.get(index)).expect("text");
                assert!(text.starts_with("POST / HTTP/1.1\r\n"));
                assert!(text.contains(workload.operation()));
                assert!(text.ends_with('}'));
            }
        }
        assert_eq!(Workload::GetItem.requests(100).count(), 100);
        assert_eq!(Workload::Query.requests(100).count(), 2);
    }

    #[test]
    fn only_writes_are_stamped() {
        let requests = Workload::PutItem.requests(50);
        for index in 0..requests.count() {
            let mut request = requests.get(index).to_vec();
            requests.stamp(index, &mut request, 0x1234_5678_9abc_def0);
            let text = String::from_utf8(request).expect("text");
            assert!(text.contains("\"123456789abcdef0"), "{text}");
        }
        let requests = Workload::GetItem.requests(50);
        let mut request = requests.get(7).to_vec();
        requests.stamp(7, &mut request, 1);
        assert_eq!(request, requests.get(7));
    }
}
