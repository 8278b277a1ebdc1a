//! The raw rows that a run leaves behind: one JSON object a line, appended to a file that the
//! repository keeps.
//!
//! The first row of a run has the kind `run` and says on what and of what it was measured. The
//! others name that run: `round` is one server under one workload for one round, `start` all
//! starts in one durability, `binary` the size of the program; `phase` is one operation in one
//! phase of a sweep, `sweep` what that sweep came to; `open` is one server in an open loop, `failed`
//! why a server has no figures, `absent` that it was not there, `memory` what it had in use,
//! `write_amplification` and `recovery` what their names say, and `section` that a part of a full
//! run was measured to its end.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::footprint::Start;
use crate::measurement::Measurement;
use harness::failure::{Context, Result};

/// The rows of one run, kept until all of them are there.
#[derive(Debug)]
pub struct Results {
    run: u64,
    rows: Vec<Value>,
}

impl Results {
    /// Begins the rows of a run, with what is known of it.
    pub fn new(settings: Value) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut results = Results {
            run: now.as_secs(),
            rows: Vec::new(),
        };
        results.add("run", settings);
        results
    }

    /// Says more of the run itself.
    pub fn note(&mut self, member: &str, value: Value) {
        if let Some(run) = self.rows.first_mut() {
            run[member] = value;
        }
    }

    /// Adds a row: the members of `row` after its kind and the run, which is named by the second
    /// of the Unix clock in which it began.
    pub fn add(&mut self, kind: &str, row: Value) {
        let mut members = json!({"kind": kind, "run": self.run});
        extend(&mut members, row);
        self.rows.push(members);
    }

    /// All rows so far.
    pub fn rows(&self) -> &[Value] {
        &self.rows
    }

    /// Adds all rounds of one server, each with `labels` before its figures.
    pub fn add_rounds(&mut self, labels: &Value, measurement: &Measurement) {
        for (number, round) in measurement.rounds.iter().enumerate() {
            let mut row = json!({
                "server": measurement.server,
                "round": number,
                "seconds": rounded(round.outcome.recorded.as_secs_f64()),
                "requests_per_second": rounded(round.outcome.requests_per_second()),
                "server_cpu_us_per_request": round.server_cpu_us_per_request().map(rounded),
                "client_cpu_us_per_request": round.client_cpu_us_per_request().map(rounded),
            });
            extend(&mut row, labels.clone());
            extend(&mut row, latency_members(&round.outcome.latencies));
            self.add("round", row);
        }
    }

    /// Adds the starts and the idle memory in one durability.
    pub fn add_start(&mut self, start: &Start) {
        let milliseconds: Vec<f64> = start.first_answer_ms.iter().copied().map(rounded).collect();
        let row = json!({
            "durability": start.durability.name(),
            "first_answer_ms": milliseconds,
            "resident_bytes_at_start": start.resident_bytes_at_start,
            "resident_bytes_after_request": start.resident_bytes_after_request,
        });
        self.add("start", row);
    }

    /// Adds the size of the program.
    pub fn add_binary(&mut self, stripped_size_bytes: Option<u64>) {
        self.add("binary", json!({"stripped_size_bytes": stripped_size_bytes}));
    }

    /// Appends all rows to the file at `path`.
    pub fn append_to(&self, path: &Path) -> Result<()> {
        let failed = format!("the results cannot be written to {}", path.display());
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).context(&failed)?;
        }
        let lines: String = self.rows.iter().map(|row| format!("{row}\n")).collect();
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .context(&failed)?;
        file.write_all(lines.as_bytes()).context(&failed)
    }
}

/// How many requests there were and how long they took, in microseconds, as members of a row.
pub fn latency_members(latencies: &Histogram<u64>) -> Value {
    let quantile_us = |quantile| rounded(latencies.value_at_quantile(quantile) as f64 / 1e3);
    json!({
        "requests": latencies.len(),
        "p50_us": quantile_us(0.5),
        "p90_us": quantile_us(0.9),
        "p99_us": quantile_us(0.99),
        "p999_us": quantile_us(0.999),
        "max_us": rounded(latencies.max() as f64 / 1e3),
    })
}

/// How late the load generator itself was in an open loop, in microseconds, as members of a row.
pub fn lateness_members(lateness: &Histogram<u64>) -> Value {
    let microseconds = |nanoseconds: u64| (!lateness.is_empty()).then(|| rounded(nanoseconds as f64 / 1e3));
    json!({
        "late_p99_us": microseconds(lateness.value_at_quantile(0.99)),
        "late_max_us": microseconds(lateness.max()),
    })
}

/// Adds the members of one object to another.
pub fn extend(object: &mut Value, members: Value) {
    if let (Value::Object(object), Value::Object(members)) = (object, members) {
        object.extend(members);
    }
}

/// Three digits after the point are more than any figure here is worth.
pub fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
