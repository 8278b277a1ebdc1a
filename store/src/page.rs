//! Filling a page of a range, the same way in every store.

use std::ops::ControlFlow;

use bytes::Bytes;

use crate::interface::RowSpan;
use crate::{RangePage, RangeRequest};

/// No page is larger than this whatever is asked for, so that offsets into it fit 32 bits.
const PAGE_BYTES_MAX: usize = 1 << 30;

/// For how many rows like the first there is room at once, within [`FIRST_BYTES`].
const FIRST_ROWS: usize = 64;
/// How much room there is at once, where the first row does not need more.
const FIRST_BYTES: usize = 64 << 10;

/// Collects the rows of one page.
#[derive(Debug)]
pub(crate) struct PageBuilder {
    buffer: Vec<u8>,
    rows: Vec<RowSpan>,
    rows_max: usize,
    bytes_max: usize,
}

impl PageBuilder {
    pub fn new(request: &RangeRequest<'_>) -> Self {
        PageBuilder {
            buffer: Vec::new(),
            rows: Vec::new(),
            rows_max: request.rows_max.max(1),
            bytes_max: request.bytes_max.min(PAGE_BYTES_MAX),
        }
    }

    /// Adds a row; breaks when the page is full.
    pub fn push(&mut self, key: &[u8], value: &[u8]) -> ControlFlow<()> {
        let start = self.buffer.len();
        let row_bytes = key.len() + value.len();
        if start == 0 {
            // Rows are often alike, and a page that grows step by step is copied at each.
            let bytes = row_bytes * self.rows_max.min(FIRST_ROWS);
            self.buffer.reserve(
                bytes
                    .min(self.bytes_max)
                    .clamp(row_bytes, row_bytes.max(FIRST_BYTES)),
            );
        } else {
            self.buffer.reserve(row_bytes);
        }
        self.buffer.extend_from_slice(key);
        self.buffer.extend_from_slice(value);
        self.rows.push(RowSpan {
            start: offset(start),
            key_end: offset(start + key.len()),
            end: offset(self.buffer.len()),
        });
        if self.rows.len() >= self.rows_max || self.buffer.len() >= self.bytes_max {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    /// The page; `more` says whether rows may follow.
    pub fn finish(self, more: bool) -> RangePage {
        RangePage {
            buffer: Bytes::from(self.buffer),
            rows: self.rows,
            more,
        }
    }
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).expect("a page ends with the row that crosses 1 GiB and rows are below 2 MiB")
}
