//! Items that a careless format loses something of, and random ones like them.

use std::collections::BTreeMap;

use fastrand::Rng;
use model::{Item, Number, Value};

/// Texts that mean something to one format or another.
const TEXTS: &[&str] = &[
    "",
    " ",
    "\0",
    "\"",
    "'''",
    "\\",
    "a\nb\r\nc\td",
    "\u{1}\u{1f}\u{7f}\u{85}",
    "\u{2028}\u{2029}\u{feff}",
    "Grüße, 世界, 👩‍🚀",
    "\u{10ffff}\u{ffff}",
    "$ion_1_0",
    "$dynamodb_SS::[]",
    "{{aGk=}}",
    "null",
    "true",
    "1e5",
    "2020-01-01T00:00:00Z",
    "a,b;c|d",
    "Item",
    "/* no comment */",
    "\u{61}\u{301}",
];

const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "600",
    "1.5",
    "-0.001",
    "12345678901234567890123456789012345678",
    "-12345678901234567890123456789012345678",
    "0.12345678901234567890123456789012345678",
    "1E-130",
    "-1E-130",
    "1E125",
    "9.9999999999999999999999999999999999999E125",
    "-9.9999999999999999999999999999999999999E125",
    "1.2345678901234567890123456789012345678E-120",
    "18446744073709551616",
];

fn number(text: &str) -> Number {
    Number::parse(text).expect("a number")
}

fn all_bytes() -> Vec<u8> {
    (0..=255).collect()
}

/// A value that lies within so many maps and lists.
fn nested(levels: usize) -> Value {
    (0..levels).fold(Value::String("at the bottom".to_owned()), |inner, level| {
        match level % 2 {
            0 => Value::Map(BTreeMap::from([("k".to_owned(), inner)])),
            _ => Value::List(vec![inner]),
        }
    })
}

fn strings() -> Vec<String> {
    let mut texts: Vec<String> = TEXTS.iter().map(|text| (*text).to_owned()).collect();
    texts.sort();
    texts
}

/// Items with every type and every hostile value, each under a key of its own.
pub fn items() -> Vec<Item> {
    let mut values: Vec<Value> = Vec::new();
    values.extend(strings().into_iter().map(Value::String));
    values.extend(NUMBERS.iter().map(|text| Value::Number(number(text))));
    values.push(Value::Binary(Vec::new()));
    values.push(Value::Binary(all_bytes()));
    values.extend([Value::Bool(true), Value::Bool(false), Value::Null]);
    values.push(Value::StringSet(strings()));
    values.push(Value::StringSet(vec![String::new()]));
    values.push(Value::NumberSet(
        NUMBERS.iter().map(|text| number(text)).collect(),
    ));
    values.push(Value::BinarySet(vec![
        Vec::new(),
        all_bytes(),
        vec![0],
        vec![255, 0],
    ]));
    values.push(Value::List(Vec::new()));
    values.push(Value::Map(BTreeMap::new()));
    values.push(nested(31));
    let mixed = values.clone();
    values.push(Value::List(
        mixed
            .iter()
            .filter(|value| value.nesting_levels() < 30)
            .cloned()
            .collect(),
    ));

    let mut items: Vec<BTreeMap<String, Value>> = values
        .into_iter()
        .map(|value| BTreeMap::from([("value".to_owned(), value)]))
        .collect();
    // Names are texts too, all but the empty one.
    let names = TEXTS.iter().filter(|text| !text.is_empty());
    items.push(names.map(|name| ((*name).to_owned(), Value::Null)).collect());
    let names = TEXTS.iter().filter(|text| !text.is_empty());
    let map = names
        .map(|name| ((*name).to_owned(), Value::Bool(true)))
        .collect();
    items.push(BTreeMap::from([("map".to_owned(), Value::Map(map))]));
    items.push(BTreeMap::from([(
        "large".to_owned(),
        Value::String("\u{1}".repeat(390_000)),
    )]));
    items.push(BTreeMap::new());
    with_keys(items)
}

/// Items drawn at random.
pub fn random_items(rng: &mut Rng, count: usize) -> Vec<Item> {
    let items = (0..count).map(|_| {
        let attributes = rng.usize(0..6);
        (0..attributes)
            .map(|position| {
                (
                    format!("{}{position}", rng.choice(TEXTS).expect("a text")),
                    random_value(rng, 0),
                )
            })
            .collect()
    });
    with_keys(items.collect())
}

fn random_value(rng: &mut Rng, level: usize) -> Value {
    let text = |rng: &mut Rng| match rng.bool() {
        true => (*rng.choice(TEXTS).expect("a text")).to_owned(),
        false => (0..rng.usize(0..8)).map(|_| rng.char(..)).collect(),
    };
    let bytes = |rng: &mut Rng| -> Vec<u8> { (0..rng.usize(0..8)).map(|_| rng.u8(..)).collect() };
    match rng.u8(..if level < 4 { 10 } else { 8 }) {
        0 => Value::String(text(rng)),
        1 => Value::Number(random_number(rng)),
        2 => Value::Binary(bytes(rng)),
        3 => Value::Bool(rng.bool()),
        4 => Value::Null,
        5 => {
            let mut members: Vec<String> = (0..rng.usize(1..5)).map(|_| text(rng)).collect();
            members.sort();
            members.dedup();
            Value::StringSet(members)
        }
        6 => Value::NumberSet(vec![random_number(rng)]),
        7 => {
            let mut members: Vec<Vec<u8>> = (0..rng.usize(1..5)).map(|_| bytes(rng)).collect();
            members.sort();
            members.dedup();
            Value::BinarySet(members)
        }
        8 => Value::List(
            (0..rng.usize(0..4))
                .map(|_| random_value(rng, level + 1))
                .collect(),
        ),
        _ => {
            let members = rng.usize(0..4);
            Value::Map(
                (0..members)
                    .map(|position| (format!("{}{position}", text(rng)), random_value(rng, level + 1)))
                    .collect(),
            )
        }
    }
}

fn random_number(rng: &mut Rng) -> Number {
    let digits: String = (0..rng.usize(1..=38))
        .map(|_| char::from(b'0' + rng.u8(..10)))
        .collect();
    let sign = if rng.bool() { "-" } else { "" };
    let text = format!("{sign}{digits}E{}", rng.i32(-90..=80));
    number(&text)
}

fn with_keys(items: Vec<BTreeMap<String, Value>>) -> Vec<Item> {
    let keyed = items.into_iter().enumerate().map(|(number, mut attributes)| {
        attributes.insert("pk".to_owned(), Value::String(format!("item {number}")));
        Item::from_tree(&attributes)
    });
    keyed.collect()
}
