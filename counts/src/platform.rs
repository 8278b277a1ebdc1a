//! What counts depend on beside the code: compiler, C library, processor.

use std::fmt;
use std::fs;
use std::process::Command;

use serde_json::{Value, json};

/// What must be the same for two counts to be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// What `rustc --version` says.
    pub toolchain: String,
    /// The C library and its version.
    pub libc: String,
    /// The processor's kind, and a hash of its features: code is chosen by them at run time.
    pub processor: String,
}

impl Platform {
    /// That of this machine.
    pub fn read() -> Result<Self, String> {
        Ok(Platform {
            toolchain: first_line("rustc", &["--version"])?,
            libc: first_line("ldd", &["--version"]).unwrap_or_else(|_| std::env::consts::OS.to_owned()),
            processor: format!("{} {}", std::env::consts::ARCH, features()),
        })
    }

    /// As JSON.
    pub fn to_json(&self) -> Value {
        json!({"toolchain": self.toolchain, "libc": self.libc, "processor": self.processor})
    }

    /// From JSON.
    pub fn from_json(value: &Value) -> Option<Self> {
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        Some(Platform {
            toolchain: text("toolchain")?,
            libc: text("libc")?,
            processor: text("processor")?,
        })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}; {}; {}", self.toolchain, self.libc, self.processor)
    }
}

fn first_line(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("{program} cannot be started: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().next();
    line.map(str::to_owned)
        .ok_or_else(|| format!("{program} says nothing"))
}

/// The features that code is chosen by, of those that this processor has.
fn features() -> String {
    const CHOSEN_BY: &[&str] = &[
        "sse4_2", "avx", "avx2", "bmi1", "bmi2", "erms", "fsrm", "movbe", "asimd", "sve",
    ];
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text
        .lines()
        .find(|line| line.starts_with("flags") || line.starts_with("Features"))
        .unwrap_or_default();
    let known: Vec<&str> = line
        .split_ascii_whitespace()
        .filter(|flag| CHOSEN_BY.contains(flag))
        .collect();
    known.join("+")
}
