//! The naive tables: a map of items, and nothing else. Index entries are worked out from the items
//! whenever they are wanted.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use api::ErrorKind;

use crate::evaluate::{holds, update};
use crate::expression::Change;
use crate::expression::{Action, Condition, Path, Source};
use crate::schema::{
    Index, IndexState, KeyAttribute, KeySchema, PARTITION_BYTES_MAX, SORT_BYTES_MAX, half_bytes,
};
use crate::stream::{Moment, SharedStream};
use crate::value::{Attributes, Value, canonical, size_bytes};

/// The largest item, in bytes.
const ITEM_BYTES_MAX: usize = 400 * 1024;

/// The values of partition key and sort key.
pub type PrimaryKey = (Value, Option<Value>);

/// A table.
#[derive(Debug)]
pub struct Table {
    pub name: String,
    pub schema: KeySchema,
    pub is_provisioned: bool,
    pub indexes: Vec<Index>,
    pub rows: BTreeMap<PrimaryKey, Rc<Attributes>>,
    pub tags: BTreeMap<String, String>,
    /// Items cannot be reached before.
    pub created_until_ms: u64,
    /// Being changed until then.
    pub changing_until_ms: u64,
    /// Its indexes being created or deleted until then, at least.
    pub indexes_changing_until_ms: u64,
    /// Deleted, and gone some time after this.
    pub deleting_until_ms: Option<u64>,
    /// From which keys are drawn.
    pub partition_pool: Vec<Value>,
    pub sort_pool: Vec<Value>,
    /// Whether its items are so large that a few fill a page.
    pub has_large_items: bool,
    /// The newest stream, enabled or not.
    pub stream: Option<SharedStream>,
    /// What its time to live was last set to.
    pub time_to_live: Option<TimeToLive>,
    /// The time around which the times of its items lie.
    pub now_ms: u64,
}

/// How far a table has come in heeding its time to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeToLiveState {
    /// Enabled, and not seen to be heeded yet.
    Enabling,
    Enabled,
    Disabled,
}

/// The time to live of a table.
#[derive(Clone, Debug)]
pub struct TimeToLive {
    pub attribute: String,
    pub state: TimeToLiveState,
    pub changed_ms: u64,
    /// Shown as being changed until then.
    pub changing_until_ms: u64,
}

/// What expired longer ago, in seconds, stays: five years.
pub const EXPIRED_SECONDS_MAX: u64 = 5 * 365 * 24 * 60 * 60;

/// A refusal: its kind, and the messages of which it may have any; none stands for any message.
#[derive(Debug)]
pub struct Refusal {
    pub kind: ErrorKind,
    pub messages: BTreeSet<String>,
    /// The item that a failed condition met.
    pub item: Option<Rc<Attributes>>,
}

impl Refusal {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Refusal {
            kind,
            messages: BTreeSet::from([message.into()]),
            item: None,
        }
    }

    pub fn validation(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::ValidationException, message)
    }

    pub fn no_table() -> Self {
        Self::new(
            ErrorKind::ResourceNotFoundException,
            "Requested resource not found",
        )
    }

    /// A refusal for one of several reasons; nothing where there is none.
    pub fn one_of(messages: BTreeSet<String>) -> Result<(), Self> {
        if messages.is_empty() {
            return Ok(());
        }
        Err(Refusal {
            kind: ErrorKind::ValidationException,
            messages,
            item: None,
        })
    }
}

/// Capacity units by what they were spent on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Consumed {
    pub table: f64,
    pub global: BTreeMap<String, f64>,
    pub local: BTreeMap<String, f64>,
}

impl Consumed {
    pub fn add_index(&mut self, index: &Index, units: f64) {
        let units_by_name = if index.is_local {
            &mut self.local
        } else {
            &mut self.global
        };
        *units_by_name.entry(index.name.clone()).or_default() += units;
    }

    pub fn add(&mut self, other: &Consumed) {
        self.table += other.table;
        for (units_by_name, others) in [(&mut self.global, &other.global), (&mut self.local, &other.local)] {
            for (name, units) in others {
                *units_by_name.entry(name.clone()).or_default() += units;
            }
        }
    }

    /// Twice as much, as a transaction costs.
    pub fn doubled(mut self) -> Self {
        let units = self.global.values_mut().chain(self.local.values_mut());
        units.chain([&mut self.table]).for_each(|units| *units *= 2.0);
        self
    }

    pub fn total(&self) -> f64 {
        self.table + self.global.values().sum::<f64>() + self.local.values().sum::<f64>()
    }
}

/// What a write does.
#[derive(Clone, Debug)]
pub enum Write {
    Put(Attributes),
    Update {
        key: Attributes,
        actions: Vec<Action>,
        is_legacy: bool,
    },
    Delete {
        key: Attributes,
    },
    /// Changes nothing; its condition counts.
    Check {
        key: Attributes,
    },
}

impl Write {
    /// The item or its key.
    pub fn key(&self) -> &Attributes {
        match self {
            Write::Put(key) | Write::Update { key, .. } | Write::Delete { key } | Write::Check { key } => key,
        }
    }

    /// What is wrong with a write, whatever table it is for.
    pub fn check(&self) -> Result<(), Refusal> {
        match self {
            Write::Put(item) if size_bytes(item) > ITEM_BYTES_MAX => Err(Refusal::validation(
                "Item size has exceeded the maximum allowed size",
            )),
            _ => Ok(()),
        }
    }
}

/// What a write did.
#[derive(Debug)]
pub struct Written {
    pub key: PrimaryKey,
    pub old: Option<Rc<Attributes>>,
    pub new: Option<Rc<Attributes>>,
    pub consumed: Consumed,
}

fn write_units(size_bytes: usize) -> f64 {
    size_bytes.div_ceil(1024).max(1) as f64
}

/// The key attributes that `attributes` share with neither more nor fewer.
fn mismatch() -> String {
    "The provided key element does not match the schema".to_owned()
}

fn long_half(schema: &KeySchema, item: &Attributes) -> BTreeSet<String> {
    long_key(
        half_bytes(&schema.partition, item),
        half_bytes(&schema.sort, item),
    )
}

/// What is wrong with a key whose halves have so many bytes.
pub fn long_key(partition_bytes: usize, sort_bytes: usize) -> BTreeSet<String> {
    let mut problems = BTreeSet::new();
    if partition_bytes > PARTITION_BYTES_MAX {
        problems.insert(
            "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 \
             bytes"
                .to_owned(),
        );
    }
    if sort_bytes > SORT_BYTES_MAX {
        problems.insert(
            "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit \
             of 1024 bytes"
                .to_owned(),
        );
    }
    problems
}

/// What is wrong with an empty key value.
pub fn empty_key(attribute: &KeyAttribute) -> String {
    let kind = if attribute.key_type == "S" {
        "string"
    } else {
        "binary"
    };
    format!(
        "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty \
         {kind} value. Key: {}",
        attribute.name
    )
}

impl Table {
    /// Whether items can be reached.
    pub fn is_usable(&self, now_ms: u64) -> bool {
        now_ms >= self.created_until_ms && self.deleting_until_ms.is_none()
    }

    pub fn index(&self, name: &str) -> Option<&Index> {
        self.indexes.iter().find(|index| index.name == name)
    }

    pub fn has_local_indexes(&self) -> bool {
        self.indexes.iter().any(|index| index.is_local)
    }

    /// The time to live, if it is enabled or being enabled.
    pub fn kept_time_to_live(&self) -> Option<&TimeToLive> {
        self.time_to_live
            .as_ref()
            .filter(|time_to_live| time_to_live.state != TimeToLiveState::Disabled)
    }

    /// The keys of the items that have expired, where the table heeds that.
    pub fn expired(&self, now_ms: u64) -> Vec<PrimaryKey> {
        let Some(time_to_live) = self.kept_time_to_live() else {
            return Vec::new();
        };
        if time_to_live.state != TimeToLiveState::Enabled || !self.is_usable(now_ms) {
            return Vec::new();
        }
        let now_seconds = now_ms / 1000;
        let (oldest, now) = (now_seconds - EXPIRED_SECONDS_MAX, now_seconds);
        let (oldest, now) = (
            Value::number(&oldest.to_string()),
            Value::number(&now.to_string()),
        );
        let has_expired = |item: &Attributes| {
            let time = item.get(&time_to_live.attribute);
            time.is_some_and(|time| matches!(time, Value::N(_)) && oldest <= *time && *time < now)
        };
        let expired = self.rows.iter().filter(|(_, item)| has_expired(item));
        expired.map(|(key, _)| key.clone()).collect()
    }

    /// Removes an item that the sweep has deleted.
    pub fn expire(&mut self, key: &PrimaryKey, moment: Moment) {
        let old = self.rows.remove(key);
        if let Some(stream) = &self.stream {
            stream.borrow_mut().record(moment, true, key, &old, &None);
        }
    }

    /// The stream, if it is enabled.
    pub fn open_stream(&self) -> Option<&SharedStream> {
        self.stream
            .as_ref()
            .filter(|stream| stream.borrow().closed_ms.is_none())
    }

    pub fn is_building_index(&self) -> bool {
        self.indexes
            .iter()
            .any(|index| index.state == IndexState::Creating)
    }

    /// Primary key values of an item or key that has them.
    pub fn primary_key(&self, item: &Attributes) -> Option<PrimaryKey> {
        let partition = item.get(&self.schema.partition[0].name)?.canonical();
        match self.schema.sort.first() {
            None => Some((partition, None)),
            Some(sort) => Some((partition, Some(item.get(&sort.name)?.canonical()))),
        }
    }

    pub fn get(&self, key: &Attributes) -> Option<Rc<Attributes>> {
        self.rows.get(&self.primary_key(key)?).cloned()
    }

    /// What is wrong with a key to look up.
    pub fn check_key(&self, key: &Attributes) -> Result<(), Refusal> {
        let fits = |attribute: &KeyAttribute| {
            key.get(&attribute.name)
                .is_some_and(|value| value.type_name() == attribute.key_type)
        };
        if key.len() != self.schema.attributes().count() || !self.schema.attributes().all(fits) {
            return Err(Refusal::validation(mismatch()));
        }
        self.check_key_values(key)
    }

    fn check_key_values(&self, item: &Attributes) -> Result<(), Refusal> {
        let mut problems: BTreeSet<String> = self
            .schema
            .attributes()
            .filter(|attribute| item[&attribute.name].is_empty_scalar())
            .map(empty_key)
            .collect();
        if problems.is_empty() {
            problems = long_half(&self.schema, item);
        }
        Refusal::one_of(problems)
    }

    /// What is wrong with the key of an item to put. A batch words it otherwise.
    pub fn check_item_key(&self, item: &Attributes, in_batch: bool) -> Result<(), Refusal> {
        let mut problems = BTreeSet::new();
        for attribute in self.schema.attributes() {
            match item.get(&attribute.name) {
                Some(value) if value.type_name() == attribute.key_type => {}
                _ if in_batch => drop(problems.insert(mismatch())),
                Some(value) => drop(problems.insert(format!(
                    "One or more parameter values were invalid: Type mismatch for key {} expected: {} actual: {}",
                    attribute.name,
                    attribute.key_type,
                    value.type_name()
                ))),
                None => drop(problems.insert(format!(
                    "One or more parameter values were invalid: Missing the key {} in the item",
                    attribute.name
                ))),
            }
        }
        Refusal::one_of(problems)?;
        self.check_key_values(item)
    }

    /// What is wrong with the index keys of an item. Of an update, only what it has changed counts.
    pub fn check_index_keys(
        &self,
        item: &Attributes,
        updated: Option<Option<&Attributes>>,
    ) -> BTreeSet<String> {
        let mut problems = BTreeSet::new();
        let is_changed = |name: &str| match updated {
            None => true,
            Some(old) => old.and_then(|old| old.get(name)) != item.get(name),
        };
        for index in self
            .indexes
            .iter()
            .filter(|index| index.state != IndexState::Deleting)
        {
            for attribute in index
                .schema
                .attributes()
                .filter(|attribute| is_changed(&attribute.name))
            {
                let Some(value) = item.get(&attribute.name) else {
                    continue;
                };
                if value.type_name() != attribute.key_type {
                    problems.insert(format!(
                        "One or more parameter values were invalid: Type mismatch for Index Key {} Expected: {} \
                         Actual: {} IndexName: {}",
                        attribute.name,
                        attribute.key_type,
                        value.type_name(),
                        index.name
                    ));
                } else if value.is_empty_scalar() {
                    let kind = if attribute.key_type == "S" {
                        "string"
                    } else {
                        "binary"
                    };
                    problems.insert(match updated {
                        None => format!(
                            "One or more parameter values are not valid. A value specified for a secondary index key \
                             is not supported. The AttributeValue for a key attribute cannot contain an empty {kind} \
                             value. IndexName: {}, IndexKey: {}",
                            index.name, attribute.name
                        ),
                        Some(_) => format!(
                            "One or more parameter values are not valid. The update expression attempted to update a \
                             secondary index key to a value that is not supported. The AttributeValue for a key \
                             attribute cannot contain an empty {kind} value."
                        ),
                    });
                }
            }
            let of_changed_half = |half: &[KeyAttribute]| {
                let counts = |attribute: &KeyAttribute| {
                    item.contains_key(&attribute.name) && is_changed(&attribute.name)
                };
                if half.iter().any(counts) {
                    half.to_vec()
                } else {
                    Vec::new()
                }
            };
            let changed = KeySchema {
                partition: of_changed_half(&index.schema.partition),
                sort: of_changed_half(&index.schema.sort),
            };
            problems.extend(long_half(&changed, item));
        }
        problems
    }

    /// What is wrong with paths: keys of the table and of its indexes are scalars.
    pub fn check_paths<'p>(&self, paths: impl IntoIterator<Item = &'p Path>) -> BTreeSet<String> {
        let mut problems = BTreeSet::new();
        for path in paths.into_iter().filter(|path| !path.steps.is_empty()) {
            let kind = if self.schema.contains(&path.root) {
                "Key"
            } else if self.indexes.iter().any(|index| index.schema.contains(&path.root)) {
                "IndexKey"
            } else {
                continue;
            };
            problems.insert(format!(
                "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: {kind}: {}",
                path.root
            ));
        }
        problems
    }

    /// What is wrong with a write, whatever the item is.
    pub fn check_write(&self, write: &Write, condition: Option<&Condition>) -> Result<(), Refusal> {
        let mut problems = BTreeSet::new();
        match write {
            Write::Put(item) => {
                self.check_item_key(item, false)?;
                problems.extend(self.check_index_keys(item, None));
            }
            Write::Delete { key } | Write::Check { key } => self.check_key(key)?,
            Write::Update { key, actions, .. } => {
                self.check_key(key)?;
                for action in actions {
                    if self.schema.contains(&action.path.root) {
                        problems.insert(format!(
                            "One or more parameter values were invalid: Cannot update attribute {}. This attribute is \
                             part of the key",
                            action.path.root
                        ));
                    }
                    problems.extend(self.check_paths([&action.path]));
                    if let Change::Set(source) = &action.change {
                        problems.extend(self.check_paths(Source::paths(source)));
                    }
                }
            }
        }
        problems.extend(self.check_paths(condition.iter().flat_map(|condition| condition.paths())));
        Refusal::one_of(problems)
    }

    /// Writes an item, or says why not.
    pub fn write(
        &mut self,
        write: &Write,
        condition: Option<&Condition>,
        moment: Moment,
    ) -> Result<Written, Refusal> {
        self.check_write(write, condition)?;
        let written = self.decide(write, condition)?;
        self.make(&written, moment);
        Ok(written)
    }

    /// What a write that has been checked comes to, with the item as it is.
    pub fn decide(&self, write: &Write, condition: Option<&Condition>) -> Result<Written, Refusal> {
        let key = self.primary_key(write.key()).expect("has been checked");
        let old = self.rows.get(&key).cloned();
        if let Some(condition) = condition
            && !holds(condition, old.as_deref().unwrap_or(&Attributes::new()))
        {
            return Err(Refusal {
                item: old,
                ..Refusal::new(
                    ErrorKind::ConditionalCheckFailedException,
                    "The conditional request failed",
                )
            });
        }
        let new = match write {
            Write::Put(item) => Some(Rc::new(canonical(item))),
            Write::Delete { .. } => None,
            Write::Check { .. } => old.clone(),
            Write::Update {
                key,
                actions,
                is_legacy,
            } => {
                let base = old.clone().unwrap_or_else(|| Rc::new(canonical(key)));
                let new = match update(actions, *is_legacy, &base) {
                    Ok(new) => canonical(&new),
                    Err(problems) => {
                        return Err(Refusal {
                            kind: ErrorKind::ValidationException,
                            messages: problems.into_iter().map(str::to_owned).collect(),
                            item: None,
                        });
                    }
                };
                let mut problems = self.check_index_keys(&new, Some(old.as_deref()));
                if size_bytes(&new) > ITEM_BYTES_MAX {
                    problems.insert("Item size to update has exceeded the maximum allowed size".to_owned());
                }
                Refusal::one_of(problems)?;
                Some(Rc::new(new))
            }
        };
        let consumed = self.write_cost(old.as_deref(), new.as_deref());
        Ok(Written {
            key,
            old,
            new,
            consumed,
        })
    }

    /// Makes what has been decided.
    pub fn make(&mut self, written: &Written, moment: Moment) {
        if let Some(stream) = &self.stream {
            let mut stream = stream.borrow_mut();
            stream.record(moment, false, &written.key, &written.old, &written.new);
        }
        match &written.new {
            Some(item) => drop(self.rows.insert(written.key.clone(), item.clone())),
            None => drop(self.rows.remove(&written.key)),
        }
    }

    /// AWS-FACTS 35.
    fn write_cost(&self, old: Option<&Attributes>, new: Option<&Attributes>) -> Consumed {
        let size = |item: Option<&Attributes>| item.map_or(0, size_bytes);
        let mut consumed = Consumed {
            table: write_units(size(old).max(size(new))),
            ..Consumed::default()
        };
        for index in self
            .indexes
            .iter()
            .filter(|index| index.state == IndexState::Active)
        {
            let view = |item: Option<&Attributes>| item.and_then(|item| index.view(&self.schema, item));
            let units = match (view(old), view(new)) {
                (None, None) => continue,
                (Some(old), Some(new)) if old == new => continue,
                (None, Some(view)) | (Some(view), None) => write_units(size_bytes(&view)),
                (Some(old), Some(new)) if index.schema.key_of(&old) == index.schema.key_of(&new) => {
                    write_units(size_bytes(&old).max(size_bytes(&new)))
                }
                (Some(old), Some(new)) => write_units(size_bytes(&old)) + write_units(size_bytes(&new)),
            };
            consumed.add_index(index, units);
        }
        consumed
    }

    /// How many entries an index has, and their size.
    pub fn index_figures(&self, index: &Index) -> (i64, i64) {
        let views: Vec<Attributes> = self
            .rows
            .values()
            .filter_map(|item| index.view(&self.schema, item))
            .collect();
        (
            views.len() as i64,
            views.iter().map(size_bytes).sum::<usize>() as i64,
        )
    }
}
