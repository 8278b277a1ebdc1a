//! What exports look like: the layout, the manifests and the lines that the developer guide documents.

use std::fs;
use std::io::Read;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::stream;
use md5::{Digest, Md5};
use serde_json::{Value, json};
use transfer::{Change, Export, ExportId, ExportView, ImageView, OutputFormat, Period};

use crate::database::{Database, Directory, NOW_MS, export_table, fill, item};

fn gunzip(path: &std::path::Path) -> String {
    let compressed = fs::read(path).expect("a file");
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(compressed.as_slice())
        .read_to_string(&mut text)
        .expect("gzip");
    text
}

const FULL_ITEM: &str = concat!(
    r#"{"pk":{"S":"333-3333333333"},"Authors":{"SS":["Author1","Author2"]},"Cover":{"B":"AAEC"},"Id":{"N":"103"},"#,
    r#""InPublication":{"BOOL":false},"L":{"L":[{"S":"x"},{"NULL":true}]},"M":{"M":{"k":{"NS":["1.5"]}}},"#,
    r#""PageCount":{"N":"600"}}"#
);

#[tokio::test(flavor = "multi_thread")]
async fn a_full_export_has_the_documented_layout() {
    let database = Database::new().await;
    let table = database.create("ProductCatalog").await;
    fill(&table, &[item(FULL_ITEM)]).await;
    let directory = Directory::new();
    let exported = export_table(
        &table,
        &directory.location().below("2023-Sep"),
        OutputFormat::DynamodbJson,
    )
    .await;
    let folder = "2023-Sep/AWSDynamoDB/01695353076000-a1b2c3d4";
    assert_eq!(exported.manifest_key, format!("{folder}/manifest-summary.json"));
    let data = directory.find(".json.gz");
    let data_name = data
        .file_name()
        .and_then(|name| name.to_str())
        .expect("a name")
        .to_owned();
    assert_eq!(
        directory.files(),
        [
            format!("{folder}/_started"),
            format!("{folder}/data/{data_name}"),
            format!("{folder}/manifest-files.checksum"),
            format!("{folder}/manifest-files.json"),
            format!("{folder}/manifest-summary.checksum"),
            format!("{folder}/manifest-summary.json"),
        ]
    );
    let line: Value = serde_json::from_str(&gunzip(&data)).expect("JSON");
    assert_eq!(
        line,
        json!({ "Item": serde_json::from_str::<Value>(FULL_ITEM).expect("JSON") })
    );

    let read = |name: &str| fs::read(directory.path().join(folder).join(name)).expect("a file");
    for manifest in ["manifest-files", "manifest-summary"] {
        let sum = BASE64_STANDARD.encode(Md5::digest(read(&format!("{manifest}.json"))));
        assert_eq!(read(&format!("{manifest}.checksum")), sum.into_bytes());
    }
    let content = fs::read(&data).expect("a file");
    let parts_sum: String = Md5::digest(Md5::digest(&content))
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let files: Value = serde_json::from_slice(&read("manifest-files.json")).expect("one line");
    assert_eq!(
        files,
        json!({
            "itemCount": 1,
            "md5Checksum": BASE64_STANDARD.encode(Md5::digest(&content)),
            "etag": format!("{parts_sum}-1"),
            "dataFileS3Key": format!("{folder}/data/{data_name}"),
        })
    );
    let description = table.describe().await.expect("a table");
    let table_arn = description.table_arn.expect("an ARN");
    let summary: Value = serde_json::from_slice(&read("manifest-summary.json")).expect("JSON");
    assert_eq!(
        summary,
        json!({
            "version": "2020-06-30",
            "exportArn": format!("{table_arn}/export/01695353076000-a1b2c3d4"),
            "startTime": "2023-09-22T03:24:36.000Z",
            "endTime": "2023-09-22T03:24:37.000Z",
            "tableArn": table_arn,
            "tableId": description.table_id,
            "exportTime": "2023-09-22T03:24:36.000Z",
            "s3Bucket": directory.path().file_name().and_then(|name| name.to_str()),
            "s3Prefix": "2023-Sep",
            "s3SseAlgorithm": null,
            "s3SseKmsKeyId": null,
            "manifestFilesS3Key": format!("{folder}/manifest-files.json"),
            "billedSizeBytes": item(FULL_ITEM).size_bytes(),
            "itemCount": 1,
            "outputFormat": "DYNAMODB_JSON",
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ion_lines_are_as_documented() {
    let database = Database::new().await;
    let table = database.create("ProductCatalog").await;
    fill(&table, &[item(FULL_ITEM)]).await;
    let directory = Directory::new();
    export_table(&table, &directory.location(), OutputFormat::Ion).await;
    let text = gunzip(&directory.find(".ion.gz"));
    let line = text.strip_suffix('\n').expect("a line");
    assert!(!line.contains('\n') && line.starts_with("$ion_1_0 {"), "{line}");
    let documented = concat!(
        r#"{Item:{pk:"333-3333333333",Authors:$dynamodb_SS::["Author1","Author2"],Cover:{{AAEC}},Id:103.,"#,
        "InPublication:false,L:[\"x\",null],M:{k:$dynamodb_NS::[1.5]},PageCount:6d2}}"
    );
    let read = |text: &str| ion_rs::Element::read_one(text).expect("Ion");
    assert_eq!(read(line), read(documented), "{line}");
}

/// A table that several files are wanted for is a matter of bytes, which the test of memory has; here
/// the changes of an incremental export.
#[tokio::test(flavor = "multi_thread")]
async fn an_incremental_export_has_the_documented_lines() {
    let keys = || item(r#"{"pk":{"S":"a"}}"#);
    let image = |n: u32| item(&format!(r#"{{"pk":{{"S":"a"}},"n":{{"N":"{n}"}}}}"#));
    let changes = || {
        vec![
            Change {
                keys: keys(),
                write_time_micros: 1_680_109_764_000_000,
                old_image: Some(image(1)),
                new_image: Some(image(2)),
            },
            Change {
                keys: keys(),
                write_time_micros: 1_680_109_764_000_001,
                old_image: Some(image(2)),
                new_image: None,
            },
            Change {
                keys: keys(),
                write_time_micros: 1_680_109_764_000_002,
                old_image: None,
                new_image: Some(image(3)),
            },
        ]
    };
    let export = |format| Export {
        id: ExportId::new(NOW_MS, 1),
        table_arn: "arn:aws:dynamodb:us-east-1:000000000000:table/t".to_owned(),
        table_id: "id".to_owned(),
        view: ExportView::Incremental {
            period: Period {
                from_ms: NOW_MS - 1000,
                to_ms: NOW_MS,
            },
            images: ImageView::NewAndOldImages,
        },
        format,
        start_time_ms: NOW_MS,
        sse_algorithm: Some("AES256".to_owned()),
        sse_kms_key_id: None,
    };
    let directory = Directory::new();
    for format in [OutputFormat::DynamodbJson, OutputFormat::Ion] {
        let pages = stream::iter([Ok(changes())]);
        let mut random = fastrand::Rng::with_seed(1);
        let place = directory.location();
        let done = transfer::export(
            &place,
            &export(format),
            pages,
            &|| NOW_MS,
            &mut random,
            &mut |_| {},
        )
        .await;
        assert_eq!(done.expect("an export").item_count, 3);
    }
    let data = directory.find(".json.gz");
    // All incremental exports share one folder of data files.
    assert_eq!(
        data.parent(),
        Some(directory.path().join("AWSDynamoDB/data").as_path())
    );
    let lines: Vec<Value> = gunzip(&data)
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let metadata = |micros: &str| json!({ "WriteTimestampMicros": { "N": micros } });
    let shown = |n: &str| json!({ "pk": { "S": "a" }, "n": { "N": n } });
    let keys = json!({ "pk": { "S": "a" } });
    assert_eq!(
        lines,
        [
            json!({ "Metadata": metadata("1680109764000000"), "Keys": keys, "OldImage": shown("1"), "NewImage": shown("2") }),
            json!({ "Metadata": metadata("1680109764000001"), "Keys": keys, "OldImage": shown("2") }),
            json!({ "Metadata": metadata("1680109764000002"), "Keys": keys, "NewImage": shown("3") }),
        ]
    );
    let ion = gunzip(&directory.find(".ion.gz"));
    let first = ion.lines().next().expect("a line");
    let documented = concat!(
        "{Record:{Keys:{pk:\"a\"},Metadata:{WriteTimestampMicros:1680109764000000.},",
        "OldImage:{pk:\"a\",n:1.},NewImage:{pk:\"a\",n:2.}}}"
    );
    let read = |text: &str| ion_rs::Element::read_one(text).expect("Ion");
    assert_eq!(read(first), read(documented));

    let summary = fs::read(directory.find("manifest-summary.json")).expect("a file");
    let summary: Value = serde_json::from_slice(&summary).expect("JSON");
    for (member, value) in [
        ("version", "2023-08-01"),
        ("exportFromTime", "2023-09-22T03:24:35.000Z"),
        ("exportToTime", "2023-09-22T03:24:36.000Z"),
        ("outputView", "NEW_AND_OLD_IMAGES"),
        ("exportType", "INCREMENTAL_EXPORT"),
        ("s3SseAlgorithm", "AES256"),
    ] {
        assert_eq!(summary[member], value);
    }
    assert_eq!(summary.get("exportTime"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_fails_has_no_summary() {
    let directory = Directory::new();
    let pages = stream::iter([
        Ok(vec![item(r#"{"pk":{"S":"a"}}"#)]),
        Err(transfer::Error::Interrupted),
    ]);
    let export = Export {
        id: ExportId::new(NOW_MS, 1),
        table_arn: String::new(),
        table_id: String::new(),
        view: ExportView::Full { time_ms: NOW_MS },
        format: OutputFormat::DynamodbJson,
        start_time_ms: NOW_MS,
        sse_algorithm: None,
        sse_kms_key_id: None,
    };
    let mut random = fastrand::Rng::with_seed(1);
    let place = directory.location();
    let failed = transfer::export(&place, &export, pages, &|| NOW_MS, &mut random, &mut |_| {}).await;
    assert!(matches!(failed, Err(transfer::Error::Interrupted)));
    assert_eq!(
        directory.files(),
        ["AWSDynamoDB/01695353076000-00000001/_started"]
    );
    let error = transfer::import::find_exports(&place)
        .await
        .expect_err("an unfinished export");
    assert!(
        error.to_string().contains("was begun and not finished"),
        "{error}"
    );
}
