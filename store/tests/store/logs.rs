//! The order of log records.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use store::{Batch, Declared, LOG_NUMBER_BYTES, Store};

use crate::support::*;

const LOG_NAMES: [&[u8]; 2] = [b"log a ", b"log b "];

fn log_number(key: &[u8]) -> u64 {
    u64::from_be_bytes(key[key.len() - LOG_NUMBER_BYTES..].try_into().expect("a number"))
}

fn log_time(record: &[u8]) -> u64 {
    u64::from_be_bytes(record[..8].try_into().expect("a time"))
}

fn log_key(log: &[u8], number: u64) -> Vec<u8> {
    [log, &number.to_be_bytes()].concat()
}

async fn append<S: Store>(store: &S, task: u64, round: u64) {
    let mut batch = Batch::new();
    for log in LOG_NAMES {
        batch.append(LOGS, log.to_vec(), format!("{task} {round}"));
    }
    write(store, Declared::default(), batch).await;
}

fn start_appenders<S: Store>(store: &Arc<S>, done: &Arc<AtomicBool>) -> tokio::task::JoinHandle<()> {
    let (store, done) = (store.clone(), done.clone());
    tokio::spawn(async move {
        let tasks: Vec<_> = (0..6)
            .map(|task| {
                let store = store.clone();
                tokio::spawn(async move {
                    for round in 0..150 {
                        append(&*store, task, round).await;
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("it ends");
        }
        done.store(true, Ordering::SeqCst);
    })
}

pub async fn readers_never_find_anything_older<S: Store>(store: Arc<S>) {
    let done = Arc::new(AtomicBool::new(false));
    let appenders = start_appenders(&store, &done);
    let readers: Vec<_> = LOG_NAMES
        .into_iter()
        .map(|log| {
            let (store, done) = (store.clone(), done.clone());
            tokio::spawn(async move {
                let mut seen: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
                loop {
                    let was_done = done.load(Ordering::SeqCst);
                    let from = seen.last().map_or(0, |(key, _)| log_number(key) + 1);
                    seen.extend(read_all(&*store, LOGS, &log_key(log, from), &log_key(log, u64::MAX)).await);
                    if was_done {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
                // Whoever read along has seen what is there in the end: nothing came late.
                let all = read_all(&*store, LOGS, &log_key(log, 0), &log_key(log, u64::MAX)).await;
                assert_eq!(all.len(), 6 * 150);
                assert!(seen == all, "a record appeared below one that was already seen");
                assert!(
                    all.is_sorted_by_key(|(_, record)| log_time(record)),
                    "time went back"
                );
                // One task's records keep its order.
                for task in 0..6 {
                    let mine = all.iter().filter_map(|(_, record)| {
                        let text = std::str::from_utf8(&record[8..]).expect("text");
                        text.strip_prefix(&format!("{task} "))?.parse::<u64>().ok()
                    });
                    assert!(mine.eq(0..150));
                }
            })
        })
        .collect();
    appenders.await.expect("it ends");
    for reader in readers {
        reader.await.expect("it ends");
    }
}

pub async fn log_end_covers_what_is_published<S: Store>(store: Arc<S>) {
    assert_eq!(store.log_end().await.expect("read"), 0);
    let done = Arc::new(AtomicBool::new(false));
    let appenders = start_appenders(&store, &done);
    let mut last_end = 0;
    let mut found = Vec::new();
    while !done.load(Ordering::SeqCst) {
        let end = store.log_end().await.expect("read");
        assert!(end >= last_end);
        last_end = end;
        let records = read_all(
            &*store,
            LOGS,
            &log_key(LOG_NAMES[0], 0),
            &log_key(LOG_NAMES[0], end + 1),
        )
        .await;
        found.push((end, records.len()));
        tokio::task::yield_now().await;
    }
    appenders.await.expect("it ends");
    for (end, found) in found {
        let now = read_all(
            &*store,
            LOGS,
            &log_key(LOG_NAMES[0], 0),
            &log_key(LOG_NAMES[0], end + 1),
        )
        .await;
        assert_eq!(
            now.len(),
            found,
            "records up to {end} were missing when {end} was the end"
        );
    }
    let end = store.log_end().await.expect("read");
    let all = read_all(&*store, LOGS, b"log", b"loh").await;
    assert_eq!(all.iter().map(|(key, _)| log_number(key)).max(), Some(end));
}

pub async fn numbers_go_on_after_a_trim<S: Store>(store: Arc<S>) {
    append(&*store, 0, 0).await;
    let before = store.log_end().await.expect("read");
    let mut trim = Batch::new();
    trim.delete_range(LOGS, b"log".to_vec(), b"loh".to_vec());
    write(&*store, Declared::default(), trim).await;
    assert!(read_all(&*store, LOGS, b"", b"z").await.is_empty());
    assert_eq!(store.log_end().await.expect("read"), before);
    append(&*store, 0, 1).await;
    let records = read_all(&*store, LOGS, b"", b"z").await;
    assert_eq!(records.len(), LOG_NAMES.len());
    assert!(records.iter().all(|(key, _)| log_number(key) > before));
}
