//! Change streams: what is recorded, how it is read, and how long it is kept.

use std::collections::BTreeMap;

use engine::Settings;
use serde_json::{Value, json};

use crate::database::{Database, table_request};

const MINUTE_MS: u64 = 60 * 1000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;
const TRIMMED: &str = "The data you are trying to access has been trimmed";

/// What turns a request for a table into one for a table with a stream.
fn with_stream(mut request: Value, view: &str) -> Value {
    request["StreamSpecification"] = json!({"StreamEnabled": true, "StreamViewType": view});
    request
}

/// A database with a table `table` whose changes are recorded with both images.
fn with_table() -> Database {
    of_view("NEW_AND_OLD_IMAGES")
}

fn of_view(view: &str) -> Database {
    let database = Database::empty();
    database.create(with_stream(table_request("table", "pk:S", &[]), view));
    database
}

fn put(database: &Database, key: &str, version: u64) {
    database.put(json!({"pk": {"S": key}, "v": {"N": version.to_string()}}));
}

fn set_stream(database: &Database, specification: Value) {
    let request = json!({"TableName": "table", "StreamSpecification": specification});
    database.case("UpdateTable", request).succeeds();
}

fn disable(database: &Database) {
    set_stream(database, json!({"StreamEnabled": false}));
}

fn enable(database: &Database) {
    set_stream(
        database,
        json!({"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"}),
    );
}

/// The ARN of the newest stream of `table`.
fn arn(database: &Database) -> String {
    let table = database
        .case("DescribeTable", json!({"TableName": "table"}))
        .answer();
    table["Table"]["LatestStreamArn"].as_str().unwrap().to_owned()
}

fn description(database: &Database, arn: &str) -> Value {
    let answer = database
        .case("DescribeStream", json!({"StreamArn": arn}))
        .answer();
    answer["StreamDescription"].clone()
}

fn shards(database: &Database, arn: &str) -> Vec<Value> {
    description(database, arn)["Shards"].as_array().unwrap().clone()
}

fn shard_ids(database: &Database, arn: &str) -> Vec<String> {
    let id = |shard: &Value| shard["ShardId"].as_str().unwrap().to_owned();
    shards(database, arn).iter().map(id).collect()
}

fn iterator_request(arn: &str, shard: &str, kind: &str) -> Value {
    json!({"StreamArn": arn, "ShardId": shard, "ShardIteratorType": kind})
}

fn iterator(database: &Database, request: Value) -> String {
    let answer = database.case("GetShardIterator", request).answer();
    answer["ShardIterator"].as_str().unwrap().to_owned()
}

/// All records from an iterator on, and whether the shard came to its end.
fn read_from(database: &Database, mut iterator: String, limit: Option<u64>) -> (Vec<Value>, bool) {
    let mut records = Vec::new();
    loop {
        let mut request = json!({"ShardIterator": iterator});
        if let Some(limit) = limit {
            request["Limit"] = json!(limit);
        }
        let answer = database.case("GetRecords", request).answer();
        let page = answer["Records"].as_array().unwrap();
        assert!(page.len() as u64 <= limit.unwrap_or(1000));
        records.extend(page.iter().cloned());
        match answer.get("NextShardIterator") {
            None => return (records, true),
            Some(_) if page.is_empty() => return (records, false),
            Some(next) => iterator = next.as_str().unwrap().to_owned(),
        }
    }
}

fn read_shard(database: &Database, arn: &str, shard: &str) -> (Vec<Value>, bool) {
    let first = iterator(database, iterator_request(arn, shard, "TRIM_HORIZON"));
    read_from(database, first, None)
}

/// All records of a stream, shard by shard, parents before children.
fn read_stream(database: &Database, arn: &str) -> Vec<Value> {
    let shards = shard_ids(database, arn);
    shards
        .iter()
        .flat_map(|shard| read_shard(database, arn, shard).0)
        .collect()
}

fn names(records: &[Value]) -> Vec<&str> {
    records
        .iter()
        .map(|record| record["eventName"].as_str().unwrap())
        .collect()
}

/// The key and the version that each record ends with.
fn versions(records: &[Value]) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    records
        .iter()
        .map(|record| {
            let change = &record["dynamodb"];
            (
                text(&change["Keys"]["pk"]["S"]),
                text(&change["NewImage"]["v"]["N"]),
            )
        })
        .collect()
}

#[test]
fn a_record_tells_what_happened_to_which_item() {
    let database = with_table();
    put(&database, "a", 1);
    let record = read_stream(&database, &arn(&database)).remove(0);
    let sequence_number = record["dynamodb"]["SequenceNumber"].as_str().unwrap();
    assert!((21..=40).contains(&sequence_number.len()));
    assert_eq!(record["eventID"].as_str().unwrap().len(), 32);
    let mut rest = record.clone();
    rest["eventID"].take();
    rest["dynamodb"]["SequenceNumber"].take();
    assert_eq!(
        rest,
        json!({
            "eventID": null, "eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb",
            "awsRegion": "us-east-1",
            "dynamodb": {
                "ApproximateCreationDateTime": 1_767_225_600, "Keys": {"pk": {"S": "a"}},
                "NewImage": {"pk": {"S": "a"}, "v": {"N": "1"}}, "SequenceNumber": null,
                "SizeBytes": 9, "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
        })
    );
    // The same record looks the same whenever it is read.
    assert_eq!(read_stream(&database, &arn(&database)), [record]);
}

#[test]
fn the_event_is_named_by_whether_there_was_an_item() {
    let database = with_table();
    put(&database, "a", 1);
    put(&database, "a", 2);
    let update = |key: &str| {
        database
            .case(
                "UpdateItem",
                json!({
                    "TableName": "table", "Key": {"pk": {"S": key}}, "UpdateExpression": "SET v = :v",
                    "ExpressionAttributeValues": {":v": {"N": "3"}},
                }),
            )
            .succeeds();
    };
    update("a");
    update("b");
    let only_key = json!({"TableName": "table", "Key": {"pk": {"S": "c"}}});
    database.case("UpdateItem", &only_key).succeeds();
    database.case("DeleteItem", &only_key).succeeds();
    let records = read_stream(&database, &arn(&database));
    assert_eq!(
        names(&records),
        ["INSERT", "MODIFY", "MODIFY", "INSERT", "INSERT", "REMOVE"]
    );
    assert_eq!(records[4]["dynamodb"]["NewImage"], json!({"pk": {"S": "c"}}));
    assert_eq!(records[5]["dynamodb"]["OldImage"], json!({"pk": {"S": "c"}}));
}

#[test]
fn what_changes_nothing_is_not_recorded() {
    let database = with_table();
    put(&database, "a", 1);
    put(&database, "a", 1);
    let key = json!({"pk": {"S": "a"}});
    let same = json!({
        "TableName": "table", "Key": key, "UpdateExpression": "SET v = :v",
        "ExpressionAttributeValues": {":v": {"N": "1.0"}},
    });
    database.case("UpdateItem", same).succeeds();
    database
        .case(
            "DeleteItem",
            json!({"TableName": "table", "Key": {"pk": {"S": "missing"}}}),
        )
        .succeeds();
    let refused = json!({
        "TableName": "table", "Item": {"pk": {"S": "a"}}, "ConditionExpression": "attribute_not_exists(pk)",
    });
    assert_eq!(
        database.case("PutItem", refused).error().0,
        "ConditionalCheckFailedException"
    );
    let check = json!({"TransactItems": [{"ConditionCheck": {
        "TableName": "table", "Key": key, "ConditionExpression": "attribute_exists(pk)",
    }}]});
    database.case("TransactWriteItems", check).succeeds();
    assert_eq!(names(&read_stream(&database, &arn(&database))), ["INSERT"]);
}

#[test]
fn a_view_type_chooses_the_images() {
    for (view, images) in [
        ("KEYS_ONLY", [[false, false], [false, false], [false, false]]),
        ("NEW_IMAGE", [[false, true], [false, true], [false, false]]),
        ("OLD_IMAGE", [[false, false], [true, false], [true, false]]),
        ("NEW_AND_OLD_IMAGES", [[false, true], [true, true], [true, false]]),
    ] {
        let database = of_view(view);
        put(&database, "a", 1);
        put(&database, "a", 2);
        let key = json!({"pk": {"S": "a"}});
        database
            .case("DeleteItem", json!({"TableName": "table", "Key": key}))
            .succeeds();
        let records = read_stream(&database, &arn(&database));
        assert_eq!(names(&records), ["INSERT", "MODIFY", "REMOVE"]);
        for (record, [has_old, has_new]) in records.iter().zip(images) {
            let change = &record["dynamodb"];
            assert_eq!(change["Keys"], key);
            assert_eq!(change.get("OldImage").is_some(), has_old, "{view} {record}");
            assert_eq!(change.get("NewImage").is_some(), has_new, "{view} {record}");
            // "pk" and "a", and for each image also "v" and a digit.
            let size_bytes = 3 + 6 * (u64::from(has_old) + u64::from(has_new));
            assert_eq!(change["SizeBytes"], json!(size_bytes), "{view} {record}");
            assert_eq!(change["StreamViewType"], json!(view));
        }
    }
}

#[test]
fn batches_and_transactions_are_recorded_item_by_item() {
    let database = with_table();
    put(&database, "a", 1);
    let item = |key: &str| json!({"pk": {"S": key}});
    let batch = json!({"RequestItems": {"table": [
        {"PutRequest": {"Item": item("a")}}, {"PutRequest": {"Item": item("b")}},
    ]}});
    database.case("BatchWriteItem", batch).succeeds();
    let transaction = json!({"TransactItems": [
        {"Put": {"TableName": "table", "Item": item("c")}}, {"Delete": {"TableName": "table", "Key": item("a")}},
    ]});
    database.case("TransactWriteItems", &transaction).succeeds();
    let records = read_stream(&database, &arn(&database));
    assert_eq!(
        names(&records),
        ["INSERT", "MODIFY", "INSERT", "INSERT", "REMOVE"]
    );
}

#[test]
fn a_cancelled_transaction_is_not_recorded() {
    let database = with_table();
    let transaction = json!({"TransactItems": [
        {"Put": {"TableName": "table", "Item": {"pk": {"S": "a"}}}},
        {"ConditionCheck": {
            "TableName": "table", "Key": {"pk": {"S": "b"}}, "ConditionExpression": "attribute_exists(pk)",
        }},
    ]});
    let error = database.case("TransactWriteItems", transaction).error();
    assert_eq!(error.0, "TransactionCanceledException");
    assert!(read_stream(&database, &arn(&database)).is_empty());
}

#[test]
fn a_table_shows_its_newest_stream_and_whether_it_is_enabled() {
    let database = Database::with_table("pk:S");
    let shown = |table: &Value| {
        ["StreamSpecification", "LatestStreamArn", "LatestStreamLabel"]
            .map(|member| table.get(member).cloned().unwrap_or_default())
    };
    let table = || {
        database
            .case("DescribeTable", json!({"TableName": "table"}))
            .answer()["Table"]
            .clone()
    };
    assert_eq!(shown(&table()), [Value::Null, Value::Null, Value::Null]);
    let request = json!({
        "TableName": "table", "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "KEYS_ONLY"},
    });
    let updated = database.case("UpdateTable", request).answer()["TableDescription"].clone();
    let label = "2026-01-01T00:00:00.000";
    let arn = format!("arn:aws:dynamodb:us-east-1:000000000000:table/table/stream/{label}");
    let specification = json!({"StreamEnabled": true, "StreamViewType": "KEYS_ONLY"});
    assert_eq!(updated["TableStatus"], "UPDATING");
    assert_eq!(shown(&updated), [specification.clone(), json!(arn), json!(label)]);
    assert_eq!(shown(&table()), [specification, json!(arn), json!(label)]);
    database.wait_ms(5);
    disable(&database);
    assert_eq!(shown(&table()), [Value::Null, json!(arn), json!(label)]);
    enable(&database);
    let specification = json!({"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"});
    let label = "2026-01-01T00:00:00.005";
    let arn = format!("arn:aws:dynamodb:us-east-1:000000000000:table/table/stream/{label}");
    assert_eq!(shown(&table()), [specification, json!(arn), json!(label)]);
}

#[test]
fn a_stream_is_enabled_once_and_disabled_once() {
    let database = with_table();
    let specification =
        |specification: Value| json!({"TableName": "table", "StreamSpecification": specification});
    for view in ["NEW_AND_OLD_IMAGES", "KEYS_ONLY"] {
        database
            .case(
                "UpdateTable",
                specification(json!({"StreamEnabled": true, "StreamViewType": view})),
            )
            .is_refused("Table already has an enabled stream: TableName: table");
    }
    disable(&database);
    database
        .case("UpdateTable", specification(json!({"StreamEnabled": false})))
        .is_refused("Table has no stream to disable: TableName: table");
}

#[test]
fn two_streams_of_one_moment_have_two_names() {
    let database = with_table();
    let first = arn(&database);
    disable(&database);
    enable(&database);
    assert!(arn(&database).ends_with("/stream/2026-01-01T00:00:00.001"));
    database
        .case("DeleteTable", json!({"TableName": "table"}))
        .succeeds();
    database.create(with_stream(table_request("table", "pk:S", &[]), "KEYS_ONLY"));
    assert!(arn(&database).ends_with("/stream/2026-01-01T00:00:00.002"));
    assert!(first.ends_with("/stream/2026-01-01T00:00:00.000"));
}

#[test]
fn a_change_of_the_stream_takes_its_time() {
    let database = Database::with_transitions(1000);
    database.create(with_stream(table_request("table", "pk:S", &[]), "KEYS_ONLY"));
    database.wait_ms(1000);
    let arn = arn(&database);
    let status = |database: &Database| description(database, &arn)["StreamStatus"].clone();
    assert_eq!(status(&database), "ENABLED");
    disable(&database);
    assert_eq!(status(&database), "DISABLING");
    let in_use = "Attempt to change a resource which is still in use: ";
    let label = "2026-01-01T00:00:00.000";
    for (operation, request, message) in [
        (
            "UpdateTable",
            json!({"TableName": "table", "StreamSpecification": {"StreamEnabled": false}}),
            format!(
                "{in_use}A stream status change is currently in progress. Table: table Stream: {label} Operation: DISABLE"
            ),
        ),
        (
            "UpdateTable",
            json!({"TableName": "table", "BillingMode": "PAY_PER_REQUEST"}),
            format!(
                "{in_use}Can't change table IOPS when stream status is being updated. Table: table Stream: {label} \
                 Operation: DISABLE"
            ),
        ),
        (
            "DeleteTable",
            json!({"TableName": "table"}),
            format!("{in_use}Cannot delete table while stream is being enabled/disabled."),
        ),
    ] {
        database
            .case(operation, request)
            .fails("ResourceInUseException", &message);
    }
    database.wait_ms(1000);
    assert_eq!(status(&database), "DISABLED");
    enable(&database);
    let newest = self::arn(&database);
    assert_eq!(description(&database, &newest)["StreamStatus"], "ENABLING");
    database.wait_ms(1000);
    assert_eq!(description(&database, &newest)["StreamStatus"], "ENABLED");
}

#[test]
fn a_stream_is_described_with_its_shards() {
    let database = with_table();
    let arn = arn(&database);
    let found = description(&database, &arn);
    let shard = &found["Shards"][0];
    let id = shard["ShardId"].as_str().unwrap();
    assert_eq!(id, "shardId-00000001767225600000-00000000");
    assert_eq!(
        found,
        json!({
            "StreamArn": arn, "StreamLabel": "2026-01-01T00:00:00.000", "StreamStatus": "ENABLED",
            "StreamViewType": "NEW_AND_OLD_IMAGES", "CreationRequestDateTime": 1_767_225_600, "TableName": "table",
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "Shards": [{"ShardId": id, "SequenceNumberRange": {
                "StartingSequenceNumber": shard["SequenceNumberRange"]["StartingSequenceNumber"],
            }}],
        })
    );
}

#[test]
fn streams_of_all_tables_are_listed_in_pages() {
    let database = Database::empty();
    for table in ["t-b", "t-a", "t.c"] {
        database.create(with_stream(table_request(table, "pk:S", &[]), "KEYS_ONLY"));
    }
    database.create(table_request("plain", "pk:S", &[]));
    let list = |request: Value| {
        let answer = database.case("ListStreams", request).answer();
        let names: Vec<String> = answer["Streams"]
            .as_array()
            .unwrap()
            .iter()
            .map(|stream| stream["TableName"].as_str().unwrap().to_owned())
            .collect();
        (names, answer["LastEvaluatedStreamArn"].clone())
    };
    assert_eq!(
        list(json!({})),
        (vec!["t-a".into(), "t-b".into(), "t.c".into()], Value::Null)
    );
    let (names, last) = list(json!({"Limit": 2}));
    assert_eq!(names, ["t-a", "t-b"]);
    // The stream that a page begins behind need not be there any more.
    let (names, last) =
        list(json!({"Limit": 2, "ExclusiveStartStreamArn": last.as_str().unwrap().replace("T00", "T01")}));
    assert_eq!((names, last), (vec!["t.c".to_owned()], Value::Null));
    assert_eq!(list(json!({"TableName": "t-b"})).0, ["t-b"]);
    assert!(list(json!({"TableName": "plain"})).0.is_empty());
    database
        .case("ListStreams", json!({"TableName": "missing"}))
        .fails(
            "ResourceNotFoundException",
            "Requested resource not found: Table: missing not found",
        );
}

#[test]
fn a_disabled_stream_and_that_of_a_deleted_table_live_for_a_day() {
    let database = with_table();
    let first = arn(&database);
    put(&database, "a", 1);
    disable(&database);
    put(&database, "a", 2);
    database.wait_ms(HOUR_MS);
    enable(&database);
    let second = arn(&database);
    put(&database, "a", 3);
    database
        .case("DeleteTable", json!({"TableName": "table"}))
        .succeeds();
    database.create(table_request("table", "pk:S", &[]));
    put(&database, "a", 4);
    let listed = || {
        let answer = database
            .case("ListStreams", json!({"TableName": "table"}))
            .answer();
        let streams = answer["Streams"].as_array().unwrap().clone();
        streams
            .iter()
            .map(|stream| stream["StreamArn"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let of_versions = |arn: &str| {
        versions(&read_stream(&database, arn))
            .into_iter()
            .map(|(_, version)| version)
            .collect::<Vec<_>>()
    };
    assert_eq!(listed(), [first.as_str(), &second]);
    for stream in [&first, &second] {
        assert_eq!(description(&database, stream)["StreamStatus"], "DISABLED");
        let range = &shards(&database, stream)[0]["SequenceNumberRange"];
        assert!(range["EndingSequenceNumber"].as_str() > range["StartingSequenceNumber"].as_str());
    }
    assert_eq!(of_versions(&first), ["1"]);
    assert_eq!(of_versions(&second), ["3"]);
    database.wait_ms(DAY_MS - HOUR_MS);
    database.work();
    assert_eq!(listed(), [second.as_str()]);
    assert_eq!(of_versions(&second), ["3"]);
    database
        .case("DescribeStream", json!({"StreamArn": first}))
        .fails(
            "ResourceNotFoundException",
            &format!("Requested resource not found: Stream: {first} not found"),
        );
    database.wait_ms(HOUR_MS);
    database.work();
    assert!(listed().is_empty());
}

#[test]
fn records_go_with_the_stream_of_a_table_that_stays() {
    let database = with_table();
    for version in 1..=3 {
        put(&database, "a", version);
    }
    disable(&database);
    assert_eq!(database.stored_keys("log"), 3);
    database.work();
    database.wait_ms(DAY_MS);
    database.work();
    assert_eq!(
        database
            .case("ListStreams", json!({"TableName": "table"}))
            .answer()["Streams"],
        json!([])
    );
    assert_eq!(database.stored_keys("log"), 0);
    database
        .case("DeleteTable", json!({"TableName": "table"}))
        .succeeds();
    database.work();
    database.is_sound();
}

#[test]
fn iterators_begin_at_either_end_or_at_a_record() {
    let database = with_table();
    let arn = arn(&database);
    for version in 1..=5 {
        database.wait_ms(1000);
        put(&database, "a", version);
    }
    let shard = shard_ids(&database, &arn).remove(0);
    let all = read_shard(&database, &arn, &shard).0;
    let third = all[2]["dynamodb"]["SequenceNumber"].clone();
    let starting = shards(&database, &arn)[0]["SequenceNumberRange"]["StartingSequenceNumber"].clone();
    let mut cases = vec![
        ("TRIM_HORIZON", None, 0),
        ("LATEST", None, 5),
        ("AT_SEQUENCE_NUMBER", Some(("SequenceNumber", third.clone())), 2),
        ("AFTER_SEQUENCE_NUMBER", Some(("SequenceNumber", third)), 3),
        (
            "AT_SEQUENCE_NUMBER",
            Some(("SequenceNumber", starting.clone())),
            0,
        ),
        ("AFTER_SEQUENCE_NUMBER", Some(("SequenceNumber", starting)), 0),
    ];
    for (timestamp, skipped) in [(0, 0), (1_767_225_603, 2), (1_767_225_604, 3), (1_867_225_600, 5)] {
        cases.push(("AT_TIMESTAMP", Some(("Timestamp", json!(timestamp))), skipped));
    }
    for (kind, parameter, skipped) in cases {
        let mut request = iterator_request(&arn, &shard, kind);
        if let Some((name, value)) = parameter {
            request[name] = value;
        }
        let shown = request.to_string();
        let (records, _) = read_from(&database, iterator(&database, request), None);
        assert_eq!(records, all[skipped..], "{shown}");
    }
    let latest = iterator(&database, iterator_request(&arn, &shard, "LATEST"));
    put(&database, "b", 6);
    assert_eq!(
        versions(&read_from(&database, latest, None).0),
        [("b".into(), "6".into())]
    );
}

#[test]
fn a_place_outside_of_the_shard_is_refused() {
    let database = with_table();
    let arn = arn(&database);
    put(&database, "a", 1);
    let shard = shard_ids(&database, &arn).remove(0);
    let of = |kind: &str, number: &str| {
        let mut request = iterator_request(&arn, &shard, kind);
        request["SequenceNumber"] = json!(number);
        request
    };
    let outside = "Invalid SequenceNumber for the shard";
    database.refuses(
        "GetShardIterator",
        &[
            (of("AT_SEQUENCE_NUMBER", "100000000000000000000"), outside),
            (of("AT_SEQUENCE_NUMBER", "100000000000000999999"), outside),
            (of("AFTER_SEQUENCE_NUMBER", "999999999999999999999"), outside),
            (of("AT_SEQUENCE_NUMBER", "10000000000000000000x"), outside),
            (
                of("TRIM_HORIZON", "100000000000000000001"),
                "SequenceNumber must not be provided when ShardIteratorType is TRIM_HORIZON",
            ),
            (
                iterator_request(&arn, &shard, "AT_SEQUENCE_NUMBER"),
                "SequenceNumber must be provided when ShardIteratorType is AT_SEQUENCE_NUMBER",
            ),
            (
                iterator_request(&arn, &shard, "AT_TIMESTAMP"),
                "Timestamp must be provided when ShardIteratorType is AT_TIMESTAMP",
            ),
        ],
    );
}

#[test]
fn unknown_streams_shards_and_iterators_are_named() {
    let database = with_table();
    let arn = arn(&database);
    let missing = arn.replace("table/table", "table/other");
    let not_found = |operation: &str, request: Value, message: &str| {
        database
            .case(operation, request)
            .fails("ResourceNotFoundException", message);
    };
    let no_stream = format!("Requested resource not found: Stream: {missing} not found");
    let shard = shard_ids(&database, &arn).remove(0);
    let no_shard = "Requested resource not found: Shard does not exist";
    not_found("DescribeStream", json!({"StreamArn": missing}), &no_stream);
    not_found(
        "GetShardIterator",
        iterator_request(&missing, &shard, "LATEST"),
        &no_stream,
    );
    for id in [
        "shardId-00000001767225600000-00000001",
        "shardId-00000001767225600001-00000000",
        "shardId-of-nothing-at-all-but-long",
    ] {
        not_found("GetShardIterator", iterator_request(&arn, id, "LATEST"), no_shard);
    }
    let not_an_arn = "this is no ARN, but it is long enough for one";
    database.refuses(
        "DescribeStream",
        &[(json!({"StreamArn": not_an_arn}), "Invalid StreamArn")],
    );
    database.refuses(
        "ListStreams",
        &[(
            json!({"ExclusiveStartStreamArn": not_an_arn}),
            "Invalid StreamArn",
        )],
    );
    let good = iterator(&database, iterator_request(&arn, &shard, "LATEST"));
    for bad in [
        "x",
        &good[1..],
        &good[..good.len() - 1],
        &good.replace("table/table", "table/tablf"),
    ] {
        database.refuses(
            "GetRecords",
            &[(json!({"ShardIterator": bad}), "Invalid ShardIterator")],
        );
    }
}

#[test]
fn pages_of_streams_shards_and_records_have_limits() {
    let database = with_table();
    let arn = arn(&database);
    let shard = shard_ids(&database, &arn).remove(0);
    let good = iterator(&database, iterator_request(&arn, &shard, "LATEST"));
    let too_high = |value: u32, most: u32| {
        format!(
            "1 validation error detected: Value '{value}' at 'limit' failed to satisfy constraint: Member must have \
             value less than or equal to {most}"
        )
    };
    let too_low = "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: Member must have \
                   value greater than or equal to 1";
    for (operation, request, most) in [
        ("ListStreams", json!({}), 100),
        ("DescribeStream", json!({"StreamArn": arn}), 100),
        ("GetRecords", json!({"ShardIterator": good}), 1000),
    ] {
        let with_limit = |limit: u32| {
            let mut request = request.clone();
            request["Limit"] = json!(limit);
            request
        };
        database.case(operation, with_limit(most)).succeeds();
        database.case(operation, with_limit(0)).is_refused(too_low);
        database
            .case(operation, with_limit(most + 1))
            .is_refused(&too_high(most + 1, most));
    }
}

#[test]
fn a_page_of_records_ends_at_its_limit_or_a_megabyte() {
    let database = of_view("NEW_IMAGE");
    let arn = arn(&database);
    for key in 0..5 {
        database.put(json!({"pk": {"S": key.to_string()}, "v": {"S": "x".repeat(300_000)}}));
    }
    let shard = shard_ids(&database, &arn).remove(0);
    let first = iterator(&database, iterator_request(&arn, &shard, "TRIM_HORIZON"));
    let page = database
        .case("GetRecords", json!({"ShardIterator": first}))
        .answer();
    assert_eq!(page["Records"].as_array().unwrap().len(), 4);
    assert_eq!(read_from(&database, first.clone(), Some(2)).0.len(), 5);
    assert_eq!(read_from(&database, first, None).0.len(), 5);
}

#[test]
fn an_iterator_is_good_for_fifteen_minutes() {
    let database = with_table();
    let arn = arn(&database);
    let shard = shard_ids(&database, &arn).remove(0);
    let first = iterator(&database, iterator_request(&arn, &shard, "LATEST"));
    database.wait_ms(15 * MINUTE_MS);
    let next = database
        .case("GetRecords", json!({"ShardIterator": first}))
        .answer();
    database.wait_ms(1);
    database
        .case("GetRecords", json!({"ShardIterator": first}))
        .fails(
            "ExpiredIteratorException",
            "The provided iterator exceeds the maximum age allowed.",
        );
    let next = next["NextShardIterator"].as_str().unwrap();
    database
        .case("GetRecords", json!({"ShardIterator": next}))
        .succeeds();
}

#[test]
fn records_are_kept_for_a_day() {
    let database = with_table();
    let arn = arn(&database);
    put(&database, "a", 1);
    database.wait_ms(HOUR_MS);
    put(&database, "a", 2);
    let records = read_stream(&database, &arn);
    assert_eq!(records.len(), 2);
    let shard = shard_ids(&database, &arn).remove(0);
    database.wait_ms(23 * HOUR_MS - 10 * MINUTE_MS);
    let oldest = iterator(&database, iterator_request(&arn, &shard, "TRIM_HORIZON"));
    database.wait_ms(10 * MINUTE_MS);
    database.work();
    let names_of = |records: &[Value]| {
        versions(records)
            .into_iter()
            .map(|(_, version)| version)
            .collect::<Vec<_>>()
    };
    assert_eq!(names_of(&read_stream(&database, &arn)), ["2"]);
    database
        .case("GetRecords", json!({"ShardIterator": oldest}))
        .fails("TrimmedDataAccessException", TRIMMED);
    let mut request = iterator_request(&arn, &shard, "AT_SEQUENCE_NUMBER");
    request["SequenceNumber"] = records[0]["dynamodb"]["SequenceNumber"].clone();
    database
        .case("GetShardIterator", &request)
        .fails("TrimmedDataAccessException", TRIMMED);
    request["ShardIteratorType"] = json!("AFTER_SEQUENCE_NUMBER");
    assert_eq!(
        names_of(&read_from(&database, iterator(&database, request), None).0),
        ["2"]
    );
}

#[test]
fn shards_are_followed_by_others_after_four_hours() {
    let database = with_table();
    let arn = arn(&database);
    let mut expected = Vec::new();
    for generation in 0..3 {
        for key in ["a", "b"] {
            put(&database, key, generation);
            expected.push((key.to_owned(), generation.to_string()));
        }
        database.wait_ms(4 * HOUR_MS - 1);
        database.work();
        assert_eq!(shards(&database, &arn).len() as u64, generation + 1);
        database.wait_ms(1);
        database.work();
    }
    let shards = shards(&database, &arn);
    assert_eq!(shards.len(), 4);
    for (parent, child) in shards.iter().zip(&shards[1..]) {
        assert_eq!(child["ParentShardId"], parent["ShardId"]);
        assert!(child["ShardId"].as_str() > parent["ShardId"].as_str());
        let range = |shard: &Value, end: &str| shard["SequenceNumberRange"][end].as_str().map(str::to_owned);
        assert!(range(parent, "EndingSequenceNumber").is_some());
        assert!(range(child, "StartingSequenceNumber") >= range(parent, "EndingSequenceNumber"));
    }
    assert!(shards[0].get("ParentShardId").is_none());
    assert!(
        shards[3]["SequenceNumberRange"]
            .get("EndingSequenceNumber")
            .is_none()
    );
    for (shard, of_shard) in shards.iter().zip(expected.chunks(2)) {
        let (records, is_over) = read_shard(&database, &arn, shard["ShardId"].as_str().unwrap());
        assert_eq!(versions(&records), of_shard);
        assert!(is_over);
    }
    assert_eq!(versions(&read_stream(&database, &arn)), expected);
}

#[test]
fn a_reader_goes_from_a_closed_shard_to_its_child() {
    let database = with_table();
    let arn = arn(&database);
    let shard = shard_ids(&database, &arn).remove(0);
    let latest = iterator(&database, iterator_request(&arn, &shard, "LATEST"));
    put(&database, "a", 1);
    database.wait_ms(10 * MINUTE_MS);
    let page = database
        .case("GetRecords", json!({"ShardIterator": latest}))
        .answer();
    assert_eq!(page["Records"].as_array().unwrap().len(), 1);
    let mut next = page["NextShardIterator"].as_str().unwrap().to_owned();
    // An open shard never ends, however often it is asked.
    for _ in 0..23 {
        database.wait_ms(10 * MINUTE_MS);
        database.work();
        let page = database
            .case("GetRecords", json!({"ShardIterator": next}))
            .answer();
        assert_eq!(page["Records"], json!([]));
        match page.get("NextShardIterator") {
            Some(iterator) => next = iterator.as_str().unwrap().to_owned(),
            None => break,
        }
    }
    let (records, is_over) = read_from(&database, next, None);
    assert!(records.is_empty() && is_over);
    put(&database, "a", 2);
    let filter = json!({"StreamArn": arn, "ShardFilter": {"Type": "CHILD_SHARDS", "ShardId": shard}});
    let children = database.case("DescribeStream", filter).answer()["StreamDescription"]["Shards"].clone();
    assert_eq!(children.as_array().unwrap().len(), 1);
    let child = children[0]["ShardId"].as_str().unwrap();
    assert_eq!(
        versions(&read_shard(&database, &arn, child).0),
        [("a".into(), "2".into())]
    );
    // The latest of a shard that is over is its end.
    let latest = iterator(&database, iterator_request(&arn, &shard, "LATEST"));
    assert_eq!(read_from(&database, latest, None), (vec![], true));
}

#[test]
fn shards_are_described_in_pages() {
    let database = with_table();
    let arn = arn(&database);
    for _ in 0..4 {
        database.wait_ms(4 * HOUR_MS);
        database.work();
    }
    let all = shard_ids(&database, &arn);
    assert_eq!(all.len(), 5);
    let mut found = Vec::new();
    let mut request = json!({"StreamArn": arn, "Limit": 2});
    loop {
        let answer = database.case("DescribeStream", &request).answer()["StreamDescription"].clone();
        let page = answer["Shards"].as_array().unwrap();
        found.extend(
            page.iter()
                .map(|shard| shard["ShardId"].as_str().unwrap().to_owned()),
        );
        let Some(last) = answer.get("LastEvaluatedShardId") else {
            break;
        };
        assert_eq!(last.as_str(), found.last().map(String::as_str));
        request["ExclusiveStartShardId"] = last.clone();
    }
    assert_eq!(found, all);
    request["ExclusiveStartShardId"] = json!(all[4]);
    database
        .case("DescribeStream", &request)
        .gives_at("/StreamDescription/Shards", "[]");
    request["ExclusiveStartShardId"] = json!("shardId-of-nothing-at-all-but-long");
    database
        .case("DescribeStream", &request)
        .gives_at("/StreamDescription/Shards", "[]");
}

#[test]
fn shards_older_than_a_day_are_forgotten() {
    let database = with_table();
    let arn = arn(&database);
    put(&database, "a", 1);
    let first = shard_ids(&database, &arn).remove(0);
    // Closed after 4 hours, forgotten a day later; every 4 hours another.
    for _ in 0..7 {
        database.wait_ms(4 * HOUR_MS);
        database.work();
    }
    let left = shards(&database, &arn);
    assert_eq!(left.len(), 7);
    assert_eq!(left[0]["ParentShardId"], json!(first));
    database
        .case("GetShardIterator", iterator_request(&arn, &first, "TRIM_HORIZON"))
        .fails(
            "ResourceNotFoundException",
            "Requested resource not found: Shard does not exist",
        );
}

#[test]
fn several_open_shards_share_the_items() {
    let database = Database::with_settings(Settings {
        open_shards: 3,
        ..Settings::default()
    });
    database.create(with_stream(table_request("table", "pk:S", &[]), "NEW_IMAGE"));
    let arn = arn(&database);
    for generation in 0..3 {
        for key in 0..40 {
            put(&database, &key.to_string(), generation);
        }
        database.wait_ms(4 * HOUR_MS);
        database.work();
    }
    let shards = shards(&database, &arn);
    assert_eq!(shards.len(), 12);
    // The slice in which each item is first seen, by the place of its shard among its siblings.
    let mut slices = BTreeMap::new();
    let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (position, shard) in shards.iter().enumerate() {
        assert_eq!(shard.get("ParentShardId").is_some(), position >= 3);
        if position >= 3 {
            assert_eq!(shard["ParentShardId"], shards[position - 3]["ShardId"]);
        }
        let (records, is_over) = read_shard(&database, &arn, shard["ShardId"].as_str().unwrap());
        assert_eq!(is_over, position < 9);
        for (key, version) in versions(&records) {
            assert_eq!(*slices.entry(key.clone()).or_insert(position % 3), position % 3);
            seen.entry(key).or_default().push(version);
        }
    }
    assert_eq!(seen.len(), 40);
    assert!(seen.values().all(|versions| versions == &["0", "1", "2"]));
    let used: std::collections::BTreeSet<usize> = slices.into_values().collect();
    assert_eq!(used.len(), 3, "forty items fall into all three slices");
}

#[test]
fn a_rollover_is_seen_whole_or_not_at_all() {
    // Between the two steps of a rollover an open shard reads as if nothing had been written since.
    let database = with_table();
    let arn = arn(&database);
    put(&database, "a", 1);
    let shard = shard_ids(&database, &arn).remove(0);
    // What else is due by then is done before.
    database.wait_ms(4 * HOUR_MS - 1);
    database.work();
    database.wait_ms(1);
    let first = iterator(&database, iterator_request(&arn, &shard, "TRIM_HORIZON"));
    database.step();
    put(&database, "a", 2);
    let page = database
        .case("GetRecords", json!({"ShardIterator": first}))
        .answer();
    assert_eq!(page["Records"], json!([]));
    assert_eq!(page["NextShardIterator"].as_str(), Some(first.as_str()));
    database.step();
    put(&database, "a", 3);
    let (records, is_over) = read_from(&database, first, None);
    assert!(is_over);
    assert_eq!(records.len(), 2);
    let all: Vec<String> = versions(&read_stream(&database, &arn))
        .into_iter()
        .map(|(_, version)| version)
        .collect();
    assert_eq!(all, ["1", "2", "3"]);
}
