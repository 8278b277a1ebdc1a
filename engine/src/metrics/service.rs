//! The engine as the service that CloudWatch's requests are led to.

use api::Context;
use api::cloudwatch::CloudWatch;
use api::cloudwatch::types::{
    GetInsightRuleReportInput, GetInsightRuleReportOutput, GetMetricDataInput, GetMetricDataOutput,
    GetMetricStatisticsInput, GetMetricStatisticsOutput, ListMetricsInput, ListMetricsOutput,
};
use api::companion::Refusal;
use store::Store;

use super::get_metric_data::get_metric_data;
use super::get_metric_statistics::get_metric_statistics;
use super::list_metrics::list_metrics;
use crate::Engine;
use crate::insights::get_insight_rule_report;

impl<S: Store> CloudWatch for Engine<S> {
    async fn get_insight_rule_report(
        &self,
        _: &Context,
        input: GetInsightRuleReportInput,
    ) -> Result<GetInsightRuleReportOutput, Refusal> {
        get_insight_rule_report(self, input).await
    }

    async fn get_metric_data(
        &self,
        _: &Context,
        input: GetMetricDataInput,
    ) -> Result<GetMetricDataOutput, Refusal> {
        get_metric_data(self, input).await
    }

    async fn get_metric_statistics(
        &self,
        _: &Context,
        input: GetMetricStatisticsInput,
    ) -> Result<GetMetricStatisticsOutput, Refusal> {
        get_metric_statistics(self, input).await
    }

    async fn list_metrics(&self, _: &Context, input: ListMetricsInput) -> Result<ListMetricsOutput, Refusal> {
        list_metrics(self, input).await
    }
}
