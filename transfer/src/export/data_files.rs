//! The data files of an export: lines, compressed, a new file where one has become large.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{FileEntry, Line, OutputFormat};
use crate::error::Error;
use crate::location::Location;
use crate::object_reader::blocking;
use crate::object_writer::ObjectWriter;
use crate::progress::Progress;

/// How much text a data file has before the next one begins.
const FILE_TEXT_BYTES: u64 = 256 << 20;
/// How many characters the names of data files have.
const NAME_CHARACTERS: usize = 26;
/// What they are made of.
const NAME_ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The data files of an export that is being written.
pub struct DataFiles<'l> {
    destination: &'l Location,
    folder: String,
    format: OutputFormat,
    file: Option<DataFile>,
    entries: Vec<FileEntry>,
    totals: Totals,
}

/// What all files hold.
#[derive(Clone, Copy, Default)]
pub struct Totals {
    pub progress: Progress,
    pub item_bytes: u64,
}

struct DataFile {
    writer: ObjectWriter,
    key: String,
    /// `None` only while a page is being compressed.
    encoder: Option<GzEncoder<Vec<u8>>>,
    text_bytes: u64,
    item_count: u64,
}

impl<'l> DataFiles<'l> {
    pub fn new(destination: &'l Location, folder: String, format: OutputFormat) -> Self {
        DataFiles {
            destination,
            folder,
            format,
            file: None,
            entries: Vec::new(),
            totals: Totals::default(),
        }
    }

    pub fn progress(&self) -> Progress {
        self.totals.progress
    }

    fn begin(&self, random: &mut fastrand::Rng) -> DataFile {
        let name: String = (0..NAME_CHARACTERS)
            .map(|_| char::from(NAME_ALPHABET[random.usize(..NAME_ALPHABET.len())]))
            .collect();
        let name = format!("{}/{name}.{}", self.folder, self.format.extension());
        DataFile {
            writer: ObjectWriter::new(self.destination, &name),
            key: self.destination.name_of(&name),
            encoder: Some(GzEncoder::new(Vec::new(), Compression::default())),
            text_bytes: 0,
            item_count: 0,
        }
    }

    /// Writes a page of lines.
    pub async fn write<L: Line>(&mut self, page: Vec<L>, random: &mut fastrand::Rng) -> Result<(), Error> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => self.begin(random),
        };
        let count = page.len() as u64;
        self.totals.item_bytes += page.iter().map(|line| line.size_bytes() as u64).sum::<u64>();
        let written = file.write(page, self.format).await;
        // Kept also where it failed: it is to be given up then.
        let file = self.file.insert(file);
        self.totals.progress.object_bytes += written?;
        self.totals.progress.items += count;
        if file.text_bytes >= FILE_TEXT_BYTES {
            self.end_file().await?;
        }
        Ok(())
    }

    async fn end_file(&mut self) -> Result<(), Error> {
        if let Some(file) = self.file.take() {
            let (entry, added_bytes) = file.finish().await?;
            self.totals.progress.object_bytes += added_bytes;
            self.entries.push(entry);
        }
        Ok(())
    }

    /// Ends the last file. An export without items has a file without lines.
    pub async fn finish(mut self, random: &mut fastrand::Rng) -> Result<(Vec<FileEntry>, Totals), Error> {
        if self.file.is_none() && self.entries.is_empty() {
            self.file = Some(self.begin(random));
        }
        self.end_file().await?;
        Ok((self.entries, self.totals))
    }

    /// Gives up the file that is being written.
    pub async fn abort(self) {
        if let Some(file) = self.file {
            file.writer.abort().await;
        }
    }
}

impl DataFile {
    /// Writes lines; gives how many bytes of the object they made.
    async fn write<L: Line>(&mut self, page: Vec<L>, format: OutputFormat) -> Result<u64, Error> {
        let Some(mut encoder) = self.encoder.take() else {
            return Err(Error::Interrupted);
        };
        self.item_count += page.len() as u64;
        // Compression takes long enough to hold up whoever shares the thread.
        let work = blocking(move || {
            let mut text = Vec::new();
            page.iter().for_each(|line| line.append(format, &mut text));
            encoder.write_all(&text).expect("memory takes what is written");
            (encoder, text.len())
        });
        let (mut encoder, text_bytes) = work.await.map_err(|_| Error::Interrupted)?;
        self.text_bytes += text_bytes as u64;
        let compressed = std::mem::take(encoder.get_mut());
        self.encoder = Some(encoder);
        self.writer.write(&compressed).await?;
        Ok(compressed.len() as u64)
    }

    async fn finish(mut self) -> Result<(FileEntry, u64), Error> {
        let encoder = self.encoder.take().ok_or(Error::Interrupted)?;
        let compressed = encoder.finish().expect("memory takes what is written");
        self.writer.write(&compressed).await?;
        let written = self.writer.finish().await?;
        let entry = FileEntry {
            item_count: self.item_count,
            md5_checksum: written.md5_base64,
            etag: written.etag,
            data_file_s3_key: self.key,
        };
        Ok((entry, compressed.len() as u64))
    }
}
