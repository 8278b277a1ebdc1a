//! `stator serve`: start, settings from all places, stop.

use std::fs;

use crate::process::{Server, TemporaryDirectory, stator};

const IN_MEMORY: [&str; 4] = ["serve", "--in-memory", "--port", "0"];

#[test]
fn a_start_says_where_how_durable_and_what_to_try() {
    let server = Server::start(&mut stator(&IN_MEMORY));
    assert!(
        server.lines[0].contains("listens on http://127.0.0.1:"),
        "{:?}",
        server.lines
    );
    assert_eq!(
        server.lines[1],
        "Stores in memory; everything is gone when Stator stops"
    );
    assert!(server.lines[2].contains(&format!("--endpoint-url http://127.0.0.1:{}", server.port)));
    let (status, body) = server.call("ListTables", "{}");
    assert_eq!((status, body.as_str()), (200, r#"{"TableNames":[]}"#));
    let (status, body) = server.send("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert_eq!(
        (status, body.as_str()),
        (200, "healthy: dynamodb.us-east-1.amazonaws.com ")
    );
}

#[test]
fn settings_come_from_three_places() {
    let directory = TemporaryDirectory::new();
    let file = directory.join("stator.toml");
    fs::write(&file, "region = \"from-file\"\nin-memory = true\nport = 1\n").unwrap();
    let health = |server: &Server| {
        server
            .send("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .1
    };

    let server = Server::start(stator(&["serve", "--port=0"]).env("STATOR_CONFIG", &file));
    assert_eq!(health(&server), "healthy: dynamodb.from-file.amazonaws.com ");
    let server = Server::start(
        stator(&["serve", "--config", &file])
            .env("STATOR_REGION", "from-environment")
            .env("STATOR_PORT", "0"),
    );
    assert_eq!(
        health(&server),
        "healthy: dynamodb.from-environment.amazonaws.com "
    );
    let server = Server::start(
        stator(&["serve", "--config", &file, "--region=from-flag", "--port=0"])
            .env("STATOR_REGION", "from-environment"),
    );
    assert_eq!(health(&server), "healthy: dynamodb.from-flag.amazonaws.com ");
}

#[test]
fn a_signal_stops_it_with_success() {
    for signal in ["INT", "TERM"] {
        let server = Server::start(&mut stator(&IN_MEMORY));
        server.signal(signal);
        let (code, log) = server.wait();
        assert_eq!(code, Some(0), "{log}");
        assert!(log.contains("stopping"), "{log}");
    }
}

#[test]
fn a_server_on_all_addresses_is_tried_on_this_machine() {
    let server = Server::start(stator(&IN_MEMORY).args(["--host", "0.0.0.0"]));
    assert!(
        server.lines[2].contains("http://127.0.0.1:"),
        "{:?}",
        server.lines
    );
}

#[test]
fn the_start_is_logged_as_json_and_warns_of_other_machines() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;
    let mut command = stator(&IN_MEMORY);
    let mut child = command
        .args(["--log-format", "json", "--host", "0.0.0.0"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: Vec<String> = BufReader::new(child.stderr.take().unwrap())
        .lines()
        .take(4)
        .map(Result::unwrap)
        .collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        lines
            .iter()
            .all(|line| line.starts_with('{') && line.ends_with('}')),
        "{lines:?}"
    );
    assert!(lines[0].contains("listens on"), "{lines:?}");
    assert!(lines[3].contains("requests are not authenticated"), "{lines:?}");
}

#[cfg(feature = "disk")]
#[test]
fn what_is_stored_is_there_after_a_kill_and_after_a_stop() {
    let directory = TemporaryDirectory::new();
    let data = directory.join("data");
    let arguments = ["serve", "--port", "0", "--data-dir", &data];
    let server = Server::start(&mut stator(&arguments));
    assert!(server.lines[1].contains(&data) && server.lines[1].contains("survives a loss of power"));
    let table = r#"{"TableName":"kept","KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}],
        "AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"}],"BillingMode":"PAY_PER_REQUEST"}"#;
    let (status, body) = server.call("CreateTable", table);
    assert_eq!(status, 200, "{body}");
    server.signal("KILL");
    server.wait();

    for _ in 0..2 {
        let server = Server::start(&mut stator(&arguments));
        assert_eq!(server.call("ListTables", "{}").1, r#"{"TableNames":["kept"]}"#);
        server.signal("TERM");
        assert_eq!(server.wait().0, Some(0));
    }
}
