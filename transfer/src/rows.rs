//! The rows of an import's objects: read, decompressed and parsed on a thread of their own, a batch at a
//! time.

mod csv;
mod ion;
mod json_lines;
mod limited;
mod nesting;

use std::io::{BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use api::{AttributeMap, items_from_json};
use tokio::sync::mpsc;

use self::limited::Limited;
use crate::compression::Compression;
use crate::error::Error;
use crate::location::Location;
use crate::object_reader::{self, ObjectReader};

pub use self::csv::CsvOptions;

/// What the objects of an import hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputFormat {
    /// A line for each item, `{"Item":{...}}`.
    DynamodbJson,
    /// Amazon Ion, text or binary: `{Item:{...}}` for each item, or lists of such.
    Ion,
    /// Columns with names; all but the attributes of keys become strings.
    Csv(CsvOptions),
}

/// A row of an object.
#[derive(Debug)]
pub(crate) struct Row {
    /// Its place in the object; the first has 0.
    pub index: u64,
    /// The item, or why it is none.
    pub item: Result<AttributeMap, String>,
}

/// How many rows a batch has at most.
const BATCH_ROWS_MAX: usize = 256;
/// About how many bytes of items a batch has at most.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// How many batches wait at most.
const BATCHES_AHEAD_MAX: usize = 2;
/// How large a line or a value may be: an item of 400 KB with everything in it escaped is smaller. A
/// list of all items in one Ion value may be as large, too.
const ROW_BYTES_MAX: u64 = 64 << 20;

/// The rows of one object, in batches.
pub(crate) struct Rows {
    batches: mpsc::Receiver<Vec<Row>>,
    /// How many bytes of the object have been read.
    read_bytes: Arc<AtomicU64>,
}

impl Rows {
    /// Begins to read an object.
    pub async fn open(
        location: &Location,
        name: &str,
        format: &InputFormat,
        compression: Compression,
    ) -> Result<Self, Error> {
        let reader = object_reader::open(location, name).await?;
        let read_bytes = Arc::new(AtomicU64::new(0));
        let counted = Counted {
            reader,
            read_bytes: read_bytes.clone(),
        };
        let (sender, batches) = mpsc::channel(BATCHES_AHEAD_MAX);
        let format = format.clone();
        object_reader::blocking(move || {
            let mut output = Output::new(sender);
            if let Err(Stopped(Some(reason))) = read_rows(counted, &format, compression, &mut output) {
                let rest = format!("{reason}; the rest of the object is skipped");
                // Whoever reads no further wants to hear nothing of it.
                let _told = output.push(Err(rest), 0);
            }
            let _told = output.flush();
        });
        Ok(Rows { batches, read_bytes })
    }

    /// The next rows; `None` at the end.
    pub async fn next(&mut self) -> Option<Vec<Row>> {
        self.batches.recv().await
    }

    /// How many bytes of the object have been read.
    pub fn read_bytes(&self) -> u64 {
        self.read_bytes.load(Ordering::Relaxed)
    }
}

/// Why reading ended before the end of the object: with a reason, or because nobody wants more.
struct Stopped(Option<String>);

impl From<String> for Stopped {
    fn from(reason: String) -> Self {
        Stopped(Some(reason))
    }
}

fn read_rows(
    source: Counted,
    format: &InputFormat,
    compression: Compression,
    output: &mut Output,
) -> Result<(), Stopped> {
    let decompressed = compression
        .reader(BufReader::new(source))
        .map_err(|error| error.to_string())?;
    let limited = Limited::new(decompressed, ROW_BYTES_MAX);
    match format {
        InputFormat::DynamodbJson => json_lines::read(limited, output),
        InputFormat::Ion => ion::read(limited, output),
        InputFormat::Csv(options) => csv::read(limited, options, output),
    }
}

/// Counts what is read of an object, for whoever shows progress.
struct Counted {
    reader: ObjectReader,
    read_bytes: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.read_bytes.store(self.reader.size_bytes, Ordering::Relaxed);
        Ok(count)
    }
}

/// Takes rows from a parser and sends them in batches.
struct Output {
    sender: mpsc::Sender<Vec<Row>>,
    batch: Vec<Row>,
    batch_bytes: usize,
    next_index: u64,
}

impl Output {
    fn new(sender: mpsc::Sender<Vec<Row>>) -> Self {
        Output {
            sender,
            batch: Vec::new(),
            batch_bytes: 0,
            next_index: 0,
        }
    }

    /// Takes a row whose text had about `size_bytes`.
    fn push(&mut self, item: Result<AttributeMap, String>, size_bytes: usize) -> Result<(), Stopped> {
        self.batch.push(Row {
            index: self.next_index,
            item,
        });
        self.next_index += 1;
        self.batch_bytes += size_bytes;
        match self.batch.len() >= BATCH_ROWS_MAX || self.batch_bytes >= BATCH_BYTES_MAX {
            true => self.flush(),
            false => Ok(()),
        }
    }

    /// Takes a row that is an item of DynamoDB JSON: every format is led through it, so that all are
    /// judged alike.
    fn push_json(&mut self, text: &[u8]) -> Result<(), Stopped> {
        let item = items_from_json(text).and_then(|mut members| {
            members
                .swap_remove("Item")
                .ok_or_else(|| "it has no member `Item`".to_owned())
        });
        self.push(item, text.len())
    }

    fn flush(&mut self) -> Result<(), Stopped> {
        self.batch_bytes = 0;
        let batch = std::mem::take(&mut self.batch);
        match batch.is_empty() {
            true => Ok(()),
            false => self.sender.blocking_send(batch).map_err(|_| Stopped(None)),
        }
    }
}
