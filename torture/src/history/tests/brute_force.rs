//! The same questions answered by trying every order, which takes no wit and ends only for small
//! histories.

use std::collections::HashMap;

use crate::history::item::{RecordedOperation, State};
use crate::history::serializability::{Element, Key, RecordedTransaction};
use crate::history::{NEVER_NS, Outcome, Recorded};

/// Whether some order explains the operations on one item.
pub fn is_linearizable(history: &[RecordedOperation]) -> bool {
    explains(history, None, |state: &State, operation| operation.fits(*state))
}

/// Whether some order explains the transactions.
pub fn is_serializable(history: &[RecordedTransaction]) -> bool {
    explains(history, HashMap::new(), run_transaction)
}

type Lists = HashMap<Key, Vec<Element>>;

/// The lists after a transaction, if it can have found these.
fn run_transaction(lists: &Lists, transaction: &RecordedTransaction) -> Option<Lists> {
    let empty = Vec::new();
    let list = |lists: &Lists, key: Key| lists.get(&key).unwrap_or(&empty).clone();
    let operation = &transaction.operation;
    let holds = operation
        .lengths
        .iter()
        .all(|&(key, length)| list(lists, key).len() == length);
    if let Outcome::Refused(seen) = &transaction.outcome {
        // That it was refused for this list is what it says.
        let is_fit = seen.iter().all(|(key, seen)| {
            let wanted = operation.lengths.iter().find(|length| length.0 == *key);
            *seen == list(lists, *key) && wanted.is_none_or(|length| length.1 != seen.len())
        });
        return is_fit.then(|| lists.clone());
    }
    if !holds {
        return None;
    }
    let mut after = lists.clone();
    for &(key, element) in &operation.appends {
        after.entry(key).or_default().push(element);
    }
    match &transaction.outcome {
        Outcome::Done(seen) if seen.iter().any(|(key, seen)| *seen != list(&after, *key)) => None,
        _ => Some(after),
    }
}

/// Tries every order that real time allows, with each of the unknown operations or without it.
fn explains<O, S, State>(
    history: &[Recorded<O, S>],
    state: State,
    run: fn(&State, &Recorded<O, S>) -> Option<State>,
) -> bool {
    let left: Vec<&Recorded<O, S>> = history.iter().collect();
    explains_rest(&left, &state, run)
}

fn explains_rest<O, S, State>(
    left: &[&Recorded<O, S>],
    state: &State,
    run: fn(&State, &Recorded<O, S>) -> Option<State>,
) -> bool {
    if left.iter().all(|operation| operation.returned_ns == NEVER_NS) {
        return true;
    }
    (0..left.len()).any(|place| {
        let operation = left[place];
        let is_allowed = left.iter().all(|other| other.returned_ns >= operation.invoked_ns);
        is_allowed
            && run(state, operation).is_some_and(|after| {
                let mut rest = left.to_vec();
                rest.remove(place);
                explains_rest(&rest, &after, run)
            })
    })
}
