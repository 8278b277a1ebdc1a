//! What can be said about an expression as written, before any placeholder is resolved: list indexes,
//! reserved words, functions and where they stand. Left to right; the first problem wins.

use crate::reserved::is_reserved;
use crate::syntax::{RawCondition, RawFunction, RawOperand, RawPath, RawSection, RawStep};

/// The largest index of a list that a path may name.
const INDEX_MAX: usize = i32::MAX as usize;

/// The functions of all expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    AttributeExists,
    AttributeNotExists,
    AttributeType,
    BeginsWith,
    Contains,
    Size,
    IfNotExists,
    ListAppend,
}

impl Function {
    /// The function of that name: unlike keywords, in lower case only.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "attribute_exists" => Function::AttributeExists,
            "attribute_not_exists" => Function::AttributeNotExists,
            "attribute_type" => Function::AttributeType,
            "begins_with" => Function::BeginsWith,
            "contains" => Function::Contains,
            "size" => Function::Size,
            "if_not_exists" => Function::IfNotExists,
            "list_append" => Function::ListAppend,
            _ => return None,
        })
    }

    fn is_for_updates(self) -> bool {
        matches!(self, Function::IfNotExists | Function::ListAppend)
    }

    pub(crate) fn operand_count(self) -> usize {
        match self {
            Function::AttributeExists | Function::AttributeNotExists | Function::Size => 1,
            _ => 2,
        }
    }
}

/// The position of a function in an expression.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Condition,
    Operand,
    Update,
}

/// Checks a condition, filter or key condition.
pub(crate) fn check_condition(condition: &RawCondition<'_>) -> Result<(), String> {
    match condition {
        RawCondition::And(parts) | RawCondition::Or(parts) => parts.iter().try_for_each(check_condition),
        RawCondition::Not(inner) => check_condition(inner),
        RawCondition::Compare(_, operands) => check_operands(operands.as_slice(), Place::Operand),
        RawCondition::Between(operands) => check_operands(operands.as_slice(), Place::Operand),
        RawCondition::In(operand, list) => {
            check_operand(operand, Place::Operand)?;
            check_operands(list, Place::Operand)
        }
        RawCondition::Function(function) => check_function(function, Place::Condition),
    }
}

/// Checks an update: section by section, in the order in which each kind of section comes first.
pub(crate) fn check_update(sections: &[RawSection<'_>]) -> Result<(), String> {
    for (number, first) in sections.iter().enumerate() {
        let same = |other: &&RawSection<'_>| other.section == first.section;
        if sections[..number].iter().any(|earlier| same(&earlier)) {
            continue;
        }
        for action in sections.iter().filter(same).flat_map(|section| &section.actions) {
            check_path(&action.path)?;
            if let Some(value) = &action.value {
                check_operand(value, Place::Update)?;
            }
        }
        if sections[number + 1..].iter().any(|later| same(&later)) {
            return Err(format!(
                "The \"{}\" section can only be used once in an update expression;",
                first.section.as_str()
            ));
        }
    }
    Ok(())
}

/// Checks one path.
pub(crate) fn check_path(path: &RawPath<'_>) -> Result<(), String> {
    for step in path {
        match step {
            RawStep::Index(digits) if index(digits).is_none() => {
                return Err(format!(
                    "List index is not within the allowable range; index: [{digits}]"
                ));
            }
            RawStep::Name(name) if is_reserved(name) => {
                return Err(format!(
                    "Attribute name is a reserved keyword; reserved keyword: {name}"
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The index that the digits write, where it is allowed.
pub(crate) fn index(digits: &str) -> Option<usize> {
    digits.parse().ok().filter(|index| *index <= INDEX_MAX)
}

fn check_operands(operands: &[RawOperand<'_>], place: Place) -> Result<(), String> {
    operands
        .iter()
        .try_for_each(|operand| check_operand(operand, place))
}

fn check_operand(operand: &RawOperand<'_>, place: Place) -> Result<(), String> {
    match operand {
        RawOperand::Path(path) => check_path(path),
        RawOperand::Value(_) => Ok(()),
        RawOperand::Function(function) => check_function(function, place),
        RawOperand::Sum(_, operands) => check_operands(operands.as_slice(), place),
    }
}

fn check_function(raw: &RawFunction<'_>, place: Place) -> Result<(), String> {
    let name = raw.name;
    let Some(function) = Function::from_name(name) else {
        return Err(format!("Invalid function name; function: {name}"));
    };
    match (place, function.is_for_updates()) {
        (Place::Update, false) => {
            return Err(format!(
                "The function is not allowed in an update expression; function: {name}"
            ));
        }
        (Place::Condition | Place::Operand, true) => {
            return Err(format!(
                "The function is not allowed in a condition expression; function: {name}"
            ));
        }
        _ => {}
    }
    if place != Place::Update {
        if (function == Function::Size) != (place == Place::Operand) {
            return Err(format!(
                "The function is not allowed to be used this way in an expression; function: {name}"
            ));
        }
        check_operand_count(function, name, raw.arguments.len())?;
    }
    let inner = if place == Place::Update {
        Place::Update
    } else {
        Place::Operand
    };
    check_operands(&raw.arguments, inner)
}

/// Checks how many operands a function has. In updates this comes later than in conditions.
pub(crate) fn check_operand_count(function: Function, name: &str, count: usize) -> Result<(), String> {
    if count == function.operand_count() {
        return Ok(());
    }
    Err(format!(
        "Incorrect number of operands for operator or function; operator or function: {name}, number of \
         operands: {count}"
    ))
}
