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

/// Opens, or makes, the store that `stator serve` uses.
pub fn open(arguments: &ServeArguments, durability: Durability) -> Result<DiskStore, Failure> {
    let options = DiskOptions {
        durability,
        cache_bytes: arguments.cache_bytes,
        write_buffer_bytes: arguments.write_buffer_bytes,
        min_free_bytes: arguments.min_free_bytes,
        ..options(&arguments.data_dir)
    };
    Ok(DiskStore::open(&options)?)
}
