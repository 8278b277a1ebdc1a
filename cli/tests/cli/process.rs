//! A started program, and plain HTTP to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The program with these arguments and nothing of this process's settings.
pub fn stator(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stator"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("STATOR_") {
            command.env_remove(name);
        }
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub fn output(command: &mut Command) -> Output {
    command.output().expect("the program starts")
}

/// A directory that is removed with its value.
pub struct TemporaryDirectory(PathBuf);

impl TemporaryDirectory {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "stator-test-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).expect("a new directory");
        TemporaryDirectory(path)
    }

    pub fn join(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("a path of text").to_owned()
    }
}

impl Drop for TemporaryDirectory {
    fn drop(&mut self) {
        let _removed = std::fs::remove_dir_all(&self.0);
    }
}

/// A server, ended with its value.
pub struct Server {
    child: Child,
    /// The start-up lines.
    pub lines: Vec<String>,
    pub port: u16,
}

impl Server {
    /// Starts `stator serve` on a free port and waits for its start-up lines.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut lines = Vec::new();
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        while lines.len() < 3 {
            let mut line = String::new();
            if output.read_line(&mut line).expect("text") == 0 {
                let mut told = String::new();
                let mut errors = child.stderr.take().expect("a pipe");
                errors.read_to_string(&mut told).expect("text");
                panic!("the server ended before it had started: {told}");
            }
            lines.push(line.trim_end().to_owned());
        }
        let port = lines[0]
            .rsplit(':')
            .next()
            .and_then(|port| port.parse().ok())
            .expect("a port");
        Server { child, lines, port }
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill")
            .args(["-s", name, &id])
            .status()
            .expect("kill runs");
        assert!(sent.success());
    }

    /// Waits for the end; gives the exit code, if it ended by itself, and what it logged.
    pub fn wait(mut self) -> (Option<i32>, String) {
        let mut log = String::new();
        self.child
            .stderr
            .take()
            .expect("a pipe")
            .read_to_string(&mut log)
            .expect("text");
        (self.child.wait().expect("an end").code(), log)
    }

    /// Sends a signed request to an operation; gives the status and the body.
    pub fn call(&self, operation: &str, body: &str) -> (u16, String) {
        let request = format!(
            "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-amz-target: DynamoDB_20120810.{operation}\r\n\
             content-type: application/x-amz-json-1.0\r\nx-amz-date: 20261120T000000Z\r\n\
             authorization: AWS4-HMAC-SHA256 Credential=A/20261120/eu-west-2/dynamodb/aws4_request, \
             SignedHeaders=host, Signature=x\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.send(&request)
    }

    /// Sends bytes; gives the status and the body.
    pub fn send(&self, request: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("a timeout");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut response = String::new();
        stream.read_to_string(&mut response).expect("an answer");
        let (head, body) = response.split_once("\r\n\r\n").expect("a head");
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .expect("a status");
        (status, body.to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}
