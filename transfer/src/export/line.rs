//! What a line of an export holds.

use api::append_item_json;
use model::Item;

use super::{OutputFormat, ion};

/// What can be a line of an export.
pub trait Line: Send + 'static {
    /// Appends it as a line, with the line's end.
    fn append(&self, format: OutputFormat, out: &mut Vec<u8>);

    /// What it measures, as the service bills it, in bytes.
    fn size_bytes(&self) -> usize;
}

impl Line for Item {
    fn append(&self, format: OutputFormat, out: &mut Vec<u8>) {
        match format {
            OutputFormat::DynamodbJson => {
                out.extend_from_slice(b"{\"Item\":");
                append_item_json(self, out);
                out.extend_from_slice(b"}\n");
            }
            OutputFormat::Ion => ion::append_item(self, out),
        }
    }

    fn size_bytes(&self) -> usize {
        Item::size_bytes(self)
    }
}

/// What became of an item in the period of an incremental export.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Its key.
    pub keys: Item,
    /// When it was last written, in microseconds since the Unix epoch.
    pub write_time_micros: u64,
    /// The item before the period, where it was there and is to be shown.
    pub old_image: Option<Item>,
    /// The item at the end of the period; `None` where it was deleted.
    pub new_image: Option<Item>,
}

impl Line for Change {
    fn append(&self, format: OutputFormat, out: &mut Vec<u8>) {
        if format == OutputFormat::Ion {
            return ion::append_change(self, out);
        }
        let time = self.write_time_micros;
        let metadata = format!("{{\"Metadata\":{{\"WriteTimestampMicros\":{{\"N\":\"{time}\"}}}},\"Keys\":");
        out.extend_from_slice(metadata.as_bytes());
        append_item_json(&self.keys, out);
        for (name, image) in [("OldImage", &self.old_image), ("NewImage", &self.new_image)] {
            if let Some(image) = image {
                out.extend_from_slice(format!(",\"{name}\":").as_bytes());
                append_item_json(image, out);
            }
        }
        out.extend_from_slice(b"}\n");
    }

    fn size_bytes(&self) -> usize {
        let images = [&self.old_image, &self.new_image];
        let images = images.into_iter().flatten().map(Item::size_bytes);
        self.keys.size_bytes() + images.sum::<usize>()
    }
}
