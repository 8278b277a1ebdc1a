//! The data directory: whose it is, which version wrote it, and that it is whole.
//!
//! ```text
//! stator.lock       locked by the process that has the directory open
//! stator.format     the format version; written last, so a directory with it is whole
//! stator.creating   there while the directory is being made
//! stator.closed     what the manifest was like when the directory was closed; see `seal`
//! db/               RocksDB
//! lost/             what a repair cut off
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use std::sync::atomic::{AtomicBool, Ordering};

use fs4::{FileExt, TryLockError};

use super::seal;
use crate::StoreError;

/// The newest format version that this program reads, and the one that it writes.
pub(super) const FORMAT_VERSION: u32 = 1;

const LOCK_FILE: &str = "stator.lock";
const FORMAT_FILE: &str = "stator.format";
const FORMAT_FILE_UNFINISHED: &str = "stator.format.new";
const CREATING_FILE: &str = "stator.creating";
const DATABASE: &str = "db";
const LOST: &str = "lost";

/// What comes before the version in the format file.
const FORMAT_PREFIX: &str = "stator data directory, format ";

/// A data directory, locked until this is dropped.
#[derive(Debug)]
pub(super) struct DataDirectory {
    path: PathBuf,
    /// Holds the lock: it ends when the file is closed, also by a crash.
    lock: File,
    /// Whether the directory has still to be filled.
    is_new: bool,
    /// Whether everything was written out, so that the directory is sealed as it is given back.
    is_closed: AtomicBool,
}

/// What a look at a directory finds.
enum State {
    /// Nothing of anybody's, or the remains of a creation that did not finish.
    New,
    /// A whole store of this format.
    Whole,
}

impl DataDirectory {
    /// Locks the directory at `path`, creating it where it is missing. A directory that is not
    /// ours is left as it is.
    pub fn lock_or_create(path: &Path) -> Result<Self, StoreError> {
        create_directories(path)?;
        look_at(path)?;
        let lock = lock(path)?;
        // Another process may have made the directory before this one had the lock.
        let is_new = match look_at(path)? {
            State::New => true,
            State::Whole => false,
        };
        if is_new {
            begin(path)?;
        }
        Ok(DataDirectory {
            path: path.to_path_buf(),
            lock,
            is_new,
            is_closed: AtomicBool::new(false),
        })
    }

    /// Locks the directory of a store that exists.
    pub fn lock_existing(path: &Path) -> Result<Self, StoreError> {
        let missing = || StoreError::NotAStore {
            path: path.to_path_buf(),
            found: "there is no store in it".to_owned(),
        };
        if !path.is_dir() {
            return Err(missing());
        }
        match look_at(path)? {
            State::New => Err(missing()),
            State::Whole => Ok(DataDirectory {
                path: path.to_path_buf(),
                lock: lock(path)?,
                is_new: false,
                is_closed: AtomicBool::new(false),
            }),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Where RocksDB lives.
    pub fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// Says that everything has been written out: whoever drops this closes the database before.
    pub fn set_closed(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
    }

    /// Where a repair puts what it cuts off; created where it is missing.
    pub fn lost(&self) -> Result<PathBuf, StoreError> {
        let path = self.path.join(LOST);
        create_directories(&path)?;
        Ok(path)
    }

    /// Says that the directory is whole, once everything in it is.
    pub fn finish(&mut self) -> Result<(), StoreError> {
        if !self.is_new {
            return Ok(());
        }
        let content = format!("{FORMAT_PREFIX}{FORMAT_VERSION}\n");
        write_durably(&self.path.join(FORMAT_FILE_UNFINISHED), content.as_bytes())?;
        let format_file = self.path.join(FORMAT_FILE);
        fs::rename(self.path.join(FORMAT_FILE_UNFINISHED), &format_file)
            .map_err(|error| io_error("write", &format_file, &error))?;
        sync_directory(&self.path)?;
        remove_if_there(&self.path.join(CREATING_FILE))?;
        sync_directory(&self.path)?;
        self.is_new = false;
        Ok(())
    }
}

impl Drop for DataDirectory {
    fn drop(&mut self) {
        if *self.is_closed.get_mut()
            && let Err(error) = seal::put(&self.path, &self.database())
        {
            tracing::warn!(%error, "the closed data directory is not sealed; it is read without that");
        }
        // Closing the file is not enough where a child process has just been forked and not yet
        // closed its copy.
        if let Err(error) = FileExt::unlock(&self.lock) {
            tracing::warn!(path = %self.path.display(), %error, "cannot unlock the data directory");
        }
    }
}

/// Tells what is at `path` without changing it.
fn look_at(path: &Path) -> Result<State, StoreError> {
    let mut names = Vec::new();
    let entries = fs::read_dir(path).map_err(|error| io_error("read", path, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| io_error("read", path, &error))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    if names.iter().any(|name| name == FORMAT_FILE) {
        check_format(path)?;
        return Ok(State::Whole);
    }
    if names.iter().any(|name| name == CREATING_FILE) {
        return Ok(State::New);
    }
    // Every new ext file system has a `lost+found` in its root.
    names.retain(|name| name != LOCK_FILE && name != "lost+found");
    names.sort();
    match names.as_slice() {
        [] => Ok(State::New),
        [first, others @ ..] => Err(StoreError::NotAStore {
            path: path.to_path_buf(),
            found: match others.len() {
                0 => format!("it holds {first:?}"),
                more => format!("it holds {first:?} and {more} more"),
            },
        }),
    }
}

fn check_format(path: &Path) -> Result<(), StoreError> {
    let file = path.join(FORMAT_FILE);
    let content = fs::read(&file).map_err(|error| io_error("read", &file, &error))?;
    let version = std::str::from_utf8(&content)
        .ok()
        .and_then(|text| text.trim_end().strip_prefix(FORMAT_PREFIX))
        .and_then(|version| version.parse::<u32>().ok());
    match version {
        None => Err(StoreError::Damaged {
            path: file,
            offset: Some(0),
            detail: "it does not say which format version wrote the directory".to_owned(),
        }),
        Some(found) if found > FORMAT_VERSION => Err(StoreError::NewerFormat {
            path: path.to_path_buf(),
            found,
            supported: FORMAT_VERSION,
        }),
        Some(_) => Ok(()),
    }
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let file = path.join(LOCK_FILE);
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&file)
        .map_err(|error| io_error("open", &file, &error))?;
    match FileExt::try_lock(&lock) {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked(path.to_path_buf())),
        Err(TryLockError::Error(error)) => Err(io_error("lock", &file, &error)),
    }
}

/// Marks the directory as being made, and takes away what an earlier try left.
fn begin(path: &Path) -> Result<(), StoreError> {
    write_durably(&path.join(CREATING_FILE), b"")?;
    sync_directory(path)?;
    let database = path.join(DATABASE);
    match fs::remove_dir_all(&database) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(io_error("remove", &database, &error)),
        _ => remove_if_there(&path.join(FORMAT_FILE_UNFINISHED)),
    }
}

/// Creates `path` and its missing parents, and makes each of them durable.
fn create_directories(path: &Path) -> Result<(), StoreError> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => return Ok(()),
        Ok(_) => {
            return Err(StoreError::NotAStore {
                path: path.to_path_buf(),
                found: "it is not a directory".to_owned(),
            });
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(io_error("open", path, &error)),
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    create_directories(parent)?;
    match fs::create_dir(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(io_error("create", path, &error)),
        _ => sync_directory(parent),
    }
}

fn remove_if_there(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(io_error("remove", path, &error)),
        _ => Ok(()),
    }
}

/// Writes a whole file and makes its content durable.
pub(super) fn write_durably(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    File::create(path)
        .and_then(|mut file| {
            file.write_all(content)?;
            file.sync_all()
        })
        .map_err(|error| io_error("write", path, &error))
}

/// Makes the names in a directory durable.
pub(super) fn sync_directory(path: &Path) -> Result<(), StoreError> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| io_error("sync", path, &error))
}

pub(super) fn io_error(what: &str, path: &Path, error: &io::Error) -> StoreError {
    StoreError::Io {
        what: format!("{what} {}", path.display()),
        detail: error.to_string(),
    }
}
