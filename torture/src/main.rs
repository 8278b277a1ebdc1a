//! What Stator must survive, as programs that anyone can run: `cargo run --release -p torture -- …`.
//!
//! Each subcommand starts the program `stator` itself, on loopback, does it harm, and checks what
//! `docs/reliability.md` promises. All print the seed that repeats them.

mod hostile;

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
    /// Treat a server as no client should: break off, send garbage, come in thousands, read nothing
    Hostile(hostile::Hostile),
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    let done = interrupt::catch().and_then(|()| match &command {
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
