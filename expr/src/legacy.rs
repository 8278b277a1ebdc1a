//! The legacy parameters that expressions replaced (Expected, QueryFilter, ScanFilter, KeyConditions,
//! AttributeUpdates), turned into the trees of the expressions.

use std::fmt::Display;

use model::{Value, ValueType};

use crate::condition::{Condition, Node, Operand};
use crate::error::ExpressionError;
use crate::key_condition::{KeyClause, KeyCondition, KeyOperator};
use crate::literal::Literal;
use crate::path::Path;
use crate::syntax::Comparator;
use crate::update::{Action, Change, Expression, Update};

/// A ComparisonOperator, by the names that the API gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComparisonOperator {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Equal to one of the values.
    In,
    /// Less or equal.
    Le,
    /// Less.
    Lt,
    /// Greater or equal.
    Ge,
    /// Greater.
    Gt,
    /// Between two values, both included.
    Between,
    /// The attribute is there.
    NotNull,
    /// The attribute is not there.
    Null,
    /// Holds the value as a part, a member or an element.
    Contains,
    /// Does not.
    NotContains,
    /// Begins with the value.
    BeginsWith,
}

impl ComparisonOperator {
    fn as_str(self) -> &'static str {
        match self {
            ComparisonOperator::Eq => "EQ",
            ComparisonOperator::Ne => "NE",
            ComparisonOperator::In => "IN",
            ComparisonOperator::Le => "LE",
            ComparisonOperator::Lt => "LT",
            ComparisonOperator::Ge => "GE",
            ComparisonOperator::Gt => "GT",
            ComparisonOperator::Between => "BETWEEN",
            ComparisonOperator::NotNull => "NOT_NULL",
            ComparisonOperator::Null => "NULL",
            ComparisonOperator::Contains => "CONTAINS",
            ComparisonOperator::NotContains => "NOT_CONTAINS",
            ComparisonOperator::BeginsWith => "BEGINS_WITH",
        }
    }

    /// Whether it takes so many values.
    fn takes(self, count: usize) -> bool {
        match self {
            ComparisonOperator::Null | ComparisonOperator::NotNull => count == 0,
            ComparisonOperator::Between => count == 2,
            ComparisonOperator::In => count > 0,
            _ => count == 1,
        }
    }

    /// Whether it takes values of that type.
    fn takes_type(self, value_type: ValueType) -> bool {
        use ValueType::{Binary, Bool, Null, Number, String};
        match self {
            ComparisonOperator::Eq | ComparisonOperator::Ne => true,
            ComparisonOperator::BeginsWith => matches!(value_type, String | Binary),
            ComparisonOperator::Contains | ComparisonOperator::NotContains => {
                matches!(value_type, String | Number | Binary | Bool | Null)
            }
            _ => matches!(value_type, String | Number | Binary),
        }
    }
}

/// ConditionalOperator: how the conditions of one parameter are joined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConditionalOperator {
    /// AND
    #[default]
    And,
    /// OR
    Or,
}

/// An entry of QueryFilter, ScanFilter or KeyConditions.
#[derive(Clone, Debug)]
pub struct LegacyCondition {
    /// The attribute's name.
    pub attribute: String,
    /// ComparisonOperator.
    pub operator: ComparisonOperator,
    /// AttributeValueList; empty where the request has none.
    pub values: Vec<Value>,
}

/// An entry of Expected.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The attribute's name.
    pub attribute: String,
    /// ComparisonOperator.
    pub operator: Option<ComparisonOperator>,
    /// AttributeValueList.
    pub values: Option<Vec<Value>>,
    /// Value.
    pub value: Option<Value>,
    /// Exists.
    pub exists: Option<bool>,
}

/// An AttributeAction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UpdateAction {
    /// PUT
    #[default]
    Put,
    /// ADD
    Add,
    /// DELETE
    Delete,
}

/// An entry of AttributeUpdates.
#[derive(Clone, Debug)]
pub struct AttributeUpdate {
    /// The attribute's name.
    pub attribute: String,
    /// Action.
    pub action: UpdateAction,
    /// Value.
    pub value: Option<Value>,
}

const INVALID: &str = "One or more parameter values were invalid:";

/// The condition of Expected and ConditionalOperator.
pub fn expected(entries: &[Expected], operator: ConditionalOperator) -> Result<Condition, ExpressionError> {
    let nodes = entries.iter().map(Expected::node).collect::<Result<_, _>>()?;
    Ok(joined(nodes, operator))
}

/// The condition of QueryFilter or ScanFilter and ConditionalOperator.
pub fn filter(
    entries: &[LegacyCondition],
    operator: ConditionalOperator,
) -> Result<Condition, ExpressionError> {
    let nodes = entries
        .iter()
        .map(|entry| {
            check_values(entry.operator, &entry.values)?;
            Ok(node(&entry.attribute, entry.operator, &entry.values))
        })
        .collect::<Result<_, _>>()?;
    Ok(joined(nodes, operator))
}

/// The key condition of KeyConditions.
pub fn key_conditions(entries: &[LegacyCondition]) -> Result<KeyCondition, ExpressionError> {
    for entry in entries {
        check_values(entry.operator, &entry.values)?;
    }
    if !matches!(entries.len(), 1 | 2) {
        return Err(ExpressionError::request(
            "Conditions can be of length 1 or 2 only",
        ));
    }
    let clauses = entries.iter().map(|entry| KeyClause {
        attribute: entry.attribute.clone(),
        operator: key_operator(entry.operator),
        operands: entry.values.iter().map(Literal::from).collect(),
    });
    Ok(KeyCondition {
        clauses: clauses.collect(),
    })
}

/// The update of AttributeUpdates; of none, one that changes nothing.
pub fn attribute_updates(entries: &[AttributeUpdate]) -> Result<Update, ExpressionError> {
    let actions = entries
        .iter()
        .map(AttributeUpdate::action)
        .collect::<Result<_, _>>()?;
    Update::from_legacy(actions).map_err(ExpressionError::request)
}

fn invalid(problem: impl Display) -> ExpressionError {
    ExpressionError::request(format!("{INVALID} {problem}"))
}

fn joined(mut nodes: Vec<Node>, operator: ConditionalOperator) -> Condition {
    let root = match (nodes.len(), operator) {
        (1, _) => nodes.remove(0),
        // Of no conditions, none fails.
        (0, _) | (_, ConditionalOperator::And) => Node::And(nodes),
        (_, ConditionalOperator::Or) => Node::Or(nodes),
    };
    Condition::from_tree(root)
}

/// Checks the values of a condition: how many, of which types, and the bounds of BETWEEN.
fn check_values(operator: ComparisonOperator, values: &[Value]) -> Result<(), ExpressionError> {
    let name = operator.as_str();
    if !operator.takes(values.len()) {
        return Err(invalid(format_args!(
            "Invalid number of argument(s) for the {name} ComparisonOperator"
        )));
    }
    let Some(first) = values.first() else {
        return Ok(());
    };
    let value_type = first.value_type();
    if values.iter().any(|value| value.value_type() != value_type) {
        return Err(invalid(
            "AttributeValues inside AttributeValueList must be of same type",
        ));
    }
    if !operator.takes_type(value_type) {
        return Err(invalid(format_args!(
            "ComparisonOperator {name} is not valid for {} AttributeValue type",
            value_type.as_str()
        )));
    }
    if let (ComparisonOperator::Between, [lower, upper]) = (operator, values) {
        let descending = match (lower, upper) {
            (Value::String(lower), Value::String(upper)) => lower > upper,
            (Value::Number(lower), Value::Number(upper)) => lower > upper,
            (Value::Binary(lower), Value::Binary(upper)) => lower > upper,
            _ => false,
        };
        if descending {
            return Err(ExpressionError::request(
                "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound",
            ));
        }
    }
    Ok(())
}

/// The condition on one attribute, whose values [`check_values`] has passed.
fn node(attribute: &str, operator: ComparisonOperator, values: &[Value]) -> Node {
    let path = || Path::of_attribute(attribute);
    let operand = || Operand::Path(path());
    let mut literals = values.iter().map(|value| Operand::Literal(Literal::from(value)));
    let comparator = match operator {
        ComparisonOperator::Null => return Node::NotExists(path()),
        ComparisonOperator::NotNull => return Node::Exists(path()),
        ComparisonOperator::In => return Node::In(operand(), literals.collect()),
        ComparisonOperator::Eq => Some(Comparator::Equal),
        ComparisonOperator::Ne => Some(Comparator::NotEqual),
        ComparisonOperator::Le => Some(Comparator::LessOrEqual),
        ComparisonOperator::Lt => Some(Comparator::Less),
        ComparisonOperator::Ge => Some(Comparator::GreaterOrEqual),
        ComparisonOperator::Gt => Some(Comparator::Greater),
        _ => None,
    };
    match (operator, comparator, literals.next(), literals.next()) {
        (_, Some(comparator), Some(value), None) => Node::Compare(comparator, operand(), value),
        (ComparisonOperator::Between, _, Some(lower), Some(upper)) => {
            Node::Between(Box::new([operand(), lower, upper]))
        }
        (ComparisonOperator::BeginsWith, _, Some(prefix), None) => Node::BeginsWith(operand(), prefix),
        (ComparisonOperator::Contains, _, Some(part), None) => Node::Contains(operand(), part),
        (ComparisonOperator::NotContains, _, Some(part), None) => {
            Node::Not(Box::new(Node::Contains(operand(), part)))
        }
        // Another number of values has been refused; a condition without values holds for no item.
        _ => Node::Or(Vec::new()),
    }
}

fn key_operator(operator: ComparisonOperator) -> KeyOperator {
    match operator {
        ComparisonOperator::Eq => KeyOperator::Equal,
        ComparisonOperator::Lt => KeyOperator::Less,
        ComparisonOperator::Le => KeyOperator::LessOrEqual,
        ComparisonOperator::Gt => KeyOperator::Greater,
        ComparisonOperator::Ge => KeyOperator::GreaterOrEqual,
        ComparisonOperator::Between => KeyOperator::Between,
        ComparisonOperator::BeginsWith => KeyOperator::BeginsWith,
        ComparisonOperator::Ne
        | ComparisonOperator::In
        | ComparisonOperator::NotNull
        | ComparisonOperator::Null
        | ComparisonOperator::Contains
        | ComparisonOperator::NotContains => KeyOperator::NotIndexable,
    }
}

impl Expected {
    fn node(&self) -> Result<Node, ExpressionError> {
        let attribute = &self.attribute;
        let problem = |problem: &str| invalid(format_args!("{problem} for Attribute: {attribute}"));
        if self.value.is_some() && self.values.is_some() {
            return Err(problem("Value and AttributeValueList cannot be used together"));
        }
        if self.exists.is_some() && self.operator.is_some() {
            return Err(problem("Exists and ComparisonOperator cannot be used together"));
        }
        let Some(operator) = self.operator else {
            return self.node_without_operator();
        };
        let valueless = matches!(operator, ComparisonOperator::Null | ComparisonOperator::NotNull);
        let values = match (&self.values, &self.value) {
            (Some(values), _) => values.as_slice(),
            (None, Some(value)) => std::slice::from_ref(value),
            (None, None) if valueless => &[],
            (None, None) => {
                return Err(problem(&format!(
                    "Value or AttributeValueList must be used with ComparisonOperator: {}",
                    operator.as_str()
                )));
            }
        };
        check_values(operator, values)?;
        Ok(node(attribute, operator, values))
    }

    /// Without an operator, Value means that the attribute has it, and Exists: false that it is not there.
    fn node_without_operator(&self) -> Result<Node, ExpressionError> {
        let attribute = &self.attribute;
        let problem = |problem: &str| invalid(format_args!("{problem} for Attribute: {attribute}"));
        if self.values.is_some() {
            return Err(problem(
                "AttributeValueList can only be used with a ComparisonOperator",
            ));
        }
        match (self.exists, &self.value) {
            (None, None) => Err(problem("Value must be provided when Exists is null")),
            (Some(true), None) => Err(problem("Value must be provided when Exists is true")),
            (Some(false), Some(_)) => Err(problem("Value cannot be used when Exists is false")),
            (Some(false), None) => Ok(node(attribute, ComparisonOperator::Null, &[])),
            (None | Some(true), Some(value)) => Ok(node(
                attribute,
                ComparisonOperator::Eq,
                std::slice::from_ref(value),
            )),
        }
    }
}

impl AttributeUpdate {
    fn action(&self) -> Result<Action, ExpressionError> {
        let change = match (self.action, &self.value) {
            (UpdateAction::Delete, None) => Change::Remove,
            (_, None) => {
                return Err(invalid(
                    "Only DELETE action is allowed when no attribute value is specified",
                ));
            }
            (UpdateAction::Put, Some(value)) => Change::Set(Expression::Literal(Literal::from(value))),
            (UpdateAction::Add, Some(value)) => {
                let value_type = value.value_type();
                let fits = value_type.is_set() || matches!(value_type, ValueType::Number | ValueType::List);
                if !fits {
                    return Err(invalid(format_args!(
                        "ADD action is not supported for the type {}",
                        value_type.as_str()
                    )));
                }
                Change::Add(Literal::from(value))
            }
            (UpdateAction::Delete, Some(value)) => {
                let value_type = value.value_type();
                if !value_type.is_set() {
                    return Err(invalid(format_args!(
                        "DELETE action with value is not supported for the type {}",
                        value_type.as_str()
                    )));
                }
                Change::Delete(Literal::from(value))
            }
        };
        Ok(Action {
            path: Path::of_attribute(&self.attribute),
            change,
        })
    }
}
