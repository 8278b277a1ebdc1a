//! ListTables.

use api::types::{ListTablesInput, ListTablesOutput};
use api::{Context, Error};
use store::Store;

use crate::Engine;
use crate::error::from_store;
use crate::keys;
use crate::read::{Pages, just_above};

/// How many names a page holds where the request does not say: the most that one may ask for.
const PAGE_NAMES: usize = 100;

pub(crate) async fn list_tables<S: Store>(
    engine: &Engine<S>,
    _: &Context,
    input: ListTablesInput,
) -> Result<ListTablesOutput, Error> {
    let limit = input
        .limit
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(PAGE_NAMES);
    // One name more than fits tells whether any follow.
    let mut pages = Pages::new(keys::CATALOG, vec![keys::DESCRIPTOR_PREFIX]).of_rows(limit + 1);
    if let Some(name) = &input.exclusive_start_table_name {
        pages = pages.starting_at(just_above(&keys::descriptor(name).bytes));
    }
    let mut names: Vec<String> = Vec::new();
    while names.len() <= limit
        && let Some(page) = pages.next(&engine.store).await.map_err(from_store)?
    {
        names.extend(
            page.iter()
                .map(|(key, _)| String::from_utf8_lossy(&key[1..]).into_owned()),
        );
    }
    let more = names.len() > limit;
    names.truncate(limit);
    Ok(ListTablesOutput {
        last_evaluated_table_name: names.last().filter(|_| more).cloned(),
        table_names: Some(names),
    })
}
