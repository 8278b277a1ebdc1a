//! A load of several operations at once that goes on while something happens to the server, and is
//! told apart by phases: before it, during it, after it.
//!
//! In the open loop requests are due at times that no answer changes, as those of many independent
//! users are: exponentially distributed apart. A free connection takes the next one, waits until
//! it is due, and sends it; where all connections wait for answers, requests wait for a
//! connection. The latency counts from the time that a request was due, so that a server that
//! stalls is charged for all that would have been sent meanwhile. Each operation has connections
//! of its own: reads never wait for those that slow writes hold. In the closed loop each connection
//! sends any of the operations when it has its answer.
//!
//! Each connection has a thread of its own, as the timer of an event loop is too coarse for times
//! like these.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::items::Random;
use crate::load;
use crate::traffic::Traffic;
use harness::failure::{Failure, Result};
use harness::http::Connection;
use harness::interrupt;

/// How often a load that is waited for is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Into how many values the random part of a gap is divided.
const GAP_STEPS: usize = 1 << 24;

/// One operation of a load, or a mix of some that are counted together. There are as many requests
/// of each part.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its name, for results.
    pub operation: &'static str,
    pub traffic: Arc<Traffic>,
}

/// When requests are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// When the connection has the answer to the last one.
    Closed,
    /// At random times, as many a second on average, of all operations together.
    Open { requests_per_second: f64 },
}

/// What came back in one phase.
#[derive(Debug)]
pub struct Phase {
    pub time: Duration,
    /// Latencies in nanoseconds of the requests that were due in this phase, in the parts' order.
    pub latencies: Vec<Histogram<u64>>,
}

impl Phase {
    /// Requests of all parts in a second.
    pub fn requests_per_second(&self) -> f64 {
        let requests: u64 = self.latencies.iter().map(Histogram::len).sum();
        requests as f64 / self.time.as_secs_f64()
    }
}

/// A load that is going on. It ends by itself with the server.
#[derive(Debug)]
pub struct PhasedLoad {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<Result<()>>>,
}

/// What all connections have in common.
#[derive(Debug)]
struct Shared {
    parts: Vec<Part>,
    /// Whether each connection sends any of the parts, and not one of them.
    is_mixed: bool,
    start: Instant,
    first_stamp: u64,
    has_failed: AtomicBool,
    /// Of each part in the open loop, of all parts together in the closed one.
    arrivals: Vec<Mutex<Arrivals>>,
    timeline: Mutex<Timeline>,
    /// Those of each phase, in the parts' order.
    latencies: Mutex<Vec<Vec<Histogram<u64>>>>,
}

/// When requests are due.
#[derive(Debug)]
struct Arrivals {
    random: Random,
    next: Instant,
    /// `None` in the closed loop: always now.
    mean_gap: Option<Duration>,
}

impl Arrivals {
    fn take(&mut self) -> Instant {
        let Some(mean_gap) = self.mean_gap else {
            return Instant::now();
        };
        let due = self.next;
        let part = (1 + self.random.below(GAP_STEPS)) as f64 / GAP_STEPS as f64;
        self.next += mean_gap.mul_f64(-part.ln());
        due
    }
}

/// When each phase began, and when the last one ends.
#[derive(Debug)]
struct Timeline {
    starts: Vec<Instant>,
    end: Option<Instant>,
}

impl Timeline {
    /// The phase that `due` lies in; `None` after the end.
    fn phase_at(&self, due: Instant) -> Option<usize> {
        if self.end.is_some_and(|end| due >= end) {
            return None;
        }
        let begun = self.starts.iter().filter(|&&start| start <= due).count();
        Some(begun.saturating_sub(1))
    }
}

impl PhasedLoad {
    /// Begins to load the server at `address`, in the first phase. In the open loop there must be
    /// a connection or more for each part.
    pub fn start(address: SocketAddr, parts: Vec<Part>, connections: usize, pace: Pace) -> Result<Self> {
        let lengths = parts.iter().map(|part| part.traffic.body_bytes_max());
        let body_bytes_max = lengths.max().unwrap_or_default();
        let mut opened = Vec::with_capacity(connections);
        for _ in 0..connections {
            opened.push(Connection::open(address, body_bytes_max)?);
        }
        let mean_gaps = match pace {
            Pace::Closed => vec![None],
            Pace::Open { requests_per_second } => {
                vec![Some(Duration::from_secs_f64(parts.len() as f64 / requests_per_second)); parts.len()]
            }
        };
        let start = Instant::now();
        let shared = Arc::new(Shared {
            is_mixed: pace == Pace::Closed,
            start,
            first_stamp: load::first_stamp(),
            has_failed: AtomicBool::new(false),
            arrivals: mean_gaps
                .into_iter()
                .enumerate()
                .map(|(position, mean_gap)| {
                    Mutex::new(Arrivals {
                        random: Random::new(position as u64),
                        next: start,
                        mean_gap,
                    })
                })
                .collect(),
            timeline: Mutex::new(Timeline {
                starts: vec![start],
                end: None,
            }),
            latencies: Mutex::new(vec![histograms(&parts)]),
            parts,
        });
        let threads = opened
            .into_iter()
            .enumerate()
            .map(|(number, connection)| {
                let shared = shared.clone();
                thread::spawn(move || {
                    let done = shared.drive(number, connection);
                    shared.has_failed.fetch_or(done.is_err(), Ordering::Relaxed);
                    done
                })
            })
            .collect();
        Ok(PhasedLoad { shared, threads })
    }

    /// Ends the phase and begins the next.
    pub fn begin_phase(&self) {
        // The histograms first: a request may be due in the phase as soon as it has a start.
        lock(&self.shared.latencies).push(histograms(&self.shared.parts));
        lock(&self.shared.timeline).starts.push(Instant::now());
    }

    /// Waits while the load goes on.
    pub fn wait(&self, time: Duration) -> Result<()> {
        let start = Instant::now();
        while let Some(left) = time.checked_sub(start.elapsed()).filter(|left| !left.is_zero()) {
            thread::sleep(left.min(POLL_INTERVAL));
            interrupt::check()?;
            if self.has_failed() {
                return Err(Failure::new("a connection of the load has failed"));
            }
        }
        Ok(())
    }

    /// Whether a connection has failed; ending the load tells why.
    fn has_failed(&self) -> bool {
        self.shared.has_failed.load(Ordering::Relaxed)
    }

    /// Ends the load when all requests that are due by now have their answers, and gives its phases.
    pub fn end(self) -> Result<Vec<Phase>> {
        let end = Instant::now();
        lock(&self.shared.timeline).end = Some(end);
        for thread in self.threads {
            thread
                .join()
                .map_err(|_| Failure::new("a thread of the load generator panicked"))??;
        }
        let starts = lock(&self.shared.timeline).starts.clone();
        let ends = starts.iter().skip(1).chain([&end]);
        let latencies = std::mem::take(&mut *lock(&self.shared.latencies));
        Ok(starts
            .iter()
            .zip(ends)
            .zip(latencies)
            .map(|((&start, &end), latencies)| Phase {
                time: end - start,
                latencies,
            })
            .collect())
    }
}

impl Shared {
    /// Sends requests over the connection with this number until the load ends.
    fn drive(&self, number: usize, mut connection: Connection) -> Result<()> {
        let mut random = Random::new(number as u64);
        let line = number % self.arrivals.len();
        let mut request = Vec::new();
        loop {
            let due = lock(&self.arrivals[line]).take();
            if let Some(early) = due.checked_duration_since(Instant::now()) {
                thread::sleep(early);
            }
            let Some(phase) = lock(&self.timeline).phase_at(due) else {
                return Ok(());
            };
            let position = if self.is_mixed {
                random.below(self.parts.len())
            } else {
                line
            };
            let traffic = &self.parts[position].traffic;
            let Some(picked) = traffic.pick(&mut random) else {
                return Ok(());
            };
            let stamp = self.first_stamp + self.start.elapsed().as_nanos() as u64;
            for exchange in traffic.exchanges(picked) {
                traffic.write(exchange, picked, stamp, &mut request);
                connection.exchange(&request, &exchange.body_bytes)?;
            }
            traffic.finish(picked);
            let latency = due.elapsed();
            lock(&self.latencies)[phase][position].saturating_record(latency.as_nanos() as u64);
        }
    }
}

fn histograms(parts: &[Part]) -> Vec<Histogram<u64>> {
    parts.iter().map(|_| load::histogram()).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::*;
    use crate::requests::Requests;

    #[test]
    fn a_request_belongs_to_the_phase_in_which_it_is_due() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut timeline = Timeline {
            starts: vec![start, at(10), at(20)],
            end: None,
        };
        for (ms, expected) in [(0, 0), (9, 0), (10, 1), (19, 1), (20, 2), (999, 2)] {
            assert_eq!(timeline.phase_at(at(ms)), Some(expected), "{ms}");
        }
        timeline.end = Some(at(30));
        assert_eq!(timeline.phase_at(at(29)), Some(2));
        assert_eq!(timeline.phase_at(at(30)), None);
    }

    #[test]
    fn arrivals_are_random_and_as_many_as_wanted() {
        let start = Instant::now();
        let mut arrivals = Arrivals {
            random: Random::new(1),
            next: start,
            mean_gap: Some(Duration::from_micros(100)),
        };
        let dues: Vec<Instant> = (0..100_000).map(|_| arrivals.take()).collect();
        let gaps: Vec<f64> = dues
            .windows(2)
            .map(|pair| (pair[1] - pair[0]).as_secs_f64())
            .collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((mean / 100e-6 - 1.0).abs() < 0.02, "{mean}");
        // The deviation of an exponential distribution is its mean.
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.05, "{variance}");
    }

    /// Answers each request with `{}`.
    fn answer(mut stream: TcpStream) {
        let mut buffer = [0; 4096];
        // Each request comes in one piece, as it is short and is written at once.
        while stream.read(&mut buffer).is_ok_and(|read| read > 0) {
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
            stream.write_all(answer).expect("a listener");
        }
    }

    /// A server that answers the requests of each connection, from `delay` after its opening on.
    fn start_server(connections: usize, delay: Duration) -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        thread::spawn(move || {
            for _ in 0..connections {
                let (stream, _) = listener.accept().expect("a connection");
                thread::spawn(move || {
                    thread::sleep(delay);
                    answer(stream);
                });
            }
        });
        address
    }

    fn parts() -> Vec<Part> {
        let bodies = (0..10).map(|number| serde_json::json!({"number": number}));
        let requests = Arc::new(Requests::new("GetItem", bodies));
        vec![Part {
            operation: "GetItem",
            traffic: Arc::new(Traffic::uniform(&requests, 2)),
        }]
    }

    #[test]
    fn what_waits_for_a_connection_is_charged_from_when_it_was_due() {
        let delay = Duration::from_millis(300);
        let address = start_server(1, delay);
        let pace = Pace::Open {
            requests_per_second: 1000.0,
        };
        let load = PhasedLoad::start(address, parts(), 1, pace).expect("a load");
        thread::sleep(Duration::from_millis(100));
        let phases = load.end().expect("phases");
        let latencies = &phases[0].latencies[0];
        // About a hundred were due before that and could not be sent for 200 ms or more; a clock that
        // starts at the sending would see one of them.
        let waited = latencies.count_between(150_000_000, u64::MAX);
        assert!(waited >= 50, "{waited}");
    }

    #[test]
    fn an_operation_does_not_wait_for_the_connections_of_another() {
        let parts = [parts(), parts()].concat();
        // The server holds the first connection, which is the first part's only one.
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (release, held) = std::sync::mpsc::channel::<()>();
        thread::spawn(move || {
            let (first, _) = listener.accept().expect("a connection");
            let (second, _) = listener.accept().expect("a connection");
            thread::spawn(move || answer(second));
            // It goes on when the test says so or is over.
            let _released = held.recv();
            answer(first);
        });
        let pace = Pace::Open {
            requests_per_second: 1000.0,
        };
        let load = PhasedLoad::start(address, parts, 2, pace).expect("a load");
        let start = Instant::now();
        while lock(&load.shared.latencies)[0][1].len() < 20 && start.elapsed() < Duration::from_secs(60) {
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(lock(&load.shared.latencies)[0][0].len(), 0);
        assert!(lock(&load.shared.latencies)[0][1].len() >= 20);
        release.send(()).expect("a server");
        load.end().expect("phases");
    }

    #[test]
    fn phases_are_told_apart() {
        let address = start_server(2, Duration::ZERO);
        let load = PhasedLoad::start(address, parts(), 2, Pace::Closed).expect("a load");
        thread::sleep(Duration::from_millis(50));
        load.begin_phase();
        thread::sleep(Duration::from_millis(50));
        let phases = load.end().expect("phases");
        assert_eq!(phases.len(), 2);
        for phase in &phases {
            assert!(phase.time >= Duration::from_millis(50));
            assert!(phase.requests_per_second() > 0.0);
        }
    }

    #[test]
    fn a_server_that_ends_fails_the_load() {
        // Nobody accepts the connection, and it is closed with its listener.
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let load = PhasedLoad::start(address, parts(), 1, Pace::Closed).expect("a load");
        drop(listener);
        let start = Instant::now();
        while !load.has_failed() && start.elapsed() < Duration::from_secs(60) {
            thread::sleep(Duration::from_millis(1));
        }
        assert!(load.end().is_err());
    }
}
