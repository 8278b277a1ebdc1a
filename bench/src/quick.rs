//! The workload `quick`: what every change should be looked at with, in a few minutes.
//!
//! All servers run from the beginning to the end, and each workload goes over them in short
//! rounds.

use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};

use crate::bare_server::{self, BareServerArguments};
use crate::footprint;
use crate::items;
use crate::load::{self, Span};
use crate::report;
use crate::requests::Requests;
use crate::results::Results;
use crate::rounds::{self, Entrant, RoundArguments, Traffics};
use crate::setting::{PlaceArguments, Setting, parse_count};
use crate::traffic::Traffic;
use crate::workloads::{self, Scale, Workload};
use harness::control;
use harness::failure::{Context, Failure, Result};
use harness::interrupt;
use harness::server_process::{Durability, ServerProcess};

/// The settings of `bench quick`.
#[derive(Args, Clone, Debug)]
pub struct QuickArguments {
    #[command(flatten)]
    pub rounds: RoundArguments,

    /// Starts in each durability, for the time to the first answer
    #[arg(long, value_name = "COUNT", value_parser = parse_count::<1, 1000>, default_value = "11")]
    pub starts: usize,

    #[command(flatten)]
    pub place: PlaceArguments,
}

impl QuickArguments {
    fn to_json(&self) -> Value {
        let mut arguments = self.rounds.to_json();
        arguments["starts"] = json!(self.starts);
        arguments
    }
}

/// A server that is measured.
#[derive(Debug)]
struct Contender {
    name: &'static str,
    durability: Durability,
    process: ServerProcess,
}

/// Runs everything, prints the tables and appends the raw rows.
pub fn run(arguments: &QuickArguments) -> Result<()> {
    interrupt::catch()?;
    // A signal reaches the servers too, and what then fails is not worth telling.
    measure(arguments).or_else(|failure| interrupt::check().and(Err(failure)))
}

fn measure(arguments: &QuickArguments) -> Result<()> {
    // Declared before the servers, so that their data goes after them.
    let mut setting = Setting::prepare("quick", &arguments.place, &arguments.to_json())?;
    report::print_rounds(&arguments.rounds);

    let starts = footprint::measure_starts(&setting.stator, setting.directory(), arguments.starts)?;
    let stripped_size_bytes = footprint::stripped_size_bytes(&setting.stator, setting.directory());
    report::print_footprint(&starts, stripped_size_bytes);
    starts.iter().for_each(|start| setting.results.add_start(start));
    setting.results.add_binary(stripped_size_bytes);

    let contenders = start_contenders(&arguments.rounds, &setting)?;
    // What writes comes last.
    for workload in [&workloads::GET_ITEM, &workloads::QUERY, &workloads::PUT_ITEM] {
        measure_workload(&arguments.rounds, &contenders, workload, &mut setting.results)?;
    }
    drop(contenders);

    println!(
        "Ratios are to the bare server, the median of the rounds. Raw rows were appended to {}",
        setting.write_results()?.display()
    );
    Ok(())
}

/// Starts Stator in each durability, with the table loaded.
fn start_contenders(arguments: &RoundArguments, setting: &Setting) -> Result<Vec<Contender>> {
    let requests = Arc::new(Requests::put_every_item(arguments.item_count()));
    let mut contenders = Vec::with_capacity(Durability::ALL.len());
    for durability in Durability::ALL {
        interrupt::check()?;
        let name = match durability {
            Durability::Memory => "stator memory",
            Durability::Os => "stator os",
            Durability::Sync => "stator sync",
        };
        let data_directory = setting.directory().join(durability.name());
        let process = ServerProcess::start_stator(&setting.stator, durability, &data_directory)?;
        let address = process.address();
        control::create_table(address, &items::table())?;
        let body_bytes = workloads::put_item_answer_bytes(address)?;
        let traffic = Arc::new(Traffic::each_once(&requests, body_bytes));
        load::run(address, &traffic, arguments.shape(), Span::TO_THE_END)
            .context(&format!("{name} cannot be loaded"))?;
        contenders.push(Contender {
            name,
            durability,
            process,
        });
    }
    Ok(contenders)
}

/// Measures and prints one workload on the bare server and all contenders.
fn measure_workload(
    arguments: &RoundArguments,
    contenders: &[Contender],
    workload: &Workload,
    results: &mut Results,
) -> Result<()> {
    let plan = workload.plan(Scale::of_items(arguments.item_count()));
    let mut probes = Vec::with_capacity(contenders.len());
    for contender in contenders {
        probes.push(plan.probe(contender.process.address()).context(contender.name)?);
    }
    let Some(probe) = probes.first() else {
        return Ok(());
    };
    let body_bytes = probe.body_bytes();
    if probes.iter().any(|other| other.body_bytes() != body_bytes) {
        return Err(Failure::new(format!(
            "the answers to {} differ in length between durabilities",
            workload.name
        )));
    }
    let bare = bare_server::start(&BareServerArguments::like(&probe.answers()))?;

    let mut durabilities = vec![None];
    let mut servers = vec![("bare hyper", &bare)];
    for contender in contenders {
        durabilities.push(Some(contender.durability));
        servers.push((contender.name, &contender.process));
    }
    let entrants: Vec<_> = servers
        .into_iter()
        .map(|(name, process)| Entrant {
            name,
            process,
            traffic: Traffics::Lasting(Arc::new(plan.traffic(probe))),
        })
        .collect();
    let measurements = rounds::measure_all_in_turn(&arguments.turns(), workload.name, &entrants)?;
    let answer_bytes = probe.answer_bytes();
    for measurement in &measurements {
        let labels = json!({
            "workload": plan.operation(),
            "connections": arguments.connections,
            "answer_bytes": answer_bytes,
        });
        results.add_rounds(&labels, measurement);
    }
    let measurements: Vec<_> = durabilities.into_iter().zip(measurements).collect();
    report::print_workload(workload, answer_bytes, &measurements);
    Ok(())
}
