use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use super::*;
use crate::KeySpace;

fn key(number: u8) -> Key {
    Key::new(KeySpace(0), vec![number])
}

fn declared(shared: &[u8], exclusive: &[u8]) -> Declared {
    Declared {
        shared: shared.iter().copied().map(key).collect(),
        exclusive: exclusive.iter().copied().map(key).collect(),
    }
}

type Holding = Pin<Box<dyn Future<Output = Held> + Send>>;

fn start(latches: &Arc<Latches>, shared: &[u8], exclusive: &[u8]) -> Holding {
    let latches = latches.clone();
    let declared = declared(shared, exclusive);
    Box::pin(async move { latches.hold(&declared).await })
}

fn poll(holding: &mut Holding) -> Option<Held> {
    match holding.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(held) => Some(held),
        Poll::Pending => None,
    }
}

#[test]
fn readers_share_and_writers_do_not() {
    let latches = Arc::new(Latches::new());
    let first = poll(&mut start(&latches, &[1], &[])).expect("free");
    let second = poll(&mut start(&latches, &[1], &[])).expect("shared");
    let mut writer = start(&latches, &[], &[1]);
    assert!(poll(&mut writer).is_none());
    drop(first);
    assert!(poll(&mut writer).is_none());
    drop(second);
    let writer = poll(&mut writer).expect("alone now");
    assert!(poll(&mut start(&latches, &[1], &[])).is_none());
    drop(writer);
    assert_eq!(latches.in_use(), 0);
}

#[test]
fn a_writer_in_line_is_not_overtaken() {
    let latches = Arc::new(Latches::new());
    let reader = poll(&mut start(&latches, &[1], &[])).expect("free");
    let mut writer = start(&latches, &[], &[1]);
    assert!(poll(&mut writer).is_none());
    let mut late_reader = start(&latches, &[1], &[]);
    assert!(poll(&mut late_reader).is_none());
    drop(reader);
    assert!(poll(&mut late_reader).is_none());
    drop(poll(&mut writer).expect("first in line"));
    assert!(poll(&mut late_reader).is_some());
    drop(late_reader);
    assert_eq!(latches.in_use(), 0);
}

#[test]
fn one_key_declared_twice_is_held_once_and_exclusively() {
    let latches = Arc::new(Latches::new());
    let held = poll(&mut start(&latches, &[1, 1], &[1, 1])).expect("free");
    assert!(poll(&mut start(&latches, &[1], &[])).is_none());
    drop(held);
    assert_eq!(latches.in_use(), 0);
}

#[test]
fn who_leaves_the_line_lets_the_next_in() {
    let latches = Arc::new(Latches::new());
    let reader = poll(&mut start(&latches, &[1], &[])).expect("free");
    let mut writer = start(&latches, &[], &[1]);
    assert!(poll(&mut writer).is_none());
    let mut late_reader = start(&latches, &[1], &[]);
    assert!(poll(&mut late_reader).is_none());
    drop(writer);
    let late_reader = poll(&mut late_reader).expect("nobody is before it");
    drop((reader, late_reader));

    // Granted and gone before it was told.
    let writer = poll(&mut start(&latches, &[], &[1])).expect("free");
    let mut gone = start(&latches, &[], &[1]);
    assert!(poll(&mut gone).is_none());
    drop(writer);
    drop(gone);
    assert_eq!(latches.in_use(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn random_holders_never_meet_and_all_finish() {
    const KEYS: usize = 6;
    let latches = Arc::new(Latches::new());
    // Readers count by 1, writers by 1000.
    let inside: Arc<[AtomicUsize; KEYS]> = Arc::new(Default::default());
    let mut tasks = Vec::new();
    for seed in 0..16 {
        let (latches, inside) = (latches.clone(), inside.clone());
        tasks.push(tokio::spawn(async move {
            let mut random = fastrand::Rng::with_seed(seed);
            for _ in 0..3000 {
                let mut modes = HashMap::new();
                for _ in 0..random.usize(1..4) {
                    modes.insert(random.u8(0..KEYS as u8), random.bool());
                }
                let pick = |exclusive| -> Vec<u8> {
                    let picked = modes.iter().filter(|(_, mode)| **mode == exclusive);
                    picked.map(|(key, _)| *key).collect()
                };
                let declared = declared(&pick(false), &pick(true));
                if random.u8(0..10) == 0 {
                    // A caller that goes away while it waits.
                    let mut holding = Box::pin(latches.hold(&declared));
                    let _ = holding.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                    tokio::task::yield_now().await;
                    continue;
                }
                let held = latches.hold(&declared).await;
                for (key, exclusive) in &modes {
                    let weight = if *exclusive { 1000 } else { 1 };
                    let before = inside[usize::from(*key)].fetch_add(weight, Ordering::SeqCst);
                    assert!(if *exclusive { before == 0 } else { before < 1000 });
                }
                if random.bool() {
                    tokio::task::yield_now().await;
                }
                for (key, exclusive) in &modes {
                    let weight = if *exclusive { 1000 } else { 1 };
                    inside[usize::from(*key)].fetch_sub(weight, Ordering::SeqCst);
                }
                drop(held);
            }
        }));
    }
    for task in tasks {
        task.await.expect("no holder met another");
    }
    assert_eq!(latches.in_use(), 0);
}
