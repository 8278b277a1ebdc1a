//! GetInsightRuleReport: the heaviest keys of a rule over a range of time.

use std::collections::{BTreeMap, HashMap};

use api::cloudwatch::ErrorKind;
use api::cloudwatch::types::{
    GetInsightRuleReportInput, GetInsightRuleReportOutput, InsightRuleContributor,
    InsightRuleContributorDatapoint, InsightRuleMetricDatapoint,
};
use api::companion::Refusal;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use model::{Item, ValueRef};
use store::Store;

use super::sketch::{Distinct, Summary};
use crate::Engine;
use crate::metrics::{MINUTE_MS, Range, internal, invalid_value};
use crate::schema::KeySchema;

/// How many contributors are told where the request does not say.
const CONTRIBUTORS: usize = 10;
/// How many may be asked for (DynamoDB developer guide, "CloudWatch contributor insights for DynamoDB: How it
/// works").
const CONTRIBUTORS_MAX: i32 = 25;
/// How many periods a report has at most: as many as there are datapoints in other answers.
const PERIODS_MAX: u64 = 1440;

/// Weights are counted in halves.
const HALF: f64 = 0.5;

/// By what contributors are ranked, and what their figure of the whole is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OrderBy {
    Sum,
    Maximum,
}

/// What a request may ask of each period.
const METRICS: [&str; 7] = [
    "UniqueContributors",
    "MaxContributorValue",
    "SampleCount",
    "Sum",
    "Minimum",
    "Maximum",
    "Average",
];

/// What is known of one contributor: its figure of each period that it is in.
#[derive(Debug, Default)]
struct Contributor {
    by_period: BTreeMap<u64, f64>,
}

impl Contributor {
    fn rank(&self, order_by: OrderBy) -> f64 {
        let values = self.by_period.values().copied();
        match order_by {
            OrderBy::Sum => values.sum(),
            OrderBy::Maximum => values.fold(0.0, f64::max),
        }
    }
}

/// What is known of one period.
#[derive(Debug, Default)]
struct Period {
    distinct: Distinct,
    sum: f64,
    events: u64,
    /// The figures of the lightest and the heaviest contributor of a minute.
    extremes: Option<(f64, f64)>,
}

impl Period {
    fn add(&mut self, summary: &Summary) {
        self.distinct.merge(&summary.distinct);
        self.sum += summary.total as f64 * HALF;
        self.events += summary.events;
        let weights = || summary.keys.iter().map(|(_, weight)| *weight as f64 * HALF);
        if let Some(heaviest) = weights().next() {
            let lightest = weights().next_back().unwrap_or(heaviest);
            let (least, largest) = self.extremes.unwrap_or((lightest, heaviest));
            self.extremes = Some((least.min(lightest), largest.max(heaviest)));
        }
    }
}

/// What the request asks for, once it is checked.
struct Asked {
    range: Range,
    period_ms: u64,
    contributors: usize,
    order_by: OrderBy,
}

fn asked(input: &GetInsightRuleReportInput) -> Result<Asked, Refusal> {
    let period_ms = u64::try_from(input.period).unwrap_or(0) * 1000;
    if period_ms == 0 || !period_ms.is_multiple_of(MINUTE_MS) {
        return Err(invalid_value("The parameter Period must be a multiple of 60."));
    }
    let range = Range::new(input.start_time, input.end_time)?;
    if range.periods(period_ms) > PERIODS_MAX {
        return Err(invalid_value(format!(
            "The parameters StartTime, EndTime and Period must not ask for more than {PERIODS_MAX} periods."
        )));
    }
    let contributors = match input.max_contributor_count {
        None => CONTRIBUTORS,
        Some(count @ 1..=CONTRIBUTORS_MAX) => count as usize,
        Some(count) => {
            return Err(invalid_value(format!(
                "The value {count} for parameter MaxContributorCount must be between 1 and {CONTRIBUTORS_MAX}."
            )));
        }
    };
    let order_by = match input.order_by.as_deref() {
        None | Some("Sum") => OrderBy::Sum,
        Some("Maximum") => OrderBy::Maximum,
        Some(other) => {
            return Err(invalid_value(format!(
                "The value {other} for parameter OrderBy must be Sum or Maximum."
            )));
        }
    };
    let mut metrics = input.metrics.iter().flatten();
    if let Some(unknown) = metrics.find(|name| !METRICS.contains(&name.as_str())) {
        return Err(invalid_value(format!(
            "The value {unknown} for parameter Metrics is not supported."
        )));
    }
    Ok(Asked {
        range,
        period_ms,
        contributors,
        order_by,
    })
}

pub(crate) async fn get_insight_rule_report<S: Store>(
    engine: &Engine<S>,
    input: GetInsightRuleReportInput,
) -> Result<GetInsightRuleReportOutput, Refusal> {
    let asked = asked(&input)?;
    let rule = engine.insight_rule(&input.rule_name).await.map_err(internal)?;
    let Some(rule) = rule else {
        return Err(ErrorKind::ResourceNotFoundException
            .because(format!("Insight rule {} does not exist.", input.rule_name)));
    };
    let Range { start_ms, end_ms } = asked.range;
    let mut contributors: HashMap<Box<[u8]>, Contributor> = HashMap::new();
    let mut periods: BTreeMap<u64, Period> = BTreeMap::new();
    let mut whole = Period::default();
    rule.contributors
        .each_minute(rule.kind, start_ms..end_ms, |minute_ms, summary| {
            let period_ms = minute_ms - (minute_ms - start_ms) % asked.period_ms;
            periods.entry(period_ms).or_default().add(summary);
            whole.add(summary);
            for (key, weight) in &summary.keys {
                let contributor = contributors.entry(key.clone()).or_default();
                *contributor.by_period.entry(period_ms).or_default() += *weight as f64 * HALF;
            }
        });
    let mut heaviest_by_period: BTreeMap<u64, f64> = BTreeMap::new();
    for (period_ms, value) in contributors.values().flat_map(|known| &known.by_period) {
        let heaviest = heaviest_by_period.entry(*period_ms).or_default();
        *heaviest = heaviest.max(*value);
    }
    let mut ranked: Vec<(Box<[u8]>, Contributor, f64)> = contributors
        .into_iter()
        .map(|(key, contributor)| {
            let rank = contributor.rank(asked.order_by);
            (key, contributor, rank)
        })
        .collect();
    ranked.sort_unstable_by(|left, right| right.2.total_cmp(&left.2).then(left.0.cmp(&right.0)));
    ranked.truncate(asked.contributors);
    let is_wanted = |name: &str| input.metrics.iter().flatten().any(|wanted| wanted == name);
    let metric_datapoints = periods.iter().map(|(period_ms, period)| {
        let heaviest = heaviest_by_period.get(period_ms).copied().unwrap_or_default();
        datapoint(*period_ms, period, heaviest, is_wanted)
    });
    let key_schema = &rule.key_schema;
    Ok(GetInsightRuleReportOutput {
        key_labels: Some(labels(key_schema, rule.kind.has_sort_key)),
        aggregation_statistic: Some(if rule.kind.is_throttled { "Count" } else { "Sum" }.to_owned()),
        aggregate_value: Some(whole.sum),
        approximate_unique_count: Some(whole.distinct.estimate() as i64),
        contributors: Some(
            ranked
                .into_iter()
                .map(|(key, contributor, rank)| InsightRuleContributor {
                    keys: texts(&key, key_schema, rule.kind.has_sort_key),
                    approximate_aggregate_value: rank,
                    datapoints: contributor
                        .by_period
                        .iter()
                        .map(|(period_ms, value)| InsightRuleContributorDatapoint {
                            timestamp: *period_ms as f64 / 1000.0,
                            approximate_value: *value,
                        })
                        .collect(),
                })
                .collect(),
        ),
        metric_datapoints: Some(match input.metrics {
            None => Vec::new(),
            Some(_) => metric_datapoints.collect(),
        }),
    })
}

fn datapoint(
    period_ms: u64,
    period: &Period,
    heaviest: f64,
    is_wanted: impl Fn(&str) -> bool,
) -> InsightRuleMetricDatapoint {
    let figure = |name: &str, value: f64| is_wanted(name).then_some(value);
    let (least, largest) = period.extremes.unwrap_or_default();
    let events = period.events as f64;
    InsightRuleMetricDatapoint {
        timestamp: period_ms as f64 / 1000.0,
        unique_contributors: figure("UniqueContributors", period.distinct.estimate()),
        max_contributor_value: figure("MaxContributorValue", heaviest),
        sample_count: figure("SampleCount", events),
        average: figure("Average", period.sum / events.max(1.0)),
        sum: figure("Sum", period.sum),
        minimum: figure("Minimum", least),
        maximum: figure("Maximum", largest),
    }
}

/// The names of the attributes that a contributor's keys are values of.
fn labels(key_schema: &KeySchema, has_sort_key: bool) -> Vec<String> {
    let sort = key_schema.sort.iter().filter(|_| has_sort_key);
    let attributes = key_schema.partition.iter().chain(sort);
    attributes.map(|attribute| attribute.name.clone()).collect()
}

/// The values of a key, as text.
fn texts(key: &[u8], key_schema: &KeySchema, has_sort_key: bool) -> Vec<String> {
    // It was written by this process, so it can be read.
    let item = Item::from_stored(Bytes::copy_from_slice(key)).unwrap_or_else(|_| Item::empty());
    labels(key_schema, has_sort_key)
        .iter()
        .map(|name| match item.get(name) {
            Some(ValueRef::String(text)) => String::from_utf8_lossy(text).into_owned(),
            Some(ValueRef::Number(number)) => number.to_string(),
            Some(ValueRef::Binary(bytes)) => STANDARD.encode(bytes),
            _ => String::new(),
        })
        .collect()
}
