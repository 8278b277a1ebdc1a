//! Asks the service for its background work, one bounded step at a time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::panics::{Panicked, contain};
use crate::run::Stage;
use crate::service::{NextStep, Service};

/// How long to wait after a step that panicked.
const PAUSE_AFTER_PANIC: Duration = Duration::from_secs(5);

/// Asks for steps when they are due, until the server is told to stop. A step that has begun is
/// finished.
pub(crate) async fn run<S: Service>(service: Arc<S>, mut stage: watch::Receiver<Stage>) {
    while *stage.borrow() == Stage::Serving {
        let pause = match contain(service.background_step()).await {
            // Even then the other tasks of this thread get their turn.
            Ok(NextStep::Now) => Pause {
                limit: Some(Duration::ZERO),
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
