//! The data of the workload `sweep`: a table of sessions that end, 200 bytes each as DynamoDB
//! counts.
//!
//! Most have ended: their time lies in the past, in an order that has nothing to do with their
//! keys. The live ones lie between them, one after as many of the others as there are to each.

use serde_json::{Value, json};

use crate::items::{Random, STAMP};

/// The table of all sessions.
pub const TABLE: &str = "sessions";

/// The attribute that holds the second of the Unix clock in which a session ends.
pub const EXPIRY_ATTRIBUTE: &str = "expires_at";

/// The size of an item: names and values of all attributes, as the service counts them.
pub const ITEM_SIZE_BYTES: usize = 200;

/// What the attributes other than the filling come to, names included.
const FIXED_SIZE_BYTES: usize = 54;

/// How long ago due sessions have ended: an hour to thirty days.
const DUE_SECONDS_AGO: std::ops::Range<usize> = 3600..30 * 86_400;

/// How long live sessions still have at least: they outlast every run.
const LIVE_SECONDS_MIN: u64 = 365 * 86_400;

/// How many sessions there are, and when it is.
#[derive(Clone, Copy, Debug)]
pub struct Sessions {
    pub due: usize,
    pub live: usize,
    /// The second of the Unix clock that divides them.
    pub now_seconds: u64,
}

/// What CreateTable is asked for.
pub fn table() -> Value {
    json!({
        "TableName": TABLE,
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    })
}

impl Sessions {
    /// All items, the live ones last.
    pub fn count(&self) -> usize {
        self.due + self.live
    }

    /// The item with this number, from 0 up to `count`.
    pub fn item(&self, number: usize) -> Value {
        match number.checked_sub(self.due) {
            None => self.due_item(number),
            Some(number) => self.live_item(number),
        }
    }

    fn due_item(&self, number: usize) -> Value {
        let mut random = Random::new(number as u64);
        let ago = DUE_SECONDS_AGO.start + random.below(DUE_SECONDS_AGO.len());
        let expires_at = self.now_seconds.saturating_sub(ago as u64);
        item(&format!("session#{number:08}/due!"), expires_at, &mut random)
    }

    /// The live item with this number, from 0 up to `live`.
    pub fn live_item(&self, number: usize) -> Value {
        let mut random = Random::new((self.due + number) as u64);
        let expires_at = self.now_seconds + LIVE_SECONDS_MIN + random.below(86_400) as u64;
        item(&self.live_key(number), expires_at, &mut random)
    }

    /// The partition key of that item.
    pub fn live_key(&self, number: usize) -> String {
        format!("session#{:08}/live", number * self.due / self.live.max(1))
    }
}

fn item(key: &str, expires_at: u64, random: &mut Random) -> Value {
    let letters = (0..ITEM_SIZE_BYTES - FIXED_SIZE_BYTES - STAMP.len()).map(|_| random.letter());
    let state: String = STAMP.chars().chain(letters).collect();
    json!({
        "pk": {"S": key},
        EXPIRY_ATTRIBUTE: {"N": expires_at.to_string()},
        "state": {"S": state},
        "user": {"S": format!("{:06}", random.below(1_000_000))},
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const SESSIONS: Sessions = Sessions {
        due: 1000,
        live: 30,
        now_seconds: 1_800_000_000,
    };

    #[test]
    fn every_session_has_the_same_size() {
        let length = SESSIONS.item(0).to_string().len();
        for number in 0..SESSIONS.count() {
            let item = SESSIONS.item(number);
            assert_eq!(item.to_string().len(), length);
            let attributes = item.as_object().expect("an object");
            let size_bytes: usize = attributes
                .iter()
                .map(|(name, value)| {
                    let text = |kind: &str| value[kind].as_str().map(str::len);
                    // A byte for two of the ten digits and one for the exponent.
                    name.len()
                        + text("S")
                            .or(text("N").map(|digits| digits / 2 + 1))
                            .expect("a value")
                })
                .sum();
            assert_eq!(size_bytes, ITEM_SIZE_BYTES);
        }
    }

    #[test]
    fn due_sessions_have_ended_and_live_ones_have_not() {
        let mut keys = HashSet::new();
        for number in 0..SESSIONS.count() {
            let item = SESSIONS.item(number);
            let expires_at: u64 = item["expires_at"]["N"]
                .as_str()
                .expect("digits")
                .parse()
                .expect("a number");
            assert_eq!(expires_at < SESSIONS.now_seconds, number < SESSIONS.due);
            keys.insert(item["pk"]["S"].to_string());
        }
        assert_eq!(keys.len(), SESSIONS.count());
        assert_eq!(SESSIONS.item(1007), SESSIONS.live_item(7));
        assert_eq!(SESSIONS.live_item(7)["pk"]["S"], SESSIONS.live_key(7));
    }
}
