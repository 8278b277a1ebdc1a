//! Holds `docs/compatibility.md` to the code: the operations and their members are those of the API,
//! what is called built is built, what is called kept is described, what is called refused is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use api::Operation;
use api::companion::Companion;
use engine::Settings;
use serde_json::{Value, json};

use crate::behaviour_document::workspace;
use crate::database::{Database, operation_of, table_request};

/// What the document says about the members of an operation: the status of each.
type Members = BTreeMap<String, String>;

/// The operations that the document calls built, with their members, and those that it does not.
#[derive(Debug, Default, PartialEq, Eq)]
struct Document {
    built: BTreeMap<String, Members>,
    /// Those of the companions, by the heading of their section.
    companions: BTreeMap<String, BTreeMap<String, Members>>,
    not_built: BTreeSet<String>,
}

/// The companions by the headings of their sections.
const COMPANIONS: [(&str, Companion); 2] = [
    ("CloudWatch", Companion::CloudWatch),
    ("Application Auto Scaling", Companion::AutoScaling),
];

impl Document {
    /// The operations that a section is about.
    fn operations(&mut self, section: &str) -> &mut BTreeMap<String, Members> {
        match COMPANIONS.iter().any(|(heading, _)| *heading == section) {
            true => self.companions.entry(section.to_owned()).or_default(),
            false => &mut self.built,
        }
    }
}

/// The cells of a table's row; a name without its quotes.
fn cells(line: &str) -> Option<Vec<&str>> {
    let row = line.strip_prefix("| `")?.strip_suffix('|')?;
    Some(row.split('|').map(|cell| cell.trim().trim_matches('`')).collect())
}

fn read(text: &str) -> Document {
    let mut document = Document::default();
    let mut section = "";
    let mut operation = None;
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            (section, operation) = (heading, None);
        } else if let Some(name) = line.strip_prefix("### ") {
            document
                .operations(section)
                .insert(name.to_owned(), Members::new());
            operation = Some(name.to_owned());
        } else if let Some(cells) = cells(line) {
            match &operation {
                Some(operation) => {
                    let members = document.operations(section).get_mut(operation).unwrap();
                    let twice = members.insert(cells[0].to_owned(), cells[1].to_owned());
                    assert_eq!(twice, None, "{operation}: {} is there twice", cells[0]);
                }
                None if section == "Operations that are not built" => {
                    document.not_built.insert(cells[0].to_owned());
                }
                None => {}
            }
        }
    }
    document
}

fn document() -> Document {
    read(&fs::read_to_string(workspace().join("docs/compatibility.md")).unwrap())
}

/// The members with a status, as operation and member.
fn with_status(document: &Document, status: &str) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for (operation, members) in &document.built {
        for (member, _) in members.iter().filter(|(_, has)| *has == status) {
            found.insert((operation.clone(), member.clone()));
        }
    }
    found
}

#[test]
fn it_has_the_operations_of_the_api() {
    let document = document();
    let (built, not_built): (Vec<Operation>, Vec<Operation>) =
        Operation::all().partition(|operation| operation.is_built());
    let names = |operations: Vec<Operation>| -> BTreeSet<String> {
        operations
            .into_iter()
            .map(|operation| operation.name().to_owned())
            .collect()
    };
    assert_eq!(
        document.built.keys().cloned().collect::<BTreeSet<_>>(),
        names(built)
    );
    assert_eq!(document.not_built, names(not_built));
    assert_eq!(document.built.len() + document.not_built.len(), 66);
}

#[test]
fn it_has_the_members_of_each_operation() {
    for (operation, members) in document().built {
        let expected: BTreeSet<&str> = operation_of(&operation).input_members().iter().copied().collect();
        assert_eq!(
            members.keys().map(String::as_str).collect::<BTreeSet<_>>(),
            expected,
            "{operation}"
        );
        for (member, status) in members {
            assert!(
                ["built", "kept", "refused"].contains(&status.as_str()),
                "{operation}.{member}: {status}"
            );
        }
    }
}

#[test]
fn it_has_the_operations_of_the_companions_and_their_members() {
    let document = document();
    for (heading, companion) in COMPANIONS {
        let expected: BTreeMap<String, BTreeSet<&str>> = companion
            .known_operations()
            .filter_map(|(name, members)| Some((name.to_owned(), members?.iter().copied().collect())))
            .collect();
        let found: BTreeMap<String, BTreeSet<&str>> = document.companions[heading]
            .iter()
            .map(|(name, members)| (name.clone(), members.keys().map(String::as_str).collect()))
            .collect();
        assert_eq!(found, expected, "{heading}");
        for status in document.companions[heading].values().flat_map(BTreeMap::values) {
            assert!(
                ["built", "kept", "refused"].contains(&status.as_str()),
                "{heading}: {status}"
            );
        }
    }
}

/// A request that asks for something by a member whose feature is not built.
fn refused_samples() -> Vec<(&'static str, &'static str, Value)> {
    let key = json!({"Enabled": true, "SSEType": "KMS"});
    let vector = json!({
        "IndexName": "vectors", "Dimensions": 3, "DistanceFunction": "COSINE",
        "VectorAttribute": {"AttributeName": "v"}, "Projection": {"ProjectionType": "ALL"},
    });
    vec![
        ("CreateTable", "SSESpecification", key.clone()),
        ("CreateTable", "VectorIndexes", json!([vector])),
        ("CreateTable", "ResourcePolicy", json!("{}")),
        (
            "CreateTable",
            "GlobalTableSourceArn",
            json!("arn:aws:dynamodb:us-east-1:000000000000:table/other"),
        ),
        (
            "CreateTable",
            "GlobalTableSettingsReplicationMode",
            json!("ENABLED"),
        ),
        ("UpdateTable", "SSESpecification", key.clone()),
        (
            "UpdateTable",
            "ReplicaUpdates",
            json!([{"Create": {"RegionName": "eu-west-2"}}]),
        ),
        ("UpdateTable", "VectorIndexUpdates", json!([{"Create": vector}])),
        ("UpdateTable", "MultiRegionConsistency", json!("STRONG")),
        (
            "UpdateTable",
            "GlobalTableWitnessUpdates",
            json!([{"Create": {"RegionName": "eu-west-2"}}]),
        ),
        (
            "UpdateTable",
            "GlobalTableSettingsReplicationMode",
            json!("ENABLED"),
        ),
        ("UpdateTable", "DisassociationProtectionEnabled", json!(true)),
        (
            "RestoreTableToPointInTime",
            "SSESpecificationOverride",
            key.clone(),
        ),
        (
            "RestoreTableToPointInTime",
            "VectorIndexOverride",
            json!([vector]),
        ),
        ("RestoreTableFromBackup", "SSESpecificationOverride", key),
        ("RestoreTableFromBackup", "VectorIndexOverride", json!([vector])),
        (
            "ExportTableToPointInTime",
            "FilterSpecification",
            json!({"FilterExpression": "size(pk) > :n"}),
        ),
    ]
}

/// A database to ask: with the table of the requests, but for CreateTable.
fn database_for(operation: &str) -> Database {
    if operation == "CreateTable" {
        return Database::empty();
    }
    let database = Database::with_settings(Settings {
        has_transfers: true,
        ..Settings::default()
    });
    database.create(table_request("table", "pk:S", &[]));
    if operation.ends_with("ToPointInTime") {
        let recovery = json!({"PointInTimeRecoveryEnabled": true});
        let request = json!({"TableName": "table", "PointInTimeRecoverySpecification": recovery});
        database.case("UpdateContinuousBackups", request).succeeds();
    }
    database
}

/// A sound request of the operation, with this member.
fn request(database: &Database, operation: &str, member: &str, value: Value) -> Value {
    let mut request = match operation {
        "ExportTableToPointInTime" => json!({
            "TableArn": "arn:aws:dynamodb:eu-west-2:000000000000:table/table", "S3Bucket": "exports",
        }),
        "RestoreTableFromBackup" => {
            let backup = json!({"TableName": "table", "BackupName": "backup"});
            let created = database.case("CreateBackup", backup).answer();
            json!({"BackupArn": created["BackupDetails"]["BackupArn"], "TargetTableName": "restored"})
        }
        "CreateTable" => table_request("table", "pk:S", &[]),
        "RestoreTableToPointInTime" => json!({
            "SourceTableName": "table", "TargetTableName": "restored", "UseLatestRestorableTime": true,
        }),
        _ => json!({"TableName": "table"}),
    };
    request[member] = value;
    request
}

#[test]
fn what_it_calls_refused_is_refused_by_name() {
    let samples = refused_samples();
    let covered: BTreeSet<(String, String)> = samples
        .iter()
        .map(|(operation, member, _)| ((*operation).to_owned(), (*member).to_owned()))
        .collect();
    assert_eq!(with_status(&document(), "refused"), covered);
    for (operation, member, value) in samples {
        let database = database_for(operation);
        let request = request(&database, operation, member, value);
        let (name, message) = database.case(operation, request).error();
        assert_eq!(name, "ValidationException", "{operation}.{member}: {message}");
        assert!(message.contains(member), "{operation}.{member}: {message}");
    }
}

/// A value for a member that is kept, where the description shows it, and how.
fn kept_samples() -> Vec<(&'static str, &'static str, Value, &'static str, Value)> {
    let warm = json!({"ReadUnitsPerSecond": 20_000, "WriteUnitsPerSecond": 30_000});
    let class = json!("STANDARD_INFREQUENT_ACCESS");
    let mut samples = Vec::new();
    for operation in ["CreateTable", "UpdateTable"] {
        samples.extend([
            (
                operation,
                "WarmThroughput",
                warm.clone(),
                "/WarmThroughput",
                warm.clone(),
            ),
            (
                operation,
                "TableClass",
                class.clone(),
                "/TableClassSummary",
                json!({"TableClass": class}),
            ),
        ]);
    }
    for (member, value) in [
        ("S3BucketOwner", json!("123456789012")),
        ("S3SseAlgorithm", json!("KMS")),
        ("S3SseKmsKeyId", json!("a-key")),
    ] {
        samples.push((
            "ExportTableToPointInTime",
            member,
            value.clone(),
            "",
            json!({member: value}),
        ));
    }
    samples
}

#[test]
fn what_it_calls_kept_is_described() {
    let samples = kept_samples();
    let covered: BTreeSet<(String, String)> = samples
        .iter()
        .map(|(operation, member, ..)| ((*operation).to_owned(), (*member).to_owned()))
        .collect();
    assert_eq!(with_status(&document(), "kept"), covered);
    for (operation, member, value, pointer, expected) in samples {
        let database = database_for(operation);
        let mut request = request(&database, operation, member, value);
        // Provisioned throughput and the mode that wants it are sent together.
        if member == "ProvisionedThroughput" || request["BillingMode"] == json!("PROVISIONED") {
            request["BillingMode"] = json!("PROVISIONED");
            request["ProvisionedThroughput"] = json!({"ReadCapacityUnits": 7, "WriteCapacityUnits": 8});
        }
        let answer = database.case(operation, request).answer();
        let description = match &answer["ExportDescription"] {
            Value::Null => database
                .case("DescribeTable", r#"{"TableName":"table"}"#)
                .answer()["Table"]
                .clone(),
            export => database
                .case("DescribeExport", json!({"ExportArn": export["ExportArn"]}))
                .answer()["ExportDescription"]
                .clone(),
        };
        let shown = description.pointer(pointer).cloned().unwrap_or_default();
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&shown[name], value, "{operation}.{member}: {shown}");
        }
    }
}

#[test]
fn the_reader_notices_what_is_missing() {
    let text = "## A\n\n### GetItem\n\n| parameter | status | note |\n|---|---|---|\n| `Key` | built | |\n\n\
                ## CloudWatch\n\n### ListMetrics\n\n| parameter | status | note |\n|---|---|---|\n| `Namespace` | built | |\n\n\
                ## Operations that are not built\n\n| operation | note |\n|---|---|\n| `ExecuteStatement` | later |\n";
    let expected = Document {
        built: [(
            "GetItem".to_owned(),
            [("Key".to_owned(), "built".to_owned())].into(),
        )]
        .into(),
        companions: [(
            "CloudWatch".to_owned(),
            [(
                "ListMetrics".to_owned(),
                [("Namespace".to_owned(), "built".to_owned())].into(),
            )]
            .into(),
        )]
        .into(),
        not_built: ["ExecuteStatement".to_owned()].into(),
    };
    assert_eq!(read(text), expected);
    assert_ne!(read(&text.replace("| `Key` | built | |\n", "")), expected);
    assert_eq!(with_status(&expected, "built").len(), 1);
}
