//! Tables for people, from raw rows.

use serde_json::Value;

use crate::figures::{Case, Figures};
use crate::report;
use crate::sections;
use crate::servers::Server;
use crate::table::{Table, with_commas};
use crate::targets;
use crate::workloads::{self, Workload};

const BYTES_PER_MB: f64 = 1e6;

/// A ratio with as many digits as tell something.
pub fn ratio_text(ratio: f64) -> String {
    match ratio {
        ratio if ratio >= 100.0 => with_commas(ratio),
        ratio if ratio >= 10.0 => format!("{ratio:.1}"),
        ratio if ratio >= 0.1 => format!("{ratio:.2}"),
        0.0 => "0".to_owned(),
        ratio if ratio >= 0.01 => format!("{ratio:.3}"),
        _ => format!("{ratio:.4}"),
    }
}

/// Everything that `rows` have of one workload: a table for each number of connections, and one
/// for the open loop.
pub fn workload(title: &str, rows: &[Value]) -> String {
    let figures = Figures::of(rows);
    let Some(first) = rows.iter().find(|row| row["kind"] != "failed") else {
        return format!("{title}: no server has figures\n");
    };
    let (section, name) = (
        first["section"].as_str().unwrap_or_default(),
        first["workload"].as_str().unwrap_or_default(),
    );
    let mut text = String::new();
    for connections in figures.values(section, name, "connections") {
        text += &format!(
            "{title}, {connections} connections, answers of {} bytes\n",
            with_commas(first["answer_bytes"].as_f64().unwrap_or_default())
        );
        text += &closed_loop(&figures, section, name, connections).render();
    }
    let open = open_loop(&figures, section, name);
    if open.line_count() > 1 {
        text += &format!(
            "{title}, open loop: latencies from the time that a request was due; what of them is the load generator's own doing, last\n"
        );
        text += &open.render();
    }
    text
}

fn closed_loop(figures: &Figures, section: &str, workload: &str, connections: u64) -> Table {
    let mut table = Table::new(&[
        "server",
        "req/s",
        "p50 us",
        "p99 us",
        "p99.9 us",
        "CPU us/req",
        "of bare",
        "(range)",
        "Stator is",
    ]);
    for server in figures.servers(section) {
        let case = |server: Server| Case {
            section: Some(section),
            workload,
            server: server.name(),
            connections: Some(connections),
            ..Case::default()
        };
        let Some(rate) = figures.rate(case(server)) else {
            continue;
        };
        let whole = |member| {
            figures
                .median(case(server), member)
                .map_or_else(String::new, with_commas)
        };
        let ratio = figures.ratio(case(server), case(Server::Bare));
        let times = server
            .counterpart()
            .and_then(|stator| Some((stator, figures.ratio(case(stator), case(server))?)));
        table.line([
            server.name().to_owned(),
            with_commas(rate),
            whole("p50_us"),
            whole("p99_us"),
            whole("p999_us"),
            figures
                .median(case(server), "server_cpu_us_per_request")
                .map_or_else(report::not_measured, |value| format!("{value:.1}")),
            ratio.map_or_else(String::new, |ratio| ratio_text(ratio.median)),
            ratio
                .filter(|_| server != Server::Bare)
                .map_or_else(String::new, |ratio| {
                    format!(
                        "({} to {})",
                        ratio_text(ratio.smallest),
                        ratio_text(ratio.largest)
                    )
                }),
            times.map_or_else(String::new, |(stator, ratio)| {
                format!("{} x ({})", ratio_text(ratio.median), stator.name())
            }),
        ]);
    }
    table
}

/// The open loop: one line for each server and load.
pub fn open_loop(figures: &Figures, section: &str, workload: &str) -> Table {
    let mut table = Table::new(&[
        "server",
        "of capacity",
        "offered/s",
        "answered/s",
        "p50 us",
        "p99 us",
        "p99.9 us",
        "max us",
        "sent late, p99 us",
    ]);
    let rows = figures
        .rows("open", section)
        .filter(|row| row["workload"] == workload);
    for row in rows {
        let whole = |member: &str| row[member].as_f64().map_or_else(String::new, with_commas);
        table.line([
            row["server"].as_str().unwrap_or_default().to_owned(),
            row["load_percent"]
                .as_f64()
                .map_or_else(String::new, |percent| format!("{percent:.0} %")),
            whole("offered_per_second"),
            whole("requests_per_second"),
            whole("p50_us"),
            whole("p99_us"),
            whole("p999_us"),
            whole("max_us"),
            whole("late_p99_us"),
        ]);
    }
    table
}

/// The workloads that a section has rounds of, in their order.
pub fn workloads_of(figures: &Figures, section: &str) -> Vec<&'static Workload> {
    workloads::ALL
        .into_iter()
        .filter(|workload| {
            ["round", "failed"]
                .into_iter()
                .flat_map(|kind| figures.rows(kind, section))
                .any(|row| row["workload"] == workload.name)
        })
        .collect()
}

/// Workloads by servers, at the connections at which targets are: the rate of the bare server, and
/// of the others what `cell` makes of them.
pub fn by_server(figures: &Figures, cell: impl Fn(&Figures, Case<'_>, Case<'_>) -> Option<String>) -> Table {
    let section = sections::THROUGHPUT;
    let servers = figures.servers(section);
    let mut headings = vec!["workload"];
    headings.extend(servers.iter().map(|server| server.name()));
    let mut table = Table::new(&headings);
    for workload in workloads_of(figures, section) {
        let case = |server: Server| Case {
            section: Some(section),
            workload: workload.name,
            server: server.name(),
            connections: Some(targets::CONNECTIONS),
            ..Case::default()
        };
        let cells = servers.iter().map(|&server| {
            let value = match server {
                Server::Bare => figures
                    .rate(case(server))
                    .map(|rate| format!("{}/s", with_commas(rate))),
                _ => cell(figures, case(server), case(Server::Bare)),
            };
            let failed = || figures.why_failed(case(server)).map(|_| "failed".to_owned());
            failed().or(value).unwrap_or_default()
        });
        table.line([workload.title.to_owned()].into_iter().chain(cells));
    }
    table
}

/// Rates as parts of the bare server's.
pub fn ratios(figures: &Figures) -> Table {
    by_server(figures, |figures, case, bare| {
        Some(ratio_text(figures.ratio(case, bare)?.median))
    })
}

/// Requests in a second.
pub fn rates(figures: &Figures) -> Table {
    by_server(figures, |figures, case, _| figures.rate(case).map(with_commas))
}

/// 99th percentiles in milliseconds.
pub fn latencies(figures: &Figures) -> Table {
    by_server(figures, |figures, case, _| {
        // Where nothing was answered in time, there is no latency.
        let p99_us = figures.median(case, "p99_us").filter(|p99_us| *p99_us > 0.0)?;
        Some(format!("{:.2}", p99_us / 1e3))
    })
}

/// What has failed, and why.
pub fn failures(figures: &Figures) -> Table {
    let mut table = Table::new(&["section", "workload", "server", "why it has no figure"]);
    let mut known = Vec::new();
    for section in sections::ALL {
        for row in figures.rows("failed", section) {
            let cell = |member: &str| row[member].as_str().unwrap_or_default().to_owned();
            let line = [
                section.to_owned(),
                cell("workload"),
                cell("server"),
                shortened(&cell("why")),
            ];
            if !known.contains(&line) {
                known.push(line);
            }
        }
    }
    known.into_iter().for_each(|line| table.line(line));
    table
}

/// The beginning of a sentence, in one line.
fn shortened(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(160) {
        Some((end, _)) => format!("{} ...", &line[..end]),
        None => line,
    }
}

/// Where a peer is faster than Stator: each workload and durability.
pub fn slower(figures: &Figures) -> Table {
    let mut table = Table::new(&[
        "workload", "Stator", "req/s", "survives", "peer", "req/s", "survives",
    ]);
    let section = sections::THROUGHPUT;
    for workload in workloads_of(figures, section) {
        let rate = |server: Server| {
            figures.rate(Case {
                section: Some(section),
                workload: workload.name,
                server: server.name(),
                connections: Some(targets::CONNECTIONS),
                ..Case::default()
            })
        };
        for stator in Server::ALL
            .into_iter()
            .filter(|server| matches!(server, Server::Stator(_)))
        {
            for peer in Server::ALL
                .into_iter()
                .filter(|server| server.counterpart().is_some())
            {
                let (Some(own), Some(other)) = (rate(stator), rate(peer)) else {
                    continue;
                };
                if other > own {
                    table.line([
                        workload.title.to_owned(),
                        stator.name().to_owned(),
                        with_commas(own),
                        stator.survives().to_owned(),
                        peer.name().to_owned(),
                        with_commas(other),
                        peer.survives().to_owned(),
                    ]);
                }
            }
        }
    }
    table
}

/// Ratios to the bare server, by a member that differs between rounds.
pub fn by_member(figures: &Figures, section: &str, member: &str, unit: &str) -> Table {
    let workloads = workloads_of(figures, section);
    let mut sizes: Vec<u64> = workloads
        .iter()
        .flat_map(|workload| figures.values(section, workload.name, member))
        .collect();
    sizes.sort_unstable();
    sizes.dedup();
    let mut headings = vec!["workload".to_owned(), "server".to_owned()];
    headings.extend(
        sizes
            .iter()
            .map(|size| format!("{}{unit}", with_commas(*size as f64))),
    );
    let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
    let mut table = Table::new(&headings);
    for workload in workloads {
        for server in figures.servers(section) {
            let cells = sizes.iter().map(|&size| {
                let case = Case::at(section, workload.name, server.name(), member, size);
                let bare = Case {
                    server: Server::Bare.name(),
                    ..case
                };
                let Some(rate) = figures.rate(case) else {
                    return figures
                        .why_failed(case)
                        .map_or_else(String::new, |_| "failed".to_owned());
                };
                match figures.ratio(case, bare) {
                    Some(ratio) if server != Server::Bare => {
                        format!("{} ({})", with_commas(rate), ratio_text(ratio.median))
                    }
                    _ => with_commas(rate),
                }
            });
            table.line(
                [workload.name.to_owned(), server.name().to_owned()]
                    .into_iter()
                    .chain(cells),
            );
        }
    }
    table
}

/// Starts and memory.
pub fn footprint(figures: &Figures) -> Table {
    let mut table = Table::new(&[
        "server",
        "start to first answer, ms",
        "idle memory, MB",
        "memory after the throughput workloads, MB",
    ]);
    let megabytes =
        |bytes: Option<f64>| bytes.map_or_else(String::new, |bytes| format!("{:.0}", bytes / BYTES_PER_MB));
    for server in Server::ALL {
        let is_own = |row: &&Value| row["server"] == server.name();
        let Some(start) = figures.rows("start", sections::FOOTPRINT).find(is_own) else {
            continue;
        };
        let times = start["first_answer_ms"].as_array().into_iter().flatten();
        let times: Vec<f64> = times.filter_map(Value::as_f64).collect();
        let loaded = figures.rows("memory", sections::THROUGHPUT).find(is_own);
        table.line([
            server.name().to_owned(),
            crate::statistics::median(&times).map_or_else(String::new, |time| format!("{time:.1}")),
            megabytes(start["resident_bytes"].as_f64()),
            megabytes(loaded.and_then(|row| row["resident_bytes"].as_f64())),
        ]);
    }
    table
}

/// Bytes to disk, and times to recover.
pub fn durability(figures: &Figures) -> Table {
    let mut table = Table::new(&[
        "server",
        "survives",
        "items",
        "bytes to disk per byte of item",
        "kill -9 to the first answer, s (longest)",
    ]);
    for section in [sections::DURABILITY, sections::TABLE_SIZE] {
        for row in figures.rows("recovery", section) {
            let server = row["server"].as_str().and_then(Server::by_name);
            let times = row["seconds"].as_array().into_iter().flatten();
            let longest = times.filter_map(Value::as_f64).max_by(f64::total_cmp);
            let amplification = figures
                .rows("write_amplification", section)
                .find(|other| other["server"] == row["server"] && other["items"] == row["items"])
                .and_then(|other| other["ratio"].as_f64());
            table.line([
                server.map_or("", Server::name).to_owned(),
                server.map_or("", Server::survives).to_owned(),
                row["items"].as_f64().map_or_else(String::new, with_commas),
                amplification.map_or_else(String::new, |ratio| format!("{ratio:.2}")),
                longest.map_or_else(String::new, |seconds| format!("{seconds:.2}")),
            ]);
        }
    }
    table
}

/// Table sizes: rates, what they are of the smallest table's, memory.
pub fn table_sizes(figures: &Figures) -> Table {
    let section = sections::TABLE_SIZE;
    let sizes = figures.values(section, workloads::GET_ITEM.name, "items");
    let mut headings = vec!["Stator, sync".to_owned()];
    headings.extend(
        sizes
            .iter()
            .map(|size| format!("{} items", with_commas(*size as f64))),
    );
    let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
    let mut table = Table::new(&headings);
    for workload in workloads_of(figures, section) {
        let case = |items: u64| Case::at(section, workload.name, "stator-sync", "items", items);
        let cells = sizes.iter().map(|&items| {
            let Some(rate) = figures.rate(case(items)) else {
                return String::new();
            };
            let ratio = sizes
                .first()
                .and_then(|&first| figures.ratio(case(items), case(first)));
            let ratio = ratio.map_or_else(String::new, |ratio| format!(" ({})", ratio_text(ratio.median)));
            format!("{}/s{ratio}", with_commas(rate))
        });
        table.line([workload.title.to_owned()].into_iter().chain(cells));
    }
    let memory = sizes.iter().map(|&items| {
        let row = figures.rows("memory", section).find(|row| row["items"] == items);
        row.and_then(|row| row["resident_bytes"].as_f64())
            .map_or_else(String::new, |bytes| format!("{:.0} MB", bytes / BYTES_PER_MB))
    });
    table.line(["memory after it".to_owned()].into_iter().chain(memory));
    table
}
