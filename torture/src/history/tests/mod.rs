//! The checkers judged themselves: by histories written by hand, by correct ones that are spoilt,
//! and by trying every order of small ones.

mod brute_force;
mod generate;
mod items;
mod transactions;

use super::{NEVER_NS, Outcome, Recorded};

/// The seeds of `count` random tests: from one that is always the same, or from `STATOR_SEED`.
fn seeds(count: u64) -> impl Iterator<Item = u64> {
    let first: u64 = match std::env::var("STATOR_SEED").as_deref() {
        Err(_) => 1,
        Ok("random") => fastrand::u64(..),
        Ok(seed) => seed.parse().expect("STATOR_SEED is a number or `random`"),
    };
    (first..).take(count as usize)
}

/// One operation, as histories written by hand have it.
fn recorded<O, S>(client: u32, span: (u64, u64), operation: O, outcome: Outcome<S>) -> Recorded<O, S> {
    Recorded {
        client,
        operation,
        invoked_ns: span.0,
        gone_ns: NEVER_NS,
        returned_ns: match outcome {
            Outcome::Unknown => NEVER_NS,
            _ => span.1,
        },
        outcome,
    }
}
