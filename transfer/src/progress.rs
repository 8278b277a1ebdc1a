//! How far something has come.

/// How far an export, an import, a backup or a restore has come, for those who wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Items that have been dealt with.
    pub items: u64,
    /// Bytes of objects that have been read or written.
    pub object_bytes: u64,
}
