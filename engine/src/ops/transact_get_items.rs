//! TransactGetItems: several items of one moment.

use std::collections::HashSet;
use std::sync::Arc;

use api::types::{Get, ItemResponse, TransactGetItemsInput, TransactGetItemsOutput};
use api::{Error, Operation};
use expr::Projection;
use indexmap::IndexMap;
use model::Item;
use store::{Key, Store};

use super::read_request;
use super::request::{self, Placeholders};
use super::transact_write_items::check_total_size;
use super::transaction::all_or_cancelled;
use crate::Engine;
use crate::capacity::{Consumed, read_units};
use crate::catalog::Table;
use crate::error::from_store;
use crate::expiry::shown;
use crate::write::{check_key, check_key_paths, key_of, stored_item};

const OPERATION: Operation = Operation::TransactGetItems;

/// One read of the transaction, understood.
struct Read {
    table_name: String,
    key: Item,
    projection: Option<Arc<Projection>>,
}

pub(crate) async fn transact_get_items<S: Store>(
    engine: &Engine<S>,
    input: TransactGetItemsInput,
) -> Result<TransactGetItemsOutput, Error> {
    let reads: Vec<Read> = input
        .transact_items
        .into_iter()
        .map(|item| understand(item.get))
        .collect::<Result<_, _>>()?;
    let mut tables = Vec::with_capacity(reads.len());
    for read in &reads {
        tables.push(engine.table_for_items(&read.table_name).await?);
    }
    let places = reads
        .iter()
        .zip(&tables)
        .map(|(read, table)| place(table, read))
        .collect();
    let places: Vec<Key> = all_or_cancelled(places)?;
    let mut seen = HashSet::with_capacity(places.len());
    if !places.iter().all(|place| seen.insert(place)) {
        return Err(Error::validation(
            "Transaction request cannot include multiple operations on one item",
        ));
    }

    if let Some(items) = &engine.items_in_work {
        all_or_cancelled(items.check_reads(&places))?;
    }

    let mut responses = Vec::with_capacity(reads.len());
    let mut consumed: IndexMap<String, Consumed> = IndexMap::new();
    let mut total_bytes = 0;
    let found = engine.store.get_many(&places).await.map_err(from_store)?;
    for ((read, table), stored) in reads.iter().zip(&tables).zip(found) {
        let item = stored.map(stored_item).transpose()?;
        let size_bytes = item.as_ref().map_or(0, Item::size_bytes);
        total_bytes += size_bytes;
        // A transaction reads every item twice.
        let units = Consumed::of_table(2.0 * read_units(size_bytes, true));
        consumed.entry(table.name().to_owned()).or_default().add(&units);
        let item = shown(item, engine.hidden(table).as_ref());
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
        .filter_map(|(name, consumed)| consumed.report_reads(name, input.return_consumed_capacity))
        .collect();
    Ok(TransactGetItemsOutput {
        consumed_capacity: (!report.is_empty()).then_some(report),
        responses: Some(responses),
    })
}

fn understand(get: Get) -> Result<Read, Error> {
    request::check_values(OPERATION, &get.key)?;
    let placeholders = Placeholders::new(get.expression_attribute_names, None);
    placeholders.check_wanted(OPERATION, get.projection_expression.is_some(), false)?;
    let mut attributes = placeholders.open(OPERATION)?;
    let projection = read_request::projection(
        OPERATION,
        get.projection_expression.as_deref(),
        None,
        &mut attributes,
    )?;
    attributes
        .check_all_used()
        .map_err(request::refuse_expression(OPERATION))?;
    Ok(Read {
        table_name: get.table_name,
        key: get.key.item,
        projection,
    })
}

fn place(table: &Table, read: &Read) -> Result<Key, Error> {
    check_key(&table.descriptor.key_schema, &read.key)?;
    if let Some(projection) = &read.projection {
        check_key_paths(table, projection.paths())?;
    }
    key_of(table, read.key.attributes())
}
