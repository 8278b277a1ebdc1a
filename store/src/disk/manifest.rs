//! Reading RocksDB's manifest, to tell whether it has lost its end.
//!
//! A manifest is a file of records like a log. Each is an edit of the list of table files: a row of
//! fields, each a number that says what it is and then its value. RocksDB takes a manifest that is cut
//! short for one that a crash has torn, and goes on from the tables that are left. Whether it was
//! torn can be told: an edit is durable before the logs that it makes superfluous are removed. So the
//! oldest log that is there begins no later than right behind the last change that the manifest
//! knows. Where it begins later, there was an edit between them.

use std::fs;
use std::path::{Path, PathBuf};

use super::directory::io_error;
use super::recovery::CURRENT_FILE;
use super::wal;
use crate::StoreError;

/// The manifest that `CURRENT` names.
pub(super) fn current(database: &Path) -> Result<PathBuf, StoreError> {
    let current = database.join(CURRENT_FILE);
    let name = fs::read_to_string(&current).map_err(|error| io_error("read", &current, &error))?;
    Ok(database.join(name.trim_end()))
}

/// The sequence number of the newest change that is in the tables which a manifest names.
pub(super) fn last_sequence(path: &Path) -> Result<u64, StoreError> {
    let mut last_sequence = 0;
    wal::visit_records(path, |edit| {
        last_sequence = last_sequence.max(last_sequence_of(edit).unwrap_or(0));
    })
    .map_err(|error| io_error("read", path, &error))?;
    Ok(last_sequence)
}

/// What the fields of an edit are, as far as they stand in front of the sequence number.
mod field {
    pub const COMPARATOR: u64 = 1;
    pub const LOG_NUMBER: u64 = 2;
    pub const NEXT_FILE_NUMBER: u64 = 3;
    pub const LAST_SEQUENCE: u64 = 4;
    pub const PREVIOUS_LOG_NUMBER: u64 = 9;
    pub const MIN_LOG_NUMBER_TO_KEEP: u64 = 10;
    pub const COLUMN_FAMILY: u64 = 200;
    pub const COLUMN_FAMILY_ADD: u64 = 201;
    pub const COLUMN_FAMILY_DROP: u64 = 202;
    pub const MAX_COLUMN_FAMILY: u64 = 203;
    pub const IN_ATOMIC_GROUP: u64 = 300;
    /// Fields with this bit have their length in front, so that older programs can pass over them.
    pub const SKIPPABLE: u64 = 1 << 13;
}

/// The last sequence number that an edit names, if it does.
fn last_sequence_of(mut edit: &[u8]) -> Option<u64> {
    loop {
        match read_number(&mut edit)? {
            field::LAST_SEQUENCE => return read_number(&mut edit),
            field::LOG_NUMBER
            | field::NEXT_FILE_NUMBER
            | field::PREVIOUS_LOG_NUMBER
            | field::MIN_LOG_NUMBER_TO_KEEP
            | field::COLUMN_FAMILY
            | field::MAX_COLUMN_FAMILY
            | field::IN_ATOMIC_GROUP => drop(read_number(&mut edit)?),
            field::COLUMN_FAMILY_DROP => {}
            tag if tag == field::COMPARATOR
                || tag == field::COLUMN_FAMILY_ADD
                || tag & field::SKIPPABLE != 0 =>
            {
                let length = usize::try_from(read_number(&mut edit)?).ok()?;
                edit = edit.get(length..)?;
            }
            // What describes files stands behind it.
            _ => return None,
        }
    }
}

/// A number of seven bits a byte, the lowest first.
fn read_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_number_is_found_behind_other_fields() {
        // Comparator "abc", log number 300, next file 7, last sequence 70,000, then a file.
        let edit = [
            &[1, 3][..],
            b"abc",
            &[2, 0xac, 2, 3, 7, 4, 0xf0, 0xa2, 4, 103, 0, 1],
        ]
        .concat();
        assert_eq!(last_sequence_of(&edit), Some(70_000));
        // A skippable field (8193) of two bytes, a column family, an atomic group.
        let edit = [0x81, 0x40, 2, 9, 9, 200, 1, 2, 0xac, 2, 1, 4, 5];
        assert_eq!(last_sequence_of(&edit), Some(5));
        assert_eq!(last_sequence_of(&[103, 0, 1, 4, 5]), None);
        assert_eq!(last_sequence_of(&[4]), None);
        assert_eq!(last_sequence_of(&[4, 0xff]), None);
        assert_eq!(last_sequence_of(&[]), None);
    }
}
