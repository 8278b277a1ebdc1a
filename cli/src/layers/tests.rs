//! What counts when a setting is given in several places, and what is said of a wrong file.

use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::arguments::{Command as Subcommand, LogFormat, ServeArguments};

/// A file that is removed with its value.
struct TemporaryFile(PathBuf);

impl TemporaryFile {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("stator-{}-{name}.toml", std::process::id()));
        fs::write(&path, text).unwrap();
        TemporaryFile(path)
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        fs::remove_file(&self.0).unwrap();
    }
}

fn parse_words(words: &[&str]) -> Result<Box<ServeArguments>, String> {
    let command_line: Vec<OsString> = ["stator", "serve"]
        .iter()
        .chain(words)
        .map(OsString::from)
        .collect();
    match parse(&command_line) {
        Ok(arguments) => match arguments.command {
            Subcommand::Serve(arguments) => Ok(arguments),
            other => Err(format!("{other:?}")),
        },
        Err(NoArguments::Usage(error)) => Err(error.to_string()),
        Err(NoArguments::File(failure)) => Err(failure.to_string()),
    }
}

fn with_config(name: &str, text: &str, words: &[&str]) -> Result<Box<ServeArguments>, String> {
    let file = TemporaryFile::new(name, text);
    let path = file.0.to_str().unwrap();
    parse_words(&[&["--config", path], words].concat())
}

#[test]
fn the_parser_is_sound() {
    with_environment(Arguments::command()).debug_assert();
}

#[test]
fn without_anything_it_is_the_defaults() {
    let arguments = parse_words(&[]).unwrap();
    assert_eq!((arguments.host.as_str(), arguments.port), ("127.0.0.1", 8000));
    assert_eq!(arguments.data_dir, PathBuf::from("./stator-data"));
    assert_eq!(arguments.durability(), Durability::Sync);
    assert_eq!(arguments.cache_bytes, 256 << 20);
    assert_eq!(arguments.max_body_bytes, 16 << 20);
    assert!(arguments.cors_origin.is_empty());
}

#[test]
fn time_to_live_and_streams_are_set_like_everything_else() {
    let of = |arguments: &ServeArguments| {
        (
            arguments.expiry_sweep_period,
            arguments.time_to_live_change_interval,
            arguments.hide_expired_items,
            arguments.stream_shards,
            arguments.stream_shard_rollover,
            arguments.transaction_conflicts,
        )
    };
    let (second, hour) = (Duration::from_secs(1), Duration::from_secs(3600));
    assert_eq!(
        of(&parse_words(&[]).unwrap()),
        (second, hour, false, 1, 4 * hour, false)
    );
    let words = [
        "--expiry-sweep-period=250ms",
        "--time-to-live-change-interval=0",
        "--hide-expired-items",
        "--stream-shards=16",
        "--stream-shard-rollover=1s",
        "--transaction-conflicts",
    ];
    let flags = (Duration::from_millis(250), Duration::ZERO, true, 16, second, true);
    assert_eq!(of(&parse_words(&words).unwrap()), flags);
    let text = "expiry-sweep-period = \"250ms\"\ntime-to-live-change-interval = 0\nhide-expired-items = true\n\
                stream-shards = 16\nstream-shard-rollover = \"1s\"\ntransaction-conflicts = true\n";
    assert_eq!(of(&with_config("expiry", text, &[]).unwrap()), flags);
}

#[test]
fn the_file_is_below_the_command_line() {
    let text = r#"
        port = 9000
        host = "::1"
        in-memory = true
        cache-bytes = "1GiB"
        request-timeout = 5
        cors-origin = ["https://a.example", "https://b.example"]
        log-format = "json"
    "#;
    let arguments = with_config("below", text, &["--port", "9001", "--in-memory=false"]).unwrap();
    assert_eq!((arguments.host.as_str(), arguments.port), ("::1", 9001));
    assert_eq!(arguments.durability(), Durability::Sync);
    assert_eq!(arguments.cache_bytes, 1 << 30);
    assert_eq!(arguments.request_timeout, Duration::from_secs(5));
    assert_eq!(arguments.cors_origin.len(), 2);
    assert_eq!(arguments.log_format, LogFormat::Json);
    let arguments = with_config("alone", text, &[]).unwrap();
    assert_eq!(
        (arguments.port, arguments.durability()),
        (9000, Durability::Memory)
    );
}

#[test]
fn a_wrong_file_is_told_in_one_sentence() {
    let check = |name: &str, text: &str, expected: &str| {
        let told = with_config(name, text, &[]).map(|_| ()).unwrap_err();
        assert!(told.contains(expected), "{told}");
        assert!(!told.contains('\n'), "{told}");
    };
    check(
        "near",
        "prot = 8000",
        "has the unknown key `prot`; did you mean `port`?",
    );
    check(
        "underscore",
        "data_dir = \"x\"",
        "has the unknown key `data_dir`; did you mean `data-dir`?",
    );
    check(
        "far",
        "zzzzzz = 1",
        "has the unknown key `zzzzzz`; `stator serve --help` lists the settings",
    );
    check("empty", "zzzzzz = []", "has the unknown key `zzzzzz`");
    check(
        "config",
        "config = \"other.toml\"",
        "has the key `config`, which is no setting",
    );
    check("help", "help = true", "has the key `help`, which is no setting");
    check(
        "value",
        "port = 70000",
        "has a wrong value: invalid value '70000' for '--port <PORT>'",
    );
    check(
        "choice",
        "durability = \"maybe\"",
        "has a wrong value: invalid value 'maybe' for '--durability",
    );
    check(
        "bool",
        "in-memory = \"perhaps\"",
        "has a wrong value: invalid value 'perhaps' for '--in-memory",
    );
    check("table", "[port]\nx = 1", "has a table or date at `port`");
    check("syntax", "host = \"x\"\nport = = 1", "is not TOML in line 2");
    let told = parse_words(&["--config", "/nowhere/at/all.toml"])
        .map(|_| ())
        .unwrap_err();
    assert!(
        told.contains("the configuration file /nowhere/at/all.toml cannot be read"),
        "{told}"
    );
}

#[test]
fn a_wrong_flag_is_named() {
    let check = |words: &[&str], expected: &str| {
        let told = parse_words(words).map(|_| ()).unwrap_err();
        assert!(told.contains(expected), "{told}");
    };
    check(&["--prot", "1"], "a similar argument exists: '--port'");
    check(&["--port", "x"], "invalid value 'x' for '--port <PORT>'");
    check(&["--cache-bytes", "lots"], "`lots` is not a size");
    check(&["--request-timeout", "0s"], "is not a time span above zero");
    check(&["--expiry-sweep-period", "0"], "is not a time span above zero");
    check(
        &["--time-to-live-change-interval", "soon"],
        "`soon` is not a time span: write",
    );
    check(&["--stream-shards", "0"], "0 is not in 1..=16");
    check(&["--stream-shards", "17"], "17 is not in 1..=16");
    check(
        &["--stream-shard-rollover", "999ms"],
        "a shard is open for at least a second",
    );
    check(&["--account-id", "12"], "an account id has 12 digits");
    check(&["--region", "a b"], "a region is written like eu-west-2");
    check(
        &["--cors-origin", "example.org"],
        "an origin is written scheme://host",
    );
    check(
        &["--max-connections", "0"],
        "a number from 1 to 1000000 is wanted",
    );
    check(&["--in-memory", "--durability", "sync"], "give one of them");
    assert_eq!(
        parse_words(&["--in-memory"]).unwrap().durability(),
        Durability::Memory
    );
    assert_eq!(
        parse_words(&["--durability", "memory"]).unwrap().durability(),
        Durability::Memory
    );
    assert!(parse_words(&["--in-memory", "--durability", "memory"]).is_ok());
}
