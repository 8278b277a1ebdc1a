//! The way of a request: decoded, answered by the service, encoded.

use crate::context::Context;
use crate::decode::{self, Decode};
use crate::encode::Encode;
use crate::error::Error;
use crate::operation::Operation;
use crate::report;
use crate::types::*;

/// What a request is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The body, JSON; empty where an operation answers nothing.
    pub body: Vec<u8>,
}

impl From<&Error> for Response {
    fn from(error: &Error) -> Self {
        Response {
            status: error.kind.status(),
            body: error.to_json(),
        }
    }
}

include!(concat!(env!("OUT_DIR"), "/service.rs"));

/// Decodes and checks a request, lets the service answer it, and encodes what it says.
pub async fn dispatch<D: DynamoDb>(
    service: &D,
    context: &Context,
    operation: Operation,
    body: &[u8],
) -> Response {
    match dispatch_built(service, context, operation, body).await {
        Ok(body) => Response { status: 200, body },
        Err(error) => Response::from(&error),
    }
}

fn decode_request<T: Decode>(operation: Operation, body: &[u8]) -> Result<T, Error> {
    decode::decode(body).map_err(|_| report::refusal(operation, body))
}

fn encode_answer<T: Encode>(output: &T) -> Vec<u8> {
    let mut body = Vec::with_capacity(256);
    output.encode(&mut body);
    body
}
