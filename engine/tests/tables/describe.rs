//! How CreateTable and DescribeTable show a table.

use serde_json::{Value, json};

use crate::service::{START_MS, Service, definitions, index, key, provisioned_table, table, throughput};

const ARN: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/t_shown";

/// A description without its id, which is checked to be one.
fn without_id(mut description: Value) -> Value {
    let id = description.as_object_mut().unwrap().remove("TableId").unwrap();
    let id = id.as_str().unwrap();
    assert_eq!(id.len(), 36, "{id}");
    assert_eq!(
        id.split('-').map(str::len).collect::<Vec<_>>(),
        [8, 4, 4, 4, 12],
        "{id}"
    );
    description
}

#[test]
fn a_plain_table() {
    let service = Service::new();
    let shared = json!({
        "TableName": "t_shown",
        "TableArn": ARN,
        "KeySchema": key(&["pk:HASH"]),
        "AttributeDefinitions": definitions(&["pk:S"]),
        "CreationDateTime": START_MS as f64 / 1000.0,
        "ItemCount": 0,
        "TableSizeBytes": 0,
        "ProvisionedThroughput":
            {"NumberOfDecreasesToday": 0, "ReadCapacityUnits": 0, "WriteCapacityUnits": 0},
        "DeletionProtectionEnabled": false,
    });
    let with = |changes| crate::service::changed(shared.clone(), changes);
    let answer = service.answer("CreateTable", table("t_shown", json!({})))["TableDescription"].clone();
    let creating =
        json!({"TableStatus": "CREATING", "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"}});
    assert_eq!(without_id(answer.clone()), with(creating));
    let active = json!({
        "TableStatus": "ACTIVE",
        "BillingModeSummary": {
            "BillingMode": "PAY_PER_REQUEST",
            "LastUpdateToPayPerRequestDateTime": START_MS as f64 / 1000.0,
        },
        "WarmThroughput": {"ReadUnitsPerSecond": 12000, "WriteUnitsPerSecond": 4000, "Status": "ACTIVE"},
    });
    let described = service.describe("t_shown");
    assert_eq!(described["TableId"], answer["TableId"]);
    assert_eq!(without_id(described), with(active));
}

#[test]
fn everything_that_is_kept() {
    let service = Service::new();
    let request = json!({
        "AttributeDefinitions": definitions(&["sk:N", "pk:S", "b:B", "a:S"]),
        "KeySchema": key(&["pk:HASH", "sk:RANGE"]),
        "LocalSecondaryIndexes": [
            {
                "IndexName": "local",
                "KeySchema": key(&["pk:HASH", "a:RANGE"]),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            },
        ],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "zulu",
                "KeySchema": key(&["b:HASH"]),
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["y", "x"]},
                "ProvisionedThroughput": throughput(2, 3),
            },
            {
                "IndexName": "alpha",
                "KeySchema": key(&["a:HASH", "pk:RANGE"]),
                "Projection": {"ProjectionType": "ALL"},
                "ProvisionedThroughput": throughput(4, 5),
            },
        ],
        "TableClass": "STANDARD_INFREQUENT_ACCESS",
        "DeletionProtectionEnabled": true,
        "WarmThroughput": {"ReadUnitsPerSecond": 50},
    });
    let answer =
        service.answer("CreateTable", provisioned_table("t_shown", request))["TableDescription"].clone();
    assert_eq!(
        answer["WarmThroughput"],
        json!({"ReadUnitsPerSecond": 50, "WriteUnitsPerSecond": 5, "Status": "UPDATING"})
    );
    let indexes = &answer["GlobalSecondaryIndexes"];
    assert_eq!(indexes[0]["IndexStatus"], "CREATING");
    assert_eq!(indexes[0].get("WarmThroughput"), None);
    assert_eq!(indexes[0].get("Backfilling"), None);

    let described = without_id(service.describe("t_shown"));
    let global = |name: &str, elements: &[&str], projection: Value, read: i64, write: i64| {
        json!({
            "IndexName": name,
            "IndexArn": format!("{ARN}/index/{name}"),
            "IndexStatus": "ACTIVE",
            "KeySchema": key(elements),
            "Projection": projection,
            "ItemCount": 0,
            "IndexSizeBytes": 0,
            "ProvisionedThroughput":
                {"NumberOfDecreasesToday": 0, "ReadCapacityUnits": read, "WriteCapacityUnits": write},
            "WarmThroughput": {"ReadUnitsPerSecond": read, "WriteUnitsPerSecond": write, "Status": "ACTIVE"},
        })
    };
    let expected = json!({
        "TableName": "t_shown",
        "TableArn": ARN,
        "TableStatus": "ACTIVE",
        "KeySchema": key(&["pk:HASH", "sk:RANGE"]),
        "AttributeDefinitions": definitions(&["a:S", "b:B", "pk:S", "sk:N"]),
        "CreationDateTime": START_MS as f64 / 1000.0,
        "ItemCount": 0,
        "TableSizeBytes": 0,
        "ProvisionedThroughput":
            {"NumberOfDecreasesToday": 0, "ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
        "DeletionProtectionEnabled": true,
        "TableClassSummary": {"TableClass": "STANDARD_INFREQUENT_ACCESS"},
        "WarmThroughput": {"ReadUnitsPerSecond": 50, "WriteUnitsPerSecond": 5, "Status": "ACTIVE"},
        "LocalSecondaryIndexes": [{
            "IndexName": "local",
            "IndexArn": format!("{ARN}/index/local"),
            "KeySchema": key(&["pk:HASH", "a:RANGE"]),
            "Projection": {"ProjectionType": "KEYS_ONLY"},
            "ItemCount": 0,
            "IndexSizeBytes": 0,
        }],
        "GlobalSecondaryIndexes": [
            global("zulu", &["b:HASH"], json!({"ProjectionType": "INCLUDE", "NonKeyAttributes": ["x", "y"]}), 2, 3),
            global("alpha", &["a:HASH", "pk:RANGE"], json!({"ProjectionType": "ALL"}), 4, 5),
        ],
    });
    assert_eq!(described, expected);
}

#[test]
fn counts_and_sizes_are_exact() {
    let service = Service::new();
    let indexes = json!({
        "AttributeDefinitions": definitions(&["pk:S", "g:S"]),
        "GlobalSecondaryIndexes": [
            {"IndexName": "keys", "KeySchema": key(&["g:HASH"]), "Projection": {"ProjectionType": "KEYS_ONLY"}},
            index("all", &["g:HASH"]),
        ],
    });
    service.answer("CreateTable", table("t_counted", indexes));
    let put = |item: Value| service.answer("PutItem", json!({"TableName": "t_counted", "Item": item}));
    put(json!({"pk": {"S": "1"}, "g": {"S": "xx"}, "rest": {"S": "abcdef"}}));
    put(json!({"pk": {"S": "2"}, "rest": {"S": "abcdef"}}));
    put(json!({"pk": {"S": "2"}, "rest": {"S": "a"}}));
    let described = service.describe("t_counted");
    let figures = |of: &Value, size: &str| (of["ItemCount"].clone(), of[size].clone());
    // pk 1 is 3 + 3 + 10 bytes, pk 2 is 3 + 5.
    assert_eq!(figures(&described, "TableSizeBytes"), (json!(2), json!(24)));
    let shown = |at: usize| figures(&described["GlobalSecondaryIndexes"][at], "IndexSizeBytes");
    assert_eq!(shown(0), (json!(1), json!(6)));
    assert_eq!(shown(1), (json!(1), json!(16)));
}

#[test]
fn a_table_that_does_not_exist() {
    let missing = (
        "ResourceNotFoundException".to_owned(),
        "Requested resource not found: Table: nowhere not found".to_owned(),
    );
    let service = Service::new();
    for operation in ["DescribeTable", "DeleteTable"] {
        assert_eq!(
            service.error(operation, json!({"TableName": "nowhere"})),
            missing,
            "{operation}"
        );
    }
    let update = json!({"TableName": "nowhere", "BillingMode": "PAY_PER_REQUEST"});
    assert_eq!(service.error("UpdateTable", update), missing);
}

#[test]
fn limits_and_endpoints() {
    let service = Service::new();
    let limits = json!({
        "AccountMaxReadCapacityUnits": 80000,
        "AccountMaxWriteCapacityUnits": 80000,
        "TableMaxReadCapacityUnits": 40000,
        "TableMaxWriteCapacityUnits": 40000,
    });
    assert_eq!(service.answer("DescribeLimits", json!({})), limits);
    let endpoints = service.answer("DescribeEndpoints", json!({}));
    assert_eq!(endpoints["Endpoints"][0]["CachePeriodInMinutes"], 1440);
}
