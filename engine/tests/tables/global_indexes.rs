//! Global indexes made, changed and dropped on a live table.

use serde_json::{Value, json};

use crate::service::{INVALID, Service, changed, definitions, index, key, provisioned_table, table};

const NAME: &str = "t_indexed";

/// A service with a table that has a local index `local` and a global index `one` on `g`.
fn indexed() -> Service {
    let service = Service::new();
    let indexed = json!({
        "AttributeDefinitions": definitions(&["pk:S", "sk:S", "g:S"]),
        "KeySchema": key(&["pk:HASH", "sk:RANGE"]),
        "LocalSecondaryIndexes": [index("local", &["pk:HASH", "g:RANGE"])],
        "GlobalSecondaryIndexes": [index("one", &["g:HASH"])],
    });
    service.answer("CreateTable", table(NAME, indexed));
    service
}

fn update(attributes: &[&str], actions: Value) -> Value {
    let mut request = json!({"TableName": NAME, "GlobalSecondaryIndexUpdates": actions});
    if !attributes.is_empty() {
        request["AttributeDefinitions"] = definitions(attributes);
    }
    request
}

fn create(name: &str, elements: &[&str]) -> Value {
    json!({"Create": index(name, elements)})
}

fn delete(name: &str) -> Value {
    json!({"Delete": {"IndexName": name}})
}

fn put(service: &Service, number: usize, attributes: Value) {
    let keys = json!({"pk": {"S": format!("p{number}")}, "sk": {"S": "s"}});
    service.answer(
        "PutItem",
        json!({"TableName": NAME, "Item": changed(keys, attributes)}),
    );
}

#[test]
fn actions_are_checked_without_the_table() {
    let service = indexed();
    let check = |attributes: &[&str], actions: Value, expected: &str| {
        let request = changed(update(attributes, actions), json!({"TableName": "nowhere"}));
        assert_eq!(
            service.refusal("UpdateTable", request),
            format!("{INVALID}{expected}")
        );
    };
    check(
        &[],
        json!([{}]),
        "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, \
         GlobalSecondaryIndexUpdate.Delete must not be null",
    );
    check(
        &["h:S"],
        json!([changed(create("two", &["h:HASH"]), delete("two"))]),
        "Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate object",
    );
    check(
        &["h:S"],
        json!([create("two", &["h:HASH"]), delete("two")]),
        "Only one global secondary index update per index is allowed simultaneously. Index: two",
    );
    check(
        &[],
        json!([create("two", &["h:HASH"])]),
        "AttributeDefinitions is not specified for index: two",
    );
    check(
        &["other:S"],
        json!([create("two", &["pk:HASH", "h:RANGE"])]),
        "Some index key attributes are not defined in AttributeDefinitions. Keys: [pk, h], AttributeDefinitions: [other]",
    );
    let unprojected = changed(index("two", &["h:HASH"]), json!({"Projection": {}}));
    check(
        &["h:S"],
        json!([{"Create": unprojected}]),
        "Unknown ProjectionType: null",
    );
}

#[test]
fn actions_are_checked_against_the_table() {
    let service = indexed();
    let check = |actions: Value, kind: &str, expected: &str| {
        let error = service.error("UpdateTable", update(&["h:S", "g:S"], actions));
        assert_eq!(error, (kind.to_owned(), expected.to_owned()));
    };
    let invalid = "ValidationException";
    let exists = "Attempting to create an index which already exists";
    check(json!([create("one", &["h:HASH"])]), invalid, exists);
    check(json!([create("local", &["h:HASH"])]), invalid, exists);
    let missing = "Requested resource not found: Index two for table t_indexed";
    check(json!([delete("two")]), "ResourceNotFoundException", missing);
    let warm =
        |name: &str| json!({"Update": {"IndexName": name, "WarmThroughput": {"ReadUnitsPerSecond": 12000}}});
    check(json!([warm("two")]), "ResourceNotFoundException", missing);
    check(
        json!([delete("local")]),
        invalid,
        "Cannot delete an index that is not a GlobalSecondaryIndex: local",
    );
    check(
        json!([warm("local")]),
        invalid,
        "Cannot update an index that is not a GlobalSecondaryIndex: local",
    );
    let one_online =
        "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table";
    check(
        json!([create("two", &["h:HASH"]), delete("one")]),
        "LimitExceededException",
        one_online,
    );
    let provisioned = json!({"ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}});
    check(
        json!([{"Create": changed(index("two", &["h:HASH"]), provisioned)}]),
        invalid,
        &format!(
            "{INVALID}Neither ReadCapacityUnits nor WriteCapacityUnits can be specified for index: two when BillingMode \
             is PAY_PER_REQUEST"
        ),
    );

    let service = Service::new();
    service.answer("CreateTable", provisioned_table(NAME, json!({})));
    assert_eq!(
        service.refusal(
            "UpdateTable",
            update(&["h:S"], json!([create("two", &["h:HASH"])]))
        ),
        format!("{INVALID}Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: two")
    );
}

#[test]
fn twenty_are_enough() {
    let service = Service::new();
    let many: Value = (1..=20)
        .map(|number| index(&format!("global{number}"), &["g:HASH"]))
        .collect();
    let indexed =
        json!({"AttributeDefinitions": definitions(&["pk:S", "g:S"]), "GlobalSecondaryIndexes": many});
    service.answer("CreateTable", table(NAME, indexed));
    let expected = (
        "LimitExceededException".to_owned(),
        "Subscriber limit exceeded: Number of global secondary indexes exceeds per-table limit of 20"
            .to_owned(),
    );
    assert_eq!(
        service.error(
            "UpdateTable",
            update(&["h:S"], json!([create("another", &["h:HASH"])]))
        ),
        expected
    );
}

#[test]
fn an_index_is_filled_in_the_background() {
    let service = indexed();
    for number in 0..600 {
        let attributes = if number % 2 == 0 {
            json!({"h": {"N": number.to_string()}})
        } else {
            json!({})
        };
        put(&service, number, attributes);
    }
    let request = update(
        &["h:N", "pk:N", "unused:S"],
        json!([create("two", &["h:HASH", "pk:RANGE"])]),
    );
    let shown = service.answer("UpdateTable", request)["TableDescription"].clone();
    assert_eq!(shown["TableStatus"], "UPDATING");
    let made = &shown["GlobalSecondaryIndexes"][1];
    assert_eq!(
        (&made["IndexStatus"], &made["Backfilling"]),
        (&json!("CREATING"), &json!(false))
    );
    // An attribute that is a key already keeps its type; what no key uses is not kept.
    assert_eq!(
        shown["AttributeDefinitions"],
        definitions(&["g:S", "h:N", "pk:S", "sk:S"])
    );

    let shown = service.describe(NAME);
    assert_eq!(shown["TableStatus"], "ACTIVE");
    let made = &shown["GlobalSecondaryIndexes"][1];
    assert_eq!(
        (&made["IndexStatus"], &made["Backfilling"]),
        (&json!("CREATING"), &json!(true))
    );
    put(&service, 600, json!({"h": {"N": "600"}}));
    put(&service, 0, json!({}));

    let busy = service.error(
        "UpdateTable",
        update(&["h:N"], json!([create("three", &["h:HASH"])])),
    );
    assert_eq!(busy.0, "LimitExceededException");
    let warm = json!([{"Update": {"IndexName": "two", "WarmThroughput": {"ReadUnitsPerSecond": 12000}}}]);
    assert_eq!(
        service.error("UpdateTable", update(&[], warm)).1,
        "Attempt to change a resource which is still in use: Index is being created. Table: t_indexed Index: two"
    );
    let bounds = json!({"TableName": NAME, "OnDemandThroughput": {"MaxReadRequestUnits": 5}});
    assert_eq!(
        service.error("UpdateTable", bounds).1,
        "Attempt to change a resource which is still in use: OnDemandThroughput cannot be updated while index creation \
         is in progress for indexes: [two]"
    );

    service.work();
    let made = &service.describe(NAME)["GlobalSecondaryIndexes"][1];
    assert_eq!(
        (&made["IndexStatus"], made.get("Backfilling")),
        (&json!("ACTIVE"), None)
    );
    assert_eq!(made["ItemCount"], 300);
    let scan = json!({"TableName": NAME, "IndexName": "two", "Select": "COUNT"});
    assert_eq!(service.answer("Scan", scan)["Count"], 300);
}

#[test]
fn a_dropped_index_is_gone_at_once() {
    let service = indexed();
    service.answer(
        "UpdateTable",
        update(&["h:S", "g:S"], json!([create("two", &["h:HASH", "g:RANGE"])])),
    );
    service.work();
    put(&service, 1, json!({"g": {"S": "g"}, "h": {"S": "h"}}));
    let shown =
        service.answer("UpdateTable", update(&[], json!([delete("two")])))["TableDescription"].clone();
    assert_eq!(shown["TableStatus"], "UPDATING");
    assert_eq!(shown["GlobalSecondaryIndexes"][1]["IndexStatus"], "DELETING");
    let shown = service.describe(NAME);
    assert_eq!(shown["TableStatus"], "ACTIVE");
    assert_eq!(shown["GlobalSecondaryIndexes"].as_array().unwrap().len(), 1);
    assert_eq!(
        shown["AttributeDefinitions"],
        definitions(&["g:S", "pk:S", "sk:S"]),
        "g is still a key"
    );
    put(&service, 1, json!({"h": {"N": "1"}}));

    service.answer(
        "UpdateTable",
        update(&["h:N"], json!([create("two", &["h:HASH"])])),
    );
    service.work();
    assert_eq!(
        service.describe(NAME)["GlobalSecondaryIndexes"][1]["ItemCount"],
        1
    );
}

#[test]
fn an_index_is_dropped_while_it_is_filled() {
    let service = indexed();
    for number in 0..600 {
        put(&service, number, json!({"h": {"S": "h"}}));
    }
    service.answer(
        "UpdateTable",
        update(&["h:S"], json!([create("two", &["h:HASH"])])),
    );
    service.step();
    put(&service, 601, json!({"h": {"S": "h"}}));
    service.answer("UpdateTable", update(&[], json!([delete("two")])));
    assert_eq!(
        service.describe(NAME)["GlobalSecondaryIndexes"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    service.work();
    let kept = service.stored_keys();
    service.answer(
        "UpdateTable",
        update(&["h:S"], json!([create("two", &["h:HASH"])])),
    );
    service.work();
    assert_eq!(
        service.describe(NAME)["GlobalSecondaryIndexes"][1]["ItemCount"],
        601
    );
    service.answer("UpdateTable", update(&[], json!([delete("two")])));
    service.work();
    assert_eq!(service.stored_keys(), kept, "nothing of the index is left");
}
