//! Backups, exports and imports while the server runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::transfer::runner::{Places, Runner};
use ::transfer::{Location, Memory, S3Buckets};
use api::Context;
use engine::Engine;
use store::Store;
use tokio::task::JoinHandle;

use crate::arguments::{Durability, ServeArguments};
use crate::failure::Failure;

/// Where the buckets of exports and imports are those of a store elsewhere.
const REMOTE: &str = "remote";

/// What carries out backups, exports and imports.
pub struct Transfers {
    task: JoinHandle<()>,
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
    Ok(Transfers {
        task: tokio::spawn(async move { runner.run().await }),
    })
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
    pub async fn stop(self) {
        self.task.abort();
        if let Err(error) = self.task.await
            && error.is_panic()
        {
            tracing::error!("what carries out backups, exports and imports has panicked");
        }
    }
}
