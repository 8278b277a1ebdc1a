//! PutItem, UpdateItem, DeleteItem and GetItem.

use std::rc::Rc;

use api::DynamoDb;
use api::types::{
    AttributeValueUpdate, ConditionalOperator, ConsumedCapacity, DeleteItemInput, ExpectedAttributeValue,
    GetItemInput, ItemCollectionMetrics, PutItemInput, ReturnConsumedCapacity, ReturnItemCollectionMetrics,
    ReturnValue, ReturnValuesOnConditionCheckFailure, UpdateItemInput,
};
use api::{AttributeMap, Error};
use indexmap::IndexMap;

use super::agree::{agreed, capacity_mode, same, same_capacity, same_item, same_metrics};
use super::{Home, Session};
use crate::evaluate::select;
use crate::expression::{Action, Condition, Path, Printer};
use crate::legacy::attribute_updates;
use crate::random::{self, chance};
use crate::read::read_cost;
use crate::table::{Consumed, Refusal, Table, Write, Written};
use crate::value::{Attributes, size_bytes, to_map};

/// An item that has grown beyond this is replaced rather than updated, so that it does not go on.
const GROWN_BYTES: usize = 5000;

/// What the three writes share.
struct WritePlan {
    write: Write,
    condition: Option<Condition>,
    condition_text: Option<String>,
    expected: Option<IndexMap<String, ExpectedAttributeValue>>,
    operator: Option<ConditionalOperator>,
    printer: Printer,
    is_legacy: bool,
    returns: Option<ReturnValue>,
    on_failure: Option<ReturnValuesOnConditionCheckFailure>,
    capacity: Option<ReturnConsumedCapacity>,
    metrics: Option<ReturnItemCollectionMetrics>,
}

/// What their answers share.
type WriteAnswer = (
    Option<AttributeMap>,
    Option<ConsumedCapacity>,
    Option<ItemCollectionMetrics>,
);

impl<H: Home> Session<H> {
    /// The key that a write names, and the item that is there.
    fn draw_key(&mut self, name: &str, percent_existing: u32) -> (Attributes, Option<Rc<Attributes>>) {
        let Some(table) = self.tables.get(name) else {
            return (
                Attributes::from([("pk".to_owned(), crate::value::Value::string("a"))]),
                None,
            );
        };
        let rng = &mut self.rng;
        let mut key = if chance(rng, percent_existing) {
            random::existing_key(rng, table)
        } else {
            random::key(rng, table)
        };
        let item = table.get(&key);
        if chance(rng, 1) {
            random::spoil_key(rng, table, &mut key);
        }
        (key, item)
    }

    /// The rest of a write, about an item that is there or not.
    fn plan_write(&mut self, table: Option<&Table>, write: Write, item: Option<&Attributes>) -> WritePlan {
        let rng = &mut self.rng;
        let mut plan = WritePlan {
            write,
            condition: None,
            condition_text: None,
            expected: None,
            operator: None,
            printer: Printer::new(rng),
            is_legacy: chance(rng, 15),
            returns: None,
            on_failure: None,
            capacity: capacity_mode(rng),
            metrics: match rng.u8(..3) {
                0 => Some(ReturnItemCollectionMetrics::Size),
                1 => Some(ReturnItemCollectionMetrics::None),
                _ => None,
            },
        };
        plan.on_failure = match rng.u8(..3) {
            0 => None,
            1 => Some(ReturnValuesOnConditionCheckFailure::None),
            _ => Some(ReturnValuesOnConditionCheckFailure::AllOld),
        };
        let Some(table) = table.filter(|_| chance(rng, 55)) else {
            return plan;
        };
        let nothing = Attributes::new();
        let item = item.unwrap_or(&nothing);
        if plan.is_legacy {
            if let Some(conditions) = random::legacy_conditions(rng, table, item, |_| true) {
                plan.expected = Some(conditions.expected(rng));
                plan.operator = conditions.operator(rng);
                plan.condition = Some(conditions.condition());
                self.mix.count_all(conditions.used());
            }
        } else {
            let condition = random::condition(rng, table, item, |_| true);
            plan.condition_text = Some(plan.printer.condition(&condition));
            plan.condition = Some(condition);
        }
        plan
    }

    /// What must come of a write, which is made in the naive table.
    fn predict_write(&mut self, name: &str, plan: &WritePlan) -> Result<Written, Refusal> {
        plan.write.check()?;
        let (now_ms, moment) = (self.now_ms(), self.moment());
        let Some(table) = self.tables.get_mut(name).filter(|table| table.is_usable(now_ms)) else {
            return Err(Refusal::no_table());
        };
        let mut predicted = table.write(&plan.write, plan.condition.as_ref(), moment);
        if let Err(refusal) = &mut predicted
            && plan.on_failure != Some(ReturnValuesOnConditionCheckFailure::AllOld)
        {
            refusal.item = None;
        }
        predicted
    }

    fn log_write(&mut self, operation: &str, name: &str, plan: &WritePlan, before: Option<&Attributes>) {
        let line = format!(
            "{operation} {name} {:?}\n  condition {:?} {}\n  as {:?}\n  returns {:?} {:?} {:?}\n  item before {before:?}",
            plan.write,
            plan.condition_text,
            plan.printer.placeholders(),
            plan.condition,
            plan.returns,
            plan.on_failure,
            plan.capacity,
        );
        self.log(line);
    }

    /// Compares the answer to a write.
    fn agree_on_write(
        &mut self,
        name: &str,
        plan: &WritePlan,
        key: &Attributes,
        answer: Result<WriteAnswer, Error>,
        attributes: impl Fn(&Written) -> Option<Attributes>,
    ) {
        let predicted = self.predict_write(name, plan);
        if plan.condition.is_some() {
            self.mix.hit(
                "conditional writes",
                "conditional writes that passed",
                predicted.is_ok(),
            );
        }
        self.mix.count_all(plan.printer.used.iter().copied());
        match agreed(answer, predicted) {
            None => self.mix.count("refused writes"),
            Some(((answered, consumed, metrics), written)) => {
                same_item(
                    "returned attributes",
                    attributes(&written).as_ref(),
                    answered.as_ref(),
                );
                let table = &self.tables[name];
                same_capacity(consumed.as_ref(), plan.capacity, table, &written.consumed);
                same_metrics(metrics.as_ref(), plan.metrics, table, key);
            }
        }
    }

    pub async fn put_item(&mut self) {
        let name = self.table_name();
        let (key, before) = self.draw_key(&name, 40);
        let table = self.tables.remove(&name);
        let item = match &table {
            Some(table) => {
                let may_be_wrong = chance(&mut self.rng, 4);
                random::item(&mut self.rng, table, key.clone(), may_be_wrong)
            }
            None => key.clone(),
        };
        let mut plan = self.plan_write(table.as_ref(), Write::Put(item.clone()), before.as_deref());
        self.tables.extend(table.map(|table| (name.clone(), table)));
        plan.returns = self.draw_old_or_none();
        let input = PutItemInput {
            table_name: self.named(&name),
            item: to_map(&item),
            condition_expression: plan.condition_text.clone(),
            expression_attribute_names: plan.printer.names(),
            expression_attribute_values: plan.printer.values(),
            expected: plan.expected.clone(),
            conditional_operator: plan.operator,
            return_values: plan.returns,
            return_values_on_condition_check_failure: plan.on_failure,
            return_consumed_capacity: plan.capacity,
            return_item_collection_metrics: plan.metrics,
        };
        self.log_write("PutItem", &name, &plan, before.as_deref());
        self.mix.count("PutItem");
        let answer = self.engine().put_item(&self.context, input).await;
        let answer = answer.map(|answer| {
            (
                answer.attributes,
                answer.consumed_capacity,
                answer.item_collection_metrics,
            )
        });
        let returns_old = plan.returns == Some(ReturnValue::AllOld);
        let old = |written: &Written| written.old.as_deref().filter(|_| returns_old).cloned();
        self.agree_on_write(&name, &plan, &key, answer, old);
    }

    pub async fn delete_item(&mut self) {
        let name = self.table_name();
        let (key, before) = self.draw_key(&name, 70);
        let table = self.tables.remove(&name);
        let mut plan = self.plan_write(
            table.as_ref(),
            Write::Delete { key: key.clone() },
            before.as_deref(),
        );
        self.tables.extend(table.map(|table| (name.clone(), table)));
        plan.returns = self.draw_old_or_none();
        let input = DeleteItemInput {
            table_name: self.named(&name),
            key: to_map(&key),
            condition_expression: plan.condition_text.clone(),
            expression_attribute_names: plan.printer.names(),
            expression_attribute_values: plan.printer.values(),
            expected: plan.expected.clone(),
            conditional_operator: plan.operator,
            return_values: plan.returns,
            return_values_on_condition_check_failure: plan.on_failure,
            return_consumed_capacity: plan.capacity,
            return_item_collection_metrics: plan.metrics,
        };
        self.log_write("DeleteItem", &name, &plan, before.as_deref());
        self.mix.count("DeleteItem");
        let answer = self.engine().delete_item(&self.context, input).await;
        let answer = answer.map(|answer| {
            (
                answer.attributes,
                answer.consumed_capacity,
                answer.item_collection_metrics,
            )
        });
        let returns_old = plan.returns == Some(ReturnValue::AllOld);
        let old = |written: &Written| written.old.as_deref().filter(|_| returns_old).cloned();
        self.agree_on_write(&name, &plan, &key, answer, old);
    }

    fn draw_old_or_none(&mut self) -> Option<ReturnValue> {
        *random::pick(
            &mut self.rng,
            &[None, Some(ReturnValue::None), Some(ReturnValue::AllOld)],
        )
    }

    pub async fn update_item(&mut self) {
        let name = self.table_name();
        let (key, before) = self.draw_key(&name, 70);
        if before
            .as_deref()
            .is_some_and(|item| size_bytes(item) > GROWN_BYTES)
            && chance(&mut self.rng, 80)
        {
            return self.put_item().await;
        }
        let table = self.tables.remove(&name);
        let write = Write::Update {
            key: key.clone(),
            actions: Vec::new(),
            is_legacy: false,
        };
        let mut plan = self.plan_write(table.as_ref(), write, before.as_deref());
        let base = before.as_deref().unwrap_or(&key);
        let mut actions: Vec<Action> = Vec::new();
        let mut updates: Option<IndexMap<String, AttributeValueUpdate>> = None;
        let mut text = None;
        if let Some(table) = table.as_ref().filter(|_| chance(&mut self.rng, 97)) {
            if plan.is_legacy {
                actions = random::legacy_update(&mut self.rng, table, base);
                updates = Some(attribute_updates(&actions, &mut self.rng));
            } else {
                actions = random::update(&mut self.rng, table, base);
                text = Some(plan.printer.update(&actions));
            }
        }
        self.tables.extend(table.map(|table| (name.clone(), table)));
        plan.write = Write::Update {
            key: key.clone(),
            actions: actions.clone(),
            is_legacy: plan.is_legacy,
        };
        plan.returns = *random::pick(
            &mut self.rng,
            &[
                None,
                Some(ReturnValue::None),
                Some(ReturnValue::AllOld),
                Some(ReturnValue::AllNew),
                Some(ReturnValue::UpdatedOld),
                Some(ReturnValue::UpdatedNew),
            ],
        );
        let input = UpdateItemInput {
            table_name: self.named(&name),
            key: to_map(&key),
            update_expression: text.clone(),
            attribute_updates: updates,
            condition_expression: plan.condition_text.clone(),
            expression_attribute_names: plan.printer.names(),
            expression_attribute_values: plan.printer.values(),
            expected: plan.expected.clone(),
            conditional_operator: plan.operator,
            return_values: plan.returns,
            return_values_on_condition_check_failure: plan.on_failure,
            return_consumed_capacity: plan.capacity,
            return_item_collection_metrics: plan.metrics,
        };
        self.log_write(&format!("UpdateItem {text:?}"), &name, &plan, before.as_deref());
        self.mix.count("UpdateItem");
        let answer = self.engine().update_item(&self.context, input).await;
        let answer = answer.map(|answer| {
            (
                answer.attributes,
                answer.consumed_capacity,
                answer.item_collection_metrics,
            )
        });
        let paths: Vec<Path> = actions.into_iter().map(|action| action.path).collect();
        let returns = plan.returns;
        let attributes = |written: &Written| {
            let changed = |image: &Option<Rc<Attributes>>| {
                image
                    .as_ref()
                    .map(|image| select(&paths, image))
                    .filter(|changed| !changed.is_empty())
            };
            match returns? {
                ReturnValue::None => None,
                ReturnValue::AllOld => written.old.as_deref().cloned(),
                ReturnValue::AllNew => written.new.as_deref().cloned(),
                ReturnValue::UpdatedOld => changed(&written.old),
                ReturnValue::UpdatedNew => changed(&written.new),
            }
        };
        self.agree_on_write(&name, &plan, &key, answer, attributes);
    }

    pub async fn get_item(&mut self) {
        let name = self.table_name();
        let (key, item) = self.draw_key(&name, 75);
        let mut printer = Printer::new(&mut self.rng);
        let mut paths: Option<Vec<Path>> = None;
        let mut input = GetItemInput {
            key: to_map(&key),
            ..Default::default()
        };
        if let Some(table) = self.tables.get(&name).filter(|_| chance(&mut self.rng, 50)) {
            let mut drawn = random::projection(&mut self.rng, table, item.as_deref().unwrap_or(&key));
            if chance(&mut self.rng, 20) {
                let names = crate::expression::roots(&drawn);
                input.attributes_to_get = Some(names.iter().map(|name| (*name).to_owned()).collect());
                drawn = names.into_iter().map(Path::attribute).collect();
            } else {
                input.projection_expression = Some(printer.projection(&drawn));
            }
            paths = Some(drawn);
        }
        input.expression_attribute_names = printer.names();
        input.consistent_read = *random::pick(&mut self.rng, &[None, Some(true), Some(false)]);
        input.return_consumed_capacity = capacity_mode(&mut self.rng);
        input.table_name = self.named(&name);
        let line = format!(
            "GetItem {name} {key:?} {paths:?} {:?} {}",
            input.projection_expression,
            printer.placeholders()
        );
        self.log(line);
        self.mix.count("GetItem");
        let (mode, is_consistent) = (
            input.return_consumed_capacity,
            input.consistent_read == Some(true),
        );
        let answer = self.engine().get_item(&self.context, input).await;

        let predicted = match self.usable(&name) {
            None => Err(Refusal::no_table()),
            Some(table) => table
                .check_key(&key)
                .and_then(|()| Refusal::one_of(table.check_paths(paths.iter().flatten())))
                .map(|()| table.get(&key)),
        };
        let Some((answer, found)) = agreed(answer, predicted) else {
            return;
        };
        let consumed = Consumed {
            table: read_cost(found.as_deref(), is_consistent),
            ..Consumed::default()
        };
        same_capacity(
            answer.consumed_capacity.as_ref(),
            mode,
            &self.tables[&name],
            &consumed,
        );
        let expected = found.as_deref().map(|item| match &paths {
            None => item.clone(),
            Some(paths) => select(paths, item),
        });
        same_item("item", expected.as_ref(), answer.item.as_ref());
        same("whether it is there", found.is_some(), answer.item.is_some());
    }
}
