//! Ids of requests, of the service's length and alphabet.

use std::cell::Cell;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};

/// The id of one request: 52 digits and upper-case letters, as the service's are.
///
/// The first half is random and the second constant, as it is with the service. Ids are for
/// finding a request in a log; they are hard to meet twice, not hard to guess.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId([u8; RequestId::LENGTH]);

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHIJKLMNOPQRSTUV";
const RANDOM_CHARS: usize = 26;
const SUFFIX: &[u8; 26] = b"VV4KQNSO5AEMVJF66Q9ASUAAJG";

thread_local! {
    /// The state of this thread's generator, seeded from the operating system once.
    static STATE: Cell<u64> = Cell::new(RandomState::new().build_hasher().finish());
}

/// The next 64 random bits of this thread (the splitmix64 generator).
fn random_bits() -> u64 {
    STATE.with(|state| {
        let next = state.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        state.set(next);
        let mixed = (next ^ (next >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    })
}

impl RequestId {
    /// How many characters an id has.
    pub const LENGTH: usize = 52;

    /// A new id.
    pub fn generate() -> Self {
        let mut id = [0; Self::LENGTH];
        id[RANDOM_CHARS..].copy_from_slice(SUFFIX);
        // Thirteen characters of five bits fit a word of 64.
        for chunk in id[..RANDOM_CHARS].chunks_mut(13) {
            let mut bits = random_bits();
            for char in chunk {
                *char = ALPHABET[(bits & 31) as usize];
                bits >>= 5;
            }
        }
        RequestId(id)
    }

    /// The id as it stands in the `x-amzn-RequestId` header.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The id's characters, all of them ASCII.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_look_as_the_services_and_differ() {
        let ids: HashSet<RequestId> = (0..10_000).map(|_| RequestId::generate()).collect();
        assert_eq!(ids.len(), 10_000);
        for id in ids {
            assert_eq!(id.as_str().len(), 52);
            assert!(
                id.as_str()
                    .bytes()
                    .all(|c| c.is_ascii_digit() || c.is_ascii_uppercase())
            );
        }
    }
}
