//! Whole days: sessions in which time passes steadily, so that rollovers, sweeps, trimming and the
//! end of tokens come in the midst of everything else, where the other sessions jump over hours.
//!
//! `STATOR_DAYS` and `STATOR_DAY_OPERATIONS` make a longer run:
//! `STATOR_DAYS=20 STATOR_DAY_OPERATIONS=100000 cargo test --release -p engine --test model days`.

use std::io::Write;
use std::str::FromStr;

use crate::homes::MemoryHome;
use crate::mix::{IN_A_DAY, Mix};
use crate::session::{Home, Session};
use crate::{on_disk, seed};

/// A day, and as much of the next that records of the first are trimmed. In hours.
const HOURS: u64 = 30;
const HOUR_MS: u64 = 60 * 60 * 1000;

/// How many days a run has, half of them on each store, and how many operations each.
const DAYS: u64 = 2;
const OPERATIONS: u64 = 10_000;

fn setting<T: FromStr>(name: &str, default: T) -> T {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name} is a number, not {text}")),
        Err(_) => default,
    }
}

fn run_day(home: impl Home, seed: u64, operations: u64) -> Mix {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        let clock = home.clock();
        let began_ms = engine::Clock::now_ms(&*clock);
        let mut session = Session::steady(home, seed, HOURS * HOUR_MS / operations).await;
        session.run(operations).await;
        let passed_ms = engine::Clock::now_ms(&*clock) - began_ms;
        assert!(passed_ms > 24 * HOUR_MS, "only {passed_ms} ms have passed");
        std::mem::take(&mut session.mix)
    })
}

#[test]
fn days_of_random_operations_agree_with_the_naive_tables() {
    let operations: u64 = setting("STATOR_DAY_OPERATIONS", OPERATIONS);
    let first = seed();
    let mut mix = Mix::default();
    for seed in first..first + setting("STATOR_DAYS", DAYS) {
        let of_day = match seed.is_multiple_of(2) {
            true => run_day(MemoryHome::new(), seed, operations),
            false => on_disk(&format!("day-{seed}"), |home| run_day(home, seed, operations)),
        };
        mix.add(&of_day);
    }
    // Not through the test's own output, which is kept back where it passes.
    let _ = write!(
        std::io::stderr(),
        "\ndays with seeds {first} and on: {}",
        mix.report()
    );
    assert_eq!(
        mix.missing(IN_A_DAY),
        Vec::<&str>::new(),
        "the days lack something"
    );
}
