//! BatchGetItem and BatchWriteItem.

use std::collections::{BTreeMap, BTreeSet};

use api::DynamoDb;
use api::types::{
    BatchGetItemInput, BatchWriteItemInput, ConsumedCapacity, DeleteRequest, KeysAndAttributes, PutRequest,
    ReturnConsumedCapacity, ReturnItemCollectionMetrics, WriteRequest,
};
use indexmap::IndexMap;

use super::agree::{agreed, capacity_mode, same, same_capacity, same_metrics};
use super::{Home, Session};
use crate::evaluate::select;
use crate::expression::{Path, Printer};
use crate::random::{self, chance, pick};
use crate::read::read_cost;
use crate::table::{Consumed, Refusal, Table, Write};
use crate::value::{Attributes, from_map, to_map};

/// What one table is asked for.
struct TableKeys {
    name: String,
    keys: Vec<Attributes>,
    paths: Option<Vec<Path>>,
    is_consistent: bool,
}

impl<H: Home> Session<H> {
    /// Different tables, in any order, and now and then one that does not exist.
    fn draw_tables(&mut self, count_max: usize) -> Vec<String> {
        let mut names: Vec<String> = self.tables.keys().cloned().collect();
        if chance(&mut self.rng, 1) {
            names.push("missing".to_owned());
        }
        self.rng.shuffle(&mut names);
        names.truncate(self.rng.usize(1..=count_max));
        names
    }

    fn same_capacities(
        &self,
        answer: Option<&Vec<ConsumedCapacity>>,
        mode: Option<ReturnConsumedCapacity>,
        consumed: &BTreeMap<String, Consumed>,
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
            same_capacity(of_table, mode, &self.tables[name], consumed);
        }
    }

    pub async fn batch_get_item(&mut self) {
        let mut requests: Vec<TableKeys> = Vec::new();
        let mut request_items: IndexMap<String, KeysAndAttributes> = IndexMap::new();
        for name in self.draw_tables(3) {
            let mut request = TableKeys {
                name: name.clone(),
                keys: Vec::new(),
                paths: None,
                is_consistent: self.rng.bool(),
            };
            let mut printer = Printer::new(&mut self.rng);
            let mut asked = KeysAndAttributes::default();
            match self.tables.get(&name) {
                None => request
                    .keys
                    .push(Attributes::from([("pk".to_owned(), crate::value::Value::Null)])),
                Some(table) => {
                    let rng = &mut self.rng;
                    let may_repeat = chance(rng, 2);
                    for _ in 0..rng.usize(1..=8) {
                        let key = if rng.bool() {
                            random::existing_key(rng, table)
                        } else {
                            random::key(rng, table)
                        };
                        if may_repeat || !request.keys.contains(&key) {
                            request.keys.push(key);
                        }
                    }
                    if chance(rng, 1) {
                        random::spoil_key(rng, table, &mut request.keys[0]);
                    }
                    if chance(rng, 30) {
                        let item = table.get(&request.keys[0]);
                        let paths =
                            random::projection(rng, table, item.as_deref().unwrap_or(&request.keys[0]));
                        asked.projection_expression = Some(printer.projection(&paths));
                        request.paths = Some(paths);
                    }
                }
            }
            asked.keys = request.keys.iter().map(to_map).collect();
            asked.consistent_read = request.is_consistent.then_some(true);
            asked.expression_attribute_names = printer.names();
            request_items.insert(name, asked);
            requests.push(request);
        }
        if requests.is_empty() {
            return;
        }
        let mode = capacity_mode(&mut self.rng);
        let lines: Vec<String> = requests
            .iter()
            .map(|request| format!("{} {:?} {:?}", request.name, request.keys, request.paths))
            .collect();
        self.log(format!("BatchGetItem {}", lines.join("\n  ")));
        self.mix.count("BatchGetItem");
        let input = BatchGetItemInput {
            request_items,
            return_consumed_capacity: mode,
        };
        let answer = self.engine().batch_get_item(&self.context, input).await;
        let Some((answer, ())) = agreed(answer, self.predict_batch_get(&requests)) else {
            return;
        };

        same(
            "unprocessed keys",
            Some(true),
            answer.unprocessed_keys.map(|keys| keys.is_empty()),
        );
        let responses = answer.responses.expect("there are responses");
        same("tables that answered", requests.len(), responses.len());
        let mut consumed: BTreeMap<String, Consumed> = BTreeMap::new();
        for request in &requests {
            let table = &self.tables[&request.name];
            let mut expected: Vec<Attributes> = Vec::new();
            let units = consumed.entry(request.name.clone()).or_default();
            for key in &request.keys {
                let item = table.get(key);
                units.table += read_cost(item.as_deref(), request.is_consistent);
                expected.extend(item.map(|item| match &request.paths {
                    None => (*item).clone(),
                    Some(paths) => select(paths, &item),
                }));
            }
            // The service promises no order.
            expected.sort();
            let mut answered: Vec<Attributes> = responses[&request.name].iter().map(from_map).collect();
            answered.sort();
            same("items", expected, answered);
        }
        self.same_capacities(answer.consumed_capacity.as_ref(), mode, &consumed);
    }

    fn predict_batch_get(&self, requests: &[TableKeys]) -> Result<(), Refusal> {
        for request in requests {
            let distinct: BTreeSet<&Attributes> = request.keys.iter().collect();
            if distinct.len() < request.keys.len() {
                return Err(Refusal::validation(
                    "Provided list of item keys contains duplicates",
                ));
            }
        }
        if !requests
            .iter()
            .all(|request| self.usable(&request.name).is_some())
        {
            return Err(Refusal::no_table());
        }
        let mut problems = BTreeSet::new();
        for request in requests {
            let table = &self.tables[&request.name];
            for key in &request.keys {
                problems.extend(
                    table
                        .check_key(key)
                        .err()
                        .into_iter()
                        .flat_map(|refusal| refusal.messages),
                );
            }
            problems.extend(table.check_paths(request.paths.iter().flatten()));
        }
        Refusal::one_of(problems)
    }

    pub async fn batch_write_item(&mut self) {
        let mut writes: Vec<(String, Write)> = Vec::new();
        let may_be_wrong = chance(&mut self.rng, 4);
        let may_repeat = chance(&mut self.rng, 3);
        for name in self.draw_tables(2) {
            let Some(table) = self.tables.get(&name) else {
                writes.push((
                    name,
                    Write::Delete {
                        key: Attributes::from([("pk".to_owned(), crate::value::Value::Null)]),
                    },
                ));
                continue;
            };
            let rng = &mut self.rng;
            let count = if table.has_large_items {
                rng.usize(1..=3)
            } else {
                rng.usize(1..=8)
            };
            let mut keys: BTreeSet<Attributes> = BTreeSet::new();
            for _ in 0..count {
                let mut key = if rng.bool() {
                    random::existing_key(rng, table)
                } else {
                    random::key(rng, table)
                };
                if !keys.insert(key.clone()) && !may_repeat {
                    continue;
                }
                if may_be_wrong && chance(rng, 10) {
                    random::spoil_key(rng, table, &mut key);
                }
                let write = if chance(rng, 65) {
                    Write::Put(random::item(rng, table, key, may_be_wrong))
                } else {
                    Write::Delete { key }
                };
                writes.push((name.clone(), write));
            }
        }
        self.write_batch(writes).await;
    }

    /// Fills a table with many items.
    pub async fn fill_table(&mut self) {
        // A wide one, so that a backfill takes many steps.
        let wide = self.tables.values().filter(|table| table.sort_pool.len() > 100);
        let wide: Vec<String> = wide.map(|table| table.name.clone()).collect();
        let name = if wide.is_empty() {
            self.any_table()
        } else {
            Some(pick(&mut self.rng, &wide).clone())
        };
        let Some(name) = name else { return };
        for _ in 0..10 {
            let table = &self.tables[&name];
            if table.has_large_items {
                return;
            }
            let rng = &mut self.rng;
            let keys: BTreeSet<Attributes> = (0..25).map(|_| random::key(rng, table)).collect();
            let puts = keys
                .into_iter()
                .map(|key| (name.clone(), Write::Put(random::item(rng, table, key, false))));
            let writes = puts.collect();
            self.write_batch(writes).await;
        }
    }

    async fn write_batch(&mut self, writes: Vec<(String, Write)>) {
        if writes.is_empty() {
            return;
        }
        let mut request_items: IndexMap<String, Vec<WriteRequest>> = IndexMap::new();
        for (name, write) in &writes {
            request_items.entry(name.clone()).or_default().push(match write {
                Write::Put(item) => WriteRequest {
                    put_request: Some(PutRequest { item: to_map(item) }),
                    delete_request: None,
                },
                Write::Delete { key } | Write::Update { key, .. } | Write::Check { key } => WriteRequest {
                    put_request: None,
                    delete_request: Some(DeleteRequest { key: to_map(key) }),
                },
            });
        }
        let mode = capacity_mode(&mut self.rng);
        let metrics_mode = self.rng.bool().then_some(ReturnItemCollectionMetrics::Size);
        self.log(format!("BatchWriteItem {writes:?}"));
        self.requests += 1;
        let moment = self.moment();
        self.mix.count("BatchWriteItem");
        let input = BatchWriteItemInput {
            request_items,
            return_consumed_capacity: mode,
            return_item_collection_metrics: metrics_mode,
        };
        let answer = self.engine().batch_write_item(&self.context, input).await;
        let Some((answer, ())) = agreed(answer, self.predict_batch_write(&writes)) else {
            return self.mix.count("refused writes");
        };
        same(
            "unprocessed items",
            Some(true),
            answer.unprocessed_items.map(|items| items.is_empty()),
        );
        let mut consumed: BTreeMap<String, Consumed> = BTreeMap::new();
        let mut metrics = answer.item_collection_metrics.unwrap_or_default();
        for (name, write) in &writes {
            let table = self.tables.get_mut(name).expect("was checked to be there");
            let written = table.write(write, None, moment).expect("was checked");
            consumed.entry(name.clone()).or_default().add(&written.consumed);
            let key = write.key();
            let of_table = metrics.get_mut(name).filter(|of_table| !of_table.is_empty());
            let of_write = of_table.map(|of_table| of_table.remove(0));
            same_metrics(of_write.as_ref(), metrics_mode, table, key);
        }
        same(
            "no more item collection metrics",
            true,
            metrics.values().all(Vec::is_empty),
        );
        self.same_capacities(answer.consumed_capacity.as_ref(), mode, &consumed);
    }

    fn predict_batch_write(&self, writes: &[(String, Write)]) -> Result<(), Refusal> {
        writes.iter().try_for_each(|(_, write)| write.check())?;
        if !writes.iter().all(|(name, _)| self.usable(name).is_some()) {
            return Err(Refusal::no_table());
        }
        let mut problems = BTreeSet::new();
        let mut seen = BTreeSet::new();
        for (name, write) in writes {
            let table = &self.tables[name];
            let (checked, key) = match write {
                Write::Put(item) => (self.check_put(table, item), item),
                Write::Delete { key } | Write::Update { key, .. } | Write::Check { key } => {
                    (table.check_key(key), key)
                }
            };
            if let Err(refusal) = checked {
                problems.extend(refusal.messages);
            } else if !seen.insert((name, table.primary_key(key))) {
                problems.insert("Provided list of item keys contains duplicates".to_owned());
            }
        }
        Refusal::one_of(problems)
    }

    fn check_put(&self, table: &Table, item: &Attributes) -> Result<(), Refusal> {
        table.check_item_key(item, true)?;
        Refusal::one_of(table.check_index_keys(item, None))
    }
}
