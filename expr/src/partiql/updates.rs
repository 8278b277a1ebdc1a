//! SET and REMOVE as the trees of update expressions.

use model::ValueType;

use super::conditions::{operand_count_error, signed_error};
use super::paths::path;
use super::tree::{Call, Infix, Term, TermKind, WrittenChange};
use super::values::{literal, parameter};
use crate::literal::Literal;
use crate::path::Path;
use crate::syntax::Sign;
use crate::update::{Action, Change, Expression, Update, check_literals};

/// The update that the clauses mean together.
pub(super) fn update(changes: &[WrittenChange], parameters: &[Literal]) -> Result<Update, String> {
    let mut actions = Vec::with_capacity(changes.len());
    for change in changes {
        actions.push(match change {
            WrittenChange::Remove(target) => Action {
                path: path(target)?,
                change: Change::Remove,
            },
            WrittenChange::Set(target, value) => {
                let path = path(target)?;
                Action {
                    change: set(&path, value, parameters)?,
                    path,
                }
            }
        });
    }
    Update::from_partiql(actions)
}

fn set(target: &Path, value: &Term, parameters: &[Literal]) -> Result<Change, String> {
    match &value.kind {
        TermKind::Call(call) if call.name == "set_add" => {
            set_operand(target, value, call, parameters).map(Change::Add)
        }
        TermKind::Call(call) if call.name == "set_delete" => {
            set_operand(target, value, call, parameters).map(Change::Delete)
        }
        _ => expression(value, parameters).map(Change::Set),
    }
}

/// The set that `set_add` and `set_delete` add to their target or take from it.
fn set_operand(target: &Path, term: &Term, call: &Call, parameters: &[Literal]) -> Result<Literal, String> {
    let name = call.name.to_ascii_uppercase();
    let [first, second] = call.arguments.as_slice() else {
        return Err(format!(
            "{name} must have exactly two arguments at {}",
            term.place
        ));
    };
    if !matches!(first.kind, TermKind::Path(_)) || path(first)? != *target {
        return Err(format!(
            "The first argument to {name} must equal the assignment value at {}",
            term.place
        ));
    }
    let operand = match &second.kind {
        TermKind::Parameter(number) => Some(parameter(parameters, *number)?),
        _ => literal(second)?,
    };
    operand
        .filter(|operand| operand.value().value_type().is_set())
        .ok_or_else(|| {
            format!(
                "The second argument to {name} must be a value with type SET at {}",
                first.place
            )
        })
}

/// The right side of an assignment.
fn expression(term: &Term, parameters: &[Literal]) -> Result<Expression, String> {
    match &term.kind {
        TermKind::Path(_) => path(term).map(Expression::Path),
        TermKind::Parameter(number) => parameter(parameters, *number).map(Expression::Literal),
        TermKind::Signed(sign) => Err(signed_error(*sign)),
        TermKind::Infix(infix @ (Infix::Plus | Infix::Minus), operands) => {
            let sign = if *infix == Infix::Plus {
                Sign::Plus
            } else {
                Sign::Minus
            };
            let operands = pair(operands, parameters)?;
            check_literals(infix.as_str(), &operands, ValueType::Number)?;
            Ok(Expression::Sum(sign, Box::new(operands)))
        }
        TermKind::Infix(infix, _) => Err(unsupported_operator(infix.as_str())),
        TermKind::Not(_) => Err(unsupported_operator("NOT")),
        TermKind::Between(_) => Err(unsupported_operator("BETWEEN")),
        TermKind::In(..) => Err(unsupported_operator("IN")),
        TermKind::Like => Err(unsupported_operator("LIKE")),
        TermKind::Is(..) => Err("IS operator is not supported in update expressions".to_owned()),
        TermKind::Call(call) if call.name == "list_append" => {
            if call.arguments.len() != 2 {
                return Err(operand_count_error(call));
            }
            let operands = pair(&call.arguments, parameters)?;
            check_literals(&call.name, &operands, ValueType::List)?;
            Ok(Expression::ListAppend(Box::new(operands)))
        }
        TermKind::Call(call) => Err(format!("Unrecognized function: {} at {}", call.name, term.place)),
        _ => match literal(term)? {
            Some(literal) => Ok(Expression::Literal(literal)),
            None => Err(format!(
                "Unsupported token in expression: {}",
                term.kind.class_name()
            )),
        },
    }
}

/// The two operands of an operator or function.
fn pair(terms: &[Term], parameters: &[Literal]) -> Result<[Expression; 2], String> {
    let [first, second] = terms else {
        return Err(unsupported_operator("+"));
    };
    Ok([expression(first, parameters)?, expression(second, parameters)?])
}

fn unsupported_operator(operator: &str) -> String {
    format!("Unsupported operator in Update Expression. Operator: {operator}")
}
