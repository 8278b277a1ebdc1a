//! Forgetting the tokens of transactions whose time is over.

use std::sync::atomic::Ordering;

use api::Error;
use store::{Batch, Decision, Declared, Direction, Held, Outcome, RangeRequest, Store};

use super::{Job, Work};
use crate::Engine;
use crate::error::from_store;
use crate::keys;
use crate::write::{TOKEN_MS, TokenRecord};

/// How many tokens one step forgets at most.
const STEP_TOKENS_MAX: usize = 256;

impl<S: Store> Engine<S> {
    /// Sees to it that tokens are forgotten in time; called when one has been written.
    pub(crate) fn schedule_token_sweep(&self) {
        if !self.token_sweep_scheduled.swap(true, Ordering::AcqRel) {
            self.jobs.add(Job {
                due_ms: self.clock.now_ms() + TOKEN_MS,
                work: Work::Tokens,
            });
        }
    }

    /// Forgets some tokens whose time is over, and says when to look again, where there are more.
    pub(super) async fn forget_tokens(&self) -> Result<Option<u64>, Error> {
        self.token_sweep_scheduled.store(false, Ordering::Release);
        let now_ms = self.clock.now_ms();
        let page = self
            .store
            .range(RangeRequest {
                space: keys::TOKENS,
                start: &keys::token_expiries_start(),
                end: &keys::token_expiries_end(),
                direction: Direction::Forward,
                rows_max: STEP_TOKENS_MAX,
                bytes_max: 1 << 20,
            })
            .await
            .map_err(from_store)?;
        let mut due = Vec::new();
        let mut next_ms = None;
        for (key, _) in page.iter() {
            let Some((expires_ms, token)) = keys::parse_token_expiry(key) else {
                continue;
            };
            if expires_ms > now_ms {
                next_ms = Some(expires_ms);
                break;
            }
            due.push((key.to_vec(), keys::token(token)));
        }
        if next_ms.is_none() && page.more {
            next_ms = Some(now_ms);
        }
        if !due.is_empty() {
            self.delete_tokens(due, now_ms).await?;
        }
        if next_ms.is_some() {
            self.token_sweep_scheduled.store(true, Ordering::Release);
        }
        Ok(next_ms)
    }

    async fn delete_tokens(&self, due: Vec<(Vec<u8>, store::Key)>, now_ms: u64) -> Result<(), Error> {
        let exclusive = due.iter().map(|(_, token)| token.clone()).collect();
        let declared = Declared {
            shared: Vec::new(),
            exclusive,
        };
        let decide = move |held: &Held| {
            let mut batch = Batch::new();
            for ((expiry, token), stored) in due.iter().zip(&held.exclusive) {
                batch.delete(store::Key::new(keys::TOKENS, expiry.as_slice()));
                // A token that was used again since has a later time, and another expiry entry.
                match stored.as_deref().map(TokenRecord::from_stored) {
                    Some(Ok(record)) if record.expires_ms > now_ms => {}
                    Some(Err(error)) => return Decision::Abort(from_store(error)),
                    _ => batch.delete(token.clone()),
                }
            }
            Decision::Commit(batch, ())
        };
        match self.store.commit(declared, decide).await.map_err(from_store)? {
            Outcome::Aborted(error) => Err(error),
            Outcome::Committed(()) | Outcome::Replan => Ok(()),
        }
    }
}
