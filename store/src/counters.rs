//! Adds summed up, so that each counter is written once however many commits add to it.

use std::collections::HashMap;

use bytes::Bytes;

use crate::batch::Operation;
use crate::{Batch, Key, KeySpace, counter_value};

/// The counters that a group of batches adds to.
#[derive(Debug, Default)]
pub(crate) struct CounterSums {
    sums: HashMap<Key, Sum>,
    spaces: Vec<KeySpace>,
}

#[derive(Debug, Default)]
struct Sum {
    /// What the group itself put before the adds; `None` where that is for the store to say.
    base: Option<Option<Bytes>>,
    delta: i64,
}

impl CounterSums {
    /// Sums up the batches, which are applied in this order.
    pub fn of<'a>(batches: impl Iterator<Item = &'a Batch> + Clone) -> Self {
        let mut counters = CounterSums::default();
        if !batches.clone().any(|batch| batch.has_adds) {
            return counters;
        }
        for operation in batches.clone().flat_map(|batch| &batch.operations) {
            if let Operation::Add { key, .. } = operation {
                if !counters.sums.contains_key(key) {
                    counters.sums.insert(key.clone(), Sum::default());
                }
                if !counters.spaces.contains(&key.space) {
                    counters.spaces.push(key.space);
                }
            }
        }
        for operation in batches.flat_map(|batch| &batch.operations) {
            counters.note(operation);
        }
        counters
    }

    fn note(&mut self, operation: &Operation) {
        match operation {
            Operation::Add { key, delta } => {
                if let Some(sum) = self.sums.get_mut(key) {
                    sum.delta = sum.delta.wrapping_add(*delta);
                }
            }
            Operation::Put { key, value } => self.set(key, Some(value)),
            Operation::Delete { key } => self.set(key, None),
            Operation::DeleteRange { space, start, end } if self.spaces.contains(space) => {
                for (key, sum) in &mut self.sums {
                    if key.space == *space && *start <= key.bytes && key.bytes < *end {
                        *sum = Sum {
                            base: Some(None),
                            delta: 0,
                        };
                    }
                }
            }
            Operation::DeleteRange { .. } | Operation::Append { .. } => {}
        }
    }

    fn set(&mut self, key: &Key, value: Option<&Bytes>) {
        if self.spaces.contains(&key.space)
            && let Some(sum) = self.sums.get_mut(key)
        {
            *sum = Sum {
                base: Some(value.cloned()),
                delta: 0,
            };
        }
    }

    /// What to put behind all other operations of the group, reading the stored values with `read`.
    ///
    /// Fails with the key of a counter whose value is none, or with the error of `read`.
    pub fn finish<E>(
        self,
        mut read: impl FnMut(&Key) -> Result<Option<Bytes>, E>,
        malformed: impl Fn(&Key) -> E,
    ) -> Result<Vec<(Key, i64)>, E> {
        let mut values = Vec::with_capacity(self.sums.len());
        for (key, sum) in self.sums {
            let base = match sum.base {
                Some(base) => base,
                None => read(&key)?,
            };
            let Some(base) = counter_value(base.as_deref()) else {
                return Err(malformed(&key));
            };
            values.push((key, base.wrapping_add(sum.delta)));
        }
        Ok(values)
    }
}
