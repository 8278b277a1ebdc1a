//! CSV: columns with names, from the first line or given.

use std::collections::HashMap;
use std::io::Read;

use csv::{ByteRecord, ReaderBuilder};

use super::limited::Limited;
use super::{Output, Stopped};

/// How CSV is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvOptions {
    /// What stands between two columns; by default a comma.
    pub delimiter: u8,
    /// The names of the columns; without them, the first line of each object has them.
    pub header: Option<Vec<String>>,
    /// The attributes of keys of the table and its indexes, and their types (S, N, B). All other columns
    /// are strings.
    pub key_attributes: Vec<(String, String)>,
}

impl Default for CsvOptions {
    fn default() -> Self {
        CsvOptions {
            delimiter: b',',
            header: None,
            key_attributes: Vec::new(),
        }
    }
}

pub fn read(source: Limited<impl Read>, options: &CsvOptions, output: &mut Output) -> Result<(), Stopped> {
    let mut reader = ReaderBuilder::new()
        .delimiter(options.delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(source);
    let mut record = ByteRecord::new();
    let header = match &options.header {
        Some(header) => header.clone(),
        None if reader
            .read_byte_record(&mut record)
            .map_err(|error| error.to_string())? =>
        {
            record
                .iter()
                .map(|name| String::from_utf8(name.to_vec()))
                .collect::<Result<_, _>>()
                .map_err(|_| "the line with the names of the columns is not UTF-8".to_owned())?
        }
        None => return Ok(()),
    };
    let key_types: HashMap<&str, &str> = options
        .key_attributes
        .iter()
        .map(|(name, key_type)| (name.as_str(), key_type.as_str()))
        .collect();
    let columns: Vec<(&str, &str)> = header
        .iter()
        .map(|name| {
            (
                name.as_str(),
                key_types.get(name.as_str()).copied().unwrap_or("S"),
            )
        })
        .collect();
    let mut text = Vec::new();
    loop {
        reader.get_mut().next_row();
        if !reader
            .read_byte_record(&mut record)
            .map_err(|error| error.to_string())?
        {
            return Ok(());
        }
        if record.len() != columns.len() {
            let told = format!(
                "it has {} columns where {} have names",
                record.len(),
                columns.len()
            );
            output.push(Err(told), record.as_slice().len())?;
            continue;
        }
        text.clear();
        match append_item(&columns, &record, &mut text) {
            Ok(()) => output.push_json(&text)?,
            Err(reason) => output.push(Err(reason), record.as_slice().len())?,
        }
    }
}

/// Writes a record as a row of DynamoDB JSON. A column without text is an attribute that is not there.
fn append_item(columns: &[(&str, &str)], record: &ByteRecord, out: &mut Vec<u8>) -> Result<(), String> {
    let quoted = |text: &str| serde_json::to_string(text).expect("text can always be written");
    out.extend_from_slice(b"{\"Item\":{");
    let mut is_first = true;
    for ((name, value_type), value) in columns.iter().zip(record) {
        if value.is_empty() {
            continue;
        }
        let value = std::str::from_utf8(value).map_err(|_| format!("its column `{name}` is not UTF-8"))?;
        if !is_first {
            out.push(b',');
        }
        is_first = false;
        let (name, value) = (quoted(name), quoted(value));
        out.extend_from_slice(format!("{name}:{{\"{value_type}\":{value}}}").as_bytes());
    }
    out.extend_from_slice(b"}}");
    Ok(())
}
