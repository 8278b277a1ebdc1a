//! What room there must be to open a database, and what it means where that fails.

use std::fs;
use std::path::Path;

use super::database::engine_error;
use super::suspect::Suspects;
use crate::StoreError;

/// What the system says of a full disk.
const NO_ROOM: &str = "No space left";

/// Whether merges may go on as soon as the database at `path` is open, whatever they are.
pub(super) fn has_room_for_anything(path: &Path, min_free_bytes: u64) -> bool {
    let Ok(files) = fs::read_dir(path) else {
        // It is yet to be made.
        return true;
    };
    let sizes = files.filter_map(|file| Some(file.ok()?.metadata().ok()?.len()));
    let taken_bytes: u64 = sizes.sum();
    let free_bytes = fs4::available_space(path).unwrap_or(u64::MAX);
    free_bytes >= 2 * min_free_bytes + 2 * taken_bytes
}

/// What an error of opening the database at `path` means.
pub(super) fn opening_error(path: &Path, error: &rocksdb::Error) -> StoreError {
    match engine_error(path.to_path_buf(), "open", error) {
        StoreError::Io { what, detail } if detail.contains(NO_ROOM) => StoreError::Io {
            what,
            detail: format!(
                "{detail}. What the log holds is written to tables when the database is opened: make room for {} MiB, \
                 then start Stator again. Nothing is lost",
                log_bytes(path).div_ceil(1 << 20) + 2
            ),
        },
        error => Suspects::default().name(path, error),
    }
}

/// The bytes of all logs of the database at `path`.
fn log_bytes(path: &Path) -> u64 {
    let Ok(files) = fs::read_dir(path) else {
        return 0;
    };
    let logs = files.filter_map(|file| {
        let file = file.ok()?;
        let is_log = file.path().extension()? == "log";
        is_log.then(|| file.metadata().ok().map(|metadata| metadata.len()))?
    });
    logs.sum()
}
