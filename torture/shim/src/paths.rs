//! Which paths are watched.

use std::ffi::{CStr, c_char, c_int};
use std::os::fd::RawFd;

const PATH_BYTES_MAX: usize = libc::PATH_MAX as usize;

/// A path as an absolute one, on the stack.
pub struct AbsolutePath {
    bytes: [u8; PATH_BYTES_MAX],
    length: usize,
}

impl AbsolutePath {
    /// What `path` means relative to the directory that is open as `directory`.
    ///
    /// # Safety
    /// `path` is a string that ends with a zero byte.
    pub unsafe fn new(directory: RawFd, path: *const c_char) -> Option<Self> {
        if path.is_null() {
            return None;
        }
        // SAFETY: as the caller promises.
        let path = unsafe { CStr::from_ptr(path) }.to_bytes();
        let mut absolute = AbsolutePath {
            bytes: [0; PATH_BYTES_MAX],
            length: 0,
        };
        if !path.starts_with(b"/") {
            absolute.length = absolute.read_directory(directory)?;
            absolute.push(b"/")?;
        }
        absolute.push(path)?;
        while absolute.length > 1 && absolute.bytes[absolute.length - 1] == b'/' {
            absolute.length -= 1;
        }
        Some(absolute)
    }

    /// Puts the path of an open directory here; gives its length.
    fn read_directory(&mut self, directory: RawFd) -> Option<usize> {
        let mut link = [0u8; 32];
        let written = {
            use std::io::Write;
            let mut rest = &mut link[..];
            match directory {
                libc::AT_FDCWD => write!(rest, "/proc/self/cwd\0"),
                open => write!(rest, "/proc/self/fd/{open}\0"),
            }
        };
        written.ok()?;
        // SAFETY: the link's name ends with a zero byte, and the length given is that of the buffer.
        let length = unsafe {
            libc::syscall(
                libc::SYS_readlinkat,
                libc::AT_FDCWD,
                link.as_ptr(),
                self.bytes.as_mut_ptr(),
                PATH_BYTES_MAX,
            )
        };
        usize::try_from(length).ok()
    }

    fn push(&mut self, more: &[u8]) -> Option<()> {
        let end = self.length + more.len();
        self.bytes.get_mut(self.length..end)?.copy_from_slice(more);
        self.length = end;
        Some(())
    }

    /// The rest of the path below `directory`, empty for the directory itself; `None` where it is
    /// not below it.
    pub fn below(&self, directory: &[u8]) -> Option<&[u8]> {
        let rest = self.bytes[..self.length].strip_prefix(directory)?;
        match rest {
            [] => Some(rest),
            [b'/', below @ ..] => Some(below),
            _ => None,
        }
    }
}

/// Opens a file for this library itself.
pub fn open_for_ourselves(path: &str, flags: c_int) -> RawFd {
    let mut bytes = Vec::from(path);
    bytes.push(0);
    // SAFETY: the path ends with a zero byte.
    let file = unsafe {
        libc::syscall(
            libc::SYS_openat,
            libc::AT_FDCWD,
            bytes.as_ptr(),
            flags | libc::O_CLOEXEC,
            0o644,
        )
    };
    file as RawFd
}
