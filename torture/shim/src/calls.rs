//! The functions that stand in for those of the C library. Each does what the function of its name
//! does, by the kernel's own call, and what is asked for besides.

use std::ffi::{c_char, c_int, c_long, c_uint, c_void};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{MutexGuard, PoisonError};

use libc::{AT_FDCWD, AT_REMOVEDIR, iovec, mode_t, off_t, size_t, ssize_t};

use crate::faults::{Class, Failure, strike};
use crate::names::Recorded;
use crate::paths::AbsolutePath;
use crate::settings::{Settings, UNWATCHED};
use crate::trace::Record;

/// The number of the last file that was opened.
static LAST_FILE: AtomicU32 = AtomicU32::new(UNWATCHED);

/// Calls the kernel with arguments that are numbers or addresses; sets `errno` where it fails.
macro_rules! kernel {
    ($call:ident $(, $argument:expr)*) => {
        // SAFETY: the arguments are those that the program gave, in the kernel's order.
        unsafe { libc::syscall(libc::$call $(, $argument)*) }
    };
}

fn fail(error: c_int) -> c_int {
    // SAFETY: every thread has a place of its own for this.
    unsafe { *libc::__errno_location() = error };
    -1
}

impl Settings {
    fn order(&self) -> MutexGuard<'_, ()> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call that is no write; the error that it fails with, if it is to.
    fn strike(&self, class: Class) -> Option<c_int> {
        match strike(self.fault.as_ref(), &self.control, class)? {
            Failure::Error(error) => Some(error),
            Failure::Short | Failure::Torn => Some(libc::EIO),
        }
    }

    /// Records an operation that was done; gives its number. The caller holds the lock.
    fn record(&self, what: Recorded, record: &Record<'_>) -> u64 {
        match &self.trace {
            Some(trace) => trace.add(&self.control, what, record),
            None => self.control.operations(),
        }
    }
}

/// The settings, and the number of the watched file that a descriptor is open for.
fn watched(descriptor: c_int) -> Option<(&'static Settings, u32)> {
    let settings = crate::settings()?;
    match settings.file(descriptor)?.load(Ordering::Acquire) {
        UNWATCHED => None,
        file => Some((settings, file)),
    }
}

/// The settings, and a path that is watched.
///
/// # Safety
/// `path` is a string that ends with a zero byte.
unsafe fn watched_path(directory: c_int, path: *const c_char) -> Option<(&'static Settings, AbsolutePath)> {
    let settings = crate::settings()?;
    // SAFETY: as the caller promises.
    let path = unsafe { AbsolutePath::new(directory, path) }?;
    path.below(&settings.directory)
        .is_some()
        .then_some((settings, path))
}

/// # Safety
/// As for `openat`.
unsafe fn open_file(directory: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    let open = || kernel!(SYS_openat, directory, path, flags, mode) as c_int;
    // SAFETY: as the caller promises.
    let Some((settings, absolute)) = (unsafe { watched_path(directory, path) }) else {
        return open();
    };
    let is_for_writing = flags & libc::O_ACCMODE != libc::O_RDONLY || flags & libc::O_CREAT != 0;
    if is_for_writing && let Some(error) = settings.strike(Class::Open) {
        return fail(error);
    }
    let _order = settings.order();
    let was_there = flags & libc::O_CREAT == 0 || kernel!(SYS_faccessat, directory, path, libc::F_OK) == 0;
    let descriptor = open();
    if let Some(number) = settings.file(descriptor) {
        let file = LAST_FILE.fetch_add(1, Ordering::AcqRel) + 1;
        number.store(file, Ordering::Release);
        let record = Record {
            file,
            first: match was_there {
                false => 1,
                true if flags & libc::O_TRUNC != 0 => 2,
                true => 0,
            },
            path: absolute.below(&settings.directory).unwrap_or_default(),
            ..Record::default()
        };
        settings.record(Recorded::Open, &record);
    }
    descriptor
}

// The mode is there only where a file may be made. To take it always is the same call on Linux.

#[unsafe(no_mangle)]
unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: as the caller promises; the same in all functions below.
    unsafe { open_file(AT_FDCWD, path, flags, mode) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    unsafe { open_file(AT_FDCWD, path, flags, mode) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn openat(directory: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    unsafe { open_file(directory, path, flags, mode) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn openat64(directory: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    unsafe { open_file(directory, path, flags, mode) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn creat(path: *const c_char, mode: mode_t) -> c_int {
    let flags = libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC;
    unsafe { open_file(AT_FDCWD, path, flags, mode) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn creat64(path: *const c_char, mode: mode_t) -> c_int {
    let flags = libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC;
    unsafe { open_file(AT_FDCWD, path, flags, mode) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn close(descriptor: c_int) -> c_int {
    if let Some(file) = crate::settings().and_then(|settings| settings.file(descriptor)) {
        file.store(UNWATCHED, Ordering::Release);
    }
    kernel!(SYS_close, descriptor) as c_int
}

/// Writes at most `limit` bytes of the pieces, at `offset` or where the file stands.
fn write_some(descriptor: c_int, pieces: &[iovec], offset: Option<off_t>, limit: usize) -> ssize_t {
    let mut done = 0;
    for piece in pieces {
        let bytes = piece.iov_len.min(limit - done);
        if bytes == 0 {
            continue;
        }
        let written = match offset {
            Some(offset) => {
                kernel!(
                    SYS_pwrite64,
                    descriptor,
                    piece.iov_base,
                    bytes,
                    offset + done as off_t
                )
            }
            None => kernel!(SYS_write, descriptor, piece.iov_base, bytes),
        };
        let Ok(written) = usize::try_from(written) else {
            // What was written before is told; the next call will fail in the same way.
            return if done > 0 { done as ssize_t } else { -1 };
        };
        done += written;
        if written < bytes {
            break;
        }
    }
    done as ssize_t
}

/// A write to a watched file.
fn write_watched(
    (settings, file): (&Settings, u32),
    descriptor: c_int,
    pieces: &[iovec],
    offset: Option<off_t>,
) -> ssize_t {
    let all: usize = pieces.iter().map(|piece| piece.iov_len).sum();
    let failure = strike(settings.fault.as_ref(), &settings.control, Class::Write);
    let limit = match failure {
        None => all,
        // A write of nothing is no short write.
        Some(Failure::Short) => (all / 2).max(1).min(all),
        Some(Failure::Torn) => all / 2,
        Some(Failure::Error(error)) => return fail(error) as ssize_t,
    };
    let _order = settings.order();
    let written = write_some(descriptor, pieces, offset, limit);
    if let Ok(data_bytes) = usize::try_from(written)
        && data_bytes > 0
    {
        let end = kernel!(SYS_lseek, descriptor, 0, libc::SEEK_CUR);
        let start = offset.unwrap_or(end as off_t - written as off_t);
        let record = Record {
            file,
            first: start as u64,
            data: pieces,
            data_bytes,
            ..Record::default()
        };
        settings.record(Recorded::Write, &record);
    }
    match failure {
        Some(Failure::Torn) => fail(libc::EIO) as ssize_t,
        _ => written,
    }
}

fn one_piece(data: *const c_void, bytes: size_t) -> [iovec; 1] {
    [iovec {
        iov_base: data.cast_mut(),
        iov_len: bytes,
    }]
}

/// # Safety
/// As for `writev`.
unsafe fn pieces<'a>(pieces: *const iovec, count: c_int) -> &'a [iovec] {
    match usize::try_from(count) {
        Ok(count) if count > 0 => unsafe { std::slice::from_raw_parts(pieces, count) },
        _ => &[],
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn write(descriptor: c_int, data: *const c_void, bytes: size_t) -> ssize_t {
    match watched(descriptor) {
        Some(file) => write_watched(file, descriptor, &one_piece(data, bytes), None),
        None => kernel!(SYS_write, descriptor, data, bytes) as ssize_t,
    }
}

fn positioned_write(descriptor: c_int, data: *const c_void, bytes: size_t, offset: off_t) -> ssize_t {
    match watched(descriptor) {
        Some(file) => write_watched(file, descriptor, &one_piece(data, bytes), Some(offset)),
        None => kernel!(SYS_pwrite64, descriptor, data, bytes, offset) as ssize_t,
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pwrite(descriptor: c_int, data: *const c_void, bytes: size_t, offset: off_t) -> ssize_t {
    positioned_write(descriptor, data, bytes, offset)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pwrite64(
    descriptor: c_int,
    data: *const c_void,
    bytes: size_t,
    offset: off_t,
) -> ssize_t {
    positioned_write(descriptor, data, bytes, offset)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn writev(descriptor: c_int, vector: *const iovec, count: c_int) -> ssize_t {
    match watched(descriptor) {
        Some(file) => write_watched(file, descriptor, unsafe { pieces(vector, count) }, None),
        None => kernel!(SYS_writev, descriptor, vector, count) as ssize_t,
    }
}

/// # Safety
/// As for `pwritev`.
unsafe fn positioned_writev(descriptor: c_int, vector: *const iovec, count: c_int, offset: off_t) -> ssize_t {
    match watched(descriptor) {
        Some(file) => write_watched(file, descriptor, unsafe { pieces(vector, count) }, Some(offset)),
        // The last argument is the upper half of the offset where a register has half of it.
        None => kernel!(SYS_pwritev, descriptor, vector, count, offset, 0) as ssize_t,
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pwritev(
    descriptor: c_int,
    vector: *const iovec,
    count: c_int,
    offset: off_t,
) -> ssize_t {
    unsafe { positioned_writev(descriptor, vector, count, offset) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pwritev64(
    descriptor: c_int,
    vector: *const iovec,
    count: c_int,
    offset: off_t,
) -> ssize_t {
    unsafe { positioned_writev(descriptor, vector, count, offset) }
}

fn truncate_open(descriptor: c_int, length: off_t) -> c_int {
    let truncate = || kernel!(SYS_ftruncate, descriptor, length) as c_int;
    let Some((settings, file)) = watched(descriptor) else {
        return truncate();
    };
    if let Some(error) = settings.strike(Class::Truncate) {
        return fail(error);
    }
    let _order = settings.order();
    let result = truncate();
    if result == 0 {
        let record = Record {
            file,
            first: length as u64,
            ..Record::default()
        };
        settings.record(Recorded::Truncate, &record);
    }
    result
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ftruncate(descriptor: c_int, length: off_t) -> c_int {
    truncate_open(descriptor, length)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ftruncate64(descriptor: c_int, length: off_t) -> c_int {
    truncate_open(descriptor, length)
}

/// Does something to a path, and records it where it succeeds.
///
/// # Safety
/// `path` is a string that ends with a zero byte.
unsafe fn on_path(
    (directory, path): (c_int, *const c_char),
    class: Class,
    what: Recorded,
    first: u64,
    act: impl Fn() -> c_long,
) -> c_int {
    let Some((settings, path)) = (unsafe { watched_path(directory, path) }) else {
        return act() as c_int;
    };
    if let Some(error) = settings.strike(class) {
        return fail(error);
    }
    let _order = settings.order();
    let result = act();
    if result == 0 {
        let record = Record {
            first,
            path: path.below(&settings.directory).unwrap_or_default(),
            ..Record::default()
        };
        settings.record(what, &record);
    }
    result as c_int
}

/// The same for what takes two paths; both have to be watched.
///
/// # Safety
/// The paths are strings that end with a zero byte.
unsafe fn on_paths(
    from: (c_int, *const c_char),
    to: (c_int, *const c_char),
    class: Class,
    what: Recorded,
    act: impl Fn() -> c_long,
) -> c_int {
    let paths = unsafe { (watched_path(from.0, from.1), watched_path(to.0, to.1)) };
    let (Some((settings, from)), Some((_, to))) = paths else {
        return act() as c_int;
    };
    if let Some(error) = settings.strike(class) {
        return fail(error);
    }
    let _order = settings.order();
    let result = act();
    if result == 0 {
        let record = Record {
            path: from.below(&settings.directory).unwrap_or_default(),
            second_path: to.below(&settings.directory).unwrap_or_default(),
            ..Record::default()
        };
        settings.record(what, &record);
    }
    result as c_int
}

/// # Safety
/// As for `truncate`.
unsafe fn truncate_path(path: *const c_char, length: off_t) -> c_int {
    let (class, what) = (Class::Truncate, Recorded::TruncatePath);
    let truncate = || kernel!(SYS_truncate, path, length);
    unsafe { on_path((AT_FDCWD, path), class, what, length as u64, truncate) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn truncate(path: *const c_char, length: off_t) -> c_int {
    unsafe { truncate_path(path, length) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn truncate64(path: *const c_char, length: off_t) -> c_int {
    unsafe { truncate_path(path, length) }
}

fn allocate(descriptor: c_int, mode: c_int, offset: off_t, length: off_t) -> c_int {
    let allocate = || kernel!(SYS_fallocate, descriptor, mode, offset, length) as c_int;
    let Some((settings, file)) = watched(descriptor) else {
        return allocate();
    };
    if let Some(error) = settings.strike(Class::Allocate) {
        return fail(error);
    }
    let _order = settings.order();
    let result = allocate();
    // With other modes the file keeps its length, and what they touch lies behind its end.
    if result == 0 && mode == 0 {
        let record = Record {
            file,
            first: (offset + length) as u64,
            ..Record::default()
        };
        settings.record(Recorded::Extend, &record);
    }
    result
}

#[unsafe(no_mangle)]
unsafe extern "C" fn fallocate(descriptor: c_int, mode: c_int, offset: off_t, length: off_t) -> c_int {
    allocate(descriptor, mode, offset, length)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn fallocate64(descriptor: c_int, mode: c_int, offset: off_t, length: off_t) -> c_int {
    allocate(descriptor, mode, offset, length)
}

/// As [`allocate`], but the error is the answer.
fn allocate_portably(descriptor: c_int, offset: off_t, length: off_t) -> c_int {
    match allocate(descriptor, 0, offset, length) {
        0 => 0,
        // SAFETY: every thread has a place of its own for this.
        _ => unsafe { *libc::__errno_location() },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn posix_fallocate(descriptor: c_int, offset: off_t, length: off_t) -> c_int {
    allocate_portably(descriptor, offset, length)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn posix_fallocate64(descriptor: c_int, offset: off_t, length: off_t) -> c_int {
    allocate_portably(descriptor, offset, length)
}

/// What was written before the sync began is on disk when it is done. Others may write meanwhile.
fn sync(descriptor: c_int, synchronise: impl Fn() -> c_long) -> c_int {
    let Some((settings, file)) = watched(descriptor) else {
        return synchronise() as c_int;
    };
    if let Some(error) = settings.strike(Class::Sync) {
        return fail(error);
    }
    if settings.skips_syncs {
        return 0;
    }
    let record = |what, first| {
        let _order = settings.order();
        let record = Record {
            file,
            first,
            ..Record::default()
        };
        settings.record(what, &record)
    };
    let began = record(Recorded::SyncBegan, 0);
    let result = synchronise();
    if result == 0 {
        record(Recorded::SyncDone, began);
    }
    result as c_int
}

#[unsafe(no_mangle)]
unsafe extern "C" fn fsync(descriptor: c_int) -> c_int {
    sync(descriptor, || kernel!(SYS_fsync, descriptor))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn fdatasync(descriptor: c_int) -> c_int {
    sync(descriptor, || kernel!(SYS_fdatasync, descriptor))
}

/// Begins to write to the disk and promises nothing, so it is not recorded.
#[unsafe(no_mangle)]
unsafe extern "C" fn sync_file_range(
    descriptor: c_int,
    offset: off_t,
    length: off_t,
    flags: c_uint,
) -> c_int {
    if let Some((settings, _)) = watched(descriptor)
        && let Some(error) = settings.strike(Class::RangeSync)
    {
        return fail(error);
    }
    kernel!(SYS_sync_file_range, descriptor, offset, length, flags) as c_int
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    unsafe { renameat(AT_FDCWD, from, AT_FDCWD, to) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn renameat(
    from_directory: c_int,
    from: *const c_char,
    to_directory: c_int,
    to: *const c_char,
) -> c_int {
    let rename = || kernel!(SYS_renameat2, from_directory, from, to_directory, to, 0);
    let (from, to) = ((from_directory, from), (to_directory, to));
    unsafe { on_paths(from, to, Class::Rename, Recorded::Rename, rename) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn link(from: *const c_char, to: *const c_char) -> c_int {
    let link = || kernel!(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
    let (from, to) = ((AT_FDCWD, from), (AT_FDCWD, to));
    unsafe { on_paths(from, to, Class::Link, Recorded::Link, link) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn unlinkat(directory: c_int, path: *const c_char, flags: c_int) -> c_int {
    let what = match flags & AT_REMOVEDIR {
        0 => Recorded::Unlink,
        _ => Recorded::RemoveDirectory,
    };
    let unlink = || kernel!(SYS_unlinkat, directory, path, flags);
    unsafe { on_path((directory, path), Class::Unlink, what, 0, unlink) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    unsafe { unlinkat(AT_FDCWD, path, 0) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rmdir(path: *const c_char) -> c_int {
    unsafe { unlinkat(AT_FDCWD, path, AT_REMOVEDIR) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mkdirat(directory: c_int, path: *const c_char, mode: mode_t) -> c_int {
    let make = || kernel!(SYS_mkdirat, directory, path, mode);
    let (class, what) = (Class::MakeDirectory, Recorded::MakeDirectory);
    unsafe { on_path((directory, path), class, what, 0, make) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mkdir(path: *const c_char, mode: mode_t) -> c_int {
    unsafe { mkdirat(AT_FDCWD, path, mode) }
}
