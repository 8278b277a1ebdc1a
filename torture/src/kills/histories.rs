//! What all clients do to the hot items and the lists, recorded for the checkers.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use super::caller::Trouble;
use super::schema::HOT_KEYS;
use crate::history::item::{Operation, RecordedOperation, Seen as SeenItem};
use crate::history::linearizability::{self, Verdict};
use crate::history::serializability::{self, RecordedTransaction, Seen as SeenLists, Transaction};
use crate::history::{NEVER_NS, Outcome, Recorded};
use harness::failure::{Failure, Result};

/// The histories under way. There is a new one when the last is long enough, with new items and
/// lists.
#[derive(Debug)]
pub struct Histories {
    start: Instant,
    /// Which history this is.
    number: AtomicU32,
    last_value: AtomicU64,
    last_element: AtomicU32,
    /// How long each list was when it was last seen.
    list_lengths: [AtomicUsize; HOT_KEYS as usize],
    records: Mutex<Records>,
}

#[derive(Debug, Default)]
struct Records {
    items: Vec<Vec<RecordedOperation>>,
    lists: Vec<RecordedTransaction>,
}

/// How much was judged.
#[derive(Clone, Copy, Debug, Default)]
pub struct Judged {
    pub histories: usize,
    pub operations: usize,
    pub transactions: usize,
    /// Operations and transactions whose outcome stayed open.
    pub unknown: usize,
}

impl Histories {
    pub fn new() -> Self {
        Histories {
            start: Instant::now(),
            number: AtomicU32::new(0),
            last_value: AtomicU64::new(0),
            last_element: AtomicU32::new(0),
            list_lengths: Default::default(),
            records: Mutex::new(Records::new()),
        }
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(|poison| poison.into_inner())
    }

    /// The number that names this history's items and lists.
    pub fn number(&self) -> u32 {
        self.number.load(Ordering::Relaxed)
    }

    /// A value that nobody has written.
    pub fn next_value(&self) -> u64 {
        self.last_value.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A number that nobody has appended.
    pub fn next_element(&self) -> u32 {
        self.last_element.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// How long a list was when it was last seen.
    pub fn list_length(&self, list: u32) -> usize {
        self.list_lengths[list as usize].load(Ordering::Relaxed)
    }

    /// A list was seen with some length.
    pub fn note_list_length(&self, list: u32, length: usize) {
        self.list_lengths[list as usize].fetch_max(length, Ordering::Relaxed);
    }

    /// How many transactions there are, or operations on the hot items, whichever are fewer.
    pub fn length(&self) -> usize {
        let records = self.records();
        records.lists.len().min(records.operation_count())
    }

    /// Records an operation on a hot item, which `call` makes.
    pub fn record_operation(
        &self,
        client: u32,
        item: u32,
        operation: Operation,
        call: impl FnOnce() -> std::result::Result<Outcome<SeenItem>, Trouble>,
    ) -> std::result::Result<(), Trouble> {
        let (recorded, trouble) = self.record(client, operation, call);
        self.records().items[item as usize].push(recorded);
        trouble
    }

    /// Records a transaction over the lists, which `call` makes.
    pub fn record_transaction(
        &self,
        client: u32,
        transaction: Transaction,
        call: impl FnOnce() -> std::result::Result<Outcome<SeenLists>, Trouble>,
    ) -> std::result::Result<(), Trouble> {
        let (recorded, trouble) = self.record(client, transaction, call);
        self.records().lists.push(recorded);
        trouble
    }

    fn record<O, S>(
        &self,
        client: u32,
        operation: O,
        call: impl FnOnce() -> std::result::Result<Outcome<S>, Trouble>,
    ) -> (Recorded<O, S>, std::result::Result<(), Trouble>) {
        let invoked_ns = self.now_ns();
        let (outcome, trouble) = match call() {
            Ok(outcome) => (outcome, Ok(())),
            Err(trouble) => (Outcome::Unknown, Err(trouble)),
        };
        let returned_ns = match outcome {
            Outcome::Unknown => NEVER_NS,
            _ => self.now_ns(),
        };
        let recorded = Recorded {
            client,
            operation,
            invoked_ns,
            returned_ns,
            gone_ns: self.now_ns(),
            outcome,
        };
        (recorded, trouble)
    }

    fn now_ns(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(NEVER_NS - 1)
    }

    /// Judges what was recorded and begins a new history. All clients are idle.
    pub fn judge(&self) -> Result<Judged> {
        let records = std::mem::replace(&mut *self.records(), Records::new());
        self.number.fetch_add(1, Ordering::Relaxed);
        for length in &self.list_lengths {
            length.store(0, Ordering::Relaxed);
        }
        let mut unknown = records
            .lists
            .iter()
            .filter(|recorded| !recorded.is_known())
            .count();
        for (item, history) in records.items.iter().enumerate() {
            unknown += history.iter().filter(|recorded| !recorded.is_known()).count();
            match linearizability::check(history) {
                Verdict::Linearizable => {}
                Verdict::Violation(found) | Verdict::Undecided(found) => {
                    return Err(Failure::new(format!(
                        "the operations on hot item {item} are not linearizable: {found}"
                    )));
                }
            }
        }
        serializability::check(&records.lists).map_err(|found| {
            Failure::new(format!("the transactions are not strictly serializable: {found}"))
        })?;
        Ok(Judged {
            histories: 1,
            operations: records.operation_count(),
            transactions: records.lists.len(),
            unknown,
        })
    }
}

impl Records {
    fn new() -> Self {
        Records {
            items: vec![Vec::new(); HOT_KEYS as usize],
            lists: Vec::new(),
        }
    }

    fn operation_count(&self) -> usize {
        self.items.iter().map(Vec::len).sum()
    }
}

impl std::ops::AddAssign for Judged {
    fn add_assign(&mut self, other: Judged) {
        self.histories += other.histories;
        self.operations += other.operations;
        self.transactions += other.transactions;
        self.unknown += other.unknown;
    }
}
