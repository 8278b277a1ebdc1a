"""Point-in-time recovery: enabled, described, and tables restored to a moment."""

import math
import time
from datetime import datetime, timezone

import pytest
from botocore.exceptions import ClientError

from tables import make_articles


def enable(client, name="Articles"):
    answer = client.update_continuous_backups(
        TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    return answer["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]


def wait_restored(client, name):
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})


def values(table):
    return {item["article_id"]: item.get("value") for item in table.scan(ConsistentRead=True)["Items"]}


def test_table_is_restored_to_a_moment(client, dynamodb):
    table = make_articles(dynamodb, indexes=["author"])
    table.put_item(Item={"article_id": "before", "author": "a"})
    described = enable(client)
    assert described["PointInTimeRecoveryStatus"] == "ENABLED"
    assert described["RecoveryPeriodInDays"] == 35
    table.put_item(Item={"article_id": "kept", "value": "first", "author": "b"})
    # Clients send whole seconds.
    moment = math.ceil(time.time())
    time.sleep(moment - time.time() + 0.1)
    table.put_item(Item={"article_id": "kept", "value": "second", "author": "b"})
    table.delete_item(Key={"article_id": "before"})
    client.restore_table_to_point_in_time(
        SourceTableName="Articles",
        TargetTableName="Articles-then",
        RestoreDateTime=datetime.fromtimestamp(moment, timezone.utc),
    )
    wait_restored(client, "Articles-then")
    then = dynamodb.Table("Articles-then")
    assert values(then) == {"before": None, "kept": "first"}
    assert {item["article_id"] for item in then.scan(IndexName="author-index")["Items"]} == {"before", "kept"}
    client.restore_table_to_point_in_time(
        SourceTableArn=table.table_arn, TargetTableName="Articles-now", UseLatestRestorableTime=True
    )
    wait_restored(client, "Articles-now")
    assert values(dynamodb.Table("Articles-now")) == {"kept": "second"}


def test_refusals(client, dynamodb):
    make_articles(dynamodb)
    with pytest.raises(client.exceptions.PointInTimeRecoveryUnavailableException):
        client.restore_table_to_point_in_time(
            SourceTableName="Articles", TargetTableName="Articles-then", UseLatestRestorableTime=True
        )
    enable(client)
    with pytest.raises(client.exceptions.InvalidRestoreTimeException):
        client.restore_table_to_point_in_time(
            SourceTableName="Articles",
            TargetTableName="Articles-then",
            RestoreDateTime=datetime(2020, 1, 1, tzinfo=timezone.utc),
        )
    with pytest.raises(client.exceptions.TableAlreadyExistsException):
        client.restore_table_to_point_in_time(
            SourceTableName="Articles", TargetTableName="Articles", UseLatestRestorableTime=True
        )
    with pytest.raises(ClientError) as refused:
        client.restore_table_to_point_in_time(SourceTableName="Articles", TargetTableName="Articles-then")
    assert refused.value.response["Error"]["Code"] == "ValidationException"
