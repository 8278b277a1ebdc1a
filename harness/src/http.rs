//! As much of HTTP/1.1 as a client needs that must cost next to nothing: requests are complete
//! bytes before the clock starts, and of an answer only the status and the length are read.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::failure::{Context, Failure, Result};

/// How long a single call outside the measurements may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// The bytes of a request for one operation of DynamoDB.
///
/// The headers are those that an AWS client sends, with a signature of the right form, made once:
/// computing signatures is the work of clients, not of the server.
pub fn request(operation: &str, body: &str) -> Vec<u8> {
    request_to(&format!("DynamoDB_20120810.{operation}"), body)
}

/// The bytes of a request to `target`: an API and its operation, as the header has them.
fn request_to(target: &str, body: &str) -> Vec<u8> {
    format!(
        "POST / HTTP/1.1\r\n\
         Host: localhost\r\n\
         User-Agent: stator-bench\r\n\
         Accept-Encoding: identity\r\n\
         Content-Type: application/x-amz-json-1.0\r\n\
         X-Amz-Target: {target}\r\n\
         X-Amz-Date: 20260101T000000Z\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/dynamodb/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date;x-amz-target, \
         Signature={signature:064x}\r\n\
         Content-Length: {length}\r\n\
         \r\n\
         {body}",
        signature = 0x5eed,
        length = body.len(),
    )
    .into_bytes()
}

/// The head of an answer, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub status: u16,
    /// The length of the status line and the headers, with the empty line after them.
    pub head_bytes: usize,
    pub body_bytes: usize,
}

impl Head {
    /// The length of the whole answer.
    pub fn total_bytes(&self) -> usize {
        self.head_bytes + self.body_bytes
    }

    /// Reads the head at the start of `bytes`, or `None` where it is not yet all there.
    pub fn parse(bytes: &[u8]) -> Result<Option<Head>> {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Ok(None);
        };
        let status = bytes
            .strip_prefix(b"HTTP/1.1 ")
            .and_then(|rest| number(rest.get(..3)?))
            .and_then(|status| u16::try_from(status).ok())
            .ok_or_else(|| Failure::new("the answer is not HTTP/1.1"))?;
        let body_bytes = bytes[..end]
            .split(|&byte| byte == b'\n')
            .find_map(|line| {
                let (name, value) = line.split_at_checked("content-length:".len())?;
                let is_length = name.eq_ignore_ascii_case(b"content-length:");
                is_length.then(|| number(value.trim_ascii()))?
            })
            .ok_or_else(|| Failure::new("the answer has no Content-Length"))?;
        Ok(Some(Head {
            status,
            head_bytes: end + 4,
            body_bytes,
        }))
    }

    /// Refuses an answer that is no success or not as long as it must be; `begun` is what of its
    /// body has arrived.
    pub fn check(&self, body_bytes: usize, begun: &[u8]) -> Result<()> {
        if self.status == 200 && self.body_bytes == body_bytes {
            return Ok(());
        }
        Err(Failure::new(format!(
            "an answer of {body_bytes} bytes was expected; it has status {} and {} bytes: {:.300}",
            self.status,
            self.body_bytes,
            String::from_utf8_lossy(begun)
        )))
    }
}

fn number(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// A connection whose user waits for each answer.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects to a server whose answers have bodies of `body_bytes_max` bytes or less.
    pub fn open(address: SocketAddr, body_bytes_max: usize) -> Result<Self> {
        let stream = TcpStream::connect(address).context("the server cannot be reached")?;
        stream
            .set_nodelay(true)
            .and_then(|()| stream.set_read_timeout(Some(CALL_TIMEOUT)))
            .context("the connection cannot be set up")?;
        Ok(Connection {
            stream,
            buffer: vec![0; body_bytes_max + 4096],
        })
    }

    /// Sends a request and waits for its answer, which must be a success with a body of
    /// `body_bytes` bytes.
    pub fn exchange(&mut self, request: &[u8], body_bytes: usize) -> Result<()> {
        self.stream
            .write_all(request)
            .context("a request cannot be sent")?;
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[filled..]);
            match read.context("an answer cannot be read")? {
                0 => {
                    return Err(Failure::new(
                        "the server closed a connection, or its answer is too long",
                    ));
                }
                read => filled += read,
            }
            let Some(head) = Head::parse(&self.buffer[..filled])? else {
                continue;
            };
            head.check(body_bytes, &self.buffer[head.head_bytes..filled])?;
            if filled >= head.total_bytes() {
                return Ok(());
            }
        }
    }

    /// Sends a request and gives its answer, whatever its status and length.
    pub fn ask(&mut self, request: &[u8]) -> Result<Answer> {
        self.stream
            .write_all(request)
            .context("a request cannot be sent")?;
        read_answer(&mut self.stream)
    }
}

/// One answer, kept whole.
#[derive(Clone, Debug)]
pub struct Answer {
    head: Head,
    bytes: Vec<u8>,
}

impl Answer {
    /// The status of the answer.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    pub fn body(&self) -> &[u8] {
        &self.bytes[self.head.head_bytes..]
    }

    pub fn head_bytes(&self) -> usize {
        self.head.head_bytes
    }

    /// Names and values of the headers, in their order.
    pub fn headers(&self) -> Vec<(String, String)> {
        let head = String::from_utf8_lossy(&self.bytes[..self.head.head_bytes]);
        let lines = head.lines().skip(1);
        lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
            .collect()
    }
}

/// Sends one request over a connection of its own and gives its answer, which must be a success.
pub fn call(address: SocketAddr, operation: &str, body: &str) -> Result<Answer> {
    send(address, &request(operation, body)).and_then(|answer| success(operation, answer))
}

/// The same for an operation of DynamoDB Streams.
pub fn call_streams(address: SocketAddr, operation: &str, body: &str) -> Result<Answer> {
    let request = request_to(&format!("DynamoDBStreams_20120810.{operation}"), body);
    send(address, &request).and_then(|answer| success(operation, answer))
}

fn success(operation: &str, answer: Answer) -> Result<Answer> {
    match answer.head.status {
        200 => Ok(answer),
        status => Err(Failure::new(format!(
            "{operation} was answered with {status}: {}",
            String::from_utf8_lossy(answer.body())
        ))),
    }
}

fn send(address: SocketAddr, request: &[u8]) -> Result<Answer> {
    let mut stream = TcpStream::connect(address).context("the server cannot be reached")?;
    stream
        .set_nodelay(true)
        .and_then(|()| stream.set_read_timeout(Some(CALL_TIMEOUT)))
        .context("the connection cannot be set up")?;
    stream.write_all(request).context("the request cannot be sent")?;
    read_answer(&mut stream)
}

fn read_answer(stream: &mut TcpStream) -> Result<Answer> {
    let mut bytes = Vec::with_capacity(64 * 1024);
    let mut buffer = [0; 16 * 1024];
    loop {
        let read = stream.read(&mut buffer).context("no answer")?;
        bytes.extend_from_slice(&buffer[..read]);
        match Head::parse(&bytes)? {
            Some(head) if bytes.len() >= head.total_bytes() => return Ok(Answer { head, bytes }),
            _ if read == 0 => return Err(Failure::new("the server closed the connection without an answer")),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &str, expected: Option<(u16, usize, usize)>) {
        let head = Head::parse(bytes.as_bytes()).expect("a readable head");
        let seen = head.map(|head| (head.status, head.head_bytes, head.body_bytes));
        assert_eq!(seen, expected, "{bytes:?}");
    }

    #[test]
    fn heads_are_read() {
        check("", None);
        check("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", None);
        check(
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
            Some((200, 38, 2)),
        );
        check(
            "HTTP/1.1 400 Bad\r\na: b\r\ncontent-length:17\r\n\r\n",
            Some((400, 45, 17)),
        );
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        assert!(Head::parse(b"SSH-2.0\r\n\r\n").is_err());
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n").is_err());
    }

    #[test]
    fn a_request_says_how_long_its_body_is() {
        let text = String::from_utf8(request("ListTables", "{}")).expect("text");
        assert!(text.contains("\r\nContent-Length: 2\r\n"));
        assert!(text.ends_with("\r\n\r\n{}"));
    }
}
