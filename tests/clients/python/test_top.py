"""`stator top --once`: one snapshot of a running server, and what it says where there is none."""

import socket
import threading

import boto3
import pytest

from stator_process import binary, run_to_end

pytestmark = pytest.mark.skipif(not binary(), reason="needs STATOR_BINARY")


def top(endpoint):
    return run_to_end("top", "--once", "--interval", "100ms", "--endpoint", endpoint)


def test_a_snapshot_shows_tables_keys_and_the_store(start, tmp_path):
    server = start(data_dir=tmp_path / "data")
    client = boto3.client("dynamodb", endpoint_url=server.endpoint)
    client.create_table(
        TableName="Watched",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client.get_waiter("table_exists").wait(TableName="Watched", WaiterConfig={"Delay": 1})
    client.update_contributor_insights(TableName="Watched", ContributorInsightsAction="ENABLE")
    for _ in range(3):
        client.put_item(TableName="Watched", Item={"pk": {"S": "hot\x1b[31m"}})
    done = top(server.endpoint)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("Stator ") and f" at {server.endpoint}: " in lines[0]
    assert lines[2].split() == ["table", "requests/s", "p50", "p99", "RCU/s", "WCU/s", "throttles/s", "errors/s"]
    assert any(line.startswith("Watched ") for line in lines)
    # What a key holds does not steer the terminal.
    assert "Watched  hot\ufffd[31m  9 units" in lines
    assert "state       takes writes" in lines


def test_a_store_in_memory_has_nothing_to_show_of_itself(start):
    done = top(start("--in-memory").endpoint)
    assert done.returncode == 0
    assert "store" not in done.stdout


def refusal(endpoint):
    done = top(endpoint)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("stator: ") and done.stderr.count("\n") == 1
    return done.stderr


def test_it_says_where_nothing_answers():
    with socket.create_server(("127.0.0.1", 0)) as unused:
        endpoint = f"http://127.0.0.1:{unused.getsockname()[1]}"
    assert f"no Stator answers at {endpoint}" in refusal(endpoint)
    assert "is no endpoint" in refusal("127.0.0.1")
    assert "is no endpoint" in refusal("https://127.0.0.1:8000")


def test_it_says_what_is_no_stator(start):
    assert "--metrics off" in refusal(start("--in-memory", "--metrics", "off").endpoint)
    with socket.create_server(("127.0.0.1", 0)) as other:

        def answer():
            connection, _ = other.accept()
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nup 1.0")
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        assert "is no Stator" in refusal(f"http://127.0.0.1:{other.getsockname()[1]}")
        thread.join()
