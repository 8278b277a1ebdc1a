//! Random tables and indexes, and random slices of them.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;

use super::{BINARIES, INDEX_ATTRIBUTES, NUMBERS, STRINGS, chance, key_value, pick};
use crate::expression::{Comparator, KeyClause, KeyOperator};
use crate::read::Target;
use crate::schema::{Index, IndexState, KeyAttribute, KeySchema, KeyType, Projection};
use crate::table::Table;
use crate::value::{Attributes, Value};

/// How many keys a table may have.
#[derive(Clone, Copy, PartialEq)]
enum Width {
    Narrow,
    /// More than a backfill indexes in one step.
    Wide,
    /// A few large items.
    Large,
}

/// Values of a key type, in all their spellings.
fn pool(rng: &mut Rng, key_type: KeyType, count: usize) -> Vec<Value> {
    let mut pool: Vec<Value> = match key_type {
        "S" => STRINGS[..STRINGS.len() - 1]
            .iter()
            .map(|text| Value::string(text))
            .collect(),
        "N" => NUMBERS.iter().map(|spelling| Value::number(spelling)).collect(),
        _ => BINARIES[..BINARIES.len() - 1]
            .iter()
            .map(|bytes| Value::B(bytes.to_vec()))
            .collect(),
    };
    rng.shuffle(&mut pool);
    pool.truncate(count);
    pool
}

fn wide_pool(key_type: KeyType, count: usize) -> Vec<Value> {
    (0..count)
        .map(|number| match key_type {
            "S" => Value::S(format!("s{number}")),
            "N" => Value::number(&format!("{}E-2", number as i64 - 100)),
            _ => Value::B((number as u16).to_le_bytes().to_vec()),
        })
        .collect()
}

fn key_type(rng: &mut Rng) -> KeyType {
    pick::<&str>(rng, &["S", "S", "N", "B"])
}

/// A new table, without items.
pub fn new_table(rng: &mut Rng, name: &str, now_ms: u64) -> Table {
    let width = match rng.u8(..10) {
        0 => Width::Large,
        1..3 => Width::Wide,
        _ => Width::Narrow,
    };
    let partition = KeyAttribute::new("pk", key_type(rng));
    let has_sort = width != Width::Narrow || chance(rng, 70);
    let sort: Vec<KeyAttribute> = if has_sort {
        vec![KeyAttribute::new("sk", key_type(rng))]
    } else {
        Vec::new()
    };
    let (partition_pool, sort_pool) = match (width, sort.first()) {
        (Width::Wide, Some(sort)) => (pool(rng, partition.key_type, 3), wide_pool(sort.key_type, 500)),
        (Width::Large, Some(sort)) => (pool(rng, partition.key_type, 1), pool(rng, sort.key_type, 8)),
        (_, Some(sort)) => (pool(rng, partition.key_type, 4), pool(rng, sort.key_type, 10)),
        (_, None) => (pool(rng, partition.key_type, 16), Vec::new()),
    };
    let mut table = Table {
        name: name.to_owned(),
        schema: KeySchema {
            partition: vec![partition],
            sort,
        },
        is_provisioned: rng.bool(),
        indexes: Vec::new(),
        rows: BTreeMap::new(),
        tags: BTreeMap::new(),
        created_until_ms: now_ms,
        changing_until_ms: 0,
        indexes_changing_until_ms: 0,
        deleting_until_ms: None,
        partition_pool,
        sort_pool,
        has_large_items: width == Width::Large,
        stream: None,
        time_to_live: None,
        now_ms,
    };
    if has_sort {
        for number in 0..rng.usize(..=2) {
            let index = new_local_index(rng, &table, format!("local{number}"));
            table.indexes.push(index);
        }
    }
    for number in 0..rng.usize(..=2) {
        let index = new_index(rng, &table, format!("made{number}"));
        table.indexes.push(Index {
            state: IndexState::Active,
            ..index
        });
    }
    table
}

fn projection(rng: &mut Rng) -> Projection {
    match rng.u8(..3) {
        0 => Projection::All,
        1 => Projection::KeysOnly,
        _ => {
            let mut names: BTreeSet<&str> = BTreeSet::new();
            for _ in 0..rng.usize(1..=3) {
                names.insert(*pick(rng, &["a", "b", "name", "g1", "l1", "pad"]));
            }
            Projection::Include(names.into_iter().map(str::to_owned).collect())
        }
    }
}

fn index_attribute(rng: &mut Rng) -> KeyAttribute {
    let (name, key_type) = *pick(rng, &INDEX_ATTRIBUTES);
    KeyAttribute::new(name, key_type)
}

fn new_local_index(rng: &mut Rng, table: &Table, name: String) -> Index {
    let schema = KeySchema {
        partition: table.schema.partition.clone(),
        sort: vec![index_attribute(rng)],
    };
    Index {
        name,
        is_local: true,
        schema,
        projection: projection(rng),
        state: IndexState::Active,
    }
}

/// A new global index, to be filled.
pub fn new_index(rng: &mut Rng, table: &Table, name: String) -> Index {
    let (partition_count, sort_count) = *pick(rng, &[(1, 0), (1, 1), (1, 1), (2, 0), (1, 2), (2, 2), (3, 3)]);
    let mut pool: Vec<KeyAttribute> = INDEX_ATTRIBUTES
        .map(|(name, key_type)| KeyAttribute::new(name, key_type))
        .to_vec();
    if chance(rng, 40) {
        pool.extend(table.schema.attributes().cloned());
    }
    rng.shuffle(&mut pool);
    let sort_count = sort_count.min(pool.len() - partition_count);
    let sort = pool[partition_count..partition_count + sort_count].to_vec();
    pool.truncate(partition_count);
    let schema = KeySchema {
        partition: pool,
        sort,
    };
    Index {
        name,
        is_local: false,
        schema,
        projection: projection(rng),
        state: IndexState::Creating,
    }
}

/// A value of a key attribute: mostly one that is in use, out of `known`.
fn near(rng: &mut Rng, attribute: &KeyAttribute, known: &[&Value]) -> Value {
    if !known.is_empty() && chance(rng, 80) {
        return (*pick(rng, known)).clone();
    }
    key_value(rng, attribute.key_type)
}

/// The beginning of a string or binary, not empty.
fn prefix(rng: &mut Rng, value: Value) -> Value {
    match value {
        Value::S(text) => {
            let length = rng.usize(1..=text.chars().count().max(1));
            Value::S(text.chars().take(length).collect())
        }
        Value::B(bytes) => Value::B(bytes[..rng.usize(1..=bytes.len().max(1)).min(bytes.len())].to_vec()),
        other => other,
    }
}

/// A key condition, mostly one that something satisfies.
pub fn key_clauses(rng: &mut Rng, target: &Target<'_>) -> Vec<KeyClause> {
    let schema = target.schema();
    let rows: Vec<&Attributes> = target.table.rows.values().map(|item| &**item).collect();
    // Some item that is there, and those beside it.
    let mut chosen = None;
    for _ in 0..4 {
        if rows.is_empty() {
            break;
        }
        chosen = schema.key_of(pick::<&Attributes>(rng, &rows));
        if chosen.is_some() {
            break;
        }
    }
    let chosen = chosen.unwrap_or_default();
    let equal = |attribute: &KeyAttribute, value: Value| KeyClause {
        attribute: attribute.name.clone(),
        operator: KeyOperator::Compare(Comparator::Equal, value),
    };
    let mut clauses = Vec::new();
    for attribute in &schema.partition {
        let known: Vec<&Value> = chosen.get(&attribute.name).into_iter().collect();
        let value = if chance(rng, 93) && !known.is_empty() {
            known[0].clone()
        } else {
            near(rng, attribute, &[])
        };
        clauses.push(equal(attribute, value));
    }
    let conditions = if chance(rng, 65) {
        rng.usize(..=schema.sort.len())
    } else {
        0
    };
    for (place, attribute) in schema.sort[..conditions].iter().enumerate() {
        let beside = rows.iter().filter(|item| {
            schema
                .partition
                .iter()
                .all(|partition| item.get(&partition.name) == chosen.get(&partition.name))
        });
        let known: Vec<&Value> = beside
            .filter_map(|item| item.get(&attribute.name))
            .filter(|value| value.type_name() == attribute.key_type && !value.is_empty_scalar())
            .take(40)
            .collect();
        if place + 1 < conditions {
            let value = match chosen.get(&attribute.name) {
                Some(value) => value.clone(),
                None => near(rng, attribute, &known),
            };
            // One that is not fixed makes the next one wrong.
            if !chance(rng, 1) {
                clauses.push(equal(attribute, value));
            }
            continue;
        }
        clauses.push(KeyClause {
            attribute: attribute.name.clone(),
            operator: sort_operator(rng, attribute, &known),
        });
    }
    if chance(rng, 1) {
        spoil(rng, &mut clauses);
    }
    clauses
}

fn sort_operator(rng: &mut Rng, attribute: &KeyAttribute, known: &[&Value]) -> KeyOperator {
    let value = near(rng, attribute, known);
    match rng.u8(..8) {
        0 | 1 if attribute.key_type != "N" => KeyOperator::BeginsWith(prefix(rng, value)),
        2 | 3 => {
            let other = near(rng, attribute, known);
            if value <= other {
                KeyOperator::Between(value, other)
            } else {
                KeyOperator::Between(other, value)
            }
        }
        4 => KeyOperator::Compare(Comparator::Less, value),
        5 => KeyOperator::Compare(Comparator::LessOrEqual, value),
        6 => KeyOperator::Compare(Comparator::Greater, value),
        7 => KeyOperator::Compare(Comparator::GreaterOrEqual, value),
        _ => KeyOperator::Compare(Comparator::Equal, value),
    }
}

/// Puts a value that no key can have into a clause.
fn spoil(rng: &mut Rng, clauses: &mut [KeyClause]) {
    let place = rng.usize(..clauses.len());
    if let KeyOperator::Compare(_, value) = &mut clauses[place].operator {
        *value = match value {
            Value::S(_) if rng.bool() => Value::string(""),
            Value::B(_) if rng.bool() => Value::B(Vec::new()),
            Value::S(_) => Value::number("1"),
            _ => Value::string("wrong"),
        };
    }
}
