//! WHERE clauses as the trees of condition expressions.

use model::{ValueRef, ValueType};

use super::paths::path;
use super::tree::{Call, Infix, Term, TermKind};
use super::values::{literal, parameter};
use crate::condition::{Condition, Node, Operand, operand_type_error, path_required, static_type};
use crate::form::Function;
use crate::literal::Literal;
use crate::path::Path;
use crate::syntax::Comparator;

/// The names of the types, in the order in which PartiQL lists them where none fits.
const TYPE_NAMES: &str = "{N,BS,L,B,NULL,M,S,SS,NS,BOOL}";

/// The condition of a WHERE clause.
pub(super) fn condition(term: &Term, parameters: &[Literal]) -> Result<Condition, String> {
    match predicate(term, parameters)? {
        Some(root) => Ok(Condition::from_tree(root)),
        None => Err("WHERE clause must contain an expression that resolves to a boolean".to_owned()),
    }
}

/// The condition that a term is; `None` for one that has another value than true or false.
fn predicate(term: &Term, parameters: &[Literal]) -> Result<Option<Node>, String> {
    let node = match &term.kind {
        TermKind::Infix(Infix::And, parts) => Node::And(parts_of(parts, parameters)?),
        TermKind::Infix(Infix::Or, parts) => Node::Or(parts_of(parts, parameters)?),
        TermKind::Infix(infix, operands) => match (comparator(*infix), operands.as_slice()) {
            (Some(comparator), [left, right]) => compare(comparator, left, right, parameters)?,
            _ => return Err(unsupported_operator(infix.as_str())),
        },
        TermKind::Not(inner) => match predicate(inner, parameters)? {
            Some(inner) => Node::Not(Box::new(inner)),
            None => return Err("The argument to NOT must be a Type or Expression".to_owned()),
        },
        TermKind::Between(operands) => {
            let [value, lower, upper] = operands.as_ref();
            let value = operand(value, parameters)?;
            let lower = operand(lower, parameters)?;
            let upper = operand(upper, parameters)?;
            for operand in [&value, &lower, &upper] {
                check_ordered("BETWEEN", operand)?;
            }
            Node::Between(Box::new([value, lower, upper]))
        }
        TermKind::In(value, list) => {
            let TermKind::List(candidates) = &list.kind else {
                return Err(IN_OPERANDS.to_owned());
            };
            if candidates.is_empty() {
                return Err(IN_OPERANDS.to_owned());
            }
            let value = operand(value, parameters)?;
            let candidates = candidates
                .iter()
                .map(|candidate| operand(candidate, parameters))
                .collect::<Result<_, _>>()?;
            Node::In(value, candidates)
        }
        TermKind::Is(value, type_name) => is_type(value, type_name)?,
        TermKind::Like => return Err(unsupported_operator("LIKE")),
        TermKind::Call(call) => return function(call, term, parameters),
        _ => return Ok(None),
    };
    Ok(Some(node))
}

const IN_OPERANDS: &str = "IN operator must have a left hand argument of type Variable Reference and right hand \
     argument of type Seq with at least one member";

fn parts_of(parts: &[Term], parameters: &[Literal]) -> Result<Vec<Node>, String> {
    let mut nodes = Vec::with_capacity(parts.len());
    for part in parts {
        match predicate(part, parameters)? {
            Some(node) => nodes.push(node),
            None => return Err("The arguments to AND/OR must be Expressions".to_owned()),
        }
    }
    Ok(nodes)
}

fn comparator(infix: Infix) -> Option<Comparator> {
    Some(match infix {
        Infix::Equal => Comparator::Equal,
        Infix::NotEqual => Comparator::NotEqual,
        Infix::Less => Comparator::Less,
        Infix::LessOrEqual => Comparator::LessOrEqual,
        Infix::Greater => Comparator::Greater,
        Infix::GreaterOrEqual => Comparator::GreaterOrEqual,
        _ => return None,
    })
}

fn compare(
    comparator: Comparator,
    left: &Term,
    right: &Term,
    parameters: &[Literal],
) -> Result<Node, String> {
    let left = operand(left, parameters)?;
    let right = operand(right, parameters)?;
    if !matches!(comparator, Comparator::Equal | Comparator::NotEqual) {
        check_ordered(comparator.as_str(), &left)?;
        check_ordered(comparator.as_str(), &right)?;
    }
    Ok(Node::Compare(comparator, left, right))
}

/// Operators that order their operands take strings, numbers and binaries.
fn check_ordered(operator: &str, operand: &Operand) -> Result<(), String> {
    match static_type(operand) {
        None | Some(ValueType::String | ValueType::Number | ValueType::Binary) => Ok(()),
        Some(unfit) => Err(operand_type_error(operator, unfit.as_str())),
    }
}

/// A term in the place of a value.
fn operand(term: &Term, parameters: &[Literal]) -> Result<Operand, String> {
    match &term.kind {
        TermKind::Path(_) => path(term).map(Operand::Path),
        TermKind::Parameter(number) => parameter(parameters, *number).map(Operand::Literal),
        TermKind::Missing => Err("MISSING must be compared using IS operator".to_owned()),
        TermKind::Signed(sign) => Err(signed_error(*sign)),
        TermKind::Call(call) if call.name == "size" => {
            let [argument] = call.arguments.as_slice() else {
                return Err(operand_count_error(call));
            };
            let inner = operand(argument, parameters)?;
            match static_type(&inner) {
                Some(unfit @ (ValueType::Number | ValueType::Bool | ValueType::Null)) => {
                    Err(operand_type_error("size", unfit.as_str()))
                }
                _ => Ok(Operand::Size(Box::new(inner))),
            }
        }
        _ => {
            if let Some(literal) = literal(term)? {
                return Ok(Operand::Literal(literal));
            }
            match predicate(term, parameters)? {
                Some(node) => Ok(Operand::Truth(Box::new(node))),
                None => Err(format!(
                    "Unsupported token in expression: {}",
                    term.kind.class_name()
                )),
            }
        }
    }
}

/// A sign before something that is no number literal.
pub(super) fn signed_error(sign: Infix) -> String {
    format!(
        "Incorrect number of operands for operator or function; operator or function: {}, number of operands: 1",
        sign.as_str()
    )
}

fn unsupported_operator(operator: &str) -> String {
    format!("Unsupported operator in Condition Expression. Operator: {operator}")
}

fn is_type(value: &Term, type_name: &str) -> Result<Node, String> {
    let value_type = match type_name {
        "MISSING" => None,
        "NULL" => Some(ValueType::Null),
        "BOOLEAN" => Some(ValueType::Bool),
        "BLOB" => Some(ValueType::Binary),
        "STRING" => Some(ValueType::String),
        "NUMERIC" => Some(ValueType::Number),
        "STRUCT" | "TUPLE" => Some(ValueType::Map),
        "LIST" => Some(ValueType::List),
        // The service has no name for what its parser makes of these.
        "INTEGER4" | "INTEGER8" | "DOUBLE_PRECISION" | "CHARACTER_VARYING" => {
            return Err("Unsupported operation: IsType".to_owned());
        }
        other => {
            return Err(format!(
                "Unsupported data type for IS operator: {other}. Supported data types are [MISSING, NULL, BOOLEAN, \
                 BLOB, STRING, NUMERIC, STRUCT, TUPLE, LIST]"
            ));
        }
    };
    if !matches!(value.kind, TermKind::Path(_)) {
        return Err(
            "The left hand side argument to IS must be a Variable Reference, Literal, or Path".to_owned(),
        );
    }
    let path = path(value)?;
    Ok(match value_type {
        None => Node::NotExists(path),
        Some(value_type) => Node::HasType(path, value_type),
    })
}

/// The condition that a function is; `None` for `size`, which has another value.
fn function(call: &Call, term: &Term, parameters: &[Literal]) -> Result<Option<Node>, String> {
    let name = call.name.as_str();
    let function = match Function::from_name(name) {
        Some(Function::IfNotExists | Function::ListAppend) | None => {
            return Err(format!("Unrecognized function: {name} at {}", term.place));
        }
        Some(Function::Size) => return Ok(None),
        Some(function) => function,
    };
    if call.arguments.len() != function.operand_count() {
        return Err(operand_count_error(call));
    }
    let operands: Vec<Operand> = call
        .arguments
        .iter()
        .map(|argument| operand(argument, parameters))
        .collect::<Result<_, _>>()?;
    let mut operands = operands.into_iter();
    Ok(match (function, operands.next(), operands.next()) {
        (Function::AttributeExists, Some(first), None) => Some(Node::Exists(require_path(name, first)?)),
        (Function::AttributeNotExists, Some(first), None) => {
            Some(Node::NotExists(require_path(name, first)?))
        }
        (Function::AttributeType, Some(first), Some(second)) => {
            let path = require_path(name, first)?;
            Some(Node::HasType(path, named_type(name, &second)?))
        }
        (Function::BeginsWith, Some(first), Some(second)) => {
            for operand in [&first, &second] {
                match static_type(operand) {
                    None | Some(ValueType::String | ValueType::Binary) => {}
                    Some(unfit) => return Err(operand_type_error(name, unfit.as_str())),
                }
            }
            Some(Node::BeginsWith(first, second))
        }
        (Function::Contains, Some(first), Some(second)) => Some(Node::Contains(first, second)),
        _ => None,
    })
}

pub(super) fn operand_count_error(call: &Call) -> String {
    format!(
        "Incorrect number of operands for operator or function; operator or function: {}, number of operands: {}",
        call.name,
        call.arguments.len()
    )
}

fn require_path(function: &str, operand: Operand) -> Result<Path, String> {
    match operand {
        Operand::Path(path) => Ok(path),
        _ => Err(path_required(function)),
    }
}

/// The type that the second operand of `attribute_type` names.
fn named_type(function: &str, operand: &Operand) -> Result<ValueType, String> {
    let literal = match operand {
        Operand::Literal(literal) => literal,
        other => {
            let found = static_type(other).map_or("NULL", ValueType::as_str);
            return Err(operand_type_error(function, found));
        }
    };
    let ValueRef::String(text) = literal.value() else {
        return Err(operand_type_error(
            function,
            literal.value().value_type().as_str(),
        ));
    };
    let text = String::from_utf8_lossy(text);
    ValueType::from_name(&text)
        .ok_or_else(|| format!("Invalid attribute type name found; type: {text}, valid types: {TYPE_NAMES}"))
}
