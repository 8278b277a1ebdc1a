//! `torture hostile`: clients that break every rule, against a server of our own.
//!
//! Each check is a function over a [`subject::Subject`], so that the tests can show it servers that
//! are broken on purpose (`tests`).

mod client;
mod connections;
mod cuts;
mod garbage;
mod memory;
mod slow;
mod subject;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use harness::failure::{Context, Failure, Result};
use harness::interrupt;
use harness::server_process::find_stator;
use subject::Starter;

/// The options of `torture hostile`.
#[derive(Debug, Args)]
pub struct Hostile {
    /// The program `stator` [default: the one beside this program]
    #[arg(long, value_name = "FILE", env = "STATOR_BINARY")]
    stator: Option<PathBuf>,

    /// Where the server stores; everything in it is removed afterwards
    #[arg(long, value_name = "DIR", default_value_os_t = std::env::temp_dir())]
    data_dir: PathBuf,

    /// A short form, which takes half a minute
    #[arg(long)]
    short: bool,

    /// Only these, by default all
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Check>,

    /// What random bytes are drawn from
    #[arg(long, env = "STATOR_SEED", default_value_t = 20_261_121)]
    seed: u64,
}

/// What is done to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Check {
    /// Requests cut at every byte
    Cuts,
    /// What is no request, or has no end
    Garbage,
    /// Clients that send slowly or read nothing
    Slow,
    /// 10,000 connections, and more than the limit
    Connections,
    /// Everything that is large, at once
    Memory,
}

impl Check {
    fn name(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// Runs the checks one after the other; all of them, whatever comes out.
pub fn run(options: &Hostile) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("threads cannot be started")?;
    println!("seed {}", options.seed);
    let mut failed = 0;
    for check in Check::value_variants() {
        if !options.only.is_empty() && !options.only.contains(check) {
            continue;
        }
        interrupt::check()?;
        let began = Instant::now();
        let outcome = runtime.block_on(options.run_one(*check));
        let seconds = began.elapsed().as_secs_f64();
        match outcome {
            Ok(figures) => println!("{:12} passed {seconds:6.1} s  {figures}", check.name()),
            Err(failure) => {
                failed += 1;
                println!("{:12} FAILED {seconds:6.1} s  {failure}", check.name());
            }
        }
    }
    match failed {
        0 => Ok(()),
        _ => Err(Failure::new(format!(
            "{failed} checks failed; --seed {} repeats them",
            options.seed
        ))),
    }
}

impl Hostile {
    async fn run_one(&self, check: Check) -> Result<String> {
        let starter = Starter {
            binary: find_stator(self.stator.as_deref())?,
            directory: self.data_dir.clone(),
        };
        let name = check.name();
        match check {
            Check::Cuts => {
                let server = starter.start(&name, &[])?;
                cuts::check(&server.subject, if self.short { 3 } else { 1 }).await
            }
            Check::Garbage => {
                let server = starter.start(&name, &["--head-timeout=1s", "--body-timeout=1s"])?;
                garbage::check(&server.subject, self.seed, if self.short { 50 } else { 5000 }).await
            }
            Check::Slow => {
                let server = starter.start(&name, &slow::FLAGS)?;
                slow::check(&server.subject, if self.short { 4 } else { 32 }).await
            }
            Check::Connections => {
                let (count, over) = if self.short { (2000, 100) } else { (10_000, 100) };
                rlimit::increase_nofile_limit(count as u64 + over as u64 + 500)
                    .context("this process may not open as many files")?;
                let limit = format!("--max-connections={count}");
                let caches = ["--cache-bytes=64MiB", "--write-buffer-bytes=32MiB", &limit];
                let server = starter.start(&name, &caches)?;
                let bound_bytes = (64 << 20) + memory::BESIDE_BYTES;
                connections::check(&server.subject, count, over, bound_bytes).await
            }
            Check::Memory => {
                let server = starter.start(&name, &memory::FLAGS)?;
                let (clients, seconds) = if self.short { (4, 4) } else { (16, 60) };
                let bound_bytes = memory::NAMED_BYTES + memory::BESIDE_BYTES;
                memory::check(
                    &server.subject,
                    clients,
                    Duration::from_secs(seconds),
                    bound_bytes,
                )
                .await
            }
        }
    }
}
