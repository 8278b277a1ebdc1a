//! The border between HTTP and the database: what the server asks for, and what it is answered.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::HeaderValue;

use crate::answers::AnswerBytes;
use crate::companion::{CompanionRequest, CompanionResponse, CompanionTarget};
use crate::measurements::ServerMeasurements;
use crate::request_id::RequestId;

/// What the server serves. Implemented by whoever joins the API to the engine.
pub trait Service: Send + Sync + 'static {
    /// One operation of the API, as found by its name.
    type Operation: Copy + Send + Sync + 'static;

    /// The operation called `name` in `service`, or `None` where the API knows no such operation.
    ///
    /// The server asks before it looks at the signature, since the service answers in that order.
    fn operation(&self, service: TargetService, name: &str) -> Option<Self::Operation>;

    /// How large the operation's answers become.
    fn answer_bytes(&self, operation: Self::Operation) -> AnswerBytes;

    /// Executes one request. Never fails: errors are responses too.
    ///
    /// The future is dropped when its client goes away or its time is up. What has been begun in
    /// the store by then runs to its end there.
    fn call(
        &self,
        operation: Self::Operation,
        request: ServiceRequest,
    ) -> impl Future<Output = ServiceResponse> + Send;

    /// Answers a request to a companion. Never fails, as [`Service::call`].
    fn call_companion(&self, request: CompanionRequest) -> impl Future<Output = CompanionResponse> + Send {
        let refusal = self.refuse_companion(
            &request.target,
            &request.context.request_id,
            "UnknownOperationException",
            "",
        );
        async { refusal }
    }

    /// The answer to a request to a companion that it is not led to: one of the errors of the request
    /// framework, by name, in the protocol of the request.
    fn refuse_companion(
        &self,
        target: &CompanionTarget,
        request_id: &RequestId,
        name: &str,
        message: &str,
    ) -> CompanionResponse {
        let _ = (target, request_id, message);
        CompanionResponse {
            status: 400,
            query_error: None,
            body: Bytes::copy_from_slice(name.as_bytes()),
        }
    }

    /// The page of metrics in the text format of OpenMetrics, with what the server has counted itself;
    /// `None` where there is none.
    fn metrics_page(&self, server: ServerMeasurements) -> impl Future<Output = Option<Bytes>> + Send {
        let _ = server;
        std::future::ready(None)
    }

    /// Does at most one bounded step of background work, and says when to ask again.
    fn background_step(&self) -> impl Future<Output = NextStep> + Send {
        async { NextStep::WhenWoken }
    }

    /// Resolves when work has appeared that may be due earlier than [`Service::background_step`]
    /// last said.
    fn background_wake(&self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }
}

/// Which of the two APIs a request is for: the first half of its `X-Amz-Target`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetService {
    /// `DynamoDB_20120810`.
    DynamoDb,
    /// `DynamoDBStreams_20120810`.
    DynamoDbStreams,
}

/// One request, as far as HTTP understands it.
#[derive(Debug)]
pub struct ServiceRequest {
    /// The body as the client wrote it, after decompression. Never empty, not checked to be JSON.
    pub body: Bytes,
    /// Who asks, and where.
    pub context: RequestContext,
}

/// Who asks, and where. Nothing of it is verified yet.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// The id that the response carries.
    pub request_id: RequestId,
    /// The configured region, or the one of the request's credential scope.
    pub region: Arc<str>,
    /// The configured account.
    pub account_id: Arc<str>,
    /// The access key that the request says it is signed with.
    pub access_key_id: Arc<str>,
    /// The Host header: where the client found the server.
    pub host: Option<HeaderValue>,
    /// How large the answer may be, in bytes of the items in it; never below what
    /// [`Service::answer_bytes`] says that the operation can do with.
    pub answer_bytes_max: usize,
}

/// The answer to one request: a status and a JSON document.
#[derive(Clone, Debug)]
pub struct ServiceResponse {
    /// 200, 400 or 500.
    pub status: u16,
    /// The document, sent as it is.
    pub body: Bytes,
}

impl ServiceResponse {
    /// A response of `status` with `body`.
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        ServiceResponse {
            status,
            body: body.into(),
        }
    }
}

/// When the next step of background work is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// There is more to do at once.
    Now,
    /// Something is due after this time, if nothing wakes the background before.
    After(Duration),
    /// Nothing is known to be due.
    WhenWoken,
}
