//! The model test: random operations on the engine and on naive tables beside it, whose answers
//! must agree in everything that the service promises; and many writers at once, of which none
//! must be lost.
//!
//! Read `value`, `expression` and `evaluate` for what the naive tables know of DynamoDB, `table` and
//! `read` for the tables themselves, `stream` for their histories, `random` for what is drawn, and `session` for how the two are
//! compared.

mod concurrent;
mod days;
mod decimal;
mod evaluate;
mod expiry;
mod expression;
mod homes;
mod legacy;
mod mix;
mod random;
mod read;
mod recovery;
mod recovery_concurrent;
mod schema;
mod session;
mod stream;
mod table;
mod value;

use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use homes::{DiskHome, MemoryHome};
use mix::Mix;
use session::{Home, Session};

/// How many sessions a run has, half of them on each store, and how many operations each.
const SESSIONS: u64 = 44;
const STEPS: u64 = 5000;

/// The seed of a run that asks for none: the same each time, so that a change is judged by what it
/// changes. `STATOR_SEED=random` looks further.
const SEED: u64 = 20_261_120;

/// The seed of a run: the one asked for, another one each time where that is asked for.
fn seed() -> u64 {
    match std::env::var("STATOR_SEED").as_deref() {
        Ok("random") => RandomState::new().hash_one("seed") >> 32,
        Ok(seed) => seed.parse().expect("STATOR_SEED is a number or `random`"),
        Err(_) => SEED,
    }
}

fn run_session(home: impl Home, seed: u64) -> Mix {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        let mut session = Session::new(home, seed).await;
        session.run(STEPS).await;
        std::mem::take(&mut session.mix)
    })
}

/// The session of a seed: on disk where it is odd.
fn run_seed(seed: u64) -> Mix {
    if seed.is_multiple_of(2) {
        run_session(MemoryHome::new(), seed)
    } else {
        on_disk(&format!("session-{seed}"), |home| run_session(home, seed))
    }
}

/// Runs in a directory, which is removed afterwards unless the run fails.
fn on_disk<R>(name: &str, run: impl FnOnce(DiskHome) -> R) -> R {
    let home = DiskHome::new(name);
    let directory = home.directory();
    let result = run(home);
    std::fs::remove_dir_all(directory).expect("the store is closed");
    result
}

#[test]
fn random_operations_agree_with_the_naive_tables() {
    let first = seed();
    let next = AtomicU64::new(first);
    let mix = Mutex::new(Mix::default());
    std::thread::scope(|scope| {
        let worker = || {
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed - first >= SESSIONS {
                    return;
                }
                let of_session = run_seed(seed);
                mix.lock()
                    .expect("no session fails while it holds the mix")
                    .add(&of_session);
            }
        };
        let workers = [scope.spawn(worker), scope.spawn(worker)];
        for worker in workers {
            if worker.join().is_err() {
                // The session has printed its seed; the others need not go on.
                next.store(first + SESSIONS, Ordering::Relaxed);
                panic!("a session failed");
            }
        }
    });
    let mix = mix.into_inner().expect("no session fails while it holds the mix");
    // Not through the test's own output, which is kept back where it passes.
    let _ = write!(std::io::stderr(), "\nseeds {first} and on: {}", mix.report());
    assert_eq!(mix.gaps(), Vec::<String>::new(), "the mix lacks something");
}

#[test]
fn concurrent_writers_lose_nothing_in_memory() {
    let first = seed();
    for seed in [first, first + 1] {
        eprintln!("STATOR_SEED={seed}");
        assert!(
            concurrent::run(MemoryHome::new(), seed) > 1,
            "indexes were made meanwhile"
        );
    }
}

#[test]
fn concurrent_writers_lose_nothing_on_disk() {
    let seed = seed();
    eprintln!("STATOR_SEED={seed}");
    let made = on_disk("concurrent", |home| concurrent::run(home, seed));
    assert!(made > 1, "indexes were made meanwhile");
}
