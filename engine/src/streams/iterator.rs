//! Shard iterators: where a reader of a shard stands, as text that means nothing to it.
//!
//! ```text
//! iterator   stream ARN | '|' | version | '|' | base64 of what follows
//!            ordinal: u32 | opened: u64 | next log number: u64 | issued: u64 | checksum: u32
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::ShardId;
use crate::arn::parse_stream_arn;

/// How long an iterator is good for, in milliseconds.
pub(crate) const ITERATOR_MS: u64 = 15 * 60 * 1000;

const VERSION: &str = "1";
const PAYLOAD_BYTES: usize = 4 + 8 + 8 + 8;

/// Where a reader of a shard stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShardIterator {
    /// The name of the stream's table.
    pub table_name: String,
    /// The stream's label.
    pub label_ms: u64,
    /// The shard.
    pub shard: ShardId,
    /// The first log number that is not read yet.
    pub next: u64,
    /// When the iterator was made, in milliseconds since the Unix epoch.
    pub issued_ms: u64,
}

impl ShardIterator {
    /// The text that clients get. `stream_arn` is that of the iterator's stream.
    pub fn to_text(&self, stream_arn: &str) -> String {
        let mut payload = Vec::with_capacity(PAYLOAD_BYTES + 4);
        payload.extend_from_slice(&self.shard.ordinal.to_be_bytes());
        payload.extend_from_slice(&self.shard.opened_ms.to_be_bytes());
        payload.extend_from_slice(&self.next.to_be_bytes());
        payload.extend_from_slice(&self.issued_ms.to_be_bytes());
        payload.extend_from_slice(&self.checksum(&payload).to_be_bytes());
        format!("{stream_arn}|{VERSION}|{}", STANDARD.encode(payload))
    }

    /// Reads what [`Self::to_text`] writes; `None` where it is anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('|');
        let (arn, version, payload) = (parts.next()?, parts.next()?, parts.next()?);
        if version != VERSION || parts.next().is_some() {
            return None;
        }
        let (table_name, label_ms) = parse_stream_arn(arn)?;
        let payload = STANDARD.decode(payload).ok()?;
        let (fields, checksum) = payload.split_last_chunk::<4>()?;
        let (ordinal, numbers) = fields.split_first_chunk::<4>()?;
        let mut numbers = numbers.chunks_exact(8).map(|chunk| {
            let chunk: [u8; 8] = chunk.try_into().expect("chunks have eight bytes");
            u64::from_be_bytes(chunk)
        });
        let iterator = ShardIterator {
            table_name: table_name.to_owned(),
            label_ms,
            shard: ShardId {
                opened_ms: numbers.next()?,
                ordinal: u32::from_be_bytes(*ordinal),
            },
            next: numbers.next()?,
            issued_ms: numbers.next()?,
        };
        let is_whole = fields.len() == PAYLOAD_BYTES && iterator.checksum(fields).to_be_bytes() == *checksum;
        is_whole.then_some(iterator)
    }

    /// Over the payload and the stream, so that a damaged iterator or one that was put before another
    /// stream's ARN is known for what it is.
    fn checksum(&self, payload: &[u8]) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(payload);
        hasher.update(&self.label_ms.to_be_bytes());
        hasher.update(self.table_name.as_bytes());
        hasher.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/Music/stream/2026-01-01T00:00:00.000";

    #[test]
    fn iterators_are_read_back() {
        let iterator = ShardIterator {
            table_name: "Music".to_owned(),
            label_ms: 1_767_225_600_000,
            shard: ShardId {
                opened_ms: 1_767_225_600_123,
                ordinal: 3,
            },
            next: 12_345,
            issued_ms: 1_767_225_700_000,
        };
        let text = iterator.to_text(ARN);
        assert_eq!(ShardIterator::parse(&text), Some(iterator));
        let bar = text.rfind('|').expect("there are two");
        for position in bar + 1..text.len() {
            let mut damaged = text.clone().into_bytes();
            damaged[position] = if damaged[position] == b'A' { b'B' } else { b'A' };
            let damaged = String::from_utf8(damaged).expect("is ASCII");
            assert_eq!(ShardIterator::parse(&damaged), None, "{damaged}");
        }
        for text in [
            String::new(),
            "|".to_owned(),
            "||".to_owned(),
            ARN.to_owned(),
            format!("{ARN}|1|"),
            text.replace("|1|", "|2|"),
            text.replace("Music", "Musik"),
            text.replace("00.000", "00.001"),
            format!("{text}|"),
            text[..text.len() - 4].to_owned(),
        ] {
            assert_eq!(ShardIterator::parse(&text), None, "{text}");
        }
    }
}
