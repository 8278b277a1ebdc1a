//! How the service words what is wrong with a request about a table, by kind.

use std::fmt::Display;

use api::{Error, ErrorKind};

/// A parameter that contradicts another one, or the table.
pub(super) fn invalid(detail: impl Display) -> Error {
    Error::validation(format!("One or more parameter values were invalid: {detail}"))
}

/// A table or index whose state forbids the change.
pub(super) fn in_use(detail: impl Display) -> Error {
    Error::resource_in_use(format!(
        "Attempt to change a resource which is still in use: {detail}"
    ))
}

/// A limit of the service that the change would exceed.
pub(super) fn over_limit(detail: impl Display) -> Error {
    Error::new(
        ErrorKind::LimitExceededException,
        format!("Subscriber limit exceeded: {detail}"),
    )
}

/// A parameter whose feature is not built. Nothing that is asked for is dropped in silence.
pub(super) fn not_supported(parameter: &str) -> Error {
    invalid(format_args!(
        "{parameter} is not supported by this version of Stator"
    ))
}
