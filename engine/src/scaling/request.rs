//! What the operations have in common: resources, pages, names across accounts, refusals.

use api::companion::Refusal;
use api::scaling::ErrorKind;
use api::scaling::types::{ScalableDimension, ServiceNamespace};
use api::{Context, Error};

use super::record::{Policy, Target};
use super::resource::Resource;

/// How many results a page has, where the request does not ask for fewer.
const PAGE_MAX: usize = 50;

pub(super) fn invalid(message: impl Into<String>) -> Refusal {
    ErrorKind::ValidationException.because(message)
}

/// A failure of what lies below.
pub(super) fn internal(error: Error) -> Refusal {
    ErrorKind::InternalServiceException.because(error.message)
}

/// The resource that a request names.
pub(super) fn resource(
    namespace: ServiceNamespace,
    id: &str,
    dimension: ScalableDimension,
) -> Result<Resource, Refusal> {
    Resource::new(namespace, id, dimension)
        .ok_or_else(|| invalid("Unsupported service namespace, resource type or scalable dimension"))
}

/// The refusal of a request for a target that is not there.
pub(super) fn no_target(resource: &Resource) -> Refusal {
    ErrorKind::ObjectNotFoundException.because(format!(
        "No scalable target registered for {}",
        resource.described()
    ))
}

/// Which targets a description is asked for.
pub(super) struct Filter {
    namespace: ServiceNamespace,
    ids: Option<Vec<String>>,
    dimension: Option<ScalableDimension>,
}

impl Filter {
    /// Refuses a dimension without resources.
    pub fn new(
        namespace: ServiceNamespace,
        ids: Option<Vec<String>>,
        dimension: Option<ScalableDimension>,
    ) -> Result<Self, Refusal> {
        if dimension.is_some() && ids.is_none() {
            return Err(invalid(
                "A resource ID must be specified if a scalable dimension is specified",
            ));
        }
        Ok(Filter {
            namespace,
            ids,
            dimension,
        })
    }

    pub fn admits(&self, resource: &Resource) -> bool {
        self.namespace == ServiceNamespace::Dynamodb
            && self
                .dimension
                .is_none_or(|dimension| dimension == resource.dimension())
            && self
                .ids
                .as_ref()
                .is_none_or(|ids| ids.is_empty() || ids.contains(&resource.id()))
    }
}

/// A page of results.
pub(super) struct Page {
    after: String,
    max: usize,
}

impl Page {
    pub fn new(token: Option<&str>, max_results: Option<i32>) -> Result<Page, Refusal> {
        use base64::Engine as _;
        let max = match max_results {
            None => PAGE_MAX,
            Some(max) => usize::try_from(max)
                .ok()
                .filter(|max| (1..=PAGE_MAX).contains(max))
                .ok_or_else(|| {
                    invalid(format!(
                        "The maximum number of results must be between 1 and {PAGE_MAX}"
                    ))
                })?,
        };
        let after = match token {
            None => String::new(),
            Some(token) => base64::engine::general_purpose::URL_SAFE
                .decode(token)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .filter(|after| !after.is_empty())
                .ok_or_else(|| ErrorKind::InvalidNextTokenException.because("The next token is invalid"))?,
        };
        Ok(Page { after, max })
    }

    /// The page of results that are in the order of their keys, and the token for the next.
    pub fn of<T>(&self, results: Vec<(String, T)>) -> (Vec<T>, Option<String>) {
        use base64::Engine as _;
        let mut rest: Vec<(String, T)> = results.into_iter().filter(|(key, _)| *key > self.after).collect();
        let token = match rest.get(self.max - 1) {
            Some((last, _)) if rest.len() > self.max => {
                Some(base64::engine::general_purpose::URL_SAFE.encode(last))
            }
            _ => None,
        };
        rest.truncate(self.max);
        (rest.into_iter().map(|(_, result)| result).collect(), token)
    }
}

/// A time as the API gives it.
pub(super) fn seconds(time_ms: u64) -> f64 {
    time_ms as f64 / 1000.0
}

/// A time that the API was given.
pub(super) fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1000.0).round().clamp(0.0, 1e15) as u64
}

pub(super) fn target_arn(context: &Context, target: &Target) -> String {
    format!(
        "arn:aws:application-autoscaling:{}:{}:scalable-target/{}",
        context.region, context.account_id, target.id
    )
}

/// The role that the service scales tables with, whatever role a request names.
pub(super) fn role_arn(context: &Context) -> String {
    format!(
        "arn:aws:iam::{}:role/aws-service-role/dynamodb.application-autoscaling.amazonaws.com/\
         AWSServiceRoleForApplicationAutoScaling_DynamoDBTable",
        context.account_id
    )
}

pub(super) fn policy_arn(context: &Context, resource: &Resource, name: &str, policy: &Policy) -> String {
    format!(
        "arn:aws:autoscaling:{}:{}:scalingPolicy:{}:resource/dynamodb/{}:policyName/{name}",
        context.region,
        context.account_id,
        policy.id,
        resource.id()
    )
}

pub(super) fn action_arn(context: &Context, resource: &Resource, name: &str, id: &str) -> String {
    format!(
        "arn:aws:autoscaling:{}:{}:scheduledAction:{id}:resource/dynamodb/{}:scheduledActionName/{name}",
        context.region,
        context.account_id,
        resource.id()
    )
}
