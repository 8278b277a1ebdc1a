//! Time as the engine sees it: passed in, so that a test can hold it, move it and repeat it.

/// A source of wall-clock time.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> u64;

    /// Microseconds since some moment, which never go back: to tell how long something takes.
    fn monotonic_us(&self) -> u64;
}

/// A clock that others keep, too.
impl<C: Clock> Clock for std::sync::Arc<C> {
    fn now_ms(&self) -> u64 {
        (**self).now_ms()
    }

    fn monotonic_us(&self) -> u64 {
        (**self).monotonic_us()
    }
}

/// A clock that a test moves by hand.
#[derive(Debug, Default)]
pub struct ManualClock(std::sync::atomic::AtomicU64);

impl ManualClock {
    /// A clock that stands at `now_ms`.
    pub fn new(now_ms: u64) -> Self {
        ManualClock(now_ms.into())
    }

    /// Sets the clock, forward or back.
    pub fn set_ms(&self, now_ms: u64) {
        self.0.store(now_ms, std::sync::atomic::Ordering::Relaxed);
    }

    /// Moves the clock forward.
    pub fn advance_ms(&self, by_ms: u64) {
        self.0.fetch_add(by_ms, std::sync::atomic::Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> u64 {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }

    fn monotonic_us(&self) -> u64 {
        // Who moves it back in a test sees nothing take time.
        self.now_ms() * 1000
    }
}
