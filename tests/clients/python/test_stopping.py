"""A stop finishes what has begun, and loses nothing."""

import json
import signal
import threading
import time

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from raw_http import Connection, api_headers
from tables import make_articles


@pytest.mark.parametrize("stop_signal", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("store", ["disk", "memory"])
def test_signal(start, tmp_path, store, stop_signal):
    where = {"data_dir": tmp_path / "data"} if store == "disk" else {}
    server = start(*(["--in-memory"] if store == "memory" else []), **where)
    idle = Connection(server.endpoint)
    assert idle.call("ListTables").status == 200
    began = time.monotonic()
    assert server.stop(stop_signal) == 0
    # An idle connection is not waited for.
    assert time.monotonic() - began < 5


def test_request_that_has_begun_is_answered(start, tmp_path):
    server = start(data_dir=tmp_path / "data")
    make_articles(boto3.resource("dynamodb", endpoint_url=server.endpoint))
    body = json.dumps({"TableName": "Articles", "Item": {"article_id": {"S": "late"}}}).encode()
    connection = Connection(server.endpoint)
    connection.http.putrequest("POST", "/")
    for name, value in api_headers("PutItem").items():
        connection.http.putheader(name, value)
    connection.http.putheader("Content-Length", str(len(body)))
    connection.http.endheaders(body[:10])
    time.sleep(0.2)
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    connection.http.send(body[10:])
    assert connection.http.getresponse().status == 200
    assert server.wait() == 0
    server = start(data_dir=tmp_path / "data")
    table = boto3.resource("dynamodb", endpoint_url=server.endpoint).Table("Articles")
    assert "Item" in table.get_item(Key={"article_id": "late"})


def test_stop_under_load_keeps_what_was_acknowledged(start, tmp_path):
    server = start(data_dir=tmp_path / "data")
    make_articles(boto3.resource("dynamodb", endpoint_url=server.endpoint))
    acknowledged = []

    def write(writer):
        config = Config(retries={"total_max_attempts": 1})
        client = boto3.client("dynamodb", endpoint_url=server.endpoint, config=config)
        try:
            for number in range(100_000):
                key = f"{writer}-{number}"
                client.put_item(TableName="Articles", Item={"article_id": {"S": key}})
                acknowledged.append(key)
        except BotoCoreError:
            pass

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for writer in writers:
        writer.start()
    time.sleep(0.7)
    assert server.stop() == 0
    for writer in writers:
        writer.join()
    assert acknowledged
    server = start(data_dir=tmp_path / "data")
    pages = boto3.client("dynamodb", endpoint_url=server.endpoint).get_paginator("scan")
    found = {
        item["article_id"]["S"] for page in pages.paginate(TableName="Articles") for item in page["Items"]
    }
    assert set(acknowledged) <= found
    assert len(found) <= len(acknowledged) + len(writers)
