//! The services beside DynamoDB that clients reach at the same endpoint: how their requests are told
//! from DynamoDB's, and what the server asks of whoever answers them.

use std::borrow::Cow;

use bytes::Bytes;
use hyper::header;
use hyper::http::request::Parts;

use crate::fault::Fault;
use crate::reply::{ContentType, Reply};
use crate::service::RequestContext;

/// A service beside DynamoDB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Companion {
    /// Amazon CloudWatch: `GraniteServiceVersion20100801`.
    CloudWatch,
    /// Application Auto Scaling: `AnyScaleFrontendService`.
    AutoScaling,
}

/// How a request is written, and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CompanionProtocol {
    /// JSON, version 1.0.
    Json10,
    /// JSON, version 1.1.
    Json11,
    /// `smithy-rpc-v2-cbor`.
    Cbor,
    /// `awsQuery`: a form, answered in XML.
    Query,
}

/// Whom a request is for, and how it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompanionTarget {
    /// The service.
    pub companion: Companion,
    /// How the request is written.
    pub protocol: CompanionProtocol,
    /// The operation's name; in [`CompanionProtocol::Query`], the body has it.
    pub operation: Option<String>,
}

/// A request to a companion, as far as HTTP understands it.
#[derive(Debug)]
pub struct CompanionRequest {
    /// Whom it is for, and how it is written.
    pub target: CompanionTarget,
    /// The body, after decompression.
    pub body: Bytes,
    /// Who asks, and where.
    pub context: RequestContext,
}

/// The answer of a companion, in the protocol of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompanionResponse {
    /// The HTTP status.
    pub status: u16,
    /// What the header `x-amzn-query-error` says, if anything.
    pub query_error: Option<String>,
    /// The body.
    pub body: Bytes,
}

impl Companion {
    /// The companion that a target or a path names so.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "GraniteServiceVersion20100801" => Some(Companion::CloudWatch),
            "AnyScaleFrontendService" => Some(Companion::AutoScaling),
            _ => None,
        }
    }
}

impl CompanionProtocol {
    /// The content type of answers.
    pub(crate) fn content_type(self) -> ContentType {
        match self {
            CompanionProtocol::Json10 => ContentType::AmazonJson,
            CompanionProtocol::Json11 => ContentType::AmazonJson11,
            CompanionProtocol::Cbor => ContentType::Cbor,
            CompanionProtocol::Query => ContentType::Xml,
        }
    }
}

/// Whom a request is for that has no target of DynamoDB's; `None` where it is for no companion either.
/// `target` are the two halves of its `X-Amz-Target`.
pub(crate) fn find(head: &Parts, target: Option<(&str, &str)>) -> Option<CompanionTarget> {
    if let Some((service, operation)) = target {
        let companion = Companion::named(service)?;
        let protocol = match content_type(head).as_deref() {
            Some("application/x-amz-json-1.1") => CompanionProtocol::Json11,
            _ => CompanionProtocol::Json10,
        };
        return Some(CompanionTarget {
            companion,
            protocol,
            operation: Some(operation.to_owned()),
        });
    }
    // Only CloudWatch speaks more than JSON.
    if let Some((service, operation)) = cbor_path(head.uri.path()) {
        return Some(CompanionTarget {
            companion: Companion::named(service).filter(|known| *known == Companion::CloudWatch)?,
            protocol: CompanionProtocol::Cbor,
            operation: Some(operation.to_owned()),
        });
    }
    let is_form = content_type(head).as_deref() == Some("application/x-www-form-urlencoded");
    is_form.then_some(CompanionTarget {
        companion: Companion::CloudWatch,
        protocol: CompanionProtocol::Query,
        operation: None,
    })
}

/// The service and the operation of a path `/service/<service>/operation/<operation>`, whatever
/// stands before it.
fn cbor_path(path: &str) -> Option<(&str, &str)> {
    let (_, rest) = path.rsplit_once("/service/")?;
    let (service, operation) = rest.split_once("/operation/")?;
    let service = service.rsplit('.').next().unwrap_or(service);
    (!operation.is_empty() && !operation.contains('/')).then_some((service, operation))
}

fn content_type(head: &Parts) -> Option<Cow<'_, str>> {
    let value = head.headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let name = value.split(';').next().unwrap_or_default().trim();
    Some(Cow::Owned(name.to_ascii_lowercase()))
}

impl CompanionTarget {
    /// The reply with an answer.
    pub(crate) fn reply(&self, response: CompanionResponse) -> Reply {
        Reply::of_companion(response, self.protocol.content_type())
    }
}

/// What is answered before a companion is reached, as its name and message.
pub(crate) fn told(fault: &Fault) -> (&'static str, &str) {
    (fault.kind(), fault.message().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn found(path: &str, content_type: &str, target: Option<(&str, &str)>) -> Option<CompanionTarget> {
        let request = Request::post(path).header(header::CONTENT_TYPE, content_type);
        let (head, ()) = request.body(()).unwrap().into_parts();
        find(&head, target)
    }

    #[test]
    fn each_protocol_is_recognised() {
        let target = |companion, protocol, operation: Option<&str>| {
            Some(CompanionTarget {
                companion,
                protocol,
                operation: operation.map(str::to_owned),
            })
        };
        let granite = "GraniteServiceVersion20100801";
        assert_eq!(
            found("/", "application/x-amz-json-1.0", Some((granite, "ListMetrics"))),
            target(
                Companion::CloudWatch,
                CompanionProtocol::Json10,
                Some("ListMetrics")
            )
        );
        assert_eq!(
            found(
                "/",
                "application/x-amz-json-1.1",
                Some(("AnyScaleFrontendService", "TagResource"))
            ),
            target(
                Companion::AutoScaling,
                CompanionProtocol::Json11,
                Some("TagResource")
            )
        );
        assert_eq!(
            found(
                &format!("/service/{granite}/operation/ListMetrics"),
                "application/cbor",
                None
            ),
            target(
                Companion::CloudWatch,
                CompanionProtocol::Cbor,
                Some("ListMetrics")
            )
        );
        assert_eq!(
            found("/", "application/x-www-form-urlencoded; charset=utf-8", None),
            target(Companion::CloudWatch, CompanionProtocol::Query, None)
        );
        for (path, content_type, target) in [
            ("/", "application/x-amz-json-1.0", None),
            (
                "/",
                "application/x-amz-json-1.0",
                Some(("DynamoDB_20111205", "GetItem")),
            ),
            ("/service/Other/operation/ListMetrics", "application/cbor", None),
            (
                "/service/AnyScaleFrontendService/operation/TagResource",
                "application/cbor",
                None,
            ),
            ("/", "application/cbor", None),
        ] {
            assert_eq!(found(path, content_type, target), None, "{path} {content_type}");
        }
    }
}
