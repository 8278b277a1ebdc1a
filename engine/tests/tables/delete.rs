//! DeleteTable.

use serde_json::json;

use crate::service::{Service, definitions, index, key, table};

#[test]
fn a_deleted_table_is_gone_at_once() {
    let service = Service::new();
    service.answer("CreateTable", table("t_gone", json!({})));
    service.answer(
        "PutItem",
        json!({"TableName": "t_gone", "Item": {"pk": {"S": "1"}}}),
    );
    let before = service.describe("t_gone");
    service.clock.advance_ms(1);
    let answer = service.answer("DeleteTable", json!({"TableName": "t_gone"}))["TableDescription"].clone();
    let expected = json!({
        "TableName": "t_gone",
        "TableArn": before["TableArn"],
        "TableId": before["TableId"],
        "TableStatus": "DELETING",
        "ItemCount": 1,
        "TableSizeBytes": 3,
        "BillingModeSummary": before["BillingModeSummary"],
        "ProvisionedThroughput": before["ProvisionedThroughput"],
        "DeletionProtectionEnabled": false,
    });
    assert_eq!(answer, expected);
    assert_eq!(
        service.error("DescribeTable", json!({"TableName": "t_gone"})).0,
        "ResourceNotFoundException"
    );
    assert_eq!(service.answer("ListTables", json!({}))["TableNames"], json!([]));

    service.answer("CreateTable", table("t_gone", json!({})));
    let after = service.describe("t_gone");
    assert_ne!(after["TableId"], before["TableId"]);
    assert_eq!(after["ItemCount"], 0);
    let scan = || service.answer("Scan", json!({"TableName": "t_gone"}))["Count"].clone();
    assert_eq!(scan(), 0);
    service.work();
    assert_eq!(scan(), 0);
}

#[test]
fn a_protected_table_stays() {
    let service = Service::new();
    service.answer(
        "CreateTable",
        table("t_safe", json!({"DeletionProtectionEnabled": true})),
    );
    assert_eq!(
        service.refusal("DeleteTable", json!({"TableName": "t_safe"})),
        "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first."
    );
    let update = json!({"TableName": "t_safe", "DeletionProtectionEnabled": false});
    let answer = service.answer("UpdateTable", update)["TableDescription"].clone();
    assert_eq!(
        (&answer["TableStatus"], &answer["DeletionProtectionEnabled"]),
        (&json!("ACTIVE"), &json!(false))
    );
    service.answer("DeleteTable", json!({"TableName": "t_safe"}));
}

#[test]
fn a_table_with_an_index_being_made_stays() {
    let service = Service::new();
    service.answer("CreateTable", table("t_busy", json!({})));
    let update = json!({
        "TableName": "t_busy",
        "AttributeDefinitions": definitions(&["g:S"]),
        "GlobalSecondaryIndexUpdates": [{"Create": index("one", &["g:HASH"])}],
    });
    service.answer("UpdateTable", update);
    let expected = (
        "ResourceInUseException".to_owned(),
        "Attempt to change a resource which is still in use: Cannot delete table while indexes are being created, \
         updated, or deleted."
            .to_owned(),
    );
    assert_eq!(
        service.error("DeleteTable", json!({"TableName": "t_busy"})),
        expected
    );
    service.work();
    service.answer("DeleteTable", json!({"TableName": "t_busy"}));
}

#[test]
fn what_a_deleted_table_leaves_is_removed() {
    let service = Service::new();
    let local = json!({
        "AttributeDefinitions": definitions(&["pk:S", "sk:S", "a:S"]),
        "KeySchema": key(&["pk:HASH", "sk:RANGE"]),
        "LocalSecondaryIndexes": [index("local", &["pk:HASH", "a:RANGE"])],
    });
    service.answer("CreateTable", table("t_left", local));
    let item = json!({"pk": {"S": "1"}, "sk": {"S": "2"}, "a": {"S": "3"}});
    service.answer("PutItem", json!({"TableName": "t_left", "Item": item}));
    service.answer("DeleteTable", json!({"TableName": "t_left"}));
    service.work();
    assert_eq!(service.stored_keys(), 1, "only the next id is left");
}
