//! DynamoDB JSON: a line for each item.

use std::io::{BufRead, BufReader, Read};

use super::limited::Limited;
use super::{Output, Stopped};

/// How much is read at once.
const BUFFER_BYTES: usize = 256 << 10;

pub fn read(source: Limited<impl Read>, output: &mut Output) -> Result<(), Stopped> {
    let mut source = BufReader::with_capacity(BUFFER_BYTES, source);
    let mut line = Vec::new();
    loop {
        line.clear();
        source.get_mut().next_row();
        let count = source
            .read_until(b'\n', &mut line)
            .map_err(|error| error.to_string())?;
        if count == 0 {
            return Ok(());
        }
        let text = line.trim_ascii();
        // An empty line is no row.
        if !text.is_empty() {
            output.push_json(text)?;
        }
    }
}
