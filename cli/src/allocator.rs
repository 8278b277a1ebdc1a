//! The allocator, and how soon what has been freed goes back to the system.

use std::ffi::{c_int, c_long};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The number of `mi_option_purge_delay` in mimalloc's header.
const PURGE_DELAY: c_int = 15;

unsafe extern "C" {
    fn mi_option_set(option: c_int, value: c_long);
}

/// Gives pages back as soon as nothing is in them.
///
/// By default they are kept for a second. In that second large requests and answers free more than
/// all that the server's bounds let them hold at once, so that no bound would hold.
pub fn give_back_at_once() {
    // SAFETY: the function is that of the allocator above, with the types of its header. It stores one
    // number and may be called at any time.
    unsafe { mi_option_set(PURGE_DELAY, 0) };
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// The memory that this process has, in pages.
    fn resident_pages() -> usize {
        let told = std::fs::read_to_string("/proc/self/statm").expect("the system tells");
        let pages = told.split(' ').nth(1).and_then(|pages| pages.parse().ok());
        pages.expect("a number")
    }

    #[test]
    fn what_is_freed_goes_back_at_once() {
        const PIECES: usize = 64;
        const PIECE_BYTES: usize = 1 << 20;
        give_back_at_once();
        let before = resident_pages();
        let pieces: Vec<Vec<u8>> = (0..PIECES).map(|_| vec![1; PIECE_BYTES]).collect();
        let taken = resident_pages() - before;
        assert!(taken * 4096 > PIECES * PIECE_BYTES / 2, "{taken} pages");
        drop(pieces);
        // Other tests take some meanwhile.
        let left = resident_pages().saturating_sub(before);
        assert!(left < taken / 4, "{left} of {taken} pages");
    }
}
