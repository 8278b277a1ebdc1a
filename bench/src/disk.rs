//! What disk a directory is on, and how fast that disk is at what durability needs.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::statistics::median;
use harness::failure::{Context, Result};

/// How many appends the probe of the disk makes.
const PROBE_APPENDS: usize = 200;

/// The size of one append of the probe.
const PROBE_APPEND_BYTES: usize = 4096;

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
