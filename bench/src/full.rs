//! The full run: everything that `docs/performance.md` shows, in one command.
//!
//! It goes through the sections one after the other. A server that fails has a row that says why; a
//! section that fails leaves what it had and the run goes on, but ends as a failure.

use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};

use crate::course::{self, Course, CoursePace};
use crate::document;
use crate::figures::Figures;
use crate::load::Shape;
use crate::recovery;
use crate::results::{extend, rounded};
use crate::rounds::{self, Turns};
use crate::sections;
use crate::servers::{PeerArguments, Programs, Server};
use crate::setting::{PlaceArguments, Setting, parse_count};
use crate::table_size;
use crate::tables;
use crate::targets;
use crate::workloads::{self, Data, Scale};
use harness::failure::{Failure, Result};
use harness::interrupt;
use harness::server_process::Durability;

/// Most bytes of items in a table of the section that varies their size.
const SIZED_TABLE_BYTES: usize = 64 << 20;

/// The sizes of items. The largest leaves some bytes of the 400 KB that an item may have.
const ITEM_SIZES: [usize; 5] = [100, 1024, 10 << 10, 100 << 10, 409_000];

/// How long a server is left alone before its memory counts as idle.
const SETTLE: Duration = Duration::from_millis(500);

/// Kills of each server.
const KILLS: usize = 3;

/// The settings of `bench full`.
#[derive(Args, Clone, Debug)]
pub struct FullArguments {
    /// Sections to measure; may be given more than once [default: all of them]
    #[arg(long, value_name = "SECTION", value_delimiter = ',', value_parser = clap::builder::PossibleValuesParser::new(sections::ALL))]
    pub section: Vec<String>,

    /// Tables of up to 10,000,000 items and longer rounds; takes hours rather than minutes
    #[arg(long)]
    pub long: bool,

    /// Rounds of each server and workload
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=100), default_value = "3")]
    pub rounds: u32,

    /// Recorded time of one round [default: 300, with --long 3000]
    #[arg(long, value_name = "MILLISECONDS", value_parser = clap::value_parser!(u32).range(10..=600_000))]
    pub round_ms: Option<u32>,

    /// Items in the tables, where not their size is what is varied
    #[arg(long, value_name = "COUNT", value_parser = parse_count::<1000, 500_000>, default_value = "20000")]
    pub items: usize,

    /// Items in the largest table [default: 1,000,000, with --long 10,000,000]
    #[arg(long, value_name = "COUNT", value_parser = parse_count::<1000, 20_000_000>)]
    pub items_max: Option<usize>,

    /// Leaves docs/performance.md and its plots as they are
    #[arg(long)]
    pub no_report: bool,

    #[command(flatten)]
    pub peers: PeerArguments,

    #[command(flatten)]
    pub place: PlaceArguments,
}

impl FullArguments {
    fn round_time(&self) -> Duration {
        let default = if self.long { 3000 } else { 300 };
        Duration::from_millis(self.round_ms.unwrap_or(default).into())
    }

    /// The recorded time of an open loop.
    fn open_time(&self) -> Duration {
        self.round_time() * 10
    }

    fn table_sizes(&self) -> Vec<usize> {
        let default = if self.long { 10_000_000 } else { 1_000_000 };
        let most = self.items_max.unwrap_or(default);
        let powers = (4..).map(|power| 10usize.pow(power));
        let mut sizes: Vec<usize> = powers.take_while(|&size| size < most).collect();
        sizes.push(most);
        sizes
    }

    fn turns(&self) -> Turns {
        Turns {
            rounds: self.rounds,
            round_time: self.round_time(),
            shape: shape(),
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "long": self.long,
            "rounds": self.rounds,
            "round_ms": self.round_time().as_millis() as u64,
            "open_ms": self.open_time().as_millis() as u64,
            "items": self.items,
            "items_max": self.table_sizes().last(),
            "connections": targets::CONNECTIONS,
            "threads": rounds::default_threads(),
        })
    }

    /// What all courses have in common.
    fn course(&self, section: &'static str) -> Course {
        Course {
            section,
            workloads: workloads::ALL.to_vec(),
            servers: Server::ALL.to_vec(),
            connections: vec![targets::CONNECTIONS as usize],
            threads: rounds::default_threads(),
            scale: Scale::of_items(self.items),
            paces: vec![CoursePace::Closed],
            rounds: self.rounds,
            round_time: self.round_time(),
            open_time: self.open_time(),
        }
    }
}

/// The connections and threads at which targets are.
fn shape() -> Shape {
    Shape {
        connections: targets::CONNECTIONS as usize,
        threads: rounds::default_threads(),
    }
}

/// Runs everything, prints the tables, appends the raw rows and writes the report.
pub fn run(arguments: &FullArguments) -> Result<()> {
    interrupt::catch()?;
    // A signal reaches the servers too, and what then fails is not worth telling.
    measure(arguments).or_else(|failure| interrupt::check().and(Err(failure)))
}

fn measure(arguments: &FullArguments) -> Result<()> {
    let mut setting = Setting::prepare("full", &arguments.place, &arguments.to_json())?;
    let programs = Programs::find(setting.stator.clone(), &arguments.peers);
    note_servers(&programs, &mut setting);
    let chosen: Vec<&'static str> = sections::ALL
        .into_iter()
        .filter(|section| {
            arguments.section.is_empty() || arguments.section.iter().any(|name| name == section)
        })
        .collect();
    let mut failures = Vec::new();
    for (number, section) in chosen.iter().enumerate() {
        println!("== {section} ({} of {})\n", number + 1, chosen.len());
        let start = Instant::now();
        let measured = measure_section(section, arguments, &programs, &mut setting);
        interrupt::check()?;
        match measured {
            Ok(()) => {
                let seconds = rounded(start.elapsed().as_secs_f64());
                setting.results.add(
                    "section",
                    json!({"section": section, "duration_seconds": seconds}),
                );
            }
            Err(failure) => {
                println!("The section {section} failed: {failure}\n");
                failures.push(format!("{section}: {failure}"));
            }
        }
    }
    println!(
        "{}",
        targets::table(&Figures::of(setting.results.rows())).render()
    );
    println!("Raw rows were appended to {}", setting.write_results()?.display());
    if !arguments.no_report {
        document::write(setting.results_path())?;
    }
    match failures.is_empty() {
        true => check_own(setting.results.rows()),
        false => Err(Failure::new(format!(
            "sections have failed: {}",
            failures.join("; ")
        ))),
    }
}

/// A peer may fail; where Stator or the bare server does, the run is no success.
pub fn check_own(rows: &[Value]) -> Result<()> {
    let own = |row: &&Value| {
        let server = row["server"].as_str().and_then(Server::by_name);
        row["kind"] == "failed" && server.is_some_and(|server| server.counterpart().is_none())
    };
    match rows.iter().find(own) {
        None => Ok(()),
        Some(row) => Err(Failure::new(format!(
            "{} has failed, {}: {}",
            row["server"].as_str().unwrap_or_default(),
            row["workload"].as_str().unwrap_or_default(),
            row["why"].as_str().unwrap_or_default()
        ))),
    }
}

/// Says which peers take part, and how to install those that do not.
pub fn note_servers(programs: &Programs, setting: &mut Setting) {
    let mut peers = json!({});
    for server in Server::ALL {
        match programs.why_absent(server) {
            Some(why) => {
                println!("{} is left out: {why}", server.name());
                let row = json!({"server": server.name(), "why": why});
                setting.results.add("absent", row);
            }
            None if server.counterpart().is_some() => {
                peers[server.name()] = json!(programs.version_of(server));
            }
            None => {}
        }
    }
    setting.results.note("peers", peers);
    println!();
}

fn measure_section(
    section: &'static str,
    arguments: &FullArguments,
    programs: &Programs,
    setting: &mut Setting,
) -> Result<()> {
    let course = arguments.course(section);
    let memory = Server::Stator(Durability::Memory);
    let sync = Server::Stator(Durability::Sync);
    match section {
        sections::FOOTPRINT => measure_footprint(programs, setting),
        sections::CONNECTIONS => {
            let course = Course {
                workloads: vec![&workloads::GET_ITEM, &workloads::PUT_ITEM],
                servers: vec![
                    Server::Bare,
                    memory,
                    sync,
                    Server::DynoxideMemory,
                    Server::DynoxideFile,
                ],
                connections: vec![1, 4, 16, 64, 256],
                ..course
            };
            course::measure(&course, programs, setting)
        }
        sections::LOAD => {
            let course = Course {
                workloads: vec![&workloads::GET_ITEM, &workloads::QUERY, &workloads::PUT_ITEM],
                servers: vec![sync, Server::DynoxideFile],
                paces: [10.0, 25.0, 50.0, 75.0, 90.0]
                    .map(CoursePace::OpenPercent)
                    .to_vec(),
                ..course
            };
            course::measure(&course, programs, setting)
        }
        sections::ITEM_SIZE => {
            for item_bytes in ITEM_SIZES {
                let items = (SIZED_TABLE_BYTES / item_bytes).clamp(100, arguments.items);
                let course = Course {
                    workloads: vec![&workloads::GET_ITEM, &workloads::PUT_ITEM],
                    servers: vec![Server::Bare, memory, sync, Server::DynoxideMemory],
                    scale: Scale { items, item_bytes },
                    ..course.clone()
                };
                println!("Items of {item_bytes} bytes\n");
                course::measure(&course, programs, setting)?;
            }
            Ok(())
        }
        sections::TABLE_SIZE => {
            table_size::measure(&arguments.table_sizes(), &arguments.turns(), programs, setting)
        }
        sections::DURABILITY => measure_durability(arguments, programs, setting),
        _ => course::measure(&course, programs, setting),
    }
}

/// Starts each server some times, and looks at its memory.
fn measure_footprint(programs: &Programs, setting: &mut Setting) -> Result<()> {
    for server in Server::ALL {
        if server == Server::Bare || programs.why_absent(server).is_some() {
            continue;
        }
        let count = if server.counterpart().is_some() { 3 } else { 11 };
        let mut times = Vec::with_capacity(count);
        let mut resident_bytes = None;
        for number in 0..count {
            interrupt::check()?;
            let directory = setting
                .directory()
                .join(format!("start-{}-{number}", server.name()));
            let started = programs.start(server, &directory).and_then(|process| {
                times.push(rounded(process.time_to_first_answer()?.as_secs_f64() * 1e3));
                Ok(process)
            });
            match started {
                Ok(process) if number + 1 == count => {
                    std::thread::sleep(SETTLE);
                    resident_bytes = process.resident_bytes();
                }
                Ok(_process) => {}
                Err(failure) => {
                    println!("{} failed to start: {failure}", server.name());
                    break;
                }
            }
        }
        setting.results.add(
            "start",
            json!({
                "section": sections::FOOTPRINT,
                "server": server.name(),
                "first_answer_ms": times,
                "resident_bytes": resident_bytes,
            }),
        );
    }
    println!(
        "{}",
        tables::footprint(&Figures::of(setting.results.rows())).render()
    );
    Ok(())
}

/// Bytes to disk and recovery of all servers that store in files.
fn measure_durability(arguments: &FullArguments, programs: &Programs, setting: &mut Setting) -> Result<()> {
    let servers = [
        Server::Stator(Durability::Sync),
        Server::Stator(Durability::Os),
        Server::DynoxideFile,
        Server::DynaliteFile,
    ];
    for server in servers {
        interrupt::check()?;
        if programs.why_absent(server).is_some() {
            continue;
        }
        if let Err(failure) = measure_durability_of(server, arguments, programs, setting) {
            interrupt::check()?;
            println!("{} failed: {failure}", server.name());
            setting.results.add(
                "failed",
                json!({
                    "section": sections::DURABILITY,
                    "workload": "write amplification and recovery",
                    "server": server.name(),
                    "why": failure.to_string(),
                }),
            );
        }
    }
    println!(
        "{}",
        tables::durability(&Figures::of(setting.results.rows())).render()
    );
    Ok(())
}

fn measure_durability_of(
    server: Server,
    arguments: &FullArguments,
    programs: &Programs,
    setting: &mut Setting,
) -> Result<()> {
    let scale = Scale::of_items(arguments.items);
    let labels = json!({
        "section": sections::DURABILITY,
        "server": server.name(),
        "items": scale.items,
        "item_bytes": scale.item_bytes,
    });
    let directory = setting.directory().join(format!("durability-{}", server.name()));
    let process = programs.start(server, &directory)?;
    course::fill(&process, Data::Orders, scale, course::PEER_FILLING_TIME_MAX)?;
    let mut row = recovery::write_amplification(&process, scale, shape(), arguments.open_time())?;
    extend(&mut row, labels.clone());
    setting.results.add("write_amplification", row);
    let recovered = recovery::recover(programs, server, &directory, process, scale, shape(), KILLS)?;
    let (seconds, _process) = recovered;
    let mut row = json!({"seconds": seconds});
    extend(&mut row, labels);
    setting.results.add("recovery", row);
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Arguments {
        #[command(flatten)]
        full: FullArguments,
    }

    fn parse(words: &[&str]) -> FullArguments {
        Arguments::parse_from([&["full"], words].concat()).full
    }

    #[test]
    fn a_peer_may_fail_and_stator_may_not() {
        let failed = |server| json!({"kind": "failed", "server": server, "workload": "scan", "why": "no"});
        assert!(
            check_own(&[
                failed("dynalite-file"),
                json!({"kind": "round", "server": "bare"})
            ])
            .is_ok()
        );
        let failure = check_own(&[failed("dynalite-file"), failed("stator-os")]).expect_err("a failure");
        assert_eq!(failure.to_string(), "stator-os has failed, scan: no");
    }

    #[test]
    fn tables_grow_to_the_largest() {
        assert_eq!(parse(&[]).table_sizes(), [10_000, 100_000, 1_000_000]);
        assert_eq!(parse(&["--long"]).table_sizes().last(), Some(&10_000_000));
        assert_eq!(parse(&["--items-max=30000"]).table_sizes(), [10_000, 30_000]);
        assert_eq!(parse(&["--items-max=5000"]).table_sizes(), [5000]);
    }
}
