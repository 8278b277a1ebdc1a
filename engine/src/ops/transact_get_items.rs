//! TransactGetItems: several items of one moment.

use std::sync::Arc;

use api::types::{Get, TransactGetItemsInput, TransactGetItemsOutput};
use api::{Error, Operation};
use expr::Projection;
use model::Item;
use store::{Key, Store};

use super::read_request;
use super::request::{self, Placeholders};
use super::transaction::{PlacedRead, all_or_cancelled, read_together};
use crate::Engine;
use crate::catalog::Table;
use crate::meter::Call;
use crate::write::{check_key, check_key_paths, key_of};

const OPERATION: Operation = Operation::TransactGetItems;

/// One read of the transaction, understood.
struct Read {
    table_name: String,
    key: Item,
    projection: Option<Arc<Projection>>,
}

pub(crate) async fn transact_get_items<S: Store>(
    engine: &Engine<S>,
    call: &Call<'_>,
    input: TransactGetItemsInput,
) -> Result<TransactGetItemsOutput, Error> {
    let reads: Vec<Read> = input
        .transact_items
        .into_iter()
        .map(|item| understand(item.get))
        .collect::<Result<_, _>>()?;
    let mut tables = Vec::with_capacity(reads.len());
    for read in &reads {
        tables.push(engine.table_for_items(call, &read.table_name).await?);
    }
    let placed = reads
        .into_iter()
        .zip(tables)
        .map(|(read, table)| {
            Ok(PlacedRead {
                place: place(&table, &read)?,
                key_attributes: read.key,
                table,
                projection: read.projection,
            })
        })
        .collect();
    let (responses, consumed_capacity) = read_together(
        engine,
        call,
        all_or_cancelled(placed)?,
        input.return_consumed_capacity,
    )
    .await?;
    Ok(TransactGetItemsOutput {
        consumed_capacity,
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
