//! What was measured of one sweep: the ratios between its phases, the table and the raw rows.

use std::time::Duration;

use serde_json::{Value, json};

use crate::phased_load::{Pace, Phase};
use crate::report;
use crate::results::{extend, latency_members, rounded};
use crate::table::{Table, with_commas};
use harness::server_process::{self, Durability, ServerProcess};

/// How many times its value without the sweep the 99th percentile may be during it.
pub const P99_RATIO_MAX: f64 = 3.0;

/// What the phases of the load are, the ramp before them.
pub const PHASES: [&str; 5] = ["ramp", "before", "enabling", "sweeping", "after"];

/// What was measured of one sweep.
#[derive(Debug)]
pub struct Sweep {
    pub durability: Durability,
    pub pace: Pace,
    pub items: usize,
    pub capacity_per_second: f64,
    pub operations: Vec<&'static str>,
    /// As in [`PHASES`].
    pub phases: Vec<Phase>,
    /// Processor time in each of them, where the system tells.
    pub cpu: Vec<Option<CpuTimes>>,
}

/// Processor time since some moment.
#[derive(Clone, Copy, Debug)]
pub struct CpuTimes {
    server: Duration,
    /// Of all programs but the server and the bench: where it is much, figures mean little.
    others: Duration,
}

impl CpuTimes {
    /// Those by now, where the system tells.
    pub fn read(process: &ServerProcess) -> Option<Self> {
        let server = process.cpu_time()?;
        let own = server_process::own_cpu_time()?;
        Some(CpuTimes {
            server,
            others: server_process::machine_cpu_time()?.checked_sub(server + own)?,
        })
    }

    /// What has been used since `before`.
    pub fn since(self, before: Self) -> Self {
        CpuTimes {
            server: self.server.saturating_sub(before.server),
            others: self.others.saturating_sub(before.others),
        }
    }
}

impl Sweep {
    fn items_per_second(&self) -> f64 {
        self.items as f64 / self.time_of("sweeping").as_secs_f64()
    }

    fn time_of(&self, name: &str) -> Duration {
        let named = PHASES.iter().zip(&self.phases).find(|(phase, _)| **phase == name);
        named.map_or(Duration::ZERO, |(_, phase)| phase.time)
    }

    /// The 99th percentile of an operation in a phase as a multiple of that before.
    fn p99_ratio(&self, operation: usize, phase: usize) -> Option<f64> {
        let p99 = |phase: &Phase| {
            phase
                .latencies
                .get(operation)
                .map(|latencies| latencies.value_at_quantile(0.99))
        };
        let before = PHASES.iter().position(|&name| name == "before")?;
        let ratio = p99(self.phases.get(phase)?)? as f64 / p99(self.phases.get(before)?)? as f64;
        ratio.is_finite().then_some(ratio)
    }

    /// The raw rows, with their kinds.
    pub fn rows(&self) -> Vec<(&'static str, Value)> {
        let mut rows = vec![(
            "sweep",
            json!({
                "items": self.items,
                "capacity_per_second": rounded(self.capacity_per_second),
                "enabling_seconds": rounded(self.time_of("enabling").as_secs_f64()),
                "sweeping_seconds": rounded(self.time_of("sweeping").as_secs_f64()),
                "swept_per_second": rounded(self.items_per_second()),
            }),
        )];
        for (position, (name, phase)) in PHASES.iter().zip(&self.phases).enumerate().skip(1) {
            let seconds = phase.time.as_secs_f64();
            let cpu = self.cpu.get(position).copied().flatten();
            for (operation, latencies) in phase.latencies.iter().enumerate() {
                let mut row = json!({
                    "phase": name,
                    "operation": self.operations[operation],
                    "seconds": rounded(seconds),
                    "requests_per_second": rounded(latencies.len() as f64 / seconds),
                    "server_cores": cpu.map(|cpu| rounded(cpu.server.as_secs_f64() / seconds)),
                    "other_cores": cpu.map(|cpu| rounded(cpu.others.as_secs_f64() / seconds)),
                    "p99_ratio": self.p99_ratio(operation, position).map(rounded),
                });
                extend(&mut row, latency_members(latencies));
                rows.push(("phase", row));
            }
        }
        rows
    }

    /// Prints the table, with the ratios beside their target.
    pub fn print(&self) {
        println!(
            "Durability {}, {}: {} items found in {:.1} s, swept in {:.1} s, {} items/s",
            self.durability.name(),
            match self.pace {
                Pace::Closed => "closed loop".to_owned(),
                Pace::Open { requests_per_second } => format!(
                    "open loop at {} of {} req/s",
                    with_commas(requests_per_second),
                    with_commas(self.capacity_per_second)
                ),
            },
            with_commas(self.items as f64),
            self.time_of("enabling").as_secs_f64(),
            self.time_of("sweeping").as_secs_f64(),
            with_commas(self.items_per_second()),
        );
        let mut table = Table::new(&[
            "",
            "req/s",
            "p50 us",
            "p99 us",
            "p99.9 us",
            "max us",
            "server cores",
            "other cores",
            "ratio",
            "target",
            "",
        ]);
        for (operation, name) in self.operations.iter().enumerate() {
            for (position, (phase_name, phase)) in PHASES.iter().zip(&self.phases).enumerate().skip(1) {
                table.line(self.cells(operation, name, position, phase_name, phase));
            }
        }
        println!("{}", table.render());
    }

    fn cells(
        &self,
        operation: usize,
        operation_name: &str,
        position: usize,
        phase_name: &str,
        phase: &Phase,
    ) -> Vec<String> {
        let seconds = phase.time.as_secs_f64();
        let latencies = &phase.latencies[operation];
        let latency = |quantile| with_commas(latencies.value_at_quantile(quantile) as f64 / 1e3);
        let cpu = self.cpu.get(position).copied().flatten();
        let cores = |time: fn(CpuTimes) -> Duration| {
            cpu.map_or_else(report::not_measured, |cpu| {
                format!("{:.2}", time(cpu).as_secs_f64() / seconds)
            })
        };
        let ratio = self.p99_ratio(operation, position);
        let mut cells = vec![
            format!("{operation_name} {phase_name}"),
            with_commas(latencies.len() as f64 / seconds),
            latency(0.5),
            latency(0.99),
            latency(0.999),
            with_commas(latencies.max() as f64 / 1e3),
            cores(|cpu| cpu.server),
            cores(|cpu| cpu.others),
        ];
        if phase_name != "before" {
            cells.push(ratio.map_or_else(report::not_measured, |ratio| format!("{ratio:.2}")));
        }
        if phase_name == "sweeping" {
            cells.push(format!("<= {P99_RATIO_MAX:.2}"));
            cells.push(report::verdict(ratio.map(|ratio| ratio <= P99_RATIO_MAX)));
        }
        cells
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load;

    /// A sweep of which one operation took `p99_ms` in each phase.
    fn sweep(p99_ms: [u64; PHASES.len()]) -> Sweep {
        let phase = |ms: u64| {
            let mut latencies = load::histogram();
            latencies.record(ms * 1_000_000).expect("a latency in range");
            Phase {
                time: Duration::from_secs(2),
                latencies: vec![latencies],
                lateness: load::histogram(),
            }
        };
        Sweep {
            durability: Durability::Sync,
            pace: Pace::Closed,
            items: 500,
            capacity_per_second: 1000.0,
            operations: vec!["GetItem"],
            phases: p99_ms.map(phase).into(),
            cpu: vec![None; PHASES.len()],
        }
    }

    #[test]
    fn ratios_are_to_the_phase_before_and_not_to_the_ramp() {
        let sweep = sweep([100, 2, 4, 7, 1]);
        let ratios: Vec<f64> = (1..PHASES.len())
            .filter_map(|phase| sweep.p99_ratio(0, phase))
            .map(|ratio| (ratio * 10.0).round() / 10.0)
            .collect();
        assert_eq!(ratios, [1.0, 2.0, 3.5, 0.5]);
    }

    #[test]
    fn a_missed_target_is_shown_for_the_sweep_alone() {
        let sweep = sweep([1, 1, 9, 4, 9]);
        for (position, (name, phase)) in PHASES.iter().zip(&sweep.phases).enumerate() {
            let cells = sweep.cells(0, "GetItem", position, name, phase);
            assert_eq!(cells.contains(&"MISSED".to_owned()), *name == "sweeping");
        }
    }

    #[test]
    fn rows_leave_the_ramp_out() {
        let rows = sweep([9, 1, 2, 3, 4]).rows();
        let phases: Vec<&Value> = rows.iter().map(|(_, row)| &row["phase"]).collect();
        assert_eq!(
            phases,
            [
                &Value::Null,
                &json!("before"),
                &json!("enabling"),
                &json!("sweeping"),
                &json!("after")
            ]
        );
        assert_eq!(rows[0].1["swept_per_second"], 250.0);
        let ratio = rows[3].1["p99_ratio"].as_f64().expect("a ratio");
        assert!((ratio - 3.0).abs() < 0.01, "{ratio}");
    }
}
