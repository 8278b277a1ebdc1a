//! Figures from raw rows: everything that tables, targets and plots show is computed here, from
//! what is kept in the repository.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::measurement::Ratio;
use crate::servers::Server;
use crate::statistics::{median, range};
use harness::failure::{Context, Result};

/// Rows, of one run or, of several, those of the latest run of each section.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    rows: Vec<Value>,
    /// The first row of the run that each section is from.
    runs: BTreeMap<String, Value>,
}

/// Which rounds are meant. What is `None` may be anything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Case<'a> {
    pub section: Option<&'a str>,
    pub workload: &'a str,
    pub server: &'a str,
    pub connections: Option<u64>,
    pub items: Option<u64>,
    pub item_bytes: Option<u64>,
}

impl<'a> Case<'a> {
    /// The rounds of a section in which a member (`connections`, `items` or `item_bytes`) has this value.
    pub fn at(section: &'a str, workload: &'a str, server: &'a str, member: &str, value: u64) -> Self {
        let wanted = |name| (name == member).then_some(value);
        Case {
            section: Some(section),
            workload,
            server,
            connections: wanted("connections"),
            items: wanted("items"),
            item_bytes: wanted("item_bytes"),
        }
    }

    fn holds(&self, row: &Value) -> bool {
        let equals = |name: &str, wanted: Option<u64>| wanted.is_none_or(|wanted| row[name] == wanted);
        row["workload"] == self.workload
            && row["server"] == self.server
            && self.section.is_none_or(|section| row["section"] == section)
            && equals("connections", self.connections)
            && equals("items", self.items)
            && equals("item_bytes", self.item_bytes)
    }

    fn is_bare(&self) -> bool {
        self.server == Server::Bare.name()
    }
}

impl Figures {
    /// Those of these rows, whatever run they are from.
    pub fn of(rows: &[Value]) -> Self {
        Figures {
            rows: rows.to_vec(),
            runs: BTreeMap::new(),
        }
    }

    /// Those of the rows in a file, of each section the latest run that measured it to its end.
    /// There are none where there is no such file.
    pub fn read(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Ok(Figures::default());
        }
        let failed = format!("the rows in {} cannot be read", path.display());
        let text = fs::read_to_string(path).context(&failed)?;
        let rows: std::result::Result<Vec<Value>, _> = text.lines().map(serde_json::from_str).collect();
        Ok(Figures::latest(&rows.context(&failed)?))
    }

    fn latest(rows: &[Value]) -> Self {
        let mut latest: BTreeMap<String, u64> = BTreeMap::new();
        for row in rows.iter().filter(|row| row["kind"] == "section") {
            if let (Some(section), Some(run)) = (row["section"].as_str(), row["run"].as_u64()) {
                let newest = latest.entry(section.to_owned()).or_default();
                *newest = run.max(*newest);
            }
        }
        let run_row = |run: u64| rows.iter().find(|row| row["kind"] == "run" && row["run"] == run);
        let is_latest = |row: &&Value| {
            let section = row["section"].as_str();
            section.is_some_and(|section| latest.get(section).copied() == row["run"].as_u64())
        };
        Figures {
            rows: rows.iter().filter(is_latest).cloned().collect(),
            runs: latest
                .iter()
                .filter_map(|(section, run)| Some((section.clone(), run_row(*run)?.clone())))
                .collect(),
        }
    }

    /// The runs that sections are from, each with its sections.
    pub fn runs(&self) -> Vec<(&Value, Vec<&str>)> {
        let mut runs: Vec<(&Value, Vec<&str>)> = Vec::new();
        for (section, run) in &self.runs {
            match runs.iter_mut().find(|(known, _)| known["run"] == run["run"]) {
                Some((_, sections)) => sections.push(section),
                None => runs.push((run, vec![section])),
            }
        }
        runs
    }

    /// The first row of the run that a section is from.
    pub fn run_of(&self, section: &str) -> Option<&Value> {
        self.runs.get(section)
    }

    /// The rows of a kind in a section.
    pub fn rows<'a>(&'a self, kind: &'a str, section: &'a str) -> impl Iterator<Item = &'a Value> {
        self.rows
            .iter()
            .filter(move |row| row["kind"] == kind && row["section"] == section)
    }

    /// The different values that a member has in the rounds of a section and a workload.
    pub fn values(&self, section: &str, workload: &str, member: &str) -> Vec<u64> {
        let rounds = self
            .rows("round", section)
            .filter(|row| row["workload"] == workload);
        let values: BTreeSet<u64> = rounds.filter_map(|row| row[member].as_u64()).collect();
        values.into_iter().collect()
    }

    /// The servers of these rounds, in the order of tables.
    pub fn servers(&self, section: &str) -> Vec<Server> {
        let names: BTreeSet<&str> = ["round", "failed", "open"]
            .into_iter()
            .flat_map(|kind| self.rows(kind, section))
            .filter_map(|row| row["server"].as_str())
            .collect();
        Server::ALL
            .into_iter()
            .filter(|server| names.contains(server.name()))
            .collect()
    }

    /// The rows of a case's rounds, by the pass and the round.
    fn rounds(&self, case: Case<'_>) -> BTreeMap<(u64, u64), &Value> {
        self.rows
            .iter()
            .filter(|row| row["kind"] == "round" && case.holds(row))
            .map(|row| {
                let number = |member: &str| row[member].as_u64().unwrap_or_default();
                ((number("pass"), number("round")), row)
            })
            .collect()
    }

    /// The median of a member over the rounds of a case.
    pub fn median(&self, case: Case<'_>, member: &str) -> Option<f64> {
        let rounds = self.rounds(case);
        let values: Vec<f64> = rounds.values().filter_map(|row| row[member].as_f64()).collect();
        median(&values)
    }

    /// Requests in a second, the median of the rounds.
    pub fn rate(&self, case: Case<'_>) -> Option<f64> {
        self.median(case, "requests_per_second")
    }

    /// One rate as a part of another.
    ///
    /// Each round is compared with the same round of the other, so that what disturbs the machine for a
    /// while disturbs both sides. Servers that never ran at the same time are compared by what the bare
    /// server did beside each.
    pub fn ratio(&self, of: Case<'_>, to: Case<'_>) -> Option<Ratio> {
        let (own, other) = (self.rounds(of), self.rounds(to));
        let rate = |row: &Value| row["requests_per_second"].as_f64();
        let ratios: Vec<f64> = own
            .iter()
            .filter_map(|(key, row)| Some(rate(row)? / rate(other.get(key)?)?))
            .filter(|ratio| ratio.is_finite())
            .collect();
        if let (Some(median), Some((smallest, largest))) = (median(&ratios), range(&ratios)) {
            return Some(Ratio {
                median,
                smallest,
                largest,
            });
        }
        if of.is_bare() || to.is_bare() {
            return None;
        }
        let bare = |case| Case {
            server: Server::Bare.name(),
            ..case
        };
        let (own, other) = (self.ratio(of, bare(of))?, self.ratio(to, bare(to))?);
        let ratio = Ratio {
            median: own.median / other.median,
            smallest: own.smallest / other.largest,
            largest: own.largest / other.smallest,
        };
        ratio.median.is_finite().then_some(ratio)
    }

    /// Why a case has no figures, where it has failed.
    pub fn why_failed(&self, case: Case<'_>) -> Option<&str> {
        let anywhere = Case {
            connections: None,
            ..case
        };
        let failed = self.rows.iter().find(|row| {
            let connections = &row["connections"];
            row["kind"] == "failed"
                && anywhere.holds(row)
                && (connections.is_null() || case.connections.is_none_or(|wanted| *connections == wanted))
        });
        failed?["why"].as_str()
    }

    /// A figure of the open loop at so many per cent of what the server can do.
    pub fn open(&self, workload: &str, server: &str, percent: f64, member: &str) -> Option<f64> {
        let row = self.rows.iter().find(|row| {
            row["kind"] == "open"
                && row["workload"] == workload
                && row["server"] == server
                && row["load_percent"].as_f64() == Some(percent)
        });
        row?[member].as_f64()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn round(run: u64, server: &str, pass: u64, round: u64, rate: f64) -> Value {
        json!({
            "kind": "round", "run": run, "section": "throughput", "workload": "get-item",
            "server": server, "pass": pass, "round": round, "connections": 32,
            "items": 1000, "item_bytes": 1024, "requests_per_second": rate,
        })
    }

    fn case(server: &str) -> Case<'_> {
        Case {
            workload: "get-item",
            server,
            connections: Some(32),
            ..Case::default()
        }
    }

    #[test]
    fn rounds_are_compared_with_the_same_round() {
        let figures = Figures::of(&[
            round(1, "bare", 0, 0, 100.0),
            round(1, "bare", 0, 1, 10.0),
            round(1, "stator-sync", 0, 1, 5.0),
            round(1, "stator-sync", 0, 0, 50.0),
        ]);
        let ratio = figures.ratio(case("stator-sync"), case("bare")).expect("a ratio");
        assert_eq!((ratio.median, ratio.smallest, ratio.largest), (0.5, 0.5, 0.5));
        assert_eq!(figures.rate(case("bare")), Some(55.0));
        assert!(figures.rate(case("dynoxide-file")).is_none());
        let other = Case {
            connections: Some(1),
            ..case("bare")
        };
        assert!(figures.rate(other).is_none());
    }

    #[test]
    fn servers_of_different_passes_are_compared_by_the_bare_one() {
        let figures = Figures::of(&[
            round(1, "bare", 0, 0, 100.0),
            round(1, "stator-memory", 0, 0, 50.0),
            round(1, "bare", 1, 0, 10.0),
            round(1, "dynamodb-local", 1, 0, 1.0),
        ]);
        let ratio = figures.ratio(case("stator-memory"), case("dynamodb-local"));
        assert_eq!(ratio.expect("a ratio").median, 5.0);
    }

    #[test]
    fn only_the_latest_whole_run_of_a_section_counts() {
        let run = |number: u64| json!({"kind": "run", "run": number, "commit": number.to_string()});
        let end = |number: u64| json!({"kind": "section", "run": number, "section": "throughput"});
        let rows = [
            run(1),
            round(1, "bare", 0, 0, 1.0),
            end(1),
            run(2),
            round(2, "bare", 0, 0, 2.0),
            end(2),
            run(3),
            round(3, "bare", 0, 0, 3.0),
        ];
        let figures = Figures::latest(&rows);
        assert_eq!(figures.rate(case("bare")), Some(2.0));
        let runs = figures.runs();
        assert_eq!(runs.len(), 1);
        assert_eq!(runs[0].0["commit"], "2");
    }

    #[test]
    fn a_failure_is_found_whatever_it_failed_at() {
        let failed = json!({
            "kind": "failed", "workload": "get-item", "server": "dynalite-memory",
            "connections": null, "why": "no",
        });
        let figures = Figures::of(&[failed]);
        assert_eq!(figures.why_failed(case("dynalite-memory")), Some("no"));
        assert_eq!(figures.why_failed(case("bare")), None);
    }
}
