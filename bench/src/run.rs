//! Any workloads on any servers: what one looks at while working on the speed of one thing.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use crate::course::{self, Course, CoursePace};
use crate::full;
use crate::items;
use crate::rounds;
use crate::sections;
use crate::servers::{PeerArguments, Programs, Server, parse_server};
use crate::setting::{PlaceArguments, Setting, parse_count};
use crate::workloads::{self, Data, Scale, Workload};
use harness::failure::{Failure, Result};
use harness::interrupt;

/// The settings of `bench run`.
#[derive(Args, Clone, Debug)]
pub struct RunArguments {
    /// Workloads, separated by commas [default: all of them]
    #[arg(long, value_name = "WORKLOAD", value_delimiter = ',', value_parser = parse_workload)]
    pub workload: Vec<&'static Workload>,

    /// Servers, separated by commas [default: all that are installed]
    #[arg(long, value_name = "SERVER", value_delimiter = ',', value_parser = parse_server)]
    pub server: Vec<Server>,

    /// Connections, each with one request in flight; several numbers are measured one after the other
    #[arg(long, value_name = "COUNT", value_delimiter = ',', value_parser = parse_count::<1, 1024>, default_value = "32")]
    pub connections: Vec<usize>,

    /// Items in the table
    #[arg(long, value_name = "COUNT", value_parser = parse_count::<100, 20_000_000>, default_value = "20000")]
    pub items: usize,

    /// The size of an item, as DynamoDB counts
    #[arg(long, value_name = "BYTES", value_parser = parse_count::<{ items::SIZE_BYTES_MIN }, 409_600>, default_value = "1024")]
    pub item_bytes: usize,

    /// `closed`, `open:RATE` requests a second at random times, or `open:PERCENT%` of what the server
    /// does in the closed loop; several are measured one after the other
    #[arg(long, value_name = "PACE", value_delimiter = ',', value_parser = parse_pace, default_value = "closed")]
    pub pace: Vec<CoursePace>,

    /// Rounds of each server and workload
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=100), default_value = "5")]
    pub rounds: u32,

    /// Recorded time of one round
    #[arg(long, value_name = "MILLISECONDS", value_parser = clap::value_parser!(u32).range(10..=600_000), default_value = "1000")]
    pub round_ms: u32,

    /// Recorded time of an open loop
    #[arg(long, value_name = "MILLISECONDS", value_parser = clap::value_parser!(u32).range(10..=3_600_000), default_value = "5000")]
    pub open_ms: u32,

    /// Threads of the load generator [default: one for every two cores]
    #[arg(long, value_name = "COUNT", value_parser = parse_count::<1, 256>)]
    pub threads: Option<usize>,

    #[command(flatten)]
    pub peers: PeerArguments,

    #[command(flatten)]
    pub place: PlaceArguments,
}

fn parse_workload(name: &str) -> std::result::Result<&'static Workload, String> {
    workloads::by_name(name).ok_or_else(|| {
        let names: Vec<&str> = workloads::ALL.iter().map(|workload| workload.name).collect();
        format!("one of {} is wanted", names.join(", "))
    })
}

fn parse_pace(text: &str) -> std::result::Result<CoursePace, String> {
    let positive = |number: &str| {
        number
            .parse()
            .ok()
            .filter(|rate: &f64| rate.is_finite() && *rate > 0.0)
    };
    match (text, text.strip_prefix("open:")) {
        ("closed", _) => Some(CoursePace::Closed),
        (_, Some(rate)) => match rate.strip_suffix('%') {
            Some(percent) => positive(percent).map(CoursePace::OpenPercent),
            None => positive(rate).map(CoursePace::OpenRate),
        },
        _ => None,
    }
    .ok_or_else(|| "`closed`, `open:RATE` or `open:PERCENT%` is wanted".to_owned())
}

impl RunArguments {
    fn course(&self) -> Course {
        // In the order of the table, whatever the order that they were named in.
        let is_chosen = |workload: &&'static Workload| {
            self.workload.is_empty() || self.workload.iter().any(|chosen| chosen.name == workload.name)
        };
        let servers = Server::ALL.into_iter();
        Course {
            section: sections::RUN,
            workloads: workloads::ALL.into_iter().filter(is_chosen).collect(),
            servers: servers
                .filter(|server| self.server.is_empty() || self.server.contains(server))
                .collect(),
            connections: self.connections.clone(),
            threads: self.threads.unwrap_or_else(rounds::default_threads),
            scale: Scale {
                items: self.items,
                item_bytes: self.item_bytes,
            },
            paces: self.pace.clone(),
            rounds: self.rounds,
            round_time: Duration::from_millis(self.round_ms.into()),
            open_time: Duration::from_millis(self.open_ms.into()),
        }
    }
}

/// Runs everything, prints the tables and appends the raw rows.
pub fn run(arguments: &RunArguments) -> Result<()> {
    interrupt::catch()?;
    // A signal reaches the servers too, and what then fails is not worth telling.
    measure(arguments).or_else(|failure| interrupt::check().and(Err(failure)))
}

fn measure(arguments: &RunArguments) -> Result<()> {
    let course = arguments.course();
    let least = |data: Data| data.item_bytes_min();
    if let Some(workload) = course
        .workloads
        .iter()
        .find(|workload| least(workload.data) > arguments.item_bytes)
    {
        return Err(Failure::new(format!(
            "{} needs items of {} bytes or more; leave it out or raise --item-bytes",
            workload.name,
            least(workload.data)
        )));
    }
    let settings = json!({
        "connections": course.connections,
        "items": course.scale.items,
        "item_bytes": course.scale.item_bytes,
        "rounds": course.rounds,
        "round_ms": arguments.round_ms,
        "open_ms": arguments.open_ms,
        "threads": course.threads,
    });
    let mut setting = Setting::prepare("run", &arguments.place, &settings)?;
    let programs = Programs::find(setting.stator.clone(), &arguments.peers);
    full::note_servers(&programs, &mut setting);
    course::measure(&course, &programs, &mut setting)?;
    println!(
        "Ratios are to the same round of the bare server, the median of the rounds. Raw rows were appended to {}",
        setting.write_results()?.display()
    );
    full::check_own(setting.results.rows())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paces_are_read() {
        assert_eq!(parse_pace("closed"), Ok(CoursePace::Closed));
        assert_eq!(parse_pace("open:5000"), Ok(CoursePace::OpenRate(5000.0)));
        assert_eq!(parse_pace("open:50%"), Ok(CoursePace::OpenPercent(50.0)));
        for text in [
            "", "open", "open:", "open:0", "open:-1", "open:inf", "open:x%", "shut",
        ] {
            assert!(parse_pace(text).is_err(), "{text}");
        }
    }

    #[test]
    fn workloads_are_read() {
        assert_eq!(
            parse_workload("ycsb-a").map(|workload| workload.name),
            Ok("ycsb-a")
        );
        let sentence = parse_workload("ycsb-z").expect_err("no workload");
        assert!(sentence.contains("get-item"), "{sentence}");
    }
}
