//! DescribeScalingActivities.

use api::companion::Refusal;
use api::scaling::types::*;
use store::Store;

use super::record::{ACTIVITIES_KEPT_MS, Activity, from_stored};
use super::request::{Filter, Page, internal, seconds};
use crate::Engine;
use crate::error::from_store;
use crate::keys;
use crate::read::Pages;

pub(super) async fn describe<S: Store>(
    engine: &Engine<S>,
    input: DescribeScalingActivitiesRequest,
) -> Result<DescribeScalingActivitiesResponse, Refusal> {
    let page = Page::new(input.next_token.as_deref(), input.max_results)?;
    let filter = Filter::new(
        input.service_namespace,
        input.resource_id.map(|id| vec![id]),
        input.scalable_dimension,
    )?;
    let since_ms = engine.clock.now_ms().saturating_sub(ACTIVITIES_KEPT_MS);
    let mut found: Vec<(String, Activity)> = Vec::new();
    let mut pages = Pages::new(keys::CATALOG, keys::scaling_activities_prefix());
    while let Some(rows) = pages
        .next(&engine.store)
        .await
        .map_err(|error| internal(from_store(error)))?
    {
        for (_, value) in rows.iter() {
            let activity: Activity = from_stored(value).map_err(|error| internal(from_store(error)))?;
            if activity.start_ms >= since_ms && filter.admits(&activity.resource) {
                // The newest come first.
                let key = format!("{:020}{}", u64::MAX - activity.start_ms, activity.id);
                found.push((key, activity));
            }
        }
    }
    found.sort_by(|left, right| left.0.cmp(&right.0));
    let (activities, next_token) = page.of(found);
    let described = activities.into_iter().map(|activity| ScalingActivity {
        activity_id: activity.id,
        service_namespace: ServiceNamespace::Dynamodb,
        resource_id: activity.resource.id(),
        scalable_dimension: activity.resource.dimension(),
        description: activity.description,
        cause: activity.cause,
        start_time: seconds(activity.start_ms),
        end_time: Some(seconds(activity.end_ms)),
        status_code: match activity.is_successful {
            true => ScalingActivityStatusCode::Successful,
            false => ScalingActivityStatusCode::Failed,
        },
        status_message: Some(activity.message),
        ..ScalingActivity::default()
    });
    Ok(DescribeScalingActivitiesResponse {
        scaling_activities: Some(described.collect()),
        next_token,
    })
}
