//! TransactWriteItems and TransactGetItems.

use std::collections::{BTreeMap, BTreeSet};

use api::types::{
    CancellationReason, ConditionCheck, ConsumedCapacity, Delete, Get, Put, ReturnConsumedCapacity,
    ReturnItemCollectionMetrics, ReturnValuesOnConditionCheckFailure, TransactGetItem, TransactGetItemsInput,
    TransactWriteItem, TransactWriteItemsInput, Update,
};
use api::{DynamoDb, Error, ErrorKind};

use super::agree::{UnitsOf, capacity_mode, same, same_capacity_of, same_item, same_metrics};
use super::{Home, Session};
use crate::evaluate::select;
use crate::expression::{Condition, Path, Printer};
use crate::random::{self, chance, pick};
use crate::read::read_cost;
use crate::table::{Consumed, Refusal, Table, Write, Written};
use crate::value::{Attributes, to_map};

/// How long a token is remembered.
const TOKEN_MS: u64 = 10 * 60 * 1000;

/// One action of a transaction.
#[derive(Clone, Debug)]
struct Action {
    table: String,
    write: Write,
    condition: Option<Condition>,
    returns_item: bool,
}

/// A transaction that was made under a token.
#[derive(Clone)]
pub(super) struct Remembered {
    input: TransactWriteItemsInput,
    actions: Vec<Action>,
    /// What a repeat costs, by table.
    read_units: BTreeMap<String, f64>,
    made_at_ms: u64,
}

/// Why a transaction is not made.
#[derive(Debug)]
enum Failure {
    Refused(Refusal),
    /// By action, where it is one that cannot be done.
    Cancelled(Vec<Option<Refusal>>),
}

/// The values, or the failure for which of them cannot be had.
fn all_of<T>(results: Vec<Result<T, Refusal>>) -> Result<Vec<T>, Failure> {
    if results.iter().all(Result::is_ok) {
        return Ok(results.into_iter().flatten().collect());
    }
    Err(Failure::Cancelled(results.into_iter().map(Result::err).collect()))
}

/// Panics where the engine fails otherwise.
#[track_caller]
fn same_failure(failure: &Failure, error: &Error) {
    let expected = match failure {
        Failure::Refused(refusal) => {
            let is_same = error.kind == refusal.kind
                && (refusal.messages.is_empty() || refusal.messages.contains(&error.message));
            assert!(
                is_same,
                "refused for another reason\n  expected: {refusal:?}\n  answered: {error}"
            );
            return;
        }
        Failure::Cancelled(expected) => expected,
    };
    same("the error", ErrorKind::TransactionCanceledException, error.kind);
    let code = |refusal: &Option<Refusal>| match refusal {
        None => "None",
        Some(refusal) if refusal.kind == ErrorKind::ConditionalCheckFailedException => {
            "ConditionalCheckFailed"
        }
        Some(_) => "ValidationError",
    };
    let codes: Vec<&str> = expected.iter().map(code).collect();
    let message = format!(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
        codes.join(", ")
    );
    same("the message", &message, &error.message);
    let reasons: &[CancellationReason] = error.cancellation_reasons.as_deref().unwrap_or_default();
    same("reasons", codes.len(), reasons.len());
    for ((refusal, code), reason) in expected.iter().zip(codes).zip(reasons) {
        same("the code of a reason", Some(code), reason.code.as_deref());
        let item = refusal.as_ref().and_then(|refusal| refusal.item.as_deref());
        same_item("the item of a reason", item, reason.item.as_ref());
        let is_said = match (refusal, &reason.message) {
            (None, None) => true,
            (Some(refusal), Some(message)) => refusal.messages.contains(message),
            _ => false,
        };
        assert!(
            is_said,
            "another reason\n  expected: {refusal:?}\n  answered: {reason:?}"
        );
    }
}

impl<H: Home> Session<H> {
    /// An action on an item of a table, for the model and for the engine.
    fn draw_action(&mut self, name: &str) -> (Action, TransactWriteItem) {
        let table = &self.tables[name];
        let rng = &mut self.rng;
        let key = if chance(rng, 60) {
            random::existing_key(rng, table)
        } else {
            random::key(rng, table)
        };
        let item = table.get(&key);
        let base = item.as_deref().unwrap_or(&key);
        let mut printer = Printer::new(rng);
        let kind = rng.u8(..8);
        let nothing = Attributes::new();
        let condition = (kind == 7 || chance(rng, 25))
            .then(|| random::condition(rng, table, item.as_deref().unwrap_or(&nothing), |_| true));
        let condition_expression = condition.as_ref().map(|condition| printer.condition(condition));
        let returns_item = rng.bool();
        let return_values_on_condition_check_failure =
            returns_item.then_some(ReturnValuesOnConditionCheckFailure::AllOld);
        let table_name = name.to_owned();
        let mut asked = TransactWriteItem::default();
        let write = match kind {
            0..3 => {
                let may_be_wrong = chance(rng, 2);
                let item = random::item(rng, table, key, may_be_wrong);
                asked.put = Some(Put {
                    table_name,
                    item: to_map(&item),
                    condition_expression,
                    expression_attribute_names: printer.names(),
                    expression_attribute_values: printer.values(),
                    return_values_on_condition_check_failure,
                });
                Write::Put(item)
            }
            3..6 => {
                let actions = random::update(rng, table, base);
                asked.update = Some(Update {
                    table_name,
                    key: to_map(&key),
                    update_expression: printer.update(&actions),
                    condition_expression,
                    expression_attribute_names: printer.names(),
                    expression_attribute_values: printer.values(),
                    return_values_on_condition_check_failure,
                });
                Write::Update {
                    key,
                    actions,
                    is_legacy: false,
                }
            }
            6 => {
                asked.delete = Some(Delete {
                    table_name,
                    key: to_map(&key),
                    condition_expression,
                    expression_attribute_names: printer.names(),
                    expression_attribute_values: printer.values(),
                    return_values_on_condition_check_failure,
                });
                Write::Delete { key }
            }
            _ => {
                asked.condition_check = Some(ConditionCheck {
                    table_name,
                    key: to_map(&key),
                    condition_expression: condition_expression.expect("a check has a condition"),
                    expression_attribute_names: printer.names(),
                    expression_attribute_values: printer.values(),
                    return_values_on_condition_check_failure,
                });
                Write::Check { key }
            }
        };
        self.mix.count_all(printer.used.iter().copied());
        let action = Action {
            table: name.to_owned(),
            write,
            condition,
            returns_item,
        };
        (action, asked)
    }

    pub async fn transact_write_items(&mut self) {
        let names: Vec<String> = self.tables.keys().cloned().collect();
        if names.is_empty() {
            return;
        }
        if !self.tokens.is_empty() && chance(&mut self.rng, 12) {
            return self.repeat_transaction().await;
        }
        let (actions, mut input) = self.draw_transaction(&names);
        // A token that has stood for something else.
        let mismatches = match self.tokens.back() {
            Some(known) if chance(&mut self.rng, 3) && known.made_at_ms + TOKEN_MS > self.now_ms() => {
                input.client_request_token = known.input.client_request_token.clone();
                true
            }
            _ => false,
        };
        self.transact(actions, input, mismatches).await;
    }

    fn draw_transaction(&mut self, names: &[String]) -> (Vec<Action>, TransactWriteItemsInput) {
        let mut actions: Vec<Action> = Vec::new();
        let mut input = TransactWriteItemsInput {
            return_consumed_capacity: capacity_mode(&mut self.rng),
            return_item_collection_metrics: self.rng.bool().then_some(ReturnItemCollectionMetrics::Size),
            client_request_token: self.rng.bool().then(|| format!("token-{}", self.rng.u32(..))),
            ..Default::default()
        };
        let may_repeat = chance(&mut self.rng, 2);
        for _ in 0..self.rng.usize(1..=5) {
            let name = pick(&mut self.rng, names).clone();
            let (action, asked) = self.draw_action(&name);
            let key = |action: &Action| self.tables[&action.table].primary_key(action.write.key());
            let is_new = !actions
                .iter()
                .any(|known| known.table == name && key(known) == key(&action));
            if is_new || may_repeat {
                actions.push(action);
                input.transact_items.push(asked);
            }
        }
        (actions, input)
    }

    /// Sends a transaction. `mismatches`: whether its token stands for another one.
    async fn transact(&mut self, actions: Vec<Action>, input: TransactWriteItemsInput, mismatches: bool) {
        self.log(format!(
            "TransactWriteItems {:?}\n  {}",
            input.client_request_token,
            actions
                .iter()
                .map(|action| format!("{action:?}"))
                .collect::<Vec<_>>()
                .join("\n  ")
        ));
        self.mix.count("TransactWriteItems");
        let predicted = self.predict_transaction(&actions, mismatches);
        let answer = self
            .engine()
            .transact_write_items(&self.context, input.clone())
            .await;
        self.mix
            .hit("transactions", "transactions that were made", predicted.is_ok());
        let (answer, written) = match (answer, predicted) {
            (Ok(answer), Ok(written)) => (answer, written),
            (Err(error), Err(failure)) => return same_failure(&failure, &error),
            (answer, predicted) => {
                panic!("only one fails\n  expected: {predicted:?}\n  answered: {answer:?}")
            }
        };
        let mut consumed: BTreeMap<String, Consumed> = BTreeMap::new();
        let mut read_units: BTreeMap<String, f64> = BTreeMap::new();
        let moment = self.moment();
        for (action, written) in actions.iter().zip(&written) {
            let table = self
                .tables
                .get_mut(&action.table)
                .expect("was checked to be there");
            table.make(written, moment);
            let units = consumed.entry(action.table.clone()).or_default();
            units.add(&written.consumed.clone().doubled());
            *read_units.entry(action.table.clone()).or_default() +=
                2.0 * read_cost(written.new.as_deref(), true);
        }
        let mode = input.return_consumed_capacity;
        self.same_units(
            answer.consumed_capacity.as_ref(),
            mode,
            &consumed,
            UnitsOf::Writes,
        );
        let mut metrics = answer.item_collection_metrics.unwrap_or_default();
        for action in &actions {
            let of_table = metrics
                .get_mut(&action.table)
                .filter(|of_table| !of_table.is_empty());
            let of_write = of_table.map(|of_table| of_table.remove(0));
            let table = &self.tables[&action.table];
            same_metrics(
                of_write.as_ref(),
                input.return_item_collection_metrics,
                table,
                action.write.key(),
            );
        }
        if input.client_request_token.is_some() {
            if self.tokens.len() >= 8 {
                self.tokens.pop_front();
            }
            let made_at_ms = self.now_ms();
            self.tokens.push_back(Remembered {
                input,
                actions,
                read_units,
                made_at_ms,
            });
        }
    }

    /// What comes of a transaction before its items are looked at.
    fn check_transaction(&self, actions: &[Action]) -> Result<(), Failure> {
        for action in actions {
            action.write.check().map_err(Failure::Refused)?;
        }
        if !actions.iter().all(|action| self.usable(&action.table).is_some()) {
            return Err(Failure::Refused(Refusal::no_table()));
        }
        let checks = actions
            .iter()
            .map(|action| self.tables[&action.table].check_write(&action.write, action.condition.as_ref()))
            .collect();
        all_of(checks)?;
        let mut seen = BTreeSet::new();
        let key = |action: &Action| self.tables[&action.table].primary_key(action.write.key());
        if !actions
            .iter()
            .all(|action| seen.insert((&action.table, key(action))))
        {
            return Err(Failure::Refused(Refusal::validation(
                "Transaction request cannot include multiple operations on one item",
            )));
        }
        Ok(())
    }

    fn predict_transaction(&self, actions: &[Action], mismatches: bool) -> Result<Vec<Written>, Failure> {
        self.check_transaction(actions)?;
        if mismatches {
            let kind = ErrorKind::IdempotentParameterMismatchException;
            return Err(Failure::Refused(Refusal::new(kind, "")));
        }
        let decide = |action: &Action| {
            let table: &Table = &self.tables[&action.table];
            table
                .decide(&action.write, action.condition.as_ref())
                .map_err(|mut refusal| {
                    refusal.item = refusal.item.filter(|_| action.returns_item);
                    refusal
                })
        };
        all_of(actions.iter().map(decide).collect())
    }

    /// Sends a transaction again under its token: nothing comes of it, unless it is so long ago that
    /// it is one like any other.
    async fn repeat_transaction(&mut self) {
        let place = self.rng.usize(..self.tokens.len());
        let mut known = self.tokens[place].clone();
        if known.made_at_ms + TOKEN_MS <= self.now_ms() {
            self.tokens.remove(place);
            self.mix.count("transactions repeated too late");
            return self.transact(known.actions, known.input, false).await;
        }
        // One that could not be planned now is no repeat.
        if self.check_transaction(&known.actions).is_err() {
            return;
        }
        known.input.return_consumed_capacity = capacity_mode(&mut self.rng);
        self.log(format!(
            "TransactWriteItems again {:?} {:?}",
            known.input.client_request_token, known.actions
        ));
        self.mix.count("TransactWriteItems");
        self.mix.count("transactions repeated");
        let mode = known.input.return_consumed_capacity;
        let answer = self
            .engine()
            .transact_write_items(&self.context, known.input)
            .await;
        let answer = answer.expect("a repeat is answered as the first was");
        let consumed = known.read_units.into_iter().map(|(name, table)| {
            let consumed = Consumed {
                table,
                ..Consumed::default()
            };
            (name, consumed)
        });
        self.same_units(
            answer.consumed_capacity.as_ref(),
            mode,
            &consumed.collect(),
            UnitsOf::Reads,
        );
    }

    fn same_units(
        &self,
        answer: Option<&Vec<ConsumedCapacity>>,
        mode: Option<ReturnConsumedCapacity>,
        consumed: &BTreeMap<String, Consumed>,
        units_of: UnitsOf,
    ) {
        if matches!(mode, None | Some(ReturnConsumedCapacity::None)) {
            return same("consumed capacity", None, answer);
        }
        let answer = answer.expect("consumed capacity was asked for");
        same("tables of the consumed capacity", consumed.len(), answer.len());
        for (name, consumed) in consumed {
            let of_table = answer
                .iter()
                .find(|capacity| capacity.table_name.as_ref() == Some(name));
            same_capacity_of(of_table, mode, &self.tables[name], consumed, units_of);
        }
    }

    pub async fn transact_get_items(&mut self) {
        let names: Vec<String> = self.tables.keys().cloned().collect();
        if names.is_empty() {
            return;
        }
        let mut reads: Vec<(String, Attributes, Option<Vec<Path>>)> = Vec::new();
        let mut input = TransactGetItemsInput {
            return_consumed_capacity: capacity_mode(&mut self.rng),
            ..Default::default()
        };
        let may_repeat = chance(&mut self.rng, 3);
        for _ in 0..self.rng.usize(1..=6) {
            let name = pick(&mut self.rng, &names).clone();
            let table = &self.tables[&name];
            let rng = &mut self.rng;
            let key = if chance(rng, 70) {
                random::existing_key(rng, table)
            } else {
                random::key(rng, table)
            };
            if !may_repeat
                && reads
                    .iter()
                    .any(|(known, known_key, _)| *known == name && *known_key == key)
            {
                continue;
            }
            let item = table.get(&key);
            let mut printer = Printer::new(rng);
            let paths =
                chance(rng, 40).then(|| random::projection(rng, table, item.as_deref().unwrap_or(&key)));
            input.transact_items.push(TransactGetItem {
                get: Get {
                    table_name: name.clone(),
                    key: to_map(&key),
                    projection_expression: paths.as_ref().map(|paths| printer.projection(paths)),
                    expression_attribute_names: printer.names(),
                },
            });
            reads.push((name, key, paths));
        }
        self.log(format!("TransactGetItems {reads:?}"));
        self.mix.count("TransactGetItems");
        let mode = input.return_consumed_capacity;
        let predicted = self.predict_transact_get(&reads);
        let answer = match (
            self.engine().transact_get_items(&self.context, input).await,
            predicted,
        ) {
            (Ok(answer), Ok(())) => answer,
            (Err(error), Err(failure)) => return same_failure(&failure, &error),
            (answer, predicted) => {
                panic!("only one fails\n  expected: {predicted:?}\n  answered: {answer:?}")
            }
        };
        let responses = answer.responses.expect("there are responses");
        same("responses", reads.len(), responses.len());
        let mut consumed: BTreeMap<String, Consumed> = BTreeMap::new();
        for ((name, key, paths), response) in reads.iter().zip(&responses) {
            let item = self.tables[name].get(key);
            consumed.entry(name.clone()).or_default().table += 2.0 * read_cost(item.as_deref(), true);
            let expected = item.as_deref().map(|item| match paths {
                None => item.clone(),
                Some(paths) => select(paths, item),
            });
            same_item("item", expected.as_ref(), response.item.as_ref());
        }
        self.same_units(answer.consumed_capacity.as_ref(), mode, &consumed, UnitsOf::Reads);
    }

    fn predict_transact_get(&self, reads: &[(String, Attributes, Option<Vec<Path>>)]) -> Result<(), Failure> {
        if !reads.iter().all(|(name, ..)| self.usable(name).is_some()) {
            return Err(Failure::Refused(Refusal::no_table()));
        }
        let check = |(name, _, paths): &(String, Attributes, Option<Vec<Path>>)| {
            Refusal::one_of(self.tables[name].check_paths(paths.iter().flatten()))
        };
        all_of(reads.iter().map(check).collect())?;
        let mut seen = BTreeSet::new();
        let mut keys = reads
            .iter()
            .map(|(name, key, _)| (name, self.tables[name].primary_key(key)));
        if !keys.all(|key| seen.insert(key)) {
            return Err(Failure::Refused(Refusal::validation(
                "Transaction request cannot include multiple operations on one item",
            )));
        }
        Ok(())
    }
}
