//! UpdateTable, but for its index updates: what goes together, what is refused, what is answered.

use serde_json::{Value, json};

use crate::service::{
    INVALID, START_MS, Service, changed, definitions, index, provisioned_table, table, throughput,
};

const NAME: &str = "t_updated";

fn update(changes: Value) -> Value {
    changed(json!({"TableName": NAME}), changes)
}

/// A service with an on-demand table that has an index named `one`.
fn on_demand() -> Service {
    let service = Service::new();
    let indexed = json!({
        "AttributeDefinitions": definitions(&["pk:S", "g:S"]),
        "GlobalSecondaryIndexes": [index("one", &["g:HASH"])],
    });
    service.answer("CreateTable", table(NAME, indexed));
    service
}

/// A service with a provisioned table, 5/5, that has an index named `one`, 2/2.
fn provisioned() -> Service {
    let service = Service::new();
    let provisioned = json!({"ProvisionedThroughput": throughput(2, 2)});
    let indexed = json!({
        "AttributeDefinitions": definitions(&["pk:S", "g:S"]),
        "GlobalSecondaryIndexes": [changed(index("one", &["g:HASH"]), provisioned)],
    });
    service.answer("CreateTable", provisioned_table(NAME, indexed));
    service
}

fn answer(service: &Service, changes: Value) -> Value {
    service.answer("UpdateTable", update(changes))["TableDescription"].clone()
}

fn units(description: &Value) -> (i64, i64) {
    let units = |member: &str| description["ProvisionedThroughput"][member].as_i64().unwrap();
    (units("ReadCapacityUnits"), units("WriteCapacityUnits"))
}

fn provisioning(name: &str, read: i64, write: i64) -> Value {
    json!({"Update": {"IndexName": name, "ProvisionedThroughput": throughput(read, write)}})
}

#[test]
fn one_thing_at_a_time() {
    let service = on_demand();
    let check = |changes: Value, expected: &str| {
        assert_eq!(
            service.refusal("UpdateTable", update(changes.clone())),
            format!("{INVALID}{expected}"),
            "{changes}"
        );
        // What the request alone shows comes before the table.
        let elsewhere = changed(update(changes), json!({"TableName": "nowhere"}));
        assert_eq!(
            service.refusal("UpdateTable", elsewhere),
            format!("{INVALID}{expected}")
        );
    };
    let class = json!({"TableClass": "STANDARD"});
    let protection = json!({"DeletionProtectionEnabled": true});
    let warm = json!({"WarmThroughput": {"ReadUnitsPerSecond": 20000}});
    let bounds = json!({"OnDemandThroughput": {"MaxReadRequestUnits": 5}});
    let capacity = json!({"ProvisionedThroughput": throughput(5, 5)});
    let stream = json!({"StreamSpecification": {"StreamEnabled": false}});
    let creates = json!({
        "AttributeDefinitions": definitions(&["h:S"]),
        "GlobalSecondaryIndexUpdates": [{"Create": index("two", &["h:HASH"])}],
    });
    let deletes = json!({"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "one"}}]});
    let both = |left: &Value, right: &Value| changed(left.clone(), right.clone());
    check(
        both(&json!({"SSESpecification": {"Enabled": true}}), &class),
        "Server-Side Encryption modification must be the only operation in the request",
    );
    check(
        both(&class, &protection),
        "TableClass modification must be the only operation in the request",
    );
    check(
        both(&protection, &warm),
        "DeletionProtection modification must be the only operation in the request",
    );
    check(
        both(&warm, &bounds),
        "WarmThroughput must be the only operation in the request",
    );
    check(
        both(&warm, &deletes),
        "WarmThroughput must be the only operation in the request",
    );
    check(
        both(&warm, &creates),
        "Create global secondary index cannot be specified when updating WarmThroughput",
    );
    check(
        both(&bounds, &capacity),
        "OnDemandThroughput can only be combined with BillingMode in an UpdateTable request",
    );
    check(
        both(&capacity, &creates),
        "You cannot create or delete index while updating table IOPS",
    );
    check(
        both(&json!({"BillingMode": "PAY_PER_REQUEST"}), &deletes),
        "You cannot create or delete index while updating table IOPS",
    );
    check(
        both(&stream, &capacity),
        "You cannot modify stream status while updating table IOPS",
    );
    check(
        both(&stream, &creates),
        "You cannot create or delete index while changing stream status",
    );
    check(
        both(&class, &json!({"GlobalSecondaryIndexUpdates": []})),
        "List of GlobalSecondaryIndexUpdates is empty",
    );
    check(
        json!({"BillingMode": "PROVISIONED"}),
        "ProvisionedThroughput must be specified when BillingMode is PROVISIONED",
    );
    check(
        both(&json!({"BillingMode": "PAY_PER_REQUEST"}), &capacity),
        "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
    );
}

#[test]
fn nothing_to_do() {
    let service = on_demand();
    for changes in [
        json!({}),
        json!({"AttributeDefinitions": definitions(&["g:S"])}),
        json!({"GlobalSecondaryIndexUpdates": []}),
        json!({"WarmThroughput": {}, "OnDemandThroughput": {}}),
        json!({"TableName": "nowhere"}),
    ] {
        let message = service.refusal("UpdateTable", update(changes.clone()));
        assert!(
            message.starts_with("At least one of ProvisionedThroughput, BillingMode, "),
            "{changes} {message}"
        );
        assert!(
            message.ends_with(", WarmThroughput or TableClass is required"),
            "{changes} {message}"
        );
    }
}

#[test]
fn what_is_not_built_is_refused_by_name() {
    let service = on_demand();
    let check = |parameter: &str, value: Value| {
        let expected = format!("{INVALID}{parameter} is not supported by this version of Stator");
        assert_eq!(
            service.refusal("UpdateTable", update(json!({parameter: value}))),
            expected
        );
    };
    check("ReplicaUpdates", json!([{"Create": {"RegionName": "eu-west-2"}}]));
    check(
        "GlobalTableWitnessUpdates",
        json!([{"Create": {"RegionName": "eu-west-2"}}]),
    );
    check(
        "VectorIndexUpdates",
        json!([{"Delete": {"IndexName": "vectors"}}]),
    );
    check("MultiRegionConsistency", json!("STRONG"));
    check("GlobalTableSettingsReplicationMode", json!("ENABLED"));
    check("DisassociationProtectionEnabled", json!(true));
    check("SSESpecification", json!({"Enabled": true}));
    let refusal = |changes: Value| service.refusal("UpdateTable", update(changes));
    assert_eq!(
        refusal(json!({"StreamSpecification": {"StreamEnabled": true}})),
        format!("{INVALID}If stream is being enabled then UpdateViewType is required")
    );
    assert_eq!(
        refusal(json!({"StreamSpecification": {"StreamEnabled": false, "StreamViewType": "NEW_IMAGE"}})),
        format!("{INVALID}If stream is being disabled, then UpdateViewType must not be specified")
    );
    assert_eq!(
        refusal(json!({"StreamSpecification": {"StreamEnabled": false}})),
        "Table has no stream to disable: TableName: t_updated"
    );
    for encryption in [json!({}), json!({"Enabled": false})] {
        let expected = format!("{INVALID}Table is already encrypted by default");
        assert_eq!(refusal(json!({"SSESpecification": encryption})), expected);
    }
}

#[test]
fn provisioned_throughput_changes() {
    let service = provisioned();
    let now_s = START_MS as f64 / 1000.0;
    let shown = answer(&service, json!({"ProvisionedThroughput": throughput(10, 5)}));
    assert_eq!(shown["TableStatus"], "UPDATING");
    assert_eq!(units(&shown), (5, 5));
    assert_eq!(shown["ProvisionedThroughput"]["LastIncreaseDateTime"], now_s);
    assert_eq!(shown.get("BillingModeSummary"), None);
    let shown = service.describe(NAME);
    assert_eq!(
        (&shown["TableStatus"], units(&shown)),
        (&json!("ACTIVE"), (10, 5))
    );
    assert_eq!(shown["ProvisionedThroughput"].get("LastDecreaseDateTime"), None);
    assert_eq!(shown["WarmThroughput"]["ReadUnitsPerSecond"], 10);

    answer(
        &service,
        json!({"BillingMode": "PROVISIONED", "ProvisionedThroughput": throughput(1, 5)}),
    );
    let shown = service.describe(NAME);
    assert_eq!(shown["ProvisionedThroughput"]["NumberOfDecreasesToday"], 1);
    assert_eq!(shown["ProvisionedThroughput"]["LastDecreaseDateTime"], now_s);
    assert_eq!(shown["WarmThroughput"]["ReadUnitsPerSecond"], 10, "never lowered");
    service.clock.advance_ms(24 * 60 * 60 * 1000);
    assert_eq!(
        service.describe(NAME)["ProvisionedThroughput"]["NumberOfDecreasesToday"],
        0
    );

    let unchanged = "The provisioned throughput for the table will not change. The requested value equals the current \
        value. Current ReadCapacityUnits provisioned for the table: 1. Requested ReadCapacityUnits: 1. Current \
        WriteCapacityUnits provisioned for the table: 5. Requested WriteCapacityUnits: 5. Refer to the Amazon DynamoDB \
        Developer Guide for current limits and how to request higher limits.";
    for changes in [json!({}), json!({"BillingMode": "PROVISIONED"})] {
        let changes = changed(changes, json!({"ProvisionedThroughput": throughput(1, 5)}));
        assert_eq!(service.refusal("UpdateTable", update(changes)), unchanged);
    }
}

#[test]
fn an_index_has_its_own_throughput() {
    let service = provisioned();
    let shown = answer(
        &service,
        json!({"GlobalSecondaryIndexUpdates": [provisioning("one", 3, 2)]}),
    );
    assert_eq!(shown["TableStatus"], "ACTIVE");
    let index = &shown["GlobalSecondaryIndexes"][0];
    assert_eq!(
        (&index["IndexStatus"], units(index)),
        (&json!("UPDATING"), (2, 2))
    );
    let index = &service.describe(NAME)["GlobalSecondaryIndexes"][0];
    assert_eq!((&index["IndexStatus"], units(index)), (&json!("ACTIVE"), (3, 2)));
    let same = update(json!({"GlobalSecondaryIndexUpdates": [provisioning("one", 3, 2)]}));
    assert_eq!(
        service.refusal("UpdateTable", same),
        "The provisioned throughput for the index one will not change. The requested value equals the current value. \
         Current ReadCapacityUnits provisioned for index one: 3. Requested ReadCapacityUnits: 3. Current \
         WriteCapacityUnits provisioned for index one: 2. Requested WriteCapacityUnits: 2. Refer to the Amazon DynamoDB \
         Developer Guide for current limits and how to request higher limits."
    );
}

#[test]
fn billing_changes_both_ways() {
    let service = provisioned();
    let shown = answer(&service, json!({"BillingMode": "PAY_PER_REQUEST"}));
    assert_eq!(shown["TableStatus"], "UPDATING");
    assert_eq!(
        shown["BillingModeSummary"],
        json!({"BillingMode": "PAY_PER_REQUEST"})
    );
    assert_eq!(units(&shown), (0, 0));
    let index = &shown["GlobalSecondaryIndexes"][0];
    assert_eq!(
        (&index["IndexStatus"], units(index)),
        (&json!("UPDATING"), (0, 0))
    );
    let summary = |mode: &str| json!({"BillingMode": mode, "LastUpdateToPayPerRequestDateTime": START_MS as f64 / 1000.0});
    let shown = service.describe(NAME);
    assert_eq!(
        (&shown["TableStatus"], &shown["BillingModeSummary"]),
        (&json!("ACTIVE"), &summary("PAY_PER_REQUEST"))
    );
    assert_eq!(shown["WarmThroughput"]["ReadUnitsPerSecond"], 12000);
    assert_eq!(
        shown["GlobalSecondaryIndexes"][0]["WarmThroughput"]["WriteUnitsPerSecond"],
        4000
    );

    service.clock.advance_ms(1);
    let shown = answer(&service, json!({"BillingMode": "PAY_PER_REQUEST"}));
    assert_eq!(
        (&shown["TableStatus"], &shown["BillingModeSummary"]),
        (&json!("UPDATING"), &summary("PAY_PER_REQUEST"))
    );
    answer(
        &service,
        json!({"BillingMode": "PAY_PER_REQUEST", "OnDemandThroughput": {"MaxReadRequestUnits": 7}}),
    );
    assert_eq!(
        service.describe(NAME)["OnDemandThroughput"],
        json!({"MaxReadRequestUnits": 7})
    );

    let back = json!({"BillingMode": "PROVISIONED", "ProvisionedThroughput": throughput(1, 1)});
    assert_eq!(
        service.refusal("UpdateTable", update(back.clone())),
        format!("{INVALID}ProvisionedThroughput must be specified for index: one")
    );
    let back = changed(
        back,
        json!({"GlobalSecondaryIndexUpdates": [provisioning("one", 2, 2)]}),
    );
    let shown = answer(&service, back);
    assert_eq!(
        (&shown["TableStatus"], units(&shown)),
        (&json!("UPDATING"), (1, 1))
    );
    let shown = service.describe(NAME);
    assert_eq!(
        (units(&shown), &shown["BillingModeSummary"]),
        ((1, 1), &summary("PROVISIONED"))
    );
    assert_eq!(units(&shown["GlobalSecondaryIndexes"][0]), (2, 2));
    assert_eq!(
        shown["WarmThroughput"]["ReadUnitsPerSecond"], 12000,
        "never lowered"
    );
    assert_eq!(shown.get("OnDemandThroughput"), None);
}

#[test]
fn an_on_demand_table_has_no_provisioned_throughput() {
    let service = on_demand();
    let neither = "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST";
    let only = "The only Updates for index: one when TableThroughputMode is PAY_PER_REQUEST can be to \
        OnDemandThroughput, WarmThroughput";
    let updates = |action: Value| json!({"GlobalSecondaryIndexUpdates": [action]});
    for (changes, expected) in [
        (json!({"ProvisionedThroughput": throughput(1, 1)}), neither),
        (updates(provisioning("one", 1, 1)), only),
        (updates(json!({"Update": {"IndexName": "one"}})), only),
        (
            updates(json!({"Update": {"IndexName": "one", "OnDemandThroughput": {}}})),
            only,
        ),
        (
            updates(json!({"Update": {"IndexName": "one", "WarmThroughput": {}}})),
            "WarmThroughput must have at least one of ReadUnitsPerSecond or WriteUnitsPerSecond specified for index: one",
        ),
    ] {
        assert_eq!(
            service.refusal("UpdateTable", update(changes)),
            format!("{INVALID}{expected}")
        );
    }
}

#[test]
fn on_demand_bounds_are_merged_and_cleared() {
    let service = on_demand();
    let change = |read: Option<i64>, write: Option<i64>| {
        let mut bounds = json!({});
        for (member, units) in [("MaxReadRequestUnits", read), ("MaxWriteRequestUnits", write)] {
            if let Some(units) = units {
                bounds[member] = json!(units);
            }
        }
        let shown = answer(&service, json!({"OnDemandThroughput": bounds}));
        assert_eq!(shown["TableStatus"], "ACTIVE");
        (
            shown["OnDemandThroughput"].clone(),
            service.describe(NAME)["OnDemandThroughput"].clone(),
        )
    };
    let read_only = json!({"MaxReadRequestUnits": 10});
    let both = json!({"MaxReadRequestUnits": 10, "MaxWriteRequestUnits": 20});
    assert_eq!(change(Some(10), None), (read_only.clone(), read_only));
    assert_eq!(change(None, Some(20)), (both.clone(), both));
    let cleared = json!({"MaxReadRequestUnits": -1, "MaxWriteRequestUnits": 20});
    assert_eq!(
        change(Some(-1), None),
        (cleared, json!({"MaxWriteRequestUnits": 20}))
    );
    assert_eq!(
        change(None, Some(-1)),
        (json!({"MaxWriteRequestUnits": -1}), Value::Null)
    );
    for units in [0, -2] {
        let changes = json!({"OnDemandThroughput": {"MaxWriteRequestUnits": units}});
        let expected =
            "Requested MaxWriteRequestUnits for OnDemandThroughput for table is outside of valid range";
        assert_eq!(
            service.refusal("UpdateTable", update(changes)),
            format!("{INVALID}{expected}")
        );
    }
    let changes = json!({"OnDemandThroughput": {"MaxReadRequestUnits": 1}});
    assert_eq!(
        provisioned().refusal("UpdateTable", update(changes)),
        format!(
            "{INVALID}MaxReadRequestUnits for OnDemandThroughput cannot be specified when the table BillingMode is \
             PROVISIONED"
        )
    );

    let changes = json!([{"Update": {"IndexName": "one", "OnDemandThroughput": {"MaxReadRequestUnits": 3}}}]);
    let shown = answer(&service, json!({"GlobalSecondaryIndexUpdates": changes}));
    let index = &shown["GlobalSecondaryIndexes"][0];
    assert_eq!(shown["TableStatus"], "ACTIVE");
    assert_eq!(index["IndexStatus"], "UPDATING");
    assert_eq!(index["OnDemandThroughput"], json!({"MaxReadRequestUnits": 3}));
}

#[test]
fn warm_throughput_only_rises() {
    let service = on_demand();
    let index = json!([{"Update": {"IndexName": "one", "WarmThroughput": {"WriteUnitsPerSecond": 5000}}}]);
    let changes =
        json!({"WarmThroughput": {"ReadUnitsPerSecond": 13000}, "GlobalSecondaryIndexUpdates": index});
    let shown = answer(&service, changes);
    let warm = |read: i64, write: i64, status: &str| json!({"ReadUnitsPerSecond": read, "WriteUnitsPerSecond": write, "Status": status});
    assert_eq!(shown["TableStatus"], "ACTIVE");
    assert_eq!(shown["WarmThroughput"], warm(12000, 4000, "UPDATING"));
    assert_eq!(shown["GlobalSecondaryIndexes"][0]["IndexStatus"], "ACTIVE");
    assert_eq!(
        shown["GlobalSecondaryIndexes"][0]["WarmThroughput"],
        warm(12000, 4000, "UPDATING")
    );
    let shown = service.describe(NAME);
    assert_eq!(shown["WarmThroughput"], warm(13000, 4000, "ACTIVE"));
    assert_eq!(
        shown["GlobalSecondaryIndexes"][0]["WarmThroughput"],
        warm(12000, 5000, "ACTIVE")
    );
    let same = json!({"WarmThroughput": {"ReadUnitsPerSecond": 13000}});
    assert_eq!(
        answer(&service, same)["WarmThroughput"],
        warm(13000, 4000, "UPDATING")
    );
    assert_eq!(
        service.refusal(
            "UpdateTable",
            update(json!({"WarmThroughput": {"ReadUnitsPerSecond": 12999}}))
        ),
        format!(
            "{INVALID}Requested ReadUnitsPerSecond for WarmThroughput for table is lower than current WarmThroughput, \
             decreasing WarmThroughput is not supported"
        )
    );
}

#[test]
fn the_table_class_changes() {
    let service = on_demand();
    let class = |class: &str| answer(&service, json!({"TableClass": class}));
    let shown = class("STANDARD");
    assert_eq!(
        (&shown["TableStatus"], shown.get("TableClassSummary")),
        (&json!("UPDATING"), None)
    );
    let shown = class("STANDARD_INFREQUENT_ACCESS");
    assert_eq!(shown["TableClassSummary"], json!({"TableClass": "STANDARD"}));
    let expected =
        json!({"TableClass": "STANDARD_INFREQUENT_ACCESS", "LastUpdateDateTime": START_MS as f64 / 1000.0});
    let shown = service.describe(NAME);
    assert_eq!(
        (&shown["TableStatus"], &shown["TableClassSummary"]),
        (&json!("ACTIVE"), &expected)
    );
    service.clock.advance_ms(1);
    assert_eq!(class("STANDARD_INFREQUENT_ACCESS")["TableClassSummary"], expected);
}
