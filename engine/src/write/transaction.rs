//! Transactions: several writes as one commit, repeated without effect for a token that has been
//! seen.

use std::sync::Arc;

use api::{Error, ErrorKind};
use bytes::Bytes;
use model::Item;
use serde::{Deserialize, Serialize};
use store::{Batch, Decision, Held, Outcome, Store, StoreError};

use super::{CommitPlan, ItemWrite, Written};
use crate::Engine;
use crate::capacity::{Consumed, read_units};
use crate::catalog::Table;
use crate::error::from_store;
use crate::keys;
use crate::meter::{Call, Direction};
use crate::ops::{all_or_cancelled, check_total_size};

/// How long a token is remembered, in milliseconds.
pub(crate) const TOKEN_MS: u64 = 10 * 60 * 1000;

/// The token of a request, and what tells the request's content from any other.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub token: String,
    /// A hash of the request's actions.
    pub fingerprint: u128,
    /// When the request came, in milliseconds since the Unix epoch.
    pub now_ms: u64,
}

/// What is remembered of a transaction by its token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct TokenRecord {
    /// When the token is forgotten, in milliseconds since the Unix epoch.
    pub expires_ms: u64,
    fingerprint: u128,
    /// What a repeat reports as consumed: read units by table name.
    read_units: Vec<(String, f64)>,
}

impl TokenRecord {
    fn to_stored(&self) -> Bytes {
        Bytes::from(rmp_serde::to_vec_named(self).expect("a token record can always be written"))
    }

    /// Reads the stored form.
    pub fn from_stored(stored: &[u8]) -> Result<Self, StoreError> {
        rmp_serde::from_slice(stored).map_err(|error| StoreError::Damaged {
            path: "tokens".into(),
            offset: None,
            detail: format!("a token record cannot be read: {error}"),
        })
    }
}

/// How a transaction was answered.
#[derive(Debug)]
pub(crate) enum Transacted {
    /// It was made; what each write did.
    Written(Vec<Written>),
    /// It had been made before; read units by table name.
    Replayed(Vec<(String, f64)>),
}

/// What the token's record says of a request: `Ok(None)` where the transaction is to be made.
fn recorded(token: &Token, stored: Option<&Bytes>) -> Result<Option<Transacted>, Error> {
    let Some(stored) = stored else { return Ok(None) };
    let record = TokenRecord::from_stored(stored).map_err(from_store)?;
    if record.expires_ms <= token.now_ms {
        return Ok(None);
    }
    if record.fingerprint != token.fingerprint {
        // The service answers with no more than the name.
        return Err(Error::new(ErrorKind::IdempotentParameterMismatchException, ""));
    }
    Ok(Some(Transacted::Replayed(record.read_units)))
}

/// Decides all writes, and remembers the token with them.
fn apply_all(
    plan: &CommitPlan,
    token: Option<&Token>,
    held: &Held,
    batch: &mut Batch,
) -> Result<Vec<Written>, Error> {
    let results = (0..plan.len())
        .map(|position| plan.apply(position, held, batch))
        .collect();
    let written: Vec<Written> = all_or_cancelled(results)?;
    let size = |item: &Option<Item>| item.as_ref().map_or(0, Item::size_bytes);
    check_total_size(
        written
            .iter()
            .map(|written| size(&written.old).max(size(&written.new)))
            .sum(),
    )?;
    if let Some(token) = token {
        let mut units: Vec<(String, f64)> = Vec::new();
        for (position, written) in written.iter().enumerate() {
            let name = plan.write(position).table.name();
            // Reading in a transaction costs double.
            let item_units = 2.0 * read_units(size(&written.new), true);
            match units.iter_mut().find(|(known, _)| known == name) {
                Some((_, sum)) => *sum += item_units,
                None => units.push((name.to_owned(), item_units)),
            }
        }
        let expires_ms = token.now_ms + TOKEN_MS;
        let record = TokenRecord {
            expires_ms,
            fingerprint: token.fingerprint,
            read_units: units,
        };
        batch.put(keys::token(&token.token), record.to_stored());
        batch.put(keys::token_expiry(expires_ms, &token.token), Bytes::new());
    }
    Ok(written)
}

impl<S: Store> Engine<S> {
    /// Commits writes of different items, all or none. `Ok(None)` where a table has changed since
    /// they were planned.
    pub(crate) async fn commit_transaction(
        &self,
        call: &Call<'_>,
        writes: Vec<ItemWrite>,
        token: Option<Token>,
    ) -> Result<Option<Transacted>, Error> {
        let tables: Vec<Arc<Table>> = writes.iter().map(|write| write.table.clone()).collect();
        let has_token = token.is_some();
        // Held until the commit is done.
        let _in_work = match &self.items_in_work {
            None => None,
            Some(items) => {
                let keys = writes.iter().map(|write| write.key.clone()).collect();
                match items.take_for_transaction(keys) {
                    Ok(in_work) => Some(in_work),
                    Err(conflicts) => {
                        let error = all_or_cancelled(conflicts).err().unwrap_or_else(Error::internal);
                        call.cancelled(&tables, &error);
                        return Err(error);
                    }
                }
            }
        };
        let plan = CommitPlan::new(writes);
        let mut declared = plan.declared();
        if let Some(token) = &token {
            declared.exclusive.push(keys::token(&token.token));
        }
        let decide = move |held: &Held| {
            // A repeat is answered as the first was, whatever has become of its tables.
            if let Some(token) = &token {
                match recorded(token, held.exclusive.last().and_then(Option::as_ref)) {
                    Ok(None) => {}
                    Ok(Some(replayed)) => return Decision::Commit(Batch::new(), replayed),
                    Err(error) => return Decision::Abort((error, Vec::new())),
                }
            }
            if !plan.is_current(held) {
                return Decision::Replan;
            }
            let mut batch = Batch::new();
            match apply_all(&plan, token.as_ref(), held, &mut batch) {
                Ok(written) => Decision::Commit(batch, Transacted::Written(written)),
                // It is not reported, but consumed (AWS-FACTS, "More limits and habits").
                Err(error) => {
                    let consumed = (0..plan.len()).map(|position| plan.condition_consumed(position, held));
                    Decision::Abort((error, consumed.map(Consumed::doubled).collect()))
                }
            }
        };
        match self.store.commit(declared, decide).await.map_err(from_store)? {
            Outcome::Committed(transacted) => {
                if has_token {
                    self.schedule_token_sweep();
                }
                Ok(Some(transacted))
            }
            Outcome::Aborted((error, consumed)) => {
                for (table, consumed) in tables.iter().zip(&consumed) {
                    call.charge(table, Direction::Write, consumed);
                }
                call.cancelled(&tables, &error);
                Err(error)
            }
            Outcome::Replan => {
                tables.iter().for_each(|table| self.catalog.forget(table.name()));
                Ok(None)
            }
        }
    }
}
