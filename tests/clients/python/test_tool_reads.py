"""What tools read at every start: answered, though the thing asked about is not there."""

import boto3
import pytest
from botocore.exceptions import ClientError

from tables import make_articles

EMPTY_LISTS = [
    ("list_backups", {}, "BackupSummaries"),
    ("list_exports", {}, "ExportSummaries"),
    ("list_imports", {}, "ImportSummaryList"),
    ("list_global_tables", {}, "GlobalTables"),
    ("list_contributor_insights", {}, "ContributorInsightsSummaries"),
]


@pytest.fixture
def arn(dynamodb):
    return make_articles(dynamodb).table_arn


@pytest.mark.parametrize("method, arguments, member", EMPTY_LISTS)
def test_list_is_empty(start, method, arguments, member):
    # A server of its own: on the others there are exports and imports that other tests had.
    client = boto3.client("dynamodb", endpoint_url=start("--in-memory").endpoint)
    assert getattr(client, method)(**arguments)[member] == []


def test_no_streams(start):
    # A server of its own: on the others there are streams of tables that other tests had.
    endpoint = start("--in-memory").endpoint
    make_articles(boto3.resource("dynamodb", endpoint_url=endpoint))
    streams = boto3.client("dynamodbstreams", endpoint_url=endpoint)
    assert streams.list_streams()["Streams"] == []
    assert streams.list_streams(TableName="Articles")["Streams"] == []


def test_reading_of_a_table_by_an_infrastructure_tool(client, arn):
    table = client.describe_table(TableName="Articles")["Table"]
    assert table["TableStatus"] == "ACTIVE"
    assert "StreamSpecification" not in table and "SSEDescription" not in table
    backups = client.describe_continuous_backups(TableName="Articles")["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "DISABLED"
    expiry = client.describe_time_to_live(TableName="Articles")["TimeToLiveDescription"]
    assert expiry == {"TimeToLiveStatus": "DISABLED"}
    insights = client.describe_contributor_insights(TableName="Articles")
    assert insights["ContributorInsightsStatus"] == "DISABLED"
    kinesis = client.describe_kinesis_streaming_destination(TableName="Articles")
    assert kinesis["KinesisDataStreamDestinations"] == []
    assert client.list_tags_of_resource(ResourceArn=arn)["Tags"] == []


@pytest.mark.parametrize(
    "method",
    [
        "describe_continuous_backups",
        "describe_time_to_live",
        "describe_contributor_insights",
        "describe_kinesis_streaming_destination",
    ],
)
def test_of_a_table_that_does_not_exist(client, method):
    with pytest.raises(ClientError) as refused:
        getattr(client, method)(TableName="Nowhere")
    assert "not found" in refused.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    "method, arguments, code",
    [
        ("describe_backup", {"BackupArn": "{arn}/backup/01489602797149-73d8d5bc"}, "BackupNotFoundException"),
        ("describe_export", {"ExportArn": "{arn}/export/01489602797149-73d8d5bc"}, "ExportNotFoundException"),
        ("describe_import", {"ImportArn": "{arn}/import/01489602797149-73d8d5bc"}, "ImportNotFoundException"),
        ("describe_global_table", {"GlobalTableName": "Articles"}, "GlobalTableNotFoundException"),
        ("get_resource_policy", {"ResourceArn": "{arn}"}, "PolicyNotFoundException"),
    ],
)
def test_named_thing_is_not_found(client, arn, method, arguments, code):
    with pytest.raises(ClientError) as refused:
        getattr(client, method)(**{name: value.format(arn=arn) for name, value in arguments.items()})
    assert refused.value.response["Error"]["Code"] == code


def test_limits_and_endpoints(client):
    limits = client.describe_limits()
    assert limits["TableMaxReadCapacityUnits"] > 0
    (endpoint,) = client.describe_endpoints()["Endpoints"]
    assert endpoint["CachePeriodInMinutes"] > 0


def test_tags_are_set_and_taken_away(client, arn):
    client.tag_resource(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    client.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert client.list_tags_of_resource(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]


def test_table_by_its_arn(client, arn):
    client.put_item(TableName=arn, Item={"article_id": {"S": "a"}})
    assert client.get_item(TableName="Articles", Key={"article_id": {"S": "a"}})["Item"]
