//! Claims, and what is wrong with those that are none.

use hyper::header::{HeaderName, HeaderValue};

use super::*;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_str(value).unwrap(),
            )
        })
        .collect()
}

/// Either `key@region` or the error's document.
fn outcome(pairs: &[(&'static str, &str)], query: Option<&str>) -> String {
    match read_claim(&headers(pairs), query) {
        Ok(claim) => format!(
            "{}@{}",
            claim.access_key_id,
            claim.region.as_deref().unwrap_or("*")
        ),
        Err(fault) => String::from_utf8(fault.body()).unwrap(),
    }
}

#[test]
fn claims_are_read_from_headers_and_queries() {
    let check = |pairs: &[(&'static str, &str)], query: Option<&str>, expected: &str| {
        assert_eq!(outcome(pairs, query), expected, "{pairs:?} {query:?}");
    };
    let date = ("x-amz-date", "20261120T000000Z");
    let signed = |credential: &str| {
        format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host;x-amz-date, Signature=ab")
    };
    check(
        &[
            (
                "authorization",
                &signed("AKID/20261120/eu-west-2/dynamodb/aws4_request"),
            ),
            date,
        ],
        None,
        "AKID@eu-west-2",
    );
    check(
        &[
            ("authorization", &signed("a/b/local/dynamodb/aws4_request/")),
            ("date", "x"),
        ],
        None,
        "a@local",
    );
    check(
        &[
            (
                "authorization",
                "AWS4-ECDSA-P256-SHA256 Credential=AKID/20261120/dynamodb/aws4_request,SignedHeaders=host,Signature=ab",
            ),
            date,
        ],
        None,
        "AKID@*",
    );
    check(
        &[],
        Some(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20261120%2Feu-west-2%2Fdynamodb%2Faws4_request\
             &X-Amz-Date=d&X-Amz-SignedHeaders=host&X-Amz-Signature=c",
        ),
        "AKID@eu-west-2",
    );
}

#[test]
fn what_is_missing_is_named_as_the_service_names_it() {
    let check = |pairs: &[(&'static str, &str)], query: Option<&str>, kind: &str, message: &str| {
        let expected = format!(r#"{{"__type":"com.amazon.coral.service#{kind}","message":"{message}"}}"#);
        assert_eq!(outcome(pairs, query), expected, "{pairs:?} {query:?}");
    };
    let missing = (
        "MissingAuthenticationTokenException",
        "Request is missing Authentication Token",
    );
    check(&[], None, missing.0, missing.1);
    check(&[("authorization", "AWS4")], None, missing.0, missing.1);
    check(
        &[("authorization", "X")],
        Some("X-Amz-Algorith"),
        missing.0,
        missing.1,
    );
    check(
        &[],
        Some("X-Amz-Credential=a&X-Amz-Signature=b"),
        missing.0,
        missing.1,
    );
    check(
        &[("authorization", "X")],
        Some("X-Amz-Algorithm"),
        "InvalidSignatureException",
        "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
    );
    let incomplete = "IncompleteSignatureException";
    check(
        &[("authorization", "AWS4-")],
        None,
        incomplete,
        "Authorization header requires 'Credential' parameter. \
         Authorization header requires 'Signature' parameter. \
         Authorization header requires 'SignedHeaders' parameter. \
         Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. \
         Authorization=AWS4-",
    );
    for authorization in [
        "AWS4- Signature=b Credential=a",
        "AWS4- Signature=b,Credential=a",
        "AWS4- Signature=b, Credential=a",
    ] {
        check(
            &[("authorization", authorization), ("date", "a")],
            None,
            incomplete,
            &format!(
                "Authorization header requires 'SignedHeaders' parameter. Authorization={authorization}"
            ),
        );
    }
    check(
        &[],
        Some("X-Amz-Algorithm=a&X-Amz-Credential=b&X-Amz-Signature=c&X-Amz-Date=d"),
        incomplete,
        "AWS query-string parameters must include 'X-Amz-SignedHeaders'. Re-examine the query-string parameters.",
    );
    check(
        &[
            (
                "authorization",
                "AWS4-HMAC-SHA25 Credential=a, SignedHeaders=b, Signature=c",
            ),
            ("date", "a"),
        ],
        None,
        incomplete,
        "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA25' (only AWS4-HMAC-SHA256 for now). ",
    );
    check(
        &[
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=a/b/c/d, SignedHeaders=b, Signature=c",
            ),
            ("date", "a"),
        ],
        None,
        incomplete,
        "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'a/b/c/d'",
    );
    check(
        &[
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=a/b/<c>/d/e, SignedHeaders=b, Signature=c",
            ),
            ("date", "a"),
        ],
        None,
        "InvalidSignatureException",
        "Credential should be scoped to a valid region, not '<c>'. ",
    );
}
