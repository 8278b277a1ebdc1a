//! `stator check`: verifies a data directory that no server is running on.

use std::io::{IsTerminal, Write};

use engine::CheckReport;
use store::{DiskStore, find_log_losses};
use tokio::runtime::Runtime;

use crate::arguments::DataDirectory;
use crate::failure::Failure;
use crate::storage;

/// Verifies the directory, says what was looked at, and fails with what is wrong.
pub fn check(arguments: &DataDirectory) -> Result<(), Failure> {
    let directory = &arguments.data_dir;
    let shown = directory.display();
    // This also refuses a directory that is no store, which opening would make one of.
    if let Some(loss) = find_log_losses(directory)?.first() {
        return Err(Failure::new(format!(
            "{} is damaged at offset {}: {}; `stator repair --data-dir {shown}` tells what can be saved",
            loss.path.display(),
            loss.offset,
            loss.detail
        )));
    }
    let store = DiskStore::open(&storage::options(directory))?;
    let runtime =
        Runtime::new().map_err(|error| Failure::new(format!("threads cannot be started: {error}")))?;
    let report = runtime.block_on(engine::check(&store, progress_on_terminal()))?;
    store.close()?;

    println!(
        "Checked {shown}: {} tables, {} items, {} index entries, {} expiry entries, {} log records.",
        report.tables, report.items, report.index_entries, report.expiry_entries, report.log_records
    );
    if report.is_clean() {
        println!("Nothing is wrong.");
        return Ok(());
    }
    for problem in &report.problems {
        println!("{problem}");
    }
    Err(Failure::new(format!(
        "{shown} has {} problems",
        report.problem_count
    )))
}

/// Tells a person who waits how far the check has come.
fn progress_on_terminal() -> impl FnMut(&CheckReport) {
    let is_terminal = std::io::stderr().is_terminal();
    move |report| {
        if is_terminal {
            let mut output = std::io::stderr().lock();
            let told = write!(
                output,
                "\r{} items, {} index entries ",
                report.items, report.index_entries
            );
            // Whoever closed the output does not want to know.
            let _shown = told.and_then(|()| output.flush());
        }
    }
}
