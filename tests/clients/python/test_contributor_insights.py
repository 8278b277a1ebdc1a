"""Contributor insights: switched on by boto3 and by the AWS CLI, read through CloudWatch's clients."""

from datetime import datetime, timedelta, timezone

import boto3
import pytest
from botocore.exceptions import ClientError

from test_cloudwatch import PROTOCOLS, connect

TABLE = "Insights"


def hour():
    now = datetime.now(timezone.utc)
    return {"StartTime": now - timedelta(minutes=59), "EndTime": now + timedelta(minutes=1), "Period": 60}


@pytest.fixture
def table(client):
    client.create_table(
        TableName=TABLE,
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client.get_waiter("table_exists").wait(TableName=TABLE, WaiterConfig={"Delay": 1})
    return TABLE


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_hot_keys_are_found(client, endpoint, table, protocol):
    answer = client.update_contributor_insights(TableName=table, ContributorInsightsAction="ENABLE")
    assert answer["ContributorInsightsStatus"] == "ENABLING"
    for number in range(20):
        client.put_item(TableName=table, Item={"pk": {"S": "hot"}, "sk": {"S": str(number % 2)}})
        client.put_item(TableName=table, Item={"pk": {"S": f"cold-{number}"}, "sk": {"S": "é"}})
    described = client.describe_contributor_insights(TableName=table)
    assert described["ContributorInsightsStatus"] == "ENABLED"
    rules = described["ContributorInsightsRuleList"]
    assert [rule.split("-")[1] for rule in rules] == ["PKC", "PKT", "SKC", "SKT"]

    cloudwatch = connect(endpoint, protocol)
    report = cloudwatch.get_insight_rule_report(
        RuleName=rules[0], MaxContributorCount=5, Metrics=["MaxContributorValue", "Sum"], **hour()
    )
    assert (report["KeyLabels"], report["AggregateValue"]) == (["pk"], 120.0)
    assert report["Contributors"][0]["Keys"] == ["hot"]
    assert report["Contributors"][0]["ApproximateAggregateValue"] == 60.0
    assert len(report["Contributors"]) == 5
    points = report["Contributors"][0]["Datapoints"]
    assert sum(point["ApproximateValue"] for point in points) == 60.0
    assert all(point["Timestamp"].tzinfo for point in points)
    assert sum(point["Sum"] for point in report["MetricDatapoints"]) == 120.0
    assert "SampleCount" not in report["MetricDatapoints"][0]
    by_item = cloudwatch.get_insight_rule_report(RuleName=rules[2], **hour())["Contributors"]
    assert sorted(tuple(item["Keys"]) for item in by_item[:2]) == [("hot", "0"), ("hot", "1")]
    assert by_item[2]["Keys"][1] == "é"
    assert cloudwatch.get_insight_rule_report(RuleName=rules[1], **hour())["Contributors"] == []

    client.update_contributor_insights(TableName=table, ContributorInsightsAction="DISABLE")
    with pytest.raises(ClientError) as refused:
        cloudwatch.get_insight_rule_report(RuleName=rules[0], **hour())
    assert refused.value.response["Error"]["Code"] == "ResourceNotFoundException"
    assert client.list_contributor_insights()["ContributorInsightsSummaries"] == []


def test_commands_as_people_write_them(aws, disk_endpoint):
    client = boto3.client("dynamodb", endpoint_url=disk_endpoint)
    aws(
        "create-table",
        "--table-name", "Typed",
        "--attribute-definitions", "AttributeName=pk,AttributeType=S",
        "--key-schema", "AttributeName=pk,KeyType=HASH",
        "--billing-mode", "PAY_PER_REQUEST",
    )  # fmt: skip
    client.get_waiter("table_exists").wait(TableName="Typed", WaiterConfig={"Delay": 1})
    aws("update-contributor-insights", "--table-name", "Typed", "--contributor-insights-action", "ENABLE")
    aws("put-item", "--table-name", "Typed", "--item", '{"pk": {"S": "one"}}')
    listed = aws("list-contributor-insights")["ContributorInsightsSummaries"]
    assert [(part["TableName"], part["ContributorInsightsStatus"]) for part in listed] == [("Typed", "ENABLED")]
    described = aws("describe-contributor-insights", "--table-name", "Typed")
    now = datetime.now(timezone.utc)
    report = aws(
        "get-insight-rule-report",
        "--rule-name", described["ContributorInsightsRuleList"][0],
        "--start-time", (now - timedelta(minutes=10)).isoformat(timespec="seconds"),
        "--end-time", (now + timedelta(minutes=1)).isoformat(timespec="seconds"),
        "--period", "60",
        "--max-contributor-count", "10",
        service="cloudwatch",
    )  # fmt: skip
    (one,) = report["Contributors"]
    assert (one["Keys"], one["ApproximateAggregateValue"]) == (["one"], 3.0)


def test_the_switch_outlives_a_restart(start, tmp_path):
    data = tmp_path / "data"
    first = start(data_dir=data)
    client = boto3.client("dynamodb", endpoint_url=first.endpoint)
    client.create_table(
        TableName=TABLE,
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client.get_waiter("table_exists").wait(TableName=TABLE, WaiterConfig={"Delay": 1})
    client.update_contributor_insights(
        TableName=TABLE, ContributorInsightsAction="ENABLE", ContributorInsightsMode="THROTTLED_KEYS"
    )
    before = client.describe_contributor_insights(TableName=TABLE)
    assert first.stop() == 0
    second = start(data_dir=data)
    after = boto3.client("dynamodb", endpoint_url=second.endpoint).describe_contributor_insights(TableName=TABLE)
    names = ("ContributorInsightsStatus", "ContributorInsightsMode", "ContributorInsightsRuleList")
    assert [after[name] for name in names] == [before[name] for name in names]
    assert after["ContributorInsightsMode"] == "THROTTLED_KEYS"
