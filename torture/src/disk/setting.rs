//! What all runs on disks are told.

use std::env;
use std::path::{Path, PathBuf};

use clap::Args;
use harness::directory::TemporaryDirectory;
use harness::failure::{Context, Result};
use harness::server_process::find_stator;

/// Options of every run.
#[derive(Debug, Args)]
pub struct Setting {
    /// Repeats a run as far as threads allow [default: a random one, which is printed]
    #[arg(long, env = "STATOR_SEED")]
    pub seed: Option<u64>,

    /// The program `stator` [default: the one beside this program]
    #[arg(long, value_name = "FILE")]
    pub stator: Option<PathBuf>,

    /// Where data directories are made; memory is as good as a disk [default: /dev/shm, or the
    /// directory for temporary files]
    #[arg(long, value_name = "DIR")]
    pub directory: Option<PathBuf>,

    /// How many servers are tried at once [default: the number of processors]
    #[arg(long, value_name = "COUNT")]
    pub parallel: Option<usize>,
}

impl Setting {
    /// The seed, which is printed.
    pub fn seed(&self) -> u64 {
        let seed = self.seed.unwrap_or_else(|| fastrand::u64(..1 << 32));
        println!("Seed {seed}; --seed {seed} repeats this run.");
        seed
    }

    /// The program under test.
    pub fn binary(&self) -> Result<PathBuf> {
        find_stator(self.stator.as_deref())
    }

    /// A directory for everything that the run makes.
    pub fn workplace(&self, name: &str) -> Result<TemporaryDirectory> {
        let memory = Path::new("/dev/shm");
        let parent = match &self.directory {
            Some(directory) => directory.clone(),
            None if memory.is_dir() => memory.to_path_buf(),
            None => env::temp_dir(),
        };
        // The library compares paths, so there must be no links in them.
        let parent = parent.canonicalize().context(&format!("{}", parent.display()))?;
        TemporaryDirectory::new(&parent, &format!("stator-torture-{name}"))
    }

    /// How many servers are tried at once.
    pub fn parallel(&self) -> usize {
        let processors = || std::thread::available_parallelism().map_or(1, usize::from);
        self.parallel.unwrap_or_else(processors).max(1)
    }
}
