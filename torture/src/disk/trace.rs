//! What the library recorded.

use std::fs;
use std::ops::Range;
use std::path::Path;

use harness::failure::{Context, Failure, Result};

use super::names::{RECORD_HEAD_BYTES, Recorded};

/// All operations, in their order.
#[derive(Debug)]
pub struct Trace {
    bytes: Vec<u8>,
    pub operations: Vec<Operation>,
}

/// One operation; what its kind does not need is empty. See [`Recorded`].
#[derive(Clone, Debug)]
pub struct Operation {
    pub what: Recorded,
    pub file: u32,
    pub first: u64,
    pub path: String,
    pub second_path: String,
    /// Where in the trace its data is.
    pub data: Range<usize>,
}

impl Trace {
    /// Reads a trace; a record that is not whole, since the program was killed, ends it.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).context("the trace cannot be read")?;
        let mut operations = Vec::new();
        let mut at = 0;
        while let Some((operation, end)) = parse(&bytes, at)? {
            operations.push(operation);
            at = end;
        }
        Ok(Trace { bytes, operations })
    }

    /// The data of an operation, or a part of it.
    pub fn data(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[range]
    }
}

/// The record at `at` and where it ends.
fn parse(bytes: &[u8], at: usize) -> Result<Option<(Operation, usize)>> {
    let Some(head) = bytes.get(at..at + RECORD_HEAD_BYTES) else {
        return Ok(None);
    };
    let half = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let word = |at: usize| u64::from(half(at)) | u64::from(half(at + 4)) << 32;
    let path = at + RECORD_HEAD_BYTES..at + RECORD_HEAD_BYTES + half(16) as usize;
    let second_path = path.end..path.end + half(20) as usize;
    let data = second_path.end..second_path.end + word(24) as usize;
    if data.end > bytes.len() {
        return Ok(None);
    }
    let what = Recorded::ALL.into_iter().find(|what| *what as u32 == half(0));
    let what = what.ok_or_else(|| Failure::new(format!("the trace has no record at {at}")))?;
    let text = |range: Range<usize>| String::from_utf8_lossy(&bytes[range]).into_owned();
    let end = data.end;
    let operation = Operation {
        what,
        file: half(4),
        first: word(8),
        path: text(path),
        second_path: text(second_path),
        data,
    };
    Ok(Some((operation, end)))
}
