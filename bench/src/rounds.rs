//! Servers side by side, loaded in short rounds one after the other, so that whatever else the
//! machine does hits all of them alike.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use crate::items::ITEMS_PER_PARTITION;
use crate::load::{self, Order, Shape};
use crate::measurement::{Measurement, Round};
use crate::requests::Requests;
use crate::setting::parse_count;
use harness::failure::{Context, Result};
use harness::server_process::{self, ServerProcess};

/// The part of each round that is not recorded, so that connections and caches are warm.
const RAMP_PART: f64 = 0.2;

/// How long and how hard each server is loaded.
#[derive(Args, Clone, Debug)]
pub struct RoundArguments {
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
}

impl RoundArguments {
    /// The number of items, in whole partitions.
    pub fn item_count(&self) -> usize {
        self.items.next_multiple_of(ITEMS_PER_PARTITION)
    }

    /// The recorded time of one round.
    pub fn round_time(&self) -> Duration {
        Duration::from_secs(self.seconds.into()) / self.rounds
    }

    /// Connections and threads of a load.
    pub fn shape(&self) -> Shape {
        Shape {
            connections: self.connections,
            threads: self.threads.unwrap_or_else(default_threads).min(self.connections),
        }
    }

    pub fn to_json(&self) -> Value {
        json!({
            "seconds": self.seconds,
            "rounds": self.rounds,
            "connections": self.connections,
            "items": self.item_count(),
            "threads": self.shape().threads,
        })
    }
}

/// Threads of the load generator. Half of the cores are enough to keep the servers busy, as a
/// request costs it less than any server.
pub fn default_threads() -> usize {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    (cores / 2).max(1)
}

/// Loads each of `servers` with `requests` in turn, as many rounds as are asked for, and gives
/// what was measured in the servers' order. `what` is the load's name in failures.
pub fn measure_in_turn(
    arguments: &RoundArguments,
    what: &str,
    servers: &[(&'static str, &ServerProcess)],
    requests: &Arc<Requests>,
    body_bytes: usize,
) -> Result<Vec<Measurement>> {
    let mut measurements: Vec<Measurement> = servers.iter().map(|(name, _)| Measurement::new(name)).collect();
    // The first round only warms up.
    for round in 0..=arguments.rounds as usize {
        for turn in 0..servers.len() {
            // Each round begins with another server, so that none always follows the same one.
            let index = (round + turn) % servers.len();
            let (name, process) = servers[index];
            let measured = measure_round(arguments, process, requests, body_bytes)
                .context(&format!("{what} on {name}"))?;
            if round > 0 {
                measurements[index].rounds.push(measured);
            }
        }
    }
    Ok(measurements)
}

fn measure_round(
    arguments: &RoundArguments,
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
