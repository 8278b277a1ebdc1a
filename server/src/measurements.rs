//! What the server counts of its own work: what is on its way, and what it refuses by itself.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// What the server is doing and has done, at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerMeasurements {
    /// Connections that are open.
    pub connections: usize,
    /// How many may be open.
    pub connections_max: usize,
    /// Requests that have arrived and are not answered, the one that asks for this included.
    pub requests_in_flight: usize,
    /// Requests that no service has answered: that were no requests of the API, or not signed, or too
    /// large, or too slow.
    pub own_errors: u64,
    /// Memory that large request bodies take, in bytes.
    pub body_bytes: usize,
    /// How much they may take.
    pub body_bytes_max: usize,
    /// Memory that large answers take, in bytes.
    pub answer_bytes: usize,
    /// How much they may take.
    pub answer_bytes_max: usize,
}

/// Counts connections and requests.
#[derive(Debug)]
pub(crate) struct Meter {
    connections: AtomicUsize,
    connections_max: usize,
    in_flight: AtomicUsize,
    own_errors: AtomicU64,
}

/// One of what is counted while it is there; over when this is dropped.
#[derive(Debug)]
pub(crate) struct Counted<'m>(&'m AtomicUsize);

impl<'m> Counted<'m> {
    fn begin(count: &'m AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Counted(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Meter {
    /// Of a server that takes so many connections.
    pub fn new(connections_max: usize) -> Self {
        Meter {
            connections: AtomicUsize::new(0),
            connections_max,
            in_flight: AtomicUsize::new(0),
            own_errors: AtomicU64::new(0),
        }
    }

    /// A connection is open.
    pub fn connection(&self) -> Counted<'_> {
        Counted::begin(&self.connections)
    }

    /// A request has arrived.
    pub fn request(&self) -> Counted<'_> {
        Counted::begin(&self.in_flight)
    }

    /// A request is answered by the server itself, with an error.
    pub fn count_own_error(&self) {
        self.own_errors.fetch_add(1, Ordering::Relaxed);
    }

    /// What has been counted; the memory is added by who has it.
    pub fn measurements(&self) -> ServerMeasurements {
        ServerMeasurements {
            connections: self.connections.load(Ordering::Relaxed),
            connections_max: self.connections_max,
            requests_in_flight: self.in_flight.load(Ordering::Relaxed),
            own_errors: self.own_errors.load(Ordering::Relaxed),
            ..ServerMeasurements::default()
        }
    }
}
