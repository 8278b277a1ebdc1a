//! What a series is, and what was seen of it in a minute.

use serde::{Deserialize, Serialize};

/// One metric of AWS/DynamoDB with its dimensions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Series {
    /// What is measured.
    pub metric: Metric,
    /// `TableName`.
    pub table: Option<String>,
    /// `GlobalSecondaryIndexName`.
    pub index: Option<String>,
    /// `Operation`.
    pub operation: Option<String>,
    /// `StreamLabel`.
    pub stream_label: Option<String>,
}

/// The names of the dimensions, in the order in which a series has them.
pub(super) const DIMENSIONS: [&str; 4] = [
    "TableName",
    "GlobalSecondaryIndexName",
    "Operation",
    "StreamLabel",
];

macro_rules! metrics {
    ($($name:ident $unit:literal,)+) => {
        /// What is measured, by CloudWatch's names.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Metric {
            $(#[doc = concat!("In ", $unit, ".")] $name,)+
        }

        impl Metric {
            /// All of them.
            pub const ALL: &[Metric] = &[$(Metric::$name,)+];

            /// The name that CloudWatch gives it.
            pub fn name(self) -> &'static str {
                match self { $(Metric::$name => stringify!($name),)+ }
            }

            /// What it is measured in.
            pub fn unit(self) -> &'static str {
                match self { $(Metric::$name => $unit,)+ }
            }
        }
    };
}

metrics! {
    ConditionalCheckFailedRequests "Count",
    ConsumedReadCapacityUnits "Count",
    ConsumedWriteCapacityUnits "Count",
    OnDemandMaxReadRequestUnits "Count",
    OnDemandMaxWriteRequestUnits "Count",
    OnlineIndexConsumedWriteCapacity "Count",
    OnlineIndexPercentageProgress "Count",
    OnlineIndexThrottleEvents "Count",
    ProvisionedReadCapacityUnits "Count",
    ProvisionedWriteCapacityUnits "Count",
    ReadKeyRangeThroughputThrottleEvents "Count",
    ReadMaxOnDemandThroughputThrottleEvents "Count",
    ReadProvisionedThroughputThrottleEvents "Count",
    ReadThrottleEvents "Count",
    ReturnedBytes "Bytes",
    ReturnedItemCount "Count",
    ReturnedRecordsCount "Count",
    SuccessfulRequestLatency "Milliseconds",
    SystemErrors "Count",
    ThrottledRequests "Count",
    TimeToLiveDeletedItemCount "Count",
    TransactionConflict "Count",
    UserErrors "Count",
    WriteKeyRangeThroughputThrottleEvents "Count",
    WriteMaxOnDemandThroughputThrottleEvents "Count",
    WriteProvisionedThroughputThrottleEvents "Count",
    WriteThrottleEvents "Count",
}

impl Metric {
    /// The metric of that name.
    pub fn from_name(name: &str) -> Option<Metric> {
        Metric::ALL.iter().copied().find(|metric| metric.name() == name)
    }
}

impl Series {
    /// A metric without dimensions.
    pub fn of(metric: Metric) -> Self {
        Series {
            metric,
            table: None,
            index: None,
            operation: None,
            stream_label: None,
        }
    }

    /// A metric of a table.
    pub fn of_table(metric: Metric, table: impl Into<String>) -> Self {
        Series {
            table: Some(table.into()),
            ..Series::of(metric)
        }
    }

    /// The values of the dimensions, in the order of their names.
    fn values(&self) -> [&Option<String>; 4] {
        [&self.table, &self.index, &self.operation, &self.stream_label]
    }

    /// The dimensions that the series has, by name.
    pub(super) fn dimensions(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let named = DIMENSIONS.into_iter().zip(self.values());
        named.filter_map(|(name, value)| Some((name, value.as_deref()?)))
    }

    /// Puts a dimension; `false` where no series has it.
    pub(super) fn set_dimension(&mut self, name: &str, value: &str) -> bool {
        let place = match name {
            "TableName" => &mut self.table,
            "GlobalSecondaryIndexName" => &mut self.index,
            "Operation" => &mut self.operation,
            "StreamLabel" => &mut self.stream_label,
            _ => return false,
        };
        *place = Some(value.to_owned());
        true
    }

    /// The bytes that the series is kept by: its names, each ended by a zero that none of them holds. A
    /// dimension that is not there is an empty one, which CloudWatch has not.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.metric.name().as_bytes().to_vec();
        bytes.push(0);
        for value in self.values() {
            bytes.extend_from_slice(value.as_deref().unwrap_or_default().as_bytes());
            bytes.push(0);
        }
        bytes
    }

    /// The series from bytes that [`Series::to_bytes`] made.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut names = text.strip_suffix('\0')?.split('\0');
        let mut series = Series::of(Metric::from_name(names.next()?)?);
        for dimension in DIMENSIONS {
            match names.next()? {
                "" => {}
                value => {
                    series.set_dimension(dimension, value);
                }
            }
        }
        names.next().is_none().then_some(series)
    }
}

/// What was seen of a series in one minute.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Samples {
    /// How many values were seen.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
    /// The smallest.
    pub minimum: f64,
    /// The largest.
    pub maximum: f64,
    /// Values with how often each was seen, for percentiles: at most [`DISTRIBUTION_MAX`], none where
    /// nobody asks for percentiles of the series.
    pub distribution: Vec<(f64, f64)>,
}

/// How many values the distribution of a minute holds at most.
pub const DISTRIBUTION_MAX: usize = 160;

impl Samples {
    /// One value, seen once.
    pub fn of(value: f64) -> Self {
        Samples::repeated(value, 1.0)
    }

    /// One value, seen so often.
    pub fn repeated(value: f64, count: f64) -> Self {
        Samples {
            count,
            sum: value * count,
            minimum: value,
            maximum: value,
            distribution: vec![(value, count)],
        }
    }

    /// Adds what was seen otherwise in the same minute.
    pub fn merge(&mut self, other: &Samples) {
        if other.count <= 0.0 {
            return;
        }
        if self.count <= 0.0 {
            *self = other.clone();
            return;
        }
        self.count += other.count;
        self.sum += other.sum;
        self.minimum = self.minimum.min(other.minimum);
        self.maximum = self.maximum.max(other.maximum);
        // A distribution of a part says nothing about the whole.
        if self.distribution.is_empty() || other.distribution.is_empty() {
            self.distribution.clear();
            return;
        }
        self.distribution.extend_from_slice(&other.distribution);
        self.distribution = thinned(std::mem::take(&mut self.distribution), DISTRIBUTION_MAX);
    }
}

/// A distribution in order, each value once, and at most `max` values: neighbours become their mean.
pub(super) fn thinned(mut distribution: Vec<(f64, f64)>, max: usize) -> Vec<(f64, f64)> {
    distribution.sort_by(|left, right| left.0.total_cmp(&right.0));
    distribution.dedup_by(|next, kept| {
        let is_same = next.0 == kept.0;
        if is_same {
            kept.1 += next.1;
        }
        is_same
    });
    while distribution.len() > max {
        let surplus = distribution.len() - max;
        let mut pairs = distribution.chunks(2);
        let mut fewer = Vec::with_capacity(distribution.len());
        // The first pairs are as good as any: a distribution comes here only where two were merged.
        for pair in pairs.by_ref().take(surplus) {
            match pair {
                [(low, low_count), (high, high_count)] => {
                    let count = low_count + high_count;
                    fewer.push(((low * low_count + high * high_count) / count, count));
                }
                single => fewer.extend_from_slice(single),
            }
        }
        fewer.extend(pairs.flatten());
        distribution = fewer;
    }
    distribution
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_read_back() {
        let mut series = Series::of_table(Metric::SuccessfulRequestLatency, "t");
        assert_eq!(Series::from_bytes(&series.to_bytes()), Some(series.clone()));
        series.operation = Some("PutItem".to_owned());
        series.stream_label = Some("2026-01-01T00:00:00.000".to_owned());
        assert_eq!(Series::from_bytes(&series.to_bytes()), Some(series.clone()));
        assert_eq!(Series::from_bytes(b"Nothing\0\0\0\0\0"), None);
        assert_eq!(Series::from_bytes(&series.to_bytes()[1..]), None);
    }

    #[test]
    fn merged_samples_are_those_of_all_values() {
        let mut merged = Samples::default();
        for value in 0..1000 {
            merged.merge(&Samples::of(f64::from(value % 321)));
        }
        assert_eq!(
            (merged.count, merged.minimum, merged.maximum),
            (1000.0, 0.0, 320.0)
        );
        assert!(merged.distribution.len() <= DISTRIBUTION_MAX);
        let counts: f64 = merged.distribution.iter().map(|(_, count)| count).sum();
        let sum: f64 = merged
            .distribution
            .iter()
            .map(|(value, count)| value * count)
            .sum();
        assert_eq!(counts, 1000.0);
        assert!((sum - merged.sum).abs() < 1e-6, "{sum} {}", merged.sum);
        let before = merged.clone();
        merged.merge(&Samples::default());
        assert_eq!(merged, before);
    }
}
