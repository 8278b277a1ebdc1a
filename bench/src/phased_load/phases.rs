//! The phases of a load: when each began, and what came back in it.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::load;

/// What came back in one phase.
#[derive(Debug)]
pub struct Phase {
    pub time: Duration,
    /// Latencies in nanoseconds of the requests that were due in this phase, in the parts' order.
    pub latencies: Vec<Histogram<u64>>,
    /// How late the load generator was itself, in nanoseconds: from when a request was due that had
    /// a free connection, until it was sent. The latency has this within it, and answers may be read
    /// about as late. Empty in the closed loop.
    pub lateness: Histogram<u64>,
}

impl Phase {
    /// Requests of all parts in a second.
    pub fn requests_per_second(&self) -> f64 {
        let requests: u64 = self.latencies.iter().map(Histogram::len).sum();
        requests as f64 / self.time.as_secs_f64()
    }
}

/// An answer that came.
#[derive(Clone, Copy, Debug)]
pub struct Answered {
    /// The position of its part.
    pub part: usize,
    pub latency: Duration,
    /// `None` where the request had no free connection when it was due.
    pub lateness: Option<Duration>,
}

/// All phases of a load that goes on.
#[derive(Debug)]
pub struct Phases {
    parts: usize,
    begun: Vec<(Instant, Counts)>,
    end: Option<Instant>,
}

#[derive(Debug)]
struct Counts {
    latencies: Vec<Histogram<u64>>,
    lateness: Histogram<u64>,
}

impl Phases {
    /// Those of a load of so many parts, whose first begins at `start`.
    pub fn new(parts: usize, start: Instant) -> Self {
        let mut phases = Phases {
            parts,
            begun: Vec::new(),
            end: None,
        };
        phases.begin(start);
        phases
    }

    /// The phase ends, and the next begins.
    pub fn begin(&mut self, start: Instant) {
        let counts = Counts {
            latencies: (0..self.parts).map(|_| load::histogram()).collect(),
            lateness: load::histogram(),
        };
        self.begun.push((start, counts));
    }

    /// The last phase ends.
    pub fn end(&mut self, end: Instant) {
        self.end = Some(end);
    }

    /// The phase that `due` lies in; `None` after the end.
    pub fn at(&self, due: Instant) -> Option<usize> {
        if self.end.is_some_and(|end| due >= end) {
            return None;
        }
        let begun = self.begun.iter().filter(|(start, _)| *start <= due).count();
        Some(begun.saturating_sub(1))
    }

    /// Counts an answer in the phase with this number.
    pub fn count(&mut self, phase: usize, answered: Answered) {
        let (_, counts) = &mut self.begun[phase];
        counts.latencies[answered.part].saturating_record(answered.latency.as_nanos() as u64);
        if let Some(lateness) = answered.lateness {
            counts.lateness.saturating_record(lateness.as_nanos() as u64);
        }
    }

    /// How many answers of a part came in the phase with this number.
    #[cfg(test)]
    pub fn answered(&self, phase: usize, part: usize) -> u64 {
        self.begun[phase].1.latencies[part].len()
    }

    /// What came back in each phase, where the last ended at `end`.
    pub fn take(&mut self, end: Instant) -> Vec<Phase> {
        let starts: Vec<Instant> = self.begun.iter().map(|(start, _)| *start).collect();
        let ends = starts.iter().skip(1).copied().chain([end]);
        let begun = std::mem::take(&mut self.begun);
        begun
            .into_iter()
            .zip(ends)
            .map(|((start, counts), end)| Phase {
                time: end - start,
                latencies: counts.latencies,
                lateness: counts.lateness,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_belongs_to_the_phase_in_which_it_is_due() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut phases = Phases::new(1, start);
        phases.begin(at(10));
        phases.begin(at(20));
        for (ms, expected) in [(0, 0), (9, 0), (10, 1), (19, 1), (20, 2), (999, 2)] {
            assert_eq!(phases.at(at(ms)), Some(expected), "{ms}");
        }
        phases.end(at(30));
        assert_eq!(phases.at(at(29)), Some(2));
        assert_eq!(phases.at(at(30)), None);
    }

    #[test]
    fn answers_are_counted_in_their_phase_and_part() {
        let start = Instant::now();
        let mut phases = Phases::new(2, start);
        phases.begin(start + Duration::from_secs(1));
        let latency = Duration::from_millis(2);
        for lateness in [None, Some(Duration::from_micros(3))] {
            let part = 1;
            phases.count(
                0,
                Answered {
                    part,
                    latency,
                    lateness,
                },
            );
        }
        let taken = phases.take(start + Duration::from_secs(4));
        let counted: Vec<_> = taken
            .iter()
            .map(|phase| {
                (
                    phase.time.as_secs(),
                    phase.latencies[1].len(),
                    phase.lateness.len(),
                )
            })
            .collect();
        assert_eq!(counted, [(1, 2, 1), (3, 0, 0)]);
        assert_eq!(taken[0].latencies[0].len(), 0);
        assert_eq!(taken[0].requests_per_second(), 2.0);
    }
}
