//! What Query and Scan have in common: the table or index that they read, what they select of it,
//! where they go on, and the answer.

use std::sync::Arc;

use api::types::{ConsumedCapacity, ReturnConsumedCapacity, Select};
use api::{AttributeMap, Error, Operation, ValueError};
use expr::{Condition, ExpressionAttributes, KeyOperator, Literal, Projection, ResolvedKeyCondition};
use model::limits::{PAGE_BYTES_MAX, PARTITION_KEY_BYTES_MAX, SORT_KEY_BYTES_MAX};
use model::{Encoder, Item, ValueRef};
use store::{Direction, Store};

use super::request::refuse_expression;
use crate::Engine;
use crate::capacity::{Consumed, read_units};
use crate::catalog::{Index, IndexKind, Table};
use crate::error::from_store;
use crate::keys;
use crate::meter::{self, Call};
use crate::read::{Keep, KeyRange, PageRequest, just_above, read_page};
use crate::schema::{IndexProjection, KeyAttribute, KeySchema};
use crate::write::check_key_paths;

/// The words in front of what is wrong with an ExclusiveStartKey.
const BAD_START: &str = "The provided starting key is invalid";

/// The table, or the index of it, that is read.
pub(crate) struct Target<'t> {
    pub table: &'t Table,
    pub index: Option<Index<'t>>,
}

impl<'t> Target<'t> {
    /// The target that a request names.
    pub fn find(table: &'t Table, index_name: Option<&str>, consistent: Option<bool>) -> Result<Self, Error> {
        let Some(name) = index_name else {
            return Ok(Target { table, index: None });
        };
        let Some(index) = table.readable_index(name) else {
            return Err(Error::validation(format!(
                "The table does not have the specified index: {name}"
            )));
        };
        let is_global = index.descriptor.kind == IndexKind::Global;
        if is_global && consistent == Some(true) {
            return Err(Error::validation(
                "Consistent reads are not supported on global secondary indexes",
            ));
        }
        if index.descriptor.state == crate::catalog::IndexState::Creating {
            return Err(Error::validation(format!(
                "Cannot read from backfilling global secondary index: {name}"
            )));
        }
        Ok(Target {
            table,
            index: Some(index),
        })
    }

    /// The id that its keys begin with.
    pub fn id(&self) -> u32 {
        self.index.map_or(self.table.id(), |index| index.descriptor.id)
    }

    /// The key that it is ordered by.
    pub fn key_schema(&self) -> &'t KeySchema {
        self.index.map_or(&self.table.descriptor.key_schema, |index| {
            &index.descriptor.key_schema
        })
    }

    /// The attributes of a start key and of LastEvaluatedKey: the index's key and the table's.
    fn position_attributes(&self) -> Vec<&'t KeyAttribute> {
        let mut attributes: Vec<&KeyAttribute> = self.key_schema().attributes().collect();
        if self.index.is_some() {
            for attribute in self.table.descriptor.key_schema.attributes() {
                if !attributes.iter().any(|known| known.name == attribute.name) {
                    attributes.push(attribute);
                }
            }
        }
        attributes
    }

    /// The key at which an ExclusiveStartKey stands.
    pub fn position_of_start_key(&self, start_key: &Item) -> Result<Vec<u8>, Error> {
        let attributes = self.position_attributes();
        let named = attributes
            .iter()
            .all(|attribute| start_key.get(&attribute.name).is_some());
        if start_key.attributes().len() != attributes.len() || !named {
            let detail = match self.index {
                None => ": The provided key element does not match the schema",
                Some(_) => "",
            };
            return Err(Error::validation(format!("{BAD_START}{detail}")));
        }
        let table = self.table;
        let position = match self.index {
            None => keys::item(table.id(), self.key_schema(), start_key.attributes()),
            Some(_) => keys::index_entry(
                self.id(),
                self.key_schema(),
                &table.descriptor.key_schema,
                start_key.attributes(),
            ),
        };
        match position {
            Ok(key) => Ok(key.bytes),
            Err(_) => Err(Error::validation(format!(
                "{BAD_START}: The provided key element does not match the schema"
            ))),
        }
    }

    /// Refuses the start key of a Query that stands outside of what the Query reads.
    pub fn check_start_key_matches(
        &self,
        start_key: &Item,
        condition: &ResolvedKeyCondition,
        position: &[u8],
        range: Option<&KeyRange>,
    ) -> Result<(), Error> {
        let partition = self.key_schema().partition.iter().zip(&condition.partition);
        let same_partition = partition
            .into_iter()
            .all(|(attribute, value)| start_key.get(&attribute.name) == Some(value.value()));
        if !same_partition {
            return Err(Error::validation(
                "The provided starting key is outside query boundaries based on provided conditions",
            ));
        }
        let inside =
            range.is_some_and(|range| range.start.as_slice() <= position && position < range.end.as_slice());
        if !inside {
            return Err(Error::validation(
                "The provided starting key does not match the range key predicate",
            ));
        }
        Ok(())
    }

    /// The LastEvaluatedKey that stands for `item`.
    pub fn position_of(&self, item: &Item) -> Item {
        let mut attributes = self.position_attributes();
        attributes.sort_unstable_by(|left, right| left.name.cmp(&right.name));
        let (mut encoder, open) = Encoder::item(128);
        for attribute in attributes {
            if let Some(entry) = item.attributes().entry(attribute.name.as_bytes()) {
                encoder.name(entry.name);
                encoder.raw(entry.raw());
            }
        }
        encoder.finish(open)
    }
}

/// The ExclusiveStartKey of a request, its values checked.
pub(crate) fn start_key(
    operation: Operation,
    start_key: Option<AttributeMap>,
) -> Result<Option<Item>, Error> {
    let Some(start_key) = start_key else {
        return Ok(None);
    };
    match &start_key.error {
        None => Ok(Some(start_key.item)),
        Some(error) => {
            let message = error.message(operation.layer());
            let is_bare = matches!(
                error,
                ValueError::Number(..)
                    | ValueError::EmptyStringSet
                    | ValueError::EmptyNumberSet
                    | ValueError::EmptyBinarySet
                    | ValueError::DuplicateStrings(_)
                    | ValueError::DuplicateNumbers
                    | ValueError::DuplicateBinaries(_)
            );
            Err(Error::validation(if is_bare {
                message
            } else {
                format!("{BAD_START}: {message}")
            }))
        }
    }
}

/// What is left of a range behind a position.
pub(crate) fn after(range: KeyRange, position: Vec<u8>, direction: Direction) -> Option<KeyRange> {
    let range = match direction {
        Direction::Forward => KeyRange {
            start: just_above(&position),
            end: range.end,
        },
        Direction::Reverse => KeyRange {
            start: range.start,
            end: position,
        },
    };
    (range.start < range.end).then_some(range)
}

/// Refuses key condition values that no key can have: empty ones and those over the limits.
pub(crate) fn check_key_values(schema: &KeySchema, condition: &ResolvedKeyCondition) -> Result<(), Error> {
    let fixed_sort = schema.sort.iter().zip(&condition.sort_equal);
    for (attribute, literal) in schema
        .partition
        .iter()
        .zip(&condition.partition)
        .chain(fixed_sort)
    {
        check_key_value(attribute, literal)?;
    }
    if let Some(range) = &condition.range
        && let Some(attribute) = schema.sort.get(condition.sort_equal.len())
        && range.operator != KeyOperator::BeginsWith
    {
        range
            .operands
            .iter()
            .try_for_each(|literal| check_key_value(attribute, literal))?;
    }
    let sum = |literals: &[Literal]| {
        literals
            .iter()
            .map(|literal| literal.value().size_bytes())
            .sum::<usize>()
    };
    if sum(&condition.partition) > PARTITION_KEY_BYTES_MAX {
        return Err(Error::validation(format!(
            "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit \
             of{PARTITION_KEY_BYTES_MAX} bytes"
        )));
    }
    let ranged = condition
        .range
        .iter()
        .flat_map(|range| &range.operands)
        .map(|operand| operand.value().size_bytes());
    if sum(&condition.sort_equal).max(ranged.max().unwrap_or(0)) > SORT_KEY_BYTES_MAX {
        return Err(Error::validation(format!(
            "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size \
             limit of {SORT_KEY_BYTES_MAX} bytes"
        )));
    }
    Ok(())
}

fn check_key_value(attribute: &KeyAttribute, literal: &Literal) -> Result<(), Error> {
    let kind = match literal.value() {
        ValueRef::String([]) => "string",
        ValueRef::Binary([]) => "binary",
        _ => return Ok(()),
    };
    Err(Error::validation(format!(
        "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty \
         {kind} value. Key: {}",
        attribute.name
    )))
}

/// The projection of an expression or of AttributesToGet, where a request has one.
pub(crate) fn projection(
    operation: Operation,
    expression: Option<&str>,
    attributes_to_get: Option<&[String]>,
    attributes: &mut ExpressionAttributes<'_>,
) -> Result<Option<Arc<Projection>>, Error> {
    let projection = match (expression, attributes_to_get) {
        (Some(text), _) => Some(Projection::parse(text, attributes)),
        (None, Some(names)) => Some(Projection::from_attributes_to_get(names)),
        (None, None) => None,
    };
    Ok(projection
        .transpose()
        .map_err(refuse_expression(operation))?
        .map(Arc::new))
}

/// What a request selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    /// What the table or index has.
    Whole,
    /// All attributes of the item, also where the index has only some.
    AllAttributes,
    /// The projection.
    Specific,
    /// How many there are.
    Count,
}

impl Selection {
    /// The selection of a request, checked as far as the request alone allows.
    pub fn new(
        operation: Operation,
        select: Option<Select>,
        on_index: bool,
        has_expression: bool,
        has_attributes_to_get: bool,
    ) -> Result<Self, Error> {
        let parameter = match (has_expression, has_attributes_to_get) {
            (true, _) => Some("ProjectionExpression"),
            (false, true) => Some("AttributesToGet"),
            (false, false) => None,
        };
        let refuse = |chosen: &str, parameter: &str| {
            Err(Error::validation(format!(
                "Cannot specify the {parameter} when choosing to get {chosen}"
            )))
        };
        match (select, parameter) {
            (Some(Select::SpecificAttributes), None) => {
                let message = "Must specify the AttributesToGet or ProjectionExpression when choosing to get \
                               SPECIFIC_ATTRIBUTES";
                // Query alone puts it in an envelope.
                let envelope = if operation == Operation::Query {
                    "1 validation error detected: "
                } else {
                    ""
                };
                Err(Error::validation(format!("{envelope}{message}")))
            }
            (None | Some(Select::SpecificAttributes), Some(_)) => Ok(Selection::Specific),
            (Some(Select::AllAttributes), Some(parameter)) => refuse("ALL_ATTRIBUTES", parameter),
            (Some(Select::AllProjectedAttributes), Some(parameter)) => {
                refuse("ALL_PROJECTED_ATTRIBUTES", parameter)
            }
            (Some(Select::Count), Some(parameter)) => refuse("only the Count", parameter),
            (Some(Select::AllProjectedAttributes), None) if !on_index => Err(Error::validation(
                "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
            )),
            (None | Some(Select::AllProjectedAttributes), None) => Ok(Selection::Whole),
            (Some(Select::AllAttributes), None) => Ok(Selection::AllAttributes),
            (Some(Select::Count), None) => Ok(Selection::Count),
        }
    }
}

/// The parameters of a read that are the same for Query and Scan.
pub(crate) struct ReadParameters {
    pub filter: Option<Arc<Condition>>,
    pub projection: Option<Arc<Projection>>,
    pub selection: Selection,
    pub consistent: bool,
    pub limit: Option<usize>,
    pub capacity: Option<ReturnConsumedCapacity>,
}

/// The members that the answers of Query and Scan share.
pub(crate) struct ReadAnswer {
    pub items: Option<Vec<AttributeMap>>,
    pub count: i32,
    pub scanned_count: i32,
    pub last_evaluated_key: Option<AttributeMap>,
    pub consumed_capacity: Option<ConsumedCapacity>,
}

impl ReadParameters {
    /// Refuses paths into keys, and what a global index does not have.
    pub fn check_selection(&self, target: &Target<'_>) -> Result<(), Error> {
        let projected = self.projection.iter().flat_map(|projection| projection.paths());
        let filtered = self.filter.iter().flat_map(|filter| filter.paths());
        check_key_paths(target.table, projected.chain(filtered))?;
        let Some(index) = target
            .index
            .filter(|index| index.descriptor.kind == IndexKind::Global)
        else {
            return Ok(());
        };
        let name = &index.descriptor.name;
        if self.selection == Selection::AllAttributes && index.descriptor.projection != IndexProjection::All {
            return Err(Error::validation(format!(
                "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global \
                 secondary index {name} because its projection type is not ALL"
            )));
        }
        let mut missing: Vec<&str> = Vec::new();
        let wanted = self
            .projection
            .iter()
            .flat_map(|projection| projection.top_level_attributes());
        for attribute in wanted.filter(|attribute| !index.projects(attribute)) {
            if !missing.contains(&attribute) {
                missing.push(attribute);
            }
        }
        if !missing.is_empty() {
            return Err(Error::validation(format!(
                "One or more parameter values were invalid: Global secondary index {name} does not project [{}]",
                missing.join(", ")
            )));
        }
        Ok(())
    }

    /// Refuses a filter on the key that a Query selects by.
    pub fn check_filter_avoids_key(&self, schema: &KeySchema, parameter: &str) -> Result<(), Error> {
        let on_key = self
            .filter
            .iter()
            .flat_map(|filter| filter.top_level_attributes())
            .find(|attribute| schema.contains(attribute));
        match on_key {
            None => Ok(()),
            Some(name) => Err(Error::validation(format!(
                "{parameter} can only contain non-primary key attributes: Primary key attribute: {name}"
            ))),
        }
    }

    /// Whether items must be fetched from the table: a local index lacks something that is wanted.
    fn needs_fetch(&self, index: Index<'_>) -> bool {
        if index.descriptor.kind == IndexKind::Global || index.projected.is_none() {
            return false;
        }
        let filtered = self
            .filter
            .iter()
            .flat_map(|filter| filter.top_level_attributes());
        let projected = self
            .projection
            .iter()
            .flat_map(|projection| projection.top_level_attributes());
        self.selection == Selection::AllAttributes
            || filtered
                .chain(projected)
                .any(|attribute| !index.projects(attribute))
    }

    /// Reads one page of `range`; `partition` is its partition key, where it has one and somebody counts keys.
    pub async fn read<S: Store>(
        self,
        engine: &Engine<S>,
        call: &Call<'_>,
        target: &Target<'_>,
        range: Option<KeyRange>,
        direction: Direction,
        partition: Option<&Item>,
    ) -> Result<ReadAnswer, Error> {
        let index = target.index.map(|index| index.descriptor);
        call.admit_read(engine, target.table, index, partition.map(Item::attributes))?;
        let fetch = target.index.is_some_and(|index| self.needs_fetch(index));
        let keep = match (self.selection, self.projection) {
            (Selection::Count, _) => Keep::Count,
            (_, Some(projection)) => Keep::Projection(projection),
            (Selection::AllAttributes, None) => Keep::Item,
            (_, None) => Keep::Entry,
        };
        let request = PageRequest {
            table: target.table,
            index: target.index,
            fetch,
            range,
            direction,
            limit: self.limit,
            bytes_max: PAGE_BYTES_MAX,
            filter: self.filter,
            hidden: engine.hidden(target.table),
            keep,
        };
        let page = if request.reads_table() {
            // Entries and items must be of one moment.
            let snapshot = engine.store.snapshot().map_err(from_store)?;
            read_page(&snapshot, &request).await?
        } else {
            read_page(&engine.store, &request).await?
        };
        let units = read_units(page.size_bytes, self.consistent);
        let mut consumed = Consumed::default();
        call.returned(target.table, page.count);
        match target.index {
            None => consumed.table_units = units,
            Some(index) => {
                consumed.add_index(&index.descriptor.name, index.descriptor.kind, units);
                consumed.table_units = if self.consistent {
                    page.fetched_units
                } else {
                    page.fetched_units / 2.0
                };
            }
        }
        call.charge(target.table, meter::Direction::Read, &consumed);
        if let Some(partition) = partition {
            call.queried(engine, target.table, index, partition.attributes(), units);
        }
        Ok(ReadAnswer {
            count: page.count as i32,
            scanned_count: page.scanned_count as i32,
            last_evaluated_key: page.last.map(|item| target.position_of(&item).into()),
            items: (self.selection != Selection::Count)
                .then(|| page.items.into_iter().map(AttributeMap::from).collect()),
            consumed_capacity: consumed.report(target.table.name(), self.capacity),
        })
    }
}
