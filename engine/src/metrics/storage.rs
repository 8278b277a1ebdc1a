//! Where metrics are kept.
//!
//! A row for each series and minute, in the order of series and then of minutes, so that a time range of
//! a series is one range; and one for each series, which says from when to when it has rows. Rows are
//! removed after [`KEPT_MS`] by [`crate::background`], a bounded number of series at a time.

use api::Error;
use serde::{Deserialize, Serialize};
use store::{Batch, Decision, Declared, Direction, Held, Key, Outcome, RangeRequest, Store, StoreError};

use super::MINUTE_MS;
use super::series::{Samples, Series};
use crate::Engine;
use crate::background::{Job, Work};
use crate::error::from_store;
use crate::keys;
use crate::read::Pages;

/// How long rows are kept: as long as the service keeps figures of single minutes.
pub(crate) const KEPT_MS: u64 = 15 * 24 * 3600 * 1000;

/// How often rows that are too old are looked for.
const REMOVAL_EVERY_MS: u64 = 3600 * 1000;
/// Of how many series a step removes rows.
const STEP_SERIES_MAX: usize = 128;
/// How many rows are read at once: with the largest distributions, some hundreds of KiB.
const PAGE_ROWS_MAX: usize = 256;

/// What is kept of a series beside its rows.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Span {
    /// The first minute of which there may be a row, in milliseconds since the Unix epoch.
    pub first_ms: u64,
    /// The last one.
    pub last_ms: u64,
}

fn stored<T: Serialize>(value: &T) -> Vec<u8> {
    rmp_serde::to_vec(value).expect("numbers and lists of them can always be written")
}

fn from_stored<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, StoreError> {
    rmp_serde::from_slice(bytes).map_err(|error| StoreError::Damaged {
        path: "metrics".into(),
        offset: None,
        detail: format!("a row of metrics cannot be read: {error}"),
    })
}

impl<S: Store> Engine<S> {
    /// Keeps what was seen in a minute, which is named by its start in milliseconds since the Unix epoch. Called
    /// twice for a minute, it adds. A minute that is too old to be kept is dropped.
    pub async fn keep_minute(&self, minute_ms: u64, seen: Vec<(Series, Samples)>) -> Result<(), Error> {
        let minute_ms = minute_ms - minute_ms % MINUTE_MS;
        // Rows below this may be removed at any time, by commits that do not declare them.
        if minute_ms < self.clock.now_ms().saturating_sub(KEPT_MS) || seen.is_empty() {
            return Ok(());
        }
        let seen: Vec<(Vec<u8>, Samples)> = seen
            .into_iter()
            .map(|(series, samples)| (series.to_bytes(), samples))
            .collect();
        let rows = seen.iter().map(|(series, _)| keys::metric_row(series, minute_ms));
        let spans = seen.iter().map(|(series, _)| keys::metric_series(series));
        let declared = Declared {
            shared: Vec::new(),
            exclusive: rows.chain(spans).collect(),
        };
        let declared_keys = declared.exclusive.clone();
        let decide = move |held: &Held| match kept(&declared_keys, held, minute_ms, &seen) {
            Ok(batch) => Decision::Commit(batch, ()),
            Err(error) => Decision::Abort(from_store(error)),
        };
        self.jobs.add(Job {
            due_ms: self.clock.now_ms() + REMOVAL_EVERY_MS,
            work: Work::Metrics(Vec::new()),
        });
        match self.store.commit(declared, decide).await.map_err(from_store)? {
            Outcome::Aborted(error) => Err(error),
            Outcome::Committed(()) | Outcome::Replan => Ok(()),
        }
    }

    /// Shows each minute of a series from `start_ms` until before `end_ms` to `see`, in order, with what was seen.
    pub(crate) async fn each_minute(
        &self,
        series: &Series,
        start_ms: u64,
        end_ms: u64,
        mut see: impl FnMut(u64, &Samples) + Send,
    ) -> Result<(), Error> {
        let now_ms = self.clock.now_ms();
        let start_ms = start_ms.max(now_ms.saturating_sub(KEPT_MS));
        if start_ms >= end_ms {
            return Ok(());
        }
        let current_ms = now_ms - now_ms % MINUTE_MS;
        let is_wanted = (start_ms..end_ms).contains(&current_ms);
        let mut current = is_wanted
            .then(|| self.current_minute())
            .into_iter()
            .flatten()
            .find(|(known, _)| known == series)
            .map(|(_, samples)| samples);
        let bytes = series.to_bytes();
        let end = keys::metric_row(&bytes, end_ms).bytes;
        let mut pages = Pages::new(keys::METRICS, keys::metric_rows_prefix(&bytes))
            .starting_at(keys::metric_row(&bytes, start_ms).bytes)
            .of_rows(PAGE_ROWS_MAX);
        'rows: while let Some(page) = pages.next(&self.store).await.map_err(from_store)? {
            for (key, value) in page.iter() {
                if key >= end.as_slice() {
                    break 'rows;
                }
                let Some(minute_ms) = keys::parse_metric_row(key) else {
                    continue;
                };
                let mut samples: Samples = from_stored(value).map_err(from_store)?;
                if minute_ms == current_ms
                    && let Some(current) = current.take()
                {
                    samples.merge(&current);
                }
                see(minute_ms, &samples);
            }
        }
        if let Some(current) = current {
            see(current_ms, &current);
        }
        Ok(())
    }

    /// All series that have a row of `since_ms` or later, the current minute's included, in order of their
    /// bytes; those alone whose bytes begin with `prefix`.
    pub(super) async fn series_since(&self, since_ms: u64, prefix: &[u8]) -> Result<Vec<Series>, Error> {
        let mut found = std::collections::BTreeMap::new();
        let mut pages = Pages::new(keys::METRICS, keys::metric_series(prefix).bytes);
        while let Some(page) = pages.next(&self.store).await.map_err(from_store)? {
            for (key, value) in page.iter() {
                let span: Span = from_stored(value).map_err(from_store)?;
                let series = keys::parse_metric_series(key).and_then(Series::from_bytes);
                if span.last_ms >= since_ms
                    && let Some(series) = series
                {
                    found.insert(series.to_bytes(), series);
                }
            }
        }
        for (series, _) in self.current_minute() {
            let bytes = series.to_bytes();
            if bytes.starts_with(prefix) {
                found.insert(bytes, series);
            }
        }
        Ok(found.into_values().collect())
    }

    /// Removes rows that are too old of some series from `start` on, and says when to look again and where;
    /// `None` where there are no series.
    pub(crate) async fn remove_old_metrics(&self, start: &[u8]) -> Result<Option<Job>, Error> {
        let now_ms = self.clock.now_ms();
        let prefix = keys::metric_series(&[]).bytes;
        let end = model::key::prefix_end(&prefix).expect("the prefix is a letter");
        let page = self
            .store
            .range(RangeRequest {
                space: keys::METRICS,
                start: start.max(prefix.as_slice()),
                end: &end,
                direction: Direction::Forward,
                rows_max: STEP_SERIES_MAX,
                bytes_max: 1 << 20,
            })
            .await
            .map_err(from_store)?;
        let old_ms = now_ms.saturating_sub(KEPT_MS);
        let mut old = Vec::new();
        for (key, value) in page.iter() {
            let span: Span = from_stored(value).map_err(from_store)?;
            // An hour's rows at once: a removal of each single minute would be work for nothing.
            if span.first_ms + REMOVAL_EVERY_MS <= old_ms || span.last_ms < old_ms {
                old.push(Key::new(keys::METRICS, key));
            }
        }
        if !old.is_empty() {
            self.remove_rows(old, old_ms).await?;
        }
        let next = match page.len().checked_sub(1).filter(|_| page.more) {
            Some(last) => [page.key(last), &[0]].concat(),
            None => Vec::new(),
        };
        if page.is_empty() && start.is_empty() {
            return Ok(None);
        }
        Ok(Some(Job {
            due_ms: if next.is_empty() {
                now_ms + REMOVAL_EVERY_MS
            } else {
                now_ms
            },
            work: Work::Metrics(next),
        }))
    }

    /// Removes the rows before `old_ms` of series, which are named by the keys of their spans. The rows are not
    /// declared: [`Engine::keep_minute`] writes none so old.
    async fn remove_rows(&self, series: Vec<Key>, old_ms: u64) -> Result<(), Error> {
        let declared = Declared {
            shared: Vec::new(),
            exclusive: series.clone(),
        };
        let decide = move |held: &Held| {
            let mut batch = Batch::new();
            for (key, value) in series.iter().zip(&held.exclusive) {
                let (Some(value), Some(bytes)) = (value, keys::parse_metric_series(&key.bytes)) else {
                    continue;
                };
                let span: Span = match from_stored(value) {
                    Ok(span) => span,
                    Err(error) => return Decision::Abort(from_store(error)),
                };
                let (start, end) = (keys::metric_row(bytes, 0), keys::metric_row(bytes, old_ms));
                batch.delete_range(keys::METRICS, start.bytes, end.bytes);
                if span.last_ms < old_ms {
                    batch.delete(key.clone());
                } else {
                    let first_ms = span.first_ms.max(old_ms);
                    batch.put(key.clone(), stored(&Span { first_ms, ..span }));
                }
            }
            Decision::Commit(batch, ())
        };
        match self.store.commit(declared, decide).await.map_err(from_store)? {
            Outcome::Aborted(error) => Err(error),
            Outcome::Committed(()) | Outcome::Replan => Ok(()),
        }
    }
}

/// The batch that keeps a minute. What is held are the rows of all series, then their spans.
fn kept(
    declared: &[Key],
    held: &Held,
    minute_ms: u64,
    seen: &[(Vec<u8>, Samples)],
) -> Result<Batch, StoreError> {
    let mut batch = Batch::new();
    let (row_keys, span_keys) = declared.split_at(seen.len());
    let (rows, spans) = held.exclusive.split_at(seen.len());
    // A series that is there twice is one.
    let mut merged: std::collections::BTreeMap<&Key, Samples> = std::collections::BTreeMap::new();
    for ((key, row), (_, samples)) in row_keys.iter().zip(rows).zip(seen) {
        let before = match (merged.get(key), row) {
            (Some(before), _) => before.clone(),
            (None, Some(row)) => from_stored(row)?,
            (None, None) => Samples::default(),
        };
        let mut all = before;
        all.merge(samples);
        merged.insert(key, all);
    }
    for (key, samples) in merged {
        batch.put(key.clone(), stored(&samples));
    }
    for (key, span) in span_keys.iter().zip(spans) {
        let span = match span {
            Some(span) => from_stored(span)?,
            None => Span {
                first_ms: minute_ms,
                last_ms: minute_ms,
            },
        };
        let span = Span {
            first_ms: span.first_ms.min(minute_ms),
            last_ms: span.last_ms.max(minute_ms),
        };
        batch.put(key.clone(), stored(&span));
    }
    Ok(batch)
}
