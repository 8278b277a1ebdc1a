//! Reads of the newest published state.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use store::{Batch, Direction, RangeRequest, Store};

use crate::support::*;

const KEYS: u64 = 3;
const WRITERS: u64 = 3;
const READERS: u64 = 4;
const WRITES: u64 = 400;

/// The number at a key, read in one of the three ways.
async fn read_number<S: Store>(store: &S, which: u64, way: u64) -> u64 {
    let bytes = number_bytes(which);
    match way {
        0 => number(&store.get(ROWS, &bytes).await.expect("it is read")),
        1 => {
            let keys = [key(ROWS, &bytes), key(OTHERS, "absent")];
            number(&store.get_many(&keys).await.expect("it is read")[0])
        }
        _ => {
            let request = RangeRequest {
                space: ROWS,
                start: &bytes,
                end: &number_bytes(which + 1),
                direction: Direction::Forward,
                rows_max: 1,
                bytes_max: 1,
            };
            let page = store.range(request).await.expect("it is read");
            number(&page.iter().next().map(|(_, value)| value.to_vec().into()))
        }
    }
}

/// Numbers that only grow are read by key, with others and in ranges, beside their writers: none is
/// ever read smaller than it was acknowledged or read before.
pub async fn reads_never_go_back<S: Store>(store: Arc<S>) {
    let acknowledged: Arc<[AtomicU64; KEYS as usize]> = Arc::default();
    let done = Arc::new(AtomicBool::new(false));
    let writers = (0..WRITERS).map(|writer| {
        let (store, acknowledged) = (store.clone(), acknowledged.clone());
        tokio::spawn(async move {
            for write in 0..WRITES {
                let which = (writer + write) % KEYS;
                let number = increment(&*store, key(ROWS, number_bytes(which))).await;
                acknowledged[which as usize].fetch_max(number, Ordering::SeqCst);
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let readers = (0..READERS).map(|reader| {
        let (store, acknowledged, done) = (store.clone(), acknowledged.clone(), done.clone());
        tokio::spawn(async move {
            let mut seen = [0; KEYS as usize];
            let mut reads = 0;
            while !done.load(Ordering::SeqCst) {
                let which = reads % KEYS;
                let least = acknowledged[which as usize].load(Ordering::SeqCst);
                let least = least.max(seen[which as usize]);
                let way = (reads / KEYS + reader) % 3;
                let number = read_number(&*store, which, way).await;
                assert!(number >= least, "{number} is read in way {way} after {least}");
                seen[which as usize] = number;
                reads += 1;
                tokio::task::yield_now().await;
            }
            reads
        })
    });
    let readers: Vec<_> = readers.collect();
    for writer in writers {
        writer.await.expect("the writer ends well");
    }
    done.store(true, Ordering::SeqCst);
    for reader in readers {
        assert!(reader.await.expect("nothing goes back") > 0);
    }
    let total: u64 = acknowledged
        .iter()
        .map(|number| number.load(Ordering::SeqCst))
        .sum();
    assert_eq!(total, WRITERS * WRITES);
}

/// What has been read is gone when it is deleted, alone or in a range.
pub async fn what_is_deleted_is_not_read<S: Store>(store: Arc<S>) {
    for name in ["a", "b", "c"] {
        put(&*store, ROWS, name, "value").await;
        let value = store.get(ROWS, name.as_bytes()).await.expect("it is read");
        assert_eq!(value.as_deref(), Some(&b"value"[..]));
    }
    let mut batch = Batch::new();
    batch.delete(key(ROWS, "a"));
    write(&*store, exclusive([key(ROWS, "a")]), batch).await;
    let mut batch = Batch::new();
    batch.delete_range(ROWS, b"b".to_vec(), b"c".to_vec());
    write(&*store, exclusive([key(ROWS, "b")]), batch).await;
    for (name, expected) in [("a", None), ("b", None), ("c", Some(&b"value"[..]))] {
        let value = store.get(ROWS, name.as_bytes()).await.expect("it is read");
        assert_eq!(value.as_deref(), expected, "{name}");
    }
}
