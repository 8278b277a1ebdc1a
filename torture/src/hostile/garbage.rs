//! What is no request, or more of one than anybody needs: it is refused, and nobody else notices.

use std::io::Write;
use std::time::Duration;

use fastrand::Rng;
use flate2::Compression;
use flate2::write::GzEncoder;
use harness::failure::{Context, Failure, Result};
use harness::http::request;
use serde_json::json;

use super::client::{Client, Outcome, call, still_answers};
use super::subject::Subject;

/// How long the server may take to refuse.
const PATIENCE: Duration = Duration::from_secs(15);

/// How much of something endless is sent before the server must have had enough, in bytes.
const ENDLESS_BYTES: usize = 80 << 20;

/// How many requests are sent at once on one connection.
const PIPELINED: usize = 500;

const TABLE: &str = "garbage";

/// Sends all of it: `rounds` random inputs beside what is chosen.
pub async fn check(subject: &Subject, seed: u64, rounds: usize) -> Result<String> {
    for (name, bytes) in chosen() {
        refused(subject, name, &bytes).await?;
    }
    let mut rng = Rng::with_seed(seed);
    for _ in 0..rounds {
        let bytes = random(&mut rng);
        refused(subject, "random bytes", &bytes)
            .await
            .context(&format!("\"{}\"", bytes.escape_ascii()))?;
    }
    endless(
        subject,
        "headers without end",
        b"POST / HTTP/1.1\r\nHost: x\r\n",
        b"X-Header: value\r\n",
    )
    .await?;
    endless(
        subject,
        "a header without end",
        b"POST / HTTP/1.1\r\nX: ",
        &[b'x'; 64],
    )
    .await?;
    let chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    endless(subject, "chunks without end", chunked, &large_chunk()).await?;
    endless(
        subject,
        "small chunks without end",
        chunked,
        &b"1\r\nx\r\n".repeat(1000),
    )
    .await?;
    let extension = [&chunked[..], b"1;"].concat();
    endless(
        subject,
        "a chunk's extension without end",
        &extension,
        &[b'x'; 4096],
    )
    .await?;
    let trailers = [&chunked[..], b"0\r\n"].concat();
    endless(
        subject,
        "trailers without end",
        &trailers,
        b"X-Trailer: value\r\n",
    )
    .await?;
    bomb(subject).await?;
    pipelined(subject).await?;
    Ok(format!(
        "{} chosen, {rounds} random, 6 endless inputs, a bomb, {PIPELINED} pipelined requests",
        chosen().len()
    ))
}

fn chosen() -> Vec<(&'static str, Vec<u8>)> {
    let post =
        |headers: &str, body: &str| format!("POST / HTTP/1.1\r\nHost: x\r\n{headers}\r\n{body}").into_bytes();
    let long = "x".repeat(128 * 1024);
    vec![
        (
            "a TLS greeting",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".repeat(40),
        ),
        (
            "HTTP/2",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec(),
        ),
        ("zero bytes", vec![0; 10_000]),
        ("a line without end", vec![b'a'; 200_000]),
        ("an unknown version", b"POST / HTTP/9.9\r\n\r\n".to_vec()),
        (
            "two lengths",
            post("Content-Length: 2\r\nContent-Length: 3\r\n", "{}"),
        ),
        ("a negative length", post("Content-Length: -1\r\n", "{}")),
        (
            "a length that overflows",
            post("Content-Length: 99999999999999999999\r\n", "{}"),
        ),
        (
            "a length over the limit",
            post("Content-Length: 9999999999\r\n", "{}"),
        ),
        (
            "length and chunks",
            post("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "{}"),
        ),
        (
            "a chunk of no size",
            post("Transfer-Encoding: chunked\r\n", "zz\r\n{}\r\n"),
        ),
        (
            "a chunk of all sizes",
            post("Transfer-Encoding: chunked\r\n", "ffffffffffffffffff\r\n{}"),
        ),
        (
            "an unknown framing",
            post("Transfer-Encoding: whatever\r\n", "{}"),
        ),
        ("a header of 128 KB", post(&format!("X: {long}\r\n"), "")),
        (
            "a path of 128 KB",
            format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes(),
        ),
        ("a folded header", post("X: a\r\n b\r\nContent-Length: 0\r\n", "")),
        ("a header with a zero byte", post("X: a\0b\r\n", "")),
        (
            "no gzip",
            post(
                "Content-Encoding: gzip\r\nContent-Length: 2\r\nContent-Type: application/x-amz-json-1.0\r\n",
                "{}",
            ),
        ),
    ]
}

/// Bytes, or a request that some have been changed of.
fn random(rng: &mut Rng) -> Vec<u8> {
    if rng.u8(..4) == 0 {
        return (0..rng.usize(1..2000)).map(|_| rng.u8(..)).collect();
    }
    let mut bytes = request("ListTables", "{\"Limit\":1}");
    for _ in 0..rng.usize(1..6) {
        let at = rng.usize(..bytes.len());
        match rng.u8(..4) {
            0 => bytes[at] = rng.u8(..),
            1 => drop(bytes.remove(at)),
            2 => bytes.insert(at, b"\r\n: \0;,\"{}"[rng.usize(..10)]),
            _ => {
                let end = rng.usize(at..bytes.len());
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
        }
    }
    bytes
}

/// Sends bytes and says that this was all: the server must answer or close, never fail.
async fn refused(subject: &Subject, name: &str, bytes: &[u8]) -> Result<()> {
    let mut client = Client::connect(subject.address).await?;
    client.send(bytes).await;
    client.half_close().await;
    // Several requests can be among random bytes.
    loop {
        match client.outcome(PATIENCE).await? {
            Outcome::Answer { status: ..500, .. } => {}
            Outcome::Closed { bytes: 0 } => break,
            other => return Err(Failure::new(format!("{name} was met with {other:?}"))),
        }
    }
    still_answers(subject.address, name).await
}

/// Sends the same again and again until the server has had enough of it.
async fn endless(subject: &Subject, name: &str, begin: &[u8], again: &[u8]) -> Result<()> {
    let mut client = Client::connect(subject.address).await?;
    let many = again.repeat((64 * 1024 / again.len()).max(1));
    let mut sent = begin.len();
    let mut goes_on = client.send(begin).await;
    while goes_on && sent < ENDLESS_BYTES {
        goes_on = client.send(&many).await;
        sent += many.len();
    }
    if goes_on {
        return Err(Failure::new(format!(
            "the server took {} MiB of {name}",
            sent >> 20
        )));
    }
    match client.outcome(PATIENCE).await? {
        Outcome::Silence => Err(Failure::new(format!("{name} are neither refused nor ended"))),
        Outcome::Answer { status, .. } if !(400..500).contains(&status) => {
            Err(Failure::new(format!("{name} were answered with {status}")))
        }
        _ => still_answers(subject.address, name).await,
    }
}

fn large_chunk() -> Vec<u8> {
    let mut chunk = b"10000\r\n".to_vec();
    chunk.resize(chunk.len() + 0x10000, b' ');
    chunk.extend_from_slice(b"\r\n");
    chunk
}

/// A quarter of a megabyte that is a quarter of a gigabyte once it is expanded.
pub fn gzip_bomb() -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let zeros = vec![0; 1 << 20];
    for _ in 0..256 {
        encoder.write_all(&zeros).context("the bomb cannot be made")?;
    }
    encoder.finish().context("the bomb cannot be made")
}

/// The bytes of a request whose body is compressed.
pub fn gzip_request(body: &[u8]) -> Vec<u8> {
    let head = String::from_utf8_lossy(&request("PutItem", "")).into_owned();
    let length = format!("Content-Encoding: gzip\r\nContent-Length: {}", body.len());
    let mut bytes = head.replace("Content-Length: 0", &length).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

async fn bomb(subject: &Subject) -> Result<()> {
    let mut client = Client::connect(subject.address).await?;
    client.send(&gzip_request(&gzip_bomb()?)).await;
    match client.outcome(PATIENCE).await?.status() {
        Some(413) => still_answers(subject.address, "a gzip bomb").await,
        other => Err(Failure::new(format!("a gzip bomb was answered with {other:?}"))),
    }
}

/// Many requests before the first answer is read: all are answered, in order.
async fn pipelined(subject: &Subject) -> Result<()> {
    let definition = json!({
        "TableName": TABLE, "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "N"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    });
    call(subject.address, "CreateTable", &definition).await?;
    let mut all = Vec::new();
    for number in 0..PIPELINED {
        let key = json!({"pk": {"N": number.to_string()}});
        let put = json!({"TableName": TABLE, "Item": key});
        all.extend(request("PutItem", &put.to_string()));
        let get = json!({"TableName": TABLE, "Key": key, "ConsistentRead": true});
        all.extend(request("GetItem", &get.to_string()));
    }
    let mut client = Client::connect(subject.address).await?;
    if !client.send(&all).await {
        return Err(Failure::new("pipelined requests are not taken"));
    }
    for number in 0..PIPELINED {
        let put = client.outcome(PATIENCE).await?;
        let get = client.outcome(PATIENCE).await?;
        let expected = json!({"Item": {"pk": {"N": number.to_string()}}});
        let is_right =
            |body: &[u8]| serde_json::from_slice::<serde_json::Value>(body).is_ok_and(|got| got == expected);
        match (put, get) {
            (Outcome::Answer { status: 200, .. }, Outcome::Answer { status: 200, body })
                if is_right(&body) => {}
            other => {
                return Err(Failure::new(format!(
                    "pipelined request {number} was met with {other:?}"
                )));
            }
        }
    }
    Ok(())
}
