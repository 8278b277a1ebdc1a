//! The seal of a directory that was closed: what its manifest was like then.
//!
//! RocksDB takes a manifest that has lost its end for one that ends there, and then removes the table
//! files that the rest spoke of. Where a log follows, its files are missed; a directory that was
//! closed has none. So closing notes the manifest's name, length and checksum, and opening compares
//! them, before RocksDB touches anything, and takes the note away.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use super::directory::{io_error, sync_directory, write_durably};
use super::manifest;
use crate::StoreError;

/// The seal's file, in the data directory.
const SEAL_FILE: &str = "stator.closed";
/// The seal while it is being written: where the disk is full, no part of one must be left.
const SEAL_FILE_UNFINISHED: &str = "stator.closed.new";

/// Seals the directory at `path`, whose database nobody has open.
pub(super) fn put(path: &Path, database: &Path) -> Result<(), StoreError> {
    let content = describe_manifest(database)?;
    let unfinished = path.join(SEAL_FILE_UNFINISHED);
    let seal = path.join(SEAL_FILE);
    let put = || {
        write_durably(&unfinished, content.as_bytes())?;
        fs::rename(&unfinished, &seal).map_err(|error| io_error("write", &seal, &error))
    };
    put().inspect_err(|_| {
        // What is left of it means nothing, and is written over the next time.
        let _removed = fs::remove_file(&unfinished);
    })?;
    sync_directory(path)
}

/// Takes the seal off, where there is one. Refuses a database that is not as it was sealed.
pub(super) fn take_off(path: &Path, database: &Path) -> Result<(), StoreError> {
    let seal = path.join(SEAL_FILE);
    let sealed = match fs::read_to_string(&seal) {
        Ok(sealed) => sealed,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io_error("read", &seal, &error)),
    };
    let found = describe_manifest(database)?;
    if found != sealed {
        return Err(StoreError::Damaged {
            path: manifest::current(database)?,
            offset: None,
            detail: format!(
                "it is {:?} and was {:?} when the database was closed; put the file back as it was, or restore a \
                 backup (without {} the database opens as the file says, and what that does not know is removed)",
                found.trim_end(),
                sealed.trim_end(),
                seal.display()
            ),
        });
    }
    fs::remove_file(&seal).map_err(|error| io_error("remove", &seal, &error))?;
    sync_directory(path)
}

/// The manifest's name, length and checksum, as a seal has them.
fn describe_manifest(database: &Path) -> Result<String, StoreError> {
    let path = manifest::current(database)?;
    let content = fs::read(&path).map_err(|error| io_error("read", &path, &error))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(format!("{name} {} {:016x}\n", content.len(), xxh3_64(&content)))
}
