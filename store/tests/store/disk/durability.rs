//! What is acknowledged is there after the process has ended, however it ended.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use store::{Batch, Clock, Declared, DiskStore, Durability, LOG_NUMBER_BYTES, Read, Store};

use super::child;
use crate::model::Model;
use crate::support::*;

#[tokio::test]
async fn survives_reopening() {
    for durability in [Durability::Sync, Durability::Os] {
        let directory = Directory::new();
        let mut options = directory.options();
        options.durability = durability;
        let mut random = fastrand::Rng::with_seed(9);
        let mut model = Model::default();
        let mut log_end = 0;
        for _ in 0..6 {
            let store = DiskStore::open(&options).expect("it opens");
            model.compare(&store).await;
            assert_eq!(store.log_end().await.expect("read"), log_end);
            for _ in 0..60 {
                write(&store, Declared::default(), model.random_batch(&mut random)).await;
            }
            model.compare(&store).await;
            log_end = store.log_end().await.expect("read");
            assert_eq!(log_end, model.log_records.len() as u64);
        }
    }
}

#[tokio::test]
async fn close_refuses_what_comes_after() {
    let directory = Directory::new();
    let store = DiskStore::open(&directory.options()).expect("it opens");
    put(&store, ROWS, "row", "value").await;
    store.close().expect("it closes");
    store.close().expect("it is closed");
    let refused = store.commit(Declared::default(), |_| {
        let mut batch = Batch::new();
        batch.put(key(ROWS, "late"), "value");
        store::Decision::<(), ()>::Commit(batch, ())
    });
    assert!(matches!(refused.await, Err(store::StoreError::Closed)));
}

#[tokio::test]
async fn log_numbers_and_times_never_go_back() {
    let directory = Directory::new();
    let mut options = directory.options();
    let mut last = (0, 0);
    // The clock is set back, and the whole log is trimmed, between the openings.
    for now_ms in [5000, 4000, 6000, 1] {
        options.clock = Clock::new(move || now_ms);
        let store = DiskStore::open(&options).expect("it opens");
        let mut batch = Batch::new();
        batch.append(LOGS, b"log".to_vec(), "record");
        write(&store, Declared::default(), batch).await;
        let records = read_all(&store, LOGS, b"log", b"loh").await;
        assert_eq!(records.len(), 1);
        let (log_key, record) = &records[0];
        let log_number = u64::from_be_bytes(
            log_key[log_key.len() - LOG_NUMBER_BYTES..]
                .try_into()
                .expect("8 bytes"),
        );
        let time_ms = u64::from_be_bytes(record[..8].try_into().expect("8 bytes"));
        assert!(log_number > last.0 && time_ms >= last.1 && time_ms >= now_ms);
        last = (log_number, time_ms);
        let mut trim = Batch::new();
        trim.delete_range(LOGS, b"log".to_vec(), b"loh".to_vec());
        write(&store, Declared::default(), trim).await;
    }
}

#[tokio::test]
async fn survives_kills() {
    for durability in [Durability::Sync, Durability::Os] {
        let directory = Directory::new();
        let mut stored = [0; child::ROW_COUNT as usize];
        for _ in 0..5 {
            let running = child::start(&directory.0, durability, "");
            let mut said = child::listen(running, Some(300));
            assert!(
                said.others.iter().all(|line| !line.contains("failed")),
                "{:?}",
                said.others
            );
            for (acknowledged, stored) in said.acknowledged.iter_mut().zip(stored) {
                // A row may have had no turn before the end.
                assert!(*acknowledged == 0 || *acknowledged > stored, "it went back");
                *acknowledged = (*acknowledged).max(stored);
            }
            let mut options = directory.options();
            options.durability = durability;
            let store = DiskStore::open(&options).expect("it opens");
            child::check(&store, &said).await;
            for (row, stored) in (0..).zip(&mut stored) {
                *stored = child::read_row(&store, row).await;
            }
        }
    }
}

/// Cuts the log after any number of bytes, as a loss of power may: exactly the commits whose record
/// is whole are there.
#[tokio::test]
async fn survives_a_cut_anywhere_in_the_log() {
    let directory = Directory::new();
    let mut options = directory.options();
    // One log file, so that a cut is all that happens.
    options.write_buffer_bytes = 8 << 20;
    options.log_bytes_max = 64 << 20;
    let store = Arc::new(DiskStore::open(&options).expect("it opens"));
    let mut random = fastrand::Rng::with_seed(5);
    let mut ends = vec![log_bytes(&directory.0)];
    for round in 1..=40u64 {
        let mut batch = Batch::new();
        batch.put(key(ROWS, "row"), number_bytes(round));
        // Some records span several blocks.
        let size_bytes = if round % 8 == 0 {
            70_000
        } else {
            random.usize(0..2000)
        };
        batch.put(key(OTHERS, number_bytes(round)), vec![random.u8(..); size_bytes]);
        batch.append(LOGS, b"log".to_vec(), "record");
        write(&*store, Declared::default(), batch).await;
        ends.push(log_bytes(&directory.0));
    }
    let whole = Directory::new();
    copy(&directory.0, &whole.0);
    drop(store);

    let last = *ends.last().expect("there are some");
    let near_ends = ends
        .iter()
        .flat_map(|end| [end.saturating_sub(1), *end, end + 1, end + 7, end + 8]);
    let cuts = near_ends.chain((0..60).map(|_| random.u64(0..last)).collect::<Vec<_>>());
    for cut in cuts.filter(|cut| *cut <= last) {
        let broken = Directory::new();
        copy(&whole.0, &broken.0);
        let log = log_file(&broken.0);
        let content = fs::read(&log).expect("the log");
        let file = fs::OpenOptions::new().write(true).open(&log).expect("the log");
        file.set_len(cut).expect("it can be cut");
        // A file system may leave zeros where data has not arrived. Where zeros were to arrive, nothing
        // is missing: records end with a time, and its last byte may be one.
        let zeros = random.u64(0..3) * 5000;
        file.set_len(cut + zeros).expect("it can grow");
        drop(file);
        let arrived = content.iter().skip(cut as usize).take(zeros as usize);
        let cut = cut + arrived.take_while(|byte| **byte == 0).count() as u64;

        options.path = broken.0.clone();
        let store = DiskStore::open(&options).expect("a torn tail is no damage");
        let expected = ends.iter().filter(|end| **end <= cut).count() as u64 - 1;
        assert_eq!(
            number(&store.get(ROWS, b"row").await.expect("read")),
            expected,
            "cut at {cut}"
        );
        assert_eq!(store.log_end().await.expect("read"), expected);
        assert_eq!(
            read_all(&store, LOGS, b"log", b"loh").await.len() as u64,
            expected
        );
        assert_eq!(read_all(&store, OTHERS, b"", &[255]).await.len() as u64, expected);
        // And it goes on from there.
        put(&store, ROWS, "row", number_bytes(1000)).await;
        drop(store);
        let store = DiskStore::open(&options).expect("it opens again");
        assert_eq!(number(&store.get(ROWS, b"row").await.expect("read")), 1000);
    }
}

fn log_bytes(directory: &Path) -> u64 {
    fs::metadata(log_file(directory)).expect("the log").len()
}

/// The newest log file.
pub fn log_file(directory: &Path) -> std::path::PathBuf {
    let entries = fs::read_dir(directory.join("db")).expect("the database");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let logs = paths.filter(|path| path.extension().is_some_and(|extension| extension == "log"));
    logs.max().expect("a log file")
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("it can be copied");
        }
    }
}
