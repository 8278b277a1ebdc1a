//! A server goes on working for a while after it has been written to.

use std::thread;
use std::time::{Duration, Instant};

use harness::failure::{Failure, Result};
use harness::interrupt;
use harness::server_process::ServerProcess;

/// How long a server may take to come to rest after the table has been filled.
const REST_TIMEOUT: Duration = Duration::from_secs(120);

/// Less than this part of a core is rest.
const REST_CPU_PART: f64 = 0.03;

/// Waits until the server has done what filling the table has left it to do.
pub fn wait_for_rest(process: &ServerProcess) -> Result<()> {
    let start = Instant::now();
    let second = Duration::from_secs(1);
    while start.elapsed() < REST_TIMEOUT {
        interrupt::check()?;
        let before = process.cpu_time();
        thread::sleep(second);
        let used = before.and_then(|before| process.cpu_time()?.checked_sub(before));
        if used.is_none_or(|used| used < second.mul_f64(REST_CPU_PART)) {
            return Ok(());
        }
    }
    Err(Failure::new(
        "the server does not come to rest after the table has been filled",
    ))
}
