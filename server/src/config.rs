//! The server's settings: every bound on what clients can make it hold or wait for.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// Settings of a server. [`Default`] gives what `stator serve` runs with.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The region that all requests count as sent to. `None`: the one in their credential scope.
    pub region: Option<Arc<str>>,
    /// The account that all requests count as sent by.
    pub account_id: Arc<str>,
    /// Web origins that are served besides those on loopback.
    pub cors_origins: Vec<CorsOrigin>,
    /// Whether `GET /metrics` is answered with the service's page of metrics.
    pub shows_metrics: bool,
    /// Open connections. Further ones wait, unaccepted, until one closes.
    pub max_connections: usize,
    /// The largest request body, in bytes, after decompression.
    pub max_body_bytes: usize,
    /// Memory for request bodies over [`SMALL_BODY_BYTES`] and what is made of them, in bytes, over
    /// all connections: three times the bodies. Requests beyond it wait, within `body_timeout`. At
    /// least three times `max_body_bytes` is used.
    pub max_body_bytes_total: usize,
    /// Memory for large answers, in bytes, over all connections: while they are made, and until
    /// their clients have taken them. Requests beyond it wait, within `request_timeout`. At least
    /// what the largest answer takes is used, 40 MiB.
    pub max_answer_bytes_total: usize,
    /// From the first byte of a request to the end of its headers.
    pub head_timeout: Duration,
    /// From the end of the headers to the end of the body.
    pub body_timeout: Duration,
    /// From the end of the body to the answer. After it the client gets an internal error.
    pub request_timeout: Duration,
    /// For a client that takes no byte of an answer.
    pub write_timeout: Duration,
    /// For a connection on which nothing is asked.
    pub idle_timeout: Duration,
    /// For what has been begun when the server is told to stop.
    pub drain_timeout: Duration,
}

/// Bodies up to this size, in bytes, are not counted against [`ServerConfig::max_body_bytes_total`].
pub(crate) const SMALL_BODY_BYTES: usize = 64 * 1024;

/// The region of requests that name none.
pub(crate) const DEFAULT_REGION: &str = "us-east-1";

impl Default for ServerConfig {
    fn default() -> Self {
        ServerConfig {
            region: None,
            account_id: "000000000000".into(),
            cors_origins: Vec::new(),
            shows_metrics: true,
            max_connections: 4096,
            max_body_bytes: 16 * 1024 * 1024,
            max_body_bytes_total: 256 * 1024 * 1024,
            max_answer_bytes_total: 256 * 1024 * 1024,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(300),
            drain_timeout: Duration::from_secs(30),
        }
    }
}

/// A web origin that may call the server: `scheme://host[:port]`, `null`, or `*` for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsOrigin(pub(crate) Arc<str>);

impl FromStr for CorsOrigin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let origin = text.trim_end_matches('/').to_ascii_lowercase();
        let known_form = match origin.split_once("://") {
            Some((scheme, host)) => {
                !scheme.is_empty()
                    && !host.is_empty()
                    && !host.contains(|c: char| matches!(c, '/' | '?' | '#' | '@') || c.is_whitespace())
            }
            None => origin == "*" || origin == "null",
        };
        match known_form {
            true => Ok(CorsOrigin(origin.into())),
            false => Err(InvalidOrigin),
        }
    }
}

/// The text is no web origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidOrigin;

impl fmt::Display for InvalidOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an origin is written scheme://host or scheme://host:port, or * for all of them")
    }
}

impl std::error::Error for InvalidOrigin {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_scheme_host_and_port() {
        let check = |text: &str, expected: Option<&str>| {
            let parsed = text.parse::<CorsOrigin>().ok();
            assert_eq!(parsed.as_ref().map(|origin| &*origin.0), expected, "{text}");
        };
        check("https://app.example.org", Some("https://app.example.org"));
        check(
            "HTTPS://App.Example.org:8443/",
            Some("https://app.example.org:8443"),
        );
        check("*", Some("*"));
        check("null", Some("null"));
        check("chrome-extension://abcdef", Some("chrome-extension://abcdef"));
        check("app.example.org", None);
        check("https://", None);
        check("https://a/b", None);
        check("https://user@a", None);
        check("", None);
    }
}
