//! Joins the three: HTTP asks, the API decodes and encodes, the engine answers.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use api::{Context, Operation, Principal, dispatch};
use engine::{Clock, Engine, Step};
use server::{AnswerBytes, NextStep, Service, ServiceRequest, ServiceResponse, TargetService};
use store::Store;

/// How long to wait after a step of background work that failed.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// The operating system's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        // A clock before 1970 counts as 1970.
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
    }

    fn monotonic_us(&self) -> u64 {
        static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
        u64::try_from(BEGUN.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// The engine behind the server's border.
pub struct Database<S> {
    engine: Engine<S>,
}

impl<S: Store> Database<S> {
    /// Serves `engine`.
    pub fn new(engine: Engine<S>) -> Self {
        Database { engine }
    }

    /// What the engine stores in.
    pub fn store(&self) -> &S {
        self.engine.store()
    }
}

impl<S: Store> Service for Database<S> {
    type Operation = Operation;

    fn operation(&self, service: TargetService, name: &str) -> Option<Operation> {
        let service = match service {
            TargetService::DynamoDb => api::Service::DynamoDb,
            TargetService::DynamoDbStreams => api::Service::DynamoDbStreams,
        };
        Operation::from_name(service, name)
    }

    fn answer_bytes(&self, operation: Operation) -> AnswerBytes {
        let engine::AnswerBytes { least, most } = engine::answer_bytes(operation);
        AnswerBytes { least, most }
    }

    async fn call(&self, operation: Operation, request: ServiceRequest) -> ServiceResponse {
        let context = Context {
            request_id: request.context.request_id.as_str().to_owned(),
            region: request.context.region.as_ref().to_owned(),
            account_id: request.context.account_id.as_ref().to_owned(),
            principal: Principal::AccessKey(request.context.access_key_id.as_ref().to_owned()),
            host: request
                .context
                .host
                .and_then(|host| host.to_str().map(str::to_owned).ok()),
            answer_bytes_max: request.context.answer_bytes_max,
        };
        let response = dispatch(&self.engine, &context, operation, &request.body).await;
        ServiceResponse::new(response.status, response.body)
    }

    async fn background_step(&self) -> NextStep {
        match self.engine.background_step().await {
            Ok(Step::Worked) => NextStep::Now,
            Ok(Step::Idle { next_due_ms: None }) => NextStep::WhenWoken,
            Ok(Step::Idle {
                next_due_ms: Some(due_ms),
            }) => NextStep::After(Duration::from_millis(due_ms.saturating_sub(SystemClock.now_ms()))),
            Err(error) => {
                tracing::warn!(error = %error.message, "a step of background work failed; it is tried again");
                NextStep::After(PAUSE_AFTER_FAILURE)
            }
        }
    }

    async fn background_wake(&self) {
        self.engine.work_arrived().await;
    }
}
