//! The checks find servers that are broken: one that hangs, one that answers in halves, one that
//! acts on half a request, one that grows, one that never loses its patience.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use harness::failure::Result;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::subject::Subject;
use super::{connections, cuts, garbage, memory, slow};

/// What is wrong with a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// It waits for the rest of a request, whatever its client says.
    Hangs,
    /// Its answers to puts end in the middle.
    Halves,
    /// It puts the item of a request that is not whole.
    Hasty,
    /// It forgets what it has acknowledged.
    Forgets,
    /// It takes more memory with each connection.
    Grows,
    /// It answers what is no request with an internal error.
    Panics,
}

/// As much of a server as the checks need to get to the fault.
struct BadServer {
    fault: Fault,
    keys: Mutex<BTreeSet<String>>,
    resident_bytes: AtomicU64,
}

impl BadServer {
    async fn start(fault: Fault) -> Subject {
        let server = Arc::new(BadServer {
            fault,
            keys: Mutex::default(),
            resident_bytes: AtomicU64::new(1 << 20),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address: SocketAddr = listener.local_addr().expect("an address");
        let looked_at = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if server.fault == Fault::Grows {
                    server.resident_bytes.fetch_add(64 << 20, Ordering::Relaxed);
                }
                let server = server.clone();
                // A client that is gone is no failure of the test.
                tokio::spawn(async move { server.serve(stream).await.ok() });
            }
        });
        Subject {
            address,
            resident: Arc::new(move || Some(looked_at.resident_bytes.load(Ordering::Relaxed))),
        }
    }

    async fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut received = Vec::new();
        loop {
            let is_over = stream.read_buf(&mut received).await? == 0;
            let text = String::from_utf8_lossy(&received).into_owned();
            let body = text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
            let length = text
                .split_once("Content-Length: ")
                .and_then(|(_, rest)| rest.split_once("\r\n")?.0.parse().ok());
            let is_whole = match (&body, length) {
                (Some(body), Some(length)) => body.len() >= length,
                (Some(body), None) => body.ends_with("0\r\n\r\n"),
                _ => false,
            };
            let is_put = text.contains(".PutItem");
            let key = text
                .split_once("{\"S\":\"")
                .and_then(|(_, rest)| Some(rest.split_once('"')?.0.trim_end_matches('-').to_owned()));
            if let Some(key) = key
                && is_put
                && (is_whole && self.fault != Fault::Forgets || self.fault == Fault::Hasty)
            {
                self.keys
                    .lock()
                    .expect("nobody panics")
                    .insert(key.replace("\r\n", ""));
            }
            if is_whole {
                let answer = self.answer(&text);
                if is_put && self.fault == Fault::Halves {
                    stream.write_all(&answer[..answer.len() / 2]).await?;
                    return Ok(());
                }
                stream.write_all(&answer).await?;
                received.clear();
            } else if is_over {
                if self.fault == Fault::Hangs {
                    tokio::time::sleep(Duration::from_secs(3600)).await;
                }
                if self.fault == Fault::Panics {
                    let answer = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";
                    stream.write_all(answer).await?;
                }
                return Ok(());
            }
            if is_over {
                return Ok(());
            }
        }
    }

    fn answer(&self, request: &str) -> Vec<u8> {
        let keys = self.keys.lock().expect("nobody panics");
        let body = match request.contains(".Scan") {
            true => {
                let item = |key: &String| json!({"pk": {"S": key}});
                json!({"Items": keys.iter().map(item).collect::<Vec<Value>>()})
            }
            false => json!({}),
        };
        let body = body.to_string();
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    }
}

/// Asserts that a check fails, and says what it finds.
fn finds(outcome: Result<String>, expected: &str) {
    let found = outcome.expect_err("the check finds the fault").to_string();
    assert!(found.contains(expected), "{found}");
}

#[tokio::test]
async fn a_server_that_hangs_is_found() {
    let subject = BadServer::start(Fault::Hangs).await;
    finds(cuts::check(&subject, 97).await, "Silence");
}

#[tokio::test]
async fn half_an_answer_is_found() {
    let subject = BadServer::start(Fault::Halves).await;
    finds(cuts::check(&subject, 97).await, "Closed");
}

#[tokio::test]
async fn acting_on_half_a_request_is_found() {
    let subject = BadServer::start(Fault::Hasty).await;
    finds(
        cuts::check(&subject, 7).await,
        "requests that were cut have written",
    );
}

#[tokio::test]
async fn a_lost_write_is_found() {
    let subject = BadServer::start(Fault::Forgets).await;
    finds(
        cuts::check(&subject, 97).await,
        "was acknowledged and is not there",
    );
}

#[tokio::test]
async fn an_internal_error_is_found() {
    let subject = BadServer::start(Fault::Panics).await;
    finds(garbage::check(&subject, 1, 5).await, "500");
}

#[tokio::test]
async fn a_server_that_grows_is_found() {
    let subject = BadServer::start(Fault::Grows).await;
    let bound_bytes = 32 << 20;
    let watch = super::subject::MemoryWatch::start(&subject.resident).expect("it tells");
    assert_eq!(watch.check(bound_bytes).expect("it is small"), 1);
    let lasts = Duration::from_millis(300);
    finds(
        memory::check(&subject, 6, lasts, bound_bytes).await,
        "more than its bound of",
    );
}

#[tokio::test]
async fn answers_over_the_limit_are_found() {
    // It has no limit.
    let subject = BadServer::start(Fault::Grows).await;
    let bound_bytes = 1 << 40;
    finds(
        connections::check(&subject, 10, 3, bound_bytes).await,
        "a connection over the limit got",
    );
}

#[tokio::test]
async fn a_server_with_endless_patience_is_found() {
    let subject = BadServer::start(Fault::Hangs).await;
    finds(slow::check(&subject, 1).await, "is waited for");
}
