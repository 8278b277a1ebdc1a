//! What durability costs: bytes to disk for each byte of item, and the time until a server that
//! was killed answers again.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::items::{self, TABLE};
use crate::load::{self, Shape, Span};
use crate::results::rounded;
use crate::servers::{Programs, Server};
use crate::traffic::Traffic;
use crate::workloads::{self, Scale};
use harness::control;
use harness::failure::{Context, Failure, Result};
use harness::server_process::ServerProcess;

/// How long writing goes on before the kill.
const WRITING_TIME: Duration = Duration::from_secs(2);

/// How long a load that is killed would have gone on.
const KILLED_LOAD_TIME: Duration = Duration::from_secs(600);

/// PutItem over all items of the table of orders.
fn puts(process: &ServerProcess, scale: Scale) -> Result<Arc<Traffic>> {
    let plan = workloads::PUT_ITEM.plan(scale);
    let probe = plan.probe(process.address())?;
    Ok(Arc::new(plan.traffic(&probe)))
}

/// Writes at full speed for a time, and gives the bytes to disk per byte of item as members of a
/// row. What is merged later is counted as far as it is done within a minute or two.
pub fn write_amplification(
    process: &ServerProcess,
    scale: Scale,
    shape: Shape,
    time: Duration,
) -> Result<Value> {
    let unknown = || Failure::new("the system does not tell how much a process writes");
    let traffic = puts(process, scale)?;
    crate::rest::wait_for_rest(process)?;
    let before = process.written_bytes().ok_or_else(unknown)?;
    let span = Span::Timed {
        ramp: Duration::ZERO,
        recorded: time,
    };
    let outcome = load::run(process.address(), &traffic, shape, span)?;
    crate::rest::wait_for_rest(process)?;
    let written_bytes = process.written_bytes().ok_or_else(unknown)? - before;
    let item_bytes = outcome.answered * scale.item_bytes as u64;
    Ok(json!({
        "items_written": outcome.answered,
        "written_bytes": written_bytes,
        "ratio": rounded(written_bytes as f64 / item_bytes as f64),
    }))
}

/// Kills a server while it writes at full speed and starts it again, `count` times. Gives the
/// seconds from each start to the first answer, and the server as it runs then.
pub fn recover(
    programs: &Programs,
    server: Server,
    directory: &Path,
    mut process: ServerProcess,
    scale: Scale,
    shape: Shape,
    count: usize,
) -> Result<(Vec<f64>, ServerProcess)> {
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let traffic = puts(&process, scale)?;
        let address = process.address();
        let span = Span::Timed {
            ramp: Duration::ZERO,
            recorded: KILLED_LOAD_TIME,
        };
        let writing = thread::spawn(move || load::run(address, &traffic, shape, span));
        thread::sleep(WRITING_TIME);
        if writing.is_finished() {
            let ended = writing.join().map_err(|_| Failure::new("the load panicked"))?;
            return Err(ended
                .err()
                .unwrap_or_else(|| Failure::new("the load has ended too early")));
        }
        process.kill();
        // It fails, as its server is gone.
        let _killed = writing.join();
        process = programs.start(server, directory).context("after kill -9")?;
        times.push(rounded(process.time_to_first_answer()?.as_secs_f64()));
        let get = json!({"TableName": TABLE, "Key": items::key(scale.items - 1)});
        let answer = control::call(process.address(), "GetItem", &get)?;
        if answer["Item"]["pk"].is_null() {
            return Err(Failure::new("an item is gone after kill -9"));
        }
    }
    Ok((times, process))
}
