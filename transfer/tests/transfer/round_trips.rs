//! Export, then import: the same items.

use std::io::{Read, Write};

use fastrand::Rng;
use model::Item;
use transfer::import::{ImportOptions, Imported, find_exports, import_export, import_objects};
use transfer::{Compression, InputFormat, Location, OutputFormat, S3Buckets};

use crate::database::{Database, Directory, by_key, contents, export_table, fill};
use crate::hostile;

/// The format that reads what is written as `format`.
fn input_format(format: OutputFormat) -> InputFormat {
    match format {
        OutputFormat::DynamodbJson => InputFormat::DynamodbJson,
        OutputFormat::Ion => InputFormat::Ion,
    }
}

fn check_clean(imported: &Imported, count: usize) {
    assert_eq!(imported.first_error, None);
    assert_eq!(
        (
            imported.processed_item_count,
            imported.imported_item_count,
            imported.error_count
        ),
        (count as u64, count as u64, 0)
    );
}

/// Exports and imports through manifests, and data files alone in each compression.
async fn check_round_trips(items: &[Item], format: OutputFormat) {
    let database = Database::new().await;
    let source = database.create("source").await;
    fill(&source, items).await;
    let directory = Directory::new();
    let exported = export_table(&source, &directory.location().below("some/prefix"), format).await;
    assert_eq!(exported.item_count, items.len() as u64);

    let place = Location::to_read(directory.text(), &S3Buckets::default()).expect("a place");
    let mut exports = find_exports(&place).await.expect("exports");
    let (id, export) = exports.pop_first().expect("an export");
    assert_eq!(id, "01695353076000-a1b2c3d4");
    let export = export.verify().await.expect("a whole export");
    let target = database.create("target").await;
    let imported = import_export(&export, &target, None, &mut |_| {})
        .await
        .expect("an import");
    check_clean(&imported, items.len());
    assert_eq!(contents(&target).await, by_key(items));

    let extension = if format == OutputFormat::Ion {
        ".ion.gz"
    } else {
        ".json.gz"
    };
    let compressed = std::fs::read(directory.find(extension)).expect("a file");
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(compressed.as_slice())
        .read_to_end(&mut plain)
        .expect("gzip");
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let content = compress(&plain, compression);
        for is_said in [true, false] {
            let objects = Directory::new();
            let end = match compression {
                _ if is_said => "",
                Compression::None => ".json",
                Compression::Gzip => ".gz",
                Compression::Zstd => ".zst",
            };
            objects.write(&format!("folder/data{end}"), &content);
            let options = ImportOptions {
                format: input_format(format),
                compression: is_said.then_some(compression),
            };
            let name = format!("{compression:?}-{is_said}");
            let target = database.create(&name).await;
            let place = objects.location().below("folder");
            let imported = import_objects(&place, &options, &target, None, &mut |_| {}).await;
            check_clean(&imported.expect("an import"), items.len());
            assert_eq!(contents(&target).await, by_key(items), "{name}");
        }
    }
}

/// Compresses in two pieces that follow each other, as some tools write them.
fn compress(content: &[u8], compression: Compression) -> Vec<u8> {
    let (head, tail) = content.split_at(content.len() / 2);
    let each = |compress: &dyn Fn(&[u8]) -> Vec<u8>| [compress(head), compress(tail)].concat();
    match compression {
        Compression::None => content.to_vec(),
        Compression::Gzip => each(&|part| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(part).expect("memory");
            encoder.finish().expect("memory")
        }),
        Compression::Zstd => each(&|part| zstd::encode_all(part, 1).expect("memory")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_values_survive_dynamodb_json() {
    check_round_trips(&hostile::items(), OutputFormat::DynamodbJson).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_values_survive_ion() {
    check_round_trips(&hostile::items(), OutputFormat::Ion).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_table_survives() {
    check_round_trips(&[], OutputFormat::DynamodbJson).await;
    check_round_trips(&[], OutputFormat::Ion).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_items_survive() {
    let seed = match std::env::var("STATOR_SEED").as_deref() {
        Ok("random") => fastrand::u64(..),
        Ok(seed) => seed.parse().expect("STATOR_SEED is a number or `random`"),
        Err(_) => 1,
    };
    eprintln!("STATOR_SEED={seed}");
    let items = hostile::random_items(&mut Rng::with_seed(seed), 400);
    check_round_trips(&items, OutputFormat::DynamodbJson).await;
    check_round_trips(&items, OutputFormat::Ion).await;
}

/// Ion's binary form, written by the library that reads it, of what an export has as text.
#[tokio::test(flavor = "multi_thread")]
async fn binary_ion_is_read() {
    let items = hostile::items();
    let database = Database::new().await;
    let source = database.create("source").await;
    fill(&source, &items).await;
    let directory = Directory::new();
    export_table(&source, &directory.location(), OutputFormat::Ion).await;
    let compressed = std::fs::read(directory.find(".ion.gz")).expect("a file");
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(compressed.as_slice())
        .read_to_end(&mut text)
        .expect("gzip");
    let elements = ion_rs::Element::read_all(text).expect("Ion");
    let binary = elements.encode_as(ion_rs::v1_0::Binary).expect("Ion");
    let objects = Directory::new();
    objects.write("all.10n", binary);
    let options = ImportOptions {
        format: InputFormat::Ion,
        compression: None,
    };
    let target = database.create("target").await;
    let imported = import_objects(&objects.location(), &options, &target, None, &mut |_| {}).await;
    check_clean(&imported.expect("an import"), items.len());
    assert_eq!(contents(&target).await, by_key(&items));
}

/// The comparison of contents notices a single digit.
#[tokio::test(flavor = "multi_thread")]
async fn a_digit_that_is_lost_is_seen() {
    let database = Database::new().await;
    let table = database.create("source").await;
    let digits = |last: &str| {
        crate::database::item(&format!(
            r#"{{"pk":{{"S":"a"}},"n":{{"N":"1234567890123456789012345678901234567{last}"}}}}"#
        ))
    };
    fill(&table, &[digits("8")]).await;
    assert_eq!(contents(&table).await, by_key(&[digits("8")]));
    assert_ne!(contents(&table).await, by_key(&[digits("7")]));
}
