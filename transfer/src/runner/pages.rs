//! Pages of a table for who writes them to objects.

use futures_util::stream::{self, Stream};

use crate::error::Error;

/// A page, and where to go on behind it; `None` where a part of the log was read instead.
type Read<L> = Result<Option<(Vec<L>, Option<Vec<u8>>)>, api::Error>;

/// The pages that `read` gives from a key on, each read when it is asked for.
pub fn pages<L, R, F>(read: R) -> impl Stream<Item = Result<Vec<L>, Error>> + Send
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
            if let Some((lines, next)) = read(start.clone()).await? {
                return Ok(Some((lines, (next, read))));
            }
        }
    })
}
