"""Application Auto Scaling at the same endpoint: capacity that is really scaled."""

import time
from datetime import datetime, timedelta, timezone

import boto3
import pytest
from botocore.exceptions import ClientError

from aws_cli import Refused

DIMENSION = "dynamodb:table:WriteCapacityUnits"
TARGET = {"ServiceNamespace": "dynamodb", "ResourceId": "table/Orders", "ScalableDimension": DIMENSION}
SCALED_SECONDS_MAX = 100


@pytest.fixture
def scaling(endpoint, client):
    client.create_table(
        TableName="Orders",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
    )
    client.get_waiter("table_exists").wait(TableName="Orders", WaiterConfig={"Delay": 1})
    scaling = boto3.client("application-autoscaling", endpoint_url=endpoint)
    yield scaling
    for target in scaling.describe_scalable_targets(ServiceNamespace="dynamodb")["ScalableTargets"]:
        scaling.deregister_scalable_target(**{name: target[name] for name in TARGET})


def wait_for_units(client, units):
    deadline = time.monotonic() + SCALED_SECONDS_MAX
    while True:
        throughput = client.describe_table(TableName="Orders")["Table"]["ProvisionedThroughput"]
        if throughput["WriteCapacityUnits"] == units:
            return throughput
        assert time.monotonic() < deadline, throughput
        time.sleep(0.2)


def test_capacity_is_brought_to_the_minimum_and_told_of(scaling, client):
    scaling.register_scalable_target(**TARGET, MinCapacity=5, MaxCapacity=10)
    throughput = wait_for_units(client, 5)
    assert throughput["LastIncreaseDateTime"]
    activity = scaling.describe_scaling_activities(**TARGET)["ScalingActivities"][0]
    assert activity["Description"] == "Setting write capacity units to 5."
    assert activity["Cause"] == "minimum capacity was set to 5"
    assert activity["StatusCode"] == "Successful"
    assert datetime.now(timezone.utc) - activity["StartTime"] < timedelta(minutes=5)


def test_a_scheduled_action_comes_in_time(scaling, client):
    scaling.register_scalable_target(**TARGET, MinCapacity=1, MaxCapacity=10)
    due = datetime.now(timezone.utc) + timedelta(seconds=2)
    scaling.put_scheduled_action(
        **TARGET,
        ScheduledActionName="soon",
        Schedule=f"at({due:%Y-%m-%dT%H:%M:%S})",
        ScalableTargetAction={"MinCapacity": 3},
    )
    wait_for_units(client, 3)
    target = scaling.describe_scalable_targets(**{"ServiceNamespace": "dynamodb"})["ScalableTargets"][0]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (3, 10)


def test_policies_and_errors(scaling):
    policy = {
        "PolicyName": "p",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": 70.0,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "DynamoDBWriteCapacityUtilization"},
        },
    }
    with pytest.raises(scaling.exceptions.ObjectNotFoundException):
        scaling.put_scaling_policy(**TARGET, **policy)
    scaling.register_scalable_target(**TARGET, MinCapacity=1, MaxCapacity=10)
    put = scaling.put_scaling_policy(**TARGET, **policy)
    described = scaling.describe_scaling_policies(ServiceNamespace="dynamodb")["ScalingPolicies"][0]
    assert described["PolicyARN"] == put["PolicyARN"]
    assert [alarm["AlarmName"].split("-")[2] for alarm in described["Alarms"]] == [
        "AlarmHigh",
        "AlarmLow",
        "ProvisionedCapacityHigh",
        "ProvisionedCapacityLow",
    ]
    with pytest.raises(ClientError, match="1 validation error detected: Value 'x' at 'serviceNamespace'"):
        scaling.describe_scalable_targets(ServiceNamespace="x")


def test_commands_as_people_write_them(aws):
    aws(
        "create-table", "--table-name", "Orders",
        "--attribute-definitions", "AttributeName=pk,AttributeType=S",
        "--key-schema", "AttributeName=pk,KeyType=HASH",
        "--provisioned-throughput", "ReadCapacityUnits=5,WriteCapacityUnits=5",
    )  # fmt: skip
    about = [
        "--service-namespace", "dynamodb",
        "--resource-id", "table/Orders",
        "--scalable-dimension", DIMENSION,
    ]  # fmt: skip
    service = "application-autoscaling"
    aws("register-scalable-target", *about, "--min-capacity", "5", "--max-capacity", "500", service=service)
    put = aws(
        "put-scaling-policy", *about,
        "--policy-name", "OrdersWrite",
        "--policy-type", "TargetTrackingScaling",
        "--target-tracking-scaling-policy-configuration",
        {
            "TargetValue": 70.0,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "DynamoDBWriteCapacityUtilization"},
            "ScaleInCooldown": 60,
            "ScaleOutCooldown": 60,
        },
        service=service,
    )  # fmt: skip
    assert len(put["Alarms"]) == 4
    targets = aws("describe-scalable-targets", "--service-namespace", "dynamodb", service=service)
    assert targets["ScalableTargets"][0]["MaxCapacity"] == 500
    aws("deregister-scalable-target", *about, service=service)
    with pytest.raises(Refused, match="ObjectNotFoundException.*No scalable target registered"):
        aws("deregister-scalable-target", *about, service=service)
