"""Restores to seconds of a mixed load, after a kill and a move of the data directory.

Writers pause around every whole second, so that what the table was at that second is known exactly.
"""

import os
import random
import shutil
import threading
import time
from datetime import datetime, timezone

import boto3
import pytest

from stator_process import binary

pytestmark = pytest.mark.skipif(not binary(), reason="needs STATOR_BINARY")

# The long form is STATOR_RECOVERY_SECONDS=60 STATOR_RECOVERY_RESTORES=20.
SECONDS = int(os.environ.get("STATOR_RECOVERY_SECONDS", "8"))
RESTORES = int(os.environ.get("STATOR_RECOVERY_RESTORES", "4"))
SEED = int(os.environ.get("STATOR_SEED", str(random.randrange(2**32))))
WRITERS = 4
KEYS = 40
# How long before and behind a whole second nothing is sent.
PAUSE = 0.06
# Within this time, items that have expired are deleted.
EXPIRY_SECONDS_MAX = 5

TABLE = {
    "TableName": "Readings",
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
    "AttributeDefinitions": [
        {"AttributeName": "id", "AttributeType": "S"},
        {"AttributeName": "at", "AttributeType": "N"},
        {"AttributeName": "group", "AttributeType": "S"},
    ],
    "GlobalSecondaryIndexes": [{
        "IndexName": "by-group",
        "KeySchema": [{"AttributeName": "group", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }],
    "BillingMode": "PAY_PER_REQUEST",
}


class Writer:
    """Writes keys of its own and knows what they are; `seen` has a copy for every whole second."""

    def __init__(self, endpoint, number):
        self.client = boto3.client("dynamodb", endpoint_url=endpoint)
        self.random = random.Random(SEED + number)
        self.name = f"writer-{number}"
        self.items = {}
        self.seen = {}
        self.failure = None
        self.thread = threading.Thread(target=self.run)

    def run(self):
        try:
            end = time.time() + SECONDS
            while time.time() < end:
                second = round(time.time())
                if abs(time.time() - second) < PAUSE:
                    self.seen[second] = dict(self.items)
                    time.sleep(max(second + PAUSE - time.time(), 0))
                    continue
                # Nothing is sent that may not be answered before the pause.
                if 1 - time.time() % 1 < 2 * PAUSE:
                    time.sleep(max(1 - time.time() % 1 - PAUSE / 2, 0))
                    continue
                self.step()
        except Exception as failure:  # pylint: disable=broad-except
            self.failure = failure

    def item(self):
        item = {
            "id": {"S": self.name},
            "at": {"N": str(self.random.randrange(KEYS))},
            "value": {"N": str(self.random.randrange(10**9))},
        }
        if self.random.random() < 0.7:
            item["group"] = {"S": f"group-{self.random.randrange(5)}"}
        if self.random.random() < 0.1:
            item["expires"] = {"N": str(int(time.time()) + self.random.randrange(1, 4))}
        return item

    def step(self):
        kind = self.random.random()
        if kind < 0.5:
            item = self.item()
            self.client.put_item(TableName="Readings", Item=item)
            self.items[item["at"]["N"]] = item
        elif kind < 0.75:
            items = {item["at"]["N"]: item for item in (self.item() for _ in range(4))}
            puts = [{"Put": {"TableName": "Readings", "Item": item}} for item in items.values()]
            self.client.transact_write_items(TransactItems=puts)
            self.items.update(items)
        elif kind < 0.9:
            at = str(self.random.randrange(KEYS))
            self.client.delete_item(TableName="Readings", Key={"id": {"S": self.name}, "at": {"N": at}})
            self.items.pop(at, None)
        else:
            # An item that may expire right now may be another by then.
            steady = [at for at, item in self.items.items() if "expires" not in item]
            if steady:
                at, value = self.random.choice(steady), {"N": str(self.random.randrange(10**9))}
                self.client.update_item(
                    TableName="Readings",
                    Key={"id": {"S": self.name}, "at": {"N": at}},
                    UpdateExpression="SET #value = :value",
                    ExpressionAttributeNames={"#value": "value"},
                    ExpressionAttributeValues={":value": value},
                )
                self.items[at] = {**self.items[at], "value": value}


def all_items(client, name, index=None):
    where = {"TableName": name, **({"IndexName": index} if index else {"ConsistentRead": True})}
    pages = client.get_paginator("scan").paginate(**where)
    return {(item["id"]["S"], item["at"]["N"]): item for page in pages for item in page["Items"]}


def test_seconds_of_a_load_are_restored(start, tmp_path):
    print(f"STATOR_SEED={SEED}")
    server = start(data_dir=tmp_path / "data")
    client = boto3.client("dynamodb", endpoint_url=server.endpoint)
    client.create_table(**TABLE)
    client.update_time_to_live(
        TableName="Readings", TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}
    )
    client.update_continuous_backups(
        TableName="Readings", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    writers = [Writer(server.endpoint, number) for number in range(WRITERS)]
    for writer in writers:
        writer.thread.start()
    for writer in writers:
        writer.thread.join()
        if writer.failure:
            raise writer.failure
    server.kill()
    shutil.move(tmp_path / "data", tmp_path / "elsewhere")
    server = start(data_dir=tmp_path / "elsewhere")
    client = boto3.client("dynamodb", endpoint_url=server.endpoint)

    known = sorted(set.intersection(*(set(writer.seen) for writer in writers)))
    # The table is younger than the first of them may be.
    chosen = random.Random(SEED).sample(known[1:], min(RESTORES, len(known) - 1))
    assert len(chosen) >= min(RESTORES, SECONDS - 3), known
    compared = 0
    for second in chosen:
        name = f"Readings-{second}"
        client.restore_table_to_point_in_time(
            SourceTableName="Readings",
            TargetTableName=name,
            RestoreDateTime=datetime.fromtimestamp(second, timezone.utc),
        )
        client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
        found = all_items(client, name)
        indexed = all_items(client, name, "by-group")
        expected = {}
        for writer in writers:
            for at, item in writer.seen[second].items():
                expires = int(item["expires"]["N"]) if "expires" in item else None
                key = (writer.name, at)
                if expires is None or second <= expires:
                    expected[key] = item
                elif second > expires + EXPIRY_SECONDS_MAX:
                    assert key not in found, f"{key} had expired at {expires}, and is in {second}"
                else:
                    # It may have been deleted by then.
                    found.pop(key, None)
                    indexed.pop(key, None)
        assert found == expected, f"STATOR_SEED={SEED}, second {second}"
        assert indexed == {key: item for key, item in expected.items() if "group" in item}
        compared += len(expected)
    assert compared > 10 * len(chosen), compared
