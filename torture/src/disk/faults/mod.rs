//! `torture faults`: calls that fail at every single point of a workload, and a disk that is full.
//!
//! `in_engine` breaks each write of an engine over the store in memory, `on_disk` each file
//! operation of a server, `full` lets a server run out of room.

mod full;
mod in_engine;
mod on_disk;

use std::str::FromStr;

use clap::{Args, ValueEnum};
use harness::failure::Result;

use super::setting::Setting;

/// Options of `torture faults`.
#[derive(Debug, Args)]
pub struct Faults {
    #[command(flatten)]
    setting: Setting,

    /// Which part to run
    #[arg(long, value_enum, default_value_t = Part::All)]
    part: Part,

    /// How many changes the workload makes
    #[arg(long, value_name = "COUNT", default_value_t = 2000)]
    operations: u64,

    /// At how many points of a server's file operations to fail: `every`, or a number of points
    /// taken at random
    #[arg(long, value_name = "every|COUNT", default_value = "every")]
    points: Points,
}

/// The parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    All,
    /// Every write of an engine in this process, over the store in memory
    Engine,
    /// Every file operation of a server
    Disk,
    /// A disk without room
    Full,
}

/// How many points are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Points {
    Every,
    Some(usize),
}

impl FromStr for Points {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match (text, text.parse()) {
            ("every", _) => Ok(Points::Every),
            (_, Ok(count)) => Ok(Points::Some(count)),
            _ => Err("`every` or a number is wanted".to_owned()),
        }
    }
}

/// Runs it.
pub fn run(options: &Faults) -> Result<()> {
    let seed = options.setting.seed();
    if matches!(options.part, Part::All | Part::Engine) {
        in_engine::run(options.operations, options.setting.parallel(), seed)?;
    }
    if matches!(options.part, Part::All | Part::Disk) {
        on_disk::run(&options.setting, options.operations, options.points, seed)?;
    }
    if matches!(options.part, Part::All | Part::Full) {
        full::run(&options.setting)?;
    }
    Ok(())
}
