//! The log of refused rows, with the members that the service's log of an import has: which object, which
//! row, why. A JSON object a line, of bounded length.

use serde_json::json;

use crate::location::Location;

/// How many rows it names at most.
const ROWS_MAX: usize = 1000;
/// How long the reason of one row may be, in bytes.
const REASON_BYTES_MAX: usize = 2048;

/// The log of an import.
#[derive(Debug, Default)]
pub struct ErrorLog {
    text: Vec<u8>,
    row_count: u64,
    first: Option<String>,
}

impl ErrorLog {
    /// Notes why a row was refused.
    pub fn add(&mut self, location: &Location, name: &str, index: u64, reason: &str) {
        let mut reason = reason.to_owned();
        let mut ends = (0..=reason.len().min(REASON_BYTES_MAX)).rev();
        reason.truncate(ends.find(|end| reason.is_char_boundary(*end)).unwrap_or(0));
        if self.first.is_none() {
            self.first = Some(format!("row {index} of {}: {reason}", location.shown(name)));
        }
        if self.row_count == ROWS_MAX as u64 {
            return;
        }
        self.row_count += 1;
        let pointer =
            json!({ "bucket": location.bucket(), "key": location.name_of(name), "itemIndex": index });
        self.line(&json!({ "itemS3Pointer": pointer, "errorMessages": [reason] }));
    }

    /// The first refused row, in words.
    pub fn first(&self) -> Option<&str> {
        self.first.as_deref()
    }

    /// The text of the log of an import that refused so many rows.
    pub fn into_text(mut self, error_count: u64) -> Vec<u8> {
        let left_out = error_count - self.row_count;
        if left_out > 0 {
            self.line(&json!({ "rowsLeftOut": left_out }));
        }
        self.text
    }

    fn line(&mut self, line: &serde_json::Value) {
        serde_json::to_writer(&mut self.text, line).expect("JSON can always be written to memory");
        self.text.push(b'\n');
    }
}
