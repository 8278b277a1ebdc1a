"""Servers to test and clients to test them with.

STATOR_BINARY names the program. STATOR_ENDPOINT may name a server that runs already (any that
speaks the API): then what starts, stops or kills a server is skipped.
"""

import os
import sys
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from aws_cli import AwsCli
from stator_process import StatorProcess, binary

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "examples"))

ENDPOINT = os.environ.get("STATOR_ENDPOINT")

# Clients take what the tests give them, and nothing from the machine's own settings.
os.environ.update(
    AWS_ACCESS_KEY_ID="tests",
    AWS_SECRET_ACCESS_KEY="tests",
    AWS_DEFAULT_REGION="eu-west-2",
    AWS_CONFIG_FILE=os.devnull,
    AWS_SHARED_CREDENTIALS_FILE=os.devnull,
    AWS_EC2_METADATA_DISABLED="true",
    AWS_PAGER="",
)
for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_REGION"):
    os.environ.pop(name, None)


def pytest_configure(config):
    if not ENDPOINT and not binary():
        raise pytest.UsageError("set STATOR_BINARY to the built program, for instance target/release/stator")


def _serve(tmp_path_factory, name, *arguments):
    if ENDPOINT:
        yield ENDPOINT
        return
    folder = tmp_path_factory.mktemp(name)
    server = StatorProcess(*arguments, output=folder / "output.txt", data_dir=folder / "data")
    yield server.endpoint
    assert server.process.poll() is None, f"the server died: {server.printed()}"
    assert server.stop() == 0, server.printed()
    # Nothing went wrong behind the answers either.
    assert " ERROR " not in server.printed(), server.printed()


@pytest.fixture(scope="session")
def disk_endpoint(tmp_path_factory):
    yield from _serve(tmp_path_factory, "disk")


@pytest.fixture(scope="session")
def memory_endpoint(tmp_path_factory):
    yield from _serve(tmp_path_factory, "memory", "--in-memory")


@pytest.fixture(params=["disk"] if ENDPOINT else ["disk", "memory"])
def endpoint(request):
    """The same test on both stores."""
    return request.getfixturevalue(f"{request.param}_endpoint")


@pytest.fixture
def client(endpoint):
    """boto3's client; the server has no tables before and after."""
    client = boto3.client("dynamodb", endpoint_url=endpoint, config=Config(retries={"total_max_attempts": 1}))
    yield client
    _drop_tables(client)


@pytest.fixture
def dynamodb(endpoint, client):
    """boto3's resource on the same server."""
    return boto3.resource("dynamodb", endpoint_url=endpoint)


@pytest.fixture
def aws(disk_endpoint, tmp_path):
    """The AWS CLI, as somebody types it with --endpoint-url."""
    yield AwsCli(disk_endpoint, folder=tmp_path)
    _drop_tables(boto3.client("dynamodb", endpoint_url=disk_endpoint))


@pytest.fixture
def start(tmp_path):
    """Starts servers of the test's own; those that still run at its end are stopped."""
    if not binary():
        pytest.skip("needs STATOR_BINARY: this test starts and stops the server itself")
    servers = []

    def start_one(*arguments, **options):
        options.setdefault("output", tmp_path / f"output-{len(servers)}.txt")
        servers.append(StatorProcess(*arguments, **options))
        return servers[-1]

    yield start_one
    for server in servers:
        server.kill()
        assert "panic" not in server.printed(), server.printed()


def _drop_tables(client):
    for page in client.get_paginator("list_tables").paginate():
        for name in page["TableNames"]:
            client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
            client.delete_table(TableName=name)
            client.get_waiter("table_not_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
