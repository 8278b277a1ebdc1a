//! The names and forms that the library shares with those who preload it.

/// The directory whose files are watched: an absolute path without links in it.
pub const DIRECTORY: &str = "TORTURE_SHIM_DIRECTORY";
/// The file that operations are recorded in; none are without it.
pub const TRACE: &str = "TORTURE_SHIM_TRACE";
/// A file of [`CONTROL_BYTES`] zeros that is shared with whoever watches: the words below.
pub const CONTROL: &str = "TORTURE_SHIM_CONTROL";
/// Which call fails and how: `class:number:kind:once` or `class:number:kind:on`, as in
/// `write:17:torn:once`; see [`CLASSES`] and [`KINDS`].
pub const FAULT: &str = "TORTURE_SHIM_FAULT";
/// Set to anything: syncs are answered with success and not done.
pub const SKIP_SYNCS: &str = "TORTURE_SHIM_SKIP_SYNCS";
/// A file of 8 bytes, little-endian: what is added to the time of day, in milliseconds. It may be
/// written at any time.
pub const CLOCK: &str = "TORTURE_SHIM_CLOCK";

/// The size of the shared file.
pub const CONTROL_BYTES: usize = 4096;
/// The word that counts recorded operations.
pub const OPERATIONS_WORD: usize = 0;
/// The word that counts faults that happened.
pub const FAULTS_WORD: usize = 1;
/// The word that ends a fault, once it is not zero.
pub const HEALED_WORD: usize = 2;
/// The first of the words that count calls, one for each class.
pub const CLASS_WORDS: usize = 8;

/// Kinds of calls that are counted and can fail; each stands for all variants of the call.
pub const CLASSES: [&str; 10] = [
    // Opening for writing.
    "open",
    "write",
    "sync",
    "rename",
    "unlink",
    "truncate",
    "allocate",
    "link",
    "mkdir",
    "range-sync",
];

/// How a call fails. `short` and `torn` are for writes alone: half is written, and that is said or
/// answered with an input/output error. `kill` ends the process instead of the call.
pub const KINDS: [&str; 5] = ["eio", "enospc", "short", "torn", "kill"];

/// What a record of the trace says; its `file` is the number of an open file, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Recorded {
    /// `path` was opened as `file`; `first` is 1 where that made it, 2 where it was emptied, else 0.
    Open = 1,
    /// The data was written to `file` at offset `first`.
    Write = 2,
    /// `file` was given the length `first`.
    Truncate = 3,
    /// `path` was given the length `first`.
    TruncatePath = 4,
    /// `file` was given room up to the length `first`, and that length.
    Extend = 5,
    /// A sync of `file` began.
    SyncBegan = 6,
    /// The sync of `file` that record number `first` began was done.
    SyncDone = 7,
    /// `path` became `second path`.
    Rename = 8,
    /// `path` was removed.
    Unlink = 9,
    /// `second path` became a second name of `path`.
    Link = 10,
    /// The directory `path` was made.
    MakeDirectory = 11,
    /// The directory `path` was removed.
    RemoveDirectory = 12,
}

impl Recorded {
    /// All of them.
    pub const ALL: [Recorded; 12] = [
        Recorded::Open,
        Recorded::Write,
        Recorded::Truncate,
        Recorded::TruncatePath,
        Recorded::Extend,
        Recorded::SyncBegan,
        Recorded::SyncDone,
        Recorded::Rename,
        Recorded::Unlink,
        Recorded::Link,
        Recorded::MakeDirectory,
        Recorded::RemoveDirectory,
    ];
}

/// The head of a record, all little-endian: what (4 bytes), file (4), first (8), length of the path
/// (4) and of the second path (4), length of the data (8). The paths, below the watched directory,
/// and the data follow.
pub const RECORD_HEAD_BYTES: usize = 32;
