//! What to say about a request that decoding refused.
//!
//! The request is read once more, into a [`Json`] tree of bounded size, and walked along the
//! [`tables`] of its operation: first for JSON of the wrong type ([`types`]), then for values that break
//! a constraint ([`violations`]). Only refused requests pay for it.

mod echo;
pub(crate) mod tables;
mod tree;
mod types;
mod violations;

use crate::error::{Error, ErrorKind};
use crate::operation::Operation;

pub(crate) use tables::Report;
use tree::Json;

/// The error of a request that decoding refused.
pub(crate) fn refusal(operation: Operation, body: &[u8]) -> Error {
    let error = describe(operation, body);
    // Decoding looks at each member of a name, describing at the last.
    if error.message.is_empty() && matches!(tree::read(body), Ok(Json::Map(_))) {
        return Error::new(
            ErrorKind::SerializationException,
            "A member is given twice, once with a wrong value",
        );
    }
    error
}

/// What is wrong with a request; an error without a message where nothing is, or where it is no JSON.
pub(crate) fn describe(operation: Operation, body: &[u8]) -> Error {
    // Without a message: the service has none for what is no JSON.
    let Ok(tree) = tree::read(body) else {
        return Error::new(ErrorKind::SerializationException, "");
    };
    let report = operation.report();
    if let Err(message) = types::check(report.input, &tree) {
        return Error::new(ErrorKind::SerializationException, message);
    }
    match violations::describe(report, &tree) {
        Some(message) => Error::validation(message),
        None => Error::new(ErrorKind::SerializationException, ""),
    }
}

/// The message about the constraints that a request of a companion breaks, whose types are right.
pub(crate) fn violations_of(report: &Report, body: &[u8]) -> String {
    let tree = tree::read(body).unwrap_or(Json::Skipped);
    violations::describe(report, &tree).unwrap_or_default()
}

/// The value of an object's member; `None` where it is absent or null.
fn member<'j>(object: &'j Json, name: &str) -> Option<&'j Json> {
    match object {
        Json::Map(members) => members.get(name).filter(|value| !matches!(value, Json::Null)),
        _ => None,
    }
}

/// Whether a text is JSON within the bounds of the tree's depth.
#[cfg(test)]
pub(crate) fn is_json(text: &[u8]) -> bool {
    tree::read(text).is_ok()
}
