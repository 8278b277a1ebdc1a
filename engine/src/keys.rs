//! Every key that Stator stores, in one place.
//!
//! ```text
//! catalog     'i'                                      the next table or index id: u32
//!             't' | table name                         table descriptor
//!             'b' | index id                           how far a backfill has come: an item key
//!             'm' | index id | item key                the item has been indexed ahead of the backfill
//!             'g' | space | id                         keys to be removed: a dropped table's or index's
//!             's' | table name | 0 | label             a change stream: its label is a time in ms, u64
//!             'h' | stream id | ordinal                a shard of a stream
//!             'l' | table id                           up to which number streams see the table's log as trimmed
//!             'k' | table id                           up to which number and time a log kept for recovery is gone
//!             'p' | job id                             how far a job that reads a table as it was has read the log
//!             'r' | job id                             how far a restore has come: an item key without its table id
//!             'x' | kind | id                          a backup, an export or an import
//!             'A' | 't' | resource                     a scalable target
//!             'A' | 'v' | resource | time | id         an activity of scaling: ms, u64
//! items       table id | hash | partition value | sort value
//! indexes     index id | hash | partition values | sort values | base partition value | base sort value
//! log         table id | log number                    a change of an item, after the commit's time
//! expiry      expiry id | expiry time | item key       an item that expires: seconds, u64
//! tokens      't' | token                              what a transaction with this token did
//!             'e' | expiry time | token                when the token is forgotten: ms, u64
//! counters    'n' | table or index id                  how many items or entries
//!             's' | table or index id                  their size in bytes
//!             'c' | table id | partition value         size of an item collection in bytes
//! leases      (not written yet: background work of several processes)
//! metrics     'n' | series                             from when to when a series has rows
//!             'v' | series | minute                    what was seen of it in a minute: ms, u64
//! scratch     job id | item key without its table id   what an item was at the moment that the job reads
//! ```
//!
//! Ids are four bytes, big-endian, never reused, and shared by tables, indexes, streams, jobs, the
//! times to live of tables and their recoveries, of which each has a log of the table's descriptors
//! under its id. The hash is eight bytes, big-endian, over the partition value or values: its order is the order of a Scan.
//! Partition values have their length in front; sort values are escaped where something follows
//! (see [`model::key`]).

use model::key::{append_last_sort_value, append_partition_value, append_sort_value};
use model::{MapRef, ValueRef};
use store::{Key, KeySpace};

use crate::schema::KeySchema;

/// The names of the key spaces, in the order of their numbers: what a store is opened with.
pub const KEY_SPACES: &[&str] = &[
    "catalog", "items", "indexes", "log", "expiry", "tokens", "counters", "leases", "metrics", "scratch",
];

/// Table descriptors and what background work leaves of its state.
pub(crate) const CATALOG: KeySpace = KeySpace(0);
/// Items by primary key.
pub(crate) const ITEMS: KeySpace = KeySpace(1);
/// Index entries by index key.
pub(crate) const INDEXES: KeySpace = KeySpace(2);
/// Change logs of tables.
pub(crate) const LOG: KeySpace = KeySpace(3);
/// Items by the time at which they expire.
pub(crate) const EXPIRY: KeySpace = KeySpace(4);
/// Idempotency tokens.
pub(crate) const TOKENS: KeySpace = KeySpace(5);
/// Item counts and sizes.
pub(crate) const COUNTERS: KeySpace = KeySpace(6);
/// What jobs set aside of the items that they have still to read.
pub(crate) const SCRATCH: KeySpace = KeySpace(9);

/// What was seen of each metric, by minutes.
pub(crate) const METRICS: KeySpace = KeySpace(8);

/// The prefix of all table descriptors' keys.
pub(crate) const DESCRIPTOR_PREFIX: u8 = b't';
/// The prefix of all keys that say what is to be removed.
pub(crate) const GARBAGE_PREFIX: u8 = b'g';
/// The prefix of all streams' keys.
pub(crate) const STREAM_PREFIX: u8 = b's';

/// The key of the next free id.
pub(crate) fn next_id() -> Key {
    Key::new(CATALOG, *b"i")
}

/// The key of a table's descriptor.
pub(crate) fn descriptor(table_name: &str) -> Key {
    let mut bytes = Vec::with_capacity(1 + table_name.len());
    bytes.push(DESCRIPTOR_PREFIX);
    bytes.extend_from_slice(table_name.as_bytes());
    Key::new(CATALOG, bytes)
}

fn tagged(tag: u8, id: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(5);
    bytes.push(tag);
    bytes.extend_from_slice(&id.to_be_bytes());
    bytes
}

/// The key of how far the backfill of an index has come.
pub(crate) fn backfill_cursor(index_id: u32) -> Key {
    Key::new(CATALOG, tagged(b'b', index_id))
}

/// The key that says that an item has its entry in an index whose backfill has not reached it.
pub(crate) fn backfill_mark(index_id: u32, item_key: &[u8]) -> Key {
    let mut bytes = backfill_marks_prefix(index_id);
    bytes.extend_from_slice(item_key);
    Key::new(CATALOG, bytes)
}

/// The prefix of all marks of an index.
pub(crate) fn backfill_marks_prefix(index_id: u32) -> Vec<u8> {
    tagged(b'm', index_id)
}

/// The key that says that all keys of `id` in `space` are to be removed.
pub(crate) fn garbage(space: KeySpace, id: u32) -> Key {
    let mut bytes = vec![GARBAGE_PREFIX, space.0];
    bytes.extend_from_slice(&id.to_be_bytes());
    Key::new(CATALOG, bytes)
}

/// What a key that [`garbage`] made says: the space and the id.
pub(crate) fn parse_garbage(key: &[u8]) -> Option<(KeySpace, u32)> {
    let [GARBAGE_PREFIX, space, id @ ..] = key else {
        return None;
    };
    Some((KeySpace(*space), u32::from_be_bytes(id.try_into().ok()?)))
}

/// The prefix of the streams that tables named `table_name` have had. The name is ended by a byte
/// that no name holds, so that streams are in the order of their tables' names.
pub(crate) fn streams_prefix(table_name: &str) -> Vec<u8> {
    [&[STREAM_PREFIX], table_name.as_bytes(), &[0]].concat()
}

/// The key of a stream, by the name of its table and its label.
pub(crate) fn stream(table_name: &str, label_ms: u64) -> Key {
    let mut bytes = streams_prefix(table_name);
    bytes.extend_from_slice(&label_ms.to_be_bytes());
    Key::new(CATALOG, bytes)
}

/// The prefix of all shards of a stream.
pub(crate) fn shards_prefix(stream_id: u32) -> Vec<u8> {
    tagged(b'h', stream_id)
}

/// The key of a shard.
pub(crate) fn shard(stream_id: u32, ordinal: u32) -> Key {
    let mut bytes = shards_prefix(stream_id);
    bytes.extend_from_slice(&ordinal.to_be_bytes());
    Key::new(CATALOG, bytes)
}

/// The ordinal of a shard, from a key that [`shard`] made.
pub(crate) fn parse_shard(key: &[u8]) -> Option<u32> {
    let ordinal = key.strip_prefix(b"h")?.get(4..)?;
    Some(u32::from_be_bytes(ordinal.try_into().ok()?))
}

/// The key of the number up to which streams see a table's log as trimmed.
pub(crate) fn log_trimmed(table_id: u32) -> Key {
    Key::new(CATALOG, tagged(b'l', table_id))
}

/// The key of where a log begins that is kept for recovery.
pub(crate) fn log_removed(table_id: u32) -> Key {
    Key::new(CATALOG, tagged(b'k', table_id))
}

/// The key of how far a job that reads a table as it was has read the log.
pub(crate) fn job_reached(job_id: u32) -> Key {
    Key::new(CATALOG, tagged(b'p', job_id))
}

/// The key of how far a restore has come.
pub(crate) fn restore_cursor(job_id: u32) -> Key {
    Key::new(CATALOG, tagged(b'r', job_id))
}

/// The prefix of all transfers of a kind: `b` for backups, `e` for exports, `i` for imports.
pub(crate) fn transfers_prefix(kind: u8) -> Vec<u8> {
    vec![b'x', kind]
}

/// The key of a transfer.
pub(crate) fn transfer(kind: u8, id: &str) -> Key {
    let mut bytes = transfers_prefix(kind);
    bytes.extend_from_slice(id.as_bytes());
    Key::new(CATALOG, bytes)
}

/// Where a job sets aside what an item was, by the item's key without its table id.
pub(crate) fn scratch(job_id: u32, place: &[u8]) -> Key {
    Key::new(SCRATCH, of_id(job_id, place))
}

/// A key that begins with an id: of an item by its table's, of what is set aside by its job's.
pub(crate) fn of_id(id: u32, place: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(4 + place.len());
    bytes.extend_from_slice(&id.to_be_bytes());
    bytes.extend_from_slice(place);
    bytes
}

/// A key without the id that it begins with.
pub(crate) fn place_of(key: &[u8]) -> &[u8] {
    key.get(4..).unwrap_or_default()
}

/// Where the record with a number stands in a table's log.
pub(crate) fn log_record(table_id: u32, number: u64) -> Vec<u8> {
    let mut bytes = table_id.to_be_bytes().to_vec();
    bytes.extend_from_slice(&number.to_be_bytes());
    bytes
}

/// The number of a log record, from its key.
pub(crate) fn parse_log_record(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.get(4..)?.try_into().ok()?))
}

/// The key of an item's expiry entry: the id of its table's time to live, when it expires in
/// seconds since the Unix epoch, and the item's own key.
pub(crate) fn expiry(expiry_id: u32, expires_seconds: u64, item_key: &[u8]) -> Key {
    let mut bytes = expiry_start(expiry_id, expires_seconds);
    bytes.extend_from_slice(item_key);
    Key::new(EXPIRY, bytes)
}

/// The smallest key of the expiry entries of that time or later.
pub(crate) fn expiry_start(expiry_id: u32, expires_seconds: u64) -> Vec<u8> {
    let mut bytes = expiry_id.to_be_bytes().to_vec();
    bytes.extend_from_slice(&expires_seconds.to_be_bytes());
    bytes
}

/// The time and the item's key, from a key that [`expiry`] made.
pub(crate) fn parse_expiry(key: &[u8]) -> Option<(u64, &[u8])> {
    let (expires_seconds, item_key) = key.get(4..)?.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*expires_seconds), item_key))
}

/// The hash of an item's partition value, from the item's key.
pub(crate) fn partition_hash(item_key: &[u8]) -> u64 {
    let hash = item_key[4..PARTITION_AT]
        .try_into()
        .expect("a slice of eight bytes");
    u64::from_be_bytes(hash)
}

/// The counter of a table's items or an index's entries.
pub(crate) fn count(id: u32) -> Key {
    Key::new(COUNTERS, tagged(b'n', id))
}

/// The counter of the bytes of a table's items or an index's entries.
pub(crate) fn size_bytes(id: u32) -> Key {
    Key::new(COUNTERS, tagged(b's', id))
}

/// The counter of the bytes of an item collection: all items and local index entries of a
/// partition value, whose key bytes are `partition`.
pub(crate) fn collection_size(table_id: u32, partition: &[u8]) -> Key {
    let mut bytes = tagged(b'c', table_id);
    bytes.extend_from_slice(partition);
    Key::new(COUNTERS, bytes)
}

/// The prefix of all collection size counters of a table.
pub(crate) fn collection_sizes_prefix(table_id: u32) -> Vec<u8> {
    tagged(b'c', table_id)
}

/// The key of what is remembered of a transaction.
pub(crate) fn token(token: &str) -> Key {
    Key::new(TOKENS, [b"t", token.as_bytes()].concat())
}

/// The key that says when a token is forgotten.
pub(crate) fn token_expiry(expires_ms: u64, token: &str) -> Key {
    Key::new(
        TOKENS,
        [b"e".as_slice(), &expires_ms.to_be_bytes(), token.as_bytes()].concat(),
    )
}

/// The first key that [`token_expiry`] makes.
pub(crate) fn token_expiries_start() -> [u8; 1] {
    *b"e"
}

/// The first key above all that [`token_expiry`] makes.
pub(crate) fn token_expiries_end() -> [u8; 1] {
    *b"f"
}

/// The time and the token of a key that [`token_expiry`] made.
pub(crate) fn parse_token_expiry(key: &[u8]) -> Option<(u64, &str)> {
    let (expires_ms, token) = key.strip_prefix(b"e")?.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*expires_ms), std::str::from_utf8(token).ok()?))
}

/// The key of a series of metrics.
pub(crate) fn metric_series(series: &[u8]) -> Key {
    Key::new(METRICS, [b"n", series].concat())
}

/// The series of a key that [`metric_series`] made.
pub(crate) fn parse_metric_series(key: &[u8]) -> Option<&[u8]> {
    key.strip_prefix(b"n")
}

/// The prefix of all rows of a series.
pub(crate) fn metric_rows_prefix(series: &[u8]) -> Vec<u8> {
    [b"v", series].concat()
}

/// The key of what was seen of a series in the minute that began then.
pub(crate) fn metric_row(series: &[u8], minute_ms: u64) -> Key {
    let mut bytes = metric_rows_prefix(series);
    bytes.extend_from_slice(&minute_ms.to_be_bytes());
    Key::new(METRICS, bytes)
}

/// The minute of a key that [`metric_row`] made.
pub(crate) fn parse_metric_row(key: &[u8]) -> Option<u64> {
    let (_, minute_ms) = key.split_last_chunk::<8>()?;
    Some(u64::from_be_bytes(*minute_ms))
}

/// The key of a scalable target.
pub(crate) fn scalable_target(resource: &[u8]) -> Key {
    Key::new(CATALOG, [b"At", resource].concat())
}

/// The prefix of all activities of scaling.
pub(crate) fn scaling_activities_prefix() -> Vec<u8> {
    b"Av".to_vec()
}

/// The key of an activity of scaling.
pub(crate) fn scaling_activity(resource: &[u8], start_ms: u64, id: &str) -> Key {
    let mut bytes = scaling_activities_prefix();
    bytes.extend_from_slice(resource);
    bytes.extend_from_slice(&start_ms.to_be_bytes());
    bytes.extend_from_slice(id.as_bytes());
    Key::new(CATALOG, bytes)
}

/// The attribute that keeps an item out of a table or index: it is missing or of another type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadKeyAttribute<'s> {
    /// The attribute's name.
    pub name: &'s str,
}

/// A key attribute's value, checked to be of its type.
fn key_value<'v>(attributes: MapRef<'v>, attribute: &crate::schema::KeyAttribute) -> Option<ValueRef<'v>> {
    attributes
        .get(&attribute.name)
        .filter(|value| value.value_type() == attribute.key_type.value_type())
}

/// The bytes of the partition values of `attributes`, behind `id` and their hash. Returns the
/// first attribute that is missing or of the wrong type.
fn append_partition<'s>(
    out: &mut Vec<u8>,
    id: u32,
    schema: &'s KeySchema,
    attributes: MapRef<'_>,
) -> Result<(), BadKeyAttribute<'s>> {
    out.extend_from_slice(&id.to_be_bytes());
    out.extend_from_slice(&[0; HASH_BYTES]);
    let values_at = out.len();
    for attribute in &schema.partition {
        let bad = BadKeyAttribute {
            name: &attribute.name,
        };
        let value = key_value(attributes, attribute).ok_or(bad)?;
        append_partition_value(out, &value).map_err(|_| bad)?;
    }
    put_hash(out, values_at);
    Ok(())
}

/// The prefix of all items of a table, or all entries of an index.
pub(crate) fn id_prefix(id: u32) -> [u8; 4] {
    id.to_be_bytes()
}

/// How long the hash of the partition values is.
pub(crate) const HASH_BYTES: usize = 8;
/// Where the partition values begin in an item's or index entry's key: after id and hash.
pub(crate) const PARTITION_AT: usize = 4 + HASH_BYTES;

fn put_hash(out: &mut [u8], values_at: usize) {
    let hash = xxhash_rust::xxh3::xxh3_64(&out[values_at..]);
    out[values_at - HASH_BYTES..values_at].copy_from_slice(&hash.to_be_bytes());
}

/// The hash of the partition values of `attributes`; `None` where one is missing or of the wrong type.
pub(crate) fn hash_of_partition(schema: &KeySchema, attributes: MapRef<'_>) -> Option<u64> {
    let mut bytes = Vec::with_capacity(96);
    append_partition(&mut bytes, 0, schema, attributes).ok()?;
    Some(partition_hash(&bytes))
}

/// The key of an item, from an item or a key of the table.
pub(crate) fn item<'s>(
    table_id: u32,
    schema: &'s KeySchema,
    attributes: MapRef<'_>,
) -> Result<Key, BadKeyAttribute<'s>> {
    let mut bytes = Vec::with_capacity(96);
    append_partition(&mut bytes, table_id, schema, attributes)?;
    append_base_sort(&mut bytes, schema, attributes)?;
    Ok(Key::new(ITEMS, bytes))
}

fn append_base_sort<'s>(
    out: &mut Vec<u8>,
    schema: &'s KeySchema,
    attributes: MapRef<'_>,
) -> Result<(), BadKeyAttribute<'s>> {
    // A table has at most one sort key attribute, and nothing follows it.
    if let Some(attribute) = schema.sort.first() {
        let bad = BadKeyAttribute {
            name: &attribute.name,
        };
        let value = key_value(attributes, attribute).ok_or(bad)?;
        append_last_sort_value(out, &value).map_err(|_| bad)?;
    }
    Ok(())
}

/// The key of an item's entry in an index. Returns the first attribute of the index's key that is
/// missing or of the wrong type; the base key must be there.
pub(crate) fn index_entry<'s>(
    index_id: u32,
    index: &'s KeySchema,
    base: &'s KeySchema,
    attributes: MapRef<'_>,
) -> Result<Key, BadKeyAttribute<'s>> {
    let mut bytes = Vec::with_capacity(128);
    append_partition(&mut bytes, index_id, index, attributes)?;
    for attribute in &index.sort {
        let bad = BadKeyAttribute {
            name: &attribute.name,
        };
        let value = key_value(attributes, attribute).ok_or(bad)?;
        append_sort_value(&mut bytes, &value).map_err(|_| bad)?;
    }
    for attribute in &base.partition {
        let bad = BadKeyAttribute {
            name: &attribute.name,
        };
        let value = key_value(attributes, attribute).ok_or(bad)?;
        append_partition_value(&mut bytes, &value).map_err(|_| bad)?;
    }
    append_base_sort(&mut bytes, base, attributes)?;
    Ok(Key::new(INDEXES, bytes))
}

/// The beginning that all keys share whose partition values are `values`.
pub(crate) fn partition_prefix(id: u32, values: &[ValueRef<'_>]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(64);
    bytes.extend_from_slice(&id.to_be_bytes());
    bytes.extend_from_slice(&[0; HASH_BYTES]);
    for value in values {
        append_partition_value(&mut bytes, value).ok()?;
    }
    put_hash(&mut bytes, PARTITION_AT);
    Some(bytes)
}

/// The beginning that all items share whose partition value has these key bytes.
pub(crate) fn partition_bytes_prefix(table_id: u32, partition: &[u8]) -> Vec<u8> {
    let mut bytes = table_id.to_be_bytes().to_vec();
    bytes.extend_from_slice(&[0; HASH_BYTES]);
    bytes.extend_from_slice(partition);
    put_hash(&mut bytes, PARTITION_AT);
    bytes
}

/// The keys of a table or index in which one segment of a parallel scan lies: from the first
/// inclusive to the second exclusive.
pub(crate) fn segment_range(id: u32, segment: u32, total_segments: u32) -> (Vec<u8>, Vec<u8>) {
    let bound = |segment: u32| {
        if segment >= total_segments {
            return (u64::from(id) + 1).to_be_bytes()[4..].to_vec();
        }
        let hash = ((u128::from(segment) << 64) / u128::from(total_segments)) as u64;
        let mut bytes = id.to_be_bytes().to_vec();
        bytes.extend_from_slice(&hash.to_be_bytes());
        bytes
    };
    (bound(segment), bound(segment + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_cover_everything_once() {
        for total in [1, 2, 3, 7, 1_000_000] {
            let mut previous = segment_range(5, 0, total);
            // The smallest hash: nothing of the table lies below.
            assert_eq!(previous.0, [0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0]);
            for segment in (1..total).take(1000) {
                let range = segment_range(5, segment, total);
                assert_eq!(range.0, previous.1);
                assert!(range.0 < range.1);
                previous = range;
            }
            assert_eq!(segment_range(5, total - 1, total).1, [0, 0, 0, 6]);
        }
    }

    #[test]
    fn spaces_are_where_their_names_are() {
        for (space, name) in [(CATALOG, "catalog"), (COUNTERS, "counters"), (METRICS, "metrics")] {
            assert_eq!(KEY_SPACES[usize::from(space.0)], name);
        }
    }

    #[test]
    fn garbage_keys_are_read_back() {
        assert_eq!(parse_garbage(&garbage(ITEMS, 77).bytes), Some((ITEMS, 77)));
        assert_eq!(parse_garbage(b"g"), None);
    }
}
