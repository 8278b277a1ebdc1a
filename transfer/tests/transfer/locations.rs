//! Places: how they are written, and what is said of those that are none.

use transfer::{Location, S3Buckets};

use crate::database::Directory;

#[test]
fn places_are_named_as_they_were_given() {
    let directory = Directory::new();
    let buckets = S3Buckets::Directory(directory.path().to_owned());
    let place = Location::to_write("s3://my-bucket/a/b/", &buckets).expect("a place");
    assert_eq!((place.bucket(), place.prefix()), ("my-bucket", "a/b"));
    assert_eq!(
        place.shown("c.json"),
        format!("{}/my-bucket/a/b/c.json", directory.text())
    );
    assert_eq!(place.below("d").name_of("e"), "a/b/d/e");
    let url = format!("file://{}/new/folder", directory.text());
    let place = Location::to_write(&url, &S3Buckets::Remote).expect("a place");
    assert_eq!((place.bucket(), place.prefix()), ("folder", ""));
    assert!(directory.path().join("new/folder").is_dir());
}

#[test]
fn what_is_no_place_is_refused() {
    let directory = Directory::new();
    let buckets = S3Buckets::Directory(directory.path().to_owned());
    for (text, told) in [
        ("s3://", "names no bucket"),
        ("s3://../up", "names no bucket"),
        ("s3://a b/c", "names no bucket"),
        ("gs://bucket", "is no place that is known"),
        ("", "is no place"),
    ] {
        let error = Location::to_write(text, &buckets).expect_err(text).to_string();
        assert!(error.contains(told), "{error}");
    }
    let none = format!("{}/none", directory.text());
    let error = Location::to_read(&none, &buckets)
        .expect_err("nothing is there")
        .to_string();
    assert!(
        error.contains("does not exist") && !directory.path().join("none").exists(),
        "{error}"
    );
}
