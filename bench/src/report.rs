//! What a run prints: tables with ratios, and beside each figure the one it is held against.

use std::time::Duration;

use crate::disk;
use crate::footprint::Start;
use crate::machine::Machine;
use crate::measurement::Measurement;
use crate::rounds::RoundArguments;
use crate::statistics::{median, range};
use crate::table::{Table, with_commas};
use crate::workloads::{self, Workload};
use harness::server_process::Durability;

/// The least ratio of a GetItem to the bare server, whatever the durability.
pub const GET_ITEM_RATIO_MIN: f64 = 0.5;

/// The least ratio of a PutItem that survives a loss of power.
pub const PUT_ITEM_SYNC_RATIO_MIN: f64 = 0.25;

/// The longest start to the first answer with an empty directory, and in memory.
pub const START_ON_DISK_MS_MAX: f64 = 50.0;
pub const START_IN_MEMORY_MS_MAX: f64 = 10.0;

/// The most memory of an idle server, in megabytes.
pub const IDLE_MEMORY_MB_MAX: f64 = 40.0;

/// The largest binary, without symbols, in megabytes.
pub const BINARY_MB_MAX: f64 = 25.0;

const BYTES_PER_MB: f64 = 1e6;

/// The ratio that is asked of a server under a workload, where one is.
pub fn ratio_target(workload: &Workload, durability: Option<Durability>) -> Option<f64> {
    match durability {
        Some(_) if workload.name == workloads::GET_ITEM.name => Some(GET_ITEM_RATIO_MIN),
        Some(Durability::Sync) if workload.name == workloads::PUT_ITEM.name => Some(PUT_ITEM_SYNC_RATIO_MIN),
        _ => None,
    }
}

/// What the figures hold for: machine and disk.
pub fn print_setting(
    machine: &Machine,
    commit: Option<&str>,
    stator: &str,
    file_system: Option<&str>,
    durable_append: Duration,
) {
    println!(
        "{stator}, commit {}; {}, {} cores, Linux {}",
        commit.unwrap_or("unknown"),
        machine.cpu_model,
        machine.cores,
        machine.kernel
    );
    println!(
        "Disk: {}; an append of 4 KB made durable takes {:.0} us (median)",
        file_system.unwrap_or("unknown file system"),
        durable_append.as_secs_f64() * 1e6
    );
    if machine.is_busy() {
        println!(
            "Warning: the machine is busy (load average {:.2}), so absolute figures are too low and ratios uncertain.",
            machine.load_average.unwrap_or_default()
        );
    }
    if file_system.is_some_and(disk::is_in_memory) {
        println!(
            "Warning: this file system is in memory, where durability costs nothing; name a real one with --disk."
        );
    }
}

/// The load of a workload that goes over servers in rounds.
pub fn print_rounds(arguments: &RoundArguments) {
    println!(
        "Load: closed loop beside the servers, {} connections over {}; {} items of 1 KB; {} rounds of {:.1} s for each server",
        arguments.connections,
        match arguments.shape().threads {
            1 => "1 thread".to_owned(),
            threads => format!("{threads} threads"),
        },
        with_commas(arguments.item_count() as f64),
        arguments.rounds,
        arguments.round_time().as_secs_f64(),
    );
    println!();
}

/// Start, memory and size.
pub fn print_footprint(starts: &[Start], stripped_size_bytes: Option<u64>) {
    println!("Before the first request");
    let mut table = Table::new(&["", "measured", "(range)", "target", ""]);
    for start in starts {
        let (place, target) = match start.durability {
            Durability::Memory => ("in memory", START_IN_MEMORY_MS_MAX),
            _ => ("with an empty directory", START_ON_DISK_MS_MAX),
        };
        let milliseconds = median(&start.first_answer_ms);
        let spread = range(&start.first_answer_ms);
        table.line([
            format!(
                "start to first answer {place}, median of {}",
                start.first_answer_ms.len()
            ),
            milliseconds.map_or_else(not_measured, |value| format!("{value:.1} ms")),
            spread.map_or_else(String::new, |(least, most)| format!("({least:.1} to {most:.1})")),
            format!("< {target:.0} ms"),
            verdict(milliseconds.map(|value| value < target)),
        ]);
    }
    for start in starts {
        let place = match start.durability {
            Durability::Memory => "in memory",
            _ => "on disk",
        };
        for (moment, bytes) in [
            ("after start", start.resident_bytes_at_start),
            ("after the first request", start.resident_bytes_after_request),
        ] {
            let megabytes = bytes.map(|bytes| bytes as f64 / BYTES_PER_MB);
            table.line([
                format!("idle memory {moment}, {place}"),
                megabytes.map_or_else(not_measured, |value| format!("{value:.1} MB")),
                String::new(),
                format!("< {IDLE_MEMORY_MB_MAX:.0} MB"),
                verdict(megabytes.map(|value| value < IDLE_MEMORY_MB_MAX)),
            ]);
        }
    }
    let megabytes = stripped_size_bytes.map(|bytes| bytes as f64 / BYTES_PER_MB);
    table.line([
        "binary without symbols".to_owned(),
        megabytes.map_or_else(not_measured, |value| format!("{value:.1} MB")),
        String::new(),
        format!("< {BINARY_MB_MAX:.0} MB"),
        verdict(megabytes.map(|value| value < BINARY_MB_MAX)),
    ]);
    println!("{}", table.render());
}

/// One workload; the first measurement is the bare server's.
pub fn print_workload(
    workload: &Workload,
    answer_bytes: usize,
    measurements: &[(Option<Durability>, Measurement)],
) {
    let Some((_, limit)) = measurements.first() else {
        return;
    };
    println!(
        "{}, answers of {} bytes",
        workload.title,
        with_commas(answer_bytes as f64)
    );
    let mut table = Table::new(&[
        "server",
        "req/s",
        "p50 us",
        "p99 us",
        "server CPU us/req",
        "ratio",
        "(range)",
        "target",
        "",
    ]);
    for (durability, measurement) in measurements {
        let latencies = measurement.latencies();
        let latency = |quantile| with_commas(latencies.value_at_quantile(quantile) as f64 / 1e3);
        let ratio = measurement.ratio_to(limit);
        let target = ratio_target(workload, *durability);
        table.line([
            measurement.server.to_owned(),
            with_commas(measurement.requests_per_second()),
            latency(0.5),
            latency(0.99),
            measurement
                .server_cpu_us_per_request()
                .map_or_else(not_measured, |value| format!("{value:.1}")),
            ratio.map_or_else(not_measured, |ratio| format!("{:.2}", ratio.median)),
            match (durability, ratio) {
                (Some(_), Some(ratio)) => format!("({:.2} to {:.2})", ratio.smallest, ratio.largest),
                _ => String::new(),
            },
            target.map_or_else(String::new, |target| format!(">= {target:.2}")),
            match (target, ratio) {
                (Some(target), Some(ratio)) => verdict(Some(ratio.median >= target)),
                _ => String::new(),
            },
        ]);
    }
    println!("{}", table.render());
}

/// What stands for a figure that could not be taken.
pub fn not_measured() -> String {
    "not measured".to_owned()
}

/// Whether a target is reached, in a word.
pub fn verdict(is_reached: Option<bool>) -> String {
    match is_reached {
        Some(true) => "reached",
        Some(false) => "MISSED",
        None => "",
    }
    .to_owned()
}
