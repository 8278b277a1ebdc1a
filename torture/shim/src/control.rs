//! The words that are shared with whoever watches.

use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::give_up;
use crate::names::{CLASS_WORDS, CONTROL_BYTES, FAULTS_WORD, HEALED_WORD, OPERATIONS_WORD};

const WORDS: usize = CONTROL_BYTES / size_of::<u64>();

/// Counters, in a file that others may look at, or in memory where nobody does.
pub struct Control {
    words: &'static [AtomicU64; WORDS],
}

impl Control {
    pub fn new(file: Option<RawFd>) -> Self {
        let words = match file {
            Some(file) => map(file, CONTROL_BYTES).cast::<[AtomicU64; WORDS]>(),
            None => Box::into_raw(Box::new([const { AtomicU64::new(0) }; WORDS])),
        };
        // SAFETY: either is that large, aligned, and there until the process ends.
        Control {
            words: unsafe { &*words },
        }
    }

    /// One more operation is in the trace; gives the number of those before it.
    pub fn count_operation(&self) -> u64 {
        self.words[OPERATIONS_WORD].fetch_add(1, Ordering::AcqRel)
    }

    /// How many operations are in the trace.
    pub fn operations(&self) -> u64 {
        self.words[OPERATIONS_WORD].load(Ordering::Acquire)
    }

    /// One more call of a class; gives its number, from 1 on.
    pub fn count_call(&self, class: usize) -> u64 {
        self.words[CLASS_WORDS + class].fetch_add(1, Ordering::AcqRel) + 1
    }

    /// One more fault.
    pub fn count_fault(&self) {
        self.words[FAULTS_WORD].fetch_add(1, Ordering::AcqRel);
    }

    /// Whether there are to be no more faults.
    pub fn is_healed(&self) -> bool {
        self.words[HEALED_WORD].load(Ordering::Acquire) != 0
    }
}

/// Maps the first bytes of a file, shared with all others who do.
pub fn map(file: RawFd, bytes: usize) -> *mut libc::c_void {
    // SAFETY: no address is asked for, so nothing that is mapped already is touched.
    let address = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED,
            file,
            0,
        )
    };
    if address == libc::MAP_FAILED {
        give_up("a shared file cannot be mapped");
    }
    address
}
