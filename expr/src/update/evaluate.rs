//! Working out what every action does to an item, against the item as it was.

use model::{ListRef, MapRef, Number, SetRef, ValueRef, ValueType};

use super::{Action, Change, Expression};
use crate::error::UpdateError;
use crate::path::{Path, Step};
use crate::syntax::Sign;

/// What becomes of the value at an action's path.
#[derive(Debug)]
pub(super) enum Outcome<'v> {
    Keep,
    Remove,
    Write(Computed<'v>),
}

/// A value to be written, made of parts of the old item and of the request.
#[derive(Debug)]
pub(super) enum Computed<'v> {
    /// A value, and its stored bytes where they are at hand.
    Value(ValueRef<'v>, Option<&'v [u8]>),
    /// A list of these elements.
    Elements(Vec<ValueRef<'v>>),
    /// A set of these members, in any order, of which some may be equal.
    Members(ValueType, Vec<ValueRef<'v>>),
}

/// Why an action fails. Of several failures, the service reports that of the lowest stage, and of
/// those the one of the last action.
#[derive(Clone, Copy, Debug)]
struct Failure {
    stage: Stage,
    error: UpdateError,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// A path leads into a value that is no map or list.
    WrongContainer,
    OperandType,
    /// A path leads into nothing, or nothing stands at a path that is read.
    Missing,
    Number,
}

impl Failure {
    const WRONG_CONTAINER: Failure = Failure::new(Stage::WrongContainer, UpdateError::InvalidPath);
    const NO_CONTAINER: Failure = Failure::new(Stage::Missing, UpdateError::InvalidPath);
    const OPERAND_TYPE: Failure = Failure::new(Stage::OperandType, UpdateError::OperandType);
    const MISSING_ATTRIBUTE: Failure = Failure::new(Stage::Missing, UpdateError::MissingAttribute);

    const fn new(stage: Stage, error: UpdateError) -> Self {
        Failure { stage, error }
    }

    fn of_number(error: model::NumberError) -> Self {
        Failure::new(Stage::Number, UpdateError::Number(error))
    }
}

/// Two results, or the failure of the lower stage.
fn both<A, B>(first: Result<A, Failure>, second: Result<B, Failure>) -> Result<(A, B), Failure> {
    match (first, second) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (Err(first), Err(second)) if second.stage < first.stage => Err(second),
        (Err(failure), _) | (_, Err(failure)) => Err(failure),
    }
}

/// What each action does, by its number.
pub(super) fn evaluate<'v>(actions: &'v [Action], base: MapRef<'v>) -> Result<Vec<Outcome<'v>>, UpdateError> {
    let mut outcomes = Vec::with_capacity(actions.len());
    let mut worst: Option<Failure> = None;
    for action in actions.iter().rev() {
        match outcome(action, base) {
            Ok(outcome) => outcomes.push(outcome),
            Err(failure) if worst.is_none_or(|worst| failure.stage < worst.stage) => worst = Some(failure),
            Err(_) => {}
        }
    }
    if let Some(failure) = worst {
        return Err(failure.error);
    }
    outcomes.reverse();
    Ok(outcomes)
}

fn outcome<'v>(action: &'v Action, base: MapRef<'v>) -> Result<Outcome<'v>, Failure> {
    let existing = locate(&action.path, base);
    match &action.change {
        Change::Remove => existing.map(|_| Outcome::Remove),
        Change::Set(expression) => {
            let (_, value) = both(existing, compute(expression, base))?;
            Ok(Outcome::Write(value))
        }
        Change::Add(literal) => match existing? {
            None => Ok(Outcome::Write(Computed::Value(
                literal.value(),
                Some(literal.raw()),
            ))),
            Some(existing) => add(existing, literal.value()).map(Outcome::Write),
        },
        Change::Delete(literal) => match (existing?, literal.value()) {
            (None, _) => Ok(Outcome::Keep),
            (Some(ValueRef::Set(existing)), ValueRef::Set(taken))
                if existing.set_type() == taken.set_type() =>
            {
                Ok(subtract(existing, taken))
            }
            _ => Err(Failure::OPERAND_TYPE),
        },
    }
}

/// What stands at a path that is written. All that the path leads through must be there.
fn locate<'v>(path: &Path, base: MapRef<'v>) -> Result<Option<ValueRef<'v>>, Failure> {
    let mut value = base.get(&path.attribute);
    for step in &path.steps {
        value = match (step, value.ok_or(Failure::NO_CONTAINER)?) {
            (Step::Field(name), ValueRef::Map(map)) => map.get(name),
            (Step::Index(index), ValueRef::List(list)) => list.get(*index),
            _ => return Err(Failure::WRONG_CONTAINER),
        };
    }
    Ok(value)
}

fn add<'v>(existing: ValueRef<'v>, added: ValueRef<'v>) -> Result<Computed<'v>, Failure> {
    match (existing, added) {
        (ValueRef::Number(existing), ValueRef::Number(added)) => existing
            .checked_add(added)
            .map(|sum| Computed::Value(ValueRef::Number(sum), None))
            .map_err(Failure::of_number),
        (ValueRef::Set(existing), ValueRef::Set(added)) if existing.set_type() == added.set_type() => {
            let members = existing.iter().chain(added.iter()).collect();
            Ok(Computed::Members(existing.set_type(), members))
        }
        (ValueRef::List(existing), ValueRef::List(added)) => Ok(concatenate(existing, added)),
        _ => Err(Failure::OPERAND_TYPE),
    }
}

fn concatenate<'v>(first: ListRef<'v>, second: ListRef<'v>) -> Computed<'v> {
    Computed::Elements(first.iter().chain(second.iter()).collect())
}

/// Both sets are ascending, so that one walk over each is enough.
fn subtract<'v>(existing: SetRef<'v>, taken: SetRef<'v>) -> Outcome<'v> {
    let mut left = Vec::with_capacity(existing.len());
    let mut taken = taken.iter().peekable();
    for member in existing.iter() {
        while taken
            .next_if(|candidate| {
                crate::condition::compare(*candidate, member).is_some_and(|order| order.is_lt())
            })
            .is_some()
        {}
        if taken.peek() != Some(&member) {
            left.push(member);
        }
    }
    if left.is_empty() {
        // No set is empty.
        Outcome::Remove
    } else {
        Outcome::Write(Computed::Members(existing.set_type(), left))
    }
}

fn compute<'v>(expression: &'v Expression, base: MapRef<'v>) -> Result<Computed<'v>, Failure> {
    match expression {
        Expression::Path(path) => read(path, base).ok_or(Failure::MISSING_ATTRIBUTE),
        Expression::Literal(literal) => Ok(Computed::Value(literal.value(), Some(literal.raw()))),
        Expression::IfNotExists(path, default) => match read(path, base) {
            Some(value) => Ok(value),
            None => compute(default, base),
        },
        Expression::ListAppend(operands) => {
            let [first, second] = operands.as_ref();
            let (mut first, second) = both(
                compute(first, base).and_then(elements),
                compute(second, base).and_then(elements),
            )?;
            first.extend(second);
            Ok(Computed::Elements(first))
        }
        Expression::Sum(sign, operands) => {
            let [left, right] = operands.as_ref();
            let (left, right) = both(
                compute(left, base).and_then(number),
                compute(right, base).and_then(number),
            )?;
            let result = match sign {
                Sign::Plus => left.checked_add(right),
                Sign::Minus => left.checked_sub(right),
            };
            result
                .map(|result| Computed::Value(ValueRef::Number(result), None))
                .map_err(Failure::of_number)
        }
    }
}

fn read<'v>(path: &Path, base: MapRef<'v>) -> Option<Computed<'v>> {
    if path.steps.is_empty() {
        let entry = base.entry(path.attribute.as_bytes())?;
        return Some(Computed::Value(entry.value(), Some(entry.raw())));
    }
    Some(Computed::Value(path.find(base)?, None))
}

fn elements(value: Computed<'_>) -> Result<Vec<ValueRef<'_>>, Failure> {
    match value {
        Computed::Elements(elements) => Ok(elements),
        Computed::Value(ValueRef::List(list), _) => Ok(list.iter().collect()),
        _ => Err(Failure::OPERAND_TYPE),
    }
}

fn number(value: Computed<'_>) -> Result<Number, Failure> {
    match value {
        Computed::Value(ValueRef::Number(number), _) => Ok(number),
        _ => Err(Failure::OPERAND_TYPE),
    }
}
