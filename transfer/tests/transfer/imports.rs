//! Imports of objects: what is no item is counted and logged, what is one is put.

use std::fs;

use serde_json::{Value, json};
use transfer::import::{ErrorLogTarget, ImportOptions, Imported, import_objects};
use transfer::{Compression, Error, InputFormat, Location, S3Buckets};

use crate::database::{Database, Directory, by_key, contents, item};

/// Imports what a directory has, with a log of what is refused.
async fn import(directory: &Directory, format: InputFormat) -> (Imported, Vec<Value>, usize) {
    let database = Database::new().await;
    let table = database.create("things").await;
    let log = Directory::new();
    let log_place = log.location();
    let target = ErrorLogTarget {
        location: &log_place,
        name: "errors.jsonl",
    };
    let options = ImportOptions {
        format,
        compression: None,
    };
    let place = directory.location();
    let imported = import_objects(&place, &options, &table, Some(target), &mut |_| {})
        .await
        .expect("an import");
    let text = fs::read_to_string(log.path().join("errors.jsonl")).unwrap_or_default();
    let lines = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    (imported, lines, contents(&table).await.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_no_items_are_named() {
    let directory = Directory::new();
    let too_large = "x".repeat(410_000);
    let rows = [
        (r#"{"Item":{"pk":{"S":"good"}}}"#.to_owned(), None),
        ("{\"Item\":".to_owned(), Some("it is not JSON")),
        (
            r#"{"pk":{"S":"bare"}}"#.to_owned(),
            Some("does not hold attribute values"),
        ),
        (
            r#"{"Thing":{"pk":{"S":"a"}}}"#.to_owned(),
            Some("has no member `Item`"),
        ),
        (
            r#"{"Item":{"pk":{"N":"1"}}}"#.to_owned(),
            Some("Type mismatch for key pk expected: S actual: N"),
        ),
        (
            r#"{"Item":{"other":{"N":"1"}}}"#.to_owned(),
            Some("Missing the key pk"),
        ),
        (
            r#"{"Item":{"pk":{"S":""}}}"#.to_owned(),
            Some("empty string value"),
        ),
        (
            r#"{"Item":{"pk":{"S":"a"},"n":{"N":"x"}}}"#.to_owned(),
            Some("numeric value: x"),
        ),
        (
            r#"{"Item":{"pk":{"S":"a"},"n":{"SS":["b","b"]}}}"#.to_owned(),
            Some("contains duplicates"),
        ),
        (
            format!(r#"{{"Item":{{"pk":{{"S":"a"}},"s":{{"S":"{too_large}"}}}}}}"#),
            Some("maximum allowed size"),
        ),
        (r#"{"Item":{"pk":{"S":"last"}}}"#.to_owned(), None),
    ];
    let text: Vec<&str> = rows.iter().map(|(row, _)| row.as_str()).collect();
    // Lines may end in either way, and empty ones are none.
    directory.write("rows.json", text.join("\r\n\n"));
    let (imported, log, count) = import(&directory, InputFormat::DynamodbJson).await;
    let expected: Vec<(u64, &str)> = rows
        .iter()
        .enumerate()
        .filter_map(|(index, (_, reason))| reason.map(|reason| (index as u64, reason)))
        .collect();
    assert_eq!(count, 2);
    assert_eq!(
        (imported.imported_item_count, imported.error_count),
        (2, expected.len() as u64)
    );
    assert_eq!(imported.processed_item_count, rows.len() as u64);
    assert_eq!(
        imported.processed_size_bytes,
        fs::metadata(directory.path().join("rows.json"))
            .expect("a file")
            .len()
    );
    for (index, reason) in expected {
        let found = log
            .iter()
            .find(|line| line["itemS3Pointer"]["itemIndex"] == index);
        let found = found.unwrap_or_else(|| panic!("row {index} is not in {log:?}"));
        assert_eq!(found["itemS3Pointer"]["key"], "rows.json");
        let told = found["errorMessages"][0].as_str().expect("a text");
        assert!(told.contains(reason), "row {index}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_bounded() {
    let directory = Directory::new();
    directory.write("rows.json", "nonsense\n".repeat(2500));
    let (imported, log, _) = import(&directory, InputFormat::DynamodbJson).await;
    assert_eq!(imported.error_count, 2500);
    assert_eq!(log.len(), 1001);
    assert_eq!(log[1000], json!({ "rowsLeftOut": 1500 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_ion_that_are_no_items_are_named() {
    let directory = Directory::new();
    let rows = concat!(
        "$ion_1_0 {Item:{pk:\"good\"}}\n",
        "{Item:5}\n",
        "{Item:{pk:\"a\",f:1e0}}\n",
        "{Item:{pk:\"a\",t:2020-01-01T}}\n",
        "{Item:{pk:\"a\",s:$dynamodb_SS::[1]}}\n",
        "{Item:{pk:\"a\",n:123456789012345678901234567890123456789}}\n",
        "[{Item:{pk:\"listed\"}},{Item:{pk:\"too\",i:5}}]\n",
        "{Item:{pk:\"lost\"\n",
    );
    directory.write("rows.ion", rows);
    let (imported, log, count) = import(&directory, InputFormat::Ion).await;
    assert_eq!(
        (count, imported.imported_item_count, imported.error_count),
        (3, 3, 6)
    );
    let told: Vec<&str> = log
        .iter()
        .map(|line| line["errorMessages"][0].as_str().expect("a text"))
        .collect();
    for reason in [
        "no struct with a field `Item`",
        "the Ion type float",
        "the Ion type timestamp",
        "a set of the type SS has a member of the Ion type int",
        "more than 38 significant digits",
        "the rest of the object is skipped",
    ] {
        assert!(
            told.iter().any(|told| told.contains(reason)),
            "{reason}: {told:?}"
        );
    }
}

/// Hostile nesting is refused like any other row: it does not end the program.
#[tokio::test(flavor = "multi_thread")]
async fn deep_nesting_is_refused() {
    let directory = Directory::new();
    let deep = format!(
        "{{\"Item\":{{\"pk\":{{\"S\":\"a\"}},\"d\":{}",
        "{\"L\":[".repeat(100_000)
    );
    directory.write(
        "deep.json",
        format!("{deep}\n{{\"Item\":{{\"pk\":{{\"S\":\"good\"}}}}}}\n"),
    );
    let (imported, _, count) = import(&directory, InputFormat::DynamodbJson).await;
    assert_eq!((count, imported.error_count), (1, 1));
    let directory = Directory::new();
    directory.write(
        "deep.ion",
        format!(
            "{{Item:{{pk:\"good\"}}}}\n{{Item:{{pk:\"a\",d:{}",
            "[".repeat(100_000)
        ),
    );
    let (imported, _, count) = import(&directory, InputFormat::Ion).await;
    assert_eq!((count, imported.error_count), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_stream_ends_its_object_alone() {
    let directory = Directory::new();
    let line = "{\"Item\":{\"pk\":{\"S\":\"a\"}}}\n";
    let mut compressed = zstd::encode_all(line.as_bytes(), 1).expect("memory");
    compressed.truncate(compressed.len() - 3);
    directory.write("a.json.zst", compressed);
    directory.write("b.json", line.replace("\"a\"", "\"b\""));
    let (imported, log, _) = import(&directory, InputFormat::DynamodbJson).await;
    assert_eq!(imported.error_count, 1);
    assert_eq!(log[0]["itemS3Pointer"]["key"], "a.json.zst");
    assert!(imported.imported_item_count >= 1);
}

/// What the database itself fails with ends the import.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_not_there_ends_the_import() {
    let directory = Directory::new();
    directory.write("rows.json", "{\"Item\":{\"pk\":{\"S\":\"a\"}}}\n");
    let database = Database::new().await;
    let options = ImportOptions {
        format: InputFormat::DynamodbJson,
        compression: Some(Compression::None),
    };
    let place = directory.location();
    let failed = import_objects(&place, &options, &database.table("none"), None, &mut |_| {}).await;
    assert!(matches!(failed, Err(Error::Refused(_))), "{failed:?}");
}

/// A prefix is the beginning of a name, as with the service, not a folder.
#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_may_end_within_a_name() {
    let directory = Directory::new();
    for key in ["a", "b", "c"] {
        let folder = if key == "c" { "other" } else { "day" };
        directory.write(
            &format!("bucket/{folder}-{key}.json"),
            format!("{{\"Item\":{{\"pk\":{{\"S\":\"{key}\"}}}}}}\n"),
        );
    }
    let buckets = S3Buckets::Directory(directory.path().to_owned());
    let database = Database::new().await;
    let table = database.create("things").await;
    let options = ImportOptions {
        format: InputFormat::DynamodbJson,
        compression: None,
    };
    let place = Location::to_read("s3://bucket/day", &buckets).expect("a place");
    import_objects(&place, &options, &table, None, &mut |_| {})
        .await
        .expect("an import");
    let expected = [item(r#"{"pk":{"S":"a"}}"#), item(r#"{"pk":{"S":"b"}}"#)];
    assert_eq!(contents(&table).await, by_key(&expected));
    // A path may name a single file.
    let path = format!("{}/bucket/other-c.json", directory.text());
    let place = Location::to_read(&path, &S3Buckets::default()).expect("a place");
    let imported = import_objects(&place, &options, &table, None, &mut |_| {})
        .await
        .expect("an import");
    assert_eq!(imported.imported_item_count, 1);
    let nothing = Location::to_read("s3://bucket/night", &buckets).expect("a place");
    let error = import_objects(&nothing, &options, &table, None, &mut |_| {})
        .await
        .expect_err("nothing");
    assert!(error.to_string().contains("holds no object"), "{error}");
}
