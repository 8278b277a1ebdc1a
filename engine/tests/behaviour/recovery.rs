//! Point-in-time recovery: UpdateContinuousBackups, DescribeContinuousBackups and
//! RestoreTableToPointInTime, and what becomes of the log that they read.

use engine::Settings;
use serde_json::{Value, json};

use crate::database::{Database, START_MS, global, local, table_request};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
const START_SECONDS: u64 = START_MS / 1000;

fn update(enabled: bool) -> Value {
    json!({
        "TableName": "table",
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": enabled},
    })
}

fn update_period(days: u64) -> Value {
    let mut request = update(true);
    request["PointInTimeRecoverySpecification"]["RecoveryPeriodInDays"] = json!(days);
    request
}

#[track_caller]
fn enable(database: &Database) {
    database.case("UpdateContinuousBackups", update(true)).succeeds();
}

#[track_caller]
fn disable(database: &Database) {
    database.case("UpdateContinuousBackups", update(false)).succeeds();
}

/// A table of this key with its recovery enabled.
fn recorded(key: &str) -> Database {
    let database = Database::with_table(key);
    enable(&database);
    database
}

/// What DescribeContinuousBackups says of recovery.
#[track_caller]
fn recovery(database: &Database) -> Value {
    let answer = database
        .case("DescribeContinuousBackups", r#"{"TableName":"table"}"#)
        .answer();
    let description = &answer["ContinuousBackupsDescription"];
    assert_eq!(description["ContinuousBackupsStatus"], "ENABLED");
    description["PointInTimeRecoveryDescription"].clone()
}

fn put(database: &Database, key: &str, value: u64) {
    database.put(json!({"pk": {"S": key}, "value": {"N": value.to_string()}}));
}

fn delete(database: &Database, key: &str) {
    let request = json!({"TableName": "table", "Key": {"pk": {"S": key}}});
    database.case("DeleteItem", request).succeeds();
}

fn restore_request(target: &str, seconds: f64) -> Value {
    json!({"SourceTableName": "table", "TargetTableName": target, "RestoreDateTime": seconds})
}

fn latest_request(target: &str) -> Value {
    json!({"SourceTableName": "table", "TargetTableName": target, "UseLatestRestorableTime": true})
}

/// Restores the table to a moment, to the end.
#[track_caller]
fn restore(database: &Database, target: &str, seconds: u64) {
    let request = restore_request(target, seconds as f64);
    database.case("RestoreTableToPointInTime", request).succeeds();
    database.work();
    assert_eq!(describe(database, target)["TableStatus"], "ACTIVE");
    database.is_sound();
}

#[track_caller]
fn describe(database: &Database, name: &str) -> Value {
    let answer = database
        .case("DescribeTable", json!({"TableName": name}))
        .answer();
    answer["Table"].clone()
}

/// The items of a table with a partition key `pk`, as `key=value`, in the order of the alphabet.
#[track_caller]
fn items(database: &Database, name: &str) -> Vec<String> {
    let answer = database.case("Scan", json!({"TableName": name})).answer();
    let mut items: Vec<String> = answer["Items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            let text = |name: &str, kind: &str| item[name][kind].as_str().unwrap_or_default().to_owned();
            format!("{}={}", text("pk", "S"), text("value", "N"))
        })
        .collect();
    items.sort_unstable();
    items
}

#[test]
fn recovery_reaches_back_to_its_enabling() {
    let database = Database::with_table("pk:S");
    assert_eq!(
        recovery(&database),
        json!({"PointInTimeRecoveryStatus": "DISABLED"})
    );
    disable(&database);
    enable(&database);
    let described = |days: u64, earliest: u64, latest: u64| {
        json!({
            "PointInTimeRecoveryStatus": "ENABLED",
            "RecoveryPeriodInDays": days,
            "EarliestRestorableDateTime": earliest,
            "LatestRestorableDateTime": latest,
        })
    };
    assert_eq!(recovery(&database), described(35, START_SECONDS, START_SECONDS));
    database.wait_ms(90_500);
    assert_eq!(
        recovery(&database),
        described(35, START_SECONDS, START_SECONDS + 90)
    );
    // Enabled again it stays as it was; the period can be changed.
    enable(&database);
    database
        .case("UpdateContinuousBackups", update_period(2))
        .gives_at(
            "/ContinuousBackupsDescription/PointInTimeRecoveryDescription",
            described(2, START_SECONDS, START_SECONDS + 90),
        );
    database.wait_ms(3 * DAY_MS);
    let now_seconds = START_SECONDS + 90 + 3 * 86_400;
    let earliest = recovery(&database)["EarliestRestorableDateTime"]
        .as_f64()
        .unwrap();
    assert_eq!(earliest, now_seconds as f64 + 0.5 - 2.0 * 86_400.0);
    // Disabled and enabled it begins anew.
    disable(&database);
    assert_eq!(
        recovery(&database),
        json!({"PointInTimeRecoveryStatus": "DISABLED"})
    );
    database.wait_ms(500);
    enable(&database);
    assert_eq!(
        recovery(&database),
        described(35, now_seconds + 1, now_seconds + 1)
    );
    database.work();
    database.is_sound();
}

#[test]
fn what_cannot_be_updated_is_refused() {
    let database = Database::with_table("pk:S");
    let mut request = update(false);
    request["PointInTimeRecoverySpecification"]["RecoveryPeriodInDays"] = json!(3);
    database.case("UpdateContinuousBackups", request).is_refused(
        "Invalid Request: Cannot specify RecoveryPeriodInDays when disabling point-in-time recovery.",
    );
    for days in [0, 36] {
        let (name, _) = database
            .case("UpdateContinuousBackups", update_period(days))
            .error();
        assert_eq!(name, "ValidationException");
    }
    let mut request = update(true);
    request["TableName"] = json!("nowhere");
    database
        .case("UpdateContinuousBackups", request)
        .fails("TableNotFoundException", "Table not found: nowhere");
    let slow = Database::with_transitions(1000);
    slow.create(table_request("table", "pk:S", &[]));
    slow.case("UpdateContinuousBackups", update(true)).fails(
        "ContinuousBackupsUnavailableException",
        "Backups are being enabled for the table: table. Please retry later",
    );
}

#[test]
fn a_second_is_restored_with_all_that_was_committed_in_it() {
    let database = Database::with_table("pk:S");
    put(&database, "before", 1);
    put(&database, "stays", 1);
    enable(&database);
    let mut states = vec![items(&database, "table")];
    let changes: [&dyn Fn(); 5] = [
        &|| put(&database, "a", 2),
        &|| put(&database, "a", 3),
        &|| delete(&database, "before"),
        &|| {
            delete(&database, "a");
            put(&database, "b", 4);
        },
        &|| {
            let writes = json!({"TransactItems": [
                {"Put": {"TableName": "table", "Item": {"pk": {"S": "c"}}}},
                {"Delete": {"TableName": "table", "Key": {"pk": {"S": "b"}}}},
            ]});
            database.case("TransactWriteItems", writes).succeeds();
            let statement = r#"UPDATE "table" SET "value" = 9 WHERE pk = 'stays'"#;
            database
                .case("ExecuteStatement", json!({"Statement": statement}))
                .succeeds();
        },
    ];
    for change in changes {
        database.wait_ms(1000);
        change();
        states.push(items(&database, "table"));
    }
    // Behind what was committed in that very millisecond, and before the next.
    for (second, expected) in states.iter().enumerate() {
        let target = format!("then-{second}");
        restore(&database, &target, START_SECONDS + second as u64);
        assert_eq!(items(&database, &target), *expected, "{second}");
    }
    let between = restore_request("between", START_SECONDS as f64 + 2.999);
    database.case("RestoreTableToPointInTime", between).succeeds();
    database.work();
    assert_eq!(items(&database, "between"), states[2]);
}

#[test]
fn the_latest_moment_has_all_that_was_acknowledged() {
    let database = recorded("pk:S");
    put(&database, "a", 1);
    database.wait_ms(300);
    put(&database, "a", 2);
    let answer = database
        .case("RestoreTableToPointInTime", latest_request("now"))
        .answer();
    assert_eq!(
        answer["TableDescription"]["RestoreSummary"]["RestoreDateTime"],
        json!(START_SECONDS as f64 + 0.3)
    );
    put(&database, "a", 3);
    put(&database, "b", 3);
    database.work();
    assert_eq!(items(&database, "now"), ["a=2"]);
    // An ARN of any account names the source too.
    let request = json!({
        "SourceTableArn": "arn:aws:dynamodb:eu-west-2:123456789012:table/table",
        "TargetTableName": "by-arn", "UseLatestRestorableTime": true,
    });
    database.case("RestoreTableToPointInTime", request).succeeds();
    database.work();
    assert_eq!(items(&database, "by-arn"), ["a=3", "b=3"]);
}

#[test]
fn what_cannot_be_restored_is_refused_in_the_services_order() {
    let database = Database::with_table("pk:S");
    database.create(table_request("other", "pk:S", &[]));
    let operation = "RestoreTableToPointInTime";
    let both = "Invalid Request: Both RestoreDateTime and UseLatestRestorableTime cannot be set for point-in-time \
                restore request. Please specify either RestoreDateTime time or UseLatestRestorableTime";
    let neither = "Invalid Request: Either one of RestoreDateTime or UseLatestRestorableTime must be specified, but \
                   not both";
    let mut with_both = latest_request("other");
    with_both["RestoreDateTime"] = json!(START_SECONDS);
    let mut two_sources = latest_request("other");
    two_sources["SourceTableArn"] = json!("arn:aws:dynamodb:us-east-1:000000000000:table/table");
    database.refuses(operation, &[
        (with_both, both),
        (json!({"SourceTableName": "table", "TargetTableName": "other"}), neither),
        (
            json!({"SourceTableName": "table", "TargetTableName": "other", "UseLatestRestorableTime": false}),
            neither,
        ),
        (two_sources, "Must provide exactly one of: sourceTableArn, sourceTableName"),
        (
            json!({"TargetTableName": "other", "UseLatestRestorableTime": true}),
            "The parameter 'TableName' is required but was not present in the request",
        ),
    ]);
    let nowhere =
        json!({"SourceTableName": "nowhere", "TargetTableName": "other", "UseLatestRestorableTime": true});
    database
        .case(operation, nowhere)
        .fails("TableNotFoundException", "Table not found: nowhere");
    let is_off = "Point in time recovery is not enabled for table 'table'";
    let unavailable = "PointInTimeRecoveryUnavailableException";
    database
        .case(operation, latest_request("other"))
        .fails(unavailable, is_off);
    database
        .case(operation, restore_request("new", 0.0))
        .fails(unavailable, is_off);
    enable(&database);
    database.wait_ms(2000);
    for (target, seconds, shown) in [
        ("other", START_SECONDS as f64 - 0.001, "2025-12-31T23:59:59Z"),
        ("new", START_SECONDS as f64 + 2.001, "2026-01-01T00:00:02Z"),
        ("new", 0.0, "1970-01-01T00:00:00Z"),
        ("new", -1.0, "1970-01-01T00:00:00Z"),
    ] {
        database.case(operation, restore_request(target, seconds)).fails(
            "InvalidRestoreTimeException",
            &format!(
                "RestoreDateTime '{shown}' must be within EarliestRestorableDateTime '2026-01-01T00:00:00Z' and \
                 LatestRestorableDateTime '2026-01-01T00:00:02Z'"
            ),
        );
    }
    for target in ["other", "table"] {
        database.case(operation, latest_request(target)).fails(
            "TableAlreadyExistsException",
            &format!("Table already exists: {target}"),
        );
    }
    database.case(operation, latest_request("new")).succeeds();
    database
        .case(operation, latest_request("new"))
        .fails("TableInUseException", "Table: new is already being restored");
    let tables = database.case("ListTables", "{}").answer();
    assert_eq!(tables["TableNames"], json!(["new", "other", "table"]));
}

#[test]
fn a_table_is_creating_until_it_is_restored() {
    let database = recorded("pk:S");
    for key in 0..600 {
        put(&database, &key.to_string(), 1);
    }
    let answer = database
        .case("RestoreTableToPointInTime", latest_request("new"))
        .answer();
    let description = &answer["TableDescription"];
    assert_eq!(description["TableStatus"], "CREATING");
    let summary = json!({
        "RestoreDateTime": START_SECONDS,
        "RestoreInProgress": true,
        "SourceTableArn": "arn:aws:dynamodb:us-east-1:000000000000:table/table",
    });
    assert_eq!(description["RestoreSummary"], summary);
    database.step();
    database.step();
    let described = describe(&database, "new");
    assert_eq!(described["TableStatus"], "CREATING");
    assert_eq!(described["RestoreSummary"], summary);
    let name = json!({"TableName": "new"});
    assert_eq!(
        database.case("Scan", &name).error().0,
        "ResourceNotFoundException"
    );
    assert_eq!(
        database.case("DeleteTable", &name).error().0,
        "ResourceInUseException"
    );
    database
        .case("DescribeContinuousBackups", &name)
        .fails("TableNotFoundException", "Table not found: new");
    database.is_sound();
    database.work();
    let described = describe(&database, "new");
    assert_eq!(described["TableStatus"], "ACTIVE");
    assert_eq!(described["ItemCount"], 600);
    assert_eq!(described.get("RestoreSummary"), None);
    assert_eq!(items(&database, "new"), items(&database, "table"));
    database.is_sound();
    assert_eq!(database.stored_keys("scratch"), 0);
}

#[test]
fn a_restored_table_has_the_settings_of_the_moment() {
    let indexes = [
        global("by-a", "a:S", "ALL"),
        local("by-b", "pk:S b:N", "KEYS_ONLY"),
    ];
    let database = Database::with_indexes("pk:S sk:S,a:S,b:N", &indexes);
    enable(&database);
    let item = |sk: &str| json!({"pk": {"S": "p"}, "sk": {"S": sk}, "a": {"S": "x"}, "b": {"N": "1"}});
    database.put(item("1"));
    let arn = describe(&database, "table")["TableArn"].clone();
    let tags = json!({"ResourceArn": arn, "Tags": [{"Key": "k", "Value": "v"}]});
    database.case("TagResource", tags).succeeds();
    let time_to_live =
        json!({"TableName": "table", "TimeToLiveSpecification": {"Enabled": true, "AttributeName": "t"}});
    database.case("UpdateTimeToLive", time_to_live).succeeds();
    let stream = json!({"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"});
    for change in [
        json!({"StreamSpecification": stream}),
        json!({"DeletionProtectionEnabled": true}),
        json!({"TableClass": "STANDARD_INFREQUENT_ACCESS"}),
        json!({"OnDemandThroughput": {"MaxReadRequestUnits": 5, "MaxWriteRequestUnits": 6}}),
    ] {
        let mut change = change;
        change["TableName"] = json!("table");
        database.case("UpdateTable", change).succeeds();
        database.work();
    }
    database.wait_ms(1000);
    let units = json!({"ReadCapacityUnits": 3, "WriteCapacityUnits": 4});
    let changes = [
        json!({"TableName": "table", "GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "by-a"}}]}),
        json!({"TableName": "table", "BillingMode": "PROVISIONED", "ProvisionedThroughput": units}),
    ];
    for change in changes {
        database.case("UpdateTable", change).succeeds();
        database.work();
    }
    database.put(item("2"));
    restore(&database, "then", START_SECONDS);
    let then = describe(&database, "then");
    assert_eq!(then["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(
        then["OnDemandThroughput"],
        json!({"MaxReadRequestUnits": 5, "MaxWriteRequestUnits": 6})
    );
    let index = &then["GlobalSecondaryIndexes"][0];
    assert_eq!(
        (&index["IndexName"], &index["ItemCount"]),
        (&json!("by-a"), &json!(1))
    );
    assert_eq!(index["IndexStatus"], "ACTIVE");
    assert_eq!(then["LocalSecondaryIndexes"][0]["ItemCount"], 1);
    assert_eq!(then["DeletionProtectionEnabled"], false);
    for member in ["StreamSpecification", "LatestStreamArn", "TableClassSummary"] {
        assert_eq!(then.get(member), None, "{member}");
    }
    let tags = database
        .case("ListTagsOfResource", json!({"ResourceArn": then["TableArn"]}))
        .answer();
    assert_eq!(tags["Tags"], json!([]));
    let name = json!({"TableName": "then"});
    database
        .case("DescribeTimeToLive", &name)
        .gives(r#"{"TimeToLiveDescription":{"TimeToLiveStatus":"DISABLED"}}"#);
    database.case("DescribeContinuousBackups", &name).gives_at(
        "/ContinuousBackupsDescription/PointInTimeRecoveryDescription/PointInTimeRecoveryStatus",
        json!("DISABLED"),
    );
    restore(&database, "now", START_SECONDS + 1);
    let now = describe(&database, "now");
    assert_eq!(now.get("GlobalSecondaryIndexes"), None);
    assert_eq!(now["AttributeDefinitions"].as_array().unwrap().len(), 3);
    assert_eq!(now["ProvisionedThroughput"]["ReadCapacityUnits"], 3);
    assert_eq!(now["ItemCount"], 2);
}

/// A table with two global indexes and its recovery enabled, with one item.
fn indexed() -> Database {
    let indexes = [
        global("one", "a:S", "ALL"),
        global("two", "a:S pk:S", "INCLUDE x y"),
        local("three", "pk:S a:S", "KEYS_ONLY"),
    ];
    let database = Database::with_indexes("pk:S sk:S,a:S", &indexes);
    enable(&database);
    database.put(json!({"pk": {"S": "p"}, "sk": {"S": "s"}, "a": {"S": "a"}, "x": {"S": "x"}}));
    database
}

fn with(members: Value) -> Value {
    let mut request = latest_request("new");
    request
        .as_object_mut()
        .unwrap()
        .extend(members.as_object().unwrap().clone());
    request
}

fn index_two(name: &str) -> Value {
    json!({
        "IndexName": name,
        "KeySchema": [
            {"AttributeName": "a", "KeyType": "HASH"}, {"AttributeName": "pk", "KeyType": "RANGE"},
        ],
        "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["y", "x"]},
    })
}

#[test]
fn overrides_change_what_is_restored() {
    let units = json!({"ReadCapacityUnits": 3, "WriteCapacityUnits": 4});
    let database = indexed();
    let mut index = index_two("renamed");
    index["ProvisionedThroughput"] = units.clone();
    let request = with(json!({
        "BillingModeOverride": "PROVISIONED", "ProvisionedThroughputOverride": units,
        "GlobalSecondaryIndexOverride": [index], "LocalSecondaryIndexOverride": [],
        "SSESpecificationOverride": {"Enabled": false},
    }));
    database.case("RestoreTableToPointInTime", request).succeeds();
    database.work();
    let new = describe(&database, "new");
    assert_eq!(new["ProvisionedThroughput"]["WriteCapacityUnits"], 4);
    assert_eq!(new.get("LocalSecondaryIndexes"), None);
    let indexes = new["GlobalSecondaryIndexes"].as_array().unwrap();
    assert_eq!(indexes.len(), 1);
    assert_eq!(indexes[0]["IndexName"], "renamed");
    assert_eq!(indexes[0]["ProvisionedThroughput"]["ReadCapacityUnits"], 3);
    assert_eq!(indexes[0]["ItemCount"], 1);
    database.is_sound();

    let database = indexed();
    let bounds = json!({"MaxReadRequestUnits": 7, "MaxWriteRequestUnits": 8});
    let request = with(json!({"OnDemandThroughputOverride": bounds, "GlobalSecondaryIndexOverride": []}));
    database.case("RestoreTableToPointInTime", request).succeeds();
    database.work();
    let new = describe(&database, "new");
    assert_eq!(new["OnDemandThroughput"], bounds);
    assert_eq!(new.get("GlobalSecondaryIndexes"), None);
    assert_eq!(new["LocalSecondaryIndexes"][0]["ItemCount"], 1);
    database.is_sound();
}

#[test]
fn overrides_that_do_not_fit_are_refused() {
    let units = json!({"ReadCapacityUnits": 3, "WriteCapacityUnits": 4});
    let no_match = "Invalid Request: Index two does not match a secondary index that existed in the source table and \
                    cannot be created during the restore operation";
    let mut other_key = index_two("two");
    other_key["KeySchema"] = json!([{"AttributeName": "pk", "KeyType": "HASH"}]);
    let mut other_projection = index_two("two");
    other_projection["Projection"] = json!({"ProjectionType": "KEYS_ONLY"});
    let mut with_units = index_two("two");
    with_units["ProvisionedThroughput"] = units.clone();
    let key = json!({"Enabled": true, "SSEType": "KMS"});
    indexed().refuses("RestoreTableToPointInTime", &[
        (
            with(json!({"ProvisionedThroughputOverride": units})),
            "Invalid Request: Cannot override ProvisionedThroughput unless BillingMode is PROVISIONED",
        ),
        (
            with(json!({"BillingModeOverride": "PROVISIONED"})),
            "Invalid Request: Must override ProvisionedThroughput if BillingMode is overridden to PROVISIONED",
        ),
        (
            with(json!({"BillingModeOverride": "PAY_PER_REQUEST", "ProvisionedThroughputOverride": units})),
            "Invalid Request: Cannot override ProvisionedThroughput if BillingMode is overridden to PAY_PER_REQUEST",
        ),
        (
            with(json!({"BillingModeOverride": "PROVISIONED", "ProvisionedThroughputOverride": units})),
            "Invalid Request: Must specify provisioned throughput for index one",
        ),
        (
            with(json!({
                "BillingModeOverride": "PROVISIONED", "ProvisionedThroughputOverride": units,
                "GlobalSecondaryIndexOverride": [index_two("two")],
            })),
            "Invalid Request: Must specify provisioned throughput for index two",
        ),
        (
            with(json!({
                "BillingModeOverride": "PROVISIONED", "ProvisionedThroughputOverride": units,
                "OnDemandThroughputOverride": {"MaxWriteRequestUnits": 8},
            })),
            "Invalid Request: Cannot override MaxWriteRequestUnits for OnDemandThroughput unless BillingModeOverride \
             is PAY_PER_REQUEST",
        ),
        (
            with(json!({"GlobalSecondaryIndexOverride": [with_units]})),
            "Invalid Request: Cannot override ProvisionedThroughput if BillingMode is overridden to PAY_PER_REQUEST \
             for index two",
        ),
        (with(json!({"GlobalSecondaryIndexOverride": [other_key]})), no_match),
        (with(json!({"GlobalSecondaryIndexOverride": [other_projection]})), no_match),
        (with(json!({"LocalSecondaryIndexOverride": [index_two("two")]})), no_match),
        (
            with(json!({"GlobalSecondaryIndexOverride": [index_two("two"), index_two("two")]})),
            "Invalid Request: Duplicate index name: two",
        ),
        (
            with(json!({"SSESpecificationOverride": key})),
            "One or more parameter values were invalid: SSESpecificationOverride is not supported by this version of \
             Stator",
        ),
    ]);
}

/// The records of the newest stream of the table, from its oldest on.
fn records(database: &Database) -> Vec<Value> {
    let arn = describe(database, "table")["LatestStreamArn"].clone();
    let stream = database
        .case("DescribeStream", json!({"StreamArn": arn}))
        .answer();
    let shard = &stream["StreamDescription"]["Shards"][0]["ShardId"];
    let request = json!({"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
    let iterator = database.case("GetShardIterator", request).answer();
    let request = json!({"ShardIterator": iterator["ShardIterator"]});
    let answer = database.case("GetRecords", request).answer();
    answer["Records"].as_array().unwrap().clone()
}

fn enable_stream(database: &Database, view: &str) {
    let stream = json!({"StreamEnabled": true, "StreamViewType": view});
    let request = json!({"TableName": "table", "StreamSpecification": stream});
    database.case("UpdateTable", request).succeeds();
}

#[test]
fn a_stream_beside_recovery_shows_what_it_did() {
    let database = recorded("pk:S");
    put(&database, "a", 1);
    enable_stream(&database, "KEYS_ONLY");
    put(&database, "a", 2);
    delete(&database, "a");
    let shown = records(&database);
    let names: Vec<&str> = shown
        .iter()
        .map(|record| record["eventName"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["MODIFY", "REMOVE"]);
    for record in &shown {
        let record = &record["dynamodb"];
        assert_eq!(record["Keys"], json!({"pk": {"S": "a"}}));
        assert_eq!(
            (record.get("OldImage"), record.get("NewImage")),
            (None, None),
            "{record}"
        );
        assert_eq!(record["SizeBytes"], 3);
    }
    // Without the stream the log goes on, and the stream has no part in it.
    let request = json!({"TableName": "table", "StreamSpecification": {"StreamEnabled": false}});
    database.case("UpdateTable", request).succeeds();
    put(&database, "b", 3);
    assert_eq!(records(&database).len(), 2);
    database.wait_ms(1000);
    restore(&database, "then", START_SECONDS);
    assert_eq!(items(&database, "then"), ["b=3"]);
}

#[test]
fn a_stream_forgets_after_a_day_what_recovery_keeps() {
    let database = recorded("pk:S");
    enable_stream(&database, "NEW_IMAGE");
    put(&database, "a", 1);
    database.wait_ms(DAY_MS / 2);
    put(&database, "a", 2);
    assert_eq!(records(&database).len(), 2);
    let arn = describe(&database, "table")["LatestStreamArn"].clone();
    let stream = database
        .case("DescribeStream", json!({"StreamArn": arn}))
        .answer();
    let first = records(&database)[0]["dynamodb"]["SequenceNumber"].clone();
    database.wait_ms(DAY_MS / 2 + 1);
    let kept = database.stored_keys("log");
    database.work();
    assert_eq!(database.stored_keys("log"), kept, "the log keeps its records");
    // As without recovery.
    let left = records(&database);
    assert!(
        left.iter()
            .all(|record| record["dynamodb"]["NewImage"]["value"]["N"] == "2"),
        "{left:?}"
    );
    let shard = &stream["StreamDescription"]["Shards"][0]["ShardId"];
    let request = json!({
        "StreamArn": arn, "ShardId": shard, "ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": first,
    });
    assert_eq!(
        database.case("GetShardIterator", request).error().0,
        "TrimmedDataAccessException"
    );
    database.is_sound();
    restore(&database, "then", START_SECONDS);
    assert_eq!(items(&database, "then"), ["a=1"]);
    // What streams no longer see goes when recovery is disabled; the rest belongs to the stream.
    disable(&database);
    database.work();
    database.is_sound();
    assert!(database.stored_keys("log") < kept);
}

#[test]
fn records_go_when_recovery_does_not_reach_back_to_them() {
    let database = recorded("pk:S");
    database
        .case("UpdateContinuousBackups", update_period(2))
        .succeeds();
    for day in 0..5 {
        put(&database, "a", day);
        database.wait_ms(DAY_MS);
    }
    // Two versions of the descriptor were recorded, of which the older goes too.
    assert_eq!(database.stored_keys("log"), 5 + 2);
    database.work();
    assert_eq!(database.stored_keys("log"), 1 + 1);
    database.is_sound();
    restore(&database, "then", START_SECONDS + 3 * 86_400);
    assert_eq!(items(&database, "then"), ["a=3"]);
    // A longer period brings nothing back.
    database
        .case("UpdateContinuousBackups", update_period(35))
        .succeeds();
    assert_eq!(
        recovery(&database)["EarliestRestorableDateTime"],
        json!(START_SECONDS + 3 * 86_400)
    );
    let early = restore_request("early", (START_SECONDS + 2 * 86_400) as f64);
    assert_eq!(
        database.case("RestoreTableToPointInTime", early).error().0,
        "InvalidRestoreTimeException"
    );
}

#[test]
fn records_go_when_recovery_is_disabled() {
    let database = Database::with_table("pk:S");
    put(&database, "a", 1);
    assert_eq!(
        database.stored_keys("log"),
        0,
        "nothing is logged without a reader"
    );
    enable(&database);
    put(&database, "a", 2);
    assert_eq!(database.stored_keys("log"), 2);
    disable(&database);
    database.work();
    assert_eq!(database.stored_keys("log"), 0);
    put(&database, "a", 3);
    assert_eq!(database.stored_keys("log"), 0);
    database.is_sound();
}

#[test]
fn a_deleted_table_leaves_nothing_of_its_recovery() {
    for with_stream in [false, true] {
        let database = recorded("pk:S");
        if with_stream {
            enable_stream(&database, "NEW_IMAGE");
        }
        put(&database, "a", 1);
        database
            .case("DeleteTable", r#"{"TableName":"table"}"#)
            .succeeds();
        database.work();
        database.is_sound();
        // The records of a stream stay for a day.
        assert_eq!(database.stored_keys("log") > 0, with_stream);
        database.wait_ms(DAY_MS + 1);
        database.work();
        assert_eq!(database.stored_keys("log"), 0);
        database.create(table_request("table", "pk:S", &[]));
        assert_eq!(
            recovery(&database),
            json!({"PointInTimeRecoveryStatus": "DISABLED"})
        );
        database.is_sound();
    }
}

#[test]
fn a_restore_keeps_what_it_needs() {
    let database = recorded("pk:S");
    database
        .case("UpdateContinuousBackups", update_period(1))
        .succeeds();
    for key in 0..600 {
        put(&database, &key.to_string(), 1);
    }
    database.wait_ms(1000);
    let request = restore_request("then", START_SECONDS as f64);
    database.case("RestoreTableToPointInTime", request).succeeds();
    database.step();
    for key in 0..600 {
        put(&database, &key.to_string(), 2);
    }
    disable(&database);
    database.wait_ms(3 * DAY_MS);
    // The source waits with its end until the restore is done.
    database
        .case("DeleteTable", r#"{"TableName":"table"}"#)
        .succeeds();
    assert_eq!(describe(&database, "table")["TableStatus"], "DELETING");
    database.is_sound();
    database.work();
    assert_eq!(
        database
            .case("DescribeTable", r#"{"TableName":"table"}"#)
            .error()
            .0,
        "ResourceNotFoundException"
    );
    let restored = items(&database, "then");
    assert_eq!(restored.len(), 600);
    assert!(restored.iter().all(|item| item.ends_with("=1")));
    database.is_sound();
    assert_eq!(database.stored_keys("log"), 0);
    assert_eq!(database.stored_keys("scratch"), 0);
}

#[test]
fn a_restore_goes_on_after_a_restart() {
    let mut database = recorded("pk:S");
    for key in 0..1500 {
        put(&database, &key.to_string(), 1);
    }
    database.wait_ms(1000);
    let request = restore_request("then", START_SECONDS as f64);
    database.case("RestoreTableToPointInTime", request).succeeds();
    for key in 0..1500 {
        put(&database, &(key + 700).to_string(), 2);
    }
    let mut restarts = 0;
    while describe(&database, "then")["TableStatus"] == "CREATING" {
        // Garbage and tokens come first.
        for _ in 0..3 {
            database.step();
        }
        database = database.reopened(Settings::default());
        restarts += 1;
        delete(&database, &restarts.to_string());
    }
    assert!(restarts > 6, "{restarts}");
    assert!(items(&database, "then").len() == 1500);
    assert!(items(&database, "then").iter().all(|item| item.ends_with("=1")));
    database.work();
    database.is_sound();
}

#[test]
fn what_expired_is_there_again_in_a_restored_table() {
    let database = recorded("pk:S");
    let time_to_live =
        json!({"TableName": "table", "TimeToLiveSpecification": {"Enabled": true, "AttributeName": "value"}});
    database.case("UpdateTimeToLive", time_to_live).succeeds();
    put(&database, "a", START_SECONDS + 5);
    put(&database, "b", START_SECONDS + 500);
    database.wait_ms(10_000);
    database.work();
    assert_eq!(items(&database, "table").len(), 1);
    restore(&database, "then", START_SECONDS + 5);
    assert_eq!(items(&database, "then").len(), 2);
    database.wait_ms(3_600_000);
    database.work();
    assert_eq!(items(&database, "then").len(), 2, "nothing expires there");
}
