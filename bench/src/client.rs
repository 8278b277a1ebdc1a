//! A connection of the load generator, with one request in flight.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::traffic::{Exchange, Picked, Traffic};
use harness::failure::{Context, Failure, Result};
use harness::http::Head;

/// More than the head of any answer.
const HEAD_BYTES_MAX: usize = 4096;

/// A connection, opened and not yet used.
pub fn connect(address: SocketAddr) -> Result<std::net::TcpStream> {
    let open = || -> std::io::Result<std::net::TcpStream> {
        let stream = std::net::TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(stream)
    };
    open().context("a connection to the server fails")
}

/// A connection in use, with what its requests and answers are kept in.
#[derive(Debug)]
pub struct Client {
    stream: tokio::net::TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Client {
    /// Takes a connection into use whose answers have bodies of `body_bytes_max` bytes or less. The
    /// caller runs in the event loop that is to serve it.
    pub fn new(stream: std::net::TcpStream, body_bytes_max: usize) -> Result<Self> {
        Ok(Client {
            stream: tokio::net::TcpStream::from_std(stream).context("a connection cannot be used")?,
            request: Vec::new(),
            answer: vec![0; body_bytes_max + HEAD_BYTES_MAX],
        })
    }

    /// Sends one request and waits for its answer, which must be a success and as long as it must be.
    /// Gives the time at which the request was sent to its end.
    pub async fn exchange(
        &mut self,
        traffic: &Traffic,
        exchange: &Exchange,
        picked: Picked,
        stamp: u64,
    ) -> Result<Instant> {
        traffic.write(exchange, picked, stamp, &mut self.request);
        self.stream
            .write_all(&self.request)
            .await
            .context("a request cannot be sent")?;
        let sent_at = Instant::now();
        self.read_answer(&exchange.body_bytes).await?;
        Ok(sent_at)
    }

    async fn read_answer(&mut self, body_bytes: &RangeInclusive<usize>) -> Result<()> {
        let mut filled = 0;
        let mut head: Option<Head> = None;
        loop {
            let read = self
                .stream
                .read(&mut self.answer[filled..])
                .await
                .context("an answer cannot be read")?;
            if read == 0 {
                return Err(Failure::new(
                    "the server closed a connection, or its answer is too long",
                ));
            }
            filled += read;
            if head.is_none() {
                head = Head::parse(&self.answer[..filled])?;
            }
            let Some(head) = head else { continue };
            head.check(body_bytes, &self.answer[head.head_bytes..filled])?;
            if filled >= head.total_bytes() {
                return Ok(());
            }
        }
    }
}
