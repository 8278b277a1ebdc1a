//! Operations that only ask about what is not built.

use serde_json::{Value, json};

use crate::service::{Failure, Service, table};

const NAME: &str = "t_asked";

fn service() -> Service {
    let service = Service::new();
    service.answer("CreateTable", table(NAME, json!({})));
    service
}

#[test]
fn lists_are_empty() {
    let service = service();
    for (operation, member) in [
        ("ListBackups", "BackupSummaries"),
        ("ListExports", "ExportSummaries"),
        ("ListImports", "ImportSummaryList"),
        ("ListGlobalTables", "GlobalTables"),
        ("ListContributorInsights", "ContributorInsightsSummaries"),
        ("ListBulkOperations", "BulkOperationsSummaryList"),
    ] {
        assert_eq!(
            service.answer(operation, json!({})),
            json!({member: []}),
            "{operation}"
        );
    }
    assert_eq!(
        service.answer("ListBackups", json!({"TableName": "nowhere"})),
        json!({"BackupSummaries": []})
    );
}

#[test]
fn everything_is_disabled() {
    let service = service();
    let check = |operation: &str, expected: Value| {
        assert_eq!(
            service.answer(operation, json!({"TableName": NAME})),
            expected,
            "{operation}"
        );
    };
    check(
        "DescribeContinuousBackups",
        json!({"ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "DISABLED"},
        }}),
    );
    check(
        "DescribeTimeToLive",
        json!({"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}),
    );
    check(
        "DescribeContributorInsights",
        json!({"TableName": NAME, "ContributorInsightsStatus": "DISABLED"}),
    );
    check(
        "DescribeKinesisStreamingDestination",
        json!({"TableName": NAME, "KinesisDataStreamDestinations": []}),
    );
    check(
        "DescribeTableReplicaAutoScaling",
        json!({"TableAutoScalingDescription": {"TableName": NAME, "TableStatus": "ACTIVE", "Replicas": []}}),
    );
}

#[test]
fn the_table_must_exist() {
    let service = service();
    for operation in [
        "DescribeTimeToLive",
        "DescribeContributorInsights",
        "DescribeKinesisStreamingDestination",
        "DescribeTableReplicaAutoScaling",
        "ListContributorInsights",
        "ListStreams",
    ] {
        let expected = failure(
            "ResourceNotFoundException",
            "Requested resource not found: Table: nowhere not found",
        );
        assert_eq!(
            service.error(operation, json!({"TableName": "nowhere"})),
            expected,
            "{operation}"
        );
    }
    assert_eq!(
        service.error("DescribeContinuousBackups", json!({"TableName": "nowhere"})),
        failure("TableNotFoundException", "Table not found: nowhere")
    );
    assert_eq!(
        service.error(
            "DescribeContributorInsights",
            json!({"TableName": NAME, "IndexName": "none"})
        ),
        failure(
            "ResourceNotFoundException",
            "Requested resource not found: Index none for table t_asked"
        )
    );
}

fn failure(kind: &str, message: &str) -> Failure {
    (kind.to_owned(), message.to_owned())
}

#[test]
fn no_named_thing_is_found() {
    let service = service();
    let arn = |resource: &str| format!("arn:aws:dynamodb:us-east-1:000000000000:table/{resource}");
    let check = |operation: &str, member: &str, name: &str, kind: &str, message: &str| {
        assert_eq!(
            service.error(operation, json!({member: name})),
            failure(kind, message),
            "{operation}"
        );
    };
    let named = [
        (
            "DescribeBackup",
            "BackupArn",
            "BackupNotFoundException",
            "Backup not found: ",
        ),
        (
            "DescribeExport",
            "ExportArn",
            "ExportNotFoundException",
            "Export not found: ",
        ),
        (
            "DescribeImport",
            "ImportArn",
            "ImportNotFoundException",
            "Import not found: ",
        ),
    ];
    for (operation, member, kind, message) in named {
        let arn = arn("t_asked/thing/01600000000000-abcdef12");
        check(operation, member, &arn, kind, &format!("{message}{arn}"));
    }
    for operation in ["DescribeGlobalTable", "DescribeGlobalTableSettings"] {
        let message = "Global table with name: 't_asked' does not exist.";
        check(
            operation,
            "GlobalTableName",
            NAME,
            "GlobalTableNotFoundException",
            message,
        );
    }
    check(
        "GetResourcePolicy",
        "ResourceArn",
        &arn(NAME),
        "PolicyNotFoundException",
        &format!(
            "Resource-based policy not found for the provided ResourceArn: {}",
            arn(NAME)
        ),
    );
    check(
        "GetResourcePolicy",
        "ResourceArn",
        &arn("nowhere"),
        "ResourceNotFoundException",
        "Requested resource not found: Table: nowhere not found",
    );
    let bulk = arn("t_asked/bulk/01600000000000-abcdef12");
    assert_eq!(
        service
            .error("DescribeBulkOperation", json!({"BulkOperationArn": bulk}))
            .0,
        "ResourceNotFoundException"
    );
}
