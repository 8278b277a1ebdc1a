//! The database of a data directory that no server has open.

use std::hash::{BuildHasher, Hasher, RandomState};

use ::transfer::Table;
use api::Context;
use engine::{Engine, Settings};
use store::{DiskOptions, DiskStore, Durability, find_log_losses};
use tokio::runtime::Runtime;

use super::arguments::TransferArguments;
use crate::failure::Failure;
use crate::service::SystemClock;
use crate::storage;

/// Memory for cached data and write buffers: everything is read or written once.
const CACHE_BYTES: usize = 64 << 20;
const WRITE_BUFFER_BYTES: usize = 32 << 20;

/// A database that is open.
pub struct OpenDatabase {
    pub runtime: Runtime,
    pub engine: Engine<DiskStore>,
    pub context: Context,
}

/// Whether a missing directory becomes an empty database.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    Refused,
    Created,
}

impl OpenDatabase {
    /// Opens the data directory.
    pub fn open(arguments: &TransferArguments, missing: Missing) -> Result<Self, Failure> {
        let directory = &arguments.data_dir.data_dir;
        let is_new = missing == Missing::Created && !directory.exists();
        // This refuses a directory that is no store, which opening would make one of.
        if !is_new && let Some(loss) = find_log_losses(directory)?.first() {
            return Err(Failure::new(format!(
                "{} is damaged at offset {}: {}; `stator repair --data-dir {}` tells what can be saved",
                loss.path.display(),
                loss.offset,
                loss.detail,
                directory.display()
            )));
        }
        let store = DiskStore::open(&DiskOptions {
            // Closing syncs everything; what is interrupted is begun again.
            durability: Durability::Os,
            cache_bytes: CACHE_BYTES,
            write_buffer_bytes: WRITE_BUFFER_BYTES,
            ..storage::options(directory)
        })?;
        let runtime =
            Runtime::new().map_err(|error| Failure::new(format!("threads cannot be started: {error}")))?;
        let engine = runtime.block_on(Engine::open(
            store,
            Box::new(SystemClock),
            seed(),
            Settings::default(),
        ));
        let engine = engine
            .map_err(|error| Failure::new(format!("the database cannot be opened: {}", error.message)))?;
        let context = Context {
            region: arguments.region.clone(),
            account_id: arguments.account_id.clone(),
            ..Context::default()
        };
        Ok(OpenDatabase {
            runtime,
            engine,
            context,
        })
    }

    /// The table of that name.
    pub fn table(&self, name: &str) -> Table<'_, Engine<DiskStore>> {
        Table::new(&self.engine, &self.context, name)
    }

    /// Closes the database after `done`, whose failure counts first.
    pub fn close<T>(self, done: Result<T, Failure>) -> Result<T, Failure> {
        let closed = self.engine.store().close();
        let done = done?;
        closed?;
        Ok(done)
    }
}

/// Chance for ids.
pub fn seed() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// The failure of a table that is not there.
pub fn no_table(name: &str) -> Failure {
    Failure::new(format!("there is no table {name} in the data directory"))
}
