//! What every workload needs before it can begin: the program to measure, a place on a disk, and
//! a list for its raw rows that says first what the figures hold for.

use std::env;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use crate::disk;
use crate::machine::{self, Machine};
use crate::report;
use crate::results::Results;
use harness::directory::TemporaryDirectory;
use harness::failure::{Context, Failure, Result};
use harness::server_process::find_stator;

/// Which program is measured, and where its data and the results go.
#[derive(Args, Clone, Debug)]
pub struct PlaceArguments {
    /// The program to measure [default: `stator` beside this one]
    #[arg(long, value_name = "FILE")]
    pub stator: Option<PathBuf>,

    /// Where data directories are made and removed; should be on a real disk [default: the build directory]
    #[arg(long, value_name = "DIR")]
    pub disk: Option<PathBuf>,

    /// The file or directory that raw rows are appended to [default: `results` in the bench's sources]
    #[arg(long, value_name = "PATH")]
    pub results: Option<PathBuf>,
}

/// Everything is ready for a workload. Servers are to be dropped before this, as it removes their
/// data.
#[derive(Debug)]
pub struct Setting {
    /// The program `stator`.
    pub stator: PathBuf,
    pub results: Results,
    directory: TemporaryDirectory,
    results_path: PathBuf,
}

impl Setting {
    /// Looks at what the figures depend on, prints it, and begins the results with it: the
    /// workload's name and its `arguments` among it.
    pub fn prepare(workload: &'static str, place: &PlaceArguments, arguments: &Value) -> Result<Self> {
        let build_directory = build_directory()?;
        let stator = find_stator(place.stator.as_deref())?;
        let machine = Machine::read();
        let directory =
            TemporaryDirectory::new(place.disk.as_ref().unwrap_or(&build_directory), "bench-data")?;
        let durable_append = disk::durable_append_time(directory.path())?;
        let file_system = disk::file_system(directory.path());
        let commit = machine::commit();
        let version = machine::version_of(&stator).unwrap_or_else(|| "stator of unknown version".to_owned());
        report::print_setting(
            &machine,
            commit.as_deref(),
            &version,
            file_system.as_deref(),
            durable_append,
        );
        let results = Results::new(json!({
            "workload": workload,
            "commit": commit,
            "version": version,
            "machine": machine.to_json(),
            "disk": {
                "file_system": file_system,
                "durable_append_us": (durable_append.as_secs_f64() * 1e6).round(),
            },
            "arguments": arguments,
        }));
        let default = machine::source_directory().join("results");
        let path = place.results.clone().unwrap_or(default);
        Ok(Setting {
            stator,
            results,
            directory,
            results_path: match path.is_dir() || path.extension().is_none() {
                true => path.join(format!("{workload}.jsonl")),
                false => path,
            },
        })
    }

    /// An empty directory that goes with this.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The file that raw rows are appended to.
    pub fn results_path(&self) -> &Path {
        &self.results_path
    }

    /// Appends the raw rows to their file, and gives its path.
    pub fn write_results(&self) -> Result<&Path> {
        self.results.append_to(&self.results_path)?;
        Ok(&self.results_path)
    }
}

/// The directory that the bench's own program is in.
fn build_directory() -> Result<PathBuf> {
    let program = env::current_exe().context("the bench cannot find itself")?;
    program
        .parent()
        .map(Path::to_owned)
        .ok_or_else(|| Failure::new("the bench cannot find itself"))
}

/// Reads a count from the command line: a number from `LEAST` to `MOST`.
pub fn parse_count<const LEAST: usize, const MOST: usize>(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(count) if (LEAST..=MOST).contains(&count) => Ok(count),
        _ => Err(format!("a number from {LEAST} to {MOST} is wanted")),
    }
}
