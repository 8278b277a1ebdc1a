//! Update expressions.
//!
//! [`Update`] is the parsed form: a list of actions, and a tree of the paths that they write. `apply`
//! first works out every action against the item as it was (`evaluate`), then writes the new item in
//! one walk over the old one and the tree (`write`); what no action touches is copied as it stands.

mod evaluate;
mod resolve;
mod write;

pub(crate) use resolve::check_literals;

use model::{Item, MapRef};

use crate::attributes::ExpressionAttributes;
use crate::error::{ExpressionError, ExpressionKind, UpdateError};
use crate::literal::Literal;
use crate::path::Path;
use crate::path_tree::{Fields, join_paths, select};
use crate::syntax::Sign;

/// An update, parsed and checked.
#[derive(Clone, Debug)]
pub struct Update {
    /// In the order written.
    actions: Vec<Action>,
    /// The paths that the actions write, by the actions' numbers.
    tree: Fields,
    dialect: Dialect,
}

/// What an update comes of, which decides how its errors read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// UpdateExpression
    Expression,
    /// AttributeUpdates
    Legacy,
    /// A PartiQL statement.
    PartiQl,
}

/// What happens at one path.
#[derive(Clone, Debug)]
pub(crate) struct Action {
    pub(crate) path: Path,
    pub(crate) change: Change,
}

#[derive(Clone, Debug)]
pub(crate) enum Change {
    Set(Expression),
    Remove,
    /// Adds to a number or a set, and, for the legacy parameter alone, to a list.
    Add(Literal),
    /// Takes members from a set.
    Delete(Literal),
}

/// The right side of a SET action.
#[derive(Clone, Debug)]
pub(crate) enum Expression {
    Path(Path),
    Literal(Literal),
    IfNotExists(Path, Box<Expression>),
    ListAppend(Box<[Expression; 2]>),
    Sum(Sign, Box<[Expression; 2]>),
}

impl Update {
    /// Parses and checks an UpdateExpression.
    pub fn parse(text: &str, attributes: &mut ExpressionAttributes<'_>) -> Result<Self, ExpressionError> {
        resolve::parse(text, attributes)
            .map_err(|problem| ExpressionError::invalid(ExpressionKind::Update, problem))
    }

    /// The update of legacy actions, each on a whole attribute.
    pub(crate) fn from_legacy(actions: Vec<Action>) -> Result<Self, String> {
        let tree = join_paths(&actions.iter().map(|action| &action.path).collect::<Vec<_>>())?;
        Ok(Update {
            actions,
            tree,
            dialect: Dialect::Legacy,
        })
    }

    /// The update of a PartiQL statement; no two of the actions may write at one place.
    pub(crate) fn from_partiql(actions: Vec<Action>) -> Result<Self, String> {
        let tree = join_paths(&actions.iter().map(|action| &action.path).collect::<Vec<_>>())?;
        Ok(Update {
            actions,
            tree,
            dialect: Dialect::PartiQl,
        })
    }

    /// The item after the update. Every action reads the item as it was before (AWS-FACTS 39). Where
    /// there is no `old` item, a new one begins with the attributes of `key`.
    pub fn apply(&self, key: &Item, old: Option<MapRef<'_>>) -> Result<Item, UpdateError> {
        let base = old.unwrap_or(key.attributes());
        evaluate::evaluate(&self.actions, base)
            .and_then(|outcomes| write::write(&self.tree, &outcomes, base))
            .map_err(|error| match (error, self.dialect) {
                (UpdateError::OperandType, Dialect::Legacy) => UpdateError::LegacyOperandType,
                (UpdateError::TooDeep, Dialect::PartiQl) => UpdateError::PartiQlTooDeep,
                (error, _) => error,
            })
    }

    /// What the update touches, as far as `image` (the item before or after it) has it: the answer of
    /// UPDATED_OLD and UPDATED_NEW.
    pub fn changed(&self, image: MapRef<'_>) -> Item {
        select(&self.tree, image)
    }

    /// The top-level attributes that it writes, in the order written; one may come twice.
    pub fn top_level_attributes(&self) -> impl Iterator<Item = &str> {
        self.paths().map(|path| path.attribute.as_str())
    }

    /// The document paths that it writes, in the order written.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.actions.iter().map(|action| &action.path)
    }

    /// The document paths that it reads, on the right sides of SET, in the order written.
    pub fn read_paths(&self) -> impl Iterator<Item = &Path> {
        let mut paths = Vec::new();
        for action in &self.actions {
            if let Change::Set(expression) = &action.change {
                expression.collect_paths(&mut paths);
            }
        }
        paths.into_iter()
    }
}

impl Expression {
    fn collect_paths<'e>(&'e self, paths: &mut Vec<&'e Path>) {
        match self {
            Expression::Path(path) => paths.push(path),
            Expression::Literal(_) => {}
            Expression::IfNotExists(path, default) => {
                paths.push(path);
                default.collect_paths(paths);
            }
            Expression::ListAppend(operands) | Expression::Sum(_, operands) => {
                operands.iter().for_each(|operand| operand.collect_paths(paths));
            }
        }
    }
}
