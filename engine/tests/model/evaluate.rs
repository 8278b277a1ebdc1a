//! What conditions, updates and projections mean, said in the simplest way.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::decimal::Decimal;
use crate::expression::{Action, Change, Comparator, Condition, Operand, Path, Source, Step};
use crate::value::{Attributes, Value};

const INVALID_PATH: &str = "The document path provided in the update expression is invalid for update";
const MISSING: &str = "The provided expression refers to an attribute that does not exist in the item";
const OPERAND_TYPE: &str = "An operand in the update expression has an incorrect data type";
const LEGACY_OPERAND_TYPE: &str = "Type mismatch for attribute to update";
const TOO_DEEP: &str = "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels \
                        beyond supported limit";

/// What stands at a path.
pub fn find<'v>(path: &Path, attributes: &'v Attributes) -> Option<&'v Value> {
    let mut value = attributes.get(&path.root)?;
    for step in &path.steps {
        value = match (step, value) {
            (Step::Field(name), Value::M(entries)) => entries.get(name)?,
            (Step::Index(index), Value::L(elements)) => elements.get(*index)?,
            _ => return None,
        };
    }
    Some(value)
}

fn operand<'v>(operand: &'v Operand, item: &'v Attributes) -> Option<Cow<'v, Value>> {
    match operand {
        Operand::Path(path) => find(path, item).map(Cow::Borrowed),
        Operand::Literal(value) => Some(Cow::Borrowed(value)),
        Operand::Size(path) => {
            let size = match find(path, item)? {
                Value::S(text) => text.len(),
                Value::B(bytes) => bytes.len(),
                Value::L(elements) => elements.len(),
                Value::M(entries) => entries.len(),
                Value::Ss(members) => members.len(),
                Value::Ns(members) => members.len(),
                Value::Bs(members) => members.len(),
                Value::N(_) | Value::Bool(_) | Value::Null => return None,
            };
            Some(Cow::Owned(Value::number(&size.to_string())))
        }
    }
}

fn compare(comparator: Comparator, left: Option<&Value>, right: Option<&Value>) -> bool {
    let (Some(left), Some(right)) = (left, right) else {
        return comparator == Comparator::NotEqual;
    };
    let ordered = left.is_ordered() && left.type_name() == right.type_name();
    match comparator {
        Comparator::Equal => left == right,
        Comparator::NotEqual => left != right,
        Comparator::Less => ordered && left < right,
        Comparator::LessOrEqual => ordered && left <= right,
        Comparator::Greater => ordered && left > right,
        Comparator::GreaterOrEqual => ordered && left >= right,
    }
}

fn has_part(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::S(whole), Value::S(part)) => whole.contains(part.as_str()),
        (Value::B(whole), Value::B(part)) => {
            part.is_empty() || whole.windows(part.len()).any(|window| window == part.as_slice())
        }
        (Value::Ss(members), Value::S(member)) => members.contains(member),
        (Value::Ns(members), Value::N(member)) => members.contains(member),
        (Value::Bs(members), Value::B(member)) => members.contains(member),
        (Value::L(elements), element) => elements.contains(element),
        _ => false,
    }
}

/// Whether an item satisfies a condition. An item that does not exist has no attributes.
pub fn holds(condition: &Condition, item: &Attributes) -> bool {
    let value = |of: &'_ Operand| operand(of, item).map(Cow::into_owned);
    let compared = |comparator, left: &Operand, right: &Operand| {
        compare(
            comparator,
            operand(left, item).as_deref(),
            operand(right, item).as_deref(),
        )
    };
    match condition {
        Condition::And(parts) => parts.iter().all(|part| holds(part, item)),
        Condition::Or(parts) => parts.iter().any(|part| holds(part, item)),
        Condition::Not(inner) => !holds(inner, item),
        Condition::Compare(comparator, left, right) => compared(*comparator, left, right),
        Condition::Between(value, lower, upper) => {
            compared(Comparator::GreaterOrEqual, value, lower)
                && compared(Comparator::LessOrEqual, value, upper)
        }
        Condition::In(wanted, list) => list
            .iter()
            .any(|candidate| compared(Comparator::Equal, wanted, candidate)),
        Condition::Exists(path) => find(path, item).is_some(),
        Condition::NotExists(path) => find(path, item).is_none(),
        Condition::HasType(path, type_name) => {
            find(path, item).is_some_and(|value| value.type_name() == *type_name)
        }
        Condition::BeginsWith(whole, prefix) => match (value(whole), value(prefix)) {
            (Some(Value::S(whole)), Some(Value::S(prefix))) => whole.starts_with(&prefix),
            (Some(Value::B(whole)), Some(Value::B(prefix))) => whole.starts_with(&prefix),
            _ => false,
        },
        Condition::Contains(whole, part) => match (operand(whole, item), operand(part, item)) {
            (Some(whole), Some(part)) => has_part(&whole, &part),
            _ => false,
        },
    }
}

/// What paths select of an item.
pub fn select(paths: &[Path], item: &Attributes) -> Attributes {
    let paths: Vec<Vec<Step>> = paths
        .iter()
        .map(|path| {
            std::iter::once(Step::Field(path.root.clone()))
                .chain(path.steps.iter().cloned())
                .collect()
        })
        .collect();
    let paths: Vec<&[Step]> = paths.iter().map(Vec::as_slice).collect();
    select_entries(&paths, item)
}

/// The paths that lead through `step`, without it.
fn below<'p>(paths: &[&'p [Step]], step: &Step) -> Vec<&'p [Step]> {
    paths
        .iter()
        .filter(|path| path.first() == Some(step))
        .map(|path| &path[1..])
        .collect()
}

fn select_entries(paths: &[&[Step]], entries: &Attributes) -> Attributes {
    let mut selected = Attributes::new();
    for (name, value) in entries {
        if let Some(part) = select_value(&below(paths, &Step::Field(name.clone())), value) {
            selected.insert(name.clone(), part);
        }
    }
    selected
}

fn select_value(paths: &[&[Step]], value: &Value) -> Option<Value> {
    if paths.iter().any(|path| path.is_empty()) {
        return Some(value.clone());
    }
    match value {
        Value::M(entries) => Some(select_entries(paths, entries))
            .filter(|part| !part.is_empty())
            .map(Value::M),
        Value::L(elements) => {
            let parts = elements.iter().enumerate();
            let parts = parts
                .filter_map(|(index, element)| select_value(&below(paths, &Step::Index(index)), element));
            Some(parts.collect::<Vec<_>>())
                .filter(|parts| !parts.is_empty())
                .map(Value::L)
        }
        _ => None,
    }
}

/// What is wrong with an update, of which the engine may report any.
pub type Problems = BTreeSet<&'static str>;

/// The item after an update; `base` is the item before, or its key where there was none.
pub fn update(actions: &[Action], is_legacy: bool, base: &Attributes) -> Result<Attributes, Problems> {
    let mut problems = Problems::new();
    let mut edits = Vec::new();
    for action in actions {
        if let Some(edit) = edit(action, base, &mut problems) {
            edits.push((&action.path, edit));
        }
    }
    if problems.is_empty() {
        let mut attributes = base.clone();
        let edits: Vec<(Vec<Step>, Edit)> = edits
            .into_iter()
            .map(|(path, edit)| {
                let root = std::iter::once(Step::Field(path.root.clone()));
                (root.chain(path.steps.iter().cloned()).collect(), edit)
            })
            .collect();
        apply_to_map(&mut attributes, edits);
        if attributes.values().all(|value| value.levels() <= 32) {
            return Ok(attributes);
        }
        problems.insert(TOO_DEEP);
    }
    if is_legacy && problems.remove(OPERAND_TYPE) {
        problems.insert(LEGACY_OPERAND_TYPE);
    }
    Err(problems)
}

/// What becomes of the value at a path.
enum Edit {
    Write(Value),
    Remove,
}

/// What an action comes to; nothing where it changes nothing or is wrong.
fn edit(action: &Action, base: &Attributes, problems: &mut Problems) -> Option<Edit> {
    if !has_container(&action.path, base) {
        problems.insert(INVALID_PATH);
    }
    let existing = find(&action.path, base);
    match &action.change {
        Change::Remove => Some(Edit::Remove),
        Change::Set(source) => compute(source, base, problems).map(Edit::Write),
        Change::Add(value) => {
            let Some(existing) = existing else {
                return Some(Edit::Write(value.clone()));
            };
            match (existing, value) {
                (Value::N(left), Value::N(right)) => {
                    note(left.add(right), problems).map(Value::N).map(Edit::Write)
                }
                (Value::Ss(left), Value::Ss(right)) => Some(Edit::Write(Value::Ss(left | right))),
                (Value::Ns(left), Value::Ns(right)) => Some(Edit::Write(Value::Ns(left | right))),
                (Value::Bs(left), Value::Bs(right)) => Some(Edit::Write(Value::Bs(left | right))),
                (Value::L(left), Value::L(right)) => {
                    Some(Edit::Write(Value::L(left.iter().chain(right).cloned().collect())))
                }
                _ => {
                    problems.insert(OPERAND_TYPE);
                    None
                }
            }
        }
        Change::Delete(value) => {
            let left = match (existing?, value) {
                (Value::Ss(left), Value::Ss(right)) => Value::Ss(left - right),
                (Value::Ns(left), Value::Ns(right)) => Value::Ns(left - right),
                (Value::Bs(left), Value::Bs(right)) => Value::Bs(left - right),
                _ => {
                    problems.insert(OPERAND_TYPE);
                    return None;
                }
            };
            let is_empty = match &left {
                Value::Ss(members) => members.is_empty(),
                Value::Ns(members) => members.is_empty(),
                Value::Bs(members) => members.is_empty(),
                _ => false,
            };
            Some(if is_empty { Edit::Remove } else { Edit::Write(left) })
        }
    }
}

/// Whether all that a path leads through is there, and of the kind that it takes it for.
fn has_container(path: &Path, base: &Attributes) -> bool {
    let Some((last, before)) = path.steps.split_last() else {
        return true;
    };
    let container = Path {
        root: path.root.clone(),
        steps: before.to_vec(),
    };
    matches!(
        (find(&container, base), last),
        (Some(Value::M(_)), Step::Field(_)) | (Some(Value::L(_)), Step::Index(_))
    )
}

fn note<T>(result: Result<T, &'static str>, problems: &mut Problems) -> Option<T> {
    result.map_err(|problem| problems.insert(problem)).ok()
}

fn compute(source: &Source, base: &Attributes, problems: &mut Problems) -> Option<Value> {
    match source {
        Source::Path(path) => note(find(path, base).cloned().ok_or(MISSING), problems),
        Source::Literal(value) => Some(value.clone()),
        Source::IfNotExists(path, default) => match find(path, base) {
            Some(value) => Some(value.clone()),
            None => compute(default, base, problems),
        },
        Source::ListAppend(operands) => {
            let [first, second] = operands.each_ref().map(|operand| {
                compute(operand, base, problems).and_then(|value| match value {
                    Value::L(elements) => Some(elements),
                    _ => note(Err(OPERAND_TYPE), problems),
                })
            });
            Some(Value::L([first?, second?].concat()))
        }
        Source::Add(operands) => arithmetic(operands, Decimal::add, base, problems),
        Source::Subtract(operands) => arithmetic(operands, Decimal::subtract, base, problems),
    }
}

fn arithmetic(
    operands: &[Source; 2],
    work_out: fn(&Decimal, &Decimal) -> Result<Decimal, &'static str>,
    base: &Attributes,
    problems: &mut Problems,
) -> Option<Value> {
    let [left, right] = operands.each_ref().map(|operand| {
        compute(operand, base, problems).and_then(|value| match value {
            Value::N(number) => Some(number),
            _ => note(Err(OPERAND_TYPE), problems),
        })
    });
    note(work_out(&left?, &right?), problems).map(Value::N)
}

fn apply_to_map(entries: &mut Attributes, edits: Vec<(Vec<Step>, Edit)>) {
    let mut deeper: BTreeMap<String, Vec<(Vec<Step>, Edit)>> = BTreeMap::new();
    for (mut path, edit) in edits {
        let Step::Field(name) = path.remove(0) else {
            unreachable!("a map has fields")
        };
        match edit {
            _ if !path.is_empty() => deeper.entry(name).or_default().push((path, edit)),
            Edit::Write(value) => drop(entries.insert(name, value)),
            Edit::Remove => drop(entries.remove(&name)),
        }
    }
    for (name, edits) in deeper {
        apply_to_value(entries.get_mut(&name).expect("was checked to be there"), edits);
    }
}

fn apply_to_value(value: &mut Value, edits: Vec<(Vec<Step>, Edit)>) {
    match value {
        Value::M(entries) => apply_to_map(entries, edits),
        Value::L(elements) => apply_to_list(elements, edits),
        _ => unreachable!("was checked to be a map or a list"),
    }
}

/// Indexes mean the list as it was: what is removed leaves a hole until the end, and what is set
/// past the end is appended in the order of the indexes.
fn apply_to_list(elements: &mut Vec<Value>, edits: Vec<(Vec<Step>, Edit)>) {
    let mut after: Vec<Option<Value>> = elements.drain(..).map(Some).collect();
    let mut appended: BTreeMap<usize, Value> = BTreeMap::new();
    let mut deeper: BTreeMap<usize, Vec<(Vec<Step>, Edit)>> = BTreeMap::new();
    for (mut path, edit) in edits {
        let Step::Index(index) = path.remove(0) else {
            unreachable!("a list has indexes")
        };
        match edit {
            _ if !path.is_empty() => deeper.entry(index).or_default().push((path, edit)),
            Edit::Write(value) if index < after.len() => after[index] = Some(value),
            Edit::Write(value) => drop(appended.insert(index, value)),
            Edit::Remove if index < after.len() => after[index] = None,
            Edit::Remove => {}
        }
    }
    for (index, edits) in deeper {
        apply_to_value(after[index].as_mut().expect("was checked to be there"), edits);
    }
    elements.extend(after.into_iter().flatten().chain(appended.into_values()));
}
