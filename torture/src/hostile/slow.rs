//! Clients that take their time: byte by byte, or not at all. They are cut when the server's patience
//! ends, and hold nobody up until then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use harness::failure::{Failure, Result};
use harness::http::request;
use serde_json::json;

use super::client::{Client, Outcome, call};
use super::subject::Subject;

/// What the server is started with as its limits on heads, bodies and writing.
pub const LIMIT: Duration = Duration::from_secs(1);

/// The flags that say so.
pub const FLAGS: [&str; 3] = ["--head-timeout=1s", "--body-timeout=1s", "--write-timeout=1s"];

/// By when a client must be cut: the server looks a few times within each limit, and the machine may
/// be busy.
const CUT_BY: Duration = Duration::from_secs(4);

/// How long a request of somebody else may take meanwhile.
const BYSTANDER_MAX: Duration = Duration::from_secs(1);

/// How many answers of a megabyte a client asks for that reads none: more than the system takes for it.
const UNREAD_ANSWERS: usize = 24;

pub const TABLE: &str = "pages";

/// Puts so many clients of each kind on the server.
pub async fn check(subject: &Subject, clients: usize) -> Result<String> {
    fill(subject, 5).await?;
    let is_over = Arc::new(AtomicBool::new(false));
    let bystander = tokio::spawn(bystander(subject.clone(), is_over.clone()));
    let mut tasks = Vec::new();
    for _ in 0..clients {
        tasks.push(tokio::spawn(slow_head(subject.clone())));
        tasks.push(tokio::spawn(slow_body(subject.clone())));
        tasks.push(tokio::spawn(never_reads(subject.clone())));
    }
    let mut cut = 0;
    for task in tasks {
        task.await.map_err(|error| Failure::new(error.to_string()))??;
        cut += 1;
    }
    is_over.store(true, Ordering::Relaxed);
    let (calls, slowest) = bystander
        .await
        .map_err(|error| Failure::new(error.to_string()))??;
    if slowest > BYSTANDER_MAX {
        return Err(Failure::new(format!(
            "somebody else waited {} ms for an answer",
            slowest.as_millis()
        )));
    }
    Ok(format!(
        "{cut} clients cut; {calls} calls of another meanwhile, the slowest {} ms",
        slowest.as_millis()
    ))
}

/// Makes the table of pages with so many items of 300 KB.
pub async fn fill(subject: &Subject, items: usize) -> Result<()> {
    let definition = json!({
        "TableName": TABLE, "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "N"},
        ],
        "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    });
    call(subject.address, "CreateTable", &definition).await?;
    let filling = "x".repeat(300 * 1024);
    for number in 0..items {
        let item = json!({
            "pk": {"S": "p"}, "sk": {"N": number.to_string()}, "filling": {"S": filling},
        });
        call(
            subject.address,
            "PutItem",
            &json!({"TableName": TABLE, "Item": item}),
        )
        .await?;
    }
    Ok(())
}

/// The bytes of a request for a page of a megabyte.
pub fn page_request() -> Vec<u8> {
    let query = json!({
        "TableName": TABLE, "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "p"}},
    });
    request("Query", &query.to_string())
}

/// Calls again and again: how often, and how long the slowest took.
async fn bystander(subject: Subject, is_over: Arc<AtomicBool>) -> Result<(usize, Duration)> {
    let key = json!({"TableName": TABLE, "Key": {"pk": {"S": "q"}, "sk": {"N": "0"}}});
    let put = json!({"TableName": TABLE, "Item": {"pk": {"S": "q"}, "sk": {"N": "0"}}});
    let mut client = Client::connect(subject.address).await?;
    let mut calls = 0;
    let mut slowest = Duration::ZERO;
    while !is_over.load(Ordering::Relaxed) {
        for (operation, body) in [("PutItem", &put), ("GetItem", &key)] {
            let began = Instant::now();
            client.call_ok(operation, body).await?;
            slowest = slowest.max(began.elapsed());
            calls += 1;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok((calls, slowest))
}

/// A head that comes byte by byte.
async fn slow_head(subject: Subject) -> Result<()> {
    let whole = request("ListTables", "{}");
    trickle(&subject, &[], &whole, "a head").await
}

/// A body that comes byte by byte.
async fn slow_body(subject: Subject) -> Result<()> {
    let body = format!("{{{}}}", " ".repeat(10_000));
    let whole = request("ListTables", &body);
    let (head, body) = whole.split_at(whole.len() - body.len());
    trickle(&subject, head, body, "a body").await
}

/// Sends the first part at once and the second in bytes, until the server has had enough.
async fn trickle(subject: &Subject, at_once: &[u8], slowly: &[u8], name: &str) -> Result<()> {
    let mut client = Client::connect(subject.address).await?;
    let began = Instant::now();
    client.send(at_once).await;
    for byte in slowly {
        let is_taken = client.send(&[*byte]).await;
        let refusal = client.outcome(Duration::from_millis(100)).await?;
        let lasted = began.elapsed();
        match refusal {
            Outcome::Silence if is_taken && lasted < CUT_BY => {}
            Outcome::Silence => break,
            Outcome::Closed { bytes: 0 } | Outcome::Answer { status: 408, .. } if lasted > LIMIT / 2 => {
                return Ok(());
            }
            other => {
                return Err(Failure::new(format!(
                    "{name} that comes slowly was met after {} ms with {other:?}",
                    lasted.as_millis()
                )));
            }
        }
    }
    Err(Failure::new(format!("{name} that comes slowly is waited for")))
}

/// Asks for pages and reads none of them.
async fn never_reads(subject: Subject) -> Result<()> {
    let mut client = Client::connect_narrow(subject.address).await?;
    client.send(&page_request().repeat(UNREAD_ANSWERS)).await;
    tokio::time::sleep(CUT_BY).await;
    let mut answers = 0;
    loop {
        match client.outcome(CUT_BY).await? {
            Outcome::Answer { status: 200, .. } => answers += 1,
            Outcome::Closed { .. } if answers < UNREAD_ANSWERS => return Ok(()),
            other => {
                return Err(Failure::new(format!(
                    "a client that read nothing got {answers} answers and then {other:.300?}"
                )));
            }
        }
        if answers == UNREAD_ANSWERS {
            return Err(Failure::new("a client that read nothing was waited for"));
        }
    }
}
