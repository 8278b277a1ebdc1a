//! DeleteTable.

use std::sync::Arc;

use api::types::{DeleteTableInput, DeleteTableOutput, TableStatus};
use api::{Context, Error};
use store::Store;

use super::table_description::{Moment, describe, table_status};
use super::table_errors::in_use;
use super::table_not_found;
use super::transfers::SystemBackup;
use crate::Engine;
use crate::arn::table_name_of;
use crate::catalog::{IndexState, Table, TableDescriptor, TableState};
use crate::transfers::record::{BackupRecord, Record};

pub(crate) async fn delete_table<S: Store>(
    engine: &Engine<S>,
    context: &Context,
    input: DeleteTableInput,
) -> Result<DeleteTableOutput, Error> {
    let now_ms = engine.clock.now_ms();
    let until_ms = engine.settings.transition_until_ms(now_ms);
    let name = table_name_of(&input.table_name);
    let table = match SystemBackup::prepare(engine, name, now_ms).await? {
        None => {
            engine
                .change_descriptor(name, move |change| {
                    change.batch.set_makes_room();
                    begin_deletion(&mut change.descriptor, now_ms, until_ms)
                })
                .await?
        }
        Some(backup) => delete_with_backup(engine, name, backup, now_ms, until_ms).await?,
    };
    let description = describe(
        engine,
        context,
        &table.descriptor,
        Moment::answer(now_ms, until_ms),
    )
    .await?;
    if engine.settings.transition_ms == 0 {
        // Background work would do it as well; but the next request must find the table gone.
        engine.finish_deleting_table(&table).await?;
    }
    Ok(DeleteTableOutput {
        table_description: Some(description),
    })
}

fn begin_deletion(descriptor: &mut TableDescriptor, now_ms: u64, until_ms: u64) -> Result<(), Error> {
    check_deletable(descriptor, now_ms)?;
    descriptor.state = TableState::Deleting;
    descriptor.transition_until_ms = until_ms;
    Ok(())
}

/// Deletes a table that leaves a backup where its recovery is enabled: it is DELETING until that is
/// written.
async fn delete_with_backup<S: Store>(
    engine: &Engine<S>,
    name: &str,
    backup: SystemBackup,
    now_ms: u64,
    until_ms: u64,
) -> Result<Arc<Table>, Error> {
    let id = backup.id().to_owned();
    let table_name = name.to_owned();
    let changed = engine.change_record(BackupRecord::key(&id), name, Vec::new(), move |change| {
        let missing = || table_not_found(&table_name);
        check_deletable(change.table.as_ref().ok_or_else(missing)?, now_ms)?;
        // The backup shows the table as it was before.
        backup.begin(change)?;
        change.batch.set_makes_room();
        begin_deletion(change.table.as_mut().ok_or_else(missing)?, now_ms, until_ms)
    });
    let table = changed.await?.ok_or_else(Error::internal)?;
    if table.descriptor.enabled_recovery().is_some() {
        engine.settle_backup(&id, name).await?;
        engine.raise_transfers();
    }
    Ok(table)
}

fn check_deletable(descriptor: &TableDescriptor, now_ms: u64) -> Result<(), Error> {
    if descriptor.deletion_protection {
        return Err(Error::validation(
            "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection \
             first.",
        ));
    }
    let name = &descriptor.name;
    let now = Moment::description(now_ms);
    match table_status(descriptor, now) {
        TableStatus::Creating => return Err(in_use(format_args!("Table is being created: {name}"))),
        TableStatus::Deleting => return Err(in_use(format_args!("Table is being deleted: {name}"))),
        TableStatus::Active if !now.shows(descriptor.warm.transition_until_ms) => {}
        _ if descriptor
            .stream
            .as_ref()
            .is_some_and(|stream| now.shows(stream.transition_until_ms)) =>
        {
            return Err(in_use(
                "Cannot delete table while stream is being enabled/disabled.",
            ));
        }
        _ => {
            return Err(in_use(format_args!(
                "Table: {name} is in the process of being updated."
            )));
        }
    }
    let mut indexes = descriptor.indexes.iter();
    if indexes.any(|index| index.state != IndexState::Active || now.shows(index.transition_until_ms)) {
        return Err(in_use(
            "Cannot delete table while indexes are being created, updated, or deleted.",
        ));
    }
    Ok(())
}
