//! `stator restore`: a backup to a new table, once all of it is verified.

use ::transfer::Location;
use ::transfer::backup::{BackupManifest, restore as restore_backup, verify};

use super::arguments::RestoreArguments;
use super::database::{Missing, OpenDatabase};
use super::progress::{Bar, items_text, size_text};
use crate::failure::Failure;

/// Restores the backup, or only verifies it, and says what was done.
pub fn restore(arguments: &RestoreArguments) -> Result<(), Failure> {
    let folder = Location::to_read(&arguments.from, &arguments.transfer.s3_buckets())?;
    // Before the data directory is touched, which may have to be created.
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Failure::new(format!("threads cannot be started: {error}")))?;
    let manifest = runtime.block_on(verified(&folder))?;
    if arguments.verify_only {
        println!(
            "{} is whole: {} of {} ({}), of {}.",
            arguments.from,
            items_text(manifest.item_count),
            manifest.table_name,
            size_text(manifest.size_bytes),
            manifest.created_at
        );
        return Ok(());
    }
    let database = OpenDatabase::open(&arguments.transfer, Missing::Created)?;
    let restored = database
        .runtime
        .block_on(run(&database, arguments, &folder, &manifest));
    let name = database.close(restored)?;
    println!("Restored {} into {name}.", items_text(manifest.item_count));
    let settings = &manifest.table_settings;
    if !arguments.all_settings && *settings != ::transfer::TableSettings::default() {
        println!(
            "As with the service, time to live, tags, stream and deletion protection are not restored; \
             --all-settings does that."
        );
    }
    Ok(())
}

/// The manifest of a backup of which nothing is damaged or missing.
async fn verified(folder: &Location) -> Result<BackupManifest, Failure> {
    let manifest = BackupManifest::read(folder).await?;
    let bar = Bar::new("Verifying", Some(manifest.item_count));
    let whole = verify(folder, &manifest, &mut |progress| bar.show(progress)).await;
    bar.clear();
    whole?;
    Ok(manifest)
}

async fn run(
    database: &OpenDatabase,
    arguments: &RestoreArguments,
    folder: &Location,
    manifest: &BackupManifest,
) -> Result<String, Failure> {
    let name = arguments
        .table
        .clone()
        .unwrap_or_else(|| manifest.table_name.clone());
    let table = database.table(&name);
    if table.find().await?.is_some() {
        return Err(Failure::new(format!(
            "there is a table {name} already; choose another name with --table"
        )));
    }
    let definition = match arguments.without_indexes {
        true => manifest.table_definition.clone().without_indexes(),
        false => manifest.table_definition.clone(),
    };
    let bar = Bar::new("Restoring", Some(manifest.item_count));
    let restored = restore_backup(folder, manifest, &definition, &table, &mut |progress| {
        bar.show(progress)
    })
    .await;
    bar.clear();
    restored?;
    if arguments.all_settings {
        table.apply(&manifest.table_settings).await?;
    }
    Ok(name)
}
