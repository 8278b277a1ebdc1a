//! RestoreTableFromBackup.

use api::types::{RestoreTableFromBackupInput, RestoreTableFromBackupOutput};
use api::{Context, Error};
use store::Store;

use super::backups::{find, in_use, not_found};
use crate::Engine;
use crate::catalog::{Fill, FillSource};
use crate::ops::restore_table_to_point_in_time::{already_exists, describe_restored};
use crate::ops::restored_table::{self, Overrides};
use crate::ops::table_errors::over_limit;
use crate::transfers::record::{BackupRecord, BackupState, Record};

/// How many tables may be made of one backup at once; the service allows an account as many.
const RESTORES_MAX: usize = 50;

pub(crate) async fn restore_table_from_backup<S: Store>(
    engine: &Engine<S>,
    context: &Context,
    input: RestoreTableFromBackupInput,
) -> Result<RestoreTableFromBackupOutput, Error> {
    engine.check_transfers()?;
    let arn = input.backup_arn;
    let backup = find(engine, &arn).await?;
    let now_ms = engine.clock.now_ms();
    let until_ms = engine.settings.transition_until_ms(now_ms);
    let overrides = Overrides {
        billing_mode: input.billing_mode_override,
        global_indexes: input.global_secondary_index_override,
        local_indexes: input.local_secondary_index_override,
        provisioned: input.provisioned_throughput_override,
        on_demand: input.on_demand_throughput_override,
        encryption: input.sse_specification_override,
        vector_indexes: input.vector_index_override,
    };
    let name = input.target_table_name;
    let mut template = restored_table::new_table(&backup.source.table, &name, overrides, now_ms)?;
    template.uuid = engine.new_uuid();
    template.transition_until_ms = until_ms;
    let table_name = name.clone();
    let target = engine.change_record(
        BackupRecord::key(&backup.id),
        &table_name,
        Vec::new(),
        move |change| {
            let stored = change.record.as_ref().ok_or_else(|| not_found(&arn))?;
            let mut record = BackupRecord::from_stored(stored)?;
            match record.state {
                BackupState::Available => {}
                BackupState::Creating => return Err(in_use(&arn, "created")),
                BackupState::Deleting => return Err(not_found(&arn)),
            }
            if let Some(table) = &change.table {
                return Err(already_exists(&name, table));
            }
            if record.readers.len() >= RESTORES_MAX {
                return Err(over_limit(format_args!(
                    "Only {RESTORES_MAX} restore operations can be in progress at once"
                )));
            }
            let job_id = change.ids.take();
            let mut table = template.clone();
            table.id = change.ids.take();
            for index in &mut table.indexes {
                index.id = change.ids.take();
            }
            table.fill = Some(Fill {
                job_id,
                source: FillSource::Backup {
                    id: record.id.clone(),
                    source_name: record.source.table.name.clone(),
                    time_ms: record.created_at_ms,
                },
            });
            record.readers.push(job_id);
            change.record = Some(record.to_stored());
            change.table = Some(table);
            Ok(())
        },
    );
    let target = target.await?.ok_or_else(Error::internal)?;
    engine.raise_transfers();
    Ok(RestoreTableFromBackupOutput {
        table_description: Some(describe_restored(engine, context, &target, now_ms, until_ms).await?),
    })
}
