//! Ordered bytes with atomic, isolated, durable commits.
//!
//! [`Store`] is the border between the database and whatever keeps its bytes; read it first. There
//! is one in memory ([`MemoryStore`]), one on disk (`DiskStore`, with the feature `disk`), and one
//! that breaks on purpose ([`FaultStore`]). All of them pass the tests in `tests/store`.
//!
//! ```
//! use store::{Batch, Decision, Declared, Key, KeySpace, MemoryStore, Outcome, Read, Store};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), store::StoreError> {
//! let store = MemoryStore::new(1);
//! let key = Key::new(KeySpace(0), "greeting");
//! let declared = Declared { exclusive: vec![key.clone()], ..Declared::default() };
//! let outcome = store.commit(declared, move |held| match &held.exclusive[0] {
//!     Some(_) => Decision::Abort("it is there already"),
//!     None => {
//!         let mut batch = Batch::new();
//!         batch.put(key.clone(), "hello");
//!         Decision::Commit(batch, "created")
//!     }
//! });
//! assert_eq!(outcome.await?, Outcome::Committed("created"));
//! assert_eq!(store.get(KeySpace(0), b"greeting").await?.as_deref(), Some(b"hello".as_slice()));
//! # Ok(())
//! # }
//! ```

mod batch;
mod clock;
mod counters;
#[cfg(feature = "disk")]
mod disk;
mod error;
mod fault;
mod interface;
mod latch;
mod memory;
mod page;
mod tree;

pub use batch::{Batch, counter_value};
pub use clock::Clock;
#[cfg(feature = "disk")]
pub use disk::{
    DiskMeasurements, DiskOptions, DiskSnapshot, DiskStatus, DiskStore, Durability, LogLoss, SpaceKind,
    SpaceOptions, find_log_losses, repair_log,
};
pub use error::StoreError;
pub use fault::{Fault, FaultStore};
pub use interface::{
    Decision, Declared, Direction, Held, Key, KeySpace, LIMITS, LOG_NUMBER_BYTES, LOG_TIME_BYTES, Limits,
    Outcome, RangePage, RangeRequest, Read, Store,
};
pub use memory::{MemorySnapshot, MemoryStore};
