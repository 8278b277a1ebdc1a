//! A log that is damaged: refused by name, described, repaired at a price that is told.

use std::fs;
use std::path::PathBuf;

use crate::process::{Server, TemporaryDirectory, output, stator};

const ITEMS: usize = 60;

/// All files below a directory.
fn files(directory: PathBuf) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { files(path) } else { vec![path] })
        .collect()
}

fn count(server: &Server) -> usize {
    let (status, body) = server.call("Scan", r#"{"TableName":"things","Select":"COUNT"}"#);
    assert_eq!(status, 200, "{body}");
    let count = body
        .split("\"Count\":")
        .nth(1)
        .and_then(|rest| rest.split([',', '}']).next());
    count.and_then(|count| count.parse().ok()).expect("a count")
}

/// A directory whose server was killed after it had written [`ITEMS`] items, and its log.
fn killed_server(data: &str) -> PathBuf {
    let server = Server::start(&mut stator(&["serve", "--port", "0", "--data-dir", data]));
    let table = r#"{"TableName":"things","KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}],
        "AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"N"}],"BillingMode":"PAY_PER_REQUEST"}"#;
    assert_eq!(server.call("CreateTable", table).0, 200);
    for n in 0..ITEMS {
        let filler = "x".repeat(1000);
        let item =
            format!(r#"{{"TableName":"things","Item":{{"pk":{{"N":"{n}"}},"a":{{"S":"{filler}"}}}}}}"#);
        assert_eq!(server.call("PutItem", &item).0, 200);
    }
    server.signal("KILL");
    server.wait();

    let is_log = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "log");
    let log = files(data.into())
        .into_iter()
        .filter(is_log)
        .max_by_key(|path| fs::metadata(path).unwrap().len());
    log.expect("a log")
}

#[test]
fn a_log_that_ends_in_half_a_record_is_cut_with_a_warning() {
    let directory = TemporaryDirectory::new();
    let data = directory.join("data");
    let log = killed_server(&data);
    let length = fs::metadata(&log).unwrap().len();
    let file = fs::File::options().write(true).open(&log).unwrap();
    file.set_len(length - 5).unwrap();

    let told = output(&mut stator(&["check", "--data-dir", &data]));
    let text = String::from_utf8(told.stderr).unwrap();
    assert!(told.status.success(), "{text}");
    let warning = text.lines().find(|line| line.contains("WARN"));
    let warning = warning.unwrap_or_else(|| panic!("no warning: {text}"));
    assert!(
        warning.contains(log.to_str().unwrap()) && warning.contains("offset="),
        "{warning}"
    );
    // Now it is cut.
    let told = output(&mut stator(&["check", "--data-dir", &data]));
    assert!(told.status.success() && told.stderr.is_empty(), "{told:?}");
}

#[test]
fn a_damaged_log_is_refused_and_can_be_repaired() {
    let directory = TemporaryDirectory::new();
    let data = directory.join("data");
    let arguments = ["serve", "--port", "0", "--data-dir", &data];
    let log = killed_server(&data);
    let mut bytes = fs::read(&log).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    fs::write(&log, bytes).unwrap();

    let log_name = log.file_name().unwrap().to_str().unwrap();
    for command in ["serve", "check"] {
        let told = output(&mut stator(&[command, "--data-dir", &data]));
        let text = String::from_utf8(told.stderr).unwrap();
        assert_eq!(told.status.code(), Some(1), "{text}");
        assert!(
            text.contains(log_name) && text.contains("offset") && text.contains("stator repair"),
            "{text}"
        );
    }
    let told = output(&mut stator(&["repair", "--dry-run", "--data-dir", &data]));
    let text = String::from_utf8(told.stdout).unwrap();
    assert!(
        told.status.success() && text.contains(log_name) && text.contains("Nothing was changed"),
        "{text}"
    );
    let told = output(&mut stator(&["repair", "--data-dir", &data]));
    let text = String::from_utf8(told.stdout).unwrap();
    assert!(
        told.status.success() && text.contains(log_name) && text.contains("Repaired"),
        "{text}"
    );

    let told = output(&mut stator(&["check", "--data-dir", &data]));
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stdout));
    let server = Server::start(&mut stator(&arguments));
    let kept = count(&server);
    assert!((1..ITEMS).contains(&kept), "{kept} items");
}
