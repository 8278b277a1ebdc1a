//! Reading a request body: within its size, its time, and the memory that all bodies share.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::body::{Body as _, Incoming};
use hyper::header;

use crate::compression::{Coding, Inflater, UnknownCoding};
use crate::config::{SMALL_BODY_BYTES, ServerConfig};
use crate::fault::Fault;
use crate::memory::{Memory, Share};
use crate::timed_io::{Clock, Overdue, within_phase};

/// A whole request body, expanded.
pub(crate) struct Body {
    pub bytes: Bytes,
    /// What it takes of the memory for large bodies, given back when the request is answered.
    _share: Option<Share>,
}

/// Why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// It has more bytes than the limit, before or after expansion.
    TooLarge,
    /// It did not come in time.
    Slow,
    /// It broke off, or its chunks are framed wrongly.
    Broken,
    /// It cannot be expanded.
    Encoding(String),
}

/// The bounds on bodies, and the memory that the large ones share.
pub(crate) struct BodyBounds {
    pub max_bytes: usize,
    memory: Memory,
}

/// How much of a body that is too large is read and thrown away, so that a client which sends
/// first and reads later gets to see the answer. In bytes.
const DISCARD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How often what a large body says is in memory until it is answered: as it came, decoded, and as
/// what is written.
const COPIES: usize = 3;

impl BodyBounds {
    pub fn new(config: &ServerConfig) -> Self {
        let total = config.max_body_bytes_total.max(COPIES * config.max_body_bytes);
        BodyBounds {
            max_bytes: config.max_body_bytes,
            memory: Memory::new(total),
        }
    }

    /// How much memory large bodies take, and how much they may take, in bytes.
    pub fn used_bytes(&self) -> (usize, usize) {
        self.memory.used_bytes()
    }

    /// Waits for memory for a body of `size_bytes`.
    async fn share(&self, size_bytes: usize, clock: &Clock) -> Result<Share, BodyError> {
        let share = self.memory.share(COPIES * size_bytes, clock).await;
        share.map_err(|Overdue| BodyError::Slow)
    }
}

impl BodyError {
    /// The answer to it.
    pub fn into_fault(self, bounds: &BodyBounds) -> Fault {
        match self {
            BodyError::TooLarge => Fault::too_large(bounds.max_bytes),
            BodyError::Slow => Fault::slow_body(),
            BodyError::Broken => Fault::broken_body(),
            BodyError::Encoding(detail) => Fault::bad_encoding(&detail),
        }
    }
}

/// Reads and expands a body.
pub(crate) async fn read(
    headers: &HeaderMap,
    mut incoming: Incoming,
    bounds: &BodyBounds,
    clock: &Clock,
) -> Result<Body, BodyError> {
    let coding = Coding::of(headers)
        .map_err(|UnknownCoding| BodyError::Encoding("Content-Encoding is not gzip or deflate".to_owned()))?;
    let result = collect(&mut incoming, bounds, clock).await;
    // Who asks first whether to send the body at all is told by the answer.
    if matches!(result, Err(BodyError::TooLarge)) && !headers.contains_key(header::EXPECT) {
        discard(&mut incoming, clock).await;
    }
    match (coding, result?) {
        (None, body) => Ok(body),
        (Some(_), body) if body.bytes.is_empty() => Ok(body),
        (Some(coding), body) => expand(coding, body, bounds, clock).await,
    }
}

/// The next piece of the body, or `None` at its end.
async fn next_piece(incoming: &mut Incoming, clock: &Clock) -> Result<Option<Bytes>, BodyError> {
    loop {
        let frame = match within_phase(clock, incoming.frame()).await {
            Err(Overdue) => return Err(BodyError::Slow),
            Ok(None) => return Ok(None),
            Ok(Some(Err(_))) => return Err(BodyError::Broken),
            Ok(Some(Ok(frame))) => frame,
        };
        // Trailers say nothing that is used.
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
}

/// Puts the pieces together. A body that comes in one piece stays where it was read.
async fn collect(incoming: &mut Incoming, bounds: &BodyBounds, clock: &Clock) -> Result<Body, BodyError> {
    let declared = incoming
        .size_hint()
        .exact()
        .map(|size| usize::try_from(size).unwrap_or(usize::MAX));
    if declared.is_some_and(|size| size > bounds.max_bytes) {
        return Err(BodyError::TooLarge);
    }
    let Some(first) = next_piece(incoming, clock).await? else {
        return Ok(Body {
            bytes: Bytes::new(),
            _share: None,
        });
    };
    if incoming.is_end_stream() && first.len() <= bounds.max_bytes {
        return Ok(Body {
            bytes: first,
            _share: None,
        });
    }

    // Memory follows what has come, not what is announced, until there is a share for all of it.
    let mut share = None;
    let mut all = BytesMut::with_capacity(declared.unwrap_or(0).min(SMALL_BODY_BYTES));
    let mut piece = Some(first);
    while let Some(data) = piece {
        if data.len() > bounds.max_bytes - all.len() {
            return Err(BodyError::TooLarge);
        }
        if share.is_none() && all.len() + data.len() > SMALL_BODY_BYTES {
            let whole = declared.unwrap_or(bounds.max_bytes);
            share = Some(bounds.share(whole, clock).await?);
            all.reserve(declared.unwrap_or(0).saturating_sub(all.len()));
        }
        all.extend_from_slice(&data);
        piece = next_piece(incoming, clock).await?;
    }
    Ok(Body {
        bytes: all.freeze(),
        _share: share,
    })
}

/// Reads and forgets what is left of a body, within bounds.
async fn discard(incoming: &mut Incoming, clock: &Clock) {
    let mut discarded_bytes = 0;
    while let Ok(Some(data)) = next_piece(incoming, clock).await {
        discarded_bytes += data.len();
        if discarded_bytes > DISCARD_BYTES_MAX {
            return;
        }
    }
}

/// Expands a compressed body: a small one here, a large one on a thread that may take its time.
async fn expand(coding: Coding, body: Body, bounds: &BodyBounds, clock: &Clock) -> Result<Body, BodyError> {
    let broken = |error: std::io::Error| BodyError::Encoding(error.to_string());
    let mut inflater = Inflater::new(coding, body.bytes);
    if inflater
        .run(SMALL_BODY_BYTES.min(bounds.max_bytes))
        .map_err(broken)?
    {
        return Ok(Body {
            bytes: inflater.into_output(),
            _share: None,
        });
    }
    // The share of the compressed form goes first: holding one and waiting for another could last.
    drop(body._share);
    let share = bounds.share(bounds.max_bytes, clock).await?;
    let max_bytes = bounds.max_bytes;
    let expanded = tokio::task::spawn_blocking(move || {
        let complete = inflater.run(max_bytes)?;
        Ok(complete.then(|| inflater.into_output()))
    });
    match expanded.await.map_err(|_| BodyError::Broken)?.map_err(broken)? {
        Some(bytes) => Ok(Body {
            bytes,
            _share: Some(share),
        }),
        None => Err(BodyError::TooLarge),
    }
}
