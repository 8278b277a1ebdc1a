//! A token bucket: what a rate allows, and what was left unused of it for a while.

use parking_lot::Mutex;

/// For how long unused capacity is kept, in seconds (AWS-FACTS, "Capacity").
pub(crate) const BURST_SECONDS: f64 = 300.0;

/// Units that are given at a rate and may be saved up.
#[derive(Debug)]
pub(crate) struct Bucket(Mutex<Tokens>);

/// What a bucket holds.
#[derive(Debug)]
pub(crate) struct Tokens {
    units_per_second: f64,
    capacity: f64,
    /// What is there; below zero where more was taken than there was.
    level: f64,
    /// Up to when the rate has been added, in milliseconds since the Unix epoch.
    filled_until_ms: u64,
}

impl Tokens {
    /// As many as units are given in so many seconds, which are also the most that are kept.
    pub fn new(units_per_second: f64, seconds: f64, now_ms: u64) -> Self {
        Tokens {
            units_per_second,
            capacity: units_per_second * seconds,
            level: units_per_second * seconds,
            filled_until_ms: now_ms,
        }
    }

    /// Whether something is there.
    pub fn is_open(&mut self, now_ms: u64) -> bool {
        self.fill(now_ms);
        self.level > 0.0
    }

    /// Whether nothing is missing.
    pub fn is_full(&mut self, now_ms: u64) -> bool {
        self.fill(now_ms);
        self.level >= self.capacity
    }

    /// Takes units.
    pub fn charge(&mut self, units: f64) {
        self.level -= units;
    }

    fn fill(&mut self, now_ms: u64) {
        // A clock that is set back gives nothing, and takes nothing.
        let passed_ms = now_ms.saturating_sub(self.filled_until_ms);
        self.filled_until_ms = now_ms;
        self.level = (self.level + self.units_per_second * passed_ms as f64 / 1000.0).min(self.capacity);
    }
}

impl Bucket {
    /// A full bucket that keeps what is unused for so many seconds.
    pub fn new(units_per_second: f64, seconds: f64, now_ms: u64) -> Self {
        Bucket(Mutex::new(Tokens::new(units_per_second, seconds, now_ms)))
    }

    /// Whether something is there. A request that is admitted is charged what it cost when that is
    /// known, so that the level may go below zero.
    pub fn is_open(&self, now_ms: u64) -> bool {
        self.0.lock().is_open(now_ms)
    }

    /// Takes units.
    pub fn charge(&self, units: f64) {
        self.0.lock().charge(units);
    }

    /// Changes the rate from now on. What is saved up stays, as far as the new rate may save.
    pub fn set_rate(&self, units_per_second: f64, seconds: f64, now_ms: u64) {
        let mut state = self.0.lock();
        state.fill(now_ms);
        state.units_per_second = units_per_second;
        state.capacity = units_per_second * seconds;
        state.level = state.level.min(state.capacity);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_kept_whatever_single_requests_cost() {
        let bucket = Bucket::new(10.0, BURST_SECONDS, 0);
        let mut random = fastrand::Rng::with_seed(3);
        let (mut drained_at_ms, mut taken) = (None, 0.0);
        for now_ms in (0..1_000_000).step_by(7) {
            if bucket.is_open(now_ms) {
                let units = f64::from(random.u32(1..40));
                bucket.charge(units);
                if drained_at_ms.is_some() {
                    taken += units;
                }
            } else if drained_at_ms.is_none() {
                drained_at_ms = Some(now_ms);
            }
        }
        let drained_at_ms = drained_at_ms.expect("it was drained");
        let seconds = (1_000_000 - drained_at_ms) as f64 / 1000.0;
        let rate = taken / seconds;
        assert!((9.9..10.1).contains(&rate), "{rate} units/s");
    }

    #[test]
    fn a_new_rate_keeps_what_is_saved() {
        let bucket = Bucket::new(10.0, 2.0, 0);
        bucket.charge(15.0);
        bucket.set_rate(100.0, 2.0, 0);
        bucket.charge(5.0);
        assert!(!bucket.is_open(0), "5 of 20 were left");
        assert!(bucket.is_open(10));
        bucket.set_rate(1.0, 2.0, 1_000_000);
        bucket.charge(2.0);
        assert!(!bucket.is_open(1_000_000), "no more than two seconds are kept");
    }

    #[test]
    fn a_clock_that_is_set_back_gives_nothing() {
        let bucket = Bucket::new(1.0, 1.0, 10_000);
        bucket.charge(1.0);
        assert!(!bucket.is_open(10_000));
        assert!(!bucket.is_open(5_000));
        assert!(bucket.is_open(5_500));
    }
}
