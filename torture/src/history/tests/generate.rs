//! Correct histories, made by doing what they say one at a time.

use std::collections::HashMap;

use fastrand::Rng;

use crate::history::item::{Change, Condition, Operation, RecordedOperation, Seen, State};
use crate::history::serializability::{Element, Key, RecordedTransaction, Transaction};
use crate::history::{NEVER_NS, Outcome};

/// When something is asked for, when it happens, and when it is answered.
#[derive(Clone, Copy)]
struct Moment {
    client: u32,
    invoked_ns: u64,
    happens_ns: u64,
    returned_ns: u64,
    /// Nobody hears of it, and perhaps it never happens.
    is_unknown: bool,
    has_effect: bool,
}

/// The moments of `count` operations by `clients` clients, in the order in which they happen.
fn moments(random: &mut Rng, clients: u32, count: usize, unknown_percent: u8) -> Vec<Moment> {
    let mut times = vec![0u64; clients as usize];
    let mut moments: Vec<Moment> = (0..count)
        .map(|_| {
            let client = random.u32(..clients);
            let time_ns = &mut times[client as usize];
            let invoked_ns = *time_ns + random.u64(1..20);
            let mut happens_ns = invoked_ns + random.u64(0..20);
            let returned_ns = happens_ns + random.u64(0..20);
            *time_ns = returned_ns + 1;
            let is_unknown = random.u8(..100) < unknown_percent;
            if is_unknown && random.bool() {
                happens_ns += random.u64(..2000);
            }
            Moment {
                client,
                invoked_ns,
                happens_ns,
                returned_ns: if is_unknown { NEVER_NS } else { returned_ns },
                is_unknown,
                has_effect: !is_unknown || random.bool(),
            }
        })
        .collect();
    moments.sort_by_key(|moment| moment.happens_ns);
    moments
}

/// A history of one item.
pub fn operations(
    random: &mut Rng,
    clients: u32,
    count: usize,
    unknown_percent: u8,
) -> Vec<RecordedOperation> {
    let mut state: State = None;
    let mut history = Vec::new();
    for (value, moment) in (1..).zip(moments(random, clients, count, unknown_percent)) {
        let operation = random_operation(random, value, state);
        let mut outcome = Outcome::Unknown;
        if moment.has_effect {
            let after = operation.apply(state);
            if !moment.is_unknown {
                outcome = match after {
                    Some(after) => Outcome::Done(random_view(random, operation, state, after)),
                    None => Outcome::Refused(Seen::Before(state)),
                };
            }
            state = after.unwrap_or(state);
        }
        history.push(RecordedOperation {
            client: moment.client,
            operation,
            invoked_ns: moment.invoked_ns,
            returned_ns: moment.returned_ns,
            gone_ns: NEVER_NS,
            outcome,
        });
    }
    history
}

fn random_operation(random: &mut Rng, value: u64, state: State) -> Operation {
    let condition = match (random.u8(..10), state) {
        (0, _) => Some(Condition::Absent),
        (1 | 2, Some(item)) => Some(Condition::ValueIs(item.value)),
        (3, _) => Some(Condition::ValueIs(random.u64(1..=value))),
        _ => None,
    };
    let change = match random.u8(..10) {
        0..3 => return Operation::Read,
        3..6 => Change::Put(value),
        6..9 => Change::Update(value),
        _ => Change::Delete,
    };
    Operation::Write { change, condition }
}

fn random_view(random: &mut Rng, operation: Operation, before: State, after: State) -> Seen {
    match operation {
        Operation::Read => Seen::Before(before),
        Operation::Write {
            change: Change::Update(_),
            ..
        } if random.bool() => Seen::After(after),
        Operation::Write {
            change: Change::Put(_) | Change::Delete,
            ..
        } if random.u8(..3) == 0 => Seen::Nothing,
        Operation::Write { .. } => Seen::Before(before),
    }
}

/// A history of some lists, which ends with a read of all of them.
pub fn transactions(
    random: &mut Rng,
    clients: u32,
    keys: Key,
    count: usize,
    unknown_percent: u8,
) -> Vec<RecordedTransaction> {
    let mut lists: HashMap<Key, Vec<Element>> = (0..keys).map(|key| (key, Vec::new())).collect();
    let mut history: Vec<RecordedTransaction> = Vec::new();
    let mut last_ns = 0;
    for (number, moment) in moments(random, clients, count, unknown_percent)
        .into_iter()
        .enumerate()
    {
        let operation = random_transaction(random, number, &lists);
        let holds = |&(key, length): &(Key, usize)| lists[&key].len() == length;
        let refusal: Vec<(Key, Vec<Element>)> = operation
            .lengths
            .iter()
            .filter(|length| !holds(length))
            .map(|&(key, _)| (key, lists[&key].clone()))
            .collect();
        let mut outcome = Outcome::Unknown;
        if !refusal.is_empty() {
            outcome = Outcome::Refused(refusal);
        } else if moment.has_effect {
            for &(key, element) in &operation.appends {
                lists.entry(key).or_default().push(element);
            }
            let shows_own = random.bool();
            let shown = operation.reads.iter().copied();
            let shown = shown.chain(
                operation
                    .appends
                    .iter()
                    .map(|append| append.0)
                    .filter(|_| shows_own),
            );
            outcome = Outcome::Done(shown.map(|key| (key, lists[&key].clone())).collect());
        }
        if moment.is_unknown {
            outcome = Outcome::Unknown;
        } else {
            last_ns = last_ns.max(moment.returned_ns);
        }
        last_ns = last_ns.max(moment.happens_ns);
        history.push(RecordedTransaction {
            client: moment.client,
            operation,
            invoked_ns: moment.invoked_ns,
            returned_ns: moment.returned_ns,
            gone_ns: NEVER_NS,
            outcome,
        });
    }
    let mut all: Vec<(Key, Vec<Element>)> = lists.into_iter().collect();
    all.sort_unstable();
    history.push(RecordedTransaction {
        client: clients,
        operation: Transaction {
            reads: (0..keys).collect(),
            ..Transaction::default()
        },
        invoked_ns: last_ns + 10,
        returned_ns: last_ns + 20,
        gone_ns: NEVER_NS,
        outcome: Outcome::Done(all),
    });
    history
}

fn random_transaction(random: &mut Rng, number: usize, lists: &HashMap<Key, Vec<Element>>) -> Transaction {
    let mut keys: Vec<Key> = (0..lists.len() as Key).collect();
    random.shuffle(&mut keys);
    keys.truncate(random.usize(1..=keys.len().min(3)));
    if random.bool() {
        return Transaction {
            reads: keys,
            ..Transaction::default()
        };
    }
    let lengths = match random.u8(..4) {
        0 => {
            let key = random.u32(..lists.len() as Key);
            // Mostly as long as the list is.
            vec![(key, lists[&key].len() + usize::from(random.u8(..4) == 0))]
        }
        _ => Vec::new(),
    };
    let first = number as Element * 10;
    Transaction {
        reads: Vec::new(),
        lengths,
        appends: (first..).zip(keys).map(|(element, key)| (key, element)).collect(),
    }
}
