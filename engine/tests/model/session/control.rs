//! Tables and indexes made, described and dropped; background work, time, reopening, checks.

use api::types::{
    DeleteGlobalSecondaryIndexAction, DeleteTableInput, DescribeEndpointsRequest, DescribeLimitsInput,
    DescribeTableInput, GlobalSecondaryIndexUpdate, IndexStatus, KeySchemaElement, ListTablesInput,
    ListTagsOfResourceInput, StreamSpecification, TableDescription, TableStatus, Tag, TagResourceInput,
    UntagResourceInput, UpdateTableInput,
};
use api::{DynamoDb, ErrorKind};
use engine::Step;

use super::agree::{agreed, same};
use super::{Home, Session, TABLES_MAX};
use crate::random::{self, chance};
use crate::schema::{self, IndexState};
use crate::stream::Stream;
use crate::table::{Refusal, Table};
use crate::value::size_bytes;

/// How long an index may take to be filled, in steps.
const STEPS_MAX: usize = 10_000;

/// How many items a backfill indexes in one step.
const STEP_ITEMS: usize = 256;

pub(super) fn missing_table(name: &str) -> Refusal {
    Refusal::new(
        ErrorKind::ResourceNotFoundException,
        format!("Requested resource not found: Table: {name} not found"),
    )
}

/// A refusal because of what is going on, in whatever words.
pub(super) fn in_use() -> Refusal {
    Refusal {
        messages: Default::default(),
        ..Refusal::new(ErrorKind::ResourceInUseException, "")
    }
}

impl<H: Home> Session<H> {
    pub async fn create_table(&mut self) {
        let name = format!("table-{}", self.rng.usize(..TABLES_MAX + 1));
        if self.tables.len() >= TABLES_MAX && !self.tables.contains_key(&name) {
            return;
        }
        let now_ms = self.now_ms();
        let mut table = random::new_table(&mut self.rng, &name, now_ms);
        table.created_until_ms = now_ms + self.transition_ms;
        let mut input = schema::create_table(&name, &table.schema, &table.indexes, table.is_provisioned);
        if chance(&mut self.rng, 30) {
            input.tags = Some(vec![Tag {
                key: "made".to_owned(),
                value: "at once".to_owned(),
            }]);
            table.tags.insert("made".to_owned(), "at once".to_owned());
        }
        let (specification, wrong) = self.draw_specification(table.has_large_items);
        input.stream_specification = specification.clone();
        self.log(format!(
            "CreateTable {name} {:?} {:?} {specification:?}",
            table.schema, table.indexes
        ));
        self.mix.count("CreateTable");
        let answer = self.engine().create_table(&self.context, input).await;
        let predicted = match wrong {
            Some(message) => Err(Refusal::validation(message)),
            None if self.tables.contains_key(&name) => Err(in_use()),
            None => Ok(()),
        };
        let Some((answer, ())) = agreed(answer, predicted) else {
            return;
        };
        let description = answer.table_description.expect("a table is described");
        if let Some(view) = specification.and_then(|specification| specification.stream_view_type) {
            self.open_stream(&mut table, view, &description);
        }
        same("status", Some(TableStatus::Creating), description.table_status);
        same_shape(&table, &description);
        same(
            "items",
            (Some(0), Some(0)),
            (description.item_count, description.table_size_bytes),
        );
        self.tables.insert(name.clone(), table);
        if chance(&mut self.rng, 30) {
            self.set_time_to_live_of(name).await;
        }
    }

    pub async fn delete_table(&mut self) {
        let name = self.table_name();
        self.log(format!("DeleteTable {name}"));
        self.mix.count("DeleteTable");
        let input = DeleteTableInput {
            table_name: self.named(&name),
        };
        let answer = self.engine().delete_table(&self.context, input).await;
        let (now_ms, until_ms) = (self.now_ms(), self.now_ms() + self.transition_ms);
        let predicted = match self.tables.get(&name) {
            None => Err(missing_table(&name)),
            Some(table) => {
                let is_busy = !table.is_usable(now_ms)
                    || now_ms < table.changing_until_ms
                    || table
                        .indexes
                        .iter()
                        .any(|index| index.state != IndexState::Active);
                if is_busy { Err(in_use()) } else { Ok(()) }
            }
        };
        let Some((answer, ())) = agreed(answer, predicted) else {
            return;
        };
        let status = answer
            .table_description
            .and_then(|description| description.table_status);
        same("status", Some(TableStatus::Deleting), status);
        self.mix.count("table deleted");
        if self.transition_ms == 0 {
            self.close_stream(&name);
            self.tables.remove(&name);
        } else if let Some(table) = self.tables.get_mut(&name) {
            table.deleting_until_ms = Some(until_ms);
        }
    }

    pub async fn create_index(&mut self) {
        let name = self.table_name();
        let mut update = GlobalSecondaryIndexUpdate::default();
        let mut definitions = None;
        let mut index = None;
        if let Some(table) = self.tables.get(&name) {
            let repeats = chance(&mut self.rng, 3) && !table.indexes.is_empty();
            let index_name = if repeats {
                random::pick(&mut self.rng, &table.indexes).name.clone()
            } else {
                self.indexes_made += 1;
                format!("index{}", self.indexes_made)
            };
            let made = random::new_index(&mut self.rng, table, index_name);
            update.create = Some(made.create_action(table.is_provisioned));
            definitions = Some(schema::definitions(made.schema.attributes()));
            index = Some(made);
        }
        self.log(format!("UpdateTable {name} create {index:?}"));
        self.mix.count("UpdateTable");
        let input = UpdateTableInput {
            table_name: name.clone(),
            attribute_definitions: definitions,
            global_secondary_index_updates: Some(vec![update]),
            ..Default::default()
        };
        let answer = self.engine().update_table(&self.context, input).await;
        let (now_ms, until_ms) = (self.now_ms(), self.now_ms() + self.transition_ms);
        let (Some(table), Some(index)) = (self.tables.get_mut(&name), index) else {
            // Without an index to make, the request is wrong in itself.
            return same("refused", true, answer.is_err());
        };
        let predicted = if !table.is_usable(now_ms) || now_ms < table.changing_until_ms {
            Err(in_use())
        } else if table.index(&index.name).is_some() {
            Err(Refusal {
                messages: Default::default(),
                ..Refusal::validation("")
            })
        } else if table
            .indexes
            .iter()
            .any(|index| index.state != IndexState::Active)
        {
            Err(Refusal::new(
                ErrorKind::LimitExceededException,
                "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table",
            ))
        } else {
            Ok(())
        };
        let Some((answer, ())) = agreed(answer, predicted) else {
            return;
        };
        table.indexes.push(index);
        table.changing_until_ms = until_ms;
        table.indexes_changing_until_ms = until_ms;
        let description = answer.table_description.expect("a table is described");
        same("status", Some(TableStatus::Updating), description.table_status);
        same_shape(table, &description);
        self.mix.count("index created");
    }

    pub async fn drop_index(&mut self) {
        let name = self.table_name();
        let index_name = match self.tables.get(&name).filter(|table| !table.indexes.is_empty()) {
            Some(table) if !chance(&mut self.rng, 3) => {
                let globals: Vec<_> = table.indexes.iter().filter(|index| !index.is_local).collect();
                match globals.is_empty() {
                    true => return,
                    false => random::pick(&mut self.rng, &globals).name.clone(),
                }
            }
            _ => "nothing".to_owned(),
        };
        self.log(format!("UpdateTable {name} drop {index_name}"));
        self.mix.count("UpdateTable");
        let delete = DeleteGlobalSecondaryIndexAction {
            index_name: index_name.clone(),
        };
        let update = GlobalSecondaryIndexUpdate {
            delete: Some(delete),
            ..Default::default()
        };
        let input = UpdateTableInput {
            table_name: self.named(&name),
            global_secondary_index_updates: Some(vec![update]),
            ..Default::default()
        };
        let answer = self.engine().update_table(&self.context, input).await;
        let (now_ms, transition_ms) = (self.now_ms(), self.transition_ms);
        let predicted = match self.tables.get(&name) {
            None => Err(missing_table(&name)),
            Some(table) if !table.is_usable(now_ms) || now_ms < table.changing_until_ms => Err(in_use()),
            Some(table) => match table.index(&index_name) {
                None => Err(Refusal::new(
                    ErrorKind::ResourceNotFoundException,
                    format!("Requested resource not found: Index {index_name} for table {name}"),
                )),
                Some(index) if index.state == IndexState::Deleting => Err(in_use()),
                Some(_) => {
                    let mut others = table.indexes.iter().filter(|index| index.name != index_name);
                    if others.any(|index| index.state != IndexState::Active) {
                        let refusal = Refusal::new(ErrorKind::LimitExceededException, "");
                        Err(Refusal {
                            messages: Default::default(),
                            ..refusal
                        })
                    } else {
                        Ok(())
                    }
                }
            },
        };
        let Some((answer, ())) = agreed(answer, predicted) else {
            return;
        };
        let table = self.tables.get_mut(&name).expect("was checked to be there");
        let index = table
            .indexes
            .iter_mut()
            .find(|index| index.name == index_name)
            .expect("was checked to be there");
        index.state = IndexState::Deleting;
        table.changing_until_ms = now_ms + transition_ms;
        table.indexes_changing_until_ms = now_ms + transition_ms;
        let description = answer.table_description.expect("a table is described");
        same("status", Some(TableStatus::Updating), description.table_status);
        same_shape(table, &description);
        if transition_ms == 0 {
            table.indexes.retain(|index| index.name != index_name);
        }
        self.mix.count("index dropped");
    }

    pub async fn describe_table(&mut self) {
        let name = self.table_name();
        self.log(format!("DescribeTable {name}"));
        self.mix.count("DescribeTable");
        let input = DescribeTableInput {
            table_name: self.named(&name),
        };
        let answer = self.engine().describe_table(&self.context, input).await;
        let predicted = if self.tables.contains_key(&name) {
            Ok(())
        } else {
            Err(missing_table(&name))
        };
        let Some((answer, ())) = agreed(answer, predicted) else {
            return;
        };
        self.same_table(&self.tables[&name], &answer.table.expect("a table is described"));
    }

    /// Compares a description with the table: its state, its shape, its exact figures.
    fn same_table(&self, table: &Table, description: &TableDescription) {
        let now_ms = self.now_ms();
        let status = if table.deleting_until_ms.is_some() {
            TableStatus::Deleting
        } else if now_ms < table.created_until_ms {
            TableStatus::Creating
        } else if now_ms < table.changing_until_ms {
            TableStatus::Updating
        } else {
            TableStatus::Active
        };
        same("status", Some(status), description.table_status);
        if status == TableStatus::Deleting {
            return;
        }
        same_shape(table, description);
        let sizes: usize = table.rows.values().map(|item| size_bytes(item)).sum();
        same(
            "item count",
            Some(table.rows.len() as i64),
            description.item_count,
        );
        same("table size", Some(sizes as i64), description.table_size_bytes);
        for (name, status, figures) in described_indexes(description) {
            let index = table.index(&name).expect("the shapes agree");
            let is_active = status.is_none_or(|status| status == IndexStatus::Active);
            if !index.is_local && table.is_usable(now_ms) {
                same("active", index.state == IndexState::Active, is_active);
            }
            if index.state == IndexState::Active {
                same(
                    &format!("entries and size of {name}"),
                    table.index_figures(index),
                    figures,
                );
            }
        }
    }

    pub async fn check_all_tables(&mut self) {
        for name in self.tables.keys().cloned().collect::<Vec<_>>() {
            self.log(format!("DescribeTable {name}"));
            let input = DescribeTableInput {
                table_name: name.clone(),
            };
            let answer = self
                .engine()
                .describe_table(&self.context, input)
                .await
                .expect("the table is there");
            self.same_table(&self.tables[&name], &answer.table.expect("a table is described"));
        }
    }

    pub async fn list_tables(&mut self) {
        let limit = self.rng.bool().then(|| self.rng.i32(1..5));
        let start = self
            .rng
            .bool()
            .then(|| format!("table-{}", self.rng.usize(..TABLES_MAX + 1)));
        self.log(format!("ListTables {limit:?} {start:?}"));
        self.mix.count("ListTables");
        let input = ListTablesInput {
            limit,
            exclusive_start_table_name: start.clone(),
        };
        let answer = self
            .engine()
            .list_tables(&self.context, input)
            .await
            .expect("lists tables");
        let names = self
            .tables
            .keys()
            .filter(|name| start.as_ref().is_none_or(|start| *name > start))
            .cloned();
        let mut expected: Vec<String> = names.collect();
        let limit = limit.map_or(100, |limit| limit as usize);
        let more = expected.len() > limit;
        expected.truncate(limit);
        same(
            "last table",
            expected.last().filter(|_| more),
            answer.last_evaluated_table_name.as_ref(),
        );
        same("tables", Some(expected), answer.table_names);
    }

    pub async fn tags(&mut self) {
        let name = self.table_name();
        let resource_arn = format!("arn:aws:dynamodb:us-east-1:000000000000:table/{name}");
        let key = format!("tag{}", self.rng.u8(..4));
        let value = format!("value {}", self.rng.u8(..4));
        let missing = || {
            Refusal::new(
                ErrorKind::ResourceNotFoundException,
                format!("Requested resource not found: ResourceArn: {resource_arn} not found"),
            )
        };
        let now_ms = self.now_ms();
        let is_creating = |table: &Table| now_ms < table.created_until_ms;
        let is_deleting = |table: &Table| table.deleting_until_ms.is_some();
        match self.rng.u8(..3) {
            0 => {
                self.log(format!("TagResource {name} {key}={value}"));
                self.mix.count("TagResource");
                let tags = vec![Tag {
                    key: key.clone(),
                    value: value.clone(),
                }];
                let input = TagResourceInput {
                    resource_arn: resource_arn.clone(),
                    tags,
                };
                let answer = self.engine().tag_resource(&self.context, input).await;
                let predicted = match self.tables.get(&name) {
                    None => Err(missing()),
                    Some(table) if is_creating(table) || is_deleting(table) => Err(in_use()),
                    Some(_) => Ok(()),
                };
                if agreed(answer, predicted).is_some() {
                    self.tables
                        .get_mut(&name)
                        .expect("is there")
                        .tags
                        .insert(key, value);
                }
            }
            1 => {
                self.log(format!("UntagResource {name} {key}"));
                self.mix.count("UntagResource");
                let input = UntagResourceInput {
                    resource_arn: resource_arn.clone(),
                    tag_keys: vec![key.clone()],
                };
                let answer = self.engine().untag_resource(&self.context, input).await;
                let predicted = match self.tables.get(&name) {
                    None => Err(missing()),
                    Some(table) if is_deleting(table) => Err(in_use()),
                    Some(_) => Ok(()),
                };
                if agreed(answer, predicted).is_some() {
                    self.tables.get_mut(&name).expect("is there").tags.remove(&key);
                }
            }
            _ => {
                self.log(format!("ListTagsOfResource {name}"));
                self.mix.count("ListTagsOfResource");
                let input = ListTagsOfResourceInput {
                    resource_arn: resource_arn.clone(),
                    next_token: None,
                };
                let answer = self.engine().list_tags_of_resource(&self.context, input).await;
                let predicted = match self.tables.get(&name) {
                    None => {
                        let refusal = Refusal::new(ErrorKind::AccessDeniedException, "");
                        Err(Refusal {
                            messages: Default::default(),
                            ..refusal
                        })
                    }
                    Some(table) => Ok(table.tags.clone()),
                };
                let Some((answer, tags)) = agreed(answer, predicted) else {
                    return;
                };
                let answered = answer
                    .tags
                    .unwrap_or_default()
                    .into_iter()
                    .map(|tag| (tag.key, tag.value))
                    .collect();
                same("tags", tags, answered);
            }
        }
    }

    pub async fn limits(&mut self) {
        self.mix.count("DescribeLimits");
        let limits = self
            .engine()
            .describe_limits(&self.context, DescribeLimitsInput::default())
            .await;
        let limits = limits.expect("describes limits");
        same(
            "limits",
            (Some(80_000), Some(40_000)),
            (
                limits.account_max_read_capacity_units,
                limits.table_max_write_capacity_units,
            ),
        );
        self.mix.count("DescribeEndpoints");
        let endpoints = self
            .engine()
            .describe_endpoints(&self.context, DescribeEndpointsRequest::default())
            .await;
        same(
            "endpoints",
            1,
            endpoints.expect("describes endpoints").endpoints.len(),
        );
    }

    /// Does some background work, and sees what has come of it.
    pub async fn background(&mut self) {
        let steps = self.rng.usize(1..=3);
        self.log(format!("{steps} background steps"));
        for _ in 0..steps {
            self.background_step().await;
        }
        self.see_background_work().await;
    }

    async fn background_step(&mut self) -> Step {
        self.mix.count("background steps");
        let step = self
            .engine()
            .background_step()
            .await
            .expect("background work succeeds");
        self.is_in_work = step == Step::Worked;
        if !self.is_in_work {
            self.idle_at_ms = Some(self.now_ms());
        }
        step
    }

    /// Does all background work that is due.
    pub async fn settle(&mut self) {
        let mut steps = 0;
        while self.background_step().await == Step::Worked {
            steps += 1;
            assert!(steps < STEPS_MAX, "background work does not end");
        }
        self.see_background_work().await;
        let now_ms = self.now_ms();
        for stream in &self.streams {
            stream.borrow_mut().drop_trimmed(now_ms);
        }
    }

    /// Takes over what background work may do at any time: fill an index, remove one, remove a table,
    /// delete what has expired.
    async fn see_background_work(&mut self) {
        self.see_tables().await;
        self.see_sweeps().await;
    }

    async fn see_tables(&mut self) {
        let now_ms = self.now_ms();
        for name in self.tables.keys().cloned().collect::<Vec<_>>() {
            let table = &self.tables[&name];
            let is_settled = table
                .indexes
                .iter()
                .all(|index| index.state == IndexState::Active);
            if is_settled && table.deleting_until_ms.is_none() {
                continue;
            }
            let input = DescribeTableInput {
                table_name: name.clone(),
            };
            let answer = match self.engine().describe_table(&self.context, input).await {
                Ok(answer) => answer,
                Err(error) => {
                    let may_be_gone = table.deleting_until_ms.is_some_and(|until_ms| until_ms <= now_ms);
                    let is_gone = error.kind == ErrorKind::ResourceNotFoundException;
                    assert!(may_be_gone && is_gone, "{name}: {error}");
                    self.close_stream(&name);
                    self.tables.remove(&name);
                    continue;
                }
            };
            let description = answer.table.expect("a table is described");
            if description.table_status == Some(TableStatus::Deleting) {
                continue;
            }
            let described = described_indexes(&description);
            let status = |index: &str| {
                described
                    .iter()
                    .find(|(name, ..)| name == index)
                    .map(|(_, status, _)| *status)
            };
            let may_change = table.indexes_changing_until_ms <= now_ms;
            let table = self.tables.get_mut(&name).expect("is there");
            table.indexes.retain(|index| {
                let is_gone = status(&index.name).is_none();
                assert!(
                    !is_gone || (index.state == IndexState::Deleting && may_change),
                    "{} is gone",
                    index.name
                );
                !is_gone
            });
            for index in table
                .indexes
                .iter_mut()
                .filter(|index| index.state == IndexState::Creating)
            {
                if status(&index.name) == Some(Some(IndexStatus::Active)) {
                    assert!(may_change, "{} is filled too early", index.name);
                    index.state = IndexState::Active;
                    self.mix
                        .hit("index filled", "in several steps", table.rows.len() > STEP_ITEMS);
                }
            }
        }
    }

    /// Moves the clock.
    pub async fn advance(&mut self) {
        // Now and then for so long that iterators expire and tokens of transactions are forgotten, or
        // that streams are trimmed.
        let by_ms = match self.rng.u8(..50) {
            _ if self.pace_ms.is_some() => return,
            0..35 => self.rng.u64(1..60),
            35..40 => self.rng.u64(1..5000),
            40..47 => self.rng.u64(1..20 * 60 * 1000),
            47 => 10 * 60 * 1000,
            _ => self.rng.u64(1..30 * 60 * 60 * 1000),
        };
        self.log(format!("{by_ms} ms pass"));
        self.pass(by_ms);
    }

    /// Closes the store and opens it again, now and then in the middle of background work.
    pub async fn reopen(&mut self) {
        self.log("reopen".to_owned());
        drop(self.engine.take());
        let store = self.home.open();
        self.engine = Some(self.open_engine(store).await);
        self.note_reopening();
        self.note_enabling();
        self.mix.count("reopened");
        self.check_all_tables().await;
    }

    /// Checks the whole store, now and then after all background work is done.
    pub async fn check(&mut self) {
        if self.rng.bool() {
            self.log("all background steps".to_owned());
            self.settle().await;
            self.finish_sweeps().await;
            let now_ms = self.now_ms();
            for table in self.tables.values() {
                let is_settled = table
                    .indexes
                    .iter()
                    .all(|index| index.state == IndexState::Active);
                assert!(
                    is_settled || now_ms < table.indexes_changing_until_ms,
                    "background work was left: {} {:?}",
                    table.name,
                    table.indexes
                );
            }
        }
        self.log("check".to_owned());
        let report = engine::check(self.engine().store(), |_| {})
            .await
            .expect("the store can be read");
        assert!(report.is_clean(), "the check finds {:#?}", report.problems);
        same("tables", self.tables.len() as u64, report.tables);
        let items: usize = self.tables.values().map(|table| table.rows.len()).sum();
        same("items", items as u64, report.items);
        self.same_expiry_entries(report.expiry_entries);
        self.mix.count("checked");
    }
}

/// The indexes of a description: name, status (of global ones), entries and size.
fn described_indexes(description: &TableDescription) -> Vec<(String, Option<IndexStatus>, (i64, i64))> {
    let global = description
        .global_secondary_indexes
        .iter()
        .flatten()
        .map(|index| {
            (
                index.index_name.clone().unwrap_or_default(),
                index.index_status,
                (
                    index.item_count.unwrap_or(-1),
                    index.index_size_bytes.unwrap_or(-1),
                ),
            )
        });
    let local = description.local_secondary_indexes.iter().flatten().map(|index| {
        (
            index.index_name.clone().unwrap_or_default(),
            None,
            (
                index.item_count.unwrap_or(-1),
                index.index_size_bytes.unwrap_or(-1),
            ),
        )
    });
    global.chain(local).collect()
}

/// Compares what a table was made with.
pub(super) fn same_shape(table: &Table, description: &TableDescription) {
    let asked = schema::create_table(&table.name, &table.schema, &table.indexes, table.is_provisioned);
    same("name", Some(&table.name), description.table_name.as_ref());
    same("key schema", asked.key_schema, description.key_schema.clone());
    same(
        "attribute definitions",
        asked.attribute_definitions,
        description.attribute_definitions.clone(),
    );
    let stream = table.stream.as_ref().map(|stream| stream.borrow());
    let specification = |stream: &std::cell::Ref<'_, Stream>| {
        stream.closed_ms.is_none().then(|| StreamSpecification {
            stream_enabled: true,
            stream_view_type: Some(stream.view),
        })
    };
    same(
        "stream",
        stream.as_ref().map(|stream| (&stream.arn, &stream.label)),
        description
            .latest_stream_arn
            .as_ref()
            .zip(description.latest_stream_label.as_ref()),
    );
    same(
        "stream specification",
        stream.as_ref().and_then(specification),
        description.stream_specification.clone(),
    );
    type Shape = (String, Vec<KeySchemaElement>, api::types::Projection);
    let expected: Vec<Shape> = asked
        .global_secondary_indexes
        .into_iter()
        .flatten()
        .map(|index| (index.index_name, index.key_schema, index.projection))
        .collect();
    let answered: Vec<Shape> = description
        .global_secondary_indexes
        .iter()
        .flatten()
        .cloned()
        .map(|index| {
            (
                index.index_name.unwrap_or_default(),
                index.key_schema.unwrap_or_default(),
                index.projection.unwrap_or_default(),
            )
        })
        .collect();
    same("global indexes", expected, answered);
    let expected: Vec<Shape> = asked
        .local_secondary_indexes
        .into_iter()
        .flatten()
        .map(|index| (index.index_name, index.key_schema, index.projection))
        .collect();
    let answered: Vec<Shape> = description
        .local_secondary_indexes
        .iter()
        .flatten()
        .cloned()
        .map(|index| {
            (
                index.index_name.unwrap_or_default(),
                index.key_schema.unwrap_or_default(),
                index.projection.unwrap_or_default(),
            )
        })
        .collect();
    same("local indexes", expected, answered);
}
