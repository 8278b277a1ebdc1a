//! What is wrong is said in one sentence, and the exit code tells it too.

use std::fs;
use std::net::TcpListener;

use crate::process::{TemporaryDirectory, output, stator};

/// Runs the program, which must fail with `code` and say all of `expected`.
fn check(arguments: &[&str], code: i32, expected: &[&str]) {
    let output = output(&mut stator(arguments));
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{told}");
    for part in expected {
        assert!(told.contains(part), "{told}");
    }
    assert!(!told.contains("panic"), "{told}");
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let told = format!("stator: port {port} of 127.0.0.1 is in use by another program");
    check(
        &["serve", "--in-memory", "--port", &port],
        1,
        &[&told, "choose another --port"],
    );
}

#[test]
fn an_address_of_another_machine_is_named() {
    let told = "stator: 192.0.2.1 is no address of this machine";
    check(
        &["serve", "--in-memory", "--port", "0", "--host", "192.0.2.1"],
        1,
        &[told],
    );
    let told = "stator: it is impossible to listen on no.such.host.invalid";
    check(
        &[
            "serve",
            "--in-memory",
            "--port",
            "0",
            "--host",
            "no.such.host.invalid",
        ],
        1,
        &[told],
    );
}

#[test]
fn usage_is_explained() {
    check(
        &["serve", "--prot", "1"],
        2,
        &["--prot", "a similar argument exists: '--port'"],
    );
    check(
        &["serve", "--port", "x"],
        2,
        &["invalid value 'x' for '--port <PORT>'"],
    );
    check(&["sevre"], 2, &["'sevre'", "serve"]);
    let told = output(stator(&["serve"]).env("STATOR_PORT", "x"));
    assert_eq!(told.status.code(), Some(2));

    let directory = TemporaryDirectory::new();
    let file = directory.join("stator.toml");
    fs::write(&file, "prot = 8000").unwrap();
    check(
        &["serve", "--config", &file],
        2,
        &["stator: the configuration file", "`prot`; did you mean `port`?"],
    );
}

#[test]
fn help_and_version_are_no_failure() {
    let version = output(&mut stator(&["--version"]));
    assert!(version.status.success());
    assert_eq!(
        version.stdout,
        format!("stator {}\n", env!("CARGO_PKG_VERSION")).into_bytes()
    );
    let help = output(&mut stator(&["serve", "--help"]));
    let text = String::from_utf8(help.stdout).unwrap();
    assert!(help.status.success());
    for part in ["--data-dir", "STATOR_DATA_DIR", "--durability", "[default: 8000]"] {
        assert!(text.contains(part), "{text}");
    }
}

#[cfg(not(feature = "disk"))]
#[test]
fn a_build_without_the_disk_store_says_so() {
    check(
        &["serve", "--port", "0"],
        1,
        &["was built without the store on disk; start it with --in-memory"],
    );
}

#[cfg(feature = "disk")]
mod disk {
    use super::*;
    use crate::process::Server;

    #[test]
    fn a_directory_of_others_is_left_alone() {
        let directory = TemporaryDirectory::new();
        let file = directory.join("thesis.txt");
        fs::write(&file, "precious").unwrap();
        let data = file.trim_end_matches("/thesis.txt");
        let told = format!("stator: {data} is not a Stator data directory");
        check(&["serve", "--port", "0", "--data-dir", data], 1, &[&told]);
        let names: Vec<_> = fs::read_dir(data)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["thesis.txt"]);
        check(&["serve", "--port", "0", "--data-dir", &file], 1, &["stator: "]);
    }

    #[test]
    fn a_directory_in_use_is_refused() {
        let directory = TemporaryDirectory::new();
        let data = directory.join("data");
        let _server = Server::start(&mut stator(&["serve", "--port", "0", "--data-dir", &data]));
        let told = format!("stator: {data} is in use by another Stator process");
        check(&["serve", "--port", "0", "--data-dir", &data], 1, &[&told]);
        for command in ["check", "repair"] {
            check(&[command, "--data-dir", &data], 1, &[&told]);
        }
    }

    #[test]
    fn what_is_no_store_is_not_made_one() {
        let directory = TemporaryDirectory::new();
        let none = directory.join("none");
        for command in ["check", "repair"] {
            let told = format!("stator: {none} is not a Stator data directory");
            check(&[command, "--data-dir", &none], 1, &[&told]);
        }
        assert!(!fs::exists(&none).unwrap());
    }

    #[test]
    fn a_whole_store_is_found_to_be_so() {
        let directory = TemporaryDirectory::new();
        let data = directory.join("data");
        let server = Server::start(&mut stator(&["serve", "--port", "0", "--data-dir", &data]));
        server.signal("TERM");
        server.wait();
        let told = output(&mut stator(&["repair", "--data-dir", &data]));
        assert!(told.status.success());
        assert_eq!(told.stdout, format!("{data} needs no repair.\n").into_bytes());
        let told = output(&mut stator(&["check", "--data-dir", &data]));
        let text = String::from_utf8(told.stdout).unwrap();
        assert!(told.status.success(), "{text}");
        assert!(
            text.ends_with(
                "0 tables, 0 items, 0 index entries, 0 expiry entries, 0 log records.\nNothing is wrong.\n"
            ),
            "{text}"
        );
    }
}
