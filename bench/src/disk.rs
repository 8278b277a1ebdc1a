//! A place on a real disk, and how fast that disk is at what durability needs.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process;
use std::time::{Duration, Instant};

use crate::failure::{Context, Result};
use crate::statistics::median;

/// How many appends the probe of the disk makes.
const PROBE_APPENDS: usize = 200;

/// The size of one append of the probe.
const PROBE_APPEND_BYTES: usize = 4096;

/// A directory that is removed with everything in it when this is dropped.
#[derive(Debug)]
pub struct TemporaryDirectory(PathBuf);

impl TemporaryDirectory {
    /// Makes a new directory in `parent`.
    pub fn new(parent: &Path) -> Result<Self> {
        let path = parent.join(format!("bench-data-{}", process::id()));
        if path.exists() {
            // A run that was killed had the same process id.
            fs::remove_dir_all(&path).context(&format!("{} cannot be removed", path.display()))?;
        }
        let made = fs::create_dir_all(&path);
        made.context(&format!("the directory {} cannot be made", path.display()))?;
        Ok(TemporaryDirectory(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryDirectory {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("bench: {} is left behind: {error}", self.0.display());
        }
    }
}

/// The median time of an append of 4 KB that is made durable, in `directory`.
pub fn durable_append_time(directory: &Path) -> Result<Duration> {
    let path = directory.join("probe");
    let mut file = File::create(&path).context("the disk cannot be written")?;
    let bytes = [0x5a; PROBE_APPEND_BYTES];
    let mut seconds = Vec::with_capacity(PROBE_APPENDS);
    for _ in 0..PROBE_APPENDS {
        let start = Instant::now();
        file.write_all(&bytes)
            .and_then(|()| file.sync_data())
            .context("the disk cannot be written")?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    drop(file);
    fs::remove_file(&path).context("the probe of the disk cannot be removed")?;
    Ok(Duration::from_secs_f64(median(&seconds).unwrap_or_default()))
}

/// The kind of file system that `directory` is on, where the system tells.
pub fn file_system(directory: &Path) -> Option<String> {
    let directory = fs::canonicalize(directory).ok()?;
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ').skip(1);
            let mount_point = Path::new(words.next()?);
            let kind = words.next()?;
            let depth = mount_point.components().count();
            directory
                .starts_with(mount_point)
                .then(|| (depth, kind.to_owned()))
        })
        .max_by_key(|(depth, _)| *depth)
        .map(|(_, kind)| kind)
}

/// Whether files of this file system are in memory, where a sync costs nothing and proves nothing.
pub fn is_in_memory(file_system: &str) -> bool {
    matches!(file_system, "tmpfs" | "ramfs" | "devtmpfs")
}
