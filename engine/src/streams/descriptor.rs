//! What the catalog keeps of a stream and of its shards.

use std::fmt;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use store::StoreError;

use crate::catalog::{StreamView, TableDescriptor};
use crate::schema::KeySchema;

/// Where a stream stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum StreamState {
    /// Its open shards take what is written.
    Open,
    /// Its open shards are about to end and to be followed by others.
    Rolling,
    /// Its open shards are about to end.
    Closing,
    /// All its shards have ended; in milliseconds since the Unix epoch.
    Closed { since_ms: u64 },
}

/// What the catalog keeps of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StreamDescriptor {
    /// The stream's id, from the same sequence as table ids; its records bear it.
    pub id: u32,
    /// The name of its table.
    pub table_name: String,
    /// The id of its table, whose log it reads.
    pub table_id: u32,
    /// The key of its table.
    pub key_schema: KeySchema,
    /// When it was enabled, in milliseconds since the Unix epoch: what its ARN ends in.
    pub label_ms: u64,
    /// Which images its records show.
    pub view: StreamView,
    /// Where it stands in its life.
    pub state: StreamState,
    /// How many shards are open at once.
    pub open_shards: u32,
    /// How many shards it has had; the last [`Self::open_shards`] are those that are or were last open.
    pub shards: u32,
    /// When the open shards were opened, in milliseconds since the Unix epoch.
    pub opened_ms: u64,
}

/// A shard of a stream: the records of one slice of the partition hashes whose log numbers lie in
/// `after < number <= last`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shard {
    /// When it was opened, in milliseconds since the Unix epoch: a part of its id.
    pub opened_ms: u64,
    /// The number before its first.
    pub after: u64,
    /// Its last number, once it is closed.
    pub last: Option<u64>,
    /// When it was closed, in milliseconds since the Unix epoch.
    pub closed_ms: Option<u64>,
    /// When the shard was opened that had the slice before.
    pub parent_opened_ms: Option<u64>,
}

/// What a shard is called: when it was opened, and which of its stream's shards it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShardId {
    pub opened_ms: u64,
    pub ordinal: u32,
}

impl fmt::Display for ShardId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "shardId-{:020}-{:08x}", self.opened_ms, self.ordinal)
    }
}

impl ShardId {
    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        let (opened_ms, ordinal) = text.strip_prefix("shardId-")?.split_once('-')?;
        let id = ShardId {
            opened_ms: opened_ms.parse().ok()?,
            ordinal: u32::from_str_radix(ordinal, 16).ok()?,
        };
        // One name each: no signs, no missing zeros.
        (id.to_string() == text).then_some(id)
    }
}

impl StreamDescriptor {
    /// A new stream of a table, and its first shards, which begin after the log number `after`.
    pub fn new(
        table: &TableDescriptor,
        id: u32,
        label_ms: u64,
        view: StreamView,
        open_shards: u32,
        after: u64,
    ) -> (Self, Vec<Shard>) {
        let stream = StreamDescriptor {
            id,
            table_name: table.name.clone(),
            table_id: table.id,
            key_schema: table.key_schema.clone(),
            label_ms,
            view,
            state: StreamState::Open,
            open_shards,
            shards: open_shards,
            opened_ms: label_ms,
        };
        let first = Shard {
            opened_ms: label_ms,
            after,
            last: None,
            closed_ms: None,
            parent_opened_ms: None,
        };
        (stream, vec![first; open_shards as usize])
    }

    /// The ordinals of the shards that are or were last open.
    pub fn newest_shards(&self) -> std::ops::Range<u32> {
        self.shards - self.open_shards..self.shards
    }

    /// The id of the shard that had the slice of shard `ordinal` before, and was opened then.
    pub fn parent_of(&self, ordinal: u32, shard: &Shard) -> Option<ShardId> {
        Some(ShardId {
            opened_ms: shard.parent_opened_ms?,
            ordinal: ordinal.checked_sub(self.open_shards)?,
        })
    }

    /// Whether records of the partition hash belong to shard `ordinal`, if their number does.
    pub fn is_in_slice(&self, ordinal: u32, partition_hash: u64) -> bool {
        let slice = (u128::from(partition_hash) * u128::from(self.open_shards)) >> 64;
        slice == u128::from(ordinal % self.open_shards)
    }

    /// The stored form.
    pub fn to_stored(&self) -> Vec<u8> {
        rmp_serde::to_vec_named(self).expect("a stream can always be written")
    }

    /// Reads the stored form.
    pub fn from_stored(stored: &[u8]) -> Result<Self, StoreError> {
        read(stored, "a stream")
    }
}

impl Shard {
    /// The stored form.
    pub fn to_stored(&self) -> Vec<u8> {
        rmp_serde::to_vec_named(self).expect("a shard can always be written")
    }

    /// Reads the stored form.
    pub fn from_stored(stored: &[u8]) -> Result<Self, StoreError> {
        read(stored, "a shard of a stream")
    }
}

fn read<T: DeserializeOwned>(stored: &[u8], what: &str) -> Result<T, StoreError> {
    rmp_serde::from_slice(stored).map_err(|error| StoreError::Damaged {
        path: "catalog".into(),
        offset: None,
        detail: format!("{what} cannot be read: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shard_ids_are_read_back() {
        let id = ShardId {
            opened_ms: 1_767_225_600_000,
            ordinal: 27,
        };
        assert_eq!(id.to_string(), "shardId-00000001767225600000-0000001b");
        assert_eq!(ShardId::parse(&id.to_string()), Some(id));
        for text in [
            "",
            "shardId-",
            "shardId-1767225600000-0000001b",
            "shardId-00000001767225600000-0000001B",
            "shardId-00000001767225600000-1b",
            "shardId-0000000176722560000x-0000001b",
            "shardId-99999999999999999999-0000001b",
        ] {
            assert_eq!(ShardId::parse(text), None, "{text}");
        }
    }
}
