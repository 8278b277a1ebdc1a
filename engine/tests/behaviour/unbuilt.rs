//! Operations that are not built, and those that only ask about what is not built.

use api::Operation;

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
        ("ListExports", r#"{"ExportSummaries":[]}"#),
        ("ListImports", r#"{"ImportSummaryList":[]}"#),
    ] {
        database.case(operation, "{}").gives(answer);
    }
    database
        .case("DescribeTimeToLive", r#"{"TableName":"table"}"#)
        .gives(r#"{"TimeToLiveDescription":{"TimeToLiveStatus":"DISABLED"}}"#);
}
