//! A reader that refuses to be read without end for one row.

use std::io::{self, Read};

/// Reads at most so many bytes between two calls of [`Limited::next_row`].
pub struct Limited<R> {
    reader: R,
    limit_bytes: u64,
    left_bytes: u64,
}

impl<R> Limited<R> {
    pub fn new(reader: R, limit_bytes: u64) -> Self {
        Limited {
            reader,
            limit_bytes,
            left_bytes: limit_bytes,
        }
    }

    /// Another row begins.
    pub fn next_row(&mut self) {
        self.left_bytes = self.limit_bytes;
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.left_bytes = self.left_bytes.saturating_sub(count as u64);
        match self.left_bytes {
            0 => Err(io::Error::other(format!(
                "a row has more than {} bytes",
                self.limit_bytes
            ))),
            _ => Ok(count),
        }
    }
}
