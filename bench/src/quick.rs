//! The workload `quick`: what every change should be looked at with, in a few minutes.
//!
//! All servers run from the beginning to the end. Each workload goes over them in short rounds,
//! one server after the other, so that whatever else the machine does hits all of them alike.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};

use crate::bare_server::BareServerArguments;
use crate::disk::{self, TemporaryDirectory};
use crate::failure::{Context, Failure, Result};
use crate::footprint;
use crate::http;
use crate::interrupt;
use crate::items::{self, ITEMS_PER_PARTITION, TABLE};
use crate::load::{self, Order, Shape};
use crate::machine::{self, Machine};
use crate::measurement::{Measurement, Round};
use crate::report;
use crate::requests::{Requests, Workload};
use crate::results::Results;
use crate::server_process::{self, Durability, ServerProcess};

/// The part of each round that is not recorded, so that connections and caches are warm.
const RAMP_PART: f64 = 0.2;

/// How long a table may take to become active.
const TABLE_TIMEOUT: Duration = Duration::from_secs(30);

/// The settings of `bench quick`.
#[derive(Args, Clone, Debug)]
pub struct QuickArguments {
    /// Recorded time for each server and workload, over all rounds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=3600), default_value = "5")]
    pub seconds: u32,

    /// Rounds that this time is divided into
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=100), default_value = "5")]
    pub rounds: u32,

    /// Connections, each with one request in flight
    #[arg(long, value_name = "COUNT", value_parser = parse_count::<1, 1024>, default_value = "32")]
    pub connections: usize,

    /// Items in the table, rounded up to whole partitions of 50
    #[arg(long, value_name = "COUNT", value_parser = parse_count::<1, 500_000>, default_value = "20000")]
    pub items: usize,

    /// Threads of the load generator [default: one for every two cores]
    #[arg(long, value_name = "COUNT", value_parser = parse_count::<1, 256>)]
    pub threads: Option<usize>,

    /// Starts in each durability, for the time to the first answer
    #[arg(long, value_name = "COUNT", value_parser = parse_count::<1, 1000>, default_value = "11")]
    pub starts: usize,

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

impl QuickArguments {
    /// The number of items, in whole partitions.
    pub fn item_count(&self) -> usize {
        self.items.next_multiple_of(ITEMS_PER_PARTITION)
    }

    /// The recorded time of one round.
    pub fn round_time(&self) -> Duration {
        Duration::from_secs(self.seconds.into()) / self.rounds
    }

    /// Threads of the load generator. Half of the cores are enough to keep the servers busy, as a
    /// request costs it less than any server.
    pub fn load_threads(&self) -> usize {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        self.threads.unwrap_or(cores / 2).clamp(1, self.connections)
    }

    fn shape(&self) -> Shape {
        Shape {
            connections: self.connections,
            threads: self.load_threads(),
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "seconds": self.seconds,
            "rounds": self.rounds,
            "connections": self.connections,
            "items": self.item_count(),
            "threads": self.load_threads(),
            "starts": self.starts,
        })
    }
}

fn parse_count<const LEAST: usize, const MOST: usize>(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(count) if (LEAST..=MOST).contains(&count) => Ok(count),
        _ => Err(format!("a number from {LEAST} to {MOST} is wanted")),
    }
}

/// A server that is measured.
#[derive(Debug)]
struct Contender {
    name: &'static str,
    durability: Durability,
    process: ServerProcess,
}

/// Runs everything, prints the tables and appends the raw rows.
pub fn run(arguments: &QuickArguments) -> Result<()> {
    interrupt::catch()?;
    // A signal reaches the servers too, and what then fails is not worth telling.
    measure(arguments).or_else(|failure| interrupt::check().and(Err(failure)))
}

fn measure(arguments: &QuickArguments) -> Result<()> {
    let build_directory = build_directory()?;
    let stator = find_stator(arguments, &build_directory)?;
    let machine = Machine::read();
    // Declared before the servers, so that it goes after them.
    let directory = TemporaryDirectory::new(arguments.disk.as_ref().unwrap_or(&build_directory))?;
    let mut results = begin(arguments, &machine, &stator, directory.path())?;

    let starts = footprint::measure_starts(&stator, directory.path(), arguments.starts)?;
    let stripped_size_bytes = footprint::stripped_size_bytes(&stator, directory.path());
    report::print_footprint(&starts, stripped_size_bytes);
    starts.iter().for_each(|start| results.add_start(start));
    results.add_binary(stripped_size_bytes);

    let contenders = start_contenders(arguments, &stator, directory.path())?;
    for workload in Workload::ALL {
        measure_workload(arguments, &contenders, workload, &mut results)?;
    }
    drop(contenders);

    let default = machine::source_directory().join("results");
    let path = results.append_to(arguments.results.as_ref().unwrap_or(&default))?;
    println!(
        "Ratios are to the bare server, the median of the rounds. Raw rows were appended to {}",
        path.display()
    );
    Ok(())
}

/// Looks at what the figures depend on, prints it, and begins the results with it.
fn begin(arguments: &QuickArguments, machine: &Machine, stator: &Path, directory: &Path) -> Result<Results> {
    let durable_append = disk::durable_append_time(directory)?;
    let file_system = disk::file_system(directory);
    let commit = machine::commit();
    let version = machine::version_of(stator).unwrap_or_else(|| "stator of unknown version".to_owned());
    report::print_setting(
        machine,
        commit.as_deref(),
        &version,
        file_system.as_deref(),
        durable_append,
        arguments,
    );
    if file_system.as_deref().is_some_and(disk::is_in_memory) {
        println!(
            "Warning: this file system is in memory, where durability costs nothing; name a real one with --disk.\n"
        );
    }
    Ok(Results::new(json!({
        "workload": "quick",
        "commit": commit,
        "version": version,
        "machine": machine.to_json(),
        "disk": {
            "file_system": file_system,
            "durable_append_us": (durable_append.as_secs_f64() * 1e6).round(),
        },
        "arguments": arguments.to_json(),
    })))
}

/// The directory that the bench's own program is in.
fn build_directory() -> Result<PathBuf> {
    let program = env::current_exe().context("the bench cannot find itself")?;
    program
        .parent()
        .map(Path::to_owned)
        .ok_or_else(|| Failure::new("the bench cannot find itself"))
}

fn find_stator(arguments: &QuickArguments, build_directory: &Path) -> Result<PathBuf> {
    let beside = build_directory.join(format!("stator{}", env::consts::EXE_SUFFIX));
    let stator = arguments.stator.clone().unwrap_or(beside);
    match stator.is_file() {
        true => Ok(stator),
        false => Err(Failure::new(format!(
            "there is no {}; build it with `cargo build --release -p cli`, or name it with --stator",
            stator.display()
        ))),
    }
}

/// Starts Stator in each durability, with the table loaded.
fn start_contenders(arguments: &QuickArguments, stator: &Path, directory: &Path) -> Result<Vec<Contender>> {
    let requests = Arc::new(Requests::put_every_item(arguments.item_count()));
    let mut contenders = Vec::with_capacity(Durability::ALL.len());
    for durability in Durability::ALL {
        interrupt::check()?;
        let name = match durability {
            Durability::Memory => "stator memory",
            Durability::Os => "stator os",
            Durability::Sync => "stator sync",
        };
        let data_directory = directory.join(durability.name());
        let process = ServerProcess::start_stator(stator, durability, &data_directory)?;
        let address = process.address();
        create_table(address)?;
        let answer = Workload::PutItem.probe(address)?;
        load::run(
            address,
            &requests,
            answer.body().len(),
            arguments.shape(),
            Order::EachOnce,
        )
        .context(&format!("{name} cannot be loaded"))?;
        contenders.push(Contender {
            name,
            durability,
            process,
        });
    }
    Ok(contenders)
}

fn create_table(address: std::net::SocketAddr) -> Result<()> {
    http::call(address, "CreateTable", &items::table().to_string())?;
    let question = json!({"TableName": TABLE}).to_string();
    let start = Instant::now();
    while start.elapsed() < TABLE_TIMEOUT {
        let answer = http::call(address, "DescribeTable", &question)?;
        let description: Value = serde_json::from_slice(answer.body()).context("DescribeTable's answer")?;
        if description["Table"]["TableStatus"] == "ACTIVE" {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(10));
    }
    Err(Failure::new("the table does not become ACTIVE"))
}

/// Measures and prints one workload on the bare server and all contenders.
fn measure_workload(
    arguments: &QuickArguments,
    contenders: &[Contender],
    workload: Workload,
    results: &mut Results,
) -> Result<()> {
    let mut answers = Vec::with_capacity(contenders.len());
    for contender in contenders {
        answers.push(
            workload
                .probe(contender.process.address())
                .context(contender.name)?,
        );
    }
    let Some(answer) = answers.first() else {
        return Ok(());
    };
    let body_bytes = answer.body().len();
    if answers.iter().any(|other| other.body().len() != body_bytes) {
        return Err(Failure::new(format!(
            "the answers to {} differ in length between durabilities",
            workload.operation()
        )));
    }
    let bare = ServerProcess::start_bare(&BareServerArguments::like(answer))?;
    let requests = Arc::new(workload.requests(arguments.item_count()));

    let mut measurements = vec![(None, Measurement::new("bare hyper"))];
    let mut processes = vec![&bare];
    for contender in contenders {
        measurements.push((Some(contender.durability), Measurement::new(contender.name)));
        processes.push(&contender.process);
    }
    // The first round only warms up.
    for round in 0..=arguments.rounds as usize {
        for turn in 0..processes.len() {
            // Each round begins with another server, so that none always follows the same one.
            let index = (round + turn) % processes.len();
            let (_, measurement) = &mut measurements[index];
            let measured = measure_round(arguments, processes[index], &requests, body_bytes)
                .context(&format!("{} on {}", workload.operation(), measurement.server))?;
            if round > 0 {
                measurement.rounds.push(measured);
            }
        }
    }
    let answer_bytes = answer.head_bytes() + body_bytes;
    report::print_workload(workload, answer_bytes, &measurements);
    for (_, measurement) in &measurements {
        results.add_measurement(workload, answer_bytes, arguments.connections, measurement);
    }
    Ok(())
}

fn measure_round(
    arguments: &QuickArguments,
    process: &ServerProcess,
    requests: &Arc<Requests>,
    body_bytes: usize,
) -> Result<Round> {
    let recorded = arguments.round_time();
    let order = Order::Random {
        ramp: recorded.mul_f64(RAMP_PART),
        recorded,
    };
    let since = |before: Option<Duration>, after: Option<Duration>| after?.checked_sub(before?);
    let (server_before, client_before) = (process.cpu_time(), server_process::own_cpu_time());
    let outcome = load::run(process.address(), requests, body_bytes, arguments.shape(), order)?;
    Ok(Round {
        outcome,
        server_cpu: since(server_before, process.cpu_time()),
        client_cpu: since(client_before, server_process::own_cpu_time()),
    })
}
