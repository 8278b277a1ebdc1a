//! Checking a whole database: that every item can be read and stands where it belongs, that every
//! index holds the entries of the items and no others, that what expires is listed, that change logs
//! and streams can be read, that nothing is missing of what recovery needs, and that counts and sizes
//! agree.
//!
//! Reads page by page, in memory that does not grow with the database. Meant for a store that
//! nothing else writes to.

mod expiry;
mod orphans;
mod recovery;
mod streams;
mod table;

use std::collections::BTreeMap;
use std::fmt;

use store::{Store, StoreError};

use crate::catalog::Table;
use crate::keys;
use crate::read::Pages;

/// How many problems are described; the rest are counted.
const PROBLEMS_MAX: usize = 100;

/// What a check found.
#[derive(Debug, Default)]
pub struct CheckReport {
    /// How many tables there are.
    pub tables: u64,
    /// How many items they have.
    pub items: u64,
    /// How many index entries there are.
    pub index_entries: u64,
    /// How many expiry entries there are.
    pub expiry_entries: u64,
    /// How many records of change logs there are.
    pub log_records: u64,
    /// What is wrong, in words; the first hundred.
    pub problems: Vec<String>,
    /// How many problems there are in all.
    pub problem_count: u64,
}

impl CheckReport {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.problem_count == 0
    }

    fn problem(&mut self, problem: impl fmt::Display) {
        self.problem_count += 1;
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem.to_string());
        }
    }
}

/// Checks everything that `store` holds. `progress` is told of the report as it grows.
pub async fn check<S: Store>(
    store: &S,
    mut progress: impl FnMut(&CheckReport),
) -> Result<CheckReport, StoreError> {
    let mut report = CheckReport::default();
    let tables = read_tables(store, &mut report).await?;
    orphans::check_ids(store, &tables, &mut report).await?;
    streams::check_streams(store, &tables, &mut report, &mut progress).await?;
    recovery::check_recovery(store, &tables, &mut report).await?;
    for table in tables.values() {
        report.tables += 1;
        table::check_table(store, table, &mut report, &mut progress).await?;
    }
    progress(&report);
    Ok(report)
}

async fn read_tables<S: Store>(
    store: &S,
    report: &mut CheckReport,
) -> Result<BTreeMap<u32, Table>, StoreError> {
    let mut tables = BTreeMap::new();
    let mut pages = Pages::new(keys::CATALOG, vec![keys::DESCRIPTOR_PREFIX]);
    while let Some(page) = pages.next(store).await? {
        for (key, stored) in page.iter() {
            let name = String::from_utf8_lossy(&key[1..]).into_owned();
            match Table::from_stored(stored) {
                Err(error) => report.problem(format_args!("table {name}: {error}")),
                Ok(table) if table.name() != name => {
                    report.problem(format_args!(
                        "table {name}: its descriptor is that of {}",
                        table.name()
                    ));
                }
                Ok(table) => {
                    let id = table.id();
                    if let Some(other) = tables.insert(id, table) {
                        let other = other.name().to_owned();
                        report.problem(format_args!("tables {name} and {other} have the same id {id}"));
                    }
                }
            }
        }
    }
    Ok(tables)
}
