//! The engine as the service that Application Auto Scaling's requests are led to.

use api::Context;
use api::companion::Refusal;
use api::scaling::AutoScaling;
use api::scaling::types::*;
use store::Store;

use super::{actions, activities, policies, tags, targets};
use crate::Engine;

impl<S: Store> AutoScaling for Engine<S> {
    async fn delete_scaling_policy(
        &self,
        _: &Context,
        input: DeleteScalingPolicyRequest,
    ) -> Result<DeleteScalingPolicyResponse, Refusal> {
        policies::delete(self, input).await
    }

    async fn delete_scheduled_action(
        &self,
        _: &Context,
        input: DeleteScheduledActionRequest,
    ) -> Result<DeleteScheduledActionResponse, Refusal> {
        actions::delete(self, input).await
    }

    async fn deregister_scalable_target(
        &self,
        _: &Context,
        input: DeregisterScalableTargetRequest,
    ) -> Result<DeregisterScalableTargetResponse, Refusal> {
        targets::deregister(self, input).await
    }

    async fn describe_scalable_targets(
        &self,
        context: &Context,
        input: DescribeScalableTargetsRequest,
    ) -> Result<DescribeScalableTargetsResponse, Refusal> {
        targets::describe(self, context, input).await
    }

    async fn describe_scaling_activities(
        &self,
        _: &Context,
        input: DescribeScalingActivitiesRequest,
    ) -> Result<DescribeScalingActivitiesResponse, Refusal> {
        activities::describe(self, input).await
    }

    async fn describe_scaling_policies(
        &self,
        context: &Context,
        input: DescribeScalingPoliciesRequest,
    ) -> Result<DescribeScalingPoliciesResponse, Refusal> {
        policies::describe(self, context, input).await
    }

    async fn describe_scheduled_actions(
        &self,
        context: &Context,
        input: DescribeScheduledActionsRequest,
    ) -> Result<DescribeScheduledActionsResponse, Refusal> {
        actions::describe(self, context, input).await
    }

    async fn list_tags_for_resource(
        &self,
        _: &Context,
        input: ListTagsForResourceRequest,
    ) -> Result<ListTagsForResourceResponse, Refusal> {
        tags::list(self, input).await
    }

    async fn put_scaling_policy(
        &self,
        context: &Context,
        input: PutScalingPolicyRequest,
    ) -> Result<PutScalingPolicyResponse, Refusal> {
        policies::put(self, context, input).await
    }

    async fn put_scheduled_action(
        &self,
        _: &Context,
        input: PutScheduledActionRequest,
    ) -> Result<PutScheduledActionResponse, Refusal> {
        actions::put(self, input).await
    }

    async fn register_scalable_target(
        &self,
        context: &Context,
        input: RegisterScalableTargetRequest,
    ) -> Result<RegisterScalableTargetResponse, Refusal> {
        targets::register(self, context, input).await
    }

    async fn tag_resource(
        &self,
        _: &Context,
        input: TagResourceRequest,
    ) -> Result<TagResourceResponse, Refusal> {
        tags::tag(self, input).await
    }

    async fn untag_resource(
        &self,
        _: &Context,
        input: UntagResourceRequest,
    ) -> Result<UntagResourceResponse, Refusal> {
        tags::untag(self, input).await
    }
}
