//! One connection: HTTP/1.1 over a socket, with a watchdog over its phases.

use std::pin::pin;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::handler::Handler;
use crate::run::Stage;
use crate::service::Service;
use crate::timed_io::{Clock, Phase, TimedIo};

/// The longest request line and headers together, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// The most that is read ahead from the socket, in bytes. A body that arrives in one piece of at
/// most this size is never copied.
const READ_BUFFER_BYTES_MAX: usize = 256 * 1024;

/// Serves one connection until it ends, its client is too slow, or the server stops.
pub(crate) async fn serve<S: Service>(
    stream: TcpStream,
    handler: &Handler<S>,
    mut stage: watch::Receiver<Stage>,
) {
    let clock = Clock::new();
    let interval = handler.phase_limits().watch_interval();
    let connection = http1::Builder::new()
        // A client that has said all it wants to say still gets its answer.
        .half_close(true)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(READ_BUFFER_BYTES_MAX)
        .serve_connection(
            TimedIo::new(stream, &clock),
            service_fn(|request| handler.handle(&clock, request)),
        );
    let mut connection = pin!(connection);
    let mut watchdog = pin!(tokio::time::sleep(interval));
    loop {
        tokio::select! {
            biased;
            result = &mut connection => {
                if let Err(error) = result {
                    tracing::debug!(%error, "the connection ended with an error");
                }
                return;
            }
            () = &mut watchdog => {
                match clock.check(handler.phase_limits()) {
                    None => {}
                    // The handler sees it as it is polled next, in this task, and answers.
                    Some(Phase::Body | Phase::Serving) => {}
                    Some(phase) => {
                        tracing::debug!(?phase, "the connection is closed, its time is up");
                        return;
                    }
                }
                watchdog.as_mut().reset(Instant::now() + interval);
            }
            changed = stage.changed() => {
                let now = *stage.borrow_and_update();
                match now {
                    Stage::Serving => {}
                    Stage::Draining => connection.as_mut().graceful_shutdown(),
                    Stage::Aborting => return,
                }
                if changed.is_err() {
                    return;
                }
            }
        }
    }
}
