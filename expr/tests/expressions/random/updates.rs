//! Random updates, and the projections of what they change.

use std::collections::BTreeMap;

use expr::{Projection, Update};
use fastrand::Rng;
use model::{Item, Number, Value};

use super::{TestPath, TestStep, Writer, attributes, for_seeds, path, set, value};

type Attributes = BTreeMap<String, Value>;

#[derive(Clone, Debug)]
enum Source {
    Path(TestPath),
    Value(Value),
    IfNotExists(TestPath, Box<Source>),
    ListAppend(Box<Source>, Box<Source>),
    Sum(bool, Box<Source>, Box<Source>),
}

#[derive(Clone, Debug)]
enum Change {
    Set(Source),
    Remove,
    Add(Value),
    Delete(Value),
}

fn operand(rng: &mut Rng, depth: usize) -> Source {
    match rng.u8(..6) {
        0 | 1 => Source::Path(path(rng)),
        2 | 3 => Source::Value(value(rng, 1)),
        4 if depth > 0 => {
            let checked = path(rng);
            let default = loop {
                match operand(rng, depth - 1) {
                    Source::Path(path) if path == checked => {}
                    default => break default,
                }
            };
            Source::IfNotExists(checked, Box::new(default))
        }
        5 if depth > 0 => {
            let fits =
                |source: &Source| !matches!(source, Source::Value(value) if !matches!(value, Value::List(_)));
            Source::ListAppend(
                Box::new(fitting(rng, depth, fits)),
                Box::new(fitting(rng, depth, fits)),
            )
        }
        _ => Source::Path(path(rng)),
    }
}

fn fitting(rng: &mut Rng, depth: usize, fits: impl Fn(&Source) -> bool) -> Source {
    loop {
        let source = operand(rng, depth - 1);
        if fits(&source) {
            return source;
        }
    }
}

fn change(rng: &mut Rng) -> Change {
    match rng.u8(..6) {
        0..=1 => Change::Set(operand(rng, 2)),
        2 => {
            let fits = |source: &Source| !matches!(source, Source::Value(value) if !matches!(value, Value::Number(_)));
            let left = Box::new(fitting(rng, 2, fits));
            Change::Set(Source::Sum(rng.bool(), left, Box::new(fitting(rng, 2, fits))))
        }
        3 => Change::Remove,
        4 => match rng.bool() {
            true => Change::Add(set(rng)),
            false => Change::Add(Value::Number(Number::from(rng.i64(-3..3)))),
        },
        _ => Change::Delete(set(rng)),
    }
}

fn write_source(rng: &mut Rng, writer: &mut Writer, source: &Source) -> String {
    match source {
        Source::Path(path) => writer.path(rng, path),
        Source::Value(value) => writer.value(value),
        Source::IfNotExists(path, default) => {
            let path = writer.path(rng, path);
            format!("if_not_exists({path}, {})", write_source(rng, writer, default))
        }
        Source::ListAppend(first, second) => {
            let first = write_source(rng, writer, first);
            format!("list_append({first}, {})", write_source(rng, writer, second))
        }
        Source::Sum(plus, left, right) => {
            let left = write_source(rng, writer, left);
            let sign = if *plus { "+" } else { "-" };
            format!("{left} {sign} {}", write_source(rng, writer, right))
        }
    }
}

fn write(rng: &mut Rng, writer: &mut Writer, actions: &[(TestPath, Change)]) -> String {
    let mut sections: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (path, change) in actions {
        let path = writer.path(rng, path);
        let (section, action) = match change {
            Change::Set(source) => ("SET", format!("{path} = {}", write_source(rng, writer, source))),
            Change::Remove => ("REMOVE", path),
            Change::Add(value) => ("ADD", format!("{path} {}", writer.value(value))),
            Change::Delete(value) => ("DELETE", format!("{path} {}", writer.value(value))),
        };
        sections.entry(section).or_default().push(action);
    }
    let mut sections: Vec<String> = sections
        .into_iter()
        .map(|(name, actions)| format!("{name} {}", actions.join(", ")))
        .collect();
    rng.shuffle(&mut sections);
    sections.join(" ")
}

fn compute(source: &Source, old: &Attributes) -> Option<Value> {
    match source {
        Source::Path(path) => path.find(old).cloned(),
        Source::Value(value) => Some(value.clone()),
        Source::IfNotExists(path, default) => path.find(old).cloned().or_else(|| compute(default, old)),
        Source::ListAppend(first, second) => match (compute(first, old)?, compute(second, old)?) {
            (Value::List(mut first), Value::List(second)) => {
                first.extend(second);
                Some(Value::List(first))
            }
            _ => None,
        },
        Source::Sum(plus, left, right) => match (compute(left, old)?, compute(right, old)?) {
            (Value::Number(left), Value::Number(right)) => {
                let result = if *plus {
                    left.checked_add(right)
                } else {
                    left.checked_sub(right)
                };
                result.ok().map(Value::Number)
            }
            _ => None,
        },
    }
}

fn add(existing: Option<Value>, added: &Value) -> Option<Value> {
    fn union<T: Ord + Clone>(mut members: Vec<T>, added: &[T]) -> Vec<T> {
        members.extend_from_slice(added);
        members.sort_unstable();
        members.dedup();
        members
    }
    Some(match (existing, added) {
        (None, added) => added.clone(),
        (Some(Value::Number(existing)), Value::Number(added)) => {
            Value::Number(existing.checked_add(*added).ok()?)
        }
        (Some(Value::StringSet(existing)), Value::StringSet(added)) => {
            Value::StringSet(union(existing, added))
        }
        (Some(Value::NumberSet(existing)), Value::NumberSet(added)) => {
            Value::NumberSet(union(existing, added))
        }
        (Some(Value::BinarySet(existing)), Value::BinarySet(added)) => {
            Value::BinarySet(union(existing, added))
        }
        _ => return None,
    })
}

/// What is left of a set; `Some(None)` for nothing.
fn subtract(existing: Value, taken: &Value) -> Option<Option<Value>> {
    fn left<T: PartialEq>(members: Vec<T>, taken: &[T], set: fn(Vec<T>) -> Value) -> Option<Value> {
        let left: Vec<T> = members
            .into_iter()
            .filter(|member| !taken.contains(member))
            .collect();
        (!left.is_empty()).then(|| set(left))
    }
    Some(match (existing, taken) {
        (Value::StringSet(existing), Value::StringSet(taken)) => left(existing, taken, Value::StringSet),
        (Value::NumberSet(existing), Value::NumberSet(taken)) => left(existing, taken, Value::NumberSet),
        (Value::BinarySet(existing), Value::BinarySet(taken)) => left(existing, taken, Value::BinarySet),
        _ => return None,
    })
}

/// What stands in the place of elements that are gone, until the lists are closed up.
const GONE: &str = "an element that is gone";

fn gone() -> Value {
    Value::String(GONE.to_owned())
}

fn close_up(value: &mut Value) {
    match value {
        Value::List(list) => {
            list.retain(|element| *element != gone());
            list.iter_mut().for_each(close_up);
        }
        Value::Map(map) => map.values_mut().for_each(close_up),
        _ => {}
    }
}

fn put(new: &mut Attributes, path: &TestPath, value: Option<Value>) -> Option<()> {
    let Some((last, before)) = path.steps.split_last() else {
        match value {
            Some(value) => new.insert(path.name.to_owned(), value),
            None => new.remove(path.name),
        };
        return Some(());
    };
    let parent = before
        .iter()
        .try_fold(new.get_mut(path.name)?, |value, step| match (step, value) {
            (TestStep::Field(name), Value::Map(map)) => map.get_mut(*name),
            (TestStep::Index(index), Value::List(list)) => list.get_mut(*index),
            _ => None,
        })?;
    match (last, parent, value) {
        (TestStep::Field(name), Value::Map(map), Some(value)) => {
            map.insert((*name).to_owned(), value);
        }
        (TestStep::Field(name), Value::Map(map), None) => {
            map.remove(*name);
        }
        (TestStep::Index(index), Value::List(list), value) => {
            if *index >= list.len() {
                list.resize(index + 1, gone());
            }
            list[*index] = value.unwrap_or_else(gone);
        }
        _ => return None,
    }
    Some(())
}

fn apply(actions: &[(TestPath, Change)], old: &Attributes) -> Option<Attributes> {
    let mut new = old.clone();
    for (path, change) in actions {
        let existing = path.find(old).cloned();
        let value = match change {
            Change::Set(source) => Some(compute(source, old)?),
            Change::Remove => None,
            Change::Add(added) => Some(add(existing, added)?),
            Change::Delete(taken) => match existing {
                None => None,
                Some(existing) => subtract(existing, taken)?,
            },
        };
        put(&mut new, path, value)?;
    }
    new.values_mut().for_each(close_up);
    Some(new)
}

#[test]
fn updates_agree_with_a_naive_evaluator() {
    let (applied, refused) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    for_seeds(20_000, |rng| {
        let actions: Vec<(TestPath, Change)> = (0..1 + rng.usize(..4))
            .map(|_| (path(rng), change(rng)))
            .collect();
        let mut writer = Writer::default();
        let text = write(rng, &mut writer, &actions);
        let update = match writer.parse(|attributes| Update::parse(&text, attributes)) {
            Ok(update) => update,
            Err(error) => {
                assert!(
                    error.to_string().contains("Two document paths"),
                    "{text}: {error}"
                );
                return;
            }
        };
        for _ in 0..4 {
            let old = attributes(rng, 2);
            let old_item = Item::from_tree(&old);
            let found = update.apply(&Item::empty(), Some(old_item.attributes()));
            let expected = apply(&actions, &old);
            let context = format!("{text}\n{:?}\n{old:?}", writer.values);
            match (&found, &expected) {
                (Ok(found), Some(expected)) => {
                    assert_eq!(found.attributes().to_tree(), *expected, "{context}");
                    assert_eq!(found, &Item::from_tree(expected), "{context}");
                    applied.set(applied.get() + 1);
                }
                (Err(_), None) => refused.set(refused.get() + 1),
                _ => panic!("{found:?} is not {expected:?}\n{context}"),
            }
            let mut writer = Writer::default();
            let paths: Vec<String> = actions.iter().map(|(path, _)| writer.path(rng, path)).collect();
            let projection = writer
                .parse(|attributes| Projection::parse(&paths.join(", "), attributes))
                .unwrap();
            let changed = update.changed(old_item.attributes());
            assert_eq!(changed, projection.apply(old_item.attributes()), "{context}");
            let selected = actions
                .iter()
                .filter(|(path, _)| path.find(&old).is_some())
                .count();
            assert_eq!(changed.is_empty(), selected == 0, "{context}");
        }
    });
    assert!(
        applied.get() > 10_000 && refused.get() > 5_000,
        "{applied:?} {refused:?}"
    );
}
