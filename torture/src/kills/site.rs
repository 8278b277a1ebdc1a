//! Where the clients find their server, which comes and goes.

use std::net::SocketAddr;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use harness::failure::{Failure, Result};

/// How long clients may take to stop.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// The server of the moment, and who works with it.
#[derive(Debug)]
pub struct Site {
    state: Mutex<State>,
    changed: Condvar,
    clients: usize,
}

#[derive(Debug, Default)]
struct State {
    /// Counts the times that the server was opened to the clients.
    opening: u64,
    /// `None` while clients are to stop or to wait.
    address: Option<SocketAddr>,
    idle: usize,
    is_over: bool,
    failure: Option<Failure>,
}

impl Site {
    pub fn new(clients: usize) -> Self {
        Site {
            state: Mutex::default(),
            changed: Condvar::new(),
            clients,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poison| poison.into_inner())
    }

    /// Lets the clients work with the server at an address.
    pub fn open(&self, address: SocketAddr) {
        let mut state = self.state();
        state.opening += 1;
        state.address = Some(address);
        self.changed.notify_all();
    }

    /// Asks the clients to stop after the call that they are in.
    pub fn close(&self) {
        self.state().address = None;
    }

    /// Waits until no client works any more.
    pub fn wait_until_idle(&self) -> Result<()> {
        let start = Instant::now();
        let mut state = self.state();
        while state.idle < self.clients && state.failure.is_none() {
            if start.elapsed() > IDLE_TIMEOUT {
                return Err(Failure::new("a request has no end"));
            }
            let waited = self.changed.wait_timeout(state, Duration::from_millis(100));
            state = waited.unwrap_or_else(|poison| poison.into_inner()).0;
        }
        state.failure.take().map_or(Ok(()), Err)
    }

    /// Fails with what a client has found wrong; also where one has lost its server, while nobody
    /// killed it.
    pub fn check(&self) -> Result<()> {
        let mut state = self.state();
        if let Some(failure) = state.failure.take() {
            return Err(failure);
        }
        match state.idle {
            0 => Ok(()),
            _ => Err(Failure::new(
                "a client has lost its connection, though the server was not killed",
            )),
        }
    }

    /// Waits for an opening later than `last`; `None` when there will be none.
    pub fn next_opening(&self, last: u64) -> Option<(u64, SocketAddr)> {
        let mut state = self.state();
        state.idle += 1;
        self.changed.notify_all();
        loop {
            if state.is_over {
                return None;
            }
            if let Some(address) = state.address.filter(|_| state.opening > last) {
                state.idle -= 1;
                self.changed.notify_all();
                return Some((state.opening, address));
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(|poison| poison.into_inner());
        }
    }

    /// Waits until all clients have begun to work.
    pub fn wait_until_busy(&self) {
        let mut state = self.state();
        while state.idle > 0 && state.failure.is_none() {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(|poison| poison.into_inner());
        }
    }

    /// Whether clients are to work on.
    pub fn is_open(&self) -> bool {
        self.state().address.is_some()
    }

    /// A client has found something wrong, and does no more.
    pub fn fail(&self, failure: Failure) {
        let mut state = self.state();
        state.failure.get_or_insert(failure);
        state.address = None;
        state.is_over = true;
        self.changed.notify_all();
    }

    /// Sends the clients home.
    pub fn end(&self) {
        let mut state = self.state();
        state.is_over = true;
        self.changed.notify_all();
    }
}
