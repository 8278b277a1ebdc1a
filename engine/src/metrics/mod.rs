//! Metrics as CloudWatch shows them: what was seen of each series, minute by minute, for 15 days.
//!
//! Read in this order: [`series`] (what a series and its samples are), [`storage`] (where they are kept),
//! [`statistics`] (from samples to figures), [`expression`] (arithmetic over figures), and then the three
//! operations. Who counts hands over each minute once it is over ([`crate::Engine::keep_minute`]) and says
//! what it has of the one that is not ([`crate::Engine::set_current_minute`]).

mod expression;
mod get_metric_data;
mod get_metric_statistics;
mod list_metrics;
mod request;
mod series;
mod service;
mod statistics;
mod storage;

use parking_lot::RwLock;

pub use series::{Metric, Samples, Series};

/// How long a minute is.
pub(crate) const MINUTE_MS: u64 = 60_000;

/// Says what has been seen in the minute that is not over.
type CurrentMinute = Box<dyn Fn() -> Vec<(Series, Samples)> + Send + Sync>;

/// What the engine keeps of metrics in memory.
#[derive(Default)]
pub(crate) struct Metrics {
    current: RwLock<Option<CurrentMinute>>,
}

impl Metrics {
    /// What has been seen in the minute that is not over.
    fn current(&self) -> Vec<(Series, Samples)> {
        self.current
            .read()
            .as_ref()
            .map_or_else(Vec::new, |current| current())
    }
}

impl<S> crate::Engine<S> {
    /// From now on, `current` says what has been seen in the minute that is not over.
    pub fn set_current_minute(&self, current: impl Fn() -> Vec<(Series, Samples)> + Send + Sync + 'static) {
        *self.metrics.current.write() = Some(Box::new(current));
    }
}
