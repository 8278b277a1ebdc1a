//! The bare server: the limit of the stack that Stator is built on.
//!
//! It is hyper over tokio as Stator uses them, reads each request to its end, and answers always
//! the same: as many bytes of body and the same headers as Stator's answer. It knows no
//! operation, no signature, no JSON and no storage. It runs as a process of its own, like Stator.

use std::convert::Infallible;
use std::env;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::thread;

use bytes::Bytes;
use clap::Args;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use harness::failure::{Context, Failure, Result};
use harness::http::Answer;
use harness::server_process::ServerProcess;

/// Headers that the HTTP layer writes by itself.
const WRITTEN_BY_HYPER: [&str; 4] = ["content-length", "date", "connection", "transfer-encoding"];

/// What the bare server answers.
#[derive(Args, Clone, Debug)]
pub struct BareServerArguments {
    /// The length of the body
    #[arg(long)]
    pub body_bytes: usize,

    /// A header, as `name: value`
    #[arg(long = "header", value_name = "HEADER")]
    pub headers: Vec<String>,
}

impl BareServerArguments {
    /// The arguments that make the bare server answer as long as `answer` is.
    pub fn like(answer: &Answer) -> Self {
        let headers = answer
            .headers()
            .into_iter()
            .filter(|(name, _)| !WRITTEN_BY_HYPER.contains(&name.as_str()))
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        BareServerArguments {
            body_bytes: answer.body().len(),
            headers,
        }
    }

    /// These arguments as a command line writes them, with the subcommand.
    pub fn to_command_line(&self) -> Vec<String> {
        let mut words = vec![
            "bare-server".to_owned(),
            format!("--body-bytes={}", self.body_bytes),
        ];
        words.extend(self.headers.iter().map(|header| format!("--header={header}")));
        words
    }
}

/// Starts a bare server as a process, which is this program over again.
pub fn start(arguments: &BareServerArguments) -> Result<ServerProcess> {
    let program = env::current_exe().context("the bench cannot find itself")?;
    let mut command = Command::new(program);
    command.args(arguments.to_command_line());
    // It ends when the other end of this pipe is closed, even if the bench is killed.
    command.stdin(Stdio::piped());
    ServerProcess::start(command, "the bare server")
}

/// Serves until standard input ends: with the process that started it.
pub fn run(arguments: &BareServerArguments) -> Result<()> {
    let headers = parse_headers(&arguments.headers)?;
    let body = Bytes::from(vec![b'x'; arguments.body_bytes]);
    let runtime = tokio::runtime::Runtime::new().context("threads cannot be started")?;
    thread::spawn(|| {
        let mut ignored = Vec::new();
        // Whether it ends well or badly, whoever held the other end is gone.
        let _ended = std::io::stdin().read_to_end(&mut ignored);
        std::process::exit(0);
    });
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("it is impossible to listen")?;
        let address = listener.local_addr().context("the address cannot be read")?;
        writeln!(std::io::stdout(), "The bare server listens on http://{address}")
            .context("the address cannot be printed")?;
        accept(listener, headers, body).await
    })
}

/// Serves every connection until accepting fails.
async fn accept(listener: TcpListener, headers: HeaderMap, body: Bytes) -> Result<()> {
    loop {
        let (stream, _) = listener
            .accept()
            .await
            .context("a connection cannot be accepted")?;
        stream
            .set_nodelay(true)
            .context("a connection cannot be set up")?;
        tokio::spawn(serve(stream, headers.clone(), body.clone()));
    }
}

async fn serve(stream: TcpStream, headers: HeaderMap, body: Bytes) {
    let answer = service_fn(|request: Request<Incoming>| {
        let (headers, body) = (headers.clone(), body.clone());
        async move {
            // A request that breaks off ends its connection, which needs no answer.
            let _body = request.into_body().collect().await;
            let mut response = Response::new(Full::new(body));
            *response.headers_mut() = headers;
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
    // The load generator closes its connections when it has enough.
    let _ended = connection.await;
}

fn parse_headers(headers: &[String]) -> Result<HeaderMap> {
    let mut map = HeaderMap::with_capacity(headers.len());
    for header in headers {
        let (name, value) = header
            .split_once(':')
            .ok_or_else(|| Failure::new(format!("{header} is no header")))?;
        let name = HeaderName::from_bytes(name.trim().as_bytes()).context("a header's name")?;
        map.append(
            name,
            HeaderValue::from_str(value.trim()).context("a header's value")?,
        );
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::load::{self, Order, Shape};
    use crate::requests::{Requests, Workload};
    use harness::http;

    const SHAPE: Shape = Shape {
        connections: 8,
        threads: 2,
    };

    /// Runs `test` against a bare server in this process.
    fn with_server(body_bytes: usize, test: impl FnOnce(SocketAddr)) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let listener = runtime
            .block_on(TcpListener::bind(("127.0.0.1", 0)))
            .expect("a free port");
        let address = listener.local_addr().expect("an address");
        let headers = parse_headers(&["server: Bare/1".to_owned(), "x-id: 7".to_owned()]).expect("headers");
        runtime.spawn(accept(listener, headers, Bytes::from(vec![b'x'; body_bytes])));
        test(address);
        runtime.shutdown_background();
    }

    #[test]
    fn the_answer_of_another_server_is_imitated() {
        with_server(1000, |address| {
            let answer = http::call(address, "GetItem", "{}").expect("an answer");
            let arguments = BareServerArguments::like(&answer);
            assert_eq!(arguments.body_bytes, 1000);
            assert_eq!(arguments.headers, ["server: Bare/1", "x-id: 7"]);
        });
    }

    #[test]
    fn each_request_is_sent_once() {
        with_server(2, |address| {
            let requests = Arc::new(Requests::put_every_item(500));
            let outcome = load::run(address, &requests, 2, SHAPE, Order::EachOnce).expect("a load");
            assert_eq!((outcome.answered, outcome.latencies.len()), (500, 500));
        });
    }

    #[test]
    fn a_load_ends_in_time_and_records_its_later_part() {
        with_server(50_000, |address| {
            let requests = Arc::new(Workload::Query.requests(100));
            let order = Order::Random {
                ramp: Duration::from_millis(100),
                recorded: Duration::from_millis(200),
            };
            let outcome = load::run(address, &requests, 50_000, SHAPE, order).expect("a load");
            assert!(!outcome.latencies.is_empty());
            assert!(outcome.answered > outcome.latencies.len());
            assert!(outcome.requests_per_second() > 0.0);
        });
    }

    #[test]
    fn an_answer_of_another_length_ends_the_load() {
        with_server(3, |address| {
            let requests = Arc::new(Requests::put_every_item(50));
            let failure = load::run(address, &requests, 2, SHAPE, Order::EachOnce).expect_err("a failure");
            assert!(
                failure.to_string().contains("status 200 and 3 bytes"),
                "{failure}"
            );
        });
    }
}
