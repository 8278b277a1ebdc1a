//! `stator backup`: a table to a folder of its own.

use ::transfer::Location;
use ::transfer::backup::{Backup, BackupManifest};
use engine::Clock;

use super::arguments::BackupArguments;
use super::database::{Missing, OpenDatabase, no_table};
use super::progress::{Bar, items_text, size_text};
use crate::failure::Failure;
use crate::service::SystemClock;

/// Backs the table up and says what was written.
pub fn backup(arguments: &BackupArguments) -> Result<(), Failure> {
    let database = OpenDatabase::open(&arguments.transfer, Missing::Refused)?;
    let folder = Location::to_write(&arguments.to, &arguments.transfer.s3_buckets());
    let written = folder
        .map_err(Failure::from)
        .and_then(|folder| database.runtime.block_on(run(&database, arguments, &folder)));
    let manifest = database.close(written)?;
    println!(
        "Backed up {} of {} ({}) to {}.",
        items_text(manifest.item_count),
        arguments.table,
        size_text(manifest.size_bytes),
        arguments.to
    );
    Ok(())
}

async fn run(
    database: &OpenDatabase,
    arguments: &BackupArguments,
    folder: &Location,
) -> Result<BackupManifest, Failure> {
    let table = database.table(&arguments.table);
    let Some(description) = table.find().await? else {
        return Err(no_table(&arguments.table));
    };
    let (definition, settings) = table.definition().await?;
    let backup = Backup {
        table_name: arguments.table.clone(),
        table_arn: description.table_arn.unwrap_or_default(),
        table_id: description.table_id.unwrap_or_default(),
        definition,
        settings,
        time_ms: SystemClock.now_ms(),
    };
    let bar = Bar::new("Backing up", description.item_count.map(i64::unsigned_abs));
    let written =
        ::transfer::backup::backup(folder, &backup, table.pages(), &mut |progress| bar.show(progress)).await;
    bar.clear();
    Ok(written?)
}
