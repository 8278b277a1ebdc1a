//! Query and Scan of the naive tables: look at every item, keep what fits.

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::evaluate::{holds, select};
use crate::expression::{Comparator, Condition, KeyClause, KeyOperator, Path, roots};
use crate::schema::{Index, IndexState, KeyAttribute, KeySchema, Projection};
use crate::table::{Consumed, PrimaryKey, Refusal, Table, empty_key, long_key};
use crate::value::{Attributes, Value, size_bytes};

/// A page ends with the item that brings it to this many bytes.
const PAGE_BYTES_MAX: usize = 1 << 20;

/// A table, or one of its indexes.
#[derive(Clone, Copy)]
pub struct Target<'t> {
    pub table: &'t Table,
    pub index: Option<&'t Index>,
}

/// One thing that a Query or Scan reads.
#[derive(Clone, Debug)]
pub struct Entry {
    pub key: PrimaryKey,
    /// The values that it is ordered by.
    pub sort: Vec<Value>,
    /// What the table or index keeps.
    pub view: Rc<Attributes>,
    /// What the table keeps.
    pub item: Rc<Attributes>,
}

/// What is selected.
#[derive(Clone, Debug, PartialEq)]
pub enum Selection {
    Whole,
    AllAttributes,
    Specific(Vec<Path>),
    Count,
}

/// A Query or Scan but for what it reads.
#[derive(Clone, Debug)]
pub struct Reading {
    pub filter: Option<Condition>,
    pub is_legacy: bool,
    pub selection: Selection,
    pub limit: Option<usize>,
    pub is_consistent: bool,
}

/// One page.
#[derive(Debug, PartialEq)]
pub struct Page {
    pub items: Option<Vec<Rc<Attributes>>>,
    pub count: usize,
    pub scanned: usize,
    /// How many of the entries have been read, where the page ended before they did.
    pub stopped_after: Option<usize>,
    pub consumed: Consumed,
}

fn read_units(size_bytes: usize, is_consistent: bool) -> f64 {
    let units = size_bytes.div_ceil(4096).max(1) as f64;
    if is_consistent { units } else { units / 2.0 }
}

/// What reading one item costs.
pub fn read_cost(item: Option<&Attributes>, is_consistent: bool) -> f64 {
    read_units(item.map_or(0, size_bytes), is_consistent)
}

impl<'t> Target<'t> {
    pub fn schema(&self) -> &'t KeySchema {
        self.index.map_or(&self.table.schema, |index| &index.schema)
    }

    /// The attributes of a position: the keys of the index and of the table.
    pub fn position_of(&self, item: &Attributes) -> Attributes {
        let is_part = |name: &str| self.schema().contains(name) || self.table.schema.contains(name);
        item.iter()
            .filter(|(name, _)| is_part(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    /// Everything that there is to read, by primary key.
    pub fn entries(&self) -> Vec<Entry> {
        self.entries_where(&[])
    }

    fn entries_where(&self, conditions: &[Condition]) -> Vec<Entry> {
        let mut entries = Vec::new();
        for (key, item) in &self.table.rows {
            if !conditions.iter().all(|condition| holds(condition, item)) {
                continue;
            }
            let view = match self.index {
                None => Some(item.clone()),
                Some(index) => index.view(&self.table.schema, item).map(Rc::new),
            };
            let Some(view) = view else { continue };
            let sort = self
                .schema()
                .sort
                .iter()
                .map(|attribute| item[&attribute.name].clone())
                .collect();
            entries.push(Entry {
                key: key.clone(),
                sort,
                view,
                item: item.clone(),
            });
        }
        entries
    }

    /// What a Query reads, by sort key. Entries of an index may have equal ones.
    pub fn matching(&self, clauses: &[KeyClause]) -> Vec<Entry> {
        let conditions: Vec<Condition> = clauses.iter().map(KeyClause::condition).collect();
        let mut entries = self.entries_where(&conditions);
        entries.sort_by(|left, right| left.sort.cmp(&right.sort));
        entries
    }

    /// Whether what is wanted makes a local index fetch items from its table.
    fn fetches(&self, reading: &Reading) -> bool {
        let Some(index) = self
            .index
            .filter(|index| index.is_local && index.projection != Projection::All)
        else {
            return false;
        };
        let lacks = |name: &&str| !index.projects(&self.table.schema, name);
        let filtered = reading.filter.iter().flat_map(|filter| filter.paths());
        let wanted = match &reading.selection {
            Selection::AllAttributes => return true,
            Selection::Specific(paths) => paths.as_slice(),
            Selection::Whole | Selection::Count => &[],
        };
        roots(filtered.chain(wanted)).iter().any(lacks)
    }

    /// The page that begins after the first `start` of the entries.
    pub fn page(&self, entries: &[Entry], start: usize, reading: &Reading) -> Page {
        let fetches = self.fetches(reading);
        let mut items = Vec::new();
        let (mut count, mut scanned, mut bytes, mut fetched_units) = (0, 0, 0, 0.0);
        let mut stopped_after = None;
        for (position, entry) in entries.iter().enumerate().skip(start) {
            scanned += 1;
            bytes += size_bytes(&entry.view);
            if fetches {
                fetched_units += read_units(size_bytes(&entry.item), reading.is_consistent);
            }
            let seen = if fetches { &entry.item } else { &entry.view };
            if reading.filter.as_ref().is_none_or(|filter| holds(filter, seen)) {
                count += 1;
                items.push(match &reading.selection {
                    Selection::Whole | Selection::Count => entry.view.clone(),
                    Selection::AllAttributes => seen.clone(),
                    Selection::Specific(paths) => Rc::new(select(paths, seen)),
                });
            }
            if reading.limit == Some(scanned) || bytes >= PAGE_BYTES_MAX {
                stopped_after = Some(position + 1);
                break;
            }
        }
        let units = read_units(bytes, reading.is_consistent);
        let mut consumed = Consumed::default();
        match self.index {
            None => consumed.table = units,
            Some(index) => {
                consumed.add_index(index, units);
                consumed.table = fetched_units;
            }
        }
        let items = (reading.selection != Selection::Count).then_some(items);
        Page {
            items,
            count,
            scanned,
            stopped_after,
            consumed,
        }
    }

    /// What is wrong with reading from the target.
    pub fn check_reading(&self, reading: &Reading) -> BTreeSet<String> {
        let mut problems = BTreeSet::new();
        let selected: &[Path] = match &reading.selection {
            Selection::Specific(paths) => paths,
            _ => &[],
        };
        let filtered = reading.filter.iter().flat_map(|filter| filter.paths());
        problems.extend(self.table.check_paths(filtered.chain(selected)));
        let Some(index) = self.index else { return problems };
        if index.is_local {
            return problems;
        }
        let name = &index.name;
        if reading.is_consistent {
            problems.insert("Consistent reads are not supported on global secondary indexes".to_owned());
        }
        if index.state == IndexState::Deleting {
            problems.insert(format!("The table does not have the specified index: {name}"));
        }
        if index.state == IndexState::Creating {
            problems.insert(format!(
                "Cannot read from backfilling global secondary index: {name}"
            ));
        }
        if reading.selection == Selection::AllAttributes && index.projection != Projection::All {
            problems.insert(format!(
                "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global \
                 secondary index {name} because its projection type is not ALL"
            ));
        }
        let mut missing: Vec<&str> = Vec::new();
        for path in selected {
            if !index.projects(&self.table.schema, &path.root) && !missing.contains(&path.root.as_str()) {
                missing.push(&path.root);
            }
        }
        if !missing.is_empty() {
            problems.insert(format!(
                "One or more parameter values were invalid: Global secondary index {name} does not project [{}]",
                missing.join(", ")
            ));
        }
        problems
    }

    /// What is wrong with key conditions and filter of a Query.
    pub fn check_query(&self, clauses: &[KeyClause], reading: &Reading) -> Result<(), Refusal> {
        let schema = self.schema();
        let mut problems = self.check_reading(reading);
        let clause_on = |name: &str| clauses.iter().find(|clause| clause.attribute == name);
        for attribute in schema.attributes() {
            let Some(clause) = clause_on(&attribute.name) else {
                continue;
            };
            problems.extend(check_clause(attribute, clause));
        }
        problems.extend(check_lengths(schema, clauses));
        for (place, attribute) in schema
            .sort
            .iter()
            .enumerate()
            .filter(|(_, sort)| clause_on(&sort.name).is_some())
        {
            let is_loose = |earlier: &&KeyAttribute| {
                !matches!(
                    clause_on(&earlier.name),
                    Some(KeyClause {
                        operator: KeyOperator::Compare(Comparator::Equal, _),
                        ..
                    })
                )
            };
            let loose: Vec<&str> = schema.sort[..place]
                .iter()
                .filter(is_loose)
                .map(|earlier| earlier.name.as_str())
                .collect();
            if !loose.is_empty() {
                problems.insert(format!(
                    "RANGE key attributes {} must have equality conditions specified in the query because a condition \
                     is present on key attribute {}",
                    loose.join(", "),
                    attribute.name
                ));
            }
        }
        let parameter = if reading.is_legacy {
            "QueryFilter"
        } else {
            "Filter Expression"
        };
        for name in roots(reading.filter.iter().flat_map(|filter| filter.paths())) {
            if schema.contains(name) {
                problems.insert(format!(
                    "{parameter} can only contain non-primary key attributes: Primary key attribute: {name}"
                ));
            }
        }
        Refusal::one_of(problems)
    }
}

fn operands(clause: &KeyClause) -> Vec<&Value> {
    match &clause.operator {
        KeyOperator::Compare(_, value) | KeyOperator::BeginsWith(value) => vec![value],
        KeyOperator::Between(lower, upper) => vec![lower, upper],
    }
}

/// Key values are as long at most as those that are stored: the fixed ones of a half together, and
/// each bound of a range.
fn check_lengths(schema: &KeySchema, clauses: &[KeyClause]) -> BTreeSet<String> {
    let (mut partition_bytes, mut fixed_bytes, mut bound_bytes) = (0, 0, 0);
    for clause in clauses {
        let is_fixed = matches!(clause.operator, KeyOperator::Compare(Comparator::Equal, _));
        let sizes = operands(clause).into_iter().map(Value::size_bytes);
        let is_of = |attributes: &[KeyAttribute]| {
            attributes
                .iter()
                .any(|attribute| attribute.name == clause.attribute)
        };
        if is_of(&schema.partition) {
            partition_bytes += sizes.sum::<usize>();
        } else if is_of(&schema.sort) && is_fixed {
            fixed_bytes += sizes.sum::<usize>();
        } else {
            bound_bytes = sizes.max().unwrap_or(0);
        }
    }
    long_key(partition_bytes, fixed_bytes.max(bound_bytes))
}

fn check_clause(attribute: &KeyAttribute, clause: &KeyClause) -> Option<String> {
    let values = operands(clause);
    if values.iter().any(|value| value.type_name() != attribute.key_type) {
        return Some(
            "One or more parameter values were invalid: Condition parameter type does not match schema type"
                .to_owned(),
        );
    }
    values
        .iter()
        .any(|value| value.is_empty_scalar())
        .then(|| empty_key(attribute))
}
