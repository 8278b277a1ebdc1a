//! More connections than anybody needs: idle ones cost little, working ones are served, and those
//! over the limit wait for a place.

use std::time::{Duration, Instant};

use harness::failure::{Failure, Result};
use serde_json::{Value, json};

use super::client::{Client, Outcome};
use super::subject::{MemoryWatch, Subject};

/// How many of the connections are used all the time.
const WORKING: usize = 200;

/// How long a call may take while all the others are open.
const CALL_MAX: Duration = Duration::from_secs(5);

/// What the server may take for each connection that is open: its buffers and its task.
pub const CONNECTION_BYTES: u64 = 24 << 10;

/// For how long those over the limit are watched, that none is answered.
const WAIT: Duration = Duration::from_millis(500);

/// Opens `count` connections on a server that takes as many, and `over` more.
pub async fn check(subject: &Subject, count: usize, over: usize, bound_bytes: u64) -> Result<String> {
    let memory = MemoryWatch::start(&subject.resident)?;
    let before = (subject.resident)().unwrap_or_default();
    let began = Instant::now();
    let nothing = json!({});
    let mut clients = Vec::with_capacity(count);
    for _ in 0..count {
        clients.push(Client::connect(subject.address).await?);
    }
    // Each is served once, so that it is known to be open at the server too.
    for client in &mut clients {
        client.call_ok("ListTables", &nothing).await?;
    }
    let opened = began.elapsed();
    let bound_bytes = bound_bytes + CONNECTION_BYTES * count as u64;
    let per_connection = (subject.resident)().unwrap_or_default().saturating_sub(before) / count as u64;

    let idle = clients.split_off(WORKING.min(count));
    let mut slowest = Duration::ZERO;
    for _ in 0..3 {
        for client in &mut clients {
            let began = Instant::now();
            client.call_ok("ListTables", &nothing).await?;
            slowest = slowest.max(began.elapsed());
        }
    }
    if slowest > CALL_MAX {
        return Err(Failure::new(format!(
            "a call took {} ms among {count} connections",
            slowest.as_millis()
        )));
    }

    let waiting = over_the_limit(subject, over, &nothing).await?;
    drop(idle);
    served_at_last(waiting).await?;
    let peak = memory.check(bound_bytes)?;
    Ok(format!(
        "{count} open in {:.1} s, {per_connection} bytes each, at most {peak} MiB; a call among them at most {} \
         ms; {over} more waited",
        opened.as_secs_f64(),
        slowest.as_millis()
    ))
}

/// Clients over the limit, each with a request sent that must not be answered yet.
async fn over_the_limit(subject: &Subject, over: usize, nothing: &Value) -> Result<Vec<Client>> {
    let mut waiting = Vec::with_capacity(over);
    for _ in 0..over {
        let mut client = Client::connect(subject.address).await?;
        client
            .send(&harness::http::request("ListTables", &nothing.to_string()))
            .await;
        waiting.push(client);
    }
    tokio::time::sleep(WAIT).await;
    for client in &mut waiting {
        match client.outcome(Duration::ZERO).await? {
            Outcome::Silence => {}
            other => {
                return Err(Failure::new(format!(
                    "a connection over the limit got {other:.300?}"
                )));
            }
        }
    }
    Ok(waiting)
}

async fn served_at_last(waiting: Vec<Client>) -> Result<()> {
    for mut client in waiting {
        match client.outcome(CALL_MAX * 2).await? {
            Outcome::Answer { status: 200, .. } => {}
            other => {
                return Err(Failure::new(format!(
                    "a connection that had waited for a place got {other:.300?}"
                )));
            }
        }
    }
    Ok(())
}
