//! Each property for the kept corpus and, for a bounded time, for random changes of it; and planted
//! faults, which must be found.
//!
//! A failure prints the seed that repeats it: `STATOR_SEED` says which is tried first. How long each
//! property is tried is `STATOR_FUZZ_SECONDS`.

mod mutation;
mod planted;

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use properties::mutation::{Mutator, dictionary};
use properties::{TARGETS, Target};

/// How long each property is tried where nobody says.
const SECONDS: f64 = 0.5;

/// The seed that a run begins with: the same each time, so that a change is judged by what it
/// changes, unless the environment names another or asks for any.
fn first_seed() -> u64 {
    match std::env::var("STATOR_SEED").as_deref() {
        Ok("random") => fastrand::u64(..u64::MAX / 2),
        Ok(seed) => seed.parse().expect("STATOR_SEED is a number or `random`"),
        Err(_) => 20_261_121,
    }
}

fn time_to_try() -> Duration {
    let seconds = std::env::var("STATOR_FUZZ_SECONDS").map_or(SECONDS, |seconds| {
        seconds.parse().expect("STATOR_FUZZ_SECONDS is a number")
    });
    Duration::from_secs_f64(seconds)
}

fn fuzz_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

/// The kept inputs of a target, in the order of their names.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let directory = fuzz_directory().join("corpus").join(name);
    let entries = fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry of the corpus").path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| fs::read(path).expect("an input can be read"))
        .collect()
}

fn mutator(name: &str) -> Mutator {
    let path = fuzz_directory().join("dictionaries").join(format!("{name}.dict"));
    // Not every target has words.
    let words = fs::read_to_string(path).map_or_else(|_| Vec::new(), |text| dictionary(&text));
    Mutator::new(corpus(name), words)
}

/// Tries mutations until `deadline`: how many were tried, and the seed of the first that fails.
fn try_until(mutator: &Mutator, check: impl Fn(&[u8]), deadline: Instant) -> (u64, Option<u64>) {
    let first = first_seed();
    for seed in first.. {
        let input = mutator.input(seed);
        if panic::catch_unwind(AssertUnwindSafe(|| check(&input))).is_err() {
            return (seed - first, Some(seed));
        }
        if Instant::now() >= deadline {
            return (seed - first + 1, None);
        }
    }
    unreachable!("seeds do not end before the deadline does")
}

fn run(name: &str) {
    let Target { check, .. } = properties::target(name);
    for (number, input) in corpus(name).iter().enumerate() {
        let shown = || String::from_utf8_lossy(input).into_owned();
        let outcome = panic::catch_unwind(|| check(input));
        assert!(
            outcome.is_ok(),
            "input {number} of the corpus of {name}: {:?}",
            shown()
        );
    }
    let mutator = mutator(name);
    let (tried, failed) = try_until(&mutator, check, Instant::now() + time_to_try());
    if let Some(seed) = failed {
        let input = mutator.input(seed);
        panic!(
            "{name} fails; STATOR_SEED={seed} repeats it; the input is \"{}\"",
            input.escape_ascii()
        );
    }
    eprintln!("{name}: {tried} inputs");
    assert!(tried > 0);
}

#[test]
fn json() {
    run("json");
}

#[test]
fn expressions() {
    run("expressions");
}

#[test]
fn partiql() {
    run("partiql");
}

#[test]
fn keys() {
    run("keys");
}

#[test]
fn items() {
    run("items");
}

#[test]
fn requests() {
    run("requests");
}

/// A target without a test above, or without a target of libFuzzer's, would be tried by nobody.
#[test]
fn every_target_is_tried() {
    let here = include_str!("main.rs");
    let manifest =
        fs::read_to_string(fuzz_directory().join("Cargo.toml")).expect("the fuzz targets' manifest");
    for Target { name, .. } in TARGETS {
        assert!(here.contains(&format!("run(\"{name}\")")), "{name}");
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        assert!(!corpus(name).is_empty(), "{name}");
    }
}
