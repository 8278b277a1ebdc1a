//! Transactions and writes that meet on an item, failing as the service lets them fail.
//!
//! Here they would queue at the store's latches and all succeed. An application that is to be tried
//! against conflicts asks for them ([`crate::Settings::has_transaction_conflicts`]): then whoever
//! comes to an item that a transaction is at work on, and a transaction that comes to an item that
//! is being written, is told so.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use api::{Error, ErrorKind};
use parking_lot::Mutex;
use store::Key;

/// Who is at work on an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    Transaction,
    /// So many writes of this item alone, which do not conflict with each other.
    Writes(u32),
}

/// The items that are being written.
#[derive(Default)]
pub(crate) struct ItemsInWork(Mutex<HashMap<Key, Holder>>);

/// Items that are being written until this is dropped.
pub(crate) struct InWork<'i> {
    items: &'i ItemsInWork,
    keys: Vec<Key>,
    is_transaction: bool,
}

/// The error of a request for an item that a transaction is at work on.
fn conflict() -> Error {
    Error::new(
        ErrorKind::TransactionConflictException,
        "Transaction is ongoing for the item",
    )
}

impl ItemsInWork {
    /// Takes an item for a write of it alone.
    pub fn take_for_write(&self, key: &Key) -> Result<InWork<'_>, Error> {
        match self.0.lock().entry(key.clone()) {
            Entry::Vacant(free) => {
                free.insert(Holder::Writes(1));
            }
            Entry::Occupied(mut taken) => match taken.get_mut() {
                Holder::Transaction => return Err(conflict()),
                Holder::Writes(count) => *count += 1,
            },
        }
        Ok(InWork {
            items: self,
            keys: vec![key.clone()],
            is_transaction: false,
        })
    }

    /// Takes the items of a transaction, all different. A result for each where one is not free.
    pub fn take_for_transaction(&self, keys: Vec<Key>) -> Result<InWork<'_>, Vec<Result<(), Error>>> {
        let mut holders = self.0.lock();
        if keys.iter().any(|key| holders.contains_key(key)) {
            let result = |key| match holders.contains_key(key) {
                true => Err(conflict()),
                false => Ok(()),
            };
            return Err(keys.iter().map(result).collect());
        }
        holders.extend(keys.iter().map(|key| (key.clone(), Holder::Transaction)));
        drop(holders);
        Ok(InWork {
            items: self,
            keys,
            is_transaction: true,
        })
    }

    /// Whether each of these items can be read in a transaction: none is being written by another.
    pub fn check_reads(&self, keys: &[Key]) -> Vec<Result<(), Error>> {
        let holders = self.0.lock();
        let result = |key| match holders.get(key) {
            Some(Holder::Transaction) => Err(conflict()),
            _ => Ok(()),
        };
        keys.iter().map(result).collect()
    }
}

impl Drop for InWork<'_> {
    fn drop(&mut self) {
        let mut holders = self.items.0.lock();
        for key in &self.keys {
            match holders.get_mut(key) {
                Some(Holder::Writes(count)) if !self.is_transaction && *count > 1 => *count -= 1,
                _ => {
                    holders.remove(key);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use store::KeySpace;

    use super::*;

    fn key(name: &str) -> Key {
        Key::new(KeySpace(1), name.as_bytes())
    }

    fn codes(results: Vec<Result<(), Error>>) -> Vec<bool> {
        results.iter().map(Result::is_ok).collect()
    }

    #[test]
    fn transactions_conflict_with_everything_and_writes_with_transactions_alone() {
        let items = ItemsInWork::default();
        let first = items
            .take_for_write(&key("a"))
            .unwrap_or_else(|_| panic!("is free"));
        let second = items
            .take_for_write(&key("a"))
            .unwrap_or_else(|_| panic!("is free"));
        let refused = items.take_for_transaction(vec![key("b"), key("a")]);
        assert_eq!(refused.err().map(codes), Some(vec![true, false]));
        drop(first);
        assert!(items.take_for_transaction(vec![key("a")]).is_err());
        drop(second);
        let transaction = items.take_for_transaction(vec![key("a"), key("b")]);
        assert!(items.take_for_write(&key("a")).is_err());
        assert!(items.take_for_transaction(vec![key("b"), key("c")]).is_err());
        assert_eq!(codes(items.check_reads(&[key("a"), key("c")])), [false, true]);
        drop(transaction);
        assert!(items.0.lock().is_empty());
    }
}
