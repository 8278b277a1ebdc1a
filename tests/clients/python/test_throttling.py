"""Provisioned capacity under clients that retry as they do by default."""

import os
import threading
import time

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from stator_process import binary

pytestmark = pytest.mark.skipif(not binary(), reason="needs STATOR_BINARY")

CONNECTIONS = 32
UNITS_PER_SECOND = 10
# The longer, the less does it count where a client happens to pause at the ends.
SECONDS = float(os.environ.get("STATOR_THROTTLING_SECONDS", "20"))
# Most of an item of one write unit; its names and its key are in it.
TEXT = "x" * 980


def test_many_clients_get_what_is_provisioned(start, tmp_path):
    """As many writes are stored as the table has units, once its burst is drained."""
    server = start(data_dir=tmp_path / "data")
    client = boto3.client("dynamodb", endpoint_url=server.endpoint)
    client.create_table(
        TableName="Parcels",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        ProvisionedThroughput={"ReadCapacityUnits": 1000, "WriteCapacityUnits": UNITS_PER_SECOND},
    )
    drain(server.endpoint)
    stop = threading.Event()
    writers = [threading.Thread(target=write, args=(server.endpoint, number, stop)) for number in range(CONNECTIONS)]
    for writer in writers:
        writer.start()
    # The first seconds let every client find its pace.
    time.sleep(2)
    begun, at_begin = time.monotonic(), count(client)
    time.sleep(SECONDS)
    seconds, stored = time.monotonic() - begun, count(client) - at_begin
    stop.set()
    for writer in writers:
        writer.join()
    rate = stored / seconds
    print(f"{stored} writes in {seconds:.1f} s: {rate:.2f} per second")
    assert UNITS_PER_SECOND * 0.95 <= rate <= UNITS_PER_SECOND * 1.05, f"{stored} writes in {seconds:.1f} s"


def drain(endpoint):
    """Consumes what the table has saved up, until a write is refused."""
    client = boto3.client("dynamodb", endpoint_url=endpoint, config=Config(retries={"total_max_attempts": 1}))
    for number in range(100_000):
        rows = [{"PutRequest": {"Item": {"id": {"S": f"drain {row}"}, "text": {"S": f"{number}"}}}} for row in range(25)]
        try:
            answer = client.batch_write_item(RequestItems={"Parcels": rows})
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ProvisionedThroughputExceededException", error
            return
        if answer["UnprocessedItems"]:
            return
    raise AssertionError("nothing was refused")


def write(endpoint, number, stop):
    """Puts items with the retries that boto3 has by default."""
    client = boto3.client("dynamodb", endpoint_url=endpoint)
    written = 0
    while not stop.is_set():
        try:
            client.put_item(TableName="Parcels", Item={"id": {"S": f"{number}/{written}"}, "text": {"S": TEXT}})
            written += 1
        except ClientError as error:
            # It has retried as often as it does.
            assert error.response["Error"]["Code"] == "ProvisionedThroughputExceededException", error


def count(client):
    pages = client.get_paginator("scan").paginate(TableName="Parcels", Select="COUNT", ConsistentRead=True)
    return sum(page["Count"] for page in pages)
