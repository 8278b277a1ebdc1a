//! Exports that requests ask for: full ones of a moment, incremental ones against a history that is kept
//! beside.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;

use api::Operation;
use flate2::read::MultiGzDecoder;
use serde_json::{Value, json};
use transfer::import::find_exports;
use transfer::{Location, S3Buckets};

use crate::database::NOW_MS;
use crate::server::Server;

const MINUTE_MS: u64 = 60 * 1000;
const TABLE_ARN: &str = "arn:aws:dynamodb:eu-west-2:123456789012:table/source";

async fn begin(server: &Server, request: Value) -> String {
    let mut whole = json!({"TableArn": TABLE_ARN, "S3Bucket": "exports", "S3Prefix": "daily"});
    whole
        .as_object_mut()
        .expect("an object")
        .extend(request.as_object().expect("an object").clone());
    let answer = server.call(Operation::ExportTableToPointInTime, whole).await;
    let described = &answer["ExportDescription"];
    assert_eq!(described["ExportStatus"], "IN_PROGRESS", "{answer}");
    described["ExportArn"].as_str().expect("an ARN").to_owned()
}

async fn wait(server: &Server, arn: &str) -> Value {
    server
        .run_until(|| async {
            let answer = server
                .call(Operation::DescribeExport, json!({"ExportArn": arn}))
                .await;
            let described = answer["ExportDescription"].clone();
            (described["ExportStatus"] != "IN_PROGRESS").then_some(described)
        })
        .await
}

/// The lines of all data files of an export.
fn lines(server: &Server, described: &Value) -> Vec<Value> {
    let bucket = server.directory.path().join("s3/exports");
    let summary = described["ExportManifest"].as_str().expect("a manifest");
    let summary: Value = serde_json::from_slice(&fs::read(bucket.join(summary)).expect("a summary")).unwrap();
    let files = summary["manifestFilesS3Key"].as_str().expect("a key");
    let files = fs::read_to_string(bucket.join(files)).expect("a manifest");
    let mut lines = Vec::new();
    for file in files.lines() {
        let file: Value = serde_json::from_str(file).unwrap();
        let content = fs::read(bucket.join(file["dataFileS3Key"].as_str().expect("a key"))).expect("a file");
        let mut text = String::new();
        MultiGzDecoder::new(content.as_slice())
            .read_to_string(&mut text)
            .expect("text");
        lines.extend(
            text.lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap()),
        );
    }
    assert_eq!(described["ItemCount"], lines.len());
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_export_shows_its_moment() {
    let server = Server::new().await;
    server.create("source").await;
    server.enable_recovery("source").await;
    for number in 0..100 {
        server.put("source", &format!("{number}"), number).await;
    }
    let then = server.items("source", None).await;
    server.clock.advance_ms(10_000);
    for number in 50..150 {
        server.put("source", &format!("{number}"), number + 1).await;
    }
    server.delete("source", "7").await;
    let now = server.items("source", None).await;
    server.clock.advance_ms(1000);
    for (request, expected) in [
        (json!({"ExportTime": (NOW_MS + 5000) / 1000}), &then),
        (json!({"ExportFormat": "DYNAMODB_JSON"}), &now),
    ] {
        let arn = begin(&server, request).await;
        // What comes later is not in it.
        server.put("source", "later", 1).await;
        let described = wait(&server, &arn).await;
        server.delete("source", "later").await;
        assert_eq!(described["ExportStatus"], "COMPLETED", "{described}");
        let mut found: Vec<String> = lines(&server, &described)
            .iter()
            .map(|line| line["Item"].to_string())
            .collect();
        found.sort();
        assert_eq!(&found, expected);
    }
    // Its checksums are right, as somebody else would find it.
    let buckets = S3Buckets::Directory(server.directory.path().join("s3"));
    let place = Location::to_read("s3://exports/daily", &buckets).expect("a place");
    let exports = find_exports(&place).await.expect("exports");
    assert_eq!(exports.len(), 2);
    for export in exports.into_values() {
        export.verify().await.expect("a whole export");
    }
    server.check().await;
}

type Table = BTreeMap<String, u32>;

/// The table as it was behind each millisecond in which something happened.
struct History(BTreeMap<u64, Table>);

impl History {
    fn before(&self, time_ms: u64) -> Table {
        let earlier = self.0.range(..time_ms).next_back();
        earlier.map(|(_, table)| table.clone()).unwrap_or_default()
    }
}

fn value(image: &Value) -> Option<u32> {
    image["v"]["N"]
        .as_str()
        .map(|text| text.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incremental_export_has_what_changed() {
    let server = Server::new().await;
    server.create("source").await;
    server.enable_recovery("source").await;
    let mut random = fastrand::Rng::with_seed(7);
    let mut table = Table::new();
    let mut written: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let mut history = History(BTreeMap::new());
    for step in 0..2500 {
        let now_ms = NOW_MS + step * 1700;
        server.clock.set_ms(now_ms);
        let key = format!("item-{}", random.u32(..400));
        match random.u32(..4) {
            0 if table.remove(&key).is_some() => server.delete("source", &key).await,
            _ => {
                let new = random.u32(..1_000_000);
                server.put("source", &key, new).await;
                table.insert(key.clone(), new);
            }
        }
        written.entry(key).or_default().push(now_ms);
        history.0.insert(now_ms, table.clone());
    }
    let end_ms = NOW_MS + 2500 * 1700;
    server.clock.set_ms(end_ms);
    let mut changed_count = 0;
    for view in ["NEW_AND_OLD_IMAGES", "NEW_IMAGE"] {
        for _ in 0..3 {
            let from_ms = (NOW_MS + random.u64(2000..2000 * 1700)) / 1000 * 1000;
            let to_ms = (from_ms + 15 * MINUTE_MS).min(end_ms) / 1000 * 1000;
            let period = json!({
                "ExportFromTime": from_ms / 1000, "ExportToTime": to_ms / 1000, "ExportViewType": view,
            });
            if to_ms - from_ms < 15 * MINUTE_MS {
                continue;
            }
            let request =
                json!({"ExportType": "INCREMENTAL_EXPORT", "IncrementalExportSpecification": period});
            let arn = begin(&server, request).await;
            // Changes behind the period are taken back.
            for key in 0..200 {
                server.put("source", &format!("item-{key}"), 1).await;
            }
            let described = wait(&server, &arn).await;
            for key in 0..200 {
                let key = format!("item-{key}");
                match table.get(&key) {
                    Some(kept) => server.put("source", &key, *kept).await,
                    None => server.delete("source", &key).await,
                }
            }
            assert_eq!(described["ExportStatus"], "COMPLETED", "{described}");
            assert_eq!(described["ExportType"], "INCREMENTAL_EXPORT");
            let (before, after) = (history.before(from_ms), history.before(to_ms));
            let mut expected = BTreeMap::new();
            for (key, times) in &written {
                let Some(last) = times.iter().rfind(|time| (from_ms..to_ms).contains(*time)) else {
                    continue;
                };
                let old = before.get(key).copied().filter(|_| view == "NEW_AND_OLD_IMAGES");
                let new = after.get(key).copied();
                if before.contains_key(key) || new.is_some() {
                    expected.insert(key.clone(), (last * 1000, old, new));
                }
            }
            let mut found = BTreeMap::new();
            for line in lines(&server, &described) {
                let key = line["Keys"]["pk"]["S"].as_str().expect("a key").to_owned();
                let micros = line["Metadata"]["WriteTimestampMicros"]["N"]
                    .as_str()
                    .expect("a time");
                let what = (
                    micros.parse::<u64>().expect("a number"),
                    value(&line["OldImage"]),
                    value(&line["NewImage"]),
                );
                assert!(found.insert(key, what).is_none(), "twice: {line}");
            }
            changed_count += found.len();
            assert_eq!(found, expected, "{from_ms} {to_ms} {view}");
        }
    }
    assert!(changed_count > 500, "{changed_count}");
    server.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_makes_one_export() {
    let server = Server::new().await;
    server.create("source").await;
    server.enable_recovery("source").await;
    let arn = begin(&server, json!({"ClientToken": "once"})).await;
    assert_eq!(begin(&server, json!({"ClientToken": "once"})).await, arn);
    let request = json!({"TableArn": TABLE_ARN, "S3Bucket": "elsewhere", "ClientToken": "once"});
    let refused = server
        .try_call(Operation::ExportTableToPointInTime, request)
        .await;
    assert_eq!(refused.expect_err("a refusal").0, "ExportConflictException");
    wait(&server, &arn).await;
    let listed = server
        .call(Operation::ListExports, json!({"TableArn": TABLE_ARN}))
        .await;
    assert_eq!(
        listed["ExportSummaries"].as_array().map(Vec::len),
        Some(1),
        "{listed}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_exported_is_told() {
    let server = Server::new().await;
    let request = json!({"TableArn": TABLE_ARN, "S3Bucket": "exports"});
    let refusal = async |request: Value| {
        let refused = server
            .try_call(Operation::ExportTableToPointInTime, request)
            .await;
        refused.expect_err("a refusal").0
    };
    assert_eq!(refusal(request.clone()).await, "TableNotFoundException");
    server.create("source").await;
    assert_eq!(
        refusal(request.clone()).await,
        "PointInTimeRecoveryUnavailableException"
    );
    server.enable_recovery("source").await;
    let with = |more: Value| {
        let mut request = request.clone();
        request
            .as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        request
    };
    for seconds in [1, (NOW_MS + 60_000) / 1000] {
        let refused = refusal(with(json!({"ExportTime": seconds}))).await;
        assert_eq!(refused, "InvalidExportTimeException");
    }
    server.clock.advance_ms(20 * MINUTE_MS);
    let now = (NOW_MS + 20 * MINUTE_MS) / 1000;
    for wrong in [
        json!({"ExportType": "INCREMENTAL_EXPORT"}),
        json!({"ExportType": "INCREMENTAL_EXPORT", "IncrementalExportSpecification": {"ExportFromTime": now - 899}}),
        json!({"IncrementalExportSpecification": {"ExportFromTime": now - 900}}),
        json!({"FilterSpecification": {"FilterExpression": "a = b"}}),
    ] {
        assert_eq!(refusal(with(wrong)).await, "ValidationException");
    }
    // A place that cannot be written to fails the export, and lets the log go.
    fs::write(server.directory.path().join("s3"), "a file").expect("a file");
    let arn = begin(&server, json!({})).await;
    let described = wait(&server, &arn).await;
    assert_eq!(described["ExportStatus"], "FAILED");
    let message = described["FailureMessage"].as_str().expect("a message");
    assert!(message.contains("exports"), "{message}");
    server.check().await;
}
