//! The settings of `torture kills`.

use std::env;
use std::path::{Path, PathBuf};

use clap::Args;
use harness::failure::{Context, Failure, Result};
use harness::server_process::Durability;
use harness::server_process::find_stator;

use super::plant::Plant;

/// What `torture kills` is asked for.
#[derive(Args, Clone, Debug)]
pub struct KillsArguments {
    /// How often the server is killed
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    pub kills: u32,

    /// The number that the run's choices begin with; its moments are the machine's [default: a random one]
    #[arg(long)]
    pub seed: Option<u64>,

    /// How long the server works between two kills, on average
    #[arg(long, value_name = "MS", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=600_000))]
    pub load_ms: u64,

    /// How many clients there are
    #[arg(long, value_name = "COUNT", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub clients: u32,

    /// After how many kills `stator check` looks at the data, before the server is started; 0 for never
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    pub check_every: u32,

    /// How long a server may take from its start to its first answer
    #[arg(long, value_name = "MS", default_value_t = 2000)]
    pub restart_limit_ms: u64,

    /// How long the histories of the hot keys become before they are judged and others begin
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    pub history_operations: usize,

    /// What an acknowledged write survives; nothing may be killed with `memory`
    #[arg(long, value_enum, default_value_t = Durability::Sync)]
    pub durability: Durability,

    /// Let the server's clock jump by hours and days, forwards and back, between kills and under load;
    /// on Linux alone
    #[arg(long)]
    pub clock_jumps: bool,

    /// Put a fault between clients and server, which the run must find: then it fails
    #[arg(long, value_enum)]
    pub plant: Option<Plant>,

    /// The program to torture [default: `stator` beside this one]
    #[arg(long, value_name = "FILE")]
    pub stator: Option<PathBuf>,

    /// Where the data directory is made and removed; it is kept where the run fails [default: the build directory]
    #[arg(long, value_name = "DIR")]
    pub disk: Option<PathBuf>,
}

impl KillsArguments {
    /// Refuses what makes no sense together.
    pub fn check(&self) -> Result<()> {
        match self.durability == Durability::Memory && self.kills > 0 {
            true => Err(Failure::new(
                "what is only in memory does not survive a kill; give --kills 0 or another --durability",
            )),
            false => Ok(()),
        }
    }

    /// The program to torture.
    pub fn stator(&self) -> Result<PathBuf> {
        find_stator(self.stator.as_deref())
    }

    /// Where the data directory is made.
    pub fn disk(&self) -> Result<PathBuf> {
        match &self.disk {
            Some(disk) => Ok(disk.clone()),
            None => build_directory(),
        }
    }
}

/// The directory that programs are built into: this one's, or above it where this is a test.
fn build_directory() -> Result<PathBuf> {
    let program = env::current_exe().context("the program cannot find itself")?;
    let directory = program.parent().unwrap_or(Path::new("."));
    match directory.ends_with("deps") {
        true => Ok(directory.parent().unwrap_or(directory).to_owned()),
        false => Ok(directory.to_owned()),
    }
}
