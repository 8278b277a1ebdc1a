//! How much of a table or an index one partition key may consume: where it is limited, as a partition of the
//! service is (developer guide, "Bursting and adaptive capacity"), whatever its table has.
//!
//! Only keys that are in use are known: a place is kept for each, found by its hash, and given to another
//! one when its bucket is full again. Where all places for a hash are in use, further keys are not limited.

use parking_lot::Mutex;

use super::Direction;
use super::bucket::Tokens;

/// What a partition may consume in a second.
const READ_UNITS_PER_SECOND: f64 = 3000.0;
const WRITE_UNITS_PER_SECOND: f64 = 1000.0;
/// For how long it keeps what is unused, in seconds.
const BURST_SECONDS: f64 = 1.0;

/// How many places there are, in groups that a hash chooses from; 80 bytes each.
const GROUPS: usize = 4096;
const PLACES: usize = 4;

/// Which partition key of which table or index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Partition {
    /// The id of the table or index.
    pub id: u32,
    /// The hash of the partition value or values.
    pub hash: u64,
}

/// What single partition keys have left.
#[derive(Debug)]
pub(crate) struct Partitions(Box<[Mutex<[Option<Place>; PLACES]>]>);

#[derive(Debug)]
struct Place {
    partition: Partition,
    reads: Tokens,
    writes: Tokens,
}

impl Place {
    fn new(partition: Partition, now_ms: u64) -> Self {
        Place {
            partition,
            reads: Tokens::new(READ_UNITS_PER_SECOND, BURST_SECONDS, now_ms),
            writes: Tokens::new(WRITE_UNITS_PER_SECOND, BURST_SECONDS, now_ms),
        }
    }

    fn of(&mut self, direction: Direction) -> &mut Tokens {
        match direction {
            Direction::Read => &mut self.reads,
            Direction::Write => &mut self.writes,
        }
    }

    /// Whether it says no more than a new one would.
    fn is_full(&mut self, now_ms: u64) -> bool {
        self.reads.is_full(now_ms) && self.writes.is_full(now_ms)
    }
}

impl Default for Partitions {
    fn default() -> Self {
        Partitions((0..GROUPS).map(|_| Mutex::default()).collect())
    }
}

impl Partitions {
    fn group(&self, partition: Partition) -> &Mutex<[Option<Place>; PLACES]> {
        // The hash orders partitions; its low bits are as good as any.
        let number = partition.hash ^ u64::from(partition.id);
        &self.0[number as usize % GROUPS]
    }

    /// Whether a request may begin that will consume something of this partition.
    pub fn is_open(&self, partition: Partition, direction: Direction, now_ms: u64) -> bool {
        let mut group = self.group(partition).lock();
        let mut places = group.iter_mut().flatten();
        places
            .find(|place| place.partition == partition)
            .is_none_or(|place| place.of(direction).is_open(now_ms))
    }

    /// Takes what a request consumed.
    pub fn charge(&self, partition: Partition, direction: Direction, units: f64, now_ms: u64) {
        let mut group = self.group(partition).lock();
        let known = |place: &Option<Place>| place.as_ref().is_some_and(|place| place.partition == partition);
        let position = match group.iter().position(known) {
            Some(position) => Some(position),
            None => group.iter_mut().position(|place| match place {
                None => true,
                Some(place) => place.is_full(now_ms),
            }),
        };
        let Some(place) = position.map(|position| &mut group[position]) else {
            return;
        };
        if !known(place) {
            *place = Some(Place::new(partition, now_ms));
        }
        if let Some(place) = place {
            place.of(direction).charge(units);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_own() {
        let partitions = Partitions::default();
        let partition = |id, hash| Partition { id, hash };
        partitions.charge(partition(1, 7), Direction::Write, 1000.0, 0);
        assert!(!partitions.is_open(partition(1, 7), Direction::Write, 0));
        assert!(partitions.is_open(partition(1, 7), Direction::Read, 0));
        assert!(partitions.is_open(partition(2, 7), Direction::Write, 0));
        assert!(partitions.is_open(partition(1, 8), Direction::Write, 0));
        assert!(partitions.is_open(partition(1, 7), Direction::Write, 1));
    }

    #[test]
    fn places_go_round_and_what_has_none_is_not_limited() {
        let partitions = Partitions::default();
        let partition = |number: u64| Partition {
            id: 0,
            hash: number * GROUPS as u64,
        };
        for number in 0..=PLACES as u64 {
            partitions.charge(partition(number), Direction::Write, 2000.0, 0);
        }
        for number in 0..PLACES as u64 {
            assert!(!partitions.is_open(partition(number), Direction::Write, 0));
        }
        assert!(partitions.is_open(partition(PLACES as u64), Direction::Write, 0));
        // After two seconds all are full again, and make place.
        partitions.charge(partition(PLACES as u64), Direction::Write, 2000.0, 2000);
        assert!(!partitions.is_open(partition(PLACES as u64), Direction::Write, 2000));
    }
}
