//! Control-C and a polite kill: the run ends early, but stops its servers and removes its files.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::failure::{Context, Failure, Result};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Catches the signals from now on.
pub fn catch() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("a thread for signals cannot be started")?;
    thread::spawn(move || {
        if runtime.block_on(first_signal()).is_ok() {
            INTERRUPTED.store(true, Ordering::Relaxed);
        }
    });
    Ok(())
}

#[cfg(unix)]
async fn first_signal() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn first_signal() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}

/// Whether somebody has had enough.
pub fn is_interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Fails once the run is interrupted. Called between the steps of a run.
pub fn check() -> Result<()> {
    match is_interrupted() {
        true => Err(Failure::new("interrupted; nothing was recorded")),
        false => Ok(()),
    }
}
