//! The answers that are given before an operation is reached, in the words of the service's own
//! request framework.

use hyper::StatusCode;

/// An error of the framework: what the service answers before DynamoDB itself has seen the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub status: StatusCode,
    kind: &'static str,
    message: Option<String>,
}

const CORAL: &str = "com.amazon.coral.service#";
const DYNAMODB: &str = "com.amazonaws.dynamodb.v20120810#";

impl Fault {
    fn new(status: StatusCode, kind: &'static str, message: Option<String>) -> Self {
        Fault {
            status,
            kind,
            message,
        }
    }

    /// The target names no operation. The service adds no message.
    pub fn unknown_operation() -> Self {
        Fault::new(StatusCode::BAD_REQUEST, "UnknownOperationException", None)
    }

    /// The body is empty or no JSON. The service adds no message.
    pub fn serialization() -> Self {
        Fault::new(StatusCode::BAD_REQUEST, "SerializationException", None)
    }

    /// The body cannot be expanded as its `Content-Encoding` says.
    pub fn bad_encoding(detail: &str) -> Self {
        Fault::new(
            StatusCode::BAD_REQUEST,
            "SerializationException",
            Some(format!("The request body cannot be decompressed: {detail}")),
        )
    }

    /// There is no signature.
    pub fn missing_authentication_token() -> Self {
        let message = "Request is missing Authentication Token".to_owned();
        Fault::new(
            StatusCode::BAD_REQUEST,
            "MissingAuthenticationTokenException",
            Some(message),
        )
    }

    /// The signature lacks a part.
    pub fn incomplete_signature(message: String) -> Self {
        Fault::new(
            StatusCode::BAD_REQUEST,
            "IncompleteSignatureException",
            Some(message),
        )
    }

    /// The signature is whole and cannot be right.
    pub fn invalid_signature(message: String) -> Self {
        Fault::new(
            StatusCode::BAD_REQUEST,
            "InvalidSignatureException",
            Some(message),
        )
    }

    /// The body is over the limit.
    pub fn too_large(max_bytes: usize) -> Self {
        Fault::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLargeException",
            Some(format!("The request body is larger than {max_bytes} bytes")),
        )
    }

    /// The body did not come in time.
    pub fn slow_body() -> Self {
        let message = "The request body did not arrive in time".to_owned();
        Fault::new(
            StatusCode::REQUEST_TIMEOUT,
            "RequestTimeoutException",
            Some(message),
        )
    }

    /// The body broke off, or its framing is wrong.
    pub fn broken_body() -> Self {
        let message = "The request body could not be read".to_owned();
        Fault::new(StatusCode::BAD_REQUEST, "SerializationException", Some(message))
    }

    /// A web page of a strange origin is asking.
    pub fn origin_refused(origin: &str) -> Self {
        Fault::new(
            StatusCode::FORBIDDEN,
            "AccessDeniedException",
            Some(format!(
                "Requests from the web origin {origin} are refused; `--cors-origin {origin}` allows them"
            )),
        )
    }

    /// There is no memory for the answer, because other clients do not take theirs.
    pub fn no_room_for_answer() -> Self {
        let message = "The memory for answers is full of those that clients have not taken yet; try again, or give it \
                       more with `--max-answer-bytes-total`";
        Fault::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "ServiceUnavailableException",
            Some(message.to_owned()),
        )
    }

    /// Something went wrong that is not the client's fault.
    pub fn internal() -> Self {
        let message = "Internal server error".to_owned();
        Fault::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalServerError",
            Some(message),
        )
    }

    /// The error's name, without its namespace.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// The message, if there is one.
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// The document that says so.
    pub fn body(&self) -> Vec<u8> {
        let namespace = match self.kind {
            "InternalServerError" => DYNAMODB,
            _ => CORAL,
        };
        let mut body = format!("{{\"__type\":\"{namespace}{}\"", self.kind).into_bytes();
        if let Some(message) = &self.message {
            // The framework spells the member in two ways.
            let member = match self.kind {
                "SerializationException" | "AccessDeniedException" => "Message",
                _ => "message",
            };
            body.extend_from_slice(format!(",\"{member}\":").as_bytes());
            body.extend_from_slice(serde_json::Value::from(message.as_str()).to_string().as_bytes());
        }
        body.push(b'}');
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The checksums are those that the service has been seen to send.
    #[test]
    fn bodies_are_the_services_to_the_byte() {
        let check = |fault: Fault, crc32: u32| {
            let body = fault.body();
            assert_eq!(
                crc32fast::hash(&body),
                crc32,
                "{}",
                String::from_utf8_lossy(&body)
            );
        };
        check(Fault::serialization(), 3948637019);
        check(Fault::unknown_operation(), 1368724161);
        check(Fault::missing_authentication_token(), 2088342776);
        check(
            Fault::invalid_signature(
                "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."
                    .into(),
            ),
            2139606068,
        );
    }

    #[test]
    fn messages_are_escaped() {
        assert_eq!(
            Fault::incomplete_signature("say \"x\"\n".into()).body(),
            br#"{"__type":"com.amazon.coral.service#IncompleteSignatureException","message":"say \"x\"\n"}"#
        );
    }
}
