//! Clients that write all kinds of things at once, and keep a ledger of it.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use harness::failure::{Context, Failure, Result};
use harness::http::{Connection, request};
use serde_json::Value;

use super::ledger::Ledger;
use super::requests::{Request, Requests};
use super::shim::{Control, Shim};

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Load {
    pub seed: u64,
    /// The versions of what is written are above this.
    pub versions_from: u64,
    pub clients: u32,
    /// How many changes of items or tables each client makes.
    pub changes_per_client: u64,
    /// No request is sent after this time.
    pub time: Duration,
    /// A client gives up after this many requests in a row that did not succeed.
    pub failures_max: u32,
}

/// Runs all clients to their end.
pub fn run(address: SocketAddr, load: &Load, shim: &Shim) -> Result<Vec<Ledger>> {
    thread::scope(|scope| {
        let clients: Vec<_> = (0..load.clients)
            .map(|client| scope.spawn(move || Client::new(address, load, client, shim)?.run()))
            .collect();
        let ledgers = clients.into_iter().map(|client| match client.join() {
            Ok(ledger) => ledger,
            Err(_) => Err(Failure::new("a client panicked")),
        });
        ledgers.collect()
    })
}

struct Client<'a> {
    address: SocketAddr,
    load: &'a Load,
    requests: Requests,
    control: Control,
    connection: Option<Connection>,
    ledger: Ledger,
}

impl<'a> Client<'a> {
    fn new(address: SocketAddr, load: &'a Load, client: u32, shim: &Shim) -> Result<Self> {
        Ok(Client {
            address,
            load,
            requests: Requests::new(load.seed, client, load.versions_from),
            control: shim.control()?,
            connection: None,
            ledger: Ledger::default(),
        })
    }

    fn run(mut self) -> Result<Ledger> {
        let begun = Instant::now();
        let mut changes_left = self.load.changes_per_client;
        let mut failures = 0;
        while changes_left > 0 && failures < self.load.failures_max && begun.elapsed() < self.load.time {
            let Request {
                operation,
                body,
                mut write,
            } = self.requests.next(changes_left);
            changes_left = changes_left.saturating_sub(write.changes.len() as u64);
            write.started_at = self.control.operations()?;
            match self.ask(operation, &body) {
                Ok(()) => {
                    write.acknowledged_at = Some(self.control.operations()?);
                    failures = 0;
                }
                Err(refusal) => {
                    self.ledger.refusals.push(refusal.to_string());
                    failures += 1;
                }
            }
            self.ledger.writes.push(write);
        }
        Ok(self.ledger)
    }

    /// Sends a request; an answer that says that all of it was done is a success.
    fn ask(&mut self, operation: &str, body: &Value) -> Result<()> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(self.address, 0)?,
        };
        let answer = connection.ask(&request(operation, &body.to_string()))?;
        self.connection = Some(connection);
        let text = String::from_utf8_lossy(answer.body());
        match answer.status() {
            200 if operation == "BatchWriteItem" => {
                let answer: Value = serde_json::from_str(&text).context("the answer to a batch")?;
                match answer["UnprocessedItems"].as_object() {
                    Some(items) if items.is_empty() => Ok(()),
                    _ => Err(Failure::new("a batch was answered with unprocessed items")),
                }
            }
            200 => Ok(()),
            status => Err(Failure::new(format!(
                "{operation} was answered with {status}: {text:.400}"
            ))),
        }
    }
}
