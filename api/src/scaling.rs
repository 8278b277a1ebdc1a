//! Application Auto Scaling as a companion of DynamoDB: capacity that follows load and clock.

use crate::companion::{Built, Description, ErrorForm, Refusal, not_supported, read, written};
use crate::context::Context;
use crate::report::{Report, tables::scaling as tables};
use types::*;

/// The types of requests and responses, as the API's model has them.
#[allow(missing_docs, reason = "the model names what a type without members is")]
pub mod types {
    use indexmap::IndexMap;

    include!(concat!(env!("OUT_DIR"), "/scaling_types.rs"));
}

pub(crate) mod forms {
    use crate::companion::{Form, MemberForm, StructureForm};

    include!(concat!(env!("OUT_DIR"), "/scaling_forms.rs"));
}

include!(concat!(env!("OUT_DIR"), "/scaling_service.rs"));

impl ErrorKind {
    /// The refusal of a request for this, with a message.
    pub fn because(self, message: impl Into<String>) -> Refusal {
        Refusal::new(&ERRORS[self as usize], message.into())
    }
}

/// The refusal of a request that breaks a constraint of the model.
fn violation(message: String) -> Refusal {
    ErrorKind::ValidationException.because(message)
}
