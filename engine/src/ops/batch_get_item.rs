//! BatchGetItem.

use std::collections::HashSet;
use std::sync::Arc;

use api::types::{BatchGetItemInput, BatchGetItemOutput, KeysAndAttributes};
use api::{AttributeMap, Error, Operation};
use expr::Projection;
use indexmap::IndexMap;
use model::Item;
use model::limits::{BATCH_GET_BYTES_MAX, BATCH_GET_KEYS_MAX};
use store::{Key, Store};

use super::read_request;
use super::request::{self, Placeholders};
use crate::Engine;
use crate::capacity::{Consumed, read_units};
use crate::catalog::Table;
use crate::error::from_store;
use crate::expiry::{Expired, shown};
use crate::meter::{Call, Direction};
use crate::write::{check_key, check_key_paths, key_of, stored_item};

const OPERATION: Operation = Operation::BatchGetItem;

/// How many keys are read from the store at once: an answer that is full reads no more than these
/// in vain.
const READ_KEYS_MAX: usize = 25;

/// The part of a request for one table, understood.
struct TableRequest {
    name: String,
    keys: Vec<Item>,
    projection: Option<Arc<Projection>>,
    consistent: bool,
    /// The request as it came, for the keys that are not answered.
    rest: KeysAndAttributes,
}

pub(crate) async fn batch_get_item<S: Store>(
    engine: &Engine<S>,
    call: &Call<'_>,
    input: BatchGetItemInput,
) -> Result<BatchGetItemOutput, Error> {
    let mut requests = Vec::with_capacity(input.request_items.len());
    let mut key_count = 0;
    for (name, request) in input.request_items {
        let request = understand(name, request)?;
        key_count += request.keys.len();
        if key_count > BATCH_GET_KEYS_MAX {
            return Err(Error::validation(
                "Too many items requested for the BatchGetItem call",
            ));
        }
        requests.push(request);
    }
    let mut tables = Vec::with_capacity(requests.len());
    for request in &requests {
        tables.push(engine.table_for_items(call, &request.name).await?);
    }
    let mut places = Vec::with_capacity(requests.len());
    for (request, table) in requests.iter().zip(&tables) {
        places.push(keys_of(table, &request.keys)?);
        if let Some(projection) = &request.projection {
            check_key_paths(table, projection.paths())?;
        }
    }

    let mut answer = BatchGetItemOutput {
        responses: Some(IndexMap::new()),
        ..Default::default()
    };
    let mut unprocessed = IndexMap::new();
    let mut consumed_capacity = Vec::new();
    let mut admissions: Vec<_> = tables
        .iter()
        .zip(&requests)
        .map(|(table, request)| {
            let admission = call.admit_read(engine, table, None, None);
            admission.inspect_err(|_| {
                let keys = request.keys.iter().map(Item::attributes);
                keys.for_each(|key| call.refused_key(engine, table, None, Some(key)));
            })
        })
        .collect();
    if admissions.iter().all(Result::is_err) {
        admissions.swap_remove(0)?;
    }
    let mut room_bytes = BATCH_GET_BYTES_MAX.min(call.context.answer_bytes_max);
    for (((request, table), places), admission) in
        requests.into_iter().zip(tables).zip(places).zip(admissions)
    {
        let hidden = engine.hidden(&table);
        let read = match admission {
            Ok(()) => {
                read_table(
                    engine,
                    call,
                    &table,
                    &request,
                    &places,
                    hidden.as_ref(),
                    &mut room_bytes,
                )
                .await?
            }
            Err(_) => TableRead::default(),
        };
        if read.keys_read < request.keys.len() {
            let rest = request.keys[read.keys_read..]
                .iter()
                .cloned()
                .map(AttributeMap::from)
                .collect();
            unprocessed.insert(
                request.name.clone(),
                KeysAndAttributes {
                    keys: rest,
                    ..request.rest
                },
            );
        }
        if read.keys_read > 0 {
            let consumed = Consumed::of_table(read.units);
            call.charge(&table, Direction::Read, &consumed);
            consumed_capacity.extend(consumed.report(table.name(), input.return_consumed_capacity));
        }
        if let Some(responses) = &mut answer.responses {
            responses.insert(request.name, read.items);
        }
    }
    answer.unprocessed_keys = Some(unprocessed);
    answer.consumed_capacity = (!consumed_capacity.is_empty()).then_some(consumed_capacity);
    Ok(answer)
}

fn understand(name: String, request: KeysAndAttributes) -> Result<TableRequest, Error> {
    request::check_not_mixed(
        OPERATION,
        &[("AttributesToGet", request.attributes_to_get.is_some())],
        &[("ProjectionExpression", request.projection_expression.is_some())],
    )?;
    let placeholders = Placeholders::new(request.expression_attribute_names.clone(), None);
    placeholders.check_wanted(OPERATION, request.projection_expression.is_some(), false)?;
    let mut attributes = placeholders.open(OPERATION)?;
    let projection = read_request::projection(
        OPERATION,
        request.projection_expression.as_deref(),
        request.attributes_to_get.as_deref(),
        &mut attributes,
    )?;
    attributes
        .check_all_used()
        .map_err(request::refuse_expression(OPERATION))?;
    let mut seen = HashSet::with_capacity(request.keys.len());
    let mut keys = Vec::with_capacity(request.keys.len());
    for key in &request.keys {
        request::check_values(OPERATION, key)?;
        if !seen.insert(key.item.as_stored().clone()) {
            return Err(Error::validation(
                "Provided list of item keys contains duplicates",
            ));
        }
        keys.push(key.item.clone());
    }
    let rest = KeysAndAttributes {
        keys: Vec::new(),
        ..request
    };
    Ok(TableRequest {
        name,
        keys,
        projection,
        consistent: rest.consistent_read.unwrap_or(false),
        rest,
    })
}

fn keys_of(table: &Table, keys: &[Item]) -> Result<Vec<Key>, Error> {
    keys.iter()
        .map(|key| {
            check_key(&table.descriptor.key_schema, key)?;
            key_of(table, key.attributes())
        })
        .collect()
}

/// What was read of one table.
#[derive(Default)]
struct TableRead {
    items: Vec<AttributeMap>,
    /// How many keys were answered, found or not.
    keys_read: usize,
    units: f64,
}

/// Reads keys until the answer has no more room.
async fn read_table<S: Store>(
    engine: &Engine<S>,
    call: &Call<'_>,
    table: &Table,
    request: &TableRequest,
    places: &[Key],
    hidden: Option<&Expired<'_>>,
    room_bytes: &mut usize,
) -> Result<TableRead, Error> {
    let mut read = TableRead::default();
    for places in places.chunks(READ_KEYS_MAX) {
        if *room_bytes == 0 {
            break;
        }
        for stored in engine.store.get_many(places).await.map_err(from_store)? {
            let item = stored.map(stored_item).transpose()?;
            let size_bytes = item.as_ref().map_or(0, Item::size_bytes);
            if size_bytes > *room_bytes {
                *room_bytes = 0;
                return Ok(read);
            }
            *room_bytes -= size_bytes;
            let key = request.keys[read.keys_read].attributes();
            let units = read_units(size_bytes, request.consistent);
            call.accessed(engine, table, key, Direction::Read, units);
            read.keys_read += 1;
            read.units += units;
            let item = shown(item, hidden);
            let item = match &request.projection {
                None => item,
                Some(projection) => item.map(|item| projection.apply(item.attributes())),
            };
            read.items.extend(item.map(AttributeMap::from));
        }
    }
    Ok(read)
}
