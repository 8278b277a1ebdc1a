//! `stator export`: a table to files in the service's layout.

use ::transfer::{Export, ExportId, ExportView, Exported, Location, OutputFormat};
use engine::Clock;

use super::arguments::{ExportArguments, ExportFormat};
use super::database::{Missing, OpenDatabase, no_table, seed};
use super::progress::{Bar, items_text, size_text};
use crate::failure::Failure;
use crate::service::SystemClock;

/// Exports the table and says where to.
pub fn export(arguments: &ExportArguments) -> Result<(), Failure> {
    let database = OpenDatabase::open(&arguments.transfer, Missing::Refused)?;
    let destination = Location::to_write(&arguments.to, &arguments.transfer.s3_buckets());
    let exported = destination
        .map_err(Failure::from)
        .and_then(|destination| database.runtime.block_on(run(&database, arguments, &destination)));
    let exported = database.close(exported)?;
    println!(
        "Exported {} of {} ({}) to {}.",
        items_text(exported.item_count),
        arguments.table,
        size_text(exported.billed_size_bytes),
        exported.folder
    );
    Ok(())
}

async fn run(
    database: &OpenDatabase,
    arguments: &ExportArguments,
    destination: &Location,
) -> Result<Exported, Failure> {
    let table = database.table(&arguments.table);
    let Some(description) = table.find().await? else {
        return Err(no_table(&arguments.table));
    };
    let now_ms = SystemClock.now_ms();
    let mut random = fastrand::Rng::with_seed(seed());
    let export = Export {
        id: ExportId::new(now_ms, random.u32(..)),
        table_arn: description.table_arn.unwrap_or_default(),
        table_id: description.table_id.unwrap_or_default(),
        view: ExportView::Full { time_ms: now_ms },
        format: match arguments.format {
            ExportFormat::DynamodbJson => OutputFormat::DynamodbJson,
            ExportFormat::Ion => OutputFormat::Ion,
        },
        start_time_ms: now_ms,
        sse_algorithm: None,
        sse_kms_key_id: None,
    };
    let bar = Bar::new("Exporting", description.item_count.map(i64::unsigned_abs));
    let exported = ::transfer::export(
        destination,
        &export,
        table.pages(),
        &|| SystemClock.now_ms(),
        &mut random,
        &mut |progress| bar.show(progress),
    )
    .await;
    bar.clear();
    Ok(exported?)
}
