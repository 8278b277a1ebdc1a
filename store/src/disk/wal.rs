//! Reading RocksDB's log files, to tell a torn tail from damage.
//!
//! A log file is a row of 32 KiB blocks. A block is a row of fragments: a 7-byte header (masked
//! CRC-32C of kind and payload, length, kind) and a payload; fewer than 7 bytes at a block's end
//! are filler. A record is one whole fragment, or a first, any number of middle and a last one. Its
//! payload starts with the 8-byte little-endian sequence number of its first change.
//!
//! One record is written at a time, and the next one not before it is complete. So where a record
//! is damaged and no other starts behind it, it is the one that was being written when the machine
//! or the process died, and nobody was told that it was there. Where another record starts behind
//! it, the damage is to something that was acknowledged.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

use super::crc32c::{crc32c, masked};

const BLOCK_BYTES: usize = 32 * 1024;
const HEADER_BYTES: usize = 7;
/// Sequence number and count, which every record starts with.
const RECORD_HEADER_BYTES: usize = 12;

const FULL: u8 = 1;
const FIRST: u8 = 2;
const MIDDLE: u8 = 3;
const LAST: u8 = 4;

/// What a log file holds.
#[derive(Debug)]
pub(super) struct LogScan {
    /// Where the last record of the undamaged start ends.
    pub good_bytes: u64,
    /// How many records that is.
    pub records: u64,
    /// The sequence number of the first of them.
    pub first_sequence: Option<u64>,
    /// What follows it, if anything does.
    pub damage: Option<LogDamage>,
}

/// Bytes that are no whole record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LogDamage {
    /// What is wrong with them.
    pub what: &'static str,
    /// Where the next record starts, if one does.
    pub next_record: Option<u64>,
}

/// Reads a log file from its start to its end or its first damage.
pub(super) fn scan(path: &Path) -> io::Result<LogScan> {
    Scanner::open(path)?.run()
}

/// Shows the records of a file of this form, one after the other, up to its end or its first damage.
pub(super) fn visit_records(path: &Path, mut visit: impl FnMut(&[u8])) -> io::Result<()> {
    let mut scanner = Scanner::open(path)?;
    let mut record = Vec::new();
    while scanner.next_block()? {
        let mut at = 0;
        while scanner.block.len() - at >= HEADER_BYTES {
            let Ok(fragment) = scanner.fragment(at) else {
                return Ok(());
            };
            at = fragment.payload.end;
            if matches!(fragment.kind, FULL | FIRST) {
                record.clear();
            }
            record.extend_from_slice(&scanner.block[fragment.payload]);
            if matches!(fragment.kind, FULL | LAST) {
                visit(&record);
            }
        }
    }
    Ok(())
}

struct Scanner {
    file: File,
    /// The block being looked at; shorter than [`BLOCK_BYTES`] at the end of the file only.
    block: Vec<u8>,
    block_start: u64,
    /// The sequence number of the last record that is good.
    last_sequence: Option<u64>,
}

struct Fragment {
    kind: u8,
    payload: Range<usize>,
}

impl Scanner {
    fn open(path: &Path) -> io::Result<Self> {
        Ok(Scanner {
            file: File::open(path)?,
            block: Vec::with_capacity(BLOCK_BYTES),
            block_start: 0,
            last_sequence: None,
        })
    }

    /// Reads the next block; false at the end of the file.
    fn next_block(&mut self) -> io::Result<bool> {
        self.block_start += self.block.len() as u64;
        self.block.clear();
        (&mut self.file)
            .take(BLOCK_BYTES as u64)
            .read_to_end(&mut self.block)?;
        Ok(!self.block.is_empty())
    }

    fn run(mut self) -> io::Result<LogScan> {
        let mut scan = LogScan {
            good_bytes: 0,
            records: 0,
            first_sequence: None,
            damage: None,
        };
        let mut inside_record = false;
        while self.next_block()? {
            let mut at = 0;
            while self.block.len() - at >= HEADER_BYTES {
                let fragment = match self.fragment(at) {
                    Ok(fragment) => fragment,
                    Err(what) => {
                        let found = self.find_record_behind(at);
                        return self.damaged(scan, what, found);
                    }
                };
                let starts = matches!(fragment.kind, FULL | FIRST);
                if starts && inside_record {
                    return self.damaged(scan, "a record breaks off", Some(at));
                }
                if matches!(fragment.kind, MIDDLE | LAST) && !inside_record {
                    let found = self.find_record_in_block(fragment.payload.end);
                    return self.damaged(scan, "a record lacks its start", found);
                }
                if starts {
                    self.last_sequence = self.sequence(&fragment.payload).or(self.last_sequence);
                    scan.first_sequence = scan.first_sequence.or(self.last_sequence);
                }
                at = fragment.payload.end;
                inside_record = fragment.kind == FIRST || (inside_record && fragment.kind != LAST);
                if !inside_record {
                    scan.good_bytes = self.block_start + at as u64;
                    scan.records += 1;
                }
            }
            // Filler ends a whole block; at the end of the file it is a header that breaks off.
            inside_record |= self.block.len() < BLOCK_BYTES && at < self.block.len();
        }
        if inside_record {
            return self.damaged(scan, "the last record breaks off", None);
        }
        Ok(scan)
    }

    /// The scan of a file that is damaged; `found` is the next record start in the current block.
    fn damaged(
        mut self,
        mut scan: LogScan,
        what: &'static str,
        mut found: Option<usize>,
    ) -> io::Result<LogScan> {
        while found.is_none() && self.next_block()? {
            found = self.find_record_in_block(0);
        }
        scan.damage = Some(LogDamage {
            what,
            next_record: found.map(|at| self.block_start + at as u64),
        });
        Ok(scan)
    }

    /// The fragment at `at` in the block, or what is wrong with it.
    fn fragment(&self, at: usize) -> Result<Fragment, &'static str> {
        let header = &self.block[at..at + HEADER_BYTES];
        let length = usize::from(u16::from_le_bytes([header[4], header[5]]));
        if header == [0; HEADER_BYTES] {
            return Err("a record was never written");
        }
        let payload = at + HEADER_BYTES..at + HEADER_BYTES + length;
        if payload.end > self.block.len() {
            return Err("a record breaks off");
        }
        let stored = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
        // The kind is the last byte of the header, right before the payload.
        if stored != masked(crc32c(&self.block[payload.start - 1..payload.end])) {
            return Err("a record's checksum is wrong");
        }
        Ok(Fragment {
            kind: header[6],
            payload,
        })
    }

    /// The sequence number at the start of a record.
    fn sequence(&self, payload: &Range<usize>) -> Option<u64> {
        let payload = &self.block[payload.clone()];
        if payload.len() < RECORD_HEADER_BYTES {
            return None;
        }
        payload.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
    }

    /// The first record start in the block behind the damage at `at`.
    ///
    /// Only places where fragments must start are believed at once: behind a damaged fragment of
    /// sound length, and the start of each block. Elsewhere a stored value may look like a record.
    fn find_record_behind(&self, at: usize) -> Option<usize> {
        let length = u16::from_le_bytes([self.block[at + 4], self.block[at + 5]]);
        let behind = at + HEADER_BYTES + usize::from(length);
        if self.is_fragment(behind) {
            self.find_record_in_block(behind)
        } else {
            self.find_record_anywhere(at + 1)
        }
    }

    fn is_fragment(&self, at: usize) -> bool {
        at + HEADER_BYTES <= self.block.len() && self.fragment(at).is_ok()
    }

    /// The first record start in the row of fragments from `at` on.
    fn find_record_in_block(&self, mut at: usize) -> Option<usize> {
        while at + HEADER_BYTES <= self.block.len() {
            match self.fragment(at) {
                Ok(fragment) if self.starts_record(&fragment) => return Some(at),
                Ok(fragment) => at = fragment.payload.end,
                Err(_) => return self.find_record_anywhere(at + 1),
            }
        }
        None
    }

    /// The first place from `at` on that looks like a record start.
    fn find_record_anywhere(&self, at: usize) -> Option<usize> {
        (at..self.block.len().saturating_sub(HEADER_BYTES)).find(|at| {
            matches!(self.block[at + HEADER_BYTES - 1], FULL | FIRST)
                && self
                    .fragment(*at)
                    .is_ok_and(|fragment| self.starts_record(&fragment))
        })
    }

    /// Whether a sound fragment starts a record that was written after the last good one.
    fn starts_record(&self, fragment: &Fragment) -> bool {
        matches!(fragment.kind, FULL | FIRST)
            && self
                .sequence(&fragment.payload)
                .is_some_and(|sequence| self.last_sequence.is_none_or(|last| sequence > last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lays out records as RocksDB does; returns the file and where each record ends.
    fn log_of(records: &[Vec<u8>]) -> (Vec<u8>, Vec<usize>) {
        let mut file = Vec::new();
        let mut ends = Vec::new();
        for record in records {
            let mut rest = record.as_slice();
            let mut is_first = true;
            loop {
                let room = BLOCK_BYTES - file.len() % BLOCK_BYTES;
                if room < HEADER_BYTES {
                    file.resize(file.len() + room, 0);
                    continue;
                }
                let (payload, after) = rest.split_at(rest.len().min(room - HEADER_BYTES));
                let kind = match (is_first, after.is_empty()) {
                    (true, true) => FULL,
                    (true, false) => FIRST,
                    (false, false) => MIDDLE,
                    (false, true) => LAST,
                };
                let mut checked = vec![kind];
                checked.extend_from_slice(payload);
                file.extend_from_slice(&masked(crc32c(&checked)).to_le_bytes());
                file.extend_from_slice(&(payload.len() as u16).to_le_bytes());
                file.extend_from_slice(&checked);
                (rest, is_first) = (after, false);
                if rest.is_empty() {
                    break;
                }
            }
            ends.push(file.len());
        }
        (file, ends)
    }

    fn record(sequence: u64, size_bytes: usize) -> Vec<u8> {
        let mut record = sequence.to_le_bytes().to_vec();
        record.resize(size_bytes.max(RECORD_HEADER_BYTES), sequence as u8);
        record
    }

    fn with_file<T>(bytes: &[u8], read: impl FnOnce(&Path) -> io::Result<T>) -> T {
        let path =
            std::env::temp_dir().join(format!("stator-log-{}-{}", std::process::id(), fastrand::u64(..)));
        std::fs::write(&path, bytes).expect("a temporary file");
        let found = read(&path).expect("it can be read");
        std::fs::remove_file(&path).expect("it is there");
        found
    }

    fn scan_bytes(bytes: &[u8]) -> LogScan {
        with_file(bytes, scan)
    }

    fn records_of(bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut records = Vec::new();
        with_file(bytes, |path| {
            visit_records(path, |record| records.push(record.to_vec()))
        });
        records
    }

    fn sample() -> (Vec<u8>, Vec<usize>) {
        let sizes = [20, 300, 70_000, 15, 32_500, 200_000, 40];
        let records: Vec<_> = (1..)
            .zip(sizes)
            .map(|(number, size)| record(number * 10, size))
            .collect();
        log_of(&records)
    }

    #[test]
    fn a_whole_log_is_whole() {
        let (file, ends) = sample();
        let scan = scan_bytes(&file);
        assert_eq!(
            (scan.good_bytes, scan.records, scan.first_sequence, scan.damage),
            (ends[6] as u64, 7, Some(10), None)
        );
        assert_eq!(scan_bytes(&[]).damage, None);
    }

    #[test]
    fn records_are_shown_up_to_the_damage() {
        let records: Vec<_> = [20, 70_000, 15].map(|size| record(9, size)).into();
        let (mut file, ends) = log_of(&records);
        assert_eq!(records_of(&file), records);
        assert_eq!(records_of(&file[..ends[1] - 1]), records[..1]);
        file[ends[0] + 100] ^= 1;
        assert_eq!(records_of(&file), records[..1]);
    }

    #[test]
    fn a_log_cut_anywhere_is_a_torn_tail() {
        let (file, ends) = sample();
        for cut in (0..file.len())
            .step_by(397)
            .chain(ends.iter().flat_map(|end| end - 9..end + 9))
        {
            let cut = cut.min(file.len());
            let good = ends.iter().rev().find(|end| **end <= cut).copied().unwrap_or(0);
            for padding in [0, 5, 4096, 100_000] {
                let mut torn = file[..cut].to_vec();
                torn.resize(cut + padding, 0);
                let scan = scan_bytes(&torn);
                assert_eq!(scan.good_bytes, good as u64, "cut at {cut}");
                match scan.damage {
                    None => assert!(torn[good..].iter().all(|byte| *byte == 0)),
                    Some(damage) => assert_eq!(damage.next_record, None, "cut at {cut}"),
                }
            }
        }
    }

    #[test]
    fn a_wrong_byte_is_damage_but_in_the_last_record() {
        let (file, ends) = sample();
        let (mut torn, mut damaged) = (0, 0);
        for at in (0..file.len()).step_by(401).chain(ends[5]..ends[6]) {
            let mut bad = file.clone();
            bad[at] ^= 0x10;
            let hit = ends.iter().position(|end| at < *end).expect("inside the file");
            let good = if hit == 0 { 0 } else { ends[hit - 1] };
            let scan = scan_bytes(&bad);
            let Some(damage) = scan.damage else {
                // Filler at the end of a block means nothing.
                assert!(
                    BLOCK_BYTES - at % BLOCK_BYTES < HEADER_BYTES,
                    "wrong byte at {at}"
                );
                continue;
            };
            assert_eq!(scan.good_bytes, good as u64, "wrong byte at {at}");
            assert_eq!(
                damage.next_record.is_some(),
                hit + 1 < ends.len(),
                "wrong byte at {at}"
            );
            match damage.next_record {
                Some(_) => damaged += 1,
                None => torn += 1,
            }
        }
        assert!(torn > 0 && damaged > 500);
    }

    #[test]
    fn a_zeroed_piece_is_damage_but_in_the_last_record() {
        let (file, ends) = sample();
        for start in (0..file.len()).step_by(1500) {
            let mut bad = file.clone();
            let end = (start + 4096).min(file.len());
            bad[start..end].fill(0);
            let scan = scan_bytes(&bad);
            let damage = scan.damage.expect("zeros are no record");
            // The tail is torn if and only if no record starts behind the piece.
            let starts_behind = ends[..ends.len() - 1].iter().any(|start| *start >= end);
            assert_eq!(damage.next_record.is_some(), starts_behind, "zeros at {start}");
        }
    }

    #[test]
    fn a_record_without_its_start_is_damage() {
        let (mut file, _) = log_of(&[record(1, 20), record(2, 20)]);
        let first_end = HEADER_BYTES + 20;
        file[6] = LAST;
        let crc = masked(crc32c(&file[6..first_end]));
        file[..4].copy_from_slice(&crc.to_le_bytes());
        let scan = scan_bytes(&file);
        assert_eq!((scan.good_bytes, scan.records), (0, 0));
        assert_eq!(
            scan.damage.expect("it is damaged").next_record,
            Some(first_end as u64)
        );
    }

    #[test]
    fn a_value_that_looks_like_a_record_is_none() {
        // The stored value is a log with one record; the record around it is torn.
        let (inner, _) = log_of(&[record(5, 100)]);
        let mut outer = record(900, 2000);
        outer[500..500 + inner.len()].copy_from_slice(&inner);
        let (file, ends) = log_of(&[record(800, 50), outer]);
        let scan = scan_bytes(&file[..file.len() - 3]);
        assert_eq!(scan.good_bytes, ends[0] as u64);
        assert_eq!(scan.damage.expect("it is torn").next_record, None);
    }
}
