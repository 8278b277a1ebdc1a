//! Draws in which a few numbers come up often and most seldom, as the keys of real loads do.
//!
//! They are made before the clock starts and taken from a list at random: a draw then costs the
//! load generator one look-up.

use std::sync::Arc;

use crate::items::Random;

/// How steep it is: the exponent that YCSB uses.
const EXPONENT: f64 = 0.99;

/// How many draws are made.
const DRAWS: usize = 1 << 18;

/// Into how many values a draw's random part is divided.
const STEPS: usize = 1 << 30;

/// Draws of ranks below `count`: 0 most often, each further one less often.
pub fn ranks(count: usize) -> Arc<[u32]> {
    let mut sum = 0.0;
    let sums: Vec<f64> = (1..=count)
        .map(|rank| {
            sum += (rank as f64).powf(-EXPONENT);
            sum
        })
        .collect();
    let mut random = Random::new(count as u64);
    let draw = |_| {
        let part = random.below(STEPS) as f64 / STEPS as f64 * sum;
        sums.partition_point(|&sum| sum <= part).min(count - 1) as u32
    };
    (0..DRAWS).map(draw).collect()
}

/// Draws of numbers below `count`, those that come up often spread over all of them.
pub fn spread(count: usize) -> Arc<[u32]> {
    // A prime that divides few counts, so that most ranks have a number of their own.
    const STRIDE: usize = 1_000_003;
    ranks(count)
        .iter()
        .map(|&rank| (rank as usize * STRIDE % count) as u32)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_fall_off_as_they_must() {
        let count = 1000;
        let mut counts = vec![0; count];
        for &rank in ranks(count).iter() {
            counts[rank as usize] += 1;
        }
        // By the definition, the second comes up half as often as the first, nearly.
        let ratio = f64::from(counts[0]) / f64::from(counts[1]);
        assert!((ratio - 2f64.powf(EXPONENT)).abs() < 0.1, "{ratio}");
        let ratio = f64::from(counts[0]) / f64::from(counts[9]);
        assert!((ratio - 10f64.powf(EXPONENT)).abs() < 1.0, "{ratio}");
        assert!(counts.iter().all(|&count| count > 0));
    }

    #[test]
    fn spreading_keeps_the_frequencies() {
        let count = 1000;
        let mut counts = vec![0u32; count];
        for &number in spread(count).iter() {
            counts[number as usize] += 1;
        }
        let ranked = ranks(count).iter().filter(|&&rank| rank == 0).count();
        assert_eq!(counts.iter().copied().max(), Some(ranked as u32));
        assert!(counts.iter().all(|&count| count > 0));
    }
}
