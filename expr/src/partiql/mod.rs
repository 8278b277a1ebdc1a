//! PartiQL statements, turned into the trees of the expressions.
//!
//! [`Statement::parse`] reads and checks a statement as far as it can be without its table: `lexer`
//! and `parser` make a tree of what was written, `conditions`, `updates` and `paths` make conditions,
//! updates and projections of it. [`Condition::keyed_reads`](crate::Condition::keyed_reads) then
//! says, against a key schema, which slices of a table a WHERE clause names.
//!
//! Most messages name no place; where one does, it is `line:column:length` of a token.

mod conditions;
mod keys;
mod lexer;
mod parser;
mod paths;
mod tree;
mod updates;
mod values;

pub use keys::{KeyProblem, KeyedRead};

use model::Item;

use crate::condition::Condition;
use crate::error::ExpressionError;
use crate::literal::Literal;
use crate::projection::Projection;
use crate::update::Update;
use tree::{Query, Source, Term, TermKind, Written, WrittenPath, WrittenReturning, WrittenStep};

const ALIASING: &str = "Aliasing is not supported";

/// A table, or an index of it, that a statement names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The table's name.
    pub table: String,
    /// The index's name.
    pub index: Option<String>,
}

/// A statement, parsed and checked without its table.
#[derive(Clone, Debug)]
pub enum Statement {
    /// SELECT
    Select(Select),
    /// INSERT
    Insert(Insert),
    /// UPDATE
    Update(UpdateItem),
    /// DELETE
    Delete(DeleteItem),
    /// EXISTS: the query whose one item must be there.
    Exists(Select),
}

/// `SELECT ... FROM ... [WHERE ...] [ORDER BY ...]`
#[derive(Clone, Debug)]
pub struct Select {
    /// What is read.
    pub target: Target,
    /// What of each item is returned; `None` for all that the table or index has.
    pub projection: Option<Projection>,
    /// WHERE
    pub condition: Option<Condition>,
    /// ORDER BY
    pub order: Vec<Order>,
}

/// A term of ORDER BY.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The attribute.
    pub attribute: String,
    /// DESC
    pub is_descending: bool,
}

/// `INSERT INTO ... VALUE {...}`
#[derive(Clone, Debug)]
pub struct Insert {
    /// The table's name.
    pub table: String,
    /// The item.
    pub item: Item,
}

/// `UPDATE ... SET ... REMOVE ... WHERE ...`
#[derive(Clone, Debug)]
pub struct UpdateItem {
    /// What is written; an index is refused once the table is known.
    pub target: Target,
    /// SET and REMOVE
    pub update: Update,
    /// WHERE
    pub condition: Option<Condition>,
    /// RETURNING
    pub returning: Option<Returning>,
}

/// `DELETE FROM ... WHERE ...`
#[derive(Clone, Debug)]
pub struct DeleteItem {
    /// What is written; an index is refused once the table is known.
    pub target: Target,
    /// WHERE
    pub condition: Option<Condition>,
    /// RETURNING, of which only `ALL OLD` is allowed.
    pub returning: Option<Returning>,
}

/// Which image of an item a write returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returning {
    /// The item as it was.
    AllOld,
    /// The item as it is.
    AllNew,
    /// What the update touched, as it was.
    ModifiedOld,
    /// What the update touched, as it is.
    ModifiedNew,
}

impl Statement {
    /// Parses and checks a statement. `parameters` stand for its question marks, in their order; more
    /// of them than there are question marks are let be.
    ///
    /// Fails with the service's message: that the statement is not well formed, or what the service
    /// does not support in it.
    pub fn parse(text: &str, parameters: &[Literal]) -> Result<Self, ExpressionError> {
        let (written, parameter_count) = parser::parse(text)?;
        if parameter_count > parameters.len() {
            return Err(ExpressionError::request(values::PARAMETER_COUNT));
        }
        check(written, parameters).map_err(ExpressionError::request)
    }
}

fn check(written: Written, parameters: &[Literal]) -> Result<Statement, String> {
    Ok(match written {
        Written::Query(query) => Statement::Select(select(&query, parameters)?),
        Written::Insert {
            target,
            value,
            is_single,
            has_returning,
        } => {
            let target = self::target(&target)?;
            if target.index.is_some() {
                return Err(
                    "FROM clause may only contain a single table name in data manipulation statements"
                        .to_owned(),
                );
            }
            if has_returning {
                return Err("RETURNING is not supported in INSERT".to_owned());
            }
            if !is_single {
                return Err(values::MULTIPLE_ITEMS.to_owned());
            }
            Statement::Insert(Insert {
                table: target.table,
                item: values::item(&value, parameters)?,
            })
        }
        Written::Update {
            target,
            changes,
            condition,
            returning,
        } => Statement::Update(UpdateItem {
            target: self::target(&target)?,
            update: updates::update(&changes, parameters)?,
            condition: where_clause(condition.as_ref(), parameters)?,
            returning: self::returning(&returning)?,
        }),
        Written::Delete {
            target,
            condition,
            returning,
        } => {
            let target = self::target(&target)?;
            let condition = where_clause(condition.as_ref(), parameters)?;
            let returning = self::returning(&returning)?;
            match returning {
                None | Some(Returning::AllOld) => {}
                Some(other) => {
                    return Err(format!(
                        "Invalid returning clause: RETURNING {} *. Only RETURNING ALL OLD * is allowed in DELETE \
                         statements.",
                        other.as_str()
                    ));
                }
            }
            Statement::Delete(DeleteItem {
                target,
                condition,
                returning,
            })
        }
        Written::Term(term) => match &term.kind {
            TermKind::Call(call) if call.name == "exists" => match call.arguments.as_slice() {
                [
                    Term {
                        kind: TermKind::Query(query),
                        ..
                    },
                ] => Statement::Exists(select(query, parameters)?),
                _ => return Err("Unsupported operation: Call".to_owned()),
            },
            other => return Err(format!("Unsupported operation: {}", other.class_name())),
        },
    })
}

impl Returning {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Returning::AllOld => "ALL OLD",
            Returning::AllNew => "ALL NEW",
            Returning::ModifiedOld => "MODIFIED OLD",
            Returning::ModifiedNew => "MODIFIED NEW",
        }
    }
}

fn returning(elements: &[WrittenReturning]) -> Result<Option<Returning>, String> {
    let element = match elements {
        [] => return Ok(None),
        [element] => element,
        _ => return Err("Invalid syntax with multiple returning elements in RETURNING clause".to_owned()),
    };
    if !element.is_star {
        return Err("Expected '*' after ( MODIFIED | ALL ) ( NEW | OLD ) in RETURNING clause".to_owned());
    }
    Ok(Some(match (element.is_modified, element.is_new) {
        (false, false) => Returning::AllOld,
        (false, true) => Returning::AllNew,
        (true, false) => Returning::ModifiedOld,
        (true, true) => Returning::ModifiedNew,
    }))
}

fn where_clause(term: Option<&Term>, parameters: &[Literal]) -> Result<Option<Condition>, String> {
    term.map(|term| conditions::condition(term, parameters))
        .transpose()
}

fn select(query: &Query, parameters: &[Literal]) -> Result<Select, String> {
    let [source] = query.sources.as_slice() else {
        return Err("Only select from a single table or index is supported.".to_owned());
    };
    let target = target(source)?;
    if let Some((name, place)) = &query.unsupported_clause {
        return Err(format!("Unsupported clause: {name} at {place}"));
    }
    let projection = paths::projection(&query.columns)?;
    let condition = where_clause(query.condition.as_ref(), parameters)?;
    let mut order = Vec::with_capacity(query.order.len());
    for term in &query.order {
        match &term.key.kind {
            TermKind::Path(WrittenPath { root, steps }) if steps.is_empty() => order.push(Order {
                attribute: root.clone(),
                is_descending: term.is_descending,
            }),
            other => {
                return Err(format!(
                    "Argument to ORDER BY must be of type VariableReference. Type: {}",
                    other.class_name()
                ));
            }
        }
    }
    Ok(Select {
        target,
        projection,
        condition,
        order,
    })
}

fn target(source: &Source) -> Result<Target, String> {
    if source.has_alias {
        return Err(ALIASING.to_owned());
    }
    let TermKind::Path(WrittenPath { root, steps }) = &source.term.kind else {
        return Err("Unexpected from source".to_owned());
    };
    let mut names = Vec::with_capacity(steps.len());
    for step in steps {
        match step {
            WrittenStep::Field(name) => names.push(name),
            _ => return Err("Invalid list expression in source.".to_owned()),
        }
    }
    if names.len() > 1 {
        return Err("A path may contain at most 2 components in the FROM clause".to_owned());
    }
    if root.is_empty() || names.iter().any(|name| name.is_empty()) {
        return Err(paths::EMPTY_COMPONENT.to_owned());
    }
    Ok(Target {
        table: root.clone(),
        index: names.first().map(|name| (*name).clone()),
    })
}
