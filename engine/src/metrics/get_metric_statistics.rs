//! GetMetricStatistics.

use api::cloudwatch::ErrorKind;
use api::cloudwatch::types::{
    Datapoint, GetMetricStatisticsInput, GetMetricStatisticsOutput, Statistic as Asked,
};
use api::companion::Refusal;
use indexmap::IndexMap;
use store::Store;

use super::request::{self, Range};
use super::statistics::{Period, Periods, Statistic};
use crate::Engine;

/// How many datapoints an answer has at most.
const DATAPOINTS_MAX: u64 = 1440;

/// What is asked of each period.
struct Wanted {
    plain: Vec<Asked>,
    extended: Vec<(String, Statistic)>,
}

impl Wanted {
    fn of(input: &GetMetricStatisticsInput) -> Result<Wanted, Refusal> {
        match (&input.statistics, &input.extended_statistics) {
            (None, None) => Err(ErrorKind::InvalidParameterCombinationException.because(
                "At least one of the parameters Statistics and ExtendedStatistics must be specified.",
            )),
            (Some(_), Some(_)) => Err(ErrorKind::InvalidParameterCombinationException
                .because("The parameters Statistics and ExtendedStatistics must not both be specified.")),
            (plain, extended) => Ok(Wanted {
                plain: plain.clone().unwrap_or_default(),
                extended: extended
                    .iter()
                    .flatten()
                    .map(|name| match Statistic::from_name(name) {
                        Some(statistic @ (Statistic::Percentile(_) | Statistic::Within(..))) => {
                            Ok((name.clone(), statistic))
                        }
                        _ => Err(request::invalid_value(format!(
                            "The value {name} for parameter ExtendedStatistics is not supported."
                        ))),
                    })
                    .collect::<Result<_, _>>()?,
            }),
        }
    }

    fn statistics(&self) -> Vec<Statistic> {
        self.extended.iter().map(|(_, statistic)| *statistic).collect()
    }

    fn datapoint(&self, start_ms: u64, period: &Period) -> Datapoint {
        let mut datapoint = Datapoint {
            timestamp: Some(start_ms as f64 / 1000.0),
            ..Datapoint::default()
        };
        for asked in &self.plain {
            let (place, statistic) = match asked {
                Asked::SampleCount => (&mut datapoint.sample_count, Statistic::SampleCount),
                Asked::Average => (&mut datapoint.average, Statistic::Average),
                Asked::Sum => (&mut datapoint.sum, Statistic::Sum),
                Asked::Minimum => (&mut datapoint.minimum, Statistic::Minimum),
                Asked::Maximum => (&mut datapoint.maximum, Statistic::Maximum),
            };
            *place = period.figure(statistic);
        }
        let figures = self.extended.iter().filter_map(|(name, statistic)| {
            let figure = period.figure(*statistic)?;
            Some((name.clone(), figure))
        });
        let figures: IndexMap<String, f64> = figures.collect();
        datapoint.extended_statistics = (!figures.is_empty()).then_some(figures);
        datapoint
    }
}

pub(super) async fn get_metric_statistics<S: Store>(
    engine: &Engine<S>,
    input: GetMetricStatisticsInput,
) -> Result<GetMetricStatisticsOutput, Refusal> {
    let wanted = Wanted::of(&input)?;
    let Some(period_ms) = request::period_ms(input.period) else {
        return Err(request::invalid_value(
            "The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60.",
        ));
    };
    let range = Range::new(input.start_time, input.end_time)?;
    let periods = range.periods(period_ms);
    if periods > DATAPOINTS_MAX {
        return Err(ErrorKind::InvalidParameterCombinationException.because(format!(
            "You have requested up to {} datapoints, which exceeds the limit of {}. You may reduce the datapoints \
             requested by increasing Period, or decreasing the time range.",
            with_commas(periods),
            with_commas(DATAPOINTS_MAX)
        )));
    }
    let mut datapoints = Vec::new();
    let series = request::series(
        Some(&input.namespace),
        Some(&input.metric_name),
        input.dimensions.as_deref(),
        input.unit,
    );
    if let Some(series) = series {
        let mut periods = Periods::new(range.start_ms, period_ms, &wanted.statistics());
        engine
            .each_minute(&series, range.start_ms, range.end_ms, |minute_ms, samples| {
                periods.add(minute_ms, samples);
            })
            .await
            .map_err(request::internal)?;
        for (start_ms, period) in periods.into_found() {
            let mut datapoint = wanted.datapoint(start_ms, &period);
            // A period of which nothing that is asked for is known has no datapoint.
            let is_empty = Datapoint {
                timestamp: datapoint.timestamp,
                ..Datapoint::default()
            } == datapoint;
            if !is_empty {
                datapoint.unit = Some(request::unit_of(series.metric));
                datapoints.push(datapoint);
            }
        }
    }
    Ok(GetMetricStatisticsOutput {
        label: Some(input.metric_name),
        datapoints: Some(datapoints),
    })
}

/// A number as the service's messages write it: `1,440`.
fn with_commas(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
