//! What can go wrong in a store, in words for the operator who has to act on it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// An error of a store.
#[derive(Clone, Debug)]
pub enum StoreError {
    /// An earlier write or sync failed, so what the disk holds is unknown; writes are refused until the store is reopened.
    Poisoned(Arc<str>),
    /// The file system has less room than the store keeps free.
    NoSpace {
        /// Room left, in bytes.
        free_bytes: u64,
        /// Room that must stay, in bytes.
        min_free_bytes: u64,
    },
    /// A key, value or batch over the store's limits.
    TooLarge {
        /// What was too large: "key", "value" or "batch".
        what: &'static str,
        /// Its size.
        size_bytes: usize,
        /// The limit that it broke.
        max_bytes: usize,
    },
    /// Another process has the data directory open.
    Locked(PathBuf),
    /// The directory holds something, and it is not ours.
    NotAStore {
        /// The directory.
        path: PathBuf,
        /// What was found there.
        found: String,
    },
    /// The directory was written by a newer version.
    NewerFormat {
        /// The directory.
        path: PathBuf,
        /// The version found.
        found: u32,
        /// The newest version that this program reads.
        supported: u32,
    },
    /// Stored bytes are damaged.
    Damaged {
        /// The file, where it is known.
        path: PathBuf,
        /// Where in the file, where it is known.
        offset: Option<u64>,
        /// What is wrong with it.
        detail: String,
    },
    /// The operating system refused.
    Io {
        /// What was being done, with the path.
        what: String,
        /// What the system said.
        detail: String,
    },
    /// The store has been closed.
    Closed,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Poisoned(reason) => write!(
                f,
                "writes are refused since an earlier write failed ({reason}); make room or mend the disk, then restart Stator"
            ),
            StoreError::NoSpace {
                free_bytes,
                min_free_bytes,
            } => write!(
                f,
                "the disk has {free_bytes} bytes free and --min-free-bytes keeps {min_free_bytes}; writes are refused until there is room"
            ),
            StoreError::TooLarge {
                what,
                size_bytes,
                max_bytes,
            } => {
                write!(
                    f,
                    "a {what} of {size_bytes} bytes is over the store's limit of {max_bytes}"
                )
            }
            StoreError::Locked(path) => write!(
                f,
                "{} is in use by another Stator process; stop it or choose another --data-dir",
                path.display()
            ),
            StoreError::NotAStore { path, found } => write!(
                f,
                "{} is not a Stator data directory ({found}); --data-dir takes one, and `stator serve` a new or empty directory",
                path.display()
            ),
            StoreError::NewerFormat {
                path,
                found,
                supported,
            } => write!(
                f,
                "{} has format version {found}, as its file stator.format says, and this Stator reads up to {supported}; run the newer Stator that wrote it",
                path.display()
            ),
            StoreError::Damaged { path, offset, detail } => {
                write!(f, "{} is damaged", path.display())?;
                if let Some(offset) = offset {
                    write!(f, " at offset {offset}")?;
                }
                write!(f, ": {detail}")
            }
            StoreError::Io { what, detail } => write!(f, "cannot {what}: {detail}"),
            StoreError::Closed => write!(f, "the store is closed"),
        }
    }
}

impl std::error::Error for StoreError {}
