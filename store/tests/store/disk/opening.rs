//! Whose directory it is.

use std::fs;

use store::{DiskStore, StoreError, find_log_losses};

use crate::support::*;

fn open(directory: &Directory) -> Result<DiskStore, StoreError> {
    DiskStore::open(&directory.options())
}

#[tokio::test]
async fn creates_missing_parents_and_opens_again() {
    let directory = Directory::new();
    let mut options = directory.options();
    options.path = directory.0.join("some/where/deep");
    let store = DiskStore::open(&options).expect("it opens");
    put(&store, ROWS, "row", "value").await;
    drop(store);
    let store = DiskStore::open(&options).expect("it opens again");
    assert_eq!(
        store::Read::get(&store, ROWS, b"row")
            .await
            .expect("read")
            .as_deref(),
        Some(b"value".as_slice())
    );
}

#[tokio::test]
async fn a_directory_of_an_earlier_version_gets_the_spaces_that_it_lacks() {
    let directory = Directory::new();
    let mut earlier = directory.options();
    earlier.spaces = &SPACES[..1];
    let store = DiskStore::open(&earlier).expect("it opens");
    put(&store, ROWS, "row", "value").await;
    drop(store);
    for _ in 0..2 {
        let store = open(&directory).expect("it opens with more spaces");
        for (space, bytes) in [(ROWS, "row"), (LOGS, "log")] {
            let stored = store::Read::get(&store, space, bytes.as_bytes()).await;
            let expected = (space == ROWS).then_some(b"value".as_slice());
            assert_eq!(stored.expect("read").as_deref(), expected);
        }
        put(&store, OTHERS, "row", "other").await;
    }
    let store = open(&directory).expect("it opens again");
    let stored = store::Read::get(&store, OTHERS, b"row").await;
    assert_eq!(stored.expect("read").as_deref(), Some(b"other".as_slice()));
    drop(store);
    // What a space holds is never passed over.
    assert!(DiskStore::open(&earlier).is_err());
}

#[test]
fn has_one_owner() {
    let directory = Directory::new();
    let store = open(&directory).expect("it opens");
    let second = open(&directory).map(|_| ());
    assert!(
        matches!(&second, Err(StoreError::Locked(path)) if *path == directory.0),
        "{second:?}"
    );
    assert!(matches!(
        find_log_losses(&directory.0),
        Err(StoreError::Locked(_))
    ));
    drop(store);
    open(&directory).expect("it is free again");
}

#[test]
fn a_snapshot_keeps_the_directory() {
    let directory = Directory::new();
    let store = open(&directory).expect("it opens");
    let snapshot = store::Store::snapshot(&store).expect("a snapshot");
    drop(store);
    assert!(matches!(open(&directory), Err(StoreError::Locked(_))));
    drop(snapshot);
    open(&directory).expect("it is free again");
}

#[test]
fn leaves_foreign_directories_alone() {
    let directory = Directory::new();
    fs::create_dir_all(directory.0.join("photos")).expect("a directory");
    fs::write(directory.0.join("letter.txt"), "dear").expect("a file");
    match open(&directory) {
        Err(StoreError::NotAStore { path, found }) => {
            assert_eq!(path, directory.0);
            assert_eq!(found, "it holds \"letter.txt\" and 1 more");
        }
        other => panic!("{other:?}"),
    }
    let names = fs::read_dir(&directory.0).expect("it is there").count();
    assert_eq!(names, 2, "nothing was added");

    let mut options = directory.options();
    options.path = directory.0.join("letter.txt");
    assert!(matches!(
        DiskStore::open(&options),
        Err(StoreError::NotAStore { .. })
    ));
    assert!(matches!(
        find_log_losses(&directory.0),
        Err(StoreError::NotAStore { .. })
    ));
}

#[test]
fn takes_an_empty_file_system() {
    let directory = Directory::new();
    fs::create_dir_all(directory.0.join("lost+found")).expect("a directory");
    open(&directory).expect("it opens");
}

#[test]
fn refuses_newer_and_garbled_formats() {
    for (content, is_newer) in [
        ("stator data directory, format 2\n", true),
        ("stator data directory, format 4000000000\n", true),
        ("stator data directory, format x\n", false),
        ("", false),
    ] {
        let directory = Directory::new();
        drop(open(&directory).expect("it opens"));
        fs::write(directory.0.join("stator.format"), content).expect("a file");
        match open(&directory) {
            Err(StoreError::NewerFormat {
                path,
                found,
                supported: 1,
            }) => {
                assert!(is_newer && path == directory.0 && content.contains(&found.to_string()));
            }
            Err(StoreError::Damaged { path, .. }) => {
                assert!(!is_newer && path.ends_with("stator.format"));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn an_unfinished_creation_starts_over() {
    let directory = Directory::new();
    drop(open(&directory).expect("it opens"));
    // As if the machine had stopped before the last step.
    fs::remove_file(directory.0.join("stator.format")).expect("it was there");
    fs::write(directory.0.join("stator.creating"), "").expect("a file");
    fs::remove_file(directory.0.join("db/CURRENT")).expect("it was there");
    let store = open(&directory).expect("it opens");
    put(&store, ROWS, "row", "value").await;
    drop(store);
    assert!(!directory.0.join("stator.creating").exists());
    // And if only the mark was left behind, nothing is lost.
    fs::write(directory.0.join("stator.creating"), "").expect("a file");
    let store = open(&directory).expect("it opens");
    assert!(
        store::Read::get(&store, ROWS, b"row")
            .await
            .expect("read")
            .is_some()
    );
}

#[test]
fn never_replaces_a_store_that_is_not_whole() {
    let directory = Directory::new();
    drop(open(&directory).expect("it opens"));
    fs::remove_file(directory.0.join("db/CURRENT")).expect("it was there");
    assert!(open(&directory).is_err());
    fs::remove_dir_all(directory.0.join("db")).expect("it was there");
    assert!(open(&directory).is_err());
    fs::create_dir(directory.0.join("db")).expect("it is gone");
    assert!(open(&directory).is_err());
    assert!(!directory.0.join("db/CURRENT").exists());
}
