//! ListTables.

use api::types::{ListTablesInput, ListTablesOutput};
use api::{Context, Error};
use store::{Direction, RangeRequest, Store};

use crate::Engine;
use crate::error::from_store;
use crate::keys;
use crate::read::{end_of, just_above};

/// How many names a page holds where the request does not say: the most that one may ask for.
const PAGE_NAMES: usize = 100;
/// About how many bytes of descriptors are read at once.
const READ_BYTES: usize = 1 << 20;

pub(crate) async fn list_tables<S: Store>(
    engine: &Engine<S>,
    _: &Context,
    input: ListTablesInput,
) -> Result<ListTablesOutput, Error> {
    let limit = input
        .limit
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(PAGE_NAMES);
    let mut start = match &input.exclusive_start_table_name {
        None => vec![keys::DESCRIPTOR_PREFIX],
        Some(name) => just_above(&keys::descriptor(name).bytes),
    };
    let end = end_of(&[keys::DESCRIPTOR_PREFIX]);
    let mut names: Vec<String> = Vec::new();
    // One name more than fits tells whether any follow.
    while names.len() <= limit && start < end {
        let page = engine
            .store
            .range(RangeRequest {
                space: keys::CATALOG,
                start: &start,
                end: &end,
                direction: Direction::Forward,
                rows_max: limit + 1 - names.len(),
                bytes_max: READ_BYTES,
            })
            .await
            .map_err(from_store)?;
        names.extend(
            page.iter()
                .map(|(key, _)| String::from_utf8_lossy(&key[1..]).into_owned()),
        );
        match page.len().checked_sub(1).filter(|_| page.more) {
            None => break,
            Some(last) => start = just_above(page.key(last)),
        }
    }
    let more = names.len() > limit;
    names.truncate(limit);
    Ok(ListTablesOutput {
        last_evaluated_table_name: names.last().filter(|_| more).cloned(),
        table_names: Some(names),
    })
}
