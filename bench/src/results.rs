//! The raw rows that a run leaves behind: one JSON object a line, appended to a file that the
//! repository keeps.
//!
//! The first row of a run has the kind `run` and says on what and of what it was measured. The
//! others name that run: `round` is one server under one workload for one round, `start` all
//! starts in one durability, `binary` the size of the program.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::failure::{Context, Result};
use crate::footprint::Start;
use crate::measurement::Measurement;
use crate::requests::Workload;

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

    /// Adds a row: the members of `row` after its kind and the run, which is named by the second
    /// of the Unix clock in which it began.
    fn add(&mut self, kind: &str, row: Value) {
        let mut members = json!({"kind": kind, "run": self.run});
        if let (Value::Object(members), Value::Object(row)) = (&mut members, row) {
            members.extend(row);
        }
        self.rows.push(members);
    }

    /// Adds all rounds of one server under one workload.
    pub fn add_measurement(
        &mut self,
        workload: Workload,
        answer_bytes: usize,
        connections: usize,
        measurement: &Measurement,
    ) {
        for (number, round) in measurement.rounds.iter().enumerate() {
            let latencies = &round.outcome.latencies;
            let row = json!({
                "workload": workload.operation(),
                "server": measurement.server,
                "round": number,
                "connections": connections,
                "answer_bytes": answer_bytes,
                "requests": latencies.len(),
                "seconds": rounded(round.outcome.recorded.as_secs_f64()),
                "requests_per_second": rounded(round.outcome.requests_per_second()),
                "p50_us": rounded(round.latency_us(0.5)),
                "p90_us": rounded(round.latency_us(0.9)),
                "p99_us": rounded(round.latency_us(0.99)),
                "p999_us": rounded(round.latency_us(0.999)),
                "max_us": rounded(latencies.max() as f64 / 1e3),
                "server_cpu_us_per_request": round.server_cpu_us_per_request().map(rounded),
                "client_cpu_us_per_request": round.client_cpu_us_per_request().map(rounded),
            });
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

    /// Appends all rows to the file at `path`, or to `quick.jsonl` where that is a directory.
    pub fn append_to(&self, path: &Path) -> Result<PathBuf> {
        let path = match path.is_dir() || path.extension().is_none() {
            true => path.join("quick.jsonl"),
            false => path.to_owned(),
        };
        let failed = format!("the results cannot be written to {}", path.display());
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).context(&failed)?;
        }
        let lines: String = self.rows.iter().map(|row| format!("{row}\n")).collect();
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .context(&failed)?;
        file.write_all(lines.as_bytes()).context(&failed)?;
        Ok(path)
    }
}

/// Three digits after the point are more than any figure here is worth.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
