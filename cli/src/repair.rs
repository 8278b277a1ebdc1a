//! `stator repair`: makes a data directory whose log is damaged usable again, at a price that it
//! tells.

use store::{find_log_losses, repair_log};

use crate::arguments::RepairArguments;
use crate::failure::Failure;
use crate::storage;

/// Says what the repair takes away, and does it unless only the saying was asked for.
pub fn repair(arguments: &RepairArguments) -> Result<(), Failure> {
    let directory = &arguments.data_dir.data_dir;
    let losses = find_log_losses(directory)?;
    if losses.is_empty() {
        println!("{} needs no repair.", directory.display());
        return Ok(());
    }
    for loss in &losses {
        println!(
            "{}: damaged at offset {} ({}); the {} bytes from there on are taken out.",
            loss.path.display(),
            loss.offset,
            loss.detail,
            loss.lost_bytes
        );
    }
    if arguments.dry_run {
        println!("Nothing was changed. Every write that these bytes hold would be lost.");
        return Ok(());
    }
    repair_log(&storage::options(directory))?;
    println!(
        "Repaired. Writes before the damage are there, those behind it are gone; their bytes are kept in {}.",
        directory.join("lost").display()
    );
    Ok(())
}
