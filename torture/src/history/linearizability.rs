//! Whether operations on one item could have happened one after another, each at some moment
//! between its call and its return.
//!
//! The search is that of Wing and Gong: put one of the operations first that nothing must precede,
//! see what the item becomes, and go on; where nothing fits, take the last choice back. Lowe's
//! addition makes it fast: a set of operations done and the item that it led to is tried once.
//!
//! Four things keep the choices few. What changes nothing and fits is put first at once, since it
//! never fits better later. A value is written once, so that it is not left before all who must find
//! it have done so. A write of unknown outcome whose value was never seen is left out: with all that
//! depends on an item being seen, nothing can depend on it. And deletions of unknown outcome are all
//! alike, so that the oldest is taken before the others.

use std::collections::{HashMap, HashSet};

use super::item::{Change, Condition, Operation, RecordedOperation, Seen, State};
use super::{NEVER_NS, Outcome};

/// How many choices are tried before the question is left open.
const STEPS_MAX: u64 = 20_000_000;
/// How many places of the search are remembered before the question is left open; 40 bytes each.
const PLACES_MAX: usize = 8_000_000;
/// How many operations a verdict names.
const NAMED_MAX: usize = 8;

/// What the search found.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    Linearizable,
    /// There is no order; a sentence says where the longest attempt ended.
    Violation(String),
    /// The search was ended by its bounds, which counts as a failure.
    Undecided(String),
}

/// Judges the operations on one item, which is absent at first.
pub fn check(history: &[RecordedOperation]) -> Verdict {
    check_within(history, STEPS_MAX)
}

/// The same with a bound of its own.
fn check_within(history: &[RecordedOperation], steps_max: u64) -> Verdict {
    Search::new(history).run(steps_max)
}

/// A choice that was made, with what is needed to take it back.
struct Choice {
    operation: usize,
    state_before: State,
    /// What else could have been chosen, the next one last.
    others: Vec<usize>,
}

struct Search<'h> {
    /// In the order of their calls. Deletions of unknown outcome come behind all others.
    operations: Vec<&'h RecordedOperation>,
    /// Where those deletions begin.
    deletions_start: usize,
    deletions_done: usize,
    /// The operations before `deletions_start` that are not done yet, as a list with links in both
    /// directions; place 0 is before the first, place `n + 1` is operation `n`.
    next: Vec<usize>,
    previous: Vec<usize>,
    /// A random number for each operation; a set of operations is known by the sum of its numbers.
    marks: Vec<u128>,
    done_mark: u128,
    known_left: usize,
    /// How many of the known operations that are left must find each value.
    finders_left: HashMap<u64, usize>,
    state: State,
}

impl<'h> Search<'h> {
    fn new(history: &'h [RecordedOperation]) -> Self {
        let is_relevant = relevance(history);
        let mut operations: Vec<&RecordedOperation> = history
            .iter()
            .filter(|operation| operation.is_known() || is_relevant(operation))
            .collect();
        operations.sort_by_key(|operation| (is_open_deletion(operation), operation.invoked_ns));
        let deletions_start = operations.partition_point(|operation| !is_open_deletion(operation));
        let places = deletions_start + 2;
        let mut random = fastrand::Rng::with_seed(0x5eed);
        let mut finders_left = HashMap::new();
        for value in operations.iter().filter_map(|operation| operation.value_found()) {
            *finders_left.entry(value).or_default() += 1;
        }
        Search {
            marks: operations.iter().map(|_| random.u128(..)).collect(),
            known_left: operations.iter().filter(|operation| operation.is_known()).count(),
            operations,
            deletions_start,
            deletions_done: 0,
            next: (1..=places).collect(),
            previous: (0..places).map(|place| place.saturating_sub(1)).collect(),
            done_mark: 0,
            finders_left,
            state: None,
        }
    }

    fn run(mut self, steps_max: u64) -> Verdict {
        let known = self.known_left;
        let mut choices: Vec<Choice> = Vec::new();
        let mut seen: HashSet<(u128, State)> = HashSet::new();
        let mut furthest = (self.known_left, self.describe_end());
        let mut steps = 0;
        let mut candidates = self.candidates();
        loop {
            if self.known_left == 0 {
                return Verdict::Linearizable;
            }
            steps += 1;
            if steps > steps_max || seen.len() > PLACES_MAX {
                return Verdict::Undecided(format!(
                    "after {steps} steps it is open whether {known} operations have an order; {}",
                    furthest.1
                ));
            }
            if let Some(operation) = candidates.pop() {
                let choice = self.choose(operation, candidates);
                choices.push(choice);
                candidates = Vec::new();
                if seen.insert((self.done_mark, self.state)) {
                    candidates = self.candidates();
                    if self.known_left < furthest.0 {
                        furthest = (self.known_left, String::new());
                    }
                }
            } else {
                if self.known_left == furthest.0 && furthest.1.is_empty() {
                    furthest.1 = self.describe_end();
                }
                let Some(choice) = choices.pop() else {
                    return Verdict::Violation(format!(
                        "of {known} operations at most {} have an order; {}",
                        known - furthest.0,
                        furthest.1
                    ));
                };
                candidates = self.take_back(choice);
            }
        }
    }

    /// What may come next and fits, the best last.
    fn candidates(&self) -> Vec<usize> {
        let mut found = Vec::new();
        let mut first_return_ns = NEVER_NS;
        let mut place = self.next[0];
        while place <= self.deletions_start {
            let operation = self.operations[place - 1];
            if operation.invoked_ns > first_return_ns {
                break;
            }
            first_return_ns = first_return_ns.min(operation.returned_ns);
            if let Some(after) = operation.fits(self.state) {
                if operation.changes_nothing() {
                    return vec![place - 1];
                }
                if (operation.is_known() || after != self.state) && self.may_leave(operation, after) {
                    found.push(place - 1);
                }
            }
            place = self.next[place];
        }
        let deletion = self.deletions_start + self.deletions_done;
        if let Some(operation) = self.operations.get(deletion)
            && self.state.is_some()
            && operation.invoked_ns <= first_return_ns
            && self.may_leave(operation, None)
        {
            found.push(deletion);
        }
        // What returned first is likely to have been first; what is open is a last resort.
        found
            .sort_by_key(|&operation| std::cmp::Reverse((self.operations[operation].returned_ns, operation)));
        found
    }

    /// Whether nobody but the operation that leads from here to `after` must find the value here.
    fn may_leave(&self, operation: &RecordedOperation, after: State) -> bool {
        let value = |state: State| state.map(|item| item.value);
        let here = value(self.state);
        let finders = here.and_then(|here| self.finders_left.get(&here)).copied();
        let is_finder = here.is_some() && operation.value_found() == here;
        here == value(after) || finders.unwrap_or(0) == usize::from(is_finder)
    }

    fn choose(&mut self, operation: usize, others: Vec<usize>) -> Choice {
        let state_before = self.state;
        let recorded = self.operations[operation];
        if let Some(after) = recorded.fits(state_before) {
            self.state = after;
        }
        if operation < self.deletions_start {
            let place = operation + 1;
            self.next[self.previous[place]] = self.next[place];
            self.previous[self.next[place]] = self.previous[place];
        } else {
            self.deletions_done += 1;
        }
        self.done_mark = self.done_mark.wrapping_add(self.marks[operation]);
        self.known_left -= usize::from(recorded.is_known());
        if let Some(value) = recorded.value_found() {
            *self.finders_left.entry(value).or_default() -= 1;
        }
        Choice {
            operation,
            state_before,
            others,
        }
    }

    /// Takes a choice back; gives the others.
    fn take_back(&mut self, choice: Choice) -> Vec<usize> {
        let operation = choice.operation;
        if operation < self.deletions_start {
            let place = operation + 1;
            self.next[self.previous[place]] = place;
            self.previous[self.next[place]] = place;
        } else {
            self.deletions_done -= 1;
        }
        self.done_mark = self.done_mark.wrapping_sub(self.marks[operation]);
        self.known_left += usize::from(self.operations[operation].is_known());
        if let Some(value) = self.operations[operation].value_found() {
            *self.finders_left.entry(value).or_default() += 1;
        }
        self.state = choice.state_before;
        choice.others
    }

    /// What the item is here, and the known operations that would have to come next.
    fn describe_end(&self) -> String {
        let mut named = Vec::new();
        let mut first_return_ns = NEVER_NS;
        let mut place = self.next[0];
        while place <= self.deletions_start && named.len() < NAMED_MAX {
            let operation = self.operations[place - 1];
            if operation.invoked_ns > first_return_ns {
                break;
            }
            first_return_ns = first_return_ns.min(operation.returned_ns);
            if operation.is_known() {
                named.push(format!("{operation:?}"));
            }
            place = self.next[place];
        }
        format!(
            "then the item is {:?}, and none of these can come next: {}",
            self.state,
            named.join("; ")
        )
    }
}

fn is_open_deletion(operation: &RecordedOperation) -> bool {
    !operation.is_known()
        && operation.operation
            == Operation::Write {
                change: Change::Delete,
                condition: None,
            }
}

/// Says which operations of unknown outcome an order may need.
fn relevance(history: &[RecordedOperation]) -> impl Fn(&RecordedOperation) -> bool {
    let mut seen_values = HashSet::new();
    // Those of whole items, which tell the count and the value before.
    let mut seen_items = HashSet::new();
    let mut is_all_seen = true;
    for operation in history {
        if let Operation::Write {
            condition: Some(Condition::ValueIs(value)),
            ..
        } = operation.operation
        {
            seen_values.insert(value);
        }
        let (seen, depends) = match operation.outcome {
            Outcome::Done(seen) => {
                let is_update = matches!(
                    operation.operation,
                    Operation::Write {
                        change: Change::Update(_),
                        ..
                    }
                );
                (seen, is_update)
            }
            Outcome::Refused(seen) => (seen, true),
            Outcome::Unknown => continue,
        };
        is_all_seen &= !depends || seen != Seen::Nothing;
        if let Some(item) = seen.item() {
            seen_values.insert(item.value);
            seen_values.extend(item.previous);
            seen_items.insert(item.value);
        }
    }
    // Of writes that ends of servers cut short, the last may be an update that is seen by its value
    // alone: then those before it show in later counts, and nowhere else. They are those that can have
    // come behind the last operation before it whose outcome is known, for that showed the item, or made
    // it anew.
    let known_before = |invoked_ns: u64| {
        let known = history
            .iter()
            .filter(|operation| operation.returned_ns <= invoked_ns);
        known.map(|operation| operation.invoked_ns).max().unwrap_or(0)
    };
    let half_seen: Vec<(u64, u64)> = history
        .iter()
        .filter_map(|operation| match operation.operation {
            Operation::Write {
                change: Change::Update(value),
                ..
            } if !operation.is_known() && seen_values.contains(&value) && !seen_items.contains(&value) => {
                Some((known_before(operation.invoked_ns), operation.gone_ns))
            }
            _ => None,
        })
        .collect();
    let may_precede_half_seen = move |operation: &RecordedOperation| {
        let mut spans = half_seen.iter();
        operation.gone_ns != NEVER_NS
            && spans
                .any(|(from_ns, gone_ns)| operation.invoked_ns <= *gone_ns && *from_ns <= operation.gone_ns)
    };
    move |operation| match operation.operation {
        Operation::Read => false,
        Operation::Write { change, .. } => match change.value() {
            Some(value) => !is_all_seen || seen_values.contains(&value) || may_precede_half_seen(operation),
            None => true,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_ends_at_its_bound() {
        // Puts that nobody looks at, all at once, and then a value from nowhere: every set of them
        // is tried.
        let mut history: Vec<RecordedOperation> = (1..=30)
            .map(|value| RecordedOperation {
                client: 0,
                operation: Operation::Write {
                    change: Change::Put(value),
                    condition: None,
                },
                invoked_ns: 0,
                returned_ns: 10,
                gone_ns: NEVER_NS,
                outcome: Outcome::Done(Seen::Nothing),
            })
            .collect();
        history.push(RecordedOperation {
            client: 1,
            operation: Operation::Read,
            invoked_ns: 11,
            returned_ns: 12,
            gone_ns: NEVER_NS,
            outcome: Outcome::Done(Seen::Before(Change::Put(99).apply(None))),
        });
        let verdict = check_within(&history, 10_000);
        assert!(matches!(verdict, Verdict::Undecided(_)), "{verdict:?}");
    }
}
