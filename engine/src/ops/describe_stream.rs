//! DescribeStream: a stream, and a page of its shards, the oldest first.

use api::types::{
    DescribeStreamInput, DescribeStreamOutput, ShardFilter, ShardFilterType, StreamDescription,
};
use api::{Context, Error};
use store::Store;

use super::streams::{
    arn_of, read_shards, shard_description, shard_id, shard_not_found, stream_of_arn, stream_status,
};
use super::table_description::key_schema;
use super::table_streams::shown_view;
use crate::Engine;
use crate::arn::label;
use crate::streams::{Shard, ShardId, StreamDescriptor};

/// How many shards a page holds where the request does not say: the most that one may ask for.
const PAGE_SHARDS: usize = 100;

pub(crate) async fn describe_stream<S: Store>(
    engine: &Engine<S>,
    context: &Context,
    input: DescribeStreamInput,
) -> Result<DescribeStreamOutput, Error> {
    let stream = stream_of_arn(engine, &input.stream_arn).await?;
    let limit = input
        .limit
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(PAGE_SHARDS);
    let start = match &input.exclusive_start_shard_id {
        None => Some(0),
        Some(id) => ShardId::parse(id).and_then(|id| id.ordinal.checked_add(1)),
    };
    // One shard more than fits tells whether any follow.
    let mut shards = match (&input.shard_filter, start) {
        // Nothing stands behind a shard that there cannot be.
        (_, None) => Vec::new(),
        (None, Some(start)) => read_shards(engine, &stream, start, limit + 1).await?,
        (Some(filter), Some(start)) => {
            let mut children = children(engine, &stream, filter).await?;
            children.retain(|(ordinal, _)| *ordinal >= start);
            children
        }
    };
    let more = shards.len() > limit;
    shards.truncate(limit);
    let last = shards.last().filter(|_| more);
    let last_evaluated_shard_id = last.map(|(ordinal, shard)| shard_id(*ordinal, shard).to_string());
    let shards = shards
        .iter()
        .map(|(ordinal, shard)| shard_description(&stream, *ordinal, shard))
        .collect();
    let status = stream_status(&stream, engine.clock.now_ms(), engine.settings.transition_ms);
    Ok(DescribeStreamOutput {
        stream_description: Some(StreamDescription {
            stream_arn: Some(arn_of(context, &stream)),
            stream_label: Some(label(stream.label_ms)),
            stream_status: Some(status),
            stream_view_type: Some(shown_view(stream.view)),
            creation_request_date_time: Some(stream.label_ms as f64 / 1000.0),
            table_name: Some(stream.table_name.clone()),
            key_schema: Some(key_schema(&stream.key_schema)),
            shards: Some(shards),
            last_evaluated_shard_id,
        }),
    })
}

/// The shards that followed the shard of a filter: that of the same slice.
async fn children<S: Store>(
    engine: &Engine<S>,
    stream: &StreamDescriptor,
    filter: &ShardFilter,
) -> Result<Vec<(u32, Shard)>, Error> {
    let (Some(ShardFilterType::ChildShards), Some(id)) = (filter.r#type, &filter.shard_id) else {
        return Err(Error::validation(
            "One or more parameter values were invalid: ShardFilter needs a Type and a ShardId",
        ));
    };
    let parent = ShardId::parse(id).filter(|id| id.ordinal < stream.shards);
    let parent = parent.ok_or_else(shard_not_found)?;
    let Some(child) = parent.ordinal.checked_add(stream.open_shards) else {
        return Ok(Vec::new());
    };
    let mut found = read_shards(engine, stream, child, 1).await?;
    found.retain(|(ordinal, shard)| *ordinal == child && shard.parent_opened_ms == Some(parent.opened_ms));
    Ok(found)
}
