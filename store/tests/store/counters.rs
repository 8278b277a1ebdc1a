//! Adds, which need no declaration.

use std::sync::Arc;

use store::{Batch, Declared, Store, counter_value};

use crate::support::*;

async fn value<S: Store>(store: &S, name: &str) -> i64 {
    let stored = store.get(COUNTERS, name.as_bytes()).await.expect("read");
    counter_value(stored.as_deref()).expect("a counter")
}

pub async fn adds_are_never_lost<S: Store>(store: Arc<S>) {
    let tasks: Vec<_> = (0..8u64)
        .map(|task| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut random = fastrand::Rng::with_seed(task);
                let mut sums = [0; 3];
                for _ in 0..120 {
                    let mut batch = Batch::new();
                    for _ in 0..random.usize(1..5) {
                        let (which, delta) = (random.usize(0..3), random.i64(-1000..1000));
                        batch.add(key(COUNTERS, format!("counter {which}")), delta);
                        sums[which] += delta;
                    }
                    write(&*store, Declared::default(), batch).await;
                }
                sums
            })
        })
        .collect();
    let mut expected = [0; 3];
    for task in tasks {
        let sums = task.await.expect("it ends");
        for (expected, sum) in expected.iter_mut().zip(sums) {
            *expected += sum;
        }
    }
    for (which, expected) in expected.into_iter().enumerate() {
        assert_eq!(value(&*store, &format!("counter {which}")).await, expected);
    }
}

pub async fn adds_mix_with_puts<S: Store>(store: Arc<S>) {
    let counter = key(COUNTERS, "counter");
    let cases: [(&str, i64); 6] = [
        ("+5", 5),
        ("+5 +6", 16),
        ("=100 +1", 101),
        ("+1 =7", 7),
        ("+1 - +3 +4", 7),
        ("+1 range +2 -9", -7),
    ];
    for (steps, expected) in cases {
        let mut batch = Batch::new();
        for step in steps.split(' ') {
            match step.split_at(1) {
                ("=", number) => {
                    let number: i64 = number.parse().expect("a number");
                    batch.put(counter.clone(), number.to_be_bytes().to_vec());
                }
                ("-", "") => batch.delete(counter.clone()),
                ("r", _) => batch.delete_range(COUNTERS, b"a".to_vec(), b"z".to_vec()),
                _ => batch.add(counter.clone(), step.parse().expect("a number")),
            }
        }
        write(&*store, Declared::default(), batch).await;
        assert_eq!(value(&*store, "counter").await, expected, "{steps}");
    }
}
