//! An object read bit by bit on a thread that may wait, as decompressors and parsers want it.

use std::io::{self, Read};

use bytes::{Buf, Bytes};
use futures_util::StreamExt;
use md5::{Digest, Md5};
use object_store::ObjectStoreExt;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::error::Error;
use crate::location::Location;

/// How many pieces of an object wait to be read.
const PIECES_AHEAD_MAX: usize = 4;
/// How much is read at once where nothing is made of it but a checksum.
const READ_BYTES: usize = 64 << 10;

/// The bytes of an object, for a thread that may wait for them.
pub(crate) struct ObjectReader {
    pieces: mpsc::Receiver<Result<Bytes, object_store::Error>>,
    piece: Bytes,
    /// Its bytes so far.
    pub size_bytes: u64,
}

/// Begins to read an object.
pub(crate) async fn open(location: &Location, name: &str) -> Result<ObjectReader, Error> {
    let found = location.store().get(&location.path(name)).await;
    let mut stream = found.map_err(|error| location.failed(name, error))?.into_stream();
    let (sender, pieces) = mpsc::channel(PIECES_AHEAD_MAX);
    tokio::spawn(async move {
        while let Some(piece) = stream.next().await {
            // Whoever reads no further wants no more.
            if sender.send(piece).await.is_err() {
                break;
            }
        }
    });
    Ok(ObjectReader {
        pieces,
        piece: Bytes::new(),
        size_bytes: 0,
    })
}

impl Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                None => return Ok(0),
                Some(piece) => self.piece = piece.map_err(io::Error::other)?,
            }
        }
        let count = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..count]);
        self.size_bytes += count as u64;
        Ok(count)
    }
}

/// Runs on a thread that may wait; the result comes when it is done.
pub(crate) fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    tokio::task::spawn_blocking(work)
}

/// The MD5 checksum of a whole object.
pub(crate) async fn md5_of(location: &Location, name: &str) -> Result<[u8; 16], Error> {
    let mut reader = open(location, name).await?;
    let summed = blocking(move || -> io::Result<[u8; 16]> {
        let mut sum = Md5::new();
        let mut buffer = vec![0; READ_BYTES];
        loop {
            match reader.read(&mut buffer)? {
                0 => return Ok(sum.finalize().into()),
                count => sum.update(&buffer[..count]),
            }
        }
    });
    let summed = summed.await.map_err(|_| Error::Interrupted)?;
    summed.map_err(|error| read_failed(location, name, error))
}

/// What it means that an object could not be read to its end: the store failed, or what it holds is no
/// compressed stream.
pub(crate) fn read_failed(location: &Location, name: &str, error: io::Error) -> Error {
    match error.downcast::<object_store::Error>() {
        Ok(error) => location.failed(name, error),
        Err(error) => Error::damaged(location.shown(name), format!("it cannot be read: {error}")),
    }
}
