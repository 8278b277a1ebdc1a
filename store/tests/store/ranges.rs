//! Pages of ranges, both ways.

use std::collections::BTreeMap;
use std::sync::Arc;

use store::{Batch, Declared, Direction, RangeRequest, Store};

use crate::support::*;

fn random_key(random: &mut fastrand::Rng) -> Vec<u8> {
    let length = random.usize(0..5);
    (0..length)
        .map(|_| [0, 1, 127, 128, 255][random.usize(0..5)])
        .collect()
}

pub async fn pages_agree_with_a_plain_map<S: Store>(store: Arc<S>) {
    let mut random = fastrand::Rng::with_seed(1);
    let mut plain = BTreeMap::new();
    for _ in 0..15 {
        let mut batch = Batch::new();
        for _ in 0..40 {
            let bytes = random_key(&mut random);
            if random.u8(0..4) == 0 {
                batch.delete(key(ROWS, &bytes));
                plain.remove(&bytes);
            } else {
                let value = vec![random.u8(..); random.usize(0..200)];
                batch.put(key(ROWS, &bytes), value.clone());
                plain.insert(bytes, value);
            }
        }
        // A neighbour that must never show up.
        batch.put(key(OTHERS, random_key(&mut random)), "other space");
        write(&*store, Declared::default(), batch).await;

        for _ in 0..40 {
            let (start, end) = (random_key(&mut random), random_key(&mut random));
            let mut expected: Vec<_> = plain
                .iter()
                .filter(|(key, _)| start <= **key && **key < end)
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            let (rows_max, bytes_max) = (random.usize(1..20), random.usize(0..1000));
            let direction = if random.bool() {
                Direction::Forward
            } else {
                Direction::Reverse
            };
            if direction == Direction::Reverse {
                expected.reverse();
            }
            let rows = read_pages(&*store, ROWS, &start, &end, direction, rows_max, bytes_max).await;
            assert_eq!(rows, expected, "{start:?}..{end:?} {direction:?}");
        }
    }
}

pub async fn page_limits<S: Store>(store: Arc<S>) {
    for index in 0..10u8 {
        put(&*store, ROWS, [index], [index; 9]).await;
    }
    // Rows of ten bytes. (start, end, rows_max, bytes_max) and the rows expected.
    type Case = (u8, u8, usize, usize, &'static [u8]);
    let cases: [Case; 8] = [
        (0, 10, 100, 1000, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (3, 5, 100, 1000, &[3, 4]),
        (5, 3, 100, 1000, &[]),
        (4, 4, 100, 1000, &[]),
        (0, 10, 3, 1000, &[0, 1, 2]),
        (0, 10, 100, 0, &[0]),
        (0, 10, 100, 20, &[0, 1]),
        (0, 10, 100, 21, &[0, 1, 2]),
    ];
    for (start, end, rows_max, bytes_max, expected) in cases {
        for direction in [Direction::Forward, Direction::Reverse] {
            let request = RangeRequest {
                space: ROWS,
                start: &[start],
                end: &[end],
                direction,
                rows_max,
                bytes_max,
            };
            let page = store.range(request).await.expect("read");
            let rows: Vec<u8> = page.iter().map(|(key, _)| key[0]).collect();
            let expected: Vec<u8> = match direction {
                Direction::Forward => expected.to_vec(),
                Direction::Reverse => expected
                    .iter()
                    .map(|row| start.max(end) - 1 - (row - start))
                    .collect(),
            };
            assert_eq!(
                rows, expected,
                "{start}..{end} {rows_max} {bytes_max} {direction:?}"
            );
            assert_eq!(page.is_empty(), expected.is_empty());
            assert!(page.more || rows.len() == usize::from(end.saturating_sub(start)));
            for (index, row) in expected.iter().enumerate() {
                assert_eq!(page.value(index), vec![*row; 9]);
            }
        }
    }
}
