//! Names and values put in place of their placeholders, and all checks that need them: depth first,
//! operands from left to right, then what joins them. The first problem wins.

use std::cmp::Ordering;

use model::{ValueRef, ValueType, limits};

use super::{Node, Operand, compare};
use crate::attributes::ExpressionAttributes;
use crate::form::{self, Function};
use crate::path::{Path, Step};
use crate::syntax::{Comparator, RawCondition, RawFunction, RawOperand, RawPath, RawStep};

/// The names of the types, in the order in which the service lists them where none fits.
const TYPE_NAMES: &str = "{B,NULL,SS,BOOL,L,BS,N,NS,S,M}";
/// As [`TYPE_NAMES`], for an operand that may be of any type.
const ANY_TYPE: &str = "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}";

/// Resolves a condition that [`form::check_condition`] has passed.
pub(super) fn resolve(
    raw: RawCondition<'_>,
    attributes: &mut ExpressionAttributes<'_>,
) -> Result<Node, String> {
    Ok(match raw {
        RawCondition::And(parts) => Node::And(resolve_all(parts, attributes)?),
        RawCondition::Or(parts) => Node::Or(resolve_all(parts, attributes)?),
        RawCondition::Not(inner) => Node::Not(Box::new(resolve(*inner, attributes)?)),
        RawCondition::Compare(comparator, operands) => {
            let [left, right] = *operands;
            let left = resolve_operand(left, attributes)?;
            let right = resolve_operand(right, attributes)?;
            let operator = comparator.as_str();
            check_distinct(operator, &left, [&right])?;
            if !matches!(comparator, Comparator::Equal | Comparator::NotEqual) {
                check_ordered(operator, [&left, &right])?;
            }
            Node::Compare(comparator, left, right)
        }
        RawCondition::Between(operands) => {
            let [value, lower, upper] = *operands;
            let value = resolve_operand(value, attributes)?;
            let lower = resolve_operand(lower, attributes)?;
            let upper = resolve_operand(upper, attributes)?;
            check_distinct("BETWEEN", &value, [&lower, &upper])?;
            check_ordered("BETWEEN", [&value, &lower, &upper])?;
            if let (Operand::Literal(lower), Operand::Literal(upper)) = (&lower, &upper) {
                check_bounds(lower.value(), upper.value())?;
            }
            Node::Between(Box::new([value, lower, upper]))
        }
        RawCondition::In(operand, list) => {
            let operand = resolve_operand(operand, attributes)?;
            let list: Vec<Operand> = list
                .into_iter()
                .map(|candidate| resolve_operand(candidate, attributes))
                .collect::<Result<_, _>>()?;
            if list.len() > limits::IN_OPERANDS_MAX {
                return Err(format!(
                    "The IN operator is provided with too many operands; number of operands: {}",
                    list.len()
                ));
            }
            check_distinct("IN", &operand, &list)?;
            Node::In(operand, list)
        }
        RawCondition::Function(function) => resolve_function(function, attributes)?,
    })
}

fn resolve_all(
    parts: Vec<RawCondition<'_>>,
    attributes: &mut ExpressionAttributes<'_>,
) -> Result<Vec<Node>, String> {
    parts.into_iter().map(|part| resolve(part, attributes)).collect()
}

fn resolve_function(raw: RawFunction<'_>, attributes: &mut ExpressionAttributes<'_>) -> Result<Node, String> {
    let name = raw.name;
    let operands: Vec<Operand> = raw
        .arguments
        .into_iter()
        .map(|operand| resolve_operand(operand, attributes))
        .collect::<Result<_, _>>()?;
    let mut operands = operands.into_iter();
    match (Function::from_name(name), operands.next(), operands.next()) {
        (Some(Function::AttributeExists), Some(operand), None) => {
            Ok(Node::Exists(require_path(name, operand)?))
        }
        (Some(Function::AttributeNotExists), Some(operand), None) => {
            Ok(Node::NotExists(require_path(name, operand)?))
        }
        (Some(Function::AttributeType), Some(first), Some(second)) => {
            if !matches!(first, Operand::Path(_)) {
                return Err(path_required(name));
            }
            check_distinct(name, &first, [&second])?;
            let value_type = type_operand(name, &second)?;
            Ok(Node::HasType(require_path(name, first)?, value_type))
        }
        (Some(Function::BeginsWith), Some(first), Some(second)) => {
            check_distinct(name, &first, [&second])?;
            for operand in [&first, &second] {
                if let Some(unfit) = static_type(operand)
                    .filter(|found| !matches!(found, ValueType::String | ValueType::Binary))
                {
                    return Err(operand_type_error(name, unfit.as_str()));
                }
            }
            Ok(Node::BeginsWith(first, second))
        }
        (Some(Function::Contains), Some(first), Some(second)) => {
            check_distinct(name, &first, [&second])?;
            Ok(Node::Contains(first, second))
        }
        // The form of the expression has been checked: no other function is a condition.
        _ => Err(format!("Invalid function name; function: {name}")),
    }
}

/// The type that the second operand of `attribute_type` names.
fn type_operand(name: &str, operand: &Operand) -> Result<ValueType, String> {
    let Operand::Literal(literal) = operand else {
        let found = static_type(operand).map_or(ANY_TYPE, ValueType::as_str);
        return Err(operand_type_error(name, found));
    };
    let ValueRef::String(text) = literal.value() else {
        return Err(operand_type_error(name, literal.value().value_type().as_str()));
    };
    let text = String::from_utf8_lossy(text);
    ValueType::from_name(&text)
        .ok_or_else(|| format!("Invalid attribute type name found; type: {text}, valid types: {TYPE_NAMES}"))
}

fn resolve_operand(
    raw: RawOperand<'_>,
    attributes: &mut ExpressionAttributes<'_>,
) -> Result<Operand, String> {
    match raw {
        RawOperand::Path(path) => Ok(Operand::Path(resolve_path(&path, attributes)?)),
        RawOperand::Value(placeholder) => Ok(Operand::Literal(attributes.value(placeholder)?)),
        RawOperand::Function(function) => {
            // Of the functions, only size may stand here, with its one operand.
            let name = function.name;
            let Some(argument) = function.arguments.into_iter().next() else {
                return Err(format!("Invalid function name; function: {name}"));
            };
            let inner = resolve_operand(argument, attributes)?;
            match static_type(&inner) {
                Some(unfit @ (ValueType::Number | ValueType::Bool | ValueType::Null)) => {
                    Err(operand_type_error(name, unfit.as_str()))
                }
                _ => Ok(Operand::Size(Box::new(inner))),
            }
        }
        // The grammar of conditions has no sums.
        RawOperand::Sum(..) => Err("Invalid function name; function: +".to_owned()),
    }
}

/// Puts the names of a path in place of their placeholders.
pub(crate) fn resolve_path(
    raw: &RawPath<'_>,
    attributes: &mut ExpressionAttributes<'_>,
) -> Result<Path, String> {
    let mut steps = Vec::with_capacity(raw.len() - 1);
    let mut attribute = None;
    for step in raw {
        let name = match step {
            RawStep::Index(digits) => {
                steps.push(Step::Index(form::index(digits).unwrap_or(usize::MAX)));
                continue;
            }
            RawStep::Name(name) => name,
            RawStep::Placeholder(placeholder) => attributes.name(placeholder)?,
        };
        if attribute.is_none() {
            attribute = Some(name.to_owned());
        } else {
            steps.push(Step::Field(name.to_owned()));
        }
    }
    if raw.len() > limits::NESTING_LEVELS_MAX {
        return Err(too_deep_path(raw.len()));
    }
    Ok(Path {
        attribute: attribute.unwrap_or_default(),
        steps,
    })
}

/// That a document path has too many steps.
pub(crate) fn too_deep_path(levels: usize) -> String {
    format!("The document path has too many nesting levels; nesting levels: {levels}")
}

/// The type of an operand that no item can change.
pub(crate) fn static_type(operand: &Operand) -> Option<ValueType> {
    match operand {
        Operand::Path(_) => None,
        Operand::Literal(literal) => Some(literal.value().value_type()),
        Operand::Size(_) => Some(ValueType::Number),
        Operand::Truth(_) => Some(ValueType::Bool),
    }
}

fn require_path(function: &str, operand: Operand) -> Result<Path, String> {
    match operand {
        Operand::Path(path) => Ok(path),
        _ => Err(path_required(function)),
    }
}

pub(crate) fn path_required(function: &str) -> String {
    format!("Operator or function requires a document path; operator or function: {function}")
}

/// That an operand of a type does not fit a function or operator.
pub(crate) fn operand_type_error(operator: &str, operand_type: &str) -> String {
    format!(
        "Incorrect operand type for operator or function; operator or function: {operator}, operand type: \
         {operand_type}"
    )
}

/// The first operand, where it is a path, must not come again among the others.
fn check_distinct<'o>(
    operator: &str,
    first: &Operand,
    others: impl IntoIterator<Item = &'o Operand>,
) -> Result<(), String> {
    let Operand::Path(path) = first else {
        return Ok(());
    };
    let repeats = |other: &Operand| matches!(other, Operand::Path(candidate) if candidate == path);
    if others.into_iter().any(repeats) {
        return Err(not_distinct(operator, path));
    }
    Ok(())
}

pub(crate) fn not_distinct(operator: &str, path: &Path) -> String {
    format!(
        "The first operand must be distinct from the remaining operands for this operator or function; \
         operator: {operator}, first operand: {path}"
    )
}

/// Operators that order their operands take strings, numbers and binaries.
fn check_ordered<'o>(operator: &str, operands: impl IntoIterator<Item = &'o Operand>) -> Result<(), String> {
    use ValueType::{Binary, Number, String};
    match operands
        .into_iter()
        .filter_map(static_type)
        .find(|found| !matches!(found, String | Number | Binary))
    {
        Some(unfit) => Err(operand_type_error(operator, unfit.as_str())),
        None => Ok(()),
    }
}

fn check_bounds(lower: ValueRef<'_>, upper: ValueRef<'_>) -> Result<(), String> {
    let problem = if lower.value_type() != upper.value_type() {
        "requires same data type for lower and upper bounds"
    } else if compare(lower, upper) == Some(Ordering::Greater) {
        "requires upper bound to be greater than or equal to lower bound"
    } else {
        return Ok(());
    };
    Err(format!(
        "The BETWEEN operator {problem}; lower bound operand: AttributeValue: {}, upper bound operand: \
         AttributeValue: {}",
        shown(lower),
        shown(upper)
    ))
}

/// A scalar as messages show it.
fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::String(text) => format!("{{S:{}}}", String::from_utf8_lossy(text)),
        ValueRef::Number(number) => format!("{{N:{number}}}"),
        ValueRef::Binary(bytes) => {
            let length = bytes.len();
            format!("{{B:java.nio.HeapByteBuffer[pos=0 lim={length} cap={length}]}}")
        }
        other => format!("{{{}}}", other.value_type().as_str()),
    }
}
