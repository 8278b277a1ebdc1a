//! `torture power-cuts`: a server is put under load while all its file operations are recorded;
//! then its directory is made anew as a loss of power at many of those operations would leave it,
//! and opened.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use harness::control;
use harness::failure::{Context, Failure, Result};
use harness::interrupt;
use harness::server_process::Durability;

use super::ledger::{Ledger, check_all};
use super::load::{self, Load};
use super::names::Recorded;
use super::program::{Outcome, check, quiet_server, said, serve, small_server};
use super::reading::read_all;
use super::replay::{Disk, Loss};
use super::requests;
use super::setting::Setting;
use super::shim::Shim;
use super::trace::Trace;

/// Options of `torture power-cuts`.
#[derive(Debug, Args)]
pub struct PowerCuts {
    #[command(flatten)]
    setting: Setting,

    /// At how many points the power is cut
    #[arg(long, value_name = "COUNT", default_value_t = 200)]
    cuts: usize,

    /// How many clients write at once
    #[arg(long, value_name = "COUNT", default_value_t = 12)]
    clients: u32,

    /// How many changes each client makes
    #[arg(long, value_name = "COUNT", default_value_t = 3000)]
    changes: u64,

    /// Plant a fault; the run then succeeds only if it finds that acknowledged writes are lost
    #[arg(long, value_enum)]
    plant: Option<Plant>,
}

/// What can be planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Plant {
    /// Syncs are answered with success and not done
    SwallowedSyncs,
    /// The server runs with --durability os
    NoSyncs,
}

/// What was recorded.
struct Recording {
    trace: Trace,
    ledgers: Vec<Ledger>,
}

/// A directory as a cut leaves it.
struct Cut {
    number: usize,
    /// How many operations had happened.
    at: usize,
    loss: Loss,
    aside: PathBuf,
}

impl Cut {
    fn data(&self) -> PathBuf {
        self.aside.join("data")
    }
}

/// Runs it.
pub fn run(options: &PowerCuts) -> Result<()> {
    let seed = options.setting.seed();
    let binary = options.setting.binary()?;
    let place = options.setting.workplace("power-cuts")?;
    let begun = Instant::now();
    let recording = record(options, &binary, place.path(), seed)?;
    describe(&recording);

    let mut random = fastrand::Rng::with_seed(seed);
    let points = choose_points(&recording.trace, options.cuts, &mut random);
    let failures = Mutex::new(Vec::new());
    let (sender, receiver) = sync_channel(options.setting.parallel());
    let receiver = Mutex::new(receiver);
    thread::scope(|scope| {
        for _ in 0..options.setting.parallel() {
            scope.spawn(|| verify_each(&receiver, &binary, &recording.ledgers, &failures));
        }
        let mut disk = Disk::new(&recording.trace);
        for (number, at) in points.iter().copied().enumerate() {
            interrupt::check()?;
            disk.advance(at)?;
            let cut = Cut {
                number,
                at,
                loss: match random.u32(..8) {
                    0..2 => Loss::Everything,
                    2 => Loss::Nothing,
                    _ => Loss::Mixed,
                },
                aside: place.path().join(format!("cut-{number}")),
            };
            fs::create_dir(&cut.aside).context("a directory for a cut")?;
            disk.leave(&cut.data(), cut.loss, &mut random)?;
            if sender.send(cut).is_err() {
                break;
            }
            let done = number + 1;
            if done.is_multiple_of(20) {
                println!(
                    "{done} of {} cuts, {:.0} s",
                    points.len(),
                    begun.elapsed().as_secs_f64()
                );
            }
        }
        drop(sender);
        Ok::<(), Failure>(())
    })?;

    let failures = failures.into_inner().unwrap_or_default();
    for failure in failures.iter().take(10) {
        println!("{failure}");
    }
    let sentence = format!(
        "{} of {} cuts lost or broke something (seed {seed})",
        failures.len(),
        points.len()
    );
    let is_loss = |failure: &String| failure.contains("acknowledged was");
    match (options.plant, failures.is_empty()) {
        (Some(plant), _) if !failures.iter().any(is_loss) => Err(Failure::new(format!(
            "{plant:?} was planted and no loss was found: this test finds nothing (seed {seed})"
        ))),
        (Some(_), _) => {
            println!("The planted fault was found: {sentence}.");
            Ok(())
        }
        (None, true) => {
            println!(
                "All {} cuts were survived: {:.0} s.",
                points.len(),
                begun.elapsed().as_secs_f64()
            );
            Ok(())
        }
        (None, false) => Err(Failure::new(sentence)),
    }
}

/// Runs the load with everything recorded, and kills the server at its end.
fn record(options: &PowerCuts, binary: &Path, place: &Path, seed: u64) -> Result<Recording> {
    let data = place.join("data");
    let trace = place.join("trace");
    let mut shim = Shim::new(&data, place)?.recording(&trace);
    let durability = match options.plant {
        Some(Plant::NoSyncs) => Durability::Os,
        Some(Plant::SwallowedSyncs) | None => Durability::Sync,
    };
    if options.plant == Some(Plant::SwallowedSyncs) {
        shim = shim.skipping_syncs();
    }
    let mut command = small_server(binary, durability, &data);
    shim.preload(&mut command);
    let log = place.join("log");
    let server = serve(command, &log)?.expect("the server under load")?;
    for table in requests::tables() {
        control::create_table(server.address(), &table)?;
    }
    let load = Load {
        seed,
        versions_from: 0,
        clients: options.clients,
        changes_per_client: options.changes,
        time: Duration::from_secs(300),
        failures_max: 1,
    };
    let ledgers = load::run(server.address(), &load, &shim)?;
    server.kill();
    if let Some(refusal) = ledgers.iter().flat_map(|ledger| &ledger.refusals).next() {
        return Err(Failure::new(format!(
            "the load did not run to its end: {refusal}; the server said: {}",
            said(&log)
        )));
    }
    Ok(Recording {
        trace: Trace::read(&trace)?,
        ledgers,
    })
}

fn describe(recording: &Recording) {
    let operations = &recording.trace.operations;
    let count = |what, suffix: &str| {
        let matching = operations
            .iter()
            .filter(|operation| operation.what == what && operation.path.ends_with(suffix));
        matching.count()
    };
    let made = operations.iter().filter(|operation| {
        operation.what == Recorded::Open && operation.first == 1 && operation.path.ends_with(".sst")
    });
    println!(
        "{} writes acknowledged; {} file operations, {} of them syncs; {} table files made, {} removed, {} logs removed.",
        recording
            .ledgers
            .iter()
            .map(|ledger| ledger.acknowledged(u64::MAX))
            .sum::<usize>(),
        operations.len(),
        count(Recorded::SyncDone, ""),
        made.count(),
        count(Recorded::Unlink, ".sst"),
        count(Recorded::Unlink, ".log"),
    );
}

/// Half of the points anywhere, half of them around what happens to names and files' lengths, in
/// order.
fn choose_points(trace: &Trace, count: usize, random: &mut fastrand::Rng) -> Vec<usize> {
    let all = trace.operations.len();
    let is_rare = |operation: &super::trace::Operation| match operation.what {
        Recorded::Write | Recorded::SyncBegan | Recorded::SyncDone => operation.path.contains("MANIFEST"),
        Recorded::Open => operation.first != 0,
        _ => true,
    };
    let rare: Vec<usize> = (0..all).filter(|at| is_rare(&trace.operations[*at])).collect();
    let mut points: Vec<usize> = (0..count)
        .map(|number| match (number % 2, rare.is_empty()) {
            (0, false) => (rare[random.usize(..rare.len())] + random.usize(0..=2)).min(all),
            _ => random.usize(0..=all),
        })
        .collect();
    points.sort_unstable();
    points
}

fn verify_each(
    cuts: &Mutex<Receiver<Cut>>,
    binary: &Path,
    ledgers: &[Ledger],
    failures: &Mutex<Vec<String>>,
) {
    loop {
        let next = cuts.lock().map(|cuts| cuts.recv());
        let Ok(Ok(cut)) = next else {
            return;
        };
        if let Err(failure) = verify(&cut, binary, ledgers) {
            let text = format!(
                "cut {} after operation {}, {:?}: {failure}",
                cut.number, cut.at, cut.loss
            );
            if let Ok(mut failures) = failures.lock() {
                failures.push(text);
            }
        }
        // What cannot be removed now goes with the run's directory.
        let _removed = fs::remove_dir_all(&cut.aside);
    }
}

/// Opens what a cut has left, reads all of it, and has it checked.
fn verify(cut: &Cut, binary: &Path, ledgers: &[Ledger]) -> Result<()> {
    let data = cut.data();
    let server = serve(
        quiet_server(binary, Durability::Os, &data),
        &cut.aside.join("log"),
    )?
    .expect("stator serve")?;
    let observed = read_all(&server.address()).map_err(|trouble| Failure::new(trouble.to_string()))?;
    server.kill();
    check_all(ledgers, &observed, cut.at as u64)?;
    match check(binary, &data, &cut.aside)? {
        Outcome::Success(_) => Ok(()),
        other => other.expect("stator check").map(drop),
    }
}
