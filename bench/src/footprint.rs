//! What Stator costs before it does anything: time to start, memory, bytes on disk.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use harness::failure::Result;
use harness::interrupt;
use harness::server_process::{Durability, ServerProcess};

/// How long a server is left alone before its memory counts as idle.
const SETTLE: Duration = Duration::from_millis(500);

/// The starts and the idle memory in one durability.
#[derive(Debug)]
pub struct Start {
    pub durability: Durability,
    /// Milliseconds from the start of the process to the end of its first answer, of each start.
    pub first_answer_ms: Vec<f64>,
    /// Memory once it listens.
    pub resident_bytes_at_start: Option<u64>,
    /// Memory after the first request.
    pub resident_bytes_after_request: Option<u64>,
}

/// Starts Stator `count` times in memory and `count` times on an empty directory, in turn.
pub fn measure_starts(binary: &Path, directory: &Path, count: usize) -> Result<Vec<Start>> {
    let mut starts: Vec<Start> = [Durability::Memory, Durability::Sync]
        .into_iter()
        .map(|durability| Start {
            durability,
            first_answer_ms: Vec::with_capacity(count),
            resident_bytes_at_start: None,
            resident_bytes_after_request: None,
        })
        .collect();
    for round in 0..count {
        for start in &mut starts {
            interrupt::check()?;
            let data_directory = directory.join(format!("start-{round}"));
            let process = ServerProcess::start_stator(binary, start.durability, &data_directory)?;
            start
                .first_answer_ms
                .push(process.time_to_first_answer()?.as_secs_f64() * 1e3);
        }
    }
    for start in &mut starts {
        let data_directory = directory.join("idle");
        let process = ServerProcess::start_stator(binary, start.durability, &data_directory)?;
        thread::sleep(SETTLE);
        start.resident_bytes_at_start = process.resident_bytes();
        process.time_to_first_answer()?;
        thread::sleep(SETTLE);
        start.resident_bytes_after_request = process.resident_bytes();
    }
    Ok(starts)
}

/// The size of `binary` without symbols; `None` where there is no `strip`.
pub fn stripped_size_bytes(binary: &Path, directory: &Path) -> Option<u64> {
    let stripped = directory.join("stripped");
    let status = Command::new("strip")
        .arg("-o")
        .arg(&stripped)
        .arg(binary)
        .status();
    let size_bytes = status
        .ok()?
        .success()
        .then(|| fs::metadata(&stripped))?
        .ok()?
        .len();
    // The directory goes at the end anyway.
    let _removed = fs::remove_file(&stripped);
    Some(size_bytes)
}
