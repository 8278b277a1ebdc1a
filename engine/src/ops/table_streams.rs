//! The streams of tables, as CreateTable and UpdateTable open and DescribeTable shows them.

use api::types::{StreamSpecification, StreamViewType};
use api::{Context, Error};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use store::{Batch, Store};

use super::table_description::table_arn;
use crate::Engine;
use crate::catalog::{StreamView, TableDescriptor, TableStream};
use crate::error::from_store;
use crate::streams::lifecycle::open_stream;

/// The view type of a request.
pub(crate) fn view_of(view: StreamViewType) -> StreamView {
    match view {
        StreamViewType::KeysOnly => StreamView::KeysOnly,
        StreamViewType::NewImage => StreamView::NewImage,
        StreamViewType::OldImage => StreamView::OldImage,
        StreamViewType::NewAndOldImages => StreamView::NewAndOldImages,
    }
}

/// The view type of an answer.
pub(crate) fn shown_view(view: StreamView) -> StreamViewType {
    match view {
        StreamView::KeysOnly => StreamViewType::KeysOnly,
        StreamView::NewImage => StreamViewType::NewImage,
        StreamView::OldImage => StreamViewType::OldImage,
        StreamView::NewAndOldImages => StreamViewType::NewAndOldImages,
    }
}

/// A stream that is about to be opened: what has to be known before the commit.
pub(super) struct NewStream {
    label_ms: u64,
    view: StreamView,
    open_shards: u32,
    /// A log number from before the commit.
    after: u64,
}

impl NewStream {
    /// Asks the store for what a stream of the table named `table_name` begins with.
    pub async fn prepare<S: Store>(
        engine: &Engine<S>,
        table_name: &str,
        view: StreamView,
    ) -> Result<Self, Error> {
        Ok(NewStream {
            label_ms: engine.next_stream_label_ms(table_name).await?,
            view,
            open_shards: engine.settings.open_shards,
            after: engine.store.log_end().await.map_err(from_store)?,
        })
    }

    /// Opens the stream in the commit that changes the table.
    pub fn open(&self, descriptor: &mut TableDescriptor, id: u32, batch: &mut Batch) {
        open_stream(
            descriptor,
            id,
            self.label_ms,
            self.view,
            self.open_shards,
            self.after,
            batch,
        );
    }
}

/// StreamSpecification as a table shows it: only while its stream is enabled.
pub(super) fn described(stream: &TableStream) -> Option<StreamSpecification> {
    stream.enabled.then(|| StreamSpecification {
        stream_enabled: true,
        stream_view_type: Some(shown_view(stream.view)),
    })
}

/// How a label is written.
const LABEL_FORMAT: &str = "%Y-%m-%dT%H:%M:%S%.3f";

/// The label of a stream: the time at which it was enabled, to the millisecond, in UTC.
pub(crate) fn label(label_ms: u64) -> String {
    let label_ms = i64::try_from(label_ms).unwrap_or(i64::MAX);
    let time = Timestamp::from_millisecond(label_ms).unwrap_or(Timestamp::MAX);
    time.strftime(LABEL_FORMAT).to_string()
}

/// Reads what [`label`] writes.
fn parse_label(text: &str) -> Option<u64> {
    let time = DateTime::strptime(LABEL_FORMAT, text).ok()?;
    let time = TimeZone::UTC.to_timestamp(time).ok()?;
    let label_ms = u64::try_from(time.as_millisecond()).ok()?;
    (label(label_ms) == text).then_some(label_ms)
}

/// The ARN of a stream.
pub(crate) fn stream_arn(context: &Context, table_name: &str, label_ms: u64) -> String {
    format!("{}/stream/{}", table_arn(context, table_name), label(label_ms))
}

/// The table's name and the label in the ARN of a stream, whatever region and account it names;
/// `None` where it is none.
pub(crate) fn parse_stream_arn(arn: &str) -> Option<(&str, u64)> {
    let (prefix, resource) = arn.split_once(":table/")?;
    let mut parts = prefix.split(':');
    let is_arn = (parts.next(), parts.next(), parts.next()) == (Some("arn"), Some("aws"), Some("dynamodb"))
        && parts.count() == 2;
    let (table_name, label) = resource.split_once("/stream/").filter(|_| is_arn)?;
    Some((table_name, parse_label(label)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_arns_are_read_back() {
        let context = Context::default();
        for (label_ms, text) in [
            (1_767_225_600_000, "2026-01-01T00:00:00.000"),
            (1_767_225_600_001, "2026-01-01T00:00:00.001"),
            (951_782_399_999, "2000-02-28T23:59:59.999"),
        ] {
            assert_eq!(label(label_ms), text);
            let arn = stream_arn(&context, "Music", label_ms);
            assert_eq!(parse_stream_arn(&arn), Some(("Music", label_ms)));
        }
        let arn = stream_arn(&context, "Music", 1_767_225_600_000);
        let elsewhere = arn.replace(&context.account_id, "123456789012");
        assert_eq!(parse_stream_arn(&elsewhere), Some(("Music", 1_767_225_600_000)));
        for text in [
            "",
            "Music",
            "arn:aws:dynamodb:eu-west-2:000000000000:table/Music",
            "arn:aws:dynamodb:eu-west-2:000000000000:table/Music/stream/",
            "arn:aws:dynamodb:eu-west-2:000000000000:table/Music/stream/2026-01-01T00:00:00.00",
            "arn:aws:dynamodb:eu-west-2:000000000000:table/Music/stream/2026-02-30T00:00:00.000",
            "arn:aws:dynamodb:table/Music/stream/2026-01-01T00:00:00.000",
            "arn:aws:kinesis:eu-west-2:000000000000:table/Music/stream/2026-01-01T00:00:00.000",
        ] {
            assert_eq!(parse_stream_arn(text), None, "{text}");
        }
    }
}
