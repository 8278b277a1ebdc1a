//! BatchWriteItem: a commit for each item, which the store's group commit joins.

use std::collections::HashSet;
use std::sync::Arc;

use api::types::{
    BatchWriteItemInput, BatchWriteItemOutput, DeleteRequest, ItemCollectionMetrics, PutRequest,
    ReturnConsumedCapacity, WriteRequest as Write,
};
use api::{Error, ErrorKind, Operation};
use indexmap::IndexMap;
use model::Item;
use model::limits::{BATCH_WRITE_REQUESTS_MAX, ITEM_BYTES_MAX};
use store::Store;

use super::request;
use super::write_request::{Requested, WriteAnswer, WriteRequest};
use crate::Engine;
use crate::arn::table_name_of;
use crate::capacity::Consumed;
use crate::catalog::Table;
use crate::meter::Call;
use crate::write::{check_index_keys, check_item_key, key_mismatch};

const OPERATION: Operation = Operation::BatchWriteItem;

pub(crate) async fn batch_write_item<S: Store>(
    engine: &Engine<S>,
    call: &Call<'_>,
    input: BatchWriteItemInput,
) -> Result<BatchWriteItemOutput, Error> {
    let count: usize = input.request_items.values().map(Vec::len).sum();
    if count > BATCH_WRITE_REQUESTS_MAX {
        return Err(Error::validation(
            "Too many items requested for the BatchWriteItem call",
        ));
    }
    let mut requests = Vec::with_capacity(count);
    for (table_name, writes) in input.request_items {
        for write in writes {
            requests.push(WriteRequest {
                table_name: table_name.clone(),
                requested: understand(write)?,
                condition: None,
                on_failure: None,
                // Measured here, summed by table below.
                capacity: None,
                metrics: input.return_item_collection_metrics,
            });
        }
    }
    check_against_tables(engine, call, &requests).await?;

    let names: Vec<String> = requests
        .iter()
        .map(|request| request.table_name.clone())
        .collect();
    let (answers, unprocessed) = write_all(engine, call, requests).await?;
    let mut metrics: IndexMap<String, Vec<ItemCollectionMetrics>> = IndexMap::new();
    let mut consumed: IndexMap<String, Consumed> = IndexMap::new();
    for (name, answer) in names.into_iter().zip(answers) {
        let Some(answer) = answer else { continue };
        consumed
            .entry(table_name_of(&name).to_owned())
            .or_default()
            .add(&answer.consumed);
        if let Some(measured) = answer.item_collection_metrics {
            metrics.entry(name).or_default().push(measured);
        }
    }
    Ok(BatchWriteItemOutput {
        unprocessed_items: Some(unprocessed),
        item_collection_metrics: (!metrics.is_empty()).then_some(metrics),
        consumed_capacity: report(&consumed, input.return_consumed_capacity),
    })
}

/// Writes all at once, so that they share the syncs of the store; each stands for itself. Those that
/// a transaction stands in the way of, and those for which there is no capacity, are handed back by
/// table, and have no answer.
async fn write_all<S: Store>(
    engine: &Engine<S>,
    call: &Call<'_>,
    requests: Vec<WriteRequest>,
) -> Result<(Vec<Option<WriteAnswer>>, IndexMap<String, Vec<Write>>), Error> {
    let mut answers = Vec::with_capacity(requests.len());
    let mut unprocessed: IndexMap<String, Vec<Write>> = IndexMap::new();
    let mut throttled = None;
    let may_hand_back = engine.settings.has_transaction_conflicts || engine.settings.throttles;
    let sent: Vec<(String, Requested)> = match may_hand_back {
        false => Vec::new(),
        true => requests
            .iter()
            .map(|request| (request.table_name.clone(), request.requested.clone()))
            .collect(),
    };
    let results =
        futures_util::future::join_all(requests.into_iter().map(|request| request.run(engine, call))).await;
    for (position, result) in results.into_iter().enumerate() {
        match (result, sent.get(position)) {
            (Err(error), Some((table_name, requested)))
                if error.kind == ErrorKind::TransactionConflictException
                    || error.throttling_reasons.is_some() =>
            {
                throttled = throttled.or(Some(error).filter(|error| error.throttling_reasons.is_some()));
                unprocessed
                    .entry(table_name.clone())
                    .or_default()
                    .push(as_sent(requested));
                answers.push(None);
            }
            (result, _) => answers.push(Some(result?)),
        }
    }
    match throttled {
        Some(error) if answers.iter().all(Option::is_none) => Err(error),
        _ => Ok((answers, unprocessed)),
    }
}

/// A write of the batch as the request had it.
fn as_sent(requested: &Requested) -> Write {
    match requested {
        Requested::Put(item) | Requested::Insert(item) => Write {
            put_request: Some(PutRequest {
                item: item.clone().into(),
            }),
            delete_request: None,
        },
        Requested::Update(key, _) | Requested::Delete(key) | Requested::Check(key) => Write {
            put_request: None,
            delete_request: Some(DeleteRequest {
                key: key.clone().into(),
            }),
        },
    }
}

fn report(
    consumed: &IndexMap<String, Consumed>,
    wanted: Option<ReturnConsumedCapacity>,
) -> Option<Vec<api::types::ConsumedCapacity>> {
    let report: Vec<_> = consumed
        .iter()
        .filter_map(|(table_name, consumed)| consumed.report(table_name, wanted))
        .collect();
    (!report.is_empty()).then_some(report)
}

/// What one request of the batch asks for.
fn understand(write: Write) -> Result<Requested, Error> {
    match (write.put_request, write.delete_request) {
        (Some(put), None) => {
            request::check_values(OPERATION, &put.item)?;
            if put.item.item.size_bytes() > ITEM_BYTES_MAX {
                return Err(Error::validation(
                    "Item size has exceeded the maximum allowed size",
                ));
            }
            Ok(Requested::Put(put.item.item))
        }
        (None, Some(delete)) => {
            request::check_values(OPERATION, &delete.key)?;
            Ok(Requested::Delete(delete.key.item))
        }
        (Some(_), Some(_)) => Err(Error::validation(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported \
             datatypes",
        )),
        (None, None) => Err(Error::validation(
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
        )),
    }
}

/// Checks every write against its table before any is made, and that no item is written twice.
async fn check_against_tables<S: Store>(
    engine: &Engine<S>,
    call: &Call<'_>,
    requests: &[WriteRequest],
) -> Result<(), Error> {
    let mut tables: Vec<Arc<Table>> = Vec::with_capacity(requests.len());
    for request in requests {
        tables.push(engine.table_for_items(call, &request.table_name).await?);
    }
    let mut seen = HashSet::with_capacity(requests.len());
    for (request, table) in requests.iter().zip(tables) {
        if let Requested::Put(item) = &request.requested {
            check_put(&table, item)?;
        }
        let write = request.plan(table)?;
        if !seen.insert(write.key) {
            return Err(Error::validation(
                "Provided list of item keys contains duplicates",
            ));
        }
    }
    Ok(())
}

/// Checks an item to put; a missing or mistyped key is worded as in a key to look up (AWS-FACTS 15).
fn check_put(table: &Table, item: &Item) -> Result<(), Error> {
    let schema = &table.descriptor.key_schema;
    let fits = schema.attributes().all(|attribute| {
        item.get(&attribute.name)
            .is_some_and(|value| value.value_type() == attribute.key_type.value_type())
    });
    if !fits {
        return Err(key_mismatch());
    }
    check_item_key(schema, item)?;
    check_index_keys(table, item)
}
