//! The same request in every protocol, and what is no request in each.

use ciborium::Value as Cbor;
use serde_json::{Value, json};

use super::*;
use crate::cloudwatch::types::*;
use crate::scaling::types as scaling_types;

/// A service that says what it was asked.
struct Echo;

impl CloudWatch for Echo {
    async fn get_insight_rule_report(
        &self,
        _: &Context,
        _: GetInsightRuleReportInput,
    ) -> Result<GetInsightRuleReportOutput, Refusal> {
        Ok(GetInsightRuleReportOutput::default())
    }

    async fn get_metric_data(
        &self,
        _: &Context,
        input: GetMetricDataInput,
    ) -> Result<GetMetricDataOutput, Refusal> {
        let query = &input.metric_data_queries[0];
        let stat = query.metric_stat.clone().unwrap_or_default();
        Ok(GetMetricDataOutput {
            metric_data_results: Some(vec![MetricDataResult {
                id: Some(query.id.clone()),
                label: stat.metric.dimensions.map(|all| all[0].value.clone()),
                timestamps: Some(vec![input.start_time, input.end_time]),
                values: Some(vec![f64::from(stat.period), 0.25]),
                status_code: Some(StatusCode::Complete),
                messages: None,
            }]),
            ..GetMetricDataOutput::default()
        })
    }

    async fn get_metric_statistics(
        &self,
        _: &Context,
        _: GetMetricStatisticsInput,
    ) -> Result<GetMetricStatisticsOutput, Refusal> {
        Err(cloudwatch::ErrorKind::InvalidParameterCombinationException.because("no & <never>"))
    }

    async fn list_metrics(&self, _: &Context, input: ListMetricsInput) -> Result<ListMetricsOutput, Refusal> {
        Ok(ListMetricsOutput {
            next_token: input.next_token,
            ..ListMetricsOutput::default()
        })
    }
}

macro_rules! unasked {
    ($($method:ident $input:ident $output:ident,)+) => {
        impl AutoScaling for Echo {
            $(async fn $method(
                &self,
                _: &Context,
                _: scaling_types::$input,
            ) -> Result<scaling_types::$output, Refusal> {
                Ok(scaling_types::$output::default())
            })+
        }
    };
}

unasked! {
    delete_scaling_policy DeleteScalingPolicyRequest DeleteScalingPolicyResponse,
    delete_scheduled_action DeleteScheduledActionRequest DeleteScheduledActionResponse,
    deregister_scalable_target DeregisterScalableTargetRequest DeregisterScalableTargetResponse,
    describe_scalable_targets DescribeScalableTargetsRequest DescribeScalableTargetsResponse,
    describe_scaling_activities DescribeScalingActivitiesRequest DescribeScalingActivitiesResponse,
    describe_scaling_policies DescribeScalingPoliciesRequest DescribeScalingPoliciesResponse,
    describe_scheduled_actions DescribeScheduledActionsRequest DescribeScheduledActionsResponse,
    list_tags_for_resource ListTagsForResourceRequest ListTagsForResourceResponse,
    put_scaling_policy PutScalingPolicyRequest PutScalingPolicyResponse,
    put_scheduled_action PutScheduledActionRequest PutScheduledActionResponse,
    register_scalable_target RegisterScalableTargetRequest RegisterScalableTargetResponse,
    tag_resource TagResourceRequest TagResourceResponse,
    untag_resource UntagResourceRequest UntagResourceResponse,
}

fn ask(companion: Companion, protocol: Protocol, operation: Option<&str>, body: &[u8]) -> CompanionAnswer {
    let context = Context {
        request_id: "ID".to_owned(),
        ..Context::default()
    };
    let request = CompanionRequest {
        companion,
        protocol,
        operation,
        body,
    };
    let mut answer = std::pin::pin!(answer(&Echo, &context, request));
    let mut task = std::task::Context::from_waker(std::task::Waker::noop());
    match answer.as_mut().poll(&mut task) {
        std::task::Poll::Ready(answer) => answer,
        std::task::Poll::Pending => panic!("nothing here waits"),
    }
}

fn text(answer: CompanionAnswer) -> (u16, String) {
    (answer.status, String::from_utf8(answer.body).unwrap())
}

fn cbor(value: &Cbor) -> Vec<u8> {
    let mut body = Vec::new();
    ciborium::into_writer(value, &mut body).unwrap();
    body
}

fn map(entries: Vec<(&str, Cbor)>) -> Cbor {
    let entries = entries.into_iter();
    Cbor::Map(entries.map(|(name, value)| (Cbor::from(name), value)).collect())
}

fn entry<'c>(value: &'c Cbor, name: &str) -> &'c Cbor {
    let entries = value.as_map().unwrap();
    let found = entries.iter().find(|(key, _)| key.as_text() == Some(name));
    &found.unwrap_or_else(|| panic!("{name} is not there")).1
}

fn query_json() -> Value {
    json!({
        "StartTime": 1767225600, "EndTime": 1767225660.5,
        "MetricDataQueries": [{"Id": "a", "ReturnData": true, "MetricStat": {
            "Period": 60, "Stat": "Sum",
            "Metric": {"Namespace": "AWS/DynamoDB", "MetricName": "X", "Dimensions": [{"Name": "T", "Value": "é&<t"}]},
        }}],
    })
}

#[test]
fn a_request_in_json_is_answered_in_json() {
    let body = query_json().to_string();
    let answer = ask(
        Companion::CloudWatch,
        Protocol::Json,
        Some("GetMetricData"),
        body.as_bytes(),
    );
    assert_eq!(answer.status, 200);
    let answer: Value = serde_json::from_slice(&answer.body).unwrap();
    let result = &answer["MetricDataResults"][0];
    assert_eq!(result["Label"], "é&<t");
    assert_eq!(result["Timestamps"], json!([1767225600.0, 1767225660.5]));
    assert_eq!(result["Values"], json!([60.0, 0.25]));
}

#[test]
fn a_request_in_cbor_is_answered_in_cbor() {
    let time = |value: Cbor| Cbor::Tag(1, Box::new(value));
    let metric = map(vec![
        ("Namespace", "AWS/DynamoDB".into()),
        ("MetricName", "X".into()),
        (
            "Dimensions",
            Cbor::Array(vec![map(vec![("Name", "T".into()), ("Value", "é&<t".into())])]),
        ),
    ]);
    let stat = map(vec![
        ("Period", 60.into()),
        ("Stat", "Sum".into()),
        ("Metric", metric),
    ]);
    let body = map(vec![
        ("StartTime", time(1767225600.into())),
        ("EndTime", time(1767225660.5.into())),
        (
            "MetricDataQueries",
            Cbor::Array(vec![map(vec![
                ("Id", "a".into()),
                ("ReturnData", true.into()),
                ("MetricStat", stat),
            ])]),
        ),
    ]);
    let answer = ask(
        Companion::CloudWatch,
        Protocol::Cbor,
        Some("GetMetricData"),
        &cbor(&body),
    );
    assert_eq!(answer.status, 200);
    let answer: Cbor = ciborium::from_reader(answer.body.as_slice()).unwrap();
    let result = &entry(&answer, "MetricDataResults").as_array().unwrap()[0];
    assert_eq!(entry(result, "Label").as_text(), Some("é&<t"));
    let times = entry(result, "Timestamps").as_array().unwrap();
    for (is, expected) in times.iter().zip([1767225600.0, 1767225660.5]) {
        let (tag, value) = is.as_tag().expect("a time has a tag");
        let seconds = value
            .as_float()
            .or_else(|| Some(i64::try_from(value.as_integer()?).ok()? as f64));
        assert_eq!((tag, seconds), (1, Some(expected)));
    }
    assert_eq!(
        entry(result, "Values"),
        &Cbor::Array(vec![Cbor::Float(60.0), Cbor::Float(0.25)])
    );
}

#[test]
fn a_request_as_a_form_is_answered_in_xml() {
    let stat = "MetricDataQueries.member.1.MetricStat";
    let body = format!(
        "Action=GetMetricData&Version=2010-08-01&StartTime=2026-01-01T00%3A00%3A00Z&\
         EndTime=2026-01-01T02:01:00.5%2B02:00&MetricDataQueries.member.1.Id=a&\
         {stat}.Period=60&{stat}.Stat=Sum&{stat}.Metric.Namespace=AWS%2FDynamoDB&{stat}.Metric.MetricName=X&\
         {stat}.Metric.Dimensions.member.1.Name=T&{stat}.Metric.Dimensions.member.1.Value=%C3%A9%26%3Ct&\
         MetricDataQueries.member.1.ReturnData=true"
    );
    let answer = ask(Companion::CloudWatch, Protocol::Query, None, body.as_bytes());
    assert_eq!(
        text(answer),
        (
            200,
            "<GetMetricDataResponse xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\">\
             <GetMetricDataResult><MetricDataResults><member><Id>a</Id><Label>é&amp;&lt;t</Label>\
             <StatusCode>Complete</StatusCode>\
             <Timestamps><member>2026-01-01T00:00:00Z</member><member>2026-01-01T00:01:00.5Z</member></Timestamps>\
             <Values><member>60.0</member><member>0.25</member></Values></member></MetricDataResults>\
             </GetMetricDataResult><ResponseMetadata><RequestId>ID</RequestId></ResponseMetadata>\
             </GetMetricDataResponse>\n"
                .to_owned()
        )
    );
}

#[test]
fn an_error_is_told_in_the_protocol_of_the_request() {
    let body = json!({"Namespace": "n", "MetricName": "m", "StartTime": 0, "EndTime": 1, "Period": 60});
    let operation = Some("GetMetricStatistics");
    let json = ask(
        Companion::CloudWatch,
        Protocol::Json,
        operation,
        body.to_string().as_bytes(),
    );
    assert_eq!(
        json.query_error.as_deref(),
        Some("InvalidParameterCombination;Sender")
    );
    assert_eq!(
        text(json),
        (
            400,
            r#"{"__type":"InvalidParameterCombinationException","message":"no & <never>"}"#.to_owned()
        )
    );
    let cbor_body = cbor(&map(vec![
        ("Namespace", "n".into()),
        ("MetricName", "m".into()),
        ("StartTime", Cbor::Tag(1, Box::new(0.into()))),
        ("EndTime", 1.into()),
        ("Period", 60.into()),
    ]));
    let answer = ask(Companion::CloudWatch, Protocol::Cbor, operation, &cbor_body);
    assert_eq!(
        answer.query_error.as_deref(),
        Some("InvalidParameterCombination;Sender")
    );
    let answer: Cbor = ciborium::from_reader(answer.body.as_slice()).unwrap();
    assert_eq!(
        entry(&answer, "__type").as_text(),
        Some("com.amazonaws.cloudwatch#InvalidParameterCombinationException")
    );
    let form = b"Action=GetMetricStatistics&Namespace=n&MetricName=m&StartTime=0&EndTime=1&Period=60";
    let answer = ask(Companion::CloudWatch, Protocol::Query, None, form);
    assert_eq!(
        text(answer),
        (
            400,
            "<ErrorResponse xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\"><Error><Type>Sender</Type>\
             <Code>InvalidParameterCombination</Code><Message>no &amp; &lt;never&gt;</Message></Error>\
             <RequestId>ID</RequestId></ErrorResponse>\n"
                .to_owned()
        )
    );
}

#[test]
fn what_is_no_request_is_refused_by_name() {
    use Companion::{AutoScaling, CloudWatch};
    use Protocol::{Cbor as InCbor, Json, Query};
    let get = "GetMetricStatistics";
    let empty_map = cbor(&map(Vec::new()));
    let not_a_number = cbor(&map(vec![("MaxDatapoints", Cbor::Float(f64::NAN))]));
    let cases: [(Companion, Protocol, &str, &[u8], &str); 19] = [
        (CloudWatch, Json, "Nothing", b"{}", "UnknownOperationException"),
        (
            CloudWatch,
            Json,
            "PutMetricAlarm",
            b"{}",
            "The operation PutMetricAlarm is not supported.",
        ),
        (CloudWatch, Json, get, b"{", "SerializationException"),
        (CloudWatch, Json, get, b"[]", "SerializationException"),
        (CloudWatch, Json, get, b"{}", "The parameter EndTime is required."),
        (
            CloudWatch,
            Json,
            "GetMetricData",
            br#"{"StartTime":0,"EndTime":1,"MetricDataQueries":[{"Id":"a"},{}]}"#,
            "The parameter MetricDataQueries.member.2.Id is required.",
        ),
        (
            CloudWatch,
            Json,
            "ListMetrics",
            br#"{"Namespace":7}"#,
            "NUMBER_VALUE can not be converted to a String",
        ),
        (
            CloudWatch,
            Json,
            "ListMetrics",
            br#"{"RecentlyActive":"PT4H"}"#,
            "1 validation error detected: Value 'PT4H' at 'recentlyActive' failed to satisfy constraint: Member must satisfy enum value set: [PT3H]",
        ),
        (
            CloudWatch,
            InCbor,
            get,
            &empty_map,
            "The parameter EndTime is required.",
        ),
        (CloudWatch, InCbor, get, b"\xff", "The body is not valid CBOR"),
        (
            CloudWatch,
            InCbor,
            "GetMetricData",
            &not_a_number,
            "A number is not finite",
        ),
        (CloudWatch, InCbor, "Nothing", b"", "UnknownOperationException"),
        (
            CloudWatch,
            Query,
            "",
            b"Action=",
            "must contain the parameter Action",
        ),
        (
            CloudWatch,
            Query,
            "",
            b"Action=Nothing",
            "<Code>InvalidAction</Code>",
        ),
        (
            CloudWatch,
            Query,
            "",
            b"Action=ListMetrics&Version=1999",
            "for version 1999",
        ),
        (
            CloudWatch,
            Query,
            "",
            b"Action=GetMetricData&MaxDatapoints=x",
            "<Code>MalformedInput</Code>",
        ),
        (
            CloudWatch,
            Query,
            "",
            b"Action=GetMetricStatistics",
            "<Code>MissingParameter</Code>",
        ),
        (
            AutoScaling,
            Json,
            "DescribeScalableTargets",
            b"{}",
            "1 validation error detected: Value null at 'serviceNamespace' failed to satisfy constraint: Member must not be null",
        ),
        (
            AutoScaling,
            Json,
            "GetPredictiveScalingForecast",
            b"{}",
            "is not supported.",
        ),
    ];
    for (companion, protocol, operation, body, expected) in cases {
        let answer = ask(companion, protocol, Some(operation), body);
        let shown = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, 400, "{operation}: {shown}");
        assert!(shown.contains(expected), "{operation}: {shown}, not {expected}");
    }
}

#[test]
fn a_list_of_a_form_is_in_the_order_of_its_numbers() {
    let fields =
        query::Fields::read(b"L.member.10=c&L.member.2=b&L.member.1=a&Q.entry.1.key=k&Q.entry.1.value=3&N=");
    static MEMBERS: [MemberForm; 3] = [
        MemberForm {
            name: "L",
            required: false,
            form: Form::List(&Form::Text),
        },
        MemberForm {
            name: "Q",
            required: false,
            form: Form::Map(&Form::Integer),
        },
        MemberForm {
            name: "N",
            required: false,
            form: Form::List(&Form::Text),
        },
    ];
    static FORM: StructureForm = StructureForm { members: &MEMBERS };
    assert_eq!(
        fields.read_structure(&FORM),
        Ok(json!({"L": ["a", "b", "c"], "Q": {"k": 3}, "N": []}))
    );
}
