//! A course: servers side by side, their tables filled, and workloads that go over them in turn.
//!
//! A server that fails, or gives a wrong answer, gets a row that says why, and the course goes on
//! without it. What ends a course is an interruption, or that the bench itself cannot go on.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::bare_server::{self, BareServerArguments};
use crate::filling;
use crate::load::Shape;
use crate::phased_load::{Pace, Part, PhasedLoad};
use crate::results::{extend, latency_members, lateness_members, rounded};
use crate::rounds::{self, Entrant, Traffics, Turns};
use crate::servers::{Programs, Server};
use crate::setting::Setting;
use crate::tables;
use crate::workloads::{Data, Plan, Probe, Scale, Workload};
use harness::control;
use harness::failure::{Context, Failure, Result};
use harness::interrupt;
use harness::server_process::{self, ServerProcess};

/// The part of an open loop before what is recorded.
const OPEN_RAMP: Duration = Duration::from_millis(500);

/// How long a peer may take to fill a table: one that takes longer would hold up all others.
pub const PEER_FILLING_TIME_MAX: Duration = Duration::from_secs(60);

/// Connections of the open loop: requests beyond as many wait for one.
const OPEN_CONNECTIONS: usize = 128;

/// When requests are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CoursePace {
    /// When the connection has the answer to the last one.
    Closed,
    /// At random times, as many a second on average.
    OpenRate(f64),
    /// The same, as so many per cent of what the server does in the closed loop.
    OpenPercent(f64),
}

/// What is measured of which servers.
#[derive(Clone, Debug)]
pub struct Course {
    /// The part of the results that this belongs to.
    pub section: &'static str,
    pub workloads: Vec<&'static Workload>,
    pub servers: Vec<Server>,
    pub connections: Vec<usize>,
    pub threads: usize,
    pub scale: Scale,
    pub paces: Vec<CoursePace>,
    pub rounds: u32,
    pub round_time: Duration,
    /// The recorded time of an open loop.
    pub open_time: Duration,
}

/// A server that takes part.
struct Runner {
    server: Server,
    process: ServerProcess,
    /// Why it can take part no more with the present table.
    failure: Option<String>,
}

/// Measures everything and prints a table for each workload.
pub fn measure(course: &Course, programs: &Programs, setting: &mut Setting) -> Result<()> {
    let (apart, together): (Vec<Server>, Vec<Server>) = course
        .servers
        .iter()
        .filter(|&&server| server != Server::Bare && programs.why_absent(server).is_none())
        .partition(|server| server.binds_every_address());
    let mut imitated = HashMap::new();
    for (number, servers) in [together, apart].into_iter().enumerate() {
        if !servers.is_empty() {
            let pass = Pass {
                course,
                number,
                programs,
            };
            pass.measure(&servers, &mut imitated, setting)?;
        }
    }
    Ok(())
}

/// The answers that the bare server imitates, by workload: those of the first server, which is
/// Stator where it takes part.
type Imitated = HashMap<&'static str, Probe>;

/// Servers that run at the same time.
struct Pass<'a> {
    course: &'a Course,
    number: usize,
    programs: &'a Programs,
}

impl Pass<'_> {
    fn measure(&self, servers: &[Server], imitated: &mut Imitated, setting: &mut Setting) -> Result<()> {
        let mut runners = Vec::with_capacity(servers.len());
        for &server in servers {
            interrupt::check()?;
            let Scale { items, item_bytes } = self.course.scale;
            let place = format!("{}-{items}-{item_bytes}-{}", self.course.section, server.name());
            let directory = setting.directory().join(place);
            match self.programs.start(server, &directory) {
                Ok(process) => runners.push(Runner {
                    server,
                    process,
                    failure: None,
                }),
                Err(failure) => {
                    interrupt::check()?;
                    for workload in &self.course.workloads {
                        self.note_failure(setting, workload, server.name(), None, &failure.to_string());
                    }
                }
            }
        }
        for data in Data::ALL {
            let mut workloads = self
                .course
                .workloads
                .iter()
                .filter(|workload| workload.data == data)
                .peekable();
            if workloads.peek().is_none() {
                continue;
            }
            for runner in &mut runners {
                let time = match runner.server.counterpart() {
                    Some(_) => PEER_FILLING_TIME_MAX,
                    None => filling::TIME_MAX,
                };
                let filled = fill(&runner.process, data, self.course.scale, time);
                interrupt::check()?;
                runner.failure = filled.err().map(|failure| failure.to_string());
            }
            for workload in workloads {
                self.measure_workload(workload, &mut runners, imitated, setting)?;
            }
        }
        for runner in &runners {
            let row = json!({
                "section": self.course.section,
                "server": runner.server.name(),
                "items": self.course.scale.items,
                "item_bytes": self.course.scale.item_bytes,
                "resident_bytes": runner.process.resident_bytes(),
            });
            setting.results.add("memory", row);
        }
        Ok(())
    }

    fn measure_workload(
        &self,
        workload: &'static Workload,
        runners: &mut [Runner],
        imitated: &mut Imitated,
        setting: &mut Setting,
    ) -> Result<()> {
        interrupt::check()?;
        let first_row = setting.results.rows().len();
        let plan = workload.plan(self.course.scale);
        let mut ready: Vec<(&Runner, Probe)> = Vec::with_capacity(runners.len());
        for runner in runners.iter_mut() {
            if runner.process.has_ended() {
                runner.failure = Some("the server has ended".to_owned());
            }
            let probed = match &runner.failure {
                Some(why) => Err(why.clone()),
                None => plan
                    .probe(runner.process.address())
                    .map_err(|failure| failure.to_string()),
            };
            match probed {
                Ok(probe) => ready.push((runner, probe)),
                Err(why) => self.note_failure(setting, workload, runner.server.name(), None, &why),
            }
        }
        let Some((_, probe)) = ready.first() else {
            return Ok(());
        };
        let imitated = imitated.entry(workload.name).or_insert_with(|| probe.clone());
        let bare = bare_server::start(&BareServerArguments::like(&imitated.answers()))?;
        let mut entrants = vec![Entrant {
            name: Server::Bare.name(),
            process: &bare,
            traffic: plan.traffics(imitated),
        }];
        if !self.course.servers.contains(&Server::Bare) {
            entrants.clear();
        }
        entrants.extend(ready.iter().map(|(runner, probe)| Entrant {
            name: runner.server.name(),
            process: &runner.process,
            traffic: plan.traffics(probe),
        }));
        let answer_bytes = imitated.answer_bytes();
        for &connections in &self.course.connections {
            let labels = json!({
                "section": self.course.section,
                "pass": self.number,
                "workload": workload.name,
                "connections": connections,
                "items": self.course.scale.items,
                "item_bytes": self.course.scale.item_bytes,
                "answer_bytes": answer_bytes,
            });
            self.measure_closed(workload, connections, &entrants, &labels, setting)?;
            self.measure_open(workload, &plan, connections, &entrants, &labels, setting)?;
        }
        let table = tables::workload(workload.title, &setting.results.rows()[first_row..]);
        println!("{table}");
        Ok(())
    }

    fn turns(&self, connections: usize) -> Turns {
        Turns {
            rounds: self.course.rounds,
            round_time: self.course.round_time,
            shape: Shape {
                connections,
                threads: self.course.threads.min(connections),
            },
        }
    }

    /// The closed loop, which is also where the open one learns what a server can do.
    fn measure_closed(
        &self,
        workload: &Workload,
        connections: usize,
        entrants: &[Entrant<'_>],
        labels: &Value,
        setting: &mut Setting,
    ) -> Result<()> {
        let is_needed = |pace: &CoursePace| !matches!(pace, CoursePace::OpenRate(_));
        if !self.course.paces.iter().any(is_needed) {
            return Ok(());
        }
        for entered in rounds::measure_in_turn(&self.turns(connections), entrants)? {
            setting.results.add_rounds(labels, &entered.measurement);
            if let Some(failure) = entered.failure {
                let server = entered.measurement.server;
                self.note_failure(setting, workload, server, Some(connections), &failure.to_string());
            }
        }
        Ok(())
    }

    fn measure_open(
        &self,
        workload: &Workload,
        plan: &Plan,
        connections: usize,
        entrants: &[Entrant<'_>],
        labels: &Value,
        setting: &mut Setting,
    ) -> Result<()> {
        for &pace in &self.course.paces {
            for entrant in entrants {
                let closed_rate =
                    || median_rate(setting.results.rows(), labels, entrant.name).filter(|rate| *rate > 0.0);
                let (rate, percent) = match pace {
                    CoursePace::Closed => continue,
                    CoursePace::OpenRate(rate) => (Some(rate), None),
                    CoursePace::OpenPercent(percent) => {
                        (closed_rate().map(|rate| rate * percent / 100.0), Some(percent))
                    }
                };
                // Without a rate the closed loop has failed, and said so.
                let Some(rate) = rate else { continue };
                match self.open_loop(plan, entrant, rate) {
                    Ok(mut row) => {
                        extend(&mut row, labels.clone());
                        row["server"] = json!(entrant.name);
                        row["load_percent"] = json!(percent);
                        setting.results.add("open", row);
                    }
                    Err(failure) => {
                        interrupt::check()?;
                        let why = failure.to_string();
                        self.note_failure(setting, workload, entrant.name, Some(connections), &why);
                    }
                }
            }
        }
        Ok(())
    }

    /// An open loop on one server: the members of its row.
    fn open_loop(&self, plan: &Plan, entrant: &Entrant<'_>, rate: f64) -> Result<Value> {
        let Traffics::Lasting(traffic) = &entrant.traffic else {
            return Err(Failure::new("a workload that removes its items has no open loop"));
        };
        let part = Part {
            operation: plan.operation(),
            traffic: traffic.clone(),
        };
        let pace = Pace::Open {
            requests_per_second: rate,
        };
        let shape = Shape {
            connections: OPEN_CONNECTIONS,
            threads: self.course.threads,
        };
        let load = PhasedLoad::start(entrant.process.address(), vec![part], shape, pace)?;
        let mut cpu_before = None;
        // What a failed connection has to say comes at the end.
        let waited = load.wait(OPEN_RAMP).and_then(|()| {
            load.begin_phase();
            cpu_before = server_process::own_cpu_time();
            load.wait(self.course.open_time)
        });
        let phases = load.end()?;
        waited?;
        let client_cpu = server_process::own_cpu_time().and_then(|after| after.checked_sub(cpu_before?));
        let phase = phases
            .last()
            .ok_or_else(|| Failure::new("the open loop has no phase"))?;
        let mut row = json!({
            "offered_per_second": rounded(rate),
            "requests_per_second": rounded(phase.requests_per_second()),
            "seconds": rounded(phase.time.as_secs_f64()),
            "client_cores": client_cpu.map(|cpu| rounded(cpu.as_secs_f64() / phase.time.as_secs_f64())),
        });
        extend(&mut row, lateness_members(&phase.lateness));
        for latencies in &phase.latencies {
            extend(&mut row, latency_members(latencies));
        }
        Ok(row)
    }

    fn note_failure(
        &self,
        setting: &mut Setting,
        workload: &Workload,
        server: &'static str,
        connections: Option<usize>,
        why: &str,
    ) {
        let row = json!({
            "section": self.course.section,
            "pass": self.number,
            "workload": workload.name,
            "server": server,
            "connections": connections,
            "items": self.course.scale.items,
            "item_bytes": self.course.scale.item_bytes,
            "why": why,
        });
        println!("{} on {server} failed: {why}", workload.title);
        setting.results.add("failed", row);
    }
}

/// The median of the closed rounds of a server under a load with these labels.
fn median_rate(rows: &[Value], labels: &Value, server: &str) -> Option<f64> {
    let members = labels.as_object()?;
    let rates: Vec<f64> = rows
        .iter()
        .filter(|row| row["kind"] == "round" && row["server"] == server)
        .filter(|row| members.iter().all(|(name, value)| row[name] == *value))
        .filter_map(|row| row["requests_per_second"].as_f64())
        .collect();
    crate::statistics::median(&rates)
}

/// Creates a table and writes its items, in `time` at most.
pub fn fill(process: &ServerProcess, data: Data, scale: Scale, time: Duration) -> Result<()> {
    let table = data.table();
    let address = process.address();
    let failed = "the table cannot be filled";
    control::create_table(address, &table).context(failed)?;
    let name = table["TableName"].as_str().unwrap_or_default();
    let item = |number| data.item(number, scale.item_bytes);
    filling::fill(address, name, scale.items, scale.item_bytes, time, item)
}
