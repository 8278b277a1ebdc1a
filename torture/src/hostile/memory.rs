//! Everything that is large at once: bodies, bombs, batches, pages, and clients that read none of it.
//! The server stays within its memory, and what it cannot serve it refuses with a reason.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use harness::failure::{Failure, Result};
use harness::http::request;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::client::{Client, Outcome};
use super::garbage::{gzip_bomb, gzip_request};
use super::slow::{TABLE, fill, page_request};
use super::subject::{MemoryWatch, Subject};

/// What the server is started with; what it may take is the sum of these, and [`BESIDE_BYTES`].
pub const FLAGS: [&str; 6] = [
    "--cache-bytes=64MiB",
    "--write-buffer-bytes=32MiB",
    "--max-body-bytes-total=64MiB",
    "--max-answer-bytes-total=64MiB",
    "--body-timeout=5s",
    "--write-timeout=5s",
];

/// The bytes that [`FLAGS`] name.
pub const NAMED_BYTES: u64 = (64 + 64 + 64) << 20;

/// What the server may take beside its caches, bodies and answers.
pub const BESIDE_BYTES: u64 = 64 << 20;

/// How long an answer may take when everybody asks for much.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long those stay who do not wait for an answer: about as long as its request is being read.
const STAY: Duration = Duration::from_millis(20);

/// How many items of 300 KB the table of pages has.
const ITEMS: usize = 40;

/// What was answered, by what it came to.
#[derive(Default)]
struct Tally {
    served: AtomicU64,
    refused: AtomicU64,
    cut: AtomicU64,
}

/// Lets so many clients of each kind ask for so long.
pub async fn check(subject: &Subject, clients: usize, lasts: Duration, bound_bytes: u64) -> Result<String> {
    fill(subject, ITEMS).await?;
    let memory = MemoryWatch::start(&subject.resident)?;
    let tally = Arc::new(Tally::default());
    let is_over = Arc::new(AtomicBool::new(false));
    let mut tasks: Vec<JoinHandle<Result<()>>> = Vec::new();
    for request in requests()? {
        for _ in 0..clients {
            let asker = Asker {
                subject: subject.clone(),
                name: request.name,
                bytes: request.bytes.clone(),
                tally: tally.clone(),
                is_over: is_over.clone(),
            };
            tasks.push(match request.client {
                Manner::Reads => tokio::spawn(asker.ask()),
                Manner::ReadsNothing => tokio::spawn(asker.ask_and_read_nothing()),
                Manner::Leaves => tokio::spawn(asker.ask_and_leave()),
            });
        }
    }
    tokio::time::sleep(lasts).await;
    is_over.store(true, Ordering::Relaxed);
    let askers = tasks.len();
    for task in tasks {
        task.await.map_err(|error| Failure::new(error.to_string()))??;
    }
    let peak = memory.check(bound_bytes)?;
    super::client::still_answers(subject.address, "all of this").await?;
    let served = tally.served.load(Ordering::Relaxed);
    if served == 0 {
        return Err(Failure::new("nobody was served"));
    }
    Ok(format!(
        "{askers} clients, {served} requests served, {} refused with a reason, {} connections cut; at most {peak} of \
         {} MiB",
        tally.refused.load(Ordering::Relaxed),
        tally.cut.load(Ordering::Relaxed),
        bound_bytes >> 20
    ))
}

/// What is asked.
struct Request {
    name: &'static str,
    bytes: Arc<[u8]>,
    client: Manner,
}

/// What a client does once it has asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// It reads the answer.
    Reads,
    /// It stays and reads nothing.
    ReadsNothing,
    /// It goes away before there is an answer.
    Leaves,
}

fn requests() -> Result<Vec<Request>> {
    let key = |number: usize| json!({"pk": {"S": "p"}, "sk": {"N": number.to_string()}});
    let filling = "y".repeat(390 * 1024);
    let put = |number: usize| {
        let mut item = key(1000 + number);
        item["filling"] = json!({"S": filling});
        json!({"PutRequest": {"Item": item}})
    };
    let batch: Vec<Value> = (0..25).map(put).collect();
    let keys: Vec<Value> = (0..ITEMS).map(key).collect();
    let scan = json!({
        "TableName": TABLE, "FilterExpression": "contains(filling, :no)",
        "ExpressionAttributeValues": {":no": {"S": "never"}},
    });
    let too_large = json!({"TableName": TABLE, "Item": {"pk": {"S": "x".repeat(15 << 20)}}});
    let ready = |operation: &str, body: &Value| Arc::from(request(operation, &body.to_string()));
    let batch_get = ready("BatchGetItem", &json!({"RequestItems": {TABLE: {"Keys": keys}}}));
    let page: Arc<[u8]> = Arc::from(page_request());
    let bomb = Arc::from(gzip_request(&gzip_bomb()?));
    let scan = ready("Scan", &scan);
    let write = ready("BatchWriteItem", &json!({"RequestItems": {TABLE: batch}}));
    let request = |name, bytes: &Arc<[u8]>, client| Request {
        name,
        bytes: bytes.clone(),
        client,
    };
    Ok(vec![
        request("an item of 15 MB", &ready("PutItem", &too_large), Manner::Reads),
        request("a batch of 10 MB", &write, Manner::Reads),
        request("a gzip bomb", &bomb, Manner::Reads),
        request("a scan with a filter", &scan, Manner::Reads),
        request("a page of 1 MB", &page, Manner::Reads),
        request("12 MB of items", &batch_get, Manner::Reads),
        request("a batch of 10 MB whose client leaves", &write, Manner::Leaves),
        request("unread pages of 1 MB", &page, Manner::ReadsNothing),
        request("unread 12 MB of items", &batch_get, Manner::ReadsNothing),
    ])
}

/// One client that asks the same again and again.
struct Asker {
    subject: Subject,
    name: &'static str,
    bytes: Arc<[u8]>,
    tally: Arc<Tally>,
    is_over: Arc<AtomicBool>,
}

impl Asker {
    fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed)
    }

    async fn ask(self) -> Result<()> {
        let mut client = Client::connect(self.subject.address).await?;
        while self.goes_on() {
            let is_taken = client.send(&self.bytes).await;
            match client.outcome(PATIENCE).await? {
                Outcome::Answer { status: 200, .. } => self.tally.served.fetch_add(1, Ordering::Relaxed),
                Outcome::Answer { status, body } => {
                    self.note_refusal(status, &body)?;
                    // Some refusals end the connection.
                    client = Client::connect(self.subject.address).await?;
                    0
                }
                // A client that the server did not want to hear to its end may miss the reason.
                Outcome::Closed { bytes: 0 } if !is_taken => {
                    client = Client::connect(self.subject.address).await?;
                    self.tally.cut.fetch_add(1, Ordering::Relaxed)
                }
                other => return Err(Failure::new(format!("{} was met with {other:.300?}", self.name))),
            };
        }
        Ok(())
    }

    fn note_refusal(&self, status: u16, body: &[u8]) -> Result<()> {
        let reason: Value = serde_json::from_slice(body).unwrap_or_default();
        let has_message = reason["message"].is_string() || reason["Message"].is_string();
        // An internal error is no reason.
        if status == 500 || !reason["__type"].is_string() || !has_message {
            return Err(Failure::new(format!(
                "{} was refused without a reason: {status} {:.300}",
                self.name,
                String::from_utf8_lossy(body)
            )));
        }
        self.tally.refused.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Asks, and goes away while that is being done.
    async fn ask_and_leave(self) -> Result<()> {
        while self.goes_on() {
            let mut client = Client::connect(self.subject.address).await?;
            client.send(&self.bytes).await;
            tokio::time::sleep(STAY).await;
            self.tally.cut.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Asks for several answers at a time and reads none until the server has cut the connection.
    async fn ask_and_read_nothing(self) -> Result<()> {
        while self.goes_on() {
            let mut client = Client::connect_narrow(self.subject.address).await?;
            client.send(&self.bytes.repeat(8)).await;
            for _ in 0..20 {
                if !self.goes_on() {
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            self.tally.cut.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}
