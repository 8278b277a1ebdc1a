//! The bench: how fast Stator is, as a ratio to the fastest that its HTTP stack could be.
//!
//! `cargo run --release -p bench -- quick` starts every server itself, on a free port of the
//! loopback interface, and measures them in turn in one run: the program `stator` in each
//! durability, and a bare server that answers with as many bytes and does nothing else. Absolute
//! figures belong to a machine and an hour; ratios within one run can be compared.
//!
//! `full` measures everything that `docs/performance.md` shows, peers included, and `run` any
//! workloads on any servers. `streams` compares PutItem on tables with a stream and without, and
//! `sweep` other requests while expired items are swept and while none are.
//!
//! Read [`workloads`] first, which are what is measured; then [`traffic`], [`client`] and [`load`], the
//! load generator, [`phased_load`], the one of the open loop, [`servers`] and [`bare_server`], and
//! [`course`], in which servers take turns. What was measured becomes raw rows ([`results`]);
//! [`figures`] are computed from them, for [`tables`], [`targets`], [`plots`] and [`document`].
//! Nothing here links the database: it is measured as users run it.

mod backup;
mod bare_server;
mod client;
mod course;
mod disk;
mod document;
mod figures;
mod filling;
mod footprint;
mod full;
mod items;
mod load;
mod machine;
mod measurement;
mod phased_load;
mod plots;
mod quick;
mod recovery;
mod report;
mod requests;
mod rest;
mod results;
mod rounds;
mod run;
mod sections;
mod servers;
mod sessions;
mod setting;
mod statistics;
mod streams;
mod sweep;
mod sweep_figures;
mod table;
mod table_size;
mod tables;
mod targets;
mod traffic;
mod workloads;
mod zipf;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::backup::BackupArguments;
use crate::bare_server::BareServerArguments;
use crate::document::ReportArguments;
use crate::full::FullArguments;
use crate::quick::QuickArguments;
use crate::run::RunArguments;
use crate::streams::StreamsArguments;
use crate::sweep::SweepArguments;

/// The same allocator as Stator's, for the bare server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures Stator against a bare HTTP server that answers with as many bytes, and against its peers.
#[derive(Debug, Parser)]
#[command(name = "bench", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Everything that docs/performance.md shows, in about a quarter of an hour
    Full(FullArguments),
    /// Any workloads on any servers, over any number of connections
    Run(RunArguments),
    /// Writes the tables and plots of docs/performance.md from the raw rows of full runs
    Report(ReportArguments),
    /// Writes the plots of docs/performance.md alone
    Plot(ReportArguments),
    /// GetItem, PutItem and Query of 1 KB items, start, memory and size, in a few minutes
    Quick(QuickArguments),
    /// PutItem on tables with a stream, with recovery and without, in each durability
    Streams(StreamsArguments),
    /// GetItem and PutItem before, while and after a million items expire and are swept
    Sweep(SweepArguments),
    /// PutItem before, while and after its table of a gigabyte is backed up
    Backup(BackupArguments),
    /// The bare server; the bench starts it as a process of its own
    #[command(hide = true)]
    BareServer(BareServerArguments),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Full(arguments) => full::run(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::Report(arguments) => document::write(&arguments.rows()),
        Command::Plot(arguments) => document::write_plots(&arguments.rows()),
        Command::Quick(arguments) => quick::run(&arguments),
        Command::Streams(arguments) => streams::run(&arguments),
        Command::Sweep(arguments) => sweep::run(&arguments),
        Command::Backup(arguments) => backup::run(&arguments),
        Command::BareServer(arguments) => bare_server::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench: {failure}");
            ExitCode::FAILURE
        }
    }
}
