//! SELECT: which slices of a table or index it reads, in which order, and reading one page of them.

use std::cmp::Ordering;
use std::sync::Arc;

use api::{AttributeMap, Error};
use expr::partiql::{KeyedRead, Select};
use expr::{Condition, KeyOperator, Literal, Projection, ResolvedKeyCondition};
use model::key::append_sort_value;
use model::limits::PAGE_BYTES_MAX;
use model::{Encoder, Item};
use store::{Direction, Store};

use super::super::read_request::{self, Target};
use super::write::check_in_lists_except;
use super::{NextToken, refuse_keys};
use crate::Engine;
use crate::capacity::{Consumed, read_units};
use crate::catalog::{Index, IndexDescriptor, IndexKind, IndexState, Table};
use crate::error::from_store;
use crate::expiry::shown;
use crate::keys;
use crate::read::{Keep, KeyRange, Page, PageRequest, SortPlace, key_range, read_page};
use crate::schema::{KeyAttribute, KeySchema};
use crate::write::{check_key_paths, stored_item};

/// A part of what is read.
#[derive(Clone, Debug)]
struct Slice {
    range: KeyRange,
    /// Whether it is the place of one item of the table.
    is_item: bool,
}

/// A SELECT against its table.
pub(in super::super) struct ReadPlan<'t> {
    target: Target<'t>,
    slices: Vec<Slice>,
    direction: Direction,
    filter: Option<Arc<Condition>>,
    projection: Option<Arc<Projection>>,
    /// Whether a local index lacks something that is projected.
    fetch: bool,
    consistent: bool,
}

/// What a page of a SELECT has.
pub(in super::super) struct ReadAnswer {
    pub items: Vec<AttributeMap>,
    /// The slice to go on with, and the key of the last item read of it.
    pub next: Option<(u32, Option<Item>)>,
    /// Where all is one slice: the key of the last item read.
    pub last_evaluated_key: Option<Item>,
    pub consumed: Consumed,
}

/// The table or index that a SELECT names.
fn target<'t>(table: &'t Table, select: &Select) -> Result<Target<'t>, Error> {
    let Some(name) = &select.target.index else {
        return Ok(Target { table, index: None });
    };
    let Some(index) = table.readable_index(name) else {
        return Err(Error::validation("The table does not have the specified index"));
    };
    let schema = &index.descriptor.key_schema;
    if schema.partition.len() > 1 || schema.sort.len() > 1 {
        return Err(Error::validation(
            "PartiQL statements cannot be executed on tables with multi-attribute HASH keys or multi-attribute RANGE \
             keys.",
        ));
    }
    if index.descriptor.state == IndexState::Creating {
        return Err(Error::validation(format!(
            "Cannot read from backfilling global secondary index: {name}"
        )));
    }
    Ok(Target {
        table,
        index: Some(index),
    })
}

/// A SELECT of one item by its whole key, as batches and transactions take it.
pub(in super::super) struct WholeKey {
    pub key: Item,
    pub projection: Option<Arc<Projection>>,
}

impl WholeKey {
    /// The key that a SELECT names and nothing else; `None` where it does otherwise.
    pub fn of(table: &Table, select: Select) -> Result<Option<Self>, Error> {
        if target(table, &select)?.index.is_some() {
            return Ok(None);
        }
        let schema = &table.descriptor.key_schema;
        let names: Vec<&str> = schema
            .attributes()
            .map(|attribute| attribute.name.as_str())
            .collect();
        let Some(condition) = select
            .condition
            .filter(|condition| condition.requires_only(&names, true))
        else {
            return Ok(None);
        };
        let (mut encoder, open) = Encoder::item(64);
        for name in names {
            match condition.required_value(name, true) {
                Ok(Some(value)) => {
                    encoder.name(name.as_bytes());
                    encoder.raw(value.raw());
                }
                Ok(None) | Err(_) => return Ok(None),
            }
        }
        if let Some(projection) = &select.projection {
            check_key_paths(table, projection.paths())?;
        }
        Ok(Some(WholeKey {
            key: encoder.finish(open),
            projection: select.projection.map(Arc::new),
        }))
    }

    /// Refuses a key attribute of another type than the table's.
    pub fn check_types(&self, schema: &KeySchema) -> Result<(), Error> {
        for attribute in schema.attributes() {
            let found = self.key.get(&attribute.name).map(|value| value.value_type());
            if found != Some(attribute.key_type.value_type()) {
                return Err(refuse_keys(expr::partiql::KeyProblem::Type(
                    attribute.name.clone(),
                )));
            }
        }
        Ok(())
    }
}

impl<'t> ReadPlan<'t> {
    /// Plans a SELECT.
    pub fn new(table: &'t Table, select: Select, consistent: bool) -> Result<Self, Error> {
        let target = target(table, &select)?;
        if let Some(index) = target.index {
            let is_global = index.descriptor.kind == IndexKind::Global;
            if is_global && consistent {
                return Err(Error::validation(
                    "Strongly consistent read is not supported on Global Secondary Indexes",
                ));
            }
        }
        let fetch = match (target.index, &select.projection) {
            (Some(index), Some(projection)) => needs_fetch(index, projection)?,
            _ => false,
        };
        let projected = select.projection.iter().flat_map(Projection::paths);
        let filtered = select.condition.iter().flat_map(Condition::paths);
        check_key_paths(table, projected.chain(filtered))?;

        let schema = target.key_schema();
        let reads = match &select.condition {
            None => None,
            Some(condition) => keyed_reads(schema, condition)?,
        };
        if let (Some(index), Some(reads)) = (target.index, &reads)
            && let Some(names) = KeyedRead::unprojected(reads, |name| index.projects(name))
        {
            return Err(Error::validation(format!(
                "One or more parameter values were invalid: Secondary index {} does not project one or more filter \
                 attributes: [{}]",
                index.descriptor.name,
                names.join(", ")
            )));
        }
        let order = Order::of(schema, &select, reads.as_deref())?;
        let slices = match reads {
            None => {
                let (start, end) = keys::segment_range(target.id(), 0, 1);
                vec![Slice {
                    range: KeyRange { start, end },
                    is_item: false,
                }]
            }
            Some(reads) => slices(&target, reads, &order)?,
        };
        Ok(ReadPlan {
            target,
            slices,
            direction: order.sort,
            filter: select.condition.map(Arc::new),
            projection: select.projection.map(Arc::new),
            fetch,
            consistent,
        })
    }

    /// The index that is read, where it is not the table.
    pub fn index(&self) -> Option<&IndexDescriptor> {
        self.target.index.map(|index| index.descriptor)
    }

    /// Reads one page, from where a token stands.
    pub async fn read<S: Store>(
        &self,
        engine: &Engine<S>,
        limit: Option<usize>,
        from: Option<&NextToken>,
    ) -> Result<ReadAnswer, Error> {
        let mut answer = ReadAnswer {
            items: Vec::new(),
            next: None,
            last_evaluated_key: None,
            consumed: Consumed::default(),
        };
        let first = from.map_or(0, |token| token.slice as usize);
        let mut scanned_count = 0;
        let mut size_bytes = 0;
        for (number, slice) in self.slices.iter().enumerate().skip(first) {
            let is_full = limit.is_some_and(|limit| scanned_count >= limit) || size_bytes >= PAGE_BYTES_MAX;
            if number > first && is_full {
                answer.next = Some((number as u32, None));
                return Ok(answer);
            }
            let position = from
                .filter(|_| number == first)
                .and_then(|token| token.position.as_ref());
            let page = self
                .read_slice(
                    engine,
                    slice,
                    position,
                    limit.map(|limit| limit - scanned_count),
                    PAGE_BYTES_MAX - size_bytes,
                )
                .await?;
            scanned_count += page.scanned_count;
            size_bytes += page.size_bytes;
            self.charge(&page, &mut answer.consumed);
            answer
                .items
                .extend(page.items.into_iter().map(AttributeMap::from));
            if let Some(last) = page.last.filter(|_| !slice.is_item) {
                let position = self.target.position_of(&last);
                if self.slices.len() == 1 {
                    answer.last_evaluated_key = Some(position.clone());
                }
                answer.next = Some((number as u32, Some(position)));
                return Ok(answer);
            }
        }
        Ok(answer)
    }

    async fn read_slice<S: Store>(
        &self,
        engine: &Engine<S>,
        slice: &Slice,
        position: Option<&Item>,
        limit: Option<usize>,
        bytes_max: usize,
    ) -> Result<Page, Error> {
        let mut range = Some(slice.range.clone());
        if let Some(position) = position {
            let position = self.target.position_of_start_key(position)?;
            range = range.and_then(|range| read_request::after(range, position, self.direction));
        }
        if slice.is_item {
            return self.get(engine, slice).await;
        }
        let keep = match &self.projection {
            Some(projection) => Keep::Projection(projection.clone()),
            None => Keep::Entry,
        };
        let request = PageRequest {
            table: self.target.table,
            index: self.target.index,
            fetch: self.fetch,
            range,
            direction: self.direction,
            limit,
            bytes_max,
            filter: self.filter.clone(),
            hidden: engine.hidden(self.target.table),
            keep,
        };
        if request.reads_table() {
            // Entries and items must be of one moment.
            let snapshot = engine.store.snapshot().map_err(from_store)?;
            read_page(&snapshot, &request).await
        } else {
            read_page(&engine.store, &request).await
        }
    }

    /// Reads the one item of a slice.
    async fn get<S: Store>(&self, engine: &Engine<S>, slice: &Slice) -> Result<Page, Error> {
        let stored = engine
            .store
            .get(keys::ITEMS, &slice.range.start)
            .await
            .map_err(from_store)?;
        let mut page = Page::default();
        let Some(item) = stored.map(stored_item).transpose()? else {
            return Ok(page);
        };
        page.scanned_count = 1;
        page.size_bytes = item.size_bytes();
        let shown = shown(Some(item), engine.hidden(self.target.table).as_ref());
        let is_let_through = |item: &Item| {
            let filter = self.filter.as_ref();
            filter.is_none_or(|filter| filter.matches(Some(item.attributes())))
        };
        page.items
            .extend(shown.filter(is_let_through).map(|item| match &self.projection {
                Some(projection) => projection.apply(item.attributes()),
                None => item,
            }));
        Ok(page)
    }

    fn charge(&self, page: &Page, consumed: &mut Consumed) {
        let units = read_units(page.size_bytes, self.consistent);
        match self.target.index {
            None => consumed.table_units += units,
            Some(index) => {
                consumed.add_index(&index.descriptor.name, index.descriptor.kind, units);
                consumed.table_units += if self.consistent {
                    page.fetched_units
                } else {
                    page.fetched_units / 2.0
                };
            }
        }
    }
}

/// Whether items must be fetched for what is projected: a local index has them fetched, a global one
/// refuses.
fn needs_fetch(index: Index<'_>, projection: &Projection) -> Result<bool, Error> {
    let mut missing: Vec<&str> = Vec::new();
    for name in projection.top_level_attributes() {
        if !index.projects(name) && !missing.contains(&name) {
            missing.push(name);
        }
    }
    if index.descriptor.kind == IndexKind::Global && !missing.is_empty() {
        return Err(Error::validation(format!(
            "One or more parameter values were invalid: Global secondary index {} does not project [{}]",
            index.descriptor.name,
            missing.join(", ")
        )));
    }
    Ok(!missing.is_empty())
}

fn keyed_reads(schema: &KeySchema, condition: &Condition) -> Result<Option<Vec<KeyedRead>>, Error> {
    let names: Vec<&str> = schema
        .attributes()
        .map(|attribute| attribute.name.as_str())
        .collect();
    check_in_lists_except(&names, condition)?;
    fn typed(attribute: &KeyAttribute) -> (&str, model::ValueType) {
        (attribute.name.as_str(), attribute.key_type.value_type())
    }
    condition
        .keyed_reads(typed(&schema.partition[0]), schema.sort.first().map(typed))
        .map_err(refuse_keys)
}

/// In which order partitions and the items of each are read.
struct Order {
    partition: Direction,
    sort: Direction,
}

impl Order {
    /// The order of a SELECT, where it can have it.
    fn of(schema: &KeySchema, select: &Select, reads: Option<&[KeyedRead]>) -> Result<Self, Error> {
        let mut order = Order {
            partition: Direction::Forward,
            sort: Direction::Forward,
        };
        if select.order.is_empty() {
            return Ok(order);
        }
        if select.condition.is_none() {
            return Err(Error::validation(
                "Must have WHERE clause in the statement when using ORDER BY clause.",
            ));
        }
        // A sort key that is not spoken of comes from its end.
        order.sort = Direction::Reverse;
        let mut names_partition = false;
        for term in &select.order {
            let direction = if term.is_descending {
                Direction::Reverse
            } else {
                Direction::Forward
            };
            if schema.partition[0].name == term.attribute {
                names_partition = true;
                order.partition = direction;
            } else if schema.contains(&term.attribute) {
                order.sort = direction;
            } else {
                return Err(Error::validation(format!(
                    "Attribute {} in ORDER BY clause must be part of the primary key",
                    term.attribute
                )));
            }
        }
        let Some(reads) = reads else {
            return Err(Error::validation(
                "Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause.",
            ));
        };
        let first = reads.first().map(|read| read.partition.value());
        let has_several = reads.iter().any(|read| Some(read.partition.value()) != first);
        if has_several && !names_partition {
            return Err(Error::validation(
                "Must have hash key in ORDER BY clause when more than one hash key condition specified in WHERE \
                 clause.",
            ));
        }
        Ok(order)
    }
}

/// A slice that is being put together of the reads that overlap in it.
struct Draft {
    partition: Vec<u8>,
    slice: Slice,
    has_negated_sort: bool,
}

/// The slices of keyed reads, by partition value and then by sort key, none overlapping another.
fn slices(target: &Target<'_>, reads: Vec<KeyedRead>, order: &Order) -> Result<Vec<Slice>, Error> {
    let schema = target.key_schema();
    let place = match target.index {
        Some(_) => SortPlace::Followed,
        None => SortPlace::Last,
    };
    let mut drafts = Vec::with_capacity(reads.len());
    for read in reads {
        let is_equal = read
            .sort
            .as_ref()
            .is_some_and(|sort| sort.operator == KeyOperator::Equal);
        let mut partition = Vec::new();
        // Its type has been checked to be one of a key.
        append_sort_value(&mut partition, &read.partition.value()).map_err(|_| Error::internal())?;
        let (sort_equal, range): (Vec<Literal>, _) = match read.sort {
            Some(sort) if is_equal => (sort.operands, None),
            range => (Vec::new(), range),
        };
        let condition = ResolvedKeyCondition {
            partition: vec![read.partition],
            sort_equal,
            range,
        };
        read_request::check_key_values(schema, &condition)?;
        if let Some(range) = key_range(target.id(), place, &condition) {
            drafts.push(Draft {
                partition,
                slice: Slice {
                    range,
                    is_item: target.index.is_none() && (schema.sort.is_empty() || is_equal),
                },
                has_negated_sort: read.has_negated_sort,
            });
        }
    }
    let mut drafts = join(drafts)?;
    drafts.sort_by(|left, right| {
        let partitions = left.partition.cmp(&right.partition);
        let starts = left.slice.range.start.cmp(&right.slice.range.start);
        in_direction(partitions, order.partition).then(in_direction(starts, order.sort))
    });
    Ok(drafts.into_iter().map(|draft| draft.slice).collect())
}

fn in_direction(ordering: Ordering, direction: Direction) -> Ordering {
    match direction {
        Direction::Forward => ordering,
        Direction::Reverse => ordering.reverse(),
    }
}

/// Joins the reads that overlap, which only those with a negated condition on the sort key may.
fn join(mut drafts: Vec<Draft>) -> Result<Vec<Draft>, Error> {
    drafts.sort_by(|left, right| left.slice.range.start.cmp(&right.slice.range.start));
    let mut plain_end: &[u8] = &[];
    for draft in drafts.iter().filter(|draft| !draft.has_negated_sort) {
        let range = &draft.slice.range;
        if range.start.as_slice() < plain_end {
            return Err(Error::validation(
                "Overlapping conditions with range keys are not supported in where clause",
            ));
        }
        plain_end = &range.end;
    }
    let mut joined: Vec<Draft> = Vec::with_capacity(drafts.len());
    for draft in drafts {
        match joined.last_mut() {
            Some(last) if draft.slice.range.start < last.slice.range.end => {
                if last.slice.range.end < draft.slice.range.end {
                    last.slice.range.end = draft.slice.range.end;
                    last.slice.is_item = false;
                }
            }
            _ => joined.push(draft),
        }
    }
    Ok(joined)
}
