//! What a load sends: kinds of requests with a weight each, which of its requests a kind sends
//! next, and how long the answers may be.
//!
//! A [`Traffic`] belongs to one server: kinds that go through their requests in order remember how
//! far they have come on it, from one round to the next.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::items::Random;
use crate::requests::Requests;

/// Requests and how long every answer's body must be.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub requests: Arc<Requests>,
    pub body_bytes: RangeInclusive<usize>,
}

/// Which of its requests a kind sends next.
#[derive(Clone, Debug)]
pub enum Choice {
    /// Any, all equally often.
    Uniform,
    /// As a list of draws says, which was made before: some more often than others.
    Drawn(Arc<[u32]>),
    /// Each one once, up to but without this one; the load ends with them.
    Each { next: Arc<AtomicUsize>, end: usize },
    /// The next one, and after the last the first again: inserts.
    Insert(Arc<Frontier>),
    /// As many before the newest insert that has its answer as the draws say. The first `base`
    /// requests are for what was there before all inserts.
    Latest {
        frontier: Arc<Frontier>,
        base: usize,
        draws: Arc<[u32]>,
    },
}

/// Requests of one kind.
#[derive(Clone, Debug)]
pub struct Kind {
    /// How often it is sent, beside the other kinds' weights.
    pub weight: u32,
    pub choice: Choice,
    pub first: Exchange,
    /// What is sent once the first has its answer, of the same index; both count as one request.
    pub then: Option<Exchange>,
}

/// How far inserts have come.
#[derive(Debug)]
pub struct Frontier {
    /// How many there are in all.
    count: usize,
    /// Every insert below this has its answer.
    settled: AtomicUsize,
    state: Mutex<FrontierState>,
}

#[derive(Debug, Default)]
struct FrontierState {
    next: usize,
    in_flight: BTreeSet<usize>,
}

impl Frontier {
    /// Of `count` inserts none has been sent.
    pub fn new(count: usize) -> Self {
        Frontier {
            count,
            settled: AtomicUsize::new(0),
            state: Mutex::default(),
        }
    }

    fn take(&self) -> usize {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let number = state.next;
        state.next += 1;
        state.in_flight.insert(number);
        number
    }

    fn settle(&self, number: usize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.in_flight.remove(&number);
        let settled = state.in_flight.first().copied().unwrap_or(state.next);
        self.settled.store(settled, Ordering::Release);
    }

    /// How many of the inserts are there for certain.
    fn present(&self) -> usize {
        self.settled.load(Ordering::Acquire).min(self.count)
    }
}

/// What one load sends.
#[derive(Debug)]
pub struct Traffic {
    kinds: Vec<Kind>,
    weight: usize,
}

/// One request that was chosen.
#[derive(Clone, Copy, Debug)]
pub struct Picked {
    kind: usize,
    index: usize,
    /// Its number among inserts.
    insert: Option<usize>,
}

impl Traffic {
    /// A mix of kinds, of which there must be one or more.
    pub fn new(kinds: Vec<Kind>) -> Self {
        let weight = kinds.iter().map(|kind| kind.weight as usize).sum();
        Traffic { kinds, weight }
    }

    /// Any of `requests`, all of whose answers have bodies of `body_bytes` bytes.
    pub fn uniform(requests: &Arc<Requests>, body_bytes: usize) -> Self {
        Traffic::single(requests, body_bytes, Choice::Uniform)
    }

    /// Each of `requests` once.
    pub fn each_once(requests: &Arc<Requests>, body_bytes: usize) -> Self {
        Traffic::first_of(requests, body_bytes, requests.count())
    }

    /// Each of the first `end` of `requests` once.
    pub fn first_of(requests: &Arc<Requests>, body_bytes: usize, end: usize) -> Self {
        let next = Arc::new(AtomicUsize::new(0));
        let end = end.min(requests.count());
        Traffic::single(requests, body_bytes, Choice::Each { next, end })
    }

    fn single(requests: &Arc<Requests>, body_bytes: usize, choice: Choice) -> Self {
        Traffic::new(vec![Kind {
            weight: 1,
            choice,
            first: Exchange {
                requests: requests.clone(),
                body_bytes: body_bytes..=body_bytes,
            },
            then: None,
        }])
    }

    /// The longest body that an answer may have.
    pub fn body_bytes_max(&self) -> usize {
        let exchanges = self
            .kinds
            .iter()
            .flat_map(|kind| [Some(&kind.first), kind.then.as_ref()]);
        let lengths = exchanges.flatten().map(|exchange| *exchange.body_bytes.end());
        lengths.max().unwrap_or_default()
    }

    /// Chooses the next request; `None` where all have been sent that were to be.
    pub fn pick(&self, random: &mut Random) -> Option<Picked> {
        let kind = self.kind(random);
        let requests = &self.kinds[kind].first.requests;
        let mut insert = None;
        let drawn = |draws: &[u32], random: &mut Random| draws[random.below(draws.len())] as usize;
        let index = match &self.kinds[kind].choice {
            Choice::Uniform => random.below(requests.count()),
            Choice::Drawn(draws) => drawn(draws, random),
            Choice::Each { next, end } => {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= *end {
                    return None;
                }
                index
            }
            Choice::Insert(frontier) => {
                let number = frontier.take();
                insert = Some(number);
                number % requests.count()
            }
            Choice::Latest {
                frontier,
                base,
                draws,
            } => base + frontier.present() - 1 - drawn(draws, random),
        };
        Some(Picked { kind, index, insert })
    }

    fn kind(&self, random: &mut Random) -> usize {
        if self.kinds.len() == 1 {
            return 0;
        }
        let mut left = random.below(self.weight);
        let position = self.kinds.iter().position(|kind| {
            let weight = kind.weight as usize;
            let is_hit = left < weight;
            left = left.wrapping_sub(weight);
            is_hit
        });
        position.unwrap_or_default()
    }

    /// What is to be exchanged for a request, one after the other.
    pub fn exchanges(&self, picked: Picked) -> impl Iterator<Item = &Exchange> {
        let kind = &self.kinds[picked.kind];
        [&kind.first].into_iter().chain(&kind.then)
    }

    /// Writes the bytes of a request into `buffer`, stamped.
    pub fn write(&self, exchange: &Exchange, picked: Picked, stamp: u64, buffer: &mut Vec<u8>) {
        buffer.clear();
        buffer.extend_from_slice(exchange.requests.get(picked.index));
        exchange.requests.stamp(picked.index, buffer, stamp);
    }

    /// Notes that a request has its answer.
    pub fn finish(&self, picked: Picked) {
        if let (Choice::Insert(frontier), Some(number)) = (&self.kinds[picked.kind].choice, picked.insert) {
            frontier.settle(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn requests(count: usize) -> Arc<Requests> {
        Arc::new(Requests::new("GetItem", (0..count).map(|number| json!(number))))
    }

    fn kind(weight: u32, count: usize, choice: Choice) -> Kind {
        Kind {
            weight,
            choice,
            first: Exchange {
                requests: requests(count),
                body_bytes: 2..=2,
            },
            then: None,
        }
    }

    #[test]
    fn kinds_are_sent_as_often_as_they_weigh() {
        let traffic = Traffic::new(vec![kind(95, 10, Choice::Uniform), kind(5, 10, Choice::Uniform)]);
        let mut random = Random::new(1);
        let mut counts = [0; 2];
        for _ in 0..100_000 {
            counts[traffic.pick(&mut random).expect("a request").kind] += 1;
        }
        assert!((4500..5500).contains(&counts[1]), "{counts:?}");
    }

    #[test]
    fn what_is_sent_once_ends() {
        let traffic = Traffic::first_of(&requests(10), 2, 7);
        let mut random = Random::new(1);
        let sent: Vec<usize> =
            std::iter::from_fn(|| traffic.pick(&mut random).map(|picked| picked.index)).collect();
        assert_eq!(sent, [0, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn only_inserts_with_an_answer_are_read() {
        let frontier = Arc::new(Frontier::new(3));
        let inserts = Traffic::new(vec![kind(1, 3, Choice::Insert(frontier.clone()))]);
        let draws: Arc<[u32]> = Arc::from([0]);
        let choice = Choice::Latest {
            frontier,
            base: 10,
            draws,
        };
        let reads = Traffic::new(vec![kind(1, 13, choice)]);
        let mut random = Random::new(1);
        let newest = |random: &mut Random| reads.pick(random).expect("a request").index;
        assert_eq!(newest(&mut random), 9);
        let picked: Vec<Picked> = (0..3)
            .map(|_| inserts.pick(&mut random).expect("a request"))
            .collect();
        inserts.finish(picked[1]);
        assert_eq!(newest(&mut random), 9, "the first insert is still on its way");
        inserts.finish(picked[0]);
        assert_eq!(newest(&mut random), 11);
        inserts.finish(picked[2]);
        assert_eq!(newest(&mut random), 12);
        // From here on they are sent again, and no read goes beyond the last.
        let again = inserts.pick(&mut random).expect("a request");
        assert_eq!(again.index, 0);
        inserts.finish(again);
        assert_eq!(newest(&mut random), 12);
    }
}
