//! On what and of what the figures are: machine, system, commit.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use serde_json::{Value, json};

/// The machine, as far as figures depend on it.
#[derive(Clone, Debug)]
pub struct Machine {
    pub cpu_model: String,
    pub cores: usize,
    pub kernel: String,
    /// Processes that wanted to run in the last minute, before the bench began.
    pub load_average: Option<f64>,
}

impl Machine {
    /// This machine.
    pub fn read() -> Self {
        let unknown = || "unknown".to_owned();
        let first_line = |path| Some(fs::read_to_string(path).ok()?.lines().next()?.to_owned());
        Machine {
            cpu_model: cpu_model().unwrap_or_else(unknown),
            cores: thread::available_parallelism().map_or(1, usize::from),
            kernel: first_line("/proc/version")
                .and_then(|line| Some(line.split_ascii_whitespace().nth(2)?.to_owned()))
                .unwrap_or_else(unknown),
            load_average: first_line("/proc/loadavg")
                .and_then(|line| line.split_ascii_whitespace().next()?.parse().ok()),
        }
    }

    /// Whether others use so much of the machine that figures mean little.
    pub fn is_busy(&self) -> bool {
        self.load_average
            .is_some_and(|load_average| load_average > self.cores as f64 / 4.0)
    }

    pub fn to_json(&self) -> Value {
        json!({
            "cpu_model": self.cpu_model,
            "cores": self.cores,
            "kernel": self.kernel,
            "operating_system": env::consts::OS,
            "architecture": env::consts::ARCH,
            "load_average": self.load_average,
        })
    }
}

fn cpu_model() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let (_, model) = text
        .lines()
        .find(|line| line.starts_with("model name"))?
        .split_once(':')?;
    Some(model.trim().to_owned())
}

/// The directory of the bench's sources, from which results and the commit are found: cargo says
/// where it is, else it is looked for here.
pub fn source_directory() -> PathBuf {
    env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("bench"), PathBuf::from)
}

/// The commit of the working tree, marked where it has changes; `None` without git.
///
/// Results of earlier runs and the page that shows them are no changes.
pub fn commit() -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .arg("-C")
            .arg(source_directory().join(".."))
            .args(arguments)
            .output()
            .ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let results =
        ["bench/results", "docs/performance.md", "docs/performance"].map(|path| format!(":!{path}"));
    let mut question = vec!["status", "--porcelain", "--", "."];
    question.extend(results.iter().map(String::as_str));
    let changes = git(&question)?;
    Some(match changes.is_empty() {
        true => commit,
        false => format!("{commit}-changed"),
    })
}

/// The first line that `program --version` prints.
pub fn version_of(program: &std::path::Path) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().next().map(str::to_owned)
}
