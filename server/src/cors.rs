//! Which web pages may call the server.
//!
//! Browsers send an `Origin` header, DynamoDB clients don't. Signatures are not verified yet, so a
//! page of any site could otherwise read and write a database on the visitor's own machine. Only
//! pages that come from loopback themselves are served, and those of origins that were named.

use std::net::{Ipv4Addr, Ipv6Addr};

use hyper::HeaderMap;
use hyper::header::{self, HeaderName, HeaderValue};

use crate::config::CorsOrigin;

/// Who is asking, as far as the `Origin` header tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// No web page.
    None,
    /// A page that may ask.
    Allowed(HeaderValue),
    /// A page that may not.
    Refused(HeaderValue),
}

/// How long a browser may remember a preflight's answer, in seconds; the service says two days.
const MAX_AGE_SECONDS: HeaderValue = HeaderValue::from_static("172800");
const EXPOSED: HeaderValue =
    HeaderValue::from_static("x-amzn-RequestId,x-amzn-ErrorType,x-amzn-ErrorMessage,x-amz-crc32,Date");
const REQUEST_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-request-private-network");
const ALLOW_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");

impl Origin {
    /// Judges the request's `Origin` header.
    pub fn of(headers: &HeaderMap, named: &[CorsOrigin]) -> Self {
        let Some(origin) = headers.get(header::ORIGIN) else {
            return Origin::None;
        };
        let all_allowed = headers.get_all(header::ORIGIN).iter().all(|origin| {
            origin.to_str().is_ok_and(|text| {
                is_loopback(text)
                    || named
                        .iter()
                        .any(|named| &*named.0 == "*" || named.0.eq_ignore_ascii_case(text))
            })
        });
        match all_allowed {
            true => Origin::Allowed(origin.clone()),
            false => Origin::Refused(origin.clone()),
        }
    }

    /// Adds what lets the page read the answer.
    pub fn add_headers(self, headers: &mut HeaderMap) {
        if let Origin::Allowed(origin) = self {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
            headers.insert(header::VARY, HeaderValue::from_static("Origin"));
        }
    }
}

/// What a preflight is answered with, besides what every answer to a page has.
pub(crate) fn add_preflight_headers(request: &HeaderMap, response: &mut HeaderMap) {
    let echoed = [
        (
            header::ACCESS_CONTROL_REQUEST_HEADERS,
            header::ACCESS_CONTROL_ALLOW_HEADERS,
        ),
        (
            header::ACCESS_CONTROL_REQUEST_METHOD,
            header::ACCESS_CONTROL_ALLOW_METHODS,
        ),
        (REQUEST_PRIVATE_NETWORK, ALLOW_PRIVATE_NETWORK),
    ];
    for (asked, allowed) in echoed {
        if let Some(value) = request.get(asked) {
            response.insert(allowed, value.clone());
        }
    }
    response.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECONDS);
}

/// Whether an origin is a page that this machine serves itself.
fn is_loopback(origin: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else {
        return false;
    };
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return false;
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    port.is_none_or(|port| port.parse::<u16>().is_ok()) && is_loopback_host(host)
}

fn is_loopback_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address
            .parse::<Ipv6Addr>()
            .is_ok_and(|address| address.is_loopback());
    }
    let host = host.to_ascii_lowercase();
    host == "localhost"
        || host.ends_with(".localhost")
        || host
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_this_machine_are_told_apart() {
        let check = |origin: &str, expected: bool| assert_eq!(is_loopback(origin), expected, "{origin}");
        check("http://localhost", true);
        check("http://localhost:3000", true);
        check("https://LOCALHOST:8443", true);
        check("http://app.localhost:3000", true);
        check("http://127.0.0.1:8000", true);
        check("http://127.255.0.9", true);
        check("http://[::1]:8000", true);
        check("http://[::1]", true);
        check("http://[::2]", false);
        check("http://[::1]evil.example", false);
        check("http://localhost.evil.example", false);
        check("http://notlocalhost", false);
        check("http://127.0.0.1.evil.example", false);
        check("http://10.0.0.1", false);
        check("http://localhost:port", false);
        check("file://localhost", false);
        check("null", false);
        check("", false);
    }

    #[test]
    fn named_origins_are_allowed_and_every_header_counts() {
        let named = ["https://app.example.org".parse().unwrap()];
        let check = |origins: &[&str], expected: bool| {
            let mut headers = HeaderMap::new();
            for origin in origins {
                headers.append(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
            }
            let judged = Origin::of(&headers, &named);
            assert_eq!(matches!(judged, Origin::Allowed(_)), expected, "{origins:?}");
        };
        check(&["https://app.example.org"], true);
        check(&["https://APP.example.org"], true);
        check(&["https://app.example.org:444"], false);
        check(&["http://app.example.org"], false);
        check(&["http://localhost", "https://evil.example"], false);
        check(&["null"], false);
        let mut headers = HeaderMap::new();
        assert_eq!(Origin::of(&headers, &named), Origin::None);
        headers.insert(header::ORIGIN, HeaderValue::from_static("https://any.example"));
        assert!(matches!(
            Origin::of(&headers, &["*".parse().unwrap()]),
            Origin::Allowed(_)
        ));
    }
}
