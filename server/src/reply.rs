//! From an answer to an HTTP response: the headers that every response has.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use crate::answers::Room;
use crate::companion::CompanionResponse;
use crate::fault::Fault;
use crate::request_id::RequestId;
use crate::service::ServiceResponse;

/// An answer that is not yet a response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub status: StatusCode,
    pub content_type: Option<ContentType>,
    pub body: Bytes,
    /// Whether the connection cannot be used further.
    pub close: bool,
    /// What the body takes of the memory for answers.
    pub room: Room,
    /// The older name of a companion's error.
    pub query_error: Option<HeaderValue>,
    /// Whether it is an error that no service has answered.
    pub is_own_error: bool,
}

/// The content types of answers: requests are answered in kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentType {
    /// `application/x-amz-json-1.0`, the clients'.
    AmazonJson,
    /// `application/json`.
    Json,
    /// `application/x-amz-json-1.1`, of some companions.
    AmazonJson11,
    /// `application/cbor`, likewise.
    Cbor,
    /// `text/xml`, likewise.
    Xml,
    /// Prometheus' text format, as OpenMetrics has written it down.
    OpenMetrics,
}

impl ContentType {
    /// The type that a header of a request for DynamoDB names, whatever its parameters.
    pub fn parse(value: &HeaderValue) -> Option<Self> {
        let value = value.to_str().ok()?;
        match value.split(';').next().unwrap_or_default().trim() {
            "application/x-amz-json-1.0" => Some(ContentType::AmazonJson),
            "application/json" => Some(ContentType::Json),
            _ => None,
        }
    }

    fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            ContentType::AmazonJson => "application/x-amz-json-1.0",
            ContentType::Json => "application/json",
            ContentType::AmazonJson11 => "application/x-amz-json-1.1",
            ContentType::Cbor => "application/cbor",
            ContentType::Xml => "text/xml",
            ContentType::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        })
    }
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const SMITHY_PROTOCOL: HeaderName = HeaderName::from_static("smithy-protocol");
const QUERY_ERROR: HeaderName = HeaderName::from_static("x-amzn-query-error");
const CRC32: HeaderName = HeaderName::from_static("x-amz-crc32");
const SERVER: HeaderValue = HeaderValue::from_static(concat!("Stator/", env!("CARGO_PKG_VERSION")));

impl Reply {
    /// What the service has answered.
    pub fn of_service(response: ServiceResponse, content_type: ContentType, room: Room) -> Self {
        Reply {
            status: StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            content_type: Some(content_type),
            body: response.body,
            close: false,
            room,
            query_error: None,
            is_own_error: false,
        }
    }

    /// What a companion has answered.
    pub fn of_companion(response: CompanionResponse, content_type: ContentType) -> Self {
        let query_error = response.query_error.as_deref();
        Reply {
            query_error: query_error.and_then(|error| HeaderValue::from_str(error).ok()),
            ..Reply::of_service(
                ServiceResponse::new(response.status, response.body),
                content_type,
                Room::SMALL,
            )
        }
    }

    /// What is answered before a service is reached.
    pub fn of_fault(fault: &Fault, content_type: ContentType) -> Self {
        Reply {
            status: fault.status,
            content_type: Some(content_type),
            body: fault.body().into(),
            close: false,
            room: Room::SMALL,
            query_error: None,
            is_own_error: true,
        }
    }

    /// For what is no request of the API at all.
    pub fn not_found() -> Self {
        Reply {
            status: StatusCode::NOT_FOUND,
            content_type: None,
            body: Bytes::from_static(b"<UnknownOperationException/>\n"),
            close: false,
            room: Room::SMALL,
            query_error: None,
            is_own_error: true,
        }
    }

    /// An answer without content type.
    pub fn plain(body: Bytes) -> Self {
        Reply {
            status: StatusCode::OK,
            content_type: None,
            body,
            close: false,
            room: Room::SMALL,
            query_error: None,
            is_own_error: false,
        }
    }

    /// The same answer on a connection that is closed after it.
    pub fn and_close(mut self) -> Self {
        self.close = true;
        self
    }

    /// The response, with the checksum of the bytes as they are sent.
    pub fn into_response(self, request_id: &RequestId, gzipped: bool) -> Response<Full<Bytes>> {
        let checksum = crc32fast::hash(&self.body);
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.reserve(8);
        headers.insert(header::SERVER, SERVER);
        if let Ok(value) = HeaderValue::from_bytes(request_id.as_bytes()) {
            headers.insert(REQUEST_ID, value);
        }
        headers.insert(CRC32, HeaderValue::from(checksum));
        if let Some(content_type) = self.content_type {
            headers.insert(header::CONTENT_TYPE, content_type.header());
        }
        if self.content_type == Some(ContentType::Cbor) {
            headers.insert(SMITHY_PROTOCOL, HeaderValue::from_static("rpc-v2-cbor"));
        }
        if let Some(query_error) = self.query_error {
            headers.insert(QUERY_ERROR, query_error);
        }
        if gzipped {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        if self.close {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
