//! The server: started with settings that let much happen in a short time, and looked at when it is
//! down.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::clock::Clock;
use fastrand::Rng;
use harness::failure::{Context, Failure, Result};
use harness::server_process::{Durability, ServerProcess, stator_command};

/// Write buffers: so small that they are written out all the time, and such as are usual.
const WRITE_BUFFERS: [&str; 3] = ["64KiB", "1MiB", "64MiB"];
/// A server that is killed while it starts lives no longer than this.
const EARLY_LIFE_MS_MAX: u64 = 150;

/// The program and its data.
#[derive(Debug)]
pub struct Server {
    pub stator: PathBuf,
    pub durability: Durability,
    pub data_directory: PathBuf,
    pub clock: Arc<Clock>,
}

impl Server {
    fn command(&self, random: &mut Rng) -> Result<Command> {
        let mut command = stator_command(&self.stator, self.durability, &self.data_directory);
        command.args([
            "--stream-shards=2",
            "--stream-shard-rollover=2s",
            "--expiry-sweep-period=200ms",
        ]);
        let write_buffer = random.choice(WRITE_BUFFERS).unwrap_or_default();
        command.arg(format!("--write-buffer-bytes={write_buffer}"));
        self.clock.preload(&mut command)?;
        Ok(command)
    }

    /// Starts the server, and gives how long its first answer took.
    pub fn start(&self, random: &mut Rng) -> Result<(ServerProcess, Duration)> {
        let process = ServerProcess::start(self.command(random)?, "stator")?;
        let time = process.time_to_first_answer()?;
        Ok((process, time))
    }

    /// Starts the server and kills it before, or not long after, it listens.
    pub fn start_and_kill(&self, random: &mut Rng) -> Result<()> {
        let mut command = self.command(random)?;
        let spawned = command.stdout(Stdio::null()).spawn();
        let mut child = spawned.context("stator cannot be started")?;
        thread::sleep(Duration::from_millis(random.u64(..=EARLY_LIFE_MS_MAX)));
        if let Ok(Some(status)) = child.try_wait() {
            return Err(Failure::new(format!(
                "stator ended by itself while it started: {status}"
            )));
        }
        child.kill().context("stator cannot be killed")?;
        child.wait().map(drop).context("stator does not end")
    }

    /// Lets `stator check` look at the data, which no server is running on.
    pub fn check(&self) -> Result<()> {
        let output = Command::new(&self.stator)
            .arg("check")
            .arg("--data-dir")
            .arg(&self.data_directory)
            .stdin(Stdio::null())
            .output()
            .context("stator check cannot be started")?;
        match output.status.success() {
            true => Ok(()),
            false => Err(Failure::new(format!(
                "stator check finds {}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            ))),
        }
    }
}

/// A new place for data below `parent`.
pub fn data_directory(directory: &Path) -> PathBuf {
    directory.join("data")
}
