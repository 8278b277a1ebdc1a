//! NextToken: where a SELECT goes on.
//!
//! The token holds a hash of all that the statement reads, so that it is good for no other request,
//! the number of the slice, and the key of the last item read in it. It is no secret: who has it could
//! as well have asked for the items.

use api::Error;
use bytes::Bytes;
use model::Item;
use xxhash_rust::xxh3::xxh3_64;

/// Where a read goes on.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct NextToken {
    /// What it is a token of.
    pub fingerprint: u128,
    /// The slice that comes next, or of which a part has been read.
    pub slice: u32,
    /// The key of the last item read in that slice.
    pub position: Option<Item>,
}

impl NextToken {
    /// The token as a text.
    pub fn to_text(&self) -> String {
        let mut content = self.fingerprint.to_be_bytes().to_vec();
        content.extend_from_slice(&self.slice.to_be_bytes());
        if let Some(position) = &self.position {
            content.extend_from_slice(position.as_stored());
        }
        let check = xxh3_64(&content).to_be_bytes();
        check
            .iter()
            .chain(&content)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// Reads a token; refuses a text that is none.
    pub fn from_text(text: &str) -> Result<Self, Error> {
        Self::read(text).ok_or_else(|| Error::validation("Invalid NextToken"))
    }

    fn read(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if !digits.len().is_multiple_of(2) {
            return None;
        }
        let mut bytes = Vec::with_capacity(digits.len() / 2);
        for pair in digits.chunks_exact(2) {
            let [high, low] = [pair[0], pair[1]].map(|digit| match digit {
                b'0'..=b'9' => Some(digit - b'0'),
                b'a'..=b'f' => Some(digit - b'a' + 10),
                _ => None,
            });
            bytes.push(high? << 4 | low?);
        }
        let (check, content) = bytes.split_first_chunk::<8>()?;
        if u64::from_be_bytes(*check) != xxh3_64(content) {
            return None;
        }
        let (fingerprint, rest) = content.split_first_chunk::<16>()?;
        let (slice, position) = rest.split_first_chunk::<4>()?;
        let position = if position.is_empty() {
            None
        } else {
            let item = Item::from_stored(Bytes::copy_from_slice(position)).ok()?;
            item.check().ok()?;
            Some(item)
        };
        Some(NextToken {
            fingerprint: u128::from_be_bytes(*fingerprint),
            slice: u32::from_be_bytes(*slice),
            position,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_written() {
        let (mut encoder, open) = model::Encoder::item(16);
        encoder.name(b"pk");
        encoder.string(b"a");
        let token = NextToken {
            fingerprint: 1 << 100,
            slice: 3,
            position: Some(encoder.finish(open)),
        };
        let text = token.to_text();
        assert_eq!(NextToken::from_text(&text).unwrap(), token);
        for place in 0..text.len() {
            let mut other = text.clone().into_bytes();
            other[place] = if other[place] == b'0' { b'1' } else { b'0' };
            let other = String::from_utf8(other).unwrap();
            assert!(NextToken::from_text(&other).is_err(), "{place}");
        }
        assert!(NextToken::from_text(&text[2..]).is_err());
        assert!(NextToken::from_text("a token").is_err());
    }
}
