//! `torture damage`: one bit, one page or the end of one file of a data directory is wrong. Either
//! that is noticed, by an error that names the file, or everything that can be read is right.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use harness::control;
use harness::failure::{Context, Failure, Result};
use harness::interrupt;
use harness::server_process::Durability;

use super::ledger::{Ledger, Observed, check_all};
use super::load::{self, Load};
use super::program::{Outcome, check, quiet_server, said, serve, small_server};
use super::reading::{Trouble, read_all};
use super::requests::tables;
use super::setting::Setting;
use super::shim::Shim;

const PAGE_BYTES: usize = 4096;

/// Options of `torture damage`.
#[derive(Debug, Args)]
pub struct Damage {
    #[command(flatten)]
    setting: Setting,

    /// How many times something is damaged
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    damages: usize,

    /// Only files of this kind, as the counters at the end name them
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,

    /// Plant a fault: the directory is that of another moment, and nothing is damaged; the run then
    /// succeeds only if it finds that what is read is wrong
    #[arg(long)]
    plant_wrong_data: bool,
}

/// What is done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Harm {
    FlipBit { at: usize, bit: u8 },
    Truncate { length: usize },
    ZeroPage { start: usize },
    Nothing,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    /// The server does not start, and names the file.
    RefusedToStart,
    /// Reading fails, and the log or the check names the file.
    RefusedToRead,
    /// All reads are right; the check names the file.
    FoundByCheck,
    /// It is refused, by the name of another file: one that the damaged file speaks of, or that
    /// speaks of it.
    NamedAnotherFile,
    /// The end of the log is cut off, with a warning that names file and offset.
    CutWithWarning,
    /// The log ends where a record does, so that nobody can tell that there were more.
    CutAtRecord,
    /// Everything is right.
    Harmless,
}

/// A data directory that is copied for each damage.
struct Master {
    path: PathBuf,
    /// The files that hold something, by kind.
    files: BTreeMap<&'static str, Vec<PathBuf>>,
}

/// The kinds of files, and how their names are told.
fn kind_of(name: &str) -> &'static str {
    match name {
        "CURRENT" => "CURRENT",
        "IDENTITY" => "IDENTITY",
        "stator.format" => "stator.format",
        _ if name.ends_with(".sst") => "table",
        _ if name.ends_with(".log") => "log",
        _ if name.starts_with("MANIFEST") => "MANIFEST",
        _ if name.starts_with("OPTIONS") => "OPTIONS",
        _ => "other",
    }
}

/// Runs it.
pub fn run(options: &Damage) -> Result<()> {
    let seed = options.setting.seed();
    let binary = options.setting.binary()?;
    let place = options.setting.workplace("damage")?;
    let begun = Instant::now();
    let (masters, ledgers) = prepare(&binary, place.path(), seed)?;
    for master in &masters {
        let shown: Vec<String> = master
            .files
            .iter()
            .map(|(kind, files)| format!("{} {kind}", files.len()))
            .collect();
        println!(
            "{}: {}",
            master.path.file_name().unwrap_or_default().display(),
            shown.join(", ")
        );
    }
    let mut random = fastrand::Rng::with_seed(seed);
    let jobs = choose(options, &masters, &mut random)?;

    let next = AtomicUsize::new(0);
    let counts: Mutex<BTreeMap<(&str, Verdict), usize>> = Mutex::default();
    let failures: Mutex<Vec<String>> = Mutex::default();
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(number) else { return };
            if interrupt::is_interrupted() {
                return;
            }
            let aside = place.path().join(format!("damage-{number}"));
            match job.run(&binary, &aside, &ledgers) {
                Ok(verdict) => {
                    let mut counts = counts.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                    *counts.entry((job.kind, verdict)).or_default() += 1;
                }
                Err(failure) => {
                    println!("{job}: {failure:.600}");
                    let mut failures = failures.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                    failures.push(failure.to_string());
                }
            }
            // What cannot be removed now goes with the run's directory.
            let _removed = fs::remove_dir_all(&aside);
            if (number + 1).is_multiple_of(100) {
                println!(
                    "{} of {} damages, {:.0} s",
                    number + 1,
                    jobs.len(),
                    begun.elapsed().as_secs_f64()
                );
            }
        }
    };
    thread::scope(|scope| {
        (0..options.setting.parallel()).for_each(|_| drop(scope.spawn(work)));
    });
    interrupt::check()?;
    for ((kind, verdict), count) in counts.into_inner().unwrap_or_default() {
        println!("{kind:>14} {verdict:?} {count}");
    }
    let failures = failures.into_inner().unwrap_or_default();
    match (options.plant_wrong_data, failures.len()) {
        (false, 0) => {
            println!(
                "{} damages, {:.0} s: nothing wrong was ever read.",
                jobs.len(),
                begun.elapsed().as_secs_f64()
            );
            Ok(())
        }
        (false, count) => Err(Failure::new(format!(
            "{count} of {} damages were not noticed as they must be (seed {seed})",
            jobs.len()
        ))),
        (true, count) if count == jobs.len() => {
            println!("The planted fault was found, {count} times.");
            Ok(())
        }
        (true, _) => Err(Failure::new(
            "wrong data was planted and not found: this test finds nothing",
        )),
    }
}

/// Makes a directory that was closed, and one whose server was killed, so that its log is full.
fn prepare(binary: &Path, place: &Path, seed: u64) -> Result<([Master; 2], [Vec<Ledger>; 2])> {
    let data = place.join("data");
    let shim = Shim::new(&data, place)?;
    let fill = |changes, is_first: bool| -> Result<_> {
        let command = small_server(binary, Durability::Os, &data);
        let server = serve(command, &place.join("log"))?.expect("stator serve")?;
        if is_first {
            for table in tables() {
                control::create_table(server.address(), &table)?;
            }
        }
        let load = Load {
            seed,
            versions_from: if is_first { 0 } else { 10_000 },
            clients: 8,
            changes_per_client: changes,
            time: Duration::from_secs(60),
            failures_max: 1,
        };
        Ok((load::run(server.address(), &load, &shim)?, server))
    };
    let (ledgers, server) = fill(400, true)?;
    server.stop()?;
    let closed = Master::copy_of(&data, place.join("closed"))?;
    let (more, server) = fill(60, false)?;
    server.kill();
    let killed = Master::copy_of(&data, place.join("killed"))?;
    let both = ledgers
        .iter()
        .zip(more)
        .map(|(first, second)| Ledger {
            writes: first.writes.iter().cloned().chain(second.writes).collect(),
            refusals: [first.refusals.clone(), second.refusals].concat(),
        })
        .collect();
    Ok(([closed, killed], [ledgers, both]))
}

impl Master {
    fn copy_of(data: &Path, path: PathBuf) -> Result<Self> {
        copy(data, &path).context("the directory cannot be copied")?;
        let mut files: BTreeMap<&'static str, Vec<PathBuf>> = BTreeMap::new();
        for directory in [path.clone(), path.join("db")] {
            for entry in fs::read_dir(&directory).context("the directory")? {
                let entry = entry.context("the directory")?;
                let metadata = entry.metadata().context("a file")?;
                if metadata.is_file() && metadata.len() > 0 {
                    let name = entry.file_name().to_string_lossy().into_owned();
                    let below = entry.path().strip_prefix(&path).map(Path::to_path_buf);
                    files
                        .entry(kind_of(&name))
                        .or_default()
                        .push(below.context("a path")?);
                }
            }
        }
        files.values_mut().for_each(|files| files.sort());
        Ok(Master { path, files })
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy(&entry.path(), &target)?,
            false => drop(fs::copy(entry.path(), target)?),
        }
    }
    Ok(())
}

/// One damage to one file.
struct Job<'a> {
    master: &'a Master,
    /// Which ledgers belong to it.
    ledgers: usize,
    kind: &'static str,
    file: PathBuf,
    harm: Harm,
}

impl fmt::Display for Job<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let master = self.master.path.file_name().unwrap_or_default().display();
        write!(
            f,
            "{:?} of {} in the {master} directory",
            self.harm,
            self.file.display()
        )
    }
}

/// Every kind of file as often as the others, in both directories.
fn choose<'a>(options: &Damage, masters: &'a [Master], random: &mut fastrand::Rng) -> Result<Vec<Job<'a>>> {
    let mut choices = Vec::new();
    for (ledgers, master) in masters.iter().enumerate() {
        for (kind, files) in &master.files {
            if options.kind.as_deref().is_none_or(|wanted| wanted == *kind) {
                choices.push((ledgers, master, *kind, files));
            }
        }
    }
    if choices.is_empty() {
        return Err(Failure::new("there are no files of this kind"));
    }
    (0..options.damages)
        .map(|number| {
            let (ledgers, master, kind, files) = choices[number % choices.len()];
            let file = files[random.usize(..files.len())].clone();
            let length = fs::metadata(master.path.join(&file)).context("a file")?.len() as usize;
            let at = random.usize(..length);
            let harm = match (options.plant_wrong_data, random.u32(..4)) {
                (true, _) => Harm::Nothing,
                (_, 0) => Harm::Truncate { length: at },
                (_, 1) => Harm::ZeroPage {
                    start: at / PAGE_BYTES * PAGE_BYTES,
                },
                _ => Harm::FlipBit {
                    at,
                    bit: random.u8(..8),
                },
            };
            Ok(Job {
                master,
                ledgers: match options.plant_wrong_data {
                    true => 1 - ledgers,
                    false => ledgers,
                },
                kind,
                file,
                harm,
            })
        })
        .collect()
}

impl Job<'_> {
    fn run(&self, binary: &Path, aside: &Path, ledgers: &[Vec<Ledger>; 2]) -> Result<Verdict> {
        let data = aside.join("data");
        copy(&self.master.path, &data).context("the directory cannot be copied")?;
        self.harm
            .apply(&data.join(&self.file))
            .context("the file cannot be damaged")?;
        let ledgers = &ledgers[self.ledgers];
        let log = aside.join("log");
        let server = match serve(quiet_server(binary, Durability::Os, &data), &log)? {
            Outcome::Success(server) => server,
            Outcome::Refused(said) => return self.named(&said, Verdict::RefusedToStart),
            Outcome::Broken(said) => return Err(Failure::new(said)),
        };
        let read = read_all(&server.address());
        let mut server = server;
        if !server.is_running() {
            return Err(Failure::new(format!("the server has gone: {}", said(&log))));
        }
        server.kill();
        let verdict = match read {
            Ok(observed) => self.judge(&observed, ledgers, &said(&log))?,
            Err(Trouble::Wrong(wrong)) => return Err(Failure::new(format!("{wrong}; {}", said(&log)))),
            Err(Trouble::Refused(refusal)) => {
                let checked = match check(binary, &data, aside)? {
                    Outcome::Success(text) | Outcome::Refused(text) => text,
                    Outcome::Broken(said) => return Err(Failure::new(said)),
                };
                let told = format!("{refusal}; {}; {checked}", said(&log));
                return self.named(&told, Verdict::RefusedToRead);
            }
        };
        match (verdict, check(binary, &data, aside)?) {
            (verdict, Outcome::Success(_)) => Ok(verdict),
            (_, Outcome::Refused(said)) => self.named(&said, Verdict::FoundByCheck),
            (_, Outcome::Broken(said)) => Err(Failure::new(said)),
        }
    }

    /// An error names the file; or another one, to which the damage has led.
    fn named(&self, said: &str, verdict: Verdict) -> Result<Verdict> {
        let name = self.file.file_name().unwrap_or_default().to_string_lossy();
        let names_another = || said.contains(".sst") || said.contains(".log") || said.contains("MANIFEST-");
        match said.contains(&*name) {
            true => Ok(verdict),
            false if names_another() => Ok(Verdict::NamedAnotherFile),
            false => Err(Failure::new(format!("the error does not name {name}: {said}"))),
        }
    }

    /// What was read is what was written, but for the end of the log.
    fn judge(&self, observed: &Observed, ledgers: &[Ledger], log: &str) -> Result<Verdict> {
        let right = check_all(ledgers, observed, u64::MAX);
        let name = self.file.file_name().unwrap_or_default().to_string_lossy();
        let has_warning = log
            .lines()
            .any(|line| line.contains("WARN") && line.contains(&*name) && line.contains("offset="));
        let Err(failure) = right else {
            return Ok(match has_warning {
                true => Verdict::CutWithWarning,
                false => Verdict::Harmless,
            });
        };
        if self.kind != "log" || !ledgers.iter().all(|ledger| is_beginning(ledger, observed)) {
            return Err(Failure::new(format!("wrong data: {failure}; {log}")));
        }
        match (has_warning, self.harm) {
            (true, _) => Ok(Verdict::CutWithWarning),
            (false, Harm::Truncate { .. }) => Ok(Verdict::CutAtRecord),
            (false, _) => Err(Failure::new(format!(
                "the log was cut without a warning: {failure}; {log}"
            ))),
        }
    }
}

/// Whether what is there is what some beginning of a ledger has written, the last request of which
/// may be there in part.
fn is_beginning(ledger: &Ledger, observed: &Observed) -> bool {
    (0..ledger.writes.len()).rev().any(|last| {
        let (beginning, later) = ledger.writes.split_at(last + 1);
        let mut beginning = Ledger {
            writes: beginning.to_vec(),
            refusals: Vec::new(),
        };
        beginning.writes[last].acknowledged_at = None;
        let is_written = |target| {
            let mut changes = beginning.writes.iter().flat_map(|write| &write.changes);
            changes.any(|(changed, _)| changed == target)
        };
        let mut later = later.iter().flat_map(|write| &write.changes);
        beginning.check(observed, u64::MAX).is_ok()
            && later.all(|(target, _)| is_written(target) || !observed.contains_key(target))
    })
}

impl Harm {
    fn apply(self, file: &Path) -> io::Result<()> {
        let mut bytes = fs::read(file)?;
        match self {
            Harm::FlipBit { at, bit } => bytes[at] ^= 1 << bit,
            Harm::Truncate { length } => bytes.truncate(length),
            Harm::ZeroPage { start } => {
                let end = (start + PAGE_BYTES).min(bytes.len());
                bytes[start..end].fill(0);
            }
            Harm::Nothing => {}
        }
        fs::write(file, bytes)
    }
}
