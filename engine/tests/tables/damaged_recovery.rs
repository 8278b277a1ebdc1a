//! `stator check` and what is kept of the past: damage that is planted is found.

use serde_json::json;

use crate::service::{Service, table};

const NAME: &str = "t_recorded";
/// The positions of the catalog, of change logs and of what jobs set aside among the key spaces.
const CATALOG: u8 = 0;
const LOG: u8 = 3;
const SCRATCH: u8 = 9;

/// A table with its recovery enabled, and an item that was put and replaced.
fn service() -> Service {
    let service = Service::new();
    service.answer("CreateTable", table(NAME, json!({})));
    let recovery = json!({"PointInTimeRecoveryEnabled": true});
    let request = json!({"TableName": NAME, "PointInTimeRecoverySpecification": recovery});
    service.answer("UpdateContinuousBackups", request);
    for value in ["1", "2"] {
        let item = json!({"pk": {"S": "a"}, "value": {"N": value}});
        service.answer("PutItem", json!({"TableName": NAME, "Item": item}));
    }
    assert_eq!(service.problems(), Vec::<String>::new());
    service
}

/// A service whose table is being restored.
fn restoring() -> Service {
    let service = service();
    let request =
        json!({"SourceTableName": NAME, "TargetTableName": "then", "UseLatestRestorableTime": true});
    service.answer("RestoreTableToPointInTime", request);
    assert_eq!(service.problems(), Vec::<String>::new());
    service
}

fn catalog_key(service: &Service, beginning: &[u8]) -> Vec<u8> {
    let mut keys = service.keys_of(CATALOG);
    keys.retain(|key| key.starts_with(beginning));
    assert_eq!(keys.len(), 1);
    keys.remove(0)
}

#[test]
fn a_version_that_is_not_recorded_is_found() {
    let service = service();
    // The log of the recovery, whose id is above the table's.
    let newest = service.keys_of(LOG).pop().expect("a version");
    service.plant(LOG, &newest, None);
    service.finds("the newest version of its descriptor is not recorded");
}

#[test]
fn a_version_that_can_not_be_read_is_found() {
    let service = service();
    let newest = service.keys_of(LOG).pop().expect("a version");
    service.plant(LOG, &newest, Some(b"no version"));
    let problems = service.problems();
    assert!(
        problems
            .iter()
            .any(|problem| problem.contains("a version of its descriptor cannot be read")),
        "{problems:#?}"
    );
}

#[test]
fn a_record_that_lacks_the_item_before_is_found() {
    let service = service();
    // The second record replaces an item; it is made to say of the first, which has none before it, that
    // it replaced one.
    let first = service.keys_of(LOG).remove(0);
    let stored = service.value_of(LOG, &first);
    let mut damaged = stored.clone();
    // Behind the time and the format.
    damaged[9] |= 1;
    service.plant(LOG, &first, Some(&damaged));
    service.finds("lacks the item before the change");
}

#[test]
fn a_restore_without_its_source_is_found() {
    let service = restoring();
    let source = catalog_key(&service, format!("t{NAME}").as_bytes());
    service.plant(CATALOG, &source, None);
    let problems = service.problems();
    assert!(
        problems
            .iter()
            .any(|problem| problem.contains("its source does not keep its log for it")),
        "{problems:#?}"
    );
}

#[test]
fn a_log_that_is_kept_for_nobody_is_found() {
    let service = restoring();
    let target = catalog_key(&service, b"tthen");
    service.plant(CATALOG, &target, None);
    service.finds("which there is not");
}

#[test]
fn items_that_are_set_aside_for_nobody_are_found() {
    let service = service();
    service.plant(SCRATCH, &[0, 0, 0, 99, 1, 2, 3], Some(&[0]));
    service.finds("items are set aside for the unknown job 99");
}
