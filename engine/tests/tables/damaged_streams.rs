//! `stator check`, streams and change logs: damage that is planted is found.

use serde_json::json;

use crate::service::{Service, table};

const NAME: &str = "t_stream";
/// The positions of the catalog and of change logs among the key spaces.
const CATALOG: u8 = 0;
const LOG: u8 = 3;

/// A table with a stream that has one record.
fn service() -> Service {
    let service = Service::new();
    let stream = json!({"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"});
    service.answer("CreateTable", table(NAME, json!({"StreamSpecification": stream})));
    service.answer("PutItem", json!({"TableName": NAME, "Item": {"pk": {"S": "a"}}}));
    assert_eq!(service.problems(), Vec::<String>::new());
    service
}

/// The one key of the catalog with that prefix.
fn catalog_key(service: &Service, prefix: u8) -> Vec<u8> {
    let mut keys = service.keys_of(CATALOG);
    keys.retain(|key| key[0] == prefix);
    assert_eq!(keys.len(), 1);
    keys.remove(0)
}

fn log_key(service: &Service) -> Vec<u8> {
    let mut keys = service.keys_of(LOG);
    assert_eq!(keys.len(), 1);
    keys.remove(0)
}

#[test]
fn a_missing_stream_is_found() {
    let service = service();
    service.plant(CATALOG, &catalog_key(&service, b's'), None);
    service.finds("the stream that it records its changes for is missing or closed");
}

#[test]
fn a_stream_that_can_not_be_read_is_found() {
    let service = service();
    service.plant(CATALOG, &catalog_key(&service, b's'), Some(b"no stream"));
    let problems = service.problems();
    assert!(problems[0].contains("a stream cannot be read"), "{problems:#?}");
}

#[test]
fn a_missing_shard_is_found() {
    let service = service();
    service.plant(CATALOG, &catalog_key(&service, b'h'), None);
    service.finds("a shard that is open is missing");
}

#[test]
fn a_shard_that_can_not_be_read_is_found() {
    let service = service();
    service.plant(CATALOG, &catalog_key(&service, b'h'), Some(b"no shard"));
    let problems = service.problems();
    assert!(problems[0].contains("a shard cannot be read"), "{problems:#?}");
}

#[test]
fn a_record_that_can_not_be_read_is_found() {
    let service = service();
    service.plant(LOG, &log_key(&service), Some(b"eight of these, then no record"));
    service.finds("has a record that cannot be read");
}

#[test]
fn a_record_that_should_be_trimmed_is_found() {
    let service = service();
    let key = log_key(&service);
    let trimmed = [b"l", &key[..4]].concat();
    service.plant(CATALOG, &trimmed, Some(&[0, 0, 0, 0, 0, 0, 1, 0]));
    service.finds("and is trimmed up to 256");
}

#[test]
fn a_log_of_no_table_is_found() {
    let service = service();
    let mut key = log_key(&service);
    key[..4].copy_from_slice(&77_u32.to_be_bytes());
    service.plant(LOG, &key, Some(b""));
    service.finds("there is a change log of the unknown id 77");
}
