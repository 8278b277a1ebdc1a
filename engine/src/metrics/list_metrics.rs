//! ListMetrics.

use api::cloudwatch::ErrorKind;
use api::cloudwatch::types::{ListMetricsInput, ListMetricsOutput};
use api::companion::Refusal;
use store::Store;

use super::request::{self, NAMESPACE};
use super::series::{Metric, Series};
use super::storage::KEPT_MS;
use crate::Engine;

/// How many metrics a page has.
const PAGE_METRICS: usize = 500;
/// How long ago `RecentlyActive` goes back: three hours.
const RECENT_MS: u64 = 3 * 3600 * 1000;

pub(super) async fn list_metrics<S: Store>(
    engine: &Engine<S>,
    mut input: ListMetricsInput,
) -> Result<ListMetricsOutput, Refusal> {
    let token = input.next_token.take();
    let fingerprint = request::fingerprint(&input);
    let after = match token {
        None => Vec::new(),
        Some(token) => request::place_of(&token, fingerprint).ok_or_else(|| {
            ErrorKind::InvalidParameterValueException.because("The specified NextToken is invalid.")
        })?,
    };
    let metric = input.metric_name.as_deref().map(Metric::from_name);
    let is_ours = input.namespace.as_deref().is_none_or(|name| name == NAMESPACE);
    let mut found = Vec::new();
    if is_ours && metric != Some(None) {
        let prefix = match metric {
            Some(Some(metric)) => [metric.name().as_bytes(), &[0]].concat(),
            _ => Vec::new(),
        };
        let active_ms = if input.recently_active.is_some() {
            RECENT_MS
        } else {
            KEPT_MS
        };
        let since_ms = engine.clock.now_ms().saturating_sub(active_ms);
        found = engine
            .series_since(since_ms, &prefix)
            .await
            .map_err(request::internal)?;
        found.retain(|series| is_wanted(series, &input) && series.to_bytes() > after);
    }
    let next = found.get(PAGE_METRICS - 1).filter(|_| found.len() > PAGE_METRICS);
    let next_token = next.map(|last| request::token(fingerprint, &last.to_bytes()));
    found.truncate(PAGE_METRICS);
    Ok(ListMetricsOutput {
        metrics: Some(found.iter().map(request::described).collect()),
        next_token,
        ..ListMetricsOutput::default()
    })
}

/// Whether a series has all dimensions that the request asks for.
fn is_wanted(series: &Series, input: &ListMetricsInput) -> bool {
    input.dimensions.iter().flatten().all(|filter| {
        series.dimensions().any(|(name, value)| {
            name == filter.name && filter.value.as_deref().is_none_or(|wanted| wanted == value)
        })
    })
}
