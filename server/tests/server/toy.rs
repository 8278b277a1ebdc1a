//! A service whose operations do what their names say, and a server around it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use server::{
    AnswerBytes, CompanionRequest, CompanionResponse, CompanionTarget, DrainOutcome, NextStep, RequestId,
    ServerConfig, ServerMeasurements, Service, ServiceRequest, ServiceResponse, TargetService, run,
};
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

/// The operations of the toy.
#[derive(Clone, Copy)]
pub enum Operation {
    /// Gives the body back.
    Echo,
    /// Gives as many bytes as the body says.
    Produce,
    /// Waits as many milliseconds as the body says, then gives it back.
    Wait,
    /// Panics, after a pause where the body has one.
    Panic,
    /// Fails as a service fails.
    Refuse,
    /// Tells the context of the request.
    Context,
    /// Answers with as many bytes as the request says, and needs room for the largest answer.
    Whole,
}

/// The largest answer of the toy, in bytes.
pub const LARGEST_ANSWER_BYTES: usize = 16 << 20;
/// With what some of its operations can do as well.
pub const SMALLER_ANSWER_BYTES: usize = 1 << 20;

#[derive(Default)]
pub struct Toy {
    /// Steps of background work that were asked for.
    pub steps: AtomicU32,
    /// Wakes the background.
    pub wake: Notify,
}

impl Service for Toy {
    type Operation = Operation;

    fn operation(&self, service: TargetService, name: &str) -> Option<Operation> {
        match (service, name) {
            (TargetService::DynamoDb, "Echo") => Some(Operation::Echo),
            (TargetService::DynamoDb, "Produce") => Some(Operation::Produce),
            (TargetService::DynamoDb, "Wait") => Some(Operation::Wait),
            (TargetService::DynamoDb, "Panic") => Some(Operation::Panic),
            (TargetService::DynamoDb, "Refuse") => Some(Operation::Refuse),
            (TargetService::DynamoDbStreams, "Context") => Some(Operation::Context),
            (TargetService::DynamoDb, "Whole") => Some(Operation::Whole),
            _ => None,
        }
    }

    fn answer_bytes(&self, operation: Operation) -> AnswerBytes {
        let (least, most) = match operation {
            Operation::Whole => (LARGEST_ANSWER_BYTES, LARGEST_ANSWER_BYTES),
            Operation::Context => (SMALLER_ANSWER_BYTES, LARGEST_ANSWER_BYTES),
            _ => (1000, 1000),
        };
        AnswerBytes { least, most }
    }

    async fn call(&self, operation: Operation, request: ServiceRequest) -> ServiceResponse {
        let text = String::from_utf8_lossy(&request.body).into_owned();
        let number = text.trim().parse::<u64>().unwrap_or(0);
        match operation {
            Operation::Echo => ServiceResponse::new(200, request.body),
            Operation::Produce | Operation::Whole => ServiceResponse::new(200, vec![b'x'; number as usize]),
            Operation::Wait => {
                tokio::time::sleep(Duration::from_millis(number)).await;
                ServiceResponse::new(200, request.body)
            }
            Operation::Panic => {
                if number > 0 {
                    tokio::time::sleep(Duration::from_millis(number)).await;
                }
                panic!("the toy was told to panic");
            }
            Operation::Refuse => ServiceResponse::new(400, r#"{"__type":"x"}"#),
            Operation::Context => {
                let context = request.context;
                let told = format!(
                    "{} {} {} {} {}",
                    context.request_id,
                    context.region,
                    context.account_id,
                    context.access_key_id,
                    context.answer_bytes_max
                );
                ServiceResponse::new(200, told)
            }
        }
    }

    async fn call_companion(&self, request: CompanionRequest) -> CompanionResponse {
        let told = format!("{:?} {}", request.target, String::from_utf8_lossy(&request.body));
        CompanionResponse {
            status: 200,
            query_error: None,
            body: told.into(),
        }
    }

    fn refuse_companion(
        &self,
        _: &CompanionTarget,
        _: &RequestId,
        name: &str,
        message: &str,
    ) -> CompanionResponse {
        CompanionResponse {
            status: 403,
            query_error: Some(format!("{name};Sender")),
            body: message.to_owned().into(),
        }
    }

    async fn metrics_page(&self, server: ServerMeasurements) -> Option<Bytes> {
        Some(format!("{server:?}").into())
    }

    async fn background_step(&self) -> NextStep {
        match self.steps.fetch_add(1, Ordering::SeqCst) {
            0 => NextStep::Now,
            1 => NextStep::After(Duration::from_millis(5)),
            2 => panic!("a step panics"),
            _ => NextStep::WhenWoken,
        }
    }

    async fn background_wake(&self) {
        self.wake.notified().await;
    }
}

/// A running server.
pub struct Running {
    pub address: SocketAddr,
    pub toy: Arc<Toy>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<DrainOutcome>,
}

impl Running {
    /// Tells the server to stop and gives the task that ends with it.
    pub fn stop(self) -> JoinHandle<DrainOutcome> {
        self.stop.send(()).expect("the server runs");
        self.task
    }
}

/// Starts a server with settings.
pub async fn start(config: ServerConfig) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let toy = Arc::new(Toy::default());
    let (stop, stopped) = oneshot::channel();
    let service = toy.clone();
    let task = tokio::spawn(async move {
        run(listener, service, config, async {
            // A sender that is dropped stops nothing: most tests just end.
            if stopped.await.is_err() {
                std::future::pending::<()>().await;
            }
        })
        .await
    });
    Running {
        address,
        toy,
        stop,
        task,
    }
}
