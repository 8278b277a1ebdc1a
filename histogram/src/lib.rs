//! How values are distributed, counted while they come in: in buckets that grow with what they hold, so
//! that a few hundred bytes tell microseconds from each other and minutes from each other.
//!
//! [`Histogram`] is what threads add to, [`Counts`] what it has counted at one moment. Times are in
//! microseconds here; whoever shows them knows in what.

use std::sync::atomic::{AtomicU64, Ordering};

/// Each doubling is split into so many buckets, so that a value is known to an eighth of itself.
const BUCKETS_PER_DOUBLING: usize = 4;
const BITS_PER_DOUBLING: u32 = BUCKETS_PER_DOUBLING.trailing_zeros();
/// The highest bit of the largest values that are told apart: about two minutes in microseconds.
const HIGHEST_BIT: u32 = 27;
/// How many buckets there are.
pub const BUCKETS: usize = (HIGHEST_BIT - BITS_PER_DOUBLING + 2) as usize * BUCKETS_PER_DOUBLING;

/// The bucket of a value.
fn bucket_of(value: u64) -> usize {
    if value < BUCKETS_PER_DOUBLING as u64 {
        return value as usize;
    }
    let highest = value.ilog2();
    if highest > HIGHEST_BIT {
        return BUCKETS - 1;
    }
    let shift = highest - BITS_PER_DOUBLING;
    let within = (value >> shift) as usize % BUCKETS_PER_DOUBLING;
    (shift + 1) as usize * BUCKETS_PER_DOUBLING + within
}

/// The smallest value of a bucket.
pub fn bucket_start(bucket: usize) -> u64 {
    if bucket < BUCKETS_PER_DOUBLING {
        return bucket as u64;
    }
    let shift = bucket / BUCKETS_PER_DOUBLING - 1;
    ((BUCKETS_PER_DOUBLING + bucket % BUCKETS_PER_DOUBLING) as u64) << shift
}

/// Counts of values, to which any number of threads add.
#[derive(Debug)]
pub struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    sum: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram {
            buckets: [const { AtomicU64::new(0) }; BUCKETS],
            sum: AtomicU64::new(0),
        }
    }
}

impl Histogram {
    /// Adds a value.
    pub fn record(&self, value: u64) {
        self.buckets[bucket_of(value)].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// All counts as they are.
    pub fn counts(&self) -> Counts {
        Counts {
            buckets: self
                .buckets
                .each_ref()
                .map(|bucket| bucket.load(Ordering::Relaxed)),
            sum: self.sum.load(Ordering::Relaxed),
        }
    }
}

/// What a [`Histogram`] has counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    buckets: [u64; BUCKETS],
    /// The sum of all values.
    pub sum: u64,
}

impl Default for Counts {
    fn default() -> Self {
        Counts {
            buckets: [0; BUCKETS],
            sum: 0,
        }
    }
}

impl Counts {
    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// What has been counted since `earlier`.
    pub fn since(&self, earlier: &Counts) -> Counts {
        let mut since = self.clone();
        for (bucket, earlier) in since.buckets.iter_mut().zip(earlier.buckets) {
            *bucket -= earlier;
        }
        since.sum -= earlier.sum;
        since
    }

    /// The buckets that hold something: the smallest value, the one behind the largest, and how many.
    pub fn filled(&self) -> impl Iterator<Item = (u64, u64, u64)> {
        self.buckets
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0)
            .map(|(bucket, count)| (bucket_start(bucket), bucket_start(bucket + 1), *count))
    }

    /// How many values are below `bound`, to the precision of the buckets.
    pub fn count_below(&self, bound: u64) -> u64 {
        self.buckets[..bucket_of(bound)].iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_its_bucket() {
        let mut random = fastrand::Rng::with_seed(7);
        let values = (0..5000u64).chain((0..2000).map(|_| random.u64(..1 << (HIGHEST_BIT + 1))));
        for value in values {
            let bucket = bucket_of(value);
            assert!(
                bucket_start(bucket) <= value && value < bucket_start(bucket + 1),
                "{value} in {bucket}"
            );
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
        for bucket in 1..BUCKETS {
            assert!(bucket_start(bucket - 1) < bucket_start(bucket), "{bucket}");
        }
    }

    #[test]
    fn what_came_since_is_the_difference() {
        let histogram = Histogram::default();
        histogram.record(10);
        let earlier = histogram.counts();
        histogram.record(10);
        histogram.record(1000);
        let since = histogram.counts().since(&earlier);
        assert_eq!((since.count(), since.sum), (2, 1010));
        let filled: Vec<_> = since.filled().collect();
        assert_eq!(filled, [(10, 12, 1), (896, 1024, 1)]);
        assert_eq!(since.count_below(896), 1);
    }
}
