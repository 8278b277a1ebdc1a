//! GetShardIterator: a place in a shard, as text.

use api::types::{GetShardIteratorInput, GetShardIteratorOutput, ShardIteratorType};
use api::{Context, Error, ErrorKind};
use store::{Read, Store};

use super::streams::{arn_of, named_stream, shard_not_found, stream_not_found};
use crate::Engine;
use crate::streams::ShardId;
use crate::streams::iterator::ShardIterator;
use crate::streams::reader::OpenShard;
use crate::streams::sequence::Place;

/// The error of a place whose records are no longer kept.
pub(super) fn trimmed() -> Error {
    Error::new(
        ErrorKind::TrimmedDataAccessException,
        "The data you are trying to access has been trimmed",
    )
}

pub(crate) async fn get_shard_iterator<S: Store>(
    engine: &Engine<S>,
    context: &Context,
    input: GetShardIteratorInput,
) -> Result<GetShardIteratorOutput, Error> {
    check_parameters(&input)?;
    let (table_name, label_ms) = named_stream(&input.stream_arn)?;
    let shard = ShardId::parse(&input.shard_id);
    let opened = match shard {
        None => None,
        Some(id) => engine
            .open_shard(table_name, label_ms, id)
            .await?
            .map(|open| (id, open)),
    };
    let Some((id, open)) = opened else {
        let stream = engine.find_stream(&engine.store, table_name, label_ms).await?;
        return Err(match stream {
            None => stream_not_found(&input.stream_arn),
            Some(_) => shard_not_found(),
        });
    };
    let iterator = ShardIterator {
        next: next_number(&open, &input).await?,
        table_name: open.stream.table_name.clone(),
        label_ms,
        shard: id,
        issued_ms: engine.clock.now_ms(),
    };
    Ok(GetShardIteratorOutput {
        shard_iterator: Some(iterator.to_text(&arn_of(context, &open.stream))),
    })
}

/// Refuses parameters that do not go with the type of the iterator.
fn check_parameters(input: &GetShardIteratorInput) -> Result<(), Error> {
    use ShardIteratorType as Type;
    let wants_number = matches!(
        input.shard_iterator_type,
        Type::AtSequenceNumber | Type::AfterSequenceNumber
    );
    let wants_time = input.shard_iterator_type == Type::AtTimestamp;
    for (name, is_wanted, is_present) in [
        ("SequenceNumber", wants_number, input.sequence_number.is_some()),
        ("Timestamp", wants_time, input.timestamp.is_some()),
    ] {
        if is_wanted && !is_present {
            return Err(Error::validation(format!(
                "{name} must be provided when ShardIteratorType is {}",
                input.shard_iterator_type.as_str()
            )));
        }
        if is_present && !is_wanted {
            return Err(Error::validation(format!(
                "{name} must not be provided when ShardIteratorType is {}",
                input.shard_iterator_type.as_str()
            )));
        }
    }
    Ok(())
}

/// The first log number that the iterator is to read.
async fn next_number<R: Read>(open: &OpenShard<R>, input: &GetShardIteratorInput) -> Result<u64, Error> {
    use ShardIteratorType as Type;
    let next = match input.shard_iterator_type {
        Type::TrimHorizon => return Ok(open.oldest()),
        Type::Latest => return Ok(open.behind_newest()),
        Type::AtTimestamp => {
            let time_ms = input.timestamp.unwrap_or_default() * 1000.0;
            // Beyond either end the nearest time will do.
            return open.first_since(time_ms.clamp(0.0, u64::MAX as f64) as u64).await;
        }
        Type::AtSequenceNumber => place(open, input)?.at(),
        Type::AfterSequenceNumber => place(open, input)?.behind(),
    };
    if next <= open.trimmed {
        return Err(trimmed());
    }
    Ok(next)
}

/// The place that the request's SequenceNumber names in the shard.
fn place<R: Read>(open: &OpenShard<R>, input: &GetShardIteratorInput) -> Result<Place, Error> {
    let number = input.sequence_number.as_deref().unwrap_or_default();
    Place::parse(number)
        .filter(|place| place.is_within(open.shard.after, open.behind_newest() - 1))
        .ok_or_else(|| Error::validation("Invalid SequenceNumber for the shard"))
}
