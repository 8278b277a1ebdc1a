"""States on the way: shown by the answer, gone by the next look, unless they are asked to last."""

import time

import boto3
import pytest
from botocore.exceptions import ClientError

from tables import make_articles, wait_for_indexes

TABLE = {
    "TableName": "Articles",
    "KeySchema": [{"AttributeName": "article_id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "article_id", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}
ITEM = {"article_id": {"S": "a"}}


def status(client):
    return client.describe_table(TableName="Articles")["Table"]["TableStatus"]


def test_without_waiting(client):
    assert client.create_table(**TABLE)["TableDescription"]["TableStatus"] == "CREATING"
    assert status(client) == "ACTIVE"
    client.put_item(TableName="Articles", Item=ITEM)
    assert client.delete_table(TableName="Articles")["TableDescription"]["TableStatus"] == "DELETING"
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        status(client)


def test_lasting_on_request(start):
    server = start("--in-memory", "--transition-ms", "600")
    client = boto3.client("dynamodb", endpoint_url=server.endpoint)
    client.create_table(**TABLE)
    assert status(client) == "CREATING"
    with pytest.raises(ClientError, match="Requested resource not found"):
        client.put_item(TableName="Articles", Item=ITEM)
    with pytest.raises(client.exceptions.ResourceInUseException):
        client.delete_table(TableName="Articles")
    wait_until(lambda: status(client) == "ACTIVE")
    client.put_item(TableName="Articles", Item=ITEM)
    client.delete_table(TableName="Articles")
    assert status(client) == "DELETING"
    wait_until(lambda: client.list_tables()["TableNames"] == [])


def wait_until(is_reached, seconds_max=10):
    deadline = time.monotonic() + seconds_max
    while not is_reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_protected_table_is_not_deleted(client):
    client.create_table(**TABLE, DeletionProtectionEnabled=True)
    with pytest.raises(ClientError, match="it is currently protected against deletion"):
        client.delete_table(TableName="Articles")
    client.update_table(TableName="Articles", DeletionProtectionEnabled=False)
    client.delete_table(TableName="Articles")


def test_change_of_billing(client, dynamodb):
    table = make_articles(dynamodb, indexes=["category"])
    client.update_table(
        TableName="Articles",
        BillingMode="PROVISIONED",
        ProvisionedThroughput={"ReadCapacityUnits": 7, "WriteCapacityUnits": 3},
        GlobalSecondaryIndexUpdates=[
            {
                "Update": {
                    "IndexName": "category-index",
                    "ProvisionedThroughput": {"ReadCapacityUnits": 2, "WriteCapacityUnits": 2},
                }
            }
        ],
    )
    wait_for_indexes(table)
    assert table.provisioned_throughput["ReadCapacityUnits"] == 7
    assert table.global_secondary_indexes[0]["ProvisionedThroughput"]["WriteCapacityUnits"] == 2
    client.update_table(TableName="Articles", BillingMode="PAY_PER_REQUEST")
    wait_for_indexes(table)
    assert table.billing_mode_summary["BillingMode"] == "PAY_PER_REQUEST"
    assert table.provisioned_throughput["ReadCapacityUnits"] == 0
