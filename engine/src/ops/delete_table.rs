//! DeleteTable.

use api::types::{DeleteTableInput, DeleteTableOutput, TableStatus};
use api::{Context, Error};
use store::Store;

use super::table_description::{Moment, describe, table_status};
use super::table_errors::in_use;
use crate::Engine;
use crate::arn::table_name_of;
use crate::catalog::{IndexState, TableDescriptor, TableState};

pub(crate) async fn delete_table<S: Store>(
    engine: &Engine<S>,
    context: &Context,
    input: DeleteTableInput,
) -> Result<DeleteTableOutput, Error> {
    let now_ms = engine.clock.now_ms();
    let until_ms = engine.settings.transition_until_ms(now_ms);
    let table = engine
        .change_descriptor(table_name_of(&input.table_name), move |change| {
            check_deletable(&change.descriptor, now_ms)?;
            change.batch.set_makes_room();
            change.descriptor.state = TableState::Deleting;
            change.descriptor.transition_until_ms = until_ms;
            Ok(())
        })
        .await?;
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
