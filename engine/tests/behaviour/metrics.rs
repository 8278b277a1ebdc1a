//! CloudWatch's operations over metrics that are kept.

use api::companion::Companion;
use engine::{Metric, Samples, Series, Settings};
use serde_json::{Value, json};

use crate::database::{Database, START_MS, table_request};

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

fn ask(database: &Database, operation: &str, request: &Value) -> Value {
    let (status, answer) = database.ask_companion(Companion::CloudWatch, operation, request);
    assert_eq!(status, 200, "{operation} {request}: {answer}");
    answer
}

#[track_caller]
fn refused(database: &Database, operation: &str, request: &Value, name: &str, message: &str) {
    let (status, answer) = database.ask_companion(Companion::CloudWatch, operation, request);
    assert_eq!(
        (status, answer["__type"].as_str(), answer["message"].as_str()),
        (400, Some(name), Some(message)),
        "{operation} {request}"
    );
}

/// A time so many minutes after the test began, in seconds.
fn at(minutes: f64) -> f64 {
    START_MS as f64 / 1000.0 + minutes * 60.0
}

fn consumed(table: &str) -> Series {
    Series::of_table(Metric::ConsumedWriteCapacityUnits, table)
}

fn latency(table: &str, operation: &str) -> Series {
    Series {
        operation: Some(operation.to_owned()),
        ..Series::of_table(Metric::SuccessfulRequestLatency, table)
    }
}

fn statistics(name: &str, table: &str, minutes: (f64, f64), period: i32, statistics: &[&str]) -> Value {
    json!({
        "Namespace": "AWS/DynamoDB", "MetricName": name, "Dimensions": [{"Name": "TableName", "Value": table}],
        "StartTime": at(minutes.0), "EndTime": at(minutes.1), "Period": period, "Statistics": statistics,
    })
}

/// A database that has seen `units` in each of the first ten minutes: 0, 1, 2 and so on.
fn ten_minutes() -> Database {
    let database = Database::empty();
    for minute in 0..10 {
        database.keep_minute(
            minute * MINUTE_MS,
            vec![(consumed("t"), Samples::repeated(1.0, minute as f64))],
        );
    }
    database.wait_ms(10 * MINUTE_MS);
    database
}

#[test]
fn statistics_are_given_by_period_from_the_minute_of_the_start() {
    let database = ten_minutes();
    let metric = "ConsumedWriteCapacityUnits";
    let answer = ask(
        &database,
        "GetMetricStatistics",
        &statistics(metric, "t", (2.5, 9.0), 180, &["Sum", "SampleCount", "Average"]),
    );
    assert_eq!(answer["Label"], metric);
    let expected: Vec<Value> = [(2.0, 9.0), (5.0, 18.0), (8.0, 8.0)]
        .into_iter()
        .map(|(minute, sum)| {
            json!({"Timestamp": at(minute), "Sum": sum, "SampleCount": sum, "Average": 1.0, "Unit": "Count"})
        })
        .collect();
    let found: Vec<Value> = answer["Datapoints"].as_array().unwrap().clone();
    assert_eq!(found.len(), 3, "{answer}");
    for (found, expected) in found.iter().zip(expected) {
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(found[name].as_f64(), value.as_f64(), "{name} of {found}");
        }
        assert_eq!(found["Unit"], "Count");
    }
}

#[test]
fn what_nobody_has_seen_is_an_empty_answer() {
    let database = ten_minutes();
    let whole = (0.0, 10.0);
    let mut of_another_unit = statistics("ConsumedWriteCapacityUnits", "t", whole, 60, &["Sum"]);
    of_another_unit["Unit"] = json!("Bytes");
    let mut of_another_namespace = statistics("ConsumedWriteCapacityUnits", "t", whole, 60, &["Sum"]);
    of_another_namespace["Namespace"] = json!("AWS/EC2");
    let mut without_dimensions = statistics("ConsumedWriteCapacityUnits", "t", whole, 60, &["Sum"]);
    without_dimensions["Dimensions"] = json!([]);
    for request in [
        of_another_unit,
        of_another_namespace,
        without_dimensions,
        statistics("ConsumedWriteCapacityUnits", "u", whole, 60, &["Sum"]),
        statistics("CPUUtilization", "t", whole, 60, &["Sum"]),
        statistics("ConsumedWriteCapacityUnits", "t", (-100.0, 0.0), 60, &["Sum"]),
    ] {
        let answer = ask(&database, "GetMetricStatistics", &request);
        assert_eq!(answer["Datapoints"], json!([]), "{request}");
        assert_eq!(answer["Label"], request["MetricName"]);
    }
}

#[test]
fn percentiles_are_those_of_the_values() {
    let database = Database::empty();
    let mut samples = Samples::default();
    (1..=100).for_each(|value| samples.merge(&Samples::of(f64::from(value))));
    database.keep_minute(0, vec![(latency("t", "PutItem"), samples)]);
    let request = json!({
        "Namespace": "AWS/DynamoDB", "MetricName": "SuccessfulRequestLatency", "Period": 60,
        "Dimensions": [{"Name": "Operation", "Value": "PutItem"}, {"Name": "TableName", "Value": "t"}],
        "StartTime": at(0.0), "EndTime": at(1.0), "ExtendedStatistics": ["p50", "p99", "tm50"],
    });
    let answer = ask(&database, "GetMetricStatistics", &request);
    let point = &answer["Datapoints"][0];
    assert_eq!(point["Unit"], "Milliseconds");
    assert_eq!(
        point["ExtendedStatistics"],
        json!({"p50": 50.0, "p99": 99.0, "tm50": 25.5})
    );
}

#[test]
fn a_request_that_cannot_be_served_is_refused() {
    let database = Database::empty();
    let metric = "ConsumedWriteCapacityUnits";
    let cases = [
        (
            statistics(metric, "t", (0.0, 2880.0), 60, &["Sum"]),
            "InvalidParameterCombinationException",
            "You have requested up to 2,880 datapoints, which exceeds the limit of 1,440. You may reduce the datapoints \
             requested by increasing Period, or decreasing the time range.",
        ),
        (
            statistics(metric, "t", (1.0, 1.0), 60, &["Sum"]),
            "InvalidParameterValueException",
            "The parameter StartTime must be less than the parameter EndTime.",
        ),
        (
            statistics(metric, "t", (0.0, 1.0), 90, &["Sum"]),
            "InvalidParameterValueException",
            "The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60.",
        ),
    ];
    for (request, name, message) in cases {
        refused(&database, "GetMetricStatistics", &request, name, message);
    }
}

#[test]
fn a_minute_that_is_kept_twice_is_added_and_an_old_one_dropped() {
    let database = Database::empty();
    database.wait_ms(16 * DAY_MS);
    for _ in 0..2 {
        database.keep_minute(
            16 * DAY_MS,
            vec![
                (consumed("t"), Samples::of(3.0)),
                (consumed("t"), Samples::of(5.0)),
            ],
        );
        database.keep_minute(0, vec![(consumed("t"), Samples::of(3.0))]);
    }
    let minutes = 16.0 * 24.0 * 60.0;
    let request = statistics(
        "ConsumedWriteCapacityUnits",
        "t",
        (minutes - 2.0, minutes + 1.0),
        60,
        &["Sum", "Maximum"],
    );
    let answer = ask(&database, "GetMetricStatistics", &request);
    assert_eq!(answer["Datapoints"].as_array().map(Vec::len), Some(1));
    assert_eq!(answer["Datapoints"][0]["Sum"].as_f64(), Some(16.0));
    assert_eq!(answer["Datapoints"][0]["Maximum"].as_f64(), Some(5.0));
    assert_eq!(database.stored_keys("metrics"), 2);
}

#[test]
fn rows_are_removed_after_fifteen_days_and_outlive_a_restart_until_then() {
    let mut database = ten_minutes();
    database.keep_minute(
        2 * DAY_MS,
        vec![
            (consumed("t"), Samples::of(1.0)),
            (consumed("u"), Samples::of(1.0)),
        ],
    );
    assert_eq!(database.stored_keys("metrics"), 10 + 2 + 2);
    database = database.reopened(Settings::default());
    let request = statistics("ConsumedWriteCapacityUnits", "t", (0.0, 10.0), 600, &["Sum"]);
    assert_eq!(
        ask(&database, "GetMetricStatistics", &request)["Datapoints"][0]["Sum"].as_f64(),
        Some(45.0)
    );
    database.wait_ms(16 * DAY_MS);
    database.work();
    assert_eq!(database.stored_keys("metrics"), 2 + 2);
    database.wait_ms(2 * DAY_MS);
    database.work();
    assert_eq!(database.stored_keys("metrics"), 0);
}

/// Writes so many items of less than 1 KB.
fn write(database: &Database, table: &str, items: usize) {
    for number in 0..items {
        let item = json!({"pk": {"S": number.to_string()}});
        database
            .case("PutItem", json!({"TableName": table, "Item": item}))
            .succeeds();
    }
}

#[test]
fn the_minute_that_is_not_over_is_shown_too() {
    let database = ten_minutes();
    database.create(table_request("new", "pk:S", &[]));
    write(&database, "new", 7);
    database.keep_minute(10 * MINUTE_MS, vec![(consumed("new"), Samples::of(100.0))]);
    let sum = |table| {
        let request = statistics("ConsumedWriteCapacityUnits", table, (9.0, 11.0), 60, &["Sum"]);
        let answer = ask(&database, "GetMetricStatistics", &request);
        let points = answer["Datapoints"].as_array().unwrap().clone();
        points
            .iter()
            .filter_map(|point| point["Sum"].as_f64())
            .collect::<Vec<f64>>()
    };
    assert_eq!(sum("t"), [9.0]);
    assert_eq!(sum("new"), [107.0]);
    let named = json!({"MetricName": "ConsumedWriteCapacityUnits"});
    let listed = ask(&database, "ListMetrics", &named);
    assert_eq!(listed["Metrics"].as_array().map(Vec::len), Some(2));
}

#[test]
fn what_requests_do_is_kept_minute_by_minute() {
    let database = Database::empty();
    let mut request = table_request("tab", "pk:S", &[]);
    request["BillingMode"] = json!("PROVISIONED");
    request["ProvisionedThroughput"] = json!({"ReadCapacityUnits": 3, "WriteCapacityUnits": 4});
    database.create(request);
    database.work();
    write(&database, "tab", 5);
    database.case("Scan", json!({"TableName": "tab"})).succeeds();
    let failing = json!({
        "TableName": "tab", "Key": {"pk": {"S": "0"}}, "ConditionExpression": "attribute_not_exists(pk)",
    });
    for _ in 0..3 {
        let (status, _) = database.case("DeleteItem", &failing).response();
        assert_eq!(status, 400);
    }
    let (status, _) = database
        .case(
            "GetItem",
            json!({"TableName": "other", "Key": {"pk": {"S": "0"}}}),
        )
        .response();
    assert_eq!(status, 400);
    // What cannot even be read is no less the client's error.
    let (status, _) = database.case("GetItem", json!({"TableName": 7})).response();
    assert_eq!(status, 400);
    database.wait_ms(MINUTE_MS);
    database.work();
    write(&database, "tab", 1);
    database.wait_ms(MINUTE_MS);
    database.work();
    // All of it is there after a restart.
    let database = database.reopened(Settings::default());
    let points = |metric: &str, dimensions: Value, statistic: &str| {
        let request = json!({
            "Namespace": "AWS/DynamoDB", "MetricName": metric, "Dimensions": dimensions,
            "StartTime": at(0.0), "EndTime": at(3.0), "Period": 60, "Statistics": [statistic],
        });
        let answer = ask(&database, "GetMetricStatistics", &request);
        let points = answer["Datapoints"].as_array().unwrap().clone();
        points
            .iter()
            .map(|point| point[statistic].as_f64().unwrap())
            .collect::<Vec<f64>>()
    };
    let table = json!([{"Name": "TableName", "Value": "tab"}]);
    let operation =
        |name: &str| json!([{"Name": "TableName", "Value": "tab"}, {"Name": "Operation", "Value": name}]);
    assert_eq!(
        points("ConsumedWriteCapacityUnits", table.clone(), "Sum"),
        [5.0 + 3.0, 1.0]
    );
    assert_eq!(points("ConsumedReadCapacityUnits", table.clone(), "Sum"), [0.5]);
    assert_eq!(
        points("ProvisionedWriteCapacityUnits", table.clone(), "Maximum"),
        [4.0, 4.0]
    );
    assert_eq!(points("ConditionalCheckFailedRequests", table, "Sum"), [3.0]);
    assert_eq!(points("UserErrors", json!([]), "Sum"), [2.0]);
    assert_eq!(points("ReturnedItemCount", operation("Scan"), "Sum"), [5.0]);
    assert_eq!(
        points("SuccessfulRequestLatency", operation("PutItem"), "SampleCount"),
        [5.0, 1.0]
    );
}

fn query(id: &str, stat: &str, period: i32) -> Value {
    json!({"Id": id, "MetricStat": {"Period": period, "Stat": stat, "Metric": {
        "Namespace": "AWS/DynamoDB", "MetricName": "ConsumedWriteCapacityUnits",
        "Dimensions": [{"Name": "TableName", "Value": "t"}]}}})
}

fn data(queries: Value) -> Value {
    json!({"StartTime": at(0.0), "EndTime": at(10.0), "MetricDataQueries": queries})
}

#[test]
fn queries_and_expressions_are_answered_in_their_order() {
    let database = ten_minutes();
    let mut hidden = query("a", "Sum", 300);
    hidden["ReturnData"] = json!(false);
    let request = data(json!([
        {"Id": "per_second", "Expression": "m / PERIOD(a)", "Label": "rate"},
        hidden,
        {"Id": "m", "Expression": "SUM(METRICS())"},
    ]));
    let answer = ask(&database, "GetMetricData", &request);
    let results = answer["MetricDataResults"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    assert_eq!(
        (&results[0]["Id"], &results[0]["Label"]),
        (&json!("per_second"), &json!("rate"))
    );
    assert_eq!(
        (&results[1]["Id"], &results[1]["Label"]),
        (&json!("m"), &json!("m"))
    );
    let numbers = |value: &Value| -> Vec<f64> {
        value
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_f64)
            .collect()
    };
    assert_eq!(numbers(&results[1]["Timestamps"]), [at(5.0), at(0.0)]);
    assert_eq!(numbers(&results[1]["Values"]), [35.0, 10.0]);
    let rates = numbers(&results[0]["Values"]);
    assert!(
        (rates[0] - 35.0 / 300.0).abs() < 1e-9 && (rates[1] - 10.0 / 300.0).abs() < 1e-9,
        "{rates:?}"
    );
    assert_eq!(results[0]["StatusCode"], "Complete");
}

#[test]
fn pages_of_data_are_the_whole() {
    let database = ten_minutes();
    for scan_by in ["TimestampAscending", "TimestampDescending"] {
        let mut request = data(json!([query("a", "Sum", 60), query("b", "SampleCount", 120)]));
        request["ScanBy"] = json!(scan_by);
        let whole = ask(&database, "GetMetricData", &request);
        let points = |answer: &Value| -> Vec<(String, f64, f64)> {
            let mut points = Vec::new();
            for result in answer["MetricDataResults"].as_array().unwrap() {
                let times = result["Timestamps"].as_array().unwrap();
                for (time, value) in times.iter().zip(result["Values"].as_array().unwrap()) {
                    let id = result["Id"].as_str().unwrap().to_owned();
                    points.push((id, time.as_f64().unwrap(), value.as_f64().unwrap()));
                }
            }
            points
        };
        let mut paged = Vec::new();
        let mut pages = 0;
        request["MaxDatapoints"] = json!(4);
        loop {
            let answer = ask(&database, "GetMetricData", &request);
            let page = points(&answer);
            assert!(page.len() <= 4);
            paged.extend(page);
            pages += 1;
            match &answer["NextToken"] {
                Value::Null => break,
                token => request["NextToken"] = token.clone(),
            }
            assert!(pages < 20);
        }
        assert_eq!(paged, points(&whole), "{scan_by}");
        // The minute without a sample has no datapoint.
        assert_eq!(paged.len(), 9 + 5);
        request["MaxDatapoints"] = json!(5);
        request["NextToken"] = json!("bm90aGluZw==");
        refused(
            &database,
            "GetMetricData",
            &request,
            "InvalidNextToken",
            "The specified NextToken is invalid.",
        );
    }
}

#[test]
fn queries_that_make_no_sense_are_refused() {
    let database = ten_minutes();
    let cases = [
        (
            json!([{"Id": "e", "Expression": "f + 1"}, {"Id": "f", "Expression": "e"}]),
            "Error in expression 'e': The expression refers to itself",
        ),
        (
            json!([{"Id": "e", "Expression": "nothing"}]),
            "Error in expression 'e': There is no query with the id nothing",
        ),
        (
            json!([{"Id": "e", "Expression": "1 + 1"}]),
            "Error in expression 'e': The expression must return a time series",
        ),
        (
            json!([{"Id": "e", "Expression": "SEARCH('x')"}]),
            "Error in expression 'e': The function SEARCH is not supported",
        ),
        (
            json!([query("a", "Sum", 60), query("a", "Sum", 60)]),
            "The values for parameter id in parameter MetricDataQueries are not unique: a.",
        ),
        (
            json!([query("A", "Sum", 60)]),
            "The value A for parameter MetricDataQueries.member.1.Id is not matched to the pattern ^[a-z][a-zA-Z0-9_]*$.",
        ),
        (
            json!([query("a", "sum", 60)]),
            "The parameter MetricDataQueries.member.1.MetricStat.Stat has the value sum, which is no statistic.",
        ),
        (
            json!([{"Id": "a"}]),
            "The parameter MetricDataQueries.member.1.Expression or the parameter MetricStat must be specified, and \
             not both.",
        ),
    ];
    for (queries, message) in cases {
        refused(
            &database,
            "GetMetricData",
            &data(queries),
            "ValidationError",
            message,
        );
    }
}

#[test]
fn metrics_are_listed_by_name_dimension_and_activity() {
    let database = Database::empty();
    database.keep_minute(
        0,
        vec![
            (consumed("t"), Samples::of(1.0)),
            (latency("t", "PutItem"), Samples::of(1.0)),
            (latency("u", "PutItem"), Samples::of(1.0)),
        ],
    );
    database.wait_ms(5 * 60 * MINUTE_MS);
    database.keep_minute(
        5 * 60 * MINUTE_MS,
        vec![(latency("u", "GetItem"), Samples::of(1.0))],
    );
    let count = |request: Value| {
        let answer = ask(&database, "ListMetrics", &request);
        answer["Metrics"].as_array().unwrap().len()
    };
    assert_eq!(count(json!({})), 4);
    assert_eq!(
        count(json!({"Namespace": "AWS/DynamoDB", "MetricName": "SuccessfulRequestLatency"})),
        3
    );
    assert_eq!(count(json!({"Namespace": "AWS/EC2"})), 0);
    assert_eq!(count(json!({"MetricName": "CPUUtilization"})), 0);
    assert_eq!(
        count(json!({"Dimensions": [{"Name": "TableName", "Value": "t"}]})),
        2
    );
    assert_eq!(count(json!({"Dimensions": [{"Name": "Operation"}]})), 3);
    assert_eq!(
        count(
            json!({"Dimensions": [{"Name": "Operation", "Value": "PutItem"}, {"Name": "TableName", "Value": "u"}]})
        ),
        1
    );
    assert_eq!(count(json!({"RecentlyActive": "PT3H"})), 1);
    let answer = ask(&database, "ListMetrics", &json!({"RecentlyActive": "PT3H"}));
    assert_eq!(
        answer["Metrics"],
        json!([{"Namespace": "AWS/DynamoDB", "MetricName": "SuccessfulRequestLatency", "Dimensions": [
            {"Name": "TableName", "Value": "u"}, {"Name": "Operation", "Value": "GetItem"}]}])
    );
}

#[test]
fn metrics_are_listed_500_at_a_time() {
    let database = Database::empty();
    let series = (0..1100).map(|number| (consumed(&format!("table-{number}")), Samples::of(1.0)));
    database.keep_minute(0, series.collect());
    let mut request = json!({});
    let mut names = std::collections::BTreeSet::new();
    let mut sizes = Vec::new();
    loop {
        let answer = ask(&database, "ListMetrics", &request);
        let metrics = answer["Metrics"].as_array().unwrap();
        sizes.push(metrics.len());
        names.extend(
            metrics
                .iter()
                .map(|metric| metric["Dimensions"][0]["Value"].to_string()),
        );
        match &answer["NextToken"] {
            Value::Null => break,
            token => request["NextToken"] = token.clone(),
        }
    }
    assert_eq!(sizes, [500, 500, 100]);
    assert_eq!(names.len(), 1100);
    request["Namespace"] = json!("AWS/DynamoDB");
    refused(
        &database,
        "ListMetrics",
        &request,
        "InvalidParameterValueException",
        "The specified NextToken is invalid.",
    );
}
