use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::draw::draw;
use super::page;
use super::plain;
use super::reading::{HotKey, Reading};
use super::view::{Order, View, number, time};

const BEFORE: &str = r#"
# HELP stator_build What is running.
stator_build_info{version="1.2.3",commit=""} 1
stator_requests_total{operation="PutItem",result="success"} 100
stator_conditional_check_failures_total{table="music"} 0.0
stator_conditional_check_failures_total{table="quiet"} 0.0
stator_table_request_duration_seconds_count{table="music",operation="PutItem"} 100
stator_table_request_duration_seconds_bucket{table="music",operation="PutItem",le="0.001"} 100
stator_table_request_duration_seconds_bucket{table="music",operation="PutItem",le="+Inf"} 100
stator_store_free_bytes 1073741824
# EOF
"#;

const NOW: &str = r#"
stator_build_info{version="1.2.3",commit=""} 1
stator_connections 7
stator_requests_in_flight 2
stator_requests_total{operation="PutItem",result="success"} 300
stator_requests_total{operation="GetItem",result="success"} 20
stator_conditional_check_failures_total{table="music"} 0.0
stator_conditional_check_failures_total{table="quiet"} 0.0
stator_consumed_capacity_units_total{table="music",index="",direction="write"} 400.0
stator_consumed_capacity_units_total{table="music",index="by-artist",direction="write"} 40.0
stator_table_throttled_requests_total{table="music",operation="PutItem"} 4.0
stator_table_request_duration_seconds_count{table="music",operation="PutItem"} 300
stator_table_request_duration_seconds_bucket{table="music",operation="PutItem",le="0.001"} 250
stator_table_request_duration_seconds_bucket{table="music",operation="PutItem",le="0.002"} 299
stator_table_request_duration_seconds_bucket{table="music",operation="PutItem",le="+Inf"} 300
stator_store_free_bytes 1073741824
stator_store_table_bytes 2097152
stator_store_level_files{level="0"} 3
stator_store_level_files{level="1"} 1
"#;

fn reading(page: &str) -> Reading {
    Reading {
        samples: page::samples(page),
        hot_keys: vec![HotKey {
            place: "music".to_owned(),
            key: "Björk, Jóga".to_owned(),
            is_throttled: false,
            weight: 1234.5,
        }],
    }
}

fn view() -> View {
    let apart = Duration::from_secs(2);
    View::between("http://127.0.0.1:8000", &reading(BEFORE), &reading(NOW), apart)
}

/// What stands on a screen of this size.
fn screen(view: &View, order: Order) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(110, 24)).unwrap();
    terminal.draw(|frame| draw(frame, view, order)).unwrap();
    let buffer = terminal.backend().buffer();
    let width = usize::from(buffer.area.width);
    let cells: Vec<&str> = buffer.content.iter().map(|cell| cell.symbol()).collect();
    cells.chunks(width).map(|line| line.concat()).collect()
}

#[test]
fn labels_are_read_as_they_were_written() {
    let samples = page::samples(
        "a_total{x=\"1,}\",y=\"q\\\"\\\\\\n\"} 2.5\nb 1e3\nc{le=\"+Inf\"} +Inf\n# d 1\nbroken{x=\"\n",
    );
    assert_eq!(samples.len(), 3);
    assert_eq!((samples[0].label("x"), samples[0].label("y")), ("1,}", "q\"\\\n"));
    assert_eq!((samples[0].value, samples[1].value), (2.5, 1000.0));
    assert_eq!(samples[1].label("x"), "");
    assert!(samples[2].value.is_infinite());
}

#[test]
fn rates_are_of_the_time_between_two_looks() {
    let view = view();
    assert_eq!(
        (view.version.as_str(), view.connections, view.in_flight),
        ("1.2.3", 7.0, 2.0)
    );
    assert_eq!(view.requests, 110.0);
    let [music, quiet] = view.tables.as_slice() else {
        panic!("{:?}", view.tables)
    };
    assert_eq!((music.requests, music.throttles), (102.0, 2.0));
    assert_eq!((music.write_units, music.read_units), (220.0, 0.0));
    // 150 of 200 in the first bucket, 49 in the second, one beyond.
    assert_eq!((music.p50, music.p99), (Some(0.001), Some(0.002)));
    assert_eq!((quiet.requests, quiet.p99), (0.0, None));
    // A server that has been started anew counts from zero.
    let restarted = View::between("", &reading(NOW), &reading(BEFORE), Duration::from_secs(1));
    assert_eq!(restarted.requests, 0.0);
}

#[test]
fn tables_are_ordered_by_the_key_that_is_pressed() {
    let names = |order| {
        let view = view();
        view.ordered(order)
            .iter()
            .map(|row| row.name.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(Order::default()), ["music", "quiet"]);
    let mut reversed = view();
    reversed.tables[1].p99 = Some(1.0);
    let slowest = reversed.ordered(Order::of_key('l').unwrap())[0].name.clone();
    assert_eq!(slowest, "quiet");
    assert_eq!(Order::of_key('x'), None);
}

#[test]
fn the_screen_shows_tables_keys_and_the_store() {
    let lines = screen(&view(), Order::Requests);
    let heading =
        "Stator 1.2.3 at http://127.0.0.1:8000: 110 requests/s, 0 wrong/s, 2 in flight, 7 connections";
    assert_eq!(lines[0].trim_end(), heading);
    assert!(lines[1].contains("tables by requests"), "{}", lines[1]);
    let words: Vec<&str> = lines[3].trim_matches(['│', ' ']).split_whitespace().collect();
    assert_eq!(
        words,
        ["music", "102", "1.0", "ms", "2.0", "ms", "0", "220", "2", "0"]
    );
    let has = |text: &str| lines.iter().any(|line| line.contains(text));
    assert!(
        has("quiet") && has("Björk, Jóga") && has("1234 units"),
        "{lines:#?}"
    );
    assert!(
        has("takes writes") && has("1.0 GiB") && has("2.0 MiB in files by level 3 1"),
        "{lines:#?}"
    );
    assert!(
        lines[23].starts_with("q quit   order by: n name"),
        "{}",
        lines[23]
    );
}

#[test]
fn trouble_and_what_is_missing_are_said() {
    let mut view = view();
    view.trouble = Some("no Stator answers".to_owned());
    view.hot_keys.clear();
    view.store.clear();
    let lines = screen(&view, Order::Name);
    assert!(lines[23].starts_with("no Stator answers"), "{}", lines[23]);
    let has = |text: &str| lines.iter().any(|line| line.contains(text));
    assert!(
        has("UpdateContributorInsights") && has("In memory."),
        "{lines:#?}"
    );
}

#[test]
fn a_snapshot_is_plain_lines() {
    let text = plain::lines(&view(), Order::Name);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[2].starts_with("table  requests/s"), "{text}");
    let words: Vec<&str> = lines[3].split_whitespace().collect();
    assert_eq!(
        words,
        ["music", "102", "1.0", "ms", "2.0", "ms", "0", "220", "2", "0"]
    );
    assert!(text.contains("\nmusic  Björk, Jóga  1234 units\n"), "{text}");
    assert!(text.contains("\nstate       takes writes\n"), "{text}");
}

#[test]
fn figures_have_the_digits_that_matter() {
    let numbers = [0.0, 0.25, 9.96, 123.4, 9999.0, 12_345.0, 2_500_000.0].map(number);
    assert_eq!(numbers, ["0", "0.2", "10.0", "123", "9999", "12.3k", "2.5M"]);
    let times = [None, Some(0.000064), Some(0.0082), Some(2.1), Some(f64::INFINITY)].map(time);
    assert_eq!(times, ["-", "64 µs", "8.2 ms", "2.1 s", ">8 s"]);
}
