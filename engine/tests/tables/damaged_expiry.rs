//! `stator check` and expiry entries: damage that is planted is found.

use serde_json::{Value, json};

use crate::service::{START_MS, Service, table};

const NAME: &str = "t_expiry";
const SECONDS: u64 = START_MS / 1000 + 1000;
/// The position of expiry entries among the key spaces.
const EXPIRY: u8 = 4;

fn item(key: &str, ttl: Value) -> Value {
    json!({"TableName": NAME, "Item": {"pk": {"S": key}, "ttl": ttl}})
}

/// A table of which the items `a` and `b` expire at the same second.
fn service() -> Service {
    let service = Service::new();
    service.answer("CreateTable", table(NAME, json!({})));
    let specification = json!({"Enabled": true, "AttributeName": "ttl"});
    service.answer(
        "UpdateTimeToLive",
        json!({"TableName": NAME, "TimeToLiveSpecification": specification}),
    );
    for key in ["a", "b"] {
        service.answer("PutItem", item(key, json!({"N": SECONDS.to_string()})));
    }
    service.answer("PutItem", item("c", json!({"S": "never"})));
    assert_eq!(service.problems(), Vec::<String>::new());
    service
}

#[test]
fn a_missing_entry_is_found() {
    let service = service();
    let entries = service.keys_of(EXPIRY);
    assert_eq!(entries.len(), 2);
    service.plant(EXPIRY, &entries[0], None);
    service.finds("expires and has no expiry entry");
}

#[test]
fn an_entry_of_another_time_is_found() {
    let service = service();
    let mut entry = service.keys_of(EXPIRY).remove(0);
    // The last byte of the time, behind the id of four bytes.
    entry[4 + 7] ^= 1;
    service.plant(EXPIRY, &entry, Some(b""));
    service.finds("belongs to no item");
}

#[test]
fn an_entry_of_no_item_is_found() {
    let service = service();
    let mut entry = service.keys_of(EXPIRY).remove(0);
    entry.push(7);
    service.plant(EXPIRY, &entry, Some(b""));
    service.finds("belongs to no item");
}

#[test]
fn an_entry_with_a_value_is_found() {
    let service = service();
    let entry = service.keys_of(EXPIRY).remove(0);
    service.plant(EXPIRY, &entry, Some(b"x"));
    service.finds("has a value");
}

#[test]
fn entries_of_an_unknown_id_are_found() {
    let service = service();
    let mut entry = service.keys_of(EXPIRY).remove(0);
    entry[..4].copy_from_slice(&77_u32.to_be_bytes());
    service.plant(EXPIRY, &entry, Some(b""));
    service.finds("there are expiry entries of the unknown id 77");
}

#[test]
fn entries_that_outlive_the_time_to_live_are_found() {
    let service = service();
    let entry = service.keys_of(EXPIRY).remove(0);
    service.clock.advance_ms(60 * 60 * 1000);
    let specification = json!({"Enabled": false, "AttributeName": "ttl"});
    service.answer(
        "UpdateTimeToLive",
        json!({"TableName": NAME, "TimeToLiveSpecification": specification}),
    );
    assert_eq!(
        service.problems(),
        Vec::<String>::new(),
        "what is to be removed may be there"
    );
    service.work();
    service.plant(EXPIRY, &entry, Some(b""));
    service.finds("there are expiry entries of the unknown id");
}

#[test]
fn while_it_is_enabled_only_what_was_passed_must_have_entries() {
    let service = Service::new();
    service.answer("CreateTable", table(NAME, json!({})));
    for n in 0..2000 {
        service.answer("PutItem", item(&n.to_string(), json!({"N": SECONDS.to_string()})));
    }
    let specification = json!({"Enabled": true, "AttributeName": "ttl"});
    service.answer(
        "UpdateTimeToLive",
        json!({"TableName": NAME, "TimeToLiveSpecification": specification}),
    );
    let entries = service.keys_of(EXPIRY);
    assert!(entries.len() < 2000, "a part of the items is left");
    assert_eq!(service.problems(), Vec::<String>::new());
    let mut wrong = entries[0].clone();
    wrong[4 + 7] ^= 1;
    service.plant(EXPIRY, &wrong, Some(b""));
    service.finds("belongs to no item");
    service.plant(EXPIRY, &wrong, None);
    service.plant(EXPIRY, &entries[0], None);
    service.finds("expires and has no expiry entry");
}
