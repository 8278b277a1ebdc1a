//! A chunk of items: lines of DynamoDB JSON, compressed; small enough to be in memory as a whole.

use std::io::{self, Read};

use api::{AttributeMap, append_item_json, items_from_json};
use bytes::Bytes;
use model::Item;

use super::manifest::{ChunkEntry, sha256};
use crate::error::Error;
use crate::location::Location;
use crate::object_reader::blocking;

/// How much text a chunk has before the next one begins.
pub const CHUNK_TEXT_BYTES: usize = 4 << 20;
/// How much text a chunk is read with at most; the page that ends it may be longer than what it lacked.
const CHUNK_TEXT_BYTES_MAX: u64 = 128 << 20;
/// Fast, and twice as small as with no compression at all.
const ZSTD_LEVEL: i32 = 1;

/// Items on their way into a chunk.
#[derive(Default)]
pub struct ChunkText {
    text: Vec<u8>,
    pub item_count: u64,
    pub item_bytes: u64,
}

impl ChunkText {
    pub fn push(&mut self, item: &Item) {
        self.text.extend_from_slice(b"{\"Item\":");
        append_item_json(item, &mut self.text);
        self.text.extend_from_slice(b"}\n");
        self.item_count += 1;
        self.item_bytes += item.size_bytes() as u64;
    }

    pub fn is_full(&self) -> bool {
        self.text.len() >= CHUNK_TEXT_BYTES
    }

    /// Compresses the chunk with the number `number`; gives its object and what the manifest says of it.
    pub fn compress(self, number: usize) -> io::Result<(Bytes, ChunkEntry)> {
        let object = zstd::bulk::compress(&self.text, ZSTD_LEVEL)?;
        let entry = ChunkEntry {
            name: format!("chunks/{number:06}.json.zst"),
            item_count: self.item_count,
            object_bytes: object.len() as u64,
            sha256: sha256(&object),
        };
        Ok((Bytes::from(object), entry))
    }
}

/// Reads a chunk whose checksum is right, and gives its lines to `read`.
async fn read_chunk<T: Send + 'static>(
    folder: &Location,
    entry: &ChunkEntry,
    read: impl FnOnce(&[u8]) -> Result<T, String> + Send + 'static,
) -> Result<T, Error> {
    let object = folder.get(&entry.name).await.map_err(|error| match error {
        Error::Missing { object, .. } => Error::missing(object, "the backup's manifest names it"),
        error => error,
    })?;
    let (size_bytes, sum) = (entry.object_bytes, entry.sha256.clone());
    let work = blocking(move || {
        if object.len() as u64 != size_bytes {
            return Err(format!(
                "it has {} bytes where the manifest says {size_bytes}",
                object.len()
            ));
        }
        if sha256(&object) != sum {
            return Err("its SHA-256 checksum is not the one in the manifest".to_owned());
        }
        let mut text = Vec::new();
        zstd::Decoder::new(object.as_ref())
            .and_then(|decoder| decoder.take(CHUNK_TEXT_BYTES_MAX).read_to_end(&mut text))
            .map_err(|error| format!("it cannot be decompressed: {error}"))?;
        read(&text)
    });
    let done = work.await.map_err(|_| Error::Interrupted)?;
    done.map_err(|reason| Error::damaged(folder.shown(&entry.name), reason))
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

/// Verifies a chunk without reading its items one by one.
pub async fn verify_chunk(folder: &Location, entry: &ChunkEntry) -> Result<(), Error> {
    let expected = entry.item_count;
    read_chunk(folder, entry, move |text| match lines(text).count() as u64 {
        found if found == expected => Ok(()),
        found => Err(format!("it has {found} items where the manifest says {expected}")),
    })
    .await
}

/// The items of a chunk.
pub async fn chunk_items(folder: &Location, entry: &ChunkEntry) -> Result<Vec<AttributeMap>, Error> {
    read_chunk(folder, entry, |text| {
        lines(text)
            .map(|line| {
                let mut members = items_from_json(line)?;
                members
                    .swap_remove("Item")
                    .ok_or_else(|| "a line has no item".to_owned())
            })
            .collect()
    })
    .await
}
