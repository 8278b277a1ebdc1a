//! What is treated badly: a server's address, and how much memory it takes.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use harness::directory::TemporaryDirectory;
use harness::failure::{Failure, Result};
use harness::server_process::{Durability, ServerProcess, stator_command};

/// How often memory is looked at.
const LOOK_PERIOD: Duration = Duration::from_millis(20);

/// Tells a server's resident memory in bytes, where the system does.
pub type Resident = Arc<dyn Fn() -> Option<u64> + Send + Sync>;

/// A server.
#[derive(Clone)]
pub struct Subject {
    pub address: SocketAddr,
    pub resident: Resident,
}

/// A `stator serve` of our own, with a data directory that goes with it.
pub struct OwnServer {
    pub subject: Subject,
    // Dropped in this order.
    _process: Arc<ServerProcess>,
    _directory: TemporaryDirectory,
}

/// How to start one.
#[derive(Clone, Debug)]
pub struct Starter {
    pub binary: PathBuf,
    pub directory: PathBuf,
}

impl Starter {
    /// Starts `stator serve` on a new directory, with further flags.
    pub fn start(&self, name: &str, flags: &[&str]) -> Result<OwnServer> {
        let directory = TemporaryDirectory::new(&self.directory, &format!("stator-hostile-{name}"))?;
        let mut command = stator_command(&self.binary, Durability::Os, &data_directory(directory.path()));
        command.args(flags);
        let process = Arc::new(ServerProcess::start(command, "stator")?);
        let looked_at = process.clone();
        Ok(OwnServer {
            subject: Subject {
                address: process.address(),
                resident: Arc::new(move || looked_at.resident_bytes()),
            },
            _process: process,
            _directory: directory,
        })
    }
}

fn data_directory(parent: &Path) -> PathBuf {
    parent.join("data")
}

/// Watches a server's memory until it is asked for the most that was seen.
pub struct MemoryWatch {
    peak_bytes: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
}

impl MemoryWatch {
    /// Watches from now on.
    pub fn start(resident: &Resident) -> Result<Self> {
        let first = resident().ok_or_else(|| Failure::new("the system does not tell a process's memory"))?;
        let watch = MemoryWatch {
            peak_bytes: Arc::new(first.into()),
            is_over: Arc::default(),
        };
        let (peak_bytes, is_over, resident) =
            (watch.peak_bytes.clone(), watch.is_over.clone(), resident.clone());
        tokio::spawn(async move {
            while !is_over.load(Ordering::Relaxed) {
                peak_bytes.fetch_max(resident().unwrap_or_default(), Ordering::Relaxed);
                tokio::time::sleep(LOOK_PERIOD).await;
            }
        });
        Ok(watch)
    }

    /// The most that was seen, which must be within the bound. In MiB.
    pub fn check(&self, bound_bytes: u64) -> Result<u64> {
        let peak_bytes = self.peak_bytes.load(Ordering::Relaxed);
        if peak_bytes > bound_bytes {
            return Err(Failure::new(format!(
                "the server took {} MiB of memory, more than its bound of {} MiB",
                peak_bytes >> 20,
                bound_bytes >> 20
            )));
        }
        Ok(peak_bytes >> 20)
    }
}

impl Drop for MemoryWatch {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}
