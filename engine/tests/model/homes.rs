//! Where the stores under test live.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use engine::{KEY_SPACES, ManualClock};
use store::{Clock, DiskOptions, DiskStore, Durability, MemoryStore, SpaceKind, SpaceOptions};

use crate::session::Home;

/// A store in memory, which is never closed.
pub struct MemoryHome {
    store: MemoryStore,
    clock: Arc<ManualClock>,
}

/// When every test begins, in milliseconds since the Unix epoch.
const START_MS: u64 = 1_700_000_000_000;

fn new_clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(START_MS))
}

/// The clock as a store takes it.
fn stamps(clock: &Arc<ManualClock>) -> Clock {
    let clock = clock.clone();
    Clock::new(move || engine::Clock::now_ms(&*clock))
}

impl MemoryHome {
    pub fn new() -> Self {
        let clock = new_clock();
        let store = MemoryStore::with_clock(KEY_SPACES.len(), stamps(&clock));
        MemoryHome { store, clock }
    }
}

impl Home for MemoryHome {
    type Store = MemoryStore;

    fn open(&mut self) -> MemoryStore {
        self.store.clone()
    }

    fn clock(&self) -> Arc<ManualClock> {
        self.clock.clone()
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
pub struct DiskHome {
    path: PathBuf,
    clock: Arc<ManualClock>,
}

impl DiskHome {
    /// A new directory; `name` tells it from those of the other tests of this process.
    pub fn new(name: &str) -> Self {
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("model-{}-{name}", std::process::id()));
        // What a test that failed has left.
        let _ = std::fs::remove_dir_all(&path);
        DiskHome {
            path,
            clock: new_clock(),
        }
    }

    /// The directory, to be removed when the store is closed.
    pub fn directory(&self) -> PathBuf {
        self.path.clone()
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
            clock: stamps(&self.clock),
            ..DiskOptions::new(&self.path, &SPACES)
        };
        DiskStore::open(&options).expect("the store opens")
    }

    fn clock(&self) -> Arc<ManualClock> {
        self.clock.clone()
    }
}
