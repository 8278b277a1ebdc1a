//! Requests as bytes that are made before the clock starts.

use serde_json::{Value, json};

use crate::items::{self, STAMP, TABLE};
use harness::http;

/// Requests of one kind, back to back in one piece of memory.
#[derive(Debug)]
pub struct Requests {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Where in the requests stamps are, where each sending must differ from all others.
    stamp_positions: Vec<u32>,
    /// Where in `stamp_positions` those of each request end; empty where there are none.
    stamp_ends: Vec<usize>,
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
            stamp_ends: Vec::new(),
        }
    }

    /// PutItem of every item.
    pub fn put_every_item(item_count: usize) -> Self {
        let bodies = (0..item_count).map(|number| json!({"TableName": TABLE, "Item": items::item(number)}));
        Requests::new("PutItem", bodies)
    }

    /// The same requests, with numbers of its own in each sending.
    pub fn stamped(mut self) -> Self {
        for index in 0..self.count() {
            let request = self.get(index);
            let mut positions = Vec::new();
            let mut from = 0;
            while let Some(position) = find_stamp(&request[from..]) {
                positions.push((from + position) as u32);
                from += position + STAMP.len();
            }
            self.stamp_positions.append(&mut positions);
            self.stamp_ends.push(self.stamp_positions.len());
        }
        self
    }

    /// Writes the stamps of a sending into `request`, a copy of the request at `index`: `number` and
    /// those that follow it. Nothing happens where a request may be repeated as it is.
    pub fn stamp(&self, index: usize, request: &mut [u8], number: u64) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let Some(&end) = self.stamp_ends.get(index) else {
            return;
        };
        let start = index.checked_sub(1).map_or(0, |before| self.stamp_ends[before]);
        for (number, &position) in (number..).zip(&self.stamp_positions[start..end]) {
            let places = request[position as usize..][..STAMP.len()].iter_mut().rev();
            for (place, byte) in places.enumerate() {
                *byte = DIGITS[(number >> (4 * place) & 0xf) as usize];
            }
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

/// Where in `bytes` the first stamp is.
fn find_stamp(bytes: &[u8]) -> Option<usize> {
    let stamp = STAMP.as_bytes();
    // Almost no byte of a request is the stamp's, so this skips most of it.
    let mut from = 0;
    while let Some(position) = bytes[from..].iter().position(|&byte| byte == stamp[0]) {
        if bytes[from + position..].starts_with(stamp) {
            return Some(from + position);
        }
        from += position + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn puts() -> Requests {
        Requests::put_every_item(50).stamped()
    }

    #[test]
    fn each_request_is_whole() {
        let requests = puts();
        assert_eq!(requests.count(), 50);
        for index in 0..requests.count() {
            let text = std::str::from_utf8(requests.get(index)).expect("text");
            assert!(text.starts_with("POST / HTTP/1.1\r\n"));
            assert!(text.contains("PutItem"));
            assert!(text.ends_with('}'));
        }
    }

    #[test]
    fn only_writes_are_stamped() {
        let requests = puts();
        for index in 0..requests.count() {
            let mut request = requests.get(index).to_vec();
            requests.stamp(index, &mut request, 0x1234_5678_9abc_def0);
            let text = String::from_utf8(request).expect("text");
            assert!(text.contains("\"123456789abcdef0"), "{text}");
        }
        let requests = Requests::put_every_item(8);
        let mut request = requests.get(7).to_vec();
        requests.stamp(7, &mut request, 1);
        assert_eq!(request, requests.get(7));
    }

    #[test]
    fn every_place_of_a_request_has_a_stamp_of_its_own() {
        let bodies = (1..4).map(|count| json!({"puts": vec![STAMP; count]}));
        let requests = Requests::new("BatchWriteItem", bodies).stamped();
        for (index, count) in (1..4).enumerate() {
            let mut request = requests.get(index).to_vec();
            requests.stamp(index, &mut request, 0xff);
            let text = String::from_utf8(request).expect("text");
            for place in 0..count {
                assert!(text.contains(&format!("\"{:016x}\"", 0xff + place)), "{text}");
            }
            assert!(!text.contains(STAMP), "{text}");
        }
    }
}
