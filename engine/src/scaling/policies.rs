//! PutScalingPolicy, DeleteScalingPolicy and DescribeScalingPolicies.

use api::Context;
use api::companion::Refusal;
use api::scaling::ErrorKind;
use api::scaling::types::*;
use store::Store;

use super::record::{Changed, Policy};
use super::request::{Filter, Page, internal, invalid, no_target, policy_arn, resource, seconds};
use super::resource::{Direction, Resource};
use super::targets::key_text;
use crate::Engine;

/// How many policies a target has at most.
const POLICIES_MAX: usize = 50;

/// The share of the capacity that a policy may aim at, in per cent.
const TARGET_PERCENT: std::ops::RangeInclusive<f64> = 20.0..=90.0;

/// What the four alarms of a policy watch, as their names say it.
const ALARMS: [&str; 4] = [
    "AlarmHigh",
    "AlarmLow",
    "ProvisionedCapacityHigh",
    "ProvisionedCapacityLow",
];

/// The alarm that calls for more, and the one that calls for less.
pub(super) fn alarm_name(resource: &Resource, policy: &Policy, is_high: bool) -> String {
    let place = usize::from(!is_high);
    format!(
        "TargetTracking-{}-{}-{}",
        resource.id(),
        ALARMS[place],
        policy.alarm_ids[place]
    )
}

fn alarms(context: &Context, resource: &Resource, policy: &Policy) -> Vec<Alarm> {
    let named = ALARMS.iter().zip(&policy.alarm_ids);
    named
        .map(|(what, id)| {
            let alarm_name = format!("TargetTracking-{}-{what}-{id}", resource.id());
            Alarm {
                alarm_arn: format!(
                    "arn:aws:cloudwatch:{}:{}:alarm:{alarm_name}",
                    context.region, context.account_id
                ),
                alarm_name,
            }
        })
        .collect()
}

fn metric_of(direction: Direction) -> MetricType {
    match direction {
        Direction::Read => MetricType::DynamoDBReadCapacityUtilization,
        Direction::Write => MetricType::DynamoDBWriteCapacityUtilization,
    }
}

/// The configuration that a request gives, checked.
fn configuration(
    input: &PutScalingPolicyRequest,
    resource: &Resource,
) -> Result<Option<TargetTrackingScalingPolicyConfiguration>, Refusal> {
    match input.policy_type {
        Some(PolicyType::TargetTrackingScaling) => {}
        None if input.step_scaling_policy_configuration.is_none()
            && input.target_tracking_scaling_policy_configuration.is_some() => {}
        kind => {
            let kind = kind.unwrap_or(PolicyType::StepScaling).as_str();
            return Err(invalid(format!(
                "Policy type {kind} is not supported for service namespace dynamodb"
            )));
        }
    }
    let Some(configuration) = &input.target_tracking_scaling_policy_configuration else {
        return Ok(None);
    };
    if configuration.customized_metric_specification.is_some() {
        return Err(invalid(
            "CustomizedMetricSpecification is not supported; use a PredefinedMetricSpecification",
        ));
    }
    let metric = configuration.predefined_metric_specification.as_ref();
    let metric = metric.map(|specification| specification.predefined_metric_type);
    if metric != Some(metric_of(resource.direction)) {
        return Err(invalid(format!(
            "The predefined metric type must be {} for scalable dimension {}",
            metric_of(resource.direction).as_str(),
            resource.dimension().as_str()
        )));
    }
    if !TARGET_PERCENT.contains(&configuration.target_value) {
        return Err(invalid(format!(
            "The target value must be between {} and {} for metric type {}",
            TARGET_PERCENT.start(),
            TARGET_PERCENT.end(),
            metric_of(resource.direction).as_str()
        )));
    }
    for cooldown in [configuration.scale_in_cooldown, configuration.scale_out_cooldown] {
        if cooldown.is_some_and(|seconds| seconds < 0) {
            return Err(invalid("Cooldown must be greater than or equal to 0"));
        }
    }
    Ok(Some(configuration.clone()))
}

pub(super) async fn put<S: Store>(
    engine: &Engine<S>,
    context: &Context,
    input: PutScalingPolicyRequest,
) -> Result<PutScalingPolicyResponse, Refusal> {
    let resource = resource(
        input.service_namespace,
        &input.resource_id,
        input.scalable_dimension,
    )?;
    let configuration = configuration(&input, &resource)?;
    let now_ms = engine.clock.now_ms();
    let ids: [String; 5] = std::array::from_fn(|_| engine.new_uuid());
    let missing = no_target(&resource);
    let name = input.policy_name.clone();
    let policy = engine
        .change_target(&resource, move |before| {
            let Some(mut target) = before else {
                return Changed::Same(Err(missing.clone()));
            };
            let known = target.policies.get(&name).cloned();
            if known.is_none() && target.policies.len() >= POLICIES_MAX {
                return Changed::Same(Err(ErrorKind::LimitExceededException.because(format!(
                    "A scalable target can have at most {POLICIES_MAX} scaling policies"
                ))));
            }
            // A dimension has one metric, and each metric one policy.
            if known.is_none() && !target.policies.is_empty() {
                return Changed::Same(Err(invalid(
                    "Only one TargetTrackingScaling policy for a given metric specification is allowed.",
                )));
            }
            let policy = match (&configuration, known) {
                (None, Some(known)) => known,
                (None, None) => {
                    return Changed::Same(Err(invalid(
                        "TargetTrackingScalingPolicyConfiguration must be specified for a new scaling policy",
                    )));
                }
                (Some(configuration), known) => Policy {
                    id: known
                        .as_ref()
                        .map_or_else(|| ids[4].clone(), |known| known.id.clone()),
                    created_ms: known.as_ref().map_or(now_ms, |known| known.created_ms),
                    alarm_ids: match known {
                        Some(known) => known.alarm_ids,
                        None => std::array::from_fn(|place| ids[place].clone()),
                    },
                    target_percent: configuration.target_value,
                    scale_out_cooldown_s: configuration.scale_out_cooldown,
                    scale_in_cooldown_s: configuration.scale_in_cooldown,
                    disable_scale_in: configuration.disable_scale_in,
                },
            };
            target.policies.insert(name.clone(), policy.clone());
            Changed::Now(Box::new(target), Vec::new(), Ok(policy))
        })
        .await
        .map_err(internal)??;
    engine.schedule_scaling();
    Ok(PutScalingPolicyResponse {
        policy_arn: policy_arn(context, &resource, &input.policy_name, &policy),
        alarms: Some(alarms(context, &resource, &policy)),
    })
}

pub(super) async fn delete<S: Store>(
    engine: &Engine<S>,
    input: DeleteScalingPolicyRequest,
) -> Result<DeleteScalingPolicyResponse, Refusal> {
    let resource = resource(
        input.service_namespace,
        &input.resource_id,
        input.scalable_dimension,
    )?;
    let name = input.policy_name;
    let missing = ErrorKind::ObjectNotFoundException.because(format!(
        "No scaling policy found for {}, policy name: {name}",
        resource.described()
    ));
    engine
        .remove_of_target(&resource, missing, move |target| {
            target.policies.remove(&name).is_some()
        })
        .await?;
    Ok(DeleteScalingPolicyResponse::default())
}

pub(super) async fn describe<S: Store>(
    engine: &Engine<S>,
    context: &Context,
    input: DescribeScalingPoliciesRequest,
) -> Result<DescribeScalingPoliciesResponse, Refusal> {
    let page = Page::new(input.next_token.as_deref(), input.max_results)?;
    let filter = Filter::new(
        input.service_namespace,
        input.resource_id.map(|id| vec![id]),
        input.scalable_dimension,
    )?;
    let names = input.policy_names.unwrap_or_default();
    let mut described = Vec::new();
    for target in engine.targets_that(|resource| filter.admits(resource)).await? {
        let resource = &target.resource;
        for (name, policy) in &target.policies {
            if !names.is_empty() && !names.contains(name) {
                continue;
            }
            let described_policy = ScalingPolicy {
                policy_arn: policy_arn(context, resource, name, policy),
                policy_name: name.clone(),
                service_namespace: ServiceNamespace::Dynamodb,
                resource_id: resource.id(),
                scalable_dimension: resource.dimension(),
                policy_type: PolicyType::TargetTrackingScaling,
                target_tracking_scaling_policy_configuration: Some(
                    TargetTrackingScalingPolicyConfiguration {
                        target_value: policy.target_percent,
                        predefined_metric_specification: Some(PredefinedMetricSpecification {
                            predefined_metric_type: metric_of(resource.direction),
                            resource_label: None,
                        }),
                        scale_out_cooldown: policy.scale_out_cooldown_s,
                        scale_in_cooldown: policy.scale_in_cooldown_s,
                        disable_scale_in: policy.disable_scale_in,
                        ..TargetTrackingScalingPolicyConfiguration::default()
                    },
                ),
                alarms: Some(alarms(context, resource, policy)),
                creation_time: seconds(policy.created_ms),
                ..ScalingPolicy::default()
            };
            described.push((format!("{}{name}", key_text(resource)), described_policy));
        }
    }
    let (policies, next_token) = page.of(described);
    Ok(DescribeScalingPoliciesResponse {
        scaling_policies: Some(policies),
        next_token,
    })
}
