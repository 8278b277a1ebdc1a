//! Log numbers as sequence numbers: decimal, of 21 digits, which is the fewest that clients take.
//!
//! A record's is even, and the bounds of a shard are the odd ones between records, so that a shard
//! without a record has a range too, and a bound is no record's number.

/// What a sequence number is above twice the log number: it gives it 21 digits, none of them a
/// leading zero that a client could drop.
const BASE: u128 = 100_000_000_000_000_000_000;

/// The sequence number of the record with a log number.
pub(crate) fn of_record(number: u64) -> String {
    (BASE + 2 * u128::from(number)).to_string()
}

/// The sequence number of the bound just behind a log number.
pub(crate) fn of_bound(number: u64) -> String {
    (BASE + 2 * u128::from(number) + 1).to_string()
}

/// A place in a log that a sequence number names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The record with this log number.
    Record(u64),
    /// Behind this log number.
    Bound(u64),
}

impl Place {
    /// Reads a sequence number; `None` where it is none that [`of_record`] or [`of_bound`] makes.
    pub fn parse(text: &str) -> Option<Self> {
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let twice = text.parse::<u128>().ok()?.checked_sub(BASE)?;
        let number = u64::try_from(twice / 2).ok()?;
        Some(if twice % 2 == 0 {
            Place::Record(number)
        } else {
            Place::Bound(number)
        })
    }

    /// Whether the place lies in the shard of the log numbers `after < number <= last`, bounds
    /// included.
    pub fn is_within(self, after: u64, last: u64) -> bool {
        match self {
            Place::Record(number) => after < number && number <= last,
            Place::Bound(number) => after <= number && number <= last,
        }
    }

    /// The first log number at the place or behind it.
    pub fn at(self) -> u64 {
        match self {
            Place::Record(number) => number,
            Place::Bound(number) => number.saturating_add(1),
        }
    }

    /// The first log number behind the place.
    pub fn behind(self) -> u64 {
        match self {
            Place::Record(number) | Place::Bound(number) => number.saturating_add(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_are_read_back() {
        for number in [0, 1, 77, u64::MAX] {
            let (record, bound) = (of_record(number), of_bound(number));
            assert_eq!((record.len(), bound.len()), (21, 21));
            assert!(record < bound);
            assert_eq!(Place::parse(&record), Some(Place::Record(number)));
            assert_eq!(Place::parse(&bound), Some(Place::Bound(number)));
        }
        assert_eq!(of_record(77), "100000000000000000154");
        for text in [
            "",
            "77",
            "000000000000000000154",
            "+100000000000000000154",
            "-00000000000000000154",
            "10000000000000000015x",
            "200000000000000000000",
            "1000000000000000000000000000000000000000",
        ] {
            assert_eq!(Place::parse(text), None, "{text}");
        }
    }

    #[test]
    fn places_lie_within_their_shard() {
        for (place, expected) in [
            (Place::Record(10), false),
            (Place::Record(11), true),
            (Place::Record(20), true),
            (Place::Record(21), false),
            (Place::Bound(9), false),
            (Place::Bound(10), true),
            (Place::Bound(20), true),
            (Place::Bound(21), false),
        ] {
            assert_eq!(place.is_within(10, 20), expected, "{place:?}");
        }
        // A shard without a record has its bounds.
        assert!(Place::Bound(10).is_within(10, 10));
        assert!(!Place::Record(10).is_within(10, 10));
    }
}
