//! The check of strict serializability.

use std::time::{Duration, Instant};

use fastrand::Rng;

use super::generate::transactions;
use super::{brute_force, recorded, seeds};
use crate::history::Outcome;
use crate::history::Outcome::{Done, Refused, Unknown};
use crate::history::serializability::{Element, Key, RecordedTransaction, Seen, Transaction, check};

/// How long a large history may take, on a machine that does other things too.
const LARGE_TIME_MAX: Duration = Duration::from_secs(10);

fn append(appends: &[(Key, Element)]) -> Transaction {
    Transaction {
        appends: appends.to_vec(),
        ..Transaction::default()
    }
}

fn append_if(length: (Key, usize), appends: &[(Key, Element)]) -> Transaction {
    Transaction {
        lengths: vec![length],
        ..append(appends)
    }
}

fn read(lists: &[(Key, &[Element])]) -> (Transaction, Outcome<Seen>) {
    let transaction = Transaction {
        reads: lists.iter().map(|list| list.0).collect(),
        ..Transaction::default()
    };
    let seen = lists.iter().map(|list| (list.0, list.1.to_vec())).collect();
    (transaction, Done(seen))
}

fn done() -> Outcome<Seen> {
    Done(Vec::new())
}

type Line = ((u64, u64), (Transaction, Outcome<Seen>));

fn history(lines: Vec<Line>) -> Vec<RecordedTransaction> {
    (0..)
        .zip(lines)
        .map(|(client, (span, (operation, outcome)))| recorded(client, span, operation, outcome))
        .collect()
}

#[track_caller]
fn assert_serializable(lines: Vec<Line>) {
    let history = history(lines);
    assert_eq!(check(&history).err(), None);
    assert!(brute_force::is_serializable(&history));
}

#[track_caller]
fn assert_violation(lines: Vec<Line>, expected: &str) {
    let history = history(lines);
    let found = check(&history).expect_err("a violation");
    assert!(found.contains(expected), "{found}");
    assert!(!brute_force::is_serializable(&history));
}

#[test]
fn transactions_one_after_another_are_correct() {
    assert_serializable(vec![
        ((1, 2), (append(&[(0, 1), (1, 2)]), done())),
        ((3, 4), read(&[(0, &[1]), (1, &[2])])),
        (
            (5, 6),
            (append_if((0, 1), &[(0, 3)]), Done(vec![(0, vec![1, 3])])),
        ),
        (
            (7, 8),
            (append_if((0, 1), &[(1, 4)]), Refused(vec![(0, vec![1, 3])])),
        ),
        ((9, 10), read(&[(1, &[2]), (0, &[1, 3])])),
    ]);
}

#[test]
fn half_a_transaction_is_found() {
    let both = ((1, 9), (append(&[(0, 1), (1, 2)]), done()));
    assert_violation(
        vec![
            both.clone(),
            ((1, 9), read(&[(0, &[1]), (1, &[])])),
            ((10, 11), read(&[(1, &[2])])),
        ],
        "seen in half",
    );
    assert_violation(
        vec![both, ((10, 11), read(&[(0, &[1]), (1, &[])]))],
        "half a transaction is lost",
    );
    // Also of one that nobody was told of.
    assert_violation(
        vec![
            ((1, 9), (append(&[(0, 1), (1, 2)]), Unknown)),
            ((10, 11), read(&[(0, &[1]), (1, &[])])),
        ],
        "half a transaction is lost",
    );
}

#[test]
fn what_is_unknown_may_happen_late_or_never() {
    let unknown = ((1, 2), (append(&[(0, 1)]), Unknown));
    assert_serializable(vec![unknown.clone(), ((3, 4), read(&[(0, &[])]))]);
    assert_serializable(vec![
        unknown.clone(),
        ((3, 4), read(&[(0, &[])])),
        ((5, 6), read(&[(0, &[1])])),
    ]);
    assert_violation(
        vec![unknown, ((3, 4), read(&[(0, &[1])])), ((5, 6), read(&[(0, &[])]))],
        "stale",
    );
}

#[test]
fn a_lost_append_is_found() {
    assert_violation(
        vec![((1, 2), (append(&[(0, 1)]), done())), ((3, 4), read(&[(0, &[])]))],
        "lost",
    );
}

#[test]
fn two_that_missed_each_other_are_found() {
    // Each was made on the condition that the other had not been.
    assert_violation(
        vec![
            ((1, 9), (append_if((0, 0), &[(1, 1)]), done())),
            ((1, 9), (append_if((1, 0), &[(0, 2)]), done())),
            ((10, 11), read(&[(0, &[2]), (1, &[1])])),
        ],
        "missed each other",
    );
}

#[test]
fn lists_that_contradict_each_other_are_found() {
    let (one, other) = (
        ((1, 9), (append(&[(0, 1)]), done())),
        ((1, 9), (append(&[(0, 2)]), done())),
    );
    let both = vec![one.clone(), other.clone()];
    let with = |lines: &[Line]| [&both, lines].concat();
    assert_violation(
        with(&[
            ((10, 11), read(&[(0, &[1, 2])])),
            ((12, 13), read(&[(0, &[2, 1])])),
        ]),
        "at place 0",
    );
    assert_violation(with(&[((10, 11), read(&[(0, &[1, 2, 1])]))]), "twice");
    assert_violation(with(&[((10, 11), read(&[(0, &[1, 2, 7])]))]), "nobody appended");
    assert_violation(
        vec![
            one,
            ((1, 9), (append(&[(0, 2)]), Refused(Vec::new()))),
            ((10, 11), read(&[(0, &[1, 2])])),
        ],
        "refused",
    );
}

#[test]
fn a_refusal_without_a_reason_is_found() {
    assert_violation(
        vec![(
            (1, 2),
            (append_if((0, 0), &[(0, 1)]), Refused(vec![(0, Vec::new())])),
        )],
        "its condition held",
    );
}

#[test]
fn large_correct_histories_are_found_correct_in_seconds() {
    for seed in seeds(3) {
        let history = transactions(&mut Rng::with_seed(seed), 16, 5, 10_000, 8);
        let start = Instant::now();
        let size = check(&history).unwrap_or_else(|found| panic!("{found}, STATOR_SEED={seed}"));
        assert_eq!(size.transactions, 10_001);
        assert!(start.elapsed() < LARGE_TIME_MAX, "{:?}", start.elapsed());
        // A few edges for each transaction: real time does not square them.
        assert!(size.edges < 15 * size.transactions, "{size:?}");
    }
}

#[test]
fn small_histories_are_judged_as_by_trying_every_order() {
    let mut wrong = 0;
    for seed in seeds(4_000) {
        let mut random = Rng::with_seed(seed);
        let mut history = transactions(&mut random, 3, 2, 6, 25);
        for _ in 0..random.usize(..3) {
            spoil(&mut random, &mut history);
        }
        let expected = brute_force::is_serializable(&history);
        wrong += usize::from(!expected);
        let verdict = check(&history);
        assert_eq!(
            verdict.is_ok(),
            expected,
            "{verdict:?}, {history:#?}, STATOR_SEED={seed}"
        );
    }
    assert!((500..3_500).contains(&wrong), "{wrong} histories were wrong");
}

/// Changes a list that was seen, or what became of a transaction. The last one, which reads all,
/// stays where it is.
fn spoil(random: &mut Rng, history: &mut [RecordedTransaction]) {
    let place = random.usize(..history.len());
    let (Done(seen) | Refused(seen)) = &mut history[place].outcome else {
        return;
    };
    let Some((_, list)) = seen.first_mut() else {
        return;
    };
    match random.u8(..4) {
        0 | 1 => drop(list.pop()),
        2 if list.len() > 1 => list.swap(0, 1),
        _ => list.push(random.u32(..60)),
    }
}

/// Spoils a large correct history in one way, which must be found.
#[track_caller]
fn assert_found(expected: &str, spoil: fn(&mut Vec<RecordedTransaction>)) {
    for seed in seeds(10) {
        let mut history = transactions(&mut Rng::with_seed(seed), 16, 5, 1_000, 8);
        spoil(&mut history);
        match check(&history) {
            Ok(_) => panic!("it was not found, STATOR_SEED={seed}"),
            Err(found) => assert!(found.contains(expected), "{found}, STATOR_SEED={seed}"),
        }
    }
}

/// An acknowledged transaction in the middle that appends to two lists or more.
fn some_writer(history: &[RecordedTransaction]) -> usize {
    let is_fit = |transaction: &RecordedTransaction| {
        matches!(transaction.outcome, Done(_)) && transaction.operation.appends.len() > 1
    };
    let middle = history.len() / 2;
    middle
        + history[middle..]
            .iter()
            .position(is_fit)
            .expect("a transaction of two appends")
}

fn lists(history: &mut [RecordedTransaction]) -> impl Iterator<Item = (usize, &mut (Key, Vec<Element>))> {
    history.iter_mut().enumerate().flat_map(|(place, transaction)| {
        let seen = match &mut transaction.outcome {
            Done(seen) | Refused(seen) => Some(seen.iter_mut()),
            Unknown => None,
        };
        seen.into_iter().flatten().map(move |list| (place, list))
    })
}

/// Takes an element out of all lists but those that its own transaction saw.
fn remove(history: &mut [RecordedTransaction], writer: usize, element: Element) {
    if let Done(seen) = &mut history[writer].outcome {
        seen.clear();
    }
    for (_, (_, list)) in lists(history) {
        list.retain(|&other| other != element);
    }
}

#[test]
fn a_stale_read_in_a_large_history_is_found() {
    assert_found("stale", |history| {
        // The last read of all lists shows one of them as it was when half was done.
        let writer = some_writer(history);
        let (key, element) = history[writer].operation.appends[0];
        let Some(Done(seen)) = history.last_mut().map(|last| &mut last.outcome) else {
            panic!("the last transaction reads");
        };
        let list = &mut seen[key as usize].1;
        let place = list.iter().position(|&other| other == element);
        list.truncate(place.expect("it was appended"));
        // Alone: with the other lists it would be half of many transactions.
        let kept = seen[key as usize].clone();
        *seen = vec![kept];
    });
}

#[test]
fn a_lost_write_in_a_large_history_is_found() {
    assert_found("an acknowledged append is lost", |history| {
        let writer = some_writer(history);
        for (_, element) in history[writer].operation.appends.clone() {
            remove(history, writer, element);
        }
    });
}

#[test]
fn half_a_transaction_in_a_large_history_is_found() {
    assert_found("half a transaction is lost", |history| {
        let writer = some_writer(history);
        let (_, element) = history[writer].operation.appends[0];
        remove(history, writer, element);
    });
}

#[test]
fn a_reordered_pair_in_a_large_history_is_found() {
    assert_found("", |history| {
        // Two appends change places in all lists, though one returned before the other was called.
        let list = match &history[history.len() - 1].outcome {
            Done(seen) => seen[0].1.clone(),
            _ => panic!("the last transaction reads"),
        };
        let span = |element| {
            let wrote =
                |transaction: &&RecordedTransaction| transaction.operation.appends.contains(&(0, element));
            let writer = history.iter().find(wrote).expect("somebody appended it");
            (writer.invoked_ns, writer.returned_ns)
        };
        let pair = list
            .windows(2)
            .find(|pair| span(pair[0]).1 < span(pair[1]).0)
            .expect("two appends one after the other")
            .to_vec();
        for (_, (_, list)) in lists(history) {
            for element in list {
                if *element == pair[0] {
                    *element = pair[1];
                } else if *element == pair[1] {
                    *element = pair[0];
                }
            }
        }
    });
}

#[test]
fn a_phantom_value_in_a_large_history_is_found() {
    assert_found("nobody appended", |history| {
        let last = history.len() - 1;
        for (place, (_, list)) in lists(history) {
            if place == last {
                list.push(1_000_000);
            }
        }
    });
}

#[test]
fn a_refused_transaction_that_came_true_is_found() {
    assert_found("refused", |history| {
        let writer = some_writer(history);
        history[writer].outcome = Refused(Vec::new());
    });
}
