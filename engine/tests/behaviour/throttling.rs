//! Capacity that runs out: what is refused, in which words, and when there is some again; and what
//! is counted of it.

use engine::{Settings, TableMeasurement};
use serde_json::{Value, json};

use crate::database::{Database, Index, global, table_request};

const OF_TABLE: &str = "The level of configured provisioned throughput for the table was exceeded. Consider increasing \
                        your provisioning level with the UpdateTable API.";
const OF_INDEXES: &str = "The level of configured provisioned throughput for one or more global secondary indexes of \
                          the table was exceeded. Consider increasing your provisioning level for the \
                          under-provisioned global secondary indexes with the UpdateTable API";
const ON_DEMAND: &str = "Throughput exceeds the maximum OnDemandThroughput configured on table or index";
const EXCEEDED: &str = "ProvisionedThroughputExceededException";

/// For how long unused capacity is kept, in seconds.
const BURST_SECONDS: u64 = 300;

fn units(reads: u64, writes: u64) -> Value {
    json!({"ReadCapacityUnits": reads, "WriteCapacityUnits": writes})
}

/// A database that throttles, with a table `table` of these units and of indexes with theirs.
fn provisioned(reads: u64, writes: u64, indexes: &[(Index, Value)]) -> Database {
    let database = Database::with_settings(Settings {
        throttles: true,
        ..Settings::default()
    });
    let mut request = table_request("table", "pk:S,a:S", &[]);
    if indexes.is_empty() {
        request = table_request("table", "pk:S", &[]);
    }
    request["BillingMode"] = json!("PROVISIONED");
    request["ProvisionedThroughput"] = units(reads, writes);
    for (Index(list, index), provisioned) in indexes {
        let mut index = index.clone();
        index["ProvisionedThroughput"] = provisioned.clone();
        match &mut request[*list] {
            Value::Array(known) => known.push(index),
            none => *none = json!([index]),
        }
    }
    database.create(request);
    database
}

fn put(key: &str, size_bytes: usize) -> Value {
    json!({"TableName": "table", "Item": {"pk": {"S": key}, "a": {"S": key}, "f": {"S": "x".repeat(size_bytes)}}})
}

fn get(key: &str) -> Value {
    json!({"TableName": "table", "Key": {"pk": {"S": key}}, "ConsistentRead": true})
}

/// How many of these puts are made until one is refused.
fn puts_until_refused(database: &Database, request: &Value) -> usize {
    (0..100_000)
        .find(|_| database.case("PutItem", request).response().0 != 200)
        .expect("capacity runs out")
}

fn measured(database: &Database) -> TableMeasurement {
    let measurements = database.measurements();
    let mut tables = measurements.tables.into_iter();
    tables
        .find(|table| table.name == "table")
        .expect("it has been used")
}

#[test]
fn what_is_unused_is_kept_for_five_minutes() {
    let database = provisioned(1, 2, &[]);
    let request = put("k", 10);
    assert_eq!(puts_until_refused(&database, &request) as u64, 2 * BURST_SECONDS);
    database.case("PutItem", &request).fails(EXCEEDED, OF_TABLE);
    // Reads have capacity of their own.
    database.case("GetItem", get("k")).succeeds();
    database.wait_ms(10_000);
    assert_eq!(puts_until_refused(&database, &request), 20);
    database.wait_ms(1_000_000_000);
    assert_eq!(puts_until_refused(&database, &request) as u64, 2 * BURST_SECONDS);
}

#[test]
fn a_request_that_is_admitted_may_cost_more_than_there_is() {
    let database = provisioned(1, 1, &[]);
    puts_until_refused(&database, &put("k", 10));
    database.wait_ms(1);
    database.case("PutItem", put("large", 9_990)).succeeds();
    // It is paid back before anything else is admitted.
    database.wait_ms(9_000);
    database.case("PutItem", put("k", 10)).fails(EXCEEDED, OF_TABLE);
    database.wait_ms(1_000);
    database.case("PutItem", put("k", 10)).succeeds();
}

#[test]
fn clients_are_told_what_has_run_out() {
    let database = provisioned(1, 1, &[]);
    puts_until_refused(&database, &put("k", 10));
    let (status, body) = database.case("PutItem", put("k", 10)).response();
    assert_eq!(status, 400);
    assert_eq!(
        body["ThrottlingReasons"],
        json!([{
            "reason": "TableWriteProvisionedThroughputExceeded",
            "resource": "arn:aws:dynamodb:us-east-1:000000000000:table/table",
        }])
    );
    while database.case("GetItem", get("k")).response().0 == 200 {}
    let (_, body) = database.case("GetItem", get("k")).response();
    assert_eq!(
        body["ThrottlingReasons"][0]["reason"],
        "TableReadProvisionedThroughputExceeded"
    );
}

#[test]
fn an_index_without_capacity_holds_up_the_writes_of_its_table() {
    let database = provisioned(100, 100, &[(global("by_a", "a:S", "ALL"), units(1, 1))]);
    // The first makes an entry, the others change it.
    let mut puts = (0..).map(|number| database.case("PutItem", put("k", 900 + number % 2)).response());
    let made = puts
        .position(|(status, _)| status != 200)
        .expect("capacity runs out");
    assert_eq!(made as u64, BURST_SECONDS);
    database
        .case("PutItem", put("other", 10))
        .fails(EXCEEDED, OF_INDEXES);
    let (_, body) = database.case("PutItem", put("other", 10)).response();
    assert_eq!(
        body["ThrottlingReasons"],
        json!([{
            "reason": "IndexWriteProvisionedThroughputExceeded",
            "resource": "arn:aws:dynamodb:us-east-1:000000000000:table/table/index/by_a",
        }])
    );
    // Reads of the table and of the index have their own.
    database.case("GetItem", get("k")).succeeds();
    let query = json!({
        "TableName": "table", "IndexName": "by_a", "KeyConditionExpression": "a = :a",
        "ExpressionAttributeValues": {":a": {"S": "k"}},
    });
    while database.case("Query", &query).response().0 == 200 {}
    database.case("GetItem", get("k")).succeeds();
    let measured = measured(&database);
    let (name, index) = &measured.indexes[0];
    assert_eq!(name, "by_a");
    assert!(
        index.writes.throttled >= 2 && index.reads.throttled > 0,
        "{index:?}"
    );
    assert_eq!(measured.capacity.reads.throttled, 0);
}

#[test]
fn batches_hand_back_what_has_no_capacity() {
    let database = provisioned(1, 1, &[]);
    puts_until_refused(&database, &put("k", 10));
    let mut other = table_request("other", "pk:S", &[]);
    other["TableName"] = json!("other");
    database.create(other);
    let write = |key: &str| json!({"PutRequest": {"Item": {"pk": {"S": key}}}});
    let both = json!({"RequestItems": {"table": [write("a"), write("b")], "other": [write("c")]}});
    database
        .case("BatchWriteItem", &both)
        .gives_at("/UnprocessedItems", json!({"table": [write("a"), write("b")]}));
    let one = json!({"RequestItems": {"table": [write("a")]}});
    database.case("BatchWriteItem", one).fails(EXCEEDED, OF_TABLE);

    while database.case("GetItem", get("k")).response().0 == 200 {}
    let keys = |key: &str| json!({"Keys": [{"pk": {"S": key}}]});
    let both = json!({"RequestItems": {"table": keys("k"), "other": keys("c")}});
    let answer = database.case("BatchGetItem", &both).answer();
    assert_eq!(answer["UnprocessedKeys"], json!({"table": keys("k")}));
    assert_eq!(answer["Responses"]["other"], json!([{"pk": {"S": "c"}}]));
    let one = json!({"RequestItems": {"table": keys("k")}});
    database.case("BatchGetItem", one).fails(EXCEEDED, OF_TABLE);
}

#[test]
fn a_transaction_is_cancelled_for_want_of_capacity() {
    let database = provisioned(1, 1, &[]);
    puts_until_refused(&database, &put("k", 10));
    let actions = json!([{"Put": put("t", 10)}, {"Put": {"TableName": "table", "Item": {"pk": {"S": "u"}}}}]);
    let (status, body) = database
        .case("TransactWriteItems", json!({"TransactItems": actions}))
        .response();
    assert_eq!(status, 400);
    let reasons = body["CancellationReasons"].as_array().expect("reasons");
    assert_eq!(reasons.len(), 2);
    assert_eq!(reasons[0]["Code"], "ProvisionedThroughputExceeded");
    assert_eq!(reasons[0]["Message"], OF_TABLE);
}

#[test]
fn an_on_demand_table_is_held_to_its_maximum() {
    let database = Database::with_settings(Settings {
        throttles: true,
        ..Settings::default()
    });
    let mut request = table_request("table", "pk:S", &[]);
    request["OnDemandThroughput"] = json!({"MaxReadRequestUnits": 5, "MaxWriteRequestUnits": 7});
    database.create(request);
    assert_eq!(puts_until_refused(&database, &put("k", 10)), 7);
    database
        .case("PutItem", put("k", 10))
        .fails("ThrottlingException", ON_DEMAND);
    database.wait_ms(1000);
    assert_eq!(puts_until_refused(&database, &put("k", 10)), 7);
    // Without a maximum there is no limit.
    database
        .case(
            "UpdateTable",
            json!({"TableName": "table", "OnDemandThroughput": {"MaxReadRequestUnits": -1, "MaxWriteRequestUnits": -1}}),
        )
        .succeeds();
    for _ in 0..50 {
        database.case("PutItem", put("k", 10)).succeeds();
    }
}

#[test]
fn raised_capacity_counts_from_now_on() {
    let database = provisioned(1, 1, &[]);
    puts_until_refused(&database, &put("k", 10));
    database
        .case(
            "UpdateTable",
            json!({"TableName": "table", "ProvisionedThroughput": units(1, 50)}),
        )
        .succeeds();
    database.case("PutItem", put("k", 10)).fails(EXCEEDED, OF_TABLE);
    database.wait_ms(1000);
    assert_eq!(puts_until_refused(&database, &put("k", 10)), 50);
}

#[test]
fn nothing_is_refused_where_throttling_is_off() {
    let database = Database::empty();
    let mut request = table_request("table", "pk:S", &[]);
    request["BillingMode"] = json!("PROVISIONED");
    request["ProvisionedThroughput"] = units(1, 1);
    database.create(request);
    for _ in 0..500 {
        database.case("PutItem", put("k", 10)).succeeds();
    }
    let measured = measured(&database);
    assert_eq!(measured.capacity.writes.consumed_halves.sum, 2 * 500);
    assert_eq!(measured.capacity.writes.throttled, 0);
}

#[test]
fn what_is_refused_has_its_price_too() {
    let database = Database::with_table("pk:S");
    database.case("PutItem", put("k", 2_500)).succeeds();
    let before = measured(&database).capacity.writes.consumed_halves.sum;
    let condition = json!({
        "TableName": "table", "Key": {"pk": {"S": "k"}}, "ConditionExpression": "attribute_not_exists(pk)",
    });
    let failed = database.case("DeleteItem", condition);
    failed.fails(
        "ConditionalCheckFailedException",
        "The conditional request failed",
    );
    let after = measured(&database);
    assert_eq!(after.capacity.writes.consumed_halves.sum - before, 2 * 3);
    assert_eq!(after.failed_conditions, 1);
}

#[test]
fn a_hot_key_is_held_to_what_a_partition_bears() {
    let on_demand = |limits_partitions| {
        let database = Database::with_settings(Settings {
            throttles: true,
            limits_partitions,
            ..Settings::default()
        });
        database.create(table_request(
            "table",
            "pk:S,a:S",
            &[global("by-a", "a:S", "ALL")],
        ));
        database
    };
    let database = on_demand(true);
    // Items of one unit, and as much for the index.
    assert_eq!(puts_until_refused(&database, &put("hot", 900)), 1000);
    let (status, body) = database.case("PutItem", put("hot", 900)).response();
    assert_eq!(status, 400);
    assert_eq!(
        body["ThrottlingReasons"],
        json!([{
            "reason": "TableWriteKeyRangeThroughputExceeded",
            "resource": "arn:aws:dynamodb:us-east-1:000000000000:table/table",
        }]),
        "{body}"
    );
    // Other keys have their own, and so have reads.
    database.case("PutItem", put("other", 900)).succeeds();
    let reads = (0..10_000).find(|_| database.case("GetItem", get("hot")).response().0 != 200);
    assert_eq!(reads, Some(3000));
    let query = json!({
        "TableName": "table", "KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": "hot"}},
    });
    let (name, _) = database.case("Query", &query).error();
    assert_eq!(name, "ThrottlingException");
    // An index has partitions of its own.
    let query = json!({
        "TableName": "table", "IndexName": "by-a", "KeyConditionExpression": "a = :a",
        "ExpressionAttributeValues": {":a": {"S": "hot"}},
    });
    database.case("Query", &query).succeeds();
    database.wait_ms(1000);
    database.case("PutItem", put("hot", 900)).succeeds();
    database.case("GetItem", get("hot")).succeeds();

    let database = on_demand(false);
    for _ in 0..1500 {
        database.case("PutItem", put("hot", 900)).succeeds();
    }
}
