//! A library to be preloaded into a program (`LD_PRELOAD`): it stands between the program and the
//! file calls of the C library, for the files below one directory, and between it and the clock.
//!
//! What it does is said by the environment variables in [`names`]:
//! - it records each operation that changes a file or a directory, with its data, in the order in
//!   which they happened (`trace`);
//! - it fails a chosen call, once or from there on, or ends the process there (`faults`);
//! - it lets syncs succeed that are none, so that a test of syncs can be shown to fail;
//! - it moves the time of day by an offset that somebody else may change meanwhile (`clock`).
//!
//! It calls the kernel itself instead of looking for the functions that it covers, so nothing can
//! call it in a circle. It allocates nothing once the program runs. It knows calls by file
//! descriptors that came from `open` and `openat`; none that were duplicated, and no mapped memory:
//! neither RocksDB, as Stator sets it up, nor Rust's library writes in these ways.
//!
//! Linux alone; elsewhere it is empty.

#![cfg(target_os = "linux")]

mod calls;
mod clock;
mod control;
mod faults;
pub mod names;
mod paths;
mod settings;
mod trace;

use std::sync::atomic::{AtomicPtr, Ordering};

use settings::Settings;

/// What to do; null until the library is initialised.
static SETTINGS: AtomicPtr<Settings> = AtomicPtr::new(std::ptr::null_mut());

/// Runs when the library is loaded, before the program has threads.
#[used]
#[unsafe(link_section = ".init_array")]
static INITIALISE: extern "C" fn() = initialise;

extern "C" fn initialise() {
    clock::initialise();
    if let Some(settings) = Settings::from_environment() {
        // It is used until the process ends.
        SETTINGS.store(Box::into_raw(Box::new(settings)), Ordering::Release);
    }
}

/// What to do about files, if anything.
fn settings() -> Option<&'static Settings> {
    let settings = SETTINGS.load(Ordering::Acquire);
    // SAFETY: it is null, or was made from a box that is never freed.
    unsafe { settings.as_ref() }
}

/// Ends the process with a sentence: a test must not go on without what it asked for.
fn give_up(sentence: &str) -> ! {
    eprintln!("torture-shim: {sentence}");
    std::process::abort()
}
