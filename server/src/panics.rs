//! Keeps a panic inside the future that had it.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;

/// The future panicked. Its message and place have gone through the panic hook.
#[derive(Debug)]
pub(crate) struct Panicked;

/// Runs `future`, and gives [`Panicked`] where it panics.
///
/// The future is never polled again after that, so its broken state is not seen by anyone; what it
/// shares with others must stand a panic, as a store does by refusing further writes.
pub(crate) async fn contain<F: Future>(future: F) -> Result<F::Output, Panicked> {
    let mut future = pin!(future);
    poll_fn(
        move |cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(_) => std::task::Poll::Ready(Err(Panicked)),
        },
    )
    .await
}
