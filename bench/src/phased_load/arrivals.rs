//! When requests are due.

use std::time::{Duration, Instant};

use crate::items::Random;

/// Into how many values the random part of a gap is divided.
const GAP_STEPS: usize = 1 << 24;

/// When the requests of one operation are due: at random times, as those of many independent users
/// are. The times are computed one by one as they are taken, so none is ever lost or stored.
#[derive(Debug)]
pub struct Arrivals {
    random: Random,
    next: Instant,
    mean_gap: Duration,
}

impl Arrivals {
    /// The first is due at `start`, the others `mean_gap` apart on average.
    pub fn new(seed: u64, start: Instant, mean_gap: Duration) -> Self {
        Arrivals {
            random: Random::new(seed),
            next: start,
            mean_gap,
        }
    }

    /// When the next request is due.
    pub fn take(&mut self) -> Instant {
        let due = self.next;
        let part = (1 + self.random.below(GAP_STEPS)) as f64 / GAP_STEPS as f64;
        self.next += self.mean_gap.mul_f64(-part.ln());
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_are_random_and_as_many_as_wanted() {
        let mut arrivals = Arrivals::new(1, Instant::now(), Duration::from_micros(100));
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
}
