//! Short runs against a server in memory: one without a fault, and one with each fault that must
//! be found.

use clap::Parser;

use super::arguments::KillsArguments;
use super::run::{Summary, torture};
use harness::failure::Result;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    kills: KillsArguments,
}

/// Runs for a second with `arguments`, a count of kills among them.
fn run(arguments: &[&str]) -> Result<Summary> {
    let fixed = ["test", "--durability=memory", "--load-ms=1000"];
    let line = Line::parse_from(fixed.iter().chain(arguments));
    torture(&line.kills)
}

#[track_caller]
fn assert_found(plant: &str, expected: &[&str]) {
    let failure = run(&["--kills=0", "--plant", plant])
        .expect_err("the fault must be found")
        .to_string();
    assert!(
        expected.iter().any(|expected| failure.contains(expected)),
        "{failure}"
    );
}

#[test]
fn without_a_fault_nothing_is_found() {
    let summary = run(&["--kills=0"]).expect("nothing to be wrong");
    assert!(summary.steps > 100, "{summary:?}");
    assert!(
        summary.judged.operations > 0 && summary.judged.transactions > 0,
        "{summary:?}"
    );
    assert!(summary.records > 0, "{summary:?}");
}

#[test]
fn a_stale_read_is_found() {
    assert_found("stale-read", &["are not linearizable"]);
}

#[test]
fn a_lost_write_is_found() {
    assert_found(
        "lost-write",
        &[
            "must be",
            "an answer that must not be",
            "an acknowledged write is lost",
            "are not linearizable",
        ],
    );
}

#[test]
fn half_a_transaction_is_found() {
    assert_found(
        "half-transaction",
        &[
            "must be",
            "an answer that must not be",
            "an acknowledged write is lost",
            "half a transaction is lost",
            "a transaction is seen in half",
        ],
    );
}

#[test]
fn a_lost_index_entry_is_found() {
    assert_found("lost-index-entry", &["has lost the entry"]);
}

#[test]
fn records_in_disorder_are_found() {
    assert_found("stream-disorder", &["the stream is wrong"]);
}

#[test]
fn a_doubled_record_is_found() {
    assert_found("doubled-record", &["its number is not higher"]);
}

#[test]
fn what_is_in_memory_is_not_killed() {
    let failure = run(&["--kills=1"]).expect_err("it makes no sense").to_string();
    assert!(failure.contains("does not survive"), "{failure}");
}
