//! Writes that fail, and room that runs out.

use std::fs;
use std::time::Duration;

use fs4::FileExt;
use store::{Batch, Decision, Declared, DiskStore, Durability, Read, Store, StoreError};

use super::child;
use crate::support::*;

/// The child's files may not grow beyond a limit, so a log write fails half way.
#[tokio::test]
async fn a_failed_write_poisons_and_loses_nothing() {
    for durability in [Durability::Sync, Durability::Os] {
        let directory = Directory::new();
        drop(DiskStore::open(&directory.options()).expect("it opens"));
        let running = child::start(&directory.0, durability, "trap '' XFSZ; ulimit -f 400;");
        let said = child::listen(running, None);
        assert!(
            said.acknowledged.iter().all(|count| *count > 0),
            "{:?}",
            said.others
        );
        let failed: Vec<_> = said
            .others
            .iter()
            .filter(|line| line.starts_with("failed "))
            .collect();
        assert_eq!(failed.len() as u64, child::ROW_COUNT, "{:?}", said.others);
        assert!(failed.iter().all(|line| line.contains("Poisoned")), "{failed:?}");
        assert!(
            said.others
                .iter()
                .any(|line| line.starts_with("poisoned ") && line != "poisoned not")
        );
        // Reads went on, and showed what was acknowledged and no more.
        let readable = said
            .others
            .iter()
            .filter_map(|line| line.strip_prefix("readable ")?.parse::<u64>().ok());
        assert!(readable.eq(said.acknowledged), "{:?}", said.others);

        let store = DiskStore::open(&directory.options()).expect("it opens");
        child::check(&store, &said).await;
        put(&store, ROWS, "row", "value").await;
    }
}

#[tokio::test]
async fn without_room_only_what_makes_room_goes_on() {
    let directory = Directory::new();
    drop(DiskStore::open(&directory.options()).expect("it opens"));
    let free = fs4::available_space(&directory.0).expect("a file system");
    let hole = 1 << 30;
    if free < 3 * hole {
        eprintln!("skipped: there is too little room to play with");
        return;
    }
    let mut options = directory.options();
    options.min_free_bytes = free - hole / 2;
    let store = DiskStore::open(&options).expect("it opens");
    put(&store, ROWS, "row", "value").await;

    let filler = directory.0.join("filler");
    let file = fs::File::create(&filler).expect("a file");
    FileExt::allocate(&file, hole).expect("there is room");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let refused = store.commit(exclusive([key(ROWS, "row")]), |_| {
        let mut batch = Batch::new();
        batch.put(key(ROWS, "row"), "more");
        Decision::<(), ()>::Commit(batch, ())
    });
    match refused.await {
        Err(StoreError::NoSpace {
            free_bytes,
            min_free_bytes,
        }) => assert!(free_bytes < min_free_bytes),
        other => panic!("{other:?}"),
    }
    assert_eq!(
        store.get(ROWS, b"row").await.expect("read").as_deref(),
        Some(b"value".as_slice())
    );
    let mut removal = Batch::new();
    removal.delete(key(ROWS, "row"));
    removal.delete_range(OTHERS, b"a".to_vec(), b"z".to_vec());
    write(&store, Declared::default(), removal).await;
    let mut step = Batch::new();
    step.put(key(OTHERS, "state"), "to be removed");
    step.set_makes_room();
    write(&store, exclusive([key(OTHERS, "state")]), step).await;

    drop(file);
    fs::remove_file(&filler).expect("it was there");
    tokio::time::sleep(Duration::from_millis(100)).await;
    put(&store, ROWS, "row", "again").await;
    assert!(store.status().poisoned.is_none());
}

#[tokio::test]
async fn a_counter_that_is_none_poisons() {
    let directory = Directory::new();
    let store = DiskStore::open(&directory.options()).expect("it opens");
    put(&store, COUNTERS, "counter", "no counter").await;
    let add = || {
        let mut batch = Batch::new();
        batch.add(key(COUNTERS, "counter"), 1);
        store.commit(Declared::default(), move |_| {
            Decision::<(), ()>::Commit(batch.clone(), ())
        })
    };
    assert!(matches!(add().await, Err(StoreError::Poisoned(_))));
    assert!(store.status().poisoned.is_some());
    assert!(matches!(add().await, Err(StoreError::Poisoned(_))));
    assert!(store.get(COUNTERS, b"counter").await.expect("read").is_some());
}
