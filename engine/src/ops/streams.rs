//! What the operations on streams have in common: how streams and shards are found and shown.

use api::types::{SequenceNumberRange, Shard as ShardDescription, StreamStatus};
use api::{Context, Error};
use store::{Direction, RangePage, RangeRequest, Store};

use crate::Engine;
use crate::arn::{parse_stream_arn, stream_arn};
use crate::error::from_store;
use crate::keys;
use crate::read::end_of;
use crate::streams::{Shard, ShardId, StreamDescriptor, StreamState, sequence};

/// The error of a stream that does not exist.
pub(super) fn stream_not_found(arn: &str) -> Error {
    Error::resource_not_found(format!("Requested resource not found: Stream: {arn} not found"))
}

/// The error of a shard that does not exist.
pub(super) fn shard_not_found() -> Error {
    Error::resource_not_found("Requested resource not found: Shard does not exist")
}

/// The table's name and the label that a stream's ARN holds.
pub(super) fn named_stream(arn: &str) -> Result<(&str, u64), Error> {
    parse_stream_arn(arn).ok_or_else(|| Error::validation("Invalid StreamArn"))
}

/// The stream that an ARN names.
pub(super) async fn stream_of_arn<S: Store>(
    engine: &Engine<S>,
    arn: &str,
) -> Result<StreamDescriptor, Error> {
    let (table_name, label_ms) = named_stream(arn)?;
    let stream = engine.find_stream(&engine.store, table_name, label_ms).await?;
    stream.ok_or_else(|| stream_not_found(arn))
}

/// A stream's ARN.
pub(super) fn arn_of(context: &Context, stream: &StreamDescriptor) -> String {
    stream_arn(context, &stream.table_name, stream.label_ms)
}

/// A stream's status. The transitional ones show for as long as those of tables do.
pub(super) fn stream_status(stream: &StreamDescriptor, now_ms: u64, transition_ms: u64) -> StreamStatus {
    match stream.state {
        StreamState::Open | StreamState::Rolling if now_ms < stream.label_ms + transition_ms => {
            StreamStatus::Enabling
        }
        StreamState::Open | StreamState::Rolling => StreamStatus::Enabled,
        StreamState::Closing => StreamStatus::Disabling,
        StreamState::Closed { since_ms } if now_ms < since_ms + transition_ms => StreamStatus::Disabling,
        StreamState::Closed { .. } => StreamStatus::Disabled,
    }
}

/// A shard as DescribeStream shows it.
pub(super) fn shard_description(stream: &StreamDescriptor, ordinal: u32, shard: &Shard) -> ShardDescription {
    ShardDescription {
        shard_id: Some(shard_id(ordinal, shard).to_string()),
        parent_shard_id: stream.parent_of(ordinal, shard).map(|id| id.to_string()),
        sequence_number_range: Some(SequenceNumberRange {
            starting_sequence_number: Some(sequence::of_bound(shard.after)),
            ending_sequence_number: shard.last.map(sequence::of_bound),
        }),
    }
}

/// A shard's id.
pub(super) fn shard_id(ordinal: u32, shard: &Shard) -> ShardId {
    ShardId {
        opened_ms: shard.opened_ms,
        ordinal,
    }
}

/// One page of a stream's shards, in the order of their ordinals, from `ordinal` on.
pub(super) async fn read_shards<S: Store>(
    engine: &Engine<S>,
    stream: &StreamDescriptor,
    ordinal: u32,
    count_max: usize,
) -> Result<Vec<(u32, Shard)>, Error> {
    let mut shards = Vec::new();
    let mut start = keys::shard(stream.id, ordinal).bytes;
    let end = end_of(&keys::shards_prefix(stream.id));
    while shards.len() < count_max {
        let page: RangePage = engine
            .store
            .range(RangeRequest {
                space: keys::CATALOG,
                start: &start,
                end: &end,
                direction: Direction::Forward,
                rows_max: count_max - shards.len(),
                bytes_max: 1 << 20,
            })
            .await
            .map_err(from_store)?;
        for (key, stored) in page.iter() {
            let ordinal = keys::parse_shard(key).ok_or_else(Error::internal)?;
            shards.push((ordinal, Shard::from_stored(stored).map_err(from_store)?));
        }
        match page.len().checked_sub(1).filter(|_| page.more) {
            None => break,
            Some(last) => start = crate::read::just_above(page.key(last)),
        }
    }
    Ok(shards)
}
