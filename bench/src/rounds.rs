//! Servers side by side, loaded in short rounds one after the other, so that whatever else the
//! machine does hits all of them alike.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use crate::items::ITEMS_PER_PARTITION;
use crate::load::{self, Shape, Span};
use crate::measurement::{Measurement, Round};
use crate::setting::parse_count;
use crate::traffic::{Exchange, Traffic};
use harness::failure::{Context, Failure, Result};
use harness::interrupt;
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

    /// How the servers take turns.
    pub fn turns(&self) -> Turns {
        Turns {
            rounds: self.rounds,
            round_time: self.round_time(),
            shape: self.shape(),
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

/// So many connections, over as many threads as are usual.
pub fn default_shape(connections: usize) -> Shape {
    Shape {
        connections,
        threads: default_threads().min(connections),
    }
}

/// How servers take turns.
#[derive(Clone, Copy, Debug)]
pub struct Turns {
    pub rounds: u32,
    /// The recorded time of one round.
    pub round_time: Duration,
    pub shape: Shape,
}

/// A server that takes part.
#[derive(Debug)]
pub struct Entrant<'a> {
    /// Its name, as results and the table have it.
    pub name: &'static str,
    pub process: &'a ServerProcess,
    pub traffic: Traffics,
}

/// Where an entrant's traffic comes from.
#[derive(Clone, Debug)]
pub enum Traffics {
    /// The same for all rounds.
    Lasting(Arc<Traffic>),
    /// Each round removes what the next one needs.
    Removing(Removal),
}

/// Requests each of which can be sent once, as it removes an item, and those that bring the items
/// back.
#[derive(Clone, Debug)]
pub struct Removal {
    pub removals: Exchange,
    /// What writes the items again that the first removals have removed, `batch_items` of them each.
    pub refills: Exchange,
    pub batch_items: usize,
}

/// What came of an entrant: its rounds up to the one that failed, if one did.
#[derive(Debug)]
pub struct Entered {
    pub measurement: Measurement,
    pub failure: Option<Failure>,
}

/// Loads the servers in turn, as many rounds as are asked for, and gives what was measured in
/// their order. One that fails takes no further turn.
pub fn measure_in_turn(turns: &Turns, entrants: &[Entrant<'_>]) -> Result<Vec<Entered>> {
    let mut entered: Vec<Entered> = entrants
        .iter()
        .map(|entrant| Entered {
            measurement: Measurement::new(entrant.name),
            failure: None,
        })
        .collect();
    // The first round only warms up.
    for round in 0..=turns.rounds as usize {
        for turn in 0..entrants.len() {
            // Each round begins with another server, so that none always follows the same one.
            let index = (round + turn) % entrants.len();
            if entered[index].failure.is_some() {
                continue;
            }
            let measured = measure_round(turns, &entrants[index]);
            interrupt::check()?;
            match measured {
                Ok(measured) if round > 0 => entered[index].measurement.rounds.push(measured),
                Ok(_warmed_up) => {}
                Err(failure) => entered[index].failure = Some(failure),
            }
        }
    }
    Ok(entered)
}

/// The same where each server must succeed: `what` is the load's name in failures.
pub fn measure_all_in_turn(turns: &Turns, what: &str, entrants: &[Entrant<'_>]) -> Result<Vec<Measurement>> {
    measure_in_turn(turns, entrants)?
        .into_iter()
        .map(|entered| match entered.failure {
            None => Ok(entered.measurement),
            Some(failure) => Err(failure).context(&format!("{what} on {}", entered.measurement.server)),
        })
        .collect()
}

fn measure_round(turns: &Turns, entrant: &Entrant<'_>) -> Result<Round> {
    let recorded = turns.round_time;
    let (traffic, ramp) = match &entrant.traffic {
        Traffics::Lasting(traffic) => (traffic.clone(), recorded.mul_f64(RAMP_PART)),
        // There may not be enough to remove for a ramp and what is recorded after it.
        Traffics::Removing(removal) => (Arc::new(removal.traffic()), Duration::ZERO),
    };
    let span = Span::Timed { ramp, recorded };
    let process = entrant.process;
    let since = |before: Option<Duration>, after: Option<Duration>| after?.checked_sub(before?);
    let (server_before, client_before) = (process.cpu_time(), server_process::own_cpu_time());
    let outcome = load::run(process.address(), &traffic, turns.shape, span)?;
    let round = Round {
        server_cpu: since(server_before, process.cpu_time()),
        client_cpu: since(client_before, server_process::own_cpu_time()),
        outcome,
    };
    if let Traffics::Removing(removal) = &entrant.traffic {
        removal.refill(process, round.outcome.answered as usize, turns.shape)?;
    }
    Ok(round)
}

impl Removal {
    fn traffic(&self) -> Traffic {
        let body_bytes = *self.removals.body_bytes.end();
        Traffic::each_once(&self.removals.requests, body_bytes)
    }

    /// Brings back what the first `removed` removals have removed.
    fn refill(&self, process: &ServerProcess, removed: usize, shape: Shape) -> Result<()> {
        let batches = removed.div_ceil(self.batch_items);
        let body_bytes = *self.refills.body_bytes.end();
        let traffic = Traffic::first_of(&self.refills.requests, body_bytes, batches);
        load::run(process.address(), &Arc::new(traffic), shape, Span::TO_THE_END)
            .context("the removed items cannot be written again")?;
        Ok(())
    }
}
