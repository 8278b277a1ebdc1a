"""Transactions that meet: they wait for each other, or fail as the service lets them fail where the
server is asked to (`--transaction-conflicts`)."""

import threading
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from stator_process import binary

pytestmark = pytest.mark.skipif(not binary(), reason="needs STATOR_BINARY")

CLIENTS = 16
SENDS = 30


def add_one():
    return {
        "TableName": "Counters",
        "Key": {"pk": {"S": "the one"}},
        "UpdateExpression": "ADD n :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }


def connect(server):
    client = boto3.client(
        "dynamodb",
        endpoint_url=server.endpoint,
        config=Config(max_pool_connections=CLIENTS, retries={"total_max_attempts": 1}),
    )
    client.create_table(
        TableName="Counters",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


def counted(client):
    item = client.get_item(TableName="Counters", Key={"pk": {"S": "the one"}}, ConsistentRead=True)["Item"]
    return int(item["n"]["N"])


def send_from_all(send):
    """What `send` came to, sent again and again by all clients at once."""
    together = threading.Barrier(CLIENTS)

    def run():
        outcomes = []
        for _ in range(SENDS):
            together.wait()
            try:
                send()
                outcomes.append("made")
            except ClientError as refused:
                outcomes.append(refused.response)
        return outcomes

    with ThreadPoolExecutor(CLIENTS) as pool:
        runs = [pool.submit(run) for _ in range(CLIENTS)]
    return [outcome for each in runs for outcome in each.result()]


def test_transactions_wait_for_each_other(start, tmp_path):
    client = connect(start("--data-dir", tmp_path / "data"))
    outcomes = send_from_all(lambda: client.transact_write_items(TransactItems=[{"Update": add_one()}]))
    assert outcomes == ["made"] * (CLIENTS * SENDS)
    assert counted(client) == CLIENTS * SENDS


def test_transactions_conflict_where_that_is_asked_for(start, tmp_path):
    client = connect(start("--data-dir", tmp_path / "data", "--transaction-conflicts"))
    outcomes = send_from_all(lambda: client.transact_write_items(TransactItems=[{"Update": add_one()}]))
    made = outcomes.count("made")
    assert counted(client) == made
    refused = [outcome for outcome in outcomes if outcome != "made"]
    assert made and refused
    for outcome in refused:
        assert outcome["Error"]["Code"] == "TransactionCanceledException"
        assert outcome["CancellationReasons"] == [
            {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
        ]
    # Writes of the item alone wait for each other as ever.
    outcomes = send_from_all(lambda: client.update_item(**add_one()))
    assert outcomes == ["made"] * (CLIENTS * SENDS)
