//! Which table file is damaged, where RocksDB says what is wrong and not with which file.
//!
//! Asked to take a table into another database, RocksDB looks at that table alone. It refuses every
//! table of ours, which were not made to be taken over, but the damaged one for its damage.

use std::fs;
use std::path::{Path, PathBuf};

use rocksdb::{DB, IngestExternalFileOptions, Options};

/// The table of the database at `database` of which RocksDB says `detail`; `None` where `detail`
/// names a file itself, or no table is found.
pub(super) fn damaged_table(database: &Path, detail: &str) -> Option<PathBuf> {
    if detail.contains(".sst") || detail.contains("MANIFEST-") || detail.contains(".log") {
        return None;
    }
    let place = Place::new()?;
    let mut options = Options::default();
    options.create_if_missing(true);
    let other = DB::open(&options, &place.0).ok()?;
    // Copied, so that nothing happens to a table that were taken after all.
    let mut ingest = IngestExternalFileOptions::default();
    ingest.set_move_files(false);
    let tables = fs::read_dir(database)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()));
    let mut tables: Vec<PathBuf> = tables
        .filter(|path| path.extension().is_some_and(|extension| extension == "sst"))
        .collect();
    tables.sort();
    tables.into_iter().find(|table| {
        let taken = other.ingest_external_file_opts(&ingest, vec![table]);
        taken.is_err_and(|error| detail.contains(&error.to_string()))
    })
}

/// A directory for the other database, removed when this is dropped.
struct Place(PathBuf);

impl Place {
    fn new() -> Option<Self> {
        let name = format!("stator-suspect-{}-{:08x}", std::process::id(), fastrand::u32(..));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).ok()?;
        Some(Place(path))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What cannot be removed from there is removed by the system.
        let _removed = fs::remove_dir_all(&self.0);
    }
}
