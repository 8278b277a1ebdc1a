//! What Stator must survive, as programs that anyone can run: `cargo run --release -p torture -- …`.
//!
//! Each subcommand starts the program `stator` itself, on loopback, does it harm, and checks what
//! `docs/reliability.md` promises. All print the seed that repeats them.

mod history;
mod kills;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

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
}

fn main() -> ExitCode {
    let done: harness::failure::Result<()> = match Arguments::parse().command {
        Command::Kills(arguments) => kills::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("torture: {failure}");
            ExitCode::FAILURE
        }
    }
}
