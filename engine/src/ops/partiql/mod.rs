//! What the three operations of PartiQL have in common: parameters, statements against their table
//! ([`select`] plans reads, [`write`] writes), and the token that goes on with a read.
//!
//! Order of checks: parameters, syntax, what the statement alone shows, the table, the index, and
//! then what needs them.

mod next_token;
mod select;
mod write;

use api::{AttributeValue, Error, Layer, ValueError};
use expr::Literal;
use expr::partiql::{KeyProblem, Statement};

pub(super) use next_token::NextToken;
pub(super) use select::{ReadPlan, WholeKey};
pub(super) use write::{ReturnedImage, check_inserted_key, planned_write, returned};

/// The values of a statement's question marks. They are looked at before the statement, in the
/// older wording.
pub(super) fn parameters(parameters: Option<Vec<AttributeValue>>) -> Result<Vec<Literal>, Error> {
    parameters
        .into_iter()
        .flatten()
        .map(|parameter| match &parameter.error {
            None => Ok(Literal::from(&parameter.value)),
            Some(error) => Err(Error::validation(parameter_error(error))),
        })
        .collect()
}

/// The exponents of parameters are read into 32 bits.
fn parameter_error(error: &ValueError) -> String {
    if let ValueError::Number(_, text) = error
        && let Some((_, exponent)) = text.rsplit_once(['e', 'E'])
        && exponent
            .parse::<i64>()
            .is_ok_and(|exponent| i32::try_from(exponent).is_err())
    {
        return format!("The parameter cannot be converted to a numeric value: {text}");
    }
    error.message(Layer::Older)
}

/// Parses a statement.
pub(super) fn parse(text: &str, parameters: &[Literal]) -> Result<Statement, Error> {
    Statement::parse(text, parameters).map_err(|error| Error::validation(error.to_string()))
}

/// An EXISTS where none may be.
pub(super) fn exists_outside_transaction() -> Error {
    Error::validation("EXISTS can only be used in ExecuteTransaction write requests.")
}

/// What keeps a WHERE clause from naming keys.
fn refuse_keys(problem: KeyProblem) -> Error {
    Error::validation(problem.to_string())
}

/// The table that a statement names.
pub(super) fn table_of(statement: &Statement) -> &str {
    match statement {
        Statement::Select(select) | Statement::Exists(select) => &select.target.table,
        Statement::Insert(insert) => &insert.table,
        Statement::Update(update) => &update.target.table,
        Statement::Delete(delete) => &delete.target.table,
    }
}
