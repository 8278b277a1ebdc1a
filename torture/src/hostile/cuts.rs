//! Requests that break off, at every byte of head and body: the server answers or closes, writes
//! nothing unless the request was whole, and serves the next.

use std::time::Duration;

use harness::failure::{Failure, Result};
use harness::http::request;
use serde_json::{Value, json};

use super::client::{Client, Outcome, call, still_answers};
use super::subject::Subject;

/// How long a server may take to see that a client has gone.
const PATIENCE: Duration = Duration::from_secs(5);

const TABLE: &str = "cuts";

/// How a client leaves in the middle of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// It closes the connection.
    Close,
    /// It says that it will send nothing more, and waits.
    HalfClose,
}

/// How the body is framed.
#[derive(Clone, Copy, Debug)]
enum Framing {
    Length,
    Chunks,
}

/// Cuts requests at every `step`th byte.
pub async fn check(subject: &Subject, step: usize) -> Result<String> {
    let definition = json!({
        "TableName": TABLE, "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    });
    call(subject.address, "CreateTable", &definition).await?;
    let mut cuts = 0;
    let mut whole: Vec<String> = Vec::new();
    for framing in [Framing::Length, Framing::Chunks] {
        for way in [Way::Close, Way::HalfClose] {
            let length = written(framing, "").len();
            // The last one is whole.
            for cut in (0..length).step_by(step).chain([length]) {
                let key = format!("{framing:?}-{way:?}-{cut:05}");
                cuts += 1;
                cut_at(subject, way, &written(framing, &key), cut, length).await?;
                if cut == length {
                    whole.push(key);
                }
            }
            still_answers(subject.address, &format!("requests cut by {way:?}")).await?;
        }
    }
    let kept = keys(subject, whole.len()).await?;
    // What was sent whole by a client that then left may have been done or not.
    let partial: Vec<&String> = kept.iter().filter(|key| !whole.contains(key)).collect();
    if !partial.is_empty() {
        return Err(Failure::new(format!(
            "requests that were cut have written {partial:?}"
        )));
    }
    let answered = whole.iter().filter(|key| key.contains("HalfClose"));
    if let Some(lost) = answered.into_iter().find(|key| !kept.contains(key)) {
        return Err(Failure::new(format!("{lost} was acknowledged and is not there")));
    }
    Ok(format!("{cuts} cuts, {} written", kept.len()))
}

/// A request that puts the item of a key; all of the same length.
fn written(framing: Framing, key: &str) -> Vec<u8> {
    let body = json!({"TableName": TABLE, "Item": {"pk": {"S": format!("{key:-<24}")}}}).to_string();
    let whole = request("PutItem", &body);
    match framing {
        Framing::Length => whole,
        Framing::Chunks => {
            let head = String::from_utf8_lossy(&whole[..whole.len() - body.len()]).into_owned();
            let head = head.replace(
                &format!("Content-Length: {}", body.len()),
                "Transfer-Encoding: chunked",
            );
            let (first, second) = body.split_at(body.len() / 2);
            let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
            format!("{head}{}{}0\r\n\r\n", chunk(first), chunk(second)).into_bytes()
        }
    }
}

async fn cut_at(subject: &Subject, way: Way, whole: &[u8], cut: usize, length: usize) -> Result<()> {
    let mut client = Client::connect(subject.address).await?;
    client.send(&whole[..cut]).await;
    if way == Way::Close {
        return Ok(());
    }
    client.half_close().await;
    let outcome = client.outcome(PATIENCE).await?;
    let is_right = match &outcome {
        Outcome::Silence => false,
        Outcome::Closed { bytes } => *bytes == 0 && cut < length,
        Outcome::Answer { status: 200, .. } => cut == length,
        Outcome::Answer { status, .. } => (400..500).contains(status) && cut < length,
    };
    if is_right {
        return Ok(());
    }
    Err(Failure::new(format!(
        "a request of {length} bytes that ends after {cut} was met with {outcome:?}"
    )))
}

/// The keys that are there, once at least `at_least` are: who closes at once is not waited for.
async fn keys(subject: &Subject, at_least: usize) -> Result<Vec<String>> {
    let mut kept = Vec::new();
    for _ in 0..20 {
        let answer = call(subject.address, "Scan", &json!({"TableName": TABLE})).await?;
        let items = answer["Items"].as_array().into_iter().flatten();
        let text = |item: &Value| {
            let key = item["pk"]["S"].as_str().unwrap_or_default();
            key.trim_end_matches('-').to_owned()
        };
        kept = items.map(text).collect();
        if kept.len() >= at_least {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(kept)
}
