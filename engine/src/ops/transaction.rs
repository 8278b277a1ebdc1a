//! What TransactWriteItems and TransactGetItems have in common: how an action that can't be done
//! cancels the transaction.

use api::types::CancellationReason;
use api::{Error, ErrorKind};

/// The reason for an action that could have been done.
fn no_reason() -> CancellationReason {
    CancellationReason {
        code: Some("None".to_owned()),
        ..Default::default()
    }
}

/// The reason that an action's own error gives; `None` for an error that is not the action's, and
/// that the whole request answers with.
fn reason_of(error: &Error) -> Option<CancellationReason> {
    let code = match error.kind {
        ErrorKind::ConditionalCheckFailedException => "ConditionalCheckFailed",
        ErrorKind::ValidationException => "ValidationError",
        ErrorKind::ItemCollectionSizeLimitExceededException => "ItemCollectionSizeLimitExceeded",
        ErrorKind::DuplicateItemException => "DuplicateItem",
        ErrorKind::ResourceNotFoundException => "ResourceNotFound",
        _ => return None,
    };
    Some(CancellationReason {
        code: Some(code.to_owned()),
        message: Some(error.message.clone()),
        item: error.item.clone().map(Into::into),
    })
}

/// The values of all actions, or the error that cancels the transaction: a reason for every action,
/// by position.
pub(crate) fn all_or_cancelled<T>(results: Vec<Result<T, Error>>) -> Result<Vec<T>, Error> {
    if results.iter().all(Result::is_ok) {
        return Ok(results.into_iter().flatten().collect());
    }
    let mut reasons = Vec::with_capacity(results.len());
    for result in results {
        reasons.push(match result {
            Ok(_) => no_reason(),
            Err(error) => match reason_of(&error) {
                Some(reason) => reason,
                None => return Err(error),
            },
        });
    }
    Err(Error::transaction_canceled(reasons))
}
