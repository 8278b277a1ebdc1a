//! The way of one request: origin, method, body, target, signature, service, response.
//!
//! The order of the checks is the service's, which shows where a request is wrong in two ways.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderName};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};

use crate::answers::Answers;
use crate::body::{self, BodyBounds};
use crate::companion::{self, CompanionRequest, CompanionTarget};
use crate::compression::{GZIP_MIN_BYTES, accepts_gzip, gzip};
use crate::config::{CorsOrigin, DEFAULT_REGION, SMALL_BODY_BYTES, ServerConfig};
use crate::cors::{self, Origin};
use crate::fault::Fault;
use crate::measurements::{Meter, ServerMeasurements};
use crate::panics::{Panicked, contain};
use crate::reply::{ContentType, Reply};
use crate::request_id::RequestId;
use crate::service::{RequestContext, Service, ServiceRequest, TargetService};
use crate::signature::{Claim, read_claim};
use crate::timed_io::{Clock, Overdue, Phase, PhaseLimits, within_phase};

/// What all connections of a server share.
pub(crate) struct Handler<S> {
    service: Arc<S>,
    cors_origins: Vec<CorsOrigin>,
    bodies: BodyBounds,
    answers: Answers,
    phase_limits: PhaseLimits,
    region: Option<Arc<str>>,
    default_region: Arc<str>,
    account_id: Arc<str>,
    health: Bytes,
    shows_metrics: bool,
    meter: Meter,
}

impl<S: Service> Handler<S> {
    pub fn new(service: Arc<S>, config: ServerConfig, meter: Meter) -> Self {
        let default_region: Arc<str> = DEFAULT_REGION.into();
        let region = config.region.as_ref().unwrap_or(&default_region);
        Handler {
            service,
            bodies: BodyBounds::new(&config),
            answers: Answers::new(&config),
            phase_limits: PhaseLimits::new(&config),
            health: format!("healthy: dynamodb.{region}.amazonaws.com ").into(),
            default_region,
            cors_origins: config.cors_origins,
            region: config.region,
            account_id: config.account_id,
            shows_metrics: config.shows_metrics,
            meter,
        }
    }

    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    pub fn phase_limits(&self) -> &PhaseLimits {
        &self.phase_limits
    }

    /// Answers one request. Whatever goes wrong is an answer too.
    pub async fn handle(
        &self,
        clock: &Clock,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        clock.enter(Phase::Body);
        let _in_flight = self.meter.request();
        let began = tracing::enabled!(tracing::Level::DEBUG).then(Instant::now);
        let request_id = RequestId::generate();
        let (head, body) = request.into_parts();
        let origin = Origin::of(&head.headers, &self.cors_origins);

        let reply = match &origin {
            Origin::Refused(origin) => {
                let origin = String::from_utf8_lossy(origin.as_bytes());
                Reply::of_fault(&Fault::origin_refused(&origin), ContentType::AmazonJson)
            }
            Origin::Allowed(_) if head.method == Method::OPTIONS => Reply::plain(Bytes::new()),
            _ => self.answer(clock, request_id, &head, body).await,
        };
        let (reply, gzipped) = compressed(reply, &head.headers).await;
        let (reply, gzipped) = match self.answers.hold(reply, clock).await {
            Ok(reply) => (reply, gzipped),
            Err(Overdue) => {
                let content_type = head
                    .headers
                    .get(header::CONTENT_TYPE)
                    .and_then(ContentType::parse);
                let content_type = content_type.unwrap_or(ContentType::Json);
                (Reply::of_fault(&Fault::no_room_for_answer(), content_type), false)
            }
        };
        if reply.is_own_error {
            self.meter.count_own_error();
        }
        let mut response = reply.into_response(&request_id, gzipped);
        if origin != Origin::None {
            if head.method == Method::OPTIONS && response.status() == StatusCode::OK {
                cors::add_preflight_headers(&head.headers, response.headers_mut());
            }
            origin.add_headers(response.headers_mut());
        }
        clock.enter(Phase::Writing);
        if let Some(began) = began {
            tracing::debug!(
                %request_id,
                method = %head.method,
                target = head.headers.get(TARGET).and_then(|value| value.to_str().ok()),
                status = response.status().as_u16(),
                micros = began.elapsed().as_micros() as u64,
                "request"
            );
        }
        Ok(response)
    }

    async fn answer(&self, clock: &Clock, request_id: RequestId, head: &Parts, body: Incoming) -> Reply {
        match head.method {
            Method::GET | Method::HEAD if head.uri.path() == "/" => Reply::plain(self.health.clone()),
            Method::GET | Method::HEAD if self.shows_metrics && head.uri.path() == METRICS_PATH => {
                Box::pin(self.metrics(clock)).await
            }
            Method::POST => self.execute(clock, request_id, head, body).await,
            _ => Reply::not_found(),
        }
    }

    /// The page of metrics. Nobody signs a request for it: whoever collects metrics cannot.
    async fn metrics(&self, clock: &Clock) -> Reply {
        clock.enter(Phase::Serving);
        let (body_bytes, body_bytes_max) = self.bodies.used_bytes();
        let (answer_bytes, answer_bytes_max) = self.answers.used_bytes();
        let measurements = ServerMeasurements {
            body_bytes,
            body_bytes_max,
            answer_bytes,
            answer_bytes_max,
            ..self.meter.measurements()
        };
        let page = self.service.metrics_page(measurements);
        match within_phase(clock, contain(page)).await {
            Ok(Ok(Some(page))) => Reply {
                content_type: Some(ContentType::OpenMetrics),
                ..Reply::plain(page)
            },
            Ok(Ok(None)) => Reply::not_found(),
            Ok(Err(Panicked)) | Err(Overdue) => {
                tracing::error!("the page of metrics cannot be made");
                Reply::of_fault(&Fault::internal(), ContentType::Json)
            }
        }
    }

    async fn execute(&self, clock: &Clock, request_id: RequestId, head: &Parts, body: Incoming) -> Reply {
        let named_type = head
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(ContentType::parse);
        let content_type = named_type.unwrap_or(ContentType::Json);
        let target = match target(&head.headers) {
            Target::Database(service, name) => Some((service, name)),
            Target::Other(halves) => match companion::find(head, halves) {
                Some(companion) => {
                    // Boxed, as the call of DynamoDB below.
                    let execution = self.execute_companion(clock, request_id, head, body, companion);
                    return Box::pin(execution).await;
                }
                None => None,
            },
        };
        let body = match body::read(&head.headers, body, &self.bodies, clock).await {
            Ok(body) => body,
            Err(error) => {
                let fault = error.into_fault(&self.bodies);
                return Reply::of_fault(&fault, content_type).and_close();
            }
        };
        if named_type.is_none() && !body.bytes.is_empty() {
            return Reply::not_found();
        }
        clock.enter(Phase::Serving);
        let (operation, claim) = match self.admit(head, target, &body.bytes) {
            Ok(admitted) => admitted,
            Err(fault) => return Reply::of_fault(&fault, content_type),
        };
        let answer = self.service.answer_bytes(operation);
        let room = match self.answers.room(answer, clock).await {
            Ok(room) => room,
            Err(Overdue) => return Reply::of_fault(&Fault::no_room_for_answer(), content_type),
        };
        let request = ServiceRequest {
            body: body.bytes.clone(),
            context: RequestContext {
                answer_bytes_max: room.answer_bytes_max,
                ..self.context(request_id, head, &claim)
            },
        };
        // Boxed, for a connection keeps room for its request's future also while it is idle, and the
        // future of all operations together is large. The body's share of the memory is held until
        // the service has answered.
        let call = Box::pin(self.service.call(operation, request));
        let called = within_phase(clock, contain(call)).await;
        match called {
            Ok(Ok(response)) => Reply::of_service(response, content_type, room),
            Ok(Err(Panicked)) => {
                tracing::error!(%request_id, target = ?head.headers.get(TARGET), "a request panicked");
                Reply::of_fault(&Fault::internal(), content_type)
            }
            Err(Overdue) => {
                tracing::error!(%request_id, target = ?head.headers.get(TARGET), "a request took too long");
                Reply::of_fault(&Fault::internal(), content_type)
            }
        }
    }

    async fn execute_companion(
        &self,
        clock: &Clock,
        request_id: RequestId,
        head: &Parts,
        body: Incoming,
        target: CompanionTarget,
    ) -> Reply {
        let refuse = |fault: &Fault| {
            let (name, message) = companion::told(fault);
            let refusal = self.service.refuse_companion(&target, &request_id, name, message);
            Reply {
                is_own_error: true,
                ..target.reply(refusal)
            }
        };
        let body = match body::read(&head.headers, body, &self.bodies, clock).await {
            Ok(body) => body,
            Err(error) => return refuse(&error.into_fault(&self.bodies)).and_close(),
        };
        clock.enter(Phase::Serving);
        let claim = match read_claim(&head.headers, head.uri.query()) {
            Ok(claim) => claim,
            Err(fault) => return refuse(&fault),
        };
        let request = CompanionRequest {
            target: target.clone(),
            body: body.bytes.clone(),
            context: self.context(request_id, head, &claim),
        };
        let call = Box::pin(self.service.call_companion(request));
        match within_phase(clock, contain(call)).await {
            Ok(Ok(response)) => target.reply(response),
            Ok(Err(Panicked)) => {
                tracing::error!(%request_id, ?target, "a request panicked");
                refuse(&Fault::internal())
            }
            Err(Overdue) => {
                tracing::error!(%request_id, ?target, "a request took too long");
                refuse(&Fault::internal())
            }
        }
    }

    fn context(&self, request_id: RequestId, head: &Parts, claim: &Claim<'_>) -> RequestContext {
        RequestContext {
            request_id,
            region: self.region_of(claim),
            account_id: self.account_id.clone(),
            access_key_id: Arc::from(claim.access_key_id.as_ref()),
            host: head.headers.get(header::HOST).cloned(),
            answer_bytes_max: usize::MAX,
        }
    }

    /// What is to be done and who asks for it, once the request is whole.
    fn admit<'a>(
        &self,
        head: &'a Parts,
        target: Option<(TargetService, &str)>,
        body: &[u8],
    ) -> Result<(S::Operation, Claim<'a>), Fault> {
        let admitted = target
            .and_then(|(service, name)| self.service.operation(service, name))
            .ok_or_else(Fault::unknown_operation)
            .and_then(|operation| Ok((operation, read_claim(&head.headers, head.uri.query())?)));
        match admitted {
            // An empty body is found last and a malformed one first.
            Ok(_) if body.is_empty() => Err(Fault::serialization()),
            Err(_) if !body.is_empty() && !is_json(body) => Err(Fault::serialization()),
            admitted => admitted,
        }
    }

    /// The configured region, or the claimed one.
    fn region_of(&self, claim: &Claim<'_>) -> Arc<str> {
        match (&self.region, claim.region.as_deref()) {
            (Some(region), _) => region.clone(),
            (None, Some(region)) if region != DEFAULT_REGION => Arc::from(region),
            (None, _) => self.default_region.clone(),
        }
    }
}

/// Where metrics are found, by custom.
const METRICS_PATH: &str = "/metrics";

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// What a request is for.
enum Target<'t> {
    /// One of DynamoDB's two APIs, and the name of an operation.
    Database(TargetService, &'t str),
    /// Something else: the halves of the target, where there is one.
    Other(Option<(&'t str, &'t str)>),
}

fn target(headers: &HeaderMap) -> Target<'_> {
    let value = headers.get(TARGET).and_then(|value| value.to_str().ok());
    match value.and_then(|value| value.split_once('.')) {
        Some(("DynamoDB_20120810", name)) => Target::Database(TargetService::DynamoDb, name),
        Some(("DynamoDBStreams_20120810", name)) => Target::Database(TargetService::DynamoDbStreams, name),
        halves => Target::Other(halves),
    }
}

fn is_json(body: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok()
}

/// The reply with its body compressed, where the client wants that and it is worth it.
async fn compressed(mut reply: Reply, headers: &HeaderMap) -> (Reply, bool) {
    if reply.body.len() < GZIP_MIN_BYTES || !accepts_gzip(headers) {
        return (reply, false);
    }
    let body = reply.body.clone();
    let (body, smaller) = match body.len() {
        ..SMALL_BODY_BYTES => gzip(body),
        // Milliseconds of work are not for a thread that others wait for.
        _ => match tokio::task::spawn_blocking(move || gzip(body)).await {
            Ok(compressed) => compressed,
            Err(_) => (reply.body, false),
        },
    };
    reply.body = body;
    (reply, smaller)
}
