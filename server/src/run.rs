//! Accepting connections, and stopping.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::background;
use crate::config::ServerConfig;
use crate::connection;
use crate::handler::Handler;
use crate::measurements::Meter;
use crate::service::Service;

/// How far the server is on its way to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Requests are taken.
    Serving,
    /// What has begun is finished, nothing else is taken.
    Draining,
    /// The time for that is over.
    Aborting,
}

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrainOutcome {
    /// Every request that had begun was answered.
    Complete,
    /// The bound on the wait was reached; this many connections were cut.
    Cut {
        /// Connections that were still open.
        connections: usize,
    },
}

/// How long to wait before accepting again when the system has no room for another connection.
const PAUSE_AFTER_ACCEPT_ERROR: Duration = Duration::from_millis(50);

/// Serves `service` on `listener` until `shutdown` resolves, then finishes what has begun, within
/// [`ServerConfig::drain_timeout`].
pub async fn run<S: Service>(
    listener: TcpListener,
    service: Arc<S>,
    config: ServerConfig,
    shutdown: impl Future<Output = ()>,
) -> DrainOutcome {
    let connections_max = config
        .max_connections
        .clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
    let drain_timeout = config.drain_timeout;
    let slots = Arc::new(Semaphore::new(connections_max));
    let (stage, watcher) = watch::channel(Stage::Serving);
    let background = tokio::spawn(background::run(service.clone(), watcher.clone()));
    let handler = Arc::new(Handler::new(service, config, Meter::new(connections_max)));

    let mut shutdown = pin!(shutdown);
    let mut full = false;
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = accept(&listener, &slots, &mut full) => accepted,
        };
        match accepted {
            Ok((stream, slot)) => {
                let (handler, watcher) = (handler.clone(), watcher.clone());
                tokio::spawn(async move {
                    let counted = handler.meter().connection();
                    connection::serve(stream, &handler, watcher).await;
                    drop(counted);
                    drop(slot);
                });
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(PAUSE_AFTER_ACCEPT_ERROR).await;
            }
        }
    }

    drop(listener);
    stage.send_replace(Stage::Draining);
    let all_closed = async {
        // All slots are free when all connections have ended.
        let _slots = slots.acquire_many(connections_max as u32).await;
        let _step = background.await;
    };
    match tokio::time::timeout(drain_timeout, all_closed).await {
        Ok(()) => DrainOutcome::Complete,
        Err(_) => {
            let connections = connections_max - slots.available_permits();
            stage.send_replace(Stage::Aborting);
            DrainOutcome::Cut { connections }
        }
    }
}

/// The next connection, once there is a slot for it. `full` tells whether the last had to wait for
/// one, so that the log has one line for each time that the server fills up.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
    full: &mut bool,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let slot = match slots.clone().try_acquire_owned() {
        Ok(slot) => {
            *full = false;
            slot
        }
        Err(_) => {
            if !std::mem::replace(full, true) {
                tracing::warn!("all connections are in use; new ones wait until one is closed");
            }
            slots
                .clone()
                .acquire_owned()
                .await
                .map_err(|_| io::Error::other("the server is stopping"))?
        }
    };
    let (stream, _peer) = listener.accept().await?;
    // Answers are written whole, so there is nothing to gain by waiting for more bytes.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the connection was gone before it was served");
    }
    Ok((stream, slot))
}

/// Whether the error is of a connection that went away, not of the listener or the system.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}
