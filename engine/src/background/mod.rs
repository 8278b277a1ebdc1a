//! Background work: what is due, done one bounded step at a time when somebody asks.
//!
//! [`Engine::background_step`] does one step; whoever hosts the engine calls it until it says that
//! nothing is due, and again when [`Engine::work_arrived`] returns or the next due time comes. What
//! is to be done stands in the catalog; the list here is only where to look first, and is made anew
//! at start.

pub(crate) mod backfill;
mod expiry_backfill;
mod garbage;
mod sweep;
mod table_walk;
mod tokens;
mod transitions;

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::Ordering;

use api::Error;
use parking_lot::Mutex;
use store::Store;
use tokio::sync::Notify;

pub(crate) use garbage::{discard_expiry, discard_versions};
pub(crate) use sweep::Sweeps;

use crate::Engine;
use crate::catalog::{IndexState, Table, TableState, TimeToLiveState};
use crate::error::from_store;
use crate::keys;
use crate::read::Pages;

/// What a background step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Something was done, and more may be due.
    Worked,
    /// Nothing is due now.
    Idle {
        /// When something will be, in milliseconds since the Unix epoch, where that is known.
        next_due_ms: Option<u64>,
    },
}

/// Something to be done, in the order in which it is due.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Job {
    /// When to look, in milliseconds since the Unix epoch.
    pub due_ms: u64,
    /// Where to look.
    pub work: Work,
}

/// What there is to be done.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Work {
    /// Something is to be removed.
    Garbage,
    /// Tokens are to be forgotten.
    Tokens,
    /// The table of this name is to be deleted or restored, an index of it filled or deleted, its time
    /// to live enabled.
    Table(String),
    /// Expired items of the table of this name are to be deleted.
    Expiry(String),
    /// Shards of a stream are to end, or its log is to be trimmed; by table name and label.
    Stream(String, u64),
    /// What has been counted in a minute is to be kept.
    Minute,
    /// Metrics that are too old are to be removed, from this key on.
    Metrics(Vec<u8>),
    /// Capacity is to be scaled, of the targets from this key on.
    Scaling(Vec<u8>),
    /// What the log of the table of this name keeps for recovery is to be trimmed.
    Log(String),
}

impl Job {
    /// Removing what is to be removed, at once.
    pub fn garbage() -> Self {
        Job {
            due_ms: 0,
            work: Work::Garbage,
        }
    }
}

/// How long a job that failed waits, in milliseconds.
const RETRY_MS: u64 = 1000;

/// The list of jobs.
#[derive(Default)]
pub(crate) struct Jobs {
    pending: Mutex<Pending>,
    arrived: Notify,
}

/// The jobs in the order in which they are due. A work is there once, at the earliest time that
/// was asked for: what looks at something again and again must not do so twice.
#[derive(Default)]
struct Pending {
    jobs: BTreeSet<Job>,
    due_ms: HashMap<Work, u64>,
}

impl Jobs {
    pub fn add(&self, job: Job) {
        self.pending.lock().add(job);
        self.arrived.notify_one();
    }
}

impl Pending {
    fn add(&mut self, job: Job) {
        let known_ms = self.due_ms.get(&job.work).copied();
        if known_ms.is_some_and(|known_ms| known_ms <= job.due_ms) {
            return;
        }
        if let Some(due_ms) = known_ms {
            self.jobs.remove(&Job {
                due_ms,
                work: job.work.clone(),
            });
        }
        self.due_ms.insert(job.work.clone(), job.due_ms);
        self.jobs.insert(job);
    }

    fn pop_first(&mut self) -> Option<Job> {
        let job = self.jobs.pop_first()?;
        self.due_ms.remove(&job.work);
        Some(job)
    }
}

/// A job that is being done. It is listed again when this is dropped: to go on where there is more
/// to do, to be tried again where the step failed, panicked or was given up half way.
struct Unfinished<'j> {
    jobs: &'j Jobs,
    job: Option<Job>,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(job) = self.job.take() {
            self.jobs.add(job);
        }
    }
}

/// When a table wants to be looked at by background work; `None` where there is nothing to do.
fn due_ms(table: &Table) -> Option<u64> {
    let descriptor = &table.descriptor;
    if descriptor.state == TableState::Deleting {
        return Some(descriptor.transition_until_ms);
    }
    if descriptor.restore.is_some() {
        return Some(0);
    }
    let in_transition = descriptor
        .indexes
        .iter()
        .filter(|index| index.state != IndexState::Active);
    let enabling = descriptor
        .time_to_live
        .iter()
        .filter(|time_to_live| time_to_live.state == TimeToLiveState::Enabling);
    in_transition
        .map(|index| index.transition_until_ms)
        .chain(enabling.map(|_| 0))
        .min()
}

impl<S: Store> Engine<S> {
    /// Returns when background work has been added since the last call.
    pub async fn work_arrived(&self) {
        self.jobs.arrived.notified().await;
    }

    /// Lists what a table has to be done, after a change of its descriptor.
    pub(crate) fn schedule(&self, table: &Table) {
        if let Some(due_ms) = due_ms(table) {
            self.jobs.add(Job {
                due_ms,
                work: Work::Table(table.name().to_owned()),
            });
        }
        if let Some(due_ms) = sweep::sweep_due_ms(table) {
            self.jobs.add(Job {
                due_ms,
                work: Work::Expiry(table.name().to_owned()),
            });
        }
        if table.descriptor.recovery.is_some() {
            self.jobs.add(Job {
                due_ms: 0,
                work: Work::Log(table.name().to_owned()),
            });
        }
    }

    /// Lists all that is to be done, from the catalog: at start.
    pub(crate) async fn find_work(&self) -> Result<(), Error> {
        self.jobs.add(Job::garbage());
        self.token_sweep_scheduled.store(true, Ordering::Release);
        self.jobs.add(Job {
            due_ms: 0,
            work: Work::Tokens,
        });
        self.jobs.add(Job {
            due_ms: 0,
            work: Work::Minute,
        });
        self.jobs.add(Job {
            due_ms: 0,
            work: Work::Metrics(Vec::new()),
        });
        self.jobs.add(Job {
            due_ms: 0,
            work: Work::Scaling(Vec::new()),
        });
        let mut pages = Pages::new(keys::CATALOG, vec![keys::DESCRIPTOR_PREFIX]);
        while let Some(page) = pages.next(&self.store).await.map_err(from_store)? {
            for (_, stored) in page.iter() {
                self.schedule(&Table::from_stored(stored).map_err(from_store)?);
            }
        }
        self.find_streams().await
    }

    /// Does one bounded step of what is due.
    pub async fn background_step(&self) -> Result<Step, Error> {
        let now_ms = self.clock.now_ms();
        let job = {
            let mut pending = self.jobs.pending.lock();
            match pending.jobs.first() {
                None => return Ok(Step::Idle { next_due_ms: None }),
                Some(job) if job.due_ms > now_ms => {
                    return Ok(Step::Idle {
                        next_due_ms: Some(job.due_ms),
                    });
                }
                Some(_) => pending.pop_first().expect("was just seen"),
            }
        };
        // Behind what else is due: a disk that was full may have room when it is asked again.
        let mut unfinished = Unfinished {
            jobs: &self.jobs,
            job: Some(Job {
                due_ms: now_ms + RETRY_MS,
                ..job.clone()
            }),
        };
        // These go on somewhere else than they began.
        let followed_by = match &job.work {
            Work::Metrics(start) => Some(self.remove_old_metrics(start).await?),
            Work::Scaling(start) => Some(self.scaling_step(start).await?),
            _ => None,
        };
        if let Some(next) = followed_by {
            unfinished.job = next;
            return Ok(Step::Worked);
        }
        let next_ms = match &job.work {
            Work::Garbage => self.remove_garbage().await?.then_some(now_ms),
            Work::Tokens => self.forget_tokens().await?,
            Work::Minute => Some(self.minute_step().await?),
            Work::Table(name) => self.table_step(name).await?.then_some(now_ms),
            Work::Expiry(name) => self.sweep_step(name).await?,
            Work::Stream(table_name, label_ms) => self.stream_step(table_name, *label_ms).await?,
            Work::Metrics(_) | Work::Scaling(_) => unreachable!("they are done above"),
            Work::Log(name) => self.log_step(name).await?,
        };
        unfinished.job = next_ms.map(|due_ms| Job { due_ms, ..job });
        Ok(Step::Worked)
    }

    /// Does one step for a table, and tells whether there is another at once.
    async fn table_step(&self, name: &str) -> Result<bool, Error> {
        self.catalog.forget(name);
        let Some(table) = self.catalog.table(&self.store, name).await.map_err(from_store)? else {
            return Ok(false);
        };
        if table.descriptor.state == TableState::Deleting {
            // A job that was listed before the table was deleted may come early.
            if table.descriptor.transition_until_ms <= self.clock.now_ms() {
                self.finish_deleting_table(&table).await?;
            } else {
                self.schedule(&table);
            }
            return Ok(false);
        }
        if let Some(restore) = &table.descriptor.restore {
            self.restore_step(&table, restore).await?;
            return Ok(true);
        }
        let now_ms = self.clock.now_ms();
        for index in table
            .descriptor
            .indexes
            .iter()
            .filter(|index| index.transition_until_ms <= now_ms)
        {
            match index.state {
                IndexState::Active => continue,
                IndexState::Creating => self.backfill_step(&table, index).await?,
                IndexState::Deleting => self.finish_deleting_index(&table, index.id).await?,
            }
            return Ok(true);
        }
        if let Some(time_to_live) = &table.descriptor.time_to_live
            && time_to_live.state == TimeToLiveState::Enabling
        {
            self.expiry_backfill_step(&table, time_to_live).await?;
            return Ok(true);
        }
        self.schedule(&table);
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn a_job_whose_step_panics_is_listed_again() {
        let jobs = Jobs::default();
        let step = || {
            let _unfinished = Unfinished {
                jobs: &jobs,
                job: Some(Job::garbage()),
            };
            panic!("planted");
        };
        assert!(catch_unwind(AssertUnwindSafe(step)).is_err());
        assert_eq!(jobs.pending.lock().pop_first(), Some(Job::garbage()));
    }

    #[test]
    fn a_work_is_listed_once_at_its_earliest_time() {
        let jobs = Jobs::default();
        let expiry = |name: &str, due_ms| Job {
            due_ms,
            work: Work::Expiry(name.to_owned()),
        };
        for due_ms in [7, 5, 6, 5] {
            jobs.add(expiry("a", due_ms));
        }
        jobs.add(expiry("b", 6));
        let mut pending = jobs.pending.lock();
        assert_eq!(pending.pop_first(), Some(expiry("a", 5)));
        pending.add(expiry("a", 9));
        assert_eq!(pending.pop_first(), Some(expiry("b", 6)));
        assert_eq!(pending.pop_first(), Some(expiry("a", 9)));
        assert_eq!(pending.pop_first(), None);
    }
}
