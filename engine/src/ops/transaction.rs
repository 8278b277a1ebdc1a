//! What transactions have in common, of actions and of statements: how an action that can't be done
//! cancels the transaction, and reading several items of one moment.

use std::collections::HashSet;
use std::sync::Arc;

use api::types::{CancellationReason, ConsumedCapacity, ItemResponse, ReturnConsumedCapacity};
use api::{Error, ErrorKind};
use expr::Projection;
use indexmap::IndexMap;
use model::Item;
use store::{Key, Store};

use super::transact_write_items::check_total_size;
use crate::Engine;
use crate::capacity::{Consumed, read_units};
use crate::catalog::Table;
use crate::error::from_store;
use crate::expiry::shown;
use crate::meter::{Call, Direction};
use crate::write::stored_item;

/// The reason for an action that could have been done.
fn no_reason() -> CancellationReason {
    CancellationReason {
        code: Some("None".to_owned()),
        ..Default::default()
    }
}

/// The reason that an action's own error gives; `None` for an error that is not the action's, and
/// that the whole request answers with.
fn reason_of(error: &Error) -> Option<CancellationReason> {
    let code = match error.kind {
        ErrorKind::ConditionalCheckFailedException => "ConditionalCheckFailed",
        ErrorKind::ValidationException => "ValidationError",
        ErrorKind::TransactionConflictException => "TransactionConflict",
        ErrorKind::ItemCollectionSizeLimitExceededException => "ItemCollectionSizeLimitExceeded",
        ErrorKind::DuplicateItemException => "DuplicateItem",
        ErrorKind::ResourceNotFoundException => "ResourceNotFound",
        ErrorKind::ProvisionedThroughputExceededException => "ProvisionedThroughputExceeded",
        ErrorKind::ThrottlingException => "ThrottlingError",
        _ => return None,
    };
    Some(CancellationReason {
        code: Some(code.to_owned()),
        message: Some(error.message.clone()),
        item: error.item.clone().map(Into::into),
    })
}

/// The values of all actions, or the error that cancels the transaction: a reason for every action,
/// by position.
pub(crate) fn all_or_cancelled<T>(results: Vec<Result<T, Error>>) -> Result<Vec<T>, Error> {
    if results.iter().all(Result::is_ok) {
        return Ok(results.into_iter().flatten().collect());
    }
    let mut reasons = Vec::with_capacity(results.len());
    for result in results {
        reasons.push(match result {
            Ok(_) => no_reason(),
            Err(error) => match reason_of(&error) {
                Some(reason) => reason,
                None => return Err(error),
            },
        });
    }
    Err(Error::transaction_canceled(reasons))
}

/// A transaction concerns each item once.
pub(crate) fn check_distinct<'k>(keys: impl Iterator<Item = &'k Key>) -> Result<(), Error> {
    let mut seen = HashSet::new();
    for key in keys {
        if !seen.insert(key) {
            return Err(Error::validation(
                "Transaction request cannot include multiple operations on one item",
            ));
        }
    }
    Ok(())
}

/// A read of one item in a transaction.
pub(crate) struct PlacedRead {
    pub table: Arc<Table>,
    pub place: Key,
    pub key_attributes: Item,
    pub projection: Option<Arc<Projection>>,
}

/// Reads different items of one moment: an answer for each, and the report of what they consumed.
pub(crate) async fn read_together<S: Store>(
    engine: &Engine<S>,
    call: &Call<'_>,
    reads: Vec<PlacedRead>,
    wanted: Option<ReturnConsumedCapacity>,
) -> Result<(Vec<ItemResponse>, Option<Vec<ConsumedCapacity>>), Error> {
    let places: Vec<Key> = reads.iter().map(|read| read.place.clone()).collect();
    check_distinct(places.iter())?;
    let admissions = reads
        .iter()
        .map(|read| call.admit_read(engine, &read.table, None, Some(read.key_attributes.attributes())));
    all_or_cancelled(admissions.collect())?;
    if let Some(items) = &engine.items_in_work {
        all_or_cancelled(items.check_reads(&places))?;
    }
    let mut responses = Vec::with_capacity(reads.len());
    let mut consumed: IndexMap<String, Consumed> = IndexMap::new();
    let mut total_bytes = 0;
    let found = engine.store.get_many(&places).await.map_err(from_store)?;
    for (read, stored) in reads.iter().zip(found) {
        let item = stored.map(stored_item).transpose()?;
        let size_bytes = item.as_ref().map_or(0, Item::size_bytes);
        total_bytes += size_bytes;
        // A transaction reads every item twice.
        let units = Consumed::of_table(2.0 * read_units(size_bytes, true));
        call.charge(&read.table, Direction::Read, &units);
        let key = read.key_attributes.attributes();
        call.accessed(engine, &read.table, key, Direction::Read, units.table_units);
        consumed
            .entry(read.table.name().to_owned())
            .or_default()
            .add(&units);
        let item = shown(item, engine.hidden(&read.table).as_ref());
        let item = match &read.projection {
            None => item,
            Some(projection) => item.map(|item| projection.apply(item.attributes())),
        };
        responses.push(ItemResponse {
            item: item.map(Into::into),
        });
    }
    check_total_size(total_bytes)?;
    let report: Vec<_> = consumed
        .iter()
        .filter_map(|(name, consumed)| consumed.report_reads(name, wanted))
        .collect();
    Ok((responses, (!report.is_empty()).then_some(report)))
}
