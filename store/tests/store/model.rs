//! Random commits, one after the other, against plain maps.

use std::collections::BTreeMap;
use std::sync::Arc;

use store::{Batch, Declared, Key, KeySpace, Read, Store};

use crate::support::*;

/// What the store should hold, kept as simply as possible.
#[derive(Default)]
pub struct Model {
    pub spaces: [BTreeMap<Vec<u8>, Vec<u8>>; SPACE_COUNT],
    pub log_records: Vec<Vec<u8>>,
}

impl Model {
    /// Fills a batch at random and applies it to the model.
    pub fn random_batch(&mut self, random: &mut fastrand::Rng) -> Batch {
        let mut batch = Batch::new();
        for _ in 0..random.usize(0..8) {
            let space = [ROWS, OTHERS][random.usize(0..2)];
            let row = random_key(random, space);
            let rows = &mut self.spaces[usize::from(space.0)];
            match random.u8(0..20) {
                0..9 => {
                    let value = vec![random.u8(..); random.usize(0..300)];
                    rows.insert(row.bytes.clone(), value.clone());
                    batch.put(row, value);
                }
                9..13 => {
                    rows.remove(&row.bytes);
                    batch.delete(row);
                }
                13 => {
                    let end = random_key(random, space).bytes;
                    rows.retain(|key, _| !(row.bytes <= *key && *key < end));
                    batch.delete_range(space, row.bytes, end);
                }
                14..17 => {
                    let counter = random_key(random, COUNTERS);
                    let delta = random.i64(..);
                    let value = self.spaces[usize::from(COUNTERS.0)]
                        .entry(counter.bytes.clone())
                        .or_insert(vec![0; 8]);
                    let before = i64::from_be_bytes(value[..].try_into().expect("8 bytes"));
                    *value = before.wrapping_add(delta).to_be_bytes().to_vec();
                    batch.add(counter, delta);
                }
                _ => {
                    let record = vec![random.u8(..); random.usize(0..100)];
                    self.log_records.push(record.clone());
                    batch.append(LOGS, b"log".to_vec(), record);
                }
            }
        }
        batch
    }

    /// Panics where the store holds anything else.
    pub async fn compare<R: Read>(&self, reader: &R) {
        for space in [ROWS, OTHERS, COUNTERS] {
            let expected = self.spaces[usize::from(space.0)].clone();
            assert_eq!(
                read_all(reader, space, &[], &[255; 20]).await,
                expected.into_iter().collect::<Vec<_>>()
            );
        }
        let records = read_all(reader, LOGS, &[], &[255; 20]).await;
        assert!(
            records
                .iter()
                .map(|(_, record)| &record[8..])
                .eq(self.log_records.iter().map(Vec::as_slice))
        );
    }
}

fn random_key(random: &mut fastrand::Rng, space: KeySpace) -> Key {
    let length = random.usize(0..4);
    key(space, (0..length).map(|_| random.u8(0..6)).collect::<Vec<_>>())
}

pub async fn random_commits_agree_with_a_plain_map<S: Store>(store: Arc<S>) {
    let mut random = fastrand::Rng::with_seed(3);
    let mut model = Model::default();
    for step in 0..800 {
        let batch = model.random_batch(&mut random);
        write(&*store, Declared::default(), batch).await;
        if step % 40 == 0 {
            model.compare(&*store).await;
            model.compare(&store.snapshot().expect("a snapshot")).await;
        }
    }
    model.compare(&*store).await;
}
