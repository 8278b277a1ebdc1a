//! When the committer waits for company before it writes a group.
//!
//! Who is told that a commit is durable often sends the next one at once. Without a wait it would
//! just miss the group after, and two halves of the callers would take turns for good, each waiting
//! for the other's sync. So where a group is slow to write, the committer waits a little for those
//! who were answered last; where they do not come in time, it stops waiting for a while.

use std::time::Duration;

/// After smaller groups there is no wait.
const COMMITS_MIN: usize = 4;
/// The longest wait, and how short it is beside the time that a write takes.
const PATIENCE_MAX: Duration = Duration::from_millis(1);
const PATIENCE_PART: u32 = 4;
/// A wait that was in vain is not tried again for so many groups.
const PAUSE_GROUPS: u32 = 32;

/// How long to wait for more batches before a group is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Gathering {
    /// As soon as so many are in line, the wait is over.
    pub batches: usize,
    /// The wait is over after this at the latest.
    pub patience: Duration,
}

/// Decides on the waits.
#[derive(Debug)]
pub(super) struct Gatherer {
    /// Whether writing is slow enough for it.
    is_worthwhile: bool,
    pause: u32,
}

impl Gatherer {
    pub fn new(is_worthwhile: bool) -> Self {
        Gatherer {
            is_worthwhile,
            pause: 0,
        }
    }

    /// Learns that a wait was in vain.
    pub fn missed(&mut self) {
        self.pause = PAUSE_GROUPS;
    }

    /// The wait after a group of `commits` that took so long to write, with `waiting` others in line.
    pub fn next(&mut self, commits: usize, took: Duration, waiting: usize) -> Gathering {
        self.pause = self.pause.saturating_sub(1);
        if !self.is_worthwhile || self.pause > 0 || commits < COMMITS_MIN {
            return Gathering::default();
        }
        Gathering {
            // Nearly all; the last ones would be waited for too long.
            batches: waiting + commits - commits / 8,
            patience: (took / PATIENCE_PART).min(PATIENCE_MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_for_those_who_were_answered() {
        let ms = Duration::from_millis;
        let mut gatherer = Gatherer::new(true);
        assert_eq!(gatherer.next(1, ms(2), 0), Gathering::default());
        let expected = Gathering {
            batches: 10 + 14,
            patience: Duration::from_micros(500),
        };
        assert_eq!(gatherer.next(16, ms(2), 10), expected);
        assert_eq!(gatherer.next(16, ms(50), 10).patience, ms(1));
        gatherer.missed();
        let waits = (0..100).filter(|_| gatherer.next(16, ms(2), 0) != Gathering::default());
        assert_eq!(waits.count(), 100 - PAUSE_GROUPS as usize + 1);
        assert_eq!(Gatherer::new(false).next(16, ms(2), 10), Gathering::default());
    }
}
