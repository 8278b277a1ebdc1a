//! `docs/performance.md`: text by hand, with tables between markers that are written from the raw
//! rows, and the plots beside it. A test holds both to the rows in the repository.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use serde_json::Value;

use crate::figures::Figures;
use crate::machine;
use crate::plots::{self, Plot};
use crate::report;
use crate::sections;
use crate::servers::Server;
use crate::table::{Table, with_commas};
use crate::tables;
use crate::targets;
use harness::failure::{Context, Failure, Result};

/// What stands before a generated part, with its name after it.
const START: &str = "<!-- generated: ";

/// What ends the line of the marker.
const START_END: &str = " -->";

/// What stands after a generated part.
const END: &str = "<!-- end of generated -->";

/// Where raw rows are.
#[derive(Args, Clone, Debug)]
pub struct ReportArguments {
    /// The file of raw rows [default: results/full.jsonl in the bench's sources]
    #[arg(long, value_name = "FILE")]
    pub results: Option<PathBuf>,
}

impl ReportArguments {
    /// The file of raw rows.
    pub fn rows(&self) -> PathBuf {
        let default = || machine::source_directory().join("results/full.jsonl");
        self.results.clone().unwrap_or_else(default)
    }
}

/// Writes the plots and the generated parts of the page from the rows in the file.
pub fn write(rows: &Path) -> Result<()> {
    write_plots(rows)?;
    let figures = Figures::read(rows)?;
    let path = page_path();
    let failed = format!("{} cannot be brought up to date", path.display());
    let page = fs::read_to_string(&path).context(&failed)?;
    fs::write(&path, generated(&page, &figures)?).context(&failed)?;
    println!("{} was brought up to date", path.display());
    Ok(())
}

/// Writes the plots.
pub fn write_plots(rows: &Path) -> Result<()> {
    let directory = plots_directory();
    fs::create_dir_all(&directory).context("the directory of the plots cannot be made")?;
    for (name, text) in plots::all(&Figures::read(rows)?)? {
        let path = directory.join(format!("{name}.svg"));
        fs::write(&path, text).context(&format!("{} cannot be written", path.display()))?;
    }
    println!("Plots were written to {}", directory.display());
    Ok(())
}

fn documents() -> PathBuf {
    machine::source_directory().join("../docs")
}

fn page_path() -> PathBuf {
    documents().join("performance.md")
}

fn plots_directory() -> PathBuf {
    documents().join("performance")
}

/// The page with its generated parts as the figures have them.
fn generated(page: &str, figures: &Figures) -> Result<String> {
    let plots = plots::all(figures)?;
    let mut text = String::with_capacity(page.len());
    let mut rest = page;
    while let Some((before, after)) = rest.split_once(START) {
        let (name, after) = after
            .split_once(START_END)
            .ok_or_else(|| Failure::new("a marker has no end of its line"))?;
        let (_, after) = after
            .split_once(END)
            .ok_or_else(|| Failure::new(format!("the generated part {name} has no end")))?;
        let part = part(name, figures, &plots)
            .ok_or_else(|| Failure::new(format!("there is nothing to generate that is called {name}")))?;
        text += &format!("{before}{START}{name}{START_END}\n{part}{END}");
        rest = after;
    }
    Ok(text + rest)
}

/// The generated part of this name; `None` where there is no such part.
fn part(name: &str, figures: &Figures, plots: &[Plot]) -> Option<String> {
    let table = match name {
        "runs" => runs(figures),
        "targets" => targets::table(figures),
        "ratios" => tables::ratios(figures),
        "rates" => tables::rates(figures),
        "latencies" => tables::latencies(figures),
        "slower" => tables::slower(figures),
        "failures" => tables::failures(figures),
        "peers" => peers(figures),
        "footprint" => tables::footprint(figures),
        "durability" => tables::durability(figures),
        "table-size" => tables::table_sizes(figures),
        "connections" => tables::by_member(figures, sections::CONNECTIONS, "connections", ""),
        "item-size" => tables::by_member(figures, sections::ITEM_SIZE, "item_bytes", " bytes"),
        _ => {
            let prefix = name.strip_prefix("plots ")?;
            return Some(images(prefix, plots));
        }
    };
    Some(match table.line_count() {
        1 => "None.\n".to_owned(),
        _ => table.markdown(),
    })
}

/// The plots whose names begin like this.
fn images(prefix: &str, plots: &[Plot]) -> String {
    let names = plots
        .iter()
        .map(|(name, _)| name)
        .filter(|name| name.starts_with(prefix));
    let images: Vec<String> = names
        .map(|name| format!("![{}](performance/{name}.svg)\n", name.replace('-', " ")))
        .collect();
    match images.is_empty() {
        true => "None.\n".to_owned(),
        false => images.join("\n"),
    }
}

/// On what the sections were measured, and when.
fn runs(figures: &Figures) -> Table {
    let mut table = Table::new(&["sections", "day", "commit", "machine", "disk", "how long"]);
    for (run, sections) in figures.runs() {
        let text = |value: &Value| value.as_str().map_or_else(report::not_measured, str::to_owned);
        let (machine, disk, arguments) = (&run["machine"], &run["disk"], &run["arguments"]);
        table.line([
            sections.join(", "),
            run["run"].as_u64().map_or_else(report::not_measured, day),
            text(&run["commit"]),
            format!(
                "{}, {} cores, Linux {}",
                text(&machine["cpu_model"]),
                machine["cores"],
                text(&machine["kernel"])
            ),
            format!(
                "{}; 4 KB made durable in {} us",
                text(&disk["file_system"]),
                disk["durable_append_us"]
                    .as_f64()
                    .map_or_else(report::not_measured, with_commas)
            ),
            format!("{} rounds of {} ms", arguments["rounds"], arguments["round_ms"]),
        ]);
    }
    table
}

/// The servers: what their writes survive, and their versions where they tell.
fn peers(figures: &Figures) -> Table {
    let mut table = Table::new(&["server", "an acknowledged write survives", "version"]);
    let run = figures.run_of(sections::THROUGHPUT);
    for server in figures.servers(sections::THROUGHPUT) {
        let version = run.and_then(|run| match server {
            Server::Stator(_) => run["version"].as_str(),
            _ => run["peers"][server.name()].as_str(),
        });
        table.line([server.name(), server.survives(), version.unwrap_or_default()].map(str::to_owned));
    }
    table
}

/// The day of a second of the Unix clock, in UTC.
fn day(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .map_or_else(report::not_measured, |time| time.strftime("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What differs between the repository and what its rows give, in words.
    fn differences(page: &str, figures: &Figures, directory: &Path) -> Vec<String> {
        let mut differences = Vec::new();
        if generated(page, figures).expect("a page") != page {
            differences.push("docs/performance.md".to_owned());
        }
        let plots = plots::all(figures).expect("plots");
        for (name, text) in &plots {
            let path = directory.join(format!("{name}.svg"));
            if fs::read_to_string(&path).ok().as_ref() != Some(text) {
                differences.push(path.display().to_string());
            }
        }
        differences
    }

    #[test]
    fn the_page_says_what_the_rows_say() {
        let rows = machine::source_directory().join("results/full.jsonl");
        let figures = Figures::read(&rows).expect("rows");
        let page = fs::read_to_string(page_path()).expect("the page");
        let differences = differences(&page, &figures, &plots_directory());
        assert!(
            differences.is_empty(),
            "run `cargo run --release -p bench -- report`: {differences:?}"
        );
    }

    fn figures(rate: f64) -> Figures {
        let round = |server: &str, rate: f64| {
            json!({
                "kind": "round", "section": "throughput", "workload": "get-item", "server": server,
                "pass": 0, "round": 0, "connections": 32, "requests_per_second": rate,
            })
        };
        Figures::of(&[round("bare", 100.0), round("stator-sync", rate)])
    }

    #[test]
    fn a_page_or_a_plot_that_differs_from_the_rows_is_found() {
        let parent = std::env::temp_dir();
        let directory =
            harness::directory::TemporaryDirectory::new(&parent, "bench-document").expect("a place");
        let marked = format!("Text\n{START}ratios{START_END}\n{END}\nmore\n");
        let page = generated(&marked, &figures(50.0)).expect("a page");
        assert!(page.contains("| GetItem of 1 KB | 100/s | 0.50 |"), "{page}");
        assert!(page.starts_with("Text\n") && page.ends_with("\nmore\n"));
        for (name, text) in plots::all(&figures(50.0)).expect("plots") {
            fs::write(directory.path().join(format!("{name}.svg")), text).expect("a plot");
        }
        assert_eq!(
            differences(&page, &figures(50.0), directory.path()),
            [] as [&str; 0]
        );
        let found = differences(&page, &figures(51.0), directory.path());
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[1].ends_with("throughput-reads.svg"), "{found:?}");
    }

    #[test]
    fn what_cannot_be_generated_is_refused() {
        for page in [
            format!("{START}nonsense{START_END}\n{END}"),
            format!("{START}ratios{START_END}\n"),
            START.to_owned(),
        ] {
            assert!(generated(&page, &Figures::default()).is_err(), "{page}");
        }
    }
}
