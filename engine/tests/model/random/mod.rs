//! What is drawn at random: values, items, tables, expressions. Few and colliding ones.

mod conditions;
mod tables;
mod updates;

use fastrand::Rng;

use crate::expression::{Path, Step};
use crate::schema::KeyType;
use crate::table::{EXPIRED_SECONDS_MAX, Table};
use crate::value::{Attributes, Value};

pub use conditions::{condition, legacy_conditions};
pub use tables::{key_clauses, new_index, new_table};
pub use updates::{legacy_update, update};

/// Those of the names below that an expression cannot use as they are.
pub const RESERVED: [&str; 3] = ["name", "status", "pad"];
/// Attributes that no key uses.
const ATTRIBUTES: [&str; 7] = ["a", "b", "c", "name", "size", "od.d", "ü"];
/// Names inside of maps.
const FIELDS: [&str; 4] = ["x", "y", "status", "x-1"];
/// Attributes that indexes may have as keys, and their types.
pub const INDEX_ATTRIBUTES: [(&str, KeyType); 5] =
    [("g1", "S"), ("g2", "N"), ("g3", "B"), ("l1", "N"), ("l2", "S")];

const STRINGS: [&str; 10] = ["a", "ab", "abc", "b", "a\0", "\0", "é", "a\u{10FFFF}", "0", ""];
const NUMBERS: [&str; 22] = [
    "0",
    "-0",
    "1",
    "1.0",
    "01",
    "2",
    "3",
    "10",
    "1E1",
    "1E2",
    "100.00",
    "-1",
    "-1.5",
    "0.5",
    ".5",
    "-2E0",
    "1e-3",
    "12345678901234567890123456789012345678",
    "9.9999999999999999999999999999999999999E125",
    "-9.9999999999999999999999999999999999999E125",
    "1E-130",
    "-1.5E-130",
];
const BINARIES: [&[u8]; 9] = [
    b"\0",
    b"\0\0",
    b"\0\x01",
    b"\x01",
    b"a",
    b"a\0",
    b"\xFF",
    b"\xFF\xFF",
    b"",
];

/// One of several.
pub fn pick<'p, T>(rng: &mut Rng, pool: &'p [T]) -> &'p T {
    &pool[rng.usize(..pool.len())]
}

/// True about `percent` times in a hundred.
pub fn chance(rng: &mut Rng, percent: u32) -> bool {
    rng.u32(..100) < percent
}

/// A number that sums stay exact with, mostly.
pub fn number(rng: &mut Rng) -> Value {
    let count = if chance(rng, 95) {
        NUMBERS.len() - 5
    } else {
        NUMBERS.len()
    };
    Value::number(NUMBERS[rng.usize(..count)])
}

fn string(rng: &mut Rng) -> Value {
    Value::string(pick::<&str>(rng, &STRINGS))
}

fn binary(rng: &mut Rng) -> Value {
    Value::B(pick(rng, &BINARIES).to_vec())
}

/// A string, number or binary.
pub fn scalar(rng: &mut Rng) -> Value {
    match rng.u8(..8) {
        0..3 => string(rng),
        3..6 => number(rng),
        _ => binary(rng),
    }
}

/// A set that is not empty.
pub fn set(rng: &mut Rng) -> Value {
    let count = rng.usize(1..=3);
    match rng.u8(..3) {
        0 => Value::Ss((0..count).map(|_| (*pick(rng, &STRINGS)).to_owned()).collect()),
        1 => Value::Ns(
            (0..count)
                .filter_map(|_| match number(rng) {
                    Value::N(number) => Some(number),
                    _ => None,
                })
                .collect(),
        ),
        _ => Value::Bs((0..count).map(|_| pick(rng, &BINARIES).to_vec()).collect()),
    }
}

/// A list of a few values.
pub fn list(rng: &mut Rng, levels: u8) -> Value {
    let count = rng.usize(..=3);
    Value::L((0..count).map(|_| value(rng, levels)).collect())
}

fn map(rng: &mut Rng, levels: u8) -> Value {
    let count = rng.usize(..=3);
    Value::M(
        (0..count)
            .map(|_| ((*pick(rng, &FIELDS)).to_owned(), value(rng, levels)))
            .collect(),
    )
}

/// Any value that nests at most so many levels below itself.
pub fn value(rng: &mut Rng, levels: u8) -> Value {
    match rng.u8(..20) {
        0..9 => scalar(rng),
        9 => Value::Bool(rng.bool()),
        10 => Value::Null,
        11..14 => set(rng),
        14..17 if levels > 0 => list(rng, levels - 1),
        17..20 if levels > 0 => map(rng, levels - 1),
        _ => number(rng),
    }
}

/// A value of a key type that a key can have, out of few.
fn key_value(rng: &mut Rng, key_type: KeyType) -> Value {
    match key_type {
        "S" => Value::string(STRINGS[rng.usize(..6)]),
        "N" => Value::number(NUMBERS[rng.usize(..12)]),
        _ => Value::B(BINARIES[rng.usize(..BINARIES.len() - 1)].to_vec()),
    }
}

/// A value for an attribute that an index may have as a key.
pub fn index_value(rng: &mut Rng, key_type: KeyType, may_be_wrong: bool) -> Value {
    if may_be_wrong && chance(rng, 25) {
        return match (rng.u8(..3), key_type) {
            (0, "S") => Value::S("long".repeat(600)),
            (0, "B") => Value::B(vec![7; 1100]),
            (1, "S") => Value::string(""),
            (1, "B") => Value::B(Vec::new()),
            _ => value(rng, 1),
        };
    }
    key_value(rng, key_type)
}

/// The key of an item that a table may have.
pub fn key(rng: &mut Rng, table: &Table) -> Attributes {
    let mut key = Attributes::new();
    key.insert(
        table.schema.partition[0].name.clone(),
        pick(rng, &table.partition_pool).clone(),
    );
    if let Some(sort) = table.schema.sort.first() {
        key.insert(sort.name.clone(), pick(rng, &table.sort_pool).clone());
    }
    key
}

/// The key of an item that the table has, or where it has none, that it may have.
pub fn existing_key(rng: &mut Rng, table: &Table) -> Attributes {
    if table.rows.is_empty() {
        return key(rng, table);
    }
    let item = table
        .rows
        .values()
        .nth(rng.usize(..table.rows.len()))
        .expect("there are as many");
    table.schema.key_of(item).expect("every item has its key")
}

/// A key that is no key of the table, sometimes.
pub fn spoil_key(rng: &mut Rng, table: &Table, key: &mut Attributes) {
    let names: Vec<String> = table
        .schema
        .attributes()
        .map(|attribute| attribute.name.clone())
        .collect();
    let name = pick(rng, &names).clone();
    match rng.u8(..6) {
        0 => drop(key.remove(&name)),
        1 => drop(key.insert(name, Value::Null)),
        2 => drop(key.insert(name, Value::string(""))),
        3 => drop(key.insert(name, Value::B(Vec::new()))),
        4 => drop(key.insert(name, Value::S("k".repeat(2049)))),
        _ => drop(key.insert("more".to_owned(), Value::Null)),
    }
}

/// When an item expires, around the table's time, or something that looks like it.
pub fn time(rng: &mut Rng, table: &Table, attribute: &str) -> Value {
    let now = table.now_ms / 1000;
    let may_be_any = !INDEX_ATTRIBUTES.iter().any(|(name, _)| *name == attribute);
    let number = |number: u64| Value::number(&number.to_string());
    match rng.u8(..20) {
        0..5 => number(now - rng.u64(..100)),
        5..9 => number(now + rng.u64(..10)),
        9 => number(now + rng.u64(..100_000)),
        10 => number(now - EXPIRED_SECONDS_MAX + rng.u64(..20) - 10),
        11 => number(now - EXPIRED_SECONDS_MAX - rng.u64(..100_000)),
        12 => Value::number(&format!("{}.{}", now - 2 + rng.u64(..4), rng.u8(1..10))),
        13 => Value::number(&format!("{}E1", now / 10 - 1 + rng.u64(..3))),
        14 => Value::number(&format!("-{now}")),
        15 => number(table.now_ms),
        16 if may_be_any => Value::S((now - 10).to_string()),
        17 if may_be_any => Value::L(vec![number(now - 10)]),
        18 if may_be_any => Value::Ns([crate::decimal::Decimal::parse(&(now - 10).to_string())].into()),
        _ => number(now + 3600),
    }
}

/// An item with that key.
pub fn item(rng: &mut Rng, table: &Table, key: Attributes, may_be_wrong: bool) -> Attributes {
    let mut item = Attributes::new();
    for _ in 0..rng.usize(..5) {
        item.insert((*pick(rng, &ATTRIBUTES)).to_owned(), value(rng, 2));
    }
    for (name, key_type) in INDEX_ATTRIBUTES {
        if chance(rng, 60) {
            item.insert(name.to_owned(), index_value(rng, key_type, may_be_wrong));
        }
    }
    if let Some(time_to_live) = table.kept_time_to_live()
        && chance(rng, 30)
    {
        let time = time(rng, table, &time_to_live.attribute);
        item.insert(time_to_live.attribute.clone(), time);
    }
    if table.has_large_items {
        for name in ["pad", "pad2"] {
            let length = *pick(rng, &[0, 1000, 5000, 90_000, 260_000, 390_000, 405_000]);
            item.insert(name.to_owned(), Value::S("x".repeat(length)));
        }
    } else if chance(rng, 10) {
        item.insert("pad".to_owned(), Value::S("p".repeat(rng.usize(..3000))));
    }
    item.extend(key);
    item
}

/// A path: mostly to something that `item` has, sometimes to a place near it, or anywhere.
pub fn path(rng: &mut Rng, table: &Table, item: &Attributes) -> Path {
    let mut path = if chance(rng, 85) && !item.is_empty() {
        Path::attribute(
            item.keys()
                .nth(rng.usize(..item.len()))
                .expect("there are as many"),
        )
    } else if chance(rng, 40) {
        Path::attribute(pick(rng, &INDEX_ATTRIBUTES).0)
    } else {
        Path::attribute(pick::<&str>(rng, &ATTRIBUTES))
    };
    let mut value = item.get(&path.root);
    while let Some(container) = value {
        if !chance(rng, 75) {
            break;
        }
        let (step, below) = match container {
            Value::M(entries) if !entries.is_empty() && chance(rng, 85) => {
                let (name, value) = entries
                    .iter()
                    .nth(rng.usize(..entries.len()))
                    .expect("there are as many");
                (Step::Field(name.clone()), Some(value))
            }
            Value::M(_) => (Step::Field((*pick(rng, &FIELDS)).to_owned()), None),
            Value::L(elements) => {
                let index = rng.usize(..elements.len() + 1);
                (Step::Index(index), elements.get(index))
            }
            _ => break,
        };
        path.steps.push(step);
        value = below;
    }
    // A step into what is no container, or is not there.
    let is_key = table.schema.contains(&path.root)
        || table
            .indexes
            .iter()
            .any(|index| index.schema.contains(&path.root));
    if chance(rng, if is_key { 1 } else { 4 }) {
        path.steps.push(if rng.bool() {
            Step::Index(rng.usize(..3))
        } else {
            Step::Field("x".to_owned())
        });
    }
    path
}

/// Paths that can stand in one projection.
pub fn projection(rng: &mut Rng, table: &Table, item: &Attributes) -> Vec<Path> {
    let mut paths: Vec<Path> = Vec::new();
    for _ in 0..rng.usize(1..=4) {
        let path = path(rng, table, item);
        if !paths.iter().any(|known| known.clashes(&path)) {
            paths.push(path);
        }
    }
    paths
}
