//! Asking a server: its page of metrics, and operations of its API.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::failure::Failure;

/// How long a server may take for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// A signature in form, as requests must have one; servers do not verify it yet.
const SIGNATURE: &str = "AWS4-HMAC-SHA256 Credential=top/20260101/us-east-1/dynamodb/aws4_request, \
                         SignedHeaders=host;x-amz-date;x-amz-target, \
                         Signature=0000000000000000000000000000000000000000000000000000000000000000";

/// A server to ask.
#[derive(Clone, Debug)]
pub struct Client {
    endpoint: String,
    authority: String,
    host: String,
    port: u16,
}

/// An answer: its status and its body.
type Answer = (StatusCode, Bytes);

impl Client {
    /// Of the server at `http://host:port`.
    pub fn new(endpoint: &str) -> Result<Self, Failure> {
        let wrong = || {
            Failure::new(format!(
                "{endpoint} is no endpoint; it is written like http://127.0.0.1:8000"
            ))
        };
        let uri: Uri = endpoint.parse().map_err(|_| wrong())?;
        let (Some("http"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(wrong());
        };
        Ok(Client {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            authority: authority.to_string(),
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            port: authority.port_u16().unwrap_or(80),
        })
    }

    /// Where the server is.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The page of metrics, as text.
    pub async fn metrics(&self) -> Result<String, Failure> {
        let request = Request::get("/metrics");
        let (status, body) = self.ask(request, Bytes::new()).await?;
        let text = String::from_utf8(body.into()).unwrap_or_default();
        // Others have a page of metrics, too.
        if status == StatusCode::OK && text.contains("stator_build_info") {
            return Ok(text);
        }
        Err(Failure::new(format!(
            "what answers at {} is no Stator, or one that was started with --metrics off",
            self.endpoint
        )))
    }

    /// The answer of an operation, whose target this is; `None` where it is refused.
    pub async fn call(&self, target: &str, input: &Value) -> Result<Option<Value>, Failure> {
        let request = Request::builder()
            .method(Method::POST)
            .uri("/")
            .header(CONTENT_TYPE, "application/x-amz-json-1.0")
            .header("x-amz-target", target)
            .header("x-amz-date", "20260101T000000Z")
            .header(AUTHORIZATION, SIGNATURE);
        let (status, body) = self.ask(request, input.to_string().into()).await?;
        let answer = (status == StatusCode::OK).then(|| serde_json::from_slice(&body).ok());
        Ok(answer.flatten())
    }

    async fn ask(&self, request: hyper::http::request::Builder, body: Bytes) -> Result<Answer, Failure> {
        let request = request.header(HOST, &self.authority).body(Full::new(body));
        let request = request.map_err(|error| Failure::new(format!("the request is none: {error}")))?;
        match tokio::time::timeout(PATIENCE, self.exchange(request)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(why)) => Err(self.unreachable(&why)),
            Err(_) => Err(self.unreachable("no answer in time")),
        }
    }

    fn unreachable(&self, why: &str) -> Failure {
        Failure::new(format!(
            "no Stator answers at {} ({why}); start one with `stator serve`, or name another with --endpoint",
            self.endpoint
        ))
    }

    /// One request on a connection of its own: there are a few each second.
    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await;
        let stream = stream.map_err(|error| error.to_string())?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| error.to_string())?;
        let driving = tokio::spawn(connection);
        let exchange = async {
            let response = sender.send_request(request).await?;
            let status = response.status();
            let body = response.into_body().collect().await?.to_bytes();
            Ok::<Answer, hyper::Error>((status, body))
        };
        let answer = exchange.await.map_err(|error| error.to_string());
        driving.abort();
        answer
    }
}
