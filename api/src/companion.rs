//! The companions: services beside DynamoDB that its users reach at the same endpoint, in several
//! protocols each.
//!
//! A request of any protocol is translated into the JSON that the generated decoders read, along the
//! [`Form`] of the operation's input, and the JSON of the answer back along the form of its output. So a
//! protocol knows no operation, and an operation no protocol. None of this is in the way of a request
//! for DynamoDB. [`answer`] is the whole of it.

mod cbor;
mod form;
mod query;
mod refusal;
#[cfg(test)]
mod tests;
mod xml;

use serde_json::Value;

use crate::cloudwatch::{self, CloudWatch};
use crate::context::Context;
use crate::decode::{self, Decode};
use crate::encode::Encode;
use crate::report::{self, Report};
use crate::scaling::{self, AutoScaling};

pub(crate) use form::{Form, MemberForm, StructureForm};
pub use refusal::{ErrorForm, Refusal};

/// A service beside DynamoDB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Companion {
    /// Amazon CloudWatch, as far as it reads metrics.
    CloudWatch,
    /// Application Auto Scaling.
    AutoScaling,
}

/// How a request is written, and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// JSON, with the operation in the header `X-Amz-Target`.
    Json,
    /// CBOR, with the operation in the path: `smithy-rpc-v2-cbor`.
    Cbor,
    /// A form with the operation among its fields, answered in XML: `awsQuery`.
    Query,
}

/// A request to a companion.
#[derive(Clone, Copy, Debug)]
pub struct CompanionRequest<'r> {
    /// Whom it is for.
    pub companion: Companion,
    /// How it is written.
    pub protocol: Protocol,
    /// The operation's name; in [`Protocol::Query`], the body has it.
    pub operation: Option<&'r str>,
    /// The body.
    pub body: &'r [u8],
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompanionAnswer {
    /// The HTTP status.
    pub status: u16,
    /// What the header `x-amzn-query-error` says, for clients that know errors by their older names.
    pub query_error: Option<String>,
    /// The body, in the protocol of the request.
    pub body: Vec<u8>,
}

/// What is known about an operation.
pub(crate) struct Description {
    pub name: &'static str,
    /// `None` where the operation is not built.
    pub built: Option<Built>,
}

/// What is known about an operation that is built.
pub(crate) struct Built {
    pub input: &'static StructureForm,
    pub output: &'static StructureForm,
    pub report: &'static Report,
    pub input_members: &'static [&'static str],
}

/// The version of CloudWatch's API, which a query names.
const QUERY_VERSION: &str = "2010-08-01";

impl Companion {
    fn operations(self) -> &'static [Description] {
        match self {
            Companion::CloudWatch => &cloudwatch::OPERATIONS,
            Companion::AutoScaling => &scaling::OPERATIONS,
        }
    }

    /// The names of its operations, each with the members of its request where it is built.
    pub fn known_operations(self) -> impl Iterator<Item = (&'static str, Option<&'static [&'static str]>)> {
        self.operations().iter().map(|operation| {
            let members = operation.built.as_ref().map(|built| built.input_members);
            (operation.name, members)
        })
    }

    /// The error of that name that every service has.
    fn common_error(self, name: &str) -> &'static ErrorForm {
        let (errors, unexpected) = match self {
            Companion::CloudWatch => (
                cloudwatch::ERRORS.as_slice(),
                cloudwatch::ErrorKind::InternalServerError as usize,
            ),
            Companion::AutoScaling => (
                scaling::ERRORS.as_slice(),
                scaling::ErrorKind::InternalServerError as usize,
            ),
        };
        let known = errors.iter().find(|error| error.name == name);
        known.unwrap_or(&errors[unexpected])
    }

    /// A refusal for what is wrong with any request: `name` is one of the errors of the framework that
    /// all services have.
    fn refuse(self, name: &str, message: impl Into<String>) -> Refusal {
        Refusal::new(self.common_error(name), message.into())
    }
}

/// Translates a request, lets the service answer it, and translates what it says.
pub async fn answer<S: CloudWatch + AutoScaling>(
    service: &S,
    context: &Context,
    request: CompanionRequest<'_>,
) -> CompanionAnswer {
    match execute(service, context, request).await {
        Ok(body) => CompanionAnswer {
            status: 200,
            query_error: None,
            body,
        },
        Err(refusal) => refusal.answer(request.companion, request.protocol, &context.request_id),
    }
}

/// The answer to a request that did not reach a service: `name` is one of the errors of the framework
/// that all services have.
pub fn refused(
    companion: Companion,
    protocol: Protocol,
    request_id: &str,
    name: &str,
    message: &str,
) -> CompanionAnswer {
    companion
        .refuse(name, message)
        .answer(companion, protocol, request_id)
}

async fn execute<S: CloudWatch + AutoScaling>(
    service: &S,
    context: &Context,
    request: CompanionRequest<'_>,
) -> Result<Vec<u8>, Refusal> {
    let companion = request.companion;
    let fields;
    let operation = match request.protocol {
        Protocol::Query => {
            fields = query::Fields::read(request.body);
            fields
                .operation()
                .map_err(|message| companion.refuse("UnknownOperationException", message))?
        }
        Protocol::Json | Protocol::Cbor => {
            fields = query::Fields::default();
            request.operation.unwrap_or_default()
        }
    };
    let built = find(companion, request.protocol, operation)?;
    let malformed = |message: String| companion.refuse("SerializationException", message);
    let tree = match request.protocol {
        Protocol::Json => match request.body {
            [] => Value::Object(serde_json::Map::new()),
            body => serde_json::from_slice(body).map_err(|_| malformed(String::new()))?,
        },
        Protocol::Cbor => cbor::read(request.body).map_err(malformed)?,
        Protocol::Query => fields.read_structure(built.input).map_err(malformed)?,
    };
    built.input.check_types(&tree).map_err(malformed)?;
    if companion == Companion::CloudWatch
        && let Some(missing) = built.input.missing(&tree)
    {
        return Err(cloudwatch::ErrorKind::MissingRequiredParameterException
            .because(format!("The parameter {missing} is required.")));
    }
    let body = tree.to_string();
    let answer = match companion {
        Companion::CloudWatch => {
            cloudwatch::dispatch(service, context, operation, built.report, body.as_bytes()).await?
        }
        Companion::AutoScaling => {
            scaling::dispatch(service, context, operation, built.report, body.as_bytes()).await?
        }
    };
    Ok(match request.protocol {
        Protocol::Json => answer,
        Protocol::Cbor => cbor::write(built.output, &parsed(&answer)),
        Protocol::Query => xml::answer(operation, built.output, &parsed(&answer), &context.request_id),
    })
}

/// What is known about an operation; an error where it is unknown or not built.
fn find(companion: Companion, protocol: Protocol, operation: &str) -> Result<&'static Built, Refusal> {
    let known = companion
        .operations()
        .iter()
        .find(|known| known.name == operation);
    match known {
        Some(Description {
            built: Some(built), ..
        }) => Ok(built),
        Some(_) => Err(companion.refuse("UnknownOperationException", not_supported(operation))),
        None if protocol == Protocol::Query => Err(companion.refuse(
            "UnknownOperationException",
            format!("Could not find operation {operation} for version {QUERY_VERSION}"),
        )),
        None => Err(companion.refuse("UnknownOperationException", String::new())),
    }
}

/// An answer that was just written.
fn parsed(answer: &[u8]) -> Value {
    serde_json::from_slice(answer).expect("what was encoded is JSON")
}

/// The message about an operation that is not built.
pub(crate) fn not_supported(operation: &str) -> String {
    format!("The operation {operation} is not supported.")
}

/// Decodes a request whose types are right; an error is the message about its violations.
pub(crate) fn read<T: Decode>(report: &'static Report, body: &[u8]) -> Result<T, String> {
    decode::decode(body).map_err(|_| report::violations_of(report, body))
}

pub(crate) fn written<T: Encode>(output: &T) -> Vec<u8> {
    let mut body = Vec::with_capacity(1024);
    output.encode(&mut body);
    body
}
