//! Metrics as CloudWatch shows them: what was seen of each series, minute by minute, for 15 days.
//!
//! Read in this order: [`series`] (what a series and its samples are), [`storage`] (where they are kept),
//! [`statistics`] (from samples to figures), [`expression`] (arithmetic over figures), and then the three
//! operations. [`crate::meter`] hands over each minute once it is over ([`crate::Engine::keep_minute`]) and says
//! what it has of the one that is not.

mod expression;
mod get_metric_data;
mod get_metric_statistics;
mod list_metrics;
mod request;
mod series;
mod service;
mod statistics;
mod storage;

pub(crate) use request::{Range, internal, invalid_value};
pub use series::{Metric, Samples, Series};

/// How long a minute is.
pub(crate) const MINUTE_MS: u64 = 60_000;
