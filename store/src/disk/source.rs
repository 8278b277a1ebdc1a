//! Where a read gets its answer: from memory in the calling task, or from the disk on a thread
//! that may wait for it.

use std::sync::Arc;

use bytes::Bytes;

use super::database::{Database, Reach, ReadFailure};
use super::readers::Readers;
use super::snapshot::OwnedSnapshot;
use crate::{Direction, Key, KeySpace, RangePage, RangeRequest, Read, StoreError};

/// The newest published state, or that of a snapshot.
#[derive(Clone)]
pub(super) struct Source {
    pub database: Arc<Database>,
    pub snapshot: Option<Arc<OwnedSnapshot>>,
    /// Whether much is read once, so that it is not kept in memory.
    pub is_bulk: bool,
    pub readers: Arc<Readers>,
}

/// A [`RangeRequest`] that can move to another thread.
struct OwnedRange {
    space: KeySpace,
    start: Vec<u8>,
    end: Vec<u8>,
    direction: Direction,
    rows_max: usize,
    bytes_max: usize,
}

impl Source {
    /// The newest published state, held still.
    pub fn held_still(&self, is_bulk: bool) -> Self {
        let snapshot = OwnedSnapshot::new(self.database.clone());
        Source {
            snapshot: Some(Arc::new(snapshot)),
            is_bulk,
            ..self.clone()
        }
    }

    /// Answers in the calling task what memory can answer, and the rest from the disk. What is read in bulk
    /// takes its time wherever it is, and so is never read in the calling task.
    async fn read<T, F>(
        &self,
        in_memory: impl FnOnce() -> Result<T, ReadFailure>,
        from_disk: impl FnOnce() -> F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Source, Reach) -> Result<T, ReadFailure> + Send + 'static,
    {
        let reach = match self.is_bulk {
            true => Reach::DiskInBulk,
            false => match in_memory() {
                Err(ReadFailure::NotInMemory) => Reach::Disk,
                answer => return answer.map_err(ReadFailure::into_error),
            },
        };
        let (source, read) = (self.clone(), from_disk());
        let answer = self.readers.run(move || read(&source, reach)).await?;
        answer.map_err(ReadFailure::into_error)
    }

    fn get_from(&self, space: KeySpace, key: &[u8], reach: Reach) -> Result<Option<Bytes>, ReadFailure> {
        self.database.get(self.moment(), space, key, reach)
    }

    fn get_many_from(&self, keys: &[Key], reach: Reach) -> Result<Vec<Option<Bytes>>, ReadFailure> {
        self.database.get_many(self.moment(), keys, reach)
    }

    fn range_from(&self, request: &RangeRequest<'_>, reach: Reach) -> Result<RangePage, ReadFailure> {
        self.database.range(self.moment(), request, reach)
    }

    fn moment(&self) -> Option<&rocksdb::Snapshot<'_>> {
        self.snapshot.as_deref().map(OwnedSnapshot::get)
    }
}

impl Read for Source {
    async fn get(&self, space: KeySpace, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let in_memory = || self.get_from(space, key, Reach::Memory);
        let from_disk = || {
            let key = key.to_vec();
            move |source: &Source, reach| source.get_from(space, &key, reach)
        };
        self.read(in_memory, from_disk).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>, StoreError> {
        let in_memory = || self.get_many_from(keys, Reach::Memory);
        let from_disk = || {
            let keys = keys.to_vec();
            move |source: &Source, reach| source.get_many_from(&keys, reach)
        };
        self.read(in_memory, from_disk).await
    }

    async fn range(&self, request: RangeRequest<'_>) -> Result<RangePage, StoreError> {
        let in_memory = || self.range_from(&request, Reach::Memory);
        let from_disk = || {
            let request = OwnedRange::from(&request);
            move |source: &Source, reach| source.range_from(&request.borrow(), reach)
        };
        self.read(in_memory, from_disk).await
    }
}

impl From<&RangeRequest<'_>> for OwnedRange {
    fn from(request: &RangeRequest<'_>) -> Self {
        OwnedRange {
            space: request.space,
            start: request.start.to_vec(),
            end: request.end.to_vec(),
            direction: request.direction,
            rows_max: request.rows_max,
            bytes_max: request.bytes_max,
        }
    }
}

impl OwnedRange {
    fn borrow(&self) -> RangeRequest<'_> {
        RangeRequest {
            space: self.space,
            start: &self.start,
            end: &self.end,
            direction: self.direction,
            rows_max: self.rows_max,
            bytes_max: self.bytes_max,
        }
    }
}
