//! A server as a process: started, asked for its address, looked at from outside, and ended.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use clap::ValueEnum;

use crate::failure::{Context, Failure, Result};
use crate::http;

/// How long a server may take to say where it listens.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a server may take to stop when it is asked to.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);
/// How often a server that does not say where it listens is asked whether it does.
const START_POLL_INTERVAL: Duration = Duration::from_millis(1);

/// The unit of processor time in `/proc`, the same on every Linux.
const CPU_TICKS_PER_SECOND: f64 = 100.0;

/// Where Stator stores, and how durably.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Durability {
    /// Nothing is stored.
    Memory,
    /// A write survives the end of the process.
    Os,
    /// A write survives a loss of power.
    Sync,
}

impl Durability {
    /// All of them, the fastest first.
    pub const ALL: [Durability; 3] = [Durability::Memory, Durability::Os, Durability::Sync];

    /// The name that `--durability` knows.
    pub fn name(self) -> &'static str {
        match self {
            Durability::Memory => "memory",
            Durability::Os => "os",
            Durability::Sync => "sync",
        }
    }
}

/// A running server, killed when this is dropped.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    address: SocketAddr,
    started_at: Instant,
}

impl ServerProcess {
    /// Starts `stator serve` with its defaults, on a free port.
    pub fn start_stator(binary: &Path, durability: Durability, data_directory: &Path) -> Result<Self> {
        let command = stator_command(binary, durability, data_directory);
        Self::start(command, &format!("stator with durability {}", durability.name()))
    }

    /// Starts `command` and waits until it has printed its address.
    pub fn start(mut command: Command, name: &str) -> Result<Self> {
        command.stdout(Stdio::piped());
        let started_at = Instant::now();
        let mut child = command.spawn().context(&format!("{name} cannot be started"))?;
        let output = child.stdout.take();
        let (sender, receiver) = mpsc::channel();
        if let Some(output) = output {
            thread::spawn(move || {
                let mut output = BufReader::new(output);
                let mut line = String::new();
                while output.read_line(&mut line).is_ok_and(|read| read > 0) {
                    if let Some(address) = address_in(&line) {
                        // Where nobody waits any more, the server is being killed.
                        let _gone = sender.send(address);
                        break;
                    }
                    line.clear();
                }
                drop(sender);
                // What else it says is taken, so that it never waits for a reader.
                let _ended = io::copy(&mut output, &mut io::sink());
            });
        }
        // From here on an early return ends the process.
        let mut process = ServerProcess {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            started_at,
        };
        match receiver.recv_timeout(START_TIMEOUT) {
            Ok(address) => {
                process.address = address;
                Ok(process)
            }
            Err(RecvTimeoutError::Timeout) => Err(Failure::new(format!(
                "{name} did not say within {} s where it listens",
                START_TIMEOUT.as_secs()
            ))),
            Err(RecvTimeoutError::Disconnected) => Err(Failure::new(format!(
                "{name} ended before it listened ({}); what it says is above",
                process.wait()
            ))),
        }
    }

    /// Starts `command`, which is to listen at `address` without saying so, and waits until it
    /// answers there. It may take `timeout`.
    pub fn start_at(
        mut command: Command,
        name: &str,
        address: SocketAddr,
        timeout: Duration,
    ) -> Result<Self> {
        let started_at = Instant::now();
        let child = command.spawn().context(&format!("{name} cannot be started"))?;
        // From here on an early return ends the process.
        let mut process = ServerProcess {
            child,
            address,
            started_at,
        };
        loop {
            if http::call(address, "ListTables", "{}").is_ok() {
                return Ok(process);
            }
            if let Ok(Some(status)) = process.child.try_wait() {
                return Err(Failure::new(format!(
                    "{name} ended before it answered ({status})"
                )));
            }
            if started_at.elapsed() > timeout {
                return Err(Failure::new(format!(
                    "{name} does not answer within {} s",
                    timeout.as_secs()
                )));
            }
            thread::sleep(START_POLL_INTERVAL);
        }
    }

    fn wait(&mut self) -> String {
        let status = self.child.wait().map(|status: ExitStatus| status.to_string());
        status.unwrap_or_else(|error| error.to_string())
    }

    /// The number that the system knows the process by.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills the process as `kill -9` does, and waits until it is gone.
    pub fn kill(mut self) {
        self.end();
    }

    /// Asks the process to end, as `kill` does, and waits until it has. Fails where it does not end
    /// well, or not in time.
    pub fn stop(mut self) -> Result<()> {
        let id = self.id().to_string();
        let asked = Command::new("kill").args(["-s", "TERM", &id]).status();
        asked.context("the program `kill` cannot be run")?;
        let begun = Instant::now();
        while begun.elapsed() < STOP_TIMEOUT {
            if let Some(status) = self.child.try_wait().context("the server's end")? {
                return match status.success() {
                    true => Ok(()),
                    false => Err(Failure::new(format!("the server ended badly ({status})"))),
                };
            }
            thread::sleep(Duration::from_millis(2));
        }
        Err(Failure::new(format!(
            "the server did not stop within {} s",
            STOP_TIMEOUT.as_secs()
        )))
    }

    /// Whether the process has not ended.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    fn end(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks something small, and gives the time from just before the start of the process to the
    /// end of the answer.
    pub fn time_to_first_answer(&self) -> Result<Duration> {
        http::call(self.address, "ListTables", "{}")?;
        Ok(self.started_at.elapsed())
    }

    /// Memory that the process has in use (its resident set), where the system tells.
    pub fn resident_bytes(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kibibytes * 1024)
    }

    /// Bytes that the process has given the disk to write since it started, where the system tells.
    pub fn written_bytes(&self) -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{}/io", self.child.id())).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("write_bytes:"))?;
        line.trim().parse().ok()
    }

    /// Whether the process has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Processor time that the process has used, where the system tells.
    pub fn cpu_time(&self) -> Option<Duration> {
        cpu_time_of(&self.child.id().to_string())
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.end();
    }
}

/// The program `stator`: the one that is named, or else the one in the directory of this program or, where
/// this is a test, above that.
pub fn find_stator(named: Option<&Path>) -> Result<PathBuf> {
    let stator = match named {
        Some(named) => named.to_path_buf(),
        None => {
            let program = env::current_exe().context("this program cannot find itself")?;
            let beside = program.with_file_name(format!("stator{}", env::consts::EXE_SUFFIX));
            let above = beside.ancestors().nth(2).zip(beside.file_name());
            let above = above.map(|(directory, name)| directory.join(name));
            above
                .filter(|above| !beside.is_file() && above.is_file())
                .unwrap_or(beside)
        }
    };
    match stator.is_file() {
        true => Ok(stator),
        false => Err(Failure::new(format!(
            "there is no {}; build it with `cargo build --release --workspace --bins`, or name it with --stator",
            stator.display()
        ))),
    }
}

/// The command that runs `stator serve` with its defaults on a free port. Callers add arguments and
/// variables, and give it to [`ServerProcess::start`].
pub fn stator_command(binary: &Path, durability: Durability, data_directory: &Path) -> Command {
    stator_command_logging(binary, durability, data_directory, "error")
}

/// The same, with log lines from this level on.
pub fn stator_command_logging(
    binary: &Path,
    durability: Durability,
    data_directory: &Path,
    log_level: &str,
) -> Command {
    let mut command = Command::new(binary);
    command.args(["serve", "--host=127.0.0.1", "--port=0", "--log-level", log_level]);
    match durability {
        Durability::Memory => command.arg("--in-memory"),
        Durability::Os | Durability::Sync => command
            .arg(format!("--durability={}", durability.name()))
            .arg("--data-dir")
            .arg(data_directory),
    };
    // Settings of the person who runs this are not what is looked at.
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("STATOR_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// Processor time that this process has used, where the system tells.
pub fn own_cpu_time() -> Option<Duration> {
    cpu_time_of("self")
}

/// Processor time that everything on this machine has used since it started, on all cores
/// together, where the system tells.
pub fn machine_cpu_time() -> Option<Duration> {
    machine_cpu_time_in(&fs::read_to_string("/proc/stat").ok()?)
}

/// The same from the text of `/proc/stat`, whose first line sums up the cores.
fn machine_cpu_time_in(stat: &str) -> Option<Duration> {
    let fields = stat.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Option<Vec<u64>> = fields
        .split_ascii_whitespace()
        .map(|field| field.parse().ok())
        .collect();
    // The fourth and the fifth are time in which nothing ran; from the ninth on others repeat.
    let ticks = ticks?;
    let used = ticks
        .iter()
        .take(8)
        .sum::<u64>()
        .checked_sub(ticks.iter().skip(3).take(2).sum())?;
    Some(Duration::from_secs_f64(used as f64 / CPU_TICKS_PER_SECOND))
}

fn cpu_time_of(process: &str) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name of the program comes second, in parentheses, and may contain anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_secs_f64(
        (user + system) as f64 / CPU_TICKS_PER_SECOND,
    ))
}

/// The address in a line like `… listens on http://127.0.0.1:8000`.
fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("http://")?;
    rest.split_whitespace().next()?.trim_end_matches('/').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_the_machine_leaves_out_what_it_waited() {
        let stat = "cpu  100 20 30 5000 700 4 5 6 99 9\ncpu0 1 2 3 4 5 6 7 8 9 10\n";
        assert_eq!(machine_cpu_time_in(stat), Some(Duration::from_millis(1650)));
        assert_eq!(machine_cpu_time_in("intr 1 2 3"), None);
    }

    #[test]
    fn addresses_are_found() {
        let check = |line, expected: Option<&str>| {
            let expected = expected.map(|address| address.parse().expect("an address"));
            assert_eq!(address_in(line), expected, "{line}");
        };
        check(
            "Stator 0.1.0 listens on http://127.0.0.1:8000\n",
            Some("127.0.0.1:8000"),
        );
        check("http://127.0.0.1:1/ and more", Some("127.0.0.1:1"));
        check("Stores in memory\n", None);
        check("see http://example.com", None);
    }
}
