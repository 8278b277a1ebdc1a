//! Time to live: UpdateTimeToLive and DescribeTimeToLive, and what becomes of items that expire.

use engine::Settings;
use serde_json::{Value, json};

use crate::database::{Database, START_MS, global, local, table_request};

const START_SECONDS: u64 = START_MS / 1000;
const HOUR_MS: u64 = 60 * 60 * 1000;
/// Five years of 365 days.
const FIVE_YEARS_SECONDS: u64 = 5 * 365 * 24 * 60 * 60;

const INTERVAL: &str = "Time to live has been modified multiple times within a fixed interval";
const CONSTRAINT: &str = "failed to satisfy constraint: Member must";

fn update(enabled: bool, attribute: &str) -> Value {
    json!({
        "TableName": "table",
        "TimeToLiveSpecification": {"Enabled": enabled, "AttributeName": attribute},
    })
}

#[track_caller]
fn enable(database: &Database, attribute: &str) {
    database
        .case("UpdateTimeToLive", update(true, attribute))
        .succeeds();
}

#[track_caller]
fn disable(database: &Database, attribute: &str) {
    database
        .case("UpdateTimeToLive", update(false, attribute))
        .succeeds();
}

/// What DescribeTimeToLive says: the status and, behind a blank, the attribute.
#[track_caller]
fn status(database: &Database) -> String {
    let answer = database
        .case("DescribeTimeToLive", r#"{"TableName":"table"}"#)
        .answer();
    let description = &answer["TimeToLiveDescription"];
    let status = description["TimeToLiveStatus"].as_str().unwrap();
    match description["AttributeName"].as_str() {
        Some(attribute) => format!("{status} {attribute}"),
        None => status.to_owned(),
    }
}

/// A table whose items expire at `ttl`.
fn expiring() -> Database {
    let database = Database::with_table("pk:S");
    enable(&database, "ttl");
    database
}

fn put(database: &Database, key: &str, attributes: Value) {
    let mut item = json!({"pk": {"S": key}});
    item.as_object_mut()
        .unwrap()
        .extend(attributes.as_object().unwrap().clone());
    database.put(item);
}

fn number(number: impl ToString) -> Value {
    json!({"N": number.to_string()})
}

/// Puts an item that expires then.
fn put_expiring(database: &Database, key: &str, seconds: u64) {
    put(database, key, json!({"ttl": number(seconds)}));
}

/// Which items there are, by their keys, in the order of the alphabet.
fn keys(database: &Database) -> Vec<String> {
    let answer = database.case("Scan", r#"{"TableName":"table"}"#).answer();
    let mut keys: Vec<String> = answer["Items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["pk"]["S"].as_str().unwrap().to_owned())
        .collect();
    keys.sort();
    keys
}

/// Lets time pass and the background do what is due.
fn sweep(database: &Database, after_ms: u64) {
    database.wait_ms(after_ms);
    database.work();
}

#[test]
fn a_table_is_enabled_at_once_and_the_answer_repeats_the_request() {
    let database = Database::with_table("pk:S");
    assert_eq!(status(&database), "DISABLED");
    let expected = r#"{"TimeToLiveSpecification":{"Enabled":true,"AttributeName":"ttl"}}"#;
    database
        .case("UpdateTimeToLive", update(true, "ttl"))
        .gives(expected);
    assert_eq!(status(&database), "ENABLED ttl");
    database.wait_ms(HOUR_MS);
    database
        .case("UpdateTimeToLive", update(false, "ttl"))
        .gives(expected.replace("true", "false"));
    assert_eq!(status(&database), "DISABLED");
    let arn = "arn:aws:dynamodb:us-east-1:000000000000:table/table";
    database
        .case("DescribeTimeToLive", json!({"TableName": arn}))
        .gives(r#"{"TimeToLiveDescription":{"TimeToLiveStatus":"DISABLED"}}"#);
    database
        .case("DescribeTable", r#"{"TableName":"table"}"#)
        .gives_at("/Table/TableStatus", r#""ACTIVE""#);
}

#[test]
fn the_attribute_has_a_name_of_1_to_255_letters() {
    let database = Database::with_table("pk:S");
    let refuse = |specification: Value, what: &str| {
        let request = json!({"TableName": "table", "TimeToLiveSpecification": specification});
        let message = format!("1 validation error detected: Value {what}");
        database.case("UpdateTimeToLive", request).is_refused(&message);
    };
    refuse(
        json!({"Enabled": true}),
        &format!("null at 'timeToLiveSpecification.attributeName' {CONSTRAINT} not be null"),
    );
    refuse(
        json!({"AttributeName": "ttl"}),
        &format!("null at 'timeToLiveSpecification.enabled' {CONSTRAINT} not be null"),
    );
    refuse(
        Value::Null,
        &format!("null at 'timeToLiveSpecification' {CONSTRAINT} not be null"),
    );
    refuse(
        json!({"Enabled": true, "AttributeName": ""}),
        &format!(
            "'' at 'timeToLiveSpecification.attributeName' {CONSTRAINT} have length greater than or equal to 1"
        ),
    );
    let long = "a".repeat(256);
    refuse(
        json!({"Enabled": true, "AttributeName": long}),
        &format!(
            "'{long}' at 'timeToLiveSpecification.attributeName' {CONSTRAINT} have length less than or equal to 255"
        ),
    );
    let (name, _) = database
        .case(
            "UpdateTimeToLive",
            json!({"TableName": "table", "TimeToLiveSpecification": {"Enabled": true, "AttributeName": 5}}),
        )
        .error();
    assert_eq!(name, "SerializationException");
    assert_eq!(status(&database), "DISABLED");
    enable(&database, &"a".repeat(255));
}

#[test]
fn the_table_must_exist_and_be_created() {
    let database = Database::with_transitions(1000);
    let missing = "Requested resource not found: Table: table not found";
    database
        .case("UpdateTimeToLive", update(true, "ttl"))
        .fails("ResourceNotFoundException", missing);
    database
        .case("DescribeTimeToLive", r#"{"TableName":"table"}"#)
        .fails("ResourceNotFoundException", missing);
    database.create(table_request("table", "pk:S", &[]));
    database.case("UpdateTimeToLive", update(true, "ttl")).fails(
        "ResourceInUseException",
        "Attempt to change a resource which is still in use: Table table is being created",
    );
    let describe = |state: &str| {
        database
            .case("DescribeTimeToLive", r#"{"TableName":"table"}"#)
            .is_refused(&format!(
                "Cannot describe time to live while table is in {state} state: Current table state is {state}"
            ));
    };
    describe("CREATING");
    database.wait_ms(1000);
    database
        .case("DeleteTable", r#"{"TableName":"table"}"#)
        .succeeds();
    describe("DELETING");
    enable(&database, "ttl");
    sweep(&database, 1000);
    assert_eq!(
        database.stored_keys("catalog"),
        1,
        "nothing but the next id is left"
    );
}

#[test]
fn what_is_so_already_is_refused() {
    let database = Database::with_table("pk:S");
    let refuse = |enabled: bool, attribute: &str, message: &str| {
        database
            .case("UpdateTimeToLive", update(enabled, attribute))
            .is_refused(message);
    };
    refuse(false, "ttl", "TimeToLive is already disabled");
    enable(&database, "ttl");
    // All of this comes before the refusal to change again so soon.
    refuse(true, "ttl", "TimeToLive is already enabled");
    let other = "TimeToLive is active on a different AttributeName: current AttributeName is ttl";
    refuse(true, "other", other);
    refuse(false, "other", other);
    database.wait_ms(HOUR_MS);
    disable(&database, "ttl");
    refuse(false, "ttl", "TimeToLive is already disabled");
    refuse(false, "other", "TimeToLive is already disabled");
}

#[test]
fn a_second_change_has_to_wait_an_hour() {
    let database = expiring();
    let refuse = |enabled: bool| {
        database
            .case("UpdateTimeToLive", update(enabled, "ttl"))
            .is_refused(INTERVAL);
    };
    refuse(false);
    database.wait_ms(HOUR_MS - 1);
    refuse(false);
    // A refusal does not begin the hour anew; a change does.
    database.wait_ms(1);
    disable(&database, "ttl");
    refuse(true);
    database.wait_ms(HOUR_MS - 1);
    refuse(true);
    assert_eq!(status(&database), "DISABLED");
    database.wait_ms(1);
    enable(&database, "ttl");
}

#[test]
fn the_time_between_two_changes_is_a_setting() {
    let database = Database::with_settings(Settings {
        time_to_live_change_ms: 0,
        ..Settings::default()
    });
    database.create(table_request("table", "pk:S", &[]));
    for _ in 0..3 {
        enable(&database, "ttl");
        disable(&database, "ttl");
    }
}

#[test]
fn enabling_and_disabling_take_the_time_that_is_set() {
    let database = Database::with_transitions(1000);
    database.create(table_request("table", "pk:S", &[]));
    database.wait_ms(1000);
    put_expiring(&database, "a", 1);
    put_expiring(&database, "b", START_SECONDS - 5);
    enable(&database, "ttl");
    database.work();
    assert_eq!(status(&database), "ENABLING ttl");
    sweep(&database, 999);
    assert_eq!(status(&database), "ENABLING ttl");
    assert_eq!(keys(&database), ["a", "b"]);
    sweep(&database, 1);
    assert_eq!(status(&database), "ENABLED ttl");
    assert_eq!(keys(&database), ["a"]);
    database.wait_ms(HOUR_MS);
    disable(&database, "ttl");
    assert_eq!(status(&database), "DISABLING ttl");
    database
        .case("UpdateTimeToLive", update(false, "ttl"))
        .is_refused("TimeToLive is already disabled");
    database
        .case("UpdateTimeToLive", update(true, "ttl"))
        .is_refused(INTERVAL);
    database.wait_ms(1000);
    assert_eq!(status(&database), "DISABLED");
}

#[test]
fn an_item_goes_when_its_second_is_over() {
    let database = expiring();
    put_expiring(&database, "earlier", START_SECONDS - 1);
    put_expiring(&database, "now", START_SECONDS);
    put_expiring(&database, "later", START_SECONDS + 10);
    put(&database, "never", json!({}));
    sweep(&database, 0);
    assert_eq!(keys(&database), ["later", "never", "now"]);
    sweep(&database, 999);
    assert_eq!(keys(&database), ["later", "never", "now"]);
    sweep(&database, 1);
    assert_eq!(keys(&database), ["later", "never"]);
    sweep(&database, 9_999);
    assert_eq!(keys(&database), ["later", "never"]);
    sweep(&database, 1000);
    assert_eq!(keys(&database), ["never"]);
    assert_eq!(database.stored_keys("expiry"), 0);
    database.is_sound();
}

#[test]
fn the_sweep_looks_once_in_a_period() {
    let database = Database::with_settings(Settings {
        expiry_sweep_period_ms: 5000,
        ..Settings::default()
    });
    database.create(table_request("table", "pk:S", &[]));
    enable(&database, "ttl");
    database.work();
    put_expiring(&database, "a", START_SECONDS - 1);
    sweep(&database, 4999);
    assert_eq!(keys(&database), ["a"]);
    sweep(&database, 1);
    assert_eq!(keys(&database), Vec::<String>::new());
}

#[test]
fn only_a_number_at_the_top_expires() {
    let database = expiring();
    let past = (START_SECONDS - 100).to_string();
    for (key, value) in [
        ("string", json!({"S": past})),
        ("set", json!({"NS": [past]})),
        ("list", json!({"L": [{"N": past}]})),
        ("map", json!({"M": {"ttl": {"N": past}}})),
        ("null", json!({"NULL": true})),
        ("negative", number(format!("-{past}"))),
        ("zero", number(0)),
        ("milliseconds", number(START_MS - 100_000)),
        ("huge", number("9e125")),
        ("tiny", number("1e-130")),
    ] {
        put(&database, key, json!({"ttl": value}));
    }
    put(&database, "other", json!({"TTL": number(&past)}));
    let before = keys(&database);
    sweep(&database, 10_000);
    assert_eq!(keys(&database), before);
    assert_eq!(before.len(), 11);
    database.is_sound();
}

#[test]
fn decimals_and_exponents_are_times() {
    let database = expiring();
    put(
        &database,
        "decimal",
        json!({"ttl": number(format!("{}.75", START_SECONDS - 1))}),
    );
    put(
        &database,
        "exponent",
        json!({"ttl": number(format!("{}e2", START_SECONDS / 100 - 1))}),
    );
    put(
        &database,
        "this second",
        json!({"ttl": number(format!("{START_SECONDS}.75"))}),
    );
    sweep(&database, 0);
    assert_eq!(keys(&database), ["this second"]);
    sweep(&database, 1000);
    assert_eq!(keys(&database), Vec::<String>::new());
}

#[test]
fn what_expired_more_than_five_years_ago_stays() {
    let database = expiring();
    put_expiring(&database, "five years", START_SECONDS - FIVE_YEARS_SECONDS);
    put_expiring(&database, "more", START_SECONDS - FIVE_YEARS_SECONDS - 1);
    sweep(&database, 0);
    assert_eq!(keys(&database), ["more"]);
    sweep(&database, 10_000);
    assert_eq!(keys(&database), ["more"]);
    database.is_sound();
}

#[test]
fn a_time_that_was_moved_counts_as_it_is() {
    let database = expiring();
    for key in ["later", "removed", "sooner", "text"] {
        let seconds = if key == "sooner" { 1000 } else { 5 };
        put_expiring(&database, key, START_SECONDS + seconds);
    }
    let change = |key: &str, expression: &str, value: Option<Value>| {
        let mut request = json!({
            "TableName": "table", "Key": {"pk": {"S": key}}, "UpdateExpression": expression,
            "ExpressionAttributeNames": {"#t": "ttl"},
        });
        if let Some(value) = value {
            request["ExpressionAttributeValues"] = json!({":value": value});
        }
        database.case("UpdateItem", request).succeeds();
    };
    change("later", "SET #t = :value", Some(number(START_SECONDS + 100)));
    change("removed", "REMOVE #t", None);
    change("sooner", "ADD #t :value", Some(number(-999)));
    change("text", "SET #t = :value", Some(json!({"S": "never"})));
    sweep(&database, 10_000);
    assert_eq!(keys(&database), ["later", "removed", "text"]);
    sweep(&database, 100_000);
    assert_eq!(keys(&database), ["removed", "text"]);
    assert_eq!(database.stored_keys("expiry"), 0);
}

#[test]
fn an_item_leaves_its_indexes_and_counts_too() {
    let database = Database::with_indexes(
        "pk:S sk:S,g:S,l:N",
        &[
            global("by-g", "g:S", "KEYS_ONLY"),
            local("by-l", "pk:S l:N", "ALL"),
        ],
    );
    enable(&database, "ttl");
    for n in 0..10 {
        database.put(json!({
            "pk": {"S": "p"}, "sk": {"S": n.to_string()}, "g": {"S": "g"}, "l": {"N": "1"},
            "ttl": number(START_SECONDS + n % 2 * 100),
        }));
    }
    sweep(&database, 1000);
    for index in ["by-g", "by-l"] {
        database
            .case("Scan", json!({"TableName": "table", "IndexName": index}))
            .gives_at("/Count", 5);
    }
    let table = database
        .case("DescribeTable", r#"{"TableName":"table"}"#)
        .answer();
    assert_eq!(table["Table"]["ItemCount"], 5);
    assert_eq!(table["Table"]["GlobalSecondaryIndexes"][0]["ItemCount"], 5);
    database.is_sound();
}

#[test]
fn the_stream_tells_who_deleted_an_item() {
    let database = Database::empty();
    let mut request = table_request("table", "pk:S", &[]);
    request["StreamSpecification"] = json!({"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"});
    database.create(request);
    enable(&database, "ttl");
    put_expiring(&database, "expired", START_SECONDS - 1);
    put_expiring(&database, "deleted", START_SECONDS - 1);
    let key = json!({"pk": {"S": "deleted"}});
    database
        .case("DeleteItem", json!({"TableName": "table", "Key": key}))
        .succeeds();
    database.work();
    assert_eq!(keys(&database), Vec::<String>::new());

    let table = database
        .case("DescribeTable", r#"{"TableName":"table"}"#)
        .answer();
    let arn = &table["Table"]["LatestStreamArn"];
    let stream = database
        .case("DescribeStream", json!({"StreamArn": arn}))
        .answer();
    let shard = &stream["StreamDescription"]["Shards"][0]["ShardId"];
    let iterator = database
        .case(
            "GetShardIterator",
            json!({"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}),
        )
        .answer();
    let records = database
        .case("GetRecords", json!({"ShardIterator": iterator["ShardIterator"]}))
        .answer();
    let removals: Vec<(&Value, &Value)> = records["Records"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|record| record["eventName"] == "REMOVE")
        .map(|record| {
            (
                &record["dynamodb"]["OldImage"]["pk"]["S"],
                &record["userIdentity"],
            )
        })
        .collect();
    let service = json!({"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"});
    assert_eq!(
        removals,
        [(&json!("deleted"), &Value::Null), (&json!("expired"), &service)]
    );
}

#[test]
fn a_key_attribute_can_be_the_time() {
    let database = Database::with_table("pk:S sk:N");
    enable(&database, "sk");
    for seconds in [START_SECONDS - 1, START_SECONDS + 1] {
        database.put(json!({"pk": {"S": "a"}, "sk": number(seconds)}));
    }
    sweep(&database, 0);
    assert_eq!(database.stored_keys("items"), 1);
    // A key that is no number never expires.
    let database = Database::with_table("pk:S");
    enable(&database, "pk");
    put(&database, "1767225500", json!({}));
    sweep(&database, 10_000);
    assert_eq!(keys(&database), ["1767225500"]);
}

#[test]
fn writes_are_checked_against_items_that_are_not_swept_yet() {
    let database = expiring();
    put_expiring(&database, "a", START_SECONDS - 1);
    assert_eq!(
        database.item(json!({"pk": {"S": "a"}}))["ttl"],
        number(START_SECONDS - 1)
    );
    let request = json!({
        "TableName": "table", "Item": {"pk": {"S": "a"}}, "ConditionExpression": "attribute_not_exists(pk)",
    });
    let (name, _) = database.case("PutItem", request).error();
    assert_eq!(name, "ConditionalCheckFailedException");
}

#[test]
fn many_items_go_in_steps_between_which_other_work_is_done() {
    let database = expiring();
    for n in 0..1000 {
        put_expiring(&database, &n.to_string(), START_SECONDS - 1 - n % 7);
    }
    database.work();
    assert_eq!(database.stored_keys("items"), 0);
    for n in 0..1000 {
        put_expiring(&database, &n.to_string(), START_SECONDS - 1 - n % 7);
    }
    database.wait_ms(1000);
    database.step();
    let left = database.stored_keys("items");
    assert!((1..1000).contains(&left), "{left} items are left");
    database.wait_ms(1);
    let index = json!({
        "TableName": "table",
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "g", "AttributeType": "S"},
        ],
        "GlobalSecondaryIndexUpdates": [{"Create": {
            "IndexName": "one", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }}],
    });
    database.case("UpdateTable", index).succeeds();
    for _ in 0..20 {
        database.step();
        database.wait_ms(1);
    }
    let description = database
        .case("DescribeTable", r#"{"TableName":"table"}"#)
        .answer();
    assert_eq!(
        description["Table"]["GlobalSecondaryIndexes"][0]["IndexStatus"],
        "ACTIVE"
    );
    assert!(database.stored_keys("items") > 0, "the sweep went on meanwhile");
    database.work();
    assert_eq!(database.stored_keys("items"), 0);
    database.is_sound();
}

#[test]
fn large_items_go_too() {
    let database = expiring();
    let filler = "x".repeat(300_000);
    for n in 0..40 {
        put(
            &database,
            &n.to_string(),
            json!({"ttl": number(START_SECONDS - 1), "filler": {"S": filler}}),
        );
    }
    database.work();
    assert_eq!(database.stored_keys("items"), 0);
}

/// A table with so many items that the request that enables it leaves work to do.
fn with_many_items() -> Database {
    let database = Database::with_table("pk:S");
    for n in 0..3000 {
        let seconds = START_SECONDS - 1 + n % 3 * 1000;
        put(&database, &n.to_string(), json!({"old": number(seconds)}));
    }
    database
}

#[test]
fn items_from_before_count_when_it_is_enabled() {
    let database = Database::with_table("pk:S");
    put_expiring(&database, "earlier", START_SECONDS - 1);
    put_expiring(&database, "later", START_SECONDS + 1);
    put(&database, "never", json!({}));
    enable(&database, "ttl");
    assert_eq!(status(&database), "ENABLED ttl");
    assert_eq!(database.stored_keys("expiry"), 2);
    database.is_sound();
    database.work();
    assert_eq!(keys(&database), ["later", "never"]);

    let database = with_many_items();
    enable(&database, "old");
    assert_eq!(status(&database), "ENABLING old");
    database.is_sound();
    database.work();
    assert_eq!(status(&database), "ENABLED old");
    assert_eq!(database.stored_keys("items"), 2000);
    assert_eq!(database.stored_keys("expiry"), 2000);
    database.is_sound();
}

#[test]
fn enabling_goes_on_after_a_restart_and_beside_writes() {
    let mut database = with_many_items();
    enable(&database, "old");
    let mut restarts = 0;
    while status(&database) == "ENABLING old" {
        database = database.reopened(Settings::default());
        database.is_sound();
        // Behind the cursor and ahead of it: items that go, come and get another time.
        for n in 0..20 {
            let n = restarts * 20 + n;
            database
                .case(
                    "DeleteItem",
                    json!({"TableName": "table", "Key": {"pk": {"S": n.to_string()}}}),
                )
                .succeeds();
            put(
                &database,
                &(1000 + n).to_string(),
                json!({"old": number(START_SECONDS + 5000)}),
            );
            put(
                &database,
                &format!("new {n}"),
                json!({"old": number(START_SECONDS + 9)}),
            );
        }
        database.is_sound();
        // The first steps after a start look for what else there is to do.
        for _ in 0..3 {
            database.step();
        }
        restarts += 1;
        assert!(restarts < 100, "ENABLING ends");
    }
    assert!(restarts > 1, "{restarts}");
    database.is_sound();
    assert_eq!(
        database.stored_keys("expiry"),
        database.stored_keys("items"),
        "every item of this table expires"
    );
    let database = database.reopened(Settings::default());
    sweep(&database, 6_000_000);
    assert_eq!(database.stored_keys("items"), 0);
}

#[test]
fn disabling_ends_it_and_leaves_nothing() {
    let database = expiring();
    put_expiring(&database, "a", START_SECONDS + 5000);
    database.wait_ms(HOUR_MS);
    disable(&database, "ttl");
    put_expiring(&database, "b", START_SECONDS + 5000);
    database.work();
    assert_eq!(database.stored_keys("expiry"), 0);
    database.is_sound();
    sweep(&database, 10 * HOUR_MS);
    assert_eq!(keys(&database), ["a", "b"]);
    // What was written meanwhile counts when it is enabled again, by any attribute.
    put(
        &database,
        "c",
        json!({"other": number(START_SECONDS), "ttl": number(START_SECONDS + 90_000_000)}),
    );
    enable(&database, "other");
    database.work();
    assert_eq!(keys(&database), ["a", "b"]);
    assert_eq!(database.stored_keys("expiry"), 0);
    database.is_sound();
}

#[test]
fn disabling_ends_an_enabling_too() {
    let database = Database::with_settings(Settings {
        time_to_live_change_ms: 0,
        ..Settings::default()
    });
    database.create(table_request("table", "pk:S", &[]));
    for n in 0..2000 {
        put_expiring(&database, &n.to_string(), START_SECONDS - 1);
    }
    enable(&database, "ttl");
    assert_eq!(status(&database), "ENABLING ttl");
    disable(&database, "ttl");
    database.is_sound();
    enable(&database, "other");
    database.work();
    assert_eq!(status(&database), "ENABLED other");
    assert_eq!(
        (database.stored_keys("items"), database.stored_keys("expiry")),
        (2000, 0)
    );
    database.is_sound();
}

#[test]
fn a_table_of_the_same_name_begins_without_it() {
    let database = expiring();
    put_expiring(&database, "a", START_SECONDS + 10);
    database
        .case("DeleteTable", r#"{"TableName":"table"}"#)
        .succeeds();
    database.create(table_request("table", "pk:S", &[]));
    assert_eq!(status(&database), "DISABLED");
    put_expiring(&database, "a", START_SECONDS + 10);
    sweep(&database, 20_000);
    assert_eq!(keys(&database), ["a"]);
    assert_eq!(database.stored_keys("expiry"), 0);
    database.is_sound();
    // Nor does it wait for the hour of the other.
    enable(&database, "ttl");
    database.work();
    assert_eq!(keys(&database), Vec::<String>::new());
}

#[test]
fn expiring_goes_on_after_a_restart() {
    let database = expiring();
    put_expiring(&database, "a", START_SECONDS + 10);
    let database = database.reopened(Settings::default());
    assert_eq!(status(&database), "ENABLED ttl");
    sweep(&database, 11_000);
    assert_eq!(keys(&database), Vec::<String>::new());
}
