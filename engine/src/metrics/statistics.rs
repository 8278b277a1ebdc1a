//! From samples to figures: the statistics of a period.

use std::collections::BTreeMap;

use super::series::{Samples, thinned};

/// How many different values a period keeps at most, for its percentiles.
const VALUES_MAX: usize = 4096;

/// What a query asks of the samples of a period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Statistic {
    SampleCount,
    Average,
    Sum,
    Minimum,
    Maximum,
    /// The value that so many per cent of the values do not exceed.
    Percentile(f64),
    /// A figure of the values within bounds.
    Within(Figure, Bounds),
}

/// What is made of the values that lie within bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Figure {
    /// Their mean: `TM`.
    Mean,
    /// The mean of all, those outside counted as the bound that they exceed: `WM`.
    Winsorized,
    /// Their sum: `TS`.
    Sum,
    /// Their number: `TC`.
    Count,
    /// Their share of all, in per cent: `PR`.
    Share,
}

/// Bounds that are given as percentiles or as values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bounds {
    Percentiles(f64, f64),
    Values(f64, f64),
}

impl Statistic {
    /// The statistic of that name: `Sum`, `p99.9`, `tm90`, `TM(10%:90%)`, `PR(:300)`, `IQM`.
    pub fn from_name(name: &str) -> Option<Statistic> {
        Some(match name {
            "SampleCount" => Statistic::SampleCount,
            "Average" => Statistic::Average,
            "Sum" => Statistic::Sum,
            "Minimum" => Statistic::Minimum,
            "Maximum" => Statistic::Maximum,
            "IQM" => Statistic::Within(Figure::Mean, Bounds::Percentiles(25.0, 75.0)),
            _ => return extended(name),
        })
    }
}

fn figure(name: &str) -> Option<Figure> {
    Some(match name {
        "tm" => Figure::Mean,
        "wm" => Figure::Winsorized,
        "ts" => Figure::Sum,
        "tc" => Figure::Count,
        "pr" => Figure::Share,
        _ => return None,
    })
}

fn extended(name: &str) -> Option<Statistic> {
    if let Some(percent) = name.strip_prefix('p').and_then(percentage) {
        return Some(Statistic::Percentile(percent));
    }
    let (letters, rest) = name.split_at_checked(2)?;
    if let Some(range) = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        let bounds = bounds(range)?;
        let figure = figure(&letters.to_ascii_lowercase())?;
        // A share is asked for between values, and is known between percentiles.
        let is_share = figure == Figure::Share;
        return (letters.chars().all(|letter| letter.is_ascii_uppercase())
            && (!is_share || matches!(bounds, Bounds::Values(..))))
        .then_some(Statistic::Within(figure, bounds));
    }
    let figure = figure(letters).filter(|figure| *figure != Figure::Share)?;
    Some(Statistic::Within(
        figure,
        Bounds::Percentiles(0.0, percentage(rest)?),
    ))
}

/// A number of per cent: at most 100, without a sign, with at most ten decimals.
fn percentage(text: &str) -> Option<f64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(decimals) || decimals.len() > 10 || whole.len() > 3 {
        return None;
    }
    text.parse().ok().filter(|percent| *percent <= 100.0)
}

/// Bounds as they are written: `10%:90%`, `:90%`, `100:`, `5:10`.
fn bounds(text: &str) -> Option<Bounds> {
    let (low, high) = text.split_once(':')?;
    if low.is_empty() && high.is_empty() {
        return None;
    }
    if low.ends_with('%') || high.ends_with('%') {
        let percent = |text: &str, open| match text {
            "" => Some(open),
            text => percentage(text.strip_suffix('%')?),
        };
        let (low, high) = (percent(low, 0.0)?, percent(high, 100.0)?);
        return (low < high).then_some(Bounds::Percentiles(low, high));
    }
    let value = |text: &str, open| match text {
        "" => Some(open),
        text => text.parse().ok().filter(|value: &f64| value.is_finite()),
    };
    let (low, high) = (value(low, f64::NEG_INFINITY)?, value(high, f64::INFINITY)?);
    (low < high).then_some(Bounds::Values(low, high))
}

/// What was seen in a period.
#[derive(Clone, Debug, Default)]
pub(super) struct Period {
    count: f64,
    sum: f64,
    minimum: f64,
    maximum: f64,
    distribution: Vec<(f64, f64)>,
    /// Whether the distribution is of all values.
    is_distributed: bool,
}

impl Period {
    fn add(&mut self, samples: &Samples, needs_values: bool) {
        if samples.count <= 0.0 {
            return;
        }
        if self.count <= 0.0 {
            (self.minimum, self.maximum) = (samples.minimum, samples.maximum);
            self.is_distributed = true;
        }
        self.count += samples.count;
        self.sum += samples.sum;
        self.minimum = self.minimum.min(samples.minimum);
        self.maximum = self.maximum.max(samples.maximum);
        if !needs_values {
            return;
        }
        if !samples.distribution.is_empty() {
            self.distribution.extend_from_slice(&samples.distribution);
        } else if samples.minimum == samples.maximum {
            self.distribution.push((samples.minimum, samples.count));
        } else {
            self.is_distributed = false;
        }
        if self.distribution.len() >= 2 * VALUES_MAX {
            self.distribution = thinned(std::mem::take(&mut self.distribution), VALUES_MAX);
        }
    }

    /// The figure; `None` where the samples do not say it.
    pub fn figure(&self, statistic: Statistic) -> Option<f64> {
        if self.count <= 0.0 {
            return None;
        }
        match statistic {
            Statistic::SampleCount => Some(self.count),
            Statistic::Average => Some(self.sum / self.count),
            Statistic::Sum => Some(self.sum),
            Statistic::Minimum => Some(self.minimum),
            Statistic::Maximum => Some(self.maximum),
            Statistic::Percentile(percent) => self.percentile(percent),
            Statistic::Within(figure, bounds) => self.within(figure, bounds),
        }
    }

    /// The values in order, with how often each was seen.
    fn values(&self) -> Option<Vec<(f64, f64)>> {
        self.is_distributed
            .then(|| thinned(self.distribution.clone(), VALUES_MAX))
            .filter(|values| !values.is_empty())
    }

    fn percentile(&self, percent: f64) -> Option<f64> {
        let value = percentile_of(&self.values()?, percent)?;
        Some(value.clamp(self.minimum, self.maximum))
    }

    fn within(&self, figure: Figure, bounds: Bounds) -> Option<f64> {
        let values = self.values()?;
        let total: f64 = values.iter().map(|(_, count)| count).sum();
        let (low, high) = match bounds {
            Bounds::Values(low, high) => (low, high),
            Bounds::Percentiles(low, high) => {
                let low = if low == 0.0 {
                    f64::NEG_INFINITY
                } else {
                    percentile_of(&values, low)?
                };
                (low, percentile_of(&values, high)?)
            }
        };
        let inside = values.iter().filter(|(value, _)| (low..=high).contains(value));
        let (sum, count) = inside.fold((0.0, 0.0), |(sum, seen), (value, count)| {
            (sum + value * count, seen + count)
        });
        match figure {
            Figure::Mean => (count > 0.0).then_some(sum / count),
            Figure::Sum => Some(sum),
            Figure::Count => Some(count),
            Figure::Share => Some(100.0 * count / total),
            Figure::Winsorized => {
                let sum: f64 = values
                    .iter()
                    .map(|(value, count)| value.clamp(low, high) * count)
                    .sum();
                Some(sum / total)
            }
        }
    }
}

/// The smallest value that at least so many per cent of the values do not exceed. The values are in order.
fn percentile_of(values: &[(f64, f64)], percent: f64) -> Option<f64> {
    let total: f64 = values.iter().map(|(_, count)| count).sum();
    // A count a hair below the rank is the rank: counts are whole, and the product may not be.
    let rank = percent / 100.0 * total - 1e-9;
    let mut seen = 0.0;
    for (value, count) in values {
        seen += count;
        if seen >= rank {
            return Some(*value);
        }
    }
    values.last().map(|(value, _)| *value)
}

/// Samples sorted into the periods of a range of time.
pub(super) struct Periods {
    start_ms: u64,
    period_ms: u64,
    needs_values: bool,
    found: BTreeMap<u64, Period>,
}

impl Periods {
    /// Periods that follow each other from `start_ms` on. Values are kept only where a statistic needs them.
    pub fn new(start_ms: u64, period_ms: u64, statistics: &[Statistic]) -> Self {
        let needs_values =
            |statistic: &Statistic| matches!(statistic, Statistic::Percentile(_) | Statistic::Within(..));
        Periods {
            start_ms,
            period_ms,
            needs_values: statistics.iter().any(needs_values),
            found: BTreeMap::new(),
        }
    }

    /// Adds what was seen in the minute that began then, which is not before the first period.
    pub fn add(&mut self, minute_ms: u64, samples: &Samples) {
        let since_ms = minute_ms.saturating_sub(self.start_ms);
        let period_ms = self.start_ms + since_ms - since_ms % self.period_ms;
        let period = self.found.entry(period_ms).or_default();
        period.add(samples, self.needs_values);
    }

    /// The periods in which something was seen, by their beginnings.
    pub fn into_found(self) -> BTreeMap<u64, Period> {
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The statistics of values, worked out as they are defined.
    fn naive(values: &[f64], statistic: Statistic) -> Option<f64> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |percent: f64| {
            let rank = (percent / 100.0 * sorted.len() as f64 - 1e-9).ceil().max(1.0);
            sorted[rank as usize - 1]
        };
        let sum: f64 = sorted.iter().sum();
        Some(match statistic {
            Statistic::SampleCount => sorted.len() as f64,
            Statistic::Average => sum / sorted.len() as f64,
            Statistic::Sum => sum,
            Statistic::Minimum => sorted[0],
            Statistic::Maximum => sorted[sorted.len() - 1],
            Statistic::Percentile(percent) => at(percent),
            Statistic::Within(figure, bounds) => {
                let (low, high) = match bounds {
                    Bounds::Values(low, high) => (low, high),
                    Bounds::Percentiles(low, high) => {
                        (if low == 0.0 { f64::NEG_INFINITY } else { at(low) }, at(high))
                    }
                };
                let inside: Vec<f64> = sorted
                    .iter()
                    .copied()
                    .filter(|value| *value >= low && *value <= high)
                    .collect();
                let inside_sum: f64 = inside.iter().sum();
                match figure {
                    Figure::Mean if inside.is_empty() => return None,
                    Figure::Mean => inside_sum / inside.len() as f64,
                    Figure::Sum => inside_sum,
                    Figure::Count => inside.len() as f64,
                    Figure::Share => 100.0 * inside.len() as f64 / sorted.len() as f64,
                    Figure::Winsorized => {
                        sorted.iter().map(|value| value.clamp(low, high)).sum::<f64>() / sorted.len() as f64
                    }
                }
            }
        })
    }

    #[test]
    fn statistics_are_those_of_the_values() {
        let seed = std::env::var("STATOR_SEED")
            .ok()
            .and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| fastrand::u64(..));
        println!("STATOR_SEED={seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        let names = [
            "SampleCount",
            "Average",
            "Sum",
            "Minimum",
            "Maximum",
            "p0",
            "p1",
            "p50",
            "p99.9",
            "p100",
            "tm90",
            "TM(10%:90%)",
            "tc50",
            "ts75.5",
            "wm95",
            "PR(:30)",
            "PR(10:20)",
            "TC(5:)",
            "IQM",
            "TM(:50%)",
        ];
        for _ in 0..300 {
            let period_minutes = random.u64(1..=5);
            let start_ms = 60_000 * random.u64(0..100);
            let mut by_period: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
            let statistics: Vec<Statistic> = names
                .iter()
                .map(|name| Statistic::from_name(name).unwrap())
                .collect();
            let mut periods = Periods::new(start_ms, period_minutes * 60_000, &statistics);
            for minute in 0..random.u64(1..12) {
                let mut samples = Samples::default();
                for _ in 0..random.usize(0..30) {
                    let value = f64::from(random.u32(0..40)) / 2.0;
                    samples.merge(&Samples::of(value));
                    by_period.entry(minute / period_minutes).or_default().push(value);
                }
                periods.add(start_ms + minute * 60_000, &samples);
            }
            let found = periods.into_found();
            for (index, values) in &by_period {
                let period = &found[&(start_ms + index * period_minutes * 60_000)];
                for (name, statistic) in names.iter().zip(&statistics) {
                    let (is, expected) = (period.figure(*statistic), naive(values, *statistic));
                    let is_close = match (is, expected) {
                        (Some(is), Some(expected)) => (is - expected).abs() < 1e-6,
                        (is, expected) => is == expected,
                    };
                    assert!(is_close, "{name} of {values:?}: {is:?}, not {expected:?}");
                }
            }
        }
    }

    #[test]
    fn samples_without_values_have_no_percentiles() {
        let mut samples = Samples::of(1.0);
        samples.merge(&Samples {
            distribution: Vec::new(),
            ..Samples::of(3.0)
        });
        let percentile = Statistic::Percentile(50.0);
        let mut periods = Periods::new(0, 60_000, &[percentile]);
        periods.add(0, &samples);
        assert_eq!(periods.into_found()[&0].figure(percentile), None);
    }

    #[test]
    fn what_is_no_statistic_is_refused() {
        for name in [
            "",
            "sum",
            "p",
            "p101",
            "p-1",
            "p1e1",
            "pp",
            "tm",
            "TM(90%)",
            "TM(90%:10%)",
            "pr50",
            "PR(1%:2%)",
            "tm(1:2)",
            "ü",
        ] {
            assert_eq!(Statistic::from_name(name), None, "{name}");
        }
    }
}
