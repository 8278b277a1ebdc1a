//! Instruction counts of the hot paths: requests answered in process, by the engine over the store in
//! memory, without sockets or threads. Unlike times they are the same on a busy machine, so that a
//! path that has become longer is noticed by the change that makes it so.
//!
//! `paths` has what is counted, `callgrind` counts it, `record` keeps the counts and compares.

mod callgrind;
mod paths;
mod platform;
mod record;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::platform::Platform;
use crate::record::{Comparison, Record};

/// The same allocator as Stator's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Counts the instructions of Stator's hot paths and compares them with those that are on record.
#[derive(Debug, Parser)]
#[command(name = "counts", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Where records are kept [default: `records` in the sources of this program]
    #[arg(long, value_name = "DIR", global = true)]
    records: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Count, compare with the record of a platform like this one, and fail where a count has grown by
    /// more than a tenth (what is done without a command)
    Compare,
    /// Count, and make that the record of this platform
    Record,
    /// Run one path so often; callgrind does this
    #[command(hide = true)]
    Run { path: String, repeats: u64 },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let directory = arguments.records.unwrap_or_else(record::directory);
    let done = match arguments.command.unwrap_or(Command::Compare) {
        Command::Run { path, repeats } => paths::run(&path, repeats),
        Command::Record => count_all().and_then(|(platform, counts)| {
            let file = Record { platform, counts }.save(&directory)?;
            println!("Recorded in {}", file.display());
            Ok(())
        }),
        Command::Compare => compare(&directory),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("counts: {message}");
            ExitCode::FAILURE
        }
    }
}

type Counts = std::collections::BTreeMap<String, u64>;

/// The instructions of one request of each path, here and now.
fn count_all() -> Result<(Platform, Counts), String> {
    let platform = Platform::read()?;
    let mut counts = Counts::new();
    for path in paths::NAMES {
        counts.insert((*path).to_owned(), callgrind::count(path)?);
    }
    Ok((platform, counts))
}

fn compare(directory: &std::path::Path) -> Result<(), String> {
    let (platform, counts) = count_all()?;
    let Some(record) = Record::find(directory, &platform)? else {
        println!("No record of this platform ({platform}): the counts are compared with nothing.");
        for (path, count) in counts {
            println!("{path:24} {count:>10}");
        }
        return Ok(());
    };
    let comparison = Comparison::of(&record.counts, &counts);
    print!("{comparison}");
    if comparison.is_fine() {
        return Ok(());
    }
    Err(
        "a path has grown by more than a tenth: make it shorter, or run `cargo run --release -p counts -- record` \
         and say in the commit why it is worth it"
            .to_owned(),
    )
}
