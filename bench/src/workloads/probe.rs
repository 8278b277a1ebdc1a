//! A server is asked once before it is loaded: the speed of wrong answers is of no interest.

use std::net::SocketAddr;

use serde_json::Value;

use super::{Call, Plan};
use harness::failure::{Failure, Result};
use harness::http::{self, Answer};

/// The answers of a server to one request of each kind, all of them right.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Beside each operation that was asked for the first time.
    answers: Vec<(&'static str, Answer)>,
}

impl Plan {
    /// Asks for one of each kind of requests, and gives the answers if they are right.
    pub fn probe(&self, address: SocketAddr) -> Result<Probe> {
        let mut answers: Vec<(&'static str, Answer)> = Vec::new();
        for step in self.steps() {
            let answer = step.call.ask(address)?;
            if answers
                .iter()
                .all(|(operation, _)| *operation != step.call.operation)
            {
                answers.push((step.call.operation, answer));
            }
        }
        for call in &self.after {
            call.ask(address)?;
        }
        Ok(Probe { answers })
    }
}

impl Call {
    fn ask(&self, address: SocketAddr) -> Result<Answer> {
        let answer = http::call(address, self.operation, &self.body.to_string())?;
        match serde_json::from_slice::<Value>(answer.body()) {
            Ok(body) if (self.is_right)(&body) => Ok(answer),
            _ => Err(Failure::new(format!(
                "{} gives a wrong answer, so its speed is of no interest: {:.300}",
                self.operation,
                String::from_utf8_lossy(answer.body())
            ))),
        }
    }
}

impl Probe {
    /// The answers, beside their operations.
    pub fn answers(&self) -> Vec<(&'static str, &Answer)> {
        self.answers
            .iter()
            .map(|(operation, answer)| (*operation, answer))
            .collect()
    }

    /// The length of the first answer's body.
    pub fn body_bytes(&self) -> usize {
        self.answers.first().map_or(0, |(_, answer)| answer.body().len())
    }

    /// The length of the first answer, its head included.
    pub fn answer_bytes(&self) -> usize {
        let head_bytes = self.answers.first().map_or(0, |(_, answer)| answer.head_bytes());
        head_bytes + self.body_bytes()
    }

    /// The length of the body that answers this operation.
    pub fn body_bytes_of(&self, operation: &str) -> usize {
        self.answers
            .iter()
            .find(|(asked, _)| *asked == operation)
            .map_or(0, |(_, answer)| answer.body().len())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::*;
    use crate::workloads::{self, Scale};

    /// A server that answers everything with `{}`, as one does that stores nothing.
    fn start_forgetful_server() -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        // It ends with the process; each connection brings one request.
        thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                let mut buffer = [0; 64 * 1024];
                let _read = stream.read(&mut buffer);
                let _written = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
            }
        });
        address
    }

    #[test]
    fn a_server_that_stores_nothing_passes_no_workload() {
        let address = start_forgetful_server();
        for workload in workloads::ALL {
            let probed = workload.plan(Scale::of_items(1000)).probe(address);
            let failure = probed.expect_err(workload.name).to_string();
            assert!(failure.contains("wrong answer"), "{}: {failure}", workload.name);
        }
    }
}
