//! A load of several operations at once that goes on while something happens to the server, and is
//! told apart by phases: before it, during it, after it.
//!
//! In the open loop requests are due at times that no answer changes, as those of many independent
//! users are: exponentially distributed apart. The connection that has been free for longest takes
//! the next one, waits until it is due, and sends it; where all connections wait for answers,
//! requests wait for a connection. The latency counts from the time that a request was due, so that
//! a server that stalls is charged for all that would have been sent meanwhile. Each operation has
//! connections of its own: reads never wait for those that slow writes hold. In the closed loop each
//! connection sends any of the operations when it has its answer.
//!
//! Connections share one event loop, or a few: a thread of each one's own would be woken for every
//! request, and take from the server the cores that it is measured on. What the generator delays
//! nonetheless is measured beside the latencies, as its lateness.
//!
//! [`PhasedLoad`] is what goes on, [`phases`] what came back, [`connections`] the event loops,
//! [`arrivals`] the times and [`clock`] how they are waited for.

mod arrivals;
mod clock;
mod connections;
mod phases;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::client;
use crate::load::Shape;
use crate::traffic::Traffic;
use connections::{Seat, Shared, lock};
use harness::failure::{Failure, Result};
use harness::interrupt;

pub use phases::Phase;

/// How often a load that is waited for is looked at, and looks whether it has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// How long an answer may take before the server counts as stuck.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

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

/// A load that is going on. It ends by itself with the server.
#[derive(Debug)]
pub struct PhasedLoad {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<Result<()>>>,
}

impl PhasedLoad {
    /// Begins to load the server at `address`, in the first phase. In the open loop there must be
    /// a connection or more for each part.
    pub fn start(address: SocketAddr, parts: Vec<Part>, shape: Shape, pace: Pace) -> Result<Self> {
        PhasedLoad::start_patiently(address, parts, shape, pace, ANSWER_TIME_MAX)
    }

    /// The same where each answer may take `answer_time_max`.
    fn start_patiently(
        address: SocketAddr,
        parts: Vec<Part>,
        shape: Shape,
        pace: Pace,
        answer_time_max: Duration,
    ) -> Result<Self> {
        let threads = shape.threads.clamp(1, shape.connections);
        let lines = match pace {
            Pace::Closed => 1,
            Pace::Open { .. } => parts.len(),
        };
        let mut seats: Vec<Vec<Seat>> = (0..threads).map(|_| Vec::new()).collect();
        for number in 0..shape.connections {
            // Each thread has connections of each line, as far as they go.
            seats[number / lines % threads].push(Seat {
                number,
                line: number % lines,
                stream: client::connect(address)?,
            });
        }
        let shared = Arc::new(Shared::new(parts, pace, answer_time_max));
        let threads = seats
            .into_iter()
            .map(|seats| {
                let shared = shared.clone();
                thread::spawn(move || connections::drive(seats, &shared))
            })
            .collect();
        Ok(PhasedLoad { shared, threads })
    }

    /// Ends the phase and begins the next.
    pub fn begin_phase(&self) {
        lock(&self.shared.phases).begin(Instant::now());
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
        self.shared.has_failed()
    }

    /// Ends the load when all requests that are due by now have their answers, and gives its phases.
    pub fn end(self) -> Result<Vec<Phase>> {
        let end = Instant::now();
        lock(&self.shared.phases).end(end);
        for thread in self.threads {
            thread
                .join()
                .map_err(|_| Failure::new("a thread of the load generator panicked"))??;
        }
        Ok(lock(&self.shared.phases).take(end))
    }
}
