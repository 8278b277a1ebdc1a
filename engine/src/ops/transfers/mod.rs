//! The operations of backups, exports and imports. What carries them out is in [`crate::transfers`].

mod backups;
mod create_backup;
mod export_table_to_point_in_time;
mod exports;
mod import_table;
mod imports;
mod restore_table_from_backup;
mod tokens;

pub(crate) use backups::{delete_backup, describe_backup, list_backups};
pub(super) use create_backup::SystemBackup;
pub(crate) use create_backup::create_backup;
pub(crate) use export_table_to_point_in_time::export_table_to_point_in_time;
pub(crate) use exports::{describe_export, list_exports};
pub(crate) use import_table::import_table;
pub(crate) use imports::{describe_import, list_imports};
pub(crate) use restore_table_from_backup::restore_table_from_backup;

use crate::catalog::TableDescriptor;

/// How many transfers may read one table at once; the service allows an account as many restores.
const READERS_MAX: usize = 50;

/// Refuses another reader of a table that has as many as it may.
fn check_readers(table: &TableDescriptor) -> Result<(), api::Error> {
    match table.log_holds.len() < READERS_MAX {
        true => Ok(()),
        false => Err(super::table_errors::over_limit(format_args!(
            "Only {READERS_MAX} backups, exports and restores of a table can be in progress at once"
        ))),
    }
}

/// A page of a list: what is behind the one that the last page ended with, at most `limit`, and
/// whether more follow.
fn page_of<R>(
    mut records: Vec<R>,
    after: Option<&str>,
    limit: usize,
    id: impl Fn(&R) -> &str,
) -> (Vec<R>, bool) {
    if let Some(after) = after {
        records.retain(|record| id(record) > after);
    }
    let more = records.len() > limit;
    records.truncate(limit);
    (records, more)
}

/// How many a page holds at most, where the request may say less.
fn page_limit(asked: Option<i32>, most: usize) -> usize {
    let asked = asked.and_then(|asked| usize::try_from(asked).ok());
    asked.unwrap_or(most).min(most)
}

/// A count or a size as the API gives it.
fn long(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
