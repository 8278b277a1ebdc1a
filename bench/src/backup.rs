//! The workload `backup`: what requests notice of a backup of their table, and what it takes.
//!
//! A table is filled, and PutItem goes on from then to the end at a part of the capacity: first alone,
//! then a backup is asked for and written, and then alone again. The backup is restored at the end, with
//! nothing beside it, and compared by its count.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};

use crate::filling;
use crate::items::{self, ITEM_SIZE_BYTES, TABLE};
use crate::phased_load::{Pace, Part, Phase, PhasedLoad};
use crate::report;
use crate::requests::Requests;
use crate::rest;
use crate::results::{extend, latency_members, rounded};
use crate::rounds;
use crate::setting::{PlaceArguments, Setting, parse_count};
use crate::table::{Table, with_commas};
use crate::traffic::Traffic;
use crate::workloads;
use harness::control;
use harness::failure::{Context, Failure, Result};
use harness::interrupt;
use harness::server_process::{Durability, ServerProcess};

/// How many times its value without a backup the 99th percentile may be during it.
const P99_RATIO_MAX: f64 = 2.0;
/// How much memory a backup may take, in bytes.
const MEMORY_BYTES_MAX: u64 = 200_000_000;

/// How long the capacity is measured.
const CAPACITY_TIME: Duration = Duration::from_secs(5);
/// The part of the load before the first phase, so that connections and caches are warm.
const RAMP: Duration = Duration::from_secs(2);
/// How often it is asked how far the server has come, and how much memory it has.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// How long a backup or a restore may take.
const PATIENCE: Duration = Duration::from_secs(1800);
/// Items that are written while the backup is made.
const WRITTEN_ITEMS: usize = 20_000;
/// What the phases of the load are, the ramp before them.
const PHASES: [&str; 4] = ["ramp", "before", "backup", "after"];

/// The settings of `bench backup`.
#[derive(Args, Clone, Debug)]
pub struct BackupArguments {
    /// Items of the table, of 1 KB each
    #[arg(long, value_name = "COUNT", value_parser = parse_count::<20_000, 50_000_000>, default_value = "1000000")]
    pub items: usize,

    /// What an acknowledged write survives
    #[arg(long, value_enum, default_value = "sync")]
    pub durability: Durability,

    /// Connections in the closed loop that measures the capacity
    #[arg(long, value_name = "COUNT", value_parser = parse_count::<1, 1024>, default_value = "32")]
    pub connections: usize,

    /// Connections of the open loop: requests beyond as many wait for one
    #[arg(long, value_name = "COUNT", value_parser = parse_count::<2, 1024>, default_value = "64")]
    pub open_connections: usize,

    /// The rate of the open loop, in per cent of the capacity
    #[arg(long, value_name = "PERCENT", value_parser = parse_count::<1, 100>, default_value = "25")]
    pub load: usize,

    /// How long the phases before and after last
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=3600), default_value = "20")]
    pub seconds: u32,

    #[command(flatten)]
    pub place: PlaceArguments,
}

impl BackupArguments {
    fn to_json(&self) -> Value {
        json!({
            "items": self.items,
            "durability": self.durability.name(),
            "connections": self.connections,
            "open_connections": self.open_connections,
            "load_percent": self.load,
            "seconds": self.seconds,
        })
    }
}

/// What was measured.
struct Measured {
    phases: Vec<Phase>,
    capacity_per_second: f64,
    backup: Duration,
    restore: Duration,
    /// The size of the backup's objects, in bytes.
    object_bytes: u64,
    /// The most memory that the server had before and while the backup was made, in bytes.
    memory_bytes: [Option<u64>; 2],
    /// How many bytes the disk takes a second in large pieces, synced at the end.
    disk_bytes_per_second: f64,
}

/// Runs everything, prints the table and appends the raw rows.
pub fn run(arguments: &BackupArguments) -> Result<()> {
    interrupt::catch()?;
    // A signal reaches the server too, and what then fails is not worth telling.
    measure(arguments).or_else(|failure| interrupt::check().and(Err(failure)))
}

fn measure(arguments: &BackupArguments) -> Result<()> {
    let mut setting = Setting::prepare("backup", &arguments.place, &arguments.to_json())?;
    println!(
        "Load: PutItem of 1 KB over existing items, beside a backup of {} items, durability {}\n",
        with_commas(arguments.items as f64),
        arguments.durability.name(),
    );
    let measured = measure_backup(arguments, &setting)?;
    print(arguments, &measured);
    add_rows(arguments, &mut setting, &measured);
    println!("Raw rows were appended to {}", setting.write_results()?.display());
    Ok(())
}

fn measure_backup(arguments: &BackupArguments, setting: &Setting) -> Result<Measured> {
    let data_directory = setting.directory().join("backup");
    let process = ServerProcess::start_stator(&setting.stator, arguments.durability, &data_directory)?;
    let address = process.address();
    control::create_table(address, &items::table())?;
    let body_bytes = workloads::put_item_answer_bytes(address)?;
    filling::fill(
        address,
        TABLE,
        arguments.items,
        ITEM_SIZE_BYTES,
        filling::TIME_MAX,
        items::item,
    )?;
    rest::wait_for_rest(&process)?;
    let disk_bytes_per_second = disk_rate(setting.directory())?;

    let requests = Arc::new(Requests::put_every_item(WRITTEN_ITEMS).stamped());
    let parts = vec![Part {
        operation: "PutItem",
        traffic: Arc::new(Traffic::uniform(&requests, body_bytes)),
    }];
    let load = PhasedLoad::start(
        address,
        parts.clone(),
        rounds::default_shape(arguments.connections),
        Pace::Closed,
    )?;
    load.wait(RAMP)?;
    load.begin_phase();
    load.wait(CAPACITY_TIME)?;
    let capacity_per_second = load.end()?.last().map_or(0.0, Phase::requests_per_second);
    rest::wait_for_rest(&process)?;

    let pace = Pace::Open {
        requests_per_second: capacity_per_second * arguments.load as f64 / 100.0,
    };
    let load = PhasedLoad::start(
        address,
        parts,
        rounds::default_shape(arguments.open_connections),
        pace,
    )?;
    let calm = Duration::from_secs(arguments.seconds.into());
    load.wait(RAMP)?;
    load.begin_phase();
    let before = wait_watching(&load, &process, || Ok(false), calm)?;
    load.begin_phase();
    let begun = Instant::now();
    let request = json!({"TableName": TABLE, "BackupName": "measured"});
    let answer = control::call(address, "CreateBackup", &request)?;
    let arn = &answer["BackupDetails"]["BackupArn"];
    let is_there = || {
        let described = control::call(address, "DescribeBackup", &json!({"BackupArn": arn}))?;
        Ok(described["BackupDescription"]["BackupDetails"]["BackupStatus"] == "AVAILABLE")
    };
    let during = wait_watching(&load, &process, is_there, PATIENCE)?;
    let backup = begun.elapsed();
    load.begin_phase();
    load.wait(calm)?;
    let phases = load.end()?;
    let restore = restore(address, arn, arguments.items)?;
    Ok(Measured {
        phases,
        capacity_per_second,
        backup,
        restore,
        object_bytes: size_of(&data_directory.join("backups"))?,
        memory_bytes: [before, during],
        disk_bytes_per_second,
    })
}

/// Lets the load go on until something is done, or for `time`; gives the most memory that the server had.
fn wait_watching(
    load: &PhasedLoad,
    process: &ServerProcess,
    mut is_done: impl FnMut() -> Result<bool>,
    time: Duration,
) -> Result<Option<u64>> {
    let begun = Instant::now();
    let mut most = process.resident_bytes();
    while begun.elapsed() < time && !is_done()? {
        load.wait(POLL_INTERVAL)?;
        most = most.max(process.resident_bytes());
    }
    Ok(most)
}

/// Makes a table of the backup; gives how long that takes.
fn restore(address: SocketAddr, arn: &Value, items: usize) -> Result<Duration> {
    let begun = Instant::now();
    let request = json!({"BackupArn": arn, "TargetTableName": "restored"});
    control::call(address, "RestoreTableFromBackup", &request)?;
    let question = json!({"TableName": "restored"});
    while control::call(address, "DescribeTable", &question)?["Table"]["TableStatus"] != "ACTIVE" {
        interrupt::check()?;
        if begun.elapsed() > PATIENCE {
            return Err(Failure::new("the backup is not restored"));
        }
        std::thread::sleep(POLL_INTERVAL);
    }
    let time = begun.elapsed();
    match control::item_count(address, "restored")? {
        count if count == items as u64 => Ok(time),
        count => Err(Failure::new(format!(
            "the restored table has {count} items instead of {items}"
        ))),
    }
}

/// How many bytes the disk takes a second.
fn disk_rate(directory: &Path) -> Result<f64> {
    const PIECE_BYTES: usize = 1 << 20;
    const PIECES: usize = 256;
    let path = directory.join("probe");
    let piece = vec![0x5a; PIECE_BYTES];
    let begun = Instant::now();
    let write = || -> std::io::Result<()> {
        let mut file = std::fs::File::create(&path)?;
        for _ in 0..PIECES {
            std::io::Write::write_all(&mut file, &piece)?;
        }
        file.sync_all()?;
        std::fs::remove_file(&path)
    };
    write().context("the disk cannot be written")?;
    Ok((PIECE_BYTES * PIECES) as f64 / begun.elapsed().as_secs_f64())
}

/// What all files below a directory measure, in bytes.
fn size_of(directory: &Path) -> Result<u64> {
    let mut size_bytes = 0;
    for entry in std::fs::read_dir(directory).context("the backup cannot be listed")? {
        let entry = entry.context("the backup cannot be listed")?;
        let metadata = entry.metadata().context("the backup cannot be listed")?;
        size_bytes += match metadata.is_dir() {
            true => size_of(&entry.path())?,
            false => metadata.len(),
        };
    }
    Ok(size_bytes)
}

impl Measured {
    fn p99_ratio(&self, phase: usize) -> f64 {
        let p99 = |phase: usize| self.phases[phase].latencies[0].value_at_quantile(0.99) as f64;
        p99(phase) / p99(1)
    }

    /// How much more memory the server had while the backup was made, in bytes.
    fn added_memory_bytes(&self) -> Option<u64> {
        let [before, during] = self.memory_bytes;
        Some(during?.saturating_sub(before?))
    }
}

fn print(arguments: &BackupArguments, measured: &Measured) {
    let megabytes = |bytes: f64| with_commas(bytes / 1e6);
    let table_bytes = (arguments.items * ITEM_SIZE_BYTES) as f64;
    let seconds = measured.backup.as_secs_f64();
    println!(
        "Backup in {seconds:.1} s: {} MB of items at {} MB/s, {} MB of objects; restored in {:.1} s at {} MB/s. \
         The disk takes {} MB/s.",
        megabytes(table_bytes),
        megabytes(table_bytes / seconds),
        megabytes(measured.object_bytes as f64),
        measured.restore.as_secs_f64(),
        megabytes(table_bytes / measured.restore.as_secs_f64()),
        megabytes(measured.disk_bytes_per_second),
    );
    let added = measured.added_memory_bytes();
    println!(
        "Memory beside what the server had before: {} MB (<= {} MB: {})\n",
        added.map_or_else(report::not_measured, |bytes| megabytes(bytes as f64)),
        megabytes(MEMORY_BYTES_MAX as f64),
        report::verdict(added.map(|bytes| bytes <= MEMORY_BYTES_MAX)),
    );
    println!(
        "Open loop at {} per cent of {} req/s",
        arguments.load,
        with_commas(measured.capacity_per_second)
    );
    let mut table = Table::new(&[
        "PutItem", "req/s", "p50 us", "p99 us", "p99.9 us", "max us", "ratio", "target", "",
    ]);
    for (position, (name, phase)) in PHASES.iter().zip(&measured.phases).enumerate().skip(1) {
        let latencies = &phase.latencies[0];
        let latency = |quantile| with_commas(latencies.value_at_quantile(quantile) as f64 / 1e3);
        let mut cells = vec![
            (*name).to_owned(),
            with_commas(phase.requests_per_second()),
            latency(0.5),
            latency(0.99),
            latency(0.999),
            with_commas(latencies.max() as f64 / 1e3),
        ];
        if position > 1 {
            cells.push(format!("{:.2}", measured.p99_ratio(position)));
        }
        if *name == "backup" {
            cells.push(format!("<= {P99_RATIO_MAX:.2}"));
            cells.push(report::verdict(Some(
                measured.p99_ratio(position) <= P99_RATIO_MAX,
            )));
        }
        table.line(cells);
    }
    println!("{}", table.render());
}

fn add_rows(arguments: &BackupArguments, setting: &mut Setting, measured: &Measured) {
    let labels = json!({"durability": arguments.durability.name(), "items": arguments.items});
    let mut row = json!({
        "backup_seconds": rounded(measured.backup.as_secs_f64()),
        "restore_seconds": rounded(measured.restore.as_secs_f64()),
        "object_bytes": measured.object_bytes,
        "added_memory_bytes": measured.added_memory_bytes(),
        "disk_bytes_per_second": rounded(measured.disk_bytes_per_second),
        "capacity_per_second": rounded(measured.capacity_per_second),
    });
    extend(&mut row, labels.clone());
    setting.results.add("backup", row);
    for (position, (name, phase)) in PHASES.iter().zip(&measured.phases).enumerate().skip(1) {
        let mut row = json!({
            "phase": name,
            "operation": "PutItem",
            "requests_per_second": rounded(phase.requests_per_second()),
            "p99_ratio": rounded(measured.p99_ratio(position)),
        });
        extend(&mut row, latency_members(&phase.latencies[0]));
        extend(&mut row, labels.clone());
        setting.results.add("phase", row);
    }
}
