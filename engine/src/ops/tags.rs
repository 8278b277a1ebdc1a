//! TagResource, UntagResource and ListTagsOfResource, and the checks of tags that CreateTable shares.

use std::collections::{BTreeMap, BTreeSet};

use api::types::{
    ListTagsOfResourceInput, ListTagsOfResourceOutput, TableStatus, Tag, TagResourceInput, TagResourceOutput,
    UntagResourceInput, UntagResourceOutput,
};
use api::{Context, Error, ErrorKind};
use store::Store;

use super::table_description::{Moment, table_status};
use super::table_errors::{in_use, invalid};
use crate::Engine;
use crate::error::from_store;

/// How many tags a table has at most.
const TAGS_MAX: usize = 50;
/// How many bytes the keys and values of a table's tags have at most.
const TAGS_BYTES_MAX: usize = 10_240;
/// How many characters a tag's key has at most.
const KEY_LENGTH_MAX: usize = 128;
/// How many characters a tag's value has at most.
const VALUE_LENGTH_MAX: usize = 256;

pub(crate) async fn tag_resource<S: Store>(
    engine: &Engine<S>,
    _: &Context,
    input: TagResourceInput,
) -> Result<TagResourceOutput, Error> {
    let resource = Resource::parse(&input.resource_arn)?;
    if input.tags.is_empty() {
        return Err(Error::validation(
            "Atleast one Tag needs to be provided as Input.",
        ));
    }
    check_tags(&input.tags)?;
    let name = resource.existing_table(engine).await?;
    let now_ms = engine.clock.now_ms();
    engine
        .change_descriptor(&name, move |change| {
            let descriptor = &mut change.descriptor;
            match table_status(descriptor, Moment::description(now_ms)) {
                TableStatus::Creating => Err(in_use(format_args!(
                    "Table is being created: {}",
                    descriptor.name
                ))),
                TableStatus::Deleting => Err(in_use(format_args!(
                    "Table is being deleted: {}",
                    descriptor.name
                ))),
                _ => merge_tags(&mut descriptor.tags, &input.tags),
            }
        })
        .await?;
    Ok(TagResourceOutput::default())
}

pub(crate) async fn untag_resource<S: Store>(
    engine: &Engine<S>,
    _: &Context,
    input: UntagResourceInput,
) -> Result<UntagResourceOutput, Error> {
    let resource = Resource::parse(&input.resource_arn)?;
    if input.tag_keys.is_empty() {
        return Err(Error::validation(
            "Atleast one Tag Key needs to be provided as Input.",
        ));
    }
    check_keys(input.tag_keys.iter().map(String::as_str))?;
    let name = resource.existing_table(engine).await?;
    let now_ms = engine.clock.now_ms();
    engine
        .change_descriptor(&name, move |change| {
            let descriptor = &mut change.descriptor;
            if table_status(descriptor, Moment::description(now_ms)) == TableStatus::Deleting {
                return Err(in_use(format_args!(
                    "Table is being deleted: {}",
                    descriptor.name
                )));
            }
            descriptor.tags.retain(|key, _| !input.tag_keys.contains(key));
            Ok(())
        })
        .await?;
    Ok(UntagResourceOutput::default())
}

pub(crate) async fn list_tags_of_resource<S: Store>(
    engine: &Engine<S>,
    context: &Context,
    input: ListTagsOfResourceInput,
) -> Result<ListTagsOfResourceOutput, Error> {
    let resource = Resource::parse(&input.resource_arn)?;
    let table = match resource.table_name {
        None => None,
        Some(name) => engine
            .catalog
            .table(&engine.store, name)
            .await
            .map_err(from_store)?,
    };
    // AWS-FACTS 25: what does not exist is not the caller's to list.
    let Some(table) = table else {
        return Err(Error::new(
            ErrorKind::AccessDeniedException,
            format!(
                "User: arn:aws:iam::{}:root is not authorized to perform: dynamodb:ListTagsOfResource on resource: {}",
                context.account_id, input.resource_arn
            ),
        ));
    };
    let tags = table.descriptor.tags.iter();
    Ok(ListTagsOfResourceOutput {
        tags: Some(
            tags.map(|(key, value)| Tag {
                key: key.clone(),
                value: value.clone(),
            })
            .collect(),
        ),
        next_token: None,
    })
}

/// What an ARN of a table or a stream names.
pub(super) struct Resource<'a> {
    arn: &'a str,
    /// The table's name; `None` for a stream: there are none.
    pub table_name: Option<&'a str>,
}

impl<'a> Resource<'a> {
    /// Reads an ARN. It counts by its resource part alone, whatever region and account it names.
    pub fn parse(arn: &'a str) -> Result<Self, Error> {
        if !arn.starts_with("arn:") {
            return Err(invalid(format_args!("ARNs must start with 'arn:': {arn}")));
        }
        let foreign = || invalid(format_args!("Provided Arn is not a DynamoDB resource arn: {arn}"));
        let mut parts = arn.splitn(6, ':').skip(2);
        let (Some("dynamodb"), Some(resource)) = (parts.next(), parts.nth(2)) else {
            return Err(foreign());
        };
        let path = resource.strip_prefix("table/").ok_or_else(foreign)?;
        let mut path = path.splitn(3, '/');
        let table_name = path.next().filter(|name| !name.is_empty()).ok_or_else(foreign)?;
        match path.next() {
            None => Ok(Resource {
                arn,
                table_name: Some(table_name),
            }),
            Some("stream") => Ok(Resource {
                arn,
                table_name: None,
            }),
            Some("backup" | "export" | "import") => Err(foreign()),
            Some(_) => Err(invalid(format_args!(
                "Invalid resource arn provided, only table or stream is accepted. Provided resource arn: {arn}"
            ))),
        }
    }

    /// The name of the table, which exists.
    async fn existing_table<S: Store>(&self, engine: &Engine<S>) -> Result<String, Error> {
        let not_found = || {
            Error::resource_not_found(format!(
                "Requested resource not found: ResourceArn: {} not found",
                self.arn
            ))
        };
        let name = self.table_name.ok_or_else(not_found)?;
        let table = engine
            .catalog
            .table(&engine.store, name)
            .await
            .map_err(from_store)?;
        Ok(table.ok_or_else(not_found)?.name().to_owned())
    }
}

fn is_tag_text(text: &str, lengths: std::ops::RangeInclusive<usize>) -> bool {
    let admits = |letter: char| {
        letter.is_alphanumeric()
            || (letter.is_whitespace() && !letter.is_control())
            || "+-=._:/@".contains(letter)
    };
    lengths.contains(&text.encode_utf16().count()) && text.chars().all(admits)
}

fn check_keys<'k>(keys: impl Iterator<Item = &'k str> + Clone) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    for key in keys {
        if !is_tag_text(key, 1..=KEY_LENGTH_MAX) {
            return Err(Error::validation(format!(
                "The Tag Key provided is invalid, Key: {key}"
            )));
        }
        if key
            .get(..4)
            .is_some_and(|start| start.eq_ignore_ascii_case("aws:"))
        {
            return Err(Error::validation(format!(
                "Tag Key cannot be prefixed with aws:, Key: {key}"
            )));
        }
        if !seen.insert(key) {
            return Err(Error::validation(format!(
                "Duplicate Tag Keys provided as input: Duplicate Tag Key found {key}"
            )));
        }
    }
    Ok(())
}

/// Refuses tags whose keys or values are none.
pub(super) fn check_tags(tags: &[Tag]) -> Result<(), Error> {
    check_keys(tags.iter().map(|tag| tag.key.as_str()))?;
    match tags
        .iter()
        .find(|tag| !is_tag_text(&tag.value, 0..=VALUE_LENGTH_MAX))
    {
        None => Ok(()),
        Some(tag) => Err(Error::validation(format!(
            "The Tag Value provided is invalid, Value: {}",
            tag.value
        ))),
    }
}

/// Adds checked tags to those that a table has; a key that it has gets the new value.
pub(super) fn merge_tags(tags: &mut BTreeMap<String, String>, added: &[Tag]) -> Result<(), Error> {
    tags.extend(added.iter().map(|tag| (tag.key.clone(), tag.value.clone())));
    if tags.len() > TAGS_MAX {
        return Err(Error::validation(
            "Number of Tags exceed the current limit for the provided ResourceArn",
        ));
    }
    let size_bytes: usize = tags.iter().map(|(key, value)| key.len() + value.len()).sum();
    if size_bytes > TAGS_BYTES_MAX {
        return Err(Error::validation(format!(
            "Tag set size {size_bytes} bytes is above max size limit of {TAGS_BYTES_MAX} bytes"
        )));
    }
    Ok(())
}
