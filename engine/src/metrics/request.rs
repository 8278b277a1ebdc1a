//! What the operations have in common: times, periods, and which series a request means.

use api::cloudwatch::types::{Dimension, StandardUnit};
use api::cloudwatch::{ErrorKind, types};
use api::companion::Refusal;
use api::{Error, cloudwatch};

use super::MINUTE_MS;
use super::series::{Metric, Series};

/// The namespace of the metrics that are kept.
pub(super) const NAMESPACE: &str = "AWS/DynamoDB";

/// A failure of what lies below.
pub(crate) fn internal(error: Error) -> Refusal {
    cloudwatch::ErrorKind::InternalServiceFault.because(error.message)
}

/// The parameter has a value that it must not have.
pub(crate) fn invalid_value(message: impl Into<String>) -> Refusal {
    ErrorKind::InvalidParameterValueException.because(message)
}

/// A range of time, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub start_ms: u64,
    /// The first moment after it.
    pub end_ms: u64,
}

impl Range {
    /// The range of a request: it begins with a whole minute.
    pub fn new(start_seconds: f64, end_seconds: f64) -> Result<Range, Refusal> {
        // Times before 1970 and after all time become the ends of what there is.
        let ms = |seconds: f64| (seconds * 1000.0).round().clamp(0.0, 1e15) as u64;
        let (start_ms, end_ms) = (ms(start_seconds), ms(end_seconds));
        if start_ms >= end_ms {
            return Err(invalid_value(
                "The parameter StartTime must be less than the parameter EndTime.",
            ));
        }
        Ok(Range {
            start_ms: start_ms - start_ms % MINUTE_MS,
            end_ms,
        })
    }

    /// How many periods begin in it.
    pub fn periods(self, period_ms: u64) -> u64 {
        (self.end_ms - self.start_ms).div_ceil(period_ms)
    }
}

/// The length of a period in milliseconds, from seconds.
pub(super) fn period_ms(seconds: i32) -> Option<u64> {
    let is_period = matches!(seconds, 1 | 5 | 10 | 20 | 30) || (seconds > 0 && seconds % 60 == 0);
    is_period.then(|| u64::from(seconds.unsigned_abs()) * 1000)
}

/// The series that a request means; `None` where there can be none of it.
pub(super) fn series(
    namespace: Option<&str>,
    metric: Option<&str>,
    dimensions: Option<&[Dimension]>,
    unit: Option<StandardUnit>,
) -> Option<Series> {
    if namespace != Some(NAMESPACE) {
        return None;
    }
    let mut series = Series::of(Metric::from_name(metric?)?);
    if unit.is_some_and(|unit| unit != unit_of(series.metric)) {
        return None;
    }
    for dimension in dimensions.unwrap_or_default() {
        if dimension.value.is_empty()
            || dimension.value.contains('\0')
            || !series.set_dimension(&dimension.name, &dimension.value)
        {
            return None;
        }
    }
    // A dimension that is there twice names no series.
    (series.dimensions().count() == dimensions.map_or(0, <[_]>::len)).then_some(series)
}

/// What a metric is measured in, as the API names it.
pub(super) fn unit_of(metric: Metric) -> StandardUnit {
    StandardUnit::from_name(metric.unit()).unwrap_or(StandardUnit::None)
}

/// A series as the API describes it.
pub(super) fn described(series: &Series) -> types::Metric {
    let dimensions = series.dimensions().map(|(name, value)| Dimension {
        name: name.to_owned(),
        value: value.to_owned(),
    });
    types::Metric {
        namespace: Some(NAMESPACE.to_owned()),
        metric_name: Some(series.metric.name().to_owned()),
        dimensions: Some(dimensions.collect()),
    }
}

/// A token that says where to go on: opaque to whoever gets it, and good for the same request alone.
pub(super) fn token(fingerprint: u64, place: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE.encode([&fingerprint.to_be_bytes(), place].concat())
}

/// The place of a token that [`token`] made for such a request.
pub(super) fn place_of(token: &str, fingerprint: u64) -> Option<Vec<u8>> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::URL_SAFE.decode(token).ok()?;
    let (known, place) = bytes.split_first_chunk::<8>()?;
    (u64::from_be_bytes(*known) == fingerprint).then(|| place.to_vec())
}

/// What tells a request from others.
pub(super) fn fingerprint(request: &impl std::fmt::Debug) -> u64 {
    xxhash_rust::xxh3::xxh3_64(format!("{request:?}").as_bytes())
}
