//! Which table file is damaged, where RocksDB says what is wrong and not with which file.
//!
//! Asked to take a table into another database, RocksDB opens that table alone. It refuses every
//! table of ours, since none was made to be taken over, but the damaged one for its damage.

use std::fs;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use rocksdb::{DB, ErrorKind, IngestExternalFileOptions, Options};

use crate::StoreError;

/// What RocksDB says of a table that is whole and not made to be taken over.
const NOT_MADE_FOR_IT: &str = "External file version not found";

/// So many searches are remembered. Each tries all tables, and damage is met again and again.
const SEARCHES_MAX: usize = 16;

/// What RocksDB has said without naming a file, and the table that each of it was about.
#[derive(Debug, Default)]
pub(super) struct Suspects(Mutex<Vec<(String, Option<PathBuf>)>>);

impl Suspects {
    /// The same error; where it is of damage to the database as a whole and its detail names no
    /// file, of the table that is damaged, if one is found.
    pub fn name(&self, database: &Path, error: StoreError) -> StoreError {
        match error {
            StoreError::Damaged { path, offset, detail } if path == database && !names_a_file(&detail) => {
                StoreError::Damaged {
                    path: self.table(database, &detail).unwrap_or(path),
                    offset,
                    detail,
                }
            }
            other => other,
        }
    }

    fn table(&self, database: &Path, detail: &str) -> Option<PathBuf> {
        // Held during the search, so that those who meet the same damage at once search once.
        let mut searches = self.0.lock();
        if let Some((_, table)) = searches.iter().find(|(told, _)| told == detail) {
            return table.clone();
        }
        let table = damaged_table(database, detail);
        if searches.len() == SEARCHES_MAX {
            searches.remove(0);
        }
        searches.push((detail.to_owned(), table.clone()));
        table
    }
}

/// Whether `detail` says which file is damaged.
fn names_a_file(detail: &str) -> bool {
    // What goes wrong while the tables of a manifest are opened may be the manifest's fault, RocksDB adds.
    let told = match detail.split_once("The file ") {
        Some((told, guess)) if guess.contains("may be corrupted") => told,
        _ => detail,
    };
    [".sst", "MANIFEST-", ".log"]
        .iter()
        .any(|name| told.contains(name))
}

/// The table of the database at `database` of which RocksDB says `detail`, where one is found.
fn damaged_table(database: &Path, detail: &str) -> Option<PathBuf> {
    let place = Place::new()?;
    let mut options = Options::default();
    options.create_if_missing(true);
    let other = DB::open(&options, &place.0).ok()?;
    // Copied, so that nothing happens to a table that were taken after all.
    let mut ingest = IngestExternalFileOptions::default();
    ingest.set_move_files(false);
    let refusal = |table: &PathBuf| {
        let taken = other.ingest_external_file_opts(&ingest, vec![table]);
        // A table may have been merged away meanwhile, which is no damage.
        let damage = taken.err().filter(|error| error.kind() == ErrorKind::Corruption);
        damage.map(|error| error.to_string())
    };
    let tables = fs::read_dir(database)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()));
    let mut tables: Vec<PathBuf> = tables
        .filter(|path| path.extension().is_some_and(|extension| extension == "sst"))
        .collect();
    tables.sort();
    let refused: Vec<(PathBuf, String)> = tables
        .into_iter()
        .filter_map(|table| refusal(&table).map(|refusal| (table, refusal)))
        .filter(|(_, refusal)| !refusal.contains(NOT_MADE_FOR_IT))
        .collect();
    // Others may be damaged in another way.
    let same = refused.iter().find(|(_, refusal)| detail.contains(refusal));
    let (table, _) = same.or(refused.first())?;
    Some(table.clone())
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
