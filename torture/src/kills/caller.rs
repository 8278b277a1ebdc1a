//! One client's connection, and what can come of a call.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::Value;

use super::plant::Planter;
use harness::failure::{Failure, Result};
use harness::http::{self, Connection};

/// The size of the buffer that answers are read through.
const BUFFER_BYTES: usize = 32 * 1024;

/// Why a client cannot go on.
#[derive(Debug)]
pub enum Trouble {
    /// The server is not there any more; whether the call had an effect is unknown.
    Gone(Failure),
    /// The server answered what it must not.
    Wrong(Failure),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Trouble::Wrong(failure)
    }
}

impl Trouble {
    /// The same where nobody kills the server.
    pub fn into_failure(self) -> Failure {
        match self {
            Trouble::Gone(failure) | Trouble::Wrong(failure) => failure,
        }
    }
}

/// One answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub body: Value,
}

impl Reply {
    /// The name of the error, where the answer is one.
    pub fn error(&self) -> Option<&str> {
        let kind = self.body["__type"].as_str().filter(|_| self.status != 200)?;
        Some(kind.rsplit('#').next().unwrap_or(kind))
    }

    /// Fails with all that was said.
    pub fn unexpected<T>(&self, request: &Value) -> std::result::Result<T, Trouble> {
        Err(Trouble::Wrong(Failure::new(format!(
            "an answer that must not be, {}: {:.1000} to {:.1000}",
            self.status,
            self.body.to_string(),
            request.to_string()
        ))))
    }
}

/// A connection that calls go over.
#[derive(Debug)]
pub struct Caller {
    connection: Connection,
    planter: Arc<Planter>,
}

impl Caller {
    /// Connects to a server; the planter may spoil what goes over the connection.
    pub fn open(address: SocketAddr, planter: &Arc<Planter>) -> Result<Self> {
        Ok(Caller {
            connection: Connection::open(address, BUFFER_BYTES)?,
            planter: planter.clone(),
        })
    }

    /// Calls an operation of DynamoDB or of DynamoDB Streams.
    pub fn call(&mut self, operation: &str, body: &Value) -> std::result::Result<Reply, Trouble> {
        let mut planted = body.clone();
        if let Some(reply) = self.planter.spoil_request(operation, &mut planted) {
            return Ok(reply);
        }
        let text = planted.to_string();
        let request = match operation {
            "DescribeStream" | "GetShardIterator" | "GetRecords" => http::streams_request(operation, &text),
            _ => http::request(operation, &text),
        };
        let answer = self.connection.ask(&request).map_err(Trouble::Gone)?;
        let body = serde_json::from_slice(answer.body());
        let mut reply = Reply {
            status: answer.status(),
            body: body.map_err(|error| Failure::new(format!("{operation}'s answer is no JSON: {error}")))?,
        };
        self.planter.spoil_reply(operation, &planted, &mut reply);
        Ok(reply)
    }

    /// Calls an operation that must succeed, and gives its answer's body.
    pub fn expect(&mut self, operation: &str, body: &Value) -> std::result::Result<Value, Trouble> {
        let reply = self.call(operation, body)?;
        match reply.status {
            200 => Ok(reply.body),
            _ => reply.unexpected(body),
        }
    }

    /// All items of a Scan or Query, over all of its pages.
    pub fn all_items(
        &mut self,
        operation: &str,
        request: &Value,
    ) -> std::result::Result<Vec<Value>, Trouble> {
        let mut request = request.clone();
        let mut items = Vec::new();
        loop {
            let mut page = self.expect(operation, &request)?;
            match page["Items"].take() {
                Value::Array(more) => items.extend(more),
                _ => return Err(Failure::new(format!("{operation}'s answer has no Items")).into()),
            }
            match page["LastEvaluatedKey"].take() {
                Value::Null => return Ok(items),
                key => request["ExclusiveStartKey"] = key,
            }
        }
    }
}
