//! Errors as a client sees them, and the one table that gives each its status and its name.

use std::fmt;

use model::Item;

use crate::encode::{Encode, Object};
use crate::types::{CancellationReason, ThrottlingReason};

/// What the wire shows of a kind of error.
struct Wire {
    kind: ErrorKind,
    name: &'static str,
    /// With its namespace.
    type_name: &'static str,
    status: u16,
    /// How the member that holds the message is spelled.
    message: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/errors.rs"));

impl ErrorKind {
    fn wire(self) -> &'static Wire {
        &ERRORS[self as usize]
    }

    /// The name without its namespace.
    pub fn name(self) -> &'static str {
        self.wire().name
    }

    /// The name with its namespace, as a response's `__type` gives it.
    pub fn type_name(self) -> &'static str {
        self.wire().type_name
    }

    /// The status of the response.
    pub fn status(self) -> u16 {
        self.wire().status
    }

    /// The error of that name.
    pub fn from_name(name: &str) -> Option<ErrorKind> {
        ERRORS.iter().find(|wire| wire.name == name).map(|wire| wire.kind)
    }
}

/// An error of the API.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    /// What went wrong.
    pub kind: ErrorKind,
    /// The message; where it is empty, the response has none.
    pub message: String,
    /// The item that a failed condition met, where the request asked for it.
    pub item: Option<Item>,
    /// Why a transaction was cancelled: a reason for each of its actions.
    pub cancellation_reasons: Option<Vec<CancellationReason>>,
    /// Why a request was throttled.
    pub throttling_reasons: Option<Vec<ThrottlingReason>>,
}

impl Error {
    /// An error of a kind with a message.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error {
            kind,
            message: message.into(),
            item: None,
            cancellation_reasons: None,
            throttling_reasons: None,
        }
    }

    /// A ValidationException.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::ValidationException, message)
    }

    /// A ResourceNotFoundException.
    pub fn resource_not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::ResourceNotFoundException, message)
    }

    /// A ResourceInUseException.
    pub fn resource_in_use(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::ResourceInUseException, message)
    }

    /// A ConditionalCheckFailedException, with the item that was met where the request asked for it.
    pub fn conditional_check_failed(item: Option<Item>) -> Self {
        Error {
            item,
            ..Self::new(
                ErrorKind::ConditionalCheckFailedException,
                "The conditional request failed",
            )
        }
    }

    /// A TransactionCanceledException with a reason for each action.
    pub fn transaction_canceled(reasons: Vec<CancellationReason>) -> Self {
        let codes: Vec<&str> = reasons
            .iter()
            .map(|reason| reason.code.as_deref().unwrap_or("None"))
            .collect();
        let message = format!(
            "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
            codes.join(", ")
        );
        Error {
            cancellation_reasons: Some(reasons),
            ..Self::new(ErrorKind::TransactionCanceledException, message)
        }
    }

    /// An InternalServerError.
    pub fn internal() -> Self {
        Self::new(ErrorKind::InternalServerError, "Internal server error")
    }

    /// The UnknownOperationException of an operation that is not built.
    pub fn unknown_operation(name: &str) -> Self {
        Self::new(
            ErrorKind::UnknownOperationException,
            format!("The operation {name} is not supported."),
        )
    }

    /// The response's body.
    pub fn to_json(&self) -> Vec<u8> {
        let wire = self.kind.wire();
        let mut out = Vec::with_capacity(128 + self.message.len());
        let mut object = Object::begin(&mut out);
        object.member("__type", Some(&wire.type_name.to_owned()));
        object.member("CancellationReasons", self.cancellation_reasons.as_ref());
        if let Some(item) = &self.item {
            item.encode(object.name("Item"));
        }
        object.member("ThrottlingReasons", self.throttling_reasons.as_ref());
        if !self.message.is_empty() {
            object.member(wire.message, Some(&self.message));
        }
        object.end();
        out
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.kind.name(), self.message)
    }
}

impl std::error::Error for Error {}
