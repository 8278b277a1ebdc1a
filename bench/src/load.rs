//! The load generator: closed loop, one request in flight per connection.
//!
//! It runs beside the servers and takes processor time from them, so it does as little as it can:
//! requests are bytes that were made before, and an answer is counted by its head and its length.
//! An answer that is no success, or not as long as it must be, ends the run: figures of a server
//! that answers wrongly are worth nothing.

use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hdrhistogram::Histogram;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use crate::items::Random;
use crate::requests::Requests;
use harness::failure::{Context, Failure, Result};
use harness::http::Head;
use harness::interrupt;

/// Latencies up to this are told apart; longer ones count as this long.
const LATENCY_MAX: Duration = Duration::from_secs(60);

/// How long after its planned end a load may last before the server counts as stuck.
const STUCK_AFTER: Duration = Duration::from_secs(60);

/// How long a load may last that has no planned end.
const EACH_ONCE_MAX: Duration = Duration::from_secs(1800);

/// With how many connections and threads to load.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub connections: usize,
    /// Threads of the load generator, at most one per connection.
    pub threads: usize,
}

/// What to send.
#[derive(Clone, Copy, Debug)]
pub enum Order {
    /// Each request once.
    EachOnce,
    /// Random requests: unrecorded for the first time, recorded for the second.
    Random { ramp: Duration, recorded: Duration },
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
        self.latencies.len() as f64 / self.recorded.as_secs_f64()
    }
}

/// An empty histogram of nanoseconds, exact to three digits.
pub fn histogram() -> Histogram<u64> {
    let highest = LATENCY_MAX.as_nanos() as u64;
    Histogram::new_with_bounds(1, highest, 3).expect("constant bounds are in range")
}

/// Loads the server at `address`. Every answer must have a body of `body_bytes` bytes.
pub fn run(
    address: SocketAddr,
    requests: &Arc<Requests>,
    body_bytes: usize,
    shape: Shape,
    order: Order,
) -> Result<Outcome> {
    let mut streams = Vec::with_capacity(shape.connections);
    for _ in 0..shape.connections {
        streams.push(connect(address).context("a connection to the server fails")?);
    }
    let shared = Arc::new(Shared {
        requests: requests.clone(),
        body_bytes,
        next: AtomicUsize::new(0),
        start: Instant::now(),
        first_stamp: first_stamp(),
        order,
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
    for worker in workers {
        let tally = worker
            .join()
            .map_err(|_| Failure::new("a thread of the load generator panicked"))??;
        latencies.add(&tally.latencies).context("histograms differ")?;
        answered += tally.answered;
    }
    interrupt::check()?;
    let recorded = match order {
        Order::EachOnce => shared.start.elapsed(),
        Order::Random { recorded, .. } => recorded,
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

fn connect(address: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

/// What all connections of one load have in common.
#[derive(Debug)]
struct Shared {
    requests: Arc<Requests>,
    body_bytes: usize,
    /// The next request of those that are sent once.
    next: AtomicUsize,
    start: Instant,
    first_stamp: u64,
    order: Order,
}

/// What the connections of one thread have counted.
#[derive(Debug)]
struct Tally {
    latencies: Histogram<u64>,
    answered: u64,
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
    }));
    runtime.block_on(async {
        let mut connections = JoinSet::new();
        for (position, stream) in streams.into_iter().enumerate() {
            let stream = tokio::net::TcpStream::from_std(stream).context("a connection cannot be used")?;
            let random = Random::new(((index as u64) << 32) + position as u64);
            connections.spawn(run_connection(stream, random, shared.clone(), tally.clone()));
        }
        let all = async {
            while let Some(ended) = connections.join_next().await {
                ended.context("a connection of the load generator panicked")??;
            }
            Ok(())
        };
        let time = match shared.order {
            Order::EachOnce => EACH_ONCE_MAX,
            Order::Random { ramp, recorded } => ramp + recorded + STUCK_AFTER,
        };
        tokio::time::timeout(time, all)
            .await
            .unwrap_or_else(|_| Err(Failure::new("the server has stopped answering")))
    })?;
    drop(runtime);
    Arc::into_inner(tally)
        .map(|tally| tally.into_inner().unwrap_or_else(PoisonError::into_inner))
        .ok_or_else(|| Failure::new("a connection of the load generator has not ended"))
}

async fn run_connection(
    mut stream: tokio::net::TcpStream,
    mut random: Random,
    shared: Arc<Shared>,
    tally: Arc<Mutex<Tally>>,
) -> Result<()> {
    let requests = &shared.requests;
    let (record_from, end) = match shared.order {
        Order::EachOnce => (shared.start, None),
        Order::Random { ramp, recorded } => (shared.start + ramp, Some(shared.start + ramp + recorded)),
    };
    let mut buffer = vec![0; shared.body_bytes + 4096];
    let mut request = Vec::new();
    let mut sent_at = Instant::now();
    while end.is_none_or(|end| sent_at < end) && !interrupt::is_interrupted() {
        let index = match shared.order {
            Order::EachOnce => shared.next.fetch_add(1, Ordering::Relaxed),
            Order::Random { .. } => random.below(requests.count()),
        };
        if index >= requests.count() {
            break;
        }
        request.clear();
        request.extend_from_slice(requests.get(index));
        let stamp = shared.first_stamp + (sent_at - shared.start).as_nanos() as u64;
        requests.stamp(index, &mut request, stamp);
        stream
            .write_all(&request)
            .await
            .context("a request cannot be sent")?;
        read_answer(&mut stream, &mut buffer, shared.body_bytes).await?;
        let answered_at = Instant::now();
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.answered += 1;
        if answered_at >= record_from && end.is_none_or(|end| answered_at <= end) {
            let latency = answered_at - sent_at;
            tally.latencies.saturating_record(latency.as_nanos() as u64);
        }
        sent_at = answered_at;
    }
    Ok(())
}

/// Reads one answer and checks that it is a success and as long as it must be.
async fn read_answer(stream: &mut tokio::net::TcpStream, buffer: &mut [u8], body_bytes: usize) -> Result<()> {
    let mut filled = 0;
    let mut head: Option<Head> = None;
    loop {
        let read = stream
            .read(&mut buffer[filled..])
            .await
            .context("an answer cannot be read")?;
        if read == 0 {
            return Err(Failure::new(
                "the server closed a connection, or its answer is too long",
            ));
        }
        filled += read;
        if head.is_none() {
            head = Head::parse(&buffer[..filled])?;
        }
        let Some(head) = head else { continue };
        head.check(body_bytes, &buffer[head.head_bytes..filled])?;
        if filled >= head.total_bytes() {
            return Ok(());
        }
    }
}
