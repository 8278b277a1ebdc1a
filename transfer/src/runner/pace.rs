//! Pages of a table for who writes them to objects, at a pace that leaves the machine to requests.

use std::time::{Duration, Instant};

use futures_util::stream::{self, Stream};

use crate::error::Error;

/// The longest rest.
const REST_MAX: Duration = Duration::from_millis(100);

/// A page, and where to go on behind it; `None` where a part of the log was read instead.
type Read<L> = Result<Option<(Vec<L>, Option<Vec<u8>>)>, api::Error>;

/// The pages that `read` gives from a key on. Between two of them there is a rest, as long as the reading
/// of the last one took: requests come first.
pub fn paced<L, R, F>(read: R) -> impl Stream<Item = Result<Vec<L>, Error>> + Send
where
    L: Send,
    R: Fn(Vec<u8>) -> F + Send,
    F: Future<Output = Read<L>> + Send,
{
    // Where to go on, which the first page does not have; `None` at the end.
    stream::try_unfold((Some(Vec::new()), read), |(position, read)| async move {
        let Some(start) = position else {
            return Ok(None);
        };
        loop {
            let began = Instant::now();
            let page = read(start.clone()).await?;
            tokio::time::sleep(began.elapsed().min(REST_MAX)).await;
            if let Some((lines, next)) = page {
                return Ok(Some((lines, (next, read))));
            }
        }
    })
}
