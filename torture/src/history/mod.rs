//! What clients did and were told, and whether a database that does one thing at a time could have
//! told them so.
//!
//! [`Recorded`] is one operation of a history. [`linearizability`] judges operations on one item,
//! [`serializability`] transactions over several. Neither knows of servers: they take a list.
//!
//! An outcome that nobody was told of stays open to the end of the history: the operation may have
//! taken effect at any time after it began, or never.

mod graph;
pub mod item;
pub mod linearizability;
pub mod serializability;

#[cfg(test)]
mod tests;

/// When an operation returned whose outcome is unknown: after everything else.
pub const NEVER_NS: u64 = u64::MAX;

/// What a client was told of its operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<S> {
    /// It took effect, and this was seen.
    Done(S),
    /// It took no effect, and this was seen.
    Refused(S),
    /// Nothing.
    Unknown,
}

/// One operation of a history, with what became of it. Times are nanoseconds of one clock that
/// never goes back.
#[derive(Clone, Debug)]
pub struct Recorded<O, S> {
    /// Which client asked for it.
    pub client: u32,
    pub operation: O,
    pub invoked_ns: u64,
    /// [`NEVER_NS`] where the outcome is unknown.
    pub returned_ns: u64,
    /// When the server that was asked was gone, where the outcome is unknown: the operation may have
    /// taken effect before that. [`NEVER_NS`] where nobody knows.
    pub gone_ns: u64,
    pub outcome: Outcome<S>,
}

impl<O, S> Recorded<O, S> {
    /// Whether the client knows what became of it.
    pub fn is_known(&self) -> bool {
        !matches!(self.outcome, Outcome::Unknown)
    }
}
