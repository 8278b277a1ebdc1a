//! Change streams: readers of the change logs of tables.
//!
//! A stream has a descriptor of its own in the catalog, which outlives its being disabled and its
//! table. Its shards are intervals of log numbers, of which each of several open shards takes a
//! slice of the partition hashes; nothing is put into a shard. [`lifecycle`] opens, rolls over and
//! closes shards and trims the log, one bounded step at a time; [`reader`] reads.
//!
//! # How a shard ends
//!
//! The number that ends a shard must be one that no reader of the shard has gone beyond, and writers
//! of the table are not to wait for it. So a shard ends in two commits: the first freezes the
//! stream, from when its open shards read as if nothing had been written since; then the newest log
//! number of all is asked for, and the second commit makes it the end of the open shards and the
//! beginning of their children. A reader takes the descriptor and the log from one snapshot: where
//! the stream is not frozen in it, everything that it finds was written before the freeze and so is
//! not above that number.

pub(crate) mod descriptor;
pub(crate) mod iterator;
pub(crate) mod lifecycle;
pub(crate) mod reader;
pub(crate) mod sequence;

pub(crate) use descriptor::{Shard, ShardId, StreamDescriptor, StreamState};

/// How long records are kept, and streams that are disabled, in milliseconds.
pub(crate) const RETENTION_MS: u64 = 24 * 60 * 60 * 1000;
