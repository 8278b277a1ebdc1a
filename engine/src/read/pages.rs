//! Walking over all keys with a prefix.

use store::{Direction, KeySpace, RangePage, RangeRequest, Read, StoreError};

use super::key_range::{end_of, just_above};

/// How many rows a page holds at most, where the walk does not say.
const PAGE_ROWS_MAX: usize = 512;
/// About how many bytes a page holds at most.
const PAGE_BYTES_MAX: usize = 4 << 20;

/// All keys with a prefix, in order, a page at a time.
pub(crate) struct Pages {
    space: KeySpace,
    start: Vec<u8>,
    end: Vec<u8>,
    rows_max: usize,
    ended: bool,
}

impl Pages {
    /// The keys of `space` that begin with `prefix`.
    pub fn new(space: KeySpace, prefix: Vec<u8>) -> Self {
        Pages {
            space,
            end: end_of(&prefix),
            start: prefix,
            rows_max: PAGE_ROWS_MAX,
            ended: false,
        }
    }

    /// Those of them from `start` on.
    pub fn starting_at(mut self, start: Vec<u8>) -> Self {
        self.start = self.start.max(start);
        self.ended = self.start >= self.end;
        self
    }

    /// With pages of at most `rows_max` rows.
    pub fn of_rows(mut self, rows_max: usize) -> Self {
        self.rows_max = rows_max;
        self
    }

    /// The next page, each of its own moment; `None` after the last.
    pub async fn next<R: Read>(&mut self, store: &R) -> Result<Option<RangePage>, StoreError> {
        if self.ended {
            return Ok(None);
        }
        let request = RangeRequest {
            space: self.space,
            start: &self.start,
            end: &self.end,
            direction: Direction::Forward,
            rows_max: self.rows_max,
            bytes_max: PAGE_BYTES_MAX,
        };
        let page = store.range(request).await?;
        if page.is_empty() {
            return Ok(None);
        }
        self.ended = !page.more;
        self.start = just_above(page.key(page.len() - 1));
        Ok(Some(page))
    }
}
