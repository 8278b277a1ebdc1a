//! What a client knows of the keys that it alone writes.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::schema::{Key, expiry_seconds};
use harness::failure::{Failure, Result};

/// How many answered transactions are kept to be sent again.
const ANSWERED_MAX: usize = 12;
/// How long a token is counted on; the service remembers it for ten minutes.
const TOKEN_TIME_MAX: Duration = Duration::from_secs(300);

/// An item, or that there is none.
pub type State = Option<Value>;

/// The items as they are, as far as the client was told, and what it was not told.
#[derive(Debug, Default)]
pub struct Ledger {
    items: HashMap<Key, Value>,
    /// The write that has no answer yet.
    pending: Option<Pending>,
    /// A transaction with a token whose first sending had no answer.
    pub unanswered: Option<Tokened>,
    answered: VecDeque<(Tokened, Instant)>,
}

/// A write under way.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The keys it writes, with their items before and after.
    pub writes: Vec<Write>,
    /// Whether all of it happens or nothing.
    pub is_atomic: bool,
    /// What to send again where there is no answer.
    pub tokened: Option<Tokened>,
}

/// One item that is written.
#[derive(Clone, Debug)]
pub struct Write {
    pub key: Key,
    pub before: State,
    pub after: State,
}

/// A transaction with a client request token.
#[derive(Clone, Debug)]
pub struct Tokened {
    pub request: Value,
    /// How often the clock had jumped when it was first sent; after a jump nobody knows whether the
    /// token is remembered.
    pub jumps: u64,
    /// The items that it leaves.
    pub writes: Vec<Write>,
}

impl Ledger {
    /// The item as it must be.
    pub fn get(&self, key: &Key) -> Option<&Value> {
        self.items.get(key)
    }

    /// A write begins.
    pub fn begin(&mut self, pending: Pending) {
        self.pending = Some(pending);
    }

    /// The write was acknowledged.
    pub fn acknowledge(&mut self) {
        let Some(pending) = self.pending.take() else {
            return;
        };
        for write in pending.writes {
            self.set(write.key, write.after);
        }
        if let Some(tokened) = pending.tokened {
            self.answered.push_back((tokened, Instant::now()));
            if self.answered.len() > ANSWERED_MAX {
                self.answered.pop_front();
            }
        }
    }

    /// The write was refused.
    pub fn refuse(&mut self) {
        self.pending = None;
    }

    /// A transaction that was acknowledged not long ago, with no jump of the clock since.
    pub fn answered(&self, random: &mut fastrand::Rng, jumps: u64) -> Option<&Tokened> {
        let recent = self
            .answered
            .iter()
            .filter(|(tokened, at)| tokened.jumps == jumps && at.elapsed() < TOKEN_TIME_MAX);
        let recent: Vec<&Tokened> = recent.map(|(tokened, _)| tokened).collect();
        random.choice(recent)
    }

    pub fn set(&mut self, key: Key, state: State) {
        match state {
            Some(item) => self.items.insert(key, item),
            None => self.items.remove(&key),
        };
    }

    /// Compares the ledger with the items that were found of its keys, and learns from them what
    /// became of a write without an answer. What expired by `latest_s` may be gone.
    pub fn settle(&mut self, found: &HashMap<Key, Value>, latest_s: u64) -> Result<()> {
        let agrees = |key: &Key, state: Option<&Value>| agrees(state, found.get(key), latest_s);
        let pending = self.pending.take();
        let writes = pending.as_ref().map_or([].as_slice(), |pending| &pending.writes);
        for (key, item) in &self.items {
            let is_pending = writes.iter().any(|write| write.key == *key);
            if !is_pending && !agrees(key, Some(item)) {
                return Err(Failure::new(format!(
                    "an acknowledged write is lost: {key:?} must be {item}, and is {:?}",
                    found.get(key)
                )));
            }
        }
        let before = |write: &&Write| agrees(&write.key, write.before.as_ref());
        let after = |write: &&Write| agrees(&write.key, write.after.as_ref());
        let is_explained = match &pending {
            Some(Pending { is_atomic: true, .. }) => {
                writes.iter().all(|write| before(&write)) || writes.iter().all(|write| after(&write))
            }
            _ => writes.iter().all(|write| before(&write) || after(&write)),
        };
        if !is_explained {
            let seen: Vec<_> = writes.iter().map(|write| found.get(&write.key)).collect();
            return Err(Failure::new(format!(
                "a write without an answer is neither made nor not made: {pending:?}; there is {seen:?}"
            )));
        }
        for key in found.keys() {
            if !self.items.contains_key(key) && !writes.iter().any(|write| write.key == *key) {
                return Err(Failure::new(format!("nobody wrote {:?}", found[key])));
            }
        }
        self.items = found.clone();
        self.unanswered = pending
            .and_then(|pending| pending.tokened)
            .or(self.unanswered.take());
        Ok(())
    }
}

/// Whether an item that must be in `state` may be found like this.
pub fn agrees(state: Option<&Value>, found: Option<&Value>, latest_s: u64) -> bool {
    match (state, found) {
        (Some(item), None) => is_due(item, latest_s),
        _ => state == found,
    }
}

/// Whether an item may have been deleted because its time was over.
pub fn is_due(item: &Value, latest_s: u64) -> bool {
    expiry_seconds(item).is_some_and(|expires_s| expires_s <= latest_s)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn item(key: &Key, version: u32) -> Value {
        let mut item = key.to_json();
        item["version"] = json!({"N": version.to_string()});
        item
    }

    fn write(sort: u32, before: Option<u32>, after: Option<u32>) -> Write {
        let key = Key::owned(0, 0, sort);
        Write {
            before: before.map(|version| item(&key, version)),
            after: after.map(|version| item(&key, version)),
            key,
        }
    }

    /// Settles a ledger of keys 0 and 1 in version 1, from which both go to version 2, with what
    /// is found of the two.
    fn settle(is_atomic: bool, found: [Option<u32>; 2]) -> bool {
        let writes = vec![write(0, Some(1), Some(2)), write(1, Some(1), Some(2))];
        let mut ledger = Ledger::default();
        for write in &writes {
            ledger.set(write.key.clone(), write.before.clone());
        }
        ledger.begin(Pending {
            writes: writes.clone(),
            is_atomic,
            tokened: None,
        });
        let found = writes
            .iter()
            .zip(found)
            .filter_map(|(write, version)| Some((write.key.clone(), item(&write.key, version?))));
        ledger.settle(&found.collect(), 0).is_ok()
    }

    #[test]
    fn a_write_without_an_answer_is_made_or_not() {
        assert!(settle(true, [Some(1), Some(1)]));
        assert!(settle(true, [Some(2), Some(2)]));
        assert!(!settle(true, [Some(1), Some(2)]));
        assert!(settle(false, [Some(1), Some(2)]));
        assert!(!settle(false, [Some(1), None]));
        assert!(!settle(false, [Some(1), Some(3)]));
    }

    #[test]
    fn what_was_acknowledged_is_there() {
        let acknowledged = write(0, None, Some(1));
        let settle = |found: &[Write]| {
            let mut ledger = Ledger::default();
            ledger.begin(Pending {
                writes: vec![acknowledged.clone()],
                is_atomic: true,
                tokened: None,
            });
            ledger.acknowledge();
            let found = found
                .iter()
                .filter_map(|write| Some((write.key.clone(), write.after.clone()?)));
            ledger.settle(&found.collect(), 0).is_ok()
        };
        assert!(settle(std::slice::from_ref(&acknowledged)));
        assert!(!settle(&[]));
        assert!(!settle(&[write(0, None, Some(2))]));
        assert!(!settle(&[acknowledged.clone(), write(1, None, Some(2))]));
    }

    #[test]
    fn what_expired_may_be_gone() {
        let mut expiring = item(&Key::owned(0, 0, 0), 1);
        expiring["expires_at"] = json!({"N": "100"});
        assert!(agrees(Some(&expiring), None, 100));
        assert!(!agrees(Some(&expiring), None, 99));
        assert!(agrees(Some(&expiring), Some(&expiring), 200));
        assert!(!agrees(None, Some(&expiring), 200));
    }
}
