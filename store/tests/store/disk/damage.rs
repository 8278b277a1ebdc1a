//! Damage to what was acknowledged is refused, and repaired on request.

use std::fs;
use std::sync::Arc;

use store::{
    Batch, Declared, Direction, DiskStore, Durability, RangeRequest, Read, StoreError, find_log_losses,
    repair_log,
};

use super::child;
use super::durability::{copy, log_file};
use crate::support::*;

const COMMITS: u64 = 30;

/// A store with commits in its log, as a killed process leaves it, and where its log records end.
async fn unclosed_store() -> (Directory, Vec<u64>) {
    let directory = Directory::new();
    let mut options = directory.options();
    options.write_buffer_bytes = 8 << 20;
    let store = Arc::new(DiskStore::open(&options).expect("it opens"));
    let mut ends = Vec::new();
    for round in 1..=COMMITS {
        let mut batch = Batch::new();
        batch.put(key(ROWS, "row"), number_bytes(round));
        batch.put(key(OTHERS, number_bytes(round)), vec![7; 3000]);
        write(&*store, Declared::default(), batch).await;
        ends.push(fs::metadata(log_file(&directory.0)).expect("the log").len());
    }
    let left = Directory::new();
    copy(&directory.0, &left.0);
    (left, ends)
}

#[tokio::test]
async fn damage_before_a_record_is_refused_and_repaired() {
    let (left, ends) = unclosed_store().await;
    let mut random = fastrand::Rng::with_seed(11);
    for _ in 0..25 {
        let broken = Directory::new();
        copy(&left.0, &broken.0);
        let options = broken.options();
        let log = log_file(&broken.0);
        let mut bytes = fs::read(&log).expect("the log");
        let last_start = ends[ends.len() - 2] as usize;
        let at = random.usize(0..last_start);
        bytes[at] ^= 1 << random.u8(0..8);
        fs::write(&log, &bytes).expect("the log");

        let good = ends.iter().filter(|end| **end <= at as u64).count();
        let good_end = if good == 0 { 0 } else { ends[good - 1] };
        match DiskStore::open(&options) {
            Err(StoreError::Damaged { path, offset, detail }) => {
                assert_eq!((path, offset), (log.clone(), Some(good_end)), "byte {at}");
                assert!(detail.contains("stator repair"), "{detail}");
            }
            // Filler at the end of a block means nothing.
            Ok(_) => assert!(32768 - at % 32768 < 7, "byte {at}"),
            Err(other) => panic!("{other:?}"),
        }
        if 32768 - at % 32768 < 7 {
            continue;
        }
        let losses = find_log_losses(&broken.0).expect("it can be read");
        assert_eq!((&losses[0].path, losses[0].offset), (&log, good_end));
        assert_eq!(fs::read(&log).expect("the log"), bytes, "looking changes nothing");
        assert_eq!(repair_log(&options).expect("it is repaired"), losses);

        assert_eq!(find_log_losses(&broken.0).expect("it can be read"), []);
        let kept = broken.0.join("lost").join(format!(
            "{}.from-{good_end}",
            log.file_name().expect("a name").display()
        ));
        assert_eq!(fs::read(kept).expect("it is kept"), bytes[good_end as usize..]);
        let store = DiskStore::open(&options).expect("it opens");
        assert_eq!(number(&store.get(ROWS, b"row").await.expect("read")), good as u64);
        put(&store, ROWS, "row", number_bytes(77)).await;
        drop(store);
        let store = DiskStore::open(&options).expect("it opens again");
        assert_eq!(number(&store.get(ROWS, b"row").await.expect("read")), 77);
    }
}

#[tokio::test]
async fn a_sound_store_needs_no_repair() {
    let (left, _) = unclosed_store().await;
    assert_eq!(find_log_losses(&left.0).expect("it can be read"), []);
    assert_eq!(repair_log(&left.options()).expect("nothing to do"), []);
    let store = DiskStore::open(&left.options()).expect("it opens");
    assert_eq!(number(&store.get(ROWS, b"row").await.expect("read")), COMMITS);
}

/// Two log files, as when the machine stops while a write buffer is being written out, and the
/// damage at the end of the older one.
#[tokio::test]
async fn damage_in_an_older_log_file_is_found() {
    let (left, ends) = unclosed_store().await;
    let options = left.options();
    let older = log_file(&left.0);
    let newer = older.with_file_name("999999.log");
    fs::copy(&older, &newer).expect("it can be copied");
    let mut bytes = fs::read(&older).expect("the log");
    *bytes.last_mut().expect("it is not empty") ^= 1;
    fs::write(&older, &bytes).expect("the log");

    let good_end = ends[ends.len() - 2];
    let refused = DiskStore::open(&options).map(|_| ());
    match &refused {
        Err(StoreError::Damaged { path, offset, detail }) => {
            assert_eq!((path, *offset), (&older, Some(good_end)));
            assert!(detail.contains("999999.log"), "{detail}");
        }
        other => panic!("{other:?}"),
    }
    let losses = repair_log(&options).expect("it is repaired");
    let lost: Vec<_> = losses
        .iter()
        .map(|loss| (&loss.path, loss.offset, loss.lost_bytes))
        .collect();
    let size_bytes = bytes.len() as u64;
    assert_eq!(
        lost,
        [(&older, good_end, size_bytes - good_end), (&newer, 0, size_bytes)]
    );
    assert!(left.0.join("lost/999999.log.from-0").exists());
    let store = DiskStore::open(&options).expect("it opens");
    assert_eq!(number(&store.get(ROWS, b"row").await.expect("read")), COMMITS - 1);
}

#[tokio::test]
async fn damage_to_a_table_is_refused_when_it_is_read() {
    let directory = Directory::new();
    let options = directory.options();
    let store = DiskStore::open(&options).expect("it opens");
    for index in 0..200u64 {
        put(&store, ROWS, number_bytes(index), vec![index as u8; 500]).await;
    }
    drop(store);
    for entry in fs::read_dir(directory.0.join("db")).expect("the database") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "sst") {
            let mut bytes = fs::read(&path).expect("a table");
            let middle = bytes.len() / 3;
            bytes[middle..middle + 50].fill(0x55);
            fs::write(&path, bytes).expect("a table");
        }
    }
    let failed = match DiskStore::open(&options) {
        Err(error) => error,
        Ok(store) => {
            let mut errors = Vec::new();
            for index in 0..200u64 {
                match store.get(ROWS, &number_bytes(index)).await {
                    Ok(value) => assert_eq!(value.expect("it is there"), vec![index as u8; 500]),
                    Err(error) => errors.push(error),
                }
            }
            errors.pop().expect("damage is noticed")
        }
    };
    assert!(matches!(failed, StoreError::Damaged { .. }), "{failed:?}");
}

/// The end of a table says what the table is like, and RocksDB's words about it name no file. Some
/// tables are opened with the store and others when they are read.
#[tokio::test]
async fn a_table_whose_end_is_damaged_is_named_when_it_is_opened() {
    let whole = Directory::new();
    for round in 0..3u64 {
        let store = DiskStore::open(&whole.options()).expect("it opens");
        for index in 0..20u64 {
            let mut batch = Batch::new();
            batch.put(key(ROWS, number_bytes(index)), vec![round as u8; 30]);
            batch.put(key(OTHERS, number_bytes(index)), vec![round as u8; 30]);
            batch.append(LOGS, b"log".to_vec(), vec![round as u8; 30]);
            batch.add(key(COUNTERS, number_bytes(index)), 1);
            write(&store, Declared::default(), batch).await;
        }
    }
    let tables: Vec<_> = fs::read_dir(whole.0.join("db"))
        .expect("the database")
        .map(|entry| entry.expect("an entry").file_name())
        .filter(|name| name.to_string_lossy().ends_with(".sst"))
        .collect();
    assert!(tables.len() > 5, "{tables:?}");

    let mut random = fastrand::Rng::with_seed(13);
    // Errors whose words name no file.
    let (mut searched_at_opening, mut searched_at_reading) = (0, 0);
    for round in 0..300 {
        let broken = Directory::new();
        copy(&whole.0, &broken.0);
        let mut options = broken.options();
        if round % 2 == 0 {
            // So few that opening leaves the tables to their readers.
            options.open_files_max = 20;
        }
        let table = broken.0.join("db").join(&tables[round % tables.len()]);
        let mut bytes = fs::read(&table).expect("a table");
        let at = bytes.len() - 8 - random.usize(0..bytes.len().min(1500) - 8);
        match random.bool() {
            true => bytes[at] ^= 1 << random.u8(0..8),
            false => bytes[at..at + 8].fill(0xff),
        }
        fs::write(&table, &bytes).expect("a table");

        let name = table.file_name().expect("a name").display().to_string();
        let is_searched = |error: &StoreError| match error {
            StoreError::Damaged { path, detail, .. } => {
                assert!(
                    *path == table || detail.contains(&name),
                    "byte {at} of {name}: {path:?}: {detail}"
                );
                !detail.contains(&name)
            }
            other => panic!("byte {at} of {name}: {other:?}"),
        };
        match DiskStore::open(&options) {
            Err(error) => searched_at_opening += usize::from(is_searched(&error)),
            Ok(store) => {
                for space in [ROWS, OTHERS, LOGS, COUNTERS] {
                    let request = RangeRequest {
                        space,
                        start: b"",
                        end: &[255],
                        direction: Direction::Forward,
                        rows_max: 1000,
                        bytes_max: 1 << 20,
                    };
                    match store.range(request).await {
                        Ok(page) => assert_eq!(page.len(), if space == LOGS { 60 } else { 20 }),
                        Err(error) => searched_at_reading += usize::from(is_searched(&error)),
                    }
                }
            }
        }
    }
    assert!(
        searched_at_opening > 0 && searched_at_reading > 0,
        "{searched_at_opening} and {searched_at_reading}"
    );
}

#[tokio::test]
async fn a_manifest_that_is_not_there_is_refused_by_the_file_that_names_it() {
    let directory = Directory::new();
    let options = directory.options();
    let store = DiskStore::open(&options).expect("it opens");
    put(&store, ROWS, "row", "value").await;
    drop(store);
    let current = directory.0.join("db").join("CURRENT");
    let content = fs::read(&current).expect("it is there");
    for bad in [
        "MANIFEST-999999\n",
        "MANIFEST-",
        "",
        "no name",
        "MANIFEST-/../stator.lock\n",
    ] {
        fs::write(&current, bad).expect("written");
        match DiskStore::open(&options).map(|_| ()) {
            Err(StoreError::Damaged { path, .. }) => assert_eq!(path, current, "{bad:?}"),
            other => panic!("{bad:?}: {other:?}"),
        }
    }
    fs::write(&current, content).expect("written");
    let store = DiskStore::open(&options).expect("it opens");
    assert!(store.get(ROWS, b"row").await.expect("read").is_some());
}

#[tokio::test]
async fn a_manifest_that_is_not_as_it_was_left_is_refused() {
    let directory = Directory::new();
    let options = directory.options();
    for round in 0..3u8 {
        let store = DiskStore::open(&options).expect("it opens");
        for index in 0..200 {
            put(&store, ROWS, number_bytes(index), vec![round; 5000]).await;
        }
    }
    let current = fs::read_to_string(directory.0.join("db/CURRENT")).expect("it is there");
    let manifest = directory.0.join("db").join(current.trim_end());
    let content = fs::read(&manifest).expect("it is there");
    let mut flipped = content.clone();
    flipped[content.len() / 2] ^= 4;
    let cuts = (0..content.len())
        .step_by(97)
        .map(|length| content[..length].to_vec());
    for bad in cuts.chain([flipped]) {
        fs::write(&manifest, &bad).expect("written");
        match DiskStore::open(&options).map(|_| ()) {
            Err(StoreError::Damaged { path, .. }) => assert_eq!(path, manifest, "{} bytes", bad.len()),
            other => panic!("{} bytes: {other:?}", bad.len()),
        }
    }
    fs::write(&manifest, content).expect("written");
    let store = DiskStore::open(&options).expect("it opens");
    for index in 0..200 {
        let value = store.get(ROWS, &number_bytes(index)).await.expect("it is read");
        assert_eq!(value.expect("it is there"), vec![2; 5000]);
    }
}

/// A killed process leaves a log behind, which begins where the manifest ends.
#[tokio::test]
async fn a_manifest_cut_short_before_the_log_is_refused() {
    let killed = Directory::new();
    // As many as write the buffers out some times.
    let said = child::listen(child::start(&killed.0, Durability::Os, ""), Some(12_000));
    let current = fs::read_to_string(killed.0.join("db/CURRENT")).expect("it is there");
    let name = format!("db/{}", current.trim_end());
    let length = fs::metadata(killed.0.join(&name)).expect("it is there").len();
    let mut refusals = 0;
    for cut in (0..=length).step_by(61).chain([length]) {
        let broken = Directory::new();
        copy(&killed.0, &broken.0);
        let manifest = fs::File::options().write(true).open(broken.0.join(&name));
        manifest.and_then(|file| file.set_len(cut)).expect("it is cut");
        match DiskStore::open(&broken.options()) {
            Ok(store) => child::check(&store, &said).await,
            Err(StoreError::Damaged { path, detail, .. }) => {
                assert!(
                    path.ends_with(&name) || detail.contains("MANIFEST-"),
                    "{path:?}: {detail}"
                );
                refusals += usize::from(detail.contains("its end is missing"));
            }
            Err(other) => panic!("cut at {cut} of {length}: {other:?}"),
        }
    }
    assert!(refusals > 0, "no cut of {length} bytes was told by the log");
}

/// A full disk may leave the beginning of a seal, which is none.
#[tokio::test]
async fn a_seal_that_was_not_finished_is_none() {
    let directory = Directory::new();
    let options = directory.options();
    let store = DiskStore::open(&options).expect("it opens");
    put(&store, ROWS, "row", "value").await;
    drop(store);
    let seal = directory.0.join("stator.closed");
    let content = fs::read(&seal).expect("it is sealed");
    fs::remove_file(&seal).expect("it is there");
    fs::write(directory.0.join("stator.closed.new"), &content[..5]).expect("written");
    for _ in 0..2 {
        let store = DiskStore::open(&options).expect("it opens");
        assert!(store.get(ROWS, b"row").await.expect("read").is_some());
        drop(store);
        assert!(seal.exists() && !directory.0.join("stator.closed.new").exists());
    }
}
