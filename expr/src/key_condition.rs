//! Key conditions: which slice of an index a Query reads.
//!
//! A [`KeyCondition`] is what the request says; [`KeyCondition::resolve`] matches it with a key
//! schema, of up to four partition key and four sort key attributes (AWS-FACTS 40).

use model::ValueType;

use crate::attributes::ExpressionAttributes;
use crate::condition::{Node, Operand};
use crate::error::{ExpressionError, ExpressionKind};
use crate::literal::Literal;
use crate::path::Path;
use crate::syntax::Comparator;

/// How a key attribute is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOperator {
    /// `=`
    Equal,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// BETWEEN: two operands, both bounds included.
    Between,
    /// begins_with
    BeginsWith,
    /// An operator of the legacy KeyConditions that no index can answer; refused by
    /// [`KeyCondition::resolve`].
    NotIndexable,
}

/// One condition on one key attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyClause {
    /// The attribute.
    pub attribute: String,
    /// How it is compared.
    pub operator: KeyOperator,
    /// With what: two values for [`KeyOperator::Between`], else one.
    pub operands: Vec<Literal>,
}

/// A key condition, parsed and checked as far as the request alone allows.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyCondition {
    /// The conditions in the order written, each on another attribute.
    pub clauses: Vec<KeyClause>,
}

/// A bound on the first sort key attribute that is not fixed.
#[derive(Clone, Debug, PartialEq)]
pub struct SortRange {
    /// How it is compared: any operator but [`KeyOperator::Equal`] and [`KeyOperator::NotIndexable`].
    pub operator: KeyOperator,
    /// With what: two values for [`KeyOperator::Between`], else one.
    pub operands: Vec<Literal>,
}

/// A key condition matched with the key schema that it is for.
#[derive(Clone, Debug, PartialEq)]
pub struct ResolvedKeyCondition {
    /// The values of all partition key attributes, in schema order.
    pub partition: Vec<Literal>,
    /// The values of the first sort key attributes, in schema order.
    pub sort_equal: Vec<Literal>,
    /// The range of the sort key attribute after those.
    pub range: Option<SortRange>,
}

impl KeyCondition {
    /// Parses and checks a KeyConditionExpression.
    pub fn parse(text: &str, attributes: &mut ExpressionAttributes<'_>) -> Result<Self, ExpressionError> {
        let root = Node::parse(text, attributes)
            .map_err(|problem| ExpressionError::invalid(ExpressionKind::KeyCondition, problem))?;
        let mut clauses = Vec::new();
        collect_clauses(&root, &mut clauses)?;
        Ok(KeyCondition { clauses })
    }

    /// Matches the condition with the partition key and sort key attributes of a table or an index,
    /// each a name and a type, in schema order. Whether the values are keys by their size is not looked at.
    pub fn resolve(
        &self,
        partition: &[(&str, ValueType)],
        sort: &[(&str, ValueType)],
    ) -> Result<ResolvedKeyCondition, ExpressionError> {
        let schema = || partition.iter().chain(sort);
        let schema_len = partition.len() + sort.len();
        if self.clauses.len() > schema_len {
            return Err(ExpressionError::schema(format!(
                "The number of query conditions ({}) exceeds the number of key attributes defined in the \
                 schema ({schema_len})",
                self.clauses.len()
            )));
        }
        let clause = |name: &str| self.clauses.iter().find(|clause| clause.attribute == name);
        let missed = |name: &str| {
            ExpressionError::schema(format!("Query condition missed key schema element: {name}"))
        };

        for (name, value_type) in partition {
            let clause = clause(name).ok_or_else(|| missed(name))?;
            clause.check_type(*value_type)?;
            if clause.operator != KeyOperator::Equal {
                return Err(ExpressionError::schema("Query key condition not supported"));
            }
        }
        let is_key = |clause: &KeyClause| schema().any(|(name, _)| *name == clause.attribute);
        let only_keys = self.clauses.iter().all(is_key);
        for (name, value_type) in sort {
            match clause(name) {
                Some(clause) => clause.check_type(*value_type)?,
                // A condition that is on no key attribute leaves this one without.
                None if !only_keys => return Err(missed(name)),
                None => {}
            }
        }
        self.check_sort_prefix(sort)?;

        let single = |name: &str| clause(name).and_then(|clause| clause.operands.first().cloned());
        let mut resolved = ResolvedKeyCondition {
            partition: partition.iter().filter_map(|(name, _)| single(name)).collect(),
            sort_equal: Vec::new(),
            range: None,
        };
        for clause in sort.iter().map_while(|(name, _)| clause(name)) {
            if clause.operator == KeyOperator::Equal {
                resolved.sort_equal.extend(clause.operands.first().cloned());
                continue;
            }
            resolved.range = Some(SortRange {
                operator: clause.operator,
                operands: clause.operands.clone(),
            });
            break;
        }
        Ok(resolved)
    }

    /// All sort key attributes before the last one that has a condition must be fixed.
    fn check_sort_prefix(&self, sort: &[(&str, ValueType)]) -> Result<(), ExpressionError> {
        let clause = |name: &str| self.clauses.iter().find(|clause| clause.attribute == name);
        for (place, (name, _)) in sort.iter().enumerate() {
            if clause(name).is_none() {
                continue;
            }
            let loose: Vec<&str> = sort[..place]
                .iter()
                .map(|(earlier, _)| *earlier)
                .filter(|earlier| clause(earlier).is_none_or(|clause| clause.operator != KeyOperator::Equal))
                .collect();
            if !loose.is_empty() {
                return Err(ExpressionError::schema(format!(
                    "RANGE key attributes {} must have equality conditions specified in the query because a \
                     condition is present on key attribute {name}",
                    loose.join(", ")
                )));
            }
        }
        Ok(())
    }
}

impl KeyClause {
    fn check_type(&self, value_type: ValueType) -> Result<(), ExpressionError> {
        if self.operator == KeyOperator::NotIndexable {
            return Err(ExpressionError::schema(
                "Attempted conditional constraint is not an indexable operation",
            ));
        }
        let fits = |operand: &Literal| operand.value().value_type() == value_type;
        if self.operands.iter().all(fits) {
            return Ok(());
        }
        Err(ExpressionError::schema(
            "One or more parameter values were invalid: Condition parameter type does not match schema type",
        ))
    }
}

fn collect_clauses(node: &Node, clauses: &mut Vec<KeyClause>) -> Result<(), ExpressionError> {
    let clause = match node {
        Node::And(parts) => {
            return parts.iter().try_for_each(|part| collect_clauses(part, clauses));
        }
        Node::Or(_) => return Err(invalid_operator("OR")),
        Node::Not(_) => return Err(invalid_operator("NOT")),
        Node::In(..) => return Err(invalid_operator("IN")),
        Node::Exists(_) => return Err(invalid_operator("attribute_exists")),
        Node::NotExists(_) => return Err(invalid_operator("attribute_not_exists")),
        Node::HasType(..) => return Err(invalid_operator("attribute_type")),
        Node::Contains(..) => return Err(invalid_operator("contains")),
        Node::Compare(comparator, left, right) => {
            let operator = match comparator {
                Comparator::NotEqual => return Err(invalid_operator("<>")),
                Comparator::Equal => KeyOperator::Equal,
                Comparator::Less => KeyOperator::Less,
                Comparator::LessOrEqual => KeyOperator::LessOrEqual,
                Comparator::Greater => KeyOperator::Greater,
                Comparator::GreaterOrEqual => KeyOperator::GreaterOrEqual,
            };
            let mirrored = !matches!(left, Operand::Path(_));
            let operator = if mirrored { mirror(operator) } else { operator };
            key_clause(operator, &[left, right])?
        }
        Node::Between(operands) => {
            let [value, lower, upper] = operands.as_ref();
            require_first("BETWEEN", value)?;
            key_clause(KeyOperator::Between, &[value, lower, upper])?
        }
        Node::BeginsWith(value, prefix) => {
            require_first("begins_with", value)?;
            key_clause(KeyOperator::BeginsWith, &[value, prefix])?
        }
    };
    if clauses
        .iter()
        .any(|earlier| earlier.attribute == clause.attribute)
    {
        return Err(ExpressionError::invalid(
            ExpressionKind::KeyCondition,
            "KeyConditionExpressions must only contain one condition per key",
        ));
    }
    clauses.push(clause);
    Ok(())
}

/// The clause of a comparison of one path with literals, in any order.
fn key_clause(operator: KeyOperator, operands: &[&Operand]) -> Result<KeyClause, ExpressionError> {
    let mut key: Option<&Path> = None;
    let mut literals = Vec::with_capacity(2);
    for operand in operands {
        match operand {
            Operand::Path(_) if key.is_some() => {
                return Err(invalid_condition(
                    "Multiple attribute names used in one condition",
                ));
            }
            Operand::Path(path) if !path.steps.is_empty() => {
                return Err(ExpressionError::invalid(
                    ExpressionKind::KeyCondition,
                    "KeyConditionExpressions cannot have conditions on nested attributes",
                ));
            }
            Operand::Path(path) => key = Some(path),
            Operand::Literal(literal) => literals.push(literal.clone()),
            Operand::Size(_) | Operand::Truth(_) => {
                return Err(ExpressionError::invalid(
                    ExpressionKind::KeyCondition,
                    "KeyConditionExpressions cannot contain nested operations",
                ));
            }
        }
    }
    let Some(key) = key else {
        return Err(invalid_condition("No key attribute specified"));
    };
    Ok(KeyClause {
        attribute: key.attribute.clone(),
        operator,
        operands: literals,
    })
}

/// The operator that says the same with its operands exchanged.
fn mirror(operator: KeyOperator) -> KeyOperator {
    match operator {
        KeyOperator::Less => KeyOperator::Greater,
        KeyOperator::LessOrEqual => KeyOperator::GreaterOrEqual,
        KeyOperator::Greater => KeyOperator::Less,
        KeyOperator::GreaterOrEqual => KeyOperator::LessOrEqual,
        other => other,
    }
}

fn require_first(operator: &str, operand: &Operand) -> Result<(), ExpressionError> {
    match operand {
        Operand::Path(_) => Ok(()),
        _ => Err(invalid_condition(&format!(
            "{operator} operator must have the key attribute as its first operand"
        ))),
    }
}

fn invalid_operator(operator: &str) -> ExpressionError {
    ExpressionError::request(format!(
        "Invalid operator used in KeyConditionExpression: {operator}"
    ))
}

fn invalid_condition(problem: &str) -> ExpressionError {
    ExpressionError::request(format!("Invalid condition in KeyConditionExpression: {problem}"))
}
