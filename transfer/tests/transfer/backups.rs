//! Backups: written, interrupted and gone on with, restored; what is damaged is named and restores nothing.

use std::fs;

use futures_util::{StreamExt, TryStreamExt, stream};
use model::Item;
use serde_json::json;
use transfer::backup::{Backup, BackupManifest, backup, restore, verify};
use transfer::{Error, Location, Table, TableDefinition, TableSettings};

use crate::database::{Database, Directory, NOW_MS, by_key, contents, fill, item};
use crate::hostile;

type Memory = engine::Engine<store::MemoryStore>;

/// What is to be backed up of a table.
async fn plan(table: &Table<'_, Memory>) -> Backup {
    let description = table.describe().await.expect("a table");
    let (definition, settings) = table.definition().await.expect("a definition");
    Backup {
        table_name: table.name().to_owned(),
        table_arn: description.table_arn.expect("an ARN"),
        table_id: description.table_id.expect("an id"),
        definition,
        settings,
        time_ms: NOW_MS,
    }
}

async fn write(folder: &Location, table: &Table<'_, Memory>) -> Result<BackupManifest, Error> {
    backup(folder, &plan(table).await, table.pages(), &mut |_| {}).await
}

/// Verifies and restores, as the program does.
async fn read(folder: &Location, table: &Table<'_, Memory>) -> Result<BackupManifest, Error> {
    let manifest = BackupManifest::read(folder).await?;
    verify(folder, &manifest, &mut |_| {}).await?;
    restore(folder, &manifest, &manifest.table_definition, table, &mut |_| {}).await?;
    Ok(manifest)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_table_has_the_same_items() {
    let database = Database::new().await;
    let table = database.create("source").await;
    let items = hostile::items();
    fill(&table, &items).await;
    let directory = Directory::new();
    let folder = directory.location().below("backup");
    let written = write(&folder, &table).await.expect("a backup");
    assert_eq!(written.item_count, items.len() as u64);
    let names = [
        "backup/backup.json",
        "backup/backup.sha256",
        "backup/chunks/000001.json.zst",
    ];
    assert_eq!(directory.files(), names);
    let target = database.table("target");
    assert_eq!(read(&folder, &target).await.expect("a restore"), written);
    assert_eq!(contents(&target).await, by_key(&items));
    // Neither is written over.
    let error = write(&folder, &table).await.expect_err("a complete backup");
    assert!(
        error.to_string().contains("holds a complete backup already"),
        "{error}"
    );
    let error = read(&folder, &target).await.expect_err("a table of that name");
    assert!(matches!(error, Error::Refused(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_table_is_restored() {
    let database = Database::new().await;
    let table = database.create("source").await;
    let directory = Directory::new();
    write(&directory.location(), &table).await.expect("a backup");
    let target = database.table("target");
    read(&directory.location(), &target).await.expect("a restore");
    assert!(contents(&target).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_made_like_the_one_it_was() {
    let database = Database::new().await;
    let table = database.table("source");
    let key = |name: &str, role: &str| json!({ "AttributeName": name, "KeyType": role });
    let definition = json!({
        "AttributeDefinitions": [
            { "AttributeName": "pk", "AttributeType": "S" },
            { "AttributeName": "sk", "AttributeType": "N" },
            { "AttributeName": "a", "AttributeType": "B" },
        ],
        "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
        "ProvisionedThroughput": { "ReadCapacityUnits": 5, "WriteCapacityUnits": 7 },
        "BillingMode": "PROVISIONED",
        "TableClass": "STANDARD_INFREQUENT_ACCESS",
        "GlobalSecondaryIndexes": [{
            "IndexName": "by-a",
            "KeySchema": [key("a", "HASH")],
            "Projection": { "ProjectionType": "INCLUDE", "NonKeyAttributes": ["x"] },
            "ProvisionedThroughput": { "ReadCapacityUnits": 1, "WriteCapacityUnits": 2 },
        }],
        "LocalSecondaryIndexes": [{
            "IndexName": "local",
            "KeySchema": [key("pk", "HASH"), key("a", "RANGE")],
            "Projection": { "ProjectionType": "KEYS_ONLY" },
        }],
        "StreamSpecification": { "StreamEnabled": true, "StreamViewType": "NEW_IMAGE" },
        "DeletionProtectionEnabled": true,
        "Tags": [{ "Key": "k", "Value": "v" }],
    });
    let made = TableDefinition::from_json(definition.to_string().as_bytes()).expect("a definition");
    table.create(&made).await.expect("a table");
    let settings = TableSettings {
        time_to_live_attribute: Some("expires".to_owned()),
        ..TableSettings::default()
    };
    table.apply(&settings).await.expect("time to live");
    let put = item(r#"{"pk":{"S":"a"},"sk":{"N":"1"},"a":{"B":"AA=="},"x":{"S":"x"}}"#);
    fill(&table, std::slice::from_ref(&put)).await;

    let directory = Directory::new();
    let written = write(&directory.location(), &table).await.expect("a backup");
    let target = database.table("target");
    read(&directory.location(), &target).await.expect("a restore");
    let (source_definition, source_settings) = table.definition().await.expect("a definition");
    let (definition, settings) = target.definition().await.expect("a definition");
    assert_eq!(definition, source_definition);
    // As the service restores: without these, until they are asked for.
    assert_eq!(settings, TableSettings::default());
    target.apply(&written.table_settings).await.expect("settings");
    let (_, settings) = target.definition().await.expect("a definition");
    assert_eq!(settings, source_settings);
    assert_eq!(settings.time_to_live_attribute.as_deref(), Some("expires"));
    assert_eq!(settings.tags.len(), 1);
    assert!(settings.deletion_protection && settings.stream_specification.is_some());
    let found: Vec<Vec<Item>> = target.pages().try_collect().await.expect("pages");
    assert_eq!(found.concat(), [put]);

    let bare = database.table("bare");
    bare.create(&source_definition.without_indexes())
        .await
        .expect("a table");
    let described = bare.describe().await.expect("a table");
    assert!(described.global_secondary_indexes.is_none() && described.local_secondary_indexes.is_none());
}

/// Items whose chunks are small in number but several: `letter` fills them.
fn large_items(count: usize, letter: char) -> Vec<Item> {
    (0..count)
        .map(|number| {
            let filler = letter.to_string().repeat(350_000);
            item(&format!(
                r#"{{"pk":{{"S":"{number:04}"}},"f":{{"S":"{filler}"}}}}"#
            ))
        })
        .collect()
}

fn pages(items: &[Item], until: usize) -> Vec<Result<Vec<Item>, Error>> {
    items[..until].chunks(3).map(|page| Ok(page.to_vec())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_backup_goes_on() {
    let database = Database::new().await;
    let table = database.create("source").await;
    let plan = plan(&table).await;
    let items = large_items(150, 'a');
    let directory = Directory::new();
    let folder = directory.location();
    let cut = pages(&items, 110).into_iter().chain([Err(Error::Interrupted)]);
    let failed = backup(&folder, &plan, stream::iter(cut), &mut |_| {}).await;
    assert!(matches!(failed, Err(Error::Interrupted)));
    let error = BackupManifest::read(&folder)
        .await
        .expect_err("a part of a backup");
    assert!(error.to_string().contains("begun and not finished"), "{error}");

    let modified = |name: &str| {
        fs::metadata(directory.path().join(name))
            .and_then(|found| found.modified())
            .expect("a time")
    };
    let (first, second) = ("chunks/000001.json.zst", "chunks/000002.json.zst");
    let before = [modified(first), modified(second)];
    // The second chunk is gone since: it is written again, the first is not.
    fs::remove_file(directory.path().join(second)).expect("removed");
    let all = stream::iter(pages(&items, items.len()));
    let manifest = backup(&folder, &plan, all, &mut |_| {}).await.expect("a backup");
    assert_eq!(manifest.item_count, 150);
    assert!(manifest.chunks.len() >= 4, "{}", manifest.chunks.len());
    assert_eq!(modified(first), before[0]);
    assert_ne!(modified(second), before[1]);
    assert!(!directory.files().contains(&"progress.json".to_owned()));
    let target = database.table("target");
    read(&folder, &target).await.expect("a restore");
    assert_eq!(contents(&target).await, by_key(&items));
}

/// Chunks of a table that has changed since do not count, nor does what it had more of.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_goes_on_is_of_the_table_as_it_is() {
    let database = Database::new().await;
    let table = database.create("source").await;
    let plan = plan(&table).await;
    let directory = Directory::new();
    let folder = directory.location();
    let cut = pages(&large_items(150, 'a'), 150)
        .into_iter()
        .chain([Err(Error::Interrupted)]);
    let failed = backup(&folder, &plan, stream::iter(cut), &mut |_| {}).await;
    assert!(failed.is_err());
    let items = large_items(55, 'b');
    let now = stream::iter(pages(&items, items.len()));
    let manifest = backup(&folder, &plan, now, &mut |_| {}).await.expect("a backup");
    let chunks = directory
        .files()
        .iter()
        .filter(|name| name.starts_with("chunks/"))
        .count();
    assert_eq!(chunks, manifest.chunks.len());
    let target = database.table("target");
    read(&folder, &target).await.expect("a restore");
    assert_eq!(contents(&target).await, by_key(&items));

    let other = Backup {
        table_id: "another".to_owned(),
        ..plan
    };
    let directory = Directory::new();
    let begun = stream::once(async { Err(Error::Interrupted) }).boxed();
    assert!(
        backup(&directory.location(), &other, begun, &mut |_| {})
            .await
            .is_err()
    );
    let error = write(&directory.location(), &table)
        .await
        .expect_err("another table's");
    assert!(error.to_string().contains("of another table"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_or_missing_restores_nothing() {
    let database = Database::new().await;
    let table = database.create("source").await;
    let source = Directory::new();
    let items = large_items(20, 'x');
    let all = stream::iter(pages(&items, items.len()));
    backup(&source.location(), &plan(&table).await, all, &mut |_| {})
        .await
        .expect("a backup");
    let files = source.files();
    assert_eq!(files.len(), 4, "{files:?}");
    for (number, file) in files.iter().enumerate() {
        for fault in ["flip", "cut", "remove"] {
            let copy = Directory::new();
            for name in &files {
                copy.write(name, fs::read(source.path().join(name)).expect("a file"));
            }
            let path = copy.path().join(file);
            let mut content = fs::read(&path).expect("a file");
            let middle = content.len() / 2;
            match fault {
                "flip" => content[middle] ^= 1,
                _ => content.truncate(middle),
            }
            match fault {
                "remove" => fs::remove_file(&path).expect("removed"),
                _ => fs::write(&path, content).expect("written"),
            }
            let target = database.table(&format!("target-{number}-{fault}"));
            let restored = read(&copy.location(), &target).await;
            // In the checksum's file there is also the name of what it is of, which does not count.
            if file == "backup.sha256" && fault != "remove" && restored.is_ok() {
                continue;
            }
            let error = restored.expect_err(file);
            let named = match (file.as_str(), fault) {
                ("backup.sha256", "flip" | "cut") => "backup.json",
                (file, _) => file,
            };
            assert!(error.to_string().contains(named), "{fault} of {file}: {error}");
            assert!(
                target.find().await.expect("an answer").is_none(),
                "{fault} of {file}"
            );
        }
    }
}

/// A chunk that changes between its being verified and read takes the new table with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_fails_leaves_no_table() {
    let database = Database::new().await;
    let table = database.create("source").await;
    let directory = Directory::new();
    let items = large_items(60, 'x');
    let all = stream::iter(pages(&items, items.len()));
    let folder = directory.location();
    let manifest = backup(&folder, &plan(&table).await, all, &mut |_| {})
        .await
        .expect("a backup");
    verify(&folder, &manifest, &mut |_| {})
        .await
        .expect("a whole backup");
    directory.write("chunks/000002.json.zst", "something else");
    let target = database.table("target");
    let error = restore(
        &folder,
        &manifest,
        &manifest.table_definition,
        &target,
        &mut |_| {},
    )
    .await;
    assert!(error.expect_err("damage").to_string().contains("000002.json.zst"));
    assert!(target.find().await.expect("an answer").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_format_is_refused_by_name() {
    let database = Database::new().await;
    let table = database.create("source").await;
    let directory = Directory::new();
    write(&directory.location(), &table).await.expect("a backup");
    let path = directory.path().join("backup.json");
    let text = fs::read_to_string(&path)
        .expect("a file")
        .replace("\"formatVersion\": 1", "\"formatVersion\": 2");
    let sum: String = sha2::Digest::finalize(<sha2::Sha256 as sha2::Digest>::new_with_prefix(&text))
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    directory.write("backup.json", &text);
    directory.write("backup.sha256", format!("{sum}  backup.json\n"));
    let error = BackupManifest::read(&directory.location())
        .await
        .expect_err("a newer format");
    assert!(
        error.to_string().contains("was written by a newer Stator"),
        "{error}"
    );
}
