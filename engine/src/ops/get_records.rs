//! GetRecords: the changes in a shard from an iterator on.

use api::types::{GetRecordsInput, GetRecordsOutput, Identity, OperationType, Record, StreamRecord};
use api::{Context, Error, ErrorKind};
use model::Item;
use store::Store;

use super::get_shard_iterator::trimmed;
use super::streams::{arn_of, shard_not_found, stream_not_found};
use super::table_streams::shown_view;
use crate::Engine;
use crate::arn::stream_arn;
use crate::log::{Author, ChangeKind, ChangeRecord};
use crate::streams::iterator::{ITERATOR_MS, ShardIterator};
use crate::streams::reader::PAGE_RECORDS_MAX;
use crate::streams::{StreamDescriptor, sequence};

pub(crate) async fn get_records<S: Store>(
    engine: &Engine<S>,
    context: &Context,
    input: GetRecordsInput,
) -> Result<GetRecordsOutput, Error> {
    let iterator = ShardIterator::parse(&input.shard_iterator)
        .ok_or_else(|| Error::validation("Invalid ShardIterator"))?;
    let now_ms = engine.clock.now_ms();
    if iterator.issued_ms + ITERATOR_MS < now_ms {
        return Err(Error::new(
            ErrorKind::ExpiredIteratorException,
            "The provided iterator exceeds the maximum age allowed.",
        ));
    }
    let limit = input
        .limit
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(PAGE_RECORDS_MAX);
    let (table_name, label_ms) = (iterator.table_name.as_str(), iterator.label_ms);
    let Some(open) = engine.open_shard(table_name, label_ms, iterator.shard).await? else {
        let stream = engine.find_stream(&engine.store, table_name, label_ms).await?;
        return Err(match stream {
            None => stream_not_found(&stream_arn(context, table_name, label_ms)),
            Some(_) => shard_not_found(),
        });
    };
    if iterator.next <= open.trimmed {
        return Err(trimmed());
    }
    let stream = &open.stream;
    let page = open
        .read(iterator.next, limit, |record| size_bytes(stream, record))
        .await?;
    let arn = arn_of(context, stream);
    let next = page.next.map(|next| ShardIterator {
        next,
        issued_ms: now_ms,
        ..iterator.clone()
    });
    Ok(GetRecordsOutput {
        next_shard_iterator: next.map(|next| next.to_text(&arn)),
        records: Some(
            page.records
                .into_iter()
                .map(|(number, record)| shown_record(context, stream, number, record))
                .collect(),
        ),
    })
}

/// The images of a record that the stream's view shows, old and new.
fn images<'r>(stream: &StreamDescriptor, record: &'r ChangeRecord) -> (Option<&'r Item>, Option<&'r Item>) {
    (
        record.old.as_ref().filter(|_| stream.view.has_old_image()),
        record.new.as_ref().filter(|_| stream.view.has_new_image()),
    )
}

/// The size of what a record shows of its item.
fn size_bytes(stream: &StreamDescriptor, record: &ChangeRecord) -> usize {
    let (old, new) = images(stream, record);
    let size = |item: Option<&Item>| item.map_or(0, Item::size_bytes);
    record.key.size_bytes() + size(old) + size(new)
}

fn shown_record(context: &Context, stream: &StreamDescriptor, number: u64, record: ChangeRecord) -> Record {
    let (old, new) = images(stream, &record);
    let shown = StreamRecord {
        // Whole seconds, as the service gives them.
        approximate_creation_date_time: Some((record.time_ms / 1000) as f64),
        old_image: old.cloned().map(Into::into),
        new_image: new.cloned().map(Into::into),
        sequence_number: Some(sequence::of_record(number)),
        size_bytes: i64::try_from(size_bytes(stream, &record)).ok(),
        stream_view_type: Some(shown_view(stream.view)),
        keys: Some(record.key.into()),
    };
    Record {
        aws_region: Some(context.region.clone()),
        dynamodb: Some(shown),
        event_id: Some(event_id(stream, number)),
        event_name: Some(match record.kind {
            ChangeKind::Insert => OperationType::Insert,
            ChangeKind::Modify => OperationType::Modify,
            ChangeKind::Remove => OperationType::Remove,
        }),
        event_source: Some("aws:dynamodb".to_owned()),
        event_version: Some("1.1".to_owned()),
        user_identity: (record.author == Author::TimeToLive).then(|| Identity {
            principal_id: Some("dynamodb.amazonaws.com".to_owned()),
            r#type: Some("Service".to_owned()),
        }),
    }
}

/// 32 hexadecimal digits that are the same whenever the record is read, and no other record's.
fn event_id(stream: &StreamDescriptor, number: u64) -> String {
    let mut name = stream.id.to_be_bytes().to_vec();
    name.extend_from_slice(&stream.label_ms.to_be_bytes());
    name.extend_from_slice(&number.to_be_bytes());
    format!("{:032x}", xxhash_rust::xxh3::xxh3_128(&name))
}
