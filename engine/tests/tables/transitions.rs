//! Transitional states that last: what they show, what they allow, and how they end.

use serde_json::{Value, json};

use crate::service::{Failure, Service, definitions, index, provisioned_table, table, throughput};

const NAME: &str = "t_slow";
const LASTS_MS: u64 = 1000;

fn status(service: &Service) -> Value {
    service.describe(NAME)["TableStatus"].clone()
}

fn in_use(detail: &str) -> Failure {
    (
        "ResourceInUseException".to_owned(),
        format!("Attempt to change a resource which is still in use: {detail}"),
    )
}

fn indexed(name: &str) -> Value {
    let indexed = json!({
        "AttributeDefinitions": definitions(&["pk:S", "g:S"]),
        "GlobalSecondaryIndexes": [index("one", &["g:HASH"])],
    });
    table(name, indexed)
}

/// A service with a table that has become active.
fn active(request: Value) -> Service {
    let service = Service::with_transitions(LASTS_MS);
    service.answer("CreateTable", request);
    service.clock.advance_ms(LASTS_MS);
    service
}

#[test]
fn a_table_is_being_created() {
    let service = Service::with_transitions(LASTS_MS);
    service.answer("CreateTable", indexed(NAME));
    service.clock.advance_ms(LASTS_MS - 1);
    let shown = service.describe(NAME);
    assert_eq!(shown["TableStatus"], "CREATING");
    assert_eq!(shown["GlobalSecondaryIndexes"][0]["IndexStatus"], "CREATING");
    let arn = shown["TableArn"].clone();
    let created = in_use("Table is being created: t_slow");
    assert_eq!(service.error("CreateTable", table(NAME, json!({}))), created);
    assert_eq!(service.error("DeleteTable", json!({"TableName": NAME})), created);
    let protect = || json!({"TableName": NAME, "DeletionProtectionEnabled": true});
    assert_eq!(service.error("UpdateTable", protect()), created);
    let tags = json!({"ResourceArn": arn, "Tags": [{"Key": "k", "Value": "v"}]});
    assert_eq!(service.error("TagResource", tags), created);
    assert_eq!(
        service.refusal("DescribeTimeToLive", json!({"TableName": NAME})),
        "Cannot describe time to live while table is in CREATING state: Current table state is CREATING"
    );
    let item = json!({"TableName": NAME, "Item": {"pk": {"S": "1"}}});
    let missing = (
        "ResourceNotFoundException".to_owned(),
        "Requested resource not found".to_owned(),
    );
    assert_eq!(service.error("PutItem", item.clone()), missing);

    service.clock.advance_ms(1);
    assert_eq!(status(&service), "ACTIVE");
    service.answer("PutItem", item);
    service.answer("UpdateTable", protect());
}

#[test]
fn a_table_is_being_updated() {
    let service = active(provisioned_table(NAME, json!({})));
    let units = |read: i64| json!({"TableName": NAME, "ProvisionedThroughput": throughput(read, 5)});
    service.answer("UpdateTable", units(9));
    let shown = service.describe(NAME);
    assert_eq!(shown["TableStatus"], "UPDATING");
    assert_eq!(shown["ProvisionedThroughput"]["ReadCapacityUnits"], 5);
    assert_eq!(
        service.error("UpdateTable", units(10)),
        in_use("Table IOPS are currently being updated. Table: t_slow")
    );
    assert_eq!(
        service.error("DeleteTable", json!({"TableName": NAME})),
        in_use("Table: t_slow is in the process of being updated.")
    );
    let protect = json!({"TableName": NAME, "DeletionProtectionEnabled": false});
    assert_eq!(
        service.answer("UpdateTable", protect)["TableDescription"]["TableStatus"],
        "UPDATING"
    );
    service.answer("PutItem", json!({"TableName": NAME, "Item": {"pk": {"S": "1"}}}));
    service.clock.advance_ms(LASTS_MS);
    let shown = service.describe(NAME);
    assert_eq!(shown["TableStatus"], "ACTIVE");
    assert_eq!(shown["ProvisionedThroughput"]["ReadCapacityUnits"], 9);
}

#[test]
fn a_table_is_being_deleted() {
    let service = active(table(NAME, json!({})));
    service.answer("DeleteTable", json!({"TableName": NAME}));
    service.work();
    assert_eq!(status(&service), "DELETING");
    assert_eq!(
        service.answer("ListTables", json!({}))["TableNames"],
        json!([NAME])
    );
    let deleted = in_use("Table is being deleted: t_slow");
    assert_eq!(service.error("DeleteTable", json!({"TableName": NAME})), deleted);
    let protect = json!({"TableName": NAME, "DeletionProtectionEnabled": true});
    assert_eq!(service.error("UpdateTable", protect), deleted);
    let taken = (
        "ResourceInUseException".to_owned(),
        "Table already exists: t_slow".to_owned(),
    );
    assert_eq!(service.error("CreateTable", table(NAME, json!({}))), taken);
    service.clock.advance_ms(LASTS_MS);
    service.work();
    assert_eq!(
        service.error("DescribeTable", json!({"TableName": NAME})).0,
        "ResourceNotFoundException"
    );
    service.answer("CreateTable", table(NAME, json!({})));
}

#[test]
fn an_index_comes_and_goes() {
    let service = active(indexed(NAME));
    let update = |actions: Value| {
        json!({
            "TableName": NAME,
            "AttributeDefinitions": definitions(&["h:S"]),
            "GlobalSecondaryIndexUpdates": actions,
        })
    };
    let shown = |at: usize| service.describe(NAME)["GlobalSecondaryIndexes"][at].clone();
    let delete = |name: &str| update(json!([{"Delete": {"IndexName": name}}]));
    service.answer(
        "UpdateTable",
        update(json!([{"Create": index("two", &["h:HASH"])}])),
    );
    assert_eq!(
        (status(&service), shown(1)["Backfilling"].clone()),
        (json!("UPDATING"), json!(false))
    );
    assert_eq!(
        service.error("UpdateTable", delete("two")),
        in_use(
            "Index creation is in resource allocation phase. Retry deletion during backfilling phase or when the index \
             is active. Table: t_slow Index: two"
        )
    );
    assert_eq!(
        service.error("UpdateTable", delete("one")),
        in_use("Can't create or delete indexes while table IOPS are being updated. Table: t_slow")
    );
    service.clock.advance_ms(LASTS_MS);
    assert_eq!(
        (status(&service), shown(1)["Backfilling"].clone()),
        (json!("ACTIVE"), json!(true))
    );
    service.work();
    assert_eq!(shown(1)["IndexStatus"], "ACTIVE");

    service.answer("UpdateTable", delete("one"));
    service.work();
    assert_eq!(
        (status(&service), shown(0)["IndexStatus"].clone()),
        (json!("UPDATING"), json!("DELETING"))
    );
    assert_eq!(
        service.error(
            "UpdateTable",
            json!({"TableName": NAME, "BillingMode": "PAY_PER_REQUEST"})
        ),
        in_use("Table IOPS are currently being updated. Table: t_slow")
    );
    service.clock.advance_ms(LASTS_MS);
    assert_eq!(
        service.error(
            "UpdateTable",
            json!({"TableName": NAME, "BillingMode": "PAY_PER_REQUEST"})
        ),
        in_use("Can't change table IOPS when an index is being deleted. Table: t_slow Indexes: [one]")
    );
    service.work();
    assert_eq!(shown(0)["IndexName"], "two");
    assert_eq!(
        service.describe(NAME)["AttributeDefinitions"],
        definitions(&["h:S", "pk:S"])
    );

    let bounds = || {
        let bounds = json!({"MaxReadRequestUnits": 3});
        update(json!([{"Update": {"IndexName": "two", "OnDemandThroughput": bounds}}]))
    };
    service.answer("UpdateTable", bounds());
    assert_eq!(
        (status(&service), shown(0)["IndexStatus"].clone()),
        (json!("ACTIVE"), json!("UPDATING"))
    );
    assert_eq!(
        service.error("UpdateTable", bounds()),
        in_use("Index is being updated. Table: t_slow Index: two")
    );
    service.clock.advance_ms(LASTS_MS);
    assert_eq!(shown(0)["IndexStatus"], "ACTIVE");
}
