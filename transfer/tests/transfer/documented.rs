//! An export laid out by hand, as the service's developer guide shows it: the writer of this crate has no
//! part in it. What is damaged or missing of it is named, and nothing is imported.

use std::fs;
use std::io::Write;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use md5::{Digest, Md5};
use transfer::import::{find_exports, import_export};
use transfer::{Error, Location, S3Buckets};

use crate::database::{Database, Directory, by_key, contents, item};

const FIRST_LINES: &str = concat!(
    r#"{"Item":{"pk":{"S":"333-3333333333"},"Authors":{"SS":["Author1","Author2"]},"Dimensions":{"S":"8.5 x 11.0 x 1.5"},"#,
    r#""Id":{"N":"103"},"InPublication":{"BOOL":false},"PageCount":{"N":"600"},"Price":{"N":"2000"}}}"#,
    "\n",
    r#"{"Item":{"pk":{"S":"b"},"Sizes":{"NS":["1.5","2"]},"Cover":{"B":"AAEC"},"Old":{"NULL":true}}}"#,
    "\n",
);
const SECOND_LINES: &str = concat!(
    r#"{"Item":{"pk":{"S":"c"},"L":{"L":[{"S":"x"},{"N":"1"}]},"M":{"M":{"k":{"BS":["AA=="]}}}}}"#,
    "\n",
);

fn items() -> Vec<model::Item> {
    vec![
        item(concat!(
            r#"{"pk":{"S":"333-3333333333"},"Authors":{"SS":["Author1","Author2"]},"Dimensions":{"S":"8.5 x 11.0 x 1.5"},"#,
            r#""Id":{"N":"103"},"InPublication":{"BOOL":false},"PageCount":{"N":"600"},"Price":{"N":"2000"}}"#
        )),
        item(r#"{"pk":{"S":"b"},"Sizes":{"NS":["1.5","2"]},"Cover":{"B":"AAEC"},"Old":{"NULL":true}}"#),
        item(r#"{"pk":{"S":"c"},"L":{"L":[{"S":"x"},{"N":"1"}]},"M":{"M":{"k":{"BS":["AA=="]}}}}"#),
    ]
}

const ION_LINE: &str = concat!(
    r#"$ion_1_0 {Item:{pk:"333-3333333333",Authors:$dynamodb_SS::["Author1","Author2"],Dimensions:"8.5 x 11.0 x 1.5","#,
    r#"Id:103.,InPublication:false,PageCount:6d2,Price:2d3}}"#,
    "\n",
    r#"$ion_1_0 {Item:{pk:"b",Sizes:$dynamodb_NS::[1.5,2.],Cover:{{AAEC}},Old:null}}"#,
    "\n",
    r#"$ion_1_0 {Item:{pk:"c",L:["x",1.],M:{k:$dynamodb_BS::[{{AA==}}]}}}"#,
    "\n",
);

const FOLDER: &str = "2020-Nov/AWSDynamoDB/01234567890123-a1b2c3d4";

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(text.as_bytes()).expect("memory");
    encoder.finish().expect("memory")
}

fn md5_base64(content: &[u8]) -> String {
    BASE64_STANDARD.encode(Md5::digest(content))
}

/// Writes a manifest and its checksum.
fn write_manifest(directory: &Directory, folder: &str, name: &str, content: &str, extension: &str) {
    directory.write(&format!("{folder}/{name}.json"), content);
    directory.write(
        &format!("{folder}/{name}.{extension}"),
        md5_base64(content.as_bytes()),
    );
}

fn summary(format: &str, item_count: u64) -> String {
    format!(
        r#"{{
  "version": "2020-06-30",
  "exportArn": "arn:aws:dynamodb:us-east-1:123456789012:table/ProductCatalog/export/01234567890123-a1b2c3d4",
  "startTime": "2020-11-04T07:28:34.028Z",
  "endTime": "2020-11-04T07:33:43.897Z",
  "tableArn": "arn:aws:dynamodb:us-east-1:123456789012:table/ProductCatalog",
  "tableId": "12345a12-abcd-123a-ab12-1234abc12345",
  "exportTime": "2020-11-04T07:28:34.028Z",
  "s3Bucket": "ddb-productcatalog-export",
  "s3Prefix": "2020-Nov",
  "s3SseAlgorithm": "AES256",
  "s3SseKmsKeyId": null,
  "manifestFilesS3Key": "{FOLDER}/manifest-files.json",
  "billedSizeBytes": 0,
  "itemCount": {item_count},
  "outputFormat": "{format}"
}}"#
    )
}

fn entry(item_count: u64, content: &[u8], key: &str) -> String {
    let md5 = md5_base64(content);
    format!(
        "{{\"itemCount\":{item_count},\"md5Checksum\":\"{md5}\",\"etag\":\"af83d6f217c19b8b0fff8023d8ca4716-1\",\
         \"dataFileS3Key\":\"{key}\"}}\n"
    )
}

/// Lays the export out; `extension` is what the names of checksums end in.
fn lay_out(directory: &Directory, folder: &str, extension: &str) {
    directory.write(&format!("{folder}/_started"), "");
    let mut lines = String::new();
    for (name, text, count) in [
        ("aaaa", FIRST_LINES, 2),
        ("bbbb", SECOND_LINES, 1),
        ("empty", "", 0),
    ] {
        let content = gzip(text);
        lines += &entry(count, &content, &format!("{FOLDER}/data/{name}.json.gz"));
        directory.write(&format!("{folder}/data/{name}.json.gz"), content);
    }
    write_manifest(directory, folder, "manifest-files", &lines, extension);
    write_manifest(
        directory,
        folder,
        "manifest-summary",
        &summary("DYNAMODB_JSON", 3),
        extension,
    );
}

/// Imports all that is below a place.
async fn import(place: &Location, table: &impl transfer::ItemSink) -> Result<u64, Error> {
    let mut exports = find_exports(place).await?;
    let (_, export) = exports.pop_first().expect("an export");
    let export = export.verify().await?;
    let imported = import_export(&export, table, None, &mut |_| {}).await?;
    assert_eq!(imported.error_count, 0);
    Ok(imported.imported_item_count)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_layout_is_imported() {
    // As it is, with checksums named as they are in buckets, and copied without its prefix.
    for (folder, extension) in [(FOLDER, "checksum"), (FOLDER, "md5"), ("copied", "checksum")] {
        let directory = Directory::new();
        lay_out(&directory, folder, extension);
        let database = Database::new().await;
        let table = database.create("things").await;
        let place = Location::to_read(directory.text(), &S3Buckets::default()).expect("a place");
        assert_eq!(import(&place, &table).await.expect("an import"), 3);
        assert_eq!(contents(&table).await, by_key(&items()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn checksums_in_hexadecimal_digits_count_too() {
    let directory = Directory::new();
    lay_out(&directory, FOLDER, "md5");
    for manifest in ["manifest-files", "manifest-summary"] {
        let content = fs::read(directory.path().join(format!("{FOLDER}/{manifest}.json"))).expect("a file");
        let hex: String = Md5::digest(content)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        directory.write(&format!("{FOLDER}/{manifest}.md5"), format!("{hex}\n"));
    }
    let database = Database::new().await;
    let table = database.create("things").await;
    assert_eq!(import(&directory.location(), &table).await.expect("an import"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_ion_is_imported() {
    let directory = Directory::new();
    let content = gzip(ION_LINE);
    let key = format!("{FOLDER}/data/aaaa.ion.gz");
    write_manifest(
        &directory,
        FOLDER,
        "manifest-files",
        &entry(3, &content, &key),
        "checksum",
    );
    write_manifest(
        &directory,
        FOLDER,
        "manifest-summary",
        &summary("ION", 3),
        "checksum",
    );
    directory.write(&key, content);
    let database = Database::new().await;
    let table = database.create("things").await;
    assert_eq!(import(&directory.location(), &table).await.expect("an import"), 3);
    assert_eq!(contents(&table).await, by_key(&items()));
}

/// What is done to a file of an export.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Flip,
    Cut,
    Remove,
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_or_missing_is_named() {
    let files = [
        "manifest-summary.json",
        "manifest-summary.checksum",
        "manifest-files.json",
        "manifest-files.checksum",
        "data/aaaa.json.gz",
        "data/bbbb.json.gz",
        "data/empty.json.gz",
    ];
    for file in files {
        for fault in [Fault::Flip, Fault::Cut, Fault::Remove] {
            let directory = Directory::new();
            lay_out(&directory, FOLDER, "checksum");
            let path = directory.path().join(FOLDER).join(file);
            let mut content = fs::read(&path).expect("a file");
            let middle = content.len() / 2;
            match fault {
                Fault::Flip => content[middle] ^= 1,
                Fault::Cut => content.truncate(middle),
                Fault::Remove => {}
            }
            match fault {
                Fault::Remove => fs::remove_file(&path).expect("removed"),
                _ => fs::write(&path, content).expect("written"),
            }
            let database = Database::new().await;
            let table = database.create("things").await;
            let error = import(&directory.location(), &table).await.expect_err(file);
            // A checksum that is wrong does not tell which of the two is.
            let named = match fault {
                Fault::Remove => file.to_owned(),
                _ => file.replace(".checksum", ".json"),
            };
            assert!(error.to_string().contains(&named), "{fault:?} of {file}: {error}");
            let is_kind = match fault {
                Fault::Remove => error.is_missing(),
                _ => matches!(error, Error::Damaged { .. }),
            };
            assert!(is_kind, "{fault:?} of {file}: {error:?}");
            assert!(contents(&table).await.is_empty(), "{fault:?} of {file}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_that_do_not_agree_are_named() {
    let directory = Directory::new();
    lay_out(&directory, FOLDER, "checksum");
    write_manifest(
        &directory,
        FOLDER,
        "manifest-summary",
        &summary("DYNAMODB_JSON", 4),
        "checksum",
    );
    let database = Database::new().await;
    let table = database.create("things").await;
    let error = import(&directory.location(), &table)
        .await
        .expect_err("a wrong count");
    assert!(
        error.to_string().contains("manifest-files.json is damaged"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_full_export_is_told() {
    let directory = Directory::new();
    lay_out(&directory, FOLDER, "checksum");
    let incremental = summary("DYNAMODB_JSON", 3).replace(
        "\"itemCount\"",
        "\"exportType\": \"INCREMENTAL_EXPORT\", \"itemCount\"",
    );
    write_manifest(&directory, FOLDER, "manifest-summary", &incremental, "checksum");
    let error = find_exports(&directory.location())
        .await
        .expect_err("changes alone");
    assert!(error.to_string().contains("is an incremental export"), "{error}");
    let unknown = summary("PARQUET", 3);
    write_manifest(&directory, FOLDER, "manifest-summary", &unknown, "checksum");
    let error = find_exports(&directory.location())
        .await
        .expect_err("another format");
    assert!(error.to_string().contains("PARQUET"), "{error}");
}
