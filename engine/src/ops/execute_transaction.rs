//! ExecuteTransaction: statements that each read one item, or each write or check one, all or none.

use std::sync::Arc;

use api::types::{
    ExecuteTransactionInput, ExecuteTransactionOutput, ParameterizedStatement, ReturnConsumedCapacity,
};
use api::{Error, ErrorKind};
use expr::Literal;
use expr::partiql::Statement;
use indexmap::IndexMap;
use store::Store;

use super::fingerprint::statements_fingerprint;
use super::partiql::{self, WholeKey};
use super::transaction::{PlacedRead, all_or_cancelled, check_distinct, read_together};
use super::write_request::WriteRequest;
use crate::Engine;
use crate::capacity::Consumed;
use crate::catalog::Table;
use crate::meter::{Call, Direction};
use crate::write::{ItemWrite, Token, Transacted, check_key, key_mismatch, key_of};

/// The bytes that the longest token of a client has.
const CLIENT_TOKEN_BYTES_MAX: usize = 36;

/// The statements of a request, each parsed with its parameters.
struct Parsed {
    parameters: Vec<Vec<Literal>>,
    statements: Vec<Statement>,
    requests: Vec<ParameterizedStatement>,
}

pub(crate) async fn execute_transaction<S: Store>(
    engine: &Engine<S>,
    call: &Call<'_>,
    input: ExecuteTransactionInput,
) -> Result<ExecuteTransactionOutput, Error> {
    let parsed = parse(input.transact_statements)?;
    let is_read = |statement: &Statement| matches!(statement, Statement::Select(_));
    let read_count = parsed
        .statements
        .iter()
        .filter(|statement| is_read(statement))
        .count();
    if read_count == 0 {
        return write(
            engine,
            call,
            parsed,
            input.client_request_token,
            input.return_consumed_capacity,
        )
        .await;
    }
    if read_count < parsed.statements.len() {
        return Err(Error::validation(
            "ExecuteTransaction API does not support both read and write operations in the same request.",
        ));
    }
    read(engine, call, parsed.statements, input.return_consumed_capacity).await
}

/// The error of a statement that fails the whole request.
fn refuse(position: usize, error: Error) -> Error {
    if error.kind != ErrorKind::ValidationException {
        return error;
    }
    Error::validation(format!(
        "Validation failed in TransactStatements[{position}]: {}",
        error.message
    ))
}

/// Looks at all parameters, then at all statements.
fn parse(requests: Vec<ParameterizedStatement>) -> Result<Parsed, Error> {
    let mut parameters = Vec::with_capacity(requests.len());
    for request in &requests {
        parameters.push(partiql::parameters(request.parameters.clone())?);
    }
    let mut statements = Vec::with_capacity(requests.len());
    for (position, (request, parameters)) in requests.iter().zip(&parameters).enumerate() {
        let statement = partiql::parse(&request.statement, parameters);
        statements.push(statement.map_err(|error| refuse(position, error))?);
    }
    Ok(Parsed {
        parameters,
        statements,
        requests,
    })
}

/// The tables of all statements. Those that are missing cancel the transaction, but not before every
/// statement whose table is there has been checked.
async fn tables<S: Store>(
    engine: &Engine<S>,
    call: &Call<'_>,
    statements: &[Statement],
    check: impl Fn(&Statement) -> Result<(), Error>,
) -> Result<Vec<Arc<Table>>, Error> {
    let mut tables = Vec::with_capacity(statements.len());
    for (position, statement) in statements.iter().enumerate() {
        let table = engine.table_for_items(call, partiql::table_of(statement)).await;
        if table.is_ok() {
            check(statement).map_err(|error| refuse(position, error))?;
        }
        tables.push(table);
    }
    all_or_cancelled(tables)
}

async fn read<S: Store>(
    engine: &Engine<S>,
    call: &Call<'_>,
    statements: Vec<Statement>,
    wanted: Option<ReturnConsumedCapacity>,
) -> Result<ExecuteTransactionOutput, Error> {
    let tables = tables(engine, call, &statements, |statement| match statement {
        Statement::Select(select) if select.target.index.is_some() => Err(Error::validation(
            "Reads on indices are not supported within transactions.",
        )),
        _ => Ok(()),
    })
    .await?;
    let mut reads = Vec::with_capacity(statements.len());
    for (position, (statement, table)) in statements.into_iter().zip(&tables).enumerate() {
        let Statement::Select(select) = statement else {
            return Err(Error::internal());
        };
        let whole = WholeKey::of(table, select).map_err(|error| refuse(position, error))?;
        reads.push(whole.ok_or_else(|| {
            let message =
                "Select statements within ExecuteTransaction must specify the primary key in the where clause.";
            refuse(position, Error::validation(message))
        })?);
    }
    let placed = reads
        .into_iter()
        .zip(tables)
        .map(|(read, table)| {
            check_key(&table.descriptor.key_schema, &read.key)?;
            Ok(PlacedRead {
                place: key_of(&table, read.key.attributes())?,
                key_attributes: read.key,
                table,
                projection: read.projection,
            })
        })
        .collect();
    let (responses, consumed_capacity) =
        read_together(engine, call, all_or_cancelled(placed)?, wanted).await?;
    Ok(ExecuteTransactionOutput {
        consumed_capacity,
        responses: Some(responses),
    })
}

async fn write<S: Store>(
    engine: &Engine<S>,
    call: &Call<'_>,
    parsed: Parsed,
    client_token: Option<String>,
    wanted: Option<ReturnConsumedCapacity>,
) -> Result<ExecuteTransactionOutput, Error> {
    let token = client_token.map(|token| {
        let texts = parsed.requests.iter().map(|request| request.statement.as_str());
        let parameters = parsed.parameters.iter().map(Vec::as_slice);
        Token {
            // Longer than any token of a client, so that it is none of TransactWriteItems.
            token: format!("{:CLIENT_TOKEN_BYTES_MAX$}{token}", "ExecuteTransaction"),
            fingerprint: statements_fingerprint(texts.zip(parameters), b""),
            now_ms: engine.clock.now_ms(),
        }
    });
    let mut attempts = engine.write_attempts();
    loop {
        let writes = plan(engine, call, &parsed).await?;
        let tables: Vec<Arc<Table>> = writes.iter().map(|write| write.table.clone()).collect();
        let Some(transacted) = engine.commit_transaction(call, writes, token.clone()).await? else {
            attempts.next()?;
            continue;
        };
        let mut consumed: IndexMap<String, Consumed> = IndexMap::new();
        let report: Vec<_> = match &transacted {
            Transacted::Written(written) => {
                for (table, written) in tables.iter().zip(written) {
                    let units = written.consumed().table_doubled();
                    call.charge(table, Direction::Write, &units);
                    consumed.entry(table.name().to_owned()).or_default().add(&units);
                }
                consumed
                    .iter()
                    .filter_map(|(name, consumed)| consumed.report_writes(name, wanted))
                    .collect()
            }
            Transacted::Replayed(read_units) => read_units
                .iter()
                .filter_map(|(name, units)| {
                    let units = Consumed::of_table(*units);
                    let table = tables.iter().find(|table| table.name() == name)?;
                    call.charge(table, Direction::Read, &units);
                    units.report_reads(name, wanted)
                })
                .collect(),
        };
        return Ok(ExecuteTransactionOutput {
            consumed_capacity: (!report.is_empty()).then_some(report),
            responses: Some(Vec::new()),
        });
    }
}

/// Plans all writes in the tables as they are now.
async fn plan<S: Store>(
    engine: &Engine<S>,
    call: &Call<'_>,
    parsed: &Parsed,
) -> Result<Vec<ItemWrite>, Error> {
    let tables = tables(engine, call, &parsed.statements, check_in_transaction).await?;
    let mut requests: Vec<Result<WriteRequest, Error>> = Vec::with_capacity(tables.len());
    for (position, (statement, table)) in parsed.statements.iter().zip(&tables).enumerate() {
        let on_failure = parsed.requests[position].return_values_on_condition_check_failure;
        let planned = partiql::planned_write(table, statement.clone(), on_failure);
        let (request, _) = planned.map_err(|error| refuse(position, error))?;
        requests.push(match (request, statement) {
            (Ok(request), _) => {
                request.check_no_empty_key(table)?;
                Ok(request)
            }
            (Err(error), Statement::Exists(_)) => return Err(refuse(position, error)),
            (Err(_), _) => Err(key_mismatch()),
        });
    }
    let planned = requests
        .into_iter()
        .zip(&tables)
        .map(|(request, table)| request.and_then(|request| request.plan(table.clone())))
        .collect();
    let writes: Vec<ItemWrite> = all_or_cancelled(planned)?;
    check_distinct(writes.iter().map(|write| &write.key))?;
    let admissions = writes
        .iter()
        .map(|write| call.admit_write(engine, &write.table, write.key_attributes.attributes()));
    all_or_cancelled(admissions.collect())?;
    let mut rooms = Vec::with_capacity(writes.len());
    for write in &writes {
        rooms.push(engine.check_collection_room(write).await);
    }
    all_or_cancelled(rooms)?;
    Ok(writes)
}

/// Refuses what a statement may have but not in a transaction.
fn check_in_transaction(statement: &Statement) -> Result<(), Error> {
    let (returning, index) = match statement {
        Statement::Update(update) => (update.returning, &update.target.index),
        Statement::Delete(delete) => (delete.returning, &delete.target.index),
        Statement::Exists(select) if select.target.index.is_some() => {
            return Err(Error::validation(
                "Operations on indices are not supported in transactions",
            ));
        }
        _ => return Ok(()),
    };
    if returning.is_some() {
        return Err(Error::validation(
            "RETURNING clause is not supported in ExecuteTransaction.",
        ));
    }
    if index.is_some() {
        return Err(Error::validation("This operation is not supported on an index"));
    }
    Ok(())
}
