//! The check of linearizability.

use fastrand::Rng;

use super::generate::operations;
use super::{brute_force, recorded, seeds};
use crate::history::Outcome::{Done, Refused, Unknown};
use crate::history::item::Change::{Delete, Put, Update};
use crate::history::item::Seen::{After, Before, Nothing};
use crate::history::item::{Change, Condition, Item, Operation, RecordedOperation, Seen, State};
use crate::history::linearizability::{Verdict, check};
use crate::history::{NEVER_NS, Outcome};

fn write(change: Change) -> Operation {
    Operation::Write {
        change,
        condition: None,
    }
}

fn write_if(condition: Condition, change: Change) -> Operation {
    Operation::Write {
        change,
        condition: Some(condition),
    }
}

/// The item that a put of `value` leaves.
fn put(value: u64) -> State {
    Put(value).apply(None)
}

type Line = (u32, (u64, u64), Operation, Outcome<Seen>);

fn judge(lines: Vec<Line>) -> Verdict {
    let history: Vec<RecordedOperation> = lines
        .into_iter()
        .map(|(client, span, operation, outcome)| recorded(client, span, operation, outcome))
        .collect();
    check(&history)
}

#[track_caller]
fn assert_linearizable(lines: Vec<Line>) {
    assert_eq!(judge(lines), Verdict::Linearizable);
}

#[track_caller]
fn assert_violation(lines: Vec<Line>) {
    let verdict = judge(lines);
    assert!(matches!(verdict, Verdict::Violation(_)), "{verdict:?}");
}

#[test]
fn reads_beside_a_write_may_see_it_or_not() {
    assert_linearizable(vec![
        (0, (1, 10), write(Put(1)), Done(Nothing)),
        (1, (2, 3), Operation::Read, Done(Before(None))),
        (1, (4, 5), Operation::Read, Done(Before(put(1)))),
    ]);
    // Once seen, it stays.
    assert_violation(vec![
        (0, (1, 10), write(Put(1)), Done(Nothing)),
        (1, (2, 3), Operation::Read, Done(Before(put(1)))),
        (1, (4, 5), Operation::Read, Done(Before(None))),
    ]);
}

#[test]
fn an_acknowledged_write_is_seen_by_all_who_come_later() {
    assert_violation(vec![
        (0, (1, 2), write(Put(1)), Done(Nothing)),
        (1, (3, 4), Operation::Read, Done(Before(None))),
    ]);
}

#[test]
fn an_unknown_write_may_happen_late_or_never() {
    let unknown = (0, (1, 2), write(Put(1)), Unknown);
    let read = |from, state| (1, (from, from + 1), Operation::Read, Done(Before(state)));
    assert_linearizable(vec![unknown.clone(), read(3, None), read(5, None)]);
    assert_linearizable(vec![unknown.clone(), read(3, None), read(5, put(1))]);
    assert_violation(vec![unknown.clone(), read(3, put(1)), read(5, None)]);
    // It cannot happen before it was asked for.
    assert_violation(vec![read(0, put(1)), (0, (3, 4), write(Put(1)), Unknown)]);
}

#[test]
fn an_unknown_deletion_explains_an_item_that_is_gone_once() {
    let read = |from, state| (1, (from, from + 1), Operation::Read, Done(Before(state)));
    let deletion = (2, (1, 2), write(Delete), Unknown);
    let lines = vec![
        deletion,
        (0, (3, 4), write(Put(1)), Done(Before(None))),
        read(5, put(1)),
        read(7, None),
        (0, (9, 10), write(Put(2)), Done(Nothing)),
        read(11, None),
    ];
    assert_linearizable(lines[..5].to_vec());
    assert_violation(lines);
}

#[test]
fn conditions_are_judged_by_the_item() {
    assert_linearizable(vec![
        (0, (1, 2), write_if(Condition::Absent, Put(1)), Done(Nothing)),
        (
            0,
            (3, 4),
            write_if(Condition::Absent, Put(2)),
            Refused(Before(put(1))),
        ),
        (
            0,
            (5, 6),
            write_if(Condition::ValueIs(1), Delete),
            Done(Before(put(1))),
        ),
    ]);
    // Both of two that exclude each other were made.
    assert_violation(vec![
        (0, (1, 9), write_if(Condition::Absent, Put(1)), Done(Nothing)),
        (1, (1, 9), write_if(Condition::Absent, Put(2)), Done(Nothing)),
    ]);
    // Refused, though it held.
    assert_violation(vec![(
        0,
        (1, 2),
        write_if(Condition::Absent, Put(1)),
        Refused(Nothing),
    )]);
}

#[test]
fn an_update_that_is_lost_is_missed_in_the_count() {
    let twice = Some(Item {
        value: 3,
        previous: Some(2),
        count: 2,
    });
    let lines = |seen| {
        vec![
            (0, (1, 2), write(Put(1)), Done(Nothing)),
            (0, (3, 9), write(Update(2)), Done(Nothing)),
            (1, (3, 9), write(Update(3)), Done(After(seen))),
        ]
    };
    assert_linearizable(lines(twice));
    assert_violation(lines(Some(Item {
        value: 3,
        previous: Some(2),
        count: 1,
    })));
}

#[test]
fn an_unknown_update_may_show_in_a_later_count_alone() {
    let seen = |count| {
        After(Some(Item {
            value: 4,
            previous: Some(3),
            count,
        }))
    };
    for earlier in [Update(2), Put(2)] {
        let judge = |count| {
            let mut history = [
                recorded(0, (1, 2), write(Put(1)), Done(Nothing)),
                recorded(1, (3, 4), write(earlier), Unknown),
                recorded(2, (3, 4), write(Update(3)), Unknown),
                recorded(3, (5, 6), write(Update(4)), Done(seen(count))),
            ];
            history[1].gone_ns = 5;
            history[2].gone_ns = 5;
            check(&history)
        };
        assert_eq!(judge(2), Verdict::Linearizable);
        match earlier {
            Update(_) => assert_eq!(judge(3), Verdict::Linearizable),
            _ => assert!(matches!(judge(3), Verdict::Violation(_))),
        }
        assert!(matches!(judge(4), Verdict::Violation(_)));
    }
}

#[test]
fn unknown_updates_of_several_servers_may_show_in_a_later_count_alone() {
    let seen = |count| {
        After(Some(Item {
            value: 5,
            previous: Some(4),
            count,
        }))
    };
    // The first server takes 2 and ends, the second takes 3 and ends, the third takes 4 and ends.
    let judge = |count| {
        let mut history = [
            recorded(0, (1, 2), write(Put(1)), Done(Nothing)),
            recorded(1, (3, 4), write(Update(2)), Unknown),
            recorded(1, (6, 7), write(Update(3)), Unknown),
            recorded(1, (9, 10), write(Update(4)), Unknown),
            recorded(2, (12, 13), write(Update(5)), Done(seen(count))),
        ];
        (history[1].gone_ns, history[2].gone_ns, history[3].gone_ns) = (5, 8, 11);
        check(&history)
    };
    for count in 2..=4 {
        assert_eq!(judge(count), Verdict::Linearizable, "{count}");
    }
    assert!(matches!(judge(5), Verdict::Violation(_)));
    // What is known in between shows all that came before it.
    let mut history = vec![
        recorded(0, (1, 2), write(Put(1)), Done(Nothing)),
        recorded(1, (3, 4), write(Update(2)), Unknown),
        recorded(0, (6, 7), write(Put(6)), Done(Nothing)),
        recorded(1, (9, 10), write(Update(4)), Unknown),
        recorded(2, (12, 13), write(Update(5)), Done(seen(3))),
    ];
    (history[1].gone_ns, history[3].gone_ns) = (5, 11);
    assert!(matches!(check(&history), Verdict::Violation(_)));
}

#[test]
fn large_correct_histories_are_found_correct() {
    for seed in seeds(20) {
        let history = operations(&mut Rng::with_seed(seed), 16, 2_500, 8);
        assert_eq!(check(&history), Verdict::Linearizable, "STATOR_SEED={seed}");
    }
}

#[test]
fn small_histories_are_judged_as_by_trying_every_order() {
    let mut wrong = 0;
    for seed in seeds(4_000) {
        let mut random = Rng::with_seed(seed);
        let mut history = operations(&mut random, 3, 7, 25);
        // Two in three are spoilt, some of them in vain.
        for _ in 0..random.usize(..3) {
            spoil(&mut random, &mut history);
        }
        let expected = brute_force::is_linearizable(&history);
        wrong += usize::from(!expected);
        let verdict = check(&history);
        assert_eq!(
            verdict == Verdict::Linearizable,
            expected,
            "{verdict:?}, {history:#?}, STATOR_SEED={seed}"
        );
    }
    assert!((500..3_500).contains(&wrong), "{wrong} histories were wrong");
}

/// Lets one operation see what another saw, or lets a write not be heard of, or go.
fn spoil(random: &mut Rng, history: &mut Vec<RecordedOperation>) {
    let (one, other) = (random.usize(..history.len()), random.usize(..history.len()));
    let seen = match history[other].outcome {
        Done(seen) | Refused(seen) => seen,
        Unknown => Nothing,
    };
    match (random.u8(..4), &mut history[one].outcome) {
        (0, _) => drop(history.remove(one)),
        (_, Done(own)) if *own != Nothing && seen != Nothing => *own = seen,
        (_, Refused(own)) => *own = Before(seen.item()),
        _ => {}
    }
}

/// Where reads of the history are that saw an item: their places and what they saw.
fn reads(history: &[RecordedOperation]) -> Vec<(usize, Item)> {
    let mut reads: Vec<(usize, Item)> = history
        .iter()
        .enumerate()
        .filter_map(
            |(place, operation)| match (operation.operation, operation.outcome.clone()) {
                (Operation::Read, Done(Before(Some(item)))) => Some((place, item)),
                _ => None,
            },
        )
        .collect();
    reads.sort_by_key(|&(place, _)| history[place].invoked_ns);
    reads
}

/// Who wrote a value.
fn writer(history: &[RecordedOperation], value: u64) -> &RecordedOperation {
    let wrote = |operation: &&RecordedOperation| match operation.operation {
        Operation::Write { change, .. } => change.value() == Some(value),
        Operation::Read => false,
    };
    history.iter().find(wrote).expect("somebody wrote it")
}

/// Spoils a large correct history in one way, which must be found.
#[track_caller]
fn assert_found(clients: u32, spoil: fn(&mut Rng, &mut Vec<RecordedOperation>)) {
    for seed in seeds(10) {
        let mut random = Rng::with_seed(seed);
        let mut history = operations(&mut random, clients, 600, 8);
        spoil(&mut random, &mut history);
        let verdict = check(&history);
        assert!(
            matches!(verdict, Verdict::Violation(_)),
            "{verdict:?}, STATOR_SEED={seed}"
        );
    }
}

#[test]
fn a_stale_read_is_found() {
    assert_found(16, |_, history| {
        // At the end a read finds what had been overwritten, and seen to be, in the middle.
        let reads = reads(history);
        let (early, stale) = reads[reads.len() / 4];
        let (middle, later) = reads[reads.len() / 2];
        let (last, _) = reads[reads.len() - 1];
        assert!(history[early].returned_ns < writer(history, later.value).invoked_ns);
        assert!(history[middle].returned_ns < history[last].invoked_ns);
        history[last].outcome = Done(Before(Some(stale)));
    });
}

#[test]
fn a_lost_write_is_found() {
    assert_found(2, |_, history| {
        // Between two reads of the same value there is an acknowledged write, of which nothing is seen.
        let reads = reads(history);
        let returned_ns = reads
            .iter()
            .flat_map(|first| reads.iter().map(move |second| (first, second)))
            .find_map(|(first, second)| {
                let (returned_ns, invoked_ns) = (history[first.0].returned_ns, history[second.0].invoked_ns);
                (first.1 == second.1 && returned_ns + 3 < invoked_ns).then_some(returned_ns)
            })
            .expect("two reads of one value");
        history.push(recorded(
            99,
            (returned_ns + 1, returned_ns + 2),
            write(Put(1_000_000)),
            Done(Nothing),
        ));
    });
}

#[test]
fn a_phantom_value_is_found() {
    assert_found(16, |random, history| {
        let reads = reads(history);
        let (place, item) = reads[random.usize(..reads.len())];
        history[place].outcome = Done(Before(Some(Item {
            value: 1_000_000,
            ..item
        })));
    });
}

#[test]
fn a_reordered_pair_is_found() {
    assert_found(16, |_, history| {
        let reads = reads(history);
        let ((first, one), (second, other)) = reads
            .iter()
            .flat_map(|first| reads.iter().map(move |second| (*first, *second)))
            .find(|((first, _), (_, other))| {
                writer(history, other.value).invoked_ns > history[*first].returned_ns
            })
            .expect("two reads with a write between them");
        history[first].outcome = Done(Before(Some(other)));
        history[second].outcome = Done(Before(Some(one)));
    });
}

#[test]
fn a_write_that_came_true_after_it_was_refused_is_found() {
    assert_found(16, |_, history| {
        let reads = reads(history);
        let (_, item) = reads[reads.len() / 2];
        let place = history
            .iter()
            .position(|operation| std::ptr::eq(operation, writer(history, item.value)))
            .expect("it is in the history");
        history[place].outcome = Refused(Nothing);
        history[place].returned_ns = history[place].returned_ns.min(NEVER_NS - 1);
    });
}
