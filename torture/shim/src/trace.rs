//! The record of what was done.

use std::os::fd::RawFd;

use libc::iovec;

use crate::control::Control;
use crate::give_up;
use crate::names::{RECORD_HEAD_BYTES, Recorded};

/// The file that operations are recorded in.
pub struct Trace {
    file: RawFd,
}

/// One record; what a kind does not need is empty.
#[derive(Default)]
pub struct Record<'a> {
    pub file: u32,
    pub first: u64,
    pub path: &'a [u8],
    pub second_path: &'a [u8],
    pub data: &'a [iovec],
    /// How much of the data was written.
    pub data_bytes: usize,
}

/// A write never comes in more pieces than this; the system's own limit.
const PIECES_MAX: usize = 1024;

impl Trace {
    pub fn new(file: RawFd) -> Self {
        Trace { file }
    }

    /// Adds a record; gives its number. The caller holds the lock on the order.
    pub fn add(&self, control: &Control, what: Recorded, record: &Record<'_>) -> u64 {
        let mut head = [0; RECORD_HEAD_BYTES];
        head[..4].copy_from_slice(&(what as u32).to_le_bytes());
        head[4..8].copy_from_slice(&record.file.to_le_bytes());
        head[8..16].copy_from_slice(&record.first.to_le_bytes());
        head[16..20].copy_from_slice(&(record.path.len() as u32).to_le_bytes());
        head[20..24].copy_from_slice(&(record.second_path.len() as u32).to_le_bytes());
        head[24..32].copy_from_slice(&(record.data_bytes as u64).to_le_bytes());
        self.write(&head);
        self.write(record.path);
        self.write(record.second_path);
        let mut left = record.data_bytes;
        for piece in record.data.iter().take(PIECES_MAX) {
            let bytes = piece.iov_len.min(left);
            if bytes > 0 {
                // SAFETY: the program has given the same memory to the write that was just done.
                self.write(unsafe { std::slice::from_raw_parts(piece.iov_base.cast(), bytes) });
            }
            left -= bytes;
        }
        // It counts when it is whole.
        control.count_operation()
    }

    fn write(&self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            // SAFETY: the memory is that of a slice.
            let written = unsafe { libc::syscall(libc::SYS_write, self.file, bytes.as_ptr(), bytes.len()) };
            match usize::try_from(written) {
                Ok(written @ 1..) => bytes = &bytes[written..],
                _ => give_up("the trace cannot be written"),
            }
        }
    }
}
