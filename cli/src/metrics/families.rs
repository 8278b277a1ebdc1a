//! Figures as families of samples: one name, one explanation, and a value for each set of labels.

use std::fmt;

use histogram::Counts;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, NoLabelSet};
use prometheus_client::metrics::MetricType;

/// The labels of a sample.
pub type Labels<'l> = [(&'static str, &'l str)];

/// Writes families, each at once.
pub struct Families<'f, 'e>(&'f mut DescriptorEncoder<'e>);

/// A histogram of times ends its buckets at these powers of two, in microseconds: from 32 µs to 8 s.
const TIME_BITS: std::ops::RangeInclusive<u32> = 5..=23;
/// A histogram of numbers ends its buckets at these powers of two: from 1 to 512.
const NUMBER_BITS: std::ops::RangeInclusive<u32> = 1..=10;

const SECONDS_PER_MICROSECOND: f64 = 1e-6;

/// What a histogram holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Microseconds, shown in seconds.
    Time,
    /// Whole numbers, shown as they are.
    #[cfg_attr(
        not(feature = "disk"),
        allow(dead_code, reason = "only the store on disk counts such")
    )]
    Number,
}

impl<'f, 'e> Families<'f, 'e> {
    pub fn new(encoder: &'f mut DescriptorEncoder<'e>) -> Self {
        Families(encoder)
    }

    /// What does not change while the program runs.
    pub fn info(&mut self, name: &str, help: &str, labels: &Labels<'_>) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Info)?;
        family.encode_info(&labels)
    }

    /// What only grows.
    pub fn counter(&mut self, name: &str, help: &str, count: u64) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        family.encode_counter::<NoLabelSet, _, u64>(&count, None)
    }

    /// What goes up and down.
    pub fn gauge(&mut self, name: &str, help: &str, value: impl EncodeGaugeValue) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        family.encode_gauge(&value)
    }

    /// What is distributed.
    #[cfg_attr(
        not(feature = "disk"),
        allow(dead_code, reason = "only the store on disk has such")
    )]
    pub fn histogram(&mut self, name: &str, help: &str, unit: Unit, counts: &Counts) -> fmt::Result {
        let mut family = self
            .0
            .encode_descriptor(name, help, None, MetricType::Histogram)?;
        let (sum, buckets) = shown(unit, counts);
        family.encode_histogram::<NoLabelSet>(sum, counts.count(), &buckets, None)
    }

    /// Counters with labels: `show` hands each to what it is given.
    pub fn counters(
        &mut self,
        name: &str,
        help: &str,
        show: impl FnOnce(&mut dyn FnMut(&Labels<'_>, f64) -> fmt::Result) -> fmt::Result,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        show(&mut |labels, count| {
            let mut sample = family.encode_family(&labels)?;
            sample.encode_counter::<NoLabelSet, _, u64>(&count, None)
        })
    }

    /// Gauges with labels.
    pub fn gauges(
        &mut self,
        name: &str,
        help: &str,
        show: impl FnOnce(&mut dyn FnMut(&Labels<'_>, f64) -> fmt::Result) -> fmt::Result,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        show(&mut |labels, value| family.encode_family(&labels)?.encode_gauge(&value))
    }

    /// Histograms with labels.
    pub fn histograms(
        &mut self,
        name: &str,
        help: &str,
        unit: Unit,
        show: impl FnOnce(&mut dyn FnMut(&Labels<'_>, &Counts) -> fmt::Result) -> fmt::Result,
    ) -> fmt::Result {
        let mut family = self
            .0
            .encode_descriptor(name, help, None, MetricType::Histogram)?;
        show(&mut |labels, counts| {
            let (sum, buckets) = shown(unit, counts);
            let mut sample = family.encode_family(&labels)?;
            sample.encode_histogram::<NoLabelSet>(sum, counts.count(), &buckets, None)
        })
    }
}

/// The sum, and how many values are in each bucket up to its end, the last of which is infinite.
fn shown(unit: Unit, counts: &Counts) -> (f64, Vec<(f64, u64)>) {
    let (bits, scale) = match unit {
        Unit::Time => (TIME_BITS, SECONDS_PER_MICROSECOND),
        Unit::Number => (NUMBER_BITS, 1.0),
    };
    let mut before = 0;
    let mut buckets: Vec<(f64, u64)> = bits
        .map(|bit| {
            let bound = 1_u64 << bit;
            // Bounds are inclusive there and exclusive here. Of whole numbers, those below a bound are up
            // to the one before it; times are not told that exactly.
            let shown = match unit {
                Unit::Time => bound as f64 * scale,
                Unit::Number => (bound - 1) as f64,
            };
            let up_to = counts.count_below(bound);
            let within = up_to - std::mem::replace(&mut before, up_to);
            (shown, within)
        })
        .collect();
    buckets.push((f64::INFINITY, counts.count() - before));
    (counts.sum as f64 * scale, buckets)
}
