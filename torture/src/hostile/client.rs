//! A client that does what it likes with its connection.

use std::net::SocketAddr;
use std::time::Duration;

use harness::failure::{Context, Failure, Result};
use harness::http::{Head, request};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout_at};

/// How long a server that is in order may take for something small while a hostile client is at it.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What became of a connection that an answer was waited for on.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An answer came, whole.
    Answer { status: u16, body: Vec<u8> },
    /// The connection ended; so many bytes of an answer had come.
    Closed { bytes: usize },
    /// Neither.
    Silence,
}

impl Outcome {
    /// The status of a whole answer.
    pub fn status(&self) -> Option<u16> {
        match self {
            Outcome::Answer { status, .. } => Some(*status),
            _ => None,
        }
    }
}

/// One connection.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Client {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> Result<Self> {
        Self::connect_with(address, None).await
    }

    /// Connects with a receive buffer of so many bytes, so that the system takes little for a client
    /// that reads nothing.
    pub async fn connect_narrow(address: SocketAddr) -> Result<Self> {
        Self::connect_with(address, Some(4096)).await
    }

    async fn connect_with(address: SocketAddr, receive_buffer_bytes: Option<u32>) -> Result<Self> {
        let socket = TcpSocket::new_v4().context("a socket cannot be made")?;
        if let Some(bytes) = receive_buffer_bytes {
            let set = socket.set_recv_buffer_size(bytes);
            set.context("a receive buffer cannot be set")?;
        }
        let connected = tokio::time::timeout(PATIENCE, socket.connect(address)).await;
        let stream = connected
            .context("the server takes no connection")?
            .context("the server takes no connection")?;
        stream
            .set_nodelay(true)
            .context("the connection cannot be set up")?;
        Ok(Client {
            stream,
            received: Vec::new(),
        })
    }

    /// Sends bytes; false where the server has closed the connection, or takes nothing for long.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        let sent = tokio::time::timeout(PATIENCE, self.stream.write_all(bytes)).await;
        matches!(sent, Ok(Ok(())))
    }

    /// Says that nothing more will be sent.
    pub async fn half_close(&mut self) {
        // The server may have closed first.
        let _closed = self.stream.shutdown().await;
    }

    /// Waits for the next answer.
    pub async fn outcome(&mut self, patience: Duration) -> Result<Outcome> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(head) = Head::parse(&self.received)?
                && self.received.len() >= head.total_bytes()
            {
                let rest = self.received.split_off(head.total_bytes());
                let answer = std::mem::replace(&mut self.received, rest);
                return Ok(Outcome::Answer {
                    status: head.status,
                    body: answer[head.head_bytes..].to_vec(),
                });
            }
            let read = timeout_at(deadline, self.stream.read_buf(&mut self.received)).await;
            match read {
                Err(_elapsed) => return Ok(Outcome::Silence),
                Ok(Ok(1..)) => {}
                // A reset ends a connection as well as a farewell does.
                Ok(Ok(0) | Err(_)) => {
                    return Ok(Outcome::Closed {
                        bytes: self.received.len(),
                    });
                }
            }
        }
    }

    /// Sends a request for one operation and waits for its answer.
    pub async fn call(&mut self, operation: &str, body: &Value) -> Result<Outcome> {
        self.send(&request(operation, &body.to_string())).await;
        self.outcome(PATIENCE).await
    }

    /// The same where it must succeed.
    pub async fn call_ok(&mut self, operation: &str, body: &Value) -> Result<Value> {
        match self.call(operation, body).await? {
            Outcome::Answer { status: 200, body } => {
                serde_json::from_slice(&body).context(&format!("the answer to {operation}"))
            }
            Outcome::Answer { status, body } => Err(Failure::new(format!(
                "{operation} was answered with {status}: {:.300}",
                String::from_utf8_lossy(&body)
            ))),
            other => Err(Failure::new(format!("{operation} was not answered: {other:?}"))),
        }
    }
}

/// Calls an operation on a connection of its own; it must succeed.
pub async fn call(address: SocketAddr, operation: &str, body: &Value) -> Result<Value> {
    Client::connect(address).await?.call_ok(operation, body).await
}

/// Whether the server still answers others.
pub async fn still_answers(address: SocketAddr, after: &str) -> Result<()> {
    call(address, "ListTables", &serde_json::json!({}))
        .await
        .map(drop)
        .context(&format!("after {after}"))
}
