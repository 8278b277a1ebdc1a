//! Errors of the store, as the errors of the API that they become.

use api::{Error, ErrorKind};
use store::StoreError;

/// The answer to a request that the store could not serve.
pub(crate) fn from_store(error: StoreError) -> Error {
    match error {
        // These tell the caller what to do; anything else is for the operator, in the log.
        StoreError::NoSpace { .. } | StoreError::Poisoned(_) | StoreError::Closed => {
            Error::new(ErrorKind::InternalServerError, error.to_string())
        }
        error => {
            tracing::error!(%error, "the store failed");
            Error::internal()
        }
    }
}
