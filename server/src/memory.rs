//! Memory that all connections share, so that what clients send and what they do not take never
//! grows beyond what the operator has set.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::timed_io::{Clock, Overdue, within_phase};

/// What is shared is counted in units of this many bytes.
const UNIT_BYTES: usize = 1024;

fn units(size_bytes: usize) -> u32 {
    u32::try_from(size_bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX)
}

/// An amount of memory of which requests take shares.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    units: Arc<Semaphore>,
    units_max: usize,
}

/// A part of a [`Memory`], given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share(OwnedSemaphorePermit);

impl Memory {
    /// So many bytes.
    pub fn new(size_bytes: usize) -> Self {
        let units = usize::try_from(units(size_bytes)).unwrap_or(usize::MAX);
        let units_max = units.min(Semaphore::MAX_PERMITS);
        Memory {
            units: Arc::new(Semaphore::new(units_max)),
            units_max,
        }
    }

    /// How many bytes are taken, and how many there are.
    pub fn used_bytes(&self) -> (usize, usize) {
        let used = self.units_max.saturating_sub(self.units.available_permits());
        (used * UNIT_BYTES, self.units_max.saturating_mul(UNIT_BYTES))
    }

    /// Waits for a share, within the connection's present phase. Shares are taken once and whole, so
    /// that two requests never wait for what the other holds.
    pub async fn share(&self, size_bytes: usize, clock: &Clock) -> Result<Share, Overdue> {
        let share = self.units.clone().acquire_many_owned(units(size_bytes));
        match within_phase(clock, share).await {
            Ok(Ok(share)) => Ok(Share(share)),
            // It is never closed.
            Ok(Err(_)) | Err(Overdue) => Err(Overdue),
        }
    }

    /// A share, where there is enough at once.
    pub fn share_now(&self, size_bytes: usize) -> Option<Share> {
        let share = self.units.clone().try_acquire_many_owned(units(size_bytes));
        share.ok().map(Share)
    }
}

impl Share {
    /// Gives back what is more than `size_bytes`. False where the share is smaller than that.
    pub fn shrink(&mut self, size_bytes: usize) -> bool {
        let wanted = units(size_bytes) as usize;
        let Some(surplus) = self.0.num_permits().checked_sub(wanted) else {
            return false;
        };
        drop(self.0.split(surplus));
        true
    }

    /// The same bytes, which keep the share until they are dropped.
    pub fn charge(self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(Charged { bytes, _share: self })
    }
}

/// Bytes and what they take of the memory.
struct Charged {
    bytes: Bytes,
    _share: Share,
}

impl AsRef<[u8]> for Charged {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_given_back_with_the_bytes_that_it_was_charged_with() {
        let memory = Memory::new(10 * UNIT_BYTES);
        let mut share = memory.share_now(8 * UNIT_BYTES).expect("there is room");
        assert!(memory.share_now(3 * UNIT_BYTES).is_none());
        assert!(share.shrink(4 * UNIT_BYTES));
        assert!(!share.shrink(5 * UNIT_BYTES), "it has become smaller");
        let bytes = share.charge(Bytes::from_static(b"an answer"));
        assert_eq!(bytes, "an answer");
        let part = bytes.slice(3..);
        drop(bytes);
        assert!(
            memory.share_now(7 * UNIT_BYTES).is_none(),
            "a part is still there"
        );
        drop(part);
        assert!(memory.share_now(10 * UNIT_BYTES).is_some());
    }
}
