//! The load generator: closed loop, one request in flight per connection.
//!
//! It runs beside the servers and takes processor time from them, so it does as little as it can:
//! requests are bytes that were made before, and an answer is counted by its head and its length.
//! An answer that is no success, or not as long as it may be, ends the load: figures of a server
//! that answers wrongly are worth nothing.

use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use crate::client::{self, Client};
use crate::items::Random;
use crate::traffic::Traffic;
use harness::failure::{Context, Failure, Result};
use harness::interrupt;

/// Latencies up to this are told apart; longer ones count as this long.
const LATENCY_MAX: Duration = Duration::from_secs(60);

/// How long after its planned end a load may last before the server counts as stuck.
const STUCK_AFTER: Duration = Duration::from_secs(30);

/// How long it may take to send each of some requests once, where nobody has reason to say else.
const TO_THE_END_MAX: Duration = Duration::from_secs(600);

/// With how many connections and threads to load.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub connections: usize,
    /// Threads of the load generator, at most one per connection.
    pub threads: usize,
}

impl Span {
    /// To the end, in the usual time.
    pub const TO_THE_END: Span = Span::ToTheEnd { time: TO_THE_END_MAX };
}

/// How long to send.
#[derive(Clone, Copy, Debug)]
pub enum Span {
    /// Until the traffic ends, as it does where each request is sent once, which must be within this
    /// time.
    ToTheEnd { time: Duration },
    /// Unrecorded for the first time, recorded for the second, unless the traffic ends before.
    Timed { ramp: Duration, recorded: Duration },
}

/// What came back.
#[derive(Debug)]
pub struct Outcome {
    /// Latencies in nanoseconds of the requests answered within the recorded time.
    pub latencies: Histogram<u64>,
    /// All requests answered, also those outside the recorded time.
    pub answered: u64,
    /// The time that was recorded.
    pub recorded: Duration,
}

impl Outcome {
    /// Requests answered in a second of the recorded time.
    pub fn requests_per_second(&self) -> f64 {
        let seconds = self.recorded.as_secs_f64();
        match seconds > 0.0 {
            true => self.latencies.len() as f64 / seconds,
            false => 0.0,
        }
    }
}

/// An empty histogram of nanoseconds, exact to three digits.
pub fn histogram() -> Histogram<u64> {
    let highest = LATENCY_MAX.as_nanos() as u64;
    Histogram::new_with_bounds(1, highest, 3).expect("constant bounds are in range")
}

/// Loads the server at `address`.
pub fn run(address: SocketAddr, traffic: &Arc<Traffic>, shape: Shape, span: Span) -> Result<Outcome> {
    let mut streams = Vec::with_capacity(shape.connections);
    for _ in 0..shape.connections {
        streams.push(client::connect(address)?);
    }
    let shared = Arc::new(Shared {
        traffic: traffic.clone(),
        start: Instant::now(),
        first_stamp: first_stamp(),
        span,
    });
    let threads = shape.threads.clamp(1, shape.connections);
    let mut parts: Vec<Vec<TcpStream>> = (0..threads).map(|_| Vec::new()).collect();
    for (index, stream) in streams.into_iter().enumerate() {
        parts[index % threads].push(stream);
    }
    let workers: Vec<_> = parts
        .into_iter()
        .enumerate()
        .map(|(index, streams)| {
            let shared = shared.clone();
            thread::spawn(move || run_thread(index, streams, &shared))
        })
        .collect();
    let mut latencies = histogram();
    let mut answered = 0;
    let mut last_answer_at = shared.start;
    for worker in workers {
        let tally = worker
            .join()
            .map_err(|_| Failure::new("a thread of the load generator panicked"))??;
        latencies.add(&tally.latencies).context("histograms differ")?;
        answered += tally.answered;
        last_answer_at = last_answer_at.max(tally.last_answer_at);
    }
    interrupt::check()?;
    let elapsed = last_answer_at - shared.start;
    let recorded = match span {
        Span::ToTheEnd { .. } => elapsed,
        Span::Timed { ramp, recorded } => recorded.min(elapsed.saturating_sub(ramp)),
    };
    Ok(Outcome {
        latencies,
        answered,
        recorded,
    })
}

/// A number that grows by one each nanosecond, so that the stamps of one load, which count on from
/// it by the time, are those of no other.
pub fn first_stamp() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.as_nanos() as u64
}

/// What all connections of one load have in common.
#[derive(Debug)]
struct Shared {
    traffic: Arc<Traffic>,
    start: Instant,
    first_stamp: u64,
    span: Span,
}

/// What the connections of one thread have counted.
#[derive(Debug)]
struct Tally {
    latencies: Histogram<u64>,
    answered: u64,
    last_answer_at: Instant,
}

fn run_thread(index: usize, streams: Vec<TcpStream>, shared: &Arc<Shared>) -> Result<Tally> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("a thread of the load generator cannot be started")?;
    // Only the connections of this thread share it, so nobody ever waits for the lock.
    let tally = Arc::new(Mutex::new(Tally {
        latencies: histogram(),
        answered: 0,
        last_answer_at: shared.start,
    }));
    runtime.block_on(async {
        let mut connections = JoinSet::new();
        for (position, stream) in streams.into_iter().enumerate() {
            let client = Client::new(stream, shared.traffic.body_bytes_max())?;
            let random = Random::new(((index as u64) << 32) + position as u64);
            connections.spawn(run_connection(client, random, shared.clone(), tally.clone()));
        }
        let all = async {
            while let Some(ended) = connections.join_next().await {
                ended.context("a connection of the load generator panicked")??;
            }
            Ok(())
        };
        let time = match shared.span {
            Span::ToTheEnd { time } => time,
            Span::Timed { ramp, recorded } => ramp + recorded + STUCK_AFTER,
        };
        tokio::time::timeout(time, all).await.unwrap_or_else(|_| {
            Err(Failure::new(format!(
                "the server has not answered everything within {} s",
                time.as_secs()
            )))
        })
    })?;
    drop(runtime);
    Arc::into_inner(tally)
        .map(|tally| tally.into_inner().unwrap_or_else(PoisonError::into_inner))
        .ok_or_else(|| Failure::new("a connection of the load generator has not ended"))
}

async fn run_connection(
    mut client: Client,
    mut random: Random,
    shared: Arc<Shared>,
    tally: Arc<Mutex<Tally>>,
) -> Result<()> {
    let traffic = &shared.traffic;
    let (record_from, end) = match shared.span {
        Span::ToTheEnd { .. } => (shared.start, None),
        Span::Timed { ramp, recorded } => (shared.start + ramp, Some(shared.start + ramp + recorded)),
    };
    let mut sent_at = Instant::now();
    while end.is_none_or(|end| sent_at < end) && !interrupt::is_interrupted() {
        let Some(picked) = traffic.pick(&mut random) else {
            break;
        };
        let stamp = shared.first_stamp + (sent_at - shared.start).as_nanos() as u64;
        for exchange in traffic.exchanges(picked) {
            client.exchange(traffic, exchange, picked, stamp).await?;
        }
        traffic.finish(picked);
        let answered_at = Instant::now();
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.answered += 1;
        tally.last_answer_at = tally.last_answer_at.max(answered_at);
        if answered_at >= record_from && end.is_none_or(|end| answered_at <= end) {
            let latency = answered_at - sent_at;
            tally.latencies.saturating_record(latency.as_nanos() as u64);
        }
        sent_at = answered_at;
    }
    Ok(())
}
