//! ListStreams: the streams of one table or of all, in the order of table names and labels, those
//! among them that are disabled or whose table is gone.

use api::types::{ListStreamsInput, ListStreamsOutput, Stream};
use api::{Context, Error};
use store::Store;

use super::describe_table::find_table;
use super::streams::{arn_of, named_stream};
use crate::Engine;
use crate::arn::label;
use crate::arn::table_name_of;
use crate::error::from_store;
use crate::keys;
use crate::read::{Pages, just_above};
use crate::streams::StreamDescriptor;

/// How many streams a page holds where the request does not say: the most that one may ask for.
const PAGE_STREAMS: usize = 100;

pub(crate) async fn list_streams<S: Store>(
    engine: &Engine<S>,
    context: &Context,
    input: ListStreamsInput,
) -> Result<ListStreamsOutput, Error> {
    let limit = input
        .limit
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(PAGE_STREAMS);
    let prefix = match &input.table_name {
        None => vec![keys::STREAM_PREFIX],
        Some(name) => keys::streams_prefix(table_name_of(name)),
    };
    // A position rather than a stream: it may be forgotten between two pages.
    let start = match &input.exclusive_start_stream_arn {
        None => prefix.clone(),
        Some(arn) => {
            let (table_name, label_ms) = named_stream(arn)?;
            just_above(&keys::stream(table_name, label_ms).bytes)
        }
    };
    // One stream more than fits tells whether any follow.
    let mut pages = Pages::new(keys::CATALOG, prefix)
        .starting_at(start)
        .of_rows(limit + 1);
    let mut streams = Vec::new();
    while streams.len() <= limit
        && let Some(page) = pages.next(&engine.store).await.map_err(from_store)?
    {
        for (_, stored) in page.iter() {
            let stream = StreamDescriptor::from_stored(stored).map_err(from_store)?;
            streams.push(Stream {
                stream_arn: Some(arn_of(context, &stream)),
                stream_label: Some(label(stream.label_ms)),
                table_name: Some(stream.table_name),
            });
        }
    }
    // A table that is gone may have streams; one that never was has none to list.
    if let Some(name) = &input.table_name
        && streams.is_empty()
        && input.exclusive_start_stream_arn.is_none()
    {
        find_table(engine, name).await?;
    }
    let more = streams.len() > limit;
    streams.truncate(limit);
    Ok(ListStreamsOutput {
        last_evaluated_stream_arn: streams
            .last()
            .filter(|_| more)
            .and_then(|stream| stream.stream_arn.clone()),
        streams: Some(streams),
    })
}
