//! Views of one moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use store::{Batch, Declared, Read, Store};

use crate::support::*;

pub async fn snapshots_hold_still<S: Store>(store: Arc<S>) {
    let mut taken = Vec::new();
    for round in 0..12u64 {
        let mut batch = Batch::new();
        for index in 0..60u64 {
            batch.put(key(ROWS, number_bytes(index)), number_bytes(round));
        }
        batch.delete(key(ROWS, number_bytes(round)));
        batch.put(key(OTHERS, number_bytes(round)), vec![7; 20_000]);
        batch.delete_range(OTHERS, number_bytes(0), number_bytes(round / 2));
        batch.add(key(COUNTERS, "counter"), 3);
        batch.append(LOGS, b"log".to_vec(), "record");
        write(&*store, Declared::default(), batch).await;

        let snapshot = store.snapshot().expect("a snapshot");
        let content = content(&snapshot).await;
        taken.push((snapshot, content));
    }
    for (snapshot, expected) in taken {
        assert!(content(&snapshot).await == expected);
        for (space, rows) in expected {
            for (bytes, value) in rows {
                assert_eq!(
                    snapshot.get(space, &bytes).await.expect("read").as_deref(),
                    Some(value.as_slice())
                );
                let many = snapshot
                    .get_many(&[key(space, &bytes), key(space, "absent")])
                    .await
                    .expect("read");
                assert_eq!(many, [Some(value.into()), None]);
            }
        }
    }
}

type Content = Vec<(store::KeySpace, Vec<(Vec<u8>, Vec<u8>)>)>;

async fn content<R: Read>(reader: &R) -> Content {
    let mut content = Vec::new();
    for space in [ROWS, OTHERS, LOGS, COUNTERS] {
        content.push((space, read_all(reader, space, &[], &[255; 40]).await));
    }
    content
}

/// One number in two spaces and in a counter: a snapshot never sees them apart.
pub async fn snapshots_are_whole<S: Store>(store: Arc<S>) {
    let done = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..3)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                for _ in 0..150 {
                    let keys = [key(ROWS, "number"), key(OTHERS, "number")];
                    let targets = keys.clone();
                    let commit = store.commit(exclusive(keys), move |held| {
                        let next = number_bytes(number(&held.exclusive[0]) + 1);
                        let mut batch = Batch::new();
                        for target in &targets {
                            batch.put(target.clone(), next.clone());
                        }
                        batch.add(key(COUNTERS, "number"), 1);
                        store::Decision::<(), ()>::Commit(batch, ())
                    });
                    commit.await.expect("it is written");
                }
            })
        })
        .collect();
    let reader = {
        let (store, done) = (store.clone(), done.clone());
        tokio::spawn(async move {
            while !done.load(Ordering::SeqCst) {
                let snapshot = store.snapshot().expect("a snapshot");
                let mut numbers = Vec::new();
                for space in [COUNTERS, OTHERS, ROWS] {
                    numbers.push(number(&snapshot.get(space, b"number").await.expect("read")));
                    tokio::task::yield_now().await;
                }
                assert!(
                    numbers.iter().all(|number| *number == numbers[0]),
                    "torn: {numbers:?}"
                );
            }
        })
    };
    for writer in writers {
        writer.await.expect("it ends");
    }
    done.store(true, Ordering::SeqCst);
    reader.await.expect("it ends");
    assert_eq!(number(&store.get(COUNTERS, b"number").await.expect("read")), 450);
}
