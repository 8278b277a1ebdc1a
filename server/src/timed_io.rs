//! What a connection is doing and since when, kept without timers.
//!
//! A timer per request would cost more than many a request does. So the socket wrapper and the
//! handler only note each change of [`Phase`] in a [`Clock`], and one timer per connection, the
//! watchdog of `connection.rs`, looks at it a few times within the shortest limit.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::config::ServerConfig;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing is asked.
    Idle,
    /// Some bytes of a request are there, its headers not all.
    Head,
    /// The headers are there, the body not all.
    Body,
    /// The service has the request.
    Serving,
    /// The client is taking the answer.
    Writing,
}

const PHASES: [Phase; 5] = [
    Phase::Idle,
    Phase::Head,
    Phase::Body,
    Phase::Serving,
    Phase::Writing,
];

/// How long each phase may last.
#[derive(Clone, Debug)]
pub(crate) struct PhaseLimits([Duration; PHASES.len()]);

impl PhaseLimits {
    pub fn new(config: &ServerConfig) -> Self {
        PhaseLimits([
            config.idle_timeout,
            config.head_timeout,
            config.body_timeout,
            config.request_timeout,
            config.write_timeout,
        ])
    }

    /// How often to look, so that no limit is exceeded by more than a quarter.
    pub fn watch_interval(&self) -> Duration {
        let shortest = self.0.iter().min().copied().unwrap_or_default();
        (shortest / 4).clamp(Duration::from_millis(5), Duration::from_secs(5))
    }

    fn of(&self, phase: Phase) -> Duration {
        self.0[phase as usize]
    }
}

/// The phase of one connection and when it began.
///
/// All of a connection runs in one task; the atomic is there to share, not to synchronize.
#[derive(Debug)]
pub(crate) struct Clock {
    epoch: Instant,
    /// From the top: milliseconds from `epoch` to the phase's begin, a bit for "its time is up",
    /// three bits for the phase.
    state: AtomicU64,
}

const PHASE_BITS: u64 = 0b111;
const OVERDUE_BIT: u64 = 0b1000;
const MILLIS_SHIFT: u32 = 4;

impl Clock {
    pub fn new() -> Self {
        Clock {
            epoch: Instant::now(),
            state: AtomicU64::new(Phase::Idle as u64),
        }
    }

    fn now_ms(&self) -> u64 {
        self.epoch.elapsed().as_millis() as u64
    }

    /// Begins a phase, also the same one anew.
    pub fn enter(&self, phase: Phase) {
        let state = (self.now_ms() << MILLIS_SHIFT) | phase as u64;
        self.state.store(state, Ordering::Relaxed);
    }

    pub fn phase(&self) -> Phase {
        PHASES[(self.state.load(Ordering::Relaxed) & PHASE_BITS) as usize]
    }

    /// Whether the watchdog has found the present phase to be too long.
    pub fn is_overdue(&self) -> bool {
        self.state.load(Ordering::Relaxed) & OVERDUE_BIT != 0
    }

    /// Marks and returns the present phase where it has lasted longer than its limit.
    pub fn check(&self, limits: &PhaseLimits) -> Option<Phase> {
        let phase = self.phase();
        let since_ms = self.state.load(Ordering::Relaxed) >> MILLIS_SHIFT;
        let lasted = Duration::from_millis(self.now_ms().saturating_sub(since_ms));
        if lasted < limits.of(phase) {
            return None;
        }
        self.state.fetch_or(OVERDUE_BIT, Ordering::Relaxed);
        Some(phase)
    }
}

/// The phase's time was up before the future was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overdue;

/// Runs `future` until the watchdog finds the present phase to be too long. Needs no timer of its
/// own, as the watchdog runs in the same task and lets it be polled anew.
pub(crate) async fn within_phase<F: Future>(clock: &Clock, future: F) -> Result<F::Output, Overdue> {
    let mut future = pin!(future);
    poll_fn(|cx| match clock.is_overdue() {
        true => Poll::Ready(Err(Overdue)),
        false => future.as_mut().poll(cx).map(Ok),
    })
    .await
}

/// A socket that notes in its connection's clock when requests begin and answers end.
pub(crate) struct TimedIo<'a> {
    stream: TokioIo<TcpStream>,
    clock: &'a Clock,
}

impl<'a> TimedIo<'a> {
    pub fn new(stream: TcpStream, clock: &'a Clock) -> Self {
        TimedIo {
            stream: TokioIo::new(stream),
            clock,
        }
    }

    fn wrote(&self, result: &Poll<io::Result<usize>>) {
        if matches!(result, Poll::Ready(Ok(1..))) && self.clock.phase() == Phase::Writing {
            self.clock.enter(Phase::Writing);
        }
    }
}

impl Read for TimedIo<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if matches!(result, Poll::Ready(Ok(()))) && self.clock.phase() == Phase::Idle {
            self.clock.enter(Phase::Head);
        }
        result
    }
}

impl Write for TimedIo<'_> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(&result);
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.wrote(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// The HTTP layer flushes when it has written all that it had.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(cx);
        if matches!(result, Poll::Ready(Ok(()))) && self.clock.phase() == Phase::Writing {
            self.clock.enter(Phase::Idle);
        }
        result
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
