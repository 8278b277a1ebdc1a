"""Time to live: switched on and off, and items that go by themselves."""

import time

import boto3
import pytest
from botocore.exceptions import ClientError

from tables import make_articles, make_single_table

ENABLED = {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}
SPECIFICATION = {"Enabled": True, "AttributeName": "expires_at"}


def wait_until(is_reached, seconds_max=20):
    deadline = time.monotonic() + seconds_max
    while not is_reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def described(client, name="Articles"):
    return client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]


def session(key, expires_at):
    return {"article_id": key, "expires_at": int(expires_at)}


def keys(table):
    return {item["article_id"] for item in table.scan(ConsistentRead=True)["Items"]}


def test_expired_items_go_and_others_stay(client, dynamodb):
    table = make_articles(dynamodb)
    table.put_item(Item=session("from before", time.time() - 60))
    assert described(client) == {"TimeToLiveStatus": "DISABLED"}
    answer = client.update_time_to_live(TableName="Articles", TimeToLiveSpecification=SPECIFICATION)
    assert answer["TimeToLiveSpecification"] == SPECIFICATION
    assert described(client) == ENABLED
    table.put_item(Item=session("in a day", time.time() + 86400))
    table.put_item(Item=session("in a second", time.time() + 1))
    table.put_item(Item={"article_id": "never"})
    table.put_item(Item={"article_id": "text", "expires_at": str(int(time.time() - 60))})
    wait_until(lambda: keys(table) == {"in a day", "never", "text"})


def test_item_that_is_prolonged_stays(client, dynamodb):
    table = make_articles(dynamodb)
    client.update_time_to_live(TableName="Articles", TimeToLiveSpecification=SPECIFICATION)
    for key in ("prolonged", "left"):
        table.put_item(Item=session(key, time.time() + 2))
    table.update_item(
        Key={"article_id": "prolonged"},
        UpdateExpression="SET expires_at = :later",
        ExpressionAttributeValues={":later": int(time.time()) + 86400},
    )
    wait_until(lambda: keys(table) == {"prolonged"})


def test_refusals(client, dynamodb):
    make_articles(dynamodb)

    def refused(enabled, attribute):
        with pytest.raises(ClientError) as refusal:
            client.update_time_to_live(
                TableName="Articles",
                TimeToLiveSpecification={"Enabled": enabled, "AttributeName": attribute},
            )
        assert refusal.value.response["Error"]["Code"] == "ValidationException"
        return refusal.value.response["Error"]["Message"]

    assert refused(False, "expires_at") == "TimeToLive is already disabled"
    client.update_time_to_live(TableName="Articles", TimeToLiveSpecification=SPECIFICATION)
    assert refused(True, "expires_at") == "TimeToLive is already enabled"
    assert "current AttributeName is expires_at" in refused(True, "other")
    assert "multiple times within a fixed interval" in refused(False, "expires_at")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.update_time_to_live(TableName="Nowhere", TimeToLiveSpecification=SPECIFICATION)


def test_deletion_is_the_services_in_the_stream(start):
    # A server of its own: a stream outlives its table.
    endpoint = start("--in-memory").endpoint
    client = boto3.client("dynamodb", endpoint_url=endpoint)
    table = make_articles(boto3.resource("dynamodb", endpoint_url=endpoint))
    client.update_table(
        TableName="Articles", StreamSpecification={"StreamEnabled": True, "StreamViewType": "OLD_IMAGE"}
    )
    client.update_time_to_live(TableName="Articles", TimeToLiveSpecification=SPECIFICATION)
    table.put_item(Item=session("gone", time.time() - 60))
    wait_until(lambda: keys(table) == set())
    streams = boto3.client("dynamodbstreams", endpoint_url=endpoint)
    table.reload()
    arn = table.latest_stream_arn
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    records = streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    (removal,) = [record for record in records if record["eventName"] == "REMOVE"]
    assert removal["userIdentity"] == {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}
    assert removal["dynamodb"]["OldImage"]["article_id"] == {"S": "gone"}


def test_from_the_command_line(aws):
    def about(*words):
        return aws(*words, "--table-name", "Sessions")

    about(
        "create-table",
        "--attribute-definitions",
        "AttributeName=id,AttributeType=S",
        "--key-schema",
        "AttributeName=id,KeyType=HASH",
        "--billing-mode",
        "PAY_PER_REQUEST",
    )
    answer = about(
        "update-time-to-live", "--time-to-live-specification", "Enabled=true,AttributeName=expires_at"
    )
    assert answer["TimeToLiveSpecification"] == SPECIFICATION
    assert about("describe-time-to-live")["TimeToLiveDescription"] == ENABLED
    about("put-item", "--item", '{"id": {"S": "old"}, "expires_at": {"N": "%d"}}' % (time.time() - 60))
    about("put-item", "--item", '{"id": {"S": "new"}, "expires_at": {"N": "%d"}}' % (time.time() + 86400))
    wait_until(lambda: [item["id"] for item in about("scan")["Items"]] == [{"S": "new"}])


def test_enabling_a_table_with_data_survives_a_kill(start, tmp_path):
    data = tmp_path / "data"
    flags = ("--durability", "os")
    server = start(*flags, data_dir=data)
    client = boto3.client("dynamodb", endpoint_url=server.endpoint)
    table = make_single_table(boto3.resource("dynamodb", endpoint_url=server.endpoint))
    expired = int(time.time()) - 60
    with table.batch_writer() as batch:
        for number in range(3000):
            batch.put_item(Item={"PK": f"P{number % 7}", "SK": f"{number}", "GSI1PK": "all", "expires_at": expired})
    client.update_time_to_live(TableName="AppTable", TimeToLiveSpecification=SPECIFICATION)
    server.kill()
    server = start(*flags, data_dir=data)
    client = boto3.client("dynamodb", endpoint_url=server.endpoint)
    wait_until(lambda: described(client, "AppTable") == ENABLED)
    wait_until(lambda: client.scan(TableName="AppTable", Select="COUNT")["ScannedCount"] == 0)
    assert client.describe_table(TableName="AppTable")["Table"]["ItemCount"] == 0


def test_settings(start):
    server = start("--in-memory", "--expiry-sweep-period", "1h", "--time-to-live-change-interval", "0")
    client = boto3.client("dynamodb", endpoint_url=server.endpoint)
    table = make_articles(boto3.resource("dynamodb", endpoint_url=server.endpoint))
    for enabled in (True, False, True):
        client.update_time_to_live(
            TableName="Articles", TimeToLiveSpecification={**SPECIFICATION, "Enabled": enabled}
        )
    # The first look comes when it is enabled; the next in an hour.
    time.sleep(1)
    table.put_item(Item=session("expired", time.time() - 60))
    time.sleep(1.5)
    assert keys(table) == {"expired"}


def test_expired_items_are_hidden_on_request(start):
    server = start("--in-memory", "--expiry-sweep-period", "1h", "--hide-expired-items")
    client = boto3.client("dynamodb", endpoint_url=server.endpoint)
    table = make_articles(boto3.resource("dynamodb", endpoint_url=server.endpoint))
    client.update_time_to_live(TableName="Articles", TimeToLiveSpecification=SPECIFICATION)
    for key, expires_at in (("expired", time.time() - 60), ("valid", time.time() + 86400)):
        table.put_item(Item=session(key, expires_at))
    page = table.scan()
    assert page["Count"] == 1 and page["Items"][0]["article_id"] == "valid"
    assert "Item" not in table.get_item(Key={"article_id": "expired"})
