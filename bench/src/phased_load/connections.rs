//! The connections of a load: each a task of the event loop of its thread.

use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::arrivals::Arrivals;
use super::clock::Clock;
use super::phases::{Answered, Phases};
use super::{POLL_INTERVAL, Pace, Part};
use crate::client::Client;
use crate::items::Random;
use crate::load;
use harness::failure::{Context, Failure, Result};
use harness::interrupt;

/// After how many steps of its tasks an event loop looks for answers and for what is due. The
/// usual number, 61, would let what has become due wait for an answer on each of as many connections.
const STEPS_BETWEEN_EVENTS: u32 = 8;

/// What all connections have in common.
#[derive(Debug)]
pub struct Shared {
    parts: Vec<Part>,
    start: Instant,
    first_stamp: u64,
    answer_time_max: Duration,
    has_failed: AtomicBool,
    /// Of each part in the open loop; none in the closed one.
    arrivals: Vec<Mutex<Arrivals>>,
    pub phases: Mutex<Phases>,
}

impl Shared {
    pub fn new(parts: Vec<Part>, pace: Pace, answer_time_max: Duration) -> Self {
        let start = Instant::now();
        let arrivals = match pace {
            Pace::Closed => Vec::new(),
            Pace::Open { requests_per_second } => {
                let mean_gap = Duration::from_secs_f64(parts.len() as f64 / requests_per_second);
                (0..parts.len())
                    .map(|line| Mutex::new(Arrivals::new(line as u64, start, mean_gap)))
                    .collect()
            }
        };
        Shared {
            start,
            first_stamp: load::first_stamp(),
            answer_time_max,
            has_failed: AtomicBool::new(false),
            arrivals,
            phases: Mutex::new(Phases::new(parts.len(), start)),
            parts,
        }
    }

    /// Whether a connection has failed.
    pub fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }
}

/// A connection that is to be driven.
#[derive(Debug)]
pub struct Seat {
    /// Its number among all.
    pub number: usize,
    /// Which arrivals it takes, in the open loop.
    pub line: usize,
    pub stream: TcpStream,
}

/// The arrivals of one part, as the connections of one thread take them.
#[derive(Debug)]
struct Line {
    number: usize,
    /// The free connection that waits for the next arrival holds it, and the others queue for it, so
    /// that the one that has been free for longest is the next.
    clock: tokio::sync::Mutex<Clock>,
}

impl Line {
    /// Waits until the next request is due, or the load ends before that. Gives the time at which it
    /// was due, which is earlier than now where requests have waited for a connection.
    async fn next(&self, shared: &Shared) -> Result<Instant> {
        let mut clock = self.clock.lock().await;
        let due = lock(&shared.arrivals[self.number]).take();
        loop {
            let now = Instant::now();
            if due <= now || lock(&shared.phases).at(due).is_none() {
                return Ok(due);
            }
            clock.wait_until(due.min(now + POLL_INTERVAL)).await?;
        }
    }
}

/// Sends requests over these connections until the load ends.
pub fn drive(seats: Vec<Seat>, shared: &Arc<Shared>) -> Result<()> {
    let driven = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .event_interval(STEPS_BETWEEN_EVENTS)
        .build()
        .context("a thread of the load generator cannot be started")
        .and_then(|runtime| runtime.block_on(drive_all(seats, shared)));
    shared.has_failed.fetch_or(driven.is_err(), Ordering::Relaxed);
    driven
}

async fn drive_all(seats: Vec<Seat>, shared: &Arc<Shared>) -> Result<()> {
    let bodies = shared.parts.iter().map(|part| part.traffic.body_bytes_max());
    let body_bytes_max = bodies.max().unwrap_or_default();
    let mut lines = Vec::with_capacity(shared.arrivals.len());
    for number in 0..shared.arrivals.len() {
        lines.push(Arc::new(Line {
            number,
            clock: tokio::sync::Mutex::new(Clock::new()?),
        }));
    }
    let mut connections = JoinSet::new();
    for seat in seats {
        let client = Client::new(seat.stream, body_bytes_max)?;
        let line = lines.get(seat.line).cloned();
        connections.spawn(drive_one(client, seat.number, line, shared.clone()));
    }
    let mut ticks = tokio::time::interval(POLL_INTERVAL);
    loop {
        tokio::select! {
            ended = connections.join_next() => match ended {
                Some(ended) => ended.context("a connection of the load generator panicked")??,
                None => return Ok(()),
            },
            _ = ticks.tick() => interrupt::check()?,
        }
    }
}

/// Sends requests over one connection until the load ends: of its line in the open loop, any
/// where it has none.
async fn drive_one(
    mut client: Client,
    number: usize,
    line: Option<Arc<Line>>,
    shared: Arc<Shared>,
) -> Result<()> {
    // The arrivals' numbers are no connection's: what is asked for must not depend on the gaps.
    let mut random = Random::new((1 << 32) + number as u64);
    let mut free_since = shared.start;
    loop {
        let (due, part) = match &line {
            Some(line) => (line.next(&shared).await?, line.number),
            None => (Instant::now(), random.below(shared.parts.len())),
        };
        let Some(phase) = lock(&shared.phases).at(due) else {
            return Ok(());
        };
        let traffic = &shared.parts[part].traffic;
        let Some(picked) = traffic.pick(&mut random) else {
            return Ok(());
        };
        let stamp = shared.first_stamp + shared.start.elapsed().as_nanos() as u64;
        let mut sent_at = None;
        for exchange in traffic.exchanges(picked) {
            let exchanged = client.exchange(traffic, exchange, picked, stamp);
            let in_time = tokio::time::timeout(shared.answer_time_max, exchanged).await;
            let sent = in_time.map_err(|_| {
                let seconds = shared.answer_time_max.as_secs_f64();
                Failure::new(format!(
                    "the server has not answered a request within {seconds} s"
                ))
            })??;
            sent_at.get_or_insert(sent);
        }
        traffic.finish(picked);
        let answered_at = Instant::now();
        let had_connection = line.is_some() && free_since <= due;
        let answered = Answered {
            part,
            latency: answered_at - due,
            lateness: sent_at.filter(|_| had_connection).map(|sent| sent - due),
        };
        lock(&shared.phases).count(phase, answered);
        free_since = answered_at;
    }
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
