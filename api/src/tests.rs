//! Tests of whole requests: what is refused, in which words, and what comes through.

mod dispatch;
mod random;
mod shapes;
mod types;
mod values;

use crate::dispatch::check_request;
use crate::{Error, ErrorKind, Operation};

fn operation(name: &str) -> Operation {
    Operation::all()
        .find(|operation| operation.name() == name)
        .unwrap_or_else(|| panic!("{name} is no operation"))
}

fn refuse(name: &str, body: &str) -> Error {
    match check_request(operation(name), body.as_bytes()) {
        Err(error) => error,
        Ok(()) => panic!("{name} accepts {body}"),
    }
}

/// The operation accepts the request.
fn accept(name: &str, body: &str) {
    if let Err(error) = check_request(operation(name), body.as_bytes()) {
        panic!("{name} refuses {body}: {error}");
    }
}

/// The operation refuses the request with a ValidationException.
fn check(name: &str, body: &str, message: &str) {
    let error = refuse(name, body);
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::ValidationException, message),
        "{name} {body}"
    );
}
