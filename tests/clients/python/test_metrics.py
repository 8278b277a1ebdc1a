"""GET /metrics, read by Prometheus' own parser, and its figures beside those that CloudWatch's clients read."""

from datetime import datetime, timedelta, timezone

import boto3
import pytest

from metrics_page import MetricsPage
from raw_http import Connection


def create(client, name, **more):
    client.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        **{"BillingMode": "PAY_PER_REQUEST", **more},
    )
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})


def test_the_page_needs_no_signature_and_the_root_stays_the_health(endpoint):
    connection = Connection(endpoint)
    page = connection.request("GET", "/metrics")
    assert page.status == 200 and page.body.endswith(b"# EOF\n")
    assert connection.request("HEAD", "/metrics").status == 200
    assert connection.request("GET").body.startswith(b"healthy: dynamodb.")
    assert connection.request("GET", "/metrics/else").status == 404
    assert connection.request("POST", "/metrics", body=b"{}").status != 200
    # A page of another origin may not read it.
    assert connection.request("GET", "/metrics", headers={"Origin": "https://example.org"}).status == 403
    connection.close()


def test_the_parser_accepts_every_family(client, endpoint):
    create(client, "Measured")
    client.put_item(TableName="Measured", Item={"pk": {"S": "a"}})
    page = MetricsPage(endpoint)
    for name, family in page.families.items():
        assert name.startswith("stator_") and family.documentation, name
    assert page.samples("stator_build_info")[0] == 1
    assert page.value("stator_connections") >= 1
    assert page.value("stator_requests_in_flight") >= 1
    assert page.value("stator_tables_omitted") == 0
    assert page.value("stator_answer_memory_bytes") <= page.value("stator_answer_memory_limit_bytes")


def test_figures_follow_what_requests_do(client, endpoint):
    throughput = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 7}
    create(client, "Followed", BillingMode="PROVISIONED", ProvisionedThroughput=throughput)
    before = MetricsPage(endpoint)
    for number in range(4):
        client.put_item(TableName="Followed", Item={"pk": {"S": str(number)}})
    client.get_item(TableName="Followed", Key={"pk": {"S": "1"}})
    client.scan(TableName="Followed")
    condition = {"ConditionExpression": "attribute_not_exists(pk)"}
    with pytest.raises(client.exceptions.ConditionalCheckFailedException):
        client.put_item(TableName="Followed", Item={"pk": {"S": "1"}}, **condition)
    # One is refused by the engine, and one is no request at all.
    with pytest.raises(client.exceptions.ClientError):
        client.put_item(TableName="Followed", Item={"other": {"S": "1"}})
    connection = Connection(endpoint)
    assert connection.call("PutItem", {"TableName": 1}).status == 400
    connection.close()
    page = MetricsPage(endpoint)
    table = {"table": "Followed"}
    assert page.value("stator_consumed_capacity_units_total", **table, direction="write") == 5
    assert page.value("stator_consumed_capacity_units_total", **table, direction="read") == 1
    assert page.value("stator_provisioned_capacity_units", **table, direction="read") == 5
    assert page.value("stator_provisioned_capacity_units", **table, direction="write") == 7
    assert page.value("stator_conditional_check_failures_total", **table) == 1
    assert page.value("stator_table_returned_items_total", **table, operation="Scan") == 4
    put = {**table, "operation": "PutItem"}
    assert page.value("stator_table_request_duration_seconds_count", **put) == 4
    assert page.value("stator_table_request_duration_seconds_bucket", **put, le="+Inf") == 4

    def growth(name, **labels):
        return page.value(name, **labels) - sum(before.samples(name, **labels))

    assert growth("stator_requests_total", operation="PutItem", result="success") == 4
    assert growth("stator_requests_total", operation="PutItem", result="user_error") == 3
    assert growth("stator_request_duration_seconds_count", operation="PutItem") == 6
    assert growth("stator_user_errors_total") == 2


def test_the_store_on_disk_shows_what_it_does(disk_endpoint):
    client = boto3.client("dynamodb", endpoint_url=disk_endpoint)
    create(client, "Stored")
    before = MetricsPage(disk_endpoint)
    for number in range(10):
        client.put_item(TableName="Stored", Item={"pk": {"S": str(number)}})
    for _ in range(3):
        client.get_item(TableName="Stored", Key={"pk": {"S": "1"}})
    page = MetricsPage(disk_endpoint)
    writes = [shown.value("stator_store_sync_duration_seconds_count") for shown in (before, page)]
    assert writes[1] - writes[0] >= 10
    assert page.value("stator_store_group_commits_sum") >= page.value("stator_store_group_commits_count") - 1
    assert page.value("stator_store_queued_commits") <= 1
    assert page.value("stator_store_free_bytes") > page.value("stator_store_min_free_bytes")
    assert page.value("stator_store_writes_refused") == 0
    assert page.value("stator_store_cache_hits_total", cache="items") >= 2
    assert page.value("stator_store_memtable_bytes") > 0
    assert len(page.samples("stator_store_level_files")) == 7
    client.delete_table(TableName="Stored")
    client.get_waiter("table_not_exists").wait(TableName="Stored", WaiterConfig={"Delay": 1})
    assert MetricsPage(disk_endpoint).samples("stator_consumed_capacity_units_total", table="Stored") == []


def test_there_is_no_page_where_it_is_switched_off(start):
    server = start("--in-memory", "--metrics", "off")
    connection = Connection(server.endpoint)
    assert connection.request("GET", "/metrics").status == 404
    assert connection.request("GET").status == 200
    connection.close()


def test_figures_are_those_that_cloudwatch_shows(disk_endpoint, aws):
    table = "Compared"
    client = boto3.client("dynamodb", endpoint_url=disk_endpoint)
    create(client, table)
    for number in range(7):
        client.put_item(TableName=table, Item={"pk": {"S": str(number)}})
    page = MetricsPage(disk_endpoint)
    consumed = page.value("stator_consumed_capacity_units_total", table=table, direction="write")
    answered = page.value("stator_table_request_duration_seconds_count", table=table, operation="PutItem")
    assert (consumed, answered) == (7, 7)

    now = datetime.now(timezone.utc)
    asked = {
        "Namespace": "AWS/DynamoDB",
        "StartTime": now - timedelta(hours=1),
        "EndTime": now + timedelta(minutes=2),
        "Period": 60,
    }
    dimension = {"Name": "TableName", "Value": table}
    cloudwatch = boto3.client("cloudwatch", endpoint_url=disk_endpoint)

    def total(statistic, **request):
        points = cloudwatch.get_metric_statistics(**asked, Statistics=[statistic], **request)["Datapoints"]
        return sum(point[statistic] for point in points)

    assert total("Sum", MetricName="ConsumedWriteCapacityUnits", Dimensions=[dimension]) == consumed
    dimensions = [dimension, {"Name": "Operation", "Value": "PutItem"}]
    assert total("SampleCount", MetricName="SuccessfulRequestLatency", Dimensions=dimensions) == answered

    def told(metric, statistic, *dimensions):
        answer = aws(
            "get-metric-statistics",
            "--namespace", "AWS/DynamoDB",
            "--metric-name", metric,
            "--dimensions", *dimensions,
            "--start-time", asked["StartTime"].isoformat(timespec="seconds"),
            "--end-time", asked["EndTime"].isoformat(timespec="seconds"),
            "--period", "60",
            "--statistics", statistic,
            service="cloudwatch",
        )  # fmt: skip
        return sum(point[statistic] for point in answer["Datapoints"])

    name = f"Name=TableName,Value={table}"
    assert told("ConsumedWriteCapacityUnits", "Sum", name) == consumed
    operation = "Name=Operation,Value=PutItem"
    assert told("SuccessfulRequestLatency", "SampleCount", name, operation) == answered
