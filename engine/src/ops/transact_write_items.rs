//! TransactWriteItems: writes of several items, all or none, each seen by nobody before the others.

use std::sync::Arc;

use api::types::{
    ItemCollectionMetrics, ReturnValuesOnConditionCheckFailure, TransactWriteItem, TransactWriteItemsInput,
    TransactWriteItemsOutput,
};
use api::{AttributeMap, Error, Operation};
use expr::{Condition, ExpressionKind, Update};
use indexmap::IndexMap;
use model::Item;
use model::limits::{ITEM_BYTES_MAX, TRANSACTION_BYTES_MAX};
use store::Store;

use super::fingerprint::fingerprint;
use super::item_collection::{CollectionMetrics, CollectionPlace};
use super::request::{self, Placeholders};
use super::transaction::{all_or_cancelled, check_distinct};
use super::write_request::{Requested, WriteRequest};
use crate::Engine;
use crate::capacity::Consumed;
use crate::catalog::Table;
use crate::meter::{Call, Direction};
use crate::write::{ItemWrite, Token, Transacted};

const OPERATION: Operation = Operation::TransactWriteItems;

pub(crate) async fn transact_write_items<S: Store>(
    engine: &Engine<S>,
    call: &Call<'_>,
    input: TransactWriteItemsInput,
) -> Result<TransactWriteItemsOutput, Error> {
    let token = input.client_request_token.map(|token| {
        let fingerprint = fingerprint(&input.transact_items);
        Token {
            token,
            fingerprint,
            now_ms: engine.clock.now_ms(),
        }
    });
    let mut requests = Vec::with_capacity(input.transact_items.len());
    for item in input.transact_items {
        requests.push(understand(item)?);
    }
    let mut attempts = engine.write_attempts();
    loop {
        let (writes, places) = plan(engine, call, &requests, input.return_item_collection_metrics).await?;
        let targets: Vec<(Arc<Table>, Item)> = writes
            .iter()
            .map(|write| (write.table.clone(), write.key_attributes.clone()))
            .collect();
        let Some(transacted) = engine.commit_transaction(call, writes, token.clone()).await? else {
            attempts.next()?;
            continue;
        };
        let mut consumed: IndexMap<String, Consumed> = IndexMap::new();
        let report = match &transacted {
            Transacted::Written(written) => {
                for ((table, key), written) in targets.iter().zip(written) {
                    // A transaction writes every item twice (AWS-FACTS 37).
                    let units = written.consumed().doubled();
                    call.charge(table, Direction::Write, &units);
                    call.written(engine, table, key.attributes(), written, &units);
                    consumed.entry(table.name().to_owned()).or_default().add(&units);
                }
                let wanted = input.return_consumed_capacity;
                consumed
                    .iter()
                    .filter_map(|(name, consumed)| consumed.report_writes(name, wanted))
                    .collect()
            }
            Transacted::Replayed(read_units) => {
                for (name, units) in read_units {
                    let units = Consumed::of_table(*units);
                    if let Some(table) = targets
                        .iter()
                        .map(|(table, _)| table)
                        .find(|table| table.name() == name)
                    {
                        call.charge(table, Direction::Read, &units);
                    }
                    consumed.entry(name.clone()).or_default().add(&units);
                }
                let wanted = input.return_consumed_capacity;
                consumed
                    .iter()
                    .filter_map(|(name, consumed)| consumed.report_reads(name, wanted))
                    .collect::<Vec<_>>()
            }
        };
        let mut metrics: IndexMap<String, Vec<ItemCollectionMetrics>> = IndexMap::new();
        for (table, place) in places {
            let measured = place.measure(engine, &table).await?;
            metrics.entry(table.name().to_owned()).or_default().push(measured);
        }
        return Ok(TransactWriteItemsOutput {
            consumed_capacity: (!report.is_empty()).then_some(report),
            item_collection_metrics: (!metrics.is_empty()).then_some(metrics),
        });
    }
}

type Places = Vec<(Arc<Table>, CollectionPlace)>;

/// Plans all writes in the tables as they are now. A write that can't be made whatever its item
/// holds cancels the transaction.
async fn plan<S: Store>(
    engine: &Engine<S>,
    call: &Call<'_>,
    requests: &[WriteRequest],
    metrics: Option<api::types::ReturnItemCollectionMetrics>,
) -> Result<(Vec<ItemWrite>, Places), Error> {
    let mut tables = Vec::with_capacity(requests.len());
    for request in requests {
        tables.push(engine.table_for_items(call, &request.table_name).await?);
    }
    let mut planned = Vec::with_capacity(requests.len());
    for (request, table) in requests.iter().zip(&tables) {
        request.check_no_empty_key(table)?;
        planned.push(request.plan(table.clone()));
    }
    let writes = all_or_cancelled(planned)?;
    check_distinct(writes.iter().map(|write| &write.key))?;
    let admissions = writes
        .iter()
        .map(|write| call.admit_write(engine, &write.table, write.key_attributes.attributes()));
    all_or_cancelled(admissions.collect())?;
    let mut rooms = Vec::with_capacity(writes.len());
    let mut places = Vec::new();
    for write in &writes {
        rooms.push(engine.check_collection_room(write).await);
        if let Some(place) = CollectionMetrics::wanted(&write.table, metrics).place_of(write) {
            places.push((write.table.clone(), place));
        }
    }
    all_or_cancelled(rooms)?;
    Ok((writes, places))
}

/// The parameters that every kind of action has.
struct Common {
    table_name: String,
    condition: Option<String>,
    names: Option<IndexMap<String, String>>,
    values: Option<AttributeMap>,
    on_failure: Option<ReturnValuesOnConditionCheckFailure>,
}

impl Common {
    /// The action that does what `requested` makes of the request's update.
    fn request(
        self,
        update: Option<&str>,
        requested: impl FnOnce(Option<Arc<Update>>) -> Requested,
    ) -> Result<WriteRequest, Error> {
        let placeholders = Placeholders::new(self.names, self.values);
        let has_expression = self.condition.is_some() || update.is_some();
        placeholders.check_wanted(OPERATION, has_expression, has_expression)?;
        let mut attributes = placeholders.open(OPERATION)?;
        let refuse = request::refuse_expression(OPERATION);
        let update = update
            .map(|text| Update::parse(text, &mut attributes))
            .transpose()
            .map_err(&refuse)?;
        let text = self.condition.as_deref();
        let condition: Option<Arc<Condition>> =
            request::parse_condition(OPERATION, ExpressionKind::Condition, text, &mut attributes)?;
        attributes.check_all_used().map_err(&refuse)?;
        Ok(WriteRequest {
            table_name: self.table_name,
            requested: requested(update.map(Arc::new)),
            condition,
            on_failure: self.on_failure,
            capacity: None,
            metrics: None,
        })
    }
}

/// What one action asks for, checked as far as the request alone allows.
fn understand(item: TransactWriteItem) -> Result<WriteRequest, Error> {
    match (item.put, item.update, item.delete, item.condition_check) {
        (Some(put), None, None, None) => {
            request::check_values(OPERATION, &put.item)?;
            if put.item.item.size_bytes() > ITEM_BYTES_MAX {
                return Err(Error::validation(
                    "Item size has exceeded the maximum allowed size",
                ));
            }
            let common = Common {
                table_name: put.table_name,
                condition: put.condition_expression,
                names: put.expression_attribute_names,
                values: put.expression_attribute_values,
                on_failure: put.return_values_on_condition_check_failure,
            };
            common.request(None, |_| Requested::Put(put.item.item))
        }
        (None, Some(update), None, None) => {
            request::check_values(OPERATION, &update.key)?;
            let common = Common {
                table_name: update.table_name,
                condition: update.condition_expression,
                names: update.expression_attribute_names,
                values: update.expression_attribute_values,
                on_failure: update.return_values_on_condition_check_failure,
            };
            common.request(Some(&update.update_expression), |parsed| {
                Requested::Update(
                    update.key.item,
                    parsed.expect("the action has an update expression"),
                )
            })
        }
        (None, None, Some(delete), None) => {
            request::check_values(OPERATION, &delete.key)?;
            let common = Common {
                table_name: delete.table_name,
                condition: delete.condition_expression,
                names: delete.expression_attribute_names,
                values: delete.expression_attribute_values,
                on_failure: delete.return_values_on_condition_check_failure,
            };
            common.request(None, |_| Requested::Delete(delete.key.item))
        }
        (None, None, None, Some(check)) => {
            request::check_values(OPERATION, &check.key)?;
            let common = Common {
                table_name: check.table_name,
                condition: Some(check.condition_expression),
                names: check.expression_attribute_names,
                values: check.expression_attribute_values,
                on_failure: check.return_values_on_condition_check_failure,
            };
            common.request(None, |_| Requested::Check(check.key.item))
        }
        (None, None, None, None) => Err(Error::validation(
            "1 validation error detected: Value '' at 'transactItems' failed to satisfy constraint: \
             TransactWriteRequest should contain Delete or Put or Update or ConditionCheck",
        )),
        _ => Err(Error::validation(
            "TransactItems can only contain one of Check, Put, Update or Delete",
        )),
    }
}

/// Refuses a transaction whose items are too large together.
pub(crate) fn check_total_size(total_bytes: usize) -> Result<(), Error> {
    if total_bytes > TRANSACTION_BYTES_MAX {
        return Err(Error::validation(
            "Collection of items in transaction exceeds the maximum allowed size of 4 MB",
        ));
    }
    Ok(())
}
