//! Where the stores under test live.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use engine::KEY_SPACES;
use store::{DiskOptions, DiskStore, Durability, MemoryStore, SpaceKind, SpaceOptions};

use crate::session::Home;

/// A store in memory, which is never closed.
pub struct MemoryHome(MemoryStore);

impl MemoryHome {
    pub fn new() -> Self {
        MemoryHome(MemoryStore::new(KEY_SPACES.len()))
    }
}

impl Home for MemoryHome {
    type Store = MemoryStore;

    fn open(&mut self) -> MemoryStore {
        self.0.clone()
    }
}

static SPACES: LazyLock<Vec<SpaceOptions>> = LazyLock::new(|| {
    let kind = |name| {
        if name == "counters" {
            SpaceKind::Counters
        } else {
            SpaceKind::Rows
        }
    };
    KEY_SPACES
        .iter()
        .map(|name| SpaceOptions {
            name,
            kind: kind(*name),
        })
        .collect()
});

/// A store in a directory, which is removed once its test has passed.
pub struct DiskHome(PathBuf);

impl DiskHome {
    /// A new directory; `name` tells it from those of the other tests of this process.
    pub fn new(name: &str) -> Self {
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("model-{}-{name}", std::process::id()));
        // What a test that failed has left.
        let _ = std::fs::remove_dir_all(&path);
        DiskHome(path)
    }

    /// The directory, to be removed when the store is closed.
    pub fn directory(&self) -> PathBuf {
        self.0.clone()
    }
}

impl Home for DiskHome {
    type Store = DiskStore;

    fn open(&mut self) -> DiskStore {
        // Small buffers, so that much is written out and read back; no sync, for the sake of time.
        let options = DiskOptions {
            durability: Durability::Os,
            cache_bytes: 16 << 20,
            write_buffer_bytes: 2 << 20,
            read_threads: 2,
            reclaim_delay: Duration::ZERO,
            ..DiskOptions::new(&self.0, &SPACES)
        };
        DiskStore::open(&options).expect("the store opens")
    }
}
