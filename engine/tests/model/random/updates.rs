//! Random updates of an item, of which most are to succeed.

use fastrand::Rng;

use super::conditions::set_near;
use super::{INDEX_ATTRIBUTES, chance, index_value, list, number, path, pick, scalar, value};
use crate::evaluate::{self, find};
use crate::expression::{Action, Change, Path, Source};
use crate::table::Table;
use crate::value::{Attributes, Value};

/// How often an update is drawn anew until it succeeds.
const TRIES: usize = 4;

/// An update of an item; `base` is the item, or its key.
pub fn update(rng: &mut Rng, table: &Table, base: &Attributes) -> Vec<Action> {
    drawn(rng, base, false, |rng| any_update(rng, table, base))
}

/// An update of whole attributes, each with a legacy form.
pub fn legacy_update(rng: &mut Rng, table: &Table, base: &Attributes) -> Vec<Action> {
    drawn(rng, base, true, |rng| any_legacy_update(rng, table, base))
}

fn drawn(
    rng: &mut Rng,
    base: &Attributes,
    is_legacy: bool,
    mut draw: impl FnMut(&mut Rng) -> Vec<Action>,
) -> Vec<Action> {
    let may_fail = chance(rng, 12);
    let mut actions = draw(rng);
    for _ in 0..TRIES {
        if may_fail || evaluate::update(&actions, is_legacy, base).is_ok() {
            break;
        }
        actions = draw(rng);
    }
    actions
}

/// Where to write: an attribute of an index's key, or anything but the table's key.
fn target(rng: &mut Rng, table: &Table, base: &Attributes) -> Path {
    let path = if chance(rng, 35) {
        Path::attribute(pick(rng, &INDEX_ATTRIBUTES).0)
    } else {
        path(rng, table, base)
    };
    if table.schema.contains(&path.root) && !chance(rng, 3) {
        Path::attribute("a")
    } else {
        path
    }
}

fn any_update(rng: &mut Rng, table: &Table, base: &Attributes) -> Vec<Action> {
    let mut actions: Vec<Action> = Vec::new();
    let count = *pick(rng, &[1, 1, 1, 2, 2, 3, 4]);
    for _ in 0..count {
        let path = target(rng, table, base);
        if !actions.iter().any(|known| known.path.clashes(&path)) {
            let change = change(rng, table, base, &path);
            actions.push(Action { path, change });
        }
    }
    actions
}

fn change(rng: &mut Rng, table: &Table, base: &Attributes, path: &Path) -> Change {
    let key_type = INDEX_ATTRIBUTES
        .iter()
        .find(|(name, _)| path.steps.is_empty() && path.root == *name);
    if let Some((_, key_type)) = key_type
        && chance(rng, 85)
    {
        if chance(rng, 20) {
            return Change::Remove;
        }
        let may_be_wrong = chance(rng, 10);
        return Change::Set(Source::Literal(index_value(rng, key_type, may_be_wrong)));
    }
    match rng.u8(..20) {
        0..11 => Change::Set(source(rng, table, base, path)),
        11..14 => Change::Remove,
        14..17 => Change::Add(match find(path, base) {
            Some(Value::N(_)) => number(rng),
            Some(_) => set_near(rng, path, base),
            None if rng.bool() => number(rng),
            None => super::set(rng),
        }),
        _ => Change::Delete(set_near(rng, path, base)),
    }
}

/// Something that is a number: what stands at a path, a literal, or the first that there is.
fn numeric(rng: &mut Rng, table: &Table, base: &Attributes, target: &Path) -> Source {
    let of_item = || match find(target, base) {
        Some(Value::N(_)) => Some(target.clone()),
        _ => None,
    };
    match rng.u8(..5) {
        0 | 1 => of_item().map_or_else(|| Source::Literal(number(rng)), Source::Path),
        2 => Source::Literal(number(rng)),
        3 => Source::IfNotExists(target.clone(), Box::new(Source::Literal(number(rng)))),
        _ => Source::IfNotExists(path(rng, table, base), Box::new(Source::Literal(number(rng)))),
    }
}

/// Something that is a list.
fn sequence(rng: &mut Rng, base: &Attributes, target: &Path) -> Source {
    match (rng.u8(..4), find(target, base)) {
        (0..2, Some(Value::L(elements))) if elements.len() < 6 => Source::Path(target.clone()),
        (2, Some(Value::L(elements))) if elements.len() >= 6 => Source::Literal(list(rng, 0)),
        (2, _) => Source::IfNotExists(target.clone(), Box::new(Source::Literal(list(rng, 1)))),
        _ => Source::Literal(list(rng, 1)),
    }
}

fn source(rng: &mut Rng, table: &Table, base: &Attributes, target: &Path) -> Source {
    match rng.u8(..20) {
        0..6 => Source::Literal(value(rng, 2)),
        6..8 => Source::Path(path(rng, table, base)),
        8..10 => {
            let wanted = path(rng, table, base);
            let other = path(rng, table, base);
            let default = if other != wanted && chance(rng, 30) {
                Source::Path(other)
            } else if chance(rng, 15) {
                let deeper = path(rng, table, base);
                Source::IfNotExists(deeper, Box::new(Source::Literal(scalar(rng))))
            } else {
                Source::Literal(value(rng, 1))
            };
            Source::IfNotExists(wanted, Box::new(default))
        }
        10..13 => Source::Add(Box::new([
            numeric(rng, table, base, target),
            numeric(rng, table, base, target),
        ])),
        13..16 => Source::Subtract(Box::new([
            numeric(rng, table, base, target),
            numeric(rng, table, base, target),
        ])),
        _ => Source::ListAppend(Box::new([
            sequence(rng, base, target),
            sequence(rng, base, target),
        ])),
    }
}

fn any_legacy_update(rng: &mut Rng, table: &Table, base: &Attributes) -> Vec<Action> {
    let mut actions: Vec<Action> = Vec::new();
    for _ in 0..rng.usize(1..=3) {
        let path = Path::attribute(&target(rng, table, base).root);
        if actions.iter().any(|known| known.path == path) {
            continue;
        }
        let change = match change(rng, table, base, &path) {
            Change::Set(Source::Literal(value)) => Change::Set(Source::Literal(value)),
            Change::Set(Source::ListAppend(_)) => Change::Add(list(rng, 1)),
            Change::Set(_) => Change::Set(Source::Literal(value(rng, 2))),
            other => other,
        };
        actions.push(Action { path, change });
    }
    actions
}
