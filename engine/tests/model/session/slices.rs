//! Query and Scan, page after page.
//!
//! Where the service promises no order (a Scan; entries of an index with equal keys), the engine is
//! first asked for everything, which must be all there is and in a possible order; every other
//! reading of it must then keep to that order.

use std::collections::{BTreeMap, BTreeSet};

use api::types::{ConsumedCapacity, QueryInput, ReturnConsumedCapacity, ScanInput, Select};
use api::{AttributeMap, DynamoDb, Error};

use super::agree::{agreed, capacity_mode, same, same_capacity, same_item};
use super::{Home, Session};
use crate::evaluate::holds;
use crate::expression::{KeyClause, Path, Printer};
use crate::legacy::key_conditions;
use crate::random::{self, chance, pick};
use crate::read::{Entry, Page, Reading, Selection, Target};
use crate::schema::{KeyAttribute, Projection};
use crate::table::{PrimaryKey, Refusal, Table};
use crate::value::{Attributes, from_map, to_map};

/// Pages are followed to the end, or to this many.
const PAGES_MAX: usize = 40;

/// What the answers of Query and Scan share.
#[derive(Debug)]
struct Answer {
    items: Option<Vec<AttributeMap>>,
    count: Option<i32>,
    scanned: Option<i32>,
    last: Option<AttributeMap>,
    consumed: Option<ConsumedCapacity>,
}

/// A Query or a Scan, but for where it starts.
#[derive(Clone)]
enum Request {
    Query(QueryInput),
    Scan(ScanInput),
}

/// What is read, as the model has it.
struct Plan {
    table: String,
    index: Option<String>,
    reading: Reading,
    mode: Option<ReturnConsumedCapacity>,
}

impl Plan {
    fn target<'t>(&self, table: &'t Table) -> Target<'t> {
        let index = self
            .index
            .as_ref()
            .map(|name| table.index(name).expect("was drawn from the table"));
        Target { table, index }
    }
}

impl<H: Home> Session<H> {
    async fn ask(&self, request: &Request, start: Option<&Attributes>) -> Result<Answer, Error> {
        let exclusive_start_key = start.map(to_map);
        match request.clone() {
            Request::Query(input) => {
                let input = QueryInput {
                    exclusive_start_key,
                    ..input
                };
                self.engine()
                    .query(&self.context, input)
                    .await
                    .map(|output| Answer {
                        items: output.items,
                        count: output.count,
                        scanned: output.scanned_count,
                        last: output.last_evaluated_key,
                        consumed: output.consumed_capacity,
                    })
            }
            Request::Scan(input) => {
                let input = ScanInput {
                    exclusive_start_key,
                    ..input
                };
                self.engine()
                    .scan(&self.context, input)
                    .await
                    .map(|output| Answer {
                        items: output.items,
                        count: output.count,
                        scanned: output.scanned_count,
                        last: output.last_evaluated_key,
                        consumed: output.consumed_capacity,
                    })
            }
        }
    }

    /// A table and perhaps one of its indexes. Tables that are not there are looked for, too.
    fn draw_plan(&mut self, percent_index: u32) -> Plan {
        let table = self.table_name();
        let indexes: Vec<String> = match self.tables.get(&table) {
            Some(table) if chance(&mut self.rng, percent_index) => {
                table.indexes.iter().map(|index| index.name.clone()).collect()
            }
            _ => Vec::new(),
        };
        let index = (!indexes.is_empty()).then(|| pick(&mut self.rng, &indexes).clone());
        Plan {
            table,
            index,
            reading: Reading {
                filter: None,
                is_legacy: chance(&mut self.rng, 15),
                selection: Selection::Whole,
                limit: None,
                is_consistent: false,
            },
            mode: capacity_mode(&mut self.rng),
        }
    }

    /// What is selected: mostly something that can be.
    fn draw_selection(&mut self, target: &Target<'_>, sample: &Attributes) -> Selection {
        let rng = &mut self.rng;
        match rng.u8(..10) {
            0..4 => Selection::Whole,
            4 => Selection::Count,
            5 => match target.index {
                Some(index) if !index.is_local && index.projection != Projection::All && !chance(rng, 10) => {
                    Selection::Whole
                }
                _ => Selection::AllAttributes,
            },
            _ => {
                let mut paths = random::projection(rng, target.table, sample);
                if let Some(index) = target.index.filter(|index| !index.is_local)
                    && chance(rng, 95)
                {
                    paths.retain(|path| index.projects(&target.table.schema, &path.root));
                }
                if paths.is_empty() {
                    Selection::Whole
                } else {
                    Selection::Specific(paths)
                }
            }
        }
    }

    /// Draws filter, projection and so on of a reading of some entries.
    fn draw_reading(&mut self, target: &Target<'_>, entries: &[Entry], is_query: bool, plan: &mut Plan) {
        let nothing = Attributes::new();
        let sample = if entries.is_empty() {
            &nothing
        } else {
            &*pick(&mut self.rng, entries).item
        };
        let reading = &mut plan.reading;
        if chance(&mut self.rng, 40) {
            let schema = target.schema();
            let may_use_keys = !is_query || chance(&mut self.rng, 3);
            let allows = |path: &Path| may_use_keys || !schema.contains(&path.root);
            if !reading.is_legacy {
                reading.filter = Some(random::condition(&mut self.rng, target.table, sample, allows));
            }
        }
        reading.selection = self.draw_selection(target, sample);
        if reading.is_legacy
            && let Selection::Specific(paths) = &mut reading.selection
        {
            let roots: BTreeSet<String> = paths.iter().map(|path| path.root.clone()).collect();
            *paths = roots.iter().map(|root| Path::attribute(root)).collect();
        }
        if chance(&mut self.rng, 45) {
            // Long slices are not read one by one.
            let least = 1 + entries.len() / PAGES_MAX;
            reading.limit = Some(self.rng.usize(least..least + 5));
        }
        let may_be_consistent = target.index.is_none_or(|index| index.is_local) || chance(&mut self.rng, 1);
        reading.is_consistent = may_be_consistent && self.rng.bool();
    }

    /// Select, where it says something, or where chance wants it said.
    fn select(&mut self, plan: &Plan) -> Option<Select> {
        let says = self.rng.bool();
        match &plan.reading.selection {
            Selection::Whole if plan.index.is_some() => says.then_some(Select::AllProjectedAttributes),
            Selection::Whole => says.then_some(Select::AllAttributes),
            Selection::AllAttributes => Some(Select::AllAttributes),
            Selection::Specific(_) => says.then_some(Select::SpecificAttributes),
            Selection::Count => Some(Select::Count),
        }
    }

    pub async fn query(&mut self) {
        let mut plan = self.draw_plan(60);
        self.mix.count("Query");
        let Some(table) = self.tables.remove(&plan.table) else {
            let input = QueryInput {
                table_name: plan.table.clone(),
                key_condition_expression: Some("pk = :v".to_owned()),
                expression_attribute_values: Some(to_map(&Attributes::from([(
                    ":v".to_owned(),
                    crate::value::Value::Null,
                )]))),
                ..Default::default()
            };
            let answer = self.engine().query(&self.context, input).await;
            agreed(answer, Err::<(), _>(Refusal::no_table()));
            return;
        };
        let target = plan.target(&table);
        let clauses = random::key_clauses(&mut self.rng, &target);
        let mut entries = target.matching(&clauses);
        // KeyConditions has at most two.
        plan.reading.is_legacy &= clauses.len() <= 2;
        self.draw_reading(&target, &entries, true, &mut plan);
        let mut printer = Printer::new(&mut self.rng);
        let mut input = self.query_input(&target, &clauses, &mut plan, &entries, &mut printer);
        let is_reverse = self.rng.u8(..3) == 0;
        input.scan_index_forward = if is_reverse {
            Some(false)
        } else {
            self.rng.bool().then_some(true)
        };
        let problems = target.check_query(&clauses, &plan.reading);
        self.log(format!(
            "Query {} {:?} {clauses:?} reverse: {is_reverse}\n  {:?}\n  {:?} {:?} {}\n  {} entries",
            plan.table,
            plan.index,
            plan.reading,
            input.key_condition_expression,
            input.filter_expression,
            printer.placeholders(),
            entries.len(),
        ));
        self.mix.count_all(printer.used.iter().copied());

        if !table.is_usable(self.now_ms()) {
            let answer = self.ask(&Request::Query(input), None).await;
            agreed(answer, Err::<(), _>(Refusal::no_table()));
        } else if let Err(refusal) = problems {
            let answer = self.ask(&Request::Query(input), None).await;
            agreed(answer, Err::<(), _>(refusal));
        } else {
            self.mix
                .hit("queries", "queries that found something", !entries.is_empty());
            if entries.windows(2).any(|pair| pair[0].sort == pair[1].sort) {
                self.learn_query_order(&target, &clauses, &plan, &mut entries)
                    .await;
            }
            if is_reverse {
                entries.reverse();
            }
            let request = Request::Query(input);
            if target.index.is_none() && chance(&mut self.rng, 8) {
                self.start_anywhere(&target, &plan, &clauses, &request, &entries, is_reverse)
                    .await;
            } else {
                self.follow(&target, &plan, &request, &entries, 0, None).await;
            }
        }
        self.tables.insert(plan.table.clone(), table);
    }

    fn query_input(
        &mut self,
        target: &Target<'_>,
        clauses: &[KeyClause],
        plan: &mut Plan,
        entries: &[Entry],
        printer: &mut Printer,
    ) -> QueryInput {
        let mut input = QueryInput {
            table_name: self.named(&plan.table),
            index_name: plan.index.clone(),
            select: self.select(plan),
            limit: plan.reading.limit.map(|limit| limit as i32),
            consistent_read: if plan.reading.is_consistent {
                Some(true)
            } else {
                self.rng.bool().then_some(false)
            },
            return_consumed_capacity: plan.mode,
            ..Default::default()
        };
        if plan.reading.is_legacy {
            input.key_conditions = Some(key_conditions(clauses));
            if let Some(filter) = self.legacy_filter(target, plan, entries, true) {
                input.query_filter = Some(filter.filter());
                input.conditional_operator = filter.operator(&mut self.rng);
            }
            input.attributes_to_get = attributes_to_get(&plan.reading);
            return input;
        }
        input.key_condition_expression = Some(printer.key_condition(clauses));
        input.filter_expression = plan
            .reading
            .filter
            .as_ref()
            .map(|filter| printer.condition(filter));
        if let Selection::Specific(paths) = &plan.reading.selection {
            input.projection_expression = Some(printer.projection(paths));
        }
        input.expression_attribute_names = printer.names();
        input.expression_attribute_values = printer.values();
        input
    }

    fn legacy_filter(
        &mut self,
        target: &Target<'_>,
        plan: &mut Plan,
        entries: &[Entry],
        is_query: bool,
    ) -> Option<crate::legacy::LegacyConditions> {
        if entries.is_empty() || !self.rng.bool() {
            return None;
        }
        let sample = pick(&mut self.rng, entries).item.clone();
        let schema = target.schema();
        let allows = |path: &Path| !is_query || !schema.contains(&path.root);
        let filter = random::legacy_conditions(&mut self.rng, target.table, &sample, allows)?;
        plan.reading.filter = Some(filter.condition());
        self.mix.count_all(filter.used());
        Some(filter)
    }

    /// Asks for every entry of a Query on an index, and puts `entries` in the order of the answer.
    async fn learn_query_order(
        &mut self,
        target: &Target<'_>,
        clauses: &[KeyClause],
        plan: &Plan,
        entries: &mut Vec<Entry>,
    ) {
        let mut printer = Printer::new(&mut self.rng);
        let input = QueryInput {
            table_name: plan.table.clone(),
            index_name: plan.index.clone(),
            key_condition_expression: Some(printer.key_condition(clauses)),
            expression_attribute_names: printer.names(),
            expression_attribute_values: printer.values(),
            ..Default::default()
        };
        self.learn_order(target, &Request::Query(input), entries).await;
    }

    /// Asks for everything, and puts `entries` in the order of the answer.
    async fn learn_order(&mut self, target: &Target<'_>, request: &Request, entries: &mut Vec<Entry>) {
        let learned = self.all_items(request).await;
        let mut by_key: BTreeMap<PrimaryKey, Entry> = entries
            .drain(..)
            .map(|entry| (entry.key.clone(), entry))
            .collect();
        for item in &learned {
            let key = target
                .table
                .primary_key(item)
                .expect("an entry has the keys of its table");
            let entry = by_key.remove(&key);
            let Some(entry) = entry else {
                panic!("is there twice, or must not be there: {item:?}")
            };
            same("an entry", &*entry.view, item);
            entries.push(entry);
        }
        assert!(by_key.is_empty(), "are missing: {by_key:?}");
        let of_partition = |entry: &Entry| -> Vec<crate::value::Value> {
            let names = target
                .schema()
                .partition
                .iter()
                .map(|attribute: &KeyAttribute| &attribute.name);
            names.map(|name| entry.item[name].clone()).collect()
        };
        // Partitions stand together, and within each the sort keys ascend.
        let mut ended = BTreeSet::new();
        for pair in entries.windows(2) {
            let (left, right) = (of_partition(&pair[0]), of_partition(&pair[1]));
            if left == right {
                assert!(pair[0].sort <= pair[1].sort, "out of order: {pair:?}");
            } else {
                ended.insert(left);
                assert!(!ended.contains(&right), "a partition in two places: {right:?}");
            }
        }
    }

    /// All items, page by page.
    async fn all_items(&mut self, request: &Request) -> Vec<Attributes> {
        let mut items = Vec::new();
        let mut start = None;
        loop {
            self.mix.count("pages");
            let answer = self.ask(request, start.as_ref()).await.expect("reads everything");
            items.extend(answer.items.iter().flatten().map(from_map));
            match answer.last {
                None => return items,
                Some(last) => start = Some(from_map(&last)),
            }
        }
    }

    /// Reads pages from a place on and compares each, to the end or until it has been enough.
    async fn follow(
        &mut self,
        target: &Target<'_>,
        plan: &Plan,
        request: &Request,
        entries: &[Entry],
        mut start: usize,
        mut start_key: Option<Attributes>,
    ) {
        for _ in 0..=PAGES_MAX {
            let page = target.page(entries, start, &plan.reading);
            self.mix.count("pages");
            let answer = self.ask(request, start_key.as_ref()).await;
            let (answer, page) = agreed(answer, Ok(page)).expect("is no refusal");
            self.same_page(target, plan, entries, &answer, &page);
            if page.stopped_after.is_some() && plan.reading.limit != Some(page.scanned) {
                self.mix.count("pages full of bytes");
            }
            let Some(stopped_after) = page.stopped_after else {
                return;
            };
            start = stopped_after;
            start_key = Some(target.position_of(&entries[stopped_after - 1].item));
            if chance(&mut self.rng, 5) {
                return;
            }
        }
    }

    fn same_page(&self, target: &Target<'_>, plan: &Plan, entries: &[Entry], answer: &Answer, page: &Page) {
        same("count", Some(page.count as i32), answer.count);
        same("scanned count", Some(page.scanned as i32), answer.scanned);
        same("items at all", page.items.is_some(), answer.items.is_some());
        let (expected, answered) = (page.items.iter().flatten(), answer.items.iter().flatten());
        for (expected, answered) in expected.zip(answered) {
            same_item("item of the page", Some(expected), Some(answered));
        }
        let lengths = (
            page.items.as_ref().map(Vec::len),
            answer.items.as_ref().map(Vec::len),
        );
        same("items on the page", lengths.0, lengths.1);
        let last = page
            .stopped_after
            .map(|stopped_after| target.position_of(&entries[stopped_after - 1].item));
        same_item("last evaluated key", last.as_ref(), answer.last.as_ref());
        same_capacity(answer.consumed.as_ref(), plan.mode, target.table, &page.consumed);
    }

    /// Starts a Query of a table behind a key that need not be there, and may be none of the slice.
    async fn start_anywhere(
        &mut self,
        target: &Target<'_>,
        plan: &Plan,
        clauses: &[KeyClause],
        request: &Request,
        entries: &[Entry],
        is_reverse: bool,
    ) {
        let Some(sort) = target.table.schema.sort.first() else {
            return;
        };
        let mut key = random::key(&mut self.rng, target.table);
        let [partition, rest @ ..] = clauses else { return };
        let crate::expression::KeyOperator::Compare(_, value) = &partition.operator else {
            return;
        };
        let elsewhere = rest.is_empty() && chance(&mut self.rng, 10);
        if !elsewhere {
            key.insert(partition.attribute.clone(), value.clone());
        }
        self.log(format!("  starts behind {key:?}"));
        let mut problems = BTreeSet::new();
        if !holds(&partition.condition(), &key) {
            problems.insert(
                "The provided starting key is outside query boundaries based on provided conditions"
                    .to_owned(),
            );
        } else if !rest.iter().all(|clause| holds(&clause.condition(), &key)) {
            problems.insert("The provided starting key does not match the range key predicate".to_owned());
        }
        if let Err(refusal) = Refusal::one_of(problems) {
            let answer = self.ask(request, Some(&key)).await;
            agreed(answer, Err::<(), _>(refusal));
            return;
        }
        let is_behind = |entry: &&Entry| {
            let place = entry.sort.first().cmp(&Some(&key[&sort.name]));
            if is_reverse { place.is_ge() } else { place.is_le() }
        };
        let start = entries.iter().take_while(is_behind).count();
        self.follow(target, plan, request, entries, start, Some(key))
            .await;
    }

    pub async fn scan(&mut self) {
        let mut plan = self.draw_plan(40);
        self.mix.count("Scan");
        let Some(table) = self.tables.remove(&plan.table) else {
            let input = ScanInput {
                table_name: plan.table.clone(),
                ..Default::default()
            };
            let answer = self.engine().scan(&self.context, input).await;
            agreed(answer, Err::<(), _>(Refusal::no_table()));
            return;
        };
        let target = plan.target(&table);
        let mut entries = target.entries();
        self.draw_reading(&target, &entries, false, &mut plan);
        let mut printer = Printer::new(&mut self.rng);
        let mut input = ScanInput {
            table_name: self.named(&plan.table),
            index_name: plan.index.clone(),
            select: self.select(&plan),
            limit: plan.reading.limit.map(|limit| limit as i32),
            consistent_read: plan.reading.is_consistent.then_some(true),
            return_consumed_capacity: plan.mode,
            ..Default::default()
        };
        if plan.reading.is_legacy {
            if let Some(filter) = self.legacy_filter(&target, &mut plan, &entries, false) {
                input.scan_filter = Some(filter.filter());
                input.conditional_operator = filter.operator(&mut self.rng);
            }
            input.attributes_to_get = attributes_to_get(&plan.reading);
        } else {
            input.filter_expression = plan
                .reading
                .filter
                .as_ref()
                .map(|filter| printer.condition(filter));
            if let Selection::Specific(paths) = &plan.reading.selection {
                input.projection_expression = Some(printer.projection(paths));
            }
            input.expression_attribute_names = printer.names();
            input.expression_attribute_values = printer.values();
        }
        self.log(format!(
            "Scan {} {:?}\n  {:?}\n  {:?} {}\n  {} entries",
            plan.table,
            plan.index,
            plan.reading,
            input.filter_expression,
            printer.placeholders(),
            entries.len(),
        ));
        self.mix.count_all(printer.used.iter().copied());
        if !table.is_usable(self.now_ms()) {
            let answer = self.ask(&Request::Scan(input), None).await;
            agreed(answer, Err::<(), _>(Refusal::no_table()));
        } else if let Err(refusal) = Refusal::one_of(target.check_reading(&plan.reading)) {
            let answer = self.ask(&Request::Scan(input), None).await;
            agreed(answer, Err::<(), _>(refusal));
        } else {
            let everything = ScanInput {
                table_name: plan.table.clone(),
                index_name: plan.index.clone(),
                ..Default::default()
            };
            self.learn_order(&target, &Request::Scan(everything.clone()), &mut entries)
                .await;
            if chance(&mut self.rng, 30) {
                self.scan_segments(&target, &plan, everything, input, &entries)
                    .await;
            } else {
                self.follow(&target, &plan, &Request::Scan(input), &entries, 0, None)
                    .await;
            }
        }
        self.tables.insert(plan.table.clone(), table);
    }

    /// Reads the segments of a parallel Scan: together they are the whole, in its order.
    async fn scan_segments(
        &mut self,
        target: &Target<'_>,
        plan: &Plan,
        everything: ScanInput,
        input: ScanInput,
        entries: &[Entry],
    ) {
        let total = *pick(&mut self.rng, &[1, 2, 3, 4, 7]);
        let mut rest = entries;
        for segment in 0..total {
            let of_segment = |input: &ScanInput| {
                let input = ScanInput {
                    segment: Some(segment),
                    total_segments: Some(total),
                    ..input.clone()
                };
                Request::Scan(input)
            };
            let items = self.all_items(&of_segment(&everything)).await;
            assert!(items.len() <= rest.len(), "segments have more than the whole");
            let (in_segment, after) = rest.split_at(items.len());
            for (entry, item) in in_segment.iter().zip(&items) {
                same("an entry of the segment", &*entry.view, item);
            }
            self.follow(target, plan, &of_segment(&input), in_segment, 0, None)
                .await;
            if let Some(other) = after.first().filter(|_| chance(&mut self.rng, 20)) {
                let answer = self
                    .ask(&of_segment(&input), Some(&target.position_of(&other.item)))
                    .await;
                let message = format!(
                    "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey \
                     with correct Segment. TotalSegments: {total} Segment: {segment}"
                );
                agreed(answer, Err::<(), _>(Refusal::validation(message)));
            }
            rest = after;
            self.mix.count("segments");
        }
        same("entries in no segment", 0, rest.len());
    }
}

/// AttributesToGet of a legacy request.
fn attributes_to_get(reading: &Reading) -> Option<Vec<String>> {
    match &reading.selection {
        Selection::Specific(paths) => Some(paths.iter().map(|path| path.root.clone()).collect()),
        _ => None,
    }
}
