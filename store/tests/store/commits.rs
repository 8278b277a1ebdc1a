//! Isolation, atomicity, and callers that go away.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use store::{Batch, Decision, Declared, Held, Outcome, Read, Store};

use crate::support::*;

pub async fn outcomes<S: Store>(store: Arc<S>) {
    let row = key(ROWS, "row");
    let committed = store.commit(exclusive([row.clone()]), {
        let row = row.clone();
        move |held: &Held| {
            assert_eq!(held.exclusive, [None]);
            let mut batch = Batch::new();
            batch.put(row.clone(), "value");
            Decision::<_, ()>::Commit(batch, 7)
        }
    });
    assert_eq!(committed.await.expect("committed"), Outcome::Committed(7));
    assert_eq!(
        store.get(ROWS, b"row").await.expect("read").as_deref(),
        Some(b"value".as_slice())
    );

    let declared = Declared {
        shared: vec![row.clone(), key(ROWS, "absent")],
        exclusive: vec![key(OTHERS, "row")],
    };
    let empty = store.commit(declared.clone(), |held| {
        assert_eq!(held.shared, [Some("value".into()), None]);
        assert_eq!(held.exclusive, [None]);
        Decision::<_, ()>::Commit(Batch::new(), "nothing to do")
    });
    assert_eq!(
        empty.await.expect("committed"),
        Outcome::Committed("nothing to do")
    );
    let aborted = store.commit(declared.clone(), |_| Decision::<(), _>::Abort("no"));
    assert_eq!(aborted.await.expect("aborted"), Outcome::Aborted("no"));
    let replan = store.commit(declared, |_| Decision::<(), ()>::Replan);
    assert_eq!(replan.await.expect("answered"), Outcome::Replan);

    let mut batch = Batch::new();
    batch.delete(row.clone());
    write(&*store, exclusive([row.clone()]), batch).await;
    assert_eq!(store.get_many(&[row]).await.expect("read"), [None]);
}

pub async fn operations_apply_in_order<S: Store>(store: Arc<S>) {
    let keys: Vec<_> = ["a", "b", "c", "d"].map(|name| key(ROWS, name)).into();
    for name in ["a", "b", "c"] {
        put(&*store, ROWS, name, "old").await;
    }
    let mut batch = Batch::new();
    batch.put(keys[0].clone(), "lost");
    batch.delete(keys[0].clone());
    batch.delete(keys[1].clone());
    batch.put(keys[1].clone(), "new");
    batch.delete_range(ROWS, b"c".to_vec(), b"e".to_vec());
    batch.put(keys[3].clone(), "behind the range");
    let seen = {
        let (batch, keys) = (batch, keys.clone());
        let commit = store.commit(exclusive(keys.clone()), move |_| {
            Decision::<(), ()>::Commit(batch.clone(), ())
        });
        // The next commit of these keys sees what this one leaves, durable or not.
        let next = store.commit(exclusive(keys), |held| {
            Decision::<(), _>::Abort(held.exclusive.clone())
        });
        let (first, second) = tokio::join!(commit, next);
        assert_eq!(first.expect("committed"), Outcome::Committed(()));
        second.expect("aborted")
    };
    let expected = [None, Some("new".into()), None, Some("behind the range".into())];
    assert_eq!(seen, Outcome::Aborted(expected.to_vec()));
    assert_eq!(store.get_many(&keys).await.expect("read"), expected);
}

pub async fn no_update_is_lost<S: Store>(store: Arc<S>) {
    const TASKS: u64 = 8;
    const ROUNDS: u64 = 150;
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let store = store.clone();
            tokio::spawn(async move {
                for round in 0..ROUNDS {
                    let name = if (round + task) % 2 == 0 { "hot" } else { "warm" };
                    increment(&*store, key(ROWS, name)).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("it ends");
    }
    let sum = number(&store.get(ROWS, b"hot").await.expect("read"))
        + number(&store.get(ROWS, b"warm").await.expect("read"));
    assert_eq!(sum, TASKS * ROUNDS);
}

pub async fn one_commit_creates_an_absent_key<S: Store>(store: Arc<S>) {
    for round in 0..60u64 {
        let row = key(ROWS, number_bytes(round));
        let tasks: Vec<_> = (0..6u64)
            .map(|task| {
                let (store, row) = (store.clone(), row.clone());
                tokio::spawn(async move {
                    let target = row.clone();
                    let commit = store.commit(exclusive([row]), move |held| match &held.exclusive[0] {
                        Some(winner) => Decision::Abort(winner.clone()),
                        None => {
                            let mut batch = Batch::new();
                            batch.put(target.clone(), number_bytes(task));
                            Decision::Commit(batch, task)
                        }
                    });
                    commit.await.expect("it ends")
                })
            })
            .collect();
        let mut winners = Vec::new();
        let mut seen = Vec::new();
        for task in tasks {
            match task.await.expect("it ends") {
                Outcome::Committed(task) => winners.push(task),
                Outcome::Aborted(winner) => seen.push(number(&Some(winner))),
                Outcome::Replan => unreachable!(),
            }
        }
        assert_eq!(winners.len(), 1);
        assert!(seen.iter().all(|winner| *winner == winners[0]));
        assert_eq!(
            number(&store.get(ROWS, &row.bytes).await.expect("read")),
            winners[0]
        );
    }
}

/// What users of a shared key write never lands behind a change of that key.
pub async fn shared_keys_hold_still<S: Store>(store: Arc<S>) {
    let plan = key(ROWS, "plan");
    let users: Vec<_> = (0..6u64)
        .map(|user| {
            let (store, plan) = (store.clone(), plan.clone());
            tokio::spawn(async move {
                for round in 0..80u64 {
                    let own = key(OTHERS, format!("{user} {round}"));
                    let declared = Declared {
                        shared: vec![plan.clone()],
                        exclusive: vec![own.clone()],
                    };
                    let commit = store.commit(declared, move |held| {
                        let mut batch = Batch::new();
                        batch.put(own.clone(), "used");
                        batch.append(LOGS, b"plans".to_vec(), number_bytes(number(&held.shared[0])));
                        Decision::<(), ()>::Commit(batch, ())
                    });
                    commit.await.expect("it is written");
                }
            })
        })
        .collect();
    let changer = {
        let store = store.clone();
        tokio::spawn(async move {
            for _ in 0..80 {
                let target = plan.clone();
                let commit = store.commit(exclusive([plan.clone()]), move |held| {
                    let next = number(&held.exclusive[0]) + 1;
                    let mut batch = Batch::new();
                    batch.put(target.clone(), number_bytes(next));
                    batch.append(LOGS, b"plans".to_vec(), number_bytes(next));
                    Decision::<(), ()>::Commit(batch, ())
                });
                commit.await.expect("it is written");
                tokio::task::yield_now().await;
            }
        })
    };
    for task in users.into_iter().chain([changer]) {
        task.await.expect("it ends");
    }
    let plans: Vec<u64> = read_all(&*store, LOGS, b"plans", b"plant")
        .await
        .into_iter()
        .map(|(_, record)| u64::from_be_bytes(record[8..].try_into().expect("a number")))
        .collect();
    assert_eq!(plans.len(), 6 * 80 + 80);
    assert!(
        plans.is_sorted(),
        "a write of an old plan landed behind its change"
    );
}

pub async fn keys_may_be_declared_more_than_once<S: Store>(store: Arc<S>) {
    let row = key(ROWS, "row");
    let declared = Declared {
        shared: vec![row.clone(), row.clone()],
        exclusive: vec![row.clone(), row.clone()],
    };
    for round in 0..3u64 {
        let row = row.clone();
        let commit = store.commit(declared.clone(), move |held| {
            for value in held.shared.iter().chain(&held.exclusive) {
                assert_eq!(number(value), round);
            }
            let mut batch = Batch::new();
            batch.delete_range(ROWS, b"r".to_vec(), b"s".to_vec());
            batch.put(row.clone(), number_bytes(round + 1));
            Decision::<(), ()>::Commit(batch, ())
        });
        assert_eq!(commit.await.expect("committed"), Outcome::Committed(()));
    }
}

/// A refusal tells its caller what it saw, so everybody must be able to see it then.
pub async fn what_a_refusal_saw_is_published<S: Store>(store: Arc<S>) {
    let row = key(ROWS, "row");
    let done = Arc::new(AtomicBool::new(false));
    let writer = {
        let (store, row, done) = (store.clone(), row.clone(), done.clone());
        tokio::spawn(async move {
            for _ in 0..300 {
                increment(&*store, row.clone()).await;
            }
            done.store(true, Ordering::SeqCst);
        })
    };
    while !done.load(Ordering::SeqCst) {
        let refused = store.commit(exclusive([row.clone()]), |held| {
            Decision::<(), _>::Abort(number(&held.exclusive[0]))
        });
        let Outcome::Aborted(seen) = refused.await.expect("it is refused") else {
            unreachable!()
        };
        let published = number(&store.get(ROWS, b"row").await.expect("read"));
        assert!(published >= seen, "{seen} was seen and {published} is published");
    }
    writer.await.expect("it ends");
}

pub async fn a_batch_is_seen_whole<S: Store>(store: Arc<S>) {
    let keys: Vec<_> = [ROWS, OTHERS, COUNTERS]
        .into_iter()
        .flat_map(|space| (0..3).map(move |index| key(space, format!("part {index}"))))
        .collect();
    let done = Arc::new(AtomicBool::new(false));
    let writer = {
        let (store, keys, done) = (store.clone(), keys.clone(), done.clone());
        tokio::spawn(async move {
            for round in 1..300u64 {
                let mut batch = Batch::new();
                for key in &keys {
                    batch.put(key.clone(), number_bytes(round));
                }
                write(&*store, exclusive(keys.clone()), batch).await;
            }
            done.store(true, Ordering::SeqCst);
        })
    };
    let mut last = 0;
    while !done.load(Ordering::SeqCst) {
        for values in [
            store.get_many(&keys).await.expect("read"),
            store
                .snapshot()
                .expect("a snapshot")
                .get_many(&keys)
                .await
                .expect("read"),
        ] {
            let rounds: Vec<u64> = values.iter().map(number).collect();
            assert!(rounds.iter().all(|round| *round == rounds[0]), "torn: {rounds:?}");
            assert!(rounds[0] >= last, "went back from {last} to {rounds:?}");
            last = rounds[0];
        }
        let page = read_all(&*store, OTHERS, b"part", b"paru").await;
        assert!(
            page.iter().all(|(_, value)| *value == page[0].1),
            "torn: {page:?}"
        );
        tokio::task::yield_now().await;
    }
    writer.await.expect("it ends");
}

/// Drops commits after any number of polls. A decided one is carried out, another one is not, and
/// neither is in anybody's way.
pub async fn callers_may_go_away<S: Store>(store: Arc<S>) {
    let hot = key(ROWS, "hot");
    let decided_count = Arc::new(AtomicU64::new(0));
    let started = Arc::new(AtomicU64::new(0));
    let tasks: Vec<_> = (0..4u64)
        .map(|task| {
            let (store, hot, decided_count, started) =
                (store.clone(), hot.clone(), decided_count.clone(), started.clone());
            tokio::spawn(async move {
                let mut random = fastrand::Rng::with_seed(task);
                for round in 0..150u64 {
                    let own = key(OTHERS, format!("{task} {round}"));
                    let decided = Arc::new(AtomicBool::new(false));
                    let commit = {
                        let (hot, own, decided) = (hot.clone(), own.clone(), decided.clone());
                        store.commit(exclusive([hot.clone(), own.clone()]), move |held: &Held| {
                            let mut batch = Batch::new();
                            batch.put(own.clone(), "done");
                            batch.put(hot.clone(), number_bytes(number(&held.exclusive[0]) + 1));
                            decided.store(true, Ordering::SeqCst);
                            Decision::<(), ()>::Commit(batch, ())
                        })
                    };
                    let mut commit = Box::pin(commit);
                    let polls = random.usize(0..5);
                    for _ in 0..polls {
                        let polled = commit.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                        if polled.is_ready() {
                            break;
                        }
                        if random.bool() {
                            tokio::time::sleep(Duration::from_micros(random.u64(0..300))).await;
                        }
                    }
                    drop(commit);
                    started.fetch_add(1, Ordering::SeqCst);
                    if decided.load(Ordering::SeqCst) {
                        decided_count.fetch_add(1, Ordering::SeqCst);
                    }
                    // The key is free again, and its commit is there if and only if it was decided.
                    let look = store.commit(exclusive([own]), |held| {
                        Decision::<(), _>::Abort(held.exclusive[0].is_some())
                    });
                    let look = tokio::time::timeout(Duration::from_secs(20), look);
                    let found = look.await.expect("the latch is free").expect("read");
                    assert_eq!(found, Outcome::Aborted(decided.load(Ordering::SeqCst)));
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("it ends");
    }
    let decided = decided_count.load(Ordering::SeqCst);
    assert!(decided > 0 && decided < started.load(Ordering::SeqCst));
    assert_eq!(increment(&*store, hot).await, decided + 1);
}

pub async fn a_panic_in_apply_leaves_nothing_behind<S: Store>(store: Arc<S>) {
    let row = key(ROWS, "row");
    let panicking = {
        let (store, row) = (store.clone(), row.clone());
        tokio::spawn(async move {
            let commit = store.commit(exclusive([row]), |_| -> Decision<(), ()> {
                panic!("in apply, as the test wants")
            });
            commit.await.is_ok()
        })
    };
    assert!(panicking.await.expect_err("it panics").is_panic());
    assert_eq!(increment(&*store, row).await, 1);
}
