//! Loads of a server that does as a test says, and of the bare one.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::RwLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::bare_server::tests::with_server;
use crate::requests::Requests;

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(60);

const FAST: Pace = Pace::Open {
    requests_per_second: 1000.0,
};

/// A server that answers each request with `{}`, unless it is held.
#[derive(Debug)]
struct TestServer {
    address: SocketAddr,
    /// Who writes it holds all answers.
    gate: Arc<RwLock<()>>,
    answered: Arc<AtomicU64>,
}

impl TestServer {
    fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let server = TestServer {
            address: listener.local_addr().expect("an address"),
            gate: Arc::default(),
            answered: Arc::default(),
        };
        let (gate, answered) = (server.gate.clone(), server.answered.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, gate, answered) =
                    (stream.expect("a connection"), gate.clone(), answered.clone());
                thread::spawn(move || answer(stream, &gate, &answered));
            }
        });
        server
    }
}

fn answer(mut stream: TcpStream, gate: &RwLock<()>, answered: &AtomicU64) {
    let mut buffer = [0; 4096];
    // Each request comes in one piece, as it is short and is written at once.
    while stream.read(&mut buffer).is_ok_and(|read| read > 0) {
        let _open = gate.read().expect("a gate");
        answered.fetch_add(1, Ordering::Relaxed);
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        stream.write_all(answer).expect("a listener");
    }
}

fn parts() -> Vec<Part> {
    let bodies = (0..10).map(|number| serde_json::json!({"number": number}));
    let requests = Arc::new(Requests::new("GetItem", bodies));
    vec![Part {
        operation: "GetItem",
        traffic: Arc::new(Traffic::uniform(&requests, 2)),
    }]
}

fn shape(connections: usize) -> Shape {
    Shape {
        connections,
        threads: 2,
    }
}

fn wait_for(what: &str, mut is_there: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_there() {
        assert!(start.elapsed() < PATIENCE, "{what}");
        thread::sleep(Duration::from_millis(1));
    }
}

fn answered(load: &PhasedLoad, part: usize) -> u64 {
    lock(&load.shared.phases).answered(0, part)
}

#[test]
fn as_many_requests_are_sent_as_are_due_and_each_is_answered() {
    for connections in [1, 3, 64] {
        let server = TestServer::start();
        let pace = Pace::Open {
            requests_per_second: 2000.0,
        };
        let load = PhasedLoad::start(server.address, parts(), shape(connections), pace).expect("a load");
        load.wait(Duration::from_millis(500)).expect("a load");
        let phases = load.end().expect("phases");
        let latencies = &phases[0].latencies[0];
        assert_eq!(latencies.len(), server.answered.load(Ordering::Relaxed));
        // What is due does not depend on how fast it is sent: the deviation is 32 of 1000.
        let rate = phases[0].requests_per_second();
        assert!((1600.0..2400.0).contains(&rate), "{rate}");
        assert!(phases[0].lateness.len() <= latencies.len());
        assert!(phases[0].lateness.max() <= latencies.max());
    }
}

#[test]
fn the_bare_server_is_loaded_as_fast_as_asked_for() {
    with_server(&[("GetItem", 2)], |address| {
        let load = PhasedLoad::start(address, parts(), shape(16), FAST).expect("a load");
        load.wait(Duration::from_millis(200)).expect("a load");
        load.begin_phase();
        load.wait(Duration::from_millis(800)).expect("a load");
        let phases = load.end().expect("phases");
        let rate = phases[1].requests_per_second();
        assert!((750.0..1250.0).contains(&rate), "{rate}");
        assert!(!phases[1].lateness.is_empty());
    });
}

#[test]
fn a_stall_is_charged_for_all_that_came_due_meanwhile() {
    let server = TestServer::start();
    let load = PhasedLoad::start(server.address, parts(), shape(4), FAST).expect("a load");
    wait_for("an answer", || answered(&load, 0) > 0);
    let held = server.gate.write().expect("a gate");
    load.begin_phase();
    thread::sleep(Duration::from_millis(200));
    load.begin_phase();
    drop(held);
    let phases = load.end().expect("phases");
    let (stalled, latencies) = (phases[1].time, &phases[1].latencies[0]);
    // What was due in the first half of the stall, 100 or more, has waited for the second half; the
    // four connections alone would tell of four.
    let waited = latencies.count_between(stalled.as_nanos() as u64 / 2, u64::MAX);
    assert!(waited >= 50, "{waited} of {}", latencies.len());
    // And what waited for a connection says nothing of the generator.
    assert!(phases[1].lateness.len() <= 4, "{}", phases[1].lateness.len());
}

#[test]
fn an_operation_does_not_wait_for_the_connections_of_another() {
    let parts = [parts(), parts()].concat();
    // The server holds the first connection, which is the first part's only one.
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let address = listener.local_addr().expect("an address");
    let (release, held) = std::sync::mpsc::channel::<()>();
    thread::spawn(move || {
        let (gate, answered) = (RwLock::new(()), AtomicU64::new(0));
        let (first, _) = listener.accept().expect("a connection");
        let (second, _) = listener.accept().expect("a connection");
        thread::scope(|scope| {
            scope.spawn(|| answer(second, &gate, &answered));
            // It goes on when the test says so or is over.
            let _released = held.recv();
            answer(first, &gate, &answered);
        });
    });
    let load = PhasedLoad::start(address, parts, shape(2), FAST).expect("a load");
    wait_for("answers of the second part", || answered(&load, 1) >= 20);
    assert_eq!(answered(&load, 0), 0);
    release.send(()).expect("a server");
    load.end().expect("phases");
}

#[test]
fn phases_are_told_apart() {
    let server = TestServer::start();
    for pace in [Pace::Closed, FAST] {
        let load = PhasedLoad::start(server.address, parts(), shape(2), pace).expect("a load");
        thread::sleep(Duration::from_millis(50));
        load.begin_phase();
        thread::sleep(Duration::from_millis(50));
        let phases = load.end().expect("phases");
        assert_eq!(phases.len(), 2);
        for phase in &phases {
            assert!(phase.time >= Duration::from_millis(50));
            assert!(phase.requests_per_second() > 0.0);
            // In the closed loop nothing is ever due before it can be sent.
            assert!(phase.lateness.is_empty() || pace != Pace::Closed);
        }
    }
}

#[test]
fn a_mixed_load_sends_every_part() {
    let server = TestServer::start();
    let parts = [parts(), parts()].concat();
    let load = PhasedLoad::start(server.address, parts, shape(1), Pace::Closed).expect("a load");
    wait_for("answers of both parts", || {
        (0..2).all(|part| answered(&load, part) > 0)
    });
    load.end().expect("phases");
}

#[test]
fn a_load_ends_though_its_next_request_is_due_in_an_hour() {
    let server = TestServer::start();
    let pace = Pace::Open {
        requests_per_second: 1e-6,
    };
    let load = PhasedLoad::start(server.address, parts(), shape(3), pace).expect("a load");
    // The first is due at once.
    wait_for("the first answer", || answered(&load, 0) == 1);
    let start = Instant::now();
    load.end().expect("phases");
    assert!(start.elapsed() < PATIENCE);
}

/// What the load says that fails by itself.
fn failure_of(load: PhasedLoad) -> String {
    wait_for("a failure", || load.has_failed());
    assert!(load.wait(Duration::from_secs(1)).is_err());
    load.end().expect_err("a failure").to_string()
}

#[test]
fn a_wrong_answer_ends_the_load() {
    with_server(&[("GetItem", 3)], |address| {
        let load = PhasedLoad::start(address, parts(), shape(2), FAST).expect("a load");
        let failure = failure_of(load);
        assert!(failure.contains("status 200 and 3 bytes"), "{failure}");
    });
}

#[test]
fn a_server_that_ends_fails_the_load() {
    for pace in [Pace::Closed, FAST] {
        // Nobody accepts the connection, and it is closed with its listener.
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let load = PhasedLoad::start(address, parts(), shape(1), pace).expect("a load");
        drop(listener);
        failure_of(load);
    }
}

#[test]
fn a_server_that_does_not_answer_fails_the_load() {
    let server = TestServer::start();
    let _held = server.gate.write().expect("a gate");
    let time_max = Duration::from_millis(20);
    let load = PhasedLoad::start_patiently(server.address, parts(), shape(2), FAST, time_max);
    let failure = failure_of(load.expect("a load"));
    assert!(
        failure.contains("not answered a request within 0.02 s"),
        "{failure}"
    );
}
