//! The data: a table of orders by customer, whose items are 1 KB each as DynamoDB counts.
//!
//! Every item has the same size, also as JSON, so that every answer of a workload has the same
//! length and a wrong one is noticed. The filling is random letters: nothing compresses it for free.

use serde_json::{Value, json};

/// The table of all workloads.
pub const TABLE: &str = "orders";

/// The size of an item: names and values of all attributes, as the service counts them.
pub const ITEM_SIZE_BYTES: usize = 1024;

/// Items with the same partition key, which one Query returns.
pub const ITEMS_PER_PARTITION: usize = 50;

/// What the filling begins with: a place that the load generator writes a number into, so that no
/// write stores what is already there.
pub const STAMP: &str = "----------------";

/// What the attributes other than the filling come to, names included.
const FIXED_SIZE_BYTES: usize = 91;

/// The same of an item that has its keys and its filling only, as those of few bytes do.
const KEYS_SIZE_BYTES: usize = 35;

/// From this size on items have all attributes.
const WHOLE_SIZE_BYTES_MIN: usize = 200;

/// The smallest size that an item can have.
pub const SIZE_BYTES_MIN: usize = KEYS_SIZE_BYTES + STAMP.len();

const LETTERS: &[u8; 64] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

/// What CreateTable is asked for.
pub fn table() -> Value {
    json!({
        "TableName": TABLE,
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        "BillingMode": "PAY_PER_REQUEST",
    })
}

/// The partition key of the item with this number.
pub fn partition_key(number: usize) -> String {
    format!("customer#{:06}", number / ITEMS_PER_PARTITION)
}

fn sort_key(number: usize) -> String {
    format!("order#{:06}", number % ITEMS_PER_PARTITION)
}

/// The primary key of the item with this number.
pub fn key(number: usize) -> Value {
    json!({"pk": {"S": partition_key(number)}, "sk": {"S": sort_key(number)}})
}

/// The whole item of 1 KB with this number, the same in every run.
pub fn item(number: usize) -> Value {
    item_of(number, ITEM_SIZE_BYTES)
}

/// The same with `size_bytes` bytes, [`SIZE_BYTES_MIN`] or more.
pub fn item_of(number: usize, size_bytes: usize) -> Value {
    let mut random = Random::new(number as u64);
    if size_bytes < WHOLE_SIZE_BYTES_MIN {
        return json!({
            "pk": {"S": partition_key(number)},
            "sk": {"S": sort_key(number)},
            "note": {"S": filling(size_bytes - KEYS_SIZE_BYTES, &mut random)},
        });
    }
    // The last digit is never zero, as that would not be stored.
    let total = format!("{}.{}", 100 + random.below(900), 1 + random.below(9));
    let status = ["shipped", "pending", "refused"][random.below(3)];
    let note = filling(size_bytes - FIXED_SIZE_BYTES, &mut random);
    json!({
        "pk": {"S": partition_key(number)},
        "sk": {"S": sort_key(number)},
        "created_at": {"S": format!("2026-01-01T00:00:{:02}Z", random.below(60))},
        "note": {"S": note},
        "paid": {"BOOL": true},
        "status": {"S": status},
        "total": {"N": total},
    })
}

/// Random letters behind the place for a stamp.
pub fn filling(length: usize, random: &mut Random) -> String {
    let letters = (0..length - STAMP.len()).map(|_| random.letter());
    STAMP.chars().chain(letters).collect()
}

/// Random numbers that are the same in every run. (xorshift64*)
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        // An odd multiplier keeps seeds apart; the state must not be zero.
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number from 0 up to `bound`, which is not included.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32;
        ((high * bound as u64) >> 32) as usize
    }

    /// A letter, a digit, `-` or `_`.
    pub fn letter(&mut self) -> char {
        LETTERS[self.below(LETTERS.len())] as char
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// The service's rule for the few types that are used here.
    fn size_bytes(item: &Value) -> usize {
        let attributes = item.as_object().expect("an object");
        attributes
            .iter()
            .map(|(name, value)| {
                let value = value.as_object().and_then(|value| value.iter().next());
                let size_bytes = match value.map(|(kind, value)| (kind.as_str(), value)) {
                    Some(("S", value)) => value.as_str().expect("a string").len(),
                    // A byte for two digits and one for the sign and the exponent.
                    Some(("N", value)) => {
                        value.as_str().expect("digits").replace('.', "").len().div_ceil(2) + 1
                    }
                    Some(("BOOL", _)) => 1,
                    other => panic!("another type: {other:?}"),
                };
                name.len() + size_bytes
            })
            .sum()
    }

    #[test]
    fn every_item_has_the_same_size() {
        let length = item(0).to_string().len();
        for number in 0..1000 {
            let item = item(number);
            assert_eq!(size_bytes(&item), ITEM_SIZE_BYTES);
            assert_eq!(item.to_string().len(), length);
        }
    }

    #[test]
    fn items_have_the_size_that_is_asked_for() {
        for size in [SIZE_BYTES_MIN, 100, 199, 200, 1024, 10_240, 409_600] {
            assert_eq!(size_bytes(&item_of(7, size)), size);
        }
    }

    #[test]
    fn keys_and_values_are_distinct() {
        let keys: HashSet<String> = (0..1000).map(|number| key(number).to_string()).collect();
        assert_eq!(keys.len(), 1000);
        assert_ne!(item(7)["note"], item(8)["note"]);
        assert_eq!(item(7), item(7));
    }

    #[test]
    fn random_numbers_reach_the_whole_range() {
        let mut random = Random::new(0);
        let seen: HashSet<usize> = (0..1000).map(|_| random.below(10)).collect();
        assert_eq!(seen.len(), 10);
    }
}
