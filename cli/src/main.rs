//! The program `stator`: reads its arguments, does what they say, and tells in one sentence where
//! it cannot.

mod allocator;
mod arguments;
#[cfg(feature = "disk")]
mod check;
mod failure;
mod layers;
mod logging;
mod metrics;
#[cfg(feature = "disk")]
mod repair;
mod serve;
mod service;
#[cfg(feature = "disk")]
mod storage;
mod top;
#[cfg(feature = "disk")]
mod transfer;
mod units;

use std::env;
use std::ffi::OsString;
use std::process::ExitCode;

use crate::arguments::Command;
#[cfg(feature = "disk")]
use crate::arguments::{LogFormat, LogLevel};
use crate::layers::NoArguments;

/// The exit code for a command line or a configuration file that is wrong.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    allocator::give_back_at_once();
    let command_line: Vec<OsString> = env::args_os().collect();
    let arguments = match layers::parse(&command_line) {
        Ok(arguments) => arguments,
        Err(NoArguments::File(failure)) => {
            eprintln!("stator: {failure}");
            return ExitCode::from(EXIT_USAGE);
        }
        // Help and version come this way too.
        Err(NoArguments::Usage(error)) => {
            let exit_code = u8::try_from(error.exit_code()).unwrap_or(EXIT_USAGE);
            return match error.print() {
                Ok(()) => ExitCode::from(exit_code),
                Err(_) => ExitCode::from(EXIT_USAGE),
            };
        }
    };
    // What opening a data directory warns about is told by whoever opens it; the server logs as it is asked to.
    #[cfg(feature = "disk")]
    if !matches!(arguments.command, Command::Serve(_)) {
        logging::start(LogFormat::Text, LogLevel::Warn);
    }
    let done = match arguments.command {
        Command::Serve(arguments) => serve::serve(&arguments),
        Command::Top(arguments) => top::top(&arguments),
        #[cfg(feature = "disk")]
        Command::Check(arguments) => check::check(&arguments),
        #[cfg(feature = "disk")]
        Command::Repair(arguments) => repair::repair(&arguments),
        #[cfg(feature = "disk")]
        Command::Export(arguments) => transfer::export(&arguments),
        #[cfg(feature = "disk")]
        Command::Import(arguments) => transfer::import(&arguments),
        #[cfg(feature = "disk")]
        Command::Backup(arguments) => transfer::backup(&arguments),
        #[cfg(feature = "disk")]
        Command::Restore(arguments) => transfer::restore(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("stator: {failure}");
            ExitCode::FAILURE
        }
    }
}
