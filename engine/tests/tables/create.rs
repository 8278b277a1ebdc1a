//! CreateTable: what it refuses, in which order and words, and what it answers.

use serde_json::{Value, json};

use crate::service::{
    INVALID, Service, changed, definitions, index, key, provisioned_table, table, throughput,
};

/// A table with a sort key and two attributes for indexes.
fn composite(changes: Value) -> Value {
    let keys = json!({
        "AttributeDefinitions": definitions(&["pk:S", "sk:S", "a:S", "b:N"]),
        "KeySchema": key(&["pk:HASH", "sk:RANGE"]),
    });
    changed(table("t_composite", keys), changes)
}

fn projected(projection: Value) -> Value {
    let indexes = json!([changed(
        index("one", &["a:HASH", "b:RANGE"]),
        json!({"Projection": projection})
    )]);
    composite(json!({"GlobalSecondaryIndexes": indexes}))
}

fn with_global_key(elements: &[&str]) -> Value {
    let names: Vec<String> = elements
        .iter()
        .map(|element| format!("{}:S", element.split_once(':').unwrap().0))
        .collect();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.push("pk:S");
    names.sort_unstable();
    names.dedup();
    table(
        "t_multi",
        json!({
            "AttributeDefinitions": definitions(&names),
            "GlobalSecondaryIndexes": [index("one", elements)],
        }),
    )
}

#[track_caller]
fn check(request: Value, expected: &str) {
    let service = Service::new();
    assert_eq!(service.refusal("CreateTable", request), expected);
    assert_eq!(service.answer("ListTables", json!({}))["TableNames"], json!([]));
}

#[track_caller]
fn check_invalid(request: Value, expected: &str) {
    check(request, &format!("{INVALID}{expected}"));
}

#[test]
fn keys_are_checked() {
    let keys = |names: &[&str], elements: &[&str]| {
        table(
            "t_keys",
            json!({"AttributeDefinitions": definitions(names), "KeySchema": key(elements)}),
        )
    };
    let undefined = "Invalid KeySchema: Some index key attribute have no definition";
    check(keys(&[], &["pk:HASH"]), undefined);
    check(keys(&["pk:S"], &["pk:HASH", "pk:RANGE"]), undefined);
    check_invalid(
        keys(&["other:S"], &["pk:HASH"]),
        "Some index key attributes are not defined in AttributeDefinitions. Keys: [pk], AttributeDefinitions: [other]",
    );
    check(
        keys(&["pk:S", "sk:S"], &["pk:HASH", "pk:RANGE"]),
        "Both the Hash Key and the Range Key element in the KeySchema have the same name",
    );
    check(
        keys(&["pk:S"], &["pk:RANGE"]),
        "Invalid KeySchema: The first KeySchemaElement is not a HASH key type",
    );
    check(
        keys(&["pk:S", "sk:S"], &["pk:HASH", "sk:HASH"]),
        "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type",
    );
    check_invalid(
        keys(&["pk:S", "extra:N"], &["pk:HASH"]),
        "Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions",
    );
    check(
        keys(&["pk:S", "pk:N"], &["pk:HASH"]),
        "Attribute Name is duplicated: pk",
    );
}

#[test]
fn keys_are_required() {
    let null = |member: &str| {
        format!("Value null at '{member}' failed to satisfy constraint: Member must not be null")
    };
    let (definitions, key_schema) = (null("attributeDefinitions"), null("keySchema"));
    check(
        table("t_none", json!({"KeySchema": null})),
        &format!("1 validation error detected: {key_schema}"),
    );
    check(
        table("t_none", json!({"KeySchema": null, "AttributeDefinitions": null})),
        &format!("2 validation errors detected: {definitions}; {key_schema}"),
    );
}

#[test]
fn billing_is_checked_before_keys() {
    let broken_key = json!({"KeySchema": key(&["pk:RANGE"])});
    check_invalid(
        provisioned_table(
            "t_billing",
            changed(broken_key.clone(), json!({"ProvisionedThroughput": null})),
        ),
        "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
    );
    check_invalid(
        table(
            "t_billing",
            changed(broken_key, json!({"ProvisionedThroughput": throughput(5, 5)})),
        ),
        "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
    );
    check(
        provisioned_table(
            "t_billing",
            json!({"ProvisionedThroughput": throughput(1_000_000_000_001, 5)}),
        ),
        "Given value 1000000000001 for ReadCapacityUnits is out of bounds",
    );
}

#[test]
fn surplus_definitions_come_before_what_is_wrong_with_indexes() {
    let indexes = json!([changed(index("one", &["a:HASH"]), json!({"Projection": {}}))]);
    check_invalid(
        composite(json!({"GlobalSecondaryIndexes": indexes})),
        "Some AttributeDefinitions are not used. AttributeDefinitions: [pk, sk, a, b], keys used: [a, pk, sk]",
    );
}

#[test]
fn local_indexes_are_checked() {
    let local = |indexes: Value, names: &[&str]| {
        composite(json!({"LocalSecondaryIndexes": indexes, "AttributeDefinitions": definitions(names)}))
    };
    let used = &["pk:S", "sk:S", "a:S"];
    check_invalid(
        local(json!([]), &["pk:S", "sk:S"]),
        "List of LocalSecondaryIndexes is empty",
    );
    let no_sort_key = json!({
        "LocalSecondaryIndexes": [index("one", &["pk:HASH", "a:RANGE"])],
        "AttributeDefinitions": definitions(&["pk:S", "a:S"]),
    });
    check_invalid(
        table("t_local", no_sort_key),
        "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex",
    );
    check_invalid(
        local(json!([index("one", &["pk:HASH"])]), &["pk:S", "sk:S"]),
        "Index KeySchema does not have a range key for index: one",
    );
    check_invalid(
        local(json!([index("one", &["a:HASH", "sk:RANGE"])]), used),
        "Index KeySchema does not have the same leading hash key as table KeySchema for index: one. \
         index hash key: a, table hash key: pk",
    );
    let one = index("one", &["pk:HASH", "a:RANGE"]);
    check_invalid(local(json!([one, one]), used), "Duplicate index name: one");
    let six: Value = (1..=6)
        .map(|number| index(&format!("local{number}"), &["pk:HASH", "a:RANGE"]))
        .collect();
    check_invalid(
        local(six, used),
        "Number of LocalSecondaryIndexes exceeds per-table limit of 5",
    );
}

#[test]
fn projections_are_checked() {
    check_invalid(projected(json!({})), "Unknown ProjectionType: null");
    check_invalid(
        projected(json!({"ProjectionType": "ALL", "NonKeyAttributes": ["x"]})),
        "ProjectionType is ALL, but NonKeyAttributes is specified",
    );
    check_invalid(
        projected(json!({"ProjectionType": "KEYS_ONLY", "NonKeyAttributes": ["x"]})),
        "ProjectionType is KEYS_ONLY, but NonKeyAttributes is specified",
    );
    check_invalid(
        projected(json!({"ProjectionType": "INCLUDE"})),
        "ProjectionType is INCLUDE, but NonKeyAttributes is not specified",
    );
    check_invalid(
        projected(json!({"ProjectionType": "INCLUDE", "NonKeyAttributes": ["x", "y", "x"]})),
        "Duplicate element in NonKeyAttributes: x",
    );
}

#[test]
fn global_indexes_are_checked() {
    let global = |indexes: Value, names: &[&str]| {
        table(
            "t_global",
            json!({"GlobalSecondaryIndexes": indexes, "AttributeDefinitions": definitions(names)}),
        )
    };
    let used = &["pk:S", "a:S"];
    let one = index("one", &["a:HASH"]);
    check_invalid(
        global(json!([]), &["pk:S"]),
        "List of GlobalSecondaryIndexes is empty",
    );
    check_invalid(global(json!([one, one]), used), "Duplicate index name: one");
    let provisioned = changed(one.clone(), json!({"ProvisionedThroughput": throughput(1, 1)}));
    check_invalid(
        global(json!([provisioned]), used),
        "ProvisionedThroughput should not be specified for index: one when BillingMode is PAY_PER_REQUEST",
    );
    check_invalid(
        provisioned_table(
            "t_global",
            json!({"GlobalSecondaryIndexes": [one], "AttributeDefinitions": definitions(used)}),
        ),
        "ProvisionedThroughput is not specified for index: one",
    );
    let many: Value = (1..=21)
        .map(|number| index(&format!("global{number}"), &["a:HASH"]))
        .collect();
    check_invalid(
        global(many, used),
        "GlobalSecondaryIndex count exceeds the per-table limit of 20",
    );
    let both = json!({
        "LocalSecondaryIndexes": [index("one", &["pk:HASH", "a:RANGE"])],
        "GlobalSecondaryIndexes": [index("one", &["b:HASH"])],
    });
    check_invalid(composite(both), "Duplicate index name: one");
}

#[test]
fn keys_of_several_attributes_are_checked() {
    let hashes = ["a:HASH", "b:HASH", "c:HASH", "d:HASH"];
    let ranges = ["e:RANGE", "f:RANGE", "g:RANGE", "h:RANGE"];
    check_invalid(
        with_global_key(&[&hashes[..], &["x:HASH"]].concat()),
        "The KeySchema exceeds the maximum allowed number of HASH key attributes",
    );
    check_invalid(
        with_global_key(&[&["a:HASH"], &ranges[..], &["x:RANGE"]].concat()),
        "The KeySchema exceeds the maximum allowed number of RANGE key attributes",
    );
    check_invalid(
        with_global_key(&["a:HASH", "b:RANGE", "c:HASH"]),
        "All HASH key attributes must precede RANGE key attributes in the KeySchema",
    );
    check(
        with_global_key(&["a:HASH", "b:HASH", "a:RANGE"]),
        "The KeySchema contains multiple key attributes with the same name",
    );
    let service = Service::new();
    let elements = [&hashes[..], &ranges[..]].concat();
    service.answer("CreateTable", with_global_key(&elements));
    assert_eq!(
        service.describe("t_multi")["GlobalSecondaryIndexes"][0]["KeySchema"],
        key(&elements)
    );
}

#[test]
fn throughput_of_other_kinds_is_checked() {
    let bounds = |units: i64| json!({"OnDemandThroughput": {"MaxReadRequestUnits": units}});
    for units in [0, -1, -2] {
        check_invalid(
            table("t_bounds", bounds(units)),
            "Requested MaxReadRequestUnits for OnDemandThroughput for table is outside of valid range",
        );
    }
    check_invalid(
        provisioned_table("t_bounds", bounds(10)),
        "MaxReadRequestUnits for OnDemandThroughput cannot be specified when table BillingMode is PROVISIONED.",
    );
    let indexed = |member: Value| {
        let indexes = json!([changed(index("one", &["a:HASH"]), member)]);
        table(
            "t_bounds",
            json!({"GlobalSecondaryIndexes": indexes, "AttributeDefinitions": definitions(&["pk:S", "a:S"])}),
        )
    };
    check_invalid(
        indexed(bounds(0)),
        "Requested MaxReadRequestUnits for OnDemandThroughput for index : one is outside of valid range",
    );
    let warm = |units: i64| json!({"WarmThroughput": {"WriteUnitsPerSecond": units}});
    check_invalid(
        table("t_warm", warm(3_999)),
        "Requested WriteUnitsPerSecond for WarmThroughput for table is lower than initial throughput for OnDemand. \
         See: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html\
         #on-demand-capacity-mode-initial",
    );
    check_invalid(
        provisioned_table("t_warm", warm(4)),
        "Requested WriteUnitsPerSecond for WarmThroughput for table is lower than WriteCapacityUnits of \
         ProvisionedThroughput",
    );
}

#[test]
fn what_is_not_built_is_refused_by_name() {
    let refused = |parameter: &str, value: Value| {
        let message = format!("{parameter} is not supported by this version of Stator");
        check_invalid(table("t_unbuilt", json!({parameter: value})), &message);
    };
    refused("SSESpecification", json!({"Enabled": true}));
    refused("SSESpecification", json!({"SSEType": "KMS"}));
    refused("ResourcePolicy", json!("{}"));
    refused(
        "GlobalTableSourceArn",
        json!("arn:aws:dynamodb:us-east-1:000000000000:table/source"),
    );
    refused("GlobalTableSettingsReplicationMode", json!("ENABLED"));
    let vector_index = json!({
        "IndexName": "vectors",
        "Dimensions": 3,
        "DistanceFunction": "COSINE",
        "Projection": {"ProjectionType": "ALL"},
        "VectorAttribute": {"AttributeName": "v"},
    });
    refused("VectorIndexes", json!([vector_index]));

    let refused_as_service = |parameter: &str, value: Value, expected: &str| {
        check_invalid(table("t_unbuilt", json!({parameter: value})), expected);
    };
    refused_as_service(
        "StreamSpecification",
        json!({"StreamEnabled": true}),
        "Table is being created with a stream enabled, UpdateViewType is required",
    );
    refused_as_service(
        "StreamSpecification",
        json!({"StreamEnabled": false, "StreamViewType": "NEW_IMAGE"}),
        "Table is being created with a stream disabled, UpdateViewType should not be specified",
    );
    refused_as_service(
        "SSESpecification",
        json!({"Enabled": false, "SSEType": "KMS"}),
        "SSEType can not be specified if Enabled is false",
    );
    refused_as_service(
        "SSESpecification",
        json!({"Enabled": true, "SSEType": "AES256"}),
        "SSEType AES256 is not supported",
    );
    let disabled = json!({
        "StreamSpecification": {"StreamEnabled": false},
        "SSESpecification": {"Enabled": false},
        "OnDemandThroughput": {},
        "Tags": [],
    });
    Service::new().answer("CreateTable", table("t_disabled", disabled));
}

#[test]
fn a_name_that_is_taken_is_noticed_last() {
    let service = Service::new();
    service.answer("CreateTable", table("t_taken", json!({})));
    assert_eq!(
        service.refusal(
            "CreateTable",
            table("t_taken", json!({"KeySchema": key(&["pk:RANGE"])}))
        ),
        "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"
    );
    let taken = (
        "ResourceInUseException".to_owned(),
        "Table already exists: t_taken".to_owned(),
    );
    assert_eq!(service.error("CreateTable", table("t_taken", json!({}))), taken);
    service.answer("CreateTable", table("T_taken", json!({})));
}

#[test]
fn an_arn_counts_by_its_resource() {
    let service = Service::new();
    service.answer(
        "CreateTable",
        table("arn:aws:dynamodb:eu-west-2:123456789012:table/t_arn", json!({})),
    );
    assert_eq!(
        service.describe("t_arn")["TableArn"],
        "arn:aws:dynamodb:us-east-1:000000000000:table/t_arn"
    );
    assert_eq!(
        service.describe("arn:aws:dynamodb:x:y:table/t_arn")["TableName"],
        "t_arn"
    );
    let prefix = "arn:aws:dynamodb:eu-west-2:123456789012:table/";
    for name in ["", "ab", "a b"] {
        service.refusal("CreateTable", table(&format!("{prefix}{name}"), json!({})));
    }
}
