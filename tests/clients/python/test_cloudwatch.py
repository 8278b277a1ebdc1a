"""CloudWatch at the same endpoint, in each protocol that its clients have spoken."""

import copy
import time
from datetime import datetime, timedelta, timezone

import boto3
import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from aws_cli import Refused

PROTOCOLS = ["json", "smithy-rpc-v2-cbor", "query"]
METER_SECONDS_MAX = 90


def connect(endpoint, protocol):
    """boto3's client, made to speak a protocol that it would not choose itself."""
    session = botocore.session.get_session()
    loader = session.get_component("data_loader")
    load = loader.load_service_model

    def load_with_protocol(service_name, type_name, *arguments, **options):
        model = load(service_name, type_name, *arguments, **options)
        if (service_name, type_name) == ("cloudwatch", "service-2"):
            model = copy.deepcopy(model)
            model["metadata"].update(protocol=protocol, protocols=[protocol])
        return model

    loader.load_service_model = load_with_protocol
    client = boto3.Session(botocore_session=session).client(
        "cloudwatch", endpoint_url=endpoint, config=Config(retries={"total_max_attempts": 1})
    )
    assert client.meta.service_model.resolved_protocol == protocol
    return client


@pytest.fixture(params=PROTOCOLS)
def cloudwatch(request, memory_endpoint):
    return connect(memory_endpoint, request.param)


def statistics(table, **changes):
    now = datetime.now(timezone.utc)
    return {
        "Namespace": "AWS/DynamoDB",
        "MetricName": "ConsumedWriteCapacityUnits",
        "Dimensions": [{"Name": "TableName", "Value": table}],
        "StartTime": now - timedelta(hours=1),
        "EndTime": now + timedelta(minutes=1),
        "Period": 60,
        "Statistics": ["Sum", "Maximum"],
        **changes,
    }


def data(table):
    asked = statistics(table)
    metric = {name: asked[name] for name in ("Namespace", "MetricName", "Dimensions")}
    return {
        "StartTime": asked["StartTime"],
        "EndTime": asked["EndTime"],
        "MetricDataQueries": [
            {"Id": "units", "MetricStat": {"Metric": metric, "Period": 3660, "Stat": "Sum"}, "ReturnData": False},
            {"Id": "doubled", "Expression": "2 * units", "Label": "twice é<&"},
        ],
    }


def test_what_nobody_has_seen_is_empty(cloudwatch):
    answer = cloudwatch.get_metric_statistics(**statistics("nowhere"))
    assert (answer["Label"], answer["Datapoints"]) == ("ConsumedWriteCapacityUnits", [])
    assert cloudwatch.list_metrics(Namespace="AWS/EC2")["Metrics"] == []
    result = cloudwatch.get_metric_data(**data("nowhere"))["MetricDataResults"][0]
    assert (result["Id"], result["Label"], result["StatusCode"]) == ("doubled", "twice é<&", "Complete")
    assert (result["Timestamps"], result["Values"]) == ([], [])


def code_and_message(call, **request):
    with pytest.raises(ClientError) as refused:
        call(**request)
    error = refused.value.response["Error"]
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return error["Code"], error.get("Message", "")


def test_errors_have_the_names_that_programs_know(cloudwatch):
    asked = statistics("t", StartTime=datetime(2026, 1, 1), EndTime=datetime(2026, 1, 3))
    code, message = code_and_message(cloudwatch.get_metric_statistics, **asked)
    assert code == "InvalidParameterCombination"
    assert message.startswith("You have requested up to 2,880 datapoints, which exceeds the limit of 1,440.")
    request = data("t")
    request["MetricDataQueries"][1]["Expression"] = "SEARCH('a')"
    code, message = code_and_message(cloudwatch.get_metric_data, **request)
    assert code == "ValidationError"
    assert message == "Error in expression 'doubled': The function SEARCH is not supported"
    code, message = code_and_message(cloudwatch.delete_alarms, AlarmNames=["a"])
    assert (code, message) == ("InvalidAction", "The operation DeleteAlarms is not supported.")
    code, message = code_and_message(cloudwatch.list_dashboards)
    assert code == "InvalidAction"
    code, message = code_and_message(cloudwatch.list_metrics, NextToken="nothing")
    assert code == "InvalidParameterValue"


def test_commands_as_people_write_them(aws):
    now = datetime.now(timezone.utc)
    answer = aws(
        "get-metric-statistics",
        "--namespace", "AWS/DynamoDB",
        "--metric-name", "ConsumedReadCapacityUnits",
        "--dimensions", "Name=TableName,Value=Users",
        "--start-time", (now - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "--end-time", now.isoformat(timespec="seconds"),
        "--period", "60",
        "--statistics", "Sum",
        service="cloudwatch",
    )  # fmt: skip
    assert answer == {"Label": "ConsumedReadCapacityUnits", "Datapoints": []}
    with pytest.raises(Refused, match=r"\(InvalidAction\).*PutMetricAlarm"):
        aws(
            "put-metric-alarm",
            "--alarm-name", "a",
            "--evaluation-periods", "1",
            "--comparison-operator", "GreaterThanThreshold",
            service="cloudwatch",
        )  # fmt: skip


def test_figures_are_the_same_in_every_protocol(memory_endpoint):
    clients = [connect(memory_endpoint, protocol) for protocol in PROTOCOLS]
    table = "Measured"
    dynamodb = boto3.client("dynamodb", endpoint_url=memory_endpoint)
    dynamodb.create_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 1})
    for number in range(5):
        dynamodb.put_item(TableName=table, Item={"pk": {"S": str(number)}})
    deadline = time.monotonic() + METER_SECONDS_MAX
    while not clients[0].get_metric_statistics(**statistics(table))["Datapoints"]:
        if time.monotonic() > deadline or not clients[0].list_metrics()["Metrics"]:
            break
        time.sleep(0.5)
    for cloudwatch in clients:
        points = cloudwatch.get_metric_statistics(**statistics(table))["Datapoints"]
        assert sum(point["Sum"] for point in points) == 5
        assert all(point["Unit"] == "Count" and point["Timestamp"].tzinfo for point in points)
        # A minute may have ended meanwhile.
        assert sum(cloudwatch.get_metric_data(**data(table))["MetricDataResults"][0]["Values"]) == 10.0
    dynamodb.delete_table(TableName=table)
