//! TagResource, UntagResource and ListTagsForResource.

use std::collections::BTreeMap;

use api::companion::Refusal;
use api::scaling::ErrorKind;
use api::scaling::types::*;
use store::Store;

use super::record::{Changed, Target};
use super::request::{internal, invalid};
use crate::Engine;

/// How many tags a target has at most.
const TAGS_MAX: usize = 50;

/// Refuses tags that no target may have.
pub(super) fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), Refusal> {
    if tags.len() > TAGS_MAX {
        return Err(invalid(format!(
            "A scalable target can have at most {TAGS_MAX} tags"
        )));
    }
    match tags.keys().find(|key| key.starts_with("aws:")) {
        Some(_) => Err(invalid(
            "Tag keys starting with 'aws:' are reserved for system use",
        )),
        None => Ok(()),
    }
}

/// The target that an ARN names, whatever region and account it names.
async fn target_of<S: Store>(engine: &Engine<S>, arn: &str) -> Result<Target, Refusal> {
    let id = arn.rsplit('/').next().unwrap_or(arn);
    let found = engine.targets_that(|_| true).await?;
    found.into_iter().find(|target| target.id == id).ok_or_else(|| {
        ErrorKind::ResourceNotFoundException.because(format!("The resource {arn} could not be found"))
    })
}

async fn change_tags<S: Store>(
    engine: &Engine<S>,
    arn: &str,
    change: impl Fn(&mut BTreeMap<String, String>) + Send + 'static,
) -> Result<(), Refusal> {
    let target = target_of(engine, arn).await?;
    let arn = arn.to_owned();
    engine
        .change_target(&target.resource, move |before| match before {
            None => Changed::Same(Err(ErrorKind::ResourceNotFoundException
                .because(format!("The resource {arn} could not be found")))),
            Some(mut target) => {
                change(&mut target.tags);
                if target.tags.len() > TAGS_MAX {
                    return Changed::Same(Err(ErrorKind::TooManyTagsException
                        .because(format!("A scalable target can have at most {TAGS_MAX} tags"))));
                }
                Changed::Now(Box::new(target), Vec::new(), Ok(()))
            }
        })
        .await
        .map_err(internal)?
}

pub(super) async fn tag<S: Store>(
    engine: &Engine<S>,
    input: TagResourceRequest,
) -> Result<TagResourceResponse, Refusal> {
    let tags: BTreeMap<String, String> = input.tags.into_iter().collect();
    check_tags(&tags)?;
    change_tags(engine, &input.resource_arn, move |known| {
        known.extend(tags.clone())
    })
    .await?;
    Ok(TagResourceResponse::default())
}

pub(super) async fn untag<S: Store>(
    engine: &Engine<S>,
    input: UntagResourceRequest,
) -> Result<UntagResourceResponse, Refusal> {
    let keys = input.tag_keys;
    change_tags(engine, &input.resource_arn, move |known| {
        known.retain(|key, _| !keys.contains(key));
    })
    .await?;
    Ok(UntagResourceResponse::default())
}

pub(super) async fn list<S: Store>(
    engine: &Engine<S>,
    input: ListTagsForResourceRequest,
) -> Result<ListTagsForResourceResponse, Refusal> {
    let target = target_of(engine, &input.resource_arn).await?;
    Ok(ListTagsForResourceResponse {
        tags: Some(target.tags.into_iter().collect()),
    })
}
