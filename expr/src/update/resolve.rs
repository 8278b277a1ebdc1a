//! From the text of an update to its actions: names and values put in place of their placeholders,
//! and all checks that need them.

use model::ValueType;

use super::{Action, Change, Dialect, Expression, Update};
use crate::attributes::ExpressionAttributes;
use crate::condition::{not_distinct, operand_type_error, path_required, resolve_path};
use crate::form::{self, Function};
use crate::literal::Literal;
use crate::path::Path;
use crate::path_tree::join_paths;
use crate::syntax::{
    self, RawAction, RawFunction, RawOperand, RawPath, RawStep, Section, Sign, too_many_operators,
};

pub(super) fn parse(text: &str, attributes: &mut ExpressionAttributes<'_>) -> Result<Update, String> {
    let (sections, operators) = syntax::parse_update(text)?;
    form::check_update(&sections)?;
    let raw_actions: Vec<(Section, RawAction<'_>)> = sections
        .into_iter()
        .flat_map(|section| {
            let kind = section.section;
            section.actions.into_iter().map(move |action| (kind, action))
        })
        .collect();
    let paths: Vec<Path> = raw_actions
        .iter()
        .map(|(_, action)| resolve_path(&action.path, attributes))
        .collect::<Result<_, _>>()?;
    let tree = join_paths(&paths.iter().collect::<Vec<_>>())?;
    if operators > model::limits::EXPRESSION_OPERATORS_MAX {
        return Err(too_many_operators());
    }
    // The right sides are looked at from the last one to the first, names before values.
    let values = || {
        raw_actions
            .iter()
            .rev()
            .filter_map(|(_, action)| action.value.as_ref())
    };
    values().try_for_each(|value| check_names(value, attributes))?;
    let mut changes = Vec::with_capacity(raw_actions.len());
    for (section, action) in raw_actions.into_iter().rev() {
        changes.push(resolve_change(section, action.value, attributes)?);
    }
    let actions = paths
        .into_iter()
        .zip(changes.into_iter().rev())
        .map(|(path, change)| Action { path, change })
        .collect();
    Ok(Update {
        actions,
        tree,
        dialect: Dialect::Expression,
    })
}

/// Whether all names of a right side are defined.
fn check_names(operand: &RawOperand<'_>, attributes: &mut ExpressionAttributes<'_>) -> Result<(), String> {
    match operand {
        RawOperand::Path(path) => check_path_names(path, attributes),
        RawOperand::Value(_) => Ok(()),
        RawOperand::Function(RawFunction { arguments, .. }) => arguments
            .iter()
            .try_for_each(|argument| check_names(argument, attributes)),
        RawOperand::Sum(_, operands) => operands
            .iter()
            .try_for_each(|operand| check_names(operand, attributes)),
    }
}

fn check_path_names(path: &RawPath<'_>, attributes: &mut ExpressionAttributes<'_>) -> Result<(), String> {
    path.iter().try_for_each(|step| match step {
        RawStep::Placeholder(placeholder) => attributes.name(placeholder).map(drop),
        RawStep::Name(_) | RawStep::Index(_) => Ok(()),
    })
}

fn resolve_change(
    section: Section,
    value: Option<RawOperand<'_>>,
    attributes: &mut ExpressionAttributes<'_>,
) -> Result<Change, String> {
    let Some(value) = value else {
        return Ok(Change::Remove);
    };
    let expression = resolve_expression(value, attributes)?;
    match (section, expression) {
        (Section::Add, Expression::Literal(literal)) => {
            check_operand_type(section, &literal)?;
            Ok(Change::Add(literal))
        }
        (Section::Delete, Expression::Literal(literal)) => {
            check_operand_type(section, &literal)?;
            Ok(Change::Delete(literal))
        }
        (_, expression) => Ok(Change::Set(expression)),
    }
}

/// ADD takes numbers and sets, DELETE sets.
fn check_operand_type(section: Section, literal: &Literal) -> Result<(), String> {
    let value_type = literal.value().value_type();
    let fits = value_type.is_set() || (section == Section::Add && value_type == ValueType::Number);
    if fits {
        return Ok(());
    }
    let operator = section.as_str();
    Err(format!(
        "Incorrect operand type for operator or function; operator: {operator}, operand type: {}, typeSet: \
         ALLOWED_FOR_{operator}_OPERAND",
        long_name(value_type)
    ))
}

/// The names of types that only the errors of ADD and DELETE use.
fn long_name(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::String => "STRING",
        ValueType::Number => "NUMBER",
        ValueType::Binary => "BINARY",
        ValueType::Bool => "BOOLEAN",
        ValueType::Null => "NULL",
        ValueType::List => "LIST",
        ValueType::Map => "MAP",
        ValueType::StringSet => "STRING_SET",
        ValueType::NumberSet => "NUMBER_SET",
        ValueType::BinarySet => "BINARY_SET",
    }
}

fn resolve_expression(
    operand: RawOperand<'_>,
    attributes: &mut ExpressionAttributes<'_>,
) -> Result<Expression, String> {
    match operand {
        RawOperand::Path(path) => Ok(Expression::Path(resolve_path(&path, attributes)?)),
        RawOperand::Value(placeholder) => Ok(Expression::Literal(attributes.value(placeholder)?)),
        RawOperand::Sum(sign, operands) => {
            let [left, right] = *operands;
            let operands = [
                resolve_expression(left, attributes)?,
                resolve_expression(right, attributes)?,
            ];
            let operator = match sign {
                Sign::Plus => "+",
                Sign::Minus => "-",
            };
            check_literals(operator, &operands, ValueType::Number)?;
            Ok(Expression::Sum(sign, Box::new(operands)))
        }
        RawOperand::Function(function) => resolve_function(function, attributes),
    }
}

fn resolve_function(
    mut raw: RawFunction<'_>,
    attributes: &mut ExpressionAttributes<'_>,
) -> Result<Expression, String> {
    let mut operands = Vec::with_capacity(raw.arguments.len());
    for argument in std::mem::take(&mut raw.arguments) {
        operands.push(resolve_expression(argument, attributes)?);
    }
    let function = Function::from_name(raw.name);
    if let Some(function) = function {
        form::check_operand_count(function, raw.name, operands.len())?;
    }
    let mut operands = operands.into_iter();
    match (function, operands.next(), operands.next()) {
        (Some(Function::IfNotExists), Some(first), Some(second)) => {
            let Expression::Path(path) = first else {
                return Err(path_required(raw.name));
            };
            if matches!(&second, Expression::Path(default) if *default == path) {
                return Err(not_distinct(raw.name, &path));
            }
            Ok(Expression::IfNotExists(path, Box::new(second)))
        }
        (Some(Function::ListAppend), Some(first), Some(second)) => {
            let operands = [first, second];
            check_literals(raw.name, &operands, ValueType::List)?;
            Ok(Expression::ListAppend(Box::new(operands)))
        }
        // The form of the expression has been checked: no other function is for updates.
        _ => Err(format!("Invalid function name; function: {}", raw.name)),
    }
}

/// Refuses literals that an operator or function can't take.
pub(crate) fn check_literals(
    operator: &str,
    operands: &[Expression],
    wanted: ValueType,
) -> Result<(), String> {
    for operand in operands {
        if let Expression::Literal(literal) = operand {
            let found = literal.value().value_type();
            if found != wanted {
                return Err(operand_type_error(operator, found.as_str()));
            }
        }
    }
    Ok(())
}
