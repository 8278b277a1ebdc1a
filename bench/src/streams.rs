//! The workload `streams`: what a stream, or point-in-time recovery, makes a PutItem cost.
//!
//! For each durability four servers run side by side, whose tables differ only in their stream and
//! recovery, and take PutItem in turn. Every PutItem replaces an item, so that a stream with both images
//! records the old item and the new, and recovery the old one.

use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};

use crate::items::{self, TABLE};
use crate::load::{self, Span};
use crate::measurement::Measurement;
use crate::report;
use crate::requests::Requests;
use crate::rounds::{self, Entrant, RoundArguments, Traffics};
use crate::setting::{PlaceArguments, Setting};
use crate::table::{Table, with_commas};
use crate::traffic::Traffic;
use crate::workloads;
use harness::control;
use harness::failure::{Context, Failure, Result};
use harness::interrupt;
use harness::server_process::{Durability, ServerProcess};

/// How many times as much as without a stream a PutItem may cost with one.
pub const COST_RATIO_MAX: f64 = 1.5;

/// The settings of `bench streams`.
#[derive(Args, Clone, Debug)]
pub struct StreamsArguments {
    /// What an acknowledged write survives; may be given more than once [default: all of them]
    #[arg(long, value_enum)]
    pub durability: Vec<Durability>,

    #[command(flatten)]
    pub rounds: RoundArguments,

    #[command(flatten)]
    pub place: PlaceArguments,
}

/// What the table's stream records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    /// There is no stream.
    None,
    KeysOnly,
    BothImages,
    /// There is no stream, and recovery is enabled.
    Recovery,
}

impl View {
    /// The one that the others are compared with comes first.
    const ALL: [View; 4] = [View::None, View::KeysOnly, View::BothImages, View::Recovery];

    /// The name for results and the table.
    fn name(self) -> &'static str {
        match self {
            View::Recovery => "recovery",
            _ => self.service_name().unwrap_or("no stream"),
        }
    }

    /// The name that the service knows.
    fn service_name(self) -> Option<&'static str> {
        match self {
            View::None | View::Recovery => None,
            View::KeysOnly => Some("KEYS_ONLY"),
            View::BothImages => Some("NEW_AND_OLD_IMAGES"),
        }
    }

    /// What CreateTable is asked for.
    fn table(self) -> Value {
        let mut table = items::table();
        if let Some(name) = self.service_name() {
            table["StreamSpecification"] = json!({"StreamEnabled": true, "StreamViewType": name});
        }
        table
    }

    /// What of a change the stream's record must hold.
    fn expected_record(self, new: &Value, old: &Value, key: &Value) -> Value {
        match self {
            View::None | View::Recovery => Value::Null,
            View::KeysOnly => json!({"Keys": key}),
            View::BothImages => json!({"Keys": key, "NewImage": new, "OldImage": old}),
        }
    }
}

/// Runs everything, prints the tables and appends the raw rows.
pub fn run(arguments: &StreamsArguments) -> Result<()> {
    interrupt::catch()?;
    // A signal reaches the servers too, and what then fails is not worth telling.
    measure(arguments).or_else(|failure| interrupt::check().and(Err(failure)))
}

fn measure(arguments: &StreamsArguments) -> Result<()> {
    let mut durabilities = arguments.durability.clone();
    if durabilities.is_empty() {
        durabilities.extend(Durability::ALL);
    }
    let mut setting = Setting::prepare("streams", &arguments.place, &arguments.rounds.to_json())?;
    report::print_rounds(&arguments.rounds);
    for durability in durabilities {
        measure_durability(&arguments.rounds, &mut setting, durability)?;
    }
    println!(
        "The cost is the rate without a stream over the rate with it, the median of the rounds; in CPU, the server's time per request. Raw rows were appended to {}",
        setting.write_results()?.display()
    );
    Ok(())
}

fn measure_durability(
    arguments: &RoundArguments,
    setting: &mut Setting,
    durability: Durability,
) -> Result<()> {
    let requests = Arc::new(Requests::put_every_item(arguments.item_count()).stamped());
    let mut processes = Vec::with_capacity(View::ALL.len());
    let mut body_bytes = 0;
    for view in View::ALL {
        interrupt::check()?;
        let directory = setting
            .directory()
            .join(format!("{}-{}", durability.name(), view.name()));
        let process = ServerProcess::start_stator(&setting.stator, durability, &directory)?;
        let address = process.address();
        control::create_table(address, &view.table())?;
        if view == View::Recovery {
            control::enable_recovery(address, TABLE)?;
        }
        body_bytes = workloads::put_item_answer_bytes(address)?;
        let traffic = Arc::new(Traffic::each_once(&requests, body_bytes));
        load::run(address, &traffic, arguments.shape(), Span::TO_THE_END)
            .context(&format!("the table with {} cannot be loaded", view.name()))?;
        check_stream(address, view)?;
        processes.push(process);
    }
    let traffic = Arc::new(Traffic::uniform(&requests, body_bytes));
    let entrants: Vec<_> = View::ALL
        .iter()
        .zip(&processes)
        .map(|(view, process)| Entrant {
            name: view.name(),
            process,
            traffic: Traffics::Lasting(traffic.clone()),
        })
        .collect();
    let measurements = rounds::measure_all_in_turn(&arguments.turns(), "PutItem", &entrants)?;
    for measurement in &measurements {
        let labels = json!({
            "workload": "PutItem",
            "durability": durability.name(),
            "connections": arguments.connections,
        });
        setting.results.add_rounds(&labels, measurement);
    }
    print_measurements(durability, &measurements);
    Ok(())
}

/// Changes an item twice, and looks whether the stream tells of it as it must: the speed of a
/// stream that does not is of no interest.
fn check_stream(address: SocketAddr, view: View) -> Result<()> {
    if view.service_name().is_none() {
        return Ok(());
    }
    let streams = control::call_streams(address, "ListStreams", &json!({"TableName": TABLE}))?;
    let arn = &streams["Streams"][0]["StreamArn"];
    let stream = control::call_streams(address, "DescribeStream", &json!({"StreamArn": arn}))?;
    let request = json!({
        "StreamArn": arn,
        "ShardId": stream["StreamDescription"]["Shards"][0]["ShardId"],
        "ShardIteratorType": "LATEST",
    });
    let item = items::item(0);
    let put = json!({"TableName": TABLE, "Item": item});
    // The load has left its stamp in the item.
    control::call(address, "PutItem", &put)?;
    let mut changed = item.clone();
    changed["paid"] = json!({"BOOL": false});
    let iterator = control::call_streams(address, "GetShardIterator", &request)?;
    control::call(address, "PutItem", &json!({"TableName": TABLE, "Item": changed}))?;
    control::call(address, "PutItem", &put)?;
    let request = json!({"ShardIterator": iterator["ShardIterator"]});
    let answer = control::call_streams(address, "GetRecords", &request)?;
    let key = items::key(0);
    let expected = [
        view.expected_record(&changed, &item, &key),
        view.expected_record(&item, &changed, &key),
    ];
    let records = answer["Records"]
        .as_array()
        .map_or(&[] as &[Value], Vec::as_slice);
    let are_right = records.len() == expected.len()
        && records.iter().zip(&expected).all(|(record, expected)| {
            record["eventName"] == "MODIFY" && holds(&record["dynamodb"], expected)
        });
    match are_right {
        true => Ok(()),
        false => Err(Failure::new(format!(
            "a stream with {} tells of two changes wrongly: {:.600}",
            view.name(),
            answer.to_string()
        ))),
    }
}

/// Whether the images and keys of a record are those that are expected, no more and no fewer.
fn holds(record: &Value, expected: &Value) -> bool {
    ["Keys", "NewImage", "OldImage"]
        .iter()
        .all(|member| record.get(member) == expected.get(member))
}

fn print_measurements(durability: Durability, measurements: &[Measurement]) {
    let Some(without) = measurements.first() else {
        return;
    };
    println!(
        "PutItem of 1 KB over an existing item, durability {}",
        durability.name()
    );
    let mut table = Table::new(&[
        "stream",
        "req/s",
        "p50 us",
        "p99 us",
        "server CPU us/req",
        "cost",
        "(range)",
        "target",
        "",
        "cost in CPU",
    ]);
    for (position, measurement) in measurements.iter().enumerate() {
        let latencies = measurement.latencies();
        let latency = |quantile| with_commas(latencies.value_at_quantile(quantile) as f64 / 1e3);
        let mut cells = vec![
            measurement.server.to_owned(),
            with_commas(measurement.requests_per_second()),
            latency(0.5),
            latency(0.99),
            measurement
                .server_cpu_us_per_request()
                .map_or_else(report::not_measured, |value| format!("{value:.1}")),
        ];
        if position > 0 {
            let cpu = |measurement: &Measurement| measurement.server_cpu_us_per_request();
            let cpu_cost = cpu(measurement)
                .zip(cpu(without))
                .map(|(with, without)| with / without);
            // How much less is done in the same time is how much more each costs.
            let cost = without.ratio_to(measurement);
            cells.extend([
                cost.map_or_else(report::not_measured, |cost| format!("{:.2}", cost.median)),
                cost.map_or_else(String::new, |cost| {
                    format!("({:.2} to {:.2})", cost.smallest, cost.largest)
                }),
                format!("<= {COST_RATIO_MAX:.2}"),
                report::verdict(cost.map(|cost| cost.median <= COST_RATIO_MAX)),
                cpu_cost.map_or_else(report::not_measured, |cost| format!("{cost:.2}")),
            ]);
        }
        table.line(cells);
    }
    println!("{}", table.render());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_holds_what_its_view_says_and_nothing_else() {
        let (old, new, key) = (json!({"a": 1}), json!({"a": 2}), json!({"pk": 3}));
        let whole = json!({"Keys": key, "NewImage": new, "OldImage": old, "SequenceNumber": "1"});
        let keys = json!({"Keys": key, "SequenceNumber": "1"});
        let swapped = json!({"Keys": key, "NewImage": old, "OldImage": new});
        for (view, record, expected) in [
            (View::BothImages, &whole, true),
            (View::BothImages, &keys, false),
            (View::BothImages, &swapped, false),
            (View::KeysOnly, &keys, true),
            (View::KeysOnly, &whole, false),
        ] {
            let seen = holds(record, &view.expected_record(&new, &old, &key));
            assert_eq!(seen, expected, "{view:?} {record}");
        }
    }

    #[test]
    fn tables_differ_in_their_stream_only() {
        for view in View::ALL {
            let mut table = view.table();
            let specification = table
                .as_object_mut()
                .and_then(|table| table.remove("StreamSpecification"));
            assert_eq!(table, items::table());
            assert_eq!(
                specification.map(|specification| specification["StreamViewType"].clone()),
                view.service_name().map(Value::from)
            );
        }
    }
}
