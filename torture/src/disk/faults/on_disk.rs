//! Every file operation of a server fails once in every way, each in a run of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harness::control;
use harness::failure::{Context, Failure, Result};
use harness::interrupt;
use harness::server_process::{Durability, ServerProcess};

use super::Points;
use crate::disk::ledger::{Ledger, check_all};
use crate::disk::load::{self, Load};
use crate::disk::program::{Outcome, check, quiet_server, said, serve};
use crate::disk::reading::{Trouble, read_all};
use crate::disk::requests::tables;
use crate::disk::setting::Setting;
use crate::disk::shim::Shim;

const CLIENTS: u32 = 64;
/// How long a process that is killed may take to end.
const END_TIMEOUT: Duration = Duration::from_secs(5);
/// A run without a fault is made so often, to see how many calls of each class there are.
const REHEARSALS: u64 = 3;

/// How calls of a class fail: the kind, and whether all later ones fail too.
fn ways(class: &str) -> &'static [&'static str] {
    match class {
        "write" => &["eio:once", "enospc:on", "short:once", "torn:once"],
        "sync" => &["eio:once", "eio:on"],
        "open" | "mkdir" => &["eio:once", "enospc:once", "kill:once"],
        "rename" | "unlink" | "truncate" | "link" => &["eio:once", "kill:once"],
        "allocate" => &["eio:once", "enospc:on"],
        _ => &["eio:once"],
    }
}

/// One way for one call to fail.
#[derive(Clone, Debug)]
struct Point {
    class: &'static str,
    number: u64,
    way: &'static str,
}

/// What became of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    /// The call was never made: threads took turns in another way.
    NotReached,
    /// The server did not start, and said why.
    RefusedToStart,
    /// Requests were refused.
    RefusedRequests,
    /// The fault was of no consequence to any request.
    Unnoticed,
    /// The process was ended at the call.
    Killed,
}

/// Runs it.
pub fn run(setting: &Setting, changes: u64, points: Points, seed: u64) -> Result<()> {
    let binary = setting.binary()?;
    let place = setting.workplace("faults")?;
    let begun = Instant::now();
    let trial = Trial {
        binary: &binary,
        place: place.path(),
        load: Load {
            seed,
            versions_from: 0,
            clients: CLIENTS,
            changes_per_client: changes.div_ceil(u64::from(CLIENTS)),
            time: Duration::from_secs(60),
            failures_max: 2,
        },
    };
    let counts = trial.rehearse()?;
    let mut all: Vec<Point> = Vec::new();
    for (class, count) in &counts {
        for number in 1..=*count {
            let ways = ways(class).iter();
            all.extend(ways.map(|way| Point { class, number, way }));
        }
    }
    let of = all.len();
    let mut random = fastrand::Rng::with_seed(seed);
    random.shuffle(&mut all);
    if let Points::Some(count) = points {
        all.truncate(count);
    }
    println!(
        "Disk: {changes} changes make {counts:?} calls; {} of {of} ways for one of them to fail are tried.",
        all.len()
    );

    let next = AtomicUsize::new(0);
    let ends: Mutex<BTreeMap<End, usize>> = Mutex::default();
    let failures: Mutex<Vec<String>> = Mutex::default();
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(point) = all.get(number) else { return };
            if interrupt::is_interrupted() {
                return;
            }
            match trial.run(&format!("point-{number}"), point) {
                Ok(end) => {
                    *ends
                        .lock()
                        .unwrap_or_else(|poisoned| poisoned.into_inner())
                        .entry(end)
                        .or_default() += 1
                }
                Err(failure) => {
                    let text = format!(
                        "call {} of {}, {}: {failure}",
                        point.number, point.class, point.way
                    );
                    println!("{text}");
                    failures
                        .lock()
                        .unwrap_or_else(|poisoned| poisoned.into_inner())
                        .push(text);
                }
            }
            if (number + 1).is_multiple_of(100) {
                println!(
                    "{} of {} points, {:.0} s",
                    number + 1,
                    all.len(),
                    begun.elapsed().as_secs_f64()
                );
            }
        }
    };
    thread::scope(|scope| {
        (0..setting.parallel()).for_each(|_| drop(scope.spawn(work)));
    });
    interrupt::check()?;
    let failures = failures.into_inner().unwrap_or_default();
    let ends = ends.into_inner().unwrap_or_default();
    println!("Disk: {ends:?}, {:.0} s.", begun.elapsed().as_secs_f64());
    match failures.len() {
        0 => Ok(()),
        count => Err(Failure::new(format!(
            "{count} of {} faults were not survived (seed {seed})",
            all.len()
        ))),
    }
}

struct Trial<'a> {
    binary: &'a Path,
    place: &'a Path,
    load: Load,
}

impl Trial<'_> {
    /// How many calls of each class every run makes: how many they are is a matter of how threads
    /// take turns.
    fn rehearse(&self) -> Result<Vec<(&'static str, u64)>> {
        let mut counts: Vec<(&'static str, u64)> = Vec::new();
        for rehearsal in 0..REHEARSALS {
            let aside = self.place.join(format!("rehearsal-{rehearsal}"));
            fs::create_dir(&aside).context("a directory for a rehearsal")?;
            let shim = Shim::new(&aside.join("data"), &aside)?;
            let (ledgers, end) = self.run_with(&shim, &aside, false)?;
            if end != End::Unnoticed || ledgers.iter().any(|ledger| !ledger.refusals.is_empty()) {
                return Err(Failure::new(format!(
                    "the load does not run to its end without a fault: {end:?}; {}",
                    said(&aside.join("log"))
                )));
            }
            self.check_after(&aside, &ledgers)?;
            let calls = shim.control()?.calls()?;
            match counts.is_empty() {
                true => counts = calls,
                false => counts
                    .iter_mut()
                    .zip(calls)
                    .for_each(|(least, now)| least.1 = least.1.min(now.1)),
            }
            fs::remove_dir_all(&aside).context("a rehearsal's directory")?;
        }
        Ok(counts)
    }

    fn run(&self, name: &str, point: &Point) -> Result<End> {
        let aside = self.place.join(name);
        fs::create_dir(&aside).context("a directory for a run")?;
        let (kind, span) = point.way.split_once(':').unwrap_or((point.way, "once"));
        let fault = format!("{}:{}:{kind}:{span}", point.class, point.number);
        let shim = Shim::new(&aside.join("data"), &aside)?.failing(&fault);
        let (ledgers, end) = self.run_with(&shim, &aside, kind == "kill")?;
        let end = match shim.control()?.faults()? {
            0 if end == End::Unnoticed => End::NotReached,
            0 => {
                return Err(Failure::new(format!(
                    "{end:?} without a fault: {}",
                    said(&aside.join("log"))
                )));
            }
            _ => end,
        };
        self.check_after(&aside, &ledgers)?;
        fs::remove_dir_all(&aside).context("a run's directory")?;
        Ok(end)
    }

    /// Runs the load on a new directory, with the fault.
    fn run_with(&self, shim: &Shim, aside: &Path, kills: bool) -> Result<(Vec<Ledger>, End)> {
        let log = aside.join("log");
        let mut command = quiet_server(self.binary, Durability::Sync, &aside.join("data"));
        shim.preload(&mut command);
        let mut server = match serve(command, &log)? {
            Outcome::Success(server) => server,
            Outcome::Refused(_) => return Ok((Vec::new(), End::RefusedToStart)),
            Outcome::Broken(said) if said.contains("SIGKILL") => return Ok((Vec::new(), End::Killed)),
            Outcome::Broken(said) => return Err(Failure::new(said)),
        };
        let is_struck = || Ok(shim.control()?.faults()? > 0);
        // Whether the fault was the end of the process, which may take a moment; nothing else may be.
        let has_ended = |server: &mut ServerProcess| -> Result<bool> {
            let begun = Instant::now();
            while kills && is_struck()? && server.is_running() && begun.elapsed() < END_TIMEOUT {
                thread::sleep(Duration::from_millis(1));
            }
            match (server.is_running(), kills) {
                (true, _) => Ok(false),
                (false, true) => Ok(true),
                (false, false) => Err(Failure::new(format!("the server has gone: {}", said(&log)))),
            }
        };
        for table in tables() {
            if let Err(refusal) = control::create_table(server.address(), &table) {
                if has_ended(&mut server)? {
                    return Ok((Vec::new(), End::Killed));
                }
                if !is_struck()? {
                    return Err(refusal);
                }
                check_refusal(&refusal.to_string())?;
                return Ok((Vec::new(), End::RefusedRequests));
            }
        }
        let ledgers = load::run(server.address(), &self.load, shim)?;
        if has_ended(&mut server)? {
            return Ok((ledgers, End::Killed));
        }
        let refusals: Vec<&String> = ledgers.iter().flat_map(|ledger| &ledger.refusals).collect();
        refusals.iter().try_for_each(|refusal| check_refusal(refusal))?;
        // Reads go on, and show nothing that cannot be; a read may fail for the same reason.
        match read_all(&server.address()) {
            Ok(observed) => check_all(&ledgers, &observed, u64::MAX).context("before the restart")?,
            Err(_) if has_ended(&mut server)? => return Ok((ledgers, End::Killed)),
            Err(Trouble::Refused(refusal)) if is_struck()? => check_refusal(&refusal)?,
            Err(trouble) => return Err(Failure::new(format!("before the restart: {trouble}"))),
        }
        let end = match refusals.is_empty() {
            true => End::Unnoticed,
            false => End::RefusedRequests,
        };
        // Half of the servers are asked to end and half are killed.
        match self
            .load
            .seed
            .wrapping_add(u64::from(server.id()))
            .is_multiple_of(2)
        {
            true => server.kill(),
            false => match server.stop() {
                Err(_) if kills && is_struck()? => return Ok((ledgers, End::Killed)),
                Err(failure) if !is_struck()? || failure.to_string().contains("signal") => {
                    return Err(failure);
                }
                _ => {}
            },
        }
        Ok((ledgers, end))
    }

    /// The same directory, on a disk that works again.
    fn check_after(&self, aside: &Path, ledgers: &[Ledger]) -> Result<()> {
        let data = aside.join("data");
        let command = quiet_server(self.binary, Durability::Os, &data);
        let server = serve(command, &aside.join("log-after"))?.expect("stator serve after the fault")?;
        let observed = read_all(&server.address()).map_err(|trouble| Failure::new(trouble.to_string()))?;
        check_all(ledgers, &observed, u64::MAX)?;
        server.kill();
        check(self.binary, &data, aside)?
            .expect("stator check after the fault")
            .map(drop)
    }
}

/// A refusal is an answer, and says why.
fn check_refusal(refusal: &str) -> Result<()> {
    let is_answer = refusal.contains("answered with 500") && refusal.contains("message");
    match is_answer {
        true => Ok(()),
        false => Err(Failure::new(format!(
            "a refusal that does not say why: {refusal}"
        ))),
    }
}
