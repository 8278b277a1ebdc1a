//! Backups, exports and imports while the server runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use ::transfer::runner::{Places, Runner};
use ::transfer::{Location, Memory, S3Buckets};
use api::Context;
use engine::Engine;
use store::Store;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use crate::arguments::{Durability, ServeArguments};
use crate::failure::Failure;

/// Where the buckets of exports and imports are those of a store elsewhere.
const REMOTE: &str = "remote";

/// What carries out backups, exports and imports: a thread of its own, as compressing takes milliseconds
/// in which a thread that serves requests would serve none.
pub struct Transfers {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// Starts to carry out what is open and what will be. A place that cannot be used is told of at once.
pub fn start<S: Store>(engine: &Arc<Engine<S>>, arguments: &ServeArguments) -> Result<Transfers, Failure> {
    let places = places(arguments);
    if let Some(backups) = &arguments.backups {
        Location::to_write(backups, &places.backup_buckets)
            .map_err(|error| Failure::new(format!("--backups: {error}")))?;
    }
    if let S3Buckets::Directory(directory) = &places.buckets
        && arguments.s3_directory.is_some()
    {
        std::fs::create_dir_all(directory).map_err(|error| {
            Failure::new(format!(
                "--s3-directory: {} cannot be created: {error}",
                directory.display()
            ))
        })?;
    }
    let context = Context {
        region: arguments
            .region
            .clone()
            .unwrap_or_else(|| Context::default().region),
        account_id: arguments.account_id.clone(),
        ..Context::default()
    };
    let runner = Runner::new(engine.clone(), places, context);
    let no_thread = |error| Failure::new(format!("threads cannot be started: {error}"));
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(no_thread)?;
    let (stop, stopped) = oneshot::channel();
    let work = move || {
        give_way_to_requests();
        runtime.block_on(async {
            tokio::select! {
                () = runner.run() => {}
                _ = stopped => {}
            }
        });
    };
    let thread = thread::Builder::new().name("transfers".to_owned()).spawn(work);
    Ok(Transfers {
        stop,
        thread: thread.map_err(no_thread)?,
    })
}

/// Lets this thread, and those that it starts, have what time of the processors the others leave. Without
/// it, everything takes its turn.
fn give_way_to_requests() {
    // Only Linux has a priority for each thread.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, 19) {
        tracing::warn!(%error, "backups, exports and imports have the priority of requests");
    }
}

fn places(arguments: &ServeArguments) -> Places {
    let is_in_memory = arguments.durability() == Durability::Memory;
    let (backups, backup_buckets) = match &arguments.backups {
        Some(backups) => (backups.clone(), S3Buckets::Remote),
        None if is_in_memory => ("s3://backups".to_owned(), S3Buckets::Memory(Memory::default())),
        None => (in_data_directory(arguments, "backups"), S3Buckets::Remote),
    };
    let buckets = match &arguments.s3_directory {
        Some(directory) if directory == Path::new(REMOTE) => S3Buckets::Remote,
        Some(directory) => S3Buckets::Directory(directory.clone()),
        None if is_in_memory => S3Buckets::Memory(Memory::default()),
        None => S3Buckets::Directory(PathBuf::from(in_data_directory(arguments, "s3"))),
    };
    Places {
        backups,
        backup_buckets,
        buckets,
    }
}

fn in_data_directory(arguments: &ServeArguments, name: &str) -> String {
    arguments.data_dir.join(name).to_string_lossy().into_owned()
}

impl Transfers {
    /// Ends: nothing of it touches the database any more when this returns.
    pub fn stop(self) {
        // It may have ended by itself, which the next line tells.
        let _is_there = self.stop.send(());
        if self.thread.join().is_err() {
            tracing::error!("what carries out backups, exports and imports has panicked");
        }
    }
}
