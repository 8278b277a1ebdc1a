//! A client that sends bytes as they are, and a reader of responses.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longer than anything here lasts.
const PATIENCE: Duration = Duration::from_secs(20);

pub const SIGNATURE: &str = "authorization: AWS4-HMAC-SHA256 \
     Credential=AKID/20261120/eu-west-2/dynamodb/aws4_request, SignedHeaders=host, Signature=ab\r\n\
     x-amz-date: 20261120T000000Z\r\n";

pub struct Client {
    stream: TcpStream,
    ahead: Vec<u8>,
}

#[derive(Debug)]
pub struct Response {
    pub status: u16,
    head: String,
    pub body: Vec<u8>,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }
}

/// A whole, signed request for an operation.
pub fn request(target: &str, extra_headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "POST / HTTP/1.1\r\nhost: x\r\nx-amz-target: {target}\r\ncontent-type: application/x-amz-json-1.0\r\n\
         {SIGNATURE}{extra_headers}content-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        Client {
            stream: TcpStream::connect(address).await.expect("a connection"),
            ahead: Vec::new(),
        }
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("sent");
    }

    /// As [`Client::send`], where the server may close before it has everything.
    pub async fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    pub async fn half_close(&mut self) {
        self.stream.shutdown().await.expect("closed for sending");
    }

    /// Sends a request for an operation and reads the answer.
    pub async fn call(&mut self, target: &str, extra_headers: &str, body: &[u8]) -> Response {
        self.send(&request(target, extra_headers, body)).await;
        self.response().await
    }

    pub async fn response(&mut self) -> Response {
        self.next_response()
            .await
            .expect("a response before the end of the connection")
    }

    /// The next response, or `None` where the connection ends before it.
    pub async fn next_response(&mut self) -> Option<Response> {
        tokio::time::timeout(PATIENCE, self.read_response())
            .await
            .expect("an answer in time")
    }

    /// Reads to the end of the connection; tells whether there was nothing more.
    pub async fn is_closed(&mut self) -> bool {
        let rest = tokio::time::timeout(PATIENCE, self.more())
            .await
            .expect("an end in time");
        !rest && self.ahead.is_empty()
    }

    async fn read_response(&mut self) -> Option<Response> {
        let head_end = loop {
            if let Some(at) = self.ahead.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            if !self.more().await {
                return None;
            }
        };
        let head = String::from_utf8(self.ahead.drain(..head_end).collect()).expect("text");
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .expect("a status");
        let mut response = Response {
            status,
            head,
            body: Vec::new(),
        };
        let length = response
            .header("content-length")
            .map_or(0, |length| length.parse().expect("a length"));
        while self.ahead.len() < length {
            if !self.more().await {
                return None;
            }
        }
        response.body = self.ahead.drain(..length).collect();
        Some(response)
    }

    async fn more(&mut self) -> bool {
        let mut buffer = vec![0; 64 * 1024];
        let read = self.stream.read(&mut buffer).await.unwrap_or(0);
        self.ahead.extend_from_slice(&buffer[..read]);
        read > 0
    }
}
