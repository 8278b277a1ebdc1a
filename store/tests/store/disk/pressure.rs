//! Many commits, little memory, removed ranges.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use store::{Batch, Decision, Declared, Direction, DiskStore, RangeRequest, Read, Store};

use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hot_key_costs_a_sync_per_group_and_not_per_write() {
    let directory = Directory::new();
    let store = disk_sync(&directory);
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                for _ in 0..20 {
                    increment(&*store, key(ROWS, "hot")).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("it ends");
    }
    assert_eq!(number(&store.get(ROWS, b"hot").await.expect("read")), 64 * 20);
    let status = store.status();
    assert_eq!(status.commits, 64 * 20);
    assert!(status.groups * 4 < status.commits, "{status:?}");
}

/// The line in front of the committer is shorter than any batch.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_short_line_holds_nobody_up_for_good() {
    let directory = Directory::new();
    let mut options = directory.options();
    options.queue_bytes_max = 10;
    let store = Arc::new(DiskStore::open(&options).expect("it opens"));
    crate::commits::no_update_is_lost(store.clone()).await;
    drop(store);
    let other = Directory::new();
    options.path = other.0.clone();
    crate::commits::callers_may_go_away(Arc::new(DiskStore::open(&options).expect("it opens"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn reads_what_is_not_in_memory() {
    let directory = Directory::new();
    let mut options = directory.options();
    options.cache_bytes = 1 << 20;
    options.read_queue_max = 1;
    options.read_threads = 1;
    let mut random = fastrand::Rng::with_seed(2);
    let rows: Vec<Vec<u8>> = (0..3000)
        .map(|_| (0..2000).map(|_| random.u8(..)).collect())
        .collect();
    for _ in 0..2 {
        let store = Arc::new(DiskStore::open(&options).expect("it opens"));
        for (index, chunk) in rows.chunks(100).enumerate() {
            let mut batch = Batch::new();
            for (offset, row) in chunk.iter().enumerate() {
                batch.put(
                    key(ROWS, number_bytes((index * 100 + offset) as u64)),
                    row.clone(),
                );
            }
            write(&*store, Declared::default(), batch).await;
        }
    }
    let store = Arc::new(DiskStore::open(&options).expect("it opens"));
    let rows = Arc::new(rows);
    let snapshot = Arc::new(store.snapshot().expect("a snapshot"));
    let tasks: Vec<_> = (0..8u64)
        .map(|seed| {
            let (store, rows, snapshot) = (store.clone(), rows.clone(), snapshot.clone());
            tokio::spawn(async move {
                let mut random = fastrand::Rng::with_seed(seed);
                for round in 0..150 {
                    let index = random.usize(0..rows.len() - 60);
                    let bytes = number_bytes(index as u64);
                    match round % 5 {
                        0 => assert_eq!(
                            store.get(ROWS, &bytes).await.expect("read").expect("there"),
                            rows[index]
                        ),
                        1 => assert_eq!(
                            snapshot.get(ROWS, &bytes).await.expect("read").expect("there"),
                            rows[index]
                        ),
                        2 => {
                            let keys = [
                                key(ROWS, number_bytes(index as u64 + 50)),
                                key(ROWS, &bytes),
                                key(OTHERS, &bytes),
                            ];
                            let values = store.get_many(&keys).await.expect("read");
                            assert_eq!(
                                values,
                                [
                                    Some(rows[index + 50].clone().into()),
                                    Some(rows[index].clone().into()),
                                    None
                                ]
                            );
                        }
                        3 => {
                            let declared = exclusive([key(ROWS, &bytes)]);
                            let held = store.commit(declared, |held| {
                                Decision::<(), _>::Abort(held.exclusive[0].clone())
                            });
                            let expected = Some(rows[index].clone().into());
                            assert_eq!(held.await.expect("read"), store::Outcome::Aborted(expected));
                        }
                        _ => {
                            let request = RangeRequest {
                                space: ROWS,
                                start: &bytes,
                                end: &number_bytes(index as u64 + 50),
                                direction: Direction::Reverse,
                                rows_max: 100,
                                bytes_max: 1 << 20,
                            };
                            let page = store.range(request).await.expect("read");
                            assert!(
                                page.iter()
                                    .rev()
                                    .map(|(_, row)| row)
                                    .eq(rows[index..index + 50].iter().map(Vec::as_slice))
                            );
                        }
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("it ends");
    }
}

#[tokio::test]
async fn what_is_read_in_bulk_takes_no_place_in_the_cache() {
    let directory = Directory::new();
    let mut options = directory.options();
    options.cache_bytes = 16 << 20;
    let mut random = fastrand::Rng::with_seed(5);
    let store = DiskStore::open(&options).expect("it opens");
    for index in 0..30u64 {
        let value: Vec<u8> = (0..100_000).map(|_| random.u8(..)).collect();
        put(&store, ROWS, number_bytes(index), value).await;
    }
    drop(store);
    let store = DiskStore::open(&options).expect("it opens");
    let cached_bytes = || store.measurements().block_cache_bytes;
    let before = cached_bytes();
    let in_bulk = read_all(&store.bulk_snapshot().expect("a snapshot"), ROWS, b"", &[255]).await;
    assert_eq!(in_bulk.len(), 30);
    assert!(
        cached_bytes() - before < 500_000,
        "{} bytes",
        cached_bytes() - before
    );
    let usual = read_all(&store.snapshot().expect("a snapshot"), ROWS, b"", &[255]).await;
    assert_eq!(usual, in_bulk);
    assert!(
        cached_bytes() - before > 2_000_000,
        "{} bytes",
        cached_bytes() - before
    );
}

#[tokio::test]
async fn the_room_of_a_removed_range_is_given_back() {
    let directory = Directory::new();
    let mut options = directory.options();
    options.reclaim_delay = Duration::ZERO;
    let store = DiskStore::open(&options).expect("it opens");
    let mut random = fastrand::Rng::with_seed(4);
    put(&store, ROWS, "before", "stays").await;
    put(&store, ROWS, "table", "stays").await;
    for index in 0..40u64 {
        let mut batch = Batch::new();
        for row in 0..10u64 {
            let value: Vec<u8> = (0..100_000).map(|_| random.u8(..)).collect();
            batch.put(
                key(
                    ROWS,
                    [b"removed ".as_slice(), &number_bytes(index * 10 + row)].concat(),
                ),
                value,
            );
        }
        write(&store, Declared::default(), batch).await;
    }
    let before = size_bytes(&directory.0);
    assert!(before > 38_000_000);
    let mut removal = Batch::new();
    removal.delete_range(ROWS, b"removed ".to_vec(), b"removed!".to_vec());
    write(&store, Declared::default(), removal).await;
    let mut waited = 0;
    while size_bytes(&directory.0) > 8_000_000 {
        waited += 1;
        assert!(
            waited < 150,
            "{} of {before} bytes are left",
            size_bytes(&directory.0)
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let left = read_all(&store, ROWS, b"", &[255]).await;
    assert_eq!(left.len(), 2);
    drop(store);
    let store = DiskStore::open(&options).expect("it opens");
    assert_eq!(read_all(&store, ROWS, b"", &[255]).await, left);
}

fn size_bytes(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory.join("db")).expect("the database");
    entries
        .filter_map(|entry| Some(entry.ok()?.metadata().ok()?.len()))
        .sum()
}
