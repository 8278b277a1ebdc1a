//! Contributor insights: the switch, its rules, and what CloudWatch tells of them.

use api::companion::Companion;
use engine::Settings;
use serde_json::{Value, json};

use crate::database::{Database, START_MS, global, local, table_request};

const MINUTE_MS: u64 = 60_000;
const START_SECONDS: u64 = START_MS / 1000;

fn update(database: &Database, action: &str, more: Value) -> Value {
    let mut request = json!({"TableName": "table", "ContributorInsightsAction": action});
    request
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    database.case("UpdateContributorInsights", request).answer()
}

fn describe(database: &Database, more: Value) -> Value {
    let mut request = json!({"TableName": "table"});
    request
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    database.case("DescribeContributorInsights", request).answer()
}

fn rules(database: &Database, more: Value) -> Vec<String> {
    let described = describe(database, more);
    let list = described["ContributorInsightsRuleList"].as_array();
    let names = list.into_iter().flatten().filter_map(Value::as_str);
    names.map(str::to_owned).collect()
}

/// A report of a rule over an hour from the test's beginning.
fn report(database: &Database, rule: &str, more: Value) -> (u16, Value) {
    let mut request = json!({
        "RuleName": rule, "StartTime": START_SECONDS, "EndTime": START_SECONDS + 3600, "Period": 3600,
    });
    request
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    database.ask_companion(Companion::CloudWatch, "GetInsightRuleReport", &request)
}

/// The contributors of a rule: their keys, and their figures of the hour.
fn contributors(database: &Database, rule: &str) -> Vec<(Vec<String>, f64)> {
    let (status, answer) = report(database, rule, json!({}));
    assert_eq!(status, 200, "{answer}");
    let list = answer["Contributors"].as_array().unwrap().clone();
    list.iter()
        .map(|contributor| {
            let keys = contributor["Keys"].as_array().unwrap();
            let keys = keys.iter().map(|key| key.as_str().unwrap().to_owned());
            (
                keys.collect(),
                contributor["ApproximateAggregateValue"].as_f64().unwrap(),
            )
        })
        .collect()
}

fn keys(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn the_switch_shows_its_way_and_what_is_so_already_stays() {
    let database = Database::with_settings(Settings {
        transition_ms: 1000,
        ..Settings::default()
    });
    database.create(table_request("table", "pk:S", &[]));
    database.wait_ms(1000);
    let never = describe(&database, json!({}));
    assert_eq!(
        never,
        json!({"TableName": "table", "ContributorInsightsStatus": "DISABLED"})
    );
    // Disabling what was never enabled changes nothing.
    let answer = update(&database, "DISABLE", json!({}));
    assert_eq!(answer["ContributorInsightsStatus"], "DISABLED");
    let answer = update(&database, "ENABLE", json!({}));
    assert_eq!(answer["ContributorInsightsStatus"], "ENABLING");
    assert_eq!(answer["ContributorInsightsMode"], "ACCESSED_AND_THROTTLED_KEYS");
    assert_eq!(
        describe(&database, json!({}))["ContributorInsightsStatus"],
        "ENABLING"
    );
    database.wait_ms(1000);
    let enabled = describe(&database, json!({}));
    assert_eq!(enabled["ContributorInsightsStatus"], "ENABLED");
    assert_eq!(enabled["LastUpdateDateTime"], json!(START_SECONDS + 1));
    let again = update(
        &database,
        "ENABLE",
        json!({"ContributorInsightsMode": "ACCESSED_AND_THROTTLED_KEYS"}),
    );
    assert_eq!(again["ContributorInsightsStatus"], "ENABLED");
    // The mode of a request to disable is accepted, and the one that was is told.
    let answer = update(
        &database,
        "DISABLE",
        json!({"ContributorInsightsMode": "THROTTLED_KEYS"}),
    );
    assert_eq!(answer["ContributorInsightsStatus"], "DISABLING");
    assert_eq!(answer["ContributorInsightsMode"], "ACCESSED_AND_THROTTLED_KEYS");
    database.wait_ms(1000);
    let disabled = describe(&database, json!({}));
    assert_eq!(disabled["ContributorInsightsStatus"], "DISABLED");
    assert_eq!(disabled["ContributorInsightsRuleList"], Value::Null);
}

#[test]
fn rules_follow_the_key_and_the_mode() {
    let database = Database::with_indexes(
        "pk:S sk:N,a:S",
        &[global("by-a", "a:S", "ALL"), local("local", "pk:S a:S", "ALL")],
    );
    let index = json!({"IndexName": "by-a"});
    update(&database, "ENABLE", json!({}));
    database.wait_ms(5);
    update(&database, "ENABLE", index.clone());
    let name = |kind: &str, resource: &str, ms: u64| {
        format!("DynamoDBContributorInsights-{kind}-{resource}-{}", START_MS + ms)
    };
    let all = ["PKC", "PKT", "SKC", "SKT"].map(|kind| name(kind, "table", 0));
    assert_eq!(rules(&database, json!({})), all);
    assert_eq!(
        rules(&database, index.clone()),
        [name("PKC", "table-by-a", 5), name("PKT", "table-by-a", 5)]
    );
    // Another mode keeps the rules that are in both; without one, it is the first again.
    database.wait_ms(5);
    let answer = update(
        &database,
        "ENABLE",
        json!({"ContributorInsightsMode": "THROTTLED_KEYS"}),
    );
    assert_eq!(answer["ContributorInsightsMode"], "THROTTLED_KEYS");
    assert_eq!(
        rules(&database, json!({})),
        [name("PKT", "table", 0), name("SKT", "table", 0)]
    );
    update(&database, "ENABLE", json!({}));
    assert_eq!(rules(&database, json!({})), all);
    for (name, table) in [("local", "table"), ("none", "table")] {
        let request = json!({"TableName": table, "IndexName": name, "ContributorInsightsAction": "ENABLE"});
        let message = format!("Requested resource not found: Index {name} for table {table}");
        database
            .case("UpdateContributorInsights", request)
            .fails("ResourceNotFoundException", &message);
    }
    database
        .case(
            "UpdateContributorInsights",
            json!({"TableName": "other", "ContributorInsightsAction": "ENABLE"}),
        )
        .fails(
            "ResourceNotFoundException",
            "Requested resource not found: Table: other not found",
        );
}

#[test]
fn what_is_enabled_is_listed_page_by_page() {
    let database = Database::empty();
    for name in ["table", "a-table", "b-table"] {
        database.create(table_request(name, "pk:S,a:S", &[global("by-a", "a:S", "ALL")]));
    }
    database
        .case("ListContributorInsights", "{}")
        .gives(json!({"ContributorInsightsSummaries": []}));
    for request in [
        json!({"TableName": "table", "IndexName": "by-a", "ContributorInsightsAction": "ENABLE"}),
        json!({"TableName": "table", "ContributorInsightsAction": "ENABLE",
               "ContributorInsightsMode": "THROTTLED_KEYS"}),
        json!({"TableName": "a-table", "ContributorInsightsAction": "ENABLE"}),
        json!({"TableName": "b-table", "ContributorInsightsAction": "ENABLE"}),
        json!({"TableName": "b-table", "ContributorInsightsAction": "DISABLE"}),
    ] {
        database.case("UpdateContributorInsights", request).succeeds();
    }
    let of_table = json!([
        {"TableName": "table", "ContributorInsightsStatus": "ENABLED", "ContributorInsightsMode": "THROTTLED_KEYS"},
        {"TableName": "table", "IndexName": "by-a", "ContributorInsightsStatus": "ENABLED",
         "ContributorInsightsMode": "ACCESSED_AND_THROTTLED_KEYS"},
    ]);
    database
        .case("ListContributorInsights", json!({"TableName": "table"}))
        .gives(json!({"ContributorInsightsSummaries": of_table}));
    let mut token = Value::Null;
    let mut listed = Vec::new();
    for _ in 0..3 {
        let answer = database
            .case(
                "ListContributorInsights",
                json!({"MaxResults": 1, "NextToken": token}),
            )
            .answer();
        listed.extend(answer["ContributorInsightsSummaries"].as_array().unwrap().clone());
        token = answer["NextToken"].clone();
    }
    assert_eq!(token, Value::Null, "the last page has none");
    let names: Vec<&str> = listed
        .iter()
        .filter_map(|part| part["TableName"].as_str())
        .collect();
    assert_eq!(names, ["a-table", "table", "table"]);
    assert_eq!(listed[2]["IndexName"], "by-a");
}

#[test]
fn the_keys_that_consume_most_are_told_and_writes_weigh_thrice() {
    let database = Database::with_table("pk:S sk:N");
    update(&database, "ENABLE", json!({}));
    for number in 0..4 {
        database.put(json!({"pk": {"S": "hot"}, "sk": {"N": number.to_string()}}));
    }
    database.put(json!({"pk": {"S": "cold"}, "sk": {"N": "1.5"}}));
    database.item(json!({"pk": {"S": "hot"}, "sk": {"N": "2"}}));
    // A Query counts once, for its partition alone, and a Scan or a statement not at all.
    let query = json!({
        "TableName": "table", "KeyConditionExpression": "pk = :p",
        "ExpressionAttributeValues": {":p": {"S": "hot"}}, "ConsistentRead": true,
    });
    database.case("Query", query).succeeds();
    database.case("Scan", json!({"TableName": "table"})).succeeds();
    let statement = r#"SELECT * FROM "table" WHERE pk = 'cold' AND sk = 1.5"#;
    database
        .case("ExecuteStatement", json!({"Statement": statement}))
        .succeeds();
    let rules = rules(&database, json!({}));
    assert_eq!(
        contributors(&database, &rules[0]),
        [(keys(&["hot"]), 4.0 * 3.0 + 0.5 + 1.0), (keys(&["cold"]), 3.0)]
    );
    let items = contributors(&database, &rules[2]);
    assert_eq!(items[0], (keys(&["hot", "2"]), 3.5));
    assert_eq!(items.len(), 5);
    assert!(items.contains(&(keys(&["cold", "1.5"]), 3.0)), "{items:?}");
    assert_eq!(contributors(&database, &rules[1]), []);
    let (_, answer) = report(&database, &rules[2], json!({}));
    assert_eq!(answer["KeyLabels"], json!(["pk", "sk"]));
    assert_eq!(answer["AggregationStatistic"], "Sum");
    assert_eq!(answer["AggregateValue"], json!(5.0 * 3.0 + 0.5));
    assert_eq!(answer["ApproximateUniqueCount"], 5);
}

#[test]
fn every_way_to_an_item_counts_its_key() {
    let database = Database::with_indexes("pk:S,a:S", &[global("by-a", "a:S", "ALL")]);
    update(&database, "ENABLE", json!({}));
    update(&database, "ENABLE", json!({"IndexName": "by-a"}));
    let key = |pk: &str| json!({"pk": {"S": pk}});
    database.put(json!({"pk": {"S": "put"}, "a": {"S": "x"}}));
    let batch = json!({"RequestItems": {"table": [{"PutRequest": {"Item": key("batch")}}]}});
    database.case("BatchWriteItem", batch).succeeds();
    let reads =
        json!({"RequestItems": {"table": {"Keys": [key("read-1"), key("read-2")], "ConsistentRead": true}}});
    database.case("BatchGetItem", reads).succeeds();
    let writes = json!({"TransactItems": [{"Put": {"TableName": "table", "Item": key("transacted")}}]});
    database.case("TransactWriteItems", writes).succeeds();
    let gets = json!({"TransactItems": [{"Get": {"TableName": "table", "Key": key("seen")}}]});
    database.case("TransactGetItems", gets).succeeds();
    let failing = json!({"TableName": "table", "Key": key("put"), "ConditionExpression": "attribute_exists(absent_one)"});
    let (status, _) = database.case("DeleteItem", failing).response();
    assert_eq!(status, 400);
    let found = contributors(&database, &rules(&database, json!({}))[0]);
    let expected = [
        ("put", 6.0),
        ("transacted", 6.0),
        ("batch", 3.0),
        ("seen", 2.0),
        ("read-1", 1.0),
        ("read-2", 1.0),
    ];
    assert_eq!(found, expected.map(|(name, units)| (keys(&[name]), units)));
    // What writes change in an index counts there, as do its queries.
    let query = json!({
        "TableName": "table", "IndexName": "by-a", "KeyConditionExpression": "a = :a",
        "ExpressionAttributeValues": {":a": {"S": "x"}},
    });
    database.case("Query", query).succeeds();
    let of_index = contributors(&database, &rules(&database, json!({"IndexName": "by-a"}))[0]);
    assert_eq!(of_index, [(keys(&["x"]), 3.5)]);
}

#[test]
fn the_keys_of_throttled_requests_are_told_in_either_mode() {
    let database = Database::with_settings(Settings {
        throttles: true,
        ..Settings::default()
    });
    let mut request = table_request("table", "pk:S sk:S", &[]);
    request["BillingMode"] = json!("PROVISIONED");
    request["ProvisionedThroughput"] = json!({"ReadCapacityUnits": 1, "WriteCapacityUnits": 1});
    database.create(request);
    update(
        &database,
        "ENABLE",
        json!({"ContributorInsightsMode": "THROTTLED_KEYS"}),
    );
    let get = json!({
        "TableName": "table", "Key": {"pk": {"S": "hot"}, "sk": {"S": "one"}}, "ConsistentRead": true,
    });
    let refused = (0..310)
        .filter(|_| database.case("GetItem", &get).response().0 == 400)
        .count();
    assert!(refused > 5, "{refused}");
    let names = rules(&database, json!({}));
    assert_eq!(
        contributors(&database, &names[0]),
        [(keys(&["hot"]), refused as f64)]
    );
    assert_eq!(
        contributors(&database, &names[1]),
        [(keys(&["hot", "one"]), refused as f64)]
    );
    let (_, answer) = report(&database, &names[0], json!({}));
    assert_eq!(answer["AggregationStatistic"], "Count");
    // The figures of throttled keys outlive a change of the mode, those of the others do not.
    update(&database, "ENABLE", json!({}));
    database.wait_ms(2000);
    database.case("GetItem", &get).succeeds();
    let both = rules(&database, json!({}));
    assert_eq!(contributors(&database, &both[0]), [(keys(&["hot"]), 1.0)]);
    assert_eq!(
        contributors(&database, &both[1]),
        [(keys(&["hot"]), refused as f64)]
    );
    update(
        &database,
        "ENABLE",
        json!({"ContributorInsightsMode": "THROTTLED_KEYS"}),
    );
    assert_eq!(report(&database, &both[0], json!({})).0, 404);
    update(&database, "ENABLE", json!({}));
    assert_eq!(contributors(&database, &both[0]), []);
}

#[test]
fn a_report_has_periods_and_the_statistics_that_are_asked_for() {
    let database = Database::with_table("pk:S");
    update(&database, "ENABLE", json!({}));
    for minute in 0..3 {
        for number in 0..=minute {
            for _ in 0..=number {
                database.put(json!({"pk": {"S": number.to_string()}}));
            }
        }
        database.wait_ms(MINUTE_MS);
    }
    let rule = &rules(&database, json!({}))[0];
    let more = json!({
        "Period": 60, "MaxContributorCount": 2, "OrderBy": "Maximum",
        "Metrics": ["UniqueContributors", "MaxContributorValue", "SampleCount", "Sum", "Minimum", "Maximum", "Average"],
    });
    let (status, answer) = report(&database, rule, more);
    assert_eq!(status, 200, "{answer}");
    let minute = |number: u64| json!(START_SECONDS + 60 * number);
    assert_eq!(
        answer["Contributors"],
        json!([
            {"Keys": ["2"], "ApproximateAggregateValue": 9.0,
             "Datapoints": [{"Timestamp": minute(2), "ApproximateValue": 9.0}]},
            {"Keys": ["1"], "ApproximateAggregateValue": 6.0,
             "Datapoints": [{"Timestamp": minute(1), "ApproximateValue": 6.0},
                            {"Timestamp": minute(2), "ApproximateValue": 6.0}]},
        ])
    );
    assert_eq!(
        answer["MetricDatapoints"][2],
        json!({
            "Timestamp": minute(2), "UniqueContributors": 3.0, "MaxContributorValue": 9.0, "SampleCount": 6.0,
            "Sum": 18.0, "Minimum": 3.0, "Maximum": 9.0, "Average": 3.0,
        })
    );
    for (more, message) in [
        (
            json!({"MaxContributorCount": 26}),
            "The value 26 for parameter MaxContributorCount must be between 1 and 25.",
        ),
        (
            json!({"Period": 30}),
            "The parameter Period must be a multiple of 60.",
        ),
        (
            json!({"OrderBy": "Name"}),
            "The value Name for parameter OrderBy must be Sum or Maximum.",
        ),
        (
            json!({"Metrics": ["Median"]}),
            "The value Median for parameter Metrics is not supported.",
        ),
    ] {
        let (status, answer) = report(&database, rule, more);
        assert_eq!(
            (status, answer["message"].as_str()),
            (400, Some(message)),
            "{answer}"
        );
    }
    for name in [
        &format!("{rule}1"),
        "DynamoDBContributorInsights-PKC-none-1",
        "other",
        "",
    ] {
        let (status, answer) = report(&database, name, json!({}));
        assert_ne!(status, 200, "{name}: {answer}");
    }
}

#[test]
fn the_switch_outlives_a_restart_and_ends_with_its_table() {
    let database = Database::with_indexes("pk:S,a:S", &[global("by-a", "a:S", "ALL")]);
    update(&database, "ENABLE", json!({"IndexName": "by-a"}));
    update(&database, "ENABLE", json!({}));
    database.put(json!({"pk": {"S": "before"}}));
    let names = rules(&database, json!({}));
    assert_eq!(contributors(&database, &names[0]).len(), 1);
    // What was counted is in memory alone.
    let database = database.reopened(Settings::default());
    assert_eq!(rules(&database, json!({})), names);
    assert_eq!(contributors(&database, &names[0]), []);
    database.put(json!({"pk": {"S": "after"}}));
    assert_eq!(contributors(&database, &names[0]), [(keys(&["after"]), 3.0)]);
    let removal =
        json!({"TableName": "table", "GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "by-a"}}]});
    database.case("UpdateTable", removal).succeeds();
    database.work();
    let listed = database.case("ListContributorInsights", "{}").answer();
    assert_eq!(
        listed["ContributorInsightsSummaries"].as_array().map(Vec::len),
        Some(1)
    );
    database
        .case("DeleteTable", json!({"TableName": "table"}))
        .succeeds();
    database.work();
    database
        .case("ListContributorInsights", "{}")
        .gives(json!({"ContributorInsightsSummaries": []}));
    assert_eq!(report(&database, &names[0], json!({})).0, 404);
    database.create(table_request("table", "pk:S", &[]));
    assert_eq!(
        describe(&database, json!({}))["ContributorInsightsStatus"],
        "DISABLED"
    );
}

#[test]
fn long_names_are_cut_in_rules_and_found_all_the_same() {
    let database = Database::empty();
    let name = "long-".repeat(40);
    database.create(table_request(&name, "pk:S", &[]));
    let request = json!({"TableName": name, "ContributorInsightsAction": "ENABLE"});
    database.case("UpdateContributorInsights", request).succeeds();
    let described = database
        .case("DescribeContributorInsights", json!({"TableName": name}))
        .answer();
    let rule = described["ContributorInsightsRuleList"][0]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(rule.len(), 128);
    let get = json!({"TableName": name, "Key": {"pk": {"S": "a"}}});
    database.case("GetItem", get).succeeds();
    assert_eq!(contributors(&database, &rule), [(keys(&["a"]), 0.5)]);
}
