//! The bare server: the limit of the stack that Stator is built on.
//!
//! It is hyper over tokio as Stator uses them, reads each request to its end, and answers always
//! the same: as many bytes of body and the same headers as Stator's answer, which where a load has
//! several operations is one look at a header. It knows no signature, no JSON and no storage. It
//! runs as a process of its own, like Stator.

use std::convert::Infallible;
use std::env;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
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
    /// The length of the body that answers an operation, as `Operation=BYTES`; the first is also that
    /// of all other operations
    #[arg(long = "answer", value_name = "ANSWER", required = true, value_parser = parse_answer)]
    pub answers: Vec<(String, usize)>,

    /// A header, as `name: value`
    #[arg(long = "header", value_name = "HEADER")]
    pub headers: Vec<String>,
}

impl BareServerArguments {
    /// The arguments that make the bare server answer as long as `answers` are, each of which
    /// answers the operation beside it. Headers are those of the first.
    pub fn like(answers: &[(&str, &Answer)]) -> Self {
        let headers = answers.first().map(|(_, answer)| answer.headers());
        BareServerArguments {
            answers: answers
                .iter()
                .map(|(operation, answer)| ((*operation).to_owned(), answer.body().len()))
                .collect(),
            headers: headers
                .into_iter()
                .flatten()
                .filter(|(name, _)| !WRITTEN_BY_HYPER.contains(&name.as_str()))
                .map(|(name, value)| format!("{name}: {value}"))
                .collect(),
        }
    }

    /// These arguments as a command line writes them, with the subcommand.
    pub fn to_command_line(&self) -> Vec<String> {
        let mut words = vec!["bare-server".to_owned()];
        let answers = self.answers.iter();
        words.extend(answers.map(|(operation, bytes)| format!("--answer={operation}={bytes}")));
        words.extend(self.headers.iter().map(|header| format!("--header={header}")));
        words
    }
}

fn parse_answer(text: &str) -> std::result::Result<(String, usize), String> {
    let parts = text.split_once('=');
    parts
        .and_then(|(operation, bytes)| Some((operation.to_owned(), bytes.parse().ok()?)))
        .ok_or_else(|| "an operation, `=` and a number are wanted".to_owned())
}

/// The bodies of answers.
#[derive(Clone, Debug)]
struct Bodies {
    /// What answers most operations.
    usual: Bytes,
    /// What answers others, by the end of their target.
    others: Arc<[(String, Bytes)]>,
}

impl Bodies {
    fn new(answers: &[(String, usize)]) -> Self {
        let body = |bytes: usize| Bytes::from(vec![b'x'; bytes]);
        let usual = body(answers.first().map_or(0, |(_, bytes)| *bytes));
        let others = answers.iter().skip(1);
        Bodies {
            usual,
            others: others
                .map(|(operation, bytes)| (format!(".{operation}"), body(*bytes)))
                .collect(),
        }
    }

    fn of(&self, headers: &HeaderMap) -> Bytes {
        if self.others.is_empty() {
            return self.usual.clone();
        }
        let target = headers
            .get("x-amz-target")
            .map_or(&[] as &[u8], HeaderValue::as_bytes);
        let other = self
            .others
            .iter()
            .find(|(end, _)| target.ends_with(end.as_bytes()));
        other.map_or(&self.usual, |(_, body)| body).clone()
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
    let bodies = Bodies::new(&arguments.answers);
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
        accept(listener, headers, bodies).await
    })
}

/// Serves every connection until accepting fails.
async fn accept(listener: TcpListener, headers: HeaderMap, bodies: Bodies) -> Result<()> {
    loop {
        let (stream, _) = listener
            .accept()
            .await
            .context("a connection cannot be accepted")?;
        stream
            .set_nodelay(true)
            .context("a connection cannot be set up")?;
        tokio::spawn(serve(stream, headers.clone(), bodies.clone()));
    }
}

async fn serve(stream: TcpStream, headers: HeaderMap, bodies: Bodies) {
    let answer = service_fn(|request: Request<Incoming>| {
        let (headers, body) = (headers.clone(), bodies.of(request.headers()));
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
pub mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

    use super::*;
    use crate::load::{self, Shape, Span};
    use crate::requests::Requests;
    use crate::traffic::Traffic;
    use harness::http;

    const SHAPE: Shape = Shape {
        connections: 8,
        threads: 2,
    };

    /// Runs `test` against a bare server in this process.
    pub fn with_server(answers: &[(&str, usize)], test: impl FnOnce(SocketAddr)) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let listener = runtime
            .block_on(TcpListener::bind(("127.0.0.1", 0)))
            .expect("a free port");
        let address = listener.local_addr().expect("an address");
        let headers = parse_headers(&["server: Bare/1".to_owned(), "x-id: 7".to_owned()]).expect("headers");
        let answers: Vec<_> = answers
            .iter()
            .map(|(operation, bytes)| ((*operation).to_owned(), *bytes))
            .collect();
        runtime.spawn(accept(listener, headers, Bodies::new(&answers)));
        test(address);
        runtime.shutdown_background();
    }

    fn puts(count: usize) -> Arc<Requests> {
        Arc::new(Requests::put_every_item(count))
    }

    #[test]
    fn the_answers_of_another_server_are_imitated() {
        with_server(&[("GetItem", 1000), ("PutItem", 2)], |address| {
            let get = http::call(address, "GetItem", "{}").expect("an answer");
            let put = http::call(address, "PutItem", "{}").expect("an answer");
            let arguments = BareServerArguments::like(&[("GetItem", &get), ("PutItem", &put)]);
            let expected = [("GetItem".to_owned(), 1000), ("PutItem".to_owned(), 2)];
            assert_eq!(arguments.answers, expected);
            assert_eq!(arguments.headers, ["server: Bare/1", "x-id: 7"]);
            let line = arguments.to_command_line();
            assert_eq!(
                line[..3],
                ["bare-server", "--answer=GetItem=1000", "--answer=PutItem=2"]
            );
            assert_eq!(parse_answer("PutItem=2"), Ok(expected[1].clone()));
            assert!(parse_answer("PutItem").is_err());
        });
    }

    #[test]
    fn each_request_is_sent_once() {
        with_server(&[("PutItem", 2)], |address| {
            let traffic = Arc::new(Traffic::each_once(&puts(500), 2));
            let outcome = load::run(address, &traffic, SHAPE, Span::TO_THE_END).expect("a load");
            assert_eq!((outcome.answered, outcome.latencies.len()), (500, 500));
        });
    }

    #[test]
    fn a_load_ends_in_time_and_records_its_later_part() {
        with_server(&[("PutItem", 50_000)], |address| {
            let traffic = Arc::new(Traffic::uniform(&puts(100), 50_000));
            let span = Span::Timed {
                ramp: Duration::from_millis(100),
                recorded: Duration::from_secs(2),
            };
            let outcome = load::run(address, &traffic, SHAPE, span).expect("a load");
            assert!(!outcome.latencies.is_empty());
            assert!(outcome.answered > outcome.latencies.len());
            assert!(outcome.requests_per_second() > 0.0);
        });
    }

    #[test]
    fn a_load_whose_requests_end_is_timed_to_the_last() {
        with_server(&[("PutItem", 2)], |address| {
            let traffic = Arc::new(Traffic::each_once(&puts(500), 2));
            let span = Span::Timed {
                ramp: Duration::ZERO,
                recorded: Duration::from_secs(60),
            };
            let outcome = load::run(address, &traffic, SHAPE, span).expect("a load");
            assert_eq!(outcome.answered, 500);
            assert!(
                outcome.recorded < Duration::from_secs(30),
                "{:?}",
                outcome.recorded
            );
        });
    }

    #[test]
    fn an_answer_of_another_length_ends_the_load() {
        with_server(&[("PutItem", 3)], |address| {
            let traffic = Arc::new(Traffic::each_once(&puts(50), 2));
            let failure = load::run(address, &traffic, SHAPE, Span::TO_THE_END).expect_err("a failure");
            assert!(
                failure.to_string().contains("status 200 and 3 bytes"),
                "{failure}"
            );
        });
    }
}
