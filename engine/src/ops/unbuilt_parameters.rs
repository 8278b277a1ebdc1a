//! Parameters of CreateTable and UpdateTable whose features are not built: when they ask for
//! something, and when they only say that nothing is wanted.

use api::Error;
use api::types::{SSESpecification, SSEType};

use super::table_errors::invalid;

/// Whether a list asks for anything.
pub(super) fn is_asked_for<T>(list: Option<&[T]>) -> bool {
    list.is_some_and(|list| !list.is_empty())
}

/// Checks an encryption specification, and tells whether it asks for a key of one's own.
pub(super) fn check_encryption(specification: Option<&SSESpecification>) -> Result<bool, Error> {
    let Some(specification) = specification else {
        return Ok(false);
    };
    if specification.enabled == Some(false) {
        if specification.sse_type.is_some() {
            return Err(invalid("SSEType can not be specified if Enabled is false"));
        }
        if specification.kms_master_key_id.is_some() {
            return Err(invalid("KMSMasterKeyId can not be specified if Enabled is false"));
        }
    }
    if specification.sse_type == Some(SSEType::Aes256) {
        return Err(invalid("SSEType AES256 is not supported"));
    }
    if specification.kms_master_key_id.is_some() && specification.sse_type.is_none() {
        return Err(invalid("SSEType KMS is required if KMSMasterKeyId is specified"));
    }
    Ok(specification.enabled == Some(true) || specification.sse_type.is_some())
}
