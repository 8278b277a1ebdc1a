//! Stator with tables of several sizes, side by side: what is large should cost no more.

use std::sync::Arc;
use std::time::Instant;

use serde_json::json;

use crate::course;
use crate::figures::Figures;
use crate::filling;
use crate::recovery;
use crate::rest;
use crate::rounds::{self, Entrant, Traffics, Turns};
use crate::sections;
use crate::servers::{Programs, Server};
use crate::setting::Setting;
use crate::table::with_commas;
use crate::tables;
use crate::workloads::{self, Data, Scale};
use harness::failure::Result;
use harness::interrupt;
use harness::server_process::Durability;

/// The server whose tables are measured.
const SERVER: Server = Server::Stator(Durability::Sync);

/// Kills for each size.
const KILLS: usize = 2;

/// Fills tables of these sizes, measures them in turn, and kills their servers.
pub fn measure(sizes: &[usize], turns: &Turns, programs: &Programs, setting: &mut Setting) -> Result<()> {
    let mut processes = Vec::with_capacity(sizes.len());
    for &items in sizes {
        interrupt::check()?;
        let start = Instant::now();
        let directory = setting.directory().join(format!("table-size-{items}"));
        let process = programs.start(SERVER, &directory)?;
        course::fill(&process, Data::Orders, Scale::of_items(items), filling::TIME_MAX)?;
        rest::wait_for_rest(&process)?;
        println!(
            "{} items written and merged in {:.1} s",
            with_commas(items as f64),
            start.elapsed().as_secs_f64()
        );
        processes.push((items, directory, process));
    }
    for workload in [&workloads::GET_ITEM, &workloads::QUERY_OPEN, &workloads::PUT_ITEM] {
        let mut entrants = Vec::with_capacity(processes.len());
        for (items, _, process) in &processes {
            let plan = workload.plan(Scale::of_items(*items));
            let probe = plan.probe(process.address())?;
            entrants.push(Entrant {
                name: SERVER.name(),
                process,
                traffic: Traffics::Lasting(Arc::new(plan.traffic(&probe))),
            });
        }
        for (entered, &items) in rounds::measure_in_turn(turns, &entrants)?.into_iter().zip(sizes) {
            let labels = json!({
                "section": sections::TABLE_SIZE,
                "workload": workload.name,
                "connections": turns.shape.connections,
                "items": items,
                "item_bytes": Scale::of_items(items).item_bytes,
            });
            setting.results.add_rounds(&labels, &entered.measurement);
            if let Some(failure) = entered.failure {
                return Err(failure);
            }
        }
    }
    for (items, directory, process) in processes {
        let scale = Scale::of_items(items);
        setting.results.add(
            "memory",
            json!({
                "section": sections::TABLE_SIZE,
                "server": SERVER.name(),
                "items": items,
                "item_bytes": scale.item_bytes,
                "resident_bytes": process.resident_bytes(),
            }),
        );
        let recovered = recovery::recover(programs, SERVER, &directory, process, scale, turns.shape, KILLS)?;
        let (seconds, _process) = recovered;
        setting.results.add(
            "recovery",
            json!({
                "section": sections::TABLE_SIZE,
                "server": SERVER.name(),
                "items": items,
                "seconds": seconds,
            }),
        );
    }
    println!(
        "{}",
        tables::table_sizes(&Figures::of(setting.results.rows())).render()
    );
    Ok(())
}
