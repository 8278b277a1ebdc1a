//! What a request says of its signature.
//!
//! A signature must be there and have its parts, as the service demands, in an `Authorization`
//! header or in the query of a presigned address. It is not verified: [`read_claim`] tells who the
//! client says it is, and verification has its place between that and the use of the claim. The
//! order of the checks and their words are the service's.

use std::borrow::Cow;
use std::mem;

use hyper::HeaderMap;
use hyper::header;

use crate::fault::Fault;

/// Who the client says it is, from its credential scope. Unverified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim<'a> {
    pub access_key_id: Cow<'a, str>,
    /// `None` where the signature is good for several regions.
    pub region: Option<Cow<'a, str>>,
}

const SIGV4: &str = "AWS4-HMAC-SHA256";
/// The asymmetric form, whose scope names no region.
const SIGV4A: &str = "AWS4-ECDSA-P256-SHA256";

/// The longest region name taken, in bytes.
const REGION_BYTES_MAX: usize = 64;

/// Reads the claim from the headers or the query, wherever the signature is.
pub(crate) fn read_claim<'a>(headers: &'a HeaderMap, query: Option<&'a str>) -> Result<Claim<'a>, Fault> {
    let authorization =
        headers
            .get(header::AUTHORIZATION)
            .map(|value| match str::from_utf8(value.as_bytes()) {
                Ok(text) => Cow::Borrowed(text),
                Err(_) => String::from_utf8_lossy(value.as_bytes()),
            });
    let query = query.filter(|query| parameter(query, "X-Amz-Algorithm").is_some());
    match (authorization, query) {
        (Some(_), Some(_)) => Err(Fault::invalid_signature(
            "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."
                .to_owned(),
        )),
        (Some(value), None) if value.trim_start().starts_with("AWS4-") => {
            let has_date = headers.contains_key("x-amz-date") || headers.contains_key(header::DATE);
            match value {
                Cow::Borrowed(value) => claim_of_header(value, has_date),
                Cow::Owned(value) => claim_of_header(&value, has_date).map(Claim::into_owned),
            }
        }
        (None, Some(query)) => claim_of_query(query),
        _ => Err(Fault::missing_authentication_token()),
    }
}

fn claim_of_header(authorization: &str, has_date: bool) -> Result<Claim<'_>, Fault> {
    let mut words = words(authorization);
    let algorithm = words.next().unwrap_or_default();
    let (mut credential, mut signature, mut signed_headers) = ("", "", "");
    for word in words {
        if let Some(value) = word.strip_prefix("Credential=") {
            credential = value;
        } else if let Some(value) = word.strip_prefix("Signature=") {
            signature = value;
        } else if let Some(value) = word.strip_prefix("SignedHeaders=") {
            signed_headers = value;
        }
    }
    if has_date && ![credential, signature, signed_headers].contains(&"") {
        return claim_of_credential(algorithm, Cow::Borrowed(credential));
    }
    let mut message = String::new();
    for (name, value) in [
        ("Credential", credential),
        ("Signature", signature),
        ("SignedHeaders", signed_headers),
    ] {
        if value.is_empty() {
            message += &format!("Authorization header requires '{name}' parameter. ");
        }
    }
    if !has_date {
        message += "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ";
    }
    message += &format!("Authorization={authorization}");
    Err(Fault::incomplete_signature(message))
}

/// What stands between commas and blanks.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut start = 0;
    memchr::memchr2_iter(b',', b' ', text.as_bytes())
        .chain([text.len()])
        .map(move |end| &text[mem::replace(&mut start, end + 1)..end])
        .filter(|word| !word.is_empty())
}

fn claim_of_query(query: &str) -> Result<Claim<'_>, Fault> {
    const REQUIRED: [&str; 5] = [
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Signature",
        "X-Amz-SignedHeaders",
        "X-Amz-Date",
    ];
    let mut message = String::new();
    for name in REQUIRED {
        if parameter(query, name).is_none_or(str::is_empty) {
            message += &format!("AWS query-string parameters must include '{name}'. ");
        }
    }
    if !message.is_empty() {
        message += "Re-examine the query-string parameters.";
        return Err(Fault::incomplete_signature(message));
    }
    let algorithm = percent_decoded(parameter(query, "X-Amz-Algorithm").unwrap_or_default());
    let credential = percent_decoded(parameter(query, "X-Amz-Credential").unwrap_or_default());
    claim_of_credential(&algorithm, credential)
}

/// Takes apart `key/date/region/service/aws4_request`.
fn claim_of_credential<'a>(algorithm: &str, credential: Cow<'a, str>) -> Result<Claim<'a>, Fault> {
    if algorithm != SIGV4 && algorithm != SIGV4A {
        return Err(Fault::incomplete_signature(format!(
            "Unsupported AWS 'algorithm': '{algorithm}' (only {SIGV4} for now). "
        )));
    }
    let trimmed = credential.trim_end_matches('/');
    let elements = trimmed.split('/').count();
    if elements != 5 && !(algorithm == SIGV4A && elements == 4) {
        return Err(Fault::incomplete_signature(format!(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{credential}'"
        )));
    }
    let claim = match credential {
        Cow::Borrowed(credential) => scope(credential, elements),
        Cow::Owned(credential) => scope(&credential, elements).into_owned(),
    };
    if let Some(region) = claim.region.as_deref().filter(|region| !is_region(region)) {
        return Err(Fault::invalid_signature(format!(
            "Credential should be scoped to a valid region, not '{region}'. "
        )));
    }
    Ok(claim)
}

fn scope(credential: &str, elements: usize) -> Claim<'_> {
    let mut parts = credential.split('/');
    Claim {
        access_key_id: Cow::Borrowed(parts.next().unwrap_or_default()),
        region: parts.nth(1).filter(|_| elements == 5).map(Cow::Borrowed),
    }
}

/// Any word will do for a region: clients of a local endpoint send `local` and the like.
fn is_region(region: &str) -> bool {
    (1..=REGION_BYTES_MAX).contains(&region.len())
        && region
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

impl Claim<'_> {
    fn into_owned(self) -> Claim<'static> {
        Claim {
            access_key_id: Cow::Owned(self.access_key_id.into_owned()),
            region: self.region.map(|region| Cow::Owned(region.into_owned())),
        }
    }
}

/// The value of a query parameter as it stands in the query, empty where it has none.
fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .find_map(|(key, value)| (key == name).then_some(value))
}

/// Undoes percent encoding; what is wrongly encoded stays as it is.
fn percent_decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(escaped.unwrap_or(bytes[at]));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
}

#[cfg(test)]
mod tests;
