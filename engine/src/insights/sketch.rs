//! Which keys weigh most, of any number of keys, in memory that does not grow with them.
//!
//! The algorithm is that of Misra and Gries, done in batches: where too many keys are counted, the lighter
//! half is forgotten, and the [`Sketch::floor`] rises to what the heaviest of them weighed. A key that comes
//! anew begins at the floor, as it may have been forgotten. So a figure is never too small, too large by the
//! floor at most, and exact for a key that has not been forgotten; and the floor is never more than a
//! 256th of all that was counted.

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_64;

/// How many keys stay counted when others are forgotten.
const KEYS_KEPT: usize = 256;
/// How many keys are counted at most.
const KEYS_MAX: usize = 2 * KEYS_KEPT;

/// How many keys a summary has at most.
const SUMMARY_KEYS_MAX: usize = 100;
/// How many bytes its keys take at most: keys of common sizes are well below it.
const SUMMARY_BYTES_MAX: usize = 64 * 1024;

/// What a key weighs is counted in halves of a unit, as capacity is.
pub(super) type Weight = u64;

/// Weights by key.
#[derive(Debug, Default)]
pub(super) struct Sketch {
    weights: HashMap<Box<[u8]>, Weight>,
    floor: Weight,
    total: Weight,
    events: u64,
    distinct: Distinct,
}

/// What was counted in some time: the heaviest keys, and what all came to.
#[derive(Clone, Debug, Default)]
pub(super) struct Summary {
    /// The heaviest first.
    pub keys: Vec<(Box<[u8]>, Weight)>,
    /// What all keys weighed.
    pub total: Weight,
    /// How often something was counted.
    pub events: u64,
    /// How many different keys there were.
    pub distinct: Distinct,
}

impl Sketch {
    /// Counts a key.
    pub fn add(&mut self, key: &[u8], weight: Weight) {
        self.total += weight;
        self.events += 1;
        self.distinct.add(key);
        if let Some(known) = self.weights.get_mut(key) {
            *known += weight;
            return;
        }
        self.weights.insert(Box::from(key), self.floor + weight);
        if self.weights.len() > KEYS_MAX {
            self.forget_light_keys();
        }
    }

    fn forget_light_keys(&mut self) {
        let mut weights: Vec<Weight> = self.weights.values().copied().collect();
        let (_, heaviest_forgotten, _) =
            weights.select_nth_unstable_by(KEYS_KEPT, |left, right| right.cmp(left));
        self.floor = *heaviest_forgotten;
        self.weights.retain(|_, weight| *weight > self.floor);
    }

    /// What has been counted.
    pub fn summary(&self) -> Summary {
        let mut keys: Vec<(&Box<[u8]>, Weight)> =
            self.weights.iter().map(|(key, weight)| (key, *weight)).collect();
        keys.sort_unstable_by(|left, right| right.1.cmp(&left.1).then(left.0.cmp(right.0)));
        let mut room_bytes = SUMMARY_BYTES_MAX;
        let within_room = keys.into_iter().take(SUMMARY_KEYS_MAX).take_while(|(key, _)| {
            match room_bytes.checked_sub(key.len()) {
                Some(rest_bytes) => {
                    room_bytes = rest_bytes;
                    true
                }
                None => false,
            }
        });
        Summary {
            keys: within_room.map(|(key, weight)| (key.clone(), weight)).collect(),
            total: self.total,
            events: self.events,
            distinct: self.distinct.clone(),
        }
    }
}

/// How many bits tell different keys from each other: good for some ten thousand keys a minute.
const DISTINCT_BITS: usize = 8192;

/// An estimate of how many different keys there were: each sets one bit of many.
#[derive(Clone, Debug)]
pub(super) struct Distinct(Box<[u64]>);

impl Default for Distinct {
    fn default() -> Self {
        Distinct(vec![0; DISTINCT_BITS / 64].into())
    }
}

impl Distinct {
    fn add(&mut self, key: &[u8]) {
        let bit = xxh3_64(key) as usize % DISTINCT_BITS;
        self.0[bit / 64] |= 1 << (bit % 64);
    }

    /// Adds those of another time; a key that was in both is one.
    pub fn merge(&mut self, other: &Distinct) {
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            *own |= other;
        }
    }

    /// How many there were.
    pub fn estimate(&self) -> f64 {
        let set: u32 = self.0.iter().map(|word| word.count_ones()).sum();
        let (bits, unset) = (DISTINCT_BITS as f64, DISTINCT_BITS as f64 - f64::from(set));
        // Linear counting; a full one says only that there were very many.
        (bits * (bits / unset.max(1.0)).ln()).round()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_keys_are_counted_exactly() {
        let mut sketch = Sketch::default();
        for number in 0..200_u64 {
            for _ in 0..=number % 7 {
                sketch.add(&number.to_be_bytes(), 2);
            }
        }
        let summary = sketch.summary();
        assert_eq!(summary.keys.len(), SUMMARY_KEYS_MAX);
        assert_eq!(summary.keys[0].1, 14);
        assert_eq!(summary.total, 2 * summary.events);
        let distinct = summary.distinct.estimate();
        assert!((195.0..205.0).contains(&distinct), "{distinct}");
    }

    #[test]
    fn heavy_keys_are_found_among_any_number() {
        let mut random = fastrand::Rng::with_seed(11);
        let mut sketch = Sketch::default();
        let mut exact: HashMap<u64, u64> = HashMap::new();
        for _ in 0..200_000 {
            // Ten keys have a tenth of everything each, but for the fifth that any key has.
            let key = match random.u8(..10) {
                0 | 1 => random.u64(..),
                _ => random.u64(..10),
            };
            let weight = random.u64(1..6);
            *exact.entry(key).or_default() += weight;
            sketch.add(&key.to_be_bytes(), weight);
            assert!(sketch.weights.len() <= KEYS_MAX);
        }
        assert!(
            sketch.floor <= sketch.total / KEYS_KEPT as u64,
            "{}",
            sketch.floor
        );
        let summary = sketch.summary();
        for (key, weight) in &summary.keys[..10] {
            let key = u64::from_be_bytes(key.as_ref().try_into().unwrap());
            assert!(key < 10, "{key}");
            let truth = exact[&key];
            assert!(
                (truth..=truth + sketch.floor).contains(weight),
                "{weight} of {truth}"
            );
        }
        let distinct = summary.distinct.estimate() / exact.len() as f64;
        assert!((0.8..1.2).contains(&distinct), "{distinct}");
    }

    #[test]
    fn long_keys_take_bounded_memory() {
        let mut sketch = Sketch::default();
        for number in 0..100_u8 {
            sketch.add(&[number; 3000], u64::from(number));
        }
        let summary = sketch.summary();
        assert_eq!(summary.keys.len(), SUMMARY_BYTES_MAX / 3000);
        assert_eq!(summary.keys[0].1, 99);
    }
}
