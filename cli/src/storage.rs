//! The store on disk, as the engine wants it: its key spaces and the options that flags set.

use std::path::Path;
use std::sync::LazyLock;

use engine::KEY_SPACES;
use store::{DiskOptions, DiskStore, Durability, SpaceKind, SpaceOptions};

use crate::arguments::ServeArguments;
use crate::failure::Failure;

/// The engine's key spaces, each with what it is used for.
static SPACES: LazyLock<Vec<SpaceOptions>> = LazyLock::new(|| {
    let kind = |name: &str| match name {
        "log" => SpaceKind::Log,
        "counters" => SpaceKind::Counters,
        _ => SpaceKind::Rows,
    };
    KEY_SPACES
        .iter()
        .map(|name| SpaceOptions {
            name,
            kind: kind(name),
        })
        .collect()
});

/// Options for a data directory.
pub fn options(data_dir: &Path) -> DiskOptions {
    DiskOptions::new(data_dir, &SPACES)
}

/// What may stand in line to be written, of the memory for requests. A request whose client has gone
/// no longer counts there, though what it writes is still on its way, in line and once more in the group
/// that is being written.
const QUEUE_PART: usize = 4;

/// Opens, or makes, the store that `stator serve` uses.
pub fn open(arguments: &ServeArguments, durability: Durability) -> Result<DiskStore, Failure> {
    let defaults = options(&arguments.data_dir);
    let queue_bytes = u32::try_from(arguments.max_body_bytes_total / QUEUE_PART).unwrap_or(u32::MAX);
    let options = DiskOptions {
        queue_bytes_max: queue_bytes.min(defaults.queue_bytes_max),
        durability,
        cache_bytes: arguments.cache_bytes,
        write_buffer_bytes: arguments.write_buffer_bytes,
        min_free_bytes: arguments.min_free_bytes,
        ..defaults
    };
    Ok(DiskStore::open(&options)?)
}
