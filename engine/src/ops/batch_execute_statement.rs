//! BatchExecuteStatement: statements that each read or write one item, each for itself.

use std::collections::HashSet;
use std::sync::Arc;

use api::types::{
    BatchExecuteStatementInput, BatchExecuteStatementOutput, BatchStatementError,
    BatchStatementErrorCodeEnum, BatchStatementRequest, BatchStatementResponse, ConsumedCapacity,
    ReturnValuesOnConditionCheckFailure,
};
use api::{Error, ErrorKind};
use expr::Projection;
use expr::partiql::Statement;
use indexmap::IndexMap;
use model::Item;
use store::{Key, Store};

use super::partiql::{self, ReturnedImage, WholeKey};
use super::write_request::{Requested, WriteRequest};
use crate::Engine;
use crate::capacity::{Consumed, read_units, write_units};
use crate::catalog::Table;
use crate::error::from_store;
use crate::expiry::shown;
use crate::meter::{Call, Direction};
use crate::write::{check_key, key_of, stored_item};

/// A statement that can be run.
struct Planned {
    table: Arc<Table>,
    key: Key,
    action: Action,
}

enum Action {
    Read {
        projection: Option<Arc<Projection>>,
        consistent: bool,
    },
    Write(Box<WriteRequest>, Option<ReturnedImage>),
}

/// A statement as far as it is understood.
struct Understood {
    /// Whether it reads; `None` where it can't be parsed.
    is_read: Option<bool>,
    planned: Result<Planned, Error>,
}

/// What the statements on one table consumed.
#[derive(Default)]
struct TableUnits {
    consumed: Consumed,
    /// Units of writes whose condition failed, which no arm of the report shows.
    failed_units: f64,
    has_success: bool,
}

pub(crate) async fn batch_execute_statement<S: Store>(
    engine: &Engine<S>,
    call: &Call<'_>,
    input: BatchExecuteStatementInput,
) -> Result<BatchExecuteStatementOutput, Error> {
    let mut members = Vec::with_capacity(input.statements.len());
    for statement in input.statements {
        members.push(understand(engine, call, statement).await?);
    }
    let has = |wanted: bool| members.iter().any(|member| member.is_read == Some(wanted));
    if has(true) && has(false) {
        return Err(Error::validation(
            "Read and write requests together in the same batch is not supported.",
        ));
    }
    let mut seen = HashSet::with_capacity(members.len());
    let mut keys = members.iter().filter_map(|member| member.planned.as_ref().ok());
    if !keys.all(|planned| seen.insert(planned.key.clone())) {
        return Err(Error::validation(
            "Provided list of item keys contains duplicates",
        ));
    }

    let mut responses = Vec::with_capacity(members.len());
    let mut units: IndexMap<String, TableUnits> = IndexMap::new();
    for member in members {
        responses.push(match member.planned {
            Err(error) => response_of_error(error, None)?,
            Ok(planned) => {
                let name = planned.table.name().to_owned();
                let units = units.entry(name.clone()).or_default();
                match run(engine, call, planned, units).await {
                    Ok(item) => BatchStatementResponse {
                        table_name: Some(name),
                        item: item.map(Into::into),
                        ..Default::default()
                    },
                    Err(error) => response_of_error(error, Some(name))?,
                }
            }
        });
    }
    let report: Vec<ConsumedCapacity> = units
        .iter()
        .filter(|(_, units)| units.has_success)
        .filter_map(|(name, units)| {
            let mut report = units.consumed.report(name, input.return_consumed_capacity)?;
            report.capacity_units = report.capacity_units.map(|total| total + units.failed_units);
            Some(report)
        })
        .collect();
    Ok(BatchExecuteStatementOutput {
        responses: Some(responses),
        consumed_capacity: (!report.is_empty()).then_some(report),
    })
}

/// The response of a statement that failed; `Err` for an error that no response has a code for.
fn response_of_error(error: Error, table_name: Option<String>) -> Result<BatchStatementResponse, Error> {
    use BatchStatementErrorCodeEnum as Code;
    let code = match error.kind {
        ErrorKind::ValidationException => Code::ValidationError,
        ErrorKind::ResourceNotFoundException => Code::ResourceNotFound,
        ErrorKind::ConditionalCheckFailedException => Code::ConditionalCheckFailed,
        ErrorKind::DuplicateItemException => Code::DuplicateItem,
        ErrorKind::ItemCollectionSizeLimitExceededException => Code::ItemCollectionSizeLimitExceeded,
        ErrorKind::ProvisionedThroughputExceededException => Code::ProvisionedThroughputExceeded,
        ErrorKind::ThrottlingException => Code::ThrottlingError,
        ErrorKind::TransactionConflictException => Code::TransactionConflict,
        _ => return Err(error),
    };
    Ok(BatchStatementResponse {
        error: Some(BatchStatementError {
            code: Some(code),
            message: Some(error.message),
            // ReturnValuesOnConditionCheckFailure has no effect in a batch.
            item: None,
        }),
        table_name,
        item: None,
    })
}

async fn understand<S: Store>(
    engine: &Engine<S>,
    call: &Call<'_>,
    request: BatchStatementRequest,
) -> Result<Understood, Error> {
    let parsed = partiql::parameters(request.parameters)
        .and_then(|parameters| partiql::parse(&request.statement, &parameters));
    let statement = match parsed {
        Ok(statement) => statement,
        Err(error) => {
            return Ok(Understood {
                is_read: None,
                planned: Err(error),
            });
        }
    };
    let is_read = match statement {
        Statement::Select(_) => Some(true),
        Statement::Exists(_) => None,
        _ => Some(false),
    };
    let table = match engine.table_for_items(call, partiql::table_of(&statement)).await {
        Ok(table) => table,
        Err(error) if error.kind == ErrorKind::ResourceNotFoundException => {
            return Ok(Understood {
                is_read,
                planned: Err(error),
            });
        }
        Err(error) => return Err(error),
    };
    Ok(Understood {
        is_read,
        planned: plan(table, statement, request.consistent_read.unwrap_or(false)),
    })
}

fn plan(table: Arc<Table>, statement: Statement, consistent: bool) -> Result<Planned, Error> {
    let schema = &table.descriptor.key_schema;
    match statement {
        Statement::Exists(_) => Err(partiql::exists_outside_transaction()),
        Statement::Select(select) => {
            let Some(whole) = WholeKey::of(&table, select)? else {
                return Err(Error::validation(
                    "Select statements within BatchExecuteStatement must specify the primary key in the where clause.",
                ));
            };
            whole.check_types(schema)?;
            check_key(schema, &whole.key)?;
            Ok(Planned {
                key: key_of(&table, whole.key.attributes())?,
                action: Action::Read {
                    projection: whole.projection,
                    consistent,
                },
                table,
            })
        }
        statement => {
            partiql::check_inserted_key(&table, &statement)?;
            // The item that is met decides what a failed write costs.
            let on_failure = Some(ReturnValuesOnConditionCheckFailure::AllOld);
            let (request, image) = partiql::planned_write(&table, statement, on_failure)?;
            let request = request?;
            Ok(Planned {
                key: request.plan(table.clone())?.key,
                action: Action::Write(Box::new(request), image),
                table,
            })
        }
    }
}

/// Runs a statement and gives the item that it answers with.
async fn run<S: Store>(
    engine: &Engine<S>,
    call: &Call<'_>,
    planned: Planned,
    units: &mut TableUnits,
) -> Result<Option<Item>, Error> {
    match planned.action {
        Action::Read {
            projection,
            consistent,
        } => {
            call.admit_read(engine, &planned.table, None, None)?;
            let stored = engine
                .store
                .get(planned.key.space, &planned.key.bytes)
                .await
                .map_err(from_store)?;
            let item = stored.map(stored_item).transpose()?;
            let size_bytes = item.as_ref().map_or(0, Item::size_bytes);
            let consumed = Consumed::of_table(read_units(size_bytes, consistent));
            call.charge(&planned.table, Direction::Read, &consumed);
            units.consumed.add(&consumed);
            units.has_success = true;
            let item = shown(item, engine.hidden(&planned.table).as_ref());
            Ok(match projection {
                None => item,
                Some(projection) => item.map(|item| projection.apply(item.attributes())),
            })
        }
        Action::Write(request, image) => {
            let written_bytes = match &request.requested {
                Requested::Insert(item) => item.size_bytes(),
                _ => 0,
            };
            match request.run(engine, call).await {
                Ok(answer) => {
                    units.consumed.add(&answer.consumed);
                    units.has_success = true;
                    Ok(partiql::returned(image.as_ref(), &answer.written))
                }
                Err(error) if error.throttling_reasons.is_some() => Err(error),
                Err(error) => {
                    let met_bytes = error.item.as_ref().map_or(0, Item::size_bytes);
                    units.failed_units += write_units(written_bytes.max(met_bytes));
                    Err(error)
                }
            }
        }
    }
}
