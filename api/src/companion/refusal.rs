//! Errors of companions, written in the protocol of the request.

use serde_json::{Value, json};

use super::{Companion, CompanionAnswer, Protocol, cbor, xml};

/// What the wire shows of a kind of error.
#[derive(Debug, PartialEq, Eq)]
pub struct ErrorForm {
    /// The name in the model.
    pub(crate) name: &'static str,
    /// The older name, which the query protocol shows.
    pub(crate) code: &'static str,
    pub(crate) status: u16,
    /// How the member that holds the message is spelled.
    pub(crate) message: &'static str,
}

/// Why a companion refuses a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    error: &'static ErrorForm,
    /// The message; where it is empty, the response has none.
    pub message: String,
}

impl Refusal {
    pub(crate) fn new(error: &'static ErrorForm, message: String) -> Self {
        Refusal { error, message }
    }

    /// The error's name in the model.
    pub fn name(&self) -> &'static str {
        self.error.name
    }

    /// Whether whoever asked is to blame.
    fn is_senders(&self) -> bool {
        self.error.status < 500
    }

    pub(super) fn answer(
        &self,
        companion: Companion,
        protocol: Protocol,
        request_id: &str,
    ) -> CompanionAnswer {
        let fault = if self.is_senders() { "Sender" } else { "Receiver" };
        let type_name = match (companion, protocol) {
            (Companion::CloudWatch, Protocol::Cbor) => {
                format!("com.amazonaws.cloudwatch#{}", self.error.name)
            }
            _ => self.error.name.to_owned(),
        };
        let mut document = json!({ "__type": type_name });
        if !self.message.is_empty() {
            document[self.error.message] = Value::from(self.message.as_str());
        }
        CompanionAnswer {
            status: self.error.status,
            query_error: (companion == Companion::CloudWatch && protocol != Protocol::Query)
                .then(|| format!("{};{fault}", self.error.code)),
            body: match protocol {
                Protocol::Json => document.to_string().into_bytes(),
                Protocol::Cbor => cbor::write_plain(&document),
                Protocol::Query => xml::refusal(fault, self.error.code, &self.message, request_id),
            },
        }
    }
}
