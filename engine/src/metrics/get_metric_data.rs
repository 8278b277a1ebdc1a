//! GetMetricData: queries of metrics, and expressions over them.

use std::collections::{BTreeMap, BTreeSet};

use api::cloudwatch::ErrorKind;
use api::cloudwatch::types::{
    GetMetricDataInput, GetMetricDataOutput, MetricDataQuery, MetricDataResult, ScanBy, StatusCode,
};
use api::companion::Refusal;
use store::Store;

use super::expression::{self, Expression, Figures, Source, Value};
use super::request::{self, Range};
use super::statistics::{Periods, Statistic};
use crate::Engine;

/// How many queries a request has at most.
const QUERIES_MAX: usize = 500;
/// How many datapoints an answer has at most.
const DATAPOINTS_MAX: usize = 100_800;
/// How many datapoints are worked out for a request at most, of all queries together.
const WORKED_OUT_MAX: usize = 2_000_000;

fn invalid(message: impl Into<String>) -> Refusal {
    ErrorKind::ValidationError.because(message)
}

/// What a query asks for.
enum Asked {
    Metric { statistic: Statistic, period_ms: u64 },
    Expression(Expression),
}

/// The queries of a request, what each asks for, and what those came to that have been worked out.
struct Queries<'q> {
    queries: &'q [MetricDataQuery],
    asked: Vec<Asked>,
    labels: Vec<String>,
    places: BTreeMap<&'q str, usize>,
    values: Vec<Option<Value>>,
    range: Range,
}

pub(super) async fn get_metric_data<S: Store>(
    engine: &Engine<S>,
    mut input: GetMetricDataInput,
) -> Result<GetMetricDataOutput, Refusal> {
    let token = input.next_token.take();
    let fingerprint = request::fingerprint(&input);
    let start = match token {
        None => Place::default(),
        Some(token) => request::place_of(&token, fingerprint)
            .and_then(|bytes| Place::from_bytes(&bytes))
            .ok_or_else(|| ErrorKind::InvalidNextToken.because("The specified NextToken is invalid."))?,
    };
    let max = match input.max_datapoints {
        None => DATAPOINTS_MAX,
        Some(max) => usize::try_from(max)
            .ok()
            .filter(|max| (1..=DATAPOINTS_MAX).contains(max))
            .ok_or_else(|| {
                invalid(format!(
                    "The value {max} for parameter MaxDatapoints must be between 1 and {DATAPOINTS_MAX}."
                ))
            })?,
    };
    let range = Range::new(input.start_time, input.end_time)?;
    let mut queries = Queries::new(&input.metric_data_queries, range)?;
    let order = queries.order()?;
    let mut worked_out = 0;
    for place in order {
        let value = match &queries.asked[place] {
            Asked::Metric { statistic, period_ms } => {
                let query = &queries.queries[place];
                Value::Series(figures(engine, query, *statistic, *period_ms, range).await?)
            }
            Asked::Expression(expression) => queries.evaluate(place, expression)?,
        };
        worked_out += match &value {
            Value::Number(_) => 1,
            Value::Series(series) => series.len(),
            Value::Array(array) => array.iter().map(|(_, series)| series.len()).sum(),
        };
        if worked_out > WORKED_OUT_MAX {
            return Err(invalid(
                "The request asks for too many datapoints. Increase the periods, or decrease the time range.",
            ));
        }
        queries.values[place] = Some(value);
    }
    let is_ascending = input.scan_by == Some(ScanBy::TimestampAscending);
    let (results, next) = page(queries.results()?, start, max, is_ascending);
    Ok(GetMetricDataOutput {
        metric_data_results: Some(results),
        next_token: next.map(|place| request::token(fingerprint, &place.to_bytes())),
        messages: Some(Vec::new()),
    })
}

impl<'q> Queries<'q> {
    fn new(queries: &'q [MetricDataQuery], range: Range) -> Result<Self, Refusal> {
        if queries.len() > QUERIES_MAX {
            return Err(invalid(format!(
                "The collection MetricDataQueries must not have a size greater than {QUERIES_MAX}."
            )));
        }
        let mut places = BTreeMap::new();
        let mut asked = Vec::with_capacity(queries.len());
        let mut labels = Vec::with_capacity(queries.len());
        for (place, query) in queries.iter().enumerate() {
            let id = query.id.as_str();
            let is_id = id.starts_with(|letter: char| letter.is_ascii_lowercase())
                && id
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if !is_id {
                return Err(invalid(format!(
                    "The value {id} for parameter MetricDataQueries.member.{}.Id is not matched to the pattern \
                     ^[a-z][a-zA-Z0-9_]*$.",
                    place + 1
                )));
            }
            if places.insert(id, place).is_some() {
                return Err(invalid(format!(
                    "The values for parameter id in parameter MetricDataQueries are not unique: {id}."
                )));
            }
            asked.push(asked_by(query, place)?);
            let metric = query.metric_stat.as_ref();
            let metric_name = metric.and_then(|stat| stat.metric.metric_name.clone());
            let default_label = metric_name.unwrap_or_else(|| query.id.clone());
            labels.push(
                query
                    .label
                    .clone()
                    .filter(|label| !label.is_empty())
                    .unwrap_or(default_label),
            );
        }
        if queries.iter().all(|query| query.return_data == Some(false)) {
            return Err(invalid(
                "At least one element of the parameter MetricDataQueries must return data.",
            ));
        }
        Ok(Queries {
            queries,
            asked,
            labels,
            places,
            values: vec![None; queries.len()],
            range,
        })
    }

    /// What each query refers to; `METRICS()` to all metrics.
    fn needs(&self, place: usize) -> Result<BTreeSet<usize>, Refusal> {
        let Asked::Expression(expression) = &self.asked[place] else {
            return Ok(BTreeSet::new());
        };
        let ids = expression.ids().into_iter();
        ids.map(|id| {
            self.places
                .get(id)
                .copied()
                .ok_or_else(|| self.wrong(place, &format!("There is no query with the id {id}")))
        })
        .collect()
    }

    fn wrong(&self, place: usize, message: &str) -> Refusal {
        invalid(format!(
            "Error in expression '{}': {message}",
            self.queries[place].id
        ))
    }

    /// The order in which the queries are worked out: metrics first, then each expression after what it
    /// refers to.
    fn order(&self) -> Result<Vec<usize>, Refusal> {
        let is_metric = |place: &usize| matches!(self.asked[*place], Asked::Metric { .. });
        let (mut order, mut open): (Vec<usize>, Vec<usize>) = (0..self.queries.len()).partition(is_metric);
        let mut done: BTreeSet<usize> = order.iter().copied().collect();
        while !open.is_empty() {
            let before = done.len();
            for place in std::mem::take(&mut open) {
                if self.needs(place)?.is_subset(&done) {
                    done.insert(place);
                    order.push(place);
                } else {
                    open.push(place);
                }
            }
            if let (true, Some(first)) = (done.len() == before, open.first()) {
                return Err(self.wrong(*first, "The expression refers to itself"));
            }
        }
        Ok(order)
    }

    fn evaluate(&self, place: usize, expression: &Expression) -> Result<Value, Refusal> {
        expression::evaluate(expression, self).map_err(|message| self.wrong(place, &message))
    }

    /// What is to be returned: for each query its id, and label and figures of each of its series.
    fn results(self) -> Result<Vec<(String, String, Figures)>, Refusal> {
        let mut results = Vec::new();
        for (place, value) in self.values.iter().enumerate() {
            let query = &self.queries[place];
            if query.return_data == Some(false) {
                continue;
            }
            let mut push = |label: &str, series: &Figures| {
                results.push((query.id.clone(), label.to_owned(), series.clone()));
            };
            match value {
                Some(Value::Series(series)) => push(&self.labels[place], series),
                Some(Value::Array(array)) => array.iter().for_each(|(label, series)| push(label, series)),
                Some(Value::Number(_)) => {
                    return Err(self.wrong(place, "The expression must return a time series"));
                }
                None => {}
            }
        }
        Ok(results)
    }
}

impl Source for Queries<'_> {
    fn value(&self, id: &str) -> Option<&Value> {
        self.values[*self.places.get(id)?].as_ref()
    }

    fn period_ms(&self, id: &str) -> Option<u64> {
        match self.asked[*self.places.get(id)?] {
            Asked::Metric { period_ms, .. } => Some(period_ms),
            Asked::Expression(_) => None,
        }
    }

    fn metrics(&self) -> Vec<(&str, &str, &Figures)> {
        let known = self
            .queries
            .iter()
            .zip(&self.asked)
            .zip(&self.labels)
            .zip(&self.values);
        let metrics = known.filter_map(|(((query, asked), label), value)| match (asked, value) {
            (Asked::Metric { .. }, Some(Value::Series(series))) => {
                Some((query.id.as_str(), label.as_str(), series))
            }
            _ => None,
        });
        metrics.collect()
    }

    fn times(&self) -> Vec<u64> {
        let periods = self.asked.iter().filter_map(|asked| match asked {
            Asked::Metric { period_ms, .. } => Some(*period_ms),
            Asked::Expression(_) => None,
        });
        let period_ms = periods.min().unwrap_or(super::MINUTE_MS).max(super::MINUTE_MS);
        (self.range.start_ms..self.range.end_ms)
            .step_by(period_ms as usize)
            .take(DATAPOINTS_MAX)
            .collect()
    }
}

fn asked_by(query: &MetricDataQuery, place: usize) -> Result<Asked, Refusal> {
    let wrong = |what: &str| {
        invalid(format!(
            "The parameter MetricDataQueries.member.{}.{what}",
            place + 1
        ))
    };
    match (&query.metric_stat, &query.expression) {
        (Some(_), Some(_)) | (None, None) => Err(wrong(
            "Expression or the parameter MetricStat must be specified, and not both.",
        )),
        (None, Some(text)) => match expression::parse(text) {
            Ok(expression) => Ok(Asked::Expression(expression)),
            Err(message) => Err(invalid(format!("Error in expression '{}': {message}", query.id))),
        },
        (Some(stat), None) => Ok(Asked::Metric {
            statistic: Statistic::from_name(&stat.stat).ok_or_else(|| {
                wrong(&format!(
                    "MetricStat.Stat has the value {}, which is no statistic.",
                    stat.stat
                ))
            })?,
            period_ms: request::period_ms(stat.period)
                .ok_or_else(|| wrong("MetricStat.Period must be 1, 5, 10, 20, 30 or a multiple of 60."))?,
        }),
    }
}

async fn figures<S: Store>(
    engine: &Engine<S>,
    query: &MetricDataQuery,
    statistic: Statistic,
    period_ms: u64,
    range: Range,
) -> Result<Figures, Refusal> {
    let Some(stat) = &query.metric_stat else {
        return Ok(Figures::new());
    };
    let metric = &stat.metric;
    let series = request::series(
        metric.namespace.as_deref(),
        metric.metric_name.as_deref(),
        metric.dimensions.as_deref(),
        stat.unit,
    );
    let Some(series) = series else {
        return Ok(Figures::new());
    };
    let mut periods = Periods::new(range.start_ms, period_ms, &[statistic]);
    engine
        .each_minute(&series, range.start_ms, range.end_ms, |minute_ms, samples| {
            periods.add(minute_ms, samples);
        })
        .await
        .map_err(request::internal)?;
    let found = periods.into_found().into_iter();
    Ok(found
        .filter_map(|(start_ms, period)| Some((start_ms, period.figure(statistic)?)))
        .collect())
}

/// How far the pages before have come: to which result, and to which time in it.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    result: u32,
    /// The last time that was shown of it.
    after_ms: Option<u64>,
}

impl Place {
    fn to_bytes(self) -> Vec<u8> {
        let mut bytes = self.result.to_be_bytes().to_vec();
        if let Some(after_ms) = self.after_ms {
            bytes.extend_from_slice(&after_ms.to_be_bytes());
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (result, rest) = bytes.split_first_chunk::<4>()?;
        Some(Place {
            result: u32::from_be_bytes(*result),
            after_ms: match rest {
                [] => None,
                rest => Some(u64::from_be_bytes(rest.try_into().ok()?)),
            },
        })
    }
}

/// At most `max` datapoints of the results from `start` on, and where the rest begins.
fn page(
    results: Vec<(String, String, Figures)>,
    start: Place,
    max: usize,
    is_ascending: bool,
) -> (Vec<MetricDataResult>, Option<Place>) {
    let mut shown = Vec::new();
    let mut left = max;
    for (index, (id, label, figures)) in results.into_iter().enumerate().skip(start.result as usize) {
        let mut place = Place {
            result: index as u32,
            after_ms: start.after_ms.filter(|_| index == start.result as usize),
        };
        let mut points: Vec<(u64, f64)> = figures.into_iter().collect();
        if !is_ascending {
            points.reverse();
        }
        if let Some(after_ms) = place.after_ms {
            points.retain(|(time, _)| {
                if is_ascending {
                    *time > after_ms
                } else {
                    *time < after_ms
                }
            });
        }
        let is_partial = points.len() > left;
        points.truncate(left);
        left -= points.len();
        place.after_ms = points.last().map(|(time, _)| *time).or(place.after_ms);
        shown.push(MetricDataResult {
            id: Some(id),
            label: Some(label),
            timestamps: Some(points.iter().map(|(time, _)| *time as f64 / 1000.0).collect()),
            values: Some(points.iter().map(|(_, figure)| *figure).collect()),
            status_code: Some(if is_partial {
                StatusCode::PartialData
            } else {
                StatusCode::Complete
            }),
            messages: None,
        });
        if is_partial {
            return (shown, Some(place));
        }
    }
    (shown, None)
}
