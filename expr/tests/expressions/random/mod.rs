//! Random expressions, written as text, parsed, and held against naive evaluators over trees of values.
//!
//! A failure prints its seed, with which `STATOR_SEED` begins; `STATOR_SEED=random` looks further.

mod conditions;
mod updates;

use std::collections::BTreeMap;

use fastrand::Rng;
use model::{Number, Value};

/// The seed that a run begins with: the same each time, so that a change is judged by what it
/// changes, unless the environment names another or asks for any.
pub fn first_seed() -> u64 {
    match std::env::var("STATOR_SEED").as_deref() {
        Ok("random") => fastrand::u64(..u64::MAX / 2),
        Ok(seed) => seed.parse().expect("STATOR_SEED is a number or `random`"),
        Err(_) => 20_261_121,
    }
}

/// Runs `test` with many seeds.
fn for_seeds(count: u64, test: impl Fn(&mut Rng)) {
    let run = |seed: u64| {
        let guard = PrintedOnPanic(seed);
        test(&mut Rng::with_seed(seed));
        std::mem::forget(guard);
    };
    let first = first_seed();
    (first..first + count).for_each(run);
}

struct PrintedOnPanic(u64);

impl Drop for PrintedOnPanic {
    fn drop(&mut self) {
        eprintln!("STATOR_SEED={}", self.0);
    }
}

fn pick<'p, T: ?Sized>(rng: &mut Rng, all: &[&'p T]) -> &'p T {
    all[rng.usize(..all.len())]
}

/// Few and short, so that different values meet.
fn scalar(rng: &mut Rng) -> Value {
    match rng.u8(..8) {
        0..=2 => {
            Value::Number(Number::parse(pick(rng, &["-1", "0", "1", "2", "1.5", "10", "1e20"])).unwrap())
        }
        3..=5 => Value::String(pick(rng, &["", "a", "ab", "b", "abc", "N", "é"]).to_owned()),
        6 => Value::Binary(pick(rng, &[&[] as &[u8], b"a", b"ab", &[0xFF]]).to_vec()),
        _ => match rng.u8(..3) {
            0 => Value::Null,
            other => Value::Bool(other == 1),
        },
    }
}

fn set(rng: &mut Rng) -> Value {
    let several = |rng: &mut Rng| 1 + rng.usize(..3);
    match rng.u8(..3) {
        0 => {
            let mut members: Vec<String> = (0..several(rng))
                .map(|_| pick(rng, &["a", "ab", "b", ""]).to_owned())
                .collect();
            members.sort_unstable();
            members.dedup();
            Value::StringSet(members)
        }
        1 => {
            let mut members: Vec<Number> = (0..several(rng))
                .map(|_| Number::parse(pick(rng, &["0", "1", "1.5", "-1"])).unwrap())
                .collect();
            members.sort_unstable();
            members.dedup();
            Value::NumberSet(members)
        }
        _ => {
            let mut members: Vec<Vec<u8>> = (0..several(rng))
                .map(|_| pick(rng, &[b"a" as &[u8], b"ab", b"b"]).to_vec())
                .collect();
            members.sort_unstable();
            members.dedup();
            Value::BinarySet(members)
        }
    }
}

fn value(rng: &mut Rng, depth: usize) -> Value {
    match rng.u8(..10) {
        0..=4 => scalar(rng),
        5 | 6 => set(rng),
        _ if depth == 0 => scalar(rng),
        7 | 8 => Value::List((0..rng.usize(..4)).map(|_| value(rng, depth - 1)).collect()),
        _ => Value::Map(attributes(rng, depth - 1)),
    }
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn attributes(rng: &mut Rng, depth: usize) -> BTreeMap<String, Value> {
    (0..rng.usize(..5))
        .map(|_| (pick(rng, &NAMES).to_owned(), value(rng, depth)))
        .collect()
}

/// A path as the tests write and follow it.
#[derive(Clone, Debug, PartialEq)]
struct TestPath {
    name: &'static str,
    steps: Vec<TestStep>,
}

#[derive(Clone, Debug, PartialEq)]
enum TestStep {
    Field(&'static str),
    Index(usize),
}

fn path(rng: &mut Rng) -> TestPath {
    let mut steps = Vec::new();
    while rng.u8(..3) == 0 {
        steps.push(match rng.bool() {
            true => TestStep::Field(pick(rng, &NAMES)),
            false => TestStep::Index(rng.usize(..4)),
        });
    }
    TestPath {
        name: pick(rng, &NAMES),
        steps,
    }
}

impl TestPath {
    fn find<'i>(&self, item: &'i BTreeMap<String, Value>) -> Option<&'i Value> {
        self.steps
            .iter()
            .try_fold(item.get(self.name)?, |value, step| match (step, value) {
                (TestStep::Field(name), Value::Map(map)) => map.get(*name),
                (TestStep::Index(index), Value::List(list)) => list.get(*index),
                _ => None,
            })
    }
}

/// Names and values of one expression, and the text's way of writing them.
#[derive(Default)]
struct Writer {
    names: BTreeMap<String, String>,
    values: BTreeMap<String, Value>,
}

impl Writer {
    fn name(&mut self, rng: &mut Rng, name: &str) -> String {
        if rng.u8(..3) > 0 {
            return name.to_owned();
        }
        let placeholder = format!("#n{name}");
        self.names.insert(placeholder.clone(), name.to_owned());
        placeholder
    }

    fn value(&mut self, value: &Value) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), value.clone());
        placeholder
    }

    fn path(&mut self, rng: &mut Rng, path: &TestPath) -> String {
        let mut text = self.name(rng, path.name);
        for step in &path.steps {
            match step {
                TestStep::Field(name) => {
                    text.push('.');
                    text += &self.name(rng, name);
                }
                TestStep::Index(index) => text += &format!("[{index}]"),
            }
        }
        text
    }

    /// Parses with these names and values, all of which must be used.
    fn parse<T>(
        &self,
        parse: impl FnOnce(&mut expr::ExpressionAttributes<'_>) -> Result<T, expr::ExpressionError>,
    ) -> Result<T, expr::ExpressionError> {
        let names: Vec<(String, String)> = self
            .names
            .iter()
            .map(|(placeholder, name)| (placeholder.clone(), name.clone()))
            .collect();
        let values = model::Item::from_tree(&self.values);
        let mut attributes = expr::ExpressionAttributes::new(
            (!names.is_empty()).then_some(names.as_slice()),
            (!self.values.is_empty()).then_some(&values),
        )?;
        let parsed = parse(&mut attributes)?;
        attributes.check_all_used()?;
        Ok(parsed)
    }
}
