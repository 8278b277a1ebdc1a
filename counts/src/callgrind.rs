//! Counting: this program runs itself under callgrind.

use std::env;
use std::process::Command;

/// How often a path runs: once to warm caches, and so often again; the difference counts.
const REPEATS: u64 = 200;
const WARM_REPEATS: u64 = 50;

/// The instructions of one request of a path.
pub fn count(path: &str) -> Result<u64, String> {
    let (warm, all) = (
        collected(path, WARM_REPEATS)?,
        collected(path, WARM_REPEATS + REPEATS)?,
    );
    Ok(all.saturating_sub(warm) / REPEATS)
}

/// The instructions of a whole run.
fn collected(path: &str, repeats: u64) -> Result<u64, String> {
    let program = env::current_exe().map_err(|error| format!("this program cannot be found: {error}"))?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["run", path, &repeats.to_string()])
        // Hash seeds and the like must not differ between runs for other reasons than the program's.
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap_or_default())
        .output()
        .map_err(|error| {
            format!("valgrind cannot be started ({error}); install it with your package manager")
        })?;
    let told = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("callgrind failed on {path}:\n{told}"));
    }
    parse_collected(&told).ok_or_else(|| format!("callgrind did not say what it counted on {path}:\n{told}"))
}

fn parse_collected(told: &str) -> Option<u64> {
    let (_, count) = told.lines().find_map(|line| line.split_once("Collected : "))?;
    count.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_found_in_what_callgrind_says() {
        let told = "==5== Events    : Ir\n==5== Collected : 123456\n==5== \n==5== I   refs:      123,456\n";
        assert_eq!(parse_collected(told), Some(123_456));
        assert_eq!(parse_collected("==5== nothing"), None);
    }
}
