//! RegisterScalableTarget, DeregisterScalableTarget and DescribeScalableTargets.

use std::collections::BTreeMap;

use api::Context;
use api::companion::Refusal;
use api::scaling::types::*;
use store::Store;

use super::record::{Changed, Suspended, Target};
use super::request::{Filter, Page, internal, invalid, no_target, resource, role_arn, seconds, target_arn};
use super::tags::check_tags;
use crate::Engine;
use crate::catalog::IndexKind;
use crate::error::from_store;
use crate::scaling::resource::Resource;

pub(super) async fn register<S: Store>(
    engine: &Engine<S>,
    context: &Context,
    input: RegisterScalableTargetRequest,
) -> Result<RegisterScalableTargetResponse, Refusal> {
    let resource = resource(
        input.service_namespace,
        &input.resource_id,
        input.scalable_dimension,
    )?;
    let bounds = [("Minimum", input.min_capacity), ("Maximum", input.max_capacity)];
    for (which, units) in bounds {
        if units.is_some_and(|units| units < 1) {
            return Err(invalid(format!(
                "{which} capacity must be greater than or equal to 1"
            )));
        }
    }
    let tags: BTreeMap<String, String> = input.tags.into_iter().flatten().collect();
    check_tags(&tags)?;
    check_exists(engine, &resource).await?;
    let now_ms = engine.clock.now_ms();
    let id = format!("0ec5{}", engine.new_uuid().replace('-', ""));
    let changed = resource.clone();
    let registered = engine
        .change_target(&resource, move |before| {
            let is_new = before.is_none();
            let mut target = before.unwrap_or_else(|| Target {
                resource: changed.clone(),
                id: id.clone(),
                min_units: 0,
                max_units: 0,
                created_ms: now_ms,
                suspended: Suspended::default(),
                tags: BTreeMap::new(),
                policies: BTreeMap::new(),
                actions: BTreeMap::new(),
                adjust_because: None,
                scaled_out_ms: None,
                scaled_in_ms: None,
                failed_until_ms: 0,
            });
            match (input.min_capacity, input.max_capacity) {
                (Some(_), Some(_)) | (None, None) if !is_new => {}
                (None, _) if is_new => {
                    return Changed::Same(Err(invalid(
                        "Minimum capacity must be specified for a new scalable target",
                    )));
                }
                (_, None) if is_new => {
                    return Changed::Same(Err(invalid(
                        "Maximum capacity must be specified for a new scalable target",
                    )));
                }
                _ => {}
            }
            if !is_new && !tags.is_empty() {
                return Changed::Same(Err(invalid(
                    "Tags cannot be given for a scalable target that is registered; use TagResource",
                )));
            }
            target.min_units = input.min_capacity.map_or(target.min_units, i64::from);
            target.max_units = input.max_capacity.map_or(target.max_units, i64::from);
            if target.max_units < target.min_units {
                return Changed::Same(Err(invalid(
                    "Maximum capacity cannot be less than minimum capacity",
                )));
            }
            if is_new {
                target.tags = tags.clone();
            }
            if let Some(state) = &input.suspended_state {
                let suspended = &mut target.suspended;
                for (place, given) in [
                    (&mut suspended.scale_in, state.dynamic_scaling_in_suspended),
                    (&mut suspended.scale_out, state.dynamic_scaling_out_suspended),
                    (&mut suspended.scheduled, state.scheduled_scaling_suspended),
                ] {
                    *place = given.unwrap_or(*place);
                }
            }
            if input.min_capacity.is_some() || input.max_capacity.is_some() {
                target.adjust_because = Some("was set".to_owned());
            }
            Changed::Now(Box::new(target.clone()), Vec::new(), Ok(target))
        })
        .await
        .map_err(internal)??;
    engine.schedule_scaling();
    Ok(RegisterScalableTargetResponse {
        scalable_target_arn: Some(target_arn(context, &registered)),
    })
}

/// Refuses a table or index that is not there.
async fn check_exists<S: Store>(engine: &Engine<S>, resource: &Resource) -> Result<(), Refusal> {
    let table = engine
        .catalog
        .table(&engine.store, &resource.table)
        .await
        .map_err(|error| internal(from_store(error)))?;
    let Some(table) = table else {
        return Err(invalid(format!(
            "DynamoDB table does not exist: {}",
            resource.id()
        )));
    };
    let Some(name) = &resource.index else {
        return Ok(());
    };
    let indexes = &table.descriptor.indexes;
    match indexes
        .iter()
        .any(|index| index.name == *name && index.kind == IndexKind::Global)
    {
        true => Ok(()),
        false => Err(invalid(format!(
            "DynamoDB index does not exist: {}",
            resource.id()
        ))),
    }
}

pub(super) async fn deregister<S: Store>(
    engine: &Engine<S>,
    input: DeregisterScalableTargetRequest,
) -> Result<DeregisterScalableTargetResponse, Refusal> {
    let resource = resource(
        input.service_namespace,
        &input.resource_id,
        input.scalable_dimension,
    )?;
    let missing = no_target(&resource);
    // Its policies and scheduled actions go with it.
    engine
        .change_target(&resource, move |before| match before {
            Some(_) => Changed::Gone(Ok(DeregisterScalableTargetResponse::default())),
            None => Changed::Same(Err(missing.clone())),
        })
        .await
        .map_err(internal)?
}

pub(super) async fn describe<S: Store>(
    engine: &Engine<S>,
    context: &Context,
    input: DescribeScalableTargetsRequest,
) -> Result<DescribeScalableTargetsResponse, Refusal> {
    let page = Page::new(input.next_token.as_deref(), input.max_results)?;
    let filter = Filter::new(
        input.service_namespace,
        input.resource_ids,
        input.scalable_dimension,
    )?;
    let found = engine.targets_that(|resource| filter.admits(resource)).await?;
    let described = found.into_iter().map(|target| {
        let suspended = target.suspended;
        let described = ScalableTarget {
            service_namespace: ServiceNamespace::Dynamodb,
            resource_id: target.resource.id(),
            scalable_dimension: target.resource.dimension(),
            min_capacity: units(target.min_units),
            max_capacity: units(target.max_units),
            predicted_capacity: None,
            role_arn: role_arn(context),
            creation_time: seconds(target.created_ms),
            suspended_state: Some(SuspendedState {
                dynamic_scaling_in_suspended: Some(suspended.scale_in),
                dynamic_scaling_out_suspended: Some(suspended.scale_out),
                scheduled_scaling_suspended: Some(suspended.scheduled),
            }),
            scalable_target_arn: Some(target_arn(context, &target)),
        };
        (key_text(&target.resource), described)
    });
    let (targets, next_token) = page.of(described.collect());
    Ok(DescribeScalableTargetsResponse {
        scalable_targets: Some(targets),
        next_token,
    })
}

/// What results are in the order of.
pub(super) fn key_text(resource: &Resource) -> String {
    String::from_utf8_lossy(&resource.to_bytes()).into_owned()
}

/// Units as the API gives them.
pub(super) fn units(units: i64) -> i32 {
    i32::try_from(units).unwrap_or(i32::MAX)
}

impl<S: Store> Engine<S> {
    /// Removes something of a target, as `remove` does it; `missing` where there is nothing to remove.
    pub(super) async fn remove_of_target(
        &self,
        resource: &Resource,
        missing: Refusal,
        remove: impl Fn(&mut Target) -> bool + Send + 'static,
    ) -> Result<(), Refusal> {
        self.change_target(resource, move |mut before| {
            let is_removed = before.as_mut().is_some_and(&remove);
            match before.filter(|_| is_removed) {
                Some(target) => Changed::Now(Box::new(target), Vec::new(), Ok(())),
                None => Changed::Same(Err(missing.clone())),
            }
        })
        .await
        .map_err(internal)?
    }

    /// All targets whose resource is admitted, in the order of their keys.
    pub(super) async fn targets_that(
        &self,
        admits: impl Fn(&Resource) -> bool,
    ) -> Result<Vec<Target>, Refusal> {
        let mut found = Vec::new();
        let mut start = Vec::new();
        while let Some((target, next)) = self.next_target(&start).await.map_err(internal)? {
            if admits(&target.resource) {
                found.push(target);
            }
            start = next;
        }
        Ok(found)
    }
}
