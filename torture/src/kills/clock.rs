//! The time of day as the server sees it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Knows what the server's clock shows, and has shown at most.
#[derive(Debug, Default)]
pub struct Clock {
    latest_s: AtomicU64,
}

impl Clock {
    /// The seconds since 1970.
    pub fn now_s(&self) -> u64 {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_s = since_epoch.as_secs();
        self.latest_s.fetch_max(now_s, Ordering::Relaxed);
        now_s
    }

    /// The latest time that the server has seen.
    pub fn latest_s(&self) -> u64 {
        self.now_s();
        self.latest_s.load(Ordering::Relaxed)
    }
}
