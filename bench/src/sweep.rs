//! The workload `sweep`: what other requests notice of the sweep of expired items.
//!
//! A table is filled with sessions that have ended and some that have not, while it has no time to
//! live. GetItem and PutItem of live sessions go on from then to the end; first alone, then time to
//! live is switched on, and the server finds all items their place in the order of expiry
//! (`enabling`) and deletes those that have ended (`sweeping`), and then alone again. The last
//! phase is there to see whether something else than the sweep has changed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::filling;
use crate::phased_load::{Pace, Part, Phase, PhasedLoad};
use crate::requests::Requests;
use crate::rest;
use crate::results::extend;
use crate::rounds;
use crate::sessions::{self, Sessions, TABLE};
use crate::setting::{PlaceArguments, Setting, parse_count};
use crate::sweep_figures::{CpuTimes, Sweep};
use crate::table::with_commas;
use crate::traffic::Traffic;
use harness::control;
use harness::failure::{Context, Failure, Result};
use harness::http;
use harness::interrupt;
use harness::server_process::{Durability, ServerProcess};

/// How long the capacity is measured.
const CAPACITY_TIME: Duration = Duration::from_secs(5);

/// The part of the load before the first phase, so that connections and caches are warm.
const RAMP: Duration = Duration::from_secs(2);

/// How often it is asked how far the server has come.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// How long the server may make no progress.
const STUCK_AFTER: Duration = Duration::from_secs(120);

/// The settings of `bench sweep`.
#[derive(Args, Clone, Debug)]
pub struct SweepArguments {
    /// Items that are due
    #[arg(long, value_name = "COUNT", value_parser = parse_count::<1, 50_000_000>, default_value = "1000000")]
    pub items: usize,

    /// Items that are not, which requests are for
    #[arg(long, value_name = "COUNT", value_parser = parse_count::<1, 500_000>, default_value = "20000")]
    pub live_items: usize,

    /// What an acknowledged write survives; may be given more than once
    #[arg(long, value_enum, default_value = "sync")]
    pub durability: Vec<Durability>,

    /// When requests are sent; may be given more than once
    #[arg(long, value_enum, default_value = "open")]
    pub pace: Vec<PaceName>,

    /// Connections in the closed loop that measures the capacity
    #[arg(long, value_name = "COUNT", value_parser = parse_count::<1, 1024>, default_value = "32")]
    pub connections: usize,

    /// Connections of the open loop, half for each operation: requests beyond as many wait for one
    #[arg(long, value_name = "COUNT", value_parser = parse_count::<2, 1024>, default_value = "128")]
    pub open_connections: usize,

    /// Connections of the closed loop
    #[arg(long, value_name = "COUNT", value_parser = parse_count::<1, 1024>, default_value = "2")]
    pub closed_connections: usize,

    /// The rate of the open loop, in per cent of the capacity
    #[arg(long, value_name = "PERCENT", value_parser = parse_count::<1, 100>, default_value = "50")]
    pub load: usize,

    /// How long the phases before and after last
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=3600), default_value = "20")]
    pub seconds: u32,

    #[command(flatten)]
    pub place: PlaceArguments,
}

/// When requests are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PaceName {
    /// At random times, at a part of the capacity; a stall is charged for all that it delays
    Open,
    /// A few connections, each of which sends when it has its answer
    Closed,
}

impl PaceName {
    fn name(self) -> &'static str {
        match self {
            PaceName::Open => "open",
            PaceName::Closed => "closed",
        }
    }
}

impl SweepArguments {
    fn to_json(&self) -> Value {
        json!({
            "items": self.items,
            "live_items": self.live_items,
            "connections": self.connections,
            "open_connections": self.open_connections,
            "closed_connections": self.closed_connections,
            "load_percent": self.load,
            "seconds": self.seconds,
        })
    }
}

/// Runs everything, prints the tables and appends the raw rows.
pub fn run(arguments: &SweepArguments) -> Result<()> {
    interrupt::catch()?;
    // A signal reaches the servers too, and what then fails is not worth telling.
    measure(arguments).or_else(|failure| interrupt::check().and(Err(failure)))
}

fn measure(arguments: &SweepArguments) -> Result<()> {
    let mut setting = Setting::prepare("sweep", &arguments.place, &arguments.to_json())?;
    println!(
        "Load: GetItem and PutItem of {} live items beside {} due ones, {} bytes each\n",
        with_commas(arguments.live_items as f64),
        with_commas(arguments.items as f64),
        sessions::ITEM_SIZE_BYTES,
    );
    for &durability in &arguments.durability {
        for &pace in &arguments.pace {
            let sweep = measure_sweep(arguments, &setting, durability, pace)
                .context(&format!("the sweep with durability {}", durability.name()))?;
            sweep.print();
            let labels = json!({"durability": durability.name(), "pace": pace.name()});
            for (kind, mut row) in sweep.rows() {
                extend(&mut row, labels.clone());
                setting.results.add(kind, row);
            }
        }
    }
    println!(
        "Ratios are those of the 99th percentiles to the ones before; they mean little where other programs used much of the cores. Raw rows were appended to {}",
        setting.write_results()?.display()
    );
    Ok(())
}

fn measure_sweep(
    arguments: &SweepArguments,
    setting: &Setting,
    durability: Durability,
    pace: PaceName,
) -> Result<Sweep> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let sessions = Sessions {
        due: arguments.items,
        live: arguments.live_items,
        now_seconds: now.as_secs(),
    };
    let data_directory = setting
        .directory()
        .join(format!("sweep-{}-{}", durability.name(), pace.name()));
    let process = ServerProcess::start_stator(&setting.stator, durability, &data_directory)?;
    let address = process.address();
    control::create_table(address, &sessions::table())?;
    fill(address, &sessions)?;
    rest::wait_for_rest(&process)?;

    let parts = parts(address, &sessions)?;
    let capacity_load = PhasedLoad::start(
        address,
        parts.clone(),
        rounds::default_shape(arguments.connections),
        Pace::Closed,
    )?;
    capacity_load.wait(RAMP)?;
    capacity_load.begin_phase();
    capacity_load.wait(CAPACITY_TIME)?;
    let capacity_per_second = capacity_load
        .end()?
        .last()
        .map_or(0.0, Phase::requests_per_second);
    rest::wait_for_rest(&process)?;

    let (pace, connections) = match pace {
        PaceName::Closed => (Pace::Closed, arguments.closed_connections),
        PaceName::Open => {
            let requests_per_second = capacity_per_second * arguments.load as f64 / 100.0;
            (Pace::Open { requests_per_second }, arguments.open_connections)
        }
    };
    let operations = parts.iter().map(|part| part.operation).collect();
    let load = PhasedLoad::start(address, parts, rounds::default_shape(connections), pace)?;
    let calm = Duration::from_secs(arguments.seconds.into());
    let mut cpu_times = vec![CpuTimes::read(&process)];
    let mut next_phase = || {
        load.begin_phase();
        cpu_times.push(CpuTimes::read(&process));
    };
    load.wait(RAMP)?;
    next_phase();
    load.wait(calm)?;
    next_phase();
    // The answer may come when part of the work is done; the phase has begun before.
    control::enable_time_to_live(address, TABLE, sessions::EXPIRY_ATTRIBUTE)?;
    // No figure tells how far this has come: it is stuck if it takes as long as any table could.
    let enabling_max = STUCK_AFTER + Duration::from_millis(sessions.count() as u64);
    let start = Instant::now();
    while !control::is_time_to_live_enabled(address, TABLE)? {
        if start.elapsed() > enabling_max {
            return Err(Failure::new("time to live does not become ENABLED"));
        }
        load.wait(POLL_INTERVAL)?;
    }
    next_phase();
    wait_for_sweep(&load, address, sessions.live as u64)?;
    next_phase();
    load.wait(calm)?;
    let phases = load.end()?;
    cpu_times.push(CpuTimes::read(&process));
    let left = control::item_count(address, TABLE)?;
    if left != sessions.live as u64 {
        return Err(Failure::new(format!(
            "{left} items are left of {} live ones",
            sessions.live
        )));
    }
    let cpu = cpu_times
        .windows(2)
        .map(|pair| Some(pair[1]?.since(pair[0]?)))
        .collect();
    Ok(Sweep {
        durability,
        pace,
        items: arguments.items,
        capacity_per_second,
        operations,
        phases,
        cpu,
    })
}

/// Writes all items, and looks whether they are there.
fn fill(address: SocketAddr, sessions: &Sessions) -> Result<()> {
    let item = |number| sessions.item(number);
    filling::fill(
        address,
        TABLE,
        sessions.count(),
        sessions::ITEM_SIZE_BYTES,
        filling::TIME_MAX,
        item,
    )?;
    match control::item_count(address, TABLE)? {
        count if count == sessions.count() as u64 => Ok(()),
        count => Err(Failure::new(format!(
            "the table has {count} items after {} were written",
            sessions.count()
        ))),
    }
}

/// The requests for live items, after a look whether they are answered as they must be.
fn parts(address: SocketAddr, sessions: &Sessions) -> Result<Vec<Part>> {
    let get = |number| json!({"TableName": TABLE, "Key": {"pk": {"S": sessions.live_key(number)}}});
    let put = |number| json!({"TableName": TABLE, "Item": sessions.live_item(number)});
    let expected = [json!({"Item": sessions.live_item(0)}), json!({})];
    let requests = [
        (
            "GetItem",
            get(0),
            Requests::new("GetItem", (0..sessions.live).map(get)),
        ),
        (
            "PutItem",
            put(0),
            Requests::new("PutItem", (0..sessions.live).map(put)).stamped(),
        ),
    ];
    let mut parts = Vec::with_capacity(requests.len());
    for ((operation, probe, requests), expected) in requests.into_iter().zip(expected) {
        let answer = http::call(address, operation, &probe.to_string())?;
        let body: Value = serde_json::from_slice(answer.body()).context(&format!("{operation}'s answer"))?;
        if body != expected {
            return Err(Failure::new(format!(
                "{operation} gives a wrong answer, so its speed is of no interest: {body:.300}"
            )));
        }
        parts.push(Part {
            operation,
            traffic: Arc::new(Traffic::uniform(&Arc::new(requests), answer.body().len())),
        });
    }
    Ok(parts)
}

/// Waits until no more than `live` items are left.
fn wait_for_sweep(load: &PhasedLoad, address: SocketAddr, live: u64) -> Result<()> {
    let mut left = u64::MAX;
    let mut progress_at = Instant::now();
    loop {
        let count = control::item_count(address, TABLE)?;
        if count <= live {
            return Ok(());
        }
        if count < left {
            (left, progress_at) = (count, Instant::now());
        } else if progress_at.elapsed() > STUCK_AFTER {
            return Err(Failure::new(format!(
                "the sweep has stopped with {count} items of which {live} are live"
            )));
        }
        load.wait(POLL_INTERVAL)?;
    }
}
