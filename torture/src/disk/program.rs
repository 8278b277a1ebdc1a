//! The program under test, run to its end or as a server, with what it says.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use harness::failure::{Context, Failure, Result};
use harness::server_process::{Durability, ServerProcess, stator_command_logging};

/// How long a check may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(60);

/// How `stator check` or the start of a server ended.
#[derive(Debug)]
pub enum Outcome<T> {
    Success(T),
    /// It said why not.
    Refused(String),
    /// It was ended by a signal, hung, or said nothing.
    Broken(String),
}

/// `stator serve` with buffers so small that files come and go all the time, as the shards of streams
/// do.
pub fn small_server(binary: &Path, durability: Durability, data: &Path) -> Command {
    let mut command = quiet_server(binary, durability, data);
    command.arg("--stream-shard-rollover=1s");
    command
}

/// The same, but shards stay: of one that is just being ended nothing can be read where nothing can
/// be written.
pub fn quiet_server(binary: &Path, durability: Durability, data: &Path) -> Command {
    let mut command = stator_command_logging(binary, durability, data, "warn");
    command.args([
        "--cache-bytes=8MiB",
        "--write-buffer-bytes=1MiB",
        "--min-free-bytes=1MiB",
    ]);
    command
}

/// Starts a server, with what it logs in the file `log`.
pub fn serve(mut command: Command, log: &Path) -> Result<Outcome<ServerProcess>> {
    let file = File::create(log).context("a file for the server's log")?;
    command.stderr(file);
    Ok(match ServerProcess::start(command, "stator serve") {
        Ok(server) => Outcome::Success(server),
        Err(failure) => {
            let said = said(log);
            let end = failure.to_string();
            match end.contains("signal") || !end.contains("ended") || said.is_empty() {
                true => Outcome::Broken(format!("{end}; {said}")),
                false => Outcome::Refused(said),
            }
        }
    })
}

/// Runs `stator check` on a directory; what it says goes to files in `aside`.
pub fn check(binary: &Path, data: &Path, aside: &Path) -> Result<Outcome<String>> {
    let (output, errors) = (aside.join("check-output"), aside.join("check-errors"));
    let mut child = Command::new(binary)
        .arg("check")
        .arg("--data-dir")
        .arg(data)
        .stdin(Stdio::null())
        .stdout(File::create(&output).context("a file for what the check says")?)
        .stderr(File::create(&errors).context("a file for what the check says")?)
        .spawn()
        .context("stator check cannot be started")?;
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().context("stator check")? {
            break status;
        }
        if begun.elapsed() > CHECK_TIMEOUT {
            // It may have ended just now.
            let _killed = child.kill();
            let _ended = child.wait();
            return Ok(Outcome::Broken("stator check hung".to_owned()));
        }
        thread::sleep(Duration::from_millis(2));
    };
    let text = format!("{}{}", said(&output), said(&errors));
    Ok(match status.code() {
        Some(0) => Outcome::Success(text),
        Some(_) if !text.is_empty() => Outcome::Refused(text),
        _ => Outcome::Broken(format!("stator check ended with {status}; {text}")),
    })
}

/// What is in a file that a program wrote its words to.
pub fn said(file: &Path) -> String {
    let bytes = fs::read(file).unwrap_or_default();
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

impl<T> Outcome<T> {
    /// Fails where it is no success; `what` is what was tried.
    pub fn expect(self, what: &str) -> Result<T> {
        match self {
            Outcome::Success(value) => Ok(value),
            Outcome::Refused(said) => Err(Failure::new(format!("{what} refused: {said}"))),
            Outcome::Broken(said) => Err(Failure::new(format!("{what} broke: {said}"))),
        }
    }
}
