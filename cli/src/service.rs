//! Joins the three: HTTP asks, the API decodes and encodes, the engine answers.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use api::{Context, Operation, Principal, companion, dispatch};
use bytes::Bytes;
use engine::{Clock, Engine, Step};
use server::{
    AnswerBytes, CompanionProtocol, CompanionRequest, CompanionResponse, CompanionTarget, NextStep,
    RequestContext, RequestId, ServerMeasurements, Service, ServiceRequest, ServiceResponse, TargetService,
};
use store::Store;

use crate::metrics::{self, MeasuredStore};

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
    engine: Arc<Engine<S>>,
}

impl<S: Store> Database<S> {
    /// Serves `engine`.
    pub fn new(engine: Engine<S>) -> Self {
        Database {
            engine: Arc::new(engine),
        }
    }

    /// The engine.
    #[cfg(feature = "disk")]
    pub fn engine(&self) -> &Arc<Engine<S>> {
        &self.engine
    }

    /// Keeps what has been counted and not stored yet: when the server has stopped.
    pub async fn finish(&self) {
        if let Err(error) = self.engine.keep_current_minute().await {
            tracing::warn!(error = %error.message, "the metrics of the last minute are lost");
        }
    }

    /// What the engine stores in.
    pub fn store(&self) -> &S {
        self.engine.store()
    }
}

fn context_of(context: &RequestContext) -> Context {
    Context {
        request_id: context.request_id.as_str().to_owned(),
        region: context.region.as_ref().to_owned(),
        account_id: context.account_id.as_ref().to_owned(),
        principal: Principal::AccessKey(context.access_key_id.as_ref().to_owned()),
        host: context
            .host
            .as_ref()
            .and_then(|host| host.to_str().map(str::to_owned).ok()),
        answer_bytes_max: context.answer_bytes_max,
    }
}

fn companion_of(target: &CompanionTarget) -> companion::Companion {
    match target.companion {
        server::Companion::CloudWatch => companion::Companion::CloudWatch,
        server::Companion::AutoScaling => companion::Companion::AutoScaling,
    }
}

fn protocol_of(target: &CompanionTarget) -> companion::Protocol {
    match target.protocol {
        CompanionProtocol::Json10 | CompanionProtocol::Json11 => companion::Protocol::Json,
        CompanionProtocol::Cbor => companion::Protocol::Cbor,
        CompanionProtocol::Query => companion::Protocol::Query,
    }
}

fn response_of(answer: companion::CompanionAnswer) -> CompanionResponse {
    CompanionResponse {
        status: answer.status,
        query_error: answer.query_error,
        body: answer.body.into(),
    }
}

impl<S: MeasuredStore> Service for Database<S> {
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
        let context = context_of(&request.context);
        let response = dispatch(self.engine.as_ref(), &context, operation, &request.body).await;
        ServiceResponse::new(response.status, response.body)
    }

    async fn call_companion(&self, request: CompanionRequest) -> CompanionResponse {
        let context = context_of(&request.context);
        let answer = companion::answer(
            self.engine.as_ref(),
            &context,
            companion::CompanionRequest {
                companion: companion_of(&request.target),
                protocol: protocol_of(&request.target),
                operation: request.target.operation.as_deref(),
                body: &request.body,
            },
        );
        response_of(answer.await)
    }

    fn refuse_companion(
        &self,
        target: &CompanionTarget,
        request_id: &RequestId,
        name: &str,
        message: &str,
    ) -> CompanionResponse {
        response_of(companion::refused(
            companion_of(target),
            protocol_of(target),
            request_id.as_str(),
            name,
            message,
        ))
    }

    async fn metrics_page(&self, server: ServerMeasurements) -> Option<Bytes> {
        let (requests, store) = (self.engine.measurements(), self.engine.store().figures());
        // With many tables, writing it takes longer than others should wait for their turn.
        let page = tokio::task::spawn_blocking(move || metrics::page(requests, server, store));
        match page.await {
            Ok(Ok(page)) => Some(page.into()),
            failed => {
                tracing::error!(?failed, "the page of metrics cannot be written");
                None
            }
        }
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
