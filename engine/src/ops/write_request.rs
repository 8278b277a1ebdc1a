//! What PutItem, UpdateItem and DeleteItem do once their parameters are understood.

use std::sync::Arc;

use api::Error;
use api::types::{
    ConsumedCapacity, ItemCollectionMetrics, ReturnConsumedCapacity, ReturnItemCollectionMetrics,
    ReturnValuesOnConditionCheckFailure,
};
use expr::{Condition, Update};
use model::Item;
use store::Store;

use super::item_collection::CollectionMetrics;
use super::update_item::check_updates_no_key;
use crate::Engine;
use crate::capacity::Consumed;
use crate::catalog::Table;
use crate::log::Author;
use crate::meter::{Call, Direction};
use crate::write::{
    Action, ItemWrite, Refused, Written, check_index_keys, check_item_key, check_key, check_key_paths,
    check_no_empty_key, key_attributes_of, key_of,
};

/// What is written, as the request names it.
#[derive(Clone, Debug)]
pub(crate) enum Requested {
    /// A whole item.
    Put(Item),
    /// A whole item that must not be there.
    Insert(Item),
    /// The update of the item with this key.
    Update(Item, Arc<Update>),
    /// The removal of the item with this key.
    Delete(Item),
    /// Only the condition on the item with this key.
    Check(Item),
}

impl Requested {
    /// The item or the key.
    fn attributes(&self) -> &Item {
        match self {
            Requested::Put(item) | Requested::Insert(item) => item,
            Requested::Update(key, _) | Requested::Delete(key) | Requested::Check(key) => key,
        }
    }
}

/// A write of one item, planned anew whenever its table turns out to have changed.
pub(crate) struct WriteRequest {
    pub table_name: String,
    pub requested: Requested,
    pub condition: Option<Arc<Condition>>,
    pub on_failure: Option<ReturnValuesOnConditionCheckFailure>,
    pub capacity: Option<ReturnConsumedCapacity>,
    pub metrics: Option<ReturnItemCollectionMetrics>,
}

/// What the three operations answer with.
pub(crate) struct WriteAnswer {
    pub written: Written,
    pub consumed: Consumed,
    pub consumed_capacity: Option<ConsumedCapacity>,
    pub item_collection_metrics: Option<ItemCollectionMetrics>,
}

impl WriteRequest {
    /// Refuses an empty key attribute, which fails even a transaction as a whole (AWS-FACTS 16).
    pub fn check_no_empty_key(&self, table: &Table) -> Result<(), Error> {
        check_no_empty_key(&table.descriptor.key_schema, self.requested.attributes())
    }

    /// The write of the request in one version of the table.
    pub fn plan(&self, table: Arc<Table>) -> Result<ItemWrite, Error> {
        let schema = &table.descriptor.key_schema;
        let (key_attributes, action) = match &self.requested {
            Requested::Put(item) | Requested::Insert(item) => {
                check_item_key(schema, item)?;
                check_index_keys(&table, item)?;
                let action = match self.requested {
                    Requested::Insert(_) => Action::Insert(item.clone()),
                    _ => Action::Put(item.clone()),
                };
                (key_attributes_of(&table, item), action)
            }
            Requested::Update(key, update) => {
                check_key(schema, key)?;
                check_updates_no_key(&table, update)?;
                check_key_paths(&table, update.paths().chain(update.read_paths()))?;
                (key.clone(), Action::Update(update.clone()))
            }
            Requested::Delete(key) => {
                check_key(schema, key)?;
                (key.clone(), Action::Delete)
            }
            Requested::Check(key) => {
                check_key(schema, key)?;
                (key.clone(), Action::Check)
            }
        };
        if let Some(condition) = &self.condition {
            check_key_paths(&table, condition.paths())?;
        }
        Ok(ItemWrite {
            key: key_of(&table, key_attributes.attributes())?,
            key_attributes,
            condition: self.condition.clone(),
            return_item_on_failure: self.on_failure == Some(ReturnValuesOnConditionCheckFailure::AllOld),
            action,
            author: Author::Request,
            table,
        })
    }

    /// Writes.
    pub async fn run<S: Store>(self, engine: &Engine<S>, call: &Call<'_>) -> Result<WriteAnswer, Error> {
        let mut attempts = engine.write_attempts();
        loop {
            let table = engine.table_for_items(call, &self.table_name).await?;
            let write = self.plan(table.clone())?;
            call.admit_write(engine, &table, write.key_attributes.attributes())?;
            // Nobody else asks for it afterwards.
            let counted_key = engine.counts_keys(&table).then(|| write.key_attributes.clone());
            let metrics = CollectionMetrics::wanted(&table, self.metrics);
            engine.check_collection_room(&write).await?;
            let place = metrics.place_of(&write);
            let written = match engine.commit_write(write).await {
                Ok(Some(written)) => written,
                Ok(None) => {
                    attempts.next()?;
                    continue;
                }
                Err(Refused { error, consumed }) => {
                    call.charge(&table, Direction::Write, &consumed);
                    if let Some(key) = &counted_key {
                        let units = consumed.table_units;
                        call.accessed(engine, &table, key.attributes(), Direction::Write, units);
                    }
                    return Err(error);
                }
            };
            let consumed = written.consumed();
            call.charge(&table, Direction::Write, &consumed);
            if let Some(key) = &counted_key {
                call.written(engine, &table, key.attributes(), &written, &consumed);
            }
            return Ok(WriteAnswer {
                consumed_capacity: consumed.report(table.name(), self.capacity),
                consumed,
                item_collection_metrics: match place {
                    Some(place) => Some(place.measure(engine, &table).await?),
                    None => None,
                },
                written,
            });
        }
    }
}
