//! The time of day, moved by what a shared file says.

use std::ffi::c_int;
use std::sync::atomic::{AtomicI64, AtomicPtr, Ordering};

use libc::{clockid_t, time_t, timespec, timeval};

use crate::control::map;
use crate::{give_up, names, paths};

/// The offset in milliseconds, where there is one.
static OFFSET_MS: AtomicPtr<AtomicI64> = AtomicPtr::new(std::ptr::null_mut());
/// The C library's own function, which needs no call of the kernel.
static CLOCK_GETTIME: AtomicPtr<libc::c_void> = AtomicPtr::new(std::ptr::null_mut());

type ClockGettime = unsafe extern "C" fn(clockid_t, *mut timespec) -> c_int;

const NANOSECONDS_PER_MS: i64 = 1_000_000;
const NANOSECONDS_PER_SECOND: i64 = 1_000_000_000;

pub fn initialise() {
    // SAFETY: the name ends with a zero byte.
    let found = unsafe { libc::dlsym(libc::RTLD_NEXT, c"clock_gettime".as_ptr()) };
    CLOCK_GETTIME.store(found, Ordering::Release);
    let Ok(path) = std::env::var(names::CLOCK) else {
        return;
    };
    match paths::open_for_ourselves(&path, libc::O_RDWR) {
        file if file >= 0 => OFFSET_MS.store(map(file, size_of::<i64>()).cast(), Ordering::Release),
        _ => give_up(&format!("{path}, which {} names, cannot be opened", names::CLOCK)),
    }
}

fn offset_ms() -> i64 {
    let offset = OFFSET_MS.load(Ordering::Acquire);
    // SAFETY: it is null, or mapped until the process ends.
    let offset = unsafe { offset.as_ref() };
    offset.map_or(0, |offset| i64::from_le(offset.load(Ordering::Relaxed)))
}

/// # Safety
/// As for the function of that name.
unsafe fn real_clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
    let found = CLOCK_GETTIME.load(Ordering::Acquire);
    if found.is_null() {
        // SAFETY: as the caller promises.
        return unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) as c_int };
    }
    // SAFETY: the C library has a function of this type by this name.
    let function = unsafe { std::mem::transmute::<*mut libc::c_void, ClockGettime>(found) };
    // SAFETY: as the caller promises.
    unsafe { function(clock, time) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
    // SAFETY: as the caller promises.
    let result = unsafe { real_clock_gettime(clock, time) };
    let is_moved = matches!(clock, libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE);
    if result == 0 && is_moved {
        // SAFETY: the time has just been written.
        let time = unsafe { &mut *time };
        let offset_ms = offset_ms();
        let since_ns = time.tv_nsec + offset_ms % 1000 * NANOSECONDS_PER_MS;
        time.tv_sec += offset_ms / 1000 + since_ns.div_euclid(NANOSECONDS_PER_SECOND);
        time.tv_nsec = since_ns.rem_euclid(NANOSECONDS_PER_SECOND);
    }
    result
}

fn now() -> timespec {
    let mut time = timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: there is room for the time.
    unsafe { clock_gettime(libc::CLOCK_REALTIME, &raw mut time) };
    time
}

#[unsafe(no_mangle)]
unsafe extern "C" fn gettimeofday(time: *mut timeval, _zone: *mut libc::c_void) -> c_int {
    let now = now();
    // SAFETY: the caller gives room for a time, or nothing.
    if let Some(time) = unsafe { time.as_mut() } {
        time.tv_sec = now.tv_sec;
        time.tv_usec = now.tv_nsec / 1000;
    }
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn time(seconds: *mut time_t) -> time_t {
    let now = now().tv_sec;
    // SAFETY: the caller gives room for a time, or nothing.
    if let Some(seconds) = unsafe { seconds.as_mut() } {
        *seconds = now;
    }
    now
}
