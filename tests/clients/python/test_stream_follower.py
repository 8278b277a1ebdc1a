"""A consumer with a client library of its own follows a table through rollovers.

It sees each item's changes once, in order. STATOR_FOLLOWER_CHANGES says how many changes there are
(5,000; a hundred thousand by hand), STATOR_FOLLOWER_ROLLOVER how long a shard stays open.
"""

import json
import os
import random
import subprocess
import threading
import time
from pathlib import Path

import boto3
import pytest

from raw_http import Connection
from stator_process import binary
from stream_ledger import check_followed
from stream_reader import all_shards

FOLLOWER = Path(__file__).with_name("stream_follower.py")
# A Python that has bloop: ./test makes one.
PYTHON = os.environ.get("STATOR_FOLLOWER_PYTHON")
CHANGES = int(os.environ.get("STATOR_FOLLOWER_CHANGES", "5000"))
ROLLOVER = os.environ.get("STATOR_FOLLOWER_ROLLOVER", "1s")
ROLLOVERS = 3
WRITERS = 8
ITEMS = 20
SECONDS_MAX = 60 + CHANGES / 200

pytestmark = [
    pytest.mark.skipif(not binary(), reason="needs STATOR_BINARY"),
    pytest.mark.skipif(not PYTHON, reason="needs STATOR_FOLLOWER_PYTHON: a Python with requirements-bloop.txt"),
]


class Follower:
    """The consumer's process; `output` is the file with all that it saw."""

    def __init__(self, endpoint, output):
        self.output = output
        with open(output, "wb") as file:
            self.process = subprocess.Popen(
                [PYTHON, FOLLOWER, endpoint], stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.PIPE
            )

    def wait_until_ready(self):
        deadline = time.monotonic() + 60
        while not self.output.read_bytes():
            assert self.process.poll() is None, self.process.stderr.read().decode()
            assert time.monotonic() < deadline, "the follower has not begun"
            time.sleep(0.02)

    def read_to_end(self):
        """What it saw, by item: pairs of versions before and after; and all sequence numbers."""
        _, errors = self.process.communicate(timeout=SECONDS_MAX)
        assert self.process.returncode == 0, errors.decode()
        ready, *lines = map(json.loads, self.output.read_text().splitlines())
        assert ready == "ready"
        seen = {}
        for key, old, new, _ in lines:
            seen.setdefault(key, []).append((old, new))
        return seen, [number for *_, number in lines]

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class Writer:
    """Changes items of its own, and keeps the pairs of versions before and after."""

    def __init__(self, endpoint, number, random_source):
        self.number = number
        self.random = random_source
        self.connection = Connection(endpoint)
        self.written = {}
        self.changes = 0
        self.version = 0
        self.failure = None

    def write_until(self, is_over):
        try:
            while not is_over.is_set():
                self._step()
        except Exception as failure:
            self.failure = failure

    def _step(self):
        choice = self.random.random()
        if choice < 0.1:
            keys = self.random.sample(range(ITEMS), self.random.randrange(2, 8))
            puts = [{"PutRequest": {"Item": self._next(self._key(key))}} for key in keys]
            self._call("BatchWriteItem", {"RequestItems": {"Readings": puts}})
            return
        key = self._key(self.random.randrange(ITEMS))
        if choice < 0.25:
            if self._current(key) is not None:
                self._note(key, None)
            self._call("DeleteItem", {"TableName": "Readings", "Key": {"id": {"S": key}}})
        elif choice < 0.5:
            update = {
                "TableName": "Readings",
                "Key": {"id": {"S": key}},
                "UpdateExpression": "SET version = :version",
                "ExpressionAttributeValues": {":version": self._next(key)["version"]},
            }
            self._call("UpdateItem", update)
        else:
            self._call("PutItem", {"TableName": "Readings", "Item": self._next(key)})

    def _key(self, number):
        return f"reading-{self.number}-{number}"

    def _current(self, key):
        history = self.written.get(key)
        return history[-1][1] if history else None

    def _next(self, key):
        """The item's next version, which counts as written."""
        self.version += 1
        self._note(key, self.version)
        return {"id": {"S": key}, "version": {"N": str(self.version)}}

    def _note(self, key, version):
        self.written.setdefault(key, []).append((self._current(key), version))
        self.changes += 1

    def _call(self, operation, request):
        answer = self.connection.call(operation, request)
        assert answer.status == 200, answer.body


@pytest.mark.parametrize("shards", [1, 2])
def test_each_change_is_seen_once_and_in_order(start, tmp_path, capsys, shards):
    seed = random.randrange(1 << 32)
    server = start("--stream-shard-rollover", ROLLOVER, "--stream-shards", shards, data_dir=tmp_path / "data")
    follower = Follower(server.endpoint, tmp_path / "seen.txt")
    try:
        follower.wait_until_ready()
        client = boto3.client("dynamodb", endpoint_url=server.endpoint)
        streams = boto3.client("dynamodbstreams", endpoint_url=server.endpoint)
        stream_arn = client.describe_table(TableName="Readings")["Table"]["LatestStreamArn"]
        began = time.monotonic()
        writers = [Writer(server.endpoint, number, random.Random(seed + number)) for number in range(WRITERS)]
        write_all(writers, enough=lambda: len(all_shards(streams, stream_arn)) > ROLLOVERS * shards)
        wrote = time.monotonic() - began
        client.update_table(TableName="Readings", StreamSpecification={"StreamEnabled": False})
        seen, numbers = follower.read_to_end()
        followed = time.monotonic() - began
    finally:
        follower.kill()
    written = {key: history for writer in writers for key, history in writer.written.items()}
    described = all_shards(streams, stream_arn)
    with capsys.disabled():
        print(
            f"\nseed {seed}: {len(numbers)} changes of {len(written)} items, written in {wrote:.1f} s and followed in "
            f"{followed:.1f} s, over {len(described)} shards, {shards} open at once"
        )
    assert len(numbers) >= CHANGES
    check_followed(written, seen)
    # The rollovers were in the middle of the changes, not before or behind them.
    assert sum(holds_any(shard, numbers) for shard in described) > ROLLOVERS * shards


def write_all(writers, enough):
    """Writes at least CHANGES changes, and until it is enough; then some more by each writer."""
    is_over = threading.Event()
    threads = [threading.Thread(target=writer.write_until, args=(is_over,), daemon=True) for writer in writers]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + SECONDS_MAX

    def wait(is_reached):
        while not is_reached():
            assert time.monotonic() < deadline, "the writers do not come to an end"
            assert not any(writer.failure for writer in writers), [writer.failure for writer in writers]
            time.sleep(0.02)

    wait(lambda: sum(writer.changes for writer in writers) >= CHANGES and enough())
    goals = [writer.changes + 25 for writer in writers]
    wait(lambda: all(writer.changes >= goal for writer, goal in zip(writers, goals, strict=True)))
    is_over.set()
    for thread in threads:
        thread.join(60)
    assert not any(writer.failure for writer in writers), [writer.failure for writer in writers]


def holds_any(shard, numbers):
    numbers_of_shard = shard["SequenceNumberRange"]
    first, last = (int(numbers_of_shard[end]) for end in ("StartingSequenceNumber", "EndingSequenceNumber"))
    return any(first <= number <= last for number in numbers)
