//! A place for data that goes with the run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;

use crate::failure::{Context, Result};

/// A directory that is removed with everything in it when this is dropped.
#[derive(Debug)]
pub struct TemporaryDirectory(PathBuf);

impl TemporaryDirectory {
    /// Makes a new directory in `parent` whose name begins with `prefix`. There is one of a prefix
    /// in a process.
    pub fn new(parent: &Path, prefix: &str) -> Result<Self> {
        let path = parent.join(format!("{prefix}-{}", process::id()));
        if path.exists() {
            // A run that was killed had the same process id.
            fs::remove_dir_all(&path).context(&format!("{} cannot be removed", path.display()))?;
        }
        let made = fs::create_dir_all(&path);
        made.context(&format!("the directory {} cannot be made", path.display()))?;
        Ok(TemporaryDirectory(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Leaves it where it is, for somebody to look at.
    pub fn keep(mut self) -> PathBuf {
        std::mem::take(&mut self.0)
    }
}

impl Drop for TemporaryDirectory {
    fn drop(&mut self) {
        if self.0.as_os_str().is_empty() {
            return;
        }
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("{} is left behind: {error}", self.0.display());
        }
    }
}
