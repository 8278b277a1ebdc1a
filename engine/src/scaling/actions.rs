//! PutScheduledAction, DeleteScheduledAction and DescribeScheduledActions.

use api::Context;
use api::companion::Refusal;
use api::scaling::ErrorKind;
use api::scaling::types::*;
use store::Store;

use super::record::{Action, Changed};
use super::request::{
    Filter, Page, action_arn, internal, invalid, milliseconds, no_target, resource, seconds,
};
use super::schedule::{self, Schedule};
use super::targets::{key_text, units};
use crate::Engine;

/// How many scheduled actions a target has at most.
const ACTIONS_MAX: usize = 200;

impl Action {
    /// When it is due next after a time, within the time for which it is good.
    pub(super) fn next_ms(&self, after_ms: u64) -> Option<u64> {
        let schedule = Schedule::parse(&self.schedule)?;
        let zone = schedule::zone(self.timezone.as_deref())?;
        let base_ms = self.start_ms.unwrap_or(self.created_ms);
        // An action may be due at the very time from which it is good.
        let after_ms = match self.start_ms {
            Some(start_ms) if start_ms > after_ms => start_ms - 1,
            _ => after_ms,
        };
        let next_ms = schedule.next_ms(&zone, base_ms, after_ms)?;
        (self.end_ms.is_none_or(|end_ms| next_ms <= end_ms)).then_some(next_ms)
    }
}

pub(super) async fn put<S: Store>(
    engine: &Engine<S>,
    input: PutScheduledActionRequest,
) -> Result<PutScheduledActionResponse, Refusal> {
    let resource = resource(
        input.service_namespace,
        &input.resource_id,
        input.scalable_dimension,
    )?;
    let now_ms = engine.clock.now_ms();
    let (start_ms, end_ms) = (
        input.start_time.map(milliseconds),
        input.end_time.map(milliseconds),
    );
    if let Some(text) = &input.schedule
        && Schedule::parse(text).is_none()
    {
        return Err(invalid(format!("Invalid schedule expression: {text}")));
    }
    if schedule::zone(input.timezone.as_deref()).is_none() {
        let name = input.timezone.unwrap_or_default();
        return Err(invalid(format!("Invalid time zone: {name}")));
    }
    if let (Some(start_ms), Some(end_ms)) = (start_ms, end_ms)
        && start_ms >= end_ms
    {
        return Err(invalid("Start time must be before end time"));
    }
    let bounds = input
        .scalable_target_action
        .map(|action| (action.min_capacity, action.max_capacity));
    match bounds {
        Some((None, None)) => {
            return Err(invalid(
                "Either minimum capacity or maximum capacity must be specified",
            ));
        }
        Some((Some(min), Some(max))) if max < min => {
            return Err(invalid("Maximum capacity cannot be less than minimum capacity"));
        }
        Some((min, max)) if min.is_some_and(|min| min < 1) || max.is_some_and(|max| max < 1) => {
            return Err(invalid("Capacity must be greater than or equal to 1"));
        }
        _ => {}
    }
    let id = engine.new_uuid();
    let missing = no_target(&resource);
    let name = input.scheduled_action_name;
    engine
        .change_target(&resource, move |before| {
            let Some(mut target) = before else {
                return Changed::Same(Err(missing.clone()));
            };
            let known = target.actions.remove(&name);
            if known.is_none() && target.actions.len() >= ACTIONS_MAX {
                return Changed::Same(Err(ErrorKind::LimitExceededException.because(format!(
                    "A scalable target can have at most {ACTIONS_MAX} scheduled actions"
                ))));
            }
            let Some(schedule) = input
                .schedule
                .clone()
                .or(known.as_ref().map(|known| known.schedule.clone()))
            else {
                return Changed::Same(Err(invalid(
                    "Schedule must be specified for a new scheduled action",
                )));
            };
            let kept = known.as_ref().map(|known| {
                let units = |units: Option<i64>| units.and_then(|units| i32::try_from(units).ok());
                (units(known.min_units), units(known.max_units))
            });
            let Some((min, max)) = bounds.or(kept) else {
                return Changed::Same(Err(invalid(
                    "Scalable target action must be specified for a new scheduled action",
                )));
            };
            let mut action = Action {
                id: known
                    .as_ref()
                    .map_or_else(|| id.clone(), |known| known.id.clone()),
                schedule,
                timezone: input.timezone.clone(),
                start_ms,
                end_ms,
                min_units: min.map(i64::from),
                max_units: max.map(i64::from),
                created_ms: known.map_or(now_ms, |known| known.created_ms),
                due_ms: None,
            };
            action.due_ms = action.next_ms(now_ms);
            target.actions.insert(name.clone(), action);
            Changed::Now(Box::new(target), Vec::new(), Ok(()))
        })
        .await
        .map_err(internal)??;
    engine.schedule_scaling();
    Ok(PutScheduledActionResponse::default())
}

pub(super) async fn delete<S: Store>(
    engine: &Engine<S>,
    input: DeleteScheduledActionRequest,
) -> Result<DeleteScheduledActionResponse, Refusal> {
    let resource = resource(
        input.service_namespace,
        &input.resource_id,
        input.scalable_dimension,
    )?;
    let name = input.scheduled_action_name;
    let missing = ErrorKind::ObjectNotFoundException.because(format!(
        "No scheduled action found for {}, scheduled action name: {name}",
        resource.described()
    ));
    engine
        .remove_of_target(&resource, missing, move |target| {
            target.actions.remove(&name).is_some()
        })
        .await?;
    Ok(DeleteScheduledActionResponse::default())
}

pub(super) async fn describe<S: Store>(
    engine: &Engine<S>,
    context: &Context,
    input: DescribeScheduledActionsRequest,
) -> Result<DescribeScheduledActionsResponse, Refusal> {
    let page = Page::new(input.next_token.as_deref(), input.max_results)?;
    let filter = Filter::new(
        input.service_namespace,
        input.resource_id.map(|id| vec![id]),
        input.scalable_dimension,
    )?;
    let names = input.scheduled_action_names.unwrap_or_default();
    let mut described = Vec::new();
    for target in engine.targets_that(|resource| filter.admits(resource)).await? {
        let resource = &target.resource;
        for (name, action) in &target.actions {
            if !names.is_empty() && !names.contains(name) {
                continue;
            }
            let described_action = ScheduledAction {
                scheduled_action_name: name.clone(),
                scheduled_action_arn: action_arn(context, resource, name, &action.id),
                service_namespace: ServiceNamespace::Dynamodb,
                schedule: action.schedule.clone(),
                timezone: action.timezone.clone(),
                resource_id: resource.id(),
                scalable_dimension: Some(resource.dimension()),
                start_time: action.start_ms.map(seconds),
                end_time: action.end_ms.map(seconds),
                scalable_target_action: Some(ScalableTargetAction {
                    min_capacity: action.min_units.map(units),
                    max_capacity: action.max_units.map(units),
                }),
                creation_time: seconds(action.created_ms),
            };
            described.push((format!("{}{name}", key_text(resource)), described_action));
        }
    }
    let (actions, next_token) = page.of(described);
    Ok(DescribeScheduledActionsResponse {
        scheduled_actions: Some(actions),
        next_token,
    })
}
