//! Condition and filter expressions.
//!
//! [`Condition`] is the parsed form, [`Node`] its tree, which the legacy parameters build too.
//! `resolve` makes it of what was written, `evaluate` asks it of an item.

mod evaluate;
mod resolve;

use model::{MapRef, ValueType};

use crate::attributes::ExpressionAttributes;
use crate::error::{ExpressionError, ExpressionKind};
use crate::form;
use crate::literal::Literal;
use crate::path::Path;
use crate::syntax::{self, Comparator, too_many_operators};

pub(crate) use evaluate::compare;
pub(crate) use resolve::{
    not_distinct, operand_type_error, path_required, resolve_path, static_type, too_deep_path,
};

/// A condition or filter, parsed and checked.
#[derive(Clone, Debug)]
pub struct Condition {
    pub(crate) root: Node,
}

/// A part of a condition that is true or false.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Compare(Comparator, Operand, Operand),
    Between(Box<[Operand; 3]>),
    In(Operand, Vec<Operand>),
    Exists(Path),
    NotExists(Path),
    HasType(Path, ValueType),
    BeginsWith(Operand, Operand),
    Contains(Operand, Operand),
}

/// A part of a condition that has a value.
#[derive(Clone, Debug)]
pub(crate) enum Operand {
    Path(Path),
    Literal(Literal),
    /// `size(...)`
    Size(Box<Operand>),
    /// Whether a condition holds: in PartiQL, a condition is a value among others.
    Truth(Box<Node>),
}

impl Condition {
    /// Parses and checks a ConditionExpression or FilterExpression.
    pub fn parse(
        kind: ExpressionKind,
        text: &str,
        attributes: &mut ExpressionAttributes<'_>,
    ) -> Result<Self, ExpressionError> {
        let root =
            Node::parse(text, attributes).map_err(|problem| ExpressionError::invalid(kind, problem))?;
        Ok(Condition { root })
    }

    pub(crate) fn from_tree(root: Node) -> Self {
        Condition { root }
    }

    /// Whether the item, or its absence, satisfies the condition.
    pub fn matches(&self, item: Option<MapRef<'_>>) -> bool {
        self.root.matches(item)
    }

    /// The top-level attributes that it reads, in the order written; one may come twice.
    pub fn top_level_attributes(&self) -> impl Iterator<Item = &str> {
        self.paths().map(|path| path.attribute.as_str())
    }

    /// The document paths that it reads, in the order written.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let mut paths = Vec::new();
        self.root.collect_paths(&mut paths);
        paths.into_iter()
    }
}

impl Node {
    /// Parses and checks a condition of any kind.
    pub(crate) fn parse(text: &str, attributes: &mut ExpressionAttributes<'_>) -> Result<Self, String> {
        let (raw, operators) = syntax::parse_condition(text)?;
        form::check_condition(&raw)?;
        if operators > model::limits::EXPRESSION_OPERATORS_MAX {
            return Err(too_many_operators());
        }
        resolve::resolve(raw, attributes)
    }

    /// Adds the document paths that this part reads, in the order written.
    pub(crate) fn collect_paths<'n>(&'n self, paths: &mut Vec<&'n Path>) {
        match self {
            Node::And(parts) | Node::Or(parts) => {
                parts.iter().for_each(|part| part.collect_paths(paths));
            }
            Node::Not(inner) => inner.collect_paths(paths),
            Node::Exists(path) | Node::NotExists(path) | Node::HasType(path, _) => paths.push(path),
            Node::Compare(_, left, right) | Node::BeginsWith(left, right) | Node::Contains(left, right) => {
                left.collect_paths(paths);
                right.collect_paths(paths);
            }
            Node::Between(operands) => operands.iter().for_each(|operand| operand.collect_paths(paths)),
            Node::In(operand, list) => {
                operand.collect_paths(paths);
                list.iter().for_each(|operand| operand.collect_paths(paths));
            }
        }
    }
}

impl Operand {
    fn collect_paths<'o>(&'o self, paths: &mut Vec<&'o Path>) {
        match self {
            Operand::Path(path) => paths.push(path),
            Operand::Literal(_) => {}
            Operand::Size(inner) => inner.collect_paths(paths),
            Operand::Truth(condition) => condition.collect_paths(paths),
        }
    }
}
