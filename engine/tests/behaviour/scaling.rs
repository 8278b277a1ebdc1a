//! Application Auto Scaling: its operations, and capacity that really follows load and clock.

use api::companion::Companion;
use engine::{Metric, Samples, Series, Settings};
use serde_json::{Value, json};

use crate::database::{Database, START_MS, global, table_request};

const MINUTE_MS: u64 = 60_000;
const WRITES: &str = "dynamodb:table:WriteCapacityUnits";

fn asked(database: &Database, operation: &str, request: &Value) -> Value {
    let (status, answer) = database.ask_companion(Companion::AutoScaling, operation, request);
    assert_eq!(status, 200, "{operation} {request}: {answer}");
    answer
}

#[track_caller]
fn refused(database: &Database, operation: &str, request: &Value, name: &str, message: &str) {
    let (status, answer) = database.ask_companion(Companion::AutoScaling, operation, request);
    assert_eq!(
        (status, answer["__type"].as_str(), answer["Message"].as_str()),
        (400, Some(name), Some(message)),
        "{operation} {request}"
    );
}

/// A request about a dimension of a resource, with more members.
fn about(id: &str, dimension: &str, more: Value) -> Value {
    let mut request =
        json!({"ServiceNamespace": "dynamodb", "ResourceId": id, "ScalableDimension": dimension});
    let more = more.as_object().unwrap().clone();
    request.as_object_mut().unwrap().extend(more);
    request
}

fn of_table(more: Value) -> Value {
    about("table/table", WRITES, more)
}

/// A database with a table of 10 units.
fn with_table() -> Database {
    let database = Database::empty();
    let mut request = table_request("table", "pk:S,a:S", &[global("by_a", "a:S", "ALL")]);
    request["BillingMode"] = json!("PROVISIONED");
    let throughput = json!({"ReadCapacityUnits": 10, "WriteCapacityUnits": 10});
    request["ProvisionedThroughput"] = throughput.clone();
    request["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"] = throughput;
    database.create(request);
    database
}

fn registered(database: &Database, min: i64, max: i64) -> String {
    let request = of_table(json!({"MinCapacity": min, "MaxCapacity": max}));
    let answer = asked(database, "RegisterScalableTarget", &request);
    answer["ScalableTargetARN"].as_str().unwrap().to_owned()
}

fn policy(target: f64, more: Value) -> Value {
    let mut configuration = json!({
        "TargetValue": target,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "DynamoDBWriteCapacityUtilization"},
    });
    configuration
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    of_table(json!({
        "PolicyName": "p", "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": configuration,
    }))
}

/// The write capacity of the table.
fn units(database: &Database) -> i64 {
    let answer = database
        .case("DescribeTable", json!({"TableName": "table"}))
        .answer();
    answer["Table"]["ProvisionedThroughput"]["WriteCapacityUnits"]
        .as_i64()
        .unwrap()
}

/// Lets minutes pass in which so much is consumed, with the background at work in each.
fn pass(database: &Database, now: &mut u64, minutes: u64, consumed: f64) {
    for _ in 0..minutes {
        if consumed > 0.0 {
            let series = Series::of_table(Metric::ConsumedWriteCapacityUnits, "table");
            database.keep_minute(*now, vec![(series, Samples::repeated(1.0, consumed))]);
        }
        *now += MINUTE_MS;
        database.wait_ms(MINUTE_MS);
        database.work();
    }
}

fn activities(database: &Database) -> Vec<Value> {
    let request = json!({"ServiceNamespace": "dynamodb"});
    let answer = asked(database, "DescribeScalingActivities", &request);
    answer["ScalingActivities"].as_array().unwrap().clone()
}

#[test]
fn targets_are_registered_described_and_deregistered() {
    let database = with_table();
    let arn = registered(&database, 5, 50);
    assert!(arn.starts_with("arn:aws:application-autoscaling:"), "{arn}");
    let change = of_table(json!({"MaxCapacity": 60, "SuspendedState": {"DynamicScalingInSuspended": true}}));
    let again = asked(&database, "RegisterScalableTarget", &change);
    assert_eq!(again["ScalableTargetARN"], arn.as_str());
    let of_index = about(
        "table/table/index/by_a",
        "dynamodb:index:ReadCapacityUnits",
        json!({"MinCapacity": 1, "MaxCapacity": 2}),
    );
    asked(&database, "RegisterScalableTarget", &of_index);
    let all = json!({"ServiceNamespace": "dynamodb"});
    let answer = asked(&database, "DescribeScalableTargets", &all);
    let targets = answer["ScalableTargets"].as_array().unwrap();
    assert_eq!(targets.len(), 2);
    assert_eq!(targets[0]["ResourceId"], "table/table");
    assert_eq!(
        (
            targets[0]["MinCapacity"].as_i64(),
            targets[0]["MaxCapacity"].as_i64()
        ),
        (Some(5), Some(60))
    );
    assert_eq!(
        targets[0]["SuspendedState"],
        json!({"DynamicScalingInSuspended": true, "DynamicScalingOutSuspended": false, "ScheduledScalingSuspended": false})
    );
    assert_eq!(
        targets[0]["CreationTime"].as_f64(),
        Some(START_MS as f64 / 1000.0)
    );
    assert_eq!(
        targets[1]["ScalableDimension"],
        "dynamodb:index:ReadCapacityUnits"
    );
    let page = json!({"ServiceNamespace": "dynamodb", "MaxResults": 1});
    let first = asked(&database, "DescribeScalableTargets", &page);
    let mut next = page.clone();
    next["NextToken"] = first["NextToken"].clone();
    let second = asked(&database, "DescribeScalableTargets", &next);
    assert_eq!(second["ScalableTargets"][0], targets[1]);
    assert_eq!(second["NextToken"], Value::Null);
    let filtered =
        json!({"ServiceNamespace": "dynamodb", "ResourceIds": ["table/table"], "ScalableDimension": WRITES});
    let answer = asked(&database, "DescribeScalableTargets", &filtered);
    assert_eq!(answer["ScalableTargets"].as_array().map(Vec::len), Some(1));
    let elsewhere = json!({"ServiceNamespace": "ecs"});
    assert_eq!(
        asked(&database, "DescribeScalableTargets", &elsewhere)["ScalableTargets"],
        json!([])
    );
    asked(&database, "DeregisterScalableTarget", &of_table(json!({})));
    refused(
        &database,
        "DeregisterScalableTarget",
        &of_table(json!({})),
        "ObjectNotFoundException",
        "No scalable target registered for service namespace: dynamodb, resource ID: table/table, scalable dimension: \
         dynamodb:table:WriteCapacityUnits",
    );
}

#[test]
fn what_cannot_be_scaled_is_refused() {
    let database = with_table();
    let bounds = json!({"MinCapacity": 5, "MaxCapacity": 50});
    let cases = [
        (
            about("table/none", WRITES, bounds.clone()),
            "DynamoDB table does not exist: table/none",
        ),
        (
            about(
                "table/table/index/j",
                "dynamodb:index:WriteCapacityUnits",
                bounds.clone(),
            ),
            "DynamoDB index does not exist: table/table/index/j",
        ),
        (
            about("table/table", "ecs:service:DesiredCount", bounds),
            "Unsupported service namespace, resource type or scalable dimension",
        ),
        (
            of_table(json!({"MinCapacity": 5, "MaxCapacity": 4})),
            "Maximum capacity cannot be less than minimum capacity",
        ),
        (
            of_table(json!({"MinCapacity": 0, "MaxCapacity": 4})),
            "Minimum capacity must be greater than or equal to 1",
        ),
        (
            of_table(json!({"MaxCapacity": 4})),
            "Minimum capacity must be specified for a new scalable target",
        ),
    ];
    for (request, message) in cases {
        refused(
            &database,
            "RegisterScalableTarget",
            &request,
            "ValidationException",
            message,
        );
    }
}

#[test]
fn policies_are_put_described_and_deleted() {
    let database = with_table();
    let put = policy(70.0, json!({"ScaleInCooldown": 60}));
    refused(
        &database,
        "PutScalingPolicy",
        &put,
        "ObjectNotFoundException",
        "No scalable target registered for service namespace: dynamodb, resource ID: table/table, scalable dimension: \
         dynamodb:table:WriteCapacityUnits",
    );
    registered(&database, 5, 50);
    let answer = asked(&database, "PutScalingPolicy", &put);
    let alarms = answer["Alarms"].as_array().unwrap();
    assert_eq!(alarms.len(), 4);
    assert!(
        alarms[0]["AlarmName"]
            .as_str()
            .unwrap()
            .starts_with("TargetTracking-table/table-AlarmHigh-")
    );
    assert_eq!(asked(&database, "PutScalingPolicy", &put), answer);
    let all = json!({"ServiceNamespace": "dynamodb"});
    let described = asked(&database, "DescribeScalingPolicies", &all);
    let found = &described["ScalingPolicies"][0];
    assert_eq!(found["PolicyARN"], answer["PolicyARN"]);
    assert_eq!(found["Alarms"], answer["Alarms"]);
    let configuration = &found["TargetTrackingScalingPolicyConfiguration"];
    assert_eq!(configuration["TargetValue"].as_f64(), Some(70.0));
    assert_eq!(configuration["ScaleInCooldown"], 60);
    let mut second = put.clone();
    second["PolicyName"] = json!("q");
    let only_one = "Only one TargetTrackingScaling policy for a given metric specification is allowed.";
    refused(
        &database,
        "PutScalingPolicy",
        &second,
        "ValidationException",
        only_one,
    );
    refused(
        &database,
        "PutScalingPolicy",
        &policy(91.0, json!({})),
        "ValidationException",
        "The target value must be between 20 and 90 for metric type DynamoDBWriteCapacityUtilization",
    );
    asked(
        &database,
        "DeleteScalingPolicy",
        &of_table(json!({"PolicyName": "p"})),
    );
    refused(
        &database,
        "DeleteScalingPolicy",
        &of_table(json!({"PolicyName": "p"})),
        "ObjectNotFoundException",
        "No scaling policy found for service namespace: dynamodb, resource ID: table/table, scalable dimension: \
         dynamodb:table:WriteCapacityUnits, policy name: p",
    );
}

#[test]
fn a_policy_raises_the_capacity_under_load_and_lowers_it_after() {
    let mut database = with_table();
    registered(&database, 5, 40);
    asked(&database, "PutScalingPolicy", &policy(70.0, json!({})));
    database.wait_ms(20_000);
    database.work();
    let mut now = 0;
    pass(&database, &mut now, 1, 600.0);
    assert_eq!(units(&database), 10);
    pass(&database, &mut now, 1, 600.0);
    assert_eq!(units(&database), 15);
    pass(&database, &mut now, 2, 900.0);
    assert_eq!(units(&database), 22);
    pass(&database, &mut now, 2, 100_000.0);
    assert_eq!(units(&database), 40);
    // What is kept goes on after a restart.
    database = database.reopened(Settings {
        transition_ms: 0,
        ..Settings::default()
    });
    pass(&database, &mut now, 14, 0.0);
    assert_eq!(units(&database), 40);
    pass(&database, &mut now, 1, 0.0);
    assert_eq!(units(&database), 5);
    let told: Vec<String> = activities(&database)
        .iter()
        .map(|activity| {
            assert_eq!(activity["StatusCode"], "Successful");
            activity["Description"].as_str().unwrap().to_owned()
        })
        .collect();
    let expected = [5, 40, 22, 15].map(|units| format!("Setting write capacity units to {units}."));
    assert_eq!(told, expected);
    let cause = activities(&database)[0]["Cause"].as_str().unwrap().to_owned();
    assert!(
        cause.starts_with("monitor alarm TargetTracking-table/table-AlarmLow-"),
        "{cause}"
    );
    let answer = database
        .case("DescribeTable", json!({"TableName": "table"}))
        .answer();
    let throughput = &answer["Table"]["ProvisionedThroughput"];
    assert_eq!(throughput["NumberOfDecreasesToday"], 1);
    assert!(throughput["LastIncreaseDateTime"].is_number() && throughput["LastDecreaseDateTime"].is_number());
}

#[test]
fn cooldowns_and_suspension_hold_a_policy_back() {
    let database = with_table();
    registered(&database, 5, 1000);
    asked(
        &database,
        "PutScalingPolicy",
        &policy(50.0, json!({"ScaleOutCooldown": 300, "DisableScaleIn": true})),
    );
    database.wait_ms(20_000);
    database.work();
    let mut now = 0;
    pass(&database, &mut now, 2, 600.0);
    assert_eq!(units(&database), 20);
    pass(&database, &mut now, 4, 6000.0);
    assert_eq!(units(&database), 20);
    pass(&database, &mut now, 1, 6000.0);
    assert_eq!(units(&database), 200);
    pass(&database, &mut now, 20, 0.0);
    assert_eq!(units(&database), 200);
    let suspended = of_table(json!({"SuspendedState": {"DynamicScalingOutSuspended": true}}));
    asked(&database, "RegisterScalableTarget", &suspended);
    pass(&database, &mut now, 5, 60_000.0);
    assert_eq!(units(&database), 200);
}

#[test]
fn capacity_is_brought_within_bounds_that_are_set() {
    let database = with_table();
    registered(&database, 25, 50);
    database.work();
    assert_eq!(units(&database), 25);
    registered(&database, 1, 20);
    database.work();
    assert_eq!(units(&database), 20);
    let told = activities(&database);
    assert_eq!(told.len(), 2);
    assert_eq!(
        told.iter()
            .filter(|activity| activity["Cause"] == "minimum capacity was set to 25")
            .count(),
        1
    );
    assert_eq!(
        told.iter()
            .filter(|activity| activity["Cause"] == "maximum capacity was set to 20")
            .count(),
        1
    );
}

#[test]
fn scheduled_actions_set_bounds_in_time() {
    let database = with_table();
    registered(&database, 5, 50);
    // The test begins at midnight in UTC, an hour later in Berlin.
    let put = of_table(json!({
        "ScheduledActionName": "morning", "Schedule": "cron(5 1 * * ? *)", "Timezone": "Europe/Berlin",
        "ScalableTargetAction": {"MinCapacity": 30},
    }));
    asked(&database, "PutScheduledAction", &put);
    let once = of_table(json!({
        "ScheduledActionName": "once", "Schedule": "at(2026-01-01T00:10:00)",
        "ScalableTargetAction": {"MinCapacity": 2, "MaxCapacity": 8},
    }));
    asked(&database, "PutScheduledAction", &once);
    let all = json!({"ServiceNamespace": "dynamodb"});
    let described = asked(&database, "DescribeScheduledActions", &all);
    let names: Vec<&Value> = described["ScheduledActions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|action| &action["ScheduledActionName"])
        .collect();
    assert_eq!(names, ["morning", "once"]);
    database.wait_ms(20_000);
    let mut now = 0;
    pass(&database, &mut now, 4, 0.0);
    assert_eq!(units(&database), 10);
    pass(&database, &mut now, 1, 0.0);
    assert_eq!(units(&database), 30);
    pass(&database, &mut now, 5, 0.0);
    assert_eq!(units(&database), 8);
    let target = asked(&database, "DescribeScalableTargets", &all)["ScalableTargets"][0].clone();
    assert_eq!(
        (target["MinCapacity"].as_i64(), target["MaxCapacity"].as_i64()),
        (Some(2), Some(8))
    );
    assert_eq!(activities(&database).len(), 4);
    asked(
        &database,
        "DeleteScheduledAction",
        &of_table(json!({"ScheduledActionName": "once"})),
    );
    let bad = of_table(json!({
        "ScheduledActionName": "x", "Schedule": "every day", "ScalableTargetAction": {"MinCapacity": 2},
    }));
    let message = "Invalid schedule expression: every day";
    refused(
        &database,
        "PutScheduledAction",
        &bad,
        "ValidationException",
        message,
    );
}

#[test]
fn a_target_outlives_its_table_and_fails() {
    let database = with_table();
    registered(&database, 5, 50);
    asked(&database, "PutScalingPolicy", &policy(70.0, json!({})));
    database
        .case("DeleteTable", json!({"TableName": "table"}))
        .succeeds();
    database.wait_ms(20_000);
    let mut now = 0;
    pass(&database, &mut now, 20, 0.0);
    let all = json!({"ServiceNamespace": "dynamodb"});
    let answer = asked(&database, "DescribeScalableTargets", &all);
    assert_eq!(answer["ScalableTargets"].as_array().map(Vec::len), Some(1));
    database.is_sound();
    asked(&database, "DeregisterScalableTarget", &of_table(json!({})));
    let answer = asked(&database, "DescribeScalingPolicies", &all);
    assert_eq!(answer["ScalingPolicies"], json!([]));
}

#[test]
fn targets_have_tags() {
    let database = with_table();
    let request = of_table(json!({"MinCapacity": 5, "MaxCapacity": 50, "Tags": {"a": "1"}}));
    let arn = asked(&database, "RegisterScalableTarget", &request)["ScalableTargetARN"].clone();
    asked(
        &database,
        "TagResource",
        &json!({"ResourceARN": arn, "Tags": {"b": "2", "c": ""}}),
    );
    asked(
        &database,
        "UntagResource",
        &json!({"ResourceARN": arn, "TagKeys": ["a", "z"]}),
    );
    let answer = asked(&database, "ListTagsForResource", &json!({"ResourceARN": arn}));
    assert_eq!(answer["Tags"], json!({"b": "2", "c": ""}));
    let unknown = "arn:aws:application-autoscaling:eu-west-2:000000000000:scalable-target/0ec5";
    refused(
        &database,
        "ListTagsForResource",
        &json!({"ResourceARN": unknown}),
        "ResourceNotFoundException",
        &format!("The resource {unknown} could not be found"),
    );
}
