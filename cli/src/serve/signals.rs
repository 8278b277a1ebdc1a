//! The signals that stop the server: the first politely, the second at once.

use std::future::Future;
use std::process;

use tokio::sync::oneshot;

use crate::failure::Failure;

/// The exit code of a program that a second signal ended.
const EXIT_INTERRUPTED: i32 = 130;

/// Listens for SIGINT and SIGTERM from now on; the future resolves with the first, and a second
/// ends the process.
pub fn first_signal() -> Result<impl Future<Output = ()>, Failure> {
    let mut signals =
        Signals::new().map_err(|error| Failure::new(format!("signals cannot be caught: {error}")))?;
    let (first, received) = oneshot::channel();
    tokio::spawn(async move {
        signals.next().await;
        tracing::info!("stopping: requests in progress are finished; a second signal stops at once");
        // The receiver is only gone when the server has ended by itself.
        let _ended = first.send(());
        signals.next().await;
        process::exit(EXIT_INTERRUPTED);
    });
    Ok(async {
        let _closed = received.await;
    })
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Signals)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
