//! One item as the check of linearizability sees it, and what can be done to it.
//!
//! Each write brings a value that no other write brings, and an update keeps the value that it
//! found, so that what is seen tells what came before.

use super::{Outcome, Recorded};

/// An item's attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Item {
    /// Of the last write.
    pub value: u64,
    /// Of the write before, where the last one was an update of an item.
    pub previous: Option<u64>,
    /// How many updates there were since the item was put.
    pub count: u32,
}

/// An item, or that there is none.
pub type State = Option<Item>;

/// What must hold for a write to take effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    Absent,
    ValueIs(u64),
}

/// What a write does. The numbers are the values it brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Put(u64),
    Update(u64),
    Delete,
}

/// An operation on one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Read,
    Write {
        change: Change,
        condition: Option<Condition>,
    },
}

/// What an answer showed of the item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    Nothing,
    /// The item as the operation found it.
    Before(State),
    /// The item as the operation left it.
    After(State),
}

/// One operation on one item, with what became of it.
pub type RecordedOperation = Recorded<Operation, Seen>;

impl Condition {
    fn holds(self, state: State) -> bool {
        match self {
            Condition::Absent => state.is_none(),
            Condition::ValueIs(value) => state.is_some_and(|item| item.value == value),
        }
    }
}

impl Change {
    /// The item after the change of `state`.
    pub fn apply(self, state: State) -> State {
        match self {
            Change::Put(value) => Some(Item {
                value,
                previous: None,
                count: 0,
            }),
            Change::Update(value) => Some(Item {
                value,
                previous: state.map(|item| item.value),
                count: state.map_or(0, |item| item.count) + 1,
            }),
            Change::Delete => None,
        }
    }

    /// The value that it brings.
    pub fn value(self) -> Option<u64> {
        match self {
            Change::Put(value) | Change::Update(value) => Some(value),
            Change::Delete => None,
        }
    }
}

impl Operation {
    /// The item afterwards, or `None` where the condition does not hold.
    pub fn apply(&self, state: State) -> Option<State> {
        match *self {
            Operation::Read => Some(state),
            Operation::Write { change, condition } => condition
                .is_none_or(|condition| condition.holds(state))
                .then(|| change.apply(state)),
        }
    }
}

impl RecordedOperation {
    /// The item afterwards, if the operation can have found it in `state`. One of unknown outcome
    /// is taken to have had an effect.
    pub fn fits(&self, state: State) -> Option<State> {
        let applied = self.operation.apply(state);
        match (self.outcome.clone(), applied) {
            (Outcome::Done(seen), Some(after)) => seen.agrees(state, after).then_some(after),
            (Outcome::Refused(seen), None) => seen.agrees(state, state).then_some(state),
            (Outcome::Unknown, Some(after)) => Some(after),
            _ => None,
        }
    }

    /// The value that it must have found, as far as its answer tells.
    pub fn value_found(&self) -> Option<u64> {
        let seen = match self.outcome {
            Outcome::Done(seen) | Outcome::Refused(seen) => seen,
            Outcome::Unknown => return None,
        };
        match (seen, self.operation, &self.outcome) {
            (Seen::Before(Some(item)), ..) => Some(item.value),
            (
                Seen::After(Some(item)),
                Operation::Write {
                    change: Change::Update(_),
                    ..
                },
                _,
            ) => item.previous,
            (
                _,
                Operation::Write {
                    condition: Some(Condition::ValueIs(value)),
                    ..
                },
                Outcome::Done(_),
            ) => Some(value),
            _ => None,
        }
    }

    /// Whether it leaves the item as it is, whatever that is.
    pub fn changes_nothing(&self) -> bool {
        self.operation == Operation::Read || matches!(self.outcome, Outcome::Refused(_))
    }
}

impl Seen {
    fn agrees(self, before: State, after: State) -> bool {
        match self {
            Seen::Nothing => true,
            Seen::Before(state) => state == before,
            Seen::After(state) => state == after,
        }
    }

    /// The item that was seen, where there was one.
    pub fn item(self) -> State {
        match self {
            Seen::Nothing => None,
            Seen::Before(state) | Seen::After(state) => state,
        }
    }
}
