//! Operations that are not built, and those that only ask about what is not built.

use api::Operation;
use serde_json::json;

use crate::database::Database;

#[test]
fn an_operation_that_is_not_built_is_named() {
    let database = Database::empty();
    let unbuilt = Operation::all().filter(|operation| !operation.is_built());
    for name in unbuilt.map(Operation::name) {
        let message = format!("The operation {name} is not supported.");
        database
            .case(name, "{}")
            .fails("UnknownOperationException", &message);
    }
}

#[test]
fn questions_about_what_is_not_built_are_answered() {
    let database = Database::with_table("pk:S");
    for (operation, answer) in [
        ("ListBackups", r#"{"BackupSummaries":[]}"#),
        ("ListGlobalTables", r#"{"GlobalTables":[]}"#),
        ("ListStreams", r#"{"Streams":[]}"#),
        ("ListExports", r#"{"ExportSummaries":[]}"#),
        ("ListImports", r#"{"ImportSummaryList":[]}"#),
    ] {
        database.case(operation, "{}").gives(answer);
    }
    database
        .case("DescribeTimeToLive", r#"{"TableName":"table"}"#)
        .gives(r#"{"TimeToLiveDescription":{"TimeToLiveStatus":"DISABLED"}}"#);
}

#[test]
fn no_stream_is_found() {
    let database = Database::with_table("pk:S");
    let arn = "arn:aws:dynamodb:us-east-1:000000000000:table/table/stream/2026-01-01T00:00:00.000";
    let missing = format!("Requested resource not found: Stream: {arn} not found");
    database
        .case("DescribeStream", json!({"StreamArn": arn}))
        .fails("ResourceNotFoundException", &missing);
    let iterator = json!({
        "StreamArn": arn, "ShardId": "shardId-00000000000000000000-00000000", "ShardIteratorType": "LATEST",
    });
    database
        .case("GetShardIterator", iterator)
        .fails("ResourceNotFoundException", &missing);
    let (name, _) = database
        .case("GetRecords", json!({"ShardIterator": "an iterator"}))
        .error();
    assert_eq!(name, "ResourceNotFoundException");
}
