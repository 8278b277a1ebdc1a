//! What Stator must survive, as programs that anyone can run: `cargo run --release -p torture -- …`.
//!
//! Each subcommand starts the program `stator` itself, on loopback, does it harm, and checks what
//! `docs/reliability.md` promises. All print the seed that repeats them.

mod disk;
mod history;
mod hostile;
mod kills;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use harness::interrupt;

/// Does Stator harm, and checks that it keeps its promises.
#[derive(Debug, Parser)]
#[command(name = "torture", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Kill a server under mixed load, and compare what is left with what its clients were told
    Kills(kills::KillsArguments),
    /// Cut the power at points of a recorded load, and look whether what was acknowledged is there
    PowerCuts(disk::power_cuts::PowerCuts),
    /// Let writes, syncs and other file calls fail at every point of a workload
    Faults(disk::faults::Faults),
    /// Flip bits, empty pages and cut files of a data directory, and look whether it is noticed
    Damage(disk::damage::Damage),
    /// Treat a server as no client should: break off, send garbage, come in thousands, read nothing
    Hostile(hostile::Hostile),
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    let done = interrupt::catch().and_then(|()| match &command {
        Command::Kills(arguments) => kills::run(arguments),
        Command::PowerCuts(options) => disk::power_cuts::run(options),
        Command::Faults(options) => disk::faults::run(options),
        Command::Damage(options) => disk::damage::run(options),
        Command::Hostile(options) => hostile::run(options),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("torture: {failure}");
            ExitCode::FAILURE
        }
    }
}
