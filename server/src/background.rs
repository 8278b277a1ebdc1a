//! Asks the service for its background work, one bounded step at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::panics::{Panicked, contain};
use crate::run::Stage;
use crate::service::{NextStep, Service};

/// How long to wait after a step that panicked.
const PAUSE_AFTER_PANIC: Duration = Duration::from_secs(5);

/// A step that is shorter than this takes nothing from anybody.
const SHORT_STEP: Duration = Duration::from_micros(100);
/// No rest is longer than this.
const REST_MAX: Duration = Duration::from_millis(100);

/// How long to rest after a step that is to be followed by another.
fn rest_after(step: Duration) -> Duration {
    if step < SHORT_STEP {
        return Duration::ZERO;
    }
    step.min(REST_MAX)
}

/// Asks for steps when they are due, until the server is told to stop. A step that has begun is
/// finished.
pub(crate) async fn run<S: Service>(service: Arc<S>, mut stage: watch::Receiver<Stage>) {
    while *stage.borrow() == Stage::Serving {
        let began = Instant::now();
        let pause = match contain(service.background_step()).await {
            // Requests come first: what has more to do rests for as long as it has worked.
            Ok(NextStep::Now) => Pause {
                limit: Some(rest_after(began.elapsed())),
                wakeable: false,
            },
            Ok(NextStep::After(time)) => Pause {
                limit: Some(time),
                wakeable: true,
            },
            Ok(NextStep::WhenWoken) => Pause {
                limit: None,
                wakeable: true,
            },
            Err(Panicked) => {
                tracing::error!("a step of background work panicked; it is tried again in 5 s");
                Pause {
                    limit: Some(PAUSE_AFTER_PANIC),
                    wakeable: false,
                }
            }
        };
        if pause.limit == Some(Duration::ZERO) {
            // Even then the other tasks of this thread get their turn.
            tokio::task::yield_now().await;
            continue;
        }
        tokio::select! {
            () = tokio::time::sleep(pause.limit.unwrap_or_default()), if pause.limit.is_some() => {}
            () = service.background_wake(), if pause.wakeable => {}
            _ = stage.changed() => {}
        }
    }
}

/// What to wait for before the next step.
struct Pause {
    limit: Option<Duration>,
    wakeable: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn background_work_rests_as_long_as_it_works() {
        let milliseconds = Duration::from_millis;
        assert_eq!(rest_after(Duration::from_micros(99)), Duration::ZERO);
        assert_eq!(rest_after(milliseconds(2)), milliseconds(2));
        assert_eq!(rest_after(milliseconds(5000)), milliseconds(100));
    }
}
