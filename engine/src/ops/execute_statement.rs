//! ExecuteStatement: one statement of PartiQL.

use api::types::{ExecuteStatementInput, ExecuteStatementOutput};
use api::{AttributeMap, Error};
use expr::Literal;
use expr::partiql::{Select, Statement};
use store::Store;

use super::fingerprint::statements_fingerprint;
use super::partiql::{self, NextToken, ReadPlan};
use crate::Engine;
use crate::meter::{Call, Direction};

pub(crate) async fn execute_statement<S: Store>(
    engine: &Engine<S>,
    call: &Call<'_>,
    input: ExecuteStatementInput,
) -> Result<ExecuteStatementOutput, Error> {
    let parameters = partiql::parameters(input.parameters.clone())?;
    match partiql::parse(&input.statement, &parameters)? {
        Statement::Select(statement) => select(engine, call, input, &parameters, statement).await,
        Statement::Exists(_) => Err(partiql::exists_outside_transaction()),
        statement => write(engine, call, input, statement).await,
    }
}

async fn select<S: Store>(
    engine: &Engine<S>,
    call: &Call<'_>,
    input: ExecuteStatementInput,
    parameters: &[Literal],
    select: Select,
) -> Result<ExecuteStatementOutput, Error> {
    let table = engine.table_for_items(call, &select.target.table).await?;
    let plan = ReadPlan::new(&table, select, input.consistent_read.unwrap_or(false))?;
    let fingerprint = statements_fingerprint(
        [(input.statement.as_str(), parameters)],
        &table.id().to_be_bytes(),
    );
    let from = input
        .next_token
        .as_deref()
        .map(NextToken::from_text)
        .transpose()?;
    if from
        .as_ref()
        .is_some_and(|token| token.fingerprint != fingerprint)
    {
        return Err(Error::validation("NextToken does not match request"));
    }
    let limit = input.limit.map(|limit| limit as usize);
    call.admit_read(engine, &table, plan.index(), None)?;
    let answer = plan.read(engine, limit, from.as_ref()).await?;
    call.charge(&table, Direction::Read, &answer.consumed);
    call.returned(&table, answer.items.len());
    let next_token = answer.next.map(|(slice, position)| {
        NextToken {
            fingerprint,
            slice,
            position,
        }
        .to_text()
    });
    Ok(ExecuteStatementOutput {
        items: Some(answer.items),
        next_token,
        last_evaluated_key: answer.last_evaluated_key.map(Into::into),
        consumed_capacity: answer
            .consumed
            .report(table.name(), input.return_consumed_capacity),
    })
}

async fn write<S: Store>(
    engine: &Engine<S>,
    call: &Call<'_>,
    input: ExecuteStatementInput,
    statement: Statement,
) -> Result<ExecuteStatementOutput, Error> {
    let table = engine
        .table_for_items(call, partiql::table_of(&statement))
        .await?;
    let on_failure = input.return_values_on_condition_check_failure;
    partiql::check_inserted_key(&table, &statement)?;
    let (request, image) = partiql::planned_write(&table, statement, on_failure)?;
    let mut request = request?;
    request.capacity = input.return_consumed_capacity;
    let answer = request.run(engine, call).await?;
    let returned = partiql::returned(image.as_ref(), &answer.written);
    Ok(ExecuteStatementOutput {
        items: Some(returned.into_iter().map(AttributeMap::from).collect()),
        consumed_capacity: answer.consumed_capacity,
        ..Default::default()
    })
}
